"""The words of one pass of Whisper: where each lies, and which of them nobody said. Pure.

With a window that is little longer than the speech the model, when it has written all, writes it again to fill the
time. Its cross attention gives that copy away: alignment goes through the sound once, from left to right, so what was
said fills it, and the copy is squeezed in where nothing is left, dozens of letters within a few hundredths of a second.
Words that were said twice have their own sound each. So time decides, and equal text alone removes nothing.

A short copy finds a place behind the voice, in what is left of the sound there: where a tail repeats how the text
begins, it has to lie within the voice for the greater part. And no word lies in a tone: see :func:`sounds_spoken`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from duologue.audio.pcm import Samples
from duologue.speech.hearing import EAR_RATE, Transcript
from duologue.speech.utterance import Mark, MarkKind

FASTEST = 30.0
"""Letters of a second that nobody speaks in; quick talkers reach 25."""
SLACK = 2
"""Letters for which alignment may leave no time at all: it counts in fiftieths of a second."""
INSTANT = 0.021
"""A word as short (s) may begin what was not said."""
LEAST_LETTERS = 3
"""A word counts as so many at least: digits are read out."""
CERTAIN = 0.8
"""Of words without time, on average, that are believed nevertheless."""
SENTENCE_MARKS = frozenset(".?!")
COPY_SHARE = 0.5
"""Of a tail that repeats how the text begins, that lies within the voice."""
BROAD_BANDS = 12
"""Mel bands within :data:`BROAD_DECADES` of the strongest: a voice fills more, a tone, or the two of a telephone's
signals, fewer (5 and 10)."""
BROAD_DECADES = 3.0
LOUD_DECADES = 2.0
"""Above the least of a window, which is 8 below its peak or silence."""
BROAD_SHARE = 0.2
"""Of a word's frames that are broad. Words of people have 0.3 and more, also by telephone, a tone's have 0.01."""
LEAST_BROAD = 6
"""Frames: where a tone begins or stops there are 3."""
BESIDE = 3
"""Frames beside a word that are looked at too: alignment may leave it no time."""
QUIET_DECADES = 3.5
"""Below the loudest frame of a word nothing of it sounds any more."""
HUSH_PERCENT, HUSH_DECADES = 5.0, 1.0
"""Nor what is hardly above the quietest frames of a pass: that is the room."""
LATE_END, LATE_START = 0.07, 0.02
"""By so much (s) alignment sets the border of two words later than the one ends and the next begins."""
APART = 0.1
"""Of a pause between two words (s), as alignment has them."""
BY_LETTERS = 0.5
"""Of the way from where alignment has the border of two words to where their letters would have it; with more of it
borders could cross."""
SOFT_END = 0.3
"""A word before a pause sounds on by so much (s) at most after alignment ends it…"""
UNSURE = 0.1
"""… and by so much after the voice is known to have gone."""
HUSHED = 10
"""Frames of silence that are a pause, where the closure of a "p" or a "t" has fewer. A word ends with the sound before
the first that begins within …"""
LATE_PAUSE = 0.2
"""… so much (s) of where alignment ends it, or later: that may lie in the next word, though not in the middle of it."""
SAME_END = 120 * EAR_RATE // 1000
"""By so much (samples) two passes differ about the end of a word."""
_FRAMES = 100
"""Frames of features in a second."""


@dataclass(frozen=True, slots=True)
class Said:
    """A word as the model wrote it, with its leading blank and its marks, in seconds from the start of the pass; with
    the number of its tokens.
    """

    text: str
    start: float
    end: float
    probability: float = 1.0
    tokens: int = 1


@dataclass(frozen=True, slots=True)
class Heard:
    """A word in samples from the start of the stretch."""

    text: str
    start: int
    end: int
    probability: float = 1.0


def unsaid_from(words: Sequence[Said]) -> int:
    """The number of the first word of the tail that nobody can have said; ``len(words)`` when all was."""
    found = len(words)
    for number in range(len(words) - 1, -1, -1):
        word = words[number]
        if word.end - word.start <= INSTANT and _crowded(words[number:]):
            found = number
    return found


def _crowded(words: Sequence[Said]) -> bool:
    """Whether the time is too short for the words from the first of them on, and never suffices farther on: behind a
    word of the text itself to which alignment left no time, the others have theirs, whatever comes at the end.
    """
    letters = 0
    for word in words:
        letters += _size(word)
        if letters <= FASTEST * max(0.0, word.end - words[0].start) + SLACK:
            return False
    return True


def crowded_out(words: Sequence[Said], first: int) -> list[Said] | None:
    """All words in their places where those from ``first`` on were said after all: alignment gave their time to the
    word before them. They are sure, repeat nothing, and with that word there is time for all; None: they were not.
    """
    tail, before = words[first:], words[first - 1] if first else None
    if before is None or not tail or sum(word.probability for word in tail) < CERTAIN * len(tail):
        return None
    sizes = [_size(word) for word in (before, *tail)]
    begin, end = before.start, words[-1].end
    if sum(sizes) > FASTEST * (end - begin) or _repeats(words, first):
        return None
    borders = [begin + (end - begin) * sum(sizes[:n]) / sum(sizes) for n in range(len(sizes) + 1)]
    placed = [replace(word, start=borders[n], end=borders[n + 1]) for n, word in enumerate((before, *tail))]
    return [*words[: first - 1], *placed]


def _repeats(words: Sequence[Said], first: int) -> bool:
    """Whether the words from ``first`` on begin as the text does or one of its sentences, or as what lies just before
    them.
    """
    texts = [_letters(word.text) for word in words]
    for begin in range(first):
        starts = begin == 0 or words[begin - 1].text.rstrip()[-1:] in SENTENCE_MARKS
        same = 1 if starts else min(len(texts) - first, first - begin)
        if texts[begin : begin + same] == texts[first : first + same] and (starts or begin + same == first):
            return True
    return False


def _size(word: Said) -> int:
    return max(_letters_of(word), LEAST_LETTERS)


def _letters_of(word: Said) -> int:
    return sum(map(str.isalnum, word.text))


def copied_from(words: Sequence[Said], voiced: float) -> int:
    """The number of the first word of a tail that repeats how the text begins and lies behind the voice, which went at
    ``voiced`` (s; 0: that is not known); ``len(words)`` when there is none.
    """
    texts = [_letters(word.text) for word in words]
    for first in range((len(words) + 1) // 2, len(words) if voiced else 0):
        begin, end = words[first].start, words[-1].end
        if texts[first:] == texts[: len(words) - first] and voiced - begin < COPY_SHARE * (end - begin):
            return first
    return len(words)


def sounds_spoken(word: Said, features: Samples) -> bool:
    """Whether the sound where the word was placed may be a voice: one fills many bands of ``features`` (bands, frames),
    as Whisper takes them, a tone few.
    """
    first = max(0, round(word.start * _FRAMES) - BESIDE)
    decades = 4.0 * features[:, first : round(word.end * _FRAMES) + BESIDE]
    if not decades.size:
        return False
    top = decades.max(axis=0)
    broad = (decades >= top - BROAD_DECADES).sum(axis=0) >= BROAD_BANDS
    heard = int(np.sum(broad & (top > 4.0 * features.min() + LOUD_DECADES)))
    return heard >= max(LEAST_BROAD, BROAD_SHARE * decades.shape[1])


def that_sound(words: Sequence[Said], features: Samples) -> list[Said]:
    """The words that lie where a voice may be. One that is sure, and to which alignment leaves no time, has the time
    since the word before it: of "yes, yes" the second is set behind its own sound now and then, where it is quiet.
    """
    found: list[Said] = []
    for word in words:
        timeless = bool(found) and word.end - word.start <= INSTANT and word.probability >= CERTAIN
        placed = replace(word, start=min(found[-1].end, word.start)) if timeless else word
        if sounds_spoken(placed, features):
            found.append(placed)
    return found


def evened(words: Sequence[Said]) -> list[Said]:
    """The words of which none is far too long for its letters beside a neighbour that is far too short: alignment gives
    "the" the beginning of "capital", and "umbrella" ends early. A border moves by :data:`BY_LETTERS`, except beside
    digits, which are read out, and at a mark, where there may be a pause.
    """
    found = list(words)
    for number, (one, other) in enumerate(pairwise(words)):
        if other.start > one.end or any(map(str.isdecimal, one.text + other.text)):
            continue
        share = _letters_of(one) / (_letters_of(one) + _letters_of(other))
        by = BY_LETTERS * (one.start + (other.end - one.start) * share - one.end)
        found[number] = replace(found[number], end=one.end + by)
        found[number + 1] = replace(other, start=one.end + by)
    return found


def as_they_sound(words: Sequence[Said], features: Samples, until: float) -> list[Said]:
    """The words where their sound is, of which none lies after ``until`` (s). Alignment sets borders late, gives a
    pause to the word before it, and ends a last word where it grows soft. In noise that drowns it a word stays where it
    is, but for its late borders.
    """
    tops = 4.0 * features[:, : round((until + UNSURE) * _FRAMES)].max(axis=0, initial=-np.inf)
    hush = float(np.percentile(tops, HUSH_PERCENT)) + HUSH_DECADES if tops.size else 0.0
    found: list[Said] = []
    resumed = np.inf
    for number, word in enumerate(words):
        following = words[number + 1] if number + 1 < len(words) else None
        begin = min(word.start, resumed)
        start = begin if not found else max(begin - LATE_START, found[-1].end)
        if following is None or following.start - word.end > APART:
            end, most = word.end, min(word.end + SOFT_END, following.start - LATE_END if following else until + UNSURE)
        else:
            end = most = word.end - LATE_END
        first = round(begin * _FRAMES)
        top = tops[first : round(most * _FRAMES)]
        sounds = top > max(float(top.max(initial=-np.inf)) - QUIET_DECADES, hush)
        pause = _pause(sounds, round((word.end - LATE_PAUSE) * _FRAMES) - first) if following else len(sounds)
        again = np.flatnonzero(sounds[pause:])
        resumed = (first + pause + int(again[0])) / _FRAMES if again.size else np.inf
        loud = np.flatnonzero(sounds[:pause])
        if loud.size:
            end = (first + int(loud[-1]) + 1) / _FRAMES
            start = max(start, min((first + int(loud[0])) / _FRAMES - LATE_START, end))
        end = max(end, begin + 1 / _FRAMES)
        found.append(replace(word, start=min(start, end), end=end))
    return found


def _pause(sounds: NDArray[np.bool_], begin: int) -> int:
    """Where the first pause behind a sound begins, from ``begin`` on, in what sounds; its length when there is none."""
    quiet, silence = 0, int(np.argmax(sounds)) if sounds.any() else len(sounds)
    for place in range(max(begin, silence), len(sounds)):
        quiet = 0 if sounds[place] else quiet + 1
        if quiet == HUSHED:
            return place + 1 - HUSHED
    return len(sounds)


def joined(before: Sequence[Heard], found: Sequence[Heard]) -> list[Heard]:
    """``before`` up to the first word that both have at the same place, and ``found`` from there on. Where they share
    none, what is found behind all of ``before`` follows it.
    """
    for number, word in enumerate(before):
        for other, each in enumerate(found):
            if abs(each.end - word.end) <= SAME_END and _letters(each.text) == _letters(word.text):
                return [*before[:number], *found[other:]]
    return [*before, *(word for word in found if not before or word.end > before[-1].end + SAME_END)]


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def transcript(words: Sequence[Heard], settled: int, final: bool = False, language: str = "") -> Transcript:
    """The words as the protocol has them, in order and without overlap; ``settled`` of them will not change."""
    text, stable, end = "", 0, 0
    marks: list[Mark] = []
    for number, word in enumerate(words):
        blank = " " if text and word.text[:1].isspace() else ""
        written = word.text.strip()
        start = max(word.start, end)
        end = max(word.end, start)
        marks.append(Mark(MarkKind.WORD, written, start, end, offset=len(text) + len(blank)))
        text += blank + written
        if number < settled:
            stable = len(text)
    sure = float(np.clip(np.mean([word.probability for word in words]), 0.0, 1.0)) if words else -1.0
    return Transcript(text, final, len(text) if final else stable, tuple(marks), sure, language)


def with_marks(words: Sequence[Said]) -> list[Said]:
    """Marks go with the word before them, but not the time that alignment gives them: that is the pause."""
    joined: list[Said] = []
    for word in words:
        if any(map(str.isalnum, word.text)):
            joined.append(word)
        elif joined:
            last = joined[-1]
            joined[-1] = replace(last, text=last.text + word.text.strip(), tokens=last.tokens + word.tokens)
    return joined
