"""What there is to be heard at the caller's microphone, and the sound of it.

The simulated sound is a *ruler*: each sample holds its own place (samples since the conversation began, divided by
2^24, which float32 holds exactly). The core passes sound on without looking at it, so scripted ears read off a block
which part of the conversation they were given, to the sample: what was never handed to them they have not heard.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import numpy as np

from duologue.audio.pcm import Samples
from duologue.clock import SECOND, Clock
from duologue.speech.hearing import EAR_RATE, VAD_FRAME

_SCALE = 1 << 24
QUIET_FRAMES = 15
"""Frames in one block while nothing is to be heard (480 ms)."""
_RULE = (np.arange(QUIET_FRAMES * VAD_FRAME) / _SCALE).astype(np.float32)
SURE_DB = 12.0
"""With less noise than this no frame of silence is taken for a voice."""
TAIL_MS = 200
"""After the last sound the blocks stay short for so long."""
LEAST_SHARE = 2 / 3
"""Who is given less of a word has not understood it."""


@dataclass(slots=True)
class RoomSound:
    """A stretch of voice at the microphone, in samples of the ruler: a word, or a noise without words (empty text).

    ``say`` is the number of the caller's utterance that it belongs to, -1 for an echo of ours. ``share`` is the largest
    part of it that was ever given to the ears. ``wave`` is the real sound from ``begin`` on, where there is one: of a
    whole phrase, with its first word.
    """

    begin: int
    end: int
    text: str = ""
    say: int = -1
    share: float = 0.0
    wave: Samples | None = None

    def give(self, begin: int, end: int) -> float:
        """A range was given to the ears; returns the share of this sound that lies in it."""
        inside = (min(end, self.end) - max(begin, self.begin)) / max(1, self.end - self.begin)
        self.share = max(self.share, inside)
        return inside

    @property
    def clipped(self) -> bool:
        """The ears were never given enough of it."""
        return self.share < LEAST_SHARE


class Room:
    """The sounds of one conversation, which begins at ``start`` (ns)."""

    def __init__(self, clock: Clock, start: int) -> None:
        self._clock = clock
        self.start = start
        self.noise_db: float | None = None
        self.listening = 0
        """Engines that are transcribing just now."""
        self.sounds: list[RoomSound] = []
        self._ends: list[int] = []
        """The end of each sound or of a longer one before it: rising, for searching."""
        self._more = asyncio.Event()

    def place(self, at: int) -> int:
        """The sample that is heard at ``at`` (ns)."""
        return (at - self.start) * EAR_RATE // SECOND

    def time(self, place: int) -> int:
        """When a sample is heard (ns)."""
        return self.start + place * SECOND // EAR_RATE

    def add(self, sounds: list[RoomSound]) -> None:
        """Sounds that will be heard from now on."""
        self.sounds = sorted([*self.sounds, *sounds], key=lambda sound: (sound.begin, sound.end))
        latest, self._ends = 0, []
        for sound in self.sounds:
            latest = max(latest, sound.end)
            self._ends.append(latest)
        self._more.set()

    def silence_echo(self, place: int) -> None:
        """Nothing of ours comes back after ``place``."""
        kept = [sound for sound in self.sounds if sound.say >= 0 or sound.begin < place]
        for sound in kept:
            if sound.say < 0:
                sound.end = min(sound.end, place)
        self.sounds = []
        self.add(kept)

    def between(self, begin: int, end: int) -> list[RoomSound]:
        """The sounds that overlap a range, by their beginnings."""
        found: list[RoomSound] = []
        for number in range(bisect_left(self._ends, begin + 1), len(self.sounds)):
            sound = self.sounds[number]
            if sound.begin >= end:
                break
            if sound.end > begin:
                found.append(sound)
        return found

    def voiced(self, begin: int, end: int) -> bool:
        """Whether at least half of a range is voice."""
        covered, at = 0, begin
        for sound in self.between(begin, end):
            until = min(sound.end, end)
            covered += max(0, until - max(sound.begin, at))
            at = max(at, until)
        return 2 * covered >= end - begin

    # The sound itself

    async def source(self) -> AsyncGenerator[Samples, None]:
        """Blocks in real (virtual) time: frames of 32 ms where something is to be heard, longer ones elsewhere."""
        place = 0
        while True:
            frames = QUIET_FRAMES if self._quiet(place) else 1
            frames = await self._pass(place, frames)
            yield ruler(place, frames * VAD_FRAME)
            place += frames * VAD_FRAME

    def _quiet(self, place: int) -> bool:
        if self.listening or (self.noise_db is not None and self.noise_db < SURE_DB):
            return False
        tail = TAIL_MS * EAR_RATE // 1000
        return not self.between(max(0, place - tail), place + QUIET_FRAMES * VAD_FRAME)

    async def _pass(self, place: int, frames: int) -> int:
        """Wait for the end of a block; returns how many frames of it were waited for when more is to be heard."""
        end = self.time(place + frames * VAD_FRAME)
        if frames == 1:
            await self._clock.wait_until(end)
            return 1
        self._more.clear()
        try:
            async with asyncio.timeout((end - self._clock.now()) / SECOND):
                await self._more.wait()
        except TimeoutError:
            return frames
        frames = max(1, -(-(self.place(self._clock.now()) - place) // VAD_FRAME))
        await self._clock.wait_until(self.time(place + frames * VAD_FRAME))
        return frames


def ruler(place: int, count: int) -> Samples:
    """The sound from ``place`` on."""
    return _RULE[:count] + np.float32(place / _SCALE)  # exact: all of it are multiples of 2^-24 below 1


def runs(block: Samples) -> list[tuple[int, int]]:
    """The ranges of the ruler that a block consists of."""
    if not len(block):
        return []
    first, last = round(float(block[0]) * _SCALE), round(float(block[-1]) * _SCALE)
    if last - first == len(block) - 1:
        return [(first, last + 1)]
    places = np.rint(block.astype(np.float64) * _SCALE).astype(np.int64)
    cuts = np.flatnonzero(np.diff(places) != 1) + 1
    return [(int(run[0]), int(run[-1]) + 1) for run in np.split(places, cuts)]


def say(text: str, at: int, words_per_minute: float, number: int) -> list[RoomSound]:
    """The words of ``text`` from sample ``at`` on; ``[600]`` between words is a pause of 600 ms."""
    spoken: list[RoomSound] = []
    for token in text.split():
        if token.startswith("[") and token.endswith("]") and token[1:-1].isdigit():
            at += int(token[1:-1]) * EAR_RATE // 1000
            continue
        length = round(word_seconds(token, words_per_minute) * EAR_RATE)
        spoken.append(RoomSound(at, at + length, token, number))
        at += length
    return spoken


def word_seconds(word: str, words_per_minute: float) -> float:
    """How long a word takes: a word of five letters takes the usual time, a longer one longer."""
    letters = sum(character.isalnum() for character in word)
    return 60 / words_per_minute * (0.4 + 0.12 * min(letters, 20))
