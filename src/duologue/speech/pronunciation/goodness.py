"""How well each word of a known sentence was said: forced alignment, and each phone against all others in its place.

Pure: it is given what PocketSphinx thinks of every frame (:mod:`duologue.speech.pronunciation.model`). A word, from the
beginning of the phone before it to the end of the one after, is compared with itself with one phone exchanged for
another of its kind (a vowel for a vowel), or left out: each in the models of its context, with all the others free to
grow and shrink, so that a wrong phone cannot hide in its neighbours. By how much the word is likelier as it should be,
divided by the square root of the phone's length, is the phone's *ratio* (nats): above 0 what was wanted is likelier
than anything else.

That ratio is lower for some phones than for others however well they are said, so it is counted from what is usual for
the phone, in what it usually strays (:data:`USUAL`). A word is as good as its worst phone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
"""Log likelihoods (nats) by frame and senone."""
SILENCE = "SIL"
STATES = 3
"""Of the model of a phone; each lasts a frame at least."""
_NEVER = np.float32(-1e9)
_PAUSE = 5
"""Frames of silence between two words that are a pause."""
VOWELS = frozenset(["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"])
SAME = (frozenset({"AA", "AO"}), frozenset({"AH", "IH"}), frozenset({"AH", "UH"}), frozenset({"T", "D"}))
"""Phones that dictionaries and speakers exchange: neither is said wrongly for the other."""


class PhoneModels(Protocol):
    """The acoustic models of a language's phones."""

    @property
    def phones(self) -> tuple[str, ...]:
        """All that can be said, without silence and noises."""
        ...

    def senones(self, phone: str, left: str, right: str, first: bool, last: bool) -> NDArray[np.int64]:
        """The senones of a phone's :data:`STATES` states between two others; ``first`` and ``last`` in its word."""
        ...


@dataclass(frozen=True, slots=True)
class WordPhones:
    """A word that is expected, as it is pronounced."""

    name: str
    phones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PhoneScore:
    """A phone where it was found (frames, the end not included). ``ratio``: see the module; ``rival`` was the likeliest
    other, empty for none at all in its place.
    """

    name: str
    start: int
    end: int
    ratio: float
    rival: str


@dataclass(frozen=True, slots=True)
class SoundScore:
    """A word where it was found (frames). ``evidence`` is how much the sound speaks for it: see :func:`evidence`."""

    name: str
    start: int
    end: int
    phones: tuple[PhoneScore, ...]
    evidence: float


@dataclass(frozen=True, slots=True)
class _Link:
    """A phone of the chain, or a silence (word -1)."""

    phone: str
    word: int
    first: bool = False
    last: bool = False


@dataclass(slots=True)
class _Placed:
    links: list[_Link] = field(default_factory=list[_Link])
    spans: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


def score_words(scores: Scores, models: PhoneModels, words: Sequence[WordPhones]) -> tuple[SoundScore, ...]:
    """Each word of a sound that was said in this order, with pauses anywhere; empty when the sound is too short."""
    placed = _place(scores, models, words)
    if placed is None:
        return ()
    found: list[SoundScore] = []
    for number, word in enumerate(words):
        indices = [index for index, link in enumerate(placed.links) if link.word == number]
        phones = _judge(scores, models, placed, indices)
        found.append(SoundScore(word.name, phones[0].start, phones[-1].end, phones, evidence(phones)))
    return tuple(found)


# Where everything is


def _place(scores: Scores, models: PhoneModels, words: Sequence[WordPhones]) -> _Placed | None:
    """Twice: only the first time tells where pauses are, which are context of the words beside them."""
    pauses = [True] * (len(words) + 1)
    placed: _Placed | None = None
    for optional in (True, False):
        links = _chain(words, pauses)
        path = _align(scores, models, links, optional=optional)
        if path is None:
            return placed
        placed = _spans(links, path)
        pauses = _pauses(placed, len(words))
    return placed


def _chain(words: Sequence[WordPhones], pauses: Sequence[bool]) -> list[_Link]:
    links: list[_Link] = []
    for number, word in enumerate(words):
        if pauses[number]:
            links.append(_Link(SILENCE, -1))
        end = len(word.phones) - 1
        links += [_Link(phone, number, at == 0, at == end) for at, phone in enumerate(word.phones)]
    if pauses[-1]:
        links.append(_Link(SILENCE, -1))
    return links


