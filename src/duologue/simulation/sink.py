"""The floor of a simulation: the paced sink on its grids of 20 ms, which leaps over blocks in which nothing happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from duologue.audio.pcm import RATE, Samples
from duologue.audio.playout import Block
from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.dialogue.ports import PlayEvent, PlayProgress
from duologue.dialogue.session.sink import BLOCK_MS, PROGRESS_BLOCKS, PacedSink
from duologue.speech.utterance import Utterance

_BLOCK = RATE * BLOCK_MS // 1000
SIGN_BLOCKS = 5 * PROGRESS_BLOCKS
"""Blocks between two reports of progress: 500 ms, as the contract of a sink demands."""


@dataclass(slots=True)
class Span:
    """Ours was heard from ``begin`` to ``end`` (ns): an utterance from its sample ``start`` on, without a break."""

    utterance: Utterance
    begin: int
    end: int
    start: int


class WatchedSink(PacedSink):
    """Keeps in ``spans`` what was heard of ours, and when."""

    def __init__(
        self, write: Callable[[Samples], None], notify: Callable[[PlayEvent | PlayProgress], None], clock: Clock
    ) -> None:
        super().__init__(write, notify, clock)
        self._utterances: dict[str, Utterance] = {}
        self.spans: list[Span] = []

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        """See the protocol."""
        self._utterances[utterance.id] = utterance
        await super().play(utterance, gap_ms)

    async def extend(self, utterance: Utterance) -> None:
        """See the protocol."""
        self._utterances[utterance.id] = utterance
        for span in self.spans[-1:]:
            span.utterance = utterance if span.utterance.id == utterance.id else span.utterance
        await super().extend(utterance)

    def _report(self, block: Block, at: int) -> None:
        for piece in block.pieces:
            begin = at + piece.offset * SECOND // RATE
            end = begin + len(piece.samples) * SECOND // RATE
            last = self.spans[-1] if self.spans else None
            if last and last.utterance.id == piece.id and abs(begin - last.end) < MILLISECOND:
                last.end = end
            else:
                self.spans.append(Span(self._utterances[piece.id], begin, end, piece.start))
        super()._report(block, at)


class LeapingSink(WatchedSink):
    """Reports what :class:`PacedSink` reports, at the same times, but for progress, which it tells every 500 ms.

    Whatever is asked of it happens after the blocks that are due by then, as with the paced sink.
    """

    def __init__(self, notify: Callable[[PlayEvent | PlayProgress], None], clock: Clock) -> None:
        super().__init__(_nowhere, notify, clock)
        self._changed = asyncio.Event()

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        """See the protocol."""
        self.catch_up()
        await super().play(utterance, gap_ms)
        self._changed.set()

    async def extend(self, utterance: Utterance) -> None:
        """See the protocol."""
        self.catch_up()
        await super().extend(utterance)
        self._changed.set()

    async def withdraw(self, utterance_id: str) -> bool:
        """See the protocol."""
        self.catch_up()
        return await super().withdraw(utterance_id)

    async def clear(self) -> None:
        """See the protocol."""
        self.catch_up()
        await super().clear()
        self._changed.set()

    async def pause(self) -> None:
        """See the protocol."""
        self.catch_up()
        await super().pause()
        self._changed.set()

    async def resume(self) -> None:
        """See the protocol."""
        self.catch_up()
        await super().resume()
        self._changed.set()

    async def run(self) -> None:
        """Play until cancelled."""
        self._start()
        while True:
            self.catch_up()
            self._changed.clear()
            due = self._due_next()
            try:
                async with asyncio.timeout(None if due is None else max(0, due - self._clock.now()) / SECOND):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def catch_up(self) -> None:
        """Play the blocks that are due."""
        if not self._running:
            return
        now = self._clock.now()
        while self._sounding and self.at <= now:
            self._step()
        while (blocks := ((now - self.began) * RATE // SECOND - self._written) // _BLOCK) > 0:
            self._rest(blocks * _BLOCK)

    def _step(self) -> None:
        """All that is due up to the next block in which something happens, which is the last of them."""
        if self._fades:
            super()._step()
            return
        due = max(1, ((self._clock.now() - self.began) * RATE // SECOND - self._written) // _BLOCK + 1)
        count = min(due, self._blocks_to_event())
        self._faded = False
        self._report(self._playout.read(count * _BLOCK), self.at)
        self._written += count * _BLOCK
        self._number += count
        if (self._number - 1) % SIGN_BLOCKS == 0:
            self._tell_progress(self._time(self._written - _BLOCK))

    def _rest(self, count: int) -> None:
        if not self._paused:
            self._playout.rest(count)
        self._written += count

    def _due_next(self) -> int | None:
        """When the next block with something in it is due (ns). None: nothing will happen by itself."""
        if not self._sounding:
            return None
        blocks = 1 if self._fades else self._blocks_to_event()
        return self._time(self._written + (blocks - 1) * _BLOCK)

    @property
    def _fades(self) -> bool:
        """What was held fades out in the next block, even if it was cleared since: there is nothing to leap over."""
        return self._paused or self._tail is not None

    def _blocks_to_event(self) -> int:
        """How many blocks there are up to the one in which an utterance begins or ends, or progress is told."""
        to_sign = -self._number % SIGN_BLOCKS + 1
        spans = self._playout.spans()
        if not spans:
            return to_sign
        begin, end = spans[0]
        place = end - 1 if self._playout.current is not None else begin
        return min(to_sign, max(1, (place - self._playout.position) // _BLOCK + 1))


def _nowhere(block: Samples) -> None:
    pass
