"""A show while it goes on: its frames second by second, and each time that viewers may have noticed something. Pure.

It keeps the newest records and no more. What went wrong is attributed as a report does it
(:mod:`duologue.evidence.incidents`), as soon as it is over and the machine's figures of that time are there.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass

from duologue.clock import SECOND
from duologue.evidence.incidents import Incident, ShowEvidence
from duologue.evidence.percentiles import Percentiles
from duologue.evidence.summary import PartSummary
from duologue.telemetry.frames import frame_time_ms, over_budget
from duologue.telemetry.ledger import Entry, FrameRecord, ShowRecord, SkipRecord

WINDOW = 40 * SECOND
"""Records that causes are looked for in."""
LONGEST = 300
"""Frames that are late one after the other: what is longer is told in pieces."""
SURE = 2
"""Looks at something that is over before it is left alone: what explains it may be told a second later."""
TIDY = 10
"""Seconds between two times that old records are let go."""
WHOLE_SECONDS, SECONDS, MOST_INCIDENTS = 60, 600, 100
"""Of which each frame is kept, and a summary; what went wrong."""


@dataclass(frozen=True, slots=True)
class FrameSecond:
    """The frames that were told in the second before ``at`` (monotonic ns), from number ``first`` on. ``costs`` is what
    each took, ``lateness`` how long after its due time it was ready (ms, negative: ahead), ``periods`` how many frame
    periods it stands for.
    """

    at: int
    first: int
    costs: tuple[float, ...]
    lateness: tuple[float, ...]
    periods: tuple[int, ...]
    late: int
    over_budget: int
    left_out: int
    spread: Percentiles | None


@dataclass(frozen=True, slots=True)
class SecondSummary:
    """The same in a few figures; ms, 0 without frames."""

    at: int
    p50: float
    p95: float
    most: float
    late: int
    left_out: int


class LiveShow:
    """The show that begins with ``record``. Give it its entries (:meth:`take`), and once a second :meth:`beat`."""

    def __init__(self, of: str, record: ShowRecord, began: int) -> None:
        self.of = of
        self.record = record
        self.began = began
        self.period_ms = 1000 / record.fps
        self.seconds: deque[FrameSecond] = deque(maxlen=WHOLE_SECONDS)
        self.summaries: deque[SecondSummary] = deque(maxlen=SECONDS)
        self.incidents: OrderedDict[tuple[str, int], Incident] = OrderedDict()
        """By kind and first frame, in the order in which they were found."""
        self.frames = self.late = self.over_budget = self.left_out = 0
        """Since the beginning."""
        self._window = PartSummary(of)
        self._fresh: list[FrameRecord] = []
        self._skipped = 0
        self._suspects: dict[tuple[str, int], int] = {}
        """How often each was looked at since it grew."""
        self._look = False
        self._row = 0
        """Late frames in a row, until now."""
        self._judged = -1
        """The last frame of what is left alone."""
        self._beats = 0

    def take(self, entry: Entry) -> None:
        """What was entered of the show."""
        self._window.add(entry)
        match entry.record:
            case FrameRecord() as record:
                self._fresh.append(record)
                self._row = self._row + 1 if record.lateness_ms > 0 else 0
                self._look = self._look or self._row > 0
            case SkipRecord(first=first, following=following):
                self._skipped += following - first
                self._look = True
            case _:
                pass

    def beat(self, at: int, house: PartSummary, *, looked: bool = True) -> tuple[FrameSecond, Sequence[Incident]]:
        """A second is over: its frames, and what went wrong that is new or known better. Where nobody looks, what goes
        on is examined when it is over.
        """
        second = self._second(at)
        news = self._examine(house, looked)
        self._beats += 1
        if self._beats % TIDY == 0:
            self._window.forget(at - WINDOW)
        return second, news

    def _second(self, at: int) -> FrameSecond:
        fresh, self._fresh = self._fresh, []
        left_out, self._skipped = self._skipped, 0
        costs = tuple(map(frame_time_ms, fresh))
        second = FrameSecond(
            at, fresh[0].number if fresh else 0, costs, tuple(each.lateness_ms for each in fresh),
            tuple(each.periods for each in fresh), sum(each.lateness_ms > 0 for each in fresh),
            sum(over_budget(each, self.period_ms) for each in fresh), left_out, Percentiles.of(costs),
        )  # fmt: skip
        spread = second.spread or Percentiles(0, 0.0, 0.0, 0.0, 0.0)
        self.seconds.append(second)
        self.summaries.append(SecondSummary(at, spread.p50, spread.p95, spread.most, second.late, left_out))
        self.frames += len(fresh)
        self.late += second.late
        self.over_budget += second.over_budget
        self.left_out += left_out
        return second

    def _examine(self, house: PartSummary, looked: bool) -> Sequence[Incident]:
        going_on = self._row > 0
        if not self._look or (going_on and not looked and self._row < LONGEST):
            return ()
        found = [each for each in ShowEvidence(self._window, house).noticed() if each.last > self._judged]
        news = [each for each in found if self._enter(each)]
        open_one = next((each for each in reversed(found) if each.kind == "late"), None) if going_on else None
        if open_one is not None and open_one.count >= LONGEST:
            self._judge(open_one)
            self._window.columns.drop(len(self._window.columns))  # what follows is told as one of its own
        sure = [each for each in found if each is not open_one and self._suspects.get(_key(each), SURE) >= SURE]
        if len(sure) == len(found):
            self._look = False
        for each in sure:
            self._judge(each)
        return news

    def _enter(self, found: Incident) -> bool:
        """Whether it says more than what is known."""
        key = _key(found)
        if self.incidents.get(key) == found:
            self._suspects[key] += 1
            return False
        self.incidents[key] = found
        self._suspects[key] = 1
        while len(self.incidents) > MOST_INCIDENTS:
            self._suspects.pop(self.incidents.popitem(last=False)[0], None)
        return True

    def _judge(self, found: Incident) -> None:
        self._suspects.pop(_key(found), None)
        self._judged = max(self._judged, found.last)


def _key(found: Incident) -> tuple[str, int]:
    return found.kind, found.first
