"""What a talk was and what it is when it is heard again, turn by turn, side by side. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from duologue.clock import MILLISECOND, SECOND, milliseconds
from duologue.evidence.changes import ChangeOutcome, MeasuredChange
from duologue.evidence.comparison import PairedSeries, change
from duologue.evidence.percentiles import Percentiles
from duologue.telemetry.ledger import EndingOutcome, EndingRecord, TurnRecord

OVERLAP_MS = 600.0
"""Who speaks on so soon after our first sound had not finished: nobody has heard it, and thought, and answered by then.
"""
SAME_MS = 1_000.0
"""Turns of the person are the same where their ends lie no further apart."""
_END_MS = 100.0
"""The end of a voice is known so well."""
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class HeardTurn:
    """A turn of the person that was answered aloud. Times are ns; ``wait_ms`` is the silence from the end of their
    speech until our first sound was given to the far end: the way to there is no part of it. ``why`` is the rule by
    which the turn was taken to be over, ``cut_in``: our answer began while they had not finished.
    """

    begin: int
    end: int
    wait_ms: float
    why: str
    words: str
    reply: str
    cut_in: bool = False
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class HeardSide:
    """All turns of a talk as it was, or as it was heard again. ``too_early``: decisions that a turn was over which were
    taken back, for the person went on before they heard a word of ours.
    """

    name: str
    turns: tuple[HeardTurn, ...]
    too_early: tuple[EndingRecord, ...] = ()

    @property
    def waits(self) -> list[float]:
        """Of all turns (ms)."""
        return [turn.wait_ms for turn in self.turns]

    @property
    def cut_ins(self) -> int:
        """How many."""
        return sum(turn.cut_in for turn in self.turns)

    @property
    def spread(self) -> Percentiles | None:
        """Of the waits; None: nothing was answered."""
        return Percentiles.of(self.waits)


@dataclass(slots=True)
class ReplayRow:
    """A turn of the person's on each side that has it, by the side's name."""

    turns: dict[str, HeardTurn] = field(default_factory=dict[str, HeardTurn])

    @property
    def end(self) -> int:
        """Where it stands among others (ns)."""
        return min(turn.end for turn in self.turns.values())


def side_of(
    name: str, turns: Sequence[TurnRecord], endings: Sequence[EndingRecord], then: Sequence[TurnRecord] = ()
) -> HeardSide:
    """One side of it. ``then`` are the turns of the talk as it was, where ``turns`` are not those: they tell where the
    person went on.
    """
    people = [turn for turn in turns if turn.kind == "person" and turn.text and turn.on_air]
    knew = [turn for turn in then if turn.kind == "person" and turn.on_air and turn.ended]
    questions = {turn.id: turn for turn in turns if turn.kind == "person"}
    said = {ending.at: ending.said for ending in endings}
    found: list[HeardTurn] = []
    for answer in turns:
        if answer.kind != "answer" or not (answer.spoken_to and answer.on_air):
            continue
        asked = questions.get(answer.question)
        words = asked.text if asked else ""
        if answer.state == "withdrawn":  # its question went on: what had been said of it by then
            words = said.get(answer.decided, words)
        found.append(
            HeardTurn(
                begin=asked.on_air if asked else answer.spoken_to,
                end=answer.spoken_to,
                wait_ms=milliseconds((answer.given or answer.on_air) - answer.spoken_to),
                why=answer.why,
                words=words,
                reply=answer.text,
                cut_in=_cuts_in(answer.on_air, people, knew),
                interrupted=answer.interrupted,
            )
        )
    early = tuple(each for each in endings if each.outcome is EndingOutcome.WENT_ON)
    return HeardSide(name, tuple(sorted(found, key=lambda turn: turn.end)), early)


def _cuts_in(sounded: int, people: Sequence[TurnRecord], knew: Sequence[TurnRecord]) -> bool:
    """The person goes on at once, or is known not to have finished."""
    near, tail = round(OVERLAP_MS * MILLISECOND), round(_END_MS * MILLISECOND)
    if any(sounded < turn.on_air <= sounded + near for turn in people):
        return True
    return any(turn.on_air < sounded < turn.ended - tail for turn in knew)


def rows_of(sides: Sequence[HeardSide]) -> list[ReplayRow]:
    """The turns of all sides, those that are the same in one row, in the order of time."""
    rows: list[ReplayRow] = []
    for side in sides:
        near = sorted(
            ((abs(row.end - turn.end), number, index) for number, row in enumerate(rows)
             for index, turn in enumerate(side.turns) if abs(row.end - turn.end) <= SAME_MS * MILLISECOND)
        )  # fmt: skip
        placed: set[int] = set()
        for _, number, index in near:
            if index not in placed and side.name not in rows[number].turns:
                rows[number].turns[side.name] = side.turns[index]
                placed.add(index)
        rows += [ReplayRow({side.name: turn}) for index, turn in enumerate(side.turns) if index not in placed]
    return sorted(rows, key=lambda row: row.end)


def misheard(row: ReplayRow, one: str, other: str) -> bool:
    """The words of a turn were understood otherwise on one side than on the other."""
    first, second = row.turns.get(one), row.turns.get(other)
    return first is not None and second is not None and _plain(first.words) != _plain(second.words)


def _plain(text: str) -> list[str]:
    return [word.casefold().replace("’", "'") for word in _WORD.findall(text)]


@dataclass(frozen=True, slots=True)
class ReplayDifference:
    """``after`` against ``before``, of the turns that both have: how much longer the waits are (ms; None: there are
    none), cut-ins of all turns more or fewer, turns whose words differ.
    """

    before: str
    after: str
    both: int
    wait_ms: float | None
    cut_ins: int
    too_early: int
    other_words: int
    waits: MeasuredChange


def difference(rows: Sequence[ReplayRow], before: HeardSide, after: HeardSide) -> ReplayDifference:
    """See :class:`ReplayDifference`; the middle of the differences turn by turn, and the bootstrap of a report."""
    pairs = [
        (row.turns[before.name], row.turns[after.name]) for row in rows if {before.name, after.name} <= {*row.turns}
    ]
    each = [two.wait_ms - one.wait_ms for one, two in pairs]
    ones, twos = (np.asarray([pair[side].wait_ms for pair in pairs], np.float64) for side in (0, 1))
    series = PairedSeries("wait", "ms", ones, twos)
    chance = np.random.default_rng(0)
    nothing = MeasuredChange("wait, middle", "ms", 0.0, 0.0, 0.0, 0.0, (0, 0), ChangeOutcome.FEW)
    waits = change(series, "wait, middle", lambda values: float(np.median(values)), chance) if pairs else nothing
    return ReplayDifference(
        before.name, after.name, len(pairs), median(each) if each else None, after.cut_ins - before.cut_ins,
        len(after.too_early) - len(before.too_early),
        sum(misheard(row, before.name, after.name) for row in rows), waits,
    )  # fmt: skip


def as_lines(sides: Sequence[HeardSide], rows: Sequence[ReplayRow], began: int, *, worded: bool) -> Iterator[str]:
    """For a terminal: a line a turn, what was understood under it, and each side's figures."""
    names = [side.name for side in sides]
    yield "      at  " + "".join(f"{name:>16}" for name in names) + "   why"
    for row in rows:
        cells = "".join(f"{_cell(row.turns.get(name)):>16}" for name in names)
        whys = [turn.why or "–" for name in names if (turn := row.turns.get(name))]
        yield f"{_clock(row.end - began):>8}  {cells}   {' → '.join(dict.fromkeys(whys))}"
        yield from _words(row, names, worded=worded)
    for side in sides:
        spread = side.spread
        waits = f"wait {spread.p50:.0f} ms p50, {spread.p95:.0f} p95, {spread.most:.0f} most; " if spread else ""
        many = f"{len(side.turns)} answer{'s' * (len(side.turns) != 1)}"
        yield (
            f"{side.name}: {many}; {waits}{side.cut_ins} cut in; {len(side.too_early)} decided too early and taken back"
        )


