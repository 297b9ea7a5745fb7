"""The sound of a stretch on its way to an engine, and what of it nothing was understood of."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass

from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND
from duologue.dialogue.listening.unvoiced import VoiceTrack
from duologue.precedence import Errand, Urgency
from duologue.speech.hearing import EAR_RATE

MAX_WAITING_SAMPLES = 15 * EAR_RATE
"""Sound that may come while an engine takes none of it; more means that it hangs, and it is asked anew."""
MAX_REST_SAMPLES = 60 * EAR_RATE
"""Sound of which nothing was understood yet, that is kept for the next who is asked: 4 MB."""


class StretchSound:
    """A bounded queue of blocks, read by an engine. ``voiced`` counts its frames that are surely voice, ``begin`` is
    its first sample, counted as the ears do, and ``understood`` the first of which nothing was understood yet, from
    which on it is kept; ``worded``: somebody else's words were, ``echoed``: it was told that only ours is in it.
    Once it is ``ended``, ``gone`` is where its voice went (None: it was ended within speech). ``errand`` is what
    engines do for it.
    """

    def __init__(self, voiced: int) -> None:
        self.voiced = voiced
        self.begin = self.understood = 0
        self.ended = False
        self.gone: int | None = None
        self.errand = Errand(Urgency.AHEAD)
        self._waited: int | None = None
        self.worded = self.echoed = False
        self._blocks: asyncio.Queue[Samples | None] = asyncio.Queue()
        self._waiting = self._untaken = self._given = 0
        self._skips: list[tuple[int, int]] = []
        self._kept: deque[tuple[int, Samples]] = deque()

    def push(self, block: Samples) -> bool:
        """False when too much has come since anything was taken, or has not been taken yet."""
        known = self.within(self.understood)
        while self._kept and self._kept[0][0] + len(self._kept[0][1]) <= max(known, self._given - MAX_REST_SAMPLES):
            self._kept.popleft()
        self._kept.append((self._given, block))
        self._waiting += len(block)
        self._untaken += len(block)
        self._given += len(block)
        self._blocks.put_nowait(block)
        return self._waiting <= MAX_WAITING_SAMPLES and self._untaken <= MAX_REST_SAMPLES

    @property
    def rest(self) -> list[tuple[int, Samples]]:
        """The sound of which nothing was understood yet, and where each piece of it lies, counted as the ears do."""
        known = self.within(self.understood)
        pieces = ((at + max(0, known - at), block[max(0, known - at) :]) for at, block in self._kept)
        return [(self.place(at), block) for at, block in pieces if len(block)]

    @property
    def end_of_voice(self) -> int:
        """Where its voice went, counted as the ears do; within speech, where its sound ends."""
        return self.place(self._given) if self.gone is None else self.gone

    def go_on_with(self, begin: int, pieces: Iterable[tuple[int, Samples]]) -> None:
        """It begins there, with such pieces."""
        self.begin = self.understood = begin
        for place, block in pieces:
            if (gap := place - self.place(self._given)) > 0:
                self.skip(gap)
            self.push(block)
        self._waiting = 0

    def skip(self, samples: int) -> None:
        """So many that the ears count are not told to its engine."""
        self._skips.append((self._given, samples))

    def place(self, at: int) -> int:
        """Where its sample ``at`` lies, counted as the ears do."""
        return self.begin + at + sum(samples for first, samples in self._skips if at >= first)

    def within(self, place: int) -> int:
        """The other way round: which of its samples lies there, or follows what was not told."""
        at = place - self.begin
        for first, samples in self._skips:
            if at > first:
                at = max(first, at - samples)
        return max(0, at)

    def want(self) -> None:
        """Somebody waits for the words now."""
        if self._waited is None:
            self._waited = self.errand.waited
            self.errand.set(Urgency.AWAITED)

    @property
    def queued_ms(self) -> float:
        """How long its engine has waited for others since then."""
        return 0.0 if self._waited is None else (self.errand.waited - self._waited) / MILLISECOND

    def end(self, gone: int | None) -> None:
        """No more sound comes; its voice went there."""
        self.want()
        self.ended, self.gone = True, gone
        self._blocks.put_nowait(None)

    async def read(self) -> AsyncGenerator[Samples, None]:
        """All of it, as it comes."""
        while (block := await self._blocks.get()) is not None:
            self._waiting, self._untaken = 0, self._untaken - len(block)
            yield block


class RestOfSound:
    """The newest sound of a voice for which no stretch is open, of which nothing was understood yet: the next one goes
    on with it, unless there was silence for long. ``begin`` is where it begins, counted as the ears do.
    """

    def __init__(self, begin: int) -> None:
        self.begin = self._end = begin
        self.pieces: deque[tuple[int, Samples]] = deque()
        self._count = 0

    def push(self, place: int, block: Samples) -> int:
        """What follows (silence between two stretches may belong to both); gives how much is lost of the oldest."""
        block, lost = block[max(0, self._end - place) :], 0
        if not len(block):
            return lost
        place, self._end = max(place, self._end), max(place, self._end) + len(block)
        self.pieces.append((place, block))
        self._count += len(block)
        while self._count > MAX_REST_SAMPLES:
            lost += len(self.pieces[0][1])
            self._count -= len(self.pieces.popleft()[1])
            self.begin = self.pieces[0][0]
        return lost


@dataclass(frozen=True, slots=True)
class StretchVoice:
    """The voice of a stretch, for the engine that hears it."""

    track: VoiceTrack
    sound: StretchSound

    @property
    def ended(self) -> int | None:
        """See :class:`duologue.speech.hearing.VoicePresence`. A voice that comes back later is another stretch's."""
        at = self.sound.gone if self.sound.ended else self.track.ended
        return None if at is None else self.sound.within(at)
