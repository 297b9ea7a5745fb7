"""Where a sentence ends: the rules of the chunker, as pure functions on the text so far.

A terminal mark followed by white space ends a sentence, unless it belongs to an abbreviation, an initial, a list number
or an ellipsis in mid-thought. Some of these can only be told by what follows; :class:`SentenceEnd` says how much of it
the chunker must wait for. Nothing here looks further ahead than that, so that a voice may begin early.
"""

from __future__ import annotations

import re
from enum import Enum

from duologue.language.languages import Sentences

TAIL = 40
"""So many characters before a boundary are looked at."""

_TERMINAL = re.compile(r"""([.!?…]+)(["'”’»)\]*_]*)\Z""")
_WIDE_TERMINAL = re.compile(r"""[。！？]["'”’」』）]*\Z""")
_WIDE_MORE = "。！？\"'”’」』）"
_LIST_NUMBER = re.compile(r"\s*(?:[-*•]\s+)?(?:\d{1,3}|[A-Za-z])\.\Z")
_ORDINAL = re.compile(r"(?:\A|[\s(])\d{1,2}\.\Z")
_LAST_WORD = re.compile(r"[^\s(\[{\"'“‘«/—–]+\Z")
_INITIALS = re.compile(r"(?:[a-z]\.)+\Z")
_OPEN_LINK = re.compile(r"\[[^\]\n]*\Z|\]\([^)\s]*\Z")
_CLAUSE = re.compile(r"[,;:](?=\s)|(?<=\s)[–—-](?=\s)|—|[，；：、]")


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


def wide_ending(text: str, following: str) -> bool:
    """True if ``text`` ends a sentence in a script without spaces, before the character ``following``."""
    return text[-1:] in _WIDE_MORE and following not in _WIDE_MORE and bool(_WIDE_TERMINAL.search(text))


def open_inline(text: str) -> bool:
    """True inside inline code, or inside the brackets of a link: no place to cut."""
    return text.count("`") % 2 == 1 or bool(_OPEN_LINK.search(text))


def clause_end(text: str, least: int) -> int:
    """The last place at which ``text`` may be cut between clauses, at least ``least`` characters in; 0 if none."""
    places = [match.end() for match in _CLAUSE.finditer(text) if match.end() >= least]
    return next((place for place in reversed(places) if not open_inline(text[:place])), 0)


def emergency_end(text: str) -> int:
    """Where to cut a sentence that is far too long: after a clause, else between words, else where it stands."""
    half = len(text) // 2
    return clause_end(text, half) or max(text.rfind(" ", half), 0) or len(text)


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
