"""``make bench-phone``: what the phone line does, judged from captured packets; a section after another, or those that
are named.

``python -m benchmarks.phone [--small] [SECTION…]``; ``--small`` is for trying, and its figures count for nothing.
``soak`` (ten minutes of real time) runs only when it is named. docs/performance.md says what each row means.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks import phone_answers, phone_ears, phone_load, phone_loss, phone_scripted, phone_soak
from benchmarks.machine import say
from benchmarks.phone_house import load
from benchmarks.table import Row, show
from duologue.telemetry.log import configure

SECTIONS: dict[str, Callable[[bool], list[Row]]] = {
    "natural": phone_answers.natural_rows,
    "stages": phone_answers.stage_section,
    "old": phone_answers.old_rows,
    "models": phone_answers.model_rows,
    "knee": phone_answers.knee_rows,
    "pacing": phone_load.pacing_rows,
    "held": phone_load.held_rows,
    "setup": phone_load.setup_rows,
    "loss": phone_loss.rows,
    "scripted": phone_scripted.rows,
    "hours": phone_soak.hours_rows,
    "ears": phone_ears.rows,
    "soak": phone_soak.soak_rows,
}
NAMED_ONLY = ("soak",)


def main() -> None:
    """Run those named on the command line, or all but :data:`NAMED_ONLY`."""
    small = "--small" in sys.argv
    named = [each for each in sys.argv[1:] if each != "--small"]
    unknown = [each for each in named if each not in SECTIONS]
    if unknown:
        raise SystemExit(f"there is no section {unknown[0]!r}; there are: {', '.join(SECTIONS)}")
    configure("json", "warning")
    for name in named or [each for each in SECTIONS if each not in NAMED_ONLY]:
        say(f"{name} ({load()})")
        show(f"phone-{name}", SECTIONS[name](small))


if __name__ == "__main__":
    main()
