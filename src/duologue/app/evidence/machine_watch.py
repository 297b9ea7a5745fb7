"""What the machine and our processes do, in the ledger of the house: measured once, whatever parts there are."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager

from duologue.clock import SECOND, SYSTEM_CLOCK, Clock, milliseconds
from duologue.supervision import WorkerState
from duologue.telemetry.core_time import core_time
from duologue.telemetry.garbage import GarbageWatch
from duologue.telemetry.ledger import MachineRecord
from duologue.telemetry.loop_lag import Lag, LoopLag
from duologue.telemetry.machine import MachineSample, MachineSampler
from duologue.telemetry.stopped import StoppedWatch
from duologue.telemetry.stream import HOUSE, Ledger

MAIN = "main"
"""What the main process is called among the others, which have the names of their workers."""


@asynccontextmanager
async def machine_watched(
    ledger: Ledger, workers: Callable[[], Iterable[WorkerState]], clock: Clock = SYSTEM_CLOCK
) -> AsyncGenerator[None]:
    """Have a :class:`MachineWatch` at work meanwhile, where there is no house that does it."""
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(MachineWatch(ledger, clock, workers).run())
        try:
            yield
        finally:
            watching.cancel()


class MachineWatch:
    """Enters a :class:`MachineRecord` each second. Run :meth:`run` on the loop whose lag is watched; ``workers`` gives
    the child processes, ``lagged`` is told of each wake-up of the loop, together with those of its second: one amid
    other work costs five times as much.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        workers: Callable[[], Iterable[WorkerState]],
        lagged: Callable[[Lag], None] = lambda lag: None,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._workers = workers
        self._machine = MachineSampler(clock)
        self._lagged = lagged
        self._lag = LoopLag(clock, lambda: self._stopped.look(self._children))
        self._garbage = GarbageWatch(MAIN)  # it may be called in any thread: by the machine's clock
        self._stopped = StoppedWatch(clock)
        self._children: dict[str, int] = {}
        self._real = clock is SYSTEM_CLOCK
        self._waited = 0  # the loop's thread for a core, so far (ns)

    async def run(self) -> None:
        """Until cancelled."""
        if self._real:
            self._garbage.install()
        self._sample()  # what the first second is counted from
        self._waited = core_time().waited
        try:
            with self._lag.watching():
                due = self._clock.now()
                while True:
                    due = max(due + SECOND, self._clock.now())
                    await self._clock.wait_until(due)
                    self._measure()
        finally:
            if self._real:
                self._garbage.remove()

    def _sample(self) -> MachineSample:
        children = self._children = {worker.name: worker.pid for worker in self._workers() if worker.pid is not None}
        return self._machine.sample({MAIN: os.getpid(), **children}, (MAIN, *children), tuple(children))

    def _measure(self) -> None:
        machine = self._sample()
        before, self._waited = self._waited, core_time().waited
        waited = self._waited
        lags = self._lag.take()
        for lag in lags:
            self._lagged(lag)
        for pause in (*self._garbage.take(), *self._stopped.take()):
            self._ledger.enter(HOUSE, pause)
        self._ledger.enter(
            HOUSE,
            MachineRecord(
                machine.steal_percent,
                machine.available_mb,
                {name: each.cpu_percent for name, each in machine.processes.items()},
                {name: each.rss_mb for name, each in machine.processes.items()},
                milliseconds(max((lag.late for lag in lags), default=0)),
                machine.cores,
                machine.busy_percent,
                {name: each.wait_ms for name, each in machine.processes.items()},
                machine.disk_wait_ms,
                milliseconds(waited - before),
            ),
        )
