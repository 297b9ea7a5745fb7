"""A sink on a sample clock of ours: for a file, a terminal, a simulation, and any far end that takes paced blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from duologue.audio.pcm import RATE, Samples
from duologue.audio.playout import Block
from duologue.audio.spurts import BLOCK_MS, Spurts
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayProgress, PlayStarted
from duologue.errors import InputError
from duologue.speech.utterance import Utterance

__all__ = ["BLOCK_MS", "PROGRESS_BLOCKS", "PacedSink"]
PROGRESS_BLOCKS = 5
"""So many blocks with something in them lie between two reports of how far the playing utterance is."""


class PacedSink(Spurts):
    """See :class:`duologue.dialogue.ports.Sink`. :meth:`run` gives ``write`` one stream (48 kHz, mono) without a hole,
    in talk-spurts (:mod:`duologue.audio.spurts`); without ``silence`` nothing is written between them.
    """

    def __init__(
        self,
        write: Callable[[Samples], None],
        notify: Callable[[PlayEvent | PlayProgress], None],
        clock: Clock = SYSTEM_CLOCK,
        *,
        silence: bool = True,
    ) -> None:
        super().__init__(write, silence=silence)
        self._notify = notify
        self._clock = clock
        self._begun = asyncio.Event()
        self._place: tuple[str, int] | None = None
        """The utterance that plays, and how much of it has been played."""

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        """See :class:`~duologue.dialogue.ports.Floor`."""
        if utterance.rate != RATE:
            raise InputError(
                f"the utterance {utterance.id!r} is at {utterance.rate} Hz", where="sink", remedy=f"Give {RATE} Hz."
            )
        gap = gap_ms * RATE // 1000
        self._enqueue(utterance.id, utterance.samples, gap, self._clock.now(), more=utterance.open)

    async def extend(self, utterance: Utterance) -> None:
        """See :class:`~duologue.dialogue.ports.Sink`."""
        self._playout.extend(utterance.id, utterance.samples, more=utterance.open)

    async def withdraw(self, utterance_id: str) -> bool:
        """See :class:`~duologue.dialogue.ports.Floor`."""
        return self._playout.withdraw(utterance_id)

    async def clear(self) -> None:
        """What plays fades out within 20 ms; what was paused has faded already."""
        now = self._clock.now()
        for item in self._fall_silent(now):
            self._notify(PlayEnded(item.id, now, item.played))

    async def pause(self) -> None:
        """See :class:`~duologue.dialogue.ports.Sink`."""
        self._hold()
        self._tell_progress(self._clock.now())

    async def resume(self) -> None:
        """See :class:`~duologue.dialogue.ports.Sink`."""
        self._go_on(self._clock.now())

    async def run(self) -> None:
        """Play until cancelled."""
        self._start()
        self._begin(self._clock.now())
        while True:
            place, due = self._written, self.deadline
            if due is None:
                self._begun.clear()
                await self._begun.wait()
                continue
            await self._clock.wait_until(due)
            if self._written != place:
                continue  # a spurt began meanwhile, on its own grid
            if self._sounding or not self._fresh:
                self._step()
            else:
                self._fresh = False

    def _start(self) -> None:
        self.began, self._running = self._clock.now(), True

    def _begin(self, now: int) -> None:
        self._begun.set()
        super()._begin(now)

    def _next(self, at: int) -> Samples:
        samples = super()._next(at)
        if not self._paused and self._number % PROGRESS_BLOCKS == 0:
            self._tell_progress(at)
        return samples

    def _report(self, block: Block, at: int) -> None:
        for piece in block.pieces:
            self._place = (piece.id, piece.start + len(piece.samples))
        super()._report(block, at)

    def _item_began(self, item_id: str, when: int) -> None:
        self._notify(PlayStarted(item_id, when))

    def _item_over(self, item_id: str, when: int, played: int) -> None:
        self._place = None if self._place and self._place[0] == item_id else self._place
        self._notify(PlayEnded(item_id, when, played))

    def _tell_progress(self, at: int) -> None:
        if self._place:
            self._notify(PlayProgress(self._place[0], at, self._place[1]))
