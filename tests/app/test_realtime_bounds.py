"""Sessions of the Realtime API, in virtual time: what bounds them, and what is told to whom there is no place for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from realtime_doubles import LONG, RealtimeClient, RealtimeDoor, play, quiet, sound_message, tone

from duologue.app.admission import PlaceKind
from duologue.app.realtime import connection as realtime_connection
from duologue.app.realtime import items as realtime_items
from duologue.app.realtime import session as realtime_session
from duologue.speech.hearing_fake import Hearing, evenly

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


def test_a_client_that_floods_is_let_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open()
        await client.until("session.created")
        for _ in range(2_000):
            client.say("input_audio_buffer.clear")
        await client.until_closed()
        assert client.events[-1]["error"]["code"] == "rate_limit_exceeded"
        assert client.wire.closed == (1008, client.events[-1]["error"]["message"])
        assert door.realtime.held == 0

    play(monkeypatch, tmp_path, story)


def test_so_is_one_that_says_nothing_sensible(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open()
        for _ in range(realtime_connection.MOST_GARBAGE + 1):
            client.wire.put("nonsense")
        await client.until_closed()
        assert len(client.of("error")) == realtime_connection.MOST_GARBAGE + 1

    play(monkeypatch, tmp_path, story)


def test_one_that_does_not_read_is_let_go_and_costs_little(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open(room=4)
        client.write("Count!")
        await asyncio.sleep(realtime_connection.SEND_SECONDS + 5)
        assert client.wire.closed is not None and door.realtime.held == 0

    play(monkeypatch, tmp_path, story, " ".join([LONG] * 8))


def test_sound_without_end_is_refused_and_no_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        for detection, most in (({"type": "server_vad"}, 60), (None, 120)):
            client = door.open(audio={"input": {"turn_detection": detection}})
            await client.until("session.created")
            for _ in range(most // 2 + 3):
                client.append(quiet(2.0))
            error = await client.until("error")
            assert error["error"]["code"] == "input_audio_buffer_full"
            client.wire.break_off()

    play(monkeypatch, tmp_path, story)


def test_what_a_client_writes_down_is_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The oldest that is settled goes; what waits for an answer is refused when it is too much."""
    monkeypatch.setattr(realtime_items, "MOST_CHARACTERS", 10_000)

    async def story(door: RealtimeDoor) -> None:
        client = door.open()
        for number in range(9):
            said = [{"type": "output_text", "text": "x" * 2_500}]
            item = {"type": "message", "role": "assistant", "id": f"old{number}", "content": said}
            client.say("conversation.item.create", item=item)
        client.say("conversation.item.retrieve", item_id="old4")
        assert (await client.until("error"))["error"]["code"] == "item_not_found"
        client.say("conversation.item.retrieve", item_id="old5")
        assert len((await client.until("conversation.item.retrieved"))["item"]["content"][0]["text"]) == 2_500
        for _ in range(4):
            client.write("y" * 3_000, answer=False)
        error = (await client.until("error"))["error"]
        assert error["code"] == "conversation_full" and "Ask for a response" in error["message"]
        client.say("response.create")
        await client.until("response.done")
        client.write("Well?")
        await client.until("response.done")

    play(monkeypatch, tmp_path, story, "Yes.", "Fine.")


@pytest.mark.parametrize("committed", [True, False])
def test_turns_that_nobody_has_understood_yet_are_bounded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, committed: bool
) -> None:
    most = realtime_session.MOST_COMMITTED

    def turn(client: RealtimeClient) -> None:
        if committed:
            client.append(tone(0.5))
            client.say("input_audio_buffer.commit")
        else:
            client.say("conversation.item.create", item=sound_message())

    async def story(door: RealtimeDoor) -> None:
        client = door.open(audio={"input": {"turn_detection": None}})
        for _ in range(most + 1):
            turn(client)
        assert (await client.until("error"))["error"]["code"] == "busy"
        client.say("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        assert len(client.of("conversation.item.added")) == most
        assert len(door.ears.calls) == most + committed  # what waits in the buffer is listened to as it comes

    play(monkeypatch, tmp_path, story, heard=[Hearing(hang=True)] * (most + 1))


def test_nobody_listens_to_a_message_that_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open()
        written = [{"type": "input_text", "text": "Hello there."}]
        item = {"type": "message", "role": "user", "id": "a", "content": written}
        client.say("conversation.item.create", item=item)
        client.say("conversation.item.create", item=sound_message(id="a"))
        assert (await client.until("error"))["error"]["code"] == "item_exists"
        client.say("conversation.item.create", item=sound_message(), previous_item_id="nobody")
        assert (await client.until("error"))["error"]["param"] == "previous_item_id"
        monkeypatch.setattr(realtime_items, "MOST_CHARACTERS", 10)
        client.say("conversation.item.create", item=sound_message())
        assert (await client.until("error"))["error"]["code"] == "conversation_full"
        await asyncio.sleep(1)
        assert not door.ears.calls
        monkeypatch.setattr(realtime_items, "MOST_CHARACTERS", 1_000)
        client.say("conversation.item.create", item=sound_message())
        client.say("response.create")
        await client.until("response.done")
        assert [line.text for line in door.model.prompts[-1].lines] == ["Hello there. what"]

    play(monkeypatch, tmp_path, story, "Hi.", heard=[Hearing(evenly("what", 0.1))])


def test_a_session_has_an_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open()
        await client.until("error")
        assert client.events[-1]["error"]["code"] == "session_idle"
        busy = door.open()
        for _ in range(12):
            await asyncio.sleep(realtime_session.SESSION_SECONDS / 10)
            busy.say("input_audio_buffer.clear")
        await busy.until_closed()
        assert busy.events[-1]["error"]["code"] == "session_expired"

    play(monkeypatch, tmp_path, story)


def test_who_is_not_there_is_not_called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open(model="nobody")
        await client.until_closed()
        assert client.events[-1]["error"]["param"] == "model"
        for name in ("gpt-realtime", "ada"):
            client = door.open(model=name)
            assert (await client.until("session.created"))["session"]["model"] == name

    play(monkeypatch, tmp_path, story)


def test_a_house_that_is_full_or_closing_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        def one(kind: PlaceKind) -> int:
            return 1

        monkeypatch.setattr(door.admission.places, "capacity", one)
        first = door.open()
        await first.until("session.created")
        second = door.open()
        assert await second.until_closed() == 1013 and second.events[-1]["error"]["code"] == "no_place"
        await door.realtime.leave()
        await first.until_closed()
        third = door.open()
        assert await third.until_closed() == 1013

    play(monkeypatch, tmp_path, story)
