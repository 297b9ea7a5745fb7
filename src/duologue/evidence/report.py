"""A report: from the ledgers of runs to chapters, a verdict and what is worth mending. Every record is read once.

:func:`read_report` reads, :func:`as_dict` gives it as plain values; Markdown and HTML are made of it elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

from duologue.clock import SECOND
from duologue.evidence.budgets import BUDGET_WORDS, Budgets, measured
from duologue.evidence.changes import ReportComparison
from duologue.evidence.chapters import ShowChapter, TalksChapter, WaterfallRow, show_chapter, talks_chapter
from duologue.evidence.findings import WorthMending, cannot_tell, verdict, worst
from duologue.evidence.incidents import Incident
from duologue.evidence.percentiles import Percentiles
from duologue.evidence.spent import as_table
from duologue.evidence.stalls import Stall
from duologue.evidence.summary import PartSummary, gather
from duologue.evidence.surroundings import Surroundings
from duologue.evidence.waits import TurnWait
from duologue.evidence.words import named
from duologue.plurals import counted
from duologue.telemetry.ledger import WITH_PEOPLE, Entry, HeaderRecord, ShowRecord
from duologue.telemetry.ledger_reader import LedgerReader
from duologue.telemetry.ledger_span import RunSpan
from duologue.telemetry.stream import HOUSE

MOST_FRAMES = 100
"""Late frames of one incident that the JSON lists one by one."""


@dataclass(frozen=True, slots=True)
class ReportSource:
    """A run, or any other ledger: what people call it, where it lies, and which stretch of it is read (None: all)."""

    name: str
    path: Path
    span: RunSpan | None = None

    def in_words(self, zone: tzinfo) -> str:
        """What it is called in a report."""
        return self.name if self.span is None else f"{self.name}, {self.span.in_words(zone)}"


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """How a budget was kept: ``over`` of ``count`` exceeded ``limit_ms``, ``most_ms`` was the largest."""

    name: str
    limit_ms: float
    count: int
    over: int
    p95_ms: float
    most_ms: float


@dataclass(slots=True)
class EvidenceReport:
    """All that is told."""

    sources: list[str]
    shows: list[ShowChapter]
    talks: TalksChapter | None
    budgets: list[BudgetLine]
    verdict: list[str]
    worst: list[WorthMending]
    cannot_tell: list[str]
    parts: list[PartSummary]
    torn: int = 0
    unknown: dict[str, int] = field(default_factory=dict[str, int])
    zone: tzinfo = UTC
    """Of its times of day."""
    compared: ReportComparison | None = None
    """With an older one, where that was asked for."""


class _Start:
    """What a source holds of one start of a program, which is one time axis: a ledger that is appended to has several.
    Give it entries with :meth:`add`, then :meth:`settle`.
    """

    def __init__(self, origin: HeaderRecord) -> None:
        self.origin = origin.wall_ns, origin.monotonic_ns
        """What tells it from others; runs of one house have it alike."""
        self.virtual = not origin.wall_ns
        self.shift = origin.wall_ns - origin.monotonic_ns
        self.own: list[PartSummary] = []
        """Its shows, talks and calls."""
        self.common: dict[str, Entry] = {}
        """What is of none of them, by its id: each once, however many runs in a folder have it."""
        self.shared: list[PartSummary] = []
        self.house: PartSummary | None = None
        self._now: dict[str, PartSummary] = {}

    def add(self, entry: Entry) -> None:
        """The next one. A show that begins again after it was over is another one."""
        if ":" not in entry.of:
            self.common.setdefault(entry.id or f"{len(self.common)}", entry)
            return
        part = self._now.get(entry.of)
        again = part is not None and part.over and isinstance(entry.record, ShowRecord) and entry.at > part.newest
        if part is None or again:
            part = self._now[entry.of] = PartSummary(entry.of)
            self.own.append(part)
        part.add(entry)

    def settle(self) -> None:
        """All was added."""
        self.shared = _in_order(self.common)
        self.house = _house(self.shared)

    def wall(self, part: PartSummary) -> int:
        """When a part began (Unix ns; 0: on no calendar)."""
        return part.began + self.shift if not self.virtual else 0


def _read(source: ReportSource) -> tuple[LedgerReader, list[_Start]]:
    reader = LedgerReader(source.path, span=source.span)
    starts: dict[tuple[int, int], _Start] = {}
    now: _Start | None = None
    for entry in reader:
        if isinstance(entry.record, HeaderRecord):
            now = starts.setdefault((entry.record.wall_ns, entry.record.monotonic_ns), _Start(entry.record))
        elif now is not None:
            now.add(entry)
    for each in starts.values():
        each.settle()
    return reader, list(starts.values())


def _in_order(entries: Mapping[str, Entry]) -> list[PartSummary]:
    return gather(sorted(entries.values(), key=lambda entry: entry.at))


def _house(parts: Sequence[PartSummary]) -> PartSummary | None:
    return next((part for part in parts if part.of == HOUSE), None)


def read_report(sources: Sequence[ReportSource], budgets: Budgets, zone: tzinfo = UTC) -> EvidenceReport:
    """``zone`` is that of its times of day. Raises :class:`InputError` for a ledger that cannot be read."""
    read = [_read(source) for source in sources]
    starts = [start for _, found in read for start in found]
    shows = [
        show_chapter(part, start.house, start.wall(part))
        for start in starts
        for part in start.own
        if part.show is not None or part.columns
    ]
    talks = _talks(starts)
    torn = sum(reader.torn for reader, _ in read)
    unknown = sum((reader.unknown for reader, _ in read), start=Counter[str]())
    parts = [part for start in starts for part in (*start.own, *start.shared)]
    missing = [*_unread(sources, zone), *_missing(parts, torn, unknown)]
    return EvidenceReport(
        [source.in_words(zone) for source in sources], shows, talks, _kept(shows, parts, budgets),
        verdict(shows, talks, budgets), worst(shows, talks, budgets), cannot_tell(shows, talks, missing), parts, torn,
        dict(unknown), zone,
    )  # fmt: skip


def _talks(starts: Sequence[_Start]) -> TalksChapter | None:
    """All talks and calls; None: there are none. What several runs of one house tell of it is told once; of several
    houses each has its own around it, and all of them are drawn together if one clock has them.
    """
    common: dict[tuple[int, int], dict[str, Entry]] = {}
    for start in starts:
        common.setdefault(start.origin, {}).update(start.common)
    shared = {origin: _in_order(entries) for origin, entries in common.items()}
    around = {origin: Surroundings(_house(parts)) for origin, parts in shared.items()}
    talking = [(start, part) for start in starts for part in start.own if part.of.partition(":")[0] in WITH_PEOPLE]
    if not talking:
        return None
    shifts = [start.shift for start in starts]
    one_clock = len(starts) == 1 or (not any(start.virtual for start in starts) and max(shifts) - min(shifts) <= SECOND)
    return talks_chapter(
        [(part, around[start.origin]) for start, part in talking],
        _house(_in_order({key: each for one in common.values() for key, each in one.items()})) if one_clock else None,
        [(part, around[origin]) for origin, parts in shared.items() for part in parts if part.of in WITH_PEOPLE],
        min(start.wall(part) for start, part in talking), virtual=any(start.virtual for start, _ in talking),
    )  # fmt: skip


def _unread(sources: Sequence[ReportSource], zone: tzinfo) -> Iterator[str]:
    for source in sources:
        if source.span is not None:
            yield f"What was before and after in {source.name}: only {source.span.in_words(zone)} was read."


def _missing(parts: Sequence[PartSummary], torn: int, unknown: dict[str, int]) -> Iterator[str]:
    if dropped := sum(part.dropped for part in parts):
        yield f"What {counted(dropped, 'line')} said that never reached the disk."
    if torn:
        yield f"What {counted(torn, 'torn line')} said: the machine stopped, or its disk was full."
    for kind, count in unknown.items():
        yield f"What {counted(count, 'line')} of the kind {kind} said: a newer program wrote that."


def _kept(shows: Sequence[ShowChapter], parts: Sequence[PartSummary], budgets: Budgets) -> list[BudgetLine]:
    """How each budget that applies was kept: those of a show apart, of talks and calls together."""
    found: list[BudgetLine] = []
    for show, part in zip(shows, (part for part in parts if part.show is not None or part.columns), strict=True):
        found += _of_frames(show, part, budgets)
        found += _turns([part], budgets, f"{named(show.of)}: ")
    return [*found, *_turns([part for part in parts if part.show is None and not part.columns], budgets, "")]


def _of_frames(show: ShowChapter, part: PartSummary, budgets: Budgets) -> Iterator[BudgetLine]:
    """Without a budget of its own a frame has as many periods as it stands for."""
    for line in _line(f"{named(show.of)}: frame", budgets.frame_ms or show.budget_ms, part.costs):
        yield line if budgets.frame_ms else replace(line, over=show.over_budget)
    for name, values in (("compose", part.columns.compose), ("encode", part.columns.encode)):
        if (limit := getattr(budgets, f"{name}_ms")) is not None:
            yield from _line(f"{named(show.of)}: {BUDGET_WORDS[name]}", limit, values)


def _turns(parts: Sequence[PartSummary], budgets: Budgets, of: str) -> Iterator[BudgetLine]:
    taken: dict[str, tuple[float, list[float]]] = {}
    for part in parts:
        for turn in part.turns:
            for name, took, limit in measured(turn, budgets):
                taken.setdefault(name, (limit, []))[1].append(took)
    for name, (limit, values) in taken.items():
        yield from _line(f"{of}{BUDGET_WORDS.get(name, name)}", limit, values)


def _line(name: str, limit: float, values: Sequence[float]) -> list[BudgetLine]:
    spread = Percentiles.of(values)
    if spread is None:
        return []
    over = sum(value > limit for value in values)
    return [BudgetLine(name, round(limit, 2), spread.count, over, spread.p95, spread.most)]


def as_dict(report: EvidenceReport) -> dict[str, Any]:
    """The same as plain values, for JSON."""
    return {
        "sources": report.sources,
        "verdict": report.verdict,
        "worst": [asdict(each) for each in report.worst],
        "cannot_tell": report.cannot_tell,
        "budgets": [asdict(each) for each in report.budgets],
        "shows": [_show(each) for each in report.shows],
        "talks": _talks_dict(report.talks) if report.talks is not None else None,
        "parts": [each.as_dict() for each in report.parts],
        "torn": report.torn,
        "unknown": report.unknown,
        **({"against": asdict(report.compared)} if report.compared is not None else {}),
    }


def _show(show: ShowChapter) -> dict[str, Any]:
    spread = _spread(show.cost)
    return {
        "of": show.of, "title": show.title, "topics": show.topics, "began_ns": show.wall_ns,
        "seconds": round(show.seconds, 3),
        "fps": show.fps, "budget_ms": round(show.budget_ms, 3), "lead_ms": show.lead_ms, "frames": show.frames,
        "late": show.late, "over_budget": show.over_budget, "left_out": show.left_out, "half_rate": show.half_rate,
        "over": show.over, "frame_ms": spread,
        "by_work": {name: {**asdict(each), "over_budget": over} for name, (each, over) in show.kinds.items()},
        "incidents": [_incident(each, show.began) for each in show.incidents],
        "silences": [asdict(each) for each in show.gaps],
        "turns": [_row(each) for each in show.rows],
        "waits": [_wait(each) for each in show.waits],
        "voices_characters_per_second": {name: asdict(each) for name, each in show.voices.items()},
        "stalls": [_stall(each, show.began) for each in show.stalls],
        "steal_percent": _spread(show.steal),
        "machine": {line.name: line.points for line in show.machine},
        "memory_mb": {line.name: line.points for line in show.memory},
        "trouble": show.notes, "used": as_table(show.used),
    }  # fmt: skip


def _incident(incident: Incident, began: int) -> dict[str, Any]:
    found = incident.attribution
    return {
        "kind": incident.kind, "at_s": round((incident.at - began) / SECOND, 3), "first": incident.first,
        "last": incident.last, "frames": incident.count, "worst_ms": round(incident.worst_ms, 2),
        "cause": found.cause.value, "explains": round(found.share, 3), "lost_ms": round(found.lost_ms, 2),
        "why": found.why, "parts_ms": {each.value: round(lost, 2) for each, lost in found.parts.items()},
        "late_frames": [[number, round(ms, 2)] for number, ms in incident.frames[:MOST_FRAMES]],
        "meanwhile": incident.meanwhile,
    }  # fmt: skip


def _stall(stall: Stall, began: int) -> dict[str, Any]:
    found = stall.attribution
    return {
        "what": stall.what, "of": stall.of, "at_s": round((stall.at - began) / SECOND, 3), "size": stall.size,
        "unit": stall.unit, "cause": found.cause.value, "explains": round(found.share, 3), "why": found.why,
    }  # fmt: skip


def _talks_dict(talks: TalksChapter) -> dict[str, Any]:
    return {
        "conversations": talks.parts, "calls": talks.calls, "seconds": round(talks.seconds, 3),
        "began_ns": talks.wall_ns, "virtual": talks.virtual, "answer_ms": _spread(talks.answers),
        "stages_ms": {name: asdict(each) for name, each in talks.stages.items()},
        "turns": [_row(each) for each in talks.rows],
        "slowest": [_wait(each) for each in talks.slowest[:20]],
        "counts": talks.counts, "saved_ms": round(talks.saved_ms, 1), "wasted_ms": round(talks.wasted_ms, 1),
        "too_early": talks.too_early,
        "too_early_by": dict(talks.too_early_by.most_common()), "decisions": dict(talks.decisions.most_common()),
        "voices_characters_per_second": {name: asdict(each) for name, each in talks.voices.items()},
        "loss_percent": _spread(talks.loss), "jitter_ms": _spread(talks.jitter),
        "packet_late_ms": _spread(talks.packets),
        "stalls": [_stall(each, talks.began) for each in talks.stalls],
        "steal_percent": _spread(talks.steal), "machine": {line.name: line.points for line in talks.machine},
        "memory_mb": {line.name: line.points for line in talks.memory}, "trouble": talks.notes,
        "used": as_table(talks.used),
    }  # fmt: skip


def _spread(spread: Percentiles | None) -> dict[str, Any] | None:
    return asdict(spread) if spread is not None else None


def _row(row: WaterfallRow) -> dict[str, Any]:
    return {**asdict(row), "at": round(row.at, 3)}


def _wait(wait: TurnWait) -> dict[str, Any]:
    return {
        "turn": wait.turn.id, "at": round(wait.at, 3), "ms": round(wait.ms, 1), "stage": wait.stage,
        "stage_ms": round(wait.stage_ms, 1),
        "beyond_usual_ms": round(wait.beyond_ms, 1), "cause": wait.whose,
        "why": wait.why,
    }  # fmt: skip
