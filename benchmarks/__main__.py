"""``make bench``: every benchmark in turn, its table printed and written to ``benchmarks/out``.

``python -m benchmarks [NAME…]``: a module here that has ``rows()``, or one of a room (``natural.ears``).
"""

from __future__ import annotations

import importlib
import sys

from benchmarks.table import show

BENCHMARKS = ("compose", "lipsync", "tutor", "events", "ledger", "evidence", "silences", "start", "show", "contend")


def main() -> None:
    """Run those named on the command line, or all."""
    for name in sys.argv[1:] or BENCHMARKS:
        module = importlib.import_module(f"benchmarks.{name}")
        if hasattr(module, "__path__"):  # a room: its command has the rows
            module = importlib.import_module(f"benchmarks.{name}.__main__")
        show(name.replace(".", "-"), module.rows())


if __name__ == "__main__":
    main()
