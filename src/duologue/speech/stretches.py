"""A recording that is there whole, cut where nobody speaks, and what was understood of each piece."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from duologue.audio.pcm import Samples
from duologue.errors import PeerError
from duologue.speech.hearing import EAR_RATE, VAD_FRAME, Transcript
from duologue.speech.shared_activity import SharedActivity
from duologue.speech.utterance import Mark

_LEAST_PAUSE = round(0.5 * EAR_RATE)
"""Between two stretches of speech (samples): half a second."""
_AROUND = round(0.25 * EAR_RATE)
"""Of the silence around a stretch, what is heard with it."""
_LONGEST = 28 * EAR_RATE
"""A stretch that is longer is cut at its least sure frame."""
_SPEECH = 0.4
"""The probability from which a frame counts as speech."""


@dataclass(frozen=True, slots=True)
class HeardStretch:
    """What was understood of one stretch of a recording: from ``start`` to ``end`` in samples of the recording at
    :data:`EAR_RATE`, in which the marks of the words count too.
    """

    start: int
    end: int
    transcript: Transcript

    @property
    def words(self) -> tuple[Mark, ...]:
        """With their places in the recording."""
        at = self.start
        return tuple(replace(mark, start=mark.start + at, end=mark.end + at) for mark in self.transcript.words)


async def stretches(activity: SharedActivity, sound: Samples) -> tuple[tuple[int, int], ...]:
    """Where somebody speaks in ``sound``, at :data:`EAR_RATE`: starts and ends in samples, none longer than half a
    minute, apart by half a second or more unless one was cut. Raises :class:`PeerError` when the engine fails.
    """
    found: list[object] = []
    frames, all_told = len(sound) // VAD_FRAME, asyncio.Event()

    def told(what: object, frame: Samples, end: int) -> None:
        found.append(what)
        if len(found) == frames:
            all_told.set()

    stream = activity.open(told)
    try:
        for at in range(0, frames * VAD_FRAME, VAD_FRAME):
            activity.push(stream, sound[at : at + VAD_FRAME], at + VAD_FRAME)
            if at // VAD_FRAME % 8 == 7:
                await asyncio.sleep(0)
        if frames:
            await all_told.wait()
    finally:
        activity.forget(stream)
    sure = [float(each) for each in found if isinstance(each, float | int)]
    if len(sure) < len(found):
        raise PeerError("the engine that notices speech failed", where="engines.vad", remedy="The log has its words.")
    return cut(sure, len(sound))


def cut(sure: Sequence[float], count: int) -> tuple[tuple[int, int], ...]:
    """Stretches of ``count`` samples from how sure it is of each frame that it is speech."""
    found: list[tuple[int, int]] = []
    for number, probability in enumerate(sure):
        if probability < _SPEECH:
            continue
        start, end = number * VAD_FRAME, (number + 1) * VAD_FRAME
        if found and start - found[-1][1] < _LEAST_PAUSE:
            start = found.pop()[0]
        found.append((start, end))
    padded = ((max(0, start - _AROUND), min(count, end + _AROUND)) for start, end in found)
    return tuple(piece for stretch in padded for piece in _halved(stretch, sure))


def _halved(stretch: tuple[int, int], sure: Sequence[float]) -> list[tuple[int, int]]:
    start, end = stretch
    if end - start <= _LONGEST:
        return [stretch]
    first, last = (start + _LONGEST // 2) // VAD_FRAME, (start + _LONGEST) // VAD_FRAME
    least = min(range(first, min(last, len(sure))), key=lambda number: sure[number])
    middle = least * VAD_FRAME
    return [(start, middle), *_halved((middle, end), sure)]
