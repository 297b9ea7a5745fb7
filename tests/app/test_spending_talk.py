"""A cap that is reached in the middle of a talk: nothing is said twice, nobody is left without a word."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from call_doubles import TestClock
from engine_doubles import ADA as ADA_MEMBER
from engine_doubles import install
from talk_doubles import Door

from duologue.app.show.cast import CastMember
from duologue.app.talk import messages as say
from duologue.app.talk import sessions as talk_sessions
from duologue.client import TalkClient, TalkWish
from duologue.clock import SECOND
from duologue.dialogue.session.mouth import AT_HAND
from duologue.errors import InputError
from duologue.language.engine import Prompt
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.language.languages import load_language
from duologue.metering import Amount, current_call
from duologue.settings import Settings
from duologue.simulation.virtual_time import simulate
from duologue.speech.fake import FakeSpeech
from duologue.speech.hearing_fake import Loudness
from duologue.store.people import forget, named
from duologue.telemetry.ledger import TurnRecord, UsageRecord

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

EVENING = round(datetime(2026, 11, 23, 23, 50, tzinfo=ZoneInfo("UTC")).timestamp()) * SECOND
SPENT = load_language("en").apologies.spent
ADA = TalkWish(person="browser-7")
MINDS = """
[engines]
llm = [{llm}]
[engines.openai]
model = "small"
[prices.engines.openai]
million_in = 1.0
[spending.engines.openai]
tokens = 200
"""


class EveningClock(TestClock):
    """It is ten to midnight when it begins."""

    __test__ = False

    def wall(self) -> int:
        return EVENING + self.now()


class Mind(FakeLanguage):
    """Writes its own lines, each of which takes 110 tokens."""

    def __init__(self, name: str, clock: TestClock) -> None:
        super().__init__([ScriptedReply(f"{name} says number {count}.") for count in range(1, 9)], clock)
        self.name = name

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        async for piece in super().write(prompt):
            yield piece
        if (call := current_call()) is not None:
            call.report(Amount(prompt=100, completion=10))


def opened(monkeypatch: pytest.MonkeyPatch, folder: Path, settings: str) -> tuple[Door, dict[str, Mind]]:
    door = Door(monkeypatch, folder, settings=settings, remembers=True, clock=EveningClock(SECOND))
    minds = {name: Mind(name, door.clock) for name in ("openai", "improv")}
    install(
        monkeypatch, llm=lambda name: minds[name], tts=lambda name: door.voice, stt=lambda name: door.ears,
        vad=lambda name: Loudness(),
    )  # fmt: skip
    return door, minds


async def talk(door: Door, *lines: str) -> tuple[TalkClient, list[str]]:
    """A conversation from its beginning to its end, and what it was answered."""
    client, _ = door.client(ADA)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(client.run())
        await client.until(lambda: client.welcome is not None)
        answers = [await client.ask(line) for line in lines]
        client.leave()
        await running
    return client, answers


def test_the_next_mind_goes_on_and_nothing_is_said_twice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    door, minds = opened(monkeypatch, tmp_path, MINDS.format(llm='"openai", "improv"'))

    async def main() -> None:
        async with door:
            await door.spending.attach(door.store)
            _, answers = await talk(door, "One?", "Two?", "Three?")
            assert answers == ["openai says number 1.", "improv says number 1.", "improv says number 2."]
            assert [len(mind.prompts) for mind in minds.values()] == [1, 3]  # the last one, what to remember
            await asyncio.sleep(600)  # past midnight
            _, answers = await talk(door, "And today?")
            assert answers == ["openai says number 2."]

    simulate(main(), limit=3600)
    turns = [turn for turn in door.turns() if turn.kind == "answer"]
    assert [turn.heard for turn in turns] == [
        "openai says number 1.", "improv says number 1.", "improv says number 2.", "openai says number 2.",
    ]  # fmt: skip
    assert [bool(turn.handovers) for turn in turns] == [False, True, False, False]
    assert "openai was not asked" in turns[1].handovers[0] and "110 of 200 tokens" in turns[1].handovers[0]


def test_a_character_with_nobody_behind_it_says_so_and_comes_back_with_the_day(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    door, minds = opened(monkeypatch, tmp_path, MINDS.format(llm='"openai"'))

    async def main() -> None:
        async with door:
            _, answers = await talk(door, "One?", "Two?", "Three?")
            assert answers == ["openai says number 1.", SPENT, SPENT]
            assert "nobody thinks" in door.talk.ready()[0] and "110 of 200 tokens" in door.talk.ready()[0]
            await asyncio.sleep(600)
            _, answers = await talk(door, "And today?")
            assert answers == ["openai says number 2."]

    simulate(main(), limit=3600)
    assert len(minds["openai"].prompts) == 2


def test_a_voice_that_is_spent_says_so_with_what_was_prepared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    english = load_language("en")
    prepared = sum(map(len, (*(getattr(english.apologies, stage) for stage in AT_HAND), *english.fillers)))
    cap = prepared + 30  # room for one answer, of 21 characters
    door, _ = opened(monkeypatch, tmp_path, f"[spending.engines.espeak]\ncharacters = {cap}\n")
    door.voice.name = "espeak"

    def find(name: str, settings: Settings) -> CastMember:
        return replace(ADA_MEMBER, voices={"espeak": "low"})

    monkeypatch.setattr(talk_sessions, "find_partner", find)

    async def main() -> None:
        async with door:
            client, _ = door.client(ADA)
            async with asyncio.TaskGroup() as group:
                running = group.create_task(client.run())
                await client.until(lambda: client.welcome is not None)
                await asyncio.sleep(10)  # what must not wait for a voice is voiced
                assert [await client.ask("One?"), await client.ask("Two?")] == ["improv says number 1.", SPENT]
                client.leave()
                await running

    simulate(main(), limit=3600)
    asked = [text for text, _ in door.voice.calls]
    assert sum(map(len, asked)) == prepared + 21 and asked.count(SPENT) == 1


def test_a_talks_requests_are_its_own_and_its_persons_and_are_forgotten_with_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    door, _ = opened(monkeypatch, tmp_path, MINDS.format(llm='"openai", "improv"'))
    conversations: list[str] = []

    async def main() -> None:
        async with door:
            await door.spending.attach(door.store)
            client, _ = await talk(door, "One?", "Two?")
            assert isinstance(client.welcome, say.TalkWelcome)
            conversations.append(f"talk:{client.welcome.conversation}")
            await asyncio.sleep(5.0)
            people = await door.spending.view("person")
            assert {(row.called, row.currency) for row in people.rows} == {("browser-7", "USD")}
            whole = sum(row.requests for row in (await door.spending.view()).rows)
            door.store.do(lambda session: forget(session, named(session, "browser-7")))
            assert (await door.spending.view("person")).rows == ()
            assert sum(row.requests for row in (await door.spending.view()).rows) == whole
            assert {row.name for row in (await door.spending.view("run")).rows} == {"talk"}

    simulate(main(), limit=3600)
    requests = [(entry.of, entry.record) for entry in door.entries if isinstance(entry.record, UsageRecord)]
    thoughts = [(of, record.engine) for of, record in requests if record.service == "llm"]
    assert thoughts[:2] == [(conversations[0], "openai"), (conversations[0], "improv")]
    voiced = sum(record.characters for _, record in requests if record.service == "tts")
    assert voiced == sum(len(text) for text, _ in door.voice.calls)
    assert {record.person for _, record in requests if record.service == "llm"} != {""}
    assert isinstance(door.voice, FakeSpeech) and any(isinstance(each.record, TurnRecord) for each in door.entries)
    with pytest.raises(InputError, match="nobody called"):
        door.store.do(lambda session: named(session, "browser-7"))
