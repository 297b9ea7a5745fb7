"""Logs of earlier systems as a page, as a report of ours is one: a verdict, what to mend, figures, what is unknown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from duologue.evidence import svg
from duologue.evidence.chapters import bars_of
from duologue.evidence.markup import ENDED, begun, listed, plot, table, tiles
from duologue.evidence.old_logs import OldLog
from duologue.evidence.old_report import MOST_ROWS, as_dict, ordered
from duologue.evidence.series import Series

MOST_PLOTS = 12
"""Of a log; its table has all."""
HEAD = ("what", "unit", "times", "middle", "95 %", "99 %", "most", "budget", "over it")


def as_page(logs: Sequence[OldLog]) -> Iterator[str]:
    """Pieces of the file, in order."""
    told = [as_dict(log) for log in logs]
    what = logs[0].where if len(logs) == 1 else f"{len(logs):,} logs"
    yield begun(f"Old logs: {what}") + f"<header><h1>Logs of an earlier system · {escape(what)}</h1>"
    if len(logs) == 1:
        yield from (_verdict(each, first=not place) for place, each in enumerate(told[0]["verdict"]))
    yield '<nav aria-label="Sections">' + "".join(
        f'<a href="#log{place}">{escape(log.where)}</a>' for place, log in enumerate(logs)
    ) + "</nav></header>"  # fmt: skip
    yield '<main id="main">'
    for place, (log, found) in enumerate(zip(logs, told, strict=True)):
        yield f'<h2 id="log{place}">{escape(log.where)}</h2>'
        if len(logs) > 1:
            yield f"<p>{escape(' '.join(found['verdict']))}</p>"
        yield from _log(log, found)
    yield (
        "</main><footer>Percentiles are by nearest rank: each is a value that was seen. Made by duologue analyze from"
        f" the lines alone.</footer>{ENDED}"
    )


def _verdict(words: str, *, first: bool) -> str:
    return f'<p class="verdict{"" if first else " more"}">{escape(words)}</p>'


def _log(log: OldLog, found: Mapping[str, Any]) -> Iterator[str]:
    yield "<h3>What to mend first</h3>"
    if worst := found["worst"]:
        yield '<ol class="mend">' + "".join(f"<li><b>{escape(each)}</b></li>" for each in worst) + "</ol>"
    else:
        yield '<p class="note">Nothing in it exceeded a budget.</p>'
    yield tiles(_tiles(log, found))
    if log.series:
        yield from _series(log.series)
    if log.counts:
        yield "<h3>What was counted</h3>"
        yield table("", ("what", "times"), ((name, f"{many:,}") for name, many in log.counts.most_common()))
    if limits := found["cannot_tell"]:
        yield "<h3>What it cannot tell</h3>" + listed(limits)


def _tiles(log: OldLog, found: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    yield "lines", f"{log.lines:,}", ""
    yield "of them understood", f"{log.understood:,}", ""
    frames = found["frames"]
    if frames["frames"]:
        yield "frames", f"{frames['frames']:,}", ""
        yield "with a miss", f"{frames['with_miss']:,}", "bad" if frames["with_miss"] else "good"
        yield "numbers left out", f"{frames['left_out']:,}", "bad" if frames["left_out"] else "good"
    if log.counts["answers"]:
        yield "answers in calls", f"{log.counts['answers']:,}", ""
    if log.replies:
        yield "replies", f"{len(log.replies):,}", ""
    over = sum(series.over for series in log.series.values())
    yield "times over a budget", f"{over:,}", "bad" if over else "good"


def _series(series: dict[str, Series]) -> Iterator[str]:
    """A table of all figures, and a picture of each that has a budget."""
    rows = ordered(series)
    yield "<h3>Figures</h3>"
    yield table(
        "By how often they came; those with a budget first.",
        HEAD,
        (_row(name, each) for name, each in rows[:MOST_ROWS]),
    )
    if len(rows) > MOST_ROWS:
        yield f'<p class="note">And {len(rows) - MOST_ROWS:,} more, in --json.</p>'
    for name, each in [pair for pair in rows if pair[1].budget is not None][:MOST_PLOTS]:
        if each.budget and (bars := bars_of(each.values, each.budget)) is not None:
            yield f'<p class="cap">{escape(name)}: how many took how long. Heights are logarithmic.</p>'
            yield plot(svg.histogram(f"{name}: how many took how long", bars, limit=each.budget, unit=each.unit))


def _row(name: str, series: Series) -> tuple[str, ...]:
    found = series.summary()
    ranks = (f"{found[rank]:g}" for rank in ("p50", "p95", "p99", "most"))
    limits = (f"{series.budget:g}", f"{found['over_budget']:,}") if series.budget is not None else ("", "")
    return (name, series.unit, f"{found['count']:,}", *ranks, *limits)
