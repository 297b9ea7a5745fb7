"""The words of a text as marks name them: cut at white space and dashes, without the punctuation around them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(r"[^\s\u2013\u2014\u2026]+")
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")


@dataclass(frozen=True, slots=True)
class WrittenWord:
    """A word of a text: its letters, and where they begin.

    ``begin`` is where the word begins with the punctuation around it. Punctuation alone is not ``spoken``, and is its
    own text.
    """

    text: str
    offset: int
    begin: int
    spoken: bool = True

    @property
    def end(self) -> int:
        """One past its last character."""
        return self.offset + len(self.text)


def written_words(text: str) -> tuple[WrittenWord, ...]:
    """All that stands between the gaps of ``text``."""
    found: list[WrittenWord] = []
    for match in _TOKEN.finditer(text):
        token, begin = match.group(), match.start()
        word = _EDGES.sub("", token)
        found.append(WrittenWord(word or token, begin + token.index(word), begin, bool(word)))
    return tuple(found)


def spoken_words(text: str) -> tuple[WrittenWord, ...]:
    """Those that hold a letter or a digit."""
    return tuple(word for word in written_words(text) if word.spoken)


def says_something(text: str) -> bool:
    """Whether there is a letter or a digit: dots alone are nothing to say, and cost nothing."""
    return any(character.isalnum() for character in text)
