"""What a page is told of a conversation with a person: its turns while they grow, by topic, and from where it stood."""

from __future__ import annotations

import numpy as np
import pytest
from engine_doubles import ADA, LimitedEar, SlowLanguage, install

from duologue.app.bus import Published
from duologue.app.house.house import House
from duologue.app.models import StateEvent, TalkEvent, TalkTurnEvent, TalkTurnView
from duologue.app.talking.sound import talk_over
from duologue.app.talking.turns import KEPT, TalkTurns
from duologue.audio.pcm import RATE
from duologue.dialogue.recording import ConversationRecorder
from duologue.dialogue.session.session import SessionOptions
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import (
    Adopt,
    Commit,
    DropStretch,
    Effect,
    Event,
    Sounds,
    SpeechStarted,
    Think,
    Understood,
    Withdrawn,
)
from duologue.settings import load_settings
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.fake import FakeSpeech
from duologue.speech.hearing_fake import Hearing, Loudness, evenly
from duologue.speech.utterance import Utterance

SPOKEN = Hearing(evenly("so this is what I wanted to say", 0.0))


def sentence(text: str) -> Utterance:
    return Utterance("u", "ada", text, np.zeros(10, np.float32))


def told(turns: TalkTurns, *items: Event | Effect) -> list[tuple[int, str, str, str, str | None]]:
    found = [turn for item in items for turn in turns.take(item)]
    return [(turn.number, turn.speaker, turn.state, turn.text, turn.heard) for turn in found]


def test_an_exchange_grows_turn_by_turn() -> None:
    turns = TalkTurns("ada")
    assert told(turns, SpeechStarted(0), Understood(1, "what"), Understood(1, "what"), Understood(1, "what time")) == [
        (0, "person", "hearing", "what", None),
        (0, "person", "hearing", "what time", None),
    ]
    assert told(turns, Think("r1", "what time", True)) == []  # it may yet be withdrawn without a trace
    assert told(turns, Adopt("r1", "what time is it")) == [
        (0, "person", "ended", "what time is it", None),
        (1, "ada", "thinking", "", None),
    ]
    assert told(turns, Understood(1, "what time is it, now")) == []  # of a turn that is answered
    assert told(turns, Sounds("r1", sentence("It is noon."), 5), Sounds("r1", sentence("Why?"), 6)) == [
        (1, "ada", "speaking", "It is noon.", None),
        (1, "ada", "speaking", "It is noon. Why?", None),
    ]
    assert told(turns, Commit("what time is it", "It is noon.", "r1", True)) == [
        (1, "ada", "interrupted", "It is noon. Why?", "It is noon.")
    ]


def test_a_turn_whose_reply_nobody_heard_goes_on_as_the_same() -> None:
    turns = TalkTurns("ada")
    told(turns, Understood(1, "what time"), Think("r1", "what time", False))
    assert told(turns, Withdrawn("r1", 1), Understood(2, "is it")) == [
        (1, "ada", "withdrawn", "", None),
        (0, "person", "hearing", "what time", None),
        (0, "person", "hearing", "what time is it", None),
    ]
    assert told(turns, Understood(1, "at what time"))[-1][3] == "at what time is it"
    assert [line[:3] for line in told(turns, Think("r2", "at what time is it", False))] == [
        (0, "person", "ended"),
        (2, "ada", "thinking"),
    ]


def test_a_cough_is_no_turn_and_the_owners_words_are_one() -> None:
    turns = TalkTurns("ada")
    assert told(turns, Understood(1, ""), DropStretch(1)) == []
    assert told(turns, Sounds("r1", sentence("One moment."), 5), Commit("", "One moment.", "r1", False)) == [
        (0, "ada", "speaking", "One moment.", None),
        (0, "ada", "ended", "One moment.", "One moment."),
    ]


def test_what_is_kept_is_bounded() -> None:
    turns = TalkTurns("ada")
    for number in range(100):
        told(turns, Understood(number, "x" * 100_000), Think(f"r{number}", "x" * 100_000, False))
        told(turns, Sounds(f"r{number}", sentence("y" * 100_000), 1), Commit("x", "y" * 100_000, f"r{number}", False))
    assert len(turns.newest) == KEPT and sum(len(turn.model_dump_json()) for turn in turns.newest) < KEPT * 9_000


def test_a_reader_of_a_talk_follows_it_and_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        clock = LoopClock()
        ear = LimitedEar(SPOKEN, 2, limit_known=True, clock=clock)
        install(
            monkeypatch, llm=lambda name: SlowLanguage(), tts=lambda name: FakeSpeech(clock=clock),
            stt=lambda name: ear, vad=lambda name: Loudness(),
        )  # fmt: skip
        house = House(load_settings({"serve.show": False, "serve.talk": True}), clock=clock)
        assert house.talk is not None
        options = SessionOptions(greet=False, policy=Policy(speculate=False))
        async with house.engines.open(), house.talk.open(ADA) as partner:
            [view] = house.talk.open_now
            topic = frozenset({f"talk:{view.id}"})
            reader, other = house.bus.subscribe(topic), house.bus.subscribe(frozenset({"talk:another"}))
            [first] = await reader.take()
            assert isinstance(first.event, StateEvent) and first.event.state.house.talks == (view,)
            sound = np.full(round(2.5 * RATE), 0.5, np.float32)
            await talk_over(partner, sound, ConversationRecorder(), options, clock=clock)
            events = await reader.take()
            turns = grown(events)
            assert len({turn.number for turn in turns}) == 2 and turns[0].state == "hearing"
            assert turns[-1].speaker == ADA.name and turns[-1].state == "ended" and turns[-1].heard
            assert [turn for turn in turns if turn.speaker == "person"][-1].text == " ".join(
                w.text for w in SPOKEN.words
            )
            half = len(events) // 2
            again = await house.bus.subscribe(topic, after=events[half - 1].id).take()
            assert [each.id for each in again] == [each.id for each in events[half:]]
            [late] = await house.bus.subscribe(topic).take()
            assert isinstance(late.event, StateEvent)
            assert late.event.state.house.talks[0].turns == tuple({turn.number: turn for turn in turns}.values())
            assert len(await other.take()) == 1  # its state
        assert isinstance((await reader.take())[-1].event, TalkEvent)
        house.bus.close()
        assert await other.take() == []

    simulate(story())


def grown(events: list[Published]) -> list[TalkTurnView]:
    return [each.event.turn for each in events if isinstance(each.event, TalkTurnEvent)]
