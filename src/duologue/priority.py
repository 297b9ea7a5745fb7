"""Who runs first when there is too little CPU: wishes to the scheduler that need no privilege, and two that do.

A nice value orders the threads of one login session. Where the kernel groups sessions (autogroup, ``sched(7)``) each
session gets an equal share whatever its threads' values are, and the session's own value stands in
``/proc/PID/autogroup``. Nothing relies on any of it: each is asked for, and what came of it is said.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

AUTOGROUP = Path("/proc/self/autogroup")
"""The session's own nice value: ``/autogroup-N nice V``; writing a number sets it."""


def usable_cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def lower_this_thread(nice: int = 10) -> None:
    """Let the calling thread run after the others of its process (``nice`` is 1…19); needs no privilege.

    On Linux a nice value belongs to a thread (``sched(7)``, "The nice value"); elsewhere nothing is done.
    """
    if sys.platform != "linux":
        return
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
    except OSError:
        pass  # already lower than that: a thread inherits its process's value, and may not raise it


def lower_this_process(nice: int = 5) -> None:
    """Let this process run after others, within its session and, where the kernel shares by session, as a session of
    its own; needs no privilege. Call it before it has other threads.
    """
    lower_this_thread(nice)
    try:
        if AUTOGROUP.exists():
            AUTOGROUP.write_text(str(nice))
    except OSError:
        pass  # refused: then it has an equal share


def raise_this_process(nice: int = -10) -> str:
    """Ask that this process run before others of its session and, where the kernel shares by session, that its session
    does before others; say in words what was granted.
    """
    granted: list[str] = []
    try:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
        granted.append(f"nice {nice}")
    except OSError:
        granted.append(f"nice {os.getpriority(os.PRIO_PROCESS, 0)} ({nice} was refused)")
    if AUTOGROUP.exists():
        try:
            AUTOGROUP.write_text(str(nice))
            granted.append(f"its session nice {nice}")
        except OSError:
            granted.append("its session an equal share (more was refused)")
    return ", ".join(granted)


def raise_child(pid: int, nice: int = -10) -> None:
    """Ask the same for a child of a session of its own, before it is ready to ask for itself (and to say what it got):
    its libraries load sooner.
    """
    try:
        os.setpriority(os.PRIO_PROCESS, pid, nice)
        if AUTOGROUP.exists():
            Path(f"/proc/{pid}/autogroup").write_text(str(nice))
    except OSError:
        pass  # refused, or the child is gone; it will say so itself
