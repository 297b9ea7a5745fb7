"""What a voice says of a sentence that was written for a page: no marks, no long code, no smileys.

Pure, and for one sentence at a time; what is usual for any text (emphasis, stage directions, emoji, name labels) is
:func:`duologue.language.text.clean`'s, which has the last word.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from duologue.language.languages import ENGLISH, Language
from duologue.language.text import clean

LONG_CODE = 40
"""Longer inline code (characters) is named, not read."""

_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_RULE = re.compile(r"^(?=.*[-*_=]{3})[-*_=|: \t]+$", re.MULTILINE)
_MUTE = (re.compile(r"~~"), re.compile(r"(?<!\S)[:;]-?[()DPp](?!\S)"), re.compile(r"\A\s*[A-Za-z]\)\s+"))
"""What nobody says: struck-out text, a smiley, the letter of a list."""
_PLAIN = re.compile(r"(?:[A-Za-z ,!?']|\.(?![A-Za-z]))*")
"""Most sentences: nothing in them is for a page."""


def speakable(raw: str, names: Iterable[str] = (), language: Language = ENGLISH) -> str:
    """What a voice should say of ``raw``, one line; empty if there is nothing to say. ``names`` as in ``clean``."""
    if _PLAIN.fullmatch(raw):
        return clean(raw, names, language)
    return clean(_said(raw, language), names, language)


def _said(raw: str, language: Language) -> str:
    """``raw`` without what is there for the eye alone."""
    text = _LINK.sub(r"\1", html.unescape(raw))
    text = _CODE.sub(lambda match: _code(match[2], language), text)
    text = _RULE.sub("", text)
    if text.lstrip().startswith("|"):
        text = re.sub(r"\s*\|\s*", ", ", text.strip().strip("|").strip())
    for pattern in _MUTE:
        text = pattern.sub("", text)
    return text


def _code(code: str, language: Language) -> str:
    return language.some_code if len(code) > LONG_CODE or "\n" in code else code
