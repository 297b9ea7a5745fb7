"""What the tests of whole shows share."""

from __future__ import annotations

from pathlib import Path

import pytest

from brief_cast import brief_cast


@pytest.fixture
def few_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On stage are people of few words, where a test names nobody."""
    folder = tmp_path / "brief"
    folder.mkdir()
    monkeypatch.setenv("DUOLOGUE_SHOW__CAST", brief_cast(folder))
