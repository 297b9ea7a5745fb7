"""A report as one HTML file: no script, nothing from the network; for a keyboard, for paper, by day and by night."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from html import escape

from duologue.clock import SECOND
from duologue.evidence import svg
from duologue.evidence.causes import Culprit
from duologue.evidence.changes import COLUMNS, as_rows, gone_words
from duologue.evidence.chapters import (
    OF_ALL_CORES,
    SEEN_MS,
    PlotLine,
    ShowChapter,
    TalksChapter,
    WaterfallRow,
    slowest,
    stages_seen,
)
from duologue.evidence.findings import UNFELT, conversations
from duologue.evidence.incidents import Incident, by_cause
from duologue.evidence.markup import ENDED, begun, legend, listed, plot, table, tiles
from duologue.evidence.percentiles import Percentiles
from duologue.evidence.report import EvidenceReport
from duologue.evidence.spent import EngineUse, cost_in_words
from duologue.evidence.stalls import Stall
from duologue.evidence.waits import STAGE_WORDS, TurnWait
from duologue.evidence.words import capital, clock, figure, named, short, sources, when
from duologue.plurals import counted

MOST_INCIDENTS = 200
_AHEAD = (
    "From when a line was asked for until all of its sound was there. Lines are made ahead: nobody waits for these."
)
_KINDS = {"late": "ready late", "left out": "left out", "over budget": "over budget, in time"}


def as_page(report: EvidenceReport) -> Iterator[str]:
    """Pieces of the file, in order."""
    yield begun(f"Duologue report: {sources(report.sources)}")
    yield from _head(report)
    yield '<main id="main">'
    yield from _mend(report)
    yield from _changes(report)
    for number, show in enumerate(report.shows):
        yield from _show(show, f"show{number}", report.zone)
    if report.talks is not None:
        yield from _talks(report.talks, report.zone, alone=not report.shows)
    yield from _budgets(report)
    yield from _limits(report)
    yield "</main>" + _foot() + ENDED


def _head(report: EvidenceReport) -> Iterator[str]:
    first, *more = report.verdict
    yield f'<header><h1>Duologue report · {escape(sources(report.sources))}</h1><p class="verdict">{escape(first)}</p>'
    yield from (f'<p class="verdict more">{escape(each)}</p>' for each in more)
    links = [("mend", "What to mend")]
    links += [("changes", "What changed")] if report.compared is not None else []
    links += [
        (f"show{number}", capital(named(show.of).removeprefix("the "))) for number, show in enumerate(report.shows)
    ]
    links += [("talks", "Talks and calls")] if report.talks is not None else []
    links += [("budgets", "Budgets")] if report.budgets else []
    links += [("limits", "What it cannot tell")]
    yield '<nav aria-label="Sections">' + "".join(f'<a href="#{at}">{escape(what)}</a>' for at, what in links)
    yield "</nav></header>"


def _mend(report: EvidenceReport) -> Iterator[str]:
    yield '<h2 id="mend">What to mend first</h2>'
    if not report.worst:
        yield '<p class="note">Nothing in these records asks for it.</p>'
        return
    if not any(each.felt for each in report.worst):
        yield f'<p class="note">{escape(UNFELT)}</p>'
    yield '<ol class="mend">'
    yield from (f"<li><b>{escape(each.what)}</b><span>{escape(each.remedy)}</span></li>" for each in report.worst)
    yield "</ol>"


def _changes(report: EvidenceReport) -> Iterator[str]:
    if report.compared is None:
        return
    yield '<h2 id="changes">What changed</h2>'
    yield from (f'<p class="note bad-text">{escape(each)}</p>' for each in gone_words(report.compared.gone))
    yield table(
        f"Since {report.compared.old}: a difference is told where its whole interval lies on one side of zero.",
        COLUMNS,
        as_rows(report.compared.changes),
    )


# A show


def _show(show: ShowChapter, at: str, zone: tzinfo) -> Iterator[str]:
    yield f'<h2 id="{at}">{escape(capital(named(show.of)))}{": " + escape(show.title) if show.title else ""}</h2>'
    yield f'<p class="meta">{escape(when(show.wall_ns, show.seconds, zone))}, {show.fps:g} frames a second.</p>'
    if len(show.topics) > 1:
        yield f'<p class="note">After that it was about: {escape("; ".join(show.topics[1:]))}.</p>'
    bad = show.late + show.left_out
    shown = [
        ("frames", f"{show.frames:,}", ""),
        ("ready late", f"{show.late:,}", "bad" if show.late else "good"),
        ("left out", f"{show.left_out:,}", "bad" if show.left_out else "good"),
        (
            "in time, but over budget",
            f"{sum(each.kind == 'over budget' for each in show.incidents) + show.unexamined:,}",
            "",
        ),
    ]
    if show.cost is not None:
        shown.append(("ms a frame, middle / 99 %", f"{show.cost.p50:.1f} / {show.cost.p99:.1f}", ""))
    if show.gaps:
        wait = max(gap.waited_ms for gap in show.gaps)
        shown.append(("longest wait for an engine", f"{wait:.0f}<small> ms</small>", "bad" if wait > 50 else "good"))
    if show.steal is not None:
        shown.append(
            (
                "stolen CPU, 95 of 100 s below",
                f"{show.steal.p95:.1f}<small> %</small>",
                "bad" if show.steal.p95 > 5 else "",
            )
        )
    yield tiles(shown)
    yield from _frame_time(show)
    yield from _incidents(show, bad)
    yield from _silences(show)
    yield from _engine_times(show.rows, show.waits, "Engine times of each turn", _AHEAD)
    yield from _voices(show.voices)
    yield from _stalls(show.stalls, show.began)
    yield from _machine(show.machine, show.memory)
    yield from _used(show.used)
    yield from _trouble(show.notes)


def _frame_time(show: ShowChapter) -> Iterator[str]:
    if show.cost is None or show.bars is None:
        return
    yield "<h3>Frame time against its budget</h3>"
    hidden = f" A frame is begun {show.lead_ms:.0f} ms ahead, so what is dearer than the budget is seen only when" if (
        show.lead_ms
    ) else " What is dearer than the budget is seen only when"  # fmt: skip
    yield f'<p class="note">What drawing and encoding took.{hidden} that lead is used up. Heights are logarithmic.</p>'
    yield plot(svg.histogram("How many frames took how long", show.bars, limit=show.budget_ms))
    rows = [("all", show.cost, show.over_budget), *((name, each, over) for name, (each, over) in show.kinds.items())]
    yield table(
        "By what was in the frame; a frame may count in several rows.",
        ("what", "frames", "middle", "95 %", "99 %", "most", "over budget"),
        (
            (name, f"{each.count:,}", *(f"{ms:.1f}" for ms in (each.p50, each.p95, each.p99, each.most)), f"{over:,}")
            for name, each, over in rows
        ),
    )
    yield '<p class="cap">The slowest and the median frame of each moment; red lines: late or missing frames.</p>'
    most, middle, lead = show.timeline
    marks = [(each.at - show.began) / SECOND for each in show.incidents if each.kind != "over budget"]
    yield plot(
        svg.lines("The slowest and the middle frame over time", [most, middle], limit=show.budget_ms, marks=marks)
    )
    yield legend([most.name + " frame", middle.name + " frame"])
    if any(value < 0 for _, value in lead.points):
        late = PlotLine("lateness", "ms", [(at, max(0.0, -value)) for at, value in lead.points])
        yield plot(svg.lines("How late frames were", [late], marks=marks))
        yield legend(["the latest frame after its due time"])


def _incidents(show: ShowChapter, bad: int) -> Iterator[str]:
    seen = [each for each in show.incidents if each.kind != "over budget"]
    dear = sorted((each for each in show.incidents if each.kind == "over budget"), key=lambda each: -each.worst_ms)
    yield "<h3>Late and missing frames, and why</h3>"
    if not bad:
        yield '<p class="note">None: every frame was ready when it was due, and none was left out.</p>'
    for kind, what in (("late", "ready late"), ("left out", "left out"), ("over budget", "over budget but in time")):
        causes = by_cause(show.incidents, kind)
        if causes:
            told = ", ".join(f"{escape(cause)} {many:,}" for cause, many in causes.most_common())
            yield f'<p class="note">Frames {what}, by cause: {told}.</p>'
    if seen:
        yield _incident_table("Each time that viewers may have noticed.", seen, show)
    if show.half_rate:
        held = counted(show.half_rate, "frame was", "frames were")
        yield f'<p class="note">{held} held twice as long, at half the rate, by choice.</p>'
    if dear:
        several = f"{len(dear):,} frames over their budget that nobody saw, the slowest first"
        what = several if len(dear) > 1 else "One frame over its budget that nobody saw"
        yield f"<details><summary>{what}</summary>"
        yield _incident_table("Hidden by the lead.", dear, show) + "</details>"


def _incident_table(caption: str, incidents: Sequence[Incident], show: ShowChapter) -> str:
    rows: list[tuple[str, ...]] = []
    for each in incidents[:MOST_INCIDENTS]:
        found = each.attribution
        frames = f"{each.first:,}" if each.first == each.last else f"{each.first:,} to {each.last:,}"
        also = ""
        if each.meanwhile or len(each.frames) > 1:
            listed = "".join(f"<li>{escape(words)}</li>" for words in each.meanwhile)
            if len(each.frames) > 1:
                some = ", ".join(f"{number:,} by {ms:.0f} ms" for number, ms in each.frames[:30])
                listed += f"<li>late: {some}{' …' if len(each.frames) > 30 else ''}</li>"
            also = f"<details><summary>what else happened then</summary><ul>{listed}</ul></details>"
        sure = f" ({100 * found.share:.0f} % of {found.lost_ms:.0f} ms)" if found.cause is not Culprit.UNKNOWN else ""
        rows.append((
            clock((each.at - show.began) / SECOND), _KINDS[each.kind], f"{each.count:,}", frames,
            f"{each.worst_ms:.0f} ms", escape(str(found.cause)), escape(found.why) + sure + also,
        ))  # fmt: skip
    more = (
        f" The first {MOST_INCIDENTS} of {len(incidents):,}; the JSON has all."
        if len(incidents) > MOST_INCIDENTS
        else ""
    )
    head = ("at", "what", "frames", "numbers", "worst", "cause", "why")
    return table(caption + more, head, rows, raw=True)


def _silences(show: ShowChapter) -> Iterator[str]:
    if not show.gaps:
        return
    yield "<h3>Silence between turns</h3>"
    yield '<p class="note">What was chosen, and what an engine added to it because a line was not ready.</p>'
    chosen = PlotLine("chosen", "ms", [(gap.at, float(gap.chosen_ms)) for gap in show.gaps])
    there = PlotLine("there was", "ms", [(gap.at, gap.ms) for gap in show.gaps])
    if len(show.gaps) > 1:
        yield plot(svg.lines("Silence before each turn", [chosen, there], backdrop=True))
        yield legend(["chosen", "there was"])
    yield table(
        "",
        ("", "turns", "middle", "95 %", "most"),
        (
            (name, f"{each.count:,}", f"{each.p50:.0f} ms", f"{each.p95:.0f} ms", f"{each.most:.0f} ms")
            for name, each in show.silences.items()
        ),
    )


# Talks and calls


def _talks(talks: TalksChapter, zone: tzinfo, *, alone: bool) -> Iterator[str]:
    """``alone``: no show's chapter has the machine already."""
    yield '<h2 id="talks">Talks and calls</h2>'
    yield f'<p class="meta">{escape(conversations(talks, zone))}</p>'
    shown = [("answers", f"{talks.answers.count if talks.answers else 0:,}", "")]
    if talks.answers is not None:
        shown.append(("silence before an answer: half within", f"{talks.answers.p50 / 1000:.2f}<small> s</small>", ""))
        shown.append(("95 of 100 within", f"{talks.answers.p95 / 1000:.2f}<small> s</small>", ""))
        shown.append(
            ("slowest", f"{talks.answers.most / 1000:.2f}<small> s</small>", "bad" if talks.answers.most > 2000 else "")
        )
    shown.append(("interruptions", f"{talks.counts['interruptions']:,}", ""))
    shown.append(("answers taken back: the person went on", f"{talks.too_early:,}", "" if talks.too_early else "good"))
    yield tiles(shown)
    if talks.stages:
        yield "<h3>Stages of the silence before an answer</h3>"
        yield table(
            "They follow each other and add up to the silence. In ms.",
            ("stage", "answers", "middle", "95 %", "99 %", "most"),
            (
                (f"{name.replace('_', ' ')}: {STAGE_WORDS[name]}", f"{each.count:,}",
                 *(f"{ms:.0f}" for ms in (each.p50, each.p95, each.p99, each.most)))
                for name, each in talks.stages.items() if each.most >= SEEN_MS
            ),
        )  # fmt: skip
    yield from _engine_times(talks.rows, talks.slowest, "Waterfall of the answers")
    yield from _happened(talks)
    yield from _way(talks)
    yield from _stalls(talks.stalls, talks.began)
    yield from _voices(talks.voices)
    if alone:
        yield from _machine(talks.machine, talks.memory)
    yield from _used(talks.used)
    yield from _trouble(talks.notes)


