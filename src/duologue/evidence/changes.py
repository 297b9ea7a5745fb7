"""What a comparison found, as plain values and as a table; how it finds that is :mod:`duologue.evidence.comparison`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class ChangeOutcome(StrEnum):
    """What came of a comparison."""

    WORSE = "worse"
    BETTER = "better"
    SAME = "no change beyond noise"
    FEW = "too few to say"


@dataclass(frozen=True, slots=True)
class MeasuredChange:
    """``after`` against ``before``; the difference lies between ``low`` and ``high`` with 99 %."""

    name: str
    unit: str
    before: float
    after: float
    low: float
    high: float
    counts: tuple[int, int]
    outcome: ChangeOutcome


@dataclass(frozen=True, slots=True)
class ReportComparison:
    """What changed since ``old``; ``gone`` is what that has, and the newer one has nothing of."""

    old: str
    changes: Sequence[MeasuredChange]
    gone: Sequence[str]

    @property
    def worse(self) -> bool:
        """Something got worse, or is not there any more."""
        return bool(self.gone) or any(each.outcome is ChangeOutcome.WORSE for each in self.changes)


COLUMNS = ("what", "before", "after", "difference (99 %)", "values", "")


def as_rows(changes: Sequence[MeasuredChange]) -> Iterator[tuple[str, ...]]:
    """Below :data:`COLUMNS`; what got worse stands first."""
    order = list(ChangeOutcome)
    for each in sorted(changes, key=lambda one: order.index(one.outcome)):
        interval = "–" if each.outcome is ChangeOutcome.FEW else f"{each.low:+.2f} to {each.high:+.2f}"
        yield (
            each.name, f"{each.before:.2f} {each.unit}", f"{each.after:.2f} {each.unit}", interval,
            f"{each.counts[0]:,} / {each.counts[1]:,}", str(each.outcome),
        )  # fmt: skip


def as_lines(changes: Sequence[MeasuredChange]) -> Iterator[str]:
    """A table for a terminal."""
    for cells in (COLUMNS, ("---",) * len(COLUMNS), *as_rows(changes)):
        yield f"| {' | '.join(cells)} |"


def gone_words(gone: Sequence[str]) -> Iterator[str]:
    """A sentence for each thing that is not there any more."""
    for what in gone:
        yield f"Not there any more: {what}. That is counted as worse."
