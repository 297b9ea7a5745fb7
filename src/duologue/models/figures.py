"""What a model costs on this machine, measured when it was fetched and kept beside it. Never measured on air."""

from __future__ import annotations

import json
import platform
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from duologue.models.fetching import disk_trouble
from duologue.priority import usable_cores

FILE = "measured.json"
REVISION = 2
"""Raised when an engine of ours runs a model in another way: older figures count no more, and are taken anew."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a voice: ``first_sound_ms`` of a short sentence, and ``factor``, the time that a longer one took over its
    length. Of ears: ``final_ms`` from the end of a turn to its final words, the slowest of some. Of both: ``memory_mb``
    of who runs it. ``machine`` is where that was.

    What was not measured is None; ``trouble`` says why nothing could be, ``note`` what a person should know of how it
    runs.
    """

    machine: str
    first_sound_ms: float | None = None
    factor: float | None = None
    final_ms: float | None = None
    memory_mb: float | None = None
    trouble: str = ""
    note: str = ""


def this_machine() -> str:
    """What figures hold for: the processor, and how many of its cores we may use."""
    cores = usable_cores()
    return f"{_processor() or platform.machine()}, {cores} cores"


def _processor() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in told.splitlines() if line.startswith("model name")), "")


def keep(folder: Path, figures: Figures) -> None:
    """Write them beside a model, whole or not at all. Raises :class:`~duologue.errors.PeerError`."""
    made = folder / f"{FILE}.new"
    try:
        made.write_text(json.dumps({"revision": REVISION, **asdict(figures)}, indent=2) + "\n", "utf-8")
        made.replace(folder / FILE)
    except OSError as error:
        with suppress(OSError):
            made.unlink(missing_ok=True)
        raise disk_trouble(error, f"what {folder.name} costs here") from error


def read(folder: Path, machine: str = "") -> Figures | None:
    """Those of a model, if they were taken on ``machine`` (empty: this one) and in the present way; None otherwise."""
    try:
        told = TypeAdapter(dict[str, Any]).validate_json((folder / FILE).read_bytes())
        if told.pop("revision", 1) != REVISION:
            return None
        found = TypeAdapter(Figures).validate_python(told)
    except (OSError, ValidationError):
        return None
    return found if found.machine == (machine or this_machine()) else None
