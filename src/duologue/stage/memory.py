"""Giving memory back:

Baking frees hundreds of megabytes that the C library would otherwise keep for the process's life.
"""

from __future__ import annotations

import ctypes
import sys


def trim() -> None:
    """Return what was freed to the system (malloc_trim(3)); nothing to do where the C library is another one.

    Takes some milliseconds: call it beside the frame path.
    """
    if sys.platform == "linux":
        give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if give_back is not None:
            give_back(0)
