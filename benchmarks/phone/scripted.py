"""Whether we ever speak over ourselves, or say what answers words that nobody said: ``python -m benchmarks.phone
scripted``.

A hundred callers on virtual time (:mod:`benchmarks.phone.virtual`) ask, interrupt, go on after a pause, cough and are
silent, by chance that is drawn from a seed. Each word of theirs is a tone, which the ears tell by; what they say before
a stretch is over may be withdrawn: a word is first heard as another one that nobody says. Each reply of ours is a tone
too, so that the packets tell which replies sounded, and when; what each was an answer to is known from the model that
was asked for it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise
from random import Random

import numpy as np

from benchmarks.machine import say
from benchmarks.phone.board import Board, Call, board
from benchmarks.phone.packets import RATE, TONES, Heard, replies, tone_of
from benchmarks.phone.virtual import virtual_line
from benchmarks.table import Row, row
from duologue.audio.pcm import Samples, silence
from duologue.clock import MILLISECOND, Clock
from duologue.language.engine import LanguageCapabilities, Moment, Prompt
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.engine import SpeechCapabilities
from duologue.speech.hearing import EAR_RATE, Expected, HearingCapabilities, Transcript, VoicePresence
from duologue.speech.hearing_fake import Loudness
from duologue.speech.utterance import Mark, MarkKind, SpeechChunk

CALLS = 100
TURNS = 6
WORDS = (
    "alder", "birch", "cedar", "damson", "elder", "fir", "ginkgo", "hazel", "ivy", "juniper", "kapok", "larch", "maple",
    "nutmeg", "olive", "pine", "quince", "rowan", "spruce", "teak", "umbrella", "viburnum", "willow", "yew", "ash",
    "beech", "cypress", "ebony",
)  # fmt: skip
"""One for each tone."""
MISHEARD = "un"
"""Stands before a word that is withdrawn; no caller says one with it."""
WORD_MS = 240
FRAME = EAR_RATE // 50
VOICE_RATE = 24_000
VOICE_WORD_MS = 260
_NUMBER = re.compile(r"\d+")


def word_sound(word: int) -> Samples:
    """A word as it is said, 8 kHz."""
    return (0.4 * np.sin(np.arange(RATE * WORD_MS // 1000) * 2 * np.pi * tone_of(word) / RATE)).astype(np.float32)


def words_sound(words: Sequence[int]) -> Samples:
    """Words one after another."""
    return np.concatenate([word_sound(word) for word in words])


class ToneEars:
    """Understand the words of tones, and withdraw some of them. ``final`` is all that was said in the end."""

    name = "pocketsphinx"

    def __init__(self, clock: Clock, chance: Random) -> None:
        self.finals: list[str] = []
        self.withdrawn = 0
        self._clock, self._chance = clock, chance

    @property
    def capabilities(self) -> HearingCapabilities:
        return HearingCapabilities(partials=True)

    async def warm_up(self) -> None:
        pass

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        held, told = silence(0), ""
        wrong = self._chance.random() < 0.5
        async for block in sound:
            held = np.concatenate([held, block])
            words = heard_words(held)
            if words and wrong:  # the newest is not sure yet, and not what was said
                words[-1] = MISHEARD + words[-1]
            text = " ".join(words)
            if text and text != told:
                self.withdrawn += wrong
                told = text
                yield Transcript(text, stable=len(" ".join(words[:-1])))
        await self._clock.wait_until(self._clock.now() + round(self._chance.uniform(10, 250)) * MILLISECOND)
        text = " ".join(heard_words(held))
        self.finals.append(text)
        yield Transcript(text, final=True, stable=len(text))

    async def close(self) -> None:
        pass


def heard_words(sound: Samples) -> list[str]:
    """The words of a stretch (16 kHz): tones of 100 ms and more."""
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    if not len(frames):
        return []
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME), axis=1)) * 4 / FRAME
    places = [round(tone_of(number) * FRAME / EAR_RATE) for number in range(TONES)]
    tones = power[:, places]
    loudest = np.where(tones.max(axis=1) > 0.15, tones.argmax(axis=1), -1)
    edges = [0, *(np.flatnonzero(np.diff(loudest)) + 1).tolist(), len(loudest)]
    return [WORDS[int(loudest[a])] for a, b in pairwise(edges) if loudest[a] >= 0 and b - a >= 5]


@dataclass(frozen=True)
class Asked:
    """When a reply was asked for (ns), and the words that it answers."""

    at: int
    text: str


@dataclass
class NumberingModel:
    """Numbers its replies; ``asked`` is when each was asked for, and what it answers: the person's newest words."""

    clock: Clock
    chance: Random
    asked: dict[int, Asked] = field(default_factory=dict[int, "Asked"])
    name: str = "scripted"

    def __post_init__(self) -> None:
        self._numbers = count(1)

    @property
    def capabilities(self) -> LanguageCapabilities:
        return LanguageCapabilities()

    async def warm_up(self) -> None:
        pass

    async def write(self, prompt: Prompt) -> AsyncIterator[str]:
        number = next(self._numbers)
        spoken = prompt.moment is Moment.ANSWER and prompt.lines and prompt.lines[-1].speaker != prompt.speaker.name
        self.asked[number] = Asked(self.clock.now(), prompt.lines[-1].text if spoken else "")
        await self._pass(self.chance.uniform(50, 600))
        for sentence in range(self.chance.randint(1, 3)):
            for word in range(self.chance.randint(4, 9)):
                await self._pass(15)
                lead = "" if not sentence and not word else " "
                yield f"{lead}{'Item' if not word else 'item'}{number}"
            yield "."

    async def _pass(self, milliseconds: float) -> None:
        await self.clock.wait_until(self.clock.now() + round(milliseconds * MILLISECOND))

    async def close(self) -> None:
        pass


