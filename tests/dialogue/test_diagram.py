"""The page shows the table as it is."""

from __future__ import annotations

from pathlib import Path

from duologue.dialogue.turns.diagram import BEGIN, END, page_part
from duologue.dialogue.turns.turns import BESIDE, TABLE

PAGE = Path(__file__).parents[2] / "docs" / "dialogue-core.md"


def test_the_page_is_current() -> None:
    text = PAGE.read_text("utf-8")
    begin, end = text.index(BEGIN), text.index(END) + len(END)
    assert text[begin:end] == page_part(), "run `python -m duologue.dialogue.turns.diagram` and paste it into the page"


def test_every_row_is_shown() -> None:
    assert page_part().count("\n| ") == len(TABLE) + 1 + len(BESIDE) + 1