def _engine_times(rows: Sequence[WaterfallRow], waits: Sequence[TurnWait], title: str, note: str = "") -> Iterator[str]:
    if not rows:
        return
    shown = slowest(rows)
    stages = stages_seen(shown)
    yield f"<h3>{escape(title)}</h3>"
    if note:
        yield f'<p class="note">{escape(note)}</p>'
    if len(rows) > len(shown):
        yield f'<p class="note">The slowest {len(shown)} of {len(rows):,}, in their order.</p>'
    yield legend(name.replace("_", " ") for name in stages)
    yield plot(svg.waterfall(title, shown, stages))
    yield "<details><summary>The same as a table, with what is known of each</summary>"
    yield table(
        "ms",
        ("at", "who, and what about", *(name.replace("_", " ") for name in stages), "all", "notes"),
        (
            (clock(row.at), short(row.label, 120),
             *map(row.shown, stages), f"{row.total_ms:.0f}",
             "; ".join(row.notes))
            for row in shown
        ),
    ) + "</details>"  # fmt: skip
    if waits:
        yield "<h3>Where the slowest lost their time</h3>"
        yield table(
            "The slowest ten.",
            ("at", "who", "waited", "stage", "of it", "beyond the usual", "whose", "why"),
            (
                (clock(wait.at), short(wait.label), f"{wait.ms:.0f} ms",
                 wait.stage.replace("_", " "),
                 f"{wait.stage_ms:.0f} ms", f"{wait.beyond_ms:.0f} ms", wait.whose,
                 wait.why)
                for wait in waits[:10]
            ),
        )  # fmt: skip


