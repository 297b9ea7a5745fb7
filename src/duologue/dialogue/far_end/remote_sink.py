"""A sink somewhere else: a browser, a phone line, a vendor's media stream, a client of a realtime API.

:class:`RemoteSink` is what a session is given. What differs between far ends is said once (:class:`Manners`) and done
by an adapter that only writes and parses: it takes each :class:`FarEndMessage` to its transport, and calls
:meth:`RemoteSink.acknowledge`, ``marked`` or ``stopped`` for what comes back, or nothing at all. docs/far-ends.md says
how the usual ones are written.

:class:`PacedWriter` is the adapter for whatever takes packets at the pace of its clock: it plays the messages on our
side, 20 ms at a time, each talk-spurt on a grid of its own, and says what has left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np

from duologue.audio.far_playout import PACED, FarEndMessage, Manners, MessageKind
from duologue.audio.pcm import Samples
from duologue.audio.playout import Block
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.dialogue.far_end.state import FarEnd
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayProgress
from duologue.dialogue.session.sink import PacedSink
from duologue.speech.utterance import Utterance

__all__ = ["PACED", "FarEndMessage", "Manners", "MessageKind", "PacedWriter", "RemoteSink"]
GAP_RATE = 48
"""Samples of a gap in a millisecond."""


class RemoteSink:
    """See :class:`~duologue.dialogue.ports.Sink`. No order waits for the far end: it changes what is to be so there,
    and :meth:`connect` writes the difference.

    Call :meth:`run` beside the session, and :meth:`connect` for each transport, one after the other; in between nothing
    is lost, and nothing is said twice that was acknowledged. On a new transport the far end has forgotten what it had;
    one that has not says first how far it was, and then forgets it.
    """

    def __init__(
        self, manners: Manners, notify: Callable[[PlayEvent | PlayProgress], None], clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self.far = FarEnd(manners)
        """What is known of the far end; ``far.counts`` what it said that could not be."""
        self._notify = notify
        self._clock = clock
        self._news = asyncio.Event()
        self._orders = asyncio.Event()
        self._transports = 0

    # See duologue.dialogue.ports.Sink

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        """See the protocol."""
        self.far.play(utterance, gap_ms, self._clock.now())
        self._changed()

    async def extend(self, utterance: Utterance) -> None:
        """See the protocol."""
        self.far.extend(utterance, self._clock.now())
        self._changed()

    async def withdraw(self, utterance_id: str) -> bool:
        """See the protocol."""
        gone = self.far.withdraw(utterance_id, self._clock.now())
        self._changed()
        return gone

    async def pause(self) -> None:
        """See the protocol."""
        self.far.pause(self._clock.now())
        self._changed()

    async def resume(self) -> None:
        """See the protocol."""
        self.far.resume(self._clock.now())
        self._changed()

    async def clear(self) -> None:
        """See the protocol; what has left ends when the far end says where it stopped, or ought to have said it."""
        self.far.clear(self._clock.now())
        self._changed()

    # What the adapter parses

    def acknowledge(self, utterance_id: str, samples: int, at: int | None = None) -> None:
        """So many samples of an utterance had been played ``at`` (ns of the far end's own clock; None: when this came).

        What cannot be is capped or ignored, and counted: nothing that a far end says is an error of ours.
        """
        self.far.acknowledge(utterance_id, samples, at, self._clock.now())
        self._changed()

    def marked(self, mark: str) -> None:
        """The mark of a message came back."""
        self.far.marked(mark, self._clock.now())
        self._changed()

    def stopped(self, utterance_id: str, samples: int, at: int | None = None) -> None:
        """It plays no more of it than this, by our clear or by itself; an empty id: it was playing nothing."""
        self.far.stopped(utterance_id, samples, at, self._clock.now())
        self._changed()

    def round_trip(self, milliseconds: float) -> None:
        """As it was measured."""
        self.far.round_trip(milliseconds)

    def left(self, utterance_id: str, samples: int) -> None:
        """Of who paces: sound up to there has left now."""
        self.far.left(utterance_id, samples, self._clock.now())
        self._news.set()  # the estimate may have stood still for want of it

    # What runs

    async def run(self) -> None:
        """Tell what is estimated, until cancelled."""
        while True:
            self._news.clear()
            due = self.far.deadline()
            try:
                async with asyncio.timeout(None if due is None else max(0, due - self._clock.now()) / SECOND):
                    await self._news.wait()
            except TimeoutError:
                self.far.tick(self._clock.now())
                self._tell()

    async def connect(self, write: Callable[[FarEndMessage], Awaitable[None]]) -> None:
        """Give ``write`` one message after another, until cancelled. Raises what it raises: the transport is gone then.

        A transport that is connected while another one is takes its place: the older call returns.
        """
        self._transports = own = self._transports + 1
        self.far.attach(self._clock.now())
        self._changed()
        try:
            while own == self._transports:
                self._orders.clear()
                while own == self._transports and (message := self.far.next_message(self._clock.now())):
                    await write(message)
                    if message.samples is not None and own == self._transports and not self.far.manners.paced:
                        self.left(message.id, message.end)
                        self._tell()
                if own == self._transports:
                    await self._orders.wait()
        finally:
            if own == self._transports:
                self.far.detach(self._clock.now())
                self._changed()

    def _changed(self) -> None:
        self._orders.set()
        self._news.set()
        self._tell()

    def _tell(self) -> None:
        for report in self.far.take_reports():
            self._notify(report)


class PacedWriter(PacedSink):
    """Plays the messages of ``sink`` here, and gives ``send`` the talk-spurts of a :class:`PacedSink`: 20 ms of 48 kHz
    at a time, which an adapter brings to its codec and packs; ``at`` is the place of each. Its manners are
    :data:`PACED`.

    Hand :meth:`take` to :meth:`RemoteSink.connect`, and call :meth:`run` beside it.
    """

    def __init__(self, sink: RemoteSink, send: Callable[[Samples], None], clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(send, self._heed, clock, silence=False)
        self._sink = sink
        self._given: dict[str, Utterance] = {}
        self._starts: dict[str, int] = {}

    async def take(self, message: FarEndMessage) -> None:
        """Do what it says."""
        match message.kind:
            case MessageKind.PLAY:
                await self.play(self._grown(message), message.gap // GAP_RATE)
            case MessageKind.EXTEND:
                if message.id in self._given:  # of what is over nothing more is played
                    await self.extend(self._grown(message))
            case MessageKind.PAUSE:
                await self.pause()
            case MessageKind.RESUME:
                await self.resume()
            case MessageKind.CLEAR:
                await self.clear()
            case MessageKind.WITHDRAW:
                if await self.withdraw(message.id):
                    self._forget(message.id)

    def _grown(self, message: FarEndMessage) -> Utterance:
        assert message.samples is not None
        known = self._given.get(message.id)
        if known is None:
            self._starts[message.id] = message.start
        samples = message.samples if known is None else np.concatenate([known.samples, message.samples])
        self._given[message.id] = grown = Utterance(message.id, "", "", samples, open=message.more)
        return grown

    def _forget(self, utterance_id: str) -> None:
        self._given.pop(utterance_id, None)
        self._starts.pop(utterance_id, None)

    def _report(self, block: Block, at: int) -> None:
        for piece in block.pieces:
            self._sink.left(piece.id, self._starts[piece.id] + piece.start + len(piece.samples))
        super()._report(block, at)

    def _heed(self, report: PlayEvent | PlayProgress) -> None:
        if isinstance(report, PlayEnded):
            whole = self._given[report.utterance_id]
            if report.played_samples < len(whole.samples) or whole.open:
                self._sink.stopped(report.utterance_id, self._starts[report.utterance_id] + report.played_samples)
            self._forget(report.utterance_id)