def _pauses(placed: _Placed, words: int) -> list[bool]:
    found = [False] * (words + 1)
    after = 0
    for link, (start, end) in zip(placed.links, placed.spans, strict=True):
        if link.word >= 0:
            after = link.word + 1
        elif end - start >= _PAUSE:
            found[after] = True
    return found


def _neighbour(links: Sequence[_Link], index: int, step: int, *, optional: bool) -> str:
    """What stands beside a phone; a silence that may be none does not."""
    at = index + step
    while optional and 0 <= at < len(links) and links[at].word < 0:
        at += step
    return links[at].phone if 0 <= at < len(links) else SILENCE


def _senones(models: PhoneModels, links: Sequence[_Link], *, optional: bool) -> NDArray[np.int64]:
    """(links, states)."""
    return np.stack(
        [
            models.senones(
                link.phone,
                _neighbour(links, index, -1, optional=optional),
                _neighbour(links, index, 1, optional=optional),
                link.first,
                link.last,
            )
            for index, link in enumerate(links)
        ]
    )


def _align(scores: Scores, models: PhoneModels, links: Sequence[_Link], *, optional: bool) -> NDArray[np.int64] | None:
    """The link of each frame on the best way through all of them; None: there are too few frames."""
    senones = _senones(models, links, optional=optional).reshape(-1)
    frames, count = len(scores), len(senones)
    spoken = sum(link.word >= 0 for link in links)
    if frames < STATES * spoken or not links:
        return None
    entered = np.zeros(count, bool)  # by a step over the silence before it
    if optional:
        for index in range(1, len(links)):
            entered[STATES * index] = links[index].word >= 0 and links[index - 1].word < 0
    skip = STATES + 1
    best = np.full(count, _NEVER, np.float32)
    best[0] = scores[0, senones[0]]
    if optional and links[0].word < 0 and len(links) > 1:
        best[STATES] = scores[0, senones[STATES]]
    came = np.zeros((frames, count), np.uint8)
    for frame in range(1, frames):
        step = np.concatenate(([_NEVER], best[:-1]))
        over = np.where(entered, np.concatenate((np.full(skip, _NEVER, np.float32), best[:-skip]))[:count], _NEVER)
        ways = np.stack((best, step, over))
        came[frame] = ways.argmax(axis=0)
        best = ways.max(axis=0) + scores[frame, senones]
    at = count - 1
    if optional and links[-1].word < 0 and len(links) > 1 and best[count - 1 - STATES] > best[at]:
        at -= STATES
    if best[at] <= _NEVER / 2:
        return None
    path = np.zeros(frames, np.int64)
    for frame in range(frames - 1, -1, -1):
        path[frame] = at
        at -= (0, 1, skip)[int(came[frame, at])]
    return path // STATES


def _spans(links: Sequence[_Link], path: NDArray[np.int64]) -> _Placed:
    placed = _Placed()
    for index, link in enumerate(links):
        frames = np.flatnonzero(path == index)
        if len(frames):
            placed.links.append(link)
            placed.spans.append((int(frames[0]), int(frames[-1]) + 1))
    return placed


# How good it is


def _judge(scores: Scores, models: PhoneModels, placed: _Placed, indices: Sequence[int]) -> tuple[PhoneScore, ...]:
    """The phones of a word, each against all others of its kind in its place."""
    low, high = max(indices[0] - 1, 0), min(indices[-1] + 1, len(placed.links) - 1)
    window = scores[placed.spans[low][0] : placed.spans[high][1]]
    around = _Around(models, placed.links, low, high)
    places: list[tuple[int, str]] = []
    rows = [around.states()]
    for index in indices:
        phone = placed.links[index].phone
        same = frozenset({phone}).union(*(kin for kin in SAME if phone in kin))
        for other in models.phones:
            if other not in same and (other in VOWELS) == (phone in VOWELS):
                places.append((index, other))
                rows.append(around.states(index, other))
    wanted, *likely = _chains(window, np.stack(rows))
    without = _chains(window, np.stack([around.states(index, "") for index in indices])) if high > low else []
    best = {index: ("", each) for index, each in zip(indices, without, strict=False)}
    for (index, other), each in zip(places, likely, strict=True):
        if index not in best or each > best[index][1]:
            best[index] = other, each
    found: list[PhoneScore] = []
    for index in indices:
        start, end = placed.spans[index]
        rival, value = best[index]
        ratio = (wanted - value) / math.sqrt(end - start)
        found.append(PhoneScore(placed.links[index].phone, start, end, ratio, rival))
    return tuple(found)


