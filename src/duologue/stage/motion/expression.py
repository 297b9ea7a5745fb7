"""What a line shows besides its words: expression, brows, emphasis, and what it does to who listens.

Planned once for a line, from its text and its stress, as a pure function. The rules are few and plain on purpose: a
wrong smile is worse than none, and what carries conviction is that emphasis falls where the voice puts it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from duologue.audio.pcm import RATE
from duologue.speech.utterance import Mark, Utterance
from duologue.stage.motion.noise import key, unit
from duologue.stage.motion.pose import Brows, Expression

ACCENT_GAP = RATE * 38 // 100
"""Two accents are at least this far apart (samples): a head that nods at every stress looks like a toy."""
BROW_TIME = RATE * 28 // 100
"""How long brows stay up on an accented syllable."""


@dataclass(frozen=True, slots=True)
class Beat:
    """A stretch of one expression. Times are show samples from the line's first; ``strength`` 0…1."""

    start: int
    end: int
    expression: Expression = Expression.NEUTRAL
    brows: Brows = Brows.NEUTRAL
    strength: float = 0.0


@dataclass(frozen=True, slots=True)
class Accent:
    """A stressed syllable that shows; ``brow`` says that the brows go up with it."""

    at: int
    strength: float
    brow: bool


@dataclass(frozen=True, slots=True)
class Response:
    """What a listener does about something heard at ``heard``: a beat of its own, or a nod."""

    heard: int
    beat: Beat
    nod: float = 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """All that a line shows. ``beats`` are in order and do not overlap; ``thinks`` means a look away at the start."""

    length: int
    beats: tuple[Beat, ...]
    accents: tuple[Accent, ...]
    responses: tuple[Response, ...]
    thinks: bool

    def beat_at(self, sample: int) -> Beat | None:
        """The beat at ``sample``."""
        return next((beat for beat in self.beats if beat.start <= sample < beat.end), None)


def score(utterance: Utterance, seed: int) -> Score:
    """Plan a line. Equal text, marks and seed give an equal plan; ``utterance.expression``, if set, holds
    throughout.
    """
    length = len(utterance.samples) * RATE // utterance.rate
    chance = key(seed, "score", utterance.speaker, utterance.text)
    beats = _beats(utterance, length)
    thinks = length > 2 * RATE and (_HEDGE.search(utterance.text[:40]) is not None or unit(chance, 0) < 0.25)
    return Score(
        length, beats, _accents(utterance, beats, chance), _responses(utterance, beats, length, chance), thinks
    )


_SENTENCE = re.compile(r"[^.!?…]+(?:[.!?…]+[\"”’')\]]*|$)")
_LAUGH = re.compile(r"\b(?:ha(?:ha)+|ha|heh|hehe|lol|hilarious|funny|joke|joking|laugh\w*|giggle\w*)\b", re.I)
_SURPRISE = re.compile(
    r"\b(?:wow|whoa|what|incredible|unbelievable|no way|amazing|oh my|seriously|impossible|suddenly)\b", re.I
)
_ANGER = re.compile(
    r"\b(?:never|wrong|ridiculous|nonsense|rubbish|stop|hate|enough|terrible|worst|stupid|idiot|absurd|how dare)\b",
    re.I,
)
_HEDGE = re.compile(
    r"\b(?:maybe|perhaps|i guess|i suppose|i think|sort of|kind of|probably|possibly|um+|uh+|er|well|not sure|might)\b",
    re.I,
)
_NEGATION = re.compile(r"\b(?:no|not|never|nothing|nobody|none|cannot|\w+n['’]t)\b", re.I)
_WARM = re.compile(
    r"\b(?:best|greatest|great|love\w*|wonderful|perfect|excellent|beautiful|brilliant|happy|thanks?|glad|nice|friend|yes)\b",
    re.I,
)
_QUOTED_DOUBT = re.compile(r"^\W*(?:really|seriously|are you sure|is that so|you think)\b", re.I)


def read(sentence: str) -> tuple[Expression, Brows, float]:
    """The expression, brows and strength of one sentence."""
    exclaims, asks = "!" in sentence, "?" in sentence
    if _LAUGH.search(sentence):
        return Expression.LAUGH, Brows.RAISED, 0.9
    if asks:
        doubting = _QUOTED_DOUBT.search(sentence) is not None
        return (Expression.DOUBT, Brows.KNIT, 0.7) if doubting else (Expression.NEUTRAL, Brows.RAISED, 0.5)
    if exclaims and _SURPRISE.search(sentence):
        return Expression.SURPRISE, Brows.RAISED, 0.9
    if _ANGER.search(sentence) and (exclaims or _NEGATION.search(sentence)):
        return Expression.ANGER, Brows.KNIT, 0.8
    if _HEDGE.search(sentence):
        return Expression.DOUBT, Brows.WORRIED, 0.5
    if _WARM.search(sentence):
        return Expression.SMILE, Brows.RAISED if exclaims else Brows.NEUTRAL, 0.7
    if _NEGATION.search(sentence):
        return Expression.NEUTRAL, Brows.KNIT, 0.4
    return (Expression.SMILE, Brows.RAISED, 0.4) if exclaims else (Expression.NEUTRAL, Brows.NEUTRAL, 0.0)


