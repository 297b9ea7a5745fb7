"""What the doctor saw last, kept for those who may not measure."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.app.doctor.headroom import Cost
from duologue.app.doctor.memory import FILE, recall, remember

FULL, SMALL = Cost(1920, 1080, 30, 1.4, 8.2), Cost(640, 360, 30, 0.4, 0.8)


def test_the_nearest_size_is_recalled_and_scaled(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    remember([FULL, SMALL], folder)
    assert recall(1920, 1080, 30, folder) == FULL
    small = recall(320, 180, 15, folder)
    assert small is not None and small.fps == 15 and small.frame_ms == pytest.approx(0.3)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "7", '[{"width": 1}]', '["x"]', "[null]", "\xff",
     '[{"width": 0, "height": 0, "fps": 0, "compose_ms": 0, "encode_ms": 0}]'],
)  # fmt: skip
def test_a_note_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, "latin-1")
    assert recall(1920, 1080, 30, tmp_path) is None


def test_without_a_note_there_is_none_and_a_place_that_cannot_be_written_is_no_matter(tmp_path: Path) -> None:
    assert recall(1920, 1080, 30, tmp_path / "none") is None
    (tmp_path / "file").write_text("")
    remember([FULL], tmp_path / "file" / "below")
    assert recall(1920, 1080, 30, tmp_path / "file" / "below") is None
