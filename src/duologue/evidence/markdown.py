"""A report as Markdown: for a terminal, an issue, a diff."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo

from duologue.clock import SECOND
from duologue.evidence.changes import as_lines, gone_words
from duologue.evidence.chapters import (
    PlotLine,
    ShowChapter,
    TalksChapter,
    WaterfallRow,
    slowest,
    stages_seen,
)
from duologue.evidence.findings import UNFELT, conversations
from duologue.evidence.percentiles import Percentiles
from duologue.evidence.report import EvidenceReport
from duologue.evidence.spent import EngineUse, in_words
from duologue.evidence.stalls import Stall
from duologue.evidence.waits import TurnWait
from duologue.evidence.words import capital, clock, figure, named, short, sources, when
from duologue.plurals import counted

MOST_INCIDENTS = 40


def as_markdown(report: EvidenceReport) -> Iterator[str]:
    """Its lines."""
    yield f"# Duologue report: {sources(report.sources)}"
    yield ""
    yield " ".join(report.verdict)
    if report.worst:
        yield ""
        yield "To mend first:" if any(each.felt for each in report.worst) else UNFELT
        yield from (f"{number}. {each.what} {each.remedy}" for number, each in enumerate(report.worst, 1))
    if report.compared is not None:
        yield from ("", "## What changed", "", f"Since {report.compared.old}:", "")
        yield from (*as_lines(report.compared.changes), *gone_words(report.compared.gone))
    for show in report.shows:
        yield from _show(show, report.zone)
    if report.talks is not None:
        yield from _talks(report.talks, report.zone, alone=not report.shows)
    if report.budgets:
        yield ""
        yield "## Budgets"
        yield from _table(
            ("what", "budget ms", "times", "over it", "95 %", "most"),
            (
                (each.name, f"{each.limit_ms:g}", each.count, each.over, f"{each.p95_ms:g}", f"{each.most_ms:g}")
                for each in report.budgets
            ),
        )
    yield ""
    yield "## What these records cannot tell"
    yield from (f"- {each}" for each in report.cannot_tell)


def _show(show: ShowChapter, zone: tzinfo) -> Iterator[str]:
    yield ""
    yield f"## {capital(named(show.of))}{': ' + show.title if show.title else ''}"
    yield (
        f"{when(show.wall_ns, show.seconds, zone)}, {counted(show.frames, 'frame')}: {show.late:,} late,"
        f" {show.left_out:,} left out, {show.over_budget:,} over budget."
    )
    if len(show.topics) > 1:
        yield f"After that it was about: {'; '.join(show.topics[1:])}."
    if show.cost is not None:
        rows = [("all", show.cost, show.over_budget), *((name, *each) for name, each in show.kinds.items())]
        yield from _table(
            ("frame time, ms", "frames", "p50", "p95", "p99", "most", "over budget"),
            ((name, *_ranks(each), over) for name, each, over in rows),
        )
    seen = [each for each in show.incidents if each.kind != "over budget"]
    if seen:
        yield from _table(
            ("at", "what", "frames", "worst ms", "cause", "why", "what else happened then"),
            (
                (clock((each.at - show.began) / SECOND), each.kind, each.count, f"{each.worst_ms:.0f}",
                 str(each.attribution.cause), each.attribution.why, "; ".join(each.meanwhile))
                for each in seen[:MOST_INCIDENTS]
            ),
        )  # fmt: skip
        if len(seen) > MOST_INCIDENTS:
            yield f"and {len(seen) - MOST_INCIDENTS:,} more, in --json"
    yield from _silences(show)
    yield from _rows(show.rows, "made ahead, ms")
    yield from _waits(show.waits)
    yield from _stalls(show.stalls, show.began)
    yield from _voices(show.voices)
    yield from _machine(show.machine, show.memory)
    yield from _used(show.used)
    yield from _trouble(show.notes)


def _talks(talks: TalksChapter, zone: tzinfo, *, alone: bool) -> Iterator[str]:
    """``alone``: no show's chapter has the machine already."""
    yield ""
    yield "## Talks and calls"
    yield conversations(talks, zone)
    if talks.answers is not None:
        yield from _table(
            ("silence before an answer, ms", "answers", "p50", "p95", "p99", "most"),
            (
                ("all of it", *_ranks(talks.answers)),
                *((name.replace("_", " "), *_ranks(each)) for name, each in talks.stages.items()),
            ),
        )
    yield from _rows(talks.rows, "answers, ms")
    yield from _waits(talks.slowest)
    yield from _way(talks)
    yield from _stalls(talks.stalls, talks.began)
    told = {name: many for name, many in talks.counts.items() if many}
    if told:
        yield ""
        yield "Counted: " + ", ".join(f"{name} {many:,}" for name, many in told.items()) + "."
    if talks.too_early:
        yield f"Taken to be over too early, and the answer taken back: {talks.too_early:,}."
    yield from _voices(talks.voices)
    if alone:
        yield from _machine(talks.machine, talks.memory)
    yield from _used(talks.used)
    yield from _trouble(talks.notes)


