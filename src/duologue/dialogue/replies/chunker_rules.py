"""Where the chunker may cut a text beside the ends of its sentences (:mod:`duologue.language.sentence_ends`), as pure
functions on the text so far.
"""

from __future__ import annotations

import re

_WIDE_TERMINAL = re.compile(r"""[。！？]["'”’」』）]*\Z""")
_WIDE_MORE = "。！？\"'”’」』）"
_OPEN_LINK = re.compile(r"\[[^\]\n]*\Z|\]\([^)\s]*\Z")
_CLAUSE = re.compile(r"[,;:](?=\s)|(?<=\s)[–—-](?=\s)|—|[，；：、]")


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
