"""Where files live: what ships with us, and what we may write."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

from duologue.errors import InputError


def packs_folder() -> Path:
    """The packs that ship."""
    return _shipped("packs")


def scenarios_folder() -> Path:
    """The scenarios that ship."""
    return _shipped("scenarios")


def _shipped(name: str) -> Path:
    """Inside the installed package, or at the root of a source checkout."""
    inside = Path(__file__).parent / name
    return inside if inside.is_dir() else Path(__file__).parents[2] / name


def cache_folder() -> Path:
    """What can be made again (bakes, speech): ``$XDG_CACHE_HOME/duologue`` or ``~/.cache/duologue``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "duologue"


def models_folder() -> Path:
    """What was fetched (models), unless a folder is set: ``$XDG_DATA_HOME/duologue/models`` or
    ``~/.local/share/duologue/models``.
    """
    return data_folder() / "models"


def data_folder() -> Path:
    """What cannot be made again: ``$XDG_DATA_HOME/duologue`` or ``~/.local/share/duologue``."""
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "duologue"


def store_file() -> Path:
    """The store, unless another is set."""
    return data_folder() / "duologue.sqlite3"


def runs_folder() -> Path:
    """What is kept of shows, talks and calls, unless a folder is set: ``$XDG_STATE_HOME/duologue/runs`` or
    ``~/.local/state/duologue/runs``.
    """
    return _state_folder() / "runs"


def figures_folder() -> Path:
    """What models cost on this machine, where it may not be written beside them: ``$XDG_STATE_HOME/duologue/measured``
    or ``~/.local/state/duologue/measured``.
    """
    return _state_folder() / "measured"


def _state_folder() -> Path:
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "duologue"


def for_ffmpeg(path: Path) -> str:
    """A file as FFmpeg is to be told of it, absolute: it takes what stands before a colon (``tea-12:30.mp4``) for a
    protocol.
    """
    return str(path.absolute())


def refuse_same(files: Mapping[str, Path | None]) -> None:
    """Raises :class:`InputError` when two of the files (each by what it is called) are one, by whatever path or link:
    writing the one would destroy the other. What is no plain file (a pipe, ``/dev/null``) may be shared.
    """
    given = [(name, path) for name, path in files.items() if path is not None]
    for (first, path), (second, other) in combinations(given, 2):
        if _same(path, other):
            raise InputError(f"{first} and {second} are the same file", where=str(other), remedy="Name another file.")


def refuse_unwritable(files: Mapping[str, Path | None], *, makes_folders: bool = False) -> None:
    """Raises :class:`InputError` for a file (each by what it is called) to which nothing can be written, before work is
    done for it: its folder is missing (unless whoever writes it ``makes_folders``) or not ours, or it is a folder
    itself. Nothing is written to find out; a disk may still refuse later.
    """
    for name, path in files.items():
        if path is None:
            continue
        folder = path.parent
        while makes_folders and not folder.exists() and folder != folder.parent:
            folder = folder.parent
        if path.is_dir():
            trouble = "it is a folder"
        elif not folder.is_dir():
            trouble = f"{folder} is no folder" if folder.exists() else f"there is no folder {folder}"
        elif not os.access(path if path.exists() else folder, os.W_OK):
            trouble = "nothing may be written there"
        else:
            continue
        raise InputError(f"{name} cannot be written: {trouble}", where=str(path), remedy="Name another file.")


def _same(first: Path, second: Path) -> bool:
    if first.exists() and second.exists():
        return first.is_file() and first.samefile(second)
    return first.resolve() == second.resolve()
