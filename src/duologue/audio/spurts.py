"""Talk-spurts: a playout read 20 ms at a time, for whoever takes sound at a clock's pace. Pure: time is an argument.

A **talk-spurt** leaves on a grid of its own: its first 20 ms at once, in the call that began it, each further block
20 ms after the one before, absolutely: a late block does not move the grid, and none is left out; but after a
standstill (:data:`HELD_UP`) the grid begins anew. It lasts while something plays or is queued. The silence between two
spurts is written when it has passed, in stretches of 20 ms and one shorter one before the next spurt; without
``silence`` it is not written at all, and :attr:`Spurts.at` says how much of it there was. What is written is not to be
written to.

A hold lands with the next block and does not click: the sound fades within 5 ms. Those samples do not count as played:
after it they come again, fading in, so that the two fades together are the utterance, to the sample.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from duologue.audio.pcm import RATE, Samples, silence
from duologue.audio.playout import FADE, Block, ItemEnded, ItemStarted, Playout, falling
from duologue.audio.resample import resample, rescale
from duologue.clock import MILLISECOND, SECOND

BLOCK_MS = 20


HELD_UP = SECOND // 5
"""Who comes so much too late (ns) was not run: our process stood still, or the machine. Sent all at once, what was due
meanwhile would be lost: no far end keeps more than what it takes to even out its way.
"""


class Spurts(ABC):
    """Gives ``write`` one stream at ``rate`` Hz (mono), in which the place of a sample says when it is due, in blocks
    of ``block_ms``.

    Who plays derives from it, and is told what was played (``_report``), what began and what is over. Methods take
    ``now`` (ns); :attr:`deadline` is when :meth:`tick` is wanted.
    """

    def __init__(
        self, write: Callable[[Samples], None], rate: int = RATE, block_ms: int = BLOCK_MS, *, silence: bool = True
    ) -> None:
        self._write = write
        self._silence = silence
        self._playout = Playout(max_samples=600 * rate)
        self._measure(rate, block_ms)
        self.began = 0
        """When the first sample is due (ns): the place of everything that is written. Known once it has started."""
        self._running = False
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

    @property
    def at(self) -> int:
        """When the next sample of the stream is due (ns); inside ``write``: the first of those that are written."""
        return self._time(self._written)

    @property
    def deadline(self) -> int | None:
        """When :meth:`tick` is wanted; None while nothing is to come."""
        if not self._running:
            return None
        if self._sounding or self._fresh:
            return self._time(self._written)
        return self._time(self._written + self._count) if self._silence else None

    def tick(self, now: int) -> None:
        """Whatever is due."""
        self._pass_standstill(now)
        while (due := self.deadline) is not None and due <= now:
            if self._sounding or not self._fresh:
                self._step()
            else:
                self._fresh = False

    # What is to be played

    def _measure(self, rate: int, block_ms: int) -> None:
        self._rate = rate
        self._block = block_ms * MILLISECOND
        """Of a block (ns)."""
        self._count = rate * block_ms // 1000
        self._fading = falling(rate * 5 // 1000)
        self._nothing = _still(self._count)

    def _retune(self, rate: int, block_ms: int) -> None:
        """From the next block on the stream is of another rate, in other blocks; what is to be played goes on where it
        is, and the grid from where the newest block ends.
        """
        before = self._rate
        if rate != before:
            self._playout.retune(before, rate)
            self._written = rescale(self._written, before, rate)
            self._tail = None if self._tail is None else resample(self._tail, before, rate)
        self._measure(rate, block_ms)

    def _start_at(self, now: int) -> None:
        self.began, self._running = now, True
        self._begin(now)

    def _enqueue(self, item_id: str, samples: Samples, gap: int, now: int, *, more: bool) -> None:
        """See :meth:`Playout.enqueue`; in silence its first block leaves now."""
        idle = self._pass_silence(now)
        self._playout.enqueue(item_id, samples, gap, more=more)
        if idle:
            self._begin(now)

    def _fall_silent(self, now: int) -> tuple[ItemEnded, ...]:
        """What plays fades out within 20 ms; what was held has faded already. The ends of what had not begun."""
        dropped = self._playout.clear(0 if self._paused else FADE * self._rate // RATE)
        if self._paused:
            self._report(self._playout.read(0), now)
        self._paused = self._faded = False
        return dropped

    def _hold(self) -> None:
        if not (self._paused or self._faded):
            rest = self._playout.ahead(len(self._fading))
            self._tail = rest * self._fading[: len(rest)] if len(rest) else None
        self._paused = True

    def _go_on(self, now: int) -> None:
        if self._paused:
            idle = self._pass_silence(now)
            self._paused, self._tail = False, None  # a tail that is still here was never faded out
            if idle:
                self._begin(now)

    # How it is done

    @property
    def _sounding(self) -> bool:
        """A talk-spurt goes on."""
        return self._tail is not None or (not self._paused and self._playout.busy)

    def _time(self, place: int) -> int:
        return self.began + place * SECOND // self._rate

    def _pass_silence(self, now: int) -> bool:
        """Up to now, if it is silent: whether it is. The next talk-spurt has its place after that."""
        if self._sounding:
            return False
        passed = (now - self.began) * self._rate // SECOND - self._written if self._running else 0
        while passed > 0:
            count = min(passed, self._count) if self._silence else passed
            self._rest(count)
            passed -= count
        return True

    def _pass_standstill(self, now: int) -> int:
        """After one, a talk-spurt goes on from now, where it stopped, unless its silence is written too; how long it
        was (ns).
        """
        late = now - self.at
        if late < HELD_UP or not self._sounding or self._silence:
            return 0
        self._written += late * self._rate // SECOND
        return late

    def _begin(self, now: int) -> None:
        """If a talk-spurt begins, its first block leaves now."""
        if self._running and self._sounding and self.at <= now:
            self._step()

    def _step(self) -> None:
        """The next block of a spurt, or of the silence that has passed."""
        if not self._sounding:
            self._rest(self._count)
            return
        at = self.at
        self._write(self._next(at))
        self._written += self._count
        self._number += 1
        self._fresh = True

    def _rest(self, count: int) -> None:
        """So many samples of silence have passed."""
        if not self._paused:
            self._playout.rest(count)
        if self._silence:
            self._write(self._nothing[:count])
        self._written += count

    def _next(self, at: int) -> Samples:
        """The block of a spurt that is due at ``at``."""
        if self._paused:
            samples = self._nothing
            self._faded = True
        else:
            block = self._playout.read(self._count)
            samples = self._faded_in(block) if self._faded and block.pieces else block.samples
            self._faded = False
            self._report(block, at)
        if self._tail is not None:
            samples = samples.copy()
            samples[: len(self._tail)] += self._tail
            self._tail = None
        return samples

    def _faded_in(self, block: Block) -> Samples:
        """Where the utterance goes on, not where the next one begins."""
        piece, samples = block.pieces[0], block.samples.copy()
        if piece.start and not piece.offset:
            count = min(len(piece.samples), len(self._fading))
            samples[:count] *= (1 - self._fading)[:count]
        return samples

    def _report(self, block: Block, at: int) -> None:
        """A block was read, whose first sample is due at ``at``."""
        for event in block.events:
            when = at + (event.at - block.at) * SECOND // self._rate
            match event:
                case ItemStarted(item_id):
                    self._item_began(item_id, when)
                case ItemEnded(item_id, played=played):
                    self._item_over(item_id, when, played)

    @abstractmethod
    def _item_began(self, item_id: str, when: int) -> None:
        """Its first sample is due at ``when``."""

    @abstractmethod
    def _item_over(self, item_id: str, when: int, played: int) -> None:
        """It is over after so many of its samples, at ``when``."""


def _still(count: int) -> Samples:
    made = silence(count)
    made.flags.writeable = False
    return made
