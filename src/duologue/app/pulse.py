"""The pulse of a running system: ledgers, metrics and, once a second, one line of figures to whoever watches."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Protocol

from duologue.app.bus import Topic
from duologue.app.models import TelemetryEvent, TelemetryView
from duologue.app.vitals import EngineVitals
from duologue.chains import Handover
from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.settings import Settings
from duologue.stage.messages import Baked
from duologue.telemetry.files import LedgerFiles
from duologue.telemetry.frames import FrameLedger, FrameSummary
from duologue.telemetry.ledger import BakeRecord, FrameRecord, SkipRecord, StepRecord, TurnRecord
from duologue.telemetry.log import get_logger
from duologue.telemetry.loop_lag import LoopLag
from duologue.telemetry.machine import MachineSample, MachineSampler, ProcessSample
from duologue.telemetry.metrics import Metrics
from duologue.telemetry.turns import TurnLedger

log = get_logger(__name__)
_GONE = ProcessSample(0.0, 0.0)


class _Stage(Protocol):
    @property
    def pid(self) -> int | None: ...


class Pulse:
    """Keeps the ledgers. Run :meth:`run` in a task group; the other methods are called on the event loop."""

    def __init__(
        self,
        bus: Topic,
        stage: _Stage,
        settings: Settings,
        clock: Clock,
        vitals: Callable[[], Sequence[EngineVitals]] = tuple,
    ) -> None:
        self._vitals = vitals
        self._bus = bus
        self._stage = stage
        self._clock = clock
        self.frame_ledger = FrameLedger(settings.show.fps)
        self._skipped_before = 0
        self.turn_ledger = TurnLedger()
        self.metrics = Metrics(settings.show.fps)
        folder = settings.telemetry.ledger
        self._files = LedgerFiles(folder, clock) if folder is not None else None
        self._machine = MachineSampler(clock)
        self._lag = LoopLag(clock, self.metrics.loop_lag)

    def frames(self, records: tuple[FrameRecord, ...]) -> None:
        """Enter frames."""
        self.frame_ledger.add(records)
        for record in records:
            self.metrics.frame(record)
        if self._files is not None:
            self._files.frames(records)

    def turn(self, record: TurnRecord) -> None:
        """Enter a turn's newest state."""
        if self.turn_ledger.put(record):
            self.metrics.turn(record)
            log.info("turn", **_words(record))
        if self._files is not None:
            self._files.turn(record)

    def stepped(self, record: StepRecord) -> None:
        """The governor made the show plainer, or brought it back."""
        self.metrics.step(record)
        if self._files is not None:
            self._files.governed("step", record)

    def skipped(self, record: SkipRecord) -> None:
        """The show skipped to its grid."""
        self.frame_ledger.skip(record)
        self.metrics.skip(record)
        if self._files is not None:
            self._files.governed("skip", record)

    def baked(self, baked: Baked) -> None:
        """Something was baked beside the frame path."""
        record = BakeRecord(self._clock.now(), baked.what, baked.milliseconds)
        self.frame_ledger.baked(record)
        self.metrics.baked(baked.milliseconds)
        if self._files is not None:
            self._files.baked(record)

    def restarted(self) -> None:
        """The stage was replaced."""
        self.metrics.restarted("stage")

    def handed_over(self, handover: Handover) -> None:
        """An engine of a chain failed."""
        self.metrics.handed_over(handover.engine, handover.moment.value)

    def exposition(self) -> bytes:
        """Prometheus' text."""
        return self.metrics.exposition()

    async def run(self) -> None:
        """Beat once a second until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._lag.run())
            if self._files is not None:
                group.create_task(self._files.run())
            due = self._clock.now()
            while True:
                due += SECOND
                await self._clock.wait_until(due)
                self._beat()

    async def close(self) -> None:
        """Write what is left of the ledgers."""
        if self._files is not None:
            await self._files.close()

    def _beat(self) -> None:
        pids = {"main": os.getpid()}
        if self._stage.pid is not None:
            pids["stage"] = self._stage.pid
        machine = self._machine.sample(pids)
        self.metrics.machine(machine)
        self._note_engines()
        view = self._view(self.frame_ledger.take(), machine, self._lag.take().worst_ms)
        self._skipped_before = self.frame_ledger.skipped
        self._bus.publish(TelemetryEvent(telemetry=view))
        if view.late or view.skipped:
            log.warning(
                "frames.late",
                late=view.late,
                skipped=view.skipped,
                longest_ms=round(view.frame_max, 1),
                lead_ms=view.lead_ms,
            )

    def _note_engines(self) -> None:
        for each in self._vitals():
            health, cache = each.health, each.cache
            self.metrics.engine(each.kind, health.name, out=health.out_ms > 0, restarts=each.restarts)
            if cache is not None:
                self.metrics.speech_cache(
                    health.name, hits=cache.hits, misses=cache.misses, evicted=cache.evicted, size=cache.bytes
                )

    def _view(self, frames: FrameSummary, machine: MachineSample, lag_ms: float) -> TelemetryView:
        main, stage = machine.processes.get("main", _GONE), machine.processes.get("stage", _GONE)
        return TelemetryView(
            at=self._clock.wall() / MILLISECOND,
            frames=frames.frames,
            late=frames.late,
            over_budget=frames.over_budget,
            skipped=self.frame_ledger.skipped - self._skipped_before,
            late_total=self.frame_ledger.late,
            over_budget_total=self.frame_ledger.over_budget,
            skipped_total=self.frame_ledger.skipped,
            compose_p50=round(frames.compose_p50, 2),
            compose_max=round(frames.compose_max, 2),
            frame_p50=round(frames.frame_p50, 2),
            frame_max=round(frames.frame_max, 2),
            lead_ms=round(frames.lead_ms, 1),
            main_cpu=round(main.cpu_percent, 1),
            stage_cpu=round(stage.cpu_percent, 1),
            main_rss_mb=round(main.rss_mb, 1),
            stage_rss_mb=round(stage.rss_mb, 1),
            steal=round(machine.steal_percent, 1),
            loop_lag_ms=round(lag_ms, 1),
        )


def _words(record: TurnRecord) -> dict[str, object]:
    return {
        "id": record.id,
        "conversation": record.conversation,
        "speaker": record.speaker,
        "kind": record.kind,
        "state": record.state,
        "gap_ms": record.gap_ms,
        "waited_ms": round(record.waited_ms, 1),
        "text": record.text,
    }
