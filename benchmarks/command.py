"""The command line of a benchmark that has sections: ``[--small] [SECTION…]``."""

from __future__ import annotations

import sys
from collections.abc import Collection


def asked(sections: Collection[str]) -> tuple[list[str], bool]:
    """The sections that were named (none: all are meant), and whether it is only tried out. Ends the program at a name
    that is none of ``sections``.
    """
    named = [each for each in sys.argv[1:] if each != "--small"]
    unknown = [each for each in named if each not in sections]
    if unknown:
        raise SystemExit(f"there is no section {unknown[0]!r}; there are: {', '.join(sections)}")
    return named, "--small" in sys.argv