def _happened(talks: TalksChapter) -> Iterator[str]:
    told = {name: many for name, many in talks.counts.items() if many}
    if told:
        yield "<h3>What happened in them</h3>"
        yield table("", ("", "times"), ((name, f"{many:,}") for name, many in told.items()))
    if talks.saved_ms or talks.wasted_ms:
        yield (
            f'<p class="note">Thinking ahead saved {talks.saved_ms / 1000:.1f} s of silence;'
            f" {talks.wasted_ms / 1000:.1f} s were thought in vain.</p>"
        )
    if talks.decisions:
        told_of = ", ".join(f"{escape(rule or 'other')} {many:,}" for rule, many in talks.decisions.most_common(12))
        yield f'<p class="note">By what rule a turn was taken to be over: {told_of}.</p>'


def _way(talks: TalksChapter) -> Iterator[str]:
    rows = [
        (name, f"{each.count:,}", *(f"{value:.2f} {unit}" for value in (each.p50, each.p95, each.most)))
        for name, unit, each in talks.way
    ]
    if rows:
        yield "<h3>The way</h3>"
        yield table("As measured every few seconds.", ("", "times", "middle", "95 %", "most"), rows)


# Both


def _stalls(stalls: Sequence[Stall], began: int) -> Iterator[str]:
    if not stalls:
        return
    yield "<h3>What else stood still, or got lost</h3>"
    many = f"The first {MOST_INCIDENTS} of {len(stalls):,}; the JSON has all." if len(stalls) > MOST_INCIDENTS else ""
    yield table(
        many,
        ("at", "what", "of", "how much", "cause", "why"),
        (
            (clock((each.at - began) / SECOND), each.what, each.of, f"{figure(each.size)} {each.unit}",
             str(each.attribution.cause), each.attribution.why)
            for each in stalls[:MOST_INCIDENTS]
        ),
    )  # fmt: skip