class _Around:
    """Links ``low`` to ``high`` of a chain, as they are or with one of them exchanged."""

    def __init__(self, models: PhoneModels, links: Sequence[_Link], low: int, high: int) -> None:
        self._models = models
        self._links = list(links[low : high + 1])
        self._low = low
        self._left = links[low - 1].phone if low else SILENCE
        self._right = links[high + 1].phone if high + 1 < len(links) else SILENCE

    def states(self, index: int = -1, phone: str = "") -> NDArray[np.int64]:
        """Their senones, one after another; link ``index`` of the chain is ``phone``, or (empty) left out."""
        links = list(self._links)
        if index >= 0:
            at = index - self._low
            links[at : at + 1] = [replace(links[at], phone=phone)] if phone else []
        phones = [self._left, *(link.phone for link in links), self._right]
        return np.concatenate(
            [
                self._models.senones(link.phone, phones[at], phones[at + 2], link.first, link.last)
                for at, link in enumerate(links)
            ]
        )


def _chains(window: Scores, senones: NDArray[np.int64]) -> list[float]:
    """The likelihood of the best way through each row of states (rows, states), from the first frame to the last."""
    count = senones.shape[1]
    if len(window) < count:
        return [float(_NEVER)] * len(senones)
    best = np.full(senones.shape, _NEVER, np.float32)
    best[:, 0] = window[0, senones[:, 0]]
    edge = np.full((len(senones), 1), _NEVER, np.float32)
    for frame in window[1:]:
        best = np.maximum(best, np.concatenate((edge, best[:, :-1]), axis=1)) + frame[senones]
    return [float(value) for value in best[:, -1]]


USUAL: Mapping[str, tuple[float, float]] = {
    "AA": (11.12, 7.8), "AE": (8.82, 10.55), "AH": (5.49, 8.84), "AO": (13.35, 9.84), "AW": (14.37, 10.72),
    "AY": (15.07, 11.23), "B": (13.05, 10.81), "CH": (9.93, 9.7), "D": (9.0, 7.82), "DH": (8.42, 7.9),
    "EH": (7.9, 7.63), "ER": (13.23, 14.8), "EY": (8.85, 8.39), "F": (11.8, 9.0), "HH": (11.34, 9.68),
    "IH": (9.1, 7.45), "IY": (16.39, 9.65), "JH": (15.19, 11.55), "K": (10.74, 6.81), "L": (18.65, 11.22),
    "M": (8.98, 9.44), "N": (7.47, 7.53), "NG": (13.81, 8.93), "OW": (9.77, 9.84), "P": (9.22, 9.28),
    "R": (24.31, 12.98), "S": (10.0, 7.49), "SH": (7.58, 9.44), "T": (5.52, 8.2), "TH": (9.79, 9.74),
    "UH": (10.14, 11.28), "UW": (10.95, 10.11), "V": (5.42, 9.41), "W": (22.04, 12.12), "Y": (18.79, 14.22),
    "Z": (9.31, 9.34),
}  # fmt: skip
"""Of each phone, said well by natural voices: the mean of its ratio, and how far it strays (``benchmarks.tutor tune``).
"""
_USUAL_OF_ANY = (11.57, 11.17)
_MOST = 60.0
"""Nats; beyond it nothing is more certain."""


def evidence(phones: Sequence[PhoneScore]) -> float:
    """How much the sound speaks for a word: 0 is as usual, -1 one standard deviation below that."""
    strays: list[float] = []
    for phone in phones:
        mean, spread = USUAL.get(phone.name, _USUAL_OF_ANY)
        strays.append((max(-_MOST, min(_MOST, phone.ratio)) - mean) / spread)
    return min(strays)


TRUSTED = False
"""Whether the figures (``benchmarks.tutor``) allow to show a score: an area under the curve of 0.9. They do not (0.88),
so a drill says which words were understood, and no more.
"""
CLEAR_FROM = -1.7
"""Evidence from which a word was said clearly: of words that were, nine of ten are above it."""
_STEEP = 1.2


def percent(found: float) -> int:
    """Evidence as a score of 0 to 100: 50 is where a word begins to be clear."""
    return round(100 / (1 + math.exp(-_STEEP * (found - CLEAR_FROM))))
