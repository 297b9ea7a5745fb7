"""One speaker's own words out of what a model writes. Pure.

A model that has seen a dialogue goes on with it: after its own line, or instead of it, it writes the next speaker's
(``friend: What is…``), or repeats what it was told (``(Answer the last line.)``). The reply ends there. What it was
told is left out where the reply begins with it. What may become either is held back until it is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from duologue.language.chat import asked
from duologue.language.engine import Prompt
from duologue.language.languages import ENGLISH, Language
from duologue.language.text import sentences

_ROLES = ("user", "human", "assistant", "system")
"""What chat templates call those who speak; a model may spell them out."""
_BOUNDARY = re.compile(r"(?<=[.!?…\"”'’)\]*_])[ \t]+|\s*\n\s*")
_DECORATION = ' \t\n*_["“#>-'
_LABEL_END = re.compile(r"[*_\]\"” \t]*(:)?")
_LEAST_WORDS = 3
"""Of an instruction that is known again without its brackets: fewer are anybody's words."""


class OwnWords:
    """Pieces of a reply in, the speaker's own words out. Stop the model when :attr:`over` is set."""

    def __init__(self, others: Iterable[str], instruction: str = "", language: Language = ENGLISH) -> None:
        names = {name.strip().lower() for name in others} - {""}
        self._labels = tuple(names)
        self._lines = tuple(role for role in _ROLES if role not in names)  # these at the start of a line only
        self._echoes = tuple(_echoes(instruction, language))
        self._held = ""
        self._last = ""
        self._due = self._line = True  # what is held stands where a sentence begins, or a line
        self.begun = False
        """Something was given."""
        self.over = False
        """What comes now is not this speaker's."""

    @classmethod
    def of(cls, prompt: Prompt) -> OwnWords:
        """For a reply to ``prompt``."""
        own = {prompt.speaker.name, prompt.speaker.title}
        heard = {line.speaker for line in prompt.lines}
        cast = {name for persona in prompt.others for name in (persona.name, persona.title)}
        return cls((heard | cast) - own, asked(prompt), prompt.speaker.language)

    def feed(self, piece: str) -> str:
        """What may be given now."""
        self._held += piece
        return self._given(final=False)

    def finish(self) -> str:
        """What was held back and is the speaker's after all."""
        return self._given(final=True)

    def _given(self, *, final: bool) -> str:
        given = ""
        while self._held and not self.over:
            if self._due and not self._judged(final=final):
                break
            if self.over:
                break
            boundary = _BOUNDARY.search(self._last + self._held, len(self._last))
            end = boundary.end() - len(self._last) if boundary else len(self._held)
            given += self._held[:end]
            self._last, self._held = (self._last + self._held[:end])[-1:], self._held[end:]
            self._due, self._line = boundary is not None, boundary is not None and "\n" in boundary[0]
            self.begun = self.begun or bool(given.strip())
        if self.over:
            self._held = ""
        return given

    def _judged(self, *, final: bool) -> bool:
        """Whether it is known what begins here; sets :attr:`over` where it is not the speaker's."""
        held = self._held.lstrip().lower()
        line = self._line or "\n" in self._held[: len(self._held) - len(self._held.lstrip())]
        for echo in self._echoes:
            if held.startswith(echo):
                if self.begun:
                    self.over = True
                    return True
                self._held = self._held.lstrip()[len(echo) :]
                return self._judged(final=final)
            if held and echo.startswith(held) and not final:
                return False
        plain = held.lstrip(_DECORATION)
        if not plain:
            return final
        labels = (*self._labels, *self._lines) if line else self._labels
        for label in labels:
            if plain.startswith(label):
                end = _LABEL_END.match(plain, len(label))
                if end is not None and end[1]:
                    self.over = True
                    return True
                if end is not None and end.end() == len(plain) and not final:
                    return False
            elif label.startswith(plain) and not final:
                return False
        return True


def _echoes(instruction: str, language: Language) -> Iterable[str]:
    """``instruction`` as a model repeats it: whole or from a later sentence on, in brackets, or bare if it is long."""
    parts = sentences(instruction.lower(), language)
    for first in range(len(parts)):
        text = " ".join(parts[first:])
        yield f"({text})"
        if len(text.split()) >= _LEAST_WORDS:
            yield text
