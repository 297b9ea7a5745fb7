"""Reading the ledger of conversations: the turns of each, and its decision log."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any

from duologue.clock import MILLISECOND
from duologue.dialogue.session_lines import LEDGER
from duologue.errors import InputError
from duologue.telemetry.ledger import TURN_TIMES, EndingRecord, Outcome, TurnRecord

_TURN = frozenset(each.name for each in fields(TurnRecord))
_ENDING = frozenset(each.name for each in fields(EndingRecord))


@dataclass(frozen=True, slots=True)
class ReadConversation:
    """A conversation as its ledger tells it. Times are ns since its beginning."""

    name: str
    turns: list[TurnRecord] = field(default_factory=list[TurnRecord])
    endings: list[EndingRecord] = field(default_factory=list[EndingRecord])


def read_ledger(lines: Iterable[str], where: str) -> list[ReadConversation]:
    """The conversations of a ledger, which ``duologue talk`` and ``duologue simulate`` write with ``--ledger``.

    Events and effects are passed over; a last line that was cut (the machine stopped) is as well. Raises
    :class:`InputError` with ``where`` and the line for anything that is no such ledger.
    """
    found: list[ReadConversation] = []
    broken = 0
    for number, line in enumerate(lines, 1):
        if broken:
            raise _strange(where, broken)
        try:
            told = json.loads(line)
        except ValueError:
            broken = number
            continue
        if not isinstance(told, dict):
            raise _strange(where, number)
        _take(found, told, where, number)  # pyright: ignore[reportUnknownArgumentType]
    if not found:
        raise _strange(where, 1)
    return found


def _take(found: list[ReadConversation], told: dict[str, Any], where: str, number: int) -> None:
    if told.get("ledger") == LEDGER:
        found.append(ReadConversation(str(told.get("conversation") or told.get("scenario") or "")))
    elif not found:
        raise _strange(where, number)
    try:
        if "turn" in told:
            found[-1].turns.append(_turn(told["turn"]))
        elif isinstance(told.get("ending"), dict):
            found[-1].endings.append(_ending(told["ending"], told["t"]))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise _strange(where, number) from error


def _turn(told: dict[str, Any]) -> TurnRecord:
    known: dict[str, Any] = {name: value for name, value in told.items() if name in _TURN}
    known |= {name: round(known[name] * MILLISECOND) for name in TURN_TIMES & known.keys()}
    known |= {name: tuple(known[name]) for name in ("stalls", "handovers") if name in known}
    return TurnRecord(**known)


def _ending(told: dict[str, Any], at: float) -> EndingRecord:
    known: dict[str, Any] = {name: value for name, value in told.items() if name in _ENDING}
    known |= {"at": round(at * MILLISECOND), "pauses": tuple(told["pauses"]), "outcome": Outcome(told["outcome"])}
    return EndingRecord(**known)


def _strange(where: str, line: int) -> InputError:
    return InputError(
        "this is no ledger of a conversation", where=f"{where}, line {line}",
        remedy="Give a file that duologue talk or duologue simulate wrote with --ledger.",
    )  # fmt: skip
