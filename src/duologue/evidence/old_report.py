"""What a log of an earlier system amounts to, in words and as JSON: a verdict, the figures, and what it cannot tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from duologue.evidence.old_logs import OldLog
from duologue.evidence.series import DIGITS, Series

MOST_ROWS = 60
"""Series that the table shows; the JSON has all."""
SURE = 0.9
"""From this share of lines on a log is said to have a clock."""


def as_dict(log: OldLog) -> dict[str, Any]:
    """All of it. Times in ms, memory in MB, shares in %."""
    log.settle()
    return {
        "file": log.where,
        "lines": log.lines,
        "understood": log.understood,
        "broken_encoding": log.broken,
        "by_grammar": dict(log.grammars),
        "unknown_tags": dict(log.unknown.most_common()),
        "frames": _frames(log),
        "counts": dict(log.counts),
        "series": {name: series.summary() for name, series in log.series.items()},
        "replies_ms": log.replies,
        "clock": {
            "lines": log.clock.count,
            "seconds": round(log.clock.furthest - log.clock.first, 3),
            "longest_pause_s": round(log.clock.longest, 3),
            "went_back": log.clock.back,
        },
        "verdict": list(verdict(log)),
        "worst": list(worst(log)),
        "cannot_tell": list(cannot_tell(log)),
    }


def _frames(log: OldLog) -> dict[str, Any]:
    runs = log.frames
    return {
        "runs": len(runs),
        "frames": sum(run.last - run.first + 1 for run in runs),
        "lines": sum(run.seen for run in runs),
        "with_miss": sum(run.with_miss for run in runs),
        "left_out": sum((step - 1) * many for run in runs if run.every == 1 for step, many in run.steps.items()),
    }


def verdict(log: OldLog) -> Iterator[str]:
    """At most three sentences."""
    frames, misses = _frames(log), log.counts["compositor misses"]
    late = {name: series for name, series in log.series.items() if series.budget is not None and series.over}
    if frames["frames"]:
        share = (
            f", {100 * frames['with_miss'] / frames['frames']:.1f} % of them with a picture that had to be made anew"
        )
        many = f"{frames['frames']:,} frames" if frames["frames"] > 1 else "One frame"
        yield f"{many}{share if misses else ''}."
    if log.counts["answers"]:
        many = log.counts["answers"]
        yield f"{many:,} answers in calls." if many > 1 else "One answer in calls."
    elif log.replies:
        slowest = max(log.replies)
        yield f"{len(log.replies):,} replies; the slowest was done after {slowest / 1000:.1f} s."
    if late:
        many = sum(series.over for series in late.values())
        times = f"{many:,} times" if many > 1 else "Once"
        ways = f", in {len(late)} ways" if len(late) > 1 else ""
        yield f"{times} something took longer than its budget{ways}."
    elif log.series:
        yield "Nothing that has a budget exceeded it."
    else:
        yield "No figure is in it."


def worst(log: OldLog) -> Iterator[str]:
    """The two things that are most worth mending: those whose budgets were exceeded by most in all."""
    late = sorted(
        ((series.lost, name, series) for name, series in log.series.items() if series.lost > 0),
        key=lambda each: (-round(each[0], DIGITS), each[1]),
    )  # fmt: skip
    for lost, name, series in late[:2]:
        found = series.summary()
        yield (
            f"{name}: {found['over_budget']:,} of {found['count']:,} over {series.budget:g} ms (p50 {found['p50']:g},"
            f" most {found['most']:g} ms), {lost / 1000:.1f} s beyond it in all."
        )


def cannot_tell(log: OldLog) -> Iterator[str]:
    """What is not in the lines, so that nobody reads it into the figures."""
    if log.clock.count < SURE * log.lines:
        part = (
            f"only {log.clock.count:,} of {log.lines:,} lines have a time" if log.clock.count else "no line has a time"
        )
        yield f"How long lay between two lines: {part}, so there are frame numbers and order alone."
    if log.clock.back:
        yield f"What came first where the clock went back ({log.clock.back:,} times)."
    sampled = sorted({run.every for run in log.frames if run.every > 1})
    if sampled:
        yield f"What happened in the frames between: a line was written every {', '.join(map(str, sampled))} frames."
    if log.counts["compositor misses"] and not log.frames:
        yield "Which share of the frames had a miss: no frame's number is in it."
    for name in ("t2 without t1", "t3 without t2", "t2 earlier than t1", "t3 earlier than t2"):
        if log.counts[name]:
            yield f"How long {log.counts[name]:,} answers took: {name}."
    if log.counts["answers"]:
        yield "What the caller waited for: the end of their speech is not among t1, t2 and t3."
    if log.broken:
        some = f"{log.broken:,} lines said exactly: their" if log.broken > 1 else "one line said exactly: its"
        yield f"What {some} encoding is broken; the figures were read."
    rest = log.lines - log.understood
    if rest:
        tags = ", ".join(f"[{tag}] {many:,}" for tag, many in _most(log.unknown, 5))
        many = f"{rest:,} lines mean" if rest > 1 else "one line means"
        yield f"What {many} that no grammar knows{f' ({tags})' if tags else ''}."


def as_markdown(log: OldLog) -> Iterator[str]:
    """Lines for a terminal or a file."""
    log.settle()
    yield f"# {log.where}"
    yield " ".join(verdict(log))
    mends = list(worst(log))
    if mends:
        yield ""
        yield "The worst:"
        yield from (f"{number}. {line}" for number, line in enumerate(mends, 1))
    frames = _frames(log)
    if frames["frames"]:
        yield ""
        yield (
            f"Frames: {frames['frames']:,} in {frames['runs']} run{'s' * (frames['runs'] != 1)},"
            f" {frames['with_miss']:,} with a miss, {frames['left_out']:,} numbers left out;"
            f" {log.counts['compositor misses']:,} misses in all."
        )
    if log.series:
        yield ""
        yield from _table(log.series)
    if log.counts:
        yield ""
        yield "Counted: " + ", ".join(f"{name} {many:,}" for name, many in _most(log.counts, 20)) + "."
    limits = list(cannot_tell(log))
    if limits:
        yield ""
        yield "It cannot tell:"
        yield from (f"- {line}" for line in limits)


def _most(counts: Counter[str], most: int) -> list[tuple[str, int]]:
    """The greatest, by name where two are alike."""
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:most]


def ordered(series: dict[str, Series]) -> list[tuple[str, Series]]:
    """Those with a budget first, then by how often they came."""
    return sorted(series.items(), key=lambda each: (each[1].budget is None, -len(each[1]), each[0]))


def _table(series: dict[str, Series]) -> Iterator[str]:
    shown = ordered(series)
    yield "| what | unit | count | p50 | p95 | p99 | most | budget | over it |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, one in shown[:MOST_ROWS]:
        found = one.summary()
        ranks = " | ".join(f"{found[rank]:g}" for rank in ("p50", "p95", "p99", "most"))
        limits = f"{one.budget:g} | {found['over_budget']:,}" if one.budget is not None else "– | –"
        yield f"| {name} | {one.unit} | {found['count']:,} | {ranks} | {limits} |"
    if len(shown) > MOST_ROWS:
        yield f"and {len(shown) - MOST_ROWS} more, in --json"
