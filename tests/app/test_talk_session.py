"""Conversations over sockets, in virtual time: typed and spoken, interrupted, broken off and gone on with, and what
clients do that do not keep to the protocol.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import talk_doubles
from talk_doubles import HELLO, LATE, Door, Wire

from duologue.app.admission import PlaceKind
from duologue.app.talk import connection as talk_connection
from duologue.app.talk import messages as say
from duologue.app.talk import session as talk_session
from duologue.app.talk import sessions as talk_sessions
from duologue.app.talk.session import RESUME_SECONDS
from duologue.audio.pcm import RATE
from duologue.audio.tracks import Tracks
from duologue.client import Link, TalkClient, TalkWish
from duologue.clock import SECOND
from duologue.dialogue.recording import ConversationRecorder
from duologue.errors import ClosedError, PeerError
from duologue.simulation.virtual_time import simulate
from duologue.speech.hearing_fake import Hearing, evenly

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

LONG = "one two three four five six seven eight nine ten. eleven twelve thirteen fourteen fifteen sixteen."
Story = Callable[[Door], Awaitable[None]]


def play(monkeypatch: pytest.MonkeyPatch, folder: Path, story: Story, *replies: str, **options: Any) -> Door:
    door = Door(monkeypatch, folder, replies, **options)

    async def main() -> None:
        async with door:
            await story(door)

    simulate(main(), limit=3600)
    return door


def limited(monkeypatch: pytest.MonkeyPatch, door: Door, places: Mapping[PlaceKind, int]) -> None:
    """The engines carry no more than that."""

    def capacity(kind: PlaceKind) -> int | None:
        return places.get(kind)

    monkeypatch.setattr(door.admission.places, "capacity", capacity)


async def begun(group: asyncio.TaskGroup, client: TalkClient) -> asyncio.Task[say.TalkBye]:
    running = group.create_task(client.run())
    await client.until(lambda: client.welcome is not None)
    return running


def test_who_writes_is_answered_by_voice_and_hears_all_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    messages: list[say.FromServer] = []

    async def story(door: Door) -> None:
        began = door.clock.now()
        client, heard = door.client()
        client.told = messages.append
        async with asyncio.TaskGroup() as group:
            running = await begun(group, client)
            assert client.welcome is not None and client.welcome.title == "Ada" and not client.welcome.resumed
            asked = (door.clock.now() - began) / SECOND
            assert await client.ask("What is new?") == "Not very much. And you?"
            assert [turn.text for turn in client.turns] == ["What is new?", "Not very much. And you?"]
            states = [m.state for m in messages if isinstance(m, say.TalkChunk) and m.index == 0]
            order = ["waiting", "voicing", "ready", "playing", "heard"]
            assert {"voicing", "ready", "playing", "heard"} <= set(states)
            assert states == sorted(states, key=order.index)
            assert {chunk.state for chunk in client.chunks.values()} == {"heard"}
            length = sum(chunk.length_ms or 0.0 for chunk in client.chunks.values())
            assert abs(len(np.flatnonzero(heard.samples)) / RATE * 1000 - length) < 250
            answer = client.turns[-1]
            waited = 1000 * (heard.blocks[0][0] - asked)  # of which the way of the words is nobody's stage
            assert abs(waited - 1000 * LATE - sum(answer.stages.values())) < 10
            assert sum(answer.stages.values()) > 700  # the model thinks for so long
            client.leave()
            assert (await running).code == "ended"

    door = play(monkeypatch, tmp_path, story, "Not very much. And you?", think=0.7)
    answers = [turn for turn in door.turns() if turn.kind == "answer"]
    assert [(turn.heard, turn.estimated) for turn in answers] == [("Not very much. And you?", False)]
    assert all(turn.sent for turn in answers)
    assert {entry.of.partition(":")[0] for entry in door.entries} == {"talk"}
    assert door.sessions.held == 0 and not any(door.admission.places.taken.values())


def test_the_bus_the_ledger_and_the_client_name_one_conversation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(door: Door) -> None:
        client, _ = door.client()
        async with asyncio.TaskGroup() as group:
            running = await begun(group, client)
            [listed] = door.talk.open_now
            assert client.welcome is not None and client.welcome.conversation == listed.id
            await client.ask("hello")
            assert f"talk:{listed.id}" in {entry.of for entry in door.entries}
            assert {turn.conversation for turn in door.turns()} == {listed.id}
            client.leave()
            await running

    play(monkeypatch, tmp_path, story, "Hi.")


def test_an_interruption_is_silence_at_once_and_says_what_was_heard(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(door: Door) -> None:
        client, heard = door.client()
        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            client.say("Count!")
            await client.until(lambda: any(chunk.state == "playing" for chunk in client.chunks.values()))
            await asyncio.sleep(1.2)
            client.interrupt()
            at = len(heard.blocks)
            await client.until(lambda: any(turn.interrupted for turn in client.turns))
            assert len(heard.blocks) - at <= 5  # 100 ms: two ways of 20 ms, and a fade
            (first, *rest) = sorted(client.chunks.values(), key=lambda chunk: chunk.index)
            assert first.state == "cut" and LONG.startswith(first.heard)
            assert 3 <= len(first.heard.split()) <= 5
            assert rest and all(chunk.state == "cut" and not chunk.heard for chunk in rest)
            assert client.turns[-1].heard == first.heard
            await asyncio.sleep(3.0)
            assert len(heard.blocks) - at <= 5
            client.leave()

    play(monkeypatch, tmp_path, story, LONG)


def test_where_a_client_far_away_stopped_is_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A round trip of 0.6 s, twice as long as one who is near may take to say it."""
    monkeypatch.setattr(talk_doubles, "LATE", 0.3)

    async def story(door: Door) -> None:
        messages: list[say.FromServer] = []
        client, _ = door.client()
        client.told = messages.append
        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            await asyncio.sleep(1.0)
            client.say("Count!")
            await client.until(lambda: any(chunk.state == "playing" for chunk in client.chunks.values()))
            await asyncio.sleep(1.2)
            assert await client.ask("Stop.") == "Fine."
            assert [message for message in messages if isinstance(message, say.TalkNotice)] == []
            client.leave()

    door = play(monkeypatch, tmp_path, story, LONG, "Fine.")
    cut = next(turn for turn in door.turns() if turn.interrupted)
    assert (cut.failure, cut.estimated) == ("", False) and 3 <= len(cut.heard.split()) < 16


