"""``make bench-page``: the Talk page in Chromium and the sockets behind it, with real clocks; a section after another,
or those that are named.

``python -m benchmarks.page [--small] [SECTION…]``; ``--small`` is for trying, and its figures count for nothing.
docs/performance.md says what each row means.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

from benchmarks.command import asked
from benchmarks.machine import load, say
from benchmarks.page import crowd, old, silence, spoken, visit
from benchmarks.realtime import __main__ as realtime
from benchmarks.sleeper import sleeper
from benchmarks.table import Row, row, show
from duologue.clock import SECOND, SYSTEM_CLOCK
from duologue.telemetry.log import configure

SECTIONS: dict[str, Callable[[bool], list[Row]]] = {
    "old": old.rows,
    "spoken": spoken.rows,
    "gaps": silence.gap_rows,
    "silence": silence.rows,
    "typed": crowd.typed_rows,
    "knee": crowd.knee_rows,
    "realtime": realtime.rows,
    "load": visit.rows,
}


def main() -> None:
    """Run those named on the command line, or all."""
    named, small = asked(SECTIONS)
    configure("json", "warning")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # what was started is ended too
    for name in named or SECTIONS:
        say(f"{name} ({load()})")
        began = SYSTEM_CLOCK.now()
        with sleeper() as stalls:
            made = SECTIONS[name](small)
        beside = f"a bare sleeper's worst wake-up {stalls.worst_ms:.0f} ms, {load()}"
        show(
            f"page-{name}", [*made, row(f"{name}: all of it took", (SYSTEM_CLOCK.now() - began) / SECOND, "s", beside)]
        )


if __name__ == "__main__":
    main()
