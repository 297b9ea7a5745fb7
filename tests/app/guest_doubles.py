"""Clips to send, and a stage that plays them when a test says so."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import Callable

import numpy as np

from duologue.audio.pcm import RATE, Samples, to_int16
from duologue.speech.utterance import Utterance


def tone(seconds: float, rate: int = RATE) -> Samples:
    """A hum that swells and fades: something to hear at every instant."""
    at = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * 220 * at)).astype(np.float32)


def wav(samples: Samples, rate: int = RATE) -> bytes:
    """A mono WAV file of 16 bits."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(to_int16(samples).tobytes())
    return file.getvalue()


class StageDouble:
    """A stage with one line of utterances. ``begin`` and ``end`` make it report; nothing else passes time."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.ready.set()
        self.line: list[Utterance] = []
        self.speaking: Utterance | None = None
        self.started: Callable[[str, int], object] = lambda name, at: None
        self.ended: Callable[[str, int, int], object] = lambda name, at, played: None
        self.guests = 0

    def wall_of(self, monotonic: int) -> int:
        return 1_700_000_000_000_000_000 + monotonic

    async def play(self, utterance: Utterance, gap_ms: int, *, guest: bool = False) -> None:
        self.guests += guest
        self.line.append(utterance)

    async def withdraw(self, utterance_id: str) -> bool:
        found = [utterance for utterance in self.line if utterance.id == utterance_id]
        for utterance in found:
            self.line.remove(utterance)
        return bool(found)

    async def cut(self, utterance_ids: tuple[str, ...]) -> None:
        if self.speaking is not None and self.speaking.id in utterance_ids:
            self.end(played=480)

    def begin(self, at: int = 0) -> str:
        self.speaking = self.line.pop(0)
        self.started(self.speaking.id, at)
        return self.speaking.id

    def end(self, at: int = 0, played: int | None = None) -> None:
        assert self.speaking is not None
        utterance, self.speaking = self.speaking, None
        self.ended(utterance.id, at, len(utterance.samples) if played is None else played)
