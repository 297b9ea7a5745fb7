"""The show on a machine that is taken away from it bit by bit.

Run ``python -m benchmarks.contend [SECTION…] [--seconds N]``.

Each row is told by the prover from outside, in a login session of its own, and by the show's own counters. 300 seconds
are the official length, 60 those of ``make bench``. ``BASELINE=FOLDER``, an older clone of the project, sets that one's
figures beside ours in the same run. Shows are not given the higher priority that root's would get; ``PRIVILEGED=1``
gives it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from benchmarks.contend import curve, memory, scenes, stalls
from benchmarks.machine import say
from benchmarks.show import cues
from benchmarks.table import Row, show

SECONDS = 60.0
"""Of the stream, in each scene."""

SECTIONS: dict[str, Callable[[float], list[Row]]] = {
    "loops": scenes.loops_rows,
    "chromium": scenes.chromium_rows,
    "engine": scenes.engine_rows,
    "many": scenes.many_rows,
    "core": scenes.core_rows,
    "curve": lambda seconds: curve.rows(seconds / 2),
    "memory": memory.rows,
    "cues": lambda seconds: cues(),
    "stalls": lambda seconds: stalls.rows(),
}


def rows(sections: tuple[str, ...] = (), seconds: float = SECONDS) -> list[Row]:
    """The sections named, or all but the cues, which are among the figures of the show; each is printed in its turn."""
    table: list[Row] = []
    for name in sections or tuple(name for name in SECTIONS if name != "cues"):
        say(f"{name}:")
        found = SECTIONS[name](seconds)
        show(f"contend-{name}", found)
        table += found
    return table


def main() -> None:
    """Run the sections that were named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contend")
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="by default all")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of the stream, in each scene")
    given = parser.parse_args()
    rows(tuple(given.sections), given.seconds)


if __name__ == "__main__":
    main()
