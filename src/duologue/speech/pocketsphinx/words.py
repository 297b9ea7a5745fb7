"""From written text to words that PocketSphinx's dictionary may know, and a pronunciation for those it does not.

The dictionary is CMU's: lower case, apostrophes inside words, no digits. Phones are ARPAbet without stress. What is
written otherwise than it is said is read as our own voices read it (:mod:`duologue.speech.reading`), and as they are
told to by English's rules, since the dictionary is English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from duologue.language.languages import load_language
from duologue.speech.reading import read

_SPOKEN = re.compile(
    r"(?P<number>\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.(?P<digits>\d+)|(?P<ordinal>st|nd|rd|th)\b)?"
    r"|(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)|(?P<sign>[%&+=])"
)
_SIGNS = {"%": "percent", "&": "and", "+": "plus", "=": "equals"}
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_VARIANT = re.compile(r"\(\d+\)$")
_ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ((1_000_000, "million"), (1_000, "thousand"), (100, "hundred"))
_LARGEST = 999_999_999

# Letters to phones, the longest first at each place. English spelling has more exceptions than rules: these serve
# names and new words, which come in no dictionary.
_RULES = {
    "tion": "SH AH N", "sion": "ZH AH N", "ough": "AO", "augh": "AO", "eigh": "EY", "igh": "AY", "tch": "CH",
    "sch": "SH", "ck": "K", "ch": "CH", "sh": "SH", "th": "TH", "ph": "F", "wh": "W", "qu": "K W", "ng": "NG",
    "gh": "G", "kn": "N", "wr": "R", "oo": "UW", "ee": "IY", "ea": "IY", "ai": "EY", "ay": "EY", "oa": "OW",
    "ou": "AW", "ow": "OW", "oi": "OY", "oy": "OY", "au": "AO", "aw": "AO", "ie": "IY", "ei": "EY", "eu": "Y UW",
    "ew": "Y UW", "ue": "UW", "er": "ER", "ir": "ER", "ur": "ER", "ar": "AA R", "or": "AO R", "ce": "S", "ci": "S IH",
    "cy": "S IY", "ge": "JH", "x": "K S", "a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G",
    "h": "HH", "i": "IH", "j": "JH", "k": "K", "l": "L", "m": "M", "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R",
    "s": "S", "t": "T", "u": "AH", "v": "V", "w": "W", "y": "IY", "z": "Z",
}  # fmt: skip
_LONGEST = max(map(len, _RULES))
_UNSPELLABLE = "AH"
"""For a word of letters that English does not have: it must sound like something to have a place."""


@dataclass(frozen=True, slots=True)
class DictionaryWord:
    """A word as it stands in the text at ``offset``, and the dictionary words that are said for it."""

    text: str
    offset: int
    spoken: tuple[str, ...]


def written_words(text: str) -> tuple[DictionaryWord, ...]:
    """The words of a text in order; sums, times, dates, numbers and signs are read out."""
    reading = read(text, load_language("en").reading)
    until = [word.begin for word in reading.words[1:]] + [len(reading.spoken)]  # a sign behind a word is its own
    found: list[DictionaryWord] = []
    said = zip(reading.words, until, strict=False)
    for written, own in groupby(said, key=lambda each: each[0].written):
        spoken = tuple(part for word, end in own for part in _spoken(reading.spoken[word.begin : end]))
        if spoken:
            found.append(DictionaryWord(written.text, written.offset, spoken))
    return tuple(found)


def _spoken(piece: str) -> Iterator[str]:
    """The dictionary words of a piece of a reading, which leaves plain numbers and signs to the voice."""
    for match in _SPOKEN.finditer(piece):
        number, digits, word, sign = match["number"], match["digits"], match["word"], match["sign"]
        if number is None:
            yield word.lower().replace("’", "'") if word is not None else _SIGNS[sign]
            continue
        *before, last = number_words(number.replace(",", ""))
        yield from before
        if match["ordinal"]:
            last = _ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
        yield last
        if digits is not None:
            yield from ("point", *(_ONES[int(digit)] for digit in digits))


def dictionary_words(text: str) -> tuple[str, ...]:
    """The dictionary words of a text in order."""
    return tuple(word for written in written_words(text) for word in written.spoken)


def plain(word: str) -> str:
    """A word of a result without the number of its pronunciation: ``and(2)`` is ``and``. Empty for a filler."""
    return "" if word.startswith(("<", "[", "+", "(")) else _VARIANT.sub("", word)


def number_words(digits: str) -> tuple[str, ...]:
    """A number read out; one with a leading zero, or beyond the millions, digit by digit."""
    long = len(digits) > len(str(_LARGEST))  # asked first: Python refuses to read more than 4,300 of them
    if long or int(digits) > _LARGEST or (digits[0] == "0" and len(digits) > 1):
        return tuple(_ONES[int(digit)] for digit in digits)
    return tuple(_read(int(digits))) or ("zero",)


def _read(value: int) -> list[str]:
    for size, name in _SCALES:
        if value >= size:
            return [*_read(value // size), name, *_read(value % size)]
    if value >= 20:
        return [_TENS[value // 10 - 2], *_read(value % 10)]
    return [_ONES[value]] if value else []


def pronounce(word: str) -> str:
    """A pronunciation by rule: ARPAbet phones with blanks between; never empty."""
    letters = "".join(letter for letter in word.lower() if "a" <= letter <= "z")
    if len(letters) > 2 and letters[-1] == "e" and letters[-2] not in "aeiouy":
        letters = letters[:-2] + letters[-2] if letters[-2] not in "cg" else letters
    phones: list[str] = []
    at = 0
    while at < len(letters):
        size = next(size for size in range(_LONGEST, 0, -1) if letters[at : at + size] in _RULES)
        sound = _RULES[letters[at : at + size]]
        if size > 1 or at == 0 or letters[at] != letters[at - 1]:  # a doubled letter is said once
            phones.append(sound)
        at += size
    return " ".join(phones) or _UNSPELLABLE
