"""What composing a 1080p frame costs, operation by operation, beside sharp and ffmpeg on the same layers in one run.

Run ``python -m benchmarks.compose``; ``rows()`` gives the figures to the table of all benchmarks. One thread, as on
air. Times are by the wall; where a peer is beside it CPU time is compared as well, which a busy machine spoils less.
"""

from __future__ import annotations

import contextlib
import math
import tempfile
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from benchmarks.compose.peers import export, ffmpeg_cpu, overlays_of, sharp_times
from benchmarks.sleeper import sleeper
from benchmarks.table import Row, row, show
from duologue.places import packs_folder
from duologue.stage.baking.art import CharacterArt, RoomArt
from duologue.stage.baking.bake import BakedStage, bake_stage
from duologue.stage.captions.press import CaptionPress
from duologue.stage.compositor.compositor import Compositor
from duologue.stage.frames import FrameRing
from duologue.stage.motion.pose import Brows, CaptionState, CaptionWord, Daylight, FrameState, Lids, Lights, Mouth, Pose
from duologue.stage.packs.loading import load_character, load_room
from duologue.stage.television.player import FilmPlayer

WIDTH, HEIGHT, FPS = 1920, 1080, 30
FRAMES = 400
WORDS = "Listen, nobody ever lost an argument that he did not remember, and that is the point of it all."
REST = (Pose(), Pose())


@dataclass(frozen=True, slots=True)
class Setting:
    """A stage ready to be drawn, and what it was made of."""

    room: RoomArt
    cast: list[CharacterArt]
    baked: BakedStage
    night: BakedStage
    bake_ms: float


def setting() -> Setting:
    """The house's own room and cast, at 1080p."""
    packs = packs_folder()
    cache = Path(tempfile.gettempdir()) / "duologue-bench"
    room = load_room(packs / "rooms" / "living-room", WIDTH, HEIGHT, cache=cache)
    cast = [
        load_character(packs / "characters" / name, scale=seat.scale, mirror=seat.mirror, cache=cache)
        for name, seat in zip(("chad", "virgin"), room.seats, strict=False)
    ]
    began = time.perf_counter_ns()
    baked = bake_stage(room, cast, Lights())
    spent = (time.perf_counter_ns() - began) / 1e6
    return Setting(room, cast, baked, bake_stage(room, cast, Lights(Daylight.NIGHT, lamp=False)), spent)


