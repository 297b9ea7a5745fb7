"""Lip sync: from the phonemes of a line to the mouth that speaks it, as a pure function.

The sound is known ahead, so the mouth need not chase it: lips close before the P, shapes last long enough to be seen,
and the whole track leads the sound by up to a frame, because the eye accepts a mouth that leads by 45 ms better than
one that trails. The order of the passes:

1. sounds from marks (or letters, or the sound itself: :mod:`duologue.stage.lipsync.sources`), each with its time;
2. shapes: vowels by the table, consonants by the company they keep, diphthongs 60/40, closures early;
3. pauses: under 120 ms hold, up to 350 ms relax, longer rest; the mouth closes slowly before a rest;
4. variation of frozen shapes, shortest durations, in-between shapes (:mod:`duologue.stage.lipsync.timing`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from duologue.audio.pcm import RATE
from duologue.speech.utterance import Utterance
from duologue.stage.lipsync.phonemes import DEMANDS, PAUSE, Demand
from duologue.stage.lipsync.sources import Phone, phones_of
from duologue.stage.lipsync.timing import MS, Hold, Weight, settle, tween, vary
from duologue.stage.motion.pose import Mouth

LEAD = RATE // 30
"""How far the whole track leads the sound (samples): sampled once a frame it is then 0 to 33 ms early, never late."""
CLOSURE_LEAD = (40 * MS, 120 * MS)
"""A closure begins before its sound by half the sound before it, within these."""
HOLD_PAUSE = 120 * MS
RELAX_PAUSE = 350 * MS
WIDE = 120 * MS
"""A stressed open vowel that lasts this long opens wide."""
CLOSING = 90 * MS
"""How long the relaxed shape stands between the last sound and the rest."""

_RELAXED: dict[Mouth, Mouth] = {
    Mouth.C: Mouth.B, Mouth.D: Mouth.C, Mouth.E: Mouth.C, Mouth.F: Mouth.B, Mouth.G: Mouth.A, Mouth.H: Mouth.B,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MouthTrack:
    """Shape changes in order: ``shapes[i]`` holds from ``starts[i]`` to ``starts[i + 1]``; the last shape is X.

    ``starts`` are show samples (48 kHz) from the utterance's first; the first may be negative, for lips close early.
    """

    starts: tuple[int, ...]
    shapes: tuple[Mouth, ...]

    @property
    def begin(self) -> int:
        """The first change."""
        return self.starts[0]

    @property
    def end(self) -> int:
        """Where the mouth comes to rest."""
        return self.starts[-1]

    def shape_at(self, sample: int) -> Mouth:
        """The shape at ``sample``; X before the first change."""
        index = bisect_right(self.starts, sample) - 1
        return self.shapes[index] if index >= 0 else Mouth.X


def mouth_track(utterance: Utterance) -> MouthTrack:
    """The mouth of ``utterance``; approximated from letters without phoneme marks, from the sound without words."""
    holds = animate(phones_of(utterance))
    length = len(utterance.samples) * RATE // utterance.rate
    if not holds:
        return MouthTrack((min(0, length),), (Mouth.X,))
    starts = [hold.start - LEAD for hold in holds]
    return MouthTrack((*starts, holds[-1].end - LEAD), (*(hold.shape for hold in holds), Mouth.X))


def animate(phones: Sequence[Phone]) -> list[Hold]:
    """The shapes for ``phones``, not yet leading: contiguous, none a rest at either end."""
    spoken = [phone for phone in phones if phone.sound != PAUSE and phone.end > phone.start]
    return tween(settle(vary(_fill_pauses(_shape(spoken)))))


def _shape(phones: Sequence[Phone]) -> list[Hold]:
    """What each sound asks for, closures moved early over what precedes them."""
    holds: list[Hold] = []
    ended = 0
    for index, phone in enumerate(phones):
        demand = DEMANDS[phone.sound]
        # lips that a burst has opened belong to what follows at once
        start = holds[-1].end if holds and phone.start <= ended else phone.start
        if demand.closure:
            _close(holds, phone, demand)
        elif demand.vowel:
            _glide(holds, phone, start, demand)
        else:
            shape = _company(demand, holds, phones, index)
            holds.append(Hold(start, phone.end, shape, Weight.TEETH if shape is Mouth.G else Weight.CONSONANT))
        ended = phone.end
    return holds


def _close(holds: list[Hold], phone: Phone, demand: Demand) -> None:
    previous = holds[-1] if holds else None
    shortest, longest = CLOSURE_LEAD
    half = longest if previous is None or phone.start > previous.end else previous.length // 2
    start = phone.start - min(max(half, shortest), longest)
    while holds and holds[-1].end > start and holds[-1].weight is not Weight.CLOSURE:
        holds[-1].end = max(start, holds[-1].start)
        if holds[-1].length > 0:
            break
        holds.pop()
    if holds:
        start = max(start, holds[-1].end)
    opening = min(round((phone.end - phone.start) * (1.0 - demand.release)), CLOSING)
    closed = phone.end - opening
    holds.append(Hold(start, closed, demand.shape, Weight.CLOSURE))


def _glide(holds: list[Hold], phone: Phone, start: int, demand: Demand) -> None:
    at, share = start, 0.0
    for shape, part in demand.glides:
        share += part
        until = start + round((phone.end - start) * share)
        weight = Weight.VOWEL if at == start else Weight.CONSONANT
        holds.append(Hold(at, until, _stressed(shape, phone) if phone.stressed else shape, weight))
        at = until


def _stressed(shape: Mouth, phone: Phone) -> Mouth:
    """Stress opens the mouth: an open vowel that lasts opens wide, a short I shows some tongue."""
    if shape is Mouth.C and phone.end - phone.start >= WIDE:
        return Mouth.D
    return Mouth.C if phone.sound == "IH" else shape


def _company(demand: Demand, holds: Sequence[Hold], phones: Sequence[Phone], index: int) -> Mouth:
    """A consonant shows the shape of the vowel it leads to, or comes from, where its sound allows that."""
    if not demand.also:
        return demand.shape
    allowed = demand.also | {demand.shape}
    ahead = next((DEMANDS[phone.sound] for phone in phones[index + 1 : index + 3] if DEMANDS[phone.sound].vowel), None)
    if ahead is not None and ahead.shape in allowed:
        return ahead.shape
    if len(demand.also) > 3 and holds and holds[-1].shape in allowed:
        return holds[-1].shape
    return demand.shape


def _fill_pauses(holds: Sequence[Hold]) -> list[Hold]:
    """Close the gaps between ``holds``, and the mouth after the last of them."""
    filled: list[Hold] = []
    for hold in holds:
        if filled and hold.start > filled[-1].end:
            filled += _pause(filled[-1], hold.start)
        filled.append(hold)
    if filled:
        last = filled[-1]
        filled.append(Hold(last.end, last.end + CLOSING, _relaxed(last.shape), Weight.CONSONANT))
    return filled


def _pause(last: Hold, until: int) -> list[Hold]:
    length = until - last.end
    if length < HOLD_PAUSE:
        last.end = until
        return []
    relaxed = _relaxed(last.shape)
    if length <= RELAX_PAUSE:
        return [Hold(last.end, until, relaxed, Weight.CONSONANT)]
    closed = last.end + CLOSING
    return [Hold(last.end, closed, relaxed, Weight.CONSONANT), Hold(closed, until, Mouth.X, Weight.REST)]


def _relaxed(shape: Mouth) -> Mouth:
    return _RELAXED.get(shape, shape)
