"""More people than engines can hear: nobody waits unheard, and nobody is told that they were not understood."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import numpy as np
import pytest
from engine_doubles import ADA, LimitedEar, SlowLanguage, install

from duologue.app.admission import Admission, PlaceKind, PlaceTaken
from duologue.app.engines.engines import EnginePool
from duologue.app.house.shared import Shared, TalkListener
from duologue.app.models import TalkView
from duologue.app.talking.captions import Caption, CaptionKind, Captions
from duologue.app.talking.sound import talk_over
from duologue.app.talking.talking import Talk
from duologue.audio.pcm import RATE, Samples
from duologue.clock import SECOND
from duologue.dialogue.recording import ConversationRecorder
from duologue.dialogue.session.session import SessionOptions
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import Effect, Event
from duologue.settings import load_settings
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.fake import FakeSpeech
from duologue.speech.hearing_fake import Hearing, Loudness, evenly
from duologue.telemetry.stream import Ledger

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

NOT_UNDERSTOOD = "I need a moment"
WORDS = Hearing(evenly("so this is what I wanted to say", 0.0))
OPTIONS = SessionOptions(greet=False, policy=Policy(speculate=False))


def speech(seconds: float) -> Samples:
    return np.full(round(seconds * RATE), 0.5, np.float32)


@dataclass
class Person:
    """Somebody who talks for so many seconds, and what came of it."""

    seconds: float
    patience: float | None = 0.0
    captions: list[Caption] = field(default_factory=list[Caption])
    waited_behind: list[int] = field(default_factory=list[int])
    refused_at: float | None = None
    answered_at: float | None = None

    async def talk(self, talk: Talk, clock: LoopClock) -> None:
        took = Captions()

        def see(item: Event | Effect, now: int) -> None:
            if caption := took.take(item):
                self.captions.append(caption)

        try:
            async with talk.open(ADA, patience=self.patience, waits=self.waited_behind.append) as partner:
                await talk_over(
                    partner, speech(self.seconds), ConversationRecorder(), OPTIONS, observe=see, clock=clock
                )
                self.answered_at = clock.now() / SECOND
        except PlaceTaken:
            self.refused_at = clock.now() / SECOND

    def said(self) -> str:
        return " ".join(caption.text for caption in self.captions if caption.kind is CaptionKind.SAID)


def converse(monkeypatch: pytest.MonkeyPatch, *people: Person, limit_known: bool = True) -> Admission:
    """All of them, half a second after one another, on ears for two."""
    clock = LoopClock()
    ear = LimitedEar(WORDS, 2, limit_known=limit_known, clock=clock)
    install(
        monkeypatch, llm=lambda name: SlowLanguage(), tts=lambda name: FakeSpeech(clock=clock), stt=lambda name: ear,
        vad=lambda name: Loudness(),
    )  # fmt: skip

    async def story() -> Admission:
        settings = load_settings()
        pool = EnginePool(settings)
        admission = Admission(pool.at_once)
        views: list[TalkView] = []
        talk = Talk(settings, Shared(pool, admission, Ledger(clock), clock), TalkListener(views.append))
        async with pool.open(), talk.warm(), asyncio.TaskGroup() as group:
            for person in people:
                group.create_task(person.talk(talk, clock))
                await asyncio.sleep(0.5)
        began = [view.id for view in views if view.ended is None]
        assert sorted(began) == sorted(view.id for view in views if view.ended is not None)
        assert talk.open_now == () and not +admission.places.taken
        return admission

    return simulate(story())


def test_without_a_count_the_third_speaker_waits_unheard_and_is_told_nonsense(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the count is for; were this not so, the tests below would show nothing."""
    third = Person(3.0)
    converse(monkeypatch, Person(60.0), Person(60.0), third, limit_known=False)
    assert NOT_UNDERSTOOD in third.said()


def test_the_third_speaker_is_refused_at_once_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = people = Person(60.0), Person(60.0), Person(3.0)
    admission = converse(monkeypatch, *people)
    assert third.refused_at == 1.0 and not third.captions
    assert admission.places.refused == {PlaceKind.LISTENER: 1}
    for person in (first, second):
        assert person.answered_at is not None and NOT_UNDERSTOOD not in person.said()


def test_or_waits_with_a_word_until_a_place_is_free_and_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    _, second, third = people = Person(60.0), Person(20.0), Person(3.0, patience=None)
    admission = converse(monkeypatch, *people)
    assert third.waited_behind == [0] and third.refused_at is None
    assert second.answered_at is not None and third.answered_at is not None
    assert third.answered_at > second.answered_at
    for person in people:
        assert person.said() and NOT_UNDERSTOOD not in person.said()
    assert admission.places.waited == {PlaceKind.LISTENER: 1}


def test_patience_that_ends_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    third = Person(3.0, patience=5.0)
    converse(monkeypatch, Person(60.0), Person(60.0), third)
    assert third.refused_at == 6.0 and third.waited_behind == [0]
