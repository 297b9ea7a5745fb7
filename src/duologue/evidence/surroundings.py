"""What a house's records tell of a moment: the machine, who computed, what stood still, who died.

Figures of the machine are sums of whole seconds; of a process it is what it waited for a core beyond what is usual.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from statistics import median

from duologue.clock import SECOND, milliseconds
from duologue.evidence.causes import Evidence, Usual
from duologue.evidence.columns import MachineColumns
from duologue.evidence.summary import PartSummary
from duologue.telemetry.ledger import PauseRecord

OURS = ("main", "stage", "line")
"""What of the machine's processes is no engine."""


GAP = 3 * SECOND
"""Between two figures of the machine, which are taken each second: whoever takes them did not run (ns)."""


class Surroundings:
    """The records of ``house`` (None: there are none), and the ``pauses`` that a part of it told itself."""

    def __init__(self, house: PartSummary | None, pauses: Iterable[PauseRecord] = ()) -> None:
        self.machine = house.machine if house is not None else MachineColumns()
        self.pauses = sorted((*pauses, *(house.pauses if house else ())), key=lambda each: each.at)
        self._ends = [each.at for each in self.pauses]
        self._wait = dict(self.machine.wait)
        if any(self.machine.figures["loop_wait_ms"]):  # of the main process only its loop's thread has to be in time
            self._wait["main"] = self.machine.figures["loop_wait_ms"]
        self._usual_wait = {name: median(column) for name, column in self._wait.items() if column}
        self._usual_disk = median(self.machine.figures["disk_wait_ms"]) if self.machine else 0.0
        self.usual_steal = self._steal_ms(median(self.machine.figures["steal_percent"])) if self.machine else 0.0
        """What the host takes in a second (ms of all cores): the median."""
        self._deaths = [
            (at, each.worker) for at, each in (house.workers if house else ()) if each.state == "restarting"
        ]

    @property
    def engines(self) -> list[str]:
        """Processes that are one."""
        return [name for name in self.machine.cpu if not name.startswith(OURS)]

    def evidence(self, processes: Sequence[str], since: int, until: int, usual: Usual | None = None) -> Evidence:
        """What is known of the time between the two (monotonic ns), in which ``processes`` were late. What they waited
        for a core is that of the one which waited most; without ``usual`` it is counted beyond its own median.
        """
        machine, places = self.machine, self.machine.within(since, until)
        figures, seconds = machine.figures, max(1, len(places))
        waits = [
            sum(column[place] for place in places) - (0.0 if usual else self._usual_wait[name] * seconds)
            for name in processes
            if (column := self._wait.get(name))
        ]
        engines = {name: sum(machine.cpu[name][place] for place in places) * 10.0 for name in self.engines}
        return Evidence(
            pauses=[each for each in self._within(since, until) if _concerns(each, processes)],
            steal_ms=self._steal_ms(sum(figures["steal_percent"][place] for place in places)),
            cpu_wait_ms=max(waits, default=None),
            disk_wait_ms=sum(figures["disk_wait_ms"][place] for place in places),
            engines=engines,
            foreign_ms=self._foreign(places),
            deaths=sorted({name for at, name in self._deaths if since <= at <= until + SECOND}),
            usual=usual or Usual(steal_ms=self.usual_steal, disk_wait_ms=self._usual_disk),
            measured=bool(places),
            unwatched_ms=self._unwatched_ms(places, since, until),
            seconds=seconds,
        )

    def _unwatched_ms(self, places: Sequence[int], since: int, until: int) -> float:
        """Of the time between the two, how long the main process took no figures though it does so each second."""
        at = self.machine.at
        gaps = ((at[place - 1] + SECOND, at[place]) for place in places if place and at[place] - at[place - 1] > GAP)
        return sum(max(0.0, milliseconds(min(end, until) - max(begin, since))) for begin, end in gaps)

    def cpu_ms(self, process: str, since: int, until: int) -> float | None:
        """What a process computed in the seconds that touch the time between the two; None: nobody measured it."""
        column = self.machine.cpu.get(process)
        places = self.machine.within(since, until)
        return sum(column[place] for place in places) * 10.0 if column and places else None

    def waited_for_others_ms(self, processes: Sequence[str], since: int, until: int) -> float:
        """How long that one of ``processes`` which waited most waited for cores that programs had which are none of
        ours, beyond its median, in the seconds that touch the time between the two; in each at most as long as that
        time has of it.
        """
        places = self.machine.within(since, until)
        most = [self._most_waited_ms(place, since, until) for place in places]
        waits = [
            sum(
                min(max(0.0, column[place] - self._usual_wait[name]), limit)
                for place, limit in zip(places, most, strict=True)
            )
            for name in processes
            if (column := self._wait.get(name))
        ]
        return max(waits, default=0.0)

    def _most_waited_ms(self, place: int, since: int, until: int) -> float:
        """Of a second: as long as it lies in the time between the two, and as others computed in it."""
        end = self.machine.at[place]
        begin = self.machine.at[place - 1] if place else end - SECOND
        within, foreign = milliseconds(max(0, min(end, until) - max(begin, since))), self._foreign_in(place)
        return within if foreign is None else min(within, foreign)

    def _foreign(self, places: Sequence[int]) -> float | None:
        found = [had for place in places if (had := self._foreign_in(place)) is not None]
        return sum(found) if found else None

    def _foreign_in(self, place: int) -> float | None:
        """CPU time of others in a second (ms); None: what all used is not known."""
        figures = self.machine.figures
        return figures["others_percent"][place] * 10.0 * self.machine.cores if figures["busy_percent"][place] else None

    def _steal_ms(self, percent: float) -> float:
        """Of a second (or the sum of some), in CPU time of all cores."""
        return percent * 10.0 * (self.machine.cores or 1)

    def _within(self, since: int, until: int) -> Sequence[PauseRecord]:
        return self.pauses[bisect_left(self._ends, since) : bisect_right(self._ends, until + SECOND)]


def _concerns(pause: PauseRecord, processes: Sequence[str]) -> bool:
    """A disk that stood still did so for everybody; several shows' stages call themselves by one name, and who was
    stopped is called what its worker is.
    """
    match pause.what:
        case "disk":
            return True
        case "stopped":
            return pause.process in processes
        case _:
            return any(process.startswith(pause.process) for process in processes)