def difference_line(found: ReplayDifference) -> str:
    """In words."""
    if found.wait_ms is None:
        return f"{found.after} beside {found.before}: no turn in common"
    few = found.waits.outcome is ChangeOutcome.FEW
    interval = "" if few else f" ({found.waits.low:+.0f} to {found.waits.high:+.0f})"
    many = f"{found.both} turn{'s' * (found.both != 1)} in common"
    return (
        f"{found.after} beside {found.before}: {many}; wait {found.wait_ms:+.0f} ms in the"
        f" middle{interval}; cut-ins {found.cut_ins:+d}; decided too early {found.too_early:+d}; other words in"
        f" {found.other_words}"
    )


def _cell(turn: HeardTurn | None) -> str:
    if turn is None:
        return "–"
    marks = f"{' cut in' if turn.cut_in else ''}"
    return f"{turn.wait_ms:.0f} ms{marks}"


def _words(row: ReplayRow, names: Sequence[str], *, worded: bool) -> Iterator[str]:
    """What was understood, once where all sides understood the same."""
    heard = [(name, turn) for name in names if (turn := row.turns.get(name)) and turn.words]
    groups: list[tuple[list[str], str]] = []
    for name, turn in heard:
        same = next((group for group in groups if _plain(group[1]) == _plain(turn.words)), None)
        if same is not None:
            same[0].append(name)
        else:
            groups.append(([name], turn.words))
    for who, words in groups:
        label = "" if len(groups) == 1 and (worded or len(who) == len(names)) else f"{', '.join(who)}: "
        yield f"          {label}“{words}”"


def _clock(ns: int) -> str:
    seconds = ns / SECOND
    return f"{int(seconds) // 60}:{seconds % 60:04.1f}"