_OWN_BROWS: dict[Expression, Brows] = {
    Expression.SURPRISE: Brows.RAISED, Expression.DOUBT: Brows.WORRIED, Expression.ANGER: Brows.KNIT,
    Expression.LAUGH: Brows.RAISED,
}  # fmt: skip


def _beats(utterance: Utterance, length: int) -> tuple[Beat, ...]:
    if utterance.expression in set(Expression):
        wished = Expression(utterance.expression)
        return (Beat(0, length, wished, _OWN_BROWS.get(wished, Brows.NEUTRAL), 0.8),)
    sentences = list(_SENTENCE.finditer(utterance.text))
    starts = [_time_of(utterance, match.start(), length) for match in sentences]
    edges = [0, *starts[1:], length]
    return tuple(
        Beat(start, end, *read(match.group()))
        for match, (start, end) in zip(sentences, itertools.pairwise(edges), strict=False)
        if end > start
    )


def _time_of(utterance: Utterance, offset: int, length: int) -> int:
    """When the text's character ``offset`` is spoken: by the words' marks, else in proportion."""
    words = utterance.words()
    if words and words[0].offset >= 0:
        ahead = next((word for word in words if word.offset >= offset), None)
        return length if ahead is None else ahead.start * RATE // utterance.rate
    return length * offset // max(1, len(utterance.text))


def _accents(utterance: Utterance, beats: Sequence[Beat], chance: int) -> tuple[Accent, ...]:
    """Stressed syllables, thinned out; the first of a forceful beat is the strongest."""
    accents: list[Accent] = []
    for index, mark in enumerate(_stressed(utterance)):
        at = mark.start * RATE // utterance.rate
        if accents and at - accents[-1].at < ACCENT_GAP:
            continue
        if unit(chance, 100 + 2 * index) < 0.25:
            continue
        force = max((beat.strength for beat in beats if beat.start <= at < beat.end), default=0.0)
        strength = 0.35 + 0.35 * unit(chance, 101 + 2 * index) + 0.3 * force
        accents.append(Accent(at, strength, strength > 0.66))
    return tuple(accents)


def _stressed(utterance: Utterance) -> list[Mark]:
    """The marks of stressed phonemes; without any, the longer words."""
    stressed = [mark for mark in utterance.phonemes() if mark.stressed]
    return stressed or [mark for mark in utterance.words() if len(mark.text) >= 5 or mark.text.isupper()]


_ANSWERS: dict[Expression, tuple[Expression, Brows, float]] = {
    Expression.LAUGH: (Expression.LAUGH, Brows.NEUTRAL, 0.75),
    Expression.SMILE: (Expression.SMILE, Brows.NEUTRAL, 0.55),
    Expression.SURPRISE: (Expression.SURPRISE, Brows.RAISED, 0.7),
    Expression.ANGER: (Expression.DOUBT, Brows.WORRIED, 0.6),
    Expression.DOUBT: (Expression.DOUBT, Brows.KNIT, 0.35),
}
"""Speaker's expression → the listener's, its brows, and how often it comes."""


def _responses(utterance: Utterance, beats: Sequence[Beat], length: int, chance: int) -> tuple[Response, ...]:
    """The listener's part: an expression after a beat that earns one, nods where a phrase ends."""
    responses: list[Response] = []
    for index, beat in enumerate(beats):
        draw, delay, stay = (unit(chance, 10_000 + 3 * index + part) for part in range(3))
        start = beat.end + round((0.15 + 0.4 * delay) * RATE)
        end = start + round((0.9 + 1.1 * stay) * RATE)
        if beat.expression in _ANSWERS and draw < _ANSWERS[beat.expression][2]:
            shown, brows, _ = _ANSWERS[beat.expression]
            responses.append(Response(beat.end, Beat(start, end, shown, brows, 0.8 * beat.strength)))
        elif beat.brows is Brows.RAISED and draw < 0.5:
            responses.append(Response(beat.end, Beat(start, end, brows=Brows.RAISED, strength=0.3)))
    for index, at in enumerate(_phrase_ends(utterance, length)):
        if unit(chance, 20_000 + 2 * index) < 0.6:
            start = at + round((0.2 + 0.35 * unit(chance, 20_001 + 2 * index)) * RATE)
            responses.append(Response(at, Beat(start, start), nod=0.5 + 0.5 * unit(chance, 30_000 + index)))
    return tuple(responses)


def _phrase_ends(utterance: Utterance, length: int) -> list[int]:
    """Where a listener may nod: after punctuation, at least 1.2 s apart, and at the end."""
    ends: list[int] = []
    for match in re.finditer(r"[,;:.!?…—]+(?=\s)", utterance.text):
        at = _time_of(utterance, match.end(), length)
        if at - (ends[-1] if ends else 0) > RATE * 6 // 5:
            ends.append(at)
    return [*(end for end in ends if length - end > RATE), length]
