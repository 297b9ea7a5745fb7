"""A long text in pieces that are said one after another, and sound as if they were one. Pure.

A piece is whole sentences, or a part of one that ends where a clause ends: at a comma or a dash rather than at a
semicolon or a colon, for these sound like an end. Where none ends, a piece ends after a word that can stand at
the end of one, and a comma tells the voice that it goes on. An address is not cut.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from duologue.language.languages import ENGLISH, Language
from duologue.language.text import sentences as split_sentences

LEAST = 24
"""Characters of the shortest part of a sentence, where it is a matter of choice."""
_BORDERS = (
    re.compile(r"""[,，、]["'”’»)]*(?=\s)|(?<=\s)[–—-](?=\s)|—|[，、]"""),
    re.compile(r"""[;:]["'”’»)]*(?=\s)|[；：]"""),
)
_WORD_END = re.compile(r"(\w+)(?=\s)")
_BLANK = re.compile(r"\s+")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S{1,600}")
"""Hardly any of it is said, and what was cut off would be read as it stands."""
_GOES_ON = ","


class SpokenPiece(NamedTuple):
    """``text`` to be said for what stands from ``begin`` to ``end``."""

    text: str
    begin: int
    end: int


def in_clauses(text: str, most: int, language: Language = ENGLISH, first: int | None = None) -> list[SpokenPiece]:
    """``text`` in pieces of at most ``most`` characters (but for an address at the end of one), and a comma behind one
    that ends nowhere; what must be cut begins with one of at most ``first``. No word is lost.
    """
    leaning = language.turns.leaning | language.turns.open
    pieces: list[SpokenPiece] = []
    for begin, end in _grouped(text, most, language):
        for start, stop in _parts(text, begin, end, most, first or most, leaning):
            words = text[start:stop].strip()
            if not words:
                continue
            start += len(text[start:stop]) - len(text[start:stop].lstrip())
            goes_on = stop < end and words[-1].isalnum() and text[stop].isspace()
            pieces.append(SpokenPiece(words + _GOES_ON * goes_on, start, stop))
    return pieces


def _grouped(text: str, most: int, language: Language) -> Iterator[tuple[int, int]]:
    """Stretches of whole sentences: as many as go into ``most`` characters, else one."""
    begin = end = 0
    for sentence in split_sentences(text, language):
        stop = text.index(sentence, end) + len(sentence)
        if begin < end and stop - begin > most:
            yield begin, end
            begin = end
        end = stop
    if begin < len(text):
        yield begin, len(text)


def _parts(
    text: str, begin: int, end: int, most: int, first: int, leaning: Collection[str]
) -> Iterator[tuple[int, int]]:
    """One stretch in parts of ``most`` characters at the most, the first of ``first``, the last no shorter than it must
    be.
    """
    limit = first
    while len(text[begin:end].strip()) > most:
        begin += len(text[begin:end]) - len(text[begin:end].lstrip())
        stop = _cut(text, begin, end, limit, leaning)
        yield begin, stop
        begin, limit = stop, most
    yield begin, end


def _cut(text: str, begin: int, end: int, most: int, leaning: Collection[str]) -> int:
    """Where the first part of what is between ``begin`` and ``end`` ends."""
    least, limit = begin + min(LEAST, most // 2), begin + most
    for address in _ADDRESS.finditer(text, begin, end):
        if address.start() <= limit < address.end():
            return address.end()
    for border in _BORDERS:
        places = [place for match in border.finditer(text, begin, end) if least <= (place := match.end()) <= limit]
        if places:
            return next((place for place in reversed(places) if end - place >= min(LEAST, most // 2)), places[-1])
    words = [match for match in _WORD_END.finditer(text, least, end) if match.end() <= limit]
    firm = [match for match in words if match[1].casefold() not in leaning]
    if words:
        return (firm or words)[-1].end()
    return next(
        (match.start() for match in reversed([*_BLANK.finditer(text, begin, limit)]) if match.start() > begin), limit
    )
