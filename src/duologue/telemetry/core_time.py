"""What a thread of ours had of the cores: how long it ran, and how long it was ready and nobody ran it.

The kernel keeps both for each thread (/proc/thread-self/schedstat, proc_pid_schedstat(5)). What a thread took longer
than that it slept, or waited for something: a disk, a lock. A reading costs two microseconds.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CoreTime:
    """Of one thread since its start (ns): ``ran`` on a core, ``waited`` for one. Both 0 on systems that do not say."""

    ran: int = 0
    waited: int = 0

    def idle(self, before: CoreTime, passed: int) -> int:
        """How long of ``passed`` ns since ``before`` the thread wanted no core: it slept, or was kept waiting."""
        return passed - (self.ran - before.ran) - (self.waited - before.waited)


class _File:
    """The figures of the thread that makes it; -1: there are none."""

    def __init__(self) -> None:
        try:
            self.descriptor = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self.descriptor = -1

    def __del__(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)


class _Figures(threading.local):
    """The open file of each thread: what it holds ends with the thread."""

    def __init__(self) -> None:
        self.file = _File()


_figures = _Figures()


def core_time() -> CoreTime:
    """Of the thread that calls."""
    descriptor = _figures.file.descriptor
    if descriptor < 0:
        return CoreTime()
    try:
        ran, waited, _ = os.pread(descriptor, 64, 0).split()
        return CoreTime(int(ran), int(waited))
    except (OSError, ValueError):
        return CoreTime()
