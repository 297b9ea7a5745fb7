"""How long a mouth shows a shape: the passes that turn what the sounds ask for into a mouth that an eye believes.

After Rhubarb Lip Sync's animation stages: no shape shorter than an eye can take in, the shapes that matter kept at
the cost of those that do not, and in-between shapes where a mouth would have to jump. All times are show samples (48
kHz).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from duologue.audio.pcm import RATE
from duologue.stage.motion.pose import Mouth

MS = RATE // 1000
"""Show samples in a millisecond."""
SHORTEST = 70 * MS
"""A shape that lasts less is a flicker."""
TWEEN_SHORTEST = 40 * MS
TWEEN_LONGEST = 80 * MS
STATIC = 750 * MS
"""A shape held this long over :data:`STATIC_SYLLABLES` looks frozen."""
STATIC_SYLLABLES = 3
_OUTSIDE = RATE
"""Length of the rest that is pretended before and after the line while times are settled."""


class Weight(IntEnum):
    """What may give way to what when time is short."""

    CONSONANT = 0
    VOWEL = 1
    REST = 2
    TEETH = 3
    """F and V: teeth on the lip."""
    CLOSURE = 4
    """P, B and M: never lost."""


@dataclass(slots=True)
class Hold:
    """A shape held from ``start`` to ``end``. ``tween``: it only leads over to the next."""

    start: int
    end: int
    shape: Mouth
    weight: Weight
    tween: bool = False

    @property
    def length(self) -> int:
        """Samples."""
        return self.end - self.start


def merge(holds: Sequence[Hold]) -> list[Hold]:
    """Neighbours of one shape become one hold; empty ones go."""
    merged: list[Hold] = []
    for hold in holds:
        if hold.length <= 0:
            continue
        if merged and merged[-1].shape is hold.shape and merged[-1].tween == hold.tween:
            merged[-1].end = hold.end
            merged[-1].weight = max(merged[-1].weight, hold.weight)
        else:
            merged.append(Hold(hold.start, hold.end, hold.shape, hold.weight, hold.tween))
    return merged


_VARIANT: dict[Mouth, Mouth] = {
    Mouth.B: Mouth.C, Mouth.C: Mouth.B, Mouth.D: Mouth.C, Mouth.E: Mouth.C, Mouth.F: Mouth.E, Mouth.H: Mouth.C,
}  # fmt: skip
"""What stands in for every second syllable of a frozen mouth: the nearest shape that is seen to differ."""


def vary(holds: Sequence[Hold]) -> list[Hold]:
    """Let a mouth move that would hold one shape for :data:`STATIC` over :data:`STATIC_SYLLABLES` or more."""
    varied: list[Hold] = []
    for run in _runs(holds):
        syllables = [hold for hold in run if hold.weight is Weight.VOWEL]
        frozen = run[-1].end - run[0].start >= STATIC and len(syllables) >= STATIC_SYLLABLES
        every_second = {id(hold) for hold in syllables[1::2]} if frozen else set[int]()
        for hold in run:
            shape = _VARIANT.get(hold.shape, hold.shape) if id(hold) in every_second else hold.shape
            varied.append(Hold(hold.start, hold.end, shape, hold.weight, hold.tween))
    return varied


def _runs(holds: Sequence[Hold]) -> list[list[Hold]]:
    runs: list[list[Hold]] = []
    for hold in holds:
        if runs and runs[-1][0].shape is hold.shape:
            runs[-1].append(hold)
        else:
            runs.append([hold])
    return runs


def settle(holds: Sequence[Hold]) -> list[Hold]:
    """Give every hold at least :data:`SHORTEST`, what matters most first.

    A short hold takes time from its neighbours, the earlier ones first (a mouth had better be early). When they have
    none to spare, the least important of the three goes and leaves its time to the others. The rest before and after
    the line spares as much as is asked for, so the first shape may begin before the first sample.
    """
    line = merge(holds)
    if not line:
        return []
    before = Hold(line[0].start - _OUTSIDE, line[0].start, Mouth.X, Weight.REST)
    after = Hold(line[-1].end, line[-1].end + _OUTSIDE, Mouth.X, Weight.REST)
    line = merge([before, *line, after])
    for weight in sorted(Weight, reverse=True):
        _lengthen(line, weight)
    inner = line[1:] if line[0].shape is Mouth.X else line
    return inner[:-1] if inner and inner[-1].shape is Mouth.X else inner


def _lengthen(line: list[Hold], weight: Weight) -> None:
    """Settle the holds of one weight, in order of time. What this leaves of greater weight stays long enough."""
    index = 1
    while index < len(line) - 1:
        if line[index].weight is not weight or line[index].length >= SHORTEST or _borrow(line, index):
            index += 1
            continue
        gone = _least_important(line, index)
        _drop(line, gone)
        _join(line, gone)
        index = max(1, gone - 2)


def _join(line: list[Hold], index: int) -> None:
    """Make one hold of ``index`` and the one before it, if they show the same."""
    earlier, later = line[index - 1 : index + 1]
    if earlier.shape is later.shape:
        earlier.end = later.end
        earlier.weight = max(earlier.weight, later.weight)
        del line[index]


def _borrow(line: list[Hold], index: int) -> bool:
    """Lengthen a hold by what its neighbours can spare, or change nothing. The one before the last may push it
    early.
    """
    hold, previous, following = line[index], line[index - 1], line[index + 1]
    need = SHORTEST - hold.length
    near = min(need, _spare(previous))
    far = min(need - near, _spare(line[index - 2]) if index >= 2 else 0)
    later = need - near - far
    if later > _spare(following):
        return False
    if far:
        line[index - 2].end -= far
        previous.start -= far
    previous.end = hold.start = hold.start - near - far
    hold.end = following.start = hold.end + later
    return True


def _spare(hold: Hold) -> int:
    return max(0, hold.length - SHORTEST)


def _least_important(line: Sequence[Hold], index: int) -> int:
    """Of a hold and its neighbours (the outside rests excepted) the one that goes; when equal, the hold itself."""
    around = [index, *(near for near in (index - 1, index + 1) if 0 < near < len(line) - 1)]
    return min(around, key=lambda near: (line[near].weight, near != index, line[near].length))


def _drop(line: list[Hold], index: int) -> None:
    """Remove a hold; the next one begins early instead, unless that is a rest or a closure that would be held too
    long.
    """
    previous, hold, following = line[index - 1 : index + 2]
    fixed = (Weight.REST, Weight.CLOSURE)
    to_previous = following.weight in fixed and previous.weight not in fixed
    if to_previous or previous.length < SHORTEST <= following.length:
        previous.end = hold.end
    else:
        following.start = hold.start
    del line[index]


_TWEENS: dict[tuple[Mouth, Mouth], Mouth] = {
    (Mouth.D, Mouth.A): Mouth.C, (Mouth.D, Mouth.B): Mouth.C, (Mouth.D, Mouth.G): Mouth.C, (Mouth.D, Mouth.X): Mouth.C,
    (Mouth.C, Mouth.F): Mouth.E, (Mouth.F, Mouth.C): Mouth.E, (Mouth.D, Mouth.F): Mouth.E, (Mouth.H, Mouth.F): Mouth.E,
}  # fmt: skip
"""(from, to) → in between. Nothing leads from closed to open: a mouth pops open and closes slowly."""


def tween(holds: Sequence[Hold]) -> list[Hold]:
    """Lead over wide jumps with an in-between shape for 40 to 80 ms, taken from the end of the shape that is left.

    A shape too short to spare that keeps its time. The closure or rest that follows still begins when it must.
    """
    line: list[Hold] = []
    for index, hold in enumerate(holds):
        following = holds[index + 1].shape if index + 1 < len(holds) else Mouth.X
        between = _TWEENS.get((hold.shape, following))
        spare = min(hold.length // 3, TWEEN_LONGEST, hold.length - SHORTEST)
        if between is None or spare < TWEEN_SHORTEST:
            line.append(hold)
            continue
        line.append(Hold(hold.start, hold.end - spare, hold.shape, hold.weight))
        line.append(Hold(hold.end - spare, hold.end, between, Weight.CONSONANT, tween=True))
    return line
