"""From timed IPA symbols to phoneme and word marks. Pure.

Models time what they read: letters of the IPA one by one, with signs of stress and length, blanks and punctuation among
them. Signs join the phoneme they belong to; a blank ends a word. espeak-ng runs words together at times ("of the"), so
when there are as many groups as words they are paired, and else the words share the sounding time by their letters.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from duologue.speech.utterance import Mark, MarkKind
from duologue.speech.words import WrittenWord

_STRESS = "ˈˌ'"
_JOINS_PREVIOUS = "ːˑ˞ʰʲʷˠˤ̩̯"


@dataclass(frozen=True, slots=True)
class TimedSymbol:
    """What the model read and when it sounds, in samples from the start of the sentence."""

    symbol: str
    start: int
    end: int


def phonemes_and_words(
    symbols: Sequence[TimedSymbol], words: Sequence[tuple[int, WrittenWord]]
) -> tuple[list[Mark], list[Mark]]:
    """The marks of what was read, of words as they are spoken: the letters of each, and the written word that it
    belongs to. Spoken words of one written word are one mark.
    """
    groups = _groups(symbols)
    spans = [(group[0].start, group[-1].end) for group in groups]
    return [phoneme for group in groups for phoneme in group], _words(words, spans)


def _groups(symbols: Sequence[TimedSymbol]) -> list[list[Mark]]:
    """Phonemes by the words that were read; a sign before its phoneme gives it its time."""
    groups: list[list[Mark]] = [[]]
    stressed, begin = False, -1
    for symbol in symbols:
        sign, group = symbol.symbol, groups[-1]
        if sign in _STRESS:
            stressed, begin = stressed or sign == _STRESS[0], symbol.start if begin < 0 else begin
        elif group and (sign in _JOINS_PREVIOUS or unicodedata.combining(sign[0])):
            last = group[-1]
            group[-1] = Mark(last.kind, last.text + sign, last.start, max(symbol.end, last.end), stressed=last.stressed)
            begin = -1
        elif unicodedata.category(sign[0])[0] == "L":
            start = symbol.start if begin < 0 else begin
            group.append(Mark(MarkKind.PHONEME, sign, start, max(start, symbol.end), stressed=stressed))
            stressed, begin = False, -1
        elif group and sign.isspace():
            groups.append([])
            stressed, begin = False, -1
    return [group for group in groups if group]


def _words(words: Sequence[tuple[int, WrittenWord]], spans: Sequence[tuple[int, int]]) -> list[Mark]:
    if not words or not spans:
        return []
    if len(words) != len(spans):
        spans = _shared([letters for letters, _ in words], spans)
    found: list[Mark] = []
    for (_, word), (start, end) in zip(words, spans, strict=True):
        if found and found[-1].offset == word.offset:
            start = found.pop().start
        found.append(Mark(MarkKind.WORD, word.text, start, end, offset=word.offset))
    return found


def _shared(weights: Sequence[int], spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Share the time inside ``spans`` by ``weights``; the gaps between spans belong to nobody."""
    before = [0, *accumulate(end - start for start, end in spans)]
    total, sounding = sum(weights), before[-1]

    def at(share: int) -> int:
        wanted = share * sounding // total
        index = min(bisect_right(before, wanted) - 1, len(spans) - 1)
        return spans[index][0] + wanted - before[index]

    edges = [0, *accumulate(weights)]
    return [(at(begin), at(end)) for begin, end in pairwise(edges)]
