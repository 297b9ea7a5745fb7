"""``make bench-voice``: the voice core beside its peers, a table for each section, printed when it is done and written
to ``benchmarks/out/voice-SECTION.json``.

Name sections on the command line to run only those.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks.table import Row, show
from benchmarks.voice import embedded, engines, far, rows, spoken, structured

SECTIONS: dict[str, Callable[[], list[Row]]] = {
    "reply": rows.reply_rows,
    "listen": rows.listen_rows,
    "interrupt": rows.interrupt_rows,
    "far": far.rows,
    "endpoint": rows.endpoint_rows,
    "engines": engines.rows,
    "structured": structured.rows,
    "embedded": embedded.rows,
    "spoken": spoken.rows,
}


def main() -> None:
    """Run the sections that were named, or all."""
    for name in sys.argv[1:] or SECTIONS:
        show(f"voice-{name}", SECTIONS[name]())


if __name__ == "__main__":
    main()
