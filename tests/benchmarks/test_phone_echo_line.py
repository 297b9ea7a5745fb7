"""Full duplex on a line of two wires, whose echo of ours comes back: the whole way of a call, on virtual time.

The line process, SIP, RTP, Silero, the session and its table are the real ones, the voices are flite's by G.711. The
ears are the worst that there could be: they make words of any voice, ours too, and know the caller's by their sound.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from benchmarks.phone.board import Hybrid, board, on_the_line
from benchmarks.phone.packets import PACKET, place_of
from benchmarks.phone.virtual import VirtualLine, virtual_line

from duologue.audio import g711
from duologue.audio.pcm import Samples
from duologue.audio.resample import resample
from duologue.clock import MILLISECOND, SECOND
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.simulation.spoken import speak
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.engine import SpeechCapabilities
from duologue.speech.hearing import EAR_RATE, Expected, HearingCapabilities, Transcript, VoicePresence
from duologue.speech.silero import Silero
from duologue.speech.utterance import Mark, MarkKind, SpeechChunk
from duologue.telemetry.ledger import TurnRecord

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("flite") is None, reason="needs the Debian package flite"),
]
OURS, CALLERS = "flite:slt", "flite:rms"
ANSWER = "The sea is wide and deep, and it is full of fish. There are more of them than anybody could ever count."
QUESTION = "Tell me something about the sea."
INTERRUPTION = "Please wait a moment, I have another question."
LINES = [(20.0, -6.0), (40.0, -20.0), (150.0, -6.0), (150.0, -20.0)]
"""Delays (ms) and gains (dB) of a hybrid nearby, of one behind a packet network, and of one behind a long way."""
LINES_OF_OTHERS = [(150.0, -6.0)]
"""For ears that do not say where a word lies."""
WINDOW = EAR_RATE * 240 // 1000
AUDIBLE, FITS = 0.003, 0.5


class FliteVoice:
    """Ours: a sentence in pieces of 200 ms, each after a moment, as an engine that streams."""

    name = "espeak"

    def __init__(self, clock: LoopClock) -> None:
        self._clock = clock

    @property
    def capabilities(self) -> SpeechCapabilities:
        return SpeechCapabilities(EAR_RATE, word_marks=True)

    async def warm_up(self) -> None:
        pass

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        sound = speak(text, OURS)
        words = text.split()
        each, piece = len(sound) / len(words), EAR_RATE // 5
        for at in range(0, len(sound), piece):
            await self._clock.wait_until(self._clock.now() + (60 if not at else 20) * MILLISECOND)
            marks = tuple(
                Mark(MarkKind.WORD, word, round(n * each), round((n + 1) * each))
                for n, word in enumerate(words)
                if at <= round((n + 1) * each) - 1 < at + piece
            )
            yield SpeechChunk(sound[at : at + piece], marks)

    async def close(self) -> None:
        pass


@cache
def said(text: str) -> Samples:
    """As the caller says it, on the line (8 kHz)."""
    return on_the_line(speak(text, CALLERS))


@cache
def known(text: str) -> Samples:
    """As the ears get it, when nothing else is on the line."""
    return resample(g711.decode(g711.encode(said(text), "mu"), "mu"), 8000, EAR_RATE)


def word_of(piece: Samples) -> str:
    """What they make of a :data:`WINDOW` of sound; empty: it is none."""
    if np.sqrt(np.mean(piece**2)) < AUDIBLE:
        return ""
    text, (place, fit) = max(
        ((text, place_of(piece, known(text))) for text in (QUESTION, INTERRUPTION)), key=lambda one: one[1][1]
    )
    words, middle = text.split(), min(max(place + WINDOW // 2, 0), len(known(text)) - 1)
    return words[middle * len(words) // len(known(text))] if fit >= FITS else "mumble"


class WorstEars:
    """See the module; ``marks``: they say where each word lies."""

    name = "pocketsphinx"

    def __init__(self, marks: bool) -> None:
        self._marks = marks

    @property
    def capabilities(self) -> HearingCapabilities:
        return HearingCapabilities(partials=True, words=self._marks)

    async def warm_up(self) -> None:
        pass

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        held, words = np.zeros(0, np.float32), list[str]()
        async for block in sound:
            held = np.concatenate([held, block])
            if len(held) // WINDOW > len(words):
                words.append(word_of(held[len(words) * WINDOW : (len(words) + 1) * WINDOW]))
                yield self._transcript(words)
        yield self._transcript(words, final=True)

    def _transcript(self, words: Sequence[str], *, final: bool = False) -> Transcript:
        text, marks = "", list[Mark]()
        for number, word in enumerate(words):
            if word:
                text += f" {word}" if text else word
                place = number * WINDOW
                marks.append(Mark(MarkKind.WORD, word, place, place + WINDOW, len(text) - len(word)))
        return Transcript(text, final, len(text), tuple(marks) if self._marks else (), 0.9)

    async def close(self) -> None:
        pass


@dataclass(frozen=True)
class Told:
    """Of a call: its turns, how long each talk-spurt of ours was (ms), when the caller interrupted and when we had
    fallen silent after that (ns).
    """

    turns: list[TurnRecord]
    holes_ms: float
    interrupted: int
    silent: int

    @property
    def answers(self) -> list[TurnRecord]:
        return [turn for turn in self.turns if turn.kind == "answer" and turn.heard]

    @property
    def persons(self) -> list[TurnRecord]:
        return [turn for turn in self.turns if turn.kind == "person" and turn.text]


async def held_call(line: VirtualLine, clock: LoopClock, hybrid: Hybrid | None, *, interrupts: bool) -> Told:
    """Ask, and hear the answer out, or interrupt it."""
    interrupted = silent = 0
    async with board(line.port, clock, stamps=False) as people:
        call = people.call(keep=True)
        call.hybrid = hybrid
        assert await call.answered()
        await call.heard_after(0, 5.0)
        await call.silent_for(1_000)
        asked = call.say(said(QUESTION)).end
        assert await call.heard_after(asked, 5.0)
        if interrupts:
            await clock.wait_until(clock.now() + 1_500 * MILLISECOND)
            interruption = call.say(said(INTERRUPTION))
            interrupted = interruption.begin
            await clock.wait_until(interruption.end)
            voiced = [packet.at for packet in call.packets if packet.voiced and packet.at <= interruption.end]
            silent = voiced[-1] + PACKET
            await call.heard_after(interruption.end, 5.0)
        await call.silent_for(1_500)
        times = [packet.at for packet in call.packets if packet.voiced and packet.at >= asked]
        call.hang_up()
        await call.until(lambda: call.ended is not None, 5.0)
        await clock.wait_until(clock.now() + SECOND)
    records = [entry.record for entry in line.entries]
    holes = max(float(np.diff(times).max(initial=0)) / MILLISECOND, 0.0)
    return Told([each for each in records if isinstance(each, TurnRecord)], holes, interrupted, silent)


@cache
def story(place: tuple[float, float] | None, marks: bool, interrupts: bool) -> Told:
    """A call on a line that echoes there, or not at all."""
    found: list[Told] = []

    async def calls() -> None:
        clock = LoopClock()
        model = FakeLanguage(usual=ScriptedReply(ANSWER))
        makes = {"tts": FliteVoice(clock), "stt": WorstEars(marks), "vad": Silero(), "llm": model}
        async with virtual_line(makes, clock) as line:
            found.append(await held_call(line, clock, Hybrid(*place) if place else None, interrupts=interrupts))
            assert not line.troubles, line.troubles

    simulate(calls(), None)
    return found[0]


EACH = [*((place, True) for place in LINES), *((place, False) for place in LINES_OF_OTHERS)]


@pytest.mark.parametrize(("place", "marks"), EACH, ids=str)
def test_our_answer_is_not_cut_by_its_own_echo(place: tuple[float, float], marks: bool) -> None:
    alone, told = story(None, True, False), story(place, marks, False)
    assert [turn.heard for turn in told.answers] == [turn.heard for turn in alone.answers]
    assert told.answers[-1].heard == ANSWER
    assert not any(turn.interrupted or turn.false_alarms for turn in told.answers)
    (person,) = told.persons
    assert "mumble" not in person.text and _share(QUESTION, person.text) > 0.6, "nobody else said a word"
    assert told.holes_ms <= alone.holes_ms + 20, "and nobody hears it stop"


@pytest.mark.parametrize(("place", "marks"), EACH, ids=str)
def test_a_caller_s_words_over_the_echo_take_the_floor_and_are_heard(place: tuple[float, float], marks: bool) -> None:
    alone, told = story(None, True, True), story(place, marks, True)
    for each in (alone, told):
        assert [turn.interrupted for turn in each.answers][-2:] == [True, False], "the answer, and one to what was said"
        assert each.answers[-2].heard != ANSWER
        assert _share(INTERRUPTION, each.persons[-1].text) > 0.6, each.persons[-1].text
    assert told.silent - told.interrupted <= alone.silent - alone.interrupted + 500 * MILLISECOND


def _share(said: str, heard: str) -> float:
    """Of the words that were said, how many were heard."""
    return sum(word in heard.split() for word in said.split()) / len(said.split())
