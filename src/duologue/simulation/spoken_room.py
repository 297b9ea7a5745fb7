"""The room with real sound: the caller's voice, noise, the line's band and echo, block by block in real time."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Protocol

import numpy as np

from duologue.audio.pcm import RATE, Samples, silence
from duologue.audio.resample import resample
from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.dialogue.ports import PlayEvent, PlayProgress
from duologue.dialogue.session.sink import BLOCK_MS
from duologue.simulation.borrowed import BorrowedEngine
from duologue.simulation.caller import Utter
from duologue.simulation.room import Room, RoomSound
from duologue.simulation.scenario import Caller, ScenarioStep
from duologue.simulation.sink import WatchedSink
from duologue.simulation.spoken import cough, loudness, pink, speak, telephone
from duologue.speech.hearing import EAR_RATE, Expected, HearingCapabilities, SpeechToText, Transcript, VoicePresence

BLOCK = EAR_RATE * BLOCK_MS // 1000
USUAL_VOICE = "flite:slt"
USUAL_LOUDNESS = 0.1
"""RMS of the loud parts of every caller's words."""
ECHO_GAIN = 0.5
NOISE_SECONDS = 30.0
"""The noise repeats itself after so long."""
_PAUSE = re.compile(r"\s*\[(\d+)\]\s*")


class Notified(Protocol):
    """Who is told what the sink does."""

    def notify(self, report: PlayEvent | PlayProgress) -> None:
        """It did this."""
        ...