class ToneVoice:
    """Says the number of a reply as a tone, word by word, each after a moment; all else in a tone below them."""

    name = "espeak"

    def __init__(self, clock: Clock, chance: Random) -> None:
        self._clock, self._chance = clock, chance

    @property
    def capabilities(self) -> SpeechCapabilities:
        return SpeechCapabilities(VOICE_RATE, word_marks=True)

    async def warm_up(self) -> None:
        pass

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        found = _NUMBER.search(text)
        tone = tone_of(int(found[0])) if found else 200.0
        length = VOICE_RATE * VOICE_WORD_MS // 1000
        for number, word in enumerate(text.split()):
            wait = self._chance.uniform(40, 200) if not number else 10
            await self._clock.wait_until(self._clock.now() + round(wait * MILLISECOND))
            at = np.arange(number * length, (number + 1) * length)
            sound = (0.3 * np.sin(at * 2 * np.pi * tone / VOICE_RATE)).astype(np.float32)
            yield SpeechChunk(sound, (Mark(MarkKind.WORD, word, number * length, (number + 1) * length),))

    async def close(self) -> None:
        pass


@dataclass(frozen=True)
class CallFound:
    """What of a call was wrong: replies that sounded over another, that answered withdrawn words, and that answered
    none of the words of the turn before them; whether no reply followed its last turn; and what there was of it.
    """

    over: int
    withdrawn: int
    stale: int
    mute: bool
    replies: int
    interruptions: int


@dataclass(frozen=True)
class SaidTurn:
    """Words, and when the last one ended."""

    words: tuple[str, ...]
    end: int


def judge(heard: Heard, asked: Mapping[int, Asked], said: Sequence[SaidTurn], interruptions: int) -> CallFound:
    """``asked`` are the replies that were thought in this call, by their numbers. Raises ``ValueError`` when one
    sounded that nobody asked for.
    """
    withdrawn = stale = 0
    for each in heard.replies:
        bound = [one for number, one in asked.items() if number % TONES == each.tone and one.at <= each.begin]
        words = max(bound, key=lambda one: one.at).text.split()
        withdrawn += any(word.lower().startswith(MISHEARD + w) for word in words for w in WORDS)
        before = [turn for turn in said if turn.end < each.begin]
        if before and words:
            stale += not set(before[-1].words) & {word.strip(".,?!").lower() for word in words}
    mute = bool(said) and not any(each.begin > said[-1].end for each in heard.replies)
    return CallFound(heard.over, withdrawn, stale, mute, len(heard.replies), interruptions)


