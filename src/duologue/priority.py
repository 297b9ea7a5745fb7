"""What may wait makes way: a thread's own share of the processor, beside the threads that a frame needs."""

from __future__ import annotations

import contextlib
import os
import sys
import threading


def lower_this_thread(nice: int = 10) -> None:
    """Lower the calling thread alone to this nice value, 0 … 19; no privilege is needed.

    It is a wish: where the system refuses, or knows no priority of a single thread, the thread goes on as it was.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
