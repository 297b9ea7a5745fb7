"""What is kept of a conversation while it goes on, and what the next one knows of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from engine_doubles import ADA as ADA_MEMBER
from sqlalchemy import select
from talk_doubles import Door

from duologue.app.talk import messages as say
from duologue.client import TalkClient, TalkWish
from duologue.errors import PeerError
from duologue.language.fake import ScriptedReply
from duologue.simulation.virtual_time import simulate
from duologue.store.conversations import KeptConversation
from duologue.store.people import forget, named
from duologue.store.tables import ConversationRow, Fact, PersonRow, Timing, Turn
from duologue.store.values import StoreState, Who

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

ADA_PERSONA = ADA_MEMBER.persona
LONG = "one two three four five six seven eight nine ten. eleven twelve thirteen fourteen fifteen sixteen."
ADA = TalkWish(person="browser-7")
Story = Callable[[Door], Awaitable[None]]


def play(monkeypatch: pytest.MonkeyPatch, folder: Path, story: Story, *replies: str, **options: Any) -> Door:
    door = Door(monkeypatch, folder, replies, remembers=True, **options)

    async def main() -> None:
        async with door:
            await story(door)

    simulate(main(), limit=3600)
    return door


async def talk(door: Door, *lines: str, wish: TalkWish = ADA) -> TalkClient:
    """A conversation from its beginning to its end."""
    client, _ = door.client(wish)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(client.run())
        await client.until(lambda: client.welcome is not None)
        for line in lines:
            await client.ask(line)
        client.leave()
        await running
    await asyncio.sleep(1.0)  # it is noted beside
    return client


def facts(door: Door) -> list[tuple[str, str]]:
    return [tuple(row) for row in door.store.rows(select(Fact.text, Fact.source).order_by(Fact.at))]


def test_what_was_heard_is_kept_and_known_the_next_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    welcomes: list[say.TalkWelcome | None] = []

    async def story(door: Door) -> None:
        first = await talk(door, "Hello, my name is Ben.", "I live in New York, and I like green tea.")
        second = await talk(door, "What is new?")
        welcomes.extend((first.welcome, second.welcome))

    door = play(monkeypatch, tmp_path, story, "Hello Ben.", "How nice.", '{"notes": []}', "Not very much.", think=0.7)
    first, second = welcomes
    assert first is not None and second is not None
    assert (first.remembered, first.person, second.remembered, second.person) == (True, "", True, "Ben")
    assert facts(door) == [
        ("Their name is Ben.", "rules"), ("They live in New York.", "rules"), ("They like green tea.", "rules"),
    ]  # fmt: skip
    told = [prompt.speaker.style for prompt in door.model.prompts if prompt.speaker.name == "ada"]
    assert told[0] == told[1] == ()
    assert "Their name is Ben. They live in New York. They like green tea." in told[-1][-1]
    turns = door.store.rows(
        select(Turn.role, Turn.speaker, Turn.heard, Turn.state)
        .join(ConversationRow)
        .order_by(ConversationRow.began, Turn.number)
    )
    assert turns == [
        ("person", "person", "Hello, my name is Ben.", "ended"), ("answer", "ada", "Hello Ben.", "ended"),
        ("person", "person", "I live in New York, and I like green tea.", "ended"),
        ("answer", "ada", "How nice.", "ended"),
        ("person", "person", "What is new?", "ended"), ("answer", "ada", "Not very much.", "ended"),
    ]  # fmt: skip
    timings = door.store.rows(select(Timing.waited_ms, Timing.stages))
    assert len(timings) == 3
    assert all(abs(waited - sum(stages.values())) < 0.01 and waited >= 700 for waited, stages in timings)
    ends = door.store.rows(
        select(ConversationRow.began, ConversationRow.ended, ConversationRow.character, ConversationRow.part)
    )
    assert len(ends) == 2 and all(ended > began and (who, part) == ("ada", "talk") for began, ended, who, part in ends)
    ledger = {turn.id for turn in door.turns()}
    assert {row[0] for row in door.store.rows(select(Turn.id))} == ledger  # one name for one turn, here and there


def test_a_turn_is_kept_while_it_is_heard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []

    async def story(door: Door) -> None:
        client, _ = door.client(ADA)
        async with asyncio.TaskGroup() as group:
            group.create_task(client.run())
            await client.until(lambda: client.welcome is not None)
            client.say("Count!")
            await client.until(lambda: any(chunk.state == "playing" for chunk in client.chunks.values()))
            for _ in range(3):
                await asyncio.sleep(1.0)
                seen.extend(door.store.rows(select(Turn.heard, Turn.state).where(Turn.role == "answer")))
            client.interrupt()
            await client.until(lambda: any(turn.interrupted for turn in client.turns))
            client.leave()

    door = play(monkeypatch, tmp_path, story, LONG)
    assert [state for _, state in seen] == ["on_air"] * 3
    words = [len(heard.split()) for heard, _ in seen]
    assert all(LONG.startswith(heard) for heard, _ in seen) and 0 < words[0] < words[1] < words[2]
    (kept,) = door.store.rows(select(Turn.heard, Turn.state, Turn.interrupted).where(Turn.role == "answer"))
    (answer,) = [turn for turn in door.turns() if turn.kind == "answer"]
    assert kept == (answer.heard, "ended", True) and words[2] <= len(answer.heard.split()) < 16
    assert door.store.writes < 100  # by the word, not by the acknowledgement


def test_who_does_not_say_who_they_are_is_not_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        client = await talk(door, "my name is Ben", wish=TalkWish())
        assert client.welcome is not None and not client.welcome.remembered

    door = play(monkeypatch, tmp_path, story, "Hello.")
    assert door.store.writes == 0 and not door.store.database.file.exists()  # pyright: ignore[reportOptionalMemberAccess]


def test_nobody_is_somebody_of_another_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        assert door.remembering is not None
        await talk(door, "My name is Ben.")
        strange = await door.remembering.meet(Who("browser-7", "guest"), ADA_PERSONA)
        again = await door.remembering.meet(Who("browser-7"), ADA_PERSONA)
        assert (strange.name, again.name) == ("", "Ben")
        strange.close()
        again.close()

    play(monkeypatch, tmp_path, story, "Hello.")


def test_a_store_that_fails_stops_no_talk_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    notices: list[str] = []
    remembered: list[bool] = []

    async def one(door: Door, broken_first: bool) -> None:
        door.store.failure = PeerError("database is locked") if broken_first else None
        client, _ = door.client(ADA)

        def told(message: say.FromServer) -> None:
            if isinstance(message, say.TalkNotice):
                notices.append(message.text)

        client.told = told
        async with asyncio.TaskGroup() as group:
            running = group.create_task(client.run())
            await client.until(lambda: client.welcome is not None)
            assert client.welcome is not None
            remembered.append(client.welcome.remembered)
            assert await client.ask("One?") == "Yes."
            door.store.failure = PeerError("database or disk is full")
            assert await client.ask("Two?") == "Yes."
            door.store.failure = None
            assert await client.ask("My name is Ben.") == "Yes."
            client.leave()
            await running
        notices.append("–")

    async def story(door: Door) -> None:
        await one(door, True)
        await one(door, False)

    door = play(monkeypatch, tmp_path, story, *["Yes."] * 7)
    assert remembered == [False, True]
    first, second = notices[: notices.index("–")], notices[notices.index("–") + 1 : -1]
    assert first == ["This conversation will not be remembered."]
    assert second == ["This conversation will not be remembered.", "What is said is remembered again."]
    assert ("My name is Ben.",) in door.store.rows(select(Turn.heard))


def test_a_talk_that_the_store_does_not_know_any_more_is_not_said_to_be_remembered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Somebody took the file away, and it was made anew."""
    told: list[str] = []

    async def story(door: Door) -> None:
        assert door.remembering is not None
        known = await door.remembering.meet(Who("browser-7"), ADA_PERSONA)
        known.told = told.append
        for state in (StoreState("x", "the store is gone"), StoreState("x", anew=1), StoreState("x", "locked", anew=1)):
            for listener in door.store.listeners:
                listener(state)
        known.close()

    play(monkeypatch, tmp_path, story)
    assert told == [
        "the store is gone",
        "the store was made anew meanwhile, and does not know who it is with",
        "locked",
    ]


