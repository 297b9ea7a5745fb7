"""Where lip sync gets its sounds from: phoneme marks, else the letters of the words, else the sound itself.

Letters and the sound are approximations and meant as such: they move a mouth plausibly at the right times, no more.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from duologue.audio.pcm import RATE
from duologue.speech.utterance import Mark, Utterance
from duologue.stage.lipsync.phonemes import DEMANDS, PAUSE, sounds


@dataclass(frozen=True, slots=True)
class Phone:
    """A sound (a key of :data:`duologue.stage.lipsync.phonemes.DEMANDS`) with its place in show samples (48 kHz)."""

    sound: str
    start: int
    end: int
    stressed: bool = False


def phones_of(utterance: Utterance) -> list[Phone]:
    """The sounds of ``utterance`` in order, none overlapping another, from the best source there is."""
    if utterance.alphabet and (marks := utterance.phonemes()):
        return from_marks(marks, utterance.alphabet, utterance.rate)
    if words := utterance.words():
        return from_words(words, utterance.rate)
    return from_sound(utterance.samples, utterance.rate)


def from_marks(marks: tuple[Mark, ...], alphabet: str, rate: int) -> list[Phone]:
    """The sounds of phoneme marks; a mark that holds several shares its time equally."""
    phones: list[Phone] = []
    reached = 0
    for mark in sorted(marks, key=lambda mark: (mark.start, mark.end)):
        start, end = max(mark.start * RATE // rate, reached), mark.end * RATE // rate
        if end <= start:
            continue
        phones += _share(sounds(mark.text, alphabet), start, end, mark.stressed)
        reached = end
    return phones


def _share(names: tuple[str, ...], start: int, end: int, stressed: bool) -> list[Phone]:
    edges = [start + (end - start) * part // len(names) for part in range(len(names) + 1)]
    return [Phone(name, *span, stressed) for name, span in zip(names, itertools.pairwise(edges), strict=True)]


_LETTERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("igh", ("AY",)), ("tch", ("CH",)), ("oul", ("UH",)), ("ck", ("K",)), ("ch", ("CH",)), ("sh", ("SH",)),
    ("th", ("TH",)), ("ph", ("F",)), ("wh", ("W",)), ("ng", ("NG",)), ("qu", ("K", "W")), ("ee", ("IY",)),
    ("ea", ("IY",)), ("oo", ("UW",)), ("ou", ("AW",)), ("ow", ("OW",)), ("oa", ("OW",)), ("oi", ("OY",)),
    ("oy", ("OY",)), ("ai", ("EY",)), ("ay", ("EY",)), ("au", ("AO",)), ("aw", ("AO",)), ("er", ("ER",)),
    ("ir", ("ER",)), ("ur", ("ER",)), ("ar", ("AA", "R")), ("or", ("AO", "R")), ("ew", ("UW",)), ("ie", ("IY",)),
    ("a", ("AE",)), ("e", ("EH",)), ("i", ("IH",)), ("o", ("AO",)), ("u", ("AH",)), ("y", ("IY",)), ("b", ("B",)),
    ("c", ("K",)), ("d", ("D",)), ("f", ("F",)), ("g", ("G",)), ("h", ("HH",)), ("j", ("JH",)), ("k", ("K",)),
    ("l", ("L",)), ("m", ("M",)), ("n", ("N",)), ("p", ("P",)), ("r", ("R",)), ("s", ("S",)), ("t", ("T",)),
    ("v", ("V",)), ("w", ("W",)), ("x", ("K", "S")), ("z", ("Z",)),
)  # fmt: skip
"""Spellings, the longest first."""
_SPELLING = re.compile("|".join(spelling for spelling, _ in _LETTERS))
_SOUNDS: dict[str, tuple[str, ...]] = dict(_LETTERS)


def spell(word: str) -> list[str]:
    """The sounds that an English word's letters suggest; a word without Latin letters suggests an open vowel."""
    letters = re.sub(r"([^aeiou])\1", r"\1", re.sub(r"[^a-z]", "", word.lower()))
    if len(letters) > 3 and letters.endswith("e") and letters[-2] not in "aeiou":
        letters = letters[:-1]
    found = [sound for match in _SPELLING.finditer(letters) for sound in _SOUNDS[match.group()]]
    return found or ["AH"]


def from_words(marks: tuple[Mark, ...], rate: int) -> list[Phone]:
    """The sounds that the words' letters suggest; vowels get twice the time of consonants."""
    phones: list[Phone] = []
    reached = 0
    for mark in marks:
        start, end = max(mark.start * RATE // rate, reached), mark.end * RATE // rate
        names = spell(mark.text)
        shares = list(itertools.accumulate((2 if DEMANDS[name].vowel else 1 for name in names), initial=0))
        edges = [start + (end - start) * share // shares[-1] for share in shares]
        if end > start:
            phones += [Phone(name, *span) for name, span in zip(names, itertools.pairwise(edges), strict=True)]
            reached = end
    return phones


_HOP = RATE // 50
"""Sound is judged in steps of 20 ms."""
_SILENT, _FAINT, _MIDDLE, _LOUD = -36.0, -22.0, -11.0, -5.0
"""Decibels below the line's loud parts that part the sounds."""


def from_sound(samples: NDArray[np.float32], rate: int) -> list[Phone]:
    """Sounds guessed from loudness and tilt: louder opens wider, hissing clenches, dark puckers, a dip closes.

    Loudness is the RMS of 20 ms against the line's 95th percentile; the tilt is told by zero crossings per second.
    """
    hop = max(1, round(_HOP * rate / RATE))
    count = len(samples) // hop
    if count == 0:
        return []
    frames = samples[: count * hop].reshape(count, hop)
    rms = np.sqrt(np.mean(np.square(frames, dtype=np.float64), axis=1))
    loud = float(np.percentile(rms, 95))
    if loud < 1e-4:
        return []
    level = 20 * np.log10(np.maximum(rms, 1e-9) / loud)
    crossings = np.count_nonzero(np.diff(np.signbit(frames), axis=1), axis=1) * rate / hop
    names = [_guess(float(decibels), float(rate_of)) for decibels, rate_of in zip(level, crossings, strict=True)]
    return _joined(names)


def _guess(level: float, crossings: float) -> str:
    if level < _SILENT:
        return PAUSE
    if crossings > 4500:
        return "S"
    if level < _FAINT:
        return "M"
    if level < _MIDDLE:
        return "IH"
    if crossings < 900:
        return "UW"
    return "AA" if level > _LOUD else "EH"


def _joined(names: list[str]) -> list[Phone]:
    phones: list[Phone] = []
    at = 0
    for name, run in itertools.groupby(names):
        end = at + len(list(run)) * _HOP
        phones.append(Phone(name, at, end))
        at = end
    return phones
