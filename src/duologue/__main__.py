"""``python -m duologue`` is the command ``duologue``."""

from __future__ import annotations

import sys

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended, as shells expect it."""


def main() -> None:
    """The entry point. Ctrl-C leaves no trace behind, also while the command line itself is loaded."""
    try:
        from duologue.cli.main import main as command

        command()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