class Script:
    """One caller: what they do, by chance."""

    def __init__(self, call: Call, chance: Random) -> None:
        self.call, self._chance = call, chance
        self.said: list[SaidTurn] = []
        self.interruptions = 0
        self._last = -1

    async def play(self) -> None:
        """The whole call."""
        call, clock = self.call, self.call.board.clock
        assert await call.answered()
        await call.heard_after(0, 5.0)
        await call.silent_for(self._chance.choice([0, 300, 900]))
        for _ in range(TURNS):
            end = self._say(self._draw(2, 6))
            await clock.wait_until(end)
            what = self._chance.choice(["wait", "interrupt", "interrupt", "go on", "cough", "both"])
            if what in ("go on", "both"):
                await self._after(0.2, 0.9)
                end = self._say(self._draw(1, 4))
                await clock.wait_until(end)
            if what in ("interrupt", "both", "cough") and await call.heard_after(end, 4.0):
                await self._after(0.1, 2.0)
                if what == "cough":
                    noise = np.random.default_rng(self._chance.getrandbits(32)).normal(0, 0.2, RATE // 6)
                    await clock.wait_until(call.say(noise.astype(np.float32)).end)
                else:
                    self.interruptions += 1
                    end = self._say(self._draw(2, 6))
                    await clock.wait_until(end)
            await call.heard_after(end, 4.0)
            await call.silent_for(self._chance.choice([200, 600, 1_200]), 15.0)
        call.hang_up()

    def _draw(self, least: int, most: int) -> list[int]:
        found: list[int] = []
        for _ in range(self._chance.randint(least, most)):
            self._last = self._chance.choice([n for n in range(TONES) if n != self._last])
            found.append(self._last)
        return found

    def _say(self, words: list[int]) -> int:
        spoken = self.call.say(words_sound(words))
        self.said.append(SaidTurn(tuple(WORDS[word] for word in words), spoken.end))
        return spoken.end

    async def _after(self, least: float, most: float) -> None:
        clock = self.call.board.clock
        await clock.wait_until(clock.now() + round(self._chance.uniform(least, most) * 1000) * MILLISECOND)


async def one_call(people: Board, model: NumberingModel, seed: int) -> CallFound:
    """Hold one, and judge it."""
    known = set(model.asked)
    script = Script(people.call(keep=True), Random(seed))
    await script.play()
    await script.call.until(lambda: script.call.ended is not None, 5.0)
    asked = {number: one for number, one in model.asked.items() if number not in known}
    found = judge(replies(script.call.packets), asked, script.said, script.interruptions)
    people.forget(script.call)
    return found


async def held(calls: int, first_seed: int = 0) -> tuple[list[CallFound], ToneEars]:
    """So many calls, one after another, on one line."""
    clock, chance = LoopClock(), Random(first_seed)
    ears, model = ToneEars(clock, Random(chance.random())), NumberingModel(clock, Random(chance.random()))
    makes = {"tts": ToneVoice(clock, Random(chance.random())), "stt": ears, "vad": Loudness(0.02), "llm": model}
    found: list[CallFound] = []
    async with virtual_line(makes, clock) as line, board(line.port, clock, stamps=False) as people:
        for number in range(calls):
            found.append(await one_call(people, model, first_seed + number))
            if number % 20 == 19:
                say(f"{number + 1} of {calls} calls")
        assert not line.troubles, line.troubles
    return found, ears


def rows(small: bool = False) -> list[Row]:
    """Counts over all calls."""
    calls = 8 if small else CALLS
    found, ears = simulate(held(calls), None)
    sounded, cut = sum(each.replies for each in found), sum(each.interruptions for each in found)
    told = f"{sounded} replies in {calls} calls, {cut} interruptions"
    if not (sounded and cut and ears.withdrawn):
        raise SystemExit(f"nothing could go wrong in this: {told}, {ears.withdrawn} transcripts withdrawn")
    bound, misheard = sum(each.withdrawn for each in found), f"{ears.withdrawn} transcripts withdrawn"
    return [
        row("bot over bot", sum(each.over for each in found), "times", f"{told}; wish 0"),
        row("replies bound to a withdrawn transcript", bound, "", f"{misheard}; wish 0"),
        row("replies to none of the words before them", sum(each.stale for each in found), "", "wish 0"),
        row("calls whose last turn was not answered", sum(each.mute for each in found), "", "wish 0"),
    ]
