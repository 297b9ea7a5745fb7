"""Where files live: what ships with us, and what we may write."""

from __future__ import annotations

import os
from pathlib import Path


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
