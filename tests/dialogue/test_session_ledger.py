"""A conversation on disk: what a line holds, and that nothing of it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from session_doubles import ADA, LoudVoice, Says, Talk, loud_utterance

from duologue.clock import MILLISECOND, VirtualClock
from duologue.dialogue.ports import PlayStarted
from duologue.dialogue.session.ledger import SessionLedger, open_session_ledger
from duologue.dialogue.session.lines import record_of
from duologue.dialogue.session.positions import PlayReport, PositionSieve
from duologue.dialogue.session.record import SessionRecorder
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import (
    Apply,
    BeginStretch,
    Change,
    Extend,
    HangUp,
    Note,
    Play,
    Report,
    Sounds,
    ToolAnswered,
    Understood,
)
from duologue.errors import InputError
from duologue.evidence.summary import PartSummary
from duologue.language.fake import ScriptedReply
from duologue.language.tools import Tool, Toolbox
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.hearing_fake import Hearing, evenly
from duologue.telemetry.ledger import (
    ConversationRecord,
    EffectRecord,
    EndingOutcome,
    EndingRecord,
    Entry,
    EventRecord,
    HeaderRecord,
    MachineRecord,
    OverRecord,
    PauseRecord,
    TurnRecord,
    UsageRecord,
)
from duologue.telemetry.ledger_reader import LedgerReader
from duologue.telemetry.lines import decode, encode, parse
from duologue.telemetry.metrics.metrics import Metrics
from duologue.telemetry.stream import HOUSE, Ledger

ASKS = Says(1.0, "what time is it please Ada")


@pytest.fixture(autouse=True)
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Virtual time does not wait for a thread."""

    async def inline(work: Callable[..., None], *arguments: object) -> None:
        work(*arguments)

    monkeypatch.setattr(asyncio, "to_thread", inline)


def test_a_conversation_is_on_disk_line_by_line(tmp_path: Path) -> None:
    path, told = tmp_path / "talk.jsonl", list[TurnRecord]()
    talk = Talk([ASKS], [ScriptedReply("It is noon.")] * 3, seconds=6)

    async def hold() -> None:
        async with open_session_ledger(path, "ada", "person", clock=talk.clock, changed=told.append) as book:
            talk.log = Both(book.take)
            await talk.run()

    simulate(hold())
    head, beginning, *entries = LedgerReader(path)
    assert isinstance(head.record, HeaderRecord) and isinstance(beginning.record, ConversationRecord)
    assert beginning.record == ConversationRecord(beginning.record.conversation, ("ada",), "person")
    assert UUID(beginning.record.conversation).version == 7
    assert {entry.of for entry in (head, beginning, *entries)} == {f"talk:{beginning.record.conversation}"}
    turns = [entry.record for entry in entries if isinstance(entry.record, TurnRecord)]
    assert [(turn.kind, turn.state) for turn in turns] == [("person", "ended"), ("answer", "ended")]
    assert turns[1].question == turns[0].id and turns[1].on_air > turns[1].spoken_to
    assert all(turn.conversation == beginning.record.conversation for turn in turns)
    (ending,) = [entry for entry in entries if isinstance(entry.record, EndingRecord)]
    assert isinstance(ending.record, EndingRecord)
    assert ending.record.outcome is EndingOutcome.ANSWERED and ending.at == turns[1].decided
    happened = [entry for entry in entries if isinstance(entry.record, EventRecord | EffectRecord)]
    sieve = PositionSieve()  # of how far the far end is those are left out that say only that it plays on,
    steps = [
        (at, each)
        for at, item in talk.log
        if not isinstance(item, Extend | Sounds)  # and what says no more than the event before it
        for each in (sieve.kept(item) if isinstance(item, PlayReport) else (item,))
    ]
    assert [(entry.at, entry.record) for entry in happened] == [(at, record_of(each)) for at, each in steps]
    assert len(steps) < len(talk.log)
    assert told[-1].state == "ended"


@pytest.mark.parametrize(("spoken", "written"), [("fr", "fr"), ("en", ""), ("", ""), ("no language", "")])
def test_what_a_foreign_caller_spoke_stands_in_their_turn(spoken: str, written: str) -> None:
    hearing = [Hearing(evenly("quelle heure est il s'il vous plait", 0.3, 0.4), language=spoken)]
    talk = Talk([ASKS], [ScriptedReply("It is noon.")] * 3, seconds=6, hearing=hearing)
    told: list[TurnRecord] = []
    recorder = SessionRecorder("c", "ada", "person", told.append)

    async def hold() -> None:
        talk.log = Both(recorder.take)
        await talk.run()

    simulate(hold())
    assert {item.language for _, item in talk.log if isinstance(item, Understood)} == {written}
    last = {turn.id: turn for turn in told}.values()
    assert [(turn.kind, turn.language) for turn in last] == [("person", written), ("answer", "")]
    assert talk.ears.calls[0].language == "en"


