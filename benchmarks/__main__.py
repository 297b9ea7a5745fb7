"""``make bench``: every benchmark in turn, its table printed and written to ``benchmarks/out``."""

from __future__ import annotations

import importlib
import sys

from benchmarks.table import show

BENCHMARKS = ("compose", "lipsync", "tutor", "events", "ledger", "evidence", "silences", "start", "show", "contend")


def main() -> None:
    """Run those named on the command line, or all."""
    for name in sys.argv[1:] or BENCHMARKS:
        show(name, importlib.import_module(f"benchmarks.{name}").rows())


if __name__ == "__main__":
    main()
