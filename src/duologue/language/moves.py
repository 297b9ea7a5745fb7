"""The improviser's material: what a persona can say at each kind of moment, as templates.

A move's name is ``category`` or ``category.bit.step``: steps 1, 2, 3… of a bit are said in turn by one speaker and the
other. A template is a line with slots in braces (``{topic}``), forms that agree with the topic's number (``{is/are}``)
and angle brackets around the phrase that somebody may take up later (``<a laminated escape plan>``).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

_SLOT_NAMES = """
topic short claim side1 side2 echo callback callback2 name guest quote theirs other me opinion catchphrase number year
verb doing expert place prop rival quality
"""
SLOTS = frozenset(_SLOT_NAMES.split())
"""What a template may ask for (docs/personas.md says what each one is)."""
_CATEGORY_NAMES = """
open bit question versus food animal tech sport place home work art space people activity thing
link back echo callback end close answer chat talk
"""
CATEGORIES = frozenset(_CATEGORY_NAMES.split())
CHAINS = CATEGORIES - {"link", "back", "echo", "callback", "end", "answer", "chat", "talk"}
"""Categories whose moves are bits with steps."""
_SLOT = re.compile(r"\{([^{}]*)\}")
_HOOK = re.compile(r"<([^<>]*)>")
_SIGNATURE = 10
"""A template's longest stretch without a slot must have so many characters, so that its line is known again."""


class MoveError(ValueError):
    """A move that cannot be used: its ``name``, the ``problem`` and the ``remedy``; the file's reader adds where."""

    def __init__(self, name: str, problem: str, remedy: str) -> None:
        super().__init__(name, problem, remedy)
        self.name = name
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Move:
    """One template. ``signature`` is the stretch of it by which a spoken line is recognised, ``hooks`` its marked
    phrases.
    """

    name: str
    template: str
    signature: str
    hooks: tuple[str, ...]
    slots: frozenset[str]

    @property
    def category(self) -> str:
        """The part before the first point."""
        return self.name.partition(".")[0]

    @property
    def bit(self) -> str:
        """Category and bit, without the step."""
        return self.name.rpartition(".")[0] if self.category in CHAINS else self.name

    @property
    def step(self) -> int:
        """The step in its bit, 0 outside of one."""
        return int(self.name.rpartition(".")[2]) if self.category in CHAINS else 0

    def fill(self, values: Mapping[str, str], plural: bool) -> str:
        """The line: every slot replaced, the form for the topic's number chosen, each sentence with its capital."""

        def choose(match: re.Match[str]) -> str:
            one, slash, many = match[1].partition("/")
            return (many if plural else one) if slash else values[one]

        return capitalise(_SLOT.sub(choose, self.template.replace("<", "").replace(">", "")))


def parse_moves(table: Mapping[str, Iterable[str]]) -> tuple[Move, ...]:
    """Read a table of moves. Raises :class:`MoveError`."""
    return tuple(_parse(name, template) for name, templates in table.items() for template in templates)


def capitalise(text: str) -> str:
    """Begin each sentence with a capital; "iPhone" stays as it is."""

    def upper(match: re.Match[str]) -> str:
        return match[1] + match[2].upper()

    return re.sub(r"((?:^|[.!?…]\s+)[\"“']?)([^\W\d_])(?![A-Z])", upper, text)


def squeeze(text: str) -> str:
    """For comparing: lower case, letters and digits only, single spaces."""
    return " ".join(re.findall(r"[^\W_]+", text.lower().replace("’", "'").replace("'", "")))


@lru_cache(maxsize=4096)
def _parse(name: str, template: str) -> Move:
    """Kept, so that what a persona's loading has read costs nothing on the event loop later."""
    _check_name(name)
    slots = frozenset(slot for slot in _SLOT.findall(template) if "/" not in slot)
    for slot in slots - SLOTS:
        guess = next((f"Did you mean {{{near}}}?" for near in difflib.get_close_matches(slot, sorted(SLOTS), 1)), "")
        raise MoveError(name, f"has the unknown slot {{{slot}}}", guess or "Remove it.")
    if template.count("{") != template.count("}") or template.count("<") != template.count(">"):
        raise MoveError(name, f"has a bracket without its partner in {template[:40]!r}", "Close it.")
    plain = template.replace("<", "").replace(">", "")
    signature = max((squeeze(part) for part in _SLOT.split(plain)[::2]), key=len)
    if len(signature) < _SIGNATURE:
        raise MoveError(name, f"is nothing but slots: {template[:40]!r}", "Give it some words of its own.")
    hooks = tuple(_inside(template, match) for match in _HOOK.finditer(template) if "{" not in match[1])
    return Move(name, template, signature, hooks, slots)


def _inside(template: str, hook: re.Match[str]) -> str:
    """The marked phrase as it reads inside a sentence."""
    begins = not template[: hook.start()].strip() or template[: hook.start()].rstrip()[-1] in ".!?"
    return hook[1][0].lower() + hook[1][1:] if begins else hook[1]


def _check_name(name: str) -> None:
    parts = name.split(".")
    if parts[0] not in CATEGORIES:
        near = difflib.get_close_matches(parts[0], sorted(CATEGORIES), 1)
        guess = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(CATEGORIES))}."
        raise MoveError(name, f"is of the unknown category {parts[0]!r}", guess)
    if parts[0] in CHAINS and not (len(parts) == 3 and parts[2].isdecimal() and int(parts[2]) > 0):
        raise MoveError(name, "must name a bit and a step", f'Write "{parts[0]}.{(parts[1:] or ["boat"])[0]}.1".')
