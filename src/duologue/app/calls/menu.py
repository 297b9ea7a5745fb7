"""The menu of a call, where the ears understand nothing but what they expect: what they are to expect, what is said of
it, and who "thinks" of nothing else. Pure.

PocketSphinx gets nine words of ten wrong on a telephone, but tells the few words of a grammar apart. So a caller may
say or press where the call is to go, and is asked again when it was none of that.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping

from duologue.language.engine import LanguageCapabilities, Prompt
from duologue.language.languages import Telephone
from duologue.settings_phone import TransferSettings

SPOKEN = {
    "0": ("zero",), "1": ("one",), "2": ("two",), "3": ("three",), "4": ("four",), "5": ("five",), "6": ("six",),
    "7": ("seven",), "8": ("eight",), "9": ("nine",), "*": ("star",), "#": ("pound", "hash"),
}  # fmt: skip
"""The keys, as callers say them: in English, as the ears that need a menu hear nothing else."""
BESIDE = ("yes", "no", "hello", "goodbye", "thank you", "i need help", "can you hear me")
"""What callers say as well: words that a grammar does not have it would take for one of those that it has."""
_WORD = re.compile(r"[a-z']+")


class Menu:
    """``transfers`` by their names; ``usual`` is what a character says of a call."""

    def __init__(self, transfers: Mapping[str, TransferSettings], usual: Telephone) -> None:
        self._usual = usual
        self._choices: dict[str, TransferSettings] = {}
        self._said: dict[str, str] = {}
        for name, each in transfers.items():
            phrases = [_plain(phrase) for phrase in each.words or (name.replace("-", " "),)]
            self._said[name] = phrases[0]
            for phrase in (*phrases, *SPOKEN.get(each.digit, ())):
                if phrase:
                    self._choices.setdefault(phrase, each)
        self._transfers = transfers

    @property
    def grammar(self) -> str:
        """All that may be said (JSGF)."""
        choices = " | ".join(f"( {phrase} )" for phrase in self._choices)
        others = [phrase for phrase in (*BESIDE, *(word for words in SPOKEN.values() for word in words))
                  if phrase not in self._choices]  # fmt: skip
        beside = " | ".join(f"( {phrase} )" for phrase in others)
        return (
            "#JSGF V1.0; grammar menu; public <menu> = <choice> [ please ] | <beside>;"
            f" <choice> = {choices}; <beside> = {beside};"
        )

    @property
    def invitation(self) -> str:
        """What there is to choose of."""
        return " ".join(
            (self._usual.menu_key if each.digit else self._usual.menu).format(word=self._said[name], key=each.digit)
            for name, each in self._transfers.items()
        )

    @property
    def again(self) -> str:
        """The same, to whoever said something else."""
        return f"{self._usual.not_in_menu} {self.invitation}"

    @property
    def texts(self) -> tuple[str, ...]:
        """All that is ever said of it: to be voiced beforehand."""
        return (self.again, *dict.fromkeys(each.say or self._usual.handing_over for each in self._transfers.values()))

    def chosen(self, text: str) -> TransferSettings | None:
        """What a caller who says ``text`` wants; None: nothing of it."""
        return self._choices.get(_plain(text).removesuffix(" please"))

    def reply(self, text: str) -> str:
        """What is said to that; empty: nobody has said anything."""
        found = self.chosen(text)
        if found is not None:
            return found.say or self._usual.handing_over
        return self.again if text else self.invitation


class MenuMind:
    """A :class:`~duologue.language.engine.LanguageModel` that knows the menu and nothing else."""

    name = "menu"
    capabilities = LanguageCapabilities(streaming=False, deterministic=True)

    def __init__(self, menu: Menu) -> None:
        self._menu = menu

    async def warm_up(self) -> None:
        """Nothing to load."""

    async def write(self, prompt: Prompt) -> AsyncIterator[str]:
        """See the protocol."""
        last = prompt.lines[-1] if prompt.lines else None
        yield self._menu.reply(last.text if last is not None and last.speaker != prompt.speaker.name else "")

    async def close(self) -> None:
        """Nothing to release."""


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
