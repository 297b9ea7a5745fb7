"""How many examples a property is tried with: as many as it asks for, and few in ``make quick``."""

from __future__ import annotations

import os

FEW = 15


def examples(count: int) -> int:
    """``count``, or :data:`FEW` where the environment's ``HYPOTHESIS_FEW`` is set."""
    return min(count, FEW) if "HYPOTHESIS_FEW" in os.environ else count
