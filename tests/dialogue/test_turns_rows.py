"""No row of the table is there for nothing: the situations of ``test_turns*.py`` take each of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from turns_script import USED, USED_BESIDE

from duologue.dialogue.turns.turns import BESIDE, TABLE

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

SITUATIONS = ("", "_ahead", "_interruption", "_echo", "_failures", "_owner", "_hold", "_kept", "_late_ears")
ALONE = ("no:xdist", "no:faulthandler", "no:cacheprovider", "no:logging")
"""Plugins that would be in the way of the run around this one."""


def test_every_row_of_the_table_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The situations are run here, whatever else is: another process may have them."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # this test has the machine already
    files = [str(Path(__file__).with_name(f"test_turns{name}.py")) for name in SITUATIONS]
    assert pytest.main([*files, "-q", "--timeout=0", *(f"-p{plugin}" for plugin in ALONE)]) == pytest.ExitCode.OK
    unused = [TABLE[number] for number, times in enumerate(USED) if not times]
    names = [(row.states[0], row.events[0].__name__, row.guard.__name__, row.action.__name__) for row in unused]
    assert names == []
    idle = [BESIDE[number].action.__name__ for number, times in enumerate(USED_BESIDE) if not times]
    assert idle == []
