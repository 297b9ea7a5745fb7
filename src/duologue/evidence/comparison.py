"""What changed between two reports beyond noise: differences with bootstrap intervals. Pure; a seed decides all.

What follows closely on each other (frames, seconds) is drawn in blocks, or the interval would be far too narrow. An
interval holds with 99 %, for a report compares a dozen things, and a dozen intervals of 95 % raise a false alarm every
other time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from duologue.errors import InputError
from duologue.evidence.changes import ChangeOutcome, MeasuredChange
from duologue.evidence.report import EvidenceReport
from duologue.evidence.summary import PartSummary
from duologue.telemetry.ledger import EndingOutcome, TurnRecord
from duologue.telemetry.turns import silence_ms

Values = NDArray[np.float64]
ROUNDS = 1000
LEAST = 8
"""Values on each side; of fewer nothing is said."""
SURE = 0.99
EFFECT = 0.02
"""A change of less than this share of what was is none that anybody would notice."""
FRAME_BLOCK = 30
"""Frames that are drawn together: a second."""
MOST_VALUES = 60_000
"""Of a series: of a longer one every so many-th block is taken."""


@dataclass(frozen=True, slots=True)
class PairedSeries:
    """Something that both sides measured. Less is better. ``block`` values are drawn together."""

    name: str
    unit: str
    before: Values
    after: Values
    block: int = 1


Statistic = Callable[[Values], float]
_Compared = tuple[PairedSeries, tuple[tuple[str, Statistic], ...]]
"""Values of both sides, and the figures of them by name."""


def rank(share: float) -> Statistic:
    """The value that so large a share does not exceed."""

    def statistic(values: Values) -> float:
        return float(np.quantile(values, share, method="inverted_cdf"))

    return statistic


def mean(values: Values) -> float:
    """Of all of them."""
    return float(values.mean())


def compare(after: EvidenceReport, before: EvidenceReport, seed: int = 0) -> list[MeasuredChange]:
    """All that both sides measured. Raises :class:`InputError` where that is nothing: then it is not known either that
    nothing changed.
    """
    chance = np.random.default_rng(seed)
    found: list[MeasuredChange] = []
    for series, statistics in _series(after, before):
        for name, statistic in statistics:
            found.append(change(series, f"{series.name}, {name}", statistic, chance))
    if not found:
        raise InputError(
            "the two have nothing in common that was measured", where="--against", remedy="Compare runs of one kind."
        )
    return found


def gone(after: EvidenceReport, before: EvidenceReport) -> list[str]:
    """What ``before`` has and ``after`` has nothing of, in words: it got no better by not being there."""
    counted: dict[str, Callable[[EvidenceReport], int]] = {
        "frames": lambda each: sum(len(part.columns) for part in each.parts),
        "answers that were heard": lambda each: len(_answers(each.parts)),
    }
    return [f"{many:,} {what}" for what, count in counted.items() if (many := count(before)) and not count(after)]


def _series(after: EvidenceReport, before: EvidenceReport) -> Iterator[_Compared]:
    middle_and_tail = (("middle", rank(0.5)), ("95 %", rank(0.95)))
    pairs: list[tuple[str, str, Callable[[Sequence[PartSummary]], Sequence[float]], int]] = [
        ("frame time", "ms", lambda parts: [cost for part in parts for cost in part.costs], FRAME_BLOCK),
        ("silence before an answer", "ms", _answers, 1),
    ]
    for name, unit, take, block in pairs:
        one, other = _array(take(before.parts)), _array(take(after.parts))
        if one.size and other.size:
            tail = (("99 %", rank(0.99)),) if block > 1 else ()
            yield PairedSeries(name, unit, one, other, block), (*middle_and_tail, *tail)
    yield from _shares(after, before)
    yield from _processes(after, before)


_SHARES: tuple[tuple[str, str, int, Callable[[PartSummary], Sequence[float]]], ...] = (
    ("late frames", "of 10,000", FRAME_BLOCK, lambda part: [late > 0 for late in part.columns.lateness]),
    ("frames left out", "of 10,000", FRAME_BLOCK, lambda part: _left_out(part)),
    ("frames at half the rate", "of 10,000", FRAME_BLOCK, lambda part: [each > 1 for each in part.columns.periods]),
    ("answers that failed", "of 100", 1, lambda part: [_failed(turn) for turn in part.turns if turn.question]),
    ("turns decided too early", "of 100", 1,
     lambda part: [each.outcome is EndingOutcome.WENT_ON for each in part.endings]),
)  # fmt: skip
"""What happens or does not: its name, of how many it is counted, and what each part tells of it, one by one."""


def _left_out(part: PartSummary) -> list[bool]:
    """Of each frame of the grid whether it is missing."""
    found: list[bool] = []
    skips = sorted((each.first, each.following) for each in part.skips)
    for number in part.columns.number:
        while skips and skips[0][0] <= number:
            first, following = skips.pop(0)
            found += [True] * (following - first)
        found.append(False)
    return found + [True for first, following in skips for _ in range(first, following)]


def _failed(turn: TurnRecord) -> bool:
    """An answer of which nothing was heard, or no more than that it cannot be given."""
    return turn.apologised > 0 or (turn.state == "failed" and not turn.interrupted)


def _shares(after: EvidenceReport, before: EvidenceReport) -> Iterator[_Compared]:
    """What is there or not, and what engines added to silences. What neither has is not told."""
    for name, unit, block, take in _SHARES:
        whole = float(unit.removeprefix("of ").replace(",", ""))
        one, other = (_array([hit for part in each.parts for hit in take(part)]) * whole for each in (before, after))
        if one.size and other.size and max(one.max(), other.max()) > 0:
            yield PairedSeries(name, unit, one, other, block), (("all", mean),)
    one, other = (_array([gap.waited_ms for show in each.shows for gap in show.gaps]) for each in (before, after))
    if one.size and other.size:
        yield PairedSeries("wait between turns", "ms", one, other), (("mean", mean),)
    for stage in _stages(before.parts):
        first, second = _stages(before.parts)[stage], _stages(after.parts).get(stage, [])
        if first and second and max(*first, *second) > 0:
            yield PairedSeries(stage.replace("_", " "), "ms", _array(first), _array(second)), (("middle", rank(0.5)),)


def _processes(after: EvidenceReport, before: EvidenceReport) -> Iterator[_Compared]:
    for unit, what in (("% of a core", "cpu"), ("MB", "rss")):
        one, other = ({name: column for part in each.parts for name, column in getattr(part.machine, what).items()}
                      for each in (before, after))  # fmt: skip
        for name in one.keys() & other.keys():
            title = f"{'CPU' if what == 'cpu' else 'memory'} of {name}"
            yield PairedSeries(title, unit, _array(one[name]), _array(other[name]), 5), (("mean", mean),)


def _answers(parts: Sequence[PartSummary]) -> list[float]:
    return [sum(stages.values()) for part in parts for turn in part.turns if (stages := silence_ms(turn))]


def _stages(parts: Sequence[PartSummary]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for part in parts:
        for turn in part.turns:
            for name, ms in silence_ms(turn).items():
                found.setdefault(name, []).append(ms)
    return found


def _array(values: Sequence[float]) -> Values:
    return np.asarray(values, np.float64)


def change(series: PairedSeries, name: str, statistic: Statistic, chance: np.random.Generator) -> MeasuredChange:
    """One figure of both sides, and whether it changed."""
    one, other = (_thinned(each, series.block, averaged=statistic is mean) for each in (series.before, series.after))
    before, after = statistic(series.before), statistic(series.after)
    counts = series.before.size, series.after.size
    if min(len(one), len(other)) < LEAST * series.block:
        return MeasuredChange(name, series.unit, before, after, 0.0, 0.0, counts, ChangeOutcome.FEW)
    drawn = np.array([
        statistic(_draw(other, series.block, chance)) - statistic(_draw(one, series.block, chance))
        for _ in range(ROUNDS if max(one.size, other.size) < 20_000 else ROUNDS // 5)
    ])  # fmt: skip
    low, high = np.quantile(drawn, [(1 - SURE) / 2, (1 + SURE) / 2])
    least = EFFECT * abs(before)
    outcome = (
        ChangeOutcome.WORSE if low > 0 and after - before > least
        else ChangeOutcome.BETTER if high < 0 and before - after > least
        else ChangeOutcome.SAME
    )  # fmt: skip
    return MeasuredChange(name, series.unit, before, after, float(low), float(high), counts, outcome)


def _thinned(values: Values, block: int, *, averaged: bool) -> Values:
    """Whole blocks, and no more than can be drawn from in a moment. For a mean some neighbours are ``averaged``, so
    that it stays what it is; of a percentile those between are left out.
    """
    if block == 1 or values.size < block:
        return values
    step = max(1, values.size // MOST_VALUES)
    if averaged and step > 1:
        return values[: values.size // (block * step) * block * step].reshape(-1, step, block).mean(1).reshape(-1)
    return values[: values.size // block * block].reshape(-1, block)[::step].reshape(-1)


def _draw(values: Values, block: int, chance: np.random.Generator) -> Values:
    if block == 1 or values.size < block:
        return values[chance.integers(0, values.size, values.size)]
    blocks = values.reshape(-1, block)
    return blocks[chance.integers(0, len(blocks), len(blocks))].reshape(-1)
