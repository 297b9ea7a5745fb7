"""The pulse of a show: what it enters in the ledger and, once a second, one line of figures to whoever watches."""

from __future__ import annotations

from duologue.app.bus import BusTopic
from duologue.app.evidence.machine_watch import MAIN
from duologue.app.models import ConversationState, ConversationView, TelemetryEvent, TelemetryView
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
    MachineRecord,
    PauseRecord,
    Record,
    ShowRecord,
    SkipRecord,
    StepRecord,
    TurnRecord,
)
from duologue.telemetry.log import get_logger
from duologue.telemetry.stream import Ledger

log = get_logger(__name__)


class Pulse:
    """What a show enters in the ledger, and who looks on. Run :meth:`run` in a task group; the other methods are called
    on the event loop. ``stage`` is what the show's stage is called among the workers. What the machine does is the
    house's to measure.
    """

    def __init__(self, bus: BusTopic, stage: str, settings: Settings, clock: Clock, ledger: Ledger) -> None:
        self._bus = bus
        self._stage = stage
        self._clock = clock
        self.of = settings.topic
        self.ledger = ledger
        self.frame_ledger = FrameLedger(settings.show.fps)
        self._skipped_before = 0
        self._machine = MachineRecord(0.0, 0.0, {}, {})
        self.ledger.watch(self._observe)
        show = settings.show
        lead = show.lead_s * 1000
        self._enter(ShowRecord(show.fps, show.size.width, show.size.height, show.cast, show.room, lead))

    def _enter(self, record: Record) -> None:
        self.ledger.enter(self.of, record)

    def _observe(self, entry: Entry) -> None:
        """Of all that the house enters, what is of this show, and how the machine is."""
        if entry.of == self.of:
            self.frame_ledger.observe(entry)
        elif isinstance(entry.record, MachineRecord):
            self._machine = entry.record

    def conversation(self, conversation: ConversationView) -> None:
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

    def paused(self, record: PauseRecord) -> None:
        """The stage stood still."""
        self._enter(record)

    def clip(self, record: ClipRecord) -> None:
        """A guest's clip is over."""
        self._enter(record)

    async def run(self) -> None:
        """Beat once a second until cancelled."""
        due = self._clock.now()
        while True:
            due += SECOND
            await self._clock.wait_until(due)
            self._beat()

    def close(self) -> None:
        """Enter what is left of the show."""
        self.ledger.finish(self.of)
        self.ledger.unwatch(self._observe)

    def _beat(self) -> None:
        view = self._view(self.frame_ledger.take(), self._machine)
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

    def _view(self, frames: FrameSummary, machine: MachineRecord) -> TelemetryView:
        cpu, rss = machine.cpu_percent, machine.rss_mb
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
            main_cpu=round(cpu.get(MAIN, 0.0), 1),
            stage_cpu=round(cpu.get(self._stage, 0.0), 1),
            main_rss_mb=round(rss.get(MAIN, 0.0), 1),
            stage_rss_mb=round(rss.get(self._stage, 0.0), 1),
            steal=round(machine.steal_percent, 1),
            loop_lag_ms=round(machine.loop_lag_ms, 1),
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