def moving(number: int, seat: int) -> Pose:
    """Speech with all that can move moving: every layer is drawn at a new place in every frame."""
    t = number / FPS + 1.7 * seat
    return Pose(
        mouth=list(Mouth)[(number // 2 + seat) % 9],
        lids=list(Lids)[number % 3] if number % 40 < 9 else Lids.OPEN,
        brows=list(Brows)[number // 15 % 4],
        gaze=(math.sin(3 * t), math.cos(2 * t) / 2),
        head_angle=3.5 * math.sin(2 * t),
        head=(4 * math.sin(1.3 * t), 3 * math.cos(1.1 * t)),
        body=(2 * math.sin(0.7 * t), 3 * math.sin(1.5 * t)),
    )


def caption(lit: int) -> CaptionState:
    """A full page with ``lit`` of its words lit."""
    words = WORDS.split()
    return CaptionState("chad", tuple(CaptionWord(word, n < lit % (len(words) + 1)) for n, word in enumerate(words)))


def states(what: str) -> Iterator[FrameState]:
    """Frames in which only one thing happens."""
    shapes, lids = list(Mouth)[:9], list(Lids)
    for n in range(FRAMES):
        state = FrameState(n, REST)
        match what:
            case "mouth":
                yield replace(state, poses=(Pose(mouth=shapes[n % 9]), Pose()))
            case "blink":
                yield replace(state, poses=(Pose(lids=lids[n % 3]), Pose()))
            case "breath":
                yield replace(state, poses=(Pose(body=(0, n % 24 / 4)), Pose(body=(0, -(n % 24) / 4))))
            case "speech":
                yield replace(state, poses=(moving(n, 0), moving(n, 1)))
            case "caption":
                yield replace(state, caption=caption(n))
            case _:
                yield state


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds of each frame by the wall, and the mean CPU milliseconds of a frame (this thread)."""

    frames: list[float]
    cpu: float


def timed(compositor: Compositor, what: str, tv: FilmPlayer | None = None) -> Spent:
    """Compose and publish; the pictures of the TV are ready before the clock starts, as on air."""
    spent: list[float] = []
    cpu = 0
    ring = FrameRing(compositor.canvas, 5)
    for state in states(what):
        picture = None if tv is None else tv.picture(state.number)
        began, began_cpu = time.perf_counter_ns(), time.thread_time_ns()
        ring.publish(compositor.compose(state, picture))
        cpu += time.thread_time_ns() - began_cpu
        spent.append((time.perf_counter_ns() - began) / 1e6)
    return Spent(spent[5:], cpu / 1e6 / FRAMES)


def quantile(values: list[float], share: float) -> float:
    """The value below which this share lies."""
    return float(np.quantile(values, share))


def three(what: str, spent: list[float]) -> list[Row]:
    """p50, p99 and max."""
    return [
        row(f"{what}, p50", quantile(spent, 0.5), "ms"),
        row(f"{what}, p99", quantile(spent, 0.99), "ms"),
        row(f"{what}, max", max(spent), "ms"),
    ]


def beside(what: str, ours: Spent, stage: Setting, tv: FilmPlayer | None) -> list[Row]:
    """Ours beside the peers on the same layers: by the wall (p50), and in CPU time (mean)."""
    p50 = quantile(ours.frames, 0.5)
    table = three(what, ours.frames)

    def against(name: str, value: float, cost: float, kind: str) -> None:
        table.append(row(f"{what}, {kind}", value, "ms", f"{name}: {cost:.1f} ms", cost / value))

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export(stage.room, overlays_of(stage.room, stage.cast, None if tv is None else tv.picture(0)), folder)
        sharp = sharp_times(folder, 25)
        if sharp is not None:
            against(f"sharp {sharp.version}, JPEG to JPEG", p50, quantile(sharp.jpeg, 0.5), "p50")
            against(f"sharp {sharp.version}, raw to raw", p50, quantile(sharp.raw, 0.5), "p50")
            against(f"sharp {sharp.version}, JPEG to JPEG", ours.cpu, sharp.jpeg_cpu, "CPU")
            against(f"sharp {sharp.version}, raw to raw", ours.cpu, sharp.raw_cpu, "CPU")
        for turning, label in ((True, "heads turning"), (False, "whole-pixel moves only")):
            chain = ffmpeg_cpu(folder, turning=turning)
            if chain is not None:
                against(f"ffmpeg overlays, {label}", ours.cpu, chain, "CPU")
    return table


def relight(stage: Setting, compositor: Compositor) -> list[float]:
    """Milliseconds of the frame in which a new light is swapped in."""
    spent: list[float] = []
    for n in range(40):
        compositor.relight((stage.night, stage.baked)[n % 2])
        began = time.perf_counter_ns()
        compositor.compose(FrameState(n, (moving(n, 0), moving(n, 1))))
        spent.append((time.perf_counter_ns() - began) / 1e6)
    return spent


@contextlib.contextmanager
def playing(stage: Setting, film: Path) -> Generator[FilmPlayer]:
    """The film on the room's TV."""
    assert stage.room.screen is not None
    television = FilmPlayer(film, stage.room.screen, fps=FPS, blocking=True)
    try:
        television.opened(wait=True)
        yield television
    finally:
        television.close()


def film_decode(stage: Setting, film: Path) -> list[float]:
    """Milliseconds a picture of the TV takes in its own thread: decode, scale, perspective."""
    spent: list[float] = []
    with playing(stage, film) as television:
        for n in range(1, 200):
            began = time.perf_counter_ns()
            television.picture(n)
            spent.append((time.perf_counter_ns() - began) / 1e6)
    return spent[10:]


def rows() -> list[Row]:
    """Measure everything; about 20 s."""
    cv2.setNumThreads(1)
    with sleeper() as stalls:
        table = _measure()
    return [*table, row("a bare sleeper beside it woke late by at most", stalls.worst_ms, "ms")]


def _measure() -> list[Row]:
    stage = setting()
    table = [row("bake of a light (background)", stage.bake_ms, "ms"), row("baked stage", stage.baked.size / 1e6, "MB")]
    press = CaptionPress(WIDTH, HEIGHT)
    press.page(caption(0))

    def fresh() -> Compositor:
        return Compositor(stage.baked, FPS, captions=press)

    names = {
        "idle": "idle frame",
        "mouth": "mouth change",
        "blink": "blink",
        "breath": "breath of both",
        "caption": "caption word",
    }
    for what, label in names.items():
        table += three(label, timed(fresh(), what).frames)
    table += beside("two speak, all motion", timed(fresh(), "speech"), stage, None)
    film = packs_folder() / "films" / "fish-tank.mp4"
    with playing(stage, film) as television:
        table += three("TV", timed(fresh(), "tv", television).frames)
    with playing(stage, film) as television:
        table += beside("TV, its light, and speech", timed(fresh(), "speech", television), stage, television)
    table += three("film: decode and warp (own thread)", film_decode(stage, film))
    table += three("frame of a light change", relight(stage, fresh()))
    return table


if __name__ == "__main__":
    show("compose", rows())
