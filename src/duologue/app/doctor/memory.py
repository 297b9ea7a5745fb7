"""What the doctor measured last on this machine, kept so that a show can tell its headroom without measuring.

A note, not a truth: whoever reads it says that it is of the last look. What cannot be read or written is left out.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import cast

from duologue.app.doctor.headroom import Cost
from duologue.places import cache_folder

FILE = "doctor.json"


def remember(costs: Sequence[Cost], folder: Path | None = None) -> None:
    """Keep what pictures cost."""
    place = folder or cache_folder()
    with contextlib.suppress(OSError):
        place.mkdir(parents=True, exist_ok=True)
        (place / FILE).write_text(json.dumps([asdict(cost) for cost in costs]) + "\n")


def recall(width: int, height: int, fps: int, folder: Path | None = None) -> Cost | None:
    """What a picture of this size would cost, from the nearest size that was measured; None when none was."""
    try:
        costs = [_cost(each) for each in json.loads(((folder or cache_folder()) / FILE).read_text())]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return nearest(costs, width, height, fps)


def nearest(costs: Sequence[Cost], width: int, height: int, fps: int) -> Cost | None:
    """The cost of another size and rate, from the nearest of ``costs``; None when there are none."""
    if not costs:
        return None
    near = min(costs, key=lambda cost: abs(cost.width * cost.height - width * height))
    return near.scaled(width, height, fps)


def _cost(table: object) -> Cost:
    values = cast("dict[str, float]", table)
    found = Cost(
        int(values["width"]), int(values["height"]), int(values["fps"]), float(values["compose_ms"]),
        float(values["encode_ms"]),
    )  # fmt: skip
    if min(found.width, found.height, found.fps) < 1 or found.frame_ms <= 0:
        raise ValueError("a cost of nothing")
    return found
