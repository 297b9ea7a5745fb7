"""A sink on a sample clock of ours: for a file, a terminal, a simulation, and any far end that takes paced blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from duologue.audio.pcm import RATE, Samples, silence
from duologue.audio.playout import Block, ItemEnded, ItemStarted, Playout, falling
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayProgress, PlayStarted
from duologue.errors import InputError
from duologue.speech.utterance import Utterance

BLOCK_MS = 20
PROGRESS_BLOCKS = 5
"""So many blocks with something in them lie between two reports of how far the playing utterance is."""
_COUNT = RATE * BLOCK_MS // 1000
_FALLING = falling(RATE * 5 // 1000)
_RISING = 1 - _FALLING
_SILENCE = silence(_COUNT)
_SILENCE.flags.writeable = False


class PacedSink:
    """See :class:`duologue.dialogue.ports.Sink`. :meth:`run` gives ``write`` one stream (48 kHz, mono) without a hole,
    in which the place of a sample says when it is due.

    A **talk-spurt** leaves on a grid of its own: its first 20 ms at once, in the call that began it, each further block
    20 ms after the one before, absolutely: a late block does not move the grid, and none is left out. It lasts while
    something plays or is queued. The silence between two spurts is written when it has passed, in stretches of 20 ms
    and one shorter one before the next spurt; without ``silence`` it is not written at all, and :attr:`at` says how
    much of it there was. What is written is not to be written to.

    A pause lands with the next block and does not click: the sound fades within 5 ms. Those samples do not count as
    played: after it they come again, fading in, so that the two fades together are the utterance, to the sample.
    """

    def __init__(
        self,
        write: Callable[[Samples], None],
        notify: Callable[[PlayEvent | PlayProgress], None],
        clock: Clock = SYSTEM_CLOCK,
        *,
        silence: bool = True,
    ) -> None:
        self._write = write
        self._notify = notify
        self._clock = clock
        self._playout = Playout()
        self.began = 0
        """When the first sample is due (ns): the place of everything that is written. Known once :meth:`run` runs."""
        self._running = False
        self._silence = silence
        self._begun = asyncio.Event()
        self._written: int = 0
        """Samples of the stream so far."""
        self._number: int = 0
        """Blocks of talk-spurts so far."""
        self._fresh = False
        """The newest block of a spurt lasts still: what comes now goes on where that ends."""
        self._paused = False
        self._tail: Samples | None = None
        """What fades out in the next block."""
        self._faded = False
        """What plays was faded out, and is to fade in."""
        self._place: tuple[str, int] | None = None
        """The utterance that plays, and how much of it has been played."""

    @property
    def at(self) -> int:
        """When the next sample of the stream is due (ns); inside ``write``: the first of those that are written."""
        return self._time(self._written)

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        """See :class:`~duologue.dialogue.ports.Floor`."""
        if utterance.rate != RATE:
            raise InputError(
                f"the utterance {utterance.id!r} is at {utterance.rate} Hz", where="sink", remedy=f"Give {RATE} Hz."
            )
        idle = self._pass_silence()
        self._playout.enqueue(utterance.id, utterance.samples, gap_ms * RATE // 1000, more=utterance.open)
        if idle:
            self._begin()

    async def extend(self, utterance: Utterance) -> None:
        """See :class:`~duologue.dialogue.ports.Sink`."""
        self._playout.extend(utterance.id, utterance.samples, more=utterance.open)

    async def withdraw(self, utterance_id: str) -> bool:
        """See :class:`~duologue.dialogue.ports.Floor`."""
        return self._playout.withdraw(utterance_id)

    async def clear(self) -> None:
        """What plays fades out within 20 ms; what was paused has faded already."""
        now = self._clock.now()
        dropped = self._playout.clear(0) if self._paused else self._playout.clear()
        if self._paused:
            self._report(self._playout.read(0), now)
        self._paused = self._faded = False
        for item in dropped:
            self._notify(PlayEnded(item.id, now, item.played))

    async def pause(self) -> None:
        """See :class:`~duologue.dialogue.ports.Sink`."""
        if not (self._paused or self._faded):
            rest = self._playout.ahead(len(_FALLING))
            self._tail = rest * _FALLING[: len(rest)] if len(rest) else None
        self._paused = True
        self._tell_progress(self._clock.now())

    async def resume(self) -> None:
        """See :class:`~duologue.dialogue.ports.Sink`."""
        if self._paused:
            idle = self._pass_silence()
            self._paused, self._tail = False, None  # a tail that is still here was never faded out
            if idle:
                self._begin()

    async def run(self) -> None:
        """Play until cancelled."""
        self._start()
        self._begin()
        while True:
            place, next_place = self._written, self._written
            if not (self._sounding or self._fresh):
                next_place += _COUNT
                if not self._silence:
                    self._begun.clear()
                    await self._begun.wait()
                    continue
            await self._clock.wait_until(self._time(next_place))
            if self._written != place:
                continue  # a spurt began meanwhile, on its own grid
            if self._sounding or next_place != place:
                self._step()
            else:
                self._fresh = False

    def _start(self) -> None:
        self.began, self._running = self._clock.now(), True

    @property
    def _sounding(self) -> bool:
        """A talk-spurt goes on."""
        return self._tail is not None or (not self._paused and self._playout.busy)

    def _time(self, place: int) -> int:
        return self.began + place * SECOND // RATE

    def _pass_silence(self) -> bool:
        """Up to now, if it is silent: whether it is. The next talk-spurt has its place after that."""
        if self._sounding:
            return False
        passed = (self._clock.now() - self.began) * RATE // SECOND - self._written if self._running else 0
        while passed > 0:
            self._rest(min(passed, _COUNT) if self._silence else passed)
            passed -= _COUNT if self._silence else passed
        return True

    def _begin(self) -> None:
        """If a talk-spurt begins, its first block leaves now."""
        self._begun.set()
        if self._running and self._sounding and self.at <= self._clock.now():
            self._step()

    def _step(self) -> None:
        """The next block of a spurt, or of the silence that has passed."""
        if not self._sounding:
            self._rest(_COUNT)
            return
        at = self.at
        self._write(self._next(at))
        self._written += _COUNT
        self._number += 1
        self._fresh = True

    def _rest(self, count: int) -> None:
        """So many samples of silence have passed."""
        if not self._paused:
            self._playout.rest(count)
        if self._silence:
            self._write(_SILENCE[:count])
        self._written += count

    def _next(self, at: int) -> Samples:
        """The block of a spurt that is due at ``at``."""
        if self._paused:
            samples = _SILENCE
            self._faded = True
        else:
            block = self._playout.read(_COUNT)
            samples = self._faded_in(block) if self._faded and block.pieces else block.samples
            self._faded = False
            self._report(block, at)
            if self._number % PROGRESS_BLOCKS == 0:
                self._tell_progress(at)
        if self._tail is not None:
            samples = samples.copy()
            samples[: len(self._tail)] += self._tail
            self._tail = None
        return samples

    def _faded_in(self, block: Block) -> Samples:
        """Where the utterance goes on, not where the next one begins."""
        piece, samples = block.pieces[0], block.samples.copy()
        if piece.start and not piece.offset:
            count = min(len(piece.samples), len(_RISING))
            samples[:count] *= _RISING[:count]
        return samples

    def _report(self, block: Block, at: int) -> None:
        for piece in block.pieces:
            self._place = (piece.id, piece.start + len(piece.samples))
        for event in block.events:
            when = at + (event.at - block.at) * SECOND // RATE
            match event:
                case ItemStarted(utterance_id):
                    self._notify(PlayStarted(utterance_id, when))
                case ItemEnded(utterance_id, played=played):
                    self._place = None if self._place and self._place[0] == utterance_id else self._place
                    self._notify(PlayEnded(utterance_id, when, played))

    def _tell_progress(self, at: int) -> None:
        if self._place:
            self._notify(PlayProgress(self._place[0], at, self._place[1]))
