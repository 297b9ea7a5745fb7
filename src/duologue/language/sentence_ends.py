"""Where a sentence ends, as pure functions on the text so far.

A terminal mark followed by white space ends a sentence, unless it belongs to an abbreviation, an initial, a list number
or an ellipsis in mid-thought. Some of these can only be told by what follows; :class:`SentenceEnd` says how much of it
somebody who reads a stream must wait for. Nothing here looks further ahead than that, so that a voice may begin early.
"""

from __future__ import annotations

import re
from enum import Enum

from duologue.language.languages import Sentences

TAIL = 40
"""So many characters before a boundary are looked at."""

_TERMINAL = re.compile(r"""([.!?…]+)(["'”’»)\]*_]*)\Z""")
_LIST_NUMBER = re.compile(r"\s*(?:[-*•]\s+)?(?:\d{1,3}|[A-Za-z])\.\Z")
_ORDINAL = re.compile(r"(?:\A|[\s(])\d{1,2}\.\Z")
_LAST_WORD = re.compile(r"[^\s(\[{\"'“‘«/—–]+\Z")
_INITIALS = re.compile(r"(?:[a-z]\.)+\Z")


class SentenceEnd(Enum):
    """What a terminal mark and the white space after it say."""

    NONE = 0
    SURE = 1
    UNLESS_SMALL = 2
    """The sentence goes on if a small letter follows."""
    UNLESS_NUMBER = 3
    """It goes on if a digit follows."""
    BEFORE_FIRST_WORD = 4
    """It has ended if a word follows that usually begins one."""


def ending(text: str, known: Sentences) -> SentenceEnd:
    """How ``text`` ends, now that white space follows it, by what is ``known`` of its language."""
    match = _TERMINAL.search(text, max(0, len(text) - TAIL))
    if match is None:
        return SentenceEnd.NONE
    marks, closers = match.groups()
    if marks != ".":
        mid_thought = "…" in marks or marks.startswith("..")
        return SentenceEnd.UNLESS_SMALL if mid_thought or closers.strip("*_") else SentenceEnd.SURE
    if _LIST_NUMBER.fullmatch(text):
        return SentenceEnd.NONE
    return SentenceEnd.SURE if closers else _after_word(text, known)


def goes_on(kind: SentenceEnd, following: str, known: Sentences) -> bool | None:
    """True if the sentence goes on in ``following`` (no white space in front), None if that cannot be told yet."""
    if not following:
        return None
    if kind is SentenceEnd.UNLESS_SMALL:
        return following[0].islower()
    if kind is SentenceEnd.UNLESS_NUMBER:
        return following[0].isdecimal()
    word = following.lstrip("\"'“‘(*_")
    if not word:
        return None if len(following) < TAIL else True
    if not word[0].isupper():
        return True
    letters = re.match(r"\w+", word)
    assert letters is not None
    if letters.end() == len(word) < TAIL:
        return None
    return letters.group().casefold() not in known.first_words


def _after_word(text: str, known: Sentences) -> SentenceEnd:
    """A single full stop right after a word."""
    match = _LAST_WORD.search(text, max(0, len(text) - TAIL))
    word = match.group().casefold().lstrip("*_") if match else ""
    if word in known.always:
        return SentenceEnd.NONE
    if word in known.before_number:
        return SentenceEnd.UNLESS_NUMBER
    if word in known.before_small:
        return SentenceEnd.UNLESS_SMALL
    if known.ordinals and _ORDINAL.search(text, max(0, len(text) - TAIL)):
        return SentenceEnd.BEFORE_FIRST_WORD
    if word in known.before_name or _INITIALS.fullmatch(word):
        return SentenceEnd.BEFORE_FIRST_WORD
    return SentenceEnd.SURE
