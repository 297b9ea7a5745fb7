"""A sentence on its way to a voice of Piper: phonemes by clauses, and which written word each spoken one belongs to.

Pure. What the voice reads are ids of phonemes, with a pad after each; what it tells is how long each id lasts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from duologue.audio.resample import rescale
from duologue.speech.espeak.clauses import Clause
from duologue.speech.phoneme_times import TimedSymbol, phonemes_and_words
from duologue.speech.reading import ReadWord
from duologue.speech.utterance import Mark

_PAD, _BEGIN, _END = "_", "^", "$"
_LANGUAGE_SWITCH = re.compile(r"\([^)]+\)")


@dataclass(frozen=True, slots=True)
class PiperLine:
    """A sentence: its ``spoken`` text, its clauses there, and its words."""

    spoken: str
    clauses: tuple[Clause, ...]
    words: tuple[ReadWord, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """What is synthesised at once: the ``symbols`` of each clause, and the words in it."""

    symbols: tuple[tuple[str, ...], ...]
    words: tuple[tuple[ReadWord, ...], ...]


def passages(line: PiperLine, clusters: Sequence[Sequence[str]] = ()) -> tuple[Passage, ...]:
    """The sentences of a line as espeak-ng found them, each to be synthesised at once."""
    found: list[Passage] = []
    symbols: list[tuple[str, ...]] = []
    words: list[tuple[ReadWord, ...]] = []
    for clause in line.clauses:
        symbols.append(clause_symbols(clause, clusters))
        words.append(tuple(word for word in line.words if clause.begin <= word.begin < clause.end))
        if clause.ends:
            found.append(Passage(tuple(symbols), tuple(words)))
            symbols, words = [], []
    if symbols:
        found.append(Passage(tuple(symbols), tuple(words)))
    return tuple(passage for passage in found if any(map(_sounds, passage.symbols)))


def clause_symbols(clause: Clause, clusters: Sequence[Sequence[str]] = ()) -> tuple[str, ...]:
    """The symbols of a clause as Piper's voices were taught: code points, its mark, and a space where it goes on."""
    text = _LANGUAGE_SWITCH.sub("", clause.phonemes) + clause.mark
    if clause.mark in (",", ":", ";"):
        text += " "
    return _merged(list(unicodedata.normalize("NFD", text)), clusters)


def ids(passage: Passage, known: Mapping[str, Sequence[int]]) -> tuple[list[int], list[tuple[str, int]]]:
    """The ids of a passage, and each symbol with how many ids it has; those that the voice does not know are left
    out. The first and the last are those of begin and end.
    """
    pad = list(known.get(_PAD, ()))
    made = [*known.get(_BEGIN, ()), *pad]
    owned = [("", len(made))]
    for symbols in passage.symbols:
        for symbol in symbols:
            each = [*known[symbol], *pad] if symbol in known else []
            made += each
            owned.append((symbol, len(each)))
    end = list(known.get(_END, ()))
    return [*made, *end], [*owned, ("", len(end))]


def marks(passage: Passage, owned: Sequence[tuple[str, int]], samples: Sequence[int], rate: int) -> tuple[Mark, ...]:
    """The marks of a passage at the house's rate: ``samples`` is how long each id lasts, at ``rate``."""
    before = [0, *accumulate(samples)]
    at = owned[0][1]
    index = 1
    phonemes: list[Mark] = []
    words: list[Mark] = []
    for symbols, spoken in zip(passage.symbols, passage.words, strict=True):
        timed: list[TimedSymbol] = []
        for symbol in symbols:
            until = at + owned[index][1]
            timed.append(TimedSymbol(symbol, rescale(before[at], rate), rescale(before[until], rate)))
            at, index = until, index + 1
        sounds, found = phonemes_and_words(timed, [(word.end - word.begin, word.written) for word in spoken])
        phonemes += sounds
        if words and found and words[-1].offset == found[0].offset:  # a written word that is said in two clauses
            found[0] = replace(found[0], start=words.pop().start)
        words += found
    return (*phonemes, *words)


def _sounds(symbols: Sequence[str]) -> bool:
    return any(unicodedata.category(symbol[0])[0] == "L" for symbol in symbols)


def _merged(symbols: list[str], clusters: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Neighbours that a voice knows as one symbol become one, the longest first."""
    known = sorted({tuple(cluster) for cluster in clusters}, key=len, reverse=True)
    made: list[str] = []
    at = 0
    while at < len(symbols):
        match = next((each for each in known if tuple(symbols[at : at + len(each)]) == each), (symbols[at],))
        made.append("".join(match))
        at += len(match)
    return tuple(made)