def test_who_is_forgotten_in_mid_talk_stays_forgotten(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        client, _ = door.client(ADA)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(client.run())
            await client.until(lambda: client.welcome is not None)
            await client.ask("My name is Ben.")
            door.store.do(lambda session: forget(session, named(session, "browser-7")))
            assert await client.ask("I live in Rome.") == "I see."
            client.leave()
            await running

    door = play(monkeypatch, tmp_path, story, "Hello.", "I see.")
    for table in (PersonRow, ConversationRow, Turn, Fact, Timing):
        assert door.store.rows(select(table)) == []
    assert door.store.rejected == 0, "nothing to warn of: they wished it"


def notes(*found: tuple[str, str]) -> str:
    return json.dumps({"notes": [{"kind": kind, "text": text} for kind, text in found]})


def test_a_model_writes_down_what_rules_do_not_find(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    written = notes(("fact", "Their sister is a pilot."), ("joke", "Tea is soup."), ("learnt", "The word kettle."))

    async def story(door: Door) -> None:
        await talk(door, "My sister flies.", "Tea is soup!")
        await talk(door, "Hello again.")

    door = play(monkeypatch, tmp_path, story, "Does she?", "Is it?", f"```json\n{written}\n```", "Hello.")
    rows = door.store.rows(select(Fact.text, Fact.kind, Fact.character, Fact.source).order_by(Fact.at))
    assert rows == [
        ("Their sister is a pilot.", "fact", "", "model"), ("Tea is soup.", "joke", "ada", "model"),
        ("The word kettle.", "learnt", "", "model"),
    ]  # fmt: skip
    clerk = door.model.prompts[2]
    assert clerk.speaker.name == "clerk" and clerk.lines[0].text == (
        "person: My sister flies.\nAda: Does she?\nperson: Tea is soup!\nAda: Is it?"
    )
    assert "Tea is soup." in door.model.prompts[3].speaker.style[-1]


@pytest.mark.parametrize("reply", ["I would rather not.", '{"notes": 7}', '{"notes": [{"kind": "secret"}, 4]}', "{"])
def test_a_model_that_does_not_do_it_harms_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, reply: str) -> None:
    async def story(door: Door) -> None:
        await talk(door, "My name is Ben.", "Well?")

    door = play(monkeypatch, tmp_path, story, "Hello.", "Well.", reply)
    assert facts(door) == [("Their name is Ben.", "rules")]


def test_a_model_that_fails_harms_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        door.model.script += [ScriptedReply("", failure="gone", pieces=0)] * 3
        await talk(door, "My name is Ben.", "Well?")

    door = play(monkeypatch, tmp_path, story, "Hello.", "Well.")
    assert facts(door) == [("Their name is Ben.", "rules")]


def test_the_memory_that_a_conversation_is_told_is_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        await talk(door, "My name is Ben.")
        await talk(door, *(f"I like thing number {number}." for number in range(9)))
        await talk(door, "Hello.")

    settings = "[store]\nmemory_characters = 100\n"
    door = play(monkeypatch, tmp_path, story, *["Yes."] * 10, notes(), "Hello.", settings=settings)
    told = door.model.prompts[-1].speaker.style[-1].partition(": ")[2]
    assert told.startswith("Their name is Ben.") and told.endswith("number 8.") and len(told) <= 100
    assert len(facts(door)) == 10


def test_old_conversations_go_with_their_recordings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    recording = tmp_path / "old.opus"
    recording.write_bytes(b"sound")
    day = 24 * 3600 * 10**9

    async def story(door: Door) -> None:
        assert door.remembering is not None
        now = door.clock.wall()
        for name, age, file in (("old", 31, str(recording)), ("new", 29, "")):
            door.store.do(KeptConversation(name, "talk", "ada", now - age * day, recording=file).write)
        await door.remembering.learn()

    door = play(monkeypatch, tmp_path, story, settings="[store]\nkeep_days = 30\n")
    assert door.store.rows(select(ConversationRow.id)) == [("new",)]
    assert not recording.exists()


def test_a_recording_is_the_persons_and_goes_with_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"

    async def story(door: Door) -> None:
        await talk(door, "Hello.")

    settings = f'[dialogue]\nrecord_folder = "{folder}"\n'
    door = play(monkeypatch, tmp_path, story, "Hello.", settings=settings)
    (file,) = folder.iterdir()
    assert folder.stat().st_mode & 0o077 == 0  # nobody else's to listen to
    assert door.store.do(lambda session: forget(session, named(session, "browser-7"))) == [str(file)]


def test_an_answer_is_told_what_its_own_files_say_and_shows_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "files" / "ada"
    folder.mkdir(parents=True)
    (folder / "tea.md").write_text("# Tea\n\n## Brewing\n\nGreen tea wants water of 80 degrees.\n\n# Coffee\n\nNo.\n")
    (folder / "broken.txt").write_bytes(b"\xff\xfe\x00")
    clients: list[TalkClient] = []

    async def story(door: Door) -> None:
        assert door.remembering is not None
        await door.remembering.learn()
        clients.append(await talk(door, "How hot should the water be for green tea?", "And who are you?"))

    settings = f'[store]\nknowledge = "{tmp_path / "files"}"\n'
    play_door = play(monkeypatch, tmp_path, story, "Eighty degrees.", "I am Ada.", notes(), settings=settings)
    first, second = play_door.model.prompts[:2]
    assert first.lines[-1].text.startswith("How hot should the water be for green tea?\n(From your own files;")
    assert "[tea.md, Tea › Brewing] Green tea wants water of 80 degrees." in first.lines[-1].text
    assert second.lines[-1].text == "And who are you?"
    assert second.lines[0].text == "How hot should the water be for green tea?"  # what was said, and no more
    hot, who = [turn for turn in clients[0].turns if not turn.person]
    assert [(source.name, source.place) for source in hot.sources] == [("tea.md", "Tea › Brewing")]
    assert not who.sources
