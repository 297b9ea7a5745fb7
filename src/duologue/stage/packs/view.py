"""Where a pack's canvas lies in the output: the one mapping that every layer and every point of a pack goes through."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class View:
    """A canvas scaled to ``full`` pixels, of which the window ``size`` at ``offset`` is shown, then mirrored if asked.

    All are ``(horizontal, vertical)``. The scale is exactly ``full / canvas`` on each axis.
    """

    canvas: tuple[int, int]
    full: tuple[int, int]
    offset: tuple[int, int]
    size: tuple[int, int]
    mirror: bool = False

    @classmethod
    def scaled(cls, canvas: tuple[int, int], scale: float, mirror: bool = False) -> View:
        """All of the canvas at ``scale``."""
        full = (max(1, round(canvas[0] * scale)), max(1, round(canvas[1] * scale)))
        return cls(canvas, full, (0, 0), full, mirror)

    @classmethod
    def cover(cls, canvas: tuple[int, int], size: tuple[int, int]) -> View:
        """The canvas over all of ``size``: as it is where the shapes agree within 1 %, else cropped on both sides."""
        across, down = size[0] / canvas[0], size[1] / canvas[1]
        if abs(across / down - 1) <= 0.01:
            return cls(canvas, size, (0, 0), size)
        scale = max(across, down)
        full = (max(size[0], round(canvas[0] * scale)), max(size[1], round(canvas[1] * scale)))
        return cls(canvas, full, ((full[0] - size[0]) // 2, (full[1] - size[1]) // 2), size)

    @property
    def cropped(self) -> bool:
        """Whether less than the canvas is shown."""
        return self.size != self.full

    @property
    def scale(self) -> tuple[float, float]:
        """Output pixels per canvas unit."""
        return (self.full[0] / self.canvas[0], self.full[1] / self.canvas[1])

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A point of the canvas in the output."""
        across, down = x * self.scale[0] - self.offset[0], y * self.scale[1] - self.offset[1]
        return (self.size[0] - across if self.mirror else across, down)

    def reduced(self, longest: int) -> View:
        """The same window, not mirrored, at most ``longest`` pixels long: for finding what is visible."""
        shrink = min(1.0, longest / max(self.size))
        full = (max(1, round(self.full[0] * shrink)), max(1, round(self.full[1] * shrink)))
        size = (max(1, round(self.size[0] * shrink)), max(1, round(self.size[1] * shrink)))
        offset = (round(self.offset[0] * shrink), round(self.offset[1] * shrink))
        return View(self.canvas, full, offset, size)