def listened(monkeypatch: pytest.MonkeyPatch, folder: Path, breaks: tuple[float, ...], away: float = 0.5) -> Any:
    """What a client heard of an answer while its sockets break, and the door."""
    got: list[Any] = []

    async def story(door: Door) -> None:
        client, heard = door.client()
        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            client.say("Count!")
            await client.until(lambda: any(chunk.state == "playing" for chunk in client.chunks.values()))
            for after in breaks:
                await asyncio.sleep(after)
                door.reached = False
                door.wires[-1].break_off()
                await asyncio.sleep(away)
                door.reached = True
                await client.until(lambda: client.connected)
            await client.until(lambda: bool(client.turns) and client.turns[-1].state == "ended")
            got.extend((client, heard))
            client.leave()

    door = play(monkeypatch, folder, story, LONG)
    return door, *got


@pytest.mark.parametrize("breaks", [(1.0,), (0.3, 0.8), (2.4,), (0.05,)])
@pytest.mark.parametrize("away", [0.1, 4.5])
def test_a_socket_that_breaks_costs_no_word_and_none_is_said_twice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, breaks: tuple[float, ...], away: float
) -> None:
    _, _, whole = listened(monkeypatch, tmp_path, ())
    door, client, heard = listened(monkeypatch, tmp_path, breaks, away)
    assert client.sockets >= 1 + len(breaks)
    assert client.turns[-1].heard == LONG and {chunk.state for chunk in client.chunks.values()} == {"heard"}
    assert door.sessions.held == 0
    sounding = [np.abs(each.samples) > 0.01 for each in (whole, heard)]
    assert abs(np.count_nonzero(sounding[0]) - np.count_nonzero(sounding[1])) < 0.01 * RATE * (1 + len(breaks))


