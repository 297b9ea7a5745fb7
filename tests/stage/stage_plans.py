"""The shipped stage, small, for tests that need packs on disk and a cache of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from duologue.places import packs_folder
from duologue.stage.baking.bake import BakedStage
from duologue.stage.compositor.planes import Sprite
from duologue.stage.frames import Plane
from duologue.stage.messages import Seated, StagePlan
from duologue.stage.motion.pose import Daylight, Lights

EVENING = Lights()
NIGHT = Lights(Daylight.NIGHT, lamp=False)


def plan(cache: Path | None, *, packs: Path | None = None, lights: Lights = EVENING) -> StagePlan:
    """A plan for two characters in the living room at 320x180."""
    folder = packs or packs_folder()
    cast = tuple(Seated(name, folder / "characters" / name, name, "#ffffff") for name in ("chad", "virgin"))
    return StagePlan(
        room=folder / "rooms" / "living-room", cast=cast, width=320, height=180, fps=30, seed=1, encoder="libx264",
        bitrate=500, lead=0.5, lights=lights, captions=False, test_card=False, cache=cache,
    )  # fmt: skip


def sprites(stage: BakedStage) -> Iterator[Sprite]:
    """All that is drawn, in one order."""
    yield from (sprite for sprite in (stage.screen_overlay, stage.foreground) if sprite is not None)
    for character in stage.cast:
        yield from character.body.sprites
        for part in character.turned:
            yield from part.sprites


def planes(stage: BakedStage) -> Iterator[Plane]:
    """All bytes of a stage, in one order."""
    yield stage.backdrop
    if stage.glow is not None:
        yield from (stage.glow.luma, stage.glow.chroma)
    for sprite in sprites(stage):
        yield from (sprite.luma, sprite.keep, sprite.u, sprite.v, sprite.chroma_keep)
