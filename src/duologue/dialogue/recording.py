"""Both sides of a conversation on one timeline: the person left, the character right, each where it was heard.

The character's side lies on the sink's grid. The person's lies where the
:class:`~duologue.dialogue.listening.source_clock.SourceClock` puts it, as the ears have it: pauses and gaps of the
source are silence, a source whose clock runs fast or slow is brought to ours by a stretch too small to hear, block by
block. What the disk does is nobody's trouble here: see :mod:`duologue.audio.recording_file`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from duologue.audio.pcm import RATE, Samples
from duologue.audio.resample import StreamResampler
from duologue.audio.tracks import LEFT, MOST_APART, RIGHT, Tracks
from duologue.clock import SECOND
from duologue.dialogue.listening.source_clock import SourceClock
from duologue.speech.hearing import EAR_RATE

STRETCH = 0.1
"""A block may be made so much longer or shorter to follow the source's clock; what lies further apart is a gap."""
_SCALE = RATE // EAR_RATE


class VoiceFile(Protocol):
    """Takes the character's sound alone."""

    def write(self, samples: Samples) -> None:
        """The next block."""
        ...


def _unread(at: int) -> None:
    pass


class ConversationRecorder:
    """Takes both sides, for ``tracks``; and for ``voice`` the character alone. ``begun`` is told when it begins."""

    def __init__(
        self, tracks: Tracks | None = None, voice: VoiceFile | None = None, begun: Callable[[int], None] = _unread
    ) -> None:
        self._tracks = tracks
        self._voice = voice
        self._begun = begun
        self._origin = 0
        self._source = SourceClock()
        self._resampler: StreamResampler | None = None
        self._under_way = 0
        """Samples at :data:`RATE` that the resampler still holds."""
        self._end = 0
        """Where the person's newest sound ends, in samples of the recording."""

    def begin(self, at: int) -> None:
        """The recording begins at ``at`` (ns): what was before is not on it."""
        self._origin = at
        self._begun(at)

    def character(self, samples: Samples, at: int) -> None:
        """Of the character's sound, at :data:`RATE`; its first sample is heard at ``at`` (ns)."""
        if self._voice is not None:
            self._voice.write(samples)
        if self._tracks is not None:
            self._tracks.put(RIGHT, samples, self._place(at))

    def person(self, samples: Samples, at: int) -> None:
        """Of the person's sound, at :data:`RATE`, whose first sample was heard at ``at`` (ns)."""
        if self._tracks is not None:
            self._tracks.put(LEFT, samples, self._place(at))

    def hear(self, block: Samples, at: int | None, now: int) -> None:
        """Of the person's sound as it comes, at ``now`` (ns): 16 kHz, the first sample is number ``at`` of its source;
        None: it ends now.
        """
        if self._tracks is None:
            return
        placed = self._source.place(at, len(block), now)
        block = block[placed.skip :]
        if not len(block):
            return
        end = self._place(placed.end)
        whole = len(block) * _SCALE
        if not self._follows(end - whole, whole) or placed.gap or placed.back:
            begin = end - whole if self._resampler is None else max(end - whole, self._end)
            self._rest()
            self._resampler, self._under_way, self._end = StreamResampler(EAR_RATE), 0, begin
        assert self._resampler is not None
        first = self._end - self._under_way
        made = self._resampler.push(block)
        self._under_way += whole - len(made)
        self._end = end
        if len(made):
            self._tracks.put(LEFT, stretched(made, max(1, end - self._under_way - first)), first)

    def _follows(self, begin: int, whole: int) -> bool:
        """What begins at ``begin`` goes on from the sound before."""
        return self._resampler is not None and abs(begin - self._end) <= STRETCH * whole

    def reach(self, at: int) -> None:
        """Whoever listens has waited long enough for what was heard until ``at`` (ns)."""
        if self._tracks is not None:
            self._tracks.reach(self._place(at))

    def pass_time(self, now: int) -> None:
        """It is ``now`` (ns); wanted every second or two. So a silence of both sides is written while it lasts: an hour
        of it, all at once when somebody speaks again, would be a gigabyte that waits for the disk.
        """
        if self._tracks is not None:
            self._tracks.reach(self._place(now) - MOST_APART)

    def close(self) -> None:
        """What is under way is the end of it."""
        self._rest()
        if self._tracks is not None:
            self._tracks.close()

    def _rest(self) -> None:
        if self._resampler is not None and self._tracks is not None and self._under_way > 0:
            rest = self._resampler.finish()[: self._under_way]
            self._tracks.put(LEFT, rest, self._end - self._under_way)

    def _place(self, at: int) -> int:
        return round((at - self._origin) * RATE / SECOND)


def stretched(samples: Samples, count: int) -> Samples:
    """The same sound in ``count`` samples."""
    if count == len(samples):
        return samples
    places = np.linspace(0, len(samples) - 1, count)
    return np.interp(places, np.arange(len(samples)), samples).astype(np.float32)
