"""What a model costs on this machine, measured when it was fetched and kept beside it, or apart from it where that
folder may only be read. Never measured on air.
"""

from __future__ import annotations

import errno
import json
import platform
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from duologue.models.fetching import disk_trouble
from duologue.places import figures_folder
from duologue.priority import usable_cores

FILE = "measured.json"
REVISION = 2
"""Raised when an engine of ours runs a model in another way: older figures count no more, and are taken anew."""

_NOT_OURS = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


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
    """Write them beside a model, or where that may only be read into
    :func:`~duologue.places.figures_folder`; whole or not at all. Raises :class:`~duologue.errors.PeerError`.
    """
    beside, apart = _places(folder)
    try:
        try:
            _write(beside, figures)
            apart.unlink(missing_ok=True)
        except OSError as error:
            if error.errno not in _NOT_OURS:
                raise
            apart.parent.mkdir(parents=True, exist_ok=True)
            _write(apart, figures)
    except OSError as error:
        raise disk_trouble(error, f"what {folder.name} costs here") from error


def read(folder: Path, machine: str = "") -> Figures | None:
    """Those of a model, if they were taken on ``machine`` (empty: this one) and in the present way; None otherwise."""
    return next((found for found in _kept(folder) if found.machine == (machine or this_machine())), None)


def machines(folder: Path) -> tuple[str, ...]:
    """Where those were taken that are kept of a model."""
    return tuple(found.machine for found in _kept(folder))


def _places(folder: Path) -> tuple[Path, Path]:
    """Beside the model, and apart from it."""
    return folder / FILE, figures_folder() / f"{folder.name}.json"


def _kept(folder: Path) -> Iterator[Figures]:
    """What is kept of a model and was taken in the present way."""
    for place in _places(folder):
        with suppress(OSError, ValidationError):
            told = TypeAdapter(dict[str, Any]).validate_json(place.read_bytes())
            if told.pop("revision", 1) == REVISION:
                yield TypeAdapter(Figures).validate_python(told)


def _write(place: Path, figures: Figures) -> None:
    made = place.with_name(f"{place.name}.new")
    try:
        made.write_text(json.dumps({"revision": REVISION, **asdict(figures)}, indent=2) + "\n", "utf-8")
        made.replace(place)
    except OSError:
        with suppress(OSError):
            made.unlink(missing_ok=True)
        raise