@pytest.mark.parametrize("arrives", [False, True])
def test_what_is_written_as_the_socket_breaks_is_said_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arrives: bool
) -> None:
    """Whether the house had it or not: the client cannot know."""

    async def story(door: Door) -> None:
        client, _ = door.client()

        def answered(count: int) -> bool:
            return sum(turn.state == "ended" for turn in client.turns if not turn.person) == count

        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            client.say("First?")
            await client.until(lambda: answered(1))
            client.say("Second?")
            await asyncio.sleep(2 * LATE if arrives else 0)
            door.wires[-1].break_off(lost=True)
            await client.until(lambda: answered(2))
            client.say("Third?")
            await client.until(lambda: answered(3))
            assert [turn.text for turn in client.turns if turn.person] == ["First?", "Second?", "Third?"]
            client.leave()

    play(monkeypatch, tmp_path, story, "One.", "Two.", "Three.")


def test_words_that_come_again_are_not_said_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        wire = door.wire()
        wire.put(HELLO)
        welcome = await wire.take_until("welcome")
        assert welcome["said"] == 0
        for number in (1, 1, 2, 1):
            wire.put({"type": "say", "text": f"Number {number}.", "number": number})
        await asyncio.sleep(1.0)
        wire.break_off()
        other = door.wire()
        other.put({**HELLO, "resume": welcome["resume"]})
        assert (await other.take_until("welcome"))["said"] == 2
        texts = {(await other.take_until("turn"))["text"] for _ in range(2)}
        assert texts & {"Number 1. Number 2.", "Number 1.", "Number 2."}
        other.put({"type": "leave"})
        await other.take_until("bye")

    door = play(monkeypatch, tmp_path, story, "Yes.", "Yes.", "Yes.", "Yes.")
    words = " ".join(turn.text for turn in door.turns() if turn.kind == "person" and turn.state == "ended")
    assert sorted(words.split()) == ["1.", "2.", "Number", "Number"]


def test_a_page_that_is_loaded_anew_gets_what_was_not_acknowledged_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(door: Door) -> None:
        wire = door.wire()
        wire.put(HELLO)
        welcome = await wire.take_until("welcome")
        wire.put({"type": "say", "text": "Count!"})
        sound = await wire.take()
        while not isinstance(sound, bytes):
            sound = await wire.take()
        name = say.unpack_played(sound).id
        wire.put({"type": "played", "id": name, "samples": 5_000})
        await asyncio.sleep(0.2)
        wire.break_off()
        await asyncio.sleep(1.0)
        other = door.wire()
        other.put({**HELLO, "resume": welcome["resume"]})
        again = await other.take_until("welcome")
        assert again["resumed"] and again["conversation"] == welcome["conversation"]
        turn = await other.take_until("turn")
        assert turn["text"] == "Count!"
        sound = await other.take()
        while not isinstance(sound, bytes):
            sound = await other.take()
        first = say.unpack_played(sound)
        assert (first.id, first.start, first.first) == (name, 5_000, True)
        other.put({"type": "leave"})
        assert (await other.take_until("bye"))["code"] == "ended"

    play(monkeypatch, tmp_path, story, LONG)


def test_a_newer_socket_takes_the_older_ones_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        wire = door.wire()
        wire.put(HELLO)
        token = (await wire.take_until("welcome"))["resume"]
        other = door.wire()
        other.put({**HELLO, "resume": token})
        assert (await wire.take_until("bye"))["code"] == "taken"
        await other.take_until("welcome")
        wire.put({"type": "leave"})
        other.put({"type": "say", "text": "Still there?"})
        await other.take_until("chunk")
        assert door.sessions.held == 1

    play(monkeypatch, tmp_path, story, "Yes.")


def test_nobody_is_waited_for_longer_than_was_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        wire = door.wire()
        wire.put(HELLO)
        token = (await wire.take_until("welcome"))["resume"]
        wire.break_off()
        await asyncio.sleep(RESUME_SECONDS - 5)
        assert door.sessions.held == 1
        await asyncio.sleep(10)
        assert door.sessions.held == 0 and not any(door.admission.places.taken.values())
        late = door.wire()
        late.put({**HELLO, "resume": token})
        assert (await late.take_until("bye"))["code"] == "gone"

    play(monkeypatch, tmp_path, story)


