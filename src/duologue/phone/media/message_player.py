"""Messages for the caller, played here in talk-spurts (:mod:`duologue.audio.spurts`). Pure: time is an argument.

For a carrier that takes sound at our pace and says nothing of what it did with it: what has left will be heard, since
nothing recalls it. So what :class:`~duologue.phone.leg.Played` tells is what has left, and a clear is answered with
where the sound had faded out, 20 ms later at most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from duologue.audio.far_playout import FarEndMessage, Manners, MessageKind
from duologue.audio.pcm import Samples
from duologue.audio.playout import Block
from duologue.audio.spurts import BLOCK_MS, Spurts
from duologue.clock import MILLISECOND
from duologue.phone.leg import LegEvent, Played, Sent, Stopped

MANNERS = Manners(buffer_ms=0)
PROGRESS_BLOCKS = 5
"""Between two positions that are told."""


@dataclass(slots=True, eq=False)
class _Item:
    """An utterance from its sample ``start`` on: ``samples`` of it came. ``cut``: it was cleared while it played."""

    id: str
    start: int
    samples: Samples
    cut: bool = False


class MessagePlayer(Spurts):
    """``write`` gets blocks of 20 ms (48 kHz), ``tell`` what there is to tell of them. It begins at ``now``."""

    def __init__(self, write: Callable[[Samples], None], tell: Callable[[LegEvent], None], now: int) -> None:
        super().__init__(write, silence=False)
        self._tell = tell
        self._items: dict[str, _Item] = {}
        """By their names in the playout: an utterance that was cleared may come again while it fades."""
        self._names: dict[str, str] = {}
        self._start_at(now)

    @property
    def sounding(self) -> bool:
        """A talk-spurt goes on."""
        return self._sounding

    def take(self, message: FarEndMessage, now: int) -> None:
        """Do what it says. Raises :class:`~duologue.errors.PeerError` when far too much waits."""
        match message.kind:
            case MessageKind.PLAY:
                self._play(message, now)
            case MessageKind.EXTEND:
                self._extend(message)
            case MessageKind.WITHDRAW:
                if self._playout.withdraw(name := self._names.get(message.id, "")):
                    self._forget(name)
            case MessageKind.PAUSE:
                self._hold()
            case MessageKind.RESUME:
                self._go_on(now)
            case MessageKind.CLEAR:
                self._clear(now)

    def _play(self, message: FarEndMessage, now: int) -> None:
        assert message.samples is not None
        name = str(message.sequence)
        self._items[name] = _Item(message.id, message.start, message.samples)
        self._names[message.id] = name
        self._enqueue(name, message.samples, message.gap, now, more=message.more)

    def _extend(self, message: FarEndMessage) -> None:
        assert message.samples is not None
        name = self._names.get(message.id, "")
        item = self._items.get(name)
        if item is not None and not item.cut:  # of what is over nothing more is played
            item.samples = np.concatenate([item.samples, message.samples])
            self._playout.extend(name, item.samples, more=message.more)

    def _clear(self, now: int) -> None:
        current = self._playout.current
        if current is not None:
            self._items[current].cut = True
        for dropped in self._fall_silent(now):
            self._forget(dropped.id)
        if current is None:
            self._tell(Stopped("", 0))

    def _report(self, block: Block, at: int) -> None:
        super()._report(block, at)
        if self._number % PROGRESS_BLOCKS == 0:
            for piece in block.pieces:
                if (item := self._items.get(piece.id)) is not None:
                    played = item.start + piece.start + len(piece.samples)
                    self._tell(Played(item.id, played, at + BLOCK_MS * MILLISECOND))

    def _item_began(self, item_id: str, when: int) -> None:
        self._tell(Sent(self._items[item_id].id, when))

    def _item_over(self, item_id: str, when: int, played: int) -> None:
        item = self._items[item_id]
        end = Stopped if item.cut else Played
        self._tell(end(item.id, item.start + played, when))
        self._forget(item_id)

    def _forget(self, name: str) -> None:
        item = self._items.pop(name)
        if self._names.get(item.id) == name:
            del self._names[item.id]
