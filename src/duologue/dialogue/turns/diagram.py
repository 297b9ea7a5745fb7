"""The picture of the turn-taking table, made of the table itself: ``python -m duologue.dialogue.turns.diagram``.

It prints the part of ``docs/dialogue-core.md`` between the two marks, in Mermaid and as a table; a test keeps the page
current.
"""

from __future__ import annotations

from collections.abc import Iterable

from duologue.dialogue.turns.moments import at_once
from duologue.dialogue.turns.turns import BESIDE, TABLE, Row
from duologue.dialogue.turns.vocabulary import State

BEGIN = "<!-- made by python -m duologue.dialogue.turns.diagram; do not edit -->"
END = "<!-- end of what is made -->"


def picture() -> str:
    """A Mermaid state diagram: one arrow for each pair of states, labelled with its events."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for row in TABLE:
        for state in _shown(row):
            if row.target is not None and state is not row.target:
                labels = arrows.setdefault((state, row.target), [])
                labels += [label for label in _events(row) if label not in labels]
    lines = [f"    {begin} --> {end}: {', '.join(labels)}" for (begin, end), labels in arrows.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {State.QUIET}", *lines, "```"])


def table() -> str:
    """Every row, in the order in which they are tried."""
    head = ["| state | event | if | do | then |", "|---|---|---|---|---|"]
    return "\n".join([*head, *map(_line, TABLE)])


def beside() -> str:
    """What is done beside that."""
    head = ["| state | event | if | do |", "|---|---|---|---|"]
    return "\n".join([*head, *map(_line, BESIDE)])


def page_part() -> str:
    """What stands in the page, with its marks."""
    note = (
        f"From every state but `{State.CLOSED}`: typed words lead to `thinking` or `clearing`, the owner's to"
        f" `clearing`, a hang-up to `closed`, a line on hold to `{State.HELD}` (where words wait)."
    )
    first = "Before that row, and whatever the state does, all of these that hold:"
    return "\n\n".join([BEGIN, picture(), note, table(), first, beside(), END])


def _shown(row: Row) -> Iterable[State]:
    """What holds for every state would hide the rest."""
    return () if len(row.states) >= len(State) - 2 else row.states


def _events(row: Row) -> list[str]:
    return [_words(event.__name__) for event in row.events]


def _line(row: Row) -> str:
    states = ", ".join(row.states) if _shown(row) else "any" if State.HELD in row.states else f"any but {State.HELD}"
    events = ", ".join(_events(row))
    if row.moment is not at_once:
        events += f" ({row.moment.__name__.replace('_', ' ')})"
    guard = "" if row.guard.__name__ == "always" else row.guard.__name__.replace("_", " ")
    action = row.action.__name__.replace("_", " ")
    cells = [states, events, guard, action, *([] if row in BESIDE else [row.target or "stays"])]
    return f"| {' | '.join(cells)} |"


def _words(name: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()


if __name__ == "__main__":
    print(page_part())
