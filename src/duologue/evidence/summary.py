"""What a ledger amounts to, part by part: the frames of a show, the turns of all, and what went wrong. Pure."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from duologue.evidence.columns import FrameColumns, MachineColumns
from duologue.evidence.percentiles import Percentiles
from duologue.evidence.spent import EngineUse
from duologue.telemetry.frames import FrameLedger
from duologue.telemetry.ledger import (
    BakeRecord,
    CallRecord,
    ConversationRecord,
    DroppedRecord,
    EndingRecord,
    Entry,
    FrameRecord,
    GovernorStep,
    HandoverRecord,
    HeaderRecord,
    MachineRecord,
    OverRecord,
    PacketsRecord,
    PartRecord,
    PauseRecord,
    QualityRecord,
    RecordingRecord,
    ShowRecord,
    SkipRecord,
    StepRecord,
    TakeoverRecord,
    TurnRecord,
    UsageRecord,
    WorkerRecord,
)
from duologue.telemetry.turns import STAGES, points_ms, silence_ms, stages_ms

_FPS = 30
"""Of a show whose beginning is not in the ledger."""


@dataclass(slots=True)
class PartSummary:
    """A show, a talk, a call: what its ledger holds of it, as far as it was read."""

    of: str
    show: ShowRecord | None = None
    call: CallRecord | None = None
    takeovers: list[TakeoverRecord] = field(default_factory=list[TakeoverRecord])
    conversations: list[ConversationRecord] = field(default_factory=list[ConversationRecord])
    frames: FrameLedger = field(default_factory=lambda: FrameLedger(_FPS))
    columns: FrameColumns = field(default_factory=FrameColumns)
    machine: MachineColumns = field(default_factory=MachineColumns)
    pauses: list[PauseRecord] = field(default_factory=list[PauseRecord])
    packets: list[tuple[int, PacketsRecord]] = field(default_factory=list[tuple[int, PacketsRecord]])
    quality: list[tuple[int, QualityRecord]] = field(default_factory=list[tuple[int, QualityRecord]])
    workers: list[tuple[int, WorkerRecord]] = field(default_factory=list[tuple[int, WorkerRecord]])
    began: int = 0
    """Its first entry, or when its first frame was begun: a stage draws while the house comes up (monotonic ns)."""
    newest: int = 0
    over: bool = False
    recorded: bool = False
    """Its sound was kept."""
    steps: list[StepRecord] = field(default_factory=list[StepRecord])
    skips: list[SkipRecord] = field(default_factory=list[SkipRecord])
    bakes: list[BakeRecord] = field(default_factory=list[BakeRecord])
    turns: list[TurnRecord] = field(default_factory=list[TurnRecord])
    endings: list[EndingRecord] = field(default_factory=list[EndingRecord])
    handovers: list[HandoverRecord] = field(default_factory=list[HandoverRecord])
    used: dict[str, EngineUse] = field(default_factory=dict[str, EngineUse])
    """What it asked of each engine."""
    restarts: Counter[str] = field(default_factory=Counter[str])
    """Of each worker; the house's part has them."""
    failures: list[str] = field(default_factory=list[str])
    """Why the part itself failed, each time."""
    dropped: int = 0
    """Lines that are missing in it."""
    _before: dict[str, int] = field(default_factory=dict[str, int])
    """What each worker's newest record told of its restarts."""

    def add(self, entry: Entry) -> None:
        """Take the next entry of it."""
        self.began = min(self.began, entry.at) if self.began else entry.at
        self.newest = max(self.newest, entry.at)
        self.frames.observe(entry)
        match entry.record:
            case FrameRecord(begun=begun) as record:
                self.began = min(self.began, begun or self.began)
                self.columns.add(record)
            case ShowRecord() as record:
                self.show = record
                self.frames.period_ms = 1000 / record.fps
            case ConversationRecord() as record:
                self.conversations.append(record)
            case StepRecord() as record:
                self.steps.append(record)
            case SkipRecord() as record:
                self.skips.append(record)
            case BakeRecord() as record:
                self.bakes.append(record)
            case TurnRecord() as record:
                self.turns.append(record)
            case EndingRecord() as record:
                self.endings.append(record)
            case CallRecord(recording=recording) as record:
                self.call = record
                self.recorded = self.recorded or bool(recording)
            case RecordingRecord():
                self.recorded = True
            case TakeoverRecord() as record:
                self.takeovers.append(record)
            case HandoverRecord() as record:
                self.handovers.append(record)
            case WorkerRecord(worker=worker, restarts=restarts) as record:
                self.workers.append((entry.at, record))
                self._restarted(worker, restarts)
            case MachineRecord() as record:
                self.machine.add(entry.at, record)
            case PauseRecord() as record:
                self.pauses.append(record)
            case PacketsRecord() as record:
                self.packets.append((entry.at, record))
            case UsageRecord() as record:
                self.used.setdefault(record.engine, EngineUse()).add(record)
            case QualityRecord() as record:
                self.quality.append((entry.at, record))
            case OverRecord():
                self.over = True
            case PartRecord(state="restarting" | "failed", cause=cause):
                self.failures.append(cause)
            case DroppedRecord(lines=lines):
                self.dropped += lines
            case _:
                pass

    def forget(self, before: int) -> None:
        """Let go of what was before (monotonic ns), where only the newest is looked at; counts stay."""
        self.columns.drop(bisect_left(self.columns.packaged, before))
        self.machine.drop(bisect_left(self.machine.at, before))
        for told in (self.packets, self.quality, self.workers):
            del told[: bisect_left(told, before, key=lambda each: each[0])]
        for records in (self.steps, self.skips, self.bakes, self.pauses, self.endings, self.handovers):
            del records[: bisect_left(records, before, key=lambda each: each.at)]
        del self.turns[: bisect_left(self.turns, before, key=lambda each: each.ended or each.asked)]

    def _restarted(self, worker: str, restarts: int) -> None:
        """A record tells how often so far; a house that starts anew counts from 0 again."""
        before, self._before[worker] = self._before.get(worker, 0), restarts
        if restarts > before:
            self.restarts[worker] += restarts - before

    @property
    def stages(self) -> dict[str, Percentiles]:
        """How long each stage of its turns took (ms), and what engines added to the silences (``waits``)."""
        taken: dict[str, list[float]] = {name: [] for name in (*STAGES, "silence", "waits")}
        for record in self.turns:
            if record.kind == "person":
                continue
            for name, value in stages_ms(record).items():
                taken[name].append(value)
            if silence := silence_ms(record):
                taken["silence"].append(sum(silence.values()))
            if record.on_air and record.kind != "filler":
                taken["waits"].append(record.waited_ms)
        return {name: each for name, values in taken.items() if (each := Percentiles.of(values)) is not None}

    @property
    def costs(self) -> array[float]:
        """What each frame cost (ms)."""
        return self.columns.costs()

    def frame_ms(self, share: float) -> float:
        """What ``share`` of the frames did not exceed (nearest rank); 0 without frames."""
        ordered = sorted(self.costs)
        return ordered[math.ceil(share * len(ordered)) - 1] if ordered else 0.0

    def as_dict(self) -> dict[str, object]:
        """The same as plain values, for JSON."""
        found: dict[str, object] = {"of": self.of, "dropped": self.dropped}
        if self.columns or self.show:
            found |= {"frames": self._frames(), "steps": [_step(each) for each in self.steps]}
            found["skips"] = [{"first": s.first, "following": s.following, "late_ms": s.late_ms} for s in self.skips]
            found["bakes"] = len(self.bakes)
        if self.call is not None:
            found["call"] = asdict(self.call)
        if self.takeovers:
            found["takeovers"] = [asdict(each) for each in self.takeovers]
        found["recorded"] = self.recorded
        found["conversations"] = [each.conversation for each in self.conversations]
        found["turns"] = [
            {
                "id": each.id, "role": each.kind, "speaker": each.speaker, "operator": each.operator,
                "state": each.state, "text": each.text,
                "waited_ms": each.waited_ms, "stages": stages_ms(each), "failure": each.failure,
                "points": points_ms(each),
                "handovers": list(each.handovers),
            }
            for each in self.turns
        ]  # fmt: skip
        found["stages"] = {
            name: {"count": s.count, "p50": s.p50, "p95": s.p95, "most": s.most} for name, s in self.stages.items()
        }
        found["too_early"] = sum(each.outcome == "went_on" for each in self.endings)
        found["handovers"] = [f"{each.engine}: {each.cause}" for each in self.handovers]
        found["restarts"] = dict(self.restarts)
        found["failures"] = list(self.failures)
        return found

    def _frames(self) -> dict[str, object]:
        frames = self.frames
        return {
            "count": frames.frames, "late": frames.late, "over_budget": frames.over_budget, "skipped": frames.skipped,
            "p50_ms": round(self.frame_ms(0.5), 2), "p99_ms": round(self.frame_ms(0.99), 2),
            "most_ms": round(frames.largest_ms, 2), "longest_delay_ms": round(frames.longest_delay_ms, 1),
            "causes": {cause.value: count for cause, count in frames.causes.most_common()},
        }  # fmt: skip


def _step(record: StepRecord) -> dict[str, object]:
    return {
        "frame": record.frame, "step": GovernorStep(record.step).name.lower(),
        "before": GovernorStep(record.before).name.lower(), "why": record.why,
    }  # fmt: skip


def gather(entries: Iterable[Entry]) -> list[PartSummary]:
    """All parts of which there is something, in the order in which they appear."""
    parts: dict[str, PartSummary] = {}
    for entry in entries:
        if isinstance(entry.record, HeaderRecord):
            continue
        parts.setdefault(entry.of, PartSummary(entry.of)).add(entry)
    return list(parts.values())
