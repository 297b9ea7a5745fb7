"""Tests of several workers side by side, and those that burn all cores alone on the machine.

Ordinary tests hold a lock that they share, the others hold it for themselves. Whoever comes passes a turnstile first,
so that one who wants the machine for itself is not overtaken by others for ever.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path
from typing import TextIO


class Machine:
    """As this process has it: with others of this user's runs, or alone. ``alone``: that it is held so now."""

    def __init__(self) -> None:
        self.alone = False
        self._lock: TextIO | None = None

    def take(self, *, alone: bool) -> None:
        """Wait for it."""
        place = Path(tempfile.gettempdir()) / f"duologue-tests-{os.getuid()}"
        with place.with_suffix(".turnstile").open("a") as turnstile:
            fcntl.flock(turnstile, fcntl.LOCK_EX)
            self._lock = place.with_suffix(".machine").open("a")
            fcntl.flock(self._lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            self.alone = alone

    def leave(self) -> None:
        """Give it back."""
        if self._lock is not None:
            self._lock.close()
        self._lock, self.alone = None, False


MACHINE = Machine()
