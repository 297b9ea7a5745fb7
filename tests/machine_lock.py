"""Tests of several workers side by side, and those that burn all cores alone on the machine.

Ordinary tests hold a lock that they share, the others hold it for themselves. Whoever comes passes a turnstile first,
so that one who wants the machine for itself is not overtaken by others for ever.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def machine(alone: bool) -> Generator[None]:
    """Hold the machine, with others of this user's runs, or alone."""
    place = Path(tempfile.gettempdir()) / f"duologue-tests-{os.getuid()}"
    with place.with_suffix(".turnstile").open("a") as turnstile, place.with_suffix(".machine").open("a") as lock:
        fcntl.flock(turnstile, fcntl.LOCK_EX)
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(turnstile, fcntl.LOCK_UN)
        yield
