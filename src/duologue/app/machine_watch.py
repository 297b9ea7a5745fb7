"""What the machine and our processes do, in the ledger of the house: measured once, whatever parts there are."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable

from duologue.clock import SECOND, Clock
from duologue.supervision import WorkerState
from duologue.telemetry.ledger import MachineRecord
from duologue.telemetry.loop_lag import LoopLag
from duologue.telemetry.machine import MachineSampler
from duologue.telemetry.stream import HOUSE, Ledger

MAIN = "main"
"""What the main process is called among the others, which have the names of their workers."""


class MachineWatch:
    """Enters a :class:`MachineRecord` each second. Run :meth:`run` on the loop whose lag is watched; ``workers`` gives
    the child processes, ``lagged`` is :class:`LoopLag`'s observer.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        workers: Callable[[], Iterable[WorkerState]],
        lagged: Callable[[int, bool], None] | None = None,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._workers = workers
        self._machine = MachineSampler(clock)
        self._lag = LoopLag(clock, lagged)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._lag.run())
            due = self._clock.now()
            while True:
                due = max(due + SECOND, self._clock.now())
                await self._clock.wait_until(due)
                self._measure()

    def _measure(self) -> None:
        children = {worker.name: worker.pid for worker in self._workers() if worker.pid is not None}
        machine = self._machine.sample({MAIN: os.getpid(), **children})
        self._ledger.enter(
            HOUSE,
            MachineRecord(
                machine.steal_percent,
                machine.available_mb,
                {name: each.cpu_percent for name, each in machine.processes.items()},
                {name: each.rss_mb for name, each in machine.processes.items()},
                self._lag.take().worst_ms,
            ),
        )
