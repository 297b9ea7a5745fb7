"""The house's own figures of its processes: a child that a signal stopped, told as it happens."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

from duologue.app.evidence.machine_watch import MachineWatch
from duologue.clock import SECOND
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.supervision import WorkerPhase, WorkerState
from duologue.telemetry.ledger import Entry, MachineRecord, PauseRecord
from duologue.telemetry.loop_lag import PERIOD
from duologue.telemetry.stream import HOUSE, Ledger


def send(child: subprocess.Popen[bytes], number: signal.Signals, until: int) -> None:
    """A signal; returns when the system says that it has worked."""
    child.send_signal(number)
    os.waitid(os.P_PID, child.pid, until | os.WNOWAIT)


def test_a_worker_that_a_signal_stopped_is_told_of_with_its_name() -> None:
    async def scene(child: subprocess.Popen[bytes]) -> list[Entry]:
        clock, told = LoopClock(), list[Entry]()
        ledger = Ledger(clock)
        ledger.watch(told.append)
        up = WorkerState("espeak", WorkerPhase.UP, pid=child.pid)
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(MachineWatch(ledger, clock, lambda: [up]).run())
            await clock.wait_until(clock.now() + 2 * SECOND + PERIOD // 2)
            send(child, signal.SIGSTOP, os.WSTOPPED)
            await clock.wait_until(clock.now() + 8 * PERIOD)
            send(child, signal.SIGCONT, os.WCONTINUED)
            await clock.wait_until(clock.now() + 2 * SECOND)
            watch.cancel()
        return [entry for entry in told if isinstance(entry.record, PauseRecord)]

    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        (only,) = simulate(scene(child))
        child.kill()
    assert isinstance(only.record, PauseRecord) and only.of == HOUSE
    assert (only.record.process, only.record.what, only.record.took_ms) == ("espeak", "stopped", 800.0)


def test_the_first_second_is_counted_from_the_beginning() -> None:
    """None is told as one in which nothing computed."""

    async def scene() -> list[MachineRecord]:
        clock, told = LoopClock(), list[Entry]()
        ledger = Ledger(clock)
        ledger.watch(told.append)
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(MachineWatch(ledger, clock, list).run())
            await clock.wait_until(clock.now() + SECOND // 2)
            until = sum(os.times()[:2]) + 0.3
            while sum(os.times()[:2]) < until:
                pass
            await clock.wait_until(clock.now() + SECOND)
            watch.cancel()
        return [entry.record for entry in told if isinstance(entry.record, MachineRecord)]

    first, *_ = simulate(scene())
    assert first.cpu_percent["main"] >= 25
