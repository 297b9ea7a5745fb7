"""Engines on a script: what they answer, how late they are, and how they fail, by seed and on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from random import Random

import numpy as np

from duologue.audio.pcm import RATE, Samples
from duologue.chains import Chain, ChainPolicy
from duologue.clock import MILLISECOND, Clock
from duologue.dialogue.ports import Voiced
from duologue.errors import PeerError
from duologue.language.engine import LanguageCapabilities, LanguageModel, Prompt
from duologue.simulation.room import LEAST_SHARE, Room, RoomSound, runs, word_seconds
from duologue.simulation.scenario import EarsTable, EngineSet, Failure, NoticingTable, Thinking, VoiceTable
from duologue.speech.hearing import EAR_RATE, VAD_FRAME, Expected, HearingCapabilities, Transcript, VoicePresence
from duologue.speech.utterance import Mark, MarkKind, Utterance

TOKENS_A_WORD = 1.3
_BABBLE = ("la", "zzt", "###", "00110", "…", "blip", "{]", "mumble")

Draw = Callable[[str], Random]
"""A stream of random numbers for a purpose."""


async def _pass(clock: Clock, milliseconds: float) -> None:
    await clock.wait_until(clock.now() + round(milliseconds * MILLISECOND))


async def _misbehave(clock: Clock, failure: Failure | None, engine: str) -> None:
    """Hang, crash, or be late; what an engine answers wrongly is its own matter."""
    match failure.how if failure else "":
        case "hang":
            await asyncio.Event().wait()
        case "crash":
            raise PeerError(f"{engine} crashed", where="scenario")
        case "late":
            await _pass(clock, failure.ms if failure else 0.0)
        case _:
            pass


class ScriptedActivity:
    """Probabilities of speech by what there is in the room, with dropouts, and unsure in noise."""

    def __init__(self, room: Room, options: NoticingTable, stream: Random) -> None:
        self._room = room
        self._options = options
        self._stream = stream
        self._deaf_until = 0
        self.open_streams = 0

    def open(self) -> int:
        """See the protocol. There is one room, so all streams hear the same."""
        self.open_streams += 1
        return self.open_streams

    def step(self, frames: Mapping[int, Samples]) -> Mapping[int, float]:
        """See the protocol."""
        return {stream: self._probability(runs(frame)[0][0]) for stream, frame in frames.items()}

    def forget(self, stream: int) -> None:
        """See the protocol."""
        self.open_streams -= 1

    def _probability(self, place: int) -> float:
        voiced = self._room.voiced(place, place + VAD_FRAME)
        if voiced and self._options.dropouts:
            if place >= self._deaf_until and self._stream.random() < self._options.dropouts:
                self._deaf_until = place + round(self._options.dropout_ms.draw(self._stream) * EAR_RATE / 1000)
            voiced = place >= self._deaf_until
        noise = self._room.noise_db
        if noise is None:
            return 0.95 if voiced else 0.02
        unsure = min(0.35, 0.3 * 10 ** (-noise / 20))
        centre = 0.9 - unsure if voiced else 0.05 + unsure / 2
        return min(max(self._stream.gauss(centre, unsure / 2), 0.0), 1.0)


class ScriptedEars:
    """Understands the words of which it was given enough, as they come."""

    name = "scripted ears"

    def __init__(self, room: Room, options: EarsTable, finals: Mapping[int, str], clock: Clock, stream: Random) -> None:
        self._room = room
        self._options = options
        self._finals = finals
        """By the number of an utterance: what is made of it in the end."""
        self._clock = clock
        self._stream = stream
        self.calls = 0

    @property
    def capabilities(self) -> HearingCapabilities:
        """See the protocol."""
        return HearingCapabilities(partials=True, punctuation=self._options.punctuation)

    async def warm_up(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to release."""

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        """See the protocol."""
        self.calls += 1
        failure = self._options.failure(self.calls)
        delay = round(self._options.partial_ms.draw(self._stream) * EAR_RATE / 1000)
        given: list[tuple[int, int]] = []
        shown, known = "", -1
        self._room.listening += 1
        try:
            async for block in sound:
                _extend(given, runs(block))
                until = given[-1][1] - delay if given else 0
                if failure or not self._room.between(known, until):
                    continue
                text, known = self._text(given, until), until - 1
                if text != shown:
                    shown = text
                    yield Transcript(text)
        finally:
            self._room.listening -= 1
        await _pass(self._clock, self._options.final_ms.draw(self._stream))
        await _misbehave(self._clock, failure, self.name)
        yield Transcript(self._final(given, failure), final=True)

    def _final(self, given: Sequence[tuple[int, int]], failure: Failure | None) -> str:
        match failure.how if failure else "":
            case "empty":
                return ""
            case "nonsense":
                return " ".join(self._stream.choices(_BABBLE, k=4))
            case _:
                return self._text(given, given[-1][1] if given else 0, final=True)

    def _text(self, given: Sequence[tuple[int, int]], until: int, *, final: bool = False) -> str:
        words: list[str] = []
        replaced: set[int] = set()
        for sound in self._understood(given, until):
            if final and sound.say in self._finals:
                if sound.say not in replaced:
                    words.append(self._finals[sound.say])
                replaced.add(sound.say)
            else:
                words.append(sound.text)
        text = " ".join(words)
        return text if self._options.punctuation else _plain(text)

    def _understood(self, given: Sequence[tuple[int, int]], until: int) -> list[RoomSound]:
        found: list[RoomSound] = []
        for begin, end in given:
            for sound in self._room.between(begin, end):
                if not sound.text or sound.end > until:
                    continue
                if sound.give(begin, end) >= LEAST_SHARE:
                    found.append(sound)
        return found


