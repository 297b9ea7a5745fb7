"""A sink somewhere else: a browser, a phone line, a vendor's media stream, a client of a realtime API.

:class:`RemoteSink` is what a session is given. What differs between far ends is said once (:class:`Manners`) and done
by an adapter that only writes and parses: it takes each :class:`FarEndMessage` to its transport, and calls
:meth:`RemoteSink.acknowledge`, ``marked`` or ``stopped`` for what comes back, or nothing at all. docs/far-ends.md says
how the usual ones are written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from duologue.audio.far_playout import FarEndMessage, Manners, MessageKind
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.dialogue.far_end.state import FarEnd
from duologue.dialogue.ports import PlayEvent, PlayProgress
from duologue.speech.utterance import Utterance

__all__ = ["FarEndMessage", "Manners", "MessageKind", "RemoteSink"]


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
                    if message.samples is not None and own == self._transports:
                        self.far.left(message.id, message.end, self._clock.now())
                        self._news.set()  # it is awaited, or estimated, from now on
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
