"""A sink on a sample clock of ours: for a file, a terminal, a simulation, and any far end that takes paced blocks."""

from __future__ import annotations

from collections.abc import Callable

from duologue.audio.pcm import RATE, Samples, silence
from duologue.audio.playout import Block, Ended, Playout, Started, falling
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK, Clock
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayProgress, PlayStarted
from duologue.errors import InputError
from duologue.speech.utterance import Utterance

BLOCK_MS = 20
PROGRESS_BLOCKS = 5
"""So many blocks lie between two reports of how far the playing utterance is."""
_COUNT = RATE * BLOCK_MS // 1000
_FALLING = falling(RATE * 5 // 1000)
_RISING = 1 - _FALLING


class PacedSink:
    """See :class:`duologue.dialogue.ports.Sink`. :meth:`run` gives ``write`` a block of 20 ms (48 kHz, mono) at each
    point of an absolute grid, silence while nothing plays; a late block does not move the grid, and none is left out.

    A pause lands with the next block and does not click: the sound fades within 5 ms. Those samples do not count as
    played: after it they come again, fading in, so that the two fades together are the utterance, to the sample.
    """

    def __init__(
        self,
        write: Callable[[Samples], None],
        notify: Callable[[PlayEvent | PlayProgress], None],
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._write = write
        self._notify = notify
        self._clock = clock
        self._playout = Playout()
        self.began = 0
        """When the first block was due (ns): the place of everything that was written. 0 before :meth:`run`."""
        self._paused = False
        self._tail: Samples | None = None
        """What fades out in the next block."""
        self._faded = False
        """What plays was faded out, and is to fade in."""
        self._place: tuple[str, int] | None = None
        """The utterance that plays, and how much of it has been played."""

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        """See :class:`~duologue.dialogue.ports.Floor`."""
        if utterance.rate != RATE:
            raise InputError(
                f"the utterance {utterance.id!r} is at {utterance.rate} Hz", where="sink", remedy=f"Give {RATE} Hz."
            )
        self._playout.enqueue(utterance.id, utterance.samples, gap_ms * RATE // 1000, more=utterance.open)

    async def extend(self, utterance: Utterance) -> None:
        """See :class:`~duologue.dialogue.ports.Sink`."""
        self._playout.extend(utterance.id, utterance.samples, more=utterance.open)

    async def withdraw(self, utterance_id: str) -> bool:
        """See :class:`~duologue.dialogue.ports.Floor`."""
        return self._playout.withdraw(utterance_id)

    async def clear(self) -> None:
        """What plays fades out within 20 ms; what was paused has faded already."""
        dropped = self._playout.clear(0) if self._paused else self._playout.clear()
        self._paused = self._faded = False
        for item in dropped:
            self._notify(PlayEnded(item.id, self._clock.now(), item.played))

    async def pause(self) -> None:
        """See :class:`~duologue.dialogue.ports.Sink`."""
        if not (self._paused or self._faded):
            rest = self._playout.ahead(len(_FALLING))
            self._tail = rest * _FALLING[: len(rest)]
        self._paused = True
        self._tell_progress(self._clock.now())

    async def resume(self) -> None:
        """See :class:`~duologue.dialogue.ports.Sink`."""
        if self._paused:
            self._paused, self._tail = False, None  # a tail that is still here was never faded out

    async def run(self) -> None:
        """Play until cancelled."""
        number, self.began = 0, self._clock.now()
        while True:
            at = self.began + number * BLOCK_MS * MILLISECOND
            await self._clock.wait_until(at)
            self._write(self._next(at, number))
            number += 1

    def _next(self, at: int, number: int) -> Samples:
        """The block that is due at ``at``."""
        if self._paused:
            samples = silence(_COUNT)
            self._faded = self._faded or self._tail is not None
        else:
            block = self._playout.read(_COUNT)
            samples = block.samples
            if self._faded and block.pieces:
                self._fade_in(block)
            self._faded = False
            self._report(block, at, number)
        if self._tail is not None:
            samples[: len(self._tail)] += self._tail
            self._tail = None
        return samples

    def _fade_in(self, block: Block) -> None:
        """Where the utterance goes on, not where the next one begins."""
        piece = block.pieces[0]
        if piece.start and not piece.offset:
            count = min(len(piece.samples), len(_RISING))
            block.samples[:count] *= _RISING[:count]

    def _report(self, block: Block, at: int, number: int) -> None:
        for piece in block.pieces:
            self._place = (piece.id, piece.start + len(piece.samples))
        for event in block.events:
            when = at + (event.at - block.at) * SECOND // RATE
            match event:
                case Started(utterance_id):
                    self._notify(PlayStarted(utterance_id, when))
                case Ended(utterance_id, played=played):
                    self._place = None if self._place and self._place[0] == utterance_id else self._place
                    self._notify(PlayEnded(utterance_id, when, played))
        if number % PROGRESS_BLOCKS == 0:
            self._tell_progress(at)

    def _tell_progress(self, at: int) -> None:
        if self._place:
            self._notify(PlayProgress(self._place[0], at, self._place[1]))
