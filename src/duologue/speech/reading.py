"""What a voice is given to read: written text with its abbreviations, sums, times and dates as they are spoken. Pure.

The rules are data of the language (``[[reading]]`` in its file): a pattern, and what is said instead. Plain numbers
stay digits, which espeak-ng reads in every language. Each word that is spoken knows the written word that it belongs
to, so marks, captions and what was heard speak of the written text only.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from duologue.language.languages import SHIPPED, Language, ReadingRules, load_language
from duologue.speech.words import WrittenWord, spoken_words

_TAG = re.compile(r"(?:\w+/)?(?P<tag>[a-z]{2,3})(?=[-+]|\Z)|(?P<name>[a-z]+)")
_NAMED = {"english": "en", "german": "de"}
"""Languages that have rules, as espeak-ng names their voices."""


@dataclass(frozen=True, slots=True)
class ReadWord:
    """A word as it is spoken: where it stands in the spoken text, and the written word that it belongs to."""

    begin: int
    end: int
    written: WrittenWord


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as it is ``spoken``, and its words in order; ``places`` has the written place of each character there."""

    spoken: str
    words: tuple[ReadWord, ...]
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of the written text, and what is said for it; ``told`` when a rule said so."""

    begin: int
    end: int
    said: str
    told: bool


def language_of(voice: str) -> Language:
    """Our language of one of espeak-ng's voices: a code (``en-us``), an identifier (``gmw/en-US``) or a name
    (``English (America)``).
    """
    found = _TAG.match(voice.lower())
    tag = found and (found["tag"] or _NAMED.get(found["name"]))
    return load_language(tag or "und")


def reading_rules() -> str:
    """What stands for the rules by which texts are read, for who keeps what was spoken."""
    rules = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(SHIPPED.glob("*.toml"))))
    return f"reading {rules.hexdigest()[:16]}"


def read(text: str, rules: Sequence[ReadingRules] = ()) -> Reading:
    """The reading of ``text``. Of rules that want the same letters the first has them; what it says is read again."""
    pieces = _pieces(text, rules)
    spoken = "".join(piece.said for piece in pieces)
    written = spoken_words(text)
    starts = [word.begin for word in written]
    words: list[ReadWord] = []
    places: list[int] = []
    found = iter(spoken_words(spoken))
    word = next(found, None)
    at = 0
    for piece in pieces:
        until = at + len(piece.said)
        inside: list[WrittenWord] = []
        while word is not None and word.offset < until:
            inside.append(word)
            word = next(found, None)
        places += [piece.begin] * len(piece.said) if piece.told else range(piece.begin, piece.end)
        begin = piece.end - max(1, len(text[piece.begin : piece.end].lstrip()))  # a blank in front is no word's
        first, last = (max(0, bisect_right(starts, place) - 1) for place in (begin, max(begin, piece.end - 1)))
        for index, each in enumerate(inside if written else ()):
            if piece.told:
                owner = first + index * (last - first + 1) // len(inside)
                place = min(max(piece.begin, starts[owner]), piece.end - 1)  # the first word may follow a sign
                places[each.offset :] = [place] * (until - each.offset)
            else:
                owner = max(0, bisect_right(starts, piece.begin + each.offset - at) - 1)
            words.append(ReadWord(each.offset, each.end, written[owner]))
        at = until
    return Reading(spoken, tuple(words), tuple(places))


def _again(said: str, rules: Sequence[ReadingRules]) -> str:
    """What a rule said, read by the rules in turn: a date of digits is a date in words then, and read like one."""
    for each in rules:
        if each.where is None or each.where.search(said):
            for pattern, more in each.rules:
                said = pattern.sub(more, said)
    return said


def _pieces(text: str, rules: Sequence[ReadingRules]) -> list[_Piece]:
    taken: list[tuple[int, int, str]] = []
    free = bytearray(b"\1" * len(text))
    tried = (rule for each in rules if each.where is None or each.where.search(text) for rule in each.rules)
    for pattern, said in tried:
        for match in pattern.finditer(text):
            begin, end = match.span()
            if end > begin and all(free[begin:end]):
                free[begin:end] = bytes(end - begin)
                taken.append((begin, end, _again(match.expand(said), rules)))
    pieces: list[_Piece] = []
    at = 0
    for begin, end, said in sorted(taken):
        if begin > at:
            pieces.append(_Piece(at, begin, text[at:begin], False))
        pieces.append(_Piece(begin, end, said, True))
        at = end
    if at < len(text):
        pieces.append(_Piece(at, len(text), text[at:], False))
    return pieces
