"""Messages for the caller, played here: 20 ms at a time, each talk-spurt on a grid of its own. Pure.

For a carrier that takes sound at our pace and says nothing of what it did with it: what has left will be heard, since
nothing recalls it. So what :class:`~duologue.phone.leg.Played` tells is what has left, and a clear is answered with
where the sound had faded out, 20 ms later at most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from duologue.audio.far_playout import Kind, Manners, Message
from duologue.audio.pcm import RATE, Samples, silence
from duologue.audio.playout import Block, Ended, Playout, Started, falling
from duologue.clock import MILLISECOND, SECOND
from duologue.phone.leg import LegEvent, Played, Sent, Stopped

MANNERS = Manners(buffer_ms=0)
BLOCK_MS = 20
COUNT = RATE * BLOCK_MS // 1000
PROGRESS_BLOCKS = 5
"""Between two positions that are told."""
_FALLING = falling(RATE * 5 // 1000)
_RISING = 1 - _FALLING


@dataclass(slots=True, eq=False)
class _Item:
    """An utterance from its sample ``start`` on: ``samples`` of it came. ``cut``: it was cleared while it played."""

    id: str
    start: int
    samples: Samples
    cut: bool = False


class MessagePlayer:
    """Call :meth:`take` for each message, and :meth:`block` when :meth:`due` says so."""

    def __init__(self) -> None:
        self._playout = Playout()
        self._items: dict[str, _Item] = {}
        """By their names in the playout: an utterance that was cleared may come again while it fades."""
        self._names: dict[str, str] = {}
        self._next = 0
        """When the next block is due (ns)."""
        self._blocks = 0
        self._paused = False
        self._tail: Samples | None = None
        """What fades out in the next block, after a pause: it comes again, fading in, when that is over."""
        self._rises = False

    def due(self) -> int | None:
        """When the next block is to leave (ns, may have passed); None: nothing is to be played."""
        return self._next if self._tail is not None or (self._playout.busy and not self._paused) else None

    def take(self, message: Message, now: int) -> list[LegEvent]:
        """Do what it says. Raises :class:`~duologue.errors.PeerError` when far too much waits."""
        match message.kind:
            case Kind.PLAY:
                self._play(message, now)
            case Kind.EXTEND:
                self._extend(message)
            case Kind.WITHDRAW:
                if self._playout.withdraw(name := self._names.get(message.id, "")):
                    self._forget(name)
            case Kind.PAUSE:
                self._pause()
            case Kind.RESUME:
                self._wake(now)
                self._paused = False
            case Kind.CLEAR:
                return self._clear()
        return []

    def block(self) -> tuple[Samples, list[LegEvent]]:
        """The next 20 ms (48 kHz, not to be written to), and what there is to tell; the next is due 20 ms later."""
        at, self._next = self._next, self._next + BLOCK_MS * MILLISECOND
        if self._tail is not None:
            samples = silence(COUNT)
            samples[: len(self._tail)] = self._tail
            self._tail, self._rises = None, True
            return samples, []
        block = self._playout.read(COUNT)
        return self._risen(block), self._told(block, at)

    def _play(self, message: Message, now: int) -> None:
        assert message.samples is not None
        name = str(message.sequence)
        self._wake(now)
        self._playout.enqueue(name, message.samples, message.gap, more=message.more)
        self._items[name] = _Item(message.id, message.start, message.samples)
        self._names[message.id] = name

    def _extend(self, message: Message) -> None:
        assert message.samples is not None
        name = self._names.get(message.id, "")
        item = self._items.get(name)
        if item is None or item.cut:  # of what is over nothing more is played
            return
        item.samples = np.concatenate([item.samples, message.samples])
        self._playout.extend(name, item.samples, more=message.more)

    def _wake(self, now: int) -> None:
        """A talk-spurt that begins has a grid of its own; in one that goes on the next block stays due when it was."""
        if self.due() is not None or now <= self._next:
            return
        if not self._playout.busy:
            self._playout.rest((now - self._next) * RATE // SECOND)
        self._next = now

    def _pause(self) -> None:
        if not self._paused and not self._rises:
            rest = self._playout.ahead(len(_FALLING))
            self._tail = rest * _FALLING[: len(rest)] if len(rest) else None
        self._paused = True

    def _clear(self) -> list[LegEvent]:
        held, self._paused = self._paused, False
        current = self._playout.current
        for name in self._playout.queued:
            self._forget(name)
        self._playout.clear(*((0,) if held else ()))
        if current is None:
            return [Stopped("", 0)]
        self._items[current].cut = True
        self._rises = self._rises and not held
        return self._told(self._playout.read(0), self._next) if held else []

    def _risen(self, block: Block) -> Samples:
        """After a pause it fades in, where it goes on."""
        if not self._rises or not block.pieces:
            return block.samples
        self._rises, piece = False, block.pieces[0]
        if not piece.start or piece.offset:
            return block.samples
        samples = block.samples.copy()
        count = min(len(piece.samples), len(_RISING))
        samples[:count] *= _RISING[:count]
        return samples

    def _told(self, block: Block, at: int) -> list[LegEvent]:
        told: list[LegEvent] = []
        self._blocks += 1
        left = {piece.id: piece.start + len(piece.samples) for piece in block.pieces}
        for event in block.events:
            item, when = self._items[event.id], at + (event.at - block.at) * SECOND // RATE
            match event:
                case Started():
                    told.append(Sent(item.id, when))
                case Ended(played=played):
                    end = Stopped if item.cut else Played
                    told.append(end(item.id, item.start + played, when))
                    left.pop(event.id, None)
                    self._forget(event.id)
        if self._blocks % PROGRESS_BLOCKS == 0:
            told += [Played(self._items[n].id, self._items[n].start + count, self._next) for n, count in left.items()]
        return told

    def _forget(self, name: str) -> None:
        item = self._items.pop(name)
        if self._names.get(item.id) == name:
            del self._names[item.id]
