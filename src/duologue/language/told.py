"""What a person told of themselves, found in their words by the rules of their language. Pure.

Rules are data of the languages' files (``[memory]``): a pattern, and the sentence that is remembered. They find what is
said plainly ("my name is Ada") and nothing else; a language model does better, where there is one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from duologue.language.languages import Language

MOST = 8
"""Facts of one turn."""
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class ToldFact:
    """Something they told. ``slot``: of which there is one (``name``, ``home``); empty: there may be many. ``value`` is
    what the rule took out of their words.
    """

    text: str
    slot: str = ""
    value: str = ""


def facts_told(text: str, language: Language) -> tuple[ToldFact, ...]:
    """In the order of the rules; each fact once. ``text`` may come from ears: without capitals and full stops."""
    found: dict[str, ToldFact] = {}
    plain = _SPACES.sub(" ", text).strip()
    for rule in language.memory.facts:
        for match in rule.pattern.finditer(plain):
            values = [(group or "").strip(" ,.;:!?\"'") for group in match.groups()]
            if not values or not all(values):
                continue
            if rule.names:
                values = [_named(value) for value in values]
            fact = ToldFact(rule.fact.format(*values), rule.slot, values[-1])
            found.setdefault(fact.text.casefold(), fact)
            if len(found) >= MOST:
                return tuple(found.values())
    return tuple(found.values())


def _named(value: str) -> str:
    """Ears write names small."""
    return " ".join(word[:1].upper() + word[1:] for word in value.split())
