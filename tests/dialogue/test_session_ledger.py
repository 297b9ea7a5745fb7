"""A conversation on disk: what a line holds, and that nothing of it is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from session_doubles import Says, Talk

from duologue.chains import Handover, Moment
from duologue.clock import MILLISECOND
from duologue.dialogue.ports import PlayStarted
from duologue.dialogue.session_ledger import open_ledger
from duologue.dialogue.session_lines import Lines
from duologue.dialogue.turns_vocabulary import Note, Report
from duologue.errors import InputError
from duologue.language.fake import Reply
from duologue.simulation.virtual_time import simulate
from duologue.telemetry.ledger import TurnRecord

ASKS = Says(1.0, "what time is it please Ada")


@pytest.fixture(autouse=True)
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Virtual time does not wait for a thread."""

    async def inline(work: Callable[..., None], *arguments: object) -> None:
        work(*arguments)

    monkeypatch.setattr(asyncio, "to_thread", inline)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_conversation_is_on_disk_line_by_line(tmp_path: Path) -> None:
    path, told = tmp_path / "talk.jsonl", list[TurnRecord]()
    talk = Talk([ASKS], [Reply("It is noon.")] * 3, seconds=6)

    async def hold() -> None:
        async with open_ledger(path, "talk", "ada", "person", clock=talk.clock, changed=told.append) as ledger:
            talk.log = Both(ledger.take)
            await talk.run()

    simulate(hold())
    head, *lines = read(path)
    assert (head["ledger"], head["version"], head["conversation"], head["speaker"]) == (
        "conversation",
        1,
        "talk",
        "ada",
    )
    assert {"wall_ns", "monotonic_ns"} < set(head)
    turns = [line["turn"] for line in lines if "turn" in line]
    assert [(turn["kind"], turn["state"]) for turn in turns] == [("person", "ended"), ("answer", "ended")]
    assert turns[1]["question"] == turns[0]["id"] and turns[1]["on_air"] > turns[1]["spoken_to"]
    (ending,) = [line for line in lines if "ending" in line]
    assert ending["ending"]["outcome"] == "answered" and ending["t"] == turns[1]["decided"]
    happened = [line for line in lines if "event" in line or "effect" in line]
    assert len(happened) == len(talk.log)
    times = [line["t"] for line in happened]
    assert times == sorted(times) and told[-1].state == "ended"


class Both(list[Any]):
    """A log that passes on what is written down."""

    def __init__(self, take: Any) -> None:
        super().__init__()
        self._take = take

    def append(self, entry: Any) -> None:
        super().append(entry)
        self._take(entry[1], entry[0])


def test_a_line_tells_times_since_the_beginning() -> None:
    lines = Lines(5 * MILLISECOND)
    started = json.loads(lines.item(PlayStarted("r1/0", 7 * MILLISECOND), 8 * MILLISECOND))
    assert started == {"t": 3.0, "event": "PlayStarted", "utterance_id": "r1/0", "at_ms": 2.0}
    handover = json.loads(lines.item(Handover("a", "b", Moment.BEGINNING, "429", 6 * MILLISECOND), 6 * MILLISECOND))
    assert handover["chain"] == "Handover" and (handover["cause"], handover["at_ms"]) == ("429", 1.0)
    report = json.loads(lines.item(Report(Note.RESUMED, ms=1 / 3), 8 * MILLISECOND))
    assert report["effect"] == "Report" and report["note"] == "resumed" and report["ms"] == 0.333333


def test_a_failure_of_the_conversation_is_not_wrapped_and_open_turns_are_written(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    talk = Talk([ASKS], [Reply("It is noon.")] * 3, seconds=3.5)

    async def hold() -> None:
        async with open_ledger(path, "talk", "ada", "person", clock=talk.clock) as ledger:
            talk.log = Both(ledger.take)
            async for _ in talk.source():
                pass
            ledger.take(PlayStarted("x", 0), 0)
            raise KeyError("broken")

    with pytest.raises(KeyError):
        simulate(hold())
    assert read(path)[-1]["event"] == "PlayStarted"


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    async def hold() -> None:
        async with open_ledger(tmp_path, "talk", "ada", "person"):
            raise AssertionError

    with pytest.raises(InputError, match="ledger cannot be written"):
        simulate(hold())
