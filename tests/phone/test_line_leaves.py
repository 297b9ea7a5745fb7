"""What comes, or does not, while a line is ending: it ends all the same."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from line_world import HOST, line, on_loopback, options

from duologue.child import Worker
from duologue.errors import PeerError
from duologue.phone.leg import CallInfo, CallLeg
from duologue.phone.line.client import LineClient
from duologue.phone.line.messages import (
    CallOffered,
    Dial,
    Drain,
    LineOrder,
    LineSetup,
    LineShutdown,
    Ready,
    Refusing,
)


class Process:
    """A line's process on a script; ``ordered`` gives what it reports on an order."""

    pid, taken, signal = 0, 0, 0
    gone = False

    def __init__(self, ordered: Callable[[LineOrder], object]) -> None:
        self.closed = self.stopped = False
        self.laid_out: list[LineOrder] = []
        self._ordered = ordered
        self._reports = asyncio.Queue[object]()
        self._reports.put_nowait((Ready({"UDP": 5060}),))

    async def send(self, order: LineOrder) -> None:
        self.put(order)
        if self.stopped:  # and the channel is full
            await asyncio.Event().wait()

    def put(self, order: LineOrder) -> None:
        self.laid_out.append(order)
        if (report := self._ordered(order)) is not None:
            self._reports.put_nowait((report,))
            self._reports.put_nowait(PeerError("it has left"))

    async def receive(self) -> object:
        report = await self._reports.get()
        if isinstance(report, PeerError):
            raise report
        return report

    async def close(self, patience: float = 2.0) -> None:
        self.closed = True

    def kill(self) -> None:
        pass


async def test_a_call_that_comes_in_the_last_moment_leaves_no_process_behind() -> None:
    """It had been offered before the order to end came: nobody was there to hold it, and that was an error, which left
    the process to itself with the line's ports.
    """
    late = CallOffered(CallInfo(id="late", caller="17", called="16"))
    process = Process(lambda order: late if isinstance(order, LineShutdown) else None)
    held: list[CallLeg] = []

    async def start() -> Worker:
        return cast("Worker", process)

    async def take(leg: CallLeg) -> None:
        held.append(leg)

    client = LineClient(LineSetup(options=options()), take, lambda news: None, start=start)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(client.run())
        await client.ready.wait()
        await asyncio.sleep(0)
        running.cancel()
    assert process.closed and not held


async def test_the_end_of_a_line_does_not_wait_for_a_process_that_is_stopped() -> None:
    """The calls of other carriers were told to say goodbye ten seconds later, and new ones were taken meanwhile."""
    process = Process(lambda order: Ready({}) if isinstance(order, LineShutdown) else None)

    async def start() -> Worker:
        return cast("Worker", process)

    async def take(leg: CallLeg) -> None:
        pass

    client = LineClient(LineSetup(options=options()), take, lambda news: None, start=start)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(client.run())
        await client.ready.wait()
        await asyncio.sleep(0)
        process.stopped = True
        async with asyncio.timeout(2):
            await client.drain()
            client.refuses(503)
            assert process.laid_out[-2:] == [Drain(), Refusing(503)]
        running.cancel()
    assert process.laid_out[-1] == LineShutdown() and process.closed


def test_a_server_that_takes_a_connection_and_says_nothing_does_not_hold_up_the_end() -> None:
    """Its handshake was waited for, up to ten seconds for each of eight servers, while the line took no calls."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server((HOST, 0)) as mute:
            async with line() as world:
                target = f"sip:16@{HOST}:{mute.getsockname()[1]};transport=tls"
                world.process.order(Dial("ours", target))
                await asyncio.sleep(1)
                connected, _ = mute.accept()
                began = loop.time()
            connected.close()
            assert loop.time() - began < 3, "it has two seconds to hang up politely"

    on_loopback(run())