def _voices(voices: dict[str, Percentiles]) -> Iterator[str]:
    if voices:
        yield "<h3>How fast voices speak</h3>"
        yield table(
            "Characters of text a second, of turns that were heard to their end.",
            ("voice", "turns", "middle", "95 %", "most"),
            ((name, f"{s.count:,}", f"{s.p50:.1f}", f"{s.p95:.1f}", f"{s.most:.1f}") for name, s in voices.items()),
        )


def _machine(machine: Sequence[PlotLine], memory: Sequence[PlotLine]) -> Iterator[str]:
    if not machine:
        return
    yield "<h3>The machine</h3>"
    of_all = [line for line in machine if line.name.endswith(OF_ALL_CORES)]
    for title, some in (
        ("CPU of each process, percent of a core", [line for line in machine if line not in of_all]),
        ("All cores, percent: what any program used, what programs of others used, and what the host took", of_all),
    ):
        yield f'<p class="cap">{title}</p>'
        yield plot(svg.lines(title, some, measured=True))
        yield legend(f"{line.name} (at most {max(value for _, value in line.points):.0f} %)" for line in some)
    yield '<p class="cap">Memory of each process</p>'
    yield plot(svg.lines("Memory of each process, MB", memory, measured=True))
    yield legend(f"{line.name} (at most {max(value for _, value in line.points):.0f} MB)" for line in memory)


