"""The frame ledger: the newest records in memory, totals since the start, and a summary of each second."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from duologue.telemetry.ledger import BakeRecord, Cause, Entry, FrameRecord, SkipRecord

_MAX_BAKES = 1000
ONE_MINUTE = 60 * 30
"""Frames at 30 a second: what is kept in memory. ``--ledger`` keeps all."""


def frame_time_ms(record: FrameRecord) -> float:
    """What the frame cost: composing and encoding (ms)."""
    return record.compose_ms + record.encode_ms


def over_budget(record: FrameRecord, period_ms: float) -> bool:
    """Whether it cost more than it stands for, where a frame period is ``period_ms`` (0: that is not known)."""
    return 0 < period_ms * record.periods < frame_time_ms(record)


@dataclass(frozen=True, slots=True)
class FrameSummary:
    """Some consecutive frames. Times are ms and 0 without frames.

    ``late`` counts frames that were ready after their due time (what OBS calls lagged), ``over_budget`` those that cost
    more than one frame period, which the lead hides; ``longest_delay_ms`` is the worst lateness behind the
    due time (0 when all were ahead of it), ``lead_ms`` the least distance ahead of it (negative: behind). ``causes``
    counts the frames that name one.
    """

    frames: int = 0
    late: int = 0
    over_budget: int = 0
    compose_p50: float = 0.0
    compose_max: float = 0.0
    frame_p50: float = 0.0
    frame_max: float = 0.0
    longest_delay_ms: float = 0.0
    lead_ms: float = 0.0
    causes: dict[Cause, int] = field(default_factory=lambda: dict[Cause, int]())


def summarise(records: Sequence[FrameRecord], period_ms: float) -> FrameSummary:
    """Sum up ``records`` of a show whose frame period is ``period_ms``."""
    if not records:
        return FrameSummary()
    times = [frame_time_ms(record) for record in records]
    composed = [record.compose_ms for record in records]
    latest = max(record.lateness_ms for record in records)
    return FrameSummary(
        frames=len(records),
        late=sum(record.lateness_ms > 0 for record in records),
        over_budget=sum(over_budget(record, period_ms) for record in records),
        compose_p50=median(composed),
        compose_max=max(composed),
        frame_p50=median(times),
        frame_max=max(times),
        longest_delay_ms=max(0.0, latest),
        lead_ms=-latest,
        causes=dict(Counter(record.cause for record in records if record.cause is not Cause.NONE)),
    )


class FrameLedger:
    """The newest ``capacity`` frames in a ring, and totals since the start."""

    def __init__(self, fps: int, capacity: int = ONE_MINUTE) -> None:
        self.period_ms = 1000 / fps
        self._ring: deque[FrameRecord] = deque(maxlen=capacity)
        self._fresh: deque[FrameRecord] = deque(maxlen=capacity)
        self.frames = self.late = self.over_budget = self.skipped = 0
        self.largest_ms = 0.0
        """The costliest frame since the start."""
        self.longest_delay_ms = 0.0
        self.causes: Counter[Cause] = Counter()
        self.bakes: deque[BakeRecord] = deque(maxlen=_MAX_BAKES)
        """The newest bakes, oldest first; enter one with :meth:`baked`."""

    def add(self, records: Iterable[FrameRecord]) -> None:
        """Enter frames."""
        for record in records:
            cost = frame_time_ms(record)
            self.frames += 1
            self.late += record.lateness_ms > 0
            self.over_budget += over_budget(record, self.period_ms)
            self.largest_ms = max(self.largest_ms, cost)
            self.longest_delay_ms = max(self.longest_delay_ms, record.lateness_ms)
            if record.cause is not Cause.NONE:
                self.causes[record.cause] += 1
            self._ring.append(record)
            self._fresh.append(record)

    def observe(self, entry: Entry) -> None:
        """Look on at a :class:`~duologue.telemetry.stream.Ledger`."""
        match entry.record:
            case FrameRecord() as record:
                self.add((record,))
            case SkipRecord() as record:
                self.skip(record)
            case BakeRecord() as record:
                self.baked(record)
            case _:
                pass

    def skip(self, record: SkipRecord) -> None:
        """Enter a skip to the grid."""
        self.skipped += record.following - record.first

    def baked(self, record: BakeRecord) -> None:
        """Enter a background bake."""
        self.bakes.append(record)

    def take(self) -> FrameSummary:
        """The summary of the frames entered since the last call. Call it once a second."""
        summary = summarise(self._fresh, self.period_ms)
        self._fresh.clear()
        return summary

    def recent(self, count: int | None = None) -> tuple[FrameRecord, ...]:
        """The newest ``count`` frames (all that are kept without it), oldest first."""
        kept = tuple(self._ring)
        return kept if count is None else kept[len(kept) - min(count, len(kept)) :]
