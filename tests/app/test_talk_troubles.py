"""What who talks is told of what goes wrong: what it means to them, in no word of the house's own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from talk_doubles import Door
from test_talk_session import begun, play

from duologue.app.talk import messages as say
from duologue.app.talk.troubles import told_of
from duologue.dialogue.turns.vocabulary import Apologise, Effect, EngineFailed, Event, HandedOver, Note, Report, Stage
from duologue.language.fake import ScriptedReply

FAILING = ScriptedReply("Yes.", failure="10.0.0.7:11434 refused", pieces=0)
OURS = ("thinking", "voicing", "noticing", "hearing", "engine", "floor", "transcript", "loop", "stage", " ms")
"""What means nothing to who has not read our code."""


def every() -> list[Event | Effect]:
    reports = [Report(note, "no sign of the floor", 12_000.0, stage) for note in Note for stage in Stage]
    sorry = [Apologise("r1", 0, stage, missed) for stage in Stage for missed in (False, True)]
    spare = [HandedOver(stage, "the engine failed: [Errno 111]; espeak took over") for stage in Stage]
    return [*reports, *sorry, *spare]


def test_no_word_of_the_houses_own_reaches_who_talks() -> None:
    told = list(filter(None, map(told_of, every())))
    assert len(set(told)) == 6
    for text, remedy in told:
        assert text.endswith(".") and "Errno" not in text
        assert [word for word in OURS if word in f"{text} {remedy}".lower()] == []


def test_what_was_mended_by_another_try_is_told_to_nobody() -> None:
    for stage in Stage:
        assert told_of(EngineFailed(stage, "it broke off", reply="r1")) is None
    assert told_of(Report(Note.FAILED, "it broke off", stage=Stage.VOICING)) is None


def test_an_answer_that_does_not_come_is_told_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    notices: list[tuple[str, str]] = []

    async def story(door: Door) -> None:
        door.model.script[:] = [FAILING] * 9
        client, _ = door.client()

        def told(message: say.FromServer) -> None:
            if isinstance(message, say.TalkNotice):
                notices.append((message.text, message.remedy))

        client.told = told
        async with asyncio.TaskGroup() as group:
            await begun(group, client)
            client.say("Are you there?")
            await client.until(lambda: bool(client.turns) and client.turns[-1].state == "ended")
            await asyncio.sleep(1.0)
            client.leave()

    door = play(monkeypatch, tmp_path, story, "Yes.")
    assert notices == [("There was no answer.", "Ask again.")]
    assert "refused" in "".join(turn.failure for turn in door.turns()), "who runs the house is told why"