def test_a_client_that_is_not_let_back_in_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        client, _ = door.client()
        running = asyncio.create_task(client.run())  # noqa: TID251 (its error is looked at)
        await client.until(lambda: client.welcome is not None)
        door.reached = False
        door.wires[-1].break_off()
        with pytest.raises(PeerError, match="not reached: nobody is there"):
            await running
        with pytest.raises(ClosedError):
            await client.until(lambda: False)

    play(monkeypatch, tmp_path, story)


async def test_a_client_that_is_refused_before_it_has_said_hello_knows_why() -> None:
    """As the gate refuses a token that has reached a limit: said and closed, whoever may still be writing."""
    bye = say.TalkBye(code="full", text="The minutes of today are used up.", remedy="Come back tomorrow.")

    class Refused:
        async def send(self, data: str | bytes) -> None:
            raise ConnectionError("it is closed")

        async def receive(self) -> str | bytes:
            return bye.model_dump_json()

        async def close(self) -> None:
            pass

    async def dial() -> Link:
        return Refused()

    assert await TalkClient(dial).run() == bye


def test_a_client_that_finds_no_place_says_what_it_was_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        limited(monkeypatch, door, dict.fromkeys(PlaceKind, 1))
        client, _ = door.client()
        async with asyncio.TaskGroup() as group:
            running = await begun(group, client)
            other, _ = door.client()
            with pytest.raises(PeerError, match="As many conversations"):
                await other.run()
            client.leave()
            await running

    play(monkeypatch, tmp_path, story)


def test_who_says_nothing_for_half_an_hour_is_said_goodbye_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        client, _ = door.client()
        async with asyncio.TaskGroup() as group:
            running = await begun(group, client)
            assert (await running).code == "idle"

    play(monkeypatch, tmp_path, story)


