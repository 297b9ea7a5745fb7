"""Ears that pass over all that they were given again and again, as Whisper does, on a machine that is short of CPU."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

import numpy as np
from fault_doubles import WORD, ReadingEar, Scene, Trouble

from duologue.audio.pcm import Samples
from duologue.speech.hearing import EAR_RATE, Expected, HearingCapabilities, Transcript, VoicePresence
from duologue.speech.utterance import Mark, MarkKind

GAP = round(0.07 * EAR_RATE)
"""Between two words, so that a stretch can be cut there."""
EVERY = round(0.7 * EAR_RATE)
"""New sound between two partials."""
SIGN = 1.0
"""Seconds between two signs of ears that are at a pass."""


class GappedScene(Scene):
    """Its words have gaps between them."""

    def sound(self) -> Samples:
        sound = super().sound()
        for says in self.script:
            for number in range(len(says.text.split())):
                end = round(says.at * EAR_RATE) + (number + 1) * WORD
                sound[end - GAP : end] = 0.0
        return sound


class SlowEar(ReadingEar):
    """A pass takes as long as ``takes`` says (s), and understands each word of which there is more than half."""

    capabilities = HearingCapabilities(partials=True, words=True)

    def __init__(self, words: Sequence[str], takes: Callable[[], float], every: int = EVERY, breaks: int = 0) -> None:
        super().__init__(words, Trouble())
        self._takes = takes
        self._every = every
        self.breaks = breaks
        """So many calls break off after 2 s of sound."""

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        self.open += 1
        self.calls += 1
        heard: list[Samples] = []
        passed = come = 0
        shown = Transcript("")
        try:
            async for block in sound:
                heard.append(block)
                come += len(block)
                if self.breaks and come > 2 * EAR_RATE:
                    self.breaks -= 1
                    raise RuntimeError("broken")
                if come - passed >= self._every:
                    passed = come
                    async for _ in self._pass():
                        yield shown
                    shown = self._understood(heard)
                    yield shown
            async for _ in self._pass():
                yield shown
            yield self._understood(heard, final=True)
        finally:
            self.open -= 1

    async def _pass(self) -> AsyncGenerator[None, None]:
        left = self._takes()
        while left > SIGN:
            await asyncio.sleep(SIGN)
            left -= SIGN
            yield
        await asyncio.sleep(left)

    def _understood(self, heard: Sequence[Samples], *, final: bool = False) -> Transcript:
        sound = np.concatenate([np.zeros(0, np.float32), *heard])
        levels = np.round((sound - 0.1) * 1000).astype(int)
        marks: list[Mark] = []
        offset = 0
        known: list[int] = levels[(levels >= 0) & (levels < len(self.words))].tolist()
        for level in dict.fromkeys(known):
            places = np.flatnonzero(levels == level)
            if len(places) < WORD // 2:
                continue
            text = self.words[level]
            marks.append(Mark(MarkKind.WORD, text, int(places[0]), int(places[-1]) + 1, offset=offset))
            offset += len(text) + 1
        return Transcript(" ".join(mark.text for mark in marks), final, 0, tuple(marks), 0.9)


def said(scene: Scene) -> list[str]:
    """The words of the person in the context, in their order."""
    return [word for speaker, text in scene.context() if speaker == "person" for word in text.split()]
