"""What a bench has measured: its series, held against budgets and against an earlier one, and as a file. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from duologue.errors import InputError
from duologue.evidence.budgets import BUDGET_WORDS, Budgets, measured
from duologue.evidence.changes import MeasuredChange
from duologue.evidence.comparison import FRAME_BLOCK, PairedSeries, change, rank
from duologue.evidence.percentiles import Percentiles
from duologue.strict_json import members
from duologue.telemetry.ledger import FrameRecord, TurnRecord

VERSION = 1
"""Of the file."""
KEPT = 0.95
"""A budget is kept when so large a share of the values keeps within it: one late frame is no fault of a release."""
OF_CALLS = frozenset({"t1_t2", "t2_t3"})
"""Budgets of packets, which a bench sends none of."""
OF_FRAMES = frozenset({"frame", "compose", "encode"})
OF_SHOWS = OF_FRAMES | {"gap_wait"}
_ALL = Budgets(**{each.name: 1.0 for each in fields(Budgets)})


@dataclass(frozen=True, slots=True)
class BenchResult:
    """``series`` are values in ms by the name of the budget that they are of (``answer``, ``frame``, …); ``asked`` and
    ``answered`` count the questions of its talk; ``frames_a_second`` is the film's rate, 0 without one. ``about`` says
    what it was measured with.
    """

    about: Mapping[str, str]
    series: Mapping[str, tuple[float, ...]]
    asked: int = 0
    answered: int = 0
    frames_a_second: int = 0


@dataclass(frozen=True, slots=True)
class GateLine:
    """How a budget was kept: ``over`` of the values exceeded ``limit_ms``. ``spread`` None: nothing was measured."""

    name: str
    limit_ms: float
    spread: Percentiles | None
    over: int
    holds: bool


def series_of(turns: Iterable[TurnRecord], frames: Iterable[FrameRecord]) -> dict[str, tuple[float, ...]]:
    """The values of all that budgets are of."""
    found: dict[str, list[float]] = {}
    for record in (*turns, *frames):
        for name, took, _ in measured(record, _ALL):
            found.setdefault(name, []).append(round(took, 3))
    return {name: tuple(values) for name, values in found.items()}


def held(result: BenchResult, budgets: Budgets) -> list[GateLine]:
    """Each budget that applies to what was measured. One of something that should have been measured and was not is
    broken: a talk that nobody answered is not quick.
    """
    lines: list[GateLine] = []
    for name in BUDGET_WORDS:
        limit = getattr(budgets, f"{name}_ms")
        if name == "frame" and limit is None and result.frames_a_second:
            limit = 1000 / result.frames_a_second
        wanted = result.frames_a_second if name in OF_SHOWS else result.asked
        if limit is None or name in OF_CALLS or not wanted:
            continue
        values = result.series.get(name, ())
        if name == "gap_wait" and not values:
            continue  # a film has no silences of its own to keep
        over = sum(value > limit for value in values)
        holds = bool(values) and over <= (1 - KEPT) * len(values)
        lines.append(GateLine(name, limit, Percentiles.of(values), over, holds))
    return lines


def changes(after: BenchResult, before: BenchResult, seed: int = 0) -> list[MeasuredChange]:
    """What both measured, by the bootstrap of a report."""
    chance = np.random.default_rng(seed)
    found: list[MeasuredChange] = []
    for name, words in BUDGET_WORDS.items():
        one, other = (np.asarray(each.series.get(name, ()), np.float64) for each in (before, after))
        if one.size and other.size:
            series = PairedSeries(words, "ms", one, other, FRAME_BLOCK if name in OF_FRAMES else 1)
            found += [
                change(series, f"{words}, {title}", rank(share), chance)
                for title, share in (("middle", 0.5), ("95 %", 0.95))
            ]
    return found


def as_table(lines: Sequence[GateLine], result: BenchResult) -> Iterator[str]:
    """For a terminal."""
    yield f"{'ms':<20}{'budget':>9}{'p50':>9}{'p95':>9}{'most':>9}{'over':>12}"
    for line in lines:
        if line.spread is None:
            nothing = f"{'–':>9}" * 3
            yield f"{BUDGET_WORDS[line.name]:<20}{line.limit_ms:9.1f}{nothing}{'none':>12}  BROKEN"
            continue
        spread = line.spread
        over = f"{line.over} of {spread.count}"
        yield (
            f"{BUDGET_WORDS[line.name]:<20}{line.limit_ms:9.1f}{spread.p50:9.1f}{spread.p95:9.1f}{spread.most:9.1f}"
            f"{over:>12}  {'kept' if line.holds else 'BROKEN'}"
        )
    if result.asked:
        yield f"{result.answered} of {result.asked} questions were answered"


def broken(lines: Sequence[GateLine], result: BenchResult) -> bool:
    """Something exceeds its budget, or a question had no answer."""
    return result.answered < result.asked or not all(line.holds for line in lines)


def as_json(result: BenchResult) -> str:
    """As a file, for a later one to be held against."""
    return json.dumps({"duologue_bench": VERSION, **asdict(result)}, indent=1, ensure_ascii=False)


def read_result(text: str, where: str) -> BenchResult:
    """What :func:`as_json` wrote. Raises :class:`InputError`."""
    remedy = "Give what duologue bench -o wrote."
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InputError("this is no JSON", where=where, remedy=remedy) from error
    table = members(found)
    if table.pop("duologue_bench", None) != VERSION:
        raise InputError("this is no result of a bench, or of another version's", where=where, remedy=remedy)
    try:
        series = {str(name): tuple(float(value) for value in values) for name, values in table["series"].items()}
        return BenchResult(
            {str(name): str(value) for name, value in table["about"].items()}, series,
            int(table["asked"]), int(table["answered"]), int(table["frames_a_second"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"this result lacks something: {error}", where=where, remedy=remedy) from error