def test_a_person_has_figures_too_from_the_same_records() -> None:
    talk = Talk([ASKS], [ScriptedReply("It is noon.")] * 3, seconds=6)
    metrics, turns = Metrics(), PartSummary("talk")

    async def hold() -> None:
        ledger = Ledger(talk.clock)
        ledger.watch(metrics.observe)
        ledger.watch(turns.add)
        book = SessionLedger(ledger, "ada", "person")
        talk.log = Both(book.take)
        await talk.run()
        book.close()

    simulate(hold())
    text = metrics.exposition().decode()
    silence = turns.stages["silence"]
    assert silence.count == 1
    assert 'duologue_answer_seconds_count{of="talk"} 1.0' in text
    assert f'duologue_answer_seconds_sum{{of="talk"}} {silence.p50 / 1000}' in text
    assert 'duologue_turn_stage_seconds_count{of="talk",stage="endpointing"} 1.0' in text
    assert 'duologue_turn_endings_total{of="talk",outcome="answered"' in text
    assert 'duologue_turns_total{kind="person",of="talk",state="ended"} 1.0' in text


class Both(list[Any]):
    """A log that passes on what is written down."""

    def __init__(self, take: Any) -> None:
        super().__init__()
        self._take = take

    def append(self, entry: Any) -> None:
        super().append(entry)
        self._take(entry[1], entry[0])


def test_an_event_is_told_in_plain_values() -> None:
    started = record_of(PlayStarted("r1/0", 7 * MILLISECOND))
    assert started == EventRecord("PlayStarted", {"utterance_id": "r1/0", "at": 7 * MILLISECOND})
    report = record_of(Report(Note.RESUMED, ms=1 / 3))
    assert isinstance(report, EffectRecord) and report.name == "Report"
    assert (report.told["note"], report.told["ms"], report.told["stage"]) == ("resumed", 1 / 3, None)
    play = record_of(Play(loud_utterance("hello there", "ada", "u1"), 0))
    assert play.told["utterance"] == {"id": "u1", "text": "hello there", "seconds": 0.6, "engine": ""}
    for each in (started, report, play):
        line = encode(Entry(8, "talk:c", each, "x"), 0)
        read = decode(parse(line), 0).record
        assert isinstance(read, EventRecord | EffectRecord) and read.told.keys() == each.told.keys()


def test_a_change_of_who_speaks_is_told_by_names_and_what_comes_after_it_is_kept(tmp_path: Path) -> None:
    """A whisper to a character on the line, a client that chooses another voice: neither may end the ledger."""
    clock = VirtualClock(start=5)
    ledger = Ledger(clock)
    writer = ledger.write_to(tmp_path / "ledger.jsonl")
    book = SessionLedger(ledger, "ada", "person")
    change = Change(
        ADA, LoudVoice(LoopClock()), Toolbox([Tool(noon)]), {"type": "object"}, ADA.language, Policy(sorry=1)
    )
    for item in (change, Apply(change), ToolAnswered("c1", complex(1, 2)), HangUp()):
        book.take(item, clock.now())
    writer.close()
    told = {each.name: each.told for each in map(_record, LedgerReader(tmp_path / "ledger.jsonl")) if each}
    assert list(told) == ["Change", "Apply", "ToolAnswered", "HangUp"] and writer.dropped == 0
    assert told["Apply"]["change"] == told["Change"]
    named = {name: told["Change"][name] for name in ("persona", "voice", "toolbox", "language", "schema")}
    assert named == {
        "persona": "ada", "voice": "LoudVoice", "toolbox": ["noon"], "language": "en", "schema": {"type": "object"},
    }  # fmt: skip
    assert cast("dict[str, object]", told["Change"]["policy"])["sorry"] == 1
    assert told["ToolAnswered"]["result"] == "complex"


def noon() -> str:
    """What time it is."""
    return "noon"


def _record(entry: Entry) -> EventRecord | EffectRecord | None:
    return entry.record if isinstance(entry.record, EventRecord | EffectRecord) else None


def test_a_failure_of_the_conversation_is_not_wrapped_and_open_turns_are_written(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    talk = Talk([ASKS], [ScriptedReply("It is noon.")] * 3, seconds=3.5)

    async def hold() -> None:
        async with open_session_ledger(path, "ada", "person", clock=talk.clock) as book:
            book.take(BeginStretch(1, talk.clock.now()), talk.clock.now())
            book.take(Understood(1, "what time is it"), talk.clock.now())
            book.take(PlayStarted("x", 0), 0)
            raise KeyError("broken")

    with pytest.raises(KeyError):
        simulate(hold())
    *_, played, turn, over = [entry.record for entry in LedgerReader(path)]
    assert isinstance(played, EventRecord) and played.name == "PlayStarted"
    assert isinstance(turn, TurnRecord) and (turn.text, turn.state) == ("what time is it", "on_air")
    assert isinstance(over, OverRecord)


def test_what_its_engines_are_asked_for_is_the_talks_and_what_the_machine_does_the_houses(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    talk = Talk([], [], seconds=1.0)

    async def hold() -> str:
        asked = Ledger(talk.clock)
        async with open_session_ledger(path, "ada", "person", clock=talk.clock, requests=asked) as book:
            asked.enter("talk", UsageRecord("speak", "espeak"))
            asked.enter(HOUSE, MachineRecord(0.0, 100.0, {}, {}))
            asked.enter(HOUSE, PauseRecord("espeak", "stopped", 300.0, talk.clock.now()))
        return book.of

    of = simulate(hold())
    told = {type(entry.record): entry.of for entry in LedgerReader(path)}
    assert (told[UsageRecord], told[MachineRecord], told[PauseRecord]) == (of, HOUSE, HOUSE)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    async def hold() -> None:
        async with open_session_ledger(tmp_path, "ada", "person"):
            raise AssertionError

    with pytest.raises(InputError, match="ledger cannot be written"):
        simulate(hold())
