"""The words of a language that turn-taking knows, and what a character says in need: one file a language in ``data/``.

A language without a file has no such words: turns end by pauses and by what marks the ears set, every word asks for the
floor, and what is said in need is English. Whoever asks is told that (:attr:`Words.known`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path

_DATA = Path(__file__).parent / "data"
ENGLISH = "en"


def _none() -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True)
class Words:
    """What each group is for stands in the files. ``apologies`` are honest sentences, by the stage that failed."""

    known: bool = False
    backchannels: frozenset[str] = field(default_factory=_none)
    open: frozenset[str] = field(default_factory=_none)
    leaning: frozenset[str] = field(default_factory=_none)
    joining: frozenset[str] = field(default_factory=_none)
    standing: frozenset[str] = field(default_factory=_none)
    numbers: frozenset[str] = field(default_factory=_none)
    spelling: frozenset[str] = field(default_factory=_none)
    letters_that_are_words: frozenset[str] = field(default_factory=_none)
    asking: frozenset[str] = field(default_factory=_none)
    wh: frozenset[str] = field(default_factory=_none)
    stranded: frozenset[str] = field(default_factory=_none)
    closing: frozenset[str] = field(default_factory=_none)
    before_that: frozenset[str] = field(default_factory=_none)
    that: frozenset[str] = field(default_factory=_none)
    leading: frozenset[str] = field(default_factory=_none)
    pronouns: frozenset[str] = field(default_factory=_none)
    auxiliaries: frozenset[str] = field(default_factory=_none)
    whole: frozenset[str] = field(default_factory=_none)
    apologies: Mapping[str, str] = field(default_factory=dict[str, str])

    def only_joins(self, word: str) -> bool:
        """A short word that joins others, and says nothing alone."""
        return word not in self.standing and (word in self.open or word in self.leaning or word in self.joining)


@cache
def words_for(language: str) -> Words:
    """Of ``language``, a tag like ``en`` or ``en-GB``."""
    file = _DATA / f"{language.partition('-')[0].casefold()}.toml"
    if not file.stem.isalpha() or not file.is_file():
        return Words(apologies=words_for(ENGLISH).apologies)
    data = tomllib.loads(file.read_text("utf-8"))
    groups = {each.name for each in fields(Words)} - {"known", "apologies"}
    return Words(True, apologies=data["apologies"], **{name: frozenset(data[name].split()) for name in groups})
