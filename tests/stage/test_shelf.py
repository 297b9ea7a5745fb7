"""Files that are mapped, and the shelf they stand on: whatever happens to the disk, a stage has its pictures."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.stage.baking import shelf as shelf_module
from duologue.stage.baking.mapped import Bytes, Mapped, open_mapped, write_mapped
from duologue.stage.baking.shelf import BakeShelf

ARRAYS = [np.arange(60, dtype=np.uint8).reshape(3, 20), np.full((5000,), 7, np.uint8), np.zeros((2, 2, 4), np.uint8)]
META = {"name": "somebody", "step": 0.1, "points": [[1.5, 2.25]], "none": None}


def assert_same(found: Mapped | None) -> None:
    assert found is not None and found.meta == META
    assert len(found.arrays) == len(ARRAYS)
    for array, original in zip(found.arrays, ARRAYS, strict=True):
        assert np.array_equal(array, original) and array.shape == original.shape


def written(file: Path, arrays: list[Bytes] | None = None) -> Path:
    with file.open("wb") as stream:
        write_mapped(stream, META, ARRAYS if arrays is None else arrays, 1)
    return file


def test_what_is_mapped_is_what_was_written_and_cannot_be_changed(tmp_path: Path) -> None:
    found = open_mapped(written(tmp_path / "file"))
    assert_same(found)
    with pytest.raises(ValueError, match="read-only"):
        found.arrays[0][0] = 1
    assert all(array.ctypes.data % 64 == 0 for array in found.arrays)


def test_a_view_is_written_as_what_it_shows(tmp_path: Path) -> None:
    whole = np.arange(400, dtype=np.uint8).reshape(20, 20)
    found = open_mapped(written(tmp_path / "file", [whole[3:9, 4:7]]))
    assert np.array_equal(found.arrays[0], whole[3:9, 4:7])


def test_a_file_stays_mapped_when_its_name_is_gone(tmp_path: Path) -> None:
    found = open_mapped(written(tmp_path / "file"))
    (tmp_path / "file").unlink()
    assert_same(found)


@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_short_anywhere_is_refused(tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
    file = written(tmp_path_factory.mktemp("cut") / "file")
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"damaged|begin"):
        open_mapped(file)


def test_a_changed_byte_anywhere_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path / "file")
    whole = file.read_bytes()
    used = len(whole.rstrip(b"\0"))
    for place in (0, 9, 20, 60, 100, used - 1):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ValueError, match=r"damaged|begin"):
            open_mapped(file)
    file.write_bytes(whole + b"\0")
    with pytest.raises(ValueError, match="damaged"):
        open_mapped(file)


def test_a_shelf_gives_back_and_says_nothing_when_all_is_well(tmp_path: Path) -> None:
    shelf = BakeShelf(tmp_path / "not" / "yet")
    assert shelf.find("key") is None
    shelf.keep("key", META, ARRAYS)
    assert_same(shelf.find("key"))
    assert_same(BakeShelf(tmp_path / "not" / "yet").find("key"))
    assert shelf.troubles() == []


def test_a_damaged_file_is_removed_and_named_once(tmp_path: Path) -> None:
    shelf = BakeShelf(tmp_path)
    shelf.keep("key", META, ARRAYS)
    (file,) = tmp_path.iterdir()
    os.truncate(file, 5000)
    assert shelf.find("key") is None and not file.exists()
    (trouble,) = shelf.troubles()
    assert "damaged" in trouble.what and trouble.where == str(tmp_path)
    assert shelf.find("key") is None and shelf.troubles() == []
    shelf.keep("key", META, ARRAYS)
    assert_same(shelf.find("key"))


def test_no_folder_is_no_trouble() -> None:
    shelf = BakeShelf(None)
    shelf.keep("key", META, ARRAYS)
    assert shelf.find("key") is None and shelf.troubles() == []


def test_a_place_that_cannot_be_written_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    shelf = BakeShelf(tmp_path / "file" / "in")
    for key in ("one", "other"):
        shelf.keep(key, META, ARRAYS)
    (trouble,) = shelf.troubles()
    assert "cannot be kept" in trouble.what and "XDG_CACHE_HOME" in trouble.remedy


def test_a_folder_that_cannot_be_read_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(file: Path) -> Mapped:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(shelf_module, "open_mapped", refused)
    shelf = BakeShelf(tmp_path)
    assert shelf.find("one") is shelf.find("other") is None
    (trouble,) = shelf.troubles()
    assert "Permission denied" in trouble.what


def test_a_shelf_that_can_only_be_read_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    BakeShelf(tmp_path).keep("key", META, ARRAYS)

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "utime", refused)
    monkeypatch.setattr(tempfile, "mkstemp", refused)
    shelf = BakeShelf(tmp_path)
    assert_same(shelf.find("key"))
    assert shelf.troubles() == []
    shelf.keep("other", META, ARRAYS)
    assert_same(shelf.find("key"))
    (trouble,) = shelf.troubles()
    assert "Read-only" in trouble.what


def test_a_disk_that_fills_up_leaves_nothing_half_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fills_up(stream: BinaryIO, meta: object, arrays: object, usual: int) -> None:
        stream.write(b"a beginning")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shelf_module, "write_mapped", fills_up)
    shelf = BakeShelf(tmp_path)
    for key in ("one", "other"):
        shelf.keep(key, META, ARRAYS)
    assert [trouble.what for trouble in shelf.troubles()] == [
        "pictures cannot be kept on disk: No space left on device"
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_shelf_is_bounded_by_what_was_used_longest_ago(tmp_path: Path) -> None:
    size = written(tmp_path / "sample").stat().st_size
    (tmp_path / "sample").unlink()
    shelf = BakeShelf(tmp_path, most=3 * size)
    for number in range(5):
        shelf.keep(f"key{number}", META, ARRAYS)
        os.utime(tmp_path / f"key{number}.arrays", (1000 + number, 1000 + number))
    assert_same(shelf.find("key2"))  # used now
    part = tmp_path / "left.part"
    part.write_text("")
    os.utime(part, (0, 0))
    shelf.keep("last", META, ARRAYS)
    assert sorted(file.stem for file in tmp_path.iterdir()) == ["key2", "key4", "last"]
    BakeShelf(tmp_path, most=1).keep("alone", META, ARRAYS)
    assert [file.stem for file in tmp_path.iterdir()] == ["alone"]


def test_of_two_that_made_the_same_thing_both_map_one_file(tmp_path: Path) -> None:
    one, other = BakeShelf(tmp_path), BakeShelf(tmp_path)
    one.keep("key", META, ARRAYS)
    inode = (tmp_path / "key.arrays").stat().st_ino
    other.keep("key", META, ARRAYS)
    assert (tmp_path / "key.arrays").stat().st_ino == inode
    assert [file.name for file in tmp_path.iterdir()] == ["key.arrays"]


def test_a_file_system_without_links_gets_its_files_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    shelf = BakeShelf(tmp_path)
    shelf.keep("key", META, ARRAYS)
    assert_same(shelf.find("key"))
    assert shelf.troubles() == []
