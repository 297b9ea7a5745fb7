"""``make bench-natural``: what the natural ears and voice do, a section after another, or those that are named.

``python -m benchmarks.natural [--small] [SECTION…]``; ``--small`` is for trying, and its figures count for nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.command import asked
from benchmarks.natural import ears, endings, interruptions, three, turns, voice
from benchmarks.table import Row, row, show
from duologue.clock import SECOND, SYSTEM_CLOCK

SECTIONS: dict[str, Callable[[bool], list[Row]]] = {
    "ears": lambda small: ears.rows(),
    "voice": lambda small: voice.rows(),
    "endings": endings.rows,
    "turns": turns.rows,
    "interruptions": interruptions.rows,
    "three": three.rows,
}


def main() -> None:
    """Run those named on the command line, or all."""
    named, small = asked(SECTIONS)
    for name in named or SECTIONS:
        began = SYSTEM_CLOCK.now()
        made = SECTIONS[name](small)
        show(f"natural-{name}", [*made, row(f"{name}: all of it took", (SYSTEM_CLOCK.now() - began) / SECOND, "s")])


if __name__ == "__main__":
    main()
