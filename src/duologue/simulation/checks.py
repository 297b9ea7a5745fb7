"""What was expected of a conversation beside what was. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from duologue.dialogue.turns.person import normalise
from duologue.language.engine import Line
from duologue.simulation.measures import Measures
from duologue.simulation.scenario import Budget, ContextLine, Count, Expect


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation: ``name`` as in the scenario, what was ``wanted``, what ``was``, whether it ``holds``. ``entry``
    is the number of the log's entry that shows it, -1 for none.
    """

    name: str
    wanted: str
    was: str
    holds: bool
    entry: int = -1


COUNTED = tuple(name for name, each in Expect.model_fields.items() if "Count" in str(each.annotation))
"""The names of what is counted."""
TIMED = ("first_audio_ms", "stop_ms")
"""The names of what has a budget."""


def check_run(
    expect: Expect, measures: Measures, context: Sequence[Line], person: str, *, share: float = 1.0
) -> Iterator[Check]:
    """What is looked at in each conversation by itself. ``share`` of a person's words must be understood (1: all of
    the text is, to the letter).
    """
    if expect.context is not None:
        yield from _context(expect.context, context, person, share)
    for name in COUNTED:
        wanted: Count | None = getattr(expect, name)
        if wanted is not None:
            number = measures.counts[name]
            entries = measures.lines.get(name, ())
            yield Check(name, str(wanted), str(number), wanted.holds(number), entries[-1] if entries else -1)
    for name, what in (("missed", "the script's waits are over in time"), ("misremembered", "context is what sounded")):
        number = measures.counts[name]
        if number:
            yield Check(what, "always", f"{number} not", False, measures.lines[name][0])
    for name in TIMED:
        budget: Budget | None = getattr(expect, name)
        if budget is not None:
            yield from _limits(name, budget, getattr(measures, name))


def check_together(expect: Expect, runs: Sequence[Measures]) -> Iterator[Check]:
    """What is looked at in all conversations of a scenario together: medians and the like."""
    for name in TIMED:
        budget: Budget | None = getattr(expect, name)
        values = sorted(value for run in runs for value in getattr(run, name))
        if budget is None or not values:
            continue
        for share in (50, 95):
            limit = getattr(budget, f"p{share}")
            if limit is not None:
                value = percentile(values, share)
                yield Check(f"{name} p{share}", f"<= {limit:g}", f"{value:.0f}", value <= limit)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below or at which ``share`` of 100 lie (nearest rank); NaN of nothing."""
    return ordered[max(0, math.ceil(share / 100 * len(ordered)) - 1)] if ordered else math.nan


def _limits(name: str, budget: Budget, values: Sequence[float]) -> Iterator[Check]:
    if not values:
        yield Check(name, "at least one", "none", False)
        return
    if budget.max is not None:
        yield Check(f"{name} max", f"<= {budget.max:g}", f"{max(values):.0f}", max(values) <= budget.max)
    if budget.least is not None:
        yield Check(f"{name} least", f">= {budget.least:g}", f"{min(values):.0f}", min(values) >= budget.least)


def _context(wanted: Sequence[ContextLine], context: Sequence[Line], person: str, share: float) -> Iterator[Check]:
    for number in range(max(len(wanted), len(context))):
        line = context[number] if number < len(context) else None
        expected = wanted[number] if number < len(wanted) else None
        was = "nothing" if line is None else f"{'person' if line.speaker == person else 'character'}: {line.text}"
        yield Check(f"context[{number}]", _words(expected), was, _agrees(expected, line, person, share))


def _words(heard: ContextLine | None) -> str:
    if heard is None:
        return "nothing"
    if heard.person is not None:
        return f"person: {heard.person}"
    return f"character: {heard.character}" if heard.character is not None else f"a part of: {heard.part}"


def _agrees(wanted: ContextLine | None, line: Line | None, person: str, share: float) -> bool:
    if wanted is None or line is None:
        return wanted is None and line is None
    if wanted.person is not None:
        return line.speaker == person and _understood(wanted.person, line.text, share)
    if line.speaker == person:
        return False
    if wanted.part is None:
        return line.text == wanted.character
    whole, heard = wanted.part.split(), line.text.split()
    return 0 < len(heard) < len(whole) and whole[: len(heard)] == heard


def _understood(wanted: str, was: str, share: float) -> bool:
    if share >= 1:
        return was == wanted
    words = _spoken(wanted)
    matches = SequenceMatcher(None, words, _spoken(was), autojunk=False).get_matching_blocks()
    return sum(match.size for match in matches) >= share * len(words)


_DIGITS = {
    "zero": "0",
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
}


def _spoken(text: str) -> list[str]:
    """The words of a text, each digit one of its own: ears write "five five two" as "5.5.2" or "552"."""
    words = (_DIGITS.get(word, word) for word in normalise(text.replace("-", " ")).split())
    return [sign for word in words for sign in (word if word.isdecimal() else (word,))]
