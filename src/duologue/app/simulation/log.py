"""What happened in a simulated conversation, in order, and the same as lines of JSON: the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, TypeAlias, get_args

from duologue.app.simulation.caller import Act
from duologue.chains import Handover
from duologue.clock import MILLISECOND
from duologue.dialogue.turns_vocabulary import Effect, Event
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import TurnRecord

_EVENTS = get_args(Event)

Item: TypeAlias = Event | Effect | Act | Handover


@dataclass(frozen=True, slots=True)
class Entry:
    """``item`` happened at ``at`` (ns)."""

    at: int
    item: Item


class Log:
    """The entries of one conversation that began at ``start`` (ns). The ledger's first line is about the conversation
    itself; entry ``n`` is on line ``n + 2``.
    """

    def __init__(self, start: int) -> None:
        self.start = start
        self.entries: list[Entry] = []

    def add(self, item: Item, now: int) -> None:
        """Write down."""
        self.entries.append(Entry(now, item))

    def seconds(self, at: int) -> float:
        """Since the beginning."""
        return (at - self.start) / (1000 * MILLISECOND)

    def lines(self, head: dict[str, Any], turns: list[TurnRecord]) -> Iterator[str]:
        """The ledger, line by line. Times are milliseconds since the beginning."""
        yield _dump(head)
        for entry in self.entries:
            yield self.line(entry)
        for record in turns:
            yield _dump({"turn": self._record(record)})

    def line(self, entry: Entry) -> str:
        """One line of it."""
        item = entry.item
        kind = "event" if isinstance(item, _EVENTS) else "caller" if isinstance(item, Act) else "effect"
        kind = "chain" if isinstance(item, Handover) else kind
        name = item.step.verb if isinstance(item, Act) else type(item).__name__
        return _dump({"t": self._ms(entry.at), kind: name, **self._fields(item)})

    def _ms(self, at: int) -> float:
        return round((at - self.start) / MILLISECOND, 3)

    def _fields(self, item: Item) -> dict[str, Any]:
        if isinstance(item, Act):
            said = {"text": item.text, "begin_ms": self._ms(item.begin), "end_ms": self._ms(item.end)}
            return {"step": item.step.line, **(said if item.end > item.begin else {}), **_true(missed=item.missed)}
        times = {"at", "at_ns", "since"}
        return {
            each.name.removesuffix("_ns") + ("_ms" if each.name in times else ""): self._ms(getattr(item, each.name))
            if each.name in times
            else _plain(getattr(item, each.name))
            for each in fields(item)
        }

    def _record(self, record: TurnRecord) -> dict[str, Any]:
        return {
            each.name: (self._ms(value) if each.name in _TIMES else _plain(value))
            for each in fields(record)
            if (value := getattr(record, each.name)) or each.name in ("text", "heard")
        }


_TIMES = frozenset(
    {"asked", "first_token", "text_complete", "first_audio", "voiced", "on_air", "ended", "spoken_to", "decided"}
    | {"understood", "first_sentence", "apologised", "filled", "taken"}
)


def _true(**flags: bool) -> dict[str, bool]:
    return {name: True for name, flag in flags.items() if flag}


def _plain(value: Any) -> Any:
    if isinstance(value, Utterance):
        return {"id": value.id, "text": value.text, "seconds": round(value.duration, 3), "engine": value.engine}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    return value


def _dump(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"))
