"""A token stream becomes sentences that a voice can speak, as soon as each is complete.

A pure core. Characters are taken one by one and a decision rests only on those taken so far, so the same text gives the
same sentences whatever the sizes of the tokens. Every character goes into exactly one sentence: the ``raw`` of all
sentences, joined, is the text. At most :attr:`Chunking.most` characters (and a few) are held.

The first sentence decides when the voice starts. When it is long it is cut earlier, after a clause, once
:attr:`Chunking.first` characters have come.

Blocks that no voice reads (fenced code, a model's ``<think>`` part) pass through without a word, but for one short name
of the code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from duologue.dialogue.replies import chunker_rules as rules
from duologue.dialogue.replies.chunker_speech import speakable
from duologue.language.languages import ENGLISH, Language
from duologue.language.sentence_ends import SentenceEnd, ending, goes_on

_FENCE = "```"
_THINK = re.compile(r"<think(?:ing)?>\Z", re.IGNORECASE)
_THOUGHT = re.compile(r"</think(?:ing)?>\Z", re.IGNORECASE)
_REST = re.compile(r"[A-Za-z]+")
_TAG = 12
"""The longest of these marks, in characters."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A stretch of the reply: ``raw`` as written, with the white space around it, and ``spoken``, what a voice says.

    ``spoken`` is empty where there is nothing to say (emoji, a rule, the inside of a code block).
    """

    raw: str
    spoken: str


@dataclass(frozen=True, slots=True)
class Chunking:
    """Lengths in characters: ``first`` and ``least`` say from when on and where a long first sentence may be cut after
    a clause, ``most`` is the longest sentence.
    """

    first: int = 72
    least: int = 24
    most: int = 320


class _Mode(Enum):
    PROSE = "prose"
    CODE = "code"
    THOUGHT = "thought"


class Chunker:
    """See the module. ``names`` are those of the cast: a leading ``Name:`` is not spoken, and what other speakers were
    made to say after it stays silent. What abbreviations there are, and how signs are said, is the ``language``'s.
    """

    def __init__(
        self, chunking: Chunking | None = None, names: Iterable[str] = (), language: Language = ENGLISH
    ) -> None:
        self._chunking = chunking or Chunking()
        self._language = language
        self._names = tuple(names)
        anyone = "|".join(re.escape(name) for name in self._names)
        self._label = re.compile(rf"\s*\n[ \t]*[*_]*(?:{anyone})[*_]*[ \t]*:", re.IGNORECASE) if anyone else None
        self._mode = _Mode.PROSE
        self._held = ""
        self._pending: tuple[SentenceEnd, int] | None = None
        self._begun = False
        self._foreign = False
        self._out: list[Sentence] = []

    @property
    def held(self) -> str:
        """What was taken and is in no sentence yet."""
        return self._held

    def feed(self, text: str) -> list[Sentence]:
        """Take the next piece of the stream; returns the sentences that it completes, often none."""
        place = 0
        while place < len(text):
            self._take(text[place])
            place = self._skip(text, place + 1)
        return self._given()

    def finish(self) -> list[Sentence]:
        """The stream has ended: the rest is a sentence. The chunker begins anew for another :meth:`feed`."""
        if self._held:
            self._give(len(self._held), refeed=False)
        given = self._given()
        self._mode, self._begun, self._foreign = _Mode.PROSE, False, False
        return given

    def _given(self) -> list[Sentence]:
        given, self._out = self._out, []
        return given

    def _skip(self, text: str, place: int) -> int:
        """Take the rest of a word at once: inside it nothing can end, until a length is reached. Returns its end."""
        match = _REST.match(text, place)
        if match is None or self._mode is not _Mode.PROSE or self._pending is not None:
            return place
        limit = self._chunking.most if self._begun else self._chunking.first
        if not self._held[-1:].isalpha() or len(self._held) + match.end() - place >= limit:
            return place
        self._held += match.group()
        return match.end()

    def _take(self, character: str) -> None:
        self._held += character
        if self._mode is not _Mode.PROSE:
            self._take_block()
            return
        opened = self._opens_block(character)
        if opened or self._ends_before(character):
            return
        if len(self._held) >= self._chunking.most:
            self._give(rules.emergency_end(self._held))
        elif not self._begun and len(self._held) >= self._chunking.first:
            self._start_early(character)

    def _ends_before(self, character: str) -> bool:
        """Give a sentence if what came before ``character`` proves to be one."""
        before = self._held[:-1]
        if character == "\n":
            return self._ends_line(before)
        if self._pending is not None:
            kind, place = self._pending
            verdict = goes_on(kind, self._held[place:].lstrip(), self._language.sentences)
            if verdict is not None:
                self._pending = None
            if verdict is False:
                self._give(place)
                return True
        if character.isspace():
            return self._ends_word(before)
        if rules.wide_ending(before, character):
            self._give(len(before))
            return True
        return False

    def _ends_line(self, before: str) -> bool:
        """A line is a sentence, unless it ends in the middle of one; an empty line always ends it."""
        line = before.rstrip(" \t")
        if not line.strip() or (line[-1] in ",;" and not line.endswith("\n")):
            return False
        self._give(len(before))
        return True

    def _ends_word(self, before: str) -> bool:
        if self._pending is not None or not before or before[-1].isspace():
            return False
        kind = ending(before, self._language.sentences)
        if kind is SentenceEnd.NONE or rules.open_inline(before):
            return False
        if kind is SentenceEnd.SURE:
            self._give(len(before))
            return True
        self._pending = (kind, len(before))
        return False

    def _start_early(self, character: str) -> None:
        """The voice waits: cut a long first sentence after a clause."""
        if not character.isspace() and len(self._held) != self._chunking.first:
            return
        if place := rules.clause_end(self._held, self._chunking.least):
            self._give(place)

    def _opens_block(self, character: str) -> bool:
        """Switch the mode at an opening mark; what stands before it is a sentence."""
        if character == "`" and self._held.endswith(_FENCE):
            mode, length = _Mode.CODE, len(_FENCE)
        elif character == ">" and (match := _THINK.search(self._held, max(0, len(self._held) - _TAG))):
            mode, length = _Mode.THOUGHT, len(match.group())
        else:
            return False
        mark = self._held[-length:]
        self._held = self._held[:-length]
        if self._held:
            self._give(len(self._held), refeed=False)
        self._mode, self._held = mode, mark
        return True

    def _take_block(self) -> None:
        """Inside a block: look for its end, and hand on silently what becomes too much to hold."""
        if self._mode is _Mode.CODE:
            closed = len(self._held) >= 2 * len(_FENCE) and self._held.endswith(_FENCE)
        else:
            closed = self._held[-1] == ">" and bool(_THOUGHT.search(self._held, max(0, len(self._held) - _TAG)))
        if closed:
            self._give(len(self._held), refeed=False)
            self._mode = _Mode.PROSE
        elif len(self._held) >= self._chunking.most:
            rest = self._held[-_TAG:]
            self._held = self._held[:-_TAG]
            self._give(len(self._held), refeed=False)
            self._held = rest

    def _give(self, place: int, *, refeed: bool = True) -> None:
        """Everything up to ``place`` is a sentence; what follows is taken again, as the beginning of the next."""
        raw, rest = self._held[:place], self._held[place:]
        self._held, self._pending = "", None
        spoken = self._spoken(raw)
        self._begun = self._begun or bool(spoken)
        self._out.append(Sentence(raw, spoken))
        if refeed:
            for character in rest:
                self._take(character)

    def _spoken(self, raw: str) -> str:
        if self._mode is _Mode.CODE:
            name = self._language.some_code if raw.startswith(_FENCE) and not self._foreign else ""
            return f"{name[0].upper()}{name[1:]}." if name else ""
        if self._mode is _Mode.THOUGHT or self._foreign:
            return ""
        if self._begun and self._label is not None and self._label.match(raw):
            self._foreign = True
            return ""
        return speakable(raw, () if self._begun else self._names, self._language)