def _used(used: dict[str, EngineUse]) -> Iterator[str]:
    if used:
        yield "<h3>What engines were asked for</h3>"
        yield table(
            cost_in_words(used),
            ("engine", "requests", "what"),
            ((engine, f"{use.requests:,}", use.asked) for engine, use in used.items()),
        )


def _trouble(notes: Sequence[str]) -> Iterator[str]:
    if notes:
        yield "<h3>What failed</h3>" + listed(notes[:50])


def _budgets(report: EvidenceReport) -> Iterator[str]:
    if not report.budgets:
        return
    yield '<h2 id="budgets">Budgets</h2>'
    yield table(
        "duologue report --budgets FILE sets others.",
        ("what", "budget", "times", "over it", "95 %", "most"),
        (
            (escape(each.name), f"{each.limit_ms:g} ms", f"{each.count:,}",
             f'<span class="bad-text">{each.over:,}</span>' if each.over else "0", _ms(each.p95_ms),
             _ms(each.most_ms))
            for each in report.budgets
        ), raw=True,
    )  # fmt: skip


def _limits(report: EvidenceReport) -> Iterator[str]:
    yield '<h2 id="limits">What these records cannot tell</h2>' + listed(report.cannot_tell)


def _foot() -> str:
    return (
        "<footer>Percentiles are by nearest rank: each is a value that was seen. <em>Late</em> is after the due time;"
        " <em>over budget</em> is dearer than the frame's period. A cause is named where it explains half of the time"
        " that was lost, else it is unknown. A run's id begins with the moment at which it began, in UTC. Made by"
        " duologue report from the records alone.</footer>"
    )


def _ms(value: float) -> str:
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.1f} ms"