def _silences(show: ShowChapter) -> Iterator[str]:
    if show.gaps:
        yield from _table(
            ("silence between turns, ms", "turns", "p50", "p95", "p99", "most"),
            ((name, *_ranks(each)) for name, each in show.silences.items()),
        )


def _rows(rows: Sequence[WaterfallRow], title: str) -> Iterator[str]:
    """The slowest, in their order, stage by stage."""
    shown = slowest(rows)
    stages = stages_seen(shown)
    if not shown:
        return
    yield from _table(
        ("at", title, *(name.replace("_", " ") for name in stages), "all"),
        (
            (clock(row.at), short(row.label), *map(row.shown, stages), f"{row.total_ms:.0f}")
            for row in shown
        ),
    )  # fmt: skip
    if len(rows) > len(shown):
        yield f"The slowest {len(shown)} of {len(rows):,}; --json has all."


def _way(talks: TalksChapter) -> Iterator[str]:
    if talks.way:
        yield from _table(
            ("the way", "times", "p50", "p95", "p99", "most"),
            ((f"{name}, {unit}", *_ranks(each)) for name, unit, each in talks.way),
        )


def _machine(machine: Sequence[PlotLine], memory: Sequence[PlotLine]) -> Iterator[str]:
    """What is drawn, in three figures each: of each stretch of time the most."""
    if machine:
        yield from _table(
            ("the machine", "p50", "p95", "most"),
            (
                (f"{what}{line.name}, {line.unit}", f"{each.p50:g}", f"{each.p95:g}", f"{each.most:g}")
                for what, lines in (("CPU of ", machine), ("memory of ", memory))
                for line in lines
                if (each := Percentiles.of(value for _, value in line.points)) is not None
            ),
        )


def _used(used: dict[str, EngineUse]) -> Iterator[str]:
    if used:
        yield from ("", in_words(used), "")


def _stalls(stalls: Sequence[Stall], began: int) -> Iterator[str]:
    if stalls:
        yield from _table(
            ("at", "what stood still or got lost", "of", "how much", "cause", "why"),
            (
                (clock((each.at - began) / SECOND), each.what, each.of, f"{figure(each.size)} {each.unit}",
                 str(each.attribution.cause), each.attribution.why)
                for each in stalls[:MOST_INCIDENTS]
            ),
        )  # fmt: skip
        if len(stalls) > MOST_INCIDENTS:
            yield f"and {len(stalls) - MOST_INCIDENTS:,} more, in --json"


def _waits(waits: Sequence[TurnWait]) -> Iterator[str]:
    if waits:
        yield from _table(
            ("at", "the slowest", "waited ms", "stage", "of it ms", "beyond the usual", "whose", "why"),
            (
                (clock(wait.at), short(wait.label), f"{wait.ms:.0f}",
                 wait.stage.replace("_", " "), f"{wait.stage_ms:.0f}",
                 f"{wait.beyond_ms:.0f}", wait.whose, wait.why)
                for wait in waits[:10]
            ),
        )  # fmt: skip


def _trouble(notes: Sequence[str]) -> Iterator[str]:
    if notes:
        yield ""
        yield "What failed:"
        yield from (f"- {note}" for note in notes)


def _voices(voices: dict[str, Percentiles]) -> Iterator[str]:
    if voices:
        yield from _table(
            ("voice, characters a second", "turns", "p50", "p95", "p99", "most"),
            ((name, *_ranks(each)) for name, each in voices.items()),
        )


def _ranks(each: Percentiles) -> tuple[object, ...]:
    return (each.count, f"{each.p50:g}", f"{each.p95:g}", f"{each.p99:g}", f"{each.most:g}")


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield ""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in row) + " |"
