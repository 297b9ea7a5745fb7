"""The line process: SIP and RTP, apart from everything that thinks.

``python -m duologue.phone.line.process FD`` takes a :class:`~duologue.phone.line.messages.LineSetup`, then orders, and
gives reports. It leaves when told to; when the main process is gone it first ends its calls politely.

There is one thread. A second one that is busy, even for moments, would take the interpreter for 5 ms at a time, and
every packet with it.
"""

from __future__ import annotations

import asyncio
import gc
import select
import selectors
from collections import deque
from dataclasses import replace
from typing import Any

from duologue.child import LoopChannel
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, DuologueError, InputError, InternalError, in_words
from duologue.memory import keep_trimmed_here, settle
from duologue.phone.line.line import LineProcess
from duologue.phone.line.messages import (
    CallHeard,
    Counts,
    LineOrder,
    LineProcessFailed,
    LineReport,
    LineSetup,
    LineShutdown,
    LineTrouble,
)
from duologue.priority import raise_this_process

GRAIN = 2 * MILLISECOND
"""See :class:`PreciseSelector`."""
LOOKS = 4
MOST_UNSENT = 256 * 1024
"""Bytes that the main process may owe before reports wait here."""
PIECE = 256
"""Reports that cross together: main reads what came before the rest of the pipe is taken, and is not busy for seconds
with one message.
"""
OLDEST = 2 * SECOND
"""Of callers' sound that waits (ns): what is older is dropped. A main process that falls behind hears less, and not
later and later.
"""
MOST_WAITING = 50_000
"""Reports of all kinds that wait; a main process so far behind will not come back, and the line leaves."""


class PreciseSelector(selectors.EpollSelector):
    """Waits to the microsecond: epoll itself counts milliseconds, and rounds up.

    With a ``grain`` (ns) what comes often is looked at in company: after :data:`LOOKS` that follow each other, once in
    so long; deadlines are met all the same. A hundred calls would wake it five thousand times a second, and the main
    process as often, which costs more than all that is done with their packets.
    """

    def __init__(self, grain: int = 0, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__()
        self._grain, self._clock = grain, clock
        self._next = 0  # before this it does not look

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """See :class:`selectors.BaseSelector`."""
        if self._grain and (rest := (self._next - self._clock.now()) / SECOND) > 0:
            if timeout is not None and timeout <= rest:
                if timeout > 0:
                    select.select((), (), (), timeout)
                return []
            select.select((), (), (), rest)
            timeout = None if timeout is None else timeout - rest
        if timeout is not None and timeout > 0:
            select.select([self.fileno()], [], [], timeout)
            timeout = 0
        found = super().select(timeout)
        if found and self._grain:
            self._next = max(self._next, self._clock.now() - (LOOKS - 1) * self._grain) + self._grain
        return found


class Outbox:
    """Reports on their way to main: those of one turn of the loop cross together. Never waits: of a main process that
    is behind the oldest sound is dropped, and counted; nothing else is lost.
    """

    def __init__(self, channel: LoopChannel, clock: Clock) -> None:
        self.dropped = 0
        self.overflown = asyncio.Event()
        self._channel, self._clock = channel, clock
        self._waiting: deque[LineReport] = deque()
        self._since: deque[int] = deque()  # when each sound that waits came (ns)
        self._flushing = False
        self._loop = asyncio.get_running_loop()

    def put(self, report: LineReport) -> None:
        """Send it with the next flush."""
        if isinstance(report, CallHeard):
            now = self._clock.now()
            self._since.append(now)
            while self._since[0] < now - OLDEST:
                self._drop_oldest()
        elif isinstance(report, Counts):
            report = replace(report, values={**report.values, "dropped_sound": self.dropped})
        self._waiting.append(report)
        if len(self._waiting) > MOST_WAITING:
            self.overflown.set()
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        while self._waiting:
            if self._channel.unsent > MOST_UNSENT:
                self._loop.call_later(0.02, self._flush)
                return
            batch = tuple(self._waiting.popleft() for _ in range(min(PIECE, len(self._waiting))))
            for _ in range(sum(isinstance(report, CallHeard) for report in batch)):
                self._since.popleft()
            self._channel.send(batch)
        self._flushing = False

    def _drop_oldest(self) -> None:
        self._since.popleft()
        self.dropped += 1
        for place, report in enumerate(self._waiting):
            if isinstance(report, CallHeard):
                del self._waiting[place]
                return


async def serve(channel: LoopChannel, clock: Clock = SYSTEM_CLOCK, granted: str = "") -> None:
    """Be the line of the plan that comes first, until told to leave or main is gone."""
    plan = await channel.receive()
    if not isinstance(plan, LineSetup):
        raise InputError(f"the line began with {type(plan).__name__}", where="the line process")
    outbox = Outbox(channel, clock)
    asyncio.get_running_loop().set_exception_handler(lambda _, context: outbox.put(_trouble(context)))
    async with asyncio.TaskGroup() as tasks:
        try:
            line = LineProcess(plan, clock, outbox.put)
            outbox.put(await line.open(tasks, granted))
        except DuologueError as error:
            channel.send((_failed(error),))
            return
        gc.collect()
        gc.freeze()
        if clock is SYSTEM_CLOCK:  # collections are timed by the machine's
            line.garbage.install()
        trimming = tasks.create_task(keep_trimmed_here(clock))
        orders = tasks.create_task(_obey(channel, line))
        overflow = tasks.create_task(outbox.overflown.wait())
        done, rest = await asyncio.wait((orders, overflow), return_when=asyncio.FIRST_COMPLETED)
        for task in (*rest, trimming):
            task.cancel()
        if clock is SYSTEM_CLOCK:
            line.garbage.remove()
        await line.leave(orders.result() if orders in done else "the main process does not listen")


async def _obey(channel: LoopChannel, line: LineProcess) -> str:
    """Carry out orders, one for each turn of the loop; why it is over."""
    while True:
        try:
            order = await channel.receive()
        except ClosedError:
            return "the service was interrupted"
        if isinstance(order, LineShutdown):
            return "the service ends"
        if not isinstance(order, LineOrder):
            raise InternalError(f"{type(order).__name__} is no order of a line", where="the line process")
        line.order(order)
        await asyncio.sleep(0)


def _failed(error: DuologueError) -> LineProcessFailed:
    return LineProcessFailed(error.what, error.where, error.remedy, isinstance(error, InputError))


def _trouble(context: dict[str, Any]) -> LineTrouble:
    """What escaped from a callback: it is told, and the other calls go on."""
    error = context.get("exception")
    return LineTrouble(in_words(error) if error is not None else str(context.get("message")), "the line process")


async def _run(granted: str) -> None:
    channel = await LoopChannel.inherited()
    try:
        await serve(channel, granted=granted)
    except BaseExceptionGroup as errors:
        channel.send((LineProcessFailed(in_words(errors.exceptions[0]), "the line process"),))
        raise
    finally:
        await channel.close()


def main() -> None:
    """Run it."""
    settle()
    granted = raise_this_process()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(PreciseSelector(GRAIN))) as runner:
        runner.run(_run(granted))


if __name__ == "__main__":
    main()