def _extend(given: list[tuple[int, int]], more: list[tuple[int, int]]) -> None:
    for begin, end in more:
        if given and given[-1][1] == begin:
            given[-1] = given[-1][0], end
        else:
            given.append((begin, end))


def _plain(text: str) -> str:
    return " ".join("".join(c for c in word if c.isalnum() or c in "'-") for word in text.lower().split())


class ScriptedModel:
    """Writes the script's replies, or another model's, at a scripted pace.

    Which reply it is depends on the context alone (how many of ours were heard before), so a speculation that is
    withdrawn uses none up.
    """

    name = "scripted model"

    def __init__(self, replies: Sequence[str] | LanguageModel, options: Thinking, clock: Clock, stream: Random) -> None:
        self._replies = replies
        self._options = options
        self._clock = clock
        self._stream = stream
        self.calls = 0

    @property
    def capabilities(self) -> LanguageCapabilities:
        """See the protocol."""
        return LanguageCapabilities(streaming=True, deterministic=True)

    async def warm_up(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to release."""

    async def write(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        """See the protocol."""
        self.calls += 1
        failure = self._options.failure(self.calls)
        await _pass(self._clock, self._options.first_ms.draw(self._stream))
        await _misbehave(self._clock, failure, self.name)
        each = 1000 * TOKENS_A_WORD / max(0.1, self._options.tokens_per_second.draw(self._stream))
        for number, word in enumerate(await self._words(prompt, failure)):
            await _pass(self._clock, each)
            yield f" {word}" if number else word

    async def _words(self, prompt: Prompt, failure: Failure | None) -> list[str]:
        match failure.how if failure else "":
            case "empty":
                return []
            case "nonsense":
                return ["🙂", "```", "🙂"]
            case _:
                return (await self._text(prompt)).split()

    async def _text(self, prompt: Prompt) -> str:
        if not isinstance(self._replies, Sequence):
            return "".join([piece async for piece in self._replies.write(prompt)])
        ours = sum(line.speaker == prompt.speaker.name for line in prompt.lines)
        return self._replies[min(ours, len(self._replies) - 1)]


class ScriptedVoice:
    """A voice that sounds for as long as its words take, and says nothing that could be heard by an ear of flesh."""

    def __init__(self, options: VoiceTable, clock: Clock, stream: Random) -> None:
        self._options = options
        self._clock = clock
        self._stream = stream
        self.calls = 0
        """Sentences of replies; what is prepared beforehand is not counted, and never fails."""

    @property
    def name(self) -> str:
        """As in the scenario."""
        return self._options.name

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        """See :class:`~duologue.dialogue.ports.Voice`."""
        in_reply = "/" in utterance_id
        self.calls += in_reply
        failure = self._options.failure(self.calls) if in_reply else None
        await _pass(self._clock, self._options.first_ms.draw(self._stream))
        await _misbehave(self._clock, failure, self.name)
        first = self._clock.now()
        if failure and failure.how == "empty":
            raise PeerError(f"{self.name} had nothing to say for {text[:60]!r}", where="scenario")
        utterance = voiced(text, speaker, utterance_id, self._options.words_per_minute, self.name)
        await _pass(self._clock, utterance.duration * self._options.per_second_ms.draw(self._stream))
        if failure and failure.how == "nonsense":
            raise PeerError(f"{self.name} gave sound that is not a number", where="scenario")
        return Voiced(utterance, first)


class ChainedVoice:
    """Several voices, of which the first that can speaks: the house's own chain, on virtual time."""

    def __init__(self, voices: Sequence[ScriptedVoice], patience_ms: float, clock: Clock) -> None:
        self._patience = patience_ms / 1000
        policy = ChainPolicy(patience=round(patience_ms * MILLISECOND))
        self._chain = Chain(voices, _start, policy=policy, clock=clock)

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        """See :class:`~duologue.dialogue.ports.Voice`."""

        async def ask(voice: ScriptedVoice) -> Voiced:
            try:
                async with asyncio.timeout(self._patience):
                    return await voice.voice(text, speaker, utterance_id)
            except TimeoutError as error:
                raise PeerError(f"{voice.name} gave no sound within {self._patience:g} s") from error

        return await self._chain.call(ask)


async def _start(voice: ScriptedVoice) -> None:
    """Nothing to load."""


def create_voice(options: EngineSet, clock: Clock, draw: Draw) -> ScriptedVoice | ChainedVoice:
    """The voice of a scenario, or its chain of voices."""
    voices = [ScriptedVoice(each, clock, draw(f"voice {number}")) for number, each in enumerate(options.voice)]
    return voices[0] if len(voices) == 1 else ChainedVoice(voices, options.voice_patience_ms, clock)


def voiced(text: str, speaker: str, utterance_id: str, words_per_minute: float, engine: str = "") -> Utterance:
    """``text`` as an utterance of silence, which takes no memory, with the time of each word."""
    marks: list[Mark] = []
    at, offset = 0, 0
    for word in text.split():
        length = round(word_seconds(word, words_per_minute) * RATE)
        offset = text.index(word, offset)
        marks.append(Mark(MarkKind.WORD, word, at, at + length, offset))
        at, offset = at + length, offset + len(word)
    samples = np.broadcast_to(np.float32(0), (at,))
    return Utterance(utterance_id, speaker, text, samples, RATE, tuple(marks), engine=engine)
