"""What conversations share, what waits for whom, and who looks on."""

from __future__ import annotations

import asyncio

import pytest
from session_doubles import ADA, LoudVoice, Says, Talk

from duologue.dialogue.ports import Voiced
from duologue.dialogue.session.mouth import AT_HAND
from duologue.dialogue.session.session import Session, SessionEngines
from duologue.dialogue.session.sink import PacedSink
from duologue.dialogue.turns.vocabulary import Effect, Event
from duologue.language.fake import ScriptedReply
from duologue.language.languages import ENGLISH
from duologue.language.moderation import Moderator
from duologue.simulation.virtual_time import LoopClock, simulate

APOLOGIES = {stage: text for stage, text in ENGLISH.apologies.model_dump().items() if stage in AT_HAND}

ASKS = Says(1.0, "what time is it please Ada")


class OneVoice(LoudVoice):
    """Voices one thing at a time, half a second each, and keeps what."""

    def __init__(self, clock: LoopClock) -> None:
        super().__init__(clock, 0.5)
        self.place = asyncio.Lock()
        self.texts: list[str] = []

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        async with self.place:
            self.texts.append(text)
            return await super().voice(text, speaker, utterance_id)


def test_what_is_prepared_does_not_keep_the_greeting_waiting() -> None:
    talk = Talk([], [ScriptedReply("Hello there. How are you?", 0.0)], greet=True, seconds=12.0)
    talk.voice = voice = OneVoice(talk.clock)
    simulate(talk.run())
    assert talk.sounding()[0][0] == pytest.approx(0.5, abs=0.05)
    assert voice.texts[:2] == ["Hello there.", "How are you?"]
    assert set(voice.texts[2:]) == {*APOLOGIES.values(), *ADA.fillers}


def test_conversations_with_the_same_engines_prepare_once() -> None:
    talk = Talk([], [ScriptedReply("Hello there.")] * 9, seconds=4.0)
    talk.voice = voice = OneVoice(talk.clock)

    async def two() -> None:
        await talk.ears.warm_up()
        engines = SessionEngines(talk.activity, talk.ears, talk.model, voice, Moderator())
        sink = PacedSink(talk.played.append, lambda report: None, talk.clock)
        async with asyncio.TaskGroup() as group:
            for begin in (0.0, 1.2):
                await asyncio.sleep(begin)
                session = Session(ADA, engines, sink, clock=talk.clock)
                group.create_task(session.run(talk.source()))

    simulate(two())
    assert sorted(voice.texts) == sorted([*APOLOGIES.values(), *ADA.fillers])


def test_an_observer_that_raises_ends_nothing_and_is_told_of_once(capsys: pytest.CaptureFixture[str]) -> None:
    talk = Talk([ASKS], [ScriptedReply("It is noon.")] * 2)

    def broken(item: Event | Effect, now: int) -> None:
        raise ZeroDivisionError("broken")

    async def main() -> None:
        await talk.ears.warm_up()
        engines = SessionEngines(talk.activity, talk.ears, talk.model, talk.voice, Moderator())
        talk.sink = PacedSink(talk.played.append, lambda report: talk.session.notify(report), talk.clock)
        talk.session = Session(ADA, engines, talk.sink, clock=talk.clock, observe=broken)
        async with asyncio.TaskGroup() as group:
            floor = group.create_task(talk.sink.run())
            await talk.session.run(talk.source())
            floor.cancel()

    simulate(main())
    assert talk.context() == [("person", ASKS.text), ("ada", "It is noon.")]
    printed = capsys.readouterr().out
    assert printed.count("an observer failed") == 1 and "broken" in printed
