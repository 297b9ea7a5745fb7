"""What a ledger amounts to, part by part: the frames of a show, the turns of all, and what went wrong. Pure."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from duologue.telemetry.frames import FrameLedger, frame_time_ms
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
    PartRecord,
    ShowRecord,
    SkipRecord,
    StepRecord,
    TurnRecord,
    WorkerRecord,
)
from duologue.telemetry.turns import STAGES, Spread, points_ms, silence_ms, stages_ms

_FPS = 30
"""Of a show whose beginning is not in the ledger."""


@dataclass(slots=True)
class PartSummary:
    """A show, a talk, a call: what its ledger holds of it, as far as it was read."""

    of: str
    show: ShowRecord | None = None
    call: CallRecord | None = None
    conversations: list[ConversationRecord] = field(default_factory=list[ConversationRecord])
    frames: FrameLedger = field(default_factory=lambda: FrameLedger(_FPS))
    costs: array[float] = field(default_factory=lambda: array("f"))
    """What each frame cost (ms)."""
    steps: list[StepRecord] = field(default_factory=list[StepRecord])
    skips: list[SkipRecord] = field(default_factory=list[SkipRecord])
    bakes: list[BakeRecord] = field(default_factory=list[BakeRecord])
    turns: list[TurnRecord] = field(default_factory=list[TurnRecord])
    endings: list[EndingRecord] = field(default_factory=list[EndingRecord])
    handovers: list[HandoverRecord] = field(default_factory=list[HandoverRecord])
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
        self.frames.observe(entry)
        match entry.record:
            case FrameRecord() as record:
                self.costs.append(frame_time_ms(record))
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
            case CallRecord() as record:
                self.call = record
            case HandoverRecord() as record:
                self.handovers.append(record)
            case WorkerRecord(worker=worker, restarts=restarts):
                self._restarted(worker, restarts)
            case PartRecord(state="restarting" | "failed", cause=cause):
                self.failures.append(cause)
            case DroppedRecord(lines=lines):
                self.dropped += lines
            case _:
                pass

    def _restarted(self, worker: str, restarts: int) -> None:
        """A record tells how often so far; a house that starts anew counts from 0 again."""
        before, self._before[worker] = self._before.get(worker, 0), restarts
        if restarts > before:
            self.restarts[worker] += restarts - before

    @property
    def stages(self) -> dict[str, Spread]:
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
        return {name: Spread.of(values) for name, values in taken.items() if values}

    def frame_ms(self, share: float) -> float:
        """What ``share`` of the frames did not exceed (nearest rank); 0 without frames."""
        ordered = sorted(self.costs)
        return ordered[math.ceil(share * len(ordered)) - 1] if ordered else 0.0

    def as_dict(self) -> dict[str, object]:
        """The same as plain values, for JSON."""
        found: dict[str, object] = {"of": self.of, "dropped": self.dropped}
        if self.costs or self.show:
            found |= {"frames": self._frames(), "steps": [_step(each) for each in self.steps]}
            found["skips"] = [{"first": s.first, "following": s.following, "late_ms": s.late_ms} for s in self.skips]
            found["bakes"] = len(self.bakes)
        if self.call is not None:
            found["call"] = asdict(self.call)
        found["conversations"] = [each.conversation for each in self.conversations]
        found["turns"] = [
            {
                "id": each.id, "role": each.kind, "speaker": each.speaker, "state": each.state, "text": each.text,
                "waited_ms": each.waited_ms, "stages": stages_ms(each), "failure": each.failure,
                "points": points_ms(each),
                "handovers": list(each.handovers),
            }
            for each in self.turns
        ]  # fmt: skip
        found["stages"] = {
            name: {"count": s.count, "p50": s.p50, "p95": s.p95, "most": s.largest} for name, s in self.stages.items()
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
