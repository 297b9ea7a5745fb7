"""From an engine's chunks to an utterance that grows: 48 kHz, trimmed, of one loudness, as soon as it sounds. Pure.

What brings a whole line to its loudness is known at its end only. So a line that is played while it is made gets the
gain that earlier lines of the same voice wanted (:class:`Levels`), and the first one what its beginning wants; peaks
are lowered as in a whole line. A silence at the end of what is there is held back: it may be the end of the line.
"""

from __future__ import annotations

import numpy as np

from duologue.audio.loudness import fade_edges, levelled, limit
from duologue.audio.pcm import RATE, Samples
from duologue.audio.resample import StreamResampler
from duologue.errors import PeerError
from duologue.speech.utterance import Mark, SpeechChunk
from duologue.speech.voicing.marks import TAIL, place, sounding

LEAST = RATE * 60 // 1000
"""Samples of sound with which a line begins, and by which it grows."""
LEARNT = 0.3
"""Weight of the newest line in what a voice wants."""
SURE_AFTER, THEN_EVERY = 4, 8
"""Lines from which on a voice is known, and of those that follow the ones that are measured: to measure one costs more
than all else that is done to it.
"""
MOST_GAIN_DB = 30.0
_BEFORE = RATE * 100 // 1000
"""Sound before a piece on which its own limiting may depend."""
_FADE = RATE * 5 // 1000
_FLUSH = 0.01
"""Seconds of silence that bring out what a resampler holds."""


class Levels:
    """The gain that each voice wants (dB), learnt from its lines."""

    def __init__(self) -> None:
        self._gains: dict[str, float] = {}
        self._lines: dict[str, int] = {}

    def gain(self, voice: str, sound: Samples) -> float:
        """For the next line of ``voice``, of which ``sound`` is there."""
        known = self._gains.get(voice)
        return _wanted(sound) if known is None else known

    def asks(self, voice: str) -> bool:
        """Whether it is to be learnt what the next whole line of ``voice`` wants; that is one line more."""
        lines = self._lines[voice] = self._lines.get(voice, 0) + 1
        return lines <= SURE_AFTER or lines % THEN_EVERY == 0

    def learn(self, voice: str, gain: float) -> None:
        """A whole line of it wanted ``gain`` (dB)."""
        wanted = float(np.clip(gain, -MOST_GAIN_DB, MOST_GAIN_DB))
        known = self._gains.get(voice, wanted)
        self._gains[voice] = known + LEARNT * (wanted - known)


def _wanted(sound: Samples) -> float:
    """What brings ``sound`` to the loudness of all speech, with what the limiter takes away of it (dB)."""
    return float(np.clip(levelled(sound)[1], -MOST_GAIN_DB, MOST_GAIN_DB))


class GrowingLine:
    """One line of ``voice`` at ``rate`` Hz. :meth:`push` its chunks, then :meth:`close` it."""

    def __init__(self, rate: int, voice: str, levels: Levels) -> None:
        self._rate = rate
        self._voice = voice
        self._levels = levels
        self._resampler = StreamResampler(rate)
        self._raw = np.zeros(0, np.float32)
        self._marks: list[Mark] = []
        self._begin = self._end = self._looked = 0
        self._gain: float | None = None
        self.samples = np.zeros(0, np.float32)
        """What may be played of it so far."""

    def push(self, chunk: SpeechChunk) -> bool:
        """The next of the engine's sound; True when there is more to be played. Raises :class:`PeerError` for sound
        that is no number.
        """
        if not bool(np.isfinite(chunk.samples).all()):
            raise PeerError("the speech engine gave sound that is not a number")
        self._marks += chunk.marks
        if len(chunk.samples):
            self._raw = np.concatenate([self._raw, self._resampler.push(chunk.samples)])
        if self._gain is None and not self._opens():
            return False
        return self._release(sounding(self._raw)[1] - TAIL, LEAST)

    def _opens(self) -> bool:
        """Whether it is known where it begins. Silence is what is far below the loudest so far: it is looked for at
        every ``LEAST`` samples, so a line begins, and is as loud, the same however much of it comes at once.
        """
        for until in range(self._looked + LEAST, len(self._raw) + 1, LEAST):
            self._looked = until
            begin, end = sounding(self._raw[:until])
            if end - begin >= LEAST:
                self._begin, self._gain = begin, self._levels.gain(self._voice, self._raw[begin:end])
                return True
        return False

    def close(self, *, learns: bool = True) -> tuple[Samples, tuple[Mark, ...]]:
        """The end: all of it. Nothing for silence. Where it does not ``learn``, :meth:`learn` may be called later."""
        self._raw = np.concatenate([self._raw, self._resampler.push(np.zeros(round(self._rate * _FLUSH), np.float32))])
        begin, end = sounding(self._raw)
        if begin == end:
            return self._raw[:0], ()
        if self._gain is None and not self._opens():
            self._begin, self._gain = begin, self._levels.gain(self._voice, self._raw[begin:end])
        self._end = end
        if learns:
            self.learn()
        known = len(self.samples)
        self._release(end, 1)
        last = min(_FADE, len(self.samples) - known)
        if last:
            self.samples[-last:] *= np.linspace(1, 0, last, dtype=np.float32)
        return self.samples, place(self._marks, self._rate, self._begin, self._begin + len(self.samples))

    def learn(self) -> None:
        """What its voice wants, from the whole line: it takes longer than all else."""
        self._levels.learn(self._voice, levelled(self._raw[self._begin : self._end])[1])

    def marks(self) -> tuple[Mark, ...]:
        """What is known of them so far; the sound of the last ones may not be there yet."""
        return place(self._marks, self._rate, self._begin, len(self._raw) + 600 * RATE)

    def _release(self, until: int, least: int) -> bool:
        begin = self._begin + len(self.samples)
        if until - begin < least:
            return False
        assert self._gain is not None
        before = min(_BEFORE, len(self.samples))
        gained = self._raw[begin - before : until + TAIL] * np.float32(10 ** (self._gain / 20))
        piece = limit(gained)[before : before + until - begin]
        if not len(self.samples):
            piece = np.concatenate([fade_edges(piece)[: len(piece) // 2], piece[len(piece) // 2 :]])
        self.samples = np.concatenate([self.samples, piece])
        return True
