from __future__ import annotations

from duologue.plurals import counted


def test_one_is_no_plural() -> None:
    assert [counted(count, "turn") for count in (0, 1, 2, 1200)] == ["0 turns", "1 turn", "2 turns", "1,200 turns"]
    assert (counted(1, "entry", "entries"), counted(2, "entry", "entries")) == ("1 entry", "2 entries")
