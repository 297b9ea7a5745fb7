"""The embedded scripted improviser: no network, no key, no download, and no model. It speaks English only.

It plays written material (the personas' moves and a neutral set) by the rules in :mod:`duologue.language.improv.scene`.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import cast

from duologue.errors import ClosedError, PeerError
from duologue.language.engine import LanguageCapabilities, LanguageModel, Line, Prompt
from duologue.language.improv.scene import Material, Scene
from duologue.language.improv.topic import kind_words
from duologue.language.moves import Move, parse_moves
from duologue.language.persona import Persona
from duologue.language.text import cap

NEUTRAL = Path(__file__).parent / "data" / "improv.toml"
"""Moves for every persona; its own of the same category come before them."""

MOST_READ = 4_000
"""Characters of a line, its last: nobody says as much, and a program that writes a megabyte holds up nobody."""
_CASTS = 64
"""Speakers among their partners whose material is kept."""


class Improv:
    """Writes from the personas' material; equal prompts give equal lines."""

    name = "improv"
    languages = frozenset({"en"})
    """Its material and its rules are English."""

    def __init__(self) -> None:
        self._closed = False
        self._materials: OrderedDict[tuple[int, ...], tuple[tuple[Persona, ...], Material]] = OrderedDict()

    @property
    def capabilities(self) -> LanguageCapabilities:
        """Streams word by word, and is deterministic."""
        return LanguageCapabilities(deterministic=True, instructed=False, tools=False, schemas=False)

    async def warm_up(self) -> None:
        """Read the neutral material and the word lists."""
        neutral_moves()
        kind_words()

    async def write(self, prompt: Prompt) -> AsyncIterator[str]:
        """Give the line word by word."""
        if self._closed:
            raise ClosedError("the improviser is closed")
        line = self.line(prompt)
        for number, word in enumerate(line.split(" ")):
            await asyncio.sleep(0)  # lets a cancellation in, and the other tasks run
            yield word if number == 0 else f" {word}"

    def line(self, prompt: Prompt) -> str:
        """The whole line at once. Raises :class:`PeerError` if no material fits."""
        read = replace(prompt, lines=tuple(map(_end_of, prompt.lines)))
        line = Scene(read, self._material(prompt)).line()
        if not line:
            raise PeerError(
                f"the improviser has nothing for {prompt.speaker.title} to say",
                where=f"{prompt.moment}",
                remedy="Add moves to its persona.toml (docs/personas.md).",
            )
        return cap(line, prompt.max_words, 120.0)

    async def close(self) -> None:
        """Refuse from now on."""
        self._closed = True

    def _material(self, prompt: Prompt) -> Material:
        """The material of this speaker among these others; kept for as many casts as several shows have."""
        cast = (prompt.speaker, *prompt.others)
        key = tuple(map(id, cast))
        if key not in self._materials:
            # holding the cast keeps its ids
            self._materials[key] = cast, self._gather(prompt.speaker, prompt.others)
            if len(self._materials) > _CASTS:
                self._materials.popitem(last=False)
        self._materials.move_to_end(key)
        return self._materials[key][1]

    def _gather(self, speaker: Persona, others: tuple[Persona, ...]) -> Material:
        own, neutral = parse_moves(speaker.moves), neutral_moves()
        categories = {move.category for move in own}
        names = {move.name for move in own}
        spare = (m for m in neutral if m.category not in categories or (not m.step and m.name not in names))
        everybody = (own, *(parse_moves(other.moves) for other in others), neutral)
        known = {move.signature: move for moves in reversed(everybody) for move in moves}
        return Material((*own, *spare), tuple(known.values()))


def _end_of(line: Line) -> Line:
    return line if len(line.text) <= MOST_READ else replace(line, text=line.text[-MOST_READ:])


@cache
def neutral_moves() -> tuple[Move, ...]:
    """The moves that ship for every persona."""
    data = tomllib.loads(NEUTRAL.read_text("utf-8"))
    return parse_moves(cast("dict[str, list[str]]", data["improv"]))


def engine(settings: None = None) -> LanguageModel:
    """Make the improviser; it has no settings."""
    return Improv()
