"""What is kept of calls, and of whom: nobody unless the settings say so, and whoever has no number never."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from call_doubles import Does, Exchange, Says, ScriptedLeg
from sqlalchemy import select

from duologue.app.calls.calls import CALLERS
from duologue.app.people.people import People
from duologue.errors import InputError, PeerError
from duologue.language.fake import ScriptedReply
from duologue.phone import leg as far
from duologue.phone.leg import CallInfo
from duologue.simulation.virtual_time import simulate
from duologue.store.people import export, named
from duologue.store.tables import Base, ConversationRow, Fact, PersonRow, Timing, ToolCallRow, Turn
from duologue.store.values import Who
from duologue.telemetry.run_shelf import RunShelf
from duologue.telemetry.runs import RunKeeping

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

NUMBER = "+4930123456"
CALLERS_REMEMBERED = '[phone]\ngreeting = "Hello there."\nremember = "callers"\n'
CALLS_KEPT = CALLERS_REMEMBERED.replace("callers", "calls")
NAMED = "my name is Ben"


def exchange_of(
    monkeypatch: pytest.MonkeyPatch, folder: Path, settings: str, script: tuple[Says, ...], *replies: str
) -> Exchange:
    texts = [ScriptedReply(each) for each in replies]
    return Exchange(monkeypatch, settings, says=script, replies=texts, folder=folder, remembers=True)


def call(exchange: Exchange, name: str, *script: Says | Does, address: str = NUMBER, seconds: float = 10.0,
         called: str = "1000") -> ScriptedLeg:  # fmt: skip
    info = CallInfo(id=name, caller="16", called=called, address=address)
    return ScriptedLeg(exchange.clock, script=script, info=info, seconds=seconds)


async def one_by_one(exchange: Exchange, *legs: ScriptedLeg) -> None:
    """Each when the one before is over."""
    async with exchange.pool.open(), exchange.talk.warm():
        for leg in legs:
            async with asyncio.TaskGroup() as group:
                group.create_task(leg.live())
                group.create_task(exchange.calls.take(leg))


def rows(exchange: Exchange, *columns: Any) -> list[Any]:
    return exchange.store.rows(select(*columns))


def counted(exchange: Exchange, table: type[Base]) -> int:
    return len(exchange.store.rows(select(table)))


def test_a_call_is_kept_as_it_was_heard_and_the_next_one_knows_who_calls(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    says = Says(3.0, NAMED), Says(3.0, "what is new")
    exchange = exchange_of(monkeypatch, tmp_path, CALLERS_REMEMBERED, says, "Hello Ben.", "Not very much.")

    simulate(one_by_one(exchange, call(exchange, "one", says[0]), call(exchange, "two", says[1])))
    assert rows(exchange, PersonRow.realm, PersonRow.key, PersonRow.name) == [(CALLERS, NUMBER, "Ben")]
    heads = rows(exchange, ConversationRow.id, ConversationRow.part, ConversationRow.character)
    assert heads == [("one", "line", "phone"), ("two", "line", "phone")]
    assert all(ended is not None for (ended,) in rows(exchange, ConversationRow.ended))
    turns = exchange.store.rows(select(Turn.role, Turn.heard, Turn.state).order_by(Turn.conversation_id, Turn.number))
    assert turns == [
        ("answer", "Hello there.", "ended"), ("person", NAMED, "ended"), ("answer", "Hello Ben.", "ended"),
        ("answer", "Hello there.", "ended"), ("person", "what is new", "ended"), ("answer", "Not very much.", "ended"),
    ]  # fmt: skip
    assert {name for (name,) in rows(exchange, Turn.id)} == {turn.id for turn in exchange.turns()}
    waits = rows(exchange, Timing.waited_ms, Timing.stages)
    assert waits and all(abs(waited - sum(stages.values())) < 0.01 for waited, stages in waits)
    assert rows(exchange, Fact.text) == [("Their name is Ben.",)]
    first, second = exchange.model.prompts
    assert not any("Ben" in note for note in first.speaker.style)
    assert any("Their name is Ben." in note for note in second.speaker.style)


def test_nothing_is_kept_unless_it_is_said_and_of_the_nameless_never(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    says = (Says(3.0, NAMED),)
    for settings, address in (('[phone]\ngreeting = "Hello there."\n', NUMBER), (CALLERS_REMEMBERED, "")):
        exchange = exchange_of(monkeypatch, tmp_path, settings, says, "Hello Ben.")
        simulate(exchange.hold(call(exchange, "one", *says, address=address)))
        assert exchange.said()[-1] == "Hello Ben."
        assert exchange.store.writes == 0 and not (tmp_path / "store.sqlite3").exists()


def test_calls_may_be_kept_without_a_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    says = Says(3.0, NAMED), Says(3.0, "what is new")
    exchange = exchange_of(monkeypatch, tmp_path, CALLS_KEPT, says, "Hello Ben.", "Not very much.")

    simulate(one_by_one(exchange, call(exchange, "one", says[0]), call(exchange, "two", says[1])))
    assert counted(exchange, ConversationRow) == 2 and (NAMED,) in rows(exchange, Turn.heard)
    assert counted(exchange, Fact) == 0 and rows(exchange, PersonRow.name) == [("",)]
    assert not any("Ben" in note for prompt in exchange.model.prompts for note in prompt.speaker.style)


def test_each_extension_may_say_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = CALLERS_REMEMBERED + '[phone.extensions.1000]\n[phone.extensions.1001]\nremember = "nothing"\n'
    exchange = exchange_of(monkeypatch, tmp_path, settings, ())

    async def story() -> None:
        await exchange.hold(call(exchange, "one", seconds=3.0), call(exchange, "two", seconds=3.0, called="1001"))

    simulate(story())
    assert rows(exchange, ConversationRow.id) == [("one",)]


def test_a_callers_words_are_gone_when_they_are_forgotten_and_theirs_to_have_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "calls"
    settings = CALLERS_REMEMBERED + f'record = "{folder}"\nrecord_format = "wav"\n'
    says = (Says(3.0, NAMED),)
    exchange = exchange_of(monkeypatch, tmp_path, settings, says, "Hello Ben.")
    recorder = exchange.ledger.keep_runs(RunKeeping(tmp_path / "runs"))
    shelf = RunShelf(tmp_path / "runs")
    people = People(exchange.store, exchange.clock, shelf)

    async def story() -> None:
        await exchange.hold(call(exchange, "one", *says))
        with pytest.raises(InputError, match="nothing is kept of you"):
            await people.export(Who(NUMBER))  # a browser that calls itself so is somebody else
        recorder.close()
        assert len(shelf.runs()) == 1 and len(list(folder.iterdir())) == 1
        told = exchange.store.do(lambda session: export(session, named(session, NUMBER)))
        assert told["conversations"][0]["recording"] == str(next(folder.iterdir()))
        assert [turn["heard"] for turn in told["conversations"][0]["turns"]][1] == NAMED
        json.dumps(told)
        await people.forget(Who(NUMBER, CALLERS))

    simulate(story())
    for table in (PersonRow, ConversationRow, Turn, Fact, Timing):
        assert counted(exchange, table) == 0
    assert shelf.runs() == [] and list(folder.iterdir()) == []


def test_what_was_heard_is_there_while_the_call_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    says = (Says(3.0, NAMED),)
    long = "one two three four five six seven eight nine ten. eleven twelve thirteen fourteen fifteen sixteen."
    exchange = exchange_of(monkeypatch, tmp_path, CALLERS_REMEMBERED, says, long)
    seen: list[tuple[str, str, int | None]] = []

    async def look() -> None:
        await exchange.clock.wait_until(exchange.clock.now() + 6_500_000_000)
        wanted = select(Turn.heard, Turn.state, ConversationRow.ended).join(ConversationRow).order_by(Turn.number)
        seen.extend(exchange.store.rows(wanted))

    async def story() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(look())
            group.create_task(exchange.hold(call(exchange, "one", *says, seconds=14.0)))

    simulate(story())
    greeting, person, answer = seen
    assert greeting == ("Hello there.", "ended", None) and person[0] == NAMED
    assert answer[1:] == ("on_air", None) and 0 < len(answer[0].split()) < 16 and long.startswith(answer[0])


def test_a_call_that_goes_on_after_a_transfer_and_its_tools_are_kept_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = CALLERS_REMEMBERED + '[phone.transfers.human]\nto = "200"\ndigit = "0"\n'
    says = Says(2.0, "what is new"), Says(15.0, "then you")
    exchange = exchange_of(monkeypatch, tmp_path, settings, says, "Not much.", "All right.")
    leg = replace(
        call(exchange, "one", says[0], Does(5.0, far.Digit("0")), says[1], seconds=25.0),
        transfer=far.LegTransferred(False, "busy"),
    )
    simulate(exchange.hold(leg))
    assert rows(exchange, ConversationRow.id) == [("one",), ("one-2",)]
    assert {key for (key,) in exchange.store.rows(select(PersonRow.key).join(ConversationRow))} == {NUMBER}
    assert [heard for (heard,) in rows(exchange, Turn.heard) if heard in ("what is new", "then you")] == [
        "what is new", "then you",
    ]  # fmt: skip
    assert counted(exchange, ToolCallRow) == 0


@pytest.mark.parametrize("failure", ["database is locked", "database or disk is full", "unable to open database file"])
def test_a_store_that_fails_stops_no_call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, failure: str) -> None:
    says = Says(3.0, NAMED), Says(3.0, "what is new")
    exchange = exchange_of(monkeypatch, tmp_path, CALLERS_REMEMBERED, says, "Hello Ben.", "Not very much.")

    class Mended(ScriptedLeg):
        async def live(self) -> None:
            await super().live()
            exchange.store.failure = None

    exchange.store.failure = PeerError(failure)  # from the first moment
    first = call(exchange, "one", says[0])
    broken = Mended(exchange.clock, script=first.script, info=first.info, seconds=first.seconds)
    simulate(one_by_one(exchange, broken, call(exchange, "two", says[1])))
    assert exchange.said() == ["Hello there.", "Hello Ben.", "Hello there.", "Not very much."]
    assert not any(record.failed for record in exchange.records())
    assert rows(exchange, ConversationRow.id) == [("two",)]


def test_a_model_writes_down_what_a_caller_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    says = Says(3.0, "my sister is a pilot"), Says(6.0, "and she likes tea")
    notes = json.dumps({"notes": [{"kind": "fact", "text": "Their sister is a pilot."}]})
    exchange = exchange_of(monkeypatch, tmp_path, CALLERS_REMEMBERED, says, "How nice.", "Good.", notes)

    async def story() -> None:
        async with exchange.pool.open(), exchange.talk.warm(), asyncio.TaskGroup() as group:
            running = group.create_task(exchange.calls.run())
            leg = call(exchange, "one", *says)
            living = group.create_task(leg.live())
            await exchange.calls.take(leg)
            await living
            assert exchange.calls.count == 0  # nobody waits for it
            await asyncio.sleep(5.0)
            running.cancel()

    simulate(story())
    assert rows(exchange, Fact.text, Fact.source) == [("Their sister is a pilot.", "model")]