class RecordingSink(WatchedSink):
    """The paced sink; keeps what it played."""

    def __init__(self, sessions: Sequence[Notified], clock: Clock) -> None:
        super().__init__(self._keep, self._tell, clock)
        self._sessions = sessions
        self._seconds: list[Samples] = []
        self._newest: list[Samples] = []

    def played(self) -> Samples:
        """All of it, at :data:`~duologue.audio.pcm.RATE`, from ``began`` on."""
        return np.concatenate([silence(0), *self._seconds, *self._newest])

    def at_ears_rate(self, begin: int, count: int) -> Samples:
        """What sounded from ``begin`` (ns) on, at the ears' rate; silence where that is not known."""
        step = RATE // EAR_RATE
        first = (begin - self.began) * RATE // SECOND
        found = silence(count * step)
        whole = len(self._seconds)
        for number in range(max(0, first // RATE), min(whole, (first + len(found)) // RATE) + 1):
            second = self._seconds[number] if number < whole else np.concatenate([silence(0), *self._newest])
            offset = number * RATE - first
            part = second[max(0, -offset) : max(0, len(found) - offset)]
            found[max(0, offset) : max(0, offset) + len(part)] = part
        return found.reshape(count, step).mean(axis=1)

    def _keep(self, samples: Samples) -> None:
        self._newest.append(samples)
        if sum(map(len, self._newest)) >= RATE:
            known = np.concatenate(self._newest)
            self._seconds.append(known[:RATE])
            self._newest = [known[RATE:]]

    def _tell(self, report: PlayEvent | PlayProgress) -> None:
        for session in self._sessions:
            session.notify(report)


class SpokenRoom(Room):
    """Gives the sound that :meth:`add` is told of, in noise and with the line's echo of what ``sink`` plays."""

    def __init__(self, clock: Clock, start: int, options: Caller, sink: RecordingSink, seed: int) -> None:
        super().__init__(clock, start)
        self._sink = sink
        self._echo = options.echo
        noise = pink(NOISE_SECONDS, USUAL_LOUDNESS, seed)
        self._noise = telephone(noise) if options.band == "telephone" else noise
        self._known: deque[tuple[Samples, int]] = deque(maxlen=4_096)
        self._places: dict[int, int] = {}
        self.noise_db = options.noise_db
        self.heard: list[Samples] = []
        """Every block so far."""

    async def source(self) -> AsyncGenerator[Samples, None]:
        """Blocks of 20 ms, each when it ends."""
        place = 0
        while True:
            await self._clock.wait_until(self.time(place + BLOCK))
            block = self._mix(place)
            self._remember(block, place + BLOCK)
            yield block
            place += BLOCK

    def end_of(self, block: Samples) -> int | None:
        """The place at which a block that was given ends; None for any other."""
        return self._places.get(id(block))

    def _remember(self, block: Samples, end: int) -> None:
        if len(self._known) == self._known.maxlen:
            self._places.pop(id(self._known[0][0]), None)
        self._known.append((block, end))
        self._places[id(block)] = end
        self.heard.append(block)

    def _mix(self, place: int) -> Samples:
        block = silence(BLOCK)
        for sound in self.sounds:
            if sound.wave is not None and sound.begin < place + BLOCK and sound.begin + len(sound.wave) > place:
                offset = sound.begin - place
                part = sound.wave[max(0, -offset) : BLOCK - offset]
                block[max(0, offset) : max(0, offset) + len(part)] += part
        if self.noise_db is not None:
            at = place % (len(self._noise) - BLOCK)
            block += self._noise[at : at + BLOCK] * np.float32(10 ** (-self.noise_db / 20))
        if self._echo is not None:
            since = self.time(place) - round(self._echo.delay_ms * MILLISECOND)
            block += ECHO_GAIN * self._sink.at_ears_rate(since, BLOCK)
        return np.clip(block, -1, 1).astype(np.float32)

    def recording(self) -> Samples:
        """Both sides as they lay in time, ``(n, 2)`` at :data:`~duologue.audio.pcm.RATE`: the caller's line left, the
        character right.
        """
        left = resample(np.concatenate([silence(0), *self.heard]), EAR_RATE, RATE)
        lead = (self._sink.began - self.start) * RATE // SECOND
        right = np.concatenate([silence(max(0, lead)), self._sink.played()[max(0, -lead) :]])
        both = np.zeros((max(len(left), len(right)), 2), np.float32)
        both[: len(left), 0], both[: len(right), 1] = left, right
        return both


class WatchedEars(BorrowedEngine[HearingCapabilities]):
    """An engine that hears, and notes in the room which of its sounds it was given."""

    def __init__(self, engine: SpeechToText, room: SpokenRoom) -> None:
        super().__init__(engine)
        self._engine = engine
        self._room = room

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        """See the protocol."""
        async with aclosing(self._engine.listen(self._watch(sound), expected, voice)) as transcripts:
            async for transcript in transcripts:
                yield transcript

    async def _watch(self, sound: AsyncIterator[Samples]) -> AsyncGenerator[Samples, None]:
        count = 0
        async for block in sound:
            count += len(block)
            end = self._room.end_of(block)
            if end is not None:
                for each in self._room.between(end - count, end):
                    each.give(end - count, end)
            yield block


def aloud(options: Caller, script: Sequence[ScenarioStep]) -> Utter:
    """The words of a script in the caller's voice, made now (in a thread: it runs programs), so that none is late."""
    made: dict[tuple[str, float], list[tuple[int, str, Samples]]] = {}
    for step in script:
        if step.words:
            pace = step.words_per_minute or options.words_per_minute
            made[step.words, pace] = _phrases(step.words, options, pace)

    def utter(step: ScenarioStep, begin: int, number: int) -> list[RoomSound]:
        if step.cough is not None:
            wave = _in_band(cough(number, step.cough / 1000)[: round(step.cough * EAR_RATE / 1000)], options)
            return [RoomSound(begin, begin + len(wave), "", number, wave=wave)]
        pace = step.words_per_minute or options.words_per_minute
        return [
            word for offset, text, wave in made[step.words, pace] for word in _words(text, begin + offset, wave, number)
        ]

    return utter


def _phrases(text: str, options: Caller, words_per_minute: float) -> list[tuple[int, str, Samples]]:
    """Where each phrase begins (samples), its words, and its sound. What stands between pauses is a phrase."""
    found: list[tuple[int, str, Samples]] = []
    at = 0
    for number, part in enumerate(_PAUSE.split(text)):
        if number % 2:
            at += int(part) * EAR_RATE // 1000
        elif part.strip():
            wave = speak(part, options.voice or USUAL_VOICE, words_per_minute)
            wave = _in_band(wave * (USUAL_LOUDNESS / loudness(wave)), options)
            found.append((at, part, wave))
            at += len(wave)
    return found


def _in_band(wave: Samples, options: Caller) -> Samples:
    return telephone(wave)[: len(wave)] if options.band == "telephone" else wave


def _words(text: str, begin: int, wave: Samples, number: int) -> list[RoomSound]:
    """The words of a phrase, which share its length by their letters; its first and last sample are its own."""
    words = text.split()
    letters = np.cumsum([0, *(len(word) + 1 for word in words)])
    places = [begin + int(len(wave) * each / letters[-1]) for each in letters]
    return [
        RoomSound(places[index], places[index + 1], word, number, wave=None if index else wave)
        for index, word in enumerate(words)
    ]
