"""Playout: utterances laid on a sample clock, one after the other, each a chosen gap after the end of the one before
it.

A pure core. Its time is the number of samples read so far: reading is what makes it pass, so the same calls give the
same samples whatever the sizes of the reads. An edge (the stage, a phone line) reads at the pace of its far end.

An item may be open: more of it is to come (:meth:`Playout.extend`). Where it has nothing left to play there is silence,
and it ends only when it is closed.

The gap of an item counts from the end of the one before it. When that moment has passed already (the item came late),
it starts at the next sample read. Ids are the caller's; one id may be in the playout only once at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from duologue.audio.pcm import RATE, Samples, silence
from duologue.audio.resample import resample, rescale
from duologue.errors import InputError, InternalError, PeerError

FADE = RATE * 20 // 1000
"""Samples within which :meth:`Playout.clear` falls silent."""


def falling(count: int) -> Samples:
    """A fade over ``count`` samples, from just below 1 to just above 0; one minus it is the fade back in."""
    ramp = 0.5 + 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / max(count, 1))
    return ramp.astype(np.float32)


@dataclass(frozen=True, slots=True)
class ItemStarted:
    """The item's first sample is sample ``at`` of the playout."""

    id: str
    at: int


@dataclass(frozen=True, slots=True)
class ItemEnded:
    """The item is over: ``at`` is the sample after its last, ``played`` how many of its samples were played.

    An item that was dropped by :meth:`Playout.clear` before it began ends with ``played`` 0 and was never started.
    """

    id: str
    at: int
    played: int


PlayoutEvent: TypeAlias = ItemStarted | ItemEnded


@dataclass(frozen=True, slots=True)
class BlockPiece:
    """A stretch of one item inside a block: it lies at ``offset`` of the block and is sample ``start`` of the item
    on.
    """

    id: str
    offset: int
    start: int
    samples: Samples


@dataclass(frozen=True, slots=True)
class Block:
    """What one read gives, from sample ``at`` of the playout.

    ``samples`` is all of it, mono, not to be written to: one item that fills the block is no copy; ``pieces`` is the
    same by item, in order and without overlap, for who places speakers.
    """

    at: int
    samples: Samples
    events: tuple[PlayoutEvent, ...]
    pieces: tuple[BlockPiece, ...]


@dataclass(slots=True, eq=False)
class _Item:
    id: str
    samples: Samples
    gap: int
    open: bool = False
    cut: bool = False


def _joined(pieces: Sequence[BlockPiece], count: int) -> Samples:
    """Copied only where it must be: numpy gives the interpreter away for every copy of this size."""
    if len(pieces) == 1 and len(pieces[0].samples) == count:
        return pieces[0].samples
    mixed = silence(count)
    for piece in pieces:
        mixed[piece.offset : piece.offset + len(piece.samples)] = piece.samples
    return mixed


