"""Rasterised packs on disk, so that a show is on air within seconds of its start.

One uncompressed ``.npz`` per pack and view, named by the hash of everything that decides its pictures. What cannot
be read back is made again; a cache that cannot be written costs time, never a show.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np

from duologue.stage.art import Layer
from duologue.stage.packs.view import View

MAX_FILES = 24
"""Beyond that the ones used longest ago are removed."""
ABANDONED = 3600 * 1_000_000_000
"""Age (ns) after which an unfinished file is nobody's."""
_LAYOUT = 1
"""Raise it whenever the same pack would be drawn differently by a changed program."""


def cache_key(digest: str, view: View) -> str:
    """The name for a pack's content (``digest``) seen by ``view`` with this program's versions."""
    versions = (_LAYOUT, version("resvg-py"), version("opencv-python-headless"), version("pillow"), np.__version__)
    return sha256(repr((digest, view, versions)).encode()).hexdigest()[:40]


def cached(folder: Path | None, key: str, draw: Callable[[], Mapping[str, Layer]]) -> Mapping[str, Layer]:
    """The layers kept in ``folder`` under ``key``, else what ``draw`` makes, which is kept. None: no cache."""
    if folder is None:
        return draw()
    shelf = folder / "packs"
    file = shelf / f"{key}.npz"
    layers = _load(file)
    if layers is None:
        layers = draw()
        with contextlib.suppress(OSError):  # a full or read-only disk: the next start draws again
            _store(file, layers)
            _prune(shelf)
    return layers


def _load(file: Path) -> Mapping[str, Layer] | None:
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            places = {name.removesuffix("@"): stored[name] for name in stored.files if name.endswith("@")}
            layers = {name: Layer(stored[name], int(at[0]), int(at[1])) for name, at in places.items()}
        os.utime(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile):
        return None
    sound = all(layer.rgba.ndim == 3 and layer.rgba.shape[2] == 4 for layer in layers.values())
    return layers if layers and sound else None


def _store(file: Path, layers: Mapping[str, Layer]) -> None:
    arrays = {name: layer.rgba for name, layer in layers.items()}
    places = {f"{name}@": np.array([layer.x, layer.y]) for name, layer in layers.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent, suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            np.savez(stream, **arrays, **places)  # pyright: ignore[reportArgumentType] (numpy types the flag before names)
        Path(name).replace(file)  # whole or not at all, also when two processes draw the same pack
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _prune(folder: Path) -> None:
    files = sorted(folder.glob("*.npz"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    for file in files[MAX_FILES:]:
        file.unlink(missing_ok=True)
    newest = files[0].stat().st_mtime_ns if files else 0
    for part in folder.glob("*.part"):
        if newest - part.stat().st_mtime_ns > ABANDONED:  # its process was killed while it wrote
            part.unlink(missing_ok=True)