def test_the_recording_of_a_talk_goes_on_while_nobody_says_anything(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written = Counter[int]()

    @contextmanager
    def opened(answer: Path | None, both: Path | None, *, later: bool) -> Generator[ConversationRecorder]:
        now = asyncio.get_running_loop().time
        recorder = ConversationRecorder(Tracks(lambda sides: written.update({round(now() * 1000): len(sides)})))
        yield recorder

    async def story(door: Door) -> None:
        client, _ = door.client()
        async with asyncio.TaskGroup() as group:
            running = await begun(group, client)
            assert (await running).code == "idle"

    monkeypatch.setattr("duologue.app.talk.session.open_recording", opened)
    play(monkeypatch, tmp_path, story, settings=f'[dialogue]\nrecord_folder = "{tmp_path / "kept"}"\n')
    assert max(written.values()) <= 3 * RATE and sum(written.values()) > 1700 * RATE


# By voice


async def speak(client: TalkClient, begin: float, seconds: float, until: float) -> None:
    """A voice from ``begin`` on, in a microphone that is open ``until`` (s)."""
    count = 320
    for number in range(round(until * 50)):
        at = number / 50
        loud = 0.5 if begin <= at < begin + seconds else 0.0
        client.hear(1_000_000 + number * count, np.full(count, loud, np.float32))
        await asyncio.sleep(0.02)


def test_who_speaks_is_understood_and_answered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        client, _ = door.client(TalkWish(microphone=True))
        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            assert client.welcome is not None and client.welcome.microphone
            await asyncio.sleep(0.7)
            talking = group.create_task(speak(client, 0.5, 0.9, 8.0))
            await client.until(lambda: bool(client.turns) and not client.turns[-1].person)
            await client.until(lambda: client.turns[-1].state == "ended")
            assert [turn.text for turn in client.turns] == ["how are you", "Fine."]
            assert next(iter(client.turns[-1].stages)) == "endpointing"
            talking.cancel()
            client.leave()

    play(monkeypatch, tmp_path, story, *["Fine."] * 4, heard=[Hearing(evenly("how are you", 0.3))])


def test_a_turn_ends_with_the_button_and_with_no_pause_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        client, _ = door.client(TalkWish(microphone=True))
        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            client.push(True)
            talking = group.create_task(speak(client, 0.2, 0.9, 4.0))
            await asyncio.sleep(3.8)
            assert all(turn.person for turn in client.turns)  # it waits, however long the pause is
            talking.cancel()
            client.push(False)
            await client.until(lambda: any(not turn.person and turn.state == "ended" for turn in client.turns))
            assert client.turns[-1].heard == "Fine."
            client.leave()

    play(monkeypatch, tmp_path, story, *["Fine."] * 4, heard=[Hearing(evenly("how are you", 0.3))])


def test_who_finds_no_place_to_be_heard_may_write(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        limited(monkeypatch, door, {PlaceKind.LISTENER: 0, PlaceKind.THOUGHT: 0})
        assert list(door.talk.ready()) == ["nobody is free to listen"]
        limited(monkeypatch, door, {PlaceKind.LISTENER: 0})
        assert list(door.talk.ready()) == ["nobody is free to listen, but typing works"]
        client, _ = door.client(TalkWish(microphone=True))
        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            assert client.welcome is not None and not client.welcome.microphone
            client.hear(0, np.full(320, 0.5, np.float32))
            assert await client.ask("Hi") == "Hello."
            client.leave()

    play(monkeypatch, tmp_path, story, "Hello.")


def test_who_is_away_gives_the_place_to_who_is_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        limited(monkeypatch, door, dict.fromkeys(PlaceKind, 1))
        wires = [door.wire() for _ in range(1)]
        hello = {**HELLO, "microphone": True}
        wires[0].put(hello)
        token = (await wires[0].take_until("welcome"))["resume"]
        other = door.wire()
        other.put(hello)
        assert (await other.take_until("bye"))["code"] == "full"  # the first one is there
        wires[0].break_off()
        await asyncio.sleep(0.1)
        third = door.wire()
        third.put(hello)
        assert (await third.take_until("welcome"))["microphone"]
        back = door.wire()
        back.put({**HELLO, "resume": token})
        assert (await back.take_until("bye"))["code"] == "gone"

    play(monkeypatch, tmp_path, story)


def test_who_is_here_does_not_wait_for_the_disk_of_who_is_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def close_recordings(files: object) -> None:
        await asyncio.sleep(600)

    monkeypatch.setattr(talk_session, "close_recordings", close_recordings)

    async def story(door: Door) -> None:
        limited(monkeypatch, door, {PlaceKind.LISTENER: 1})
        first, other = door.wire(), door.wire()
        hello = {**HELLO, "microphone": True}
        first.put(hello)
        await first.take_until("welcome")
        first.break_off()
        await asyncio.sleep(0.1)
        other.put(hello)
        async with asyncio.timeout(20):
            assert not (await other.take_until("welcome"))["microphone"]  # they may write

    play(monkeypatch, tmp_path, story)


# Who does not keep to the protocol


async def refused(door: Door, *messages: object) -> str:
    wire = door.wire()
    for message in messages:
        wire.put(message)
    bye = await wire.take_until("bye")
    assert await wire.take() is None and wire.closed is not None
    assert bye["text"]
    return bye["code"]


def test_a_stranger_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        assert await refused(door, {"type": "say", "text": "Hi"}) == "protocol"
        assert await refused(door, {**HELLO, "version": 2}) == "version"
        assert await refused(door, {**HELLO, "resume": "0" * 32}) == "gone"
        for name in ("nobody", "/etc/passwd", "../ada", "packs/characters/ada", "x.toml"):
            assert await refused(door, {**HELLO, "character": name}) == "character"
        assert await refused(door, *["garbage"] * 6) == "protocol"
        assert await refused(door, HELLO, HELLO) == "protocol"
        assert await refused(door, HELLO, *[b"\1" * 9] * 6) == "protocol"
        assert await refused(door) == "protocol"  # says nothing for ten seconds
        assert door.sessions.sockets == 0

    play(monkeypatch, tmp_path, story)


def test_a_flood_ends_the_socket_and_not_the_conversation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        wire = door.wire()
        wire.put(HELLO)
        token = (await wire.take_until("welcome"))["resume"]
        for _ in range(talk_connection.MESSAGE_BURST + 200):
            wire.put({"type": "pong", "number": 1})
        assert (await wire.take_until("bye"))["code"] == "flood"
        other = door.wire()
        other.put({**HELLO, "resume": token})
        assert (await other.take_until("welcome"))["resumed"]

    play(monkeypatch, tmp_path, story)


def test_what_a_client_lies_about_is_counted_and_believed_no_further_than_what_was_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(door: Door) -> None:
        wire = door.wire()
        wire.put(HELLO)
        await wire.take_until("welcome")
        wire.put({"type": "say", "text": "Count!"})
        sound = await wire.take()
        while not isinstance(sound, bytes):
            sound = await wire.take()
        name = say.unpack_played(sound).id
        for samples in (3, 1, say.MAX_NUMBER, 0):
            wire.put({"type": "played", "id": name, "samples": samples, "at": say.MAX_NUMBER})
        wire.put({"type": "played", "id": "another", "samples": 7, "at": 0})
        wire.put({"type": "stopped", "id": "another", "samples": 7})
        wire.put({"type": "pong", "number": 77})
        await asyncio.sleep(4.0)
        wire.put({"type": "say", "text": "And now?"})
        await wire.take_until("turn")
        wire.put({"type": "leave"})
        await wire.take_until("bye")

    door = play(monkeypatch, tmp_path, story, LONG, "Now.")
    assert all(LONG.startswith(turn.heard) for turn in door.turns() if turn.kind == "answer" and turn.text == LONG)


def test_sound_that_lies_about_its_place_is_not_heard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither hours ahead (which would be hours of silence) nor what was there already."""

    async def story(door: Door) -> None:
        wire = Wire()
        connection = talk_connection.TalkConnection(wire, door.clock)
        block = np.zeros(320, np.float32)
        for at in (5_000, 5_320, 5_320, 4_000_000_000, 0, 5_640):
            wire.put(say.pack_captured(say.CapturedSound(at, block)))
        wire.put({"type": "leave"})
        places: list[int] = []
        while not isinstance(message := await connection.read(), say.TalkLeave):
            assert isinstance(message, say.CapturedSound)
            places.append(message.at)
        assert places == [0, 320, 640]
        assert connection.counts == {"twice": 2, "future": 1}

    play(monkeypatch, tmp_path, story)


def test_who_does_not_read_is_dropped_with_a_word(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        wire = door.wire(room=4)
        wire.put(HELLO)
        wire.put({"type": "say", "text": "Count!"})
        began = door.clock.now()
        while wire.closed is None:  # noqa: ASYNC110 (virtual time)
            await asyncio.sleep(0.5)
        assert wire.closed[1] == "The client does not read."
        assert (door.clock.now() - began) / 1e9 < talk_connection.SEND_SECONDS + 3
        assert door.sessions.held == 1 and door.sessions.sockets == 0

    play(monkeypatch, tmp_path, story, LONG)


def test_a_slow_reader_is_told_the_newest_of_each_thing_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        wire = Wire()
        connection = talk_connection.TalkConnection(wire, door.clock)
        for number in range(10_000):
            connection.tell(say.TalkPing(number=number), "ping")
        connection.end(say.TalkBye(code="ended", text="Enough."))
        with pytest.raises(talk_connection.PartedError):
            await connection.run()
        assert (await wire.take())["number"] == 9_999
        for number in range(talk_connection.MOST_WAITING + 1):
            connection.tell(say.TalkPing(number=number))
        with pytest.raises(talk_connection.PartedError, match="does not read"):
            await connection.run()

    play(monkeypatch, tmp_path, story)


def test_a_thousand_sockets_are_bounded_and_each_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(talk_sessions, "MOST_TALKS", 10)  # each voices its fillers first

    async def story(door: Door) -> None:
        wires = [door.wire() for _ in range(1_000)]
        for wire in wires:
            wire.put(HELLO)
        await asyncio.sleep(20)
        assert door.sessions.held == talk_sessions.MOST_TALKS
        assert door.sessions.sockets == talk_sessions.MOST_TALKS
        codes = [(await wire.take_until("bye"))["code"] for wire in wires if wire.closed is not None]
        assert codes == ["full"] * (1_000 - talk_sessions.MOST_TALKS)

    play(monkeypatch, tmp_path, story)


def test_the_house_closes_with_a_word_to_each(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: Door) -> None:
        wire = door.wire()
        wire.put(HELLO)
        await wire.take_until("welcome")
        await door.sessions.leave()
        assert (await wire.take_until("bye"))["code"] == "closing"
        assert await refused(door, HELLO) == "starting"

    play(monkeypatch, tmp_path, story)
