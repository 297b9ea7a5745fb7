"""Fixtures of the stage's tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from duologue.stage.captions.press import CaptionPress


@pytest.fixture(autouse=True)
def presses_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every press that a test makes ends its thread with it."""
    made: list[CaptionPress] = []
    begin = CaptionPress.__init__

    def noted(press: CaptionPress, *given: Any, **named: Any) -> None:
        begin(press, *given, **named)
        made.append(press)

    monkeypatch.setattr(CaptionPress, "__init__", noted)
    yield
    for press in made:
        press.close()
