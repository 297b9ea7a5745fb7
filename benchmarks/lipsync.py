"""What motion costs: planning a ten-second line, and the poses of a frame.

Run ``python -m benchmarks.lipsync``; ``rows()`` gives the same figures to the table of all benchmarks.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from benchmarks.table import Row, row, show
from duologue.audio.pcm import RATE
from duologue.speech.utterance import Mark, MarkKind, Utterance
from duologue.stage.lipsync.lipsync import mouth_track
from duologue.stage.motion.expression import score
from duologue.stage.motion.motion import Motion
from duologue.stage.timeline import SceneTimeline, TimelineUtterance

TEXT = "Maybe Bob the plumber would prefer five apples, but people love power! Really? Ha ha, I never thought so. "
SOUNDS = "m eI b i: b 0 b D @ p l V m 3 w U d p r I f 3: f aI v a p @L z b V t p i: p @L l V v p aU 3"


def line(seconds: float, name: str = "line", speaker: str = "chad") -> Utterance:
    """A line of ``seconds`` with a phoneme every 80 ms, as a quick speaker has them."""
    count = round(seconds / 0.08)
    names = SOUNDS.split()
    step = RATE * 80 // 1000
    marks = tuple(
        Mark(MarkKind.PHONEME, names[index % len(names)], index * step, (index + 1) * step, stressed=index % 4 == 1)
        for index in range(count)
    )
    samples = np.random.default_rng(1).normal(0, 0.1, count * step).astype(np.float32)
    return Utterance(name, speaker, TEXT, samples, RATE, marks, "espeak")


def timed(run: Callable[[int], object], count: int) -> list[float]:
    """Milliseconds of each of ``count`` runs."""
    taken: list[float] = []
    for index in range(count):
        begun = time.perf_counter_ns()
        run(index)
        taken.append((time.perf_counter_ns() - begun) / 1e6)
    return taken


def _rows(what: str, taken: list[float]) -> list[Row]:
    p50, p99 = (float(np.percentile(taken, part)) for part in (50, 99))
    return [row(f"{what}, {name}", value, "ms") for name, value in (("p50", p50), ("p99", p99), ("max", max(taken)))]


def rows() -> list[Row]:
    """p50, p99 and max of each operation."""
    ten = line(10.0)
    bare = replace(ten, marks=(), alphabet="")
    timeline = SceneTimeline()
    motion = Motion(7)
    for index in range(8):
        spoken = line(10.0, f"line {index}", ("chad", "virgin")[index % 2])
        motion.plan(spoken)
        timeline.add(TimelineUtterance(spoken, index % 2, index * 10 * RATE + RATE // 4))
    return [
        *_rows("lip sync of a 10 s line, from phonemes", timed(lambda _: mouth_track(ten), 200)),
        *_rows("lip sync of a 10 s line, from the sound alone", timed(lambda _: mouth_track(bare), 200)),
        *_rows("expression and emphasis of a 10 s line", timed(lambda _: score(ten, 7), 200)),
        *_rows("poses of a frame, two characters", timed(lambda frame: motion.poses(frame * 1600, timeline), 2400)),
    ]


if __name__ == "__main__":
    show("lipsync", rows())
