"""The clauses of a text as espeak-ng speaks them: phonemes of each, and the mark that ends it. Pure.

espeak-ng tells phonemes clause by clause and how far it has read, which is mostly a letter into the next clause; which
mark ended the clause it keeps to itself. The mark is what voices of Piper learnt melody from, so it is found again in
the text: the punctuation before the place that was reached.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_RUN = r"(?P<run>[.,:;!?…。，、；：？！]+|(?<=\s)-+(?=\s)|[–—]+)"
_CLOSING = r"""(?P<close>[\s"'”’)\]}»›“‘«„(\[]*)"""
_TAIL = re.compile(rf"{_RUN}{_CLOSING}\S?\Z")
_END = re.compile(rf"{_RUN}{_CLOSING}\Z")
_PARAGRAPH = re.compile(r"\s*\n[ \t]*\n\s*\S?\Z")
_MARKS = {"。": ".", "，": ",", "、": ",", "；": ";", "：": ":", "？": "?", "！": "!", "-": ";", "–": ";", "—": ";"}
_SENTENCE = ".?!"


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause: its ``phonemes`` (IPA, words apart by spaces), the ``mark`` that ended it (``.``, ``,``, ``?``, ``!``,
    ``;``, ``:`` or none), whether it ``ends`` a sentence, and where it stands in the text.
    """

    phonemes: str
    mark: str
    ends: bool
    begin: int
    end: int


def clauses(text: str, told: Sequence[tuple[str, int]]) -> tuple[Clause, ...]:
    """The clauses of ``text``, of what espeak-ng ``told``: the phonemes of each, and how far it had read then."""
    found: list[Clause] = []
    begin = 0
    for index, (phonemes, reached) in enumerate(told):
        last = index == len(told) - 1
        mark, ends, end = _ended(text, begin, len(text) if last else max(begin, reached), last)
        found.append(Clause(phonemes, mark, ends, begin, end))
        begin = end
    return tuple(found)


def _ended(text: str, begin: int, reached: int, last: bool) -> tuple[str, bool, int]:
    """The mark of a clause, whether it ends a sentence, and where it ends in the text."""
    part = text[begin:reached]
    if not last and (gap := _PARAGRAPH.search(part)):
        return "", True, begin + gap.start()
    match = (_END if last else _TAIL).search(part)
    if match is None:
        return "", True, reached if last else max(begin, reached - 1)
    end = begin + match.end("run") + len(match["close"]) - len(match["close"].lstrip("\"'”’)]}»›"))
    run = match["run"]
    if run[0] == "…" or run.startswith("..."):
        return "", False, end
    mark = _MARKS.get(run[0], run[0])
    return mark, mark in _SENTENCE, end
