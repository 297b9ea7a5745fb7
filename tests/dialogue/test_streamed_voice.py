"""A voice that streams: what it gives first is played first; all else holds for it as for whole sentences."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import numpy as np
import pytest
from session_doubles import ADA, WORD_SECONDS, LoudVoice, Says, Talk, loud_utterance

from duologue.clock import SECOND
from duologue.dialogue.ports import PlayStarted, Voiced
from duologue.dialogue.replies.replies import SentenceVoicing
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import (
    AudioGrew,
    Clear,
    EngineFailed,
    Note,
    Play,
    Stage,
    Think,
    VoiceSentence,
)
from duologue.errors import PeerError
from duologue.language.fake import ScriptedReply
from duologue.language.languages import ENGLISH
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.utterance import Utterance

APOLOGIES = ENGLISH.apologies.model_dump()

ASKS = Says(1.0, "what time is it please Ada")
LONG = "It is nearly noon in this quiet little town by the wide and very old river that runs down to the sea"
PLAIN = Policy(speculate=False)


def beginning(whole: Utterance, words: int) -> Utterance:
    """The first ``words`` words of it."""
    marks = whole.words()[:words]
    return replace(whole, samples=whole.samples[: marks[-1].end], marks=tuple(marks), open=words < len(whole.words()))


class Streams(LoudVoice):
    """The first word after 0.2 s, then one each ``word`` seconds; ``breaks`` after so many words, ``stalls`` instead.
    What is no sentence of a reply it voices whole.
    """

    def __init__(self, clock: LoopClock, word: float = 0.1, breaks: int = 0, stalls: bool = False) -> None:
        super().__init__(clock, 0.05)
        self.word, self.breaks, self.stalls = word, breaks, stalls
        self.running = 0
        self.given: list[str] = []

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        if "/" not in utterance_id or len(text.split()) == 1:
            return await super().voice(text, speaker, utterance_id)
        self.given.append(utterance_id)
        await asyncio.sleep(0.2)
        whole = loud_utterance(text, speaker, utterance_id)
        return Voiced(beginning(whole, 1), self.clock.now(), self._more(whole))

    async def _more(self, whole: Utterance) -> AsyncGenerator[Utterance, None]:
        self.running += 1
        try:
            for count in range(2, len(whole.words()) + 1):
                if self.breaks and count > self.breaks:
                    if self.stalls:
                        await asyncio.Event().wait()
                    raise PeerError("the voice broke")
                await asyncio.sleep(self.word)
                yield beginning(whole, count)
        finally:
            self.running -= 1


def talk_with(
    *script: Says, text: str = LONG, policy: Policy = PLAIN, word: float = 0.1, breaks: int = 0, stalls: bool = False,
    late: float = 0.0,
) -> Talk:  # fmt: skip
    talk = Talk(script or [ASKS], [ScriptedReply(text, 0.1)] * 9, policy=policy, seconds=24.0)
    talk.voice = voice = Streams(talk.clock, word, breaks, stalls)
    talk.report_seconds = late
    simulate(talk.run())
    assert voice.running == 0, "a stream was left open"
    return talk


def first(talk: Talk, kind: type) -> float:
    return next(at for at, item in talk.log if isinstance(item, kind)) / SECOND


@pytest.mark.parametrize("text", ["It is noon", LONG, f"{LONG} {LONG.lower()}"])
def test_the_first_sound_comes_with_the_first_piece_however_long_the_sentence_is(text: str) -> None:
    talk = talk_with(text=text)
    began = next(item.at_ns for _, item in talk.log if isinstance(item, PlayStarted)) / SECOND
    asked = first(talk, VoiceSentence)
    assert asked == first(talk, Think) + 0.1
    assert 0.2 <= began - asked <= 0.2201
    answer = talk.context()[1][1].rstrip(".")  # a very long one meets the persona's cap
    assert text.startswith(answer) and len(answer) >= min(len(text), 150)
    (begin, end), *rest = talk.sounding()
    assert not rest and end - begin == pytest.approx(WORD_SECONDS * len(answer.split()), abs=0.06)


def test_an_engine_slower_than_its_sound_leaves_gaps_and_loses_nothing() -> None:
    talk = talk_with(text="It is noon in town", word=0.6)
    assert talk.context()[1] == ("ada", "It is noon in town")
    assert len(talk.sounding()) == 5


@pytest.mark.parametrize("late", [0.0, 0.1])
def test_an_interruption_stops_the_stream_and_keeps_what_was_heard(late: float) -> None:
    talk = talk_with(ASKS, Says(4.5, "wait a moment please"), late=late)
    heard = talk.context()[1][1]
    begin = talk.sounding()[0][0]
    cleared = first(talk, Clear)
    assert LONG.startswith(heard) and len(heard.split()) == int((cleared - begin) / WORD_SECONDS + 0.1)
    assert talk.context()[2] == ("person", "wait a moment please")


def test_a_cough_holds_a_sentence_that_still_grows_and_it_goes_on_whole() -> None:
    talk = talk_with(ASKS, Says(4.2, seconds=0.3))
    assert Note.FALSE_ALARM in talk.notes()
    assert talk.context()[1] == ("ada", LONG)


def test_a_speculation_is_voiced_as_far_as_it_comes_and_heard_when_it_is_adopted() -> None:
    talk = talk_with(policy=Policy(), word=0.02)
    assert Note.SPECULATION_HIT in talk.notes()
    played = next(item.utterance for _, item in talk.log if isinstance(item, Play))
    assert played.open and len(played.words()) > 1
    assert talk.context()[1] == ("ada", LONG)


@pytest.mark.parametrize("stalls", [False, True])
def test_what_breaks_off_is_heard_as_far_as_it_came_and_apologised_for(stalls: bool) -> None:
    talk = talk_with(text="It is nearly noon in town", breaks=3, stalls=stalls)
    assert talk.context()[1] == ("ada", f"It is nearly {APOLOGIES[Stage.VOICING]}")
    failed = [item for _, item in talk.log if isinstance(item, EngineFailed)]
    assert [(item.stage, item.index) for item in failed] == [(Stage.VOICING, 0)]
    assert ("stood still for 5.5 s" if stalls else "the voice broke") in failed[0].what


def test_a_sentence_that_is_given_up_grows_no_more() -> None:
    talk = talk_with(ASKS, Says(4.5, "wait a moment please"))
    cleared = first(talk, Clear)
    grown = [at / SECOND for at, item in talk.log if isinstance(item, AudioGrew) and item.reply == "r1"]
    assert grown and max(grown) <= cleared


class Once:
    """A stream that ends as it is told to."""

    def __init__(self, *pieces: Utterance, error: Exception | None = None) -> None:
        self.pieces, self.error, self.calls = pieces, error, 0

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        self.calls += 1
        return Voiced(self.pieces[0], more=self._more())

    async def _more(self) -> AsyncGenerator[Utterance, None]:
        for piece in self.pieces[1:]:
            yield piece
        if self.error:
            raise self.error


WHOLE = loud_utterance("one two three", ADA.name, "u")


async def test_who_wants_it_whole_gets_it_whole() -> None:
    attempt = await SentenceVoicing(Once(beginning(WHOLE, 1), beginning(WHOLE, 2), WHOLE)).voice(
        "one two three", "ada", "u"
    )
    assert attempt.voiced and attempt.voiced.utterance is WHOLE and attempt.voiced.more is None


@pytest.mark.parametrize(
    ("pieces", "what"),
    [
        ((beginning(WHOLE, 1), beginning(WHOLE, 2)), "broke off"),
        ((beginning(WHOLE, 2), beginning(WHOLE, 1)), "took back"),
        ((beginning(WHOLE, 1), replace(WHOLE, samples=np.full(9, np.nan, np.float32))), "not a number"),
    ],
)
async def test_nonsense_in_the_middle_is_an_error(pieces: tuple[Utterance, ...], what: str) -> None:
    voice = Once(*pieces)
    attempt = await SentenceVoicing(voice).voice("one two three", "ada", "u")
    assert attempt.voiced is None and voice.calls == 2 and all(what in each for each in attempt.failures)
    taken: list[Utterance] = []

    async def take(utterance: Utterance) -> None:
        taken.append(utterance)

    attempt = await SentenceVoicing(Once(*pieces)).voice("one two three", "ada", "u", take)
    assert what in attempt.broken_off and not attempt.failures
    assert not taken[-1].open and "one two three".startswith(taken[-1].text)
