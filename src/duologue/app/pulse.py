"""The pulse of a show: what it enters in the ledger and, once a second, one line of figures to whoever watches."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from duologue.app.bus import Topic
from duologue.app.models import Conversation, ConversationState, TelemetryEvent, TelemetryView
from duologue.app.vitals import EngineVitals
from duologue.chains import Handover
from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.settings import Settings
from duologue.stage.messages import Baked
from duologue.telemetry.frames import FrameLedger, FrameSummary
from duologue.telemetry.ledger import (
    BakeRecord,
    ClipRecord,
    ConversationRecord,
    Entry,
    FrameRecord,
    HandoverRecord,
    MachineRecord,
    Record,
    ShowRecord,
    SkipRecord,
    StepRecord,
    TurnRecord,
    WorkerRecord,
)
from duologue.telemetry.ledger_files import MEGABYTE, FileLimits
from duologue.telemetry.log import get_logger
from duologue.telemetry.loop_lag import LoopLag
from duologue.telemetry.machine import MachineSample, MachineSampler, ProcessSample
from duologue.telemetry.metrics import Metrics
from duologue.telemetry.stream import FILE, HOUSE, Ledger, written
from duologue.telemetry.turns import TurnLedger

log = get_logger(__name__)
_GONE = ProcessSample(0.0, 0.0)


class _Stage(Protocol):
    @property
    def pid(self) -> int | None: ...


def written_as_set(ledger: Ledger, settings: Settings) -> AbstractAsyncContextManager[Ledger]:
    """The ledger of a house, written where the settings say. Raises :class:`InputError` when it cannot be."""
    part = settings.ledger
    limits = FileLimits(part.file_mb * MEGABYTE, part.keep_files, part.keep_mb * MEGABYTE)
    return written(ledger, part.folder / FILE if part.folder is not None else None, HOUSE, limits)


def handover_record(handover: Handover) -> HandoverRecord:
    """An engine of a chain failed, as the ledger has it."""
    return HandoverRecord(
        handover.engine, handover.successor, handover.moment.value, handover.cause, handover.at
    )  # fmt: skip


def note_engines(metrics: Metrics, engines: Iterable[EngineVitals]) -> None:
    """How the engines are, told to the metrics."""
    for each in engines:
        health, cache = each.health, each.cache
        metrics.engine(each.kind, health.name, out=health.out_ms > 0, restarts=each.restarts)
        if cache is not None:
            metrics.speech_cache(
                health.name, hits=cache.hits, misses=cache.misses, evicted=cache.evicted, size=cache.bytes
            )


class Pulse:
    """What a show enters in the ledger, and who looks on. Run :meth:`run` in a task group; the other methods are called
    on the event loop.

    ``metrics`` are the house's, which feeds them; without a house the show has its own, with what is the machine's.
    """

    def __init__(
        self,
        bus: Topic,
        stage: _Stage,
        settings: Settings,
        clock: Clock,
        vitals: Callable[[], Sequence[EngineVitals]] = tuple,
        ledger: Ledger | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._vitals = vitals
        self._bus = bus
        self._stage = stage
        self._clock = clock
        self.of = settings.topic
        self.ledger = ledger or Ledger(clock)
        self.frame_ledger = FrameLedger(settings.show.fps)
        self._skipped_before = 0
        self.turn_ledger = TurnLedger()
        self._alone = metrics is None
        self.metrics = metrics or Metrics()
        self._machine = MachineSampler(clock)
        self._lag = LoopLag(clock, self.metrics.loop_lag if self._alone else None)
        self.ledger.watch(self._observe)
        if self._alone:
            self.ledger.watch(self.metrics.observe)
        show = settings.show
        self._enter(ShowRecord(show.fps, show.size.width, show.size.height, show.cast, show.room))

    def _enter(self, record: Record) -> None:
        self.ledger.enter(self.of, record)

    def _observe(self, entry: Entry) -> None:
        """Of all that the house enters, what is of this show."""
        if entry.of == self.of:
            self.frame_ledger.observe(entry)
            self.turn_ledger.observe(entry)

    def conversation(self, conversation: Conversation) -> None:
        """A conversation has changed its state; that it begins is entered."""
        if conversation.state is ConversationState.RUNNING:
            self._enter(
                ConversationRecord(
                    conversation.id, conversation.cast, topic=conversation.topic, seed=conversation.seed
                )
            )  # fmt: skip

    def frames(self, records: tuple[FrameRecord, ...]) -> None:
        """Enter frames."""
        for record in records:
            self._enter(record)

    def turn(self, record: TurnRecord) -> None:
        """A turn's newest state."""
        if self.ledger.turn(self.of, record):
            log.info("turn", **_words(record))

    def stepped(self, record: StepRecord) -> None:
        """The governor made the show plainer, or brought it back."""
        self._enter(record)

    def skipped(self, record: SkipRecord) -> None:
        """The show skipped to its grid."""
        self._enter(record)

    def baked(self, baked: Baked) -> None:
        """Something was baked beside the frame path."""
        self._enter(BakeRecord(self._clock.now(), baked.what, baked.milliseconds))

    def clip(self, record: ClipRecord) -> None:
        """A guest's clip is over."""
        self._enter(record)

    def restarted(self, cause: str = "") -> None:
        """The stage was replaced."""
        self._enter(WorkerRecord("stage", "restarted", cause))

    def handed_over(self, handover: Handover) -> None:
        """An engine of a chain failed; in a house that is entered by the house, for it has the engines."""
        if self._alone:
            self._enter(handover_record(handover))

    def exposition(self) -> bytes:
        """Prometheus' text of the show."""
        return self.metrics.exposition(self.of)

    async def run(self) -> None:
        """Beat once a second until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._lag.run())
            due = self._clock.now()
            while True:
                due += SECOND
                await self._clock.wait_until(due)
                self._beat()

    def close(self) -> None:
        """Enter what is left of the show."""
        self.ledger.close_turns(self.of)
        self.ledger.unwatch(self._observe)
        if self._alone:
            self.ledger.unwatch(self.metrics.observe)

    def _beat(self) -> None:
        pids = {"main": os.getpid()}
        if self._stage.pid is not None:
            pids["stage"] = self._stage.pid
        machine, lag_ms = self._machine.sample(pids), self._lag.take().worst_ms
        self._enter(
            MachineRecord(
                machine.steal_percent,
                machine.available_mb,
                {name: each.cpu_percent for name, each in machine.processes.items()},
                {name: each.rss_mb for name, each in machine.processes.items()},
                lag_ms,
            )
        )
        if self._alone:
            self.metrics.lost(self.ledger.dropped)
            note_engines(self.metrics, self._vitals())
        view = self._view(self.frame_ledger.take(), machine, lag_ms)
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
