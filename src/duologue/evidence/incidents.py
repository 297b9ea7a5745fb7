"""What went wrong with the frames of a show: each late one and each gap, with its cause and what else happened then.

Frames that are late one after the other are one incident, which begins where the show lost its lead; a frame that was
dearer than its period though nobody saw it is one of its own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from duologue.clock import MILLISECOND, SECOND
from duologue.evidence.causes import Attribution, Culprit, Evidence, Usual, cause_of
from duologue.evidence.summary import PartSummary
from duologue.evidence.surroundings import Surroundings
from duologue.telemetry.ledger import FrameRecord, SkipRecord

MOST_WINDOW = 600
"""Frames before a late one that are looked at for where the lead was lost: 20 s."""
MOST_EXAMINED = 2000
"""Frames over their budget of which each is examined: the slowest."""

_PAUSED = {"garbage": "collected garbage", "disk": "waited for the disk", "stopped": "was stopped by a signal"}


@dataclass(slots=True)
class Incident:
    """``kind``: ``late`` (frames were ready after their due time), ``over budget`` (dearer than their period, and in
    time), ``left out``. ``at`` is monotonic ns, ``worst_ms`` the greatest lateness (of one that was in time: what it
    took).
    """

    kind: str
    at: int
    first: int
    last: int
    worst_ms: float
    attribution: Attribution
    frames: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])
    """Number and lateness (ms) of each."""
    meanwhile: list[str] = field(default_factory=list[str])

    @property
    def count(self) -> int:
        """Frames."""
        return self.last - self.first + 1 if self.kind == "left out" else len(self.frames)


class ShowEvidence:
    """A show's records and its house's, as evidence."""

    def __init__(self, show: PartSummary, house: PartSummary | None) -> None:
        self.show = show
        self.columns = show.columns
        self.around = Surroundings(house, show.pauses)
        self.machine = self.around.machine
        self.period_ms = show.frames.period_ms
        self.lead_ms = show.show.lead_ms if show.show is not None else 0.0
        stages = [name for name in self.machine.wait if name.startswith("stage")]
        self._stage = f"stage-{show.of.partition(':')[2]}" if len(stages) > 1 else stages[0] if stages else ""
        self.unexamined = 0
        """Frames over their budget that were not examined."""
        self._happened = sorted(_happenings(show, house))
        self.usual = self._usual()

    def _usual(self) -> Usual:
        columns, machine = self.columns, self.machine
        wait = machine.wait.get(self._stage)
        return Usual(
            median(columns.compose) if columns else 1.0,
            median(columns.encode) if columns else 6.0,
            median(wait) if wait else 0.0,
            self.around.usual_steal,
            median(machine.figures["disk_wait_ms"]) if machine else 0.0,
            median(columns.wait) if any(columns.wait) else None,
        )

    def incidents(self) -> list[Incident]:
        """All of them, in order."""
        return sorted((*self._late(), *self._over_budget(), *self._left_out()), key=lambda each: each.at)

    def noticed(self) -> list[Incident]:
        """Those that viewers may have noticed, in order: late frames and frames that were left out."""
        return sorted((*self._late(), *self._left_out()), key=lambda each: each.at)

    def evidence(self, first: int, last: int) -> Evidence:
        """Of the time of the frames at these places, both included."""
        frames = [self.columns.record(place) for place in range(first, last + 1)]
        return self._evidence(frames, frames[0].begun, frames[-1].packaged)

    def _evidence(self, frames: Sequence[FrameRecord], since: int, until: int) -> Evidence:
        found = self.around.evidence((self._stage or "stage",), since, until, self.usual)
        return replace(found, frames=frames, period_ms=self.period_ms, lead_ms=self.lead_ms)

    def _late(self) -> Iterator[Incident]:
        columns = self.columns
        run: list[int] = []
        for place, lateness in enumerate(columns.lateness):
            if lateness > 0:
                run.append(place)
            elif run:
                yield self._incident(run)
                run = []
        if run:
            yield self._incident(run)

    def _incident(self, run: list[int]) -> Incident:
        columns = self.columns
        worst = max(run, key=lambda place: columns.lateness[place])
        evidence = self.evidence(self._lead_lost(run[0]), worst)
        found = Incident(
            "late", columns.due[run[0]], columns.number[run[0]], columns.number[run[-1]], columns.lateness[worst],
            cause_of(evidence), [(columns.number[place], columns.lateness[place]) for place in run],
        )  # fmt: skip
        found.meanwhile = self.meanwhile(columns.begun[self._lead_lost(run[0])], columns.packaged[run[-1]])
        return found

    def _lead_lost(self, place: int) -> int:
        """The last frame before ``place`` that began when it should: the lead was lost behind it."""
        columns = self.columns
        lead = round(self.lead_ms * MILLISECOND) or max(
            (columns.due[each] - columns.begun[each] for each in range(max(0, place - MOST_WINDOW), place + 1)),
            default=0,
        )
        slack = 10 * MILLISECOND
        for each in range(place, max(-1, place - MOST_WINDOW), -1):
            if columns.begun[each] <= columns.due[each] - lead + slack:
                return each
        return max(0, place - MOST_WINDOW)

    def _over_budget(self) -> Iterator[Incident]:
        columns = self.columns
        dear = [
            place
            for place in range(len(columns))
            if columns.lateness[place] <= 0 and columns.cost(place) > self.period_ms * columns.periods[place]
        ]
        self.unexamined = max(0, len(dear) - MOST_EXAMINED)
        for place in sorted(dear, key=columns.cost, reverse=True)[:MOST_EXAMINED]:
            record = columns.record(place)
            evidence = self._evidence([record], record.begun, record.packaged)
            yield Incident(
                "over budget", record.due, record.number, record.number, columns.cost(place), cause_of(evidence),
                [(record.number, record.lateness_ms)], self.meanwhile(record.begun, record.packaged),
            )  # fmt: skip

    def _left_out(self) -> Iterator[Incident]:
        numbers = self.columns.number
        for skip in self.show.skips:
            yield self._skip(skip, bisect_left(numbers, skip.first) - 1)

    def _skip(self, skip: SkipRecord, place: int) -> Incident:
        """``place`` is that of the last frame before it; -1: there is none."""
        due = skip.at - round(skip.late_ms * MILLISECOND)
        since = due - SECOND
        if place < 0:
            frames: list[FrameRecord] = []
        else:
            first = self._lead_lost(place)
            frames = [self.columns.record(each) for each in range(first, place + 1)]
            since = frames[0].begun
        evidence = replace(self._evidence(frames, since, skip.at), skipped=(due, skip.at))
        return Incident(
            "left out", skip.at, skip.first, skip.following - 1, skip.late_ms, cause_of(evidence), [],
            self.meanwhile(since, skip.at),
        )  # fmt: skip

    def meanwhile(self, since: int, until: int) -> list[str]:
        """What else happened then, and in the half second around it; equal ones once."""
        first = bisect_left(self._happened, (since - SECOND // 2, ""))
        last = bisect_right(self._happened, (until + SECOND // 2, "\uffff"))
        found = Counter(words for _, words in self._happened[first:last])
        words = [f"{each} ({times} times)" if times > 1 else each for each, times in found.items()]
        for place in self.machine.within(since, until)[:1]:
            words.append(self._machine_words(place))
        return words

    def _machine_words(self, place: int) -> str:
        machine = self.machine
        used = sorted(((column[place], name) for name, column in machine.cpu.items()), reverse=True)[:3]
        shown = ", ".join(f"{name} {percent:.0f} %" for percent, name in used if percent >= 1)
        wait = machine.wait.get(self._stage)
        waited = f", the stage waited {wait[place]:.0f} ms for a core" if wait and wait[place] >= 1 else ""
        others, steal = (machine.figures[name][place] for name in ("others_percent", "steal_percent"))
        had = f"; of all cores other programs had {others:.0f} %, the host took {steal:.1f} %"
        return f"CPU: {shown or 'idle'}{had}{waited}"


def _happenings(show: PartSummary, house: PartSummary | None) -> Iterator[tuple[int, str]]:
    for step in show.steps:
        yield step.at, f"the show became {'plainer' if step.step > step.before else 'richer'}: {step.why}"
    for bake in show.bakes:
        yield bake.at, f"{bake.what} was baked in {bake.took_ms:.0f} ms"
    for each in (*show.pauses, *(house.pauses if house else ())):
        yield each.at, f"{each.process} {_PAUSED.get(each.what, each.what)} for {each.took_ms:.0f} ms"
    for turn in show.turns:
        if turn.asked:
            yield turn.asked, f"{turn.speaker}'s next line was asked for"
        if turn.text_complete:
            yield turn.text_complete, f"{turn.speaker}'s line went to the voice"
        if turn.on_air:
            yield turn.on_air, f"{turn.speaker} began to speak"
    if house is None:
        return
    for handover in house.handovers:
        yield handover.at, handover.words
    for at, worker in house.workers:
        yield at, f"{worker.worker} was {worker.state}" + (f": {worker.cause}" if worker.cause else "")


def by_cause(incidents: Sequence[Incident], kind: str) -> Counter[Culprit]:
    """How many frames of incidents of ``kind`` each culprit has."""
    found: Counter[Culprit] = Counter()
    for each in incidents:
        if each.kind == kind:
            found[each.attribution.cause] += each.count
    return found
