"""The compositor: a frame is the frame before it with the damage redrawn, in place, in the encoder's own colour space.

:meth:`Compositor.compose` compares what is to be seen with what was drawn last, slot by slot, and redraws the
rectangles in which they differ: the backdrop is copied back, then every layer that reaches into the rectangle is
blended over it, clipped to it. Each pixel is a function of the state alone (no operation looks at its neighbours
across the clip), so the canvas is the same bytes whatever was drawn before; the tests hold that against a canvas
drawn from nothing.

Drawn bottom first: backdrop, the TV's picture, the glass over it, the characters in seat order, the foreground, the
TV's light on all of these, the caption.
"""

from __future__ import annotations

import numpy as np

from duologue.errors import InternalError
from duologue.stage.baking.bake import BakedStage
from duologue.stage.captions.press import CaptionPress, CaptionView
from duologue.stage.compositor.brush import Brush
from duologue.stage.compositor.placing import QUARTERS, PlacedSprite, Slots, place
from duologue.stage.compositor.planes import Sprite, islands
from duologue.stage.frames import Damage, Plane, Rect, copy_rect, damage_of, intersection, merge, split_planes
from duologue.stage.motion.pose import FrameState, Pose
from duologue.stage.television.picture import NO_LIGHT, TvPicture


def _in_place(sprite: Sprite) -> PlacedSprite:
    """A sprite whose anchor is the stage's corner."""
    return PlacedSprite(sprite, QUARTERS * sprite.left, QUARTERS * sprite.top)


class Compositor:
    """Draws one stage. Not thread-safe; give it to one thread, and call ``cv2.setNumThreads(1)`` in its process.

    :attr:`canvas` is the picture: uint8, shape ``(height * 3 // 2, width)``, I420. Read it between two calls.
    """

    def __init__(self, baked: BakedStage, fps: int = 30, *, captions: CaptionPress | None = None) -> None:
        self.fps = fps
        width, height = baked.width, baked.height
        self.canvas: Plane = np.empty((height * 3 // 2, width), np.uint8)
        self._planes = split_planes(self.canvas, width, height)
        self._whole: Rect = (0, 0, width, height)
        self._room = split_planes(np.empty_like(self.canvas), width, height)
        self._brush, self._room_brush = Brush(self._planes), Brush(self._room)
        self._caption = CaptionView(captions or CaptionPress(width, height))
        self._shown: Sprite | None = None
        self._screen: PlacedSprite | None = None
        self._light = NO_LIGHT
        self.changed = ""
        """What the newest frame changed beside the cast: `tv`, `caption`, or `tv+caption`."""
        self._use(baked)

    def _use(self, baked: BakedStage) -> None:
        self._baked = baked
        self._backdrop = split_planes(baked.backdrop, baked.width, baked.height)
        self._glass = None if baked.screen_overlay is None else _in_place(baked.screen_overlay)
        copy_rect(self._backdrop, self._room, self._whole)
        self._draw_screen(self._whole)
        self._foreground = [] if baked.foreground is None else [_in_place(part) for part in islands(baked.foreground)]
        self._poses: tuple[Pose, ...] = ()
        self._slots: list[Slots] = [() for _ in baked.cast]
        self._fresh = True

    def relight(self, baked: BakedStage) -> None:
        """Draw with another bake of the same stage from the next frame on; that frame is damaged all over.

        Raises :class:`InternalError` for a bake of another size.
        """
        if (baked.width, baked.height) != (self._baked.width, self._baked.height):
            raise InternalError(f"a bake of {baked.width}x{baked.height} for a stage of another size")
        self._use(baked)

    def compose(self, state: FrameState, tv: TvPicture | None = None) -> Damage:
        """Bring :attr:`canvas` to ``state``, with ``tv`` on the TV's screen. Returns what was redrawn.

        Raises :class:`InternalError` when there are not as many poses as characters.
        """
        cast, film, caption = self._move_cast(state.poses), self._change_tv(tv), self._caption.show(state.caption)
        self.changed = "tv+caption" if film and caption else "tv" if film else "caption" if caption else ""
        rects = [*cast, *film, *caption]
        if self._fresh:
            rects = [self._whole]
            self._fresh = False
        damage = damage_of(rect for rect in (intersection(rect, self._whole) for rect in rects) if rect is not None)
        for rect in damage.rects:
            self._draw(rect)
        return damage

    def _move_cast(self, poses: tuple[Pose, ...]) -> list[Rect]:
        baked, rects = self._baked, list[Rect]()
        if len(poses) != len(baked.cast):
            raise InternalError(f"{len(poses)} poses for {len(baked.cast)} characters")
        for seat, pose in enumerate(poses):
            if self._poses and pose == self._poses[seat]:
                continue
            slots, seen = place(baked.cast[seat], pose, baked.scale), self._slots[seat]
            for slot, placed in enumerate(slots):
                old = seen[slot] if seen else None
                if placed != old:
                    rects.extend(each.bounds for each in (placed, old) if each is not None)
            self._slots[seat] = slots
        self._poses = poses
        return rects

    def _change_tv(self, tv: TvPicture | None) -> list[Rect]:
        rects: list[Rect] = []
        sprite = None if tv is None else tv.sprite
        if sprite is not self._shown:
            screen = None if sprite is None else _in_place(sprite)
            changed = [each.bounds for each in (screen, self._screen) if each is not None]
            self._shown, self._screen = sprite, screen
            for rect in merge(clip for each in changed if (clip := intersection(each, self._whole)) is not None):
                self._draw_screen(rect)
            rects += changed
        light = NO_LIGHT if tv is None else tv.light
        if light != self._light:
            self._light = light
            if self._baked.glow is not None:
                rects.append(self._baked.glow.rect)
        return rects

    def _draw_screen(self, rect: Rect) -> None:
        """Bring the picture of the room without its people up to date; it changes with the TV's picture alone."""
        copy_rect(self._backdrop, self._room, rect)
        for placed in (self._screen, self._glass):
            if placed is not None:
                self._room_brush.blend(placed, rect)

    def _draw(self, rect: Rect) -> None:
        copy_rect(self._room, self._planes, rect)
        brush = self._brush
        for slots in self._slots:
            for placed in slots:
                if placed is not None:
                    brush.blend(placed, rect)
        for placed in self._foreground:
            brush.blend(placed, rect)
        if self._baked.glow is not None and self._light != NO_LIGHT:
            brush.shine(self._baked.glow, self._light, rect)
        if self._caption.placed is not None:
            brush.blend(self._caption.placed, rect)
