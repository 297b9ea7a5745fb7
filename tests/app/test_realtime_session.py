"""Sessions of the Realtime API, in virtual time: written and spoken, committed, interrupted, and what clients do that
do not keep to the protocol.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from realtime_doubles import LONG, WEATHER, RealtimeClient, RealtimeDoor, play, quiet, speak, tone

from duologue.app.realtime import answers as realtime_answers
from duologue.app.realtime.sound import DeltaWriter
from duologue.audio.pcm import Samples
from duologue.clock import SECOND
from duologue.evidence.budgets import PRESETS
from duologue.evidence.report import ReportSource, read_report
from duologue.speech.hearing_fake import Hearing, evenly
from duologue.telemetry.run_shelf import RunShelf, RunState
from duologue.telemetry.runs import RunKeeping

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

WHOLE = [
    "session.created", "conversation.created", "conversation.item.added", "conversation.item.done", "response.created",
    "rate_limits.updated", "response.output_item.added", "conversation.item.added", "response.content_part.added",
    "response.output_audio_transcript.delta", "response.output_audio.delta",
    "response.output_audio_transcript.delta", "response.output_audio.delta", "response.output_audio.done",
    "response.output_audio_transcript.done", "response.content_part.done", "response.output_item.done",
    "conversation.item.done", "response.done",
]  # fmt: skip


# Written


def test_who_writes_is_answered_by_voice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open()
        client.write("What is new?")
        done = await client.until("response.done")
        assert client.kinds() == WHOLE
        response = done["response"]
        assert response["status"] == "completed" and response["output_modalities"] == ["audio"]
        (item,) = response["output"]
        assert item["content"] == [{"type": "output_audio", "transcript": "Not very much. And you?"}]
        assert client.text() == "Not very much. And you?"
        assert response["usage"]["total_tokens"] == sum(
            response["usage"][f"{side}_tokens"] for side in ("input", "output")
        )
        assert response["usage"]["output_tokens"] == 7
        # five words of 0.25 s, and the pause between two sentences
        assert abs(len(client.sound()) / 24_000 - (5 * 0.25 + 0.12)) < 0.1
        assert len({event["event_id"] for event in client.events}) == len(client.events)
        assert door.clock.now() - door_opened < SECOND  # and not as long as it takes to be said
        await asyncio.sleep(3)
        client.write("Go on.")
        await client.until("response.done")
        said = [(line.speaker, line.text) for line in door.model.prompts[-1].lines]
        assert said == [("person", "What is new?"), ("ada", "Not very much. And you?"), ("person", "Go on.")]

    door_opened = SECOND
    door = play(monkeypatch, tmp_path, story, "Not very much. And you?", "Well.")
    answers = [turn for turn in door.turns() if turn.kind == "answer"]
    assert next((turn.heard, turn.estimated) for turn in answers) == ("Not very much. And you?", True)
    assert {entry.of.partition(":")[0] for entry in door.entries} == {"api"}
    assert door.realtime.held == 0 and not any(door.admission.places.taken.values())


def test_a_session_keeps_a_run_and_has_a_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        door.ledger.keep_runs(RunKeeping(tmp_path / "runs"))
        client = door.open()
        client.write("What is new?")
        await client.until("response.done")
        await asyncio.sleep(5)

    door = play(monkeypatch, tmp_path, story, "Not very much. And you?")
    assert door.ledger.recorder is not None
    door.ledger.recorder.flush()
    door.ledger.recorder.close()
    (run,) = RunShelf(tmp_path / "runs").runs()
    assert (run.digest.what, run.digest.of.partition(":")[0], run.state) == ("talk", "api", RunState.OVER)
    talks = read_report([ReportSource(run.id, run.folder)], PRESETS["usual"]).talks
    assert talks is not None and talks.answers is not None and (talks.parts, talks.answers.count) == (1, 1)
    (row,) = talks.rows
    assert "sending" in row.stages and row.words == "What is new?"


def test_the_first_sound_has_left_before_the_next_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: list[int] = []

    class Counting(DeltaWriter):
        def feed(self, samples: Samples, *, last: bool) -> bytes:
            made.append(len(samples))
            return super().feed(samples, last=last)

    monkeypatch.setattr(realtime_answers, "DeltaWriter", Counting)
    at_delta: list[int] = []

    async def story(door: RealtimeDoor) -> None:
        client = door.open()
        send = client.wire.send

        async def noting(data: str | bytes) -> None:
            if "output_audio.delta" in str(data):
                at_delta.append(len(made))
            await send(data)

        client.wire.send = noting
        client.write("Count!")
        await client.until("response.done")

    play(monkeypatch, tmp_path, story, "one two three four five six seven eight nine ten eleven twelve.")
    assert len(at_delta) > 10
    assert at_delta == list(range(1, len(at_delta) + 1))


def test_the_next_message_does_not_cut_what_the_client_plays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open()
        client.write("Count!")
        await client.until("response.done")
        client.write("And on.")
        await client.until("response.done")
        assert [line.text for line in door.model.prompts[-1].lines] == ["Count!", "one two three.", "And on."]

    play(monkeypatch, tmp_path, story, "one two three.", "four.")


def test_text_alone_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open(output_modalities=["text"])
        client.write("What is new?")
        done = await client.until("response.done")
        assert client.text("output_text") == "Not much. And you?"
        assert done["response"]["output"][0]["content"] == [{"type": "output_text", "text": "Not much. And you?"}]
        assert not client.of("response.output_audio.delta")
        client.say("response.create", response={"output_modalities": ["audio"], "instructions": "Sing."})
        done = await client.until("response.done")
        assert len(client.sound()) > 12_000 and done["response"]["output_modalities"] == ["audio"]
        assert door.model.prompts[-1].speaker.description.endswith("Sing.")
        await asyncio.sleep(5)
        client.write("And now?")
        done = await client.until("response.done")
        assert done["response"]["output_modalities"] == ["text"]
        assert door.model.prompts[-1].speaker.description == "A calm woman."

    play(monkeypatch, tmp_path, story, "Not much. And you?", "La la la.", "Nothing.")


def test_what_was_said_before_is_given_changed_and_taken_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open(instructions="You love rain.")

        def message(role: str, text: str, item: dict[str, str] | None = None, **fields: object) -> None:
            kind = "output_text" if role == "assistant" else "input_text"
            content = [{"type": kind, "text": text}]
            made = {"type": "message", "role": role, "content": content, **(item or {})}
            client.say("conversation.item.create", item=made, **fields)

        message("user", "I am Bob.", item={"id": "bob"})
        message("assistant", "Hello Bob.", item={"id": "hello"})
        message("user", "I was here before.", previous_item_id="root")
        message("system", "Whisper.")
        client.write("Who am I?")
        await client.until("response.done")
        prompt = door.model.prompts[-1]
        assert prompt.speaker.description == "A calm woman.\nYou love rain.\nWhisper."
        assert [line.text for line in prompt.lines] == ["I was here before.", "I am Bob.", "Hello Bob.", "Who am I?"]
        client.say("conversation.item.retrieve", item_id="bob")
        found = await client.until("conversation.item.retrieved")
        assert found["item"]["content"] == [{"type": "input_text", "text": "I am Bob."}]
        await asyncio.sleep(3)
        client.say("conversation.item.delete", item_id="hello")
        assert (await client.until("conversation.item.deleted"))["item_id"] == "hello"
        client.write("Well?")
        await client.until("response.done")
        texts = [line.text for line in door.model.prompts[-1].lines]
        assert texts == ["I was here before.", "I am Bob.", "Who am I?", "You are Bob.", "Well?"]
        previous = [event.get("previous_item_id") for event in client.of("conversation.item.added")]
        assert previous[0] is None and previous[2] is None and previous[1] == "bob"

    play(monkeypatch, tmp_path, story, "You are Bob.", "Fine.")


# Spoken


def test_who_speaks_is_heard_and_answered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open(audio={"input": {"transcription": {"model": "whisper-1"}}})
        await client.until("session.created")
        await speak(client, [quiet(0.5), tone(1.2), quiet(2.0)], door.clock)
        done = await client.until("response.done")
        assert done["response"]["status"] == "completed"
        told = [kind for kind in client.kinds() if "audio_buffer" in kind or "item.input" in kind]
        assert told == [
            "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed",
            "conversation.item.input_audio_transcription.delta",
            "conversation.item.input_audio_transcription.completed",
        ]  # fmt: skip
        (started,) = client.of("input_audio_buffer.speech_started")
        (stopped,) = client.of("input_audio_buffer.speech_stopped")
        assert abs(started["audio_start_ms"] - 500) < 100 and abs(stopped["audio_end_ms"] - 1_700) < 150
        (heard,) = client.of("conversation.item.input_audio_transcription.completed")
        assert heard["transcript"] == "what is new" and heard["item_id"] == started["item_id"]
        assert abs(heard["usage"]["seconds"] - 1.2) < 0.2
        client.say("conversation.item.retrieve", item_id=heard["item_id"])
        item = (await client.until("conversation.item.retrieved"))["item"]
        assert item["content"] == [{"type": "input_audio", "transcript": "what is new"}]

    play(monkeypatch, tmp_path, story, "Not very much.", heard=[Hearing(evenly("what is new"))])


def test_telephone_sound_goes_both_ways(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        form = {"type": "audio/pcmu"}
        client = door.open(audio={"input": {"format": form}, "output": {"format": form}})
        await client.until("session.created")
        await speak(client, [quiet(0.4, 8_000), tone(1.0, 8_000), quiet(2.0, 8_000)], door.clock, "mu")
        await client.until("response.done")
        bytes_told = sum(len(event["delta"]) * 3 // 4 for event in client.of("response.output_audio.delta"))
        assert abs(bytes_told / 8_000 - 3 * 0.25) < 0.06

    play(monkeypatch, tmp_path, story, "Not very much.", heard=[Hearing(evenly("what is new"))])


def test_a_file_that_comes_at_once_is_heard_as_if_it_were_spoken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open(audio={"input": {"transcription": {"model": "whisper-1"}}})
        await client.until("session.created")
        began = door.clock.now()
        whole = np.concatenate([quiet(0.5), tone(1.2), quiet(2.0)])
        for at in range(0, len(whole), 12_000):
            client.append(whole[at : at + 12_000])
        await client.until("response.done")
        (heard,) = client.of("conversation.item.input_audio_transcription.completed")
        assert heard["transcript"] == "what is new"
        assert door.clock.now() - began > 1.7 * SECOND

    play(monkeypatch, tmp_path, story, "Not very much.", heard=[Hearing(evenly("what is new"))])


def test_who_interrupts_ends_the_response_and_what_was_heard_is_what_the_client_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open()
        client.write("Count!")
        first = await client.until("response.output_audio.delta")
        began = door.clock.now()
        async with asyncio.TaskGroup() as group:
            group.create_task(speak(client, [quiet(1.0), tone(1.0), quiet(2.0)], door.clock))
            await client.until("input_audio_buffer.speech_started")
            stopped(client, first["item_id"], (door.clock.now() - began) // 1_000_000)
        told = await client.until("conversation.item.truncated")
        assert 1_000 < told["audio_end_ms"] < 1_700
        await client.until("response.created")
        done = await client.until("response.done")
        assert done["response"]["status"] == "completed"
        lines = [(line.speaker, line.text) for line in door.model.prompts[-1].lines]
        assert lines == [
            ("person", "Count!"), ("ada", heard_in(told["audio_end_ms"])), ("person", "what is new"),
        ]  # fmt: skip
        client.say("conversation.item.retrieve", item_id=first["item_id"])
        item = (await client.until("conversation.item.retrieved"))["item"]
        assert item["status"] == "incomplete"
        assert item["content"][0]["transcript"] == heard_in(told["audio_end_ms"])

    door = play(monkeypatch, tmp_path, story, LONG, "Not much.", heard=[Hearing(evenly("what is new"))])
    answers = [turn for turn in door.turns() if turn.kind == "answer"]
    assert answers[0].interrupted and not answers[0].estimated


def stopped(client: RealtimeClient, item: str, milliseconds: int) -> None:
    """The client has stopped its sound there."""
    client.say("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=milliseconds)


def heard_in(milliseconds: int) -> str:
    """Of :data:`LONG`, whose words last 250 ms each, of which 200 sound."""
    return " ".join(LONG.split()[: (milliseconds + 50) // 250])


def test_a_cough_over_a_reply_ends_its_response_and_the_rest_is_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open()
        client.write("Count!")
        await client.until("response.output_audio.delta")
        await speak(client, [quiet(1.0), tone(0.35), quiet(3.0)], door.clock)
        await asyncio.sleep(4)
        client.say("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        statuses = [event["response"]["status"] for event in client.of("response.done")]
        assert statuses in (["cancelled", "completed"], ["completed", "completed"])
        transcripts = [event["transcript"] for event in client.of("response.output_audio_transcript.done")]
        assert transcripts[0].startswith("one two") and transcripts[1].endswith("sixteen.")
        assert not client.of("input_audio_buffer.committed")
        assert len(client.of("input_audio_buffer.speech_stopped")) == 1

    door = play(monkeypatch, tmp_path, story, LONG)
    answers = [turn for turn in door.turns() if turn.kind == "answer"]
    assert answers[0].heard == LONG


def test_a_response_is_cancelled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open()
        client.say("response.cancel", event_id="early")
        refused = await client.until("error")
        assert refused["error"]["code"] == "response_cancel_not_active" and refused["error"]["event_id"] == "early"
        client.write("Count!")
        await client.until("response.created")
        client.say("response.create")
        assert (await client.until("error"))["error"]["code"] == "conversation_already_has_active_response"
        client.say("response.cancel")
        done = await client.until("response.done")
        assert done["response"]["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
        assert not client.of("input_audio_buffer.speech_started")
        await asyncio.sleep(1)
        client.write("Again.")
        assert (await client.until("response.done"))["response"]["status"] == "completed"

    play(monkeypatch, tmp_path, story, LONG, "Fine.", think=1.0)


def test_who_cancels_a_response_may_ask_for_another_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open()
        client.write("Count!")
        await client.until("response.created")
        client.say("response.cancel")
        client.say("response.create")
        began = door.clock.now()
        while len(client.of("response.done")) < 2:
            await client.until("response.done")
        assert [event["response"]["status"] for event in client.of("response.done")] == ["cancelled", "completed"]
        assert door.clock.now() - began < 15 * SECOND, "it waits for no silence"

    play(monkeypatch, tmp_path, story, LONG, "Fine.", think=0.5)


# The client says when a turn is over


def test_what_is_appended_is_a_turn_when_it_is_committed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open(audio={"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}})
        await client.until("session.created")
        client.append(tone(0.05))
        client.say("input_audio_buffer.commit")
        assert (await client.until("error"))["error"]["code"] == "input_audio_buffer_commit_empty"
        client.append(tone(3.0)[:48_000])
        client.say("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        began = door.clock.now()
        for _ in range(3):
            client.append(tone(0.5))
        client.say("input_audio_buffer.commit")
        client.say("response.create")
        await client.until("response.done")
        assert door.clock.now() - began < 0.5 * SECOND  # it was there at once, and so is the answer
        (committed,) = client.of("input_audio_buffer.committed")
        (heard,) = client.of("conversation.item.input_audio_transcription.completed")
        assert heard["transcript"] == "what is new" and heard["item_id"] == committed["item_id"]
        assert not client.of("input_audio_buffer.speech_started")
        assert [line.text for line in door.model.prompts[-1].lines] == ["what is new"]

    play(monkeypatch, tmp_path, story, "Not much.", heard=[Hearing(), Hearing(evenly("what is new"))])


def test_turns_that_are_not_answered_wait_for_response_create(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open(audio={"input": {"turn_detection": {"type": "server_vad", "create_response": False}}})
        await client.until("session.created")
        await speak(client, [quiet(0.4), tone(1.0), quiet(3.0)], door.clock)
        await client.until("conversation.item.done")
        await asyncio.sleep(3)
        assert not client.of("response.created") and not door.model.prompts
        client.say("response.create")
        await client.until("response.done")
        assert [line.text for line in door.model.prompts[-1].lines] == ["what is new"]

    play(monkeypatch, tmp_path, story, "Not much.", heard=[Hearing(evenly("what is new"))])


@pytest.mark.parametrize("detection", [None, {"type": "server_vad", "create_response": False}, {"type": "server_vad"}])
def test_nothing_is_said_into_a_silence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, detection: dict[str, object] | None
) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open(audio={"input": {"turn_detection": detection}})
        await client.until("session.created")
        await asyncio.sleep(90)
        assert not door.model.prompts
        client.write("What is new?")
        await client.until("response.done")
        await asyncio.sleep(90)
        client.say("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        assert len(client.of("response.created")) == len(door.model.prompts) == 1

    play(monkeypatch, tmp_path, story, "Not much.", "Are you there?")


@pytest.mark.parametrize("said", ["what is new", "", None])
def test_a_response_that_is_asked_for_while_somebody_is_heard_answers_them_as_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str | None
) -> None:
    """Or begins by itself where that was nothing; None: the client has it forgotten."""

    async def story(door: RealtimeDoor) -> None:
        client = door.open()
        await client.until("session.created")
        async with asyncio.TaskGroup() as group:
            group.create_task(speak(client, [quiet(0.4), tone(1.0 if said else 0.4), quiet(3.0)], door.clock))
            await client.until("input_audio_buffer.speech_started")
            client.say("response.create", response={"instructions": "Sing.", "metadata": {"a": "b"}})
            began = door.clock.now()
            client.say("response.create", event_id="second")
            assert (await client.until("error"))["error"]["event_id"] == "second"
            if said is None:
                client.say("input_audio_buffer.clear")
            response = (await client.until("response.created"))["response"]
        assert door.clock.now() - began < 5 * SECOND and response["metadata"] == {"a": "b"}
        await client.until("response.done")
        prompt = door.model.prompts[-1]
        assert [line.text for line in prompt.lines] == ([said] if said else [])
        assert prompt.speaker.description.endswith("Sing.")
        await asyncio.sleep(5)
        client.write("And now?")
        done = await client.until("response.done")
        assert (len(client.of("response.created")), done["response"]["metadata"]) == (2, None)
        assert door.model.prompts[-1].speaker.description == "A calm woman."

    play(monkeypatch, tmp_path, story, "La la la.", "Nothing.", heard=[Hearing(evenly(said or ""))])


def test_what_a_cancelled_wish_said_is_forgotten(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open()
        await client.until("session.created")
        async with asyncio.TaskGroup() as group:
            group.create_task(speak(client, [quiet(0.4), tone(1.0), quiet(3.0)], door.clock))
            await client.until("input_audio_buffer.speech_started")
            client.say("response.create", response={"instructions": "Sing.", "metadata": {"a": "b"}})
            client.say("response.cancel")
            response = (await client.until("response.created"))["response"]
        assert response["metadata"] is None
        await client.until("response.done")
        assert door.model.prompts[-1].speaker.description == "A calm woman."

    play(monkeypatch, tmp_path, story, "Not much.", heard=[Hearing(evenly("what is new"))])


# What clients do


@pytest.mark.parametrize(
    ("said", "param", "code"),
    [
        ("{", None, "invalid_json"),
        ("[" * 100_000, None, "invalid_json"),
        ("[1]", None, "invalid_json"),
        ({"type": "response.crate"}, "type", "invalid_value"),
        ({"type": 7}, "type", "invalid_value"),
        ({"type": "output_audio_buffer.clear"}, "type", "invalid_value"),
        ({"type": "response.create", "response": {"conversation": "none"}}, "response.conversation", "invalid_value"),
        ({"type": "response.create", "response": {"input": [{"type": "message"}]}}, "response.input", "invalid_value"),
        ({"type": "input_audio_buffer.append"}, "audio", "missing_required_parameter"),
        ({"type": "input_audio_buffer.append", "audio": "%%%"}, "audio", "invalid_value"),
        ({"type": "input_audio_buffer.append", "audio": "AAAA"}, "audio", "invalid_value"),
        ({"type": "input_audio_buffer.append", "audio": 5}, "audio", "invalid_value"),
        ({"type": "input_audio_buffer.commit"}, None, "input_audio_buffer_commit_empty"),
        ({"type": "conversation.item.retrieve", "item_id": "none"}, "item_id", "item_not_found"),
        ({"type": "conversation.item.delete", "item_id": "none"}, "item_id", "item_not_found"),
        (
            {"type": "conversation.item.truncate", "item_id": "none", "content_index": 0, "audio_end_ms": 5},
            "item_id", "item_not_found",
        ),
        (
            {"type": "conversation.item.truncate", "item_id": "none", "content_index": 0, "audio_end_ms": -5},
            "audio_end_ms", "invalid_value",
        ),
        ({"type": "conversation.item.create", "item": {"type": "mcp_call"}}, "item.type", "invalid_value"),
        ({"type": "conversation.item.create", "item": {"type": "message"}}, "item.role", "missing_required_parameter"),
        (
            {"type": "session.update", "session": {"type": "transcription"}}, "session.type", "invalid_value",
        ),
        (
            {"type": "session.update", "session": {"audio": {"input": {"noise_reduction": {"type": "near_field"}}}}},
            "session.audio.input.noise_reduction", "invalid_value",
        ),
        (
            {"type": "session.update", "session": {"audio": {"output": {"speed": 1.2}}}},
            "session.audio.output.speed", "invalid_value",
        ),
        (
            {"type": "session.update", "session": {"audio": {"output": {"voice": "nobody"}}}},
            "session.audio.output.voice", "invalid_value",
        ),
        (
            {"type": "session.update", "session": {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 9}}}}},
            "session.audio.input.format.rate", "invalid_value",
        ),
        ({"type": "session.update", "session": {"tool_choice": "required"}}, "session.tool_choice", "invalid_value"),
        ({"type": "session.update", "session": {"mood": "gay"}}, "session.mood", "unknown_parameter"),
        (
            {"type": "session.update", "session": {"output_modalities": ["audio", "text"]}},
            "session.output_modalities", "invalid_value",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_by_name_and_the_session_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: object, param: str | None, code: str
) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open()
        whole = isinstance(said, dict)
        client.wire.put({**cast("dict[str, object]", said), "event_id": "mine"} if whole else said)
        error = (await client.until("error"))["error"]
        assert (error["param"], error["code"], error["type"]) == (param, code, "invalid_request_error")
        assert error["event_id"] == ("mine" if whole else None)
        client.write("Hello?")
        assert (await client.until("response.done"))["response"]["status"] == "completed"

    play(monkeypatch, tmp_path, story, "Yes.")


def test_items_that_are_there_are_not_made_twice_nor_truncated_beyond_their_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open()
        item = {"type": "message", "id": "a", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
        for _ in range(2):
            client.say("conversation.item.create", item=item)
        assert (await client.until("error"))["error"]["code"] == "item_exists"
        client.say("conversation.item.create", item={**item, "id": "b"}, previous_item_id="nobody")
        assert (await client.until("error"))["error"]["param"] == "previous_item_id"
        client.say("conversation.item.truncate", item_id="a", content_index=0, audio_end_ms=0)
        assert (await client.until("error"))["error"]["param"] == "item_id"
        client.say("response.create")
        done = await client.until("response.done")
        made = done["response"]["output"][0]["id"]
        for milliseconds in (90_000, 1 << 39):
            client.say("conversation.item.truncate", item_id=made, content_index=0, audio_end_ms=milliseconds)
            assert "already shorter" in (await client.until("error"))["error"]["message"]
        client.say("conversation.item.truncate", item_id=made, content_index=1, audio_end_ms=10)
        assert (await client.until("error"))["error"]["param"] == "item_id"
        client.say("conversation.item.delete", item_id=made)
        assert (await client.until("error"))["error"]["code"] == "item_in_use"

    play(monkeypatch, tmp_path, story, "Yes.")


def test_a_session_is_updated_and_says_what_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story(door: RealtimeDoor) -> None:
        client = door.open()
        created = (await client.until("session.created"))["session"]
        assert created["audio"]["input"]["turn_detection"]["type"] == "server_vad"
        assert created["audio"]["output"] == {
            "format": {"type": "audio/pcm", "rate": 24_000}, "voice": "ada", "speed": 1.0,
        }  # fmt: skip
        client.update(
            tracing="auto", instructions="Be brief.", tools=[WEATHER], max_output_tokens=40,
            audio={
                "input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}},
                "output": {"voice": "high", "speed": 1},
            },
        )  # fmt: skip
        updated = (await client.until("session.updated"))["session"]
        assert updated["audio"]["output"]["voice"] == "high" and updated["tools"][0]["name"] == "weather"
        assert updated["max_output_tokens"] == 40
        client.write("Hello!")
        await client.until("response.done")
        assert door.voice.calls[-1] == ("Yes.", "high")
        prompt = door.model.prompts[-1]
        assert prompt.max_words == 30 and prompt.tools is not None and list(prompt.tools.toolbox.tools) == ["weather"]

    play(monkeypatch, tmp_path, story, "Yes.")
