"""``duologue phone`` and its store: the process is killed in the middle of a call, and the next one knows who calls."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from duologue.app.calls.calls import CALLERS
from line_caller import caller, loud
from phone_command import phone

pytestmark = [pytest.mark.peer, pytest.mark.realtime]
STORY = "Good morning, this is Robin. " + "I could tell you a long story about the lighthouse and its keeper. " * 6


def kept(file: Path) -> list[tuple[str, str, int | None]]:
    """Of each turn: what was heard, its state, and when its call ended."""
    if not file.exists():
        return []
    with sqlite3.connect(file) as store:
        try:
            return store.execute(
                "select heard, state, ended from turns join conversations c on c.id = conversation_id"
                " where c.part = 'line' order by began, number"
            ).fetchall()
        except sqlite3.OperationalError:  # it is being made
            return []


async def until_heard(file: Path, words: int) -> None:
    while not any(len(heard.split()) >= words for heard, _, _ in kept(file)):  # noqa: ASYNC110 (a file's state)
        await asyncio.sleep(0.05)


async def test_what_was_heard_on_a_call_is_there_after_sigkill_and_who_called_is_known(tmp_path: Path) -> None:
    data = tmp_path / "data"
    file = data / "duologue" / "duologue.sqlite3"
    settings, environment = 'remember = "callers"\ncodecs = ["pcmu"]\n', {"XDG_DATA_HOME": str(data)}
    async with asyncio.timeout(300):
        async with phone(tmp_path, settings, greeting=STORY, environment=environment) as answering, caller() as one:
            one.call(answering.port, "1000")
            await until_heard(file, 4)
            answering.command.process.kill()
            await answering.command.over(30)
        ((heard, state, ended),) = kept(file)
        assert (state, ended) == ("on_air", None) and STORY.startswith(heard.rstrip(".")) and len(heard.split()) >= 4
        with sqlite3.connect(file) as store:
            assert store.execute("pragma integrity_check").fetchone() == ("ok",)
        async with phone(tmp_path, settings, greeting=STORY, environment=environment) as answering, caller() as one:
            one.call(answering.port, "1000")
            await one.until(lambda: loud(one) > 5, 30)  # before anything is said there is nothing to keep
            one.hang_up()
            await answering.until(lambda line: len(line.calls) == 1 and all(call.ended for call in line.calls), 30)
    with sqlite3.connect(file) as store:
        assert store.execute("select realm, key from people").fetchall() == [(CALLERS, "sip:duologue@127.0.0.1")]
        calls = store.execute("select ended is not null from conversations order by began").fetchall()
    assert calls == [(0,), (1,)]
