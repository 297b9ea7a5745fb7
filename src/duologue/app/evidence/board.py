"""What the house does, for who looks at it: the newest of each show and of the machine, once a second.

It looks on at the ledger. Records are kept whether anybody looks or not (bounded, and cheap to keep), so that who comes
sees what was; views of them are made only while somebody watches. A watcher begins with the state and goes on with what
each second added; one that is too slow is given the state anew.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Literal

from duologue.app.evidence.models import (
    AnswerStage,
    AnswerView,
    EvidenceAnswerEvent,
    EvidenceEvent,
    EvidenceSecondEvent,
    EvidenceStateEvent,
    FrameHistory,
    FrameSecondView,
    GrowingAnswerView,
    IncidentView,
    LiveShowView,
    MachineSecondView,
    ProcessView,
)
from duologue.clock import MILLISECOND, SECOND, milliseconds
from duologue.evidence.incidents import Incident
from duologue.evidence.live import TIDY, FrameSecond, LiveShow
from duologue.evidence.summary import PartSummary
from duologue.telemetry.ledger import CALLS, WITH_PEOPLE, Entry, MachineRecord, ShowRecord, TurnRecord
from duologue.telemetry.stream import HOUSE, Ledger
from duologue.telemetry.turns import FINAL_STATES, grown, silence_ms

MOST_MACHINE = 120
MOST_ANSWERS = 60
MOST_QUEUED = 32
"""Seconds, and steps of answers: an answer has eight."""
HOUSE_WINDOW = 60 * SECOND


def _of(part: str) -> Literal["talk", "call"]:
    return "call" if part == CALLS else "talk"


class EvidenceWatch:
    """What one watcher is told."""

    def __init__(self, state: Callable[[], EvidenceEvent]) -> None:
        self._state = state
        self._queue: deque[EvidenceEvent] = deque()
        self._behind = True
        """The state is next: it has all that was told until it is read."""
        self._closed = False
        self._news = asyncio.Event()

    def put(self, event: EvidenceEvent) -> None:
        """Without waiting; what does not fit becomes the state."""
        if len(self._queue) >= MOST_QUEUED:
            self.renew()
        elif not self._behind:
            self._queue.append(event)
            self._news.set()

    def renew(self) -> None:
        """The state is next."""
        self._queue.clear()
        self._behind = True
        self._news.set()

    def close(self) -> None:
        """It ends when it has read what is there."""
        self._closed = True
        self._news.set()

    async def take(self) -> EvidenceEvent | None:
        """The next event; None at the end. A cancelled call takes nothing."""
        while True:
            if self._behind:
                self._behind = False
                return self._state()
            if self._queue:
                return self._queue.popleft()
            if self._closed:
                return None
            self._news.clear()
            await self._news.wait()


class EvidenceBoard:
    """Looks on at ``ledger`` from now on. ``run_of`` names the run that a part keeps now (empty: none)."""

    def __init__(self, ledger: Ledger, run_of: Callable[[str], str]) -> None:
        self._origin = ledger.origin
        self._run_of = run_of
        self._shows: dict[str, LiveShow] = {}
        self._house = PartSummary(HOUSE)
        self._machine: deque[tuple[int, MachineRecord]] = deque(maxlen=MOST_MACHINE)
        self._answers: deque[AnswerView] = deque(maxlen=MOST_ANSWERS)
        self._new_answers: list[AnswerView] = []
        self._growing: OrderedDict[str, tuple[str, TurnRecord]] = OrderedDict()
        """Answers that nobody has heard yet, with their parts, by their ids."""
        self._told: dict[str, GrowingAnswerView] = {}
        self._watches: dict[str, list[EvidenceWatch]] = {}
        self._beats = 0
        self._closed = False
        ledger.watch(self._observe)
        ledger.watch_turns(self._grown)

    @contextmanager
    def watch(self, show: str = "") -> Generator[EvidenceWatch]:
        """Be told of a show by its topic, or of none, and of the machine."""
        watch = EvidenceWatch(lambda: self.state(show))
        if self._closed:
            watch.close()
        self._watches.setdefault(show, []).append(watch)
        try:
            yield watch
        finally:
            self._watches[show].remove(watch)
            if not self._watches[show]:
                del self._watches[show]

    def watched(self, show: str) -> bool:
        """Whether anybody looks."""
        return show in self._watches

    def close(self) -> None:
        """The house ends: all watchers do."""
        self._closed = True
        for watch in chain.from_iterable(self._watches.values()):
            watch.close()

    def state(self, show: str = "") -> EvidenceStateEvent:
        """All that is kept of a show, and of the machine."""
        found = self._shows.get(show)
        summaries = found.summaries if found is not None else ()
        return EvidenceStateEvent(
            show=self._show(found),
            seconds=tuple(map(self._second, found.seconds)) if found is not None else (),
            history=FrameHistory(
                at=tuple(self._wall(each.at) for each in summaries), p50=tuple(each.p50 for each in summaries),
                p95=tuple(each.p95 for each in summaries), most=tuple(each.most for each in summaries),
                late=tuple(each.late for each in summaries), left_out=tuple(each.left_out for each in summaries),
            ),
            incidents=self._incidents(list(found.incidents.values())) if found is not None else (),
            machine=tuple(self._machine_second(at, record) for at, record in self._machine),
            answers=tuple(self._answers), growing=tuple(self._growing_view(*each) for each in self._growing.values()),
        )  # fmt: skip

    # What is entered

    def _observe(self, entry: Entry) -> None:
        record = entry.record
        part, _, name = entry.of.partition(":")
        if isinstance(record, ShowRecord):
            self._shows[entry.of] = LiveShow(entry.of, record, entry.at)
            for watch in self._watches.get(entry.of, ()):
                watch.renew()
        if (show := self._shows.get(entry.of)) is not None:
            show.take(entry)
        elif entry.of == HOUSE:
            self._house.add(entry)
            if isinstance(record, MachineRecord):
                self._beat(entry.at, record)
        elif name and isinstance(record, TurnRecord) and part in WITH_PEOPLE and record.kind == "answer":
            self._over(record.id)  # where it ended without having been heard, nobody has said so before
            self._answered(part, record)

    def _grown(self, of: str, record: TurnRecord) -> None:
        """A turn has changed that is not entered yet."""
        part = of.partition(":")[0]
        if part not in WITH_PEOPLE or record.kind != "answer" or not record.spoken_to:
            return
        if record.on_air or record.state in FINAL_STATES:
            self._over(record.id)
            return
        self._growing[record.id] = part, record
        if len(self._growing) > MOST_ANSWERS:
            self._over(next(iter(self._growing)))
        if self._watches and self._told.get(record.id) != (view := self._growing_view(part, record)):
            self._told[record.id] = view
            self._tell_all(EvidenceAnswerEvent(answer=view, over=False))

    def _over(self, turn: str) -> None:
        """It is heard now, or never will be."""
        known, _ = self._growing.pop(turn, None), self._told.pop(turn, None)
        if known is not None and self._watches:
            self._tell_all(EvidenceAnswerEvent(answer=self._growing_view(*known), over=True))

    def _tell_all(self, event: EvidenceEvent) -> None:
        for watch in chain.from_iterable(self._watches.values()):
            watch.put(event)

    def _answered(self, part: str, record: TurnRecord) -> None:
        stages = silence_ms(record)
        if stages:
            view = AnswerView(
                id=record.id, of=_of(part), speaker=record.speaker,
                at=self._wall(record.spoken_to),
                stages=tuple(AnswerStage(name=name, ms=round(ms, 1)) for name, ms in stages.items()),
            )  # fmt: skip
            self._answers.append(view)
            self._new_answers.append(view)

    def _beat(self, at: int, record: MachineRecord) -> None:
        """The house measured a second: it is over for all."""
        self._machine.append((at, record))
        told = {name: show.beat(at, self._house, looked=self.watched(name)) for name, show in self._shows.items()}
        self._beats += 1
        if self._beats % TIDY == 0:
            self._house.forget(at - HOUSE_WINDOW)
        answers, self._new_answers = tuple(self._new_answers[-MOST_ANSWERS:]), []
        if not self._watches:
            return
        machine = self._machine_second(at, record)
        for show, watches in self._watches.items():
            second, incidents = told.get(show, (None, ()))
            event = EvidenceSecondEvent(
                show=self._show(self._shows.get(show)), second=self._second(second) if second is not None else None,
                incidents=self._incidents(incidents), machine=machine, answers=answers,
            )  # fmt: skip
            for watch in watches:
                watch.put(event)

    # As views

    def _wall(self, at: int) -> float:
        return round(self._origin.wall_at(at) / MILLISECOND, 1)

    def _growing_view(self, part: str, record: TurnRecord) -> GrowingAnswerView:
        over, stage = grown(record)
        return GrowingAnswerView(
            id=record.id, of=_of(part), speaker=record.speaker, at=self._wall(record.spoken_to),
            stages=tuple(
                AnswerStage(name=name, ms=round(milliseconds(end - begin), 1)) for name, (begin, end) in over.items()
            ),
            stage=stage, since=self._wall(max((end for _, end in over.values()), default=record.spoken_to)),
        )  # fmt: skip

    def _show(self, show: LiveShow | None) -> LiveShowView | None:
        if show is None:
            return None
        return LiveShowView(
            of=show.of, run=self._run_of(show.of), fps=show.record.fps, budget_ms=round(show.period_ms, 3),
            began=self._wall(show.began), frames=show.frames, late=show.late, over_budget=show.over_budget,
            left_out=show.left_out,
        )  # fmt: skip

    def _second(self, second: FrameSecond) -> FrameSecondView:
        spread = second.spread
        p50, p95, most = (spread.p50, spread.p95, spread.most) if spread is not None else (0.0, 0.0, 0.0)
        return FrameSecondView(
            at=self._wall(second.at), first=second.first, costs=tuple(round(each, 1) for each in second.costs),
            lateness=tuple(round(each, 1) for each in second.lateness), periods=second.periods, late=second.late,
            over_budget=second.over_budget, left_out=second.left_out, p50=p50, p95=p95, most=most,
        )  # fmt: skip

    def _incidents(self, incidents: Sequence[Incident]) -> tuple[IncidentView, ...]:
        return tuple(
            IncidentView(
                id=f"{each.kind.replace(' ', '-')}-{each.first}", kind="late" if each.kind == "late" else "left out",
                at=self._wall(each.at), first=each.first, last=each.last, frames=each.count,
                worst_ms=round(each.worst_ms, 1), cause=each.attribution.cause.value,
                share=round(each.attribution.share, 3), lost_ms=round(each.attribution.lost_ms, 1),
                why=each.attribution.why, meanwhile=tuple(each.meanwhile),
            )
            for each in incidents
        )  # fmt: skip

    def _machine_second(self, at: int, record: MachineRecord) -> MachineSecondView:
        return MachineSecondView(
            at=self._wall(at), cores=record.cores, busy=round(record.busy_percent, 1),
            others=round(record.others_percent, 1), steal=round(record.steal_percent, 1),
            available_mb=round(record.available_mb, 1),
            disk_wait_ms=round(record.disk_wait_ms, 1), loop_lag_ms=round(record.loop_lag_ms, 1),
            processes=tuple(
                ProcessView(
                    name=name, cpu=round(cpu, 1), rss_mb=round(record.rss_mb.get(name, 0.0), 1),
                    wait_ms=round(record.cpu_wait_ms.get(name, 0.0), 1),
                )
                for name, cpu in record.cpu_percent.items()
            ),
        )  # fmt: skip
