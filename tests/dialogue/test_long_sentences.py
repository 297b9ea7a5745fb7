"""Sentences of any length on voices of any pace that give nothing before all of it is made: none is lost while the
engine works, and one that hangs is given up within a bound that follows the length. On virtual time.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from session_doubles import ADA, Says, Talk

from duologue.app.engines.voices import CastVoices
from duologue.app.show.cast import CastMember
from duologue.chains import ChainPolicy, Handover
from duologue.clock import SECOND
from duologue.dialogue.replies.replies import Attempt, SentenceVoicing, VoiceLimits
from duologue.dialogue.session.mouth import LIMITS
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import EngineFailed
from duologue.language.fake import ScriptedReply
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.chain import SpeechLimits, VoicingChain
from duologue.speech.engine import SpeechCapabilities
from duologue.speech.prompt import LEAST_PIECE, LONGEST_QUEUE, PIECE_SECONDS, UNSEEN_MOST, UNSEEN_PACE
from duologue.speech.timed import TimedSpeech
from duologue.speech.utterance import SpeechChunk, Utterance

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

PACES = (8, 15, 40)
LENGTHS = (20, 82, 83, 200, 700, 2_000)
PATIENCE = 4.0
RATE = 16_000
SPOKEN = 20
"""Characters of a second of sound."""
WORDS = "the old sailor painted every room in a different green, and nobody asked him why he did that; "


def sentence(length: int) -> str:
    """One sentence of so many characters."""
    return (WORDS * (length // len(WORDS) + 1))[: length - 1].rstrip(" ,;").ljust(length - 1, "e").capitalize() + "."


class WholeVoice:
    """Gives a line when all of it is made, at ``pace`` characters a second; ``hangs`` says of how many asked lines none
    comes. One after another where it is given a ``turn``.
    """

    capabilities = SpeechCapabilities(rate=RATE, voices=("v",))

    def __init__(
        self, pace: float, name: str = "whole", *, hangs: Callable[[int], bool] = lambda number: False,
        turn: asyncio.Lock | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.pace = pace
        self.hangs = hangs
        self.turn = turn
        self.asked: list[tuple[float, str]] = []

    async def warm_up(self) -> None: ...

    async def close(self) -> None: ...

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        self.asked.append((asyncio.get_running_loop().time(), text))
        if self.hangs(len(self.asked)):
            await asyncio.Event().wait()
        async with self.turn or asyncio.Semaphore():
            await asyncio.sleep(len(text) / self.pace)
        yield SpeechChunk(_tone(len(text)))


def _tone(characters: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    at = np.arange(RATE * characters // SPOKEN)
    return (0.2 * np.sin(2 * np.pi * 220 * at / RATE)).astype(np.float32)


@dataclass
class Voiced:
    """What came of a sentence: of how many growths, and when the first and last of them came (s from the request)."""

    attempt: Attempt
    utterances: list[Utterance] = field(default_factory=list[Utterance])
    at: list[float] = field(default_factory=list[float])
    over: float = 0.0


class Mouth:
    """Voices on ``engines`` as a conversation has them, or whole lines as a show has them."""

    def __init__(self, *engines: WholeVoice, streams: bool = True, limits: VoiceLimits = LIMITS) -> None:
        clock, self.told = LoopClock(), list[Handover]()
        timed = [TimedSpeech(engine, clock) for engine in engines]
        patience = SpeechLimits(ChainPolicy(patience=round(PATIENCE * SECOND)), stall=round(PATIENCE * SECOND))
        self.chain = VoicingChain(timed, limits=patience, clock=clock, listener=self.told.append)
        voices = {engine.name: "v" for engine in engines}
        member = CastMember("ada", "Ada", "", "", Path(), ADA, voices)
        self.voice = CastVoices(self.chain, (member,), streams=streams)
        self.voicing = SentenceVoicing(self.voice, limits)
        self._streams = streams

    async def say(self, text: str) -> Voiced:
        loop = asyncio.get_running_loop()
        began, found = loop.time(), Voiced(Attempt())

        async def take(utterance: Utterance) -> None:
            found.utterances.append(utterance)
            found.at.append(loop.time() - began)

        found.attempt = await self.voicing.voice(text, "ada", "u", take if self._streams else None)
        found.over = loop.time() - began
        return found


def said(engine: WholeVoice, since: int = 0) -> list[str]:
    """The words that it was asked for."""
    return " ".join(text for _, text in engine.asked[since:]).replace(",", " ").split()


@pytest.mark.parametrize("seen", [False, True])
@pytest.mark.parametrize("engines", [1, 2])
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("pace", PACES)
def test_a_slow_engine_that_works_loses_no_sentence(pace: int, length: int, engines: int, seen: bool) -> None:
    first, text = WholeVoice(pace), sentence(length)

    async def story() -> tuple[Mouth, Voiced]:
        mouth = Mouth(first, *(WholeVoice(400, "stand-in") for _ in range(engines - 1)))
        await mouth.chain.warm_up()
        for _ in range(2 * seen):
            await mouth.say("Hello there, my old friend.")
        return mouth, await mouth.say(text)

    mouth, found = simulate(story())
    assert found.attempt.voiced and not found.attempt.failures and not found.attempt.broken_off
    assert not mouth.told
    assert said(first, since=2 * seen) == text.replace(",", " ").split()
    assert not found.utterances[-1].open and found.utterances[-1].text == text
    assert found.utterances[-1].duration == pytest.approx(length / SPOKEN, rel=0.03, abs=0.1)
    most = max(LEAST_PIECE, int(pace * PIECE_SECONDS)) if seen else UNSEEN_MOST
    assert found.at[0] <= min(length, most + 1) / pace + 0.01
    assert found.over == pytest.approx(length / pace, rel=0.03, abs=0.2)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("pace", PACES)
def test_a_line_of_a_show_stays_whole_however_long_it_takes(pace: int, length: int) -> None:
    first, text = WholeVoice(pace), sentence(length)

    async def story() -> Voiced:
        mouth = Mouth(first, streams=False, limits=VoiceLimits())
        await mouth.chain.warm_up()
        for _ in range(2):
            await mouth.say("Hello there, my old friend.")
        return await mouth.say(text)

    found = simulate(story())
    assert found.attempt.voiced and not found.attempt.failures
    assert [asked for _, asked in first.asked[2:]] == [text]


@pytest.mark.parametrize("seen", [False, True])
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("pace", PACES)
def test_an_engine_that_hangs_hands_over_within_what_its_piece_may_take(pace: int, length: int, seen: bool) -> None:
    first, second = WholeVoice(pace, hangs=lambda number: number > 2 * seen), WholeVoice(pace, "stand-in")
    text = sentence(length)

    async def story() -> tuple[Mouth, Voiced]:
        mouth = Mouth(first, second)
        await mouth.chain.warm_up()
        for _ in range(2 * seen):
            await mouth.say("Hello there, my old friend.")
        return mouth, await mouth.say(text)

    mouth, found = simulate(story())
    assert found.attempt.voiced and not found.attempt.failures
    assert [(each.engine, each.successor) for each in mouth.told] == [("whole", "stand-in")]
    assert said(second) == text.replace(",", " ").split()
    most = max(LEAST_PIECE, int(pace * PIECE_SECONDS)) if seen else UNSEEN_MOST
    bound = PATIENCE + min(length, most + 1) / (pace if seen else UNSEEN_PACE)
    assert found.at[0] <= bound + min(length, UNSEEN_MOST + 1) / pace + 0.1


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("pace", PACES)
def test_an_engine_alone_that_hangs_is_given_up_and_that_is_said(pace: int, length: int) -> None:
    only = WholeVoice(pace, hangs=lambda number: number > 2)

    async def story() -> Voiced:
        mouth = Mouth(only)
        await mouth.chain.warm_up()
        for _ in range(2):
            await mouth.say("Hello there, my old friend.")
        return await mouth.say(sentence(length))

    found = simulate(story())
    assert found.attempt.voiced is None and len(found.attempt.failures) == LIMITS.tries
    assert all(failure.startswith("no sound in") for failure in found.attempt.failures)
    assert found.over <= LIMITS.tries * (LIMITS.seconds + max(LEAST_PIECE + 1, pace * PIECE_SECONDS + 1) / pace)


def test_who_takes_over_from_an_engine_that_hangs_is_not_blamed_for_the_time_that_it_took() -> None:
    hanging, slow = WholeVoice(15, hangs=lambda number: number > 2), WholeVoice(8, "slow")

    async def story() -> tuple[Mouth, Voiced]:
        mouth = Mouth(hanging, slow)
        await mouth.chain.warm_up()
        for _ in range(2):
            await mouth.say("Hello there, my old friend.")
        return mouth, await mouth.say(sentence(64))

    mouth, found = simulate(story())
    assert found.attempt.voiced and found.utterances[-1].engine == "slow" and not found.attempt.failures
    assert [each.engine for each in mouth.told] == ["whole"]


def test_a_sentence_in_pieces_is_made_to_its_end_before_the_next_is_begun() -> None:
    texts = [sentence(150), sentence(40), sentence(100)]

    async def story() -> tuple[WholeVoice, list[Voiced]]:
        engine = WholeVoice(15, turn=asyncio.Lock())
        mouth = Mouth(engine, WholeVoice(400, "stand-in"))
        await mouth.chain.warm_up()
        for _ in range(2):
            await mouth.say("Hello there, my old friend.")
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(mouth.say(text)) for text in texts]
        return engine, [task.result() for task in tasks]

    engine, found = simulate(story())
    assert all(each.attempt.voiced and not each.attempt.failures for each in found)
    assert said(engine, since=2) == " ".join(texts).replace(",", " ").split()
    before = found[0]
    for at, grown, then in zip(before.at, before.utterances, before.at[1:], strict=False):
        assert before.at[0] + grown.duration >= then - at  # what is there covers what is made


def test_who_waits_for_an_engine_that_is_at_somebody_elses_line_is_not_late() -> None:
    async def story() -> tuple[Mouth, list[Voiced]]:
        engine = WholeVoice(15, turn=asyncio.Lock())
        mouth = Mouth(engine, WholeVoice(400, "stand-in"))
        await mouth.chain.warm_up()
        for _ in range(2):
            await mouth.say("Hello there, my old friend.")
        others = [SentenceVoicing(mouth.voice, LIMITS) for _ in range(4)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each.voice(sentence(70), "ada", f"u{n}")) for n, each in enumerate(others)]
        return mouth, [Voiced(task.result()) for task in tasks]

    mouth, found = simulate(story())
    assert all(each.attempt.voiced and not each.attempt.failures for each in found)
    assert not mouth.told


def test_a_request_that_is_lost_beside_others_that_are_served_is_given_up_all_the_same() -> None:
    async def story() -> tuple[float, Voiced]:
        engine = WholeVoice(15, hangs=lambda number: number == 3)
        mouth = Mouth(engine, WholeVoice(400, "stand-in"))
        await mouth.chain.warm_up()
        for _ in range(2):
            await mouth.say("Hello there, my old friend.")
        began = asyncio.get_running_loop().time()

        async def others() -> None:
            talker = SentenceVoicing(mouth.voice, LIMITS)
            while True:
                await talker.voice(sentence(30), "ada", "other")

        async with asyncio.TaskGroup() as group:
            lost = group.create_task(mouth.say(sentence(40)))
            await asyncio.sleep(0.1)
            busy = group.create_task(others())
            found = await lost
            busy.cancel()
        return asyncio.get_running_loop().time() - began, found

    took, found = simulate(story())
    assert found.attempt.voiced and found.utterances[-1].engine == "stand-in"
    assert LONGEST_QUEUE < took < LONGEST_QUEUE + 12


@pytest.mark.parametrize("length", [83, 150, 200])
def test_a_conversation_hears_all_of_a_long_sentence(length: int) -> None:
    text = sentence(length)
    talk = Talk([Says(1.0, "what time is it please Ada")], [ScriptedReply(text, 0.1)], policy=Policy(speculate=False),
                seconds=40.0)  # fmt: skip

    async def story() -> None:
        mouth = Mouth(WholeVoice(15))
        await mouth.chain.warm_up()
        talk.voice = mouth.voice  # type: ignore[assignment]
        await talk.run()

    simulate(story())
    assert not [item for _, item in talk.log if isinstance(item, EngineFailed)]
    answer = talk.context()[1]
    assert answer[0] == "ada" and text.startswith(answer[1].rstrip(".")) and len(answer[1]) > 75
    gaps = [begin - end for (_, end), (begin, _) in itertools.pairwise(talk.sounding())]
    assert all(gap < 1.0 for gap in gaps), "what is there covers the next clause, or nearly"
