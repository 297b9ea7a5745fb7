"""Figures of long runs in little memory: the frames of a show, and what the machine did in each second."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping

from duologue.clock import SECOND
from duologue.telemetry.ledger import Cause, FrameRecord, MachineRecord

_CAUSES = tuple(Cause)
_NUMBER_OF = {cause: number for number, cause in enumerate(_CAUSES)}


LONGEST = 5 * SECOND
"""Between two records of the machine: one a second, unless the loop is held."""


class FrameColumns:
    """Frames in the order in which they were told, 58 bytes each."""

    def __init__(self) -> None:
        self.number, self.due, self.begun, self.packaged = (array("q") for _ in range(4))
        """Times are monotonic ns."""
        self.compose, self.encode, self.lateness, self.wait, self.blocked = (array("f") for _ in range(5))
        """ms."""
        self.periods, self._cause, self._work = array("B"), array("B"), array("B")
        self._damage = array("l")
        self._works: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.number)

    def add(self, record: FrameRecord) -> None:
        """The next one."""
        self.number.append(record.number)
        self.due.append(record.due)
        self.begun.append(record.begun)
        self.packaged.append(record.packaged)
        self.compose.append(record.compose_ms)
        self.encode.append(record.encode_ms)
        self.lateness.append(record.lateness_ms)
        self.wait.append(record.wait_ms)
        self.blocked.append(record.blocked_ms)
        self.periods.append(min(255, record.periods))
        self._cause.append(_NUMBER_OF[record.cause])
        self._work.append(self._works.setdefault(record.work, len(self._works)) & 255)
        self._damage.append(record.damage_px)

    def drop(self, count: int) -> None:
        """Let go of the oldest ``count``."""
        for column in (
            self.number, self.due, self.begun, self.packaged, self.compose, self.encode, self.lateness, self.wait,
            self.blocked, self.periods, self._cause, self._work, self._damage,
        ):  # fmt: skip
            del column[:count]

    def cost(self, place: int) -> float:
        """What frame ``place`` took (ms)."""
        return self.compose[place] + self.encode[place]

    def costs(self) -> array[float]:
        """What each took (ms)."""
        return array("f", (self.compose[place] + self.encode[place] for place in range(len(self))))

    def works(self) -> Iterator[str]:
        """What was in each (:attr:`FrameRecord.work`)."""
        names = list(self._works)
        return (names[number] for number in self._work)

    @property
    def worked(self) -> bool:
        """Whether the frames say what was in them."""
        return any(self._works)

    def record(self, place: int) -> FrameRecord:
        """Frame ``place``, as it was told."""
        return FrameRecord(
            self.number[place], self.due[place], self.begun[place], self.compose[place], self.encode[place],
            self._damage[place], self.packaged[place], self.lateness[place], _CAUSES[self._cause[place]],
            self.periods[place], list(self._works)[self._work[place]], self.wait[place],
            self.blocked[place],
        )  # fmt: skip


class MachineColumns:
    """A :class:`MachineRecord` for each second, 100 bytes each. ``at`` is when it was told (monotonic ns)."""

    FIGURES = (
        "steal_percent", "available_mb", "loop_lag_ms", "busy_percent", "others_percent", "disk_wait_ms",
        "loop_wait_ms",
    )  # fmt: skip

    def __init__(self) -> None:
        self.at = array("q")
        self.figures = {name: array("f") for name in self.FIGURES}
        self.cpu: dict[str, array[float]] = {}
        self.rss: dict[str, array[float]] = {}
        self.wait: dict[str, array[float]] = {}
        self.cores = 0

    def __len__(self) -> int:
        return len(self.at)

    def add(self, at: int, record: MachineRecord) -> None:
        """The next second."""
        for columns, told in (
            (self.cpu, record.cpu_percent),
            (self.rss, record.rss_mb),
            (self.wait, record.cpu_wait_ms),
        ):
            _extend(columns, told, len(self.at))
        self.at.append(at)
        for name, column in self.figures.items():
            column.append(getattr(record, name))
        self.cores = record.cores or self.cores

    def drop(self, count: int) -> None:
        """Let go of the oldest ``count``, and of processes that are not told of any more."""
        del self.at[:count]
        for column in self.figures.values():
            del column[:count]
        for columns in (self.cpu, self.rss, self.wait):
            for name in list(columns):
                del columns[name][:count]
                if not any(columns[name]):
                    del columns[name]

    def within(self, since: int, until: int) -> list[int]:
        """The places of the seconds that touch the time between the two (monotonic ns): a second is told at its end, or
        a little later. One that is told long after it is another time's: between them nobody measured.
        """
        first = bisect_left(self.at, since)
        last = bisect_left(self.at, until)
        if last < len(self.at) and self.at[last] < until + LONGEST:
            last += 1
        return list(range(first, last))


def _extend(columns: dict[str, array[float]], told: Mapping[str, float], length: int) -> None:
    """A process that is not told of has 0."""
    for name in (*columns, *(name for name in told if name not in columns)):
        column = columns.setdefault(name, array("f", bytes(4 * length)))
        column.append(told.get(name, 0.0))
