"""``make bench-phone``: what the phone line does, judged from captured packets; a section after another, or those that
are named.

``python -m benchmarks.phone [--small] [SECTION…]``; ``--small`` is for trying, and its figures count for nothing.
``soak`` (ten minutes of real time) runs only when it is named. A section that measured nothing is a failure: the
others go on, and the program ends with 1. docs/performance.md says what each row means.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable

from benchmarks.command import asked
from benchmarks.machine import load, say
from benchmarks.phone import answers, contend, crowd, ears, killed, loss, scripted, soak
from benchmarks.table import LeftOutError, Row, refuse_nothing, show
from duologue.errors import in_words
from duologue.telemetry.log import configure

SECTIONS: dict[str, Callable[[bool], list[Row]]] = {
    "natural": answers.natural_rows,
    "stages": answers.stage_section,
    "old": answers.old_rows,
    "models": answers.model_rows,
    "knee": answers.knee_rows,
    "pacing": crowd.pacing_rows,
    "held": crowd.held_rows,
    "setup": crowd.setup_rows,
    "killed": killed.rows,
    "contend": contend.rows,
    "loss": loss.rows,
    "scripted": scripted.rows,
    "hours": soak.hours_rows,
    "ears": ears.rows,
    "soak": soak.soak_rows,
}
NAMED_ONLY = ("soak",)


def measure(name: str, small: bool) -> str:
    """Run one section and show it; why it has no whole table ("": it has). Raises :class:`LeftOutError`."""
    try:
        rows = SECTIONS[name](small)
        if rows:
            show(f"phone-{name}", rows)
        refuse_nothing(rows)
    except LeftOutError:
        raise
    except SystemExit as failure:
        return f"{name}: {failure}"
    except Exception as error:
        traceback.print_exc()
        return f"{name}: {in_words(error)}"
    return ""


def main() -> None:
    """Run those named on the command line, or all but :data:`NAMED_ONLY`."""
    named, small = asked(SECTIONS)
    configure("json", "warning")
    failed: list[str] = []
    for name in named or [each for each in SECTIONS if each not in NAMED_ONLY]:
        say(f"{name} ({load()})")
        try:
            failed += filter(None, [measure(name, small)])
        except LeftOutError as error:
            say(f"{name} is left out: {error}")
            failed += [f"{name} is left out: {error}"] if named else []
    if failed:
        raise SystemExit("\n".join(failed))


if __name__ == "__main__":
    main()