class Playout:
    """See the module. It begins at sample ``position``; ``max_items`` and ``max_samples`` bound the queue (the item
    that plays is not counted).
    """

    def __init__(self, position: int = 0, max_items: int = 64, max_samples: int = 600 * RATE) -> None:
        self._max_items = max_items
        self._max_samples = max_samples
        self._queue: deque[_Item] = deque()
        self._queued_samples = 0
        self._current: _Item | None = None
        self._played = 0
        self._last_end: int | None = None
        self._position = position

    @property
    def position(self) -> int:
        """The next sample to be read."""
        return self._position

    @property
    def current(self) -> str | None:
        """The id of the item that plays, None in silence."""
        return self._current.id if self._current else None

    @property
    def queued(self) -> tuple[str, ...]:
        """The ids that have not begun, in order."""
        return tuple(item.id for item in self._queue)

    @property
    def busy(self) -> bool:
        """Something plays or is queued."""
        return self._current is not None or bool(self._queue)

    def next_start(self) -> tuple[str, int] | None:
        """The next queued item and the sample at which it starts as things stand, None with an empty queue."""
        if not self._queue:
            return None
        following = self._queue[0]
        return following.id, self._start_after(self._end_of_current(), following.gap)

    def spans(self) -> tuple[tuple[int, int], ...]:
        """Start and end of what plays (from here on) and of all that is queued, as things stand: who ducks music looks
        ahead.
        """
        found: list[tuple[int, int]] = []
        end = self._end_of_current()
        if self._current is not None and end is not None:
            found.append((self._position, end))
        for item in self._queue:
            start = self._start_after(end, item.gap)
            end = start + len(item.samples)
            found.append((start, end))
        return tuple(found)

    def enqueue(self, item_id: str, samples: Samples, gap: int = 0, *, more: bool = False) -> None:
        """Append an item, ``gap`` samples after the end of the one before it. Mono, at :data:`RATE`; ``more``: open.

        Raises :class:`InputError` for a negative gap, sound that is not mono, or an id that is there already;
        :class:`PeerError` when the queue is full (whoever fills it is not listening to its events).
        """
        if gap < 0 or samples.ndim != 1:
            raise InputError(
                f"the item {item_id!r} has gap {gap} and shape {samples.shape}", remedy="Give mono and gap >= 0."
            )
        if item_id == self.current or item_id in self.queued:
            raise InputError(f"the item {item_id!r} is in the playout already")
        if len(self._queue) >= self._max_items or self._queued_samples + len(samples) > self._max_samples:
            raise PeerError(
                f"the playout is full: {len(self._queue)} items, {self._queued_samples / RATE:.0f} s",
                remedy="Wait for an item to end.",
            )
        self._queue.append(_Item(item_id, samples, gap, more))
        self._queued_samples += len(samples)

    def extend(self, item_id: str, samples: Samples, *, more: bool) -> bool:
        """An open item is ``samples`` by now, all of it so far; without ``more`` it is closed. False for an item that
        is not there, not open, or was cut.

        Raises :class:`InputError` for samples that are not mono, or fewer than there were.
        """
        current = self._current
        item = next((each for each in (current, *self._queue) if each is not None and each.id == item_id), None)
        if item is None or not item.open or item.cut:
            return False
        grown = len(samples) - len(item.samples)
        if samples.ndim != 1 or grown < 0:
            raise InputError(
                f"the item {item_id!r} cannot become shape {samples.shape}", remedy="Give all of it so far."
            )
        item.samples, item.open = samples, more
        self._queued_samples += grown if item is not current else 0
        return True

    def retune(self, rate: int, to_rate: int) -> None:
        """All of it, of ``rate`` so far, is of ``to_rate`` from here on: sounds, places and bounds. What an open item
        is extended by must be so, too.
        """
        for item in (*filter(None, (self._current,)), *self._queue):
            item.samples = resample(item.samples, rate, to_rate)
            item.gap = rescale(item.gap, rate, to_rate)
        self._queued_samples = sum(len(item.samples) for item in self._queue)
        self._max_samples = rescale(self._max_samples, rate, to_rate)
        self._position = rescale(self._position, rate, to_rate)
        self._played = rescale(self._played, rate, to_rate)
        self._last_end = None if self._last_end is None else rescale(self._last_end, rate, to_rate)

    def withdraw(self, item_id: str) -> bool:
        """Take back an item that has not begun; False when it has, or is unknown. What comes after it moves up."""
        for item in self._queue:
            if item.id == item_id:
                self._queue.remove(item)
                self._queued_samples -= len(item.samples)
                return True
        return False

    def clear(self, fade: int = FADE) -> tuple[ItemEnded, ...]:
        """Fade out what plays within ``fade`` samples and drop all that is queued.

        Returns the ends of what was dropped; the end of what plays comes with the block in which it fell silent.
        """
        dropped = tuple(ItemEnded(item.id, self._position, 0) for item in self._queue)
        self._queue.clear()
        self._queued_samples = 0
        self.cut(fade)
        return dropped

    def ahead(self, count: int) -> Samples:
        """The next ``count`` samples of what plays, fewer at its end, none in silence. Nothing is played by asking."""
        item = self._current
        return np.zeros(0, np.float32) if item is None else item.samples[self._played : self._played + count]

    def cut(self, fade: int = FADE) -> None:
        """Fade out what plays within ``fade`` samples, if anything does; what is queued follows it."""
        if (item := self._current) is None:
            return
        rest = self.ahead(fade)  # one that is shorter than the fade ends by itself as it would have
        faded = rest * falling(fade)[: len(rest)]
        self._current = _Item(item.id, np.concatenate([item.samples[: self._played], faded]), item.gap, cut=True)

    def read(self, count: int) -> Block:
        """The next ``count`` samples, silence where nothing plays. Afterwards :attr:`position` is that much further."""
        if count < 0:
            raise InternalError(f"a playout cannot read {count} samples")
        begin = self._position
        events: list[PlayoutEvent] = []
        pieces: list[BlockPiece] = []
        while True:
            if self._current is None and not self._begin(begin + count, events):
                break
            if (piece := self._play(begin, count)) is not None:
                pieces.append(piece)
            if not self._end(events):
                break
        self._position = begin + count
        return Block(begin, _joined(pieces, count), tuple(events), tuple(pieces))

    def rest(self, count: int) -> None:
        """Let ``count`` samples of silence pass, as reading them would, while nothing plays and nothing is queued."""
        if count < 0 or self.busy:
            raise InternalError(f"a playout cannot rest for {count} samples while {self.current!r} plays")
        self._position += count

    def _begin(self, block_end: int, events: list[PlayoutEvent]) -> bool:
        """Make the next item current if it starts before the end of the block; the position moves to its start."""
        following = self.next_start()
        if following is None or following[1] >= block_end:
            return False
        self._position = following[1]
        self._current = self._queue.popleft()
        self._queued_samples -= len(self._current.samples)
        self._played = 0
        events.append(ItemStarted(self._current.id, self._position))
        return True

    def _play(self, begin: int, count: int) -> BlockPiece | None:
        item = self._current
        assert item is not None
        offset = self._position - begin
        taken = min(len(item.samples) - self._played, count - offset)
        if taken == 0:
            return None
        piece = BlockPiece(item.id, offset, self._played, item.samples[self._played : self._played + taken])
        self._played += taken
        self._position += taken
        return piece

    def _end(self, events: list[PlayoutEvent]) -> bool:
        """End the current item if all of it is played."""
        item = self._current
        if item is None or self._played < len(item.samples) or item.open:
            return False
        events.append(ItemEnded(item.id, self._position, self._played))
        self._last_end = self._position
        self._current = None
        return True

    def _end_of_current(self) -> int | None:
        if self._current is None:
            return self._last_end
        return self._position + len(self._current.samples) - self._played

    def _start_after(self, end: int | None, gap: int) -> int:
        return self._position if end is None else max(self._position, end + gap)
