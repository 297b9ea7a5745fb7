"""What the TV hands to the compositor for one frame."""

from __future__ import annotations

from dataclasses import dataclass

from duologue.stage.compositor.planes import Sprite


@dataclass(frozen=True, slots=True)
class TvLight:
    """The light that the TV's picture gives: its mean brightness 0…1, and its mean chroma about grey (-0.5…0.5)."""

    level: float = 0.0
    u: float = 0.0
    v: float = 0.0


NO_LIGHT = TvLight()
"""The TV is off, or its picture is black."""


@dataclass(frozen=True, slots=True, eq=False)
class TvPicture:
    """The screen in one frame. ``sprite`` lies on the stage by its ``left`` and ``top``, both even; the same sprite is
    the same picture.
    """

    sprite: Sprite
    light: TvLight
