"""A conversation with a person as lines of JSON: events and effects with their times, decisions, turns. Pure.

docs/latency.md describes the format.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, get_args

from duologue.chains import Handover
from duologue.clock import MILLISECOND
from duologue.dialogue.turns_vocabulary import Effect, Event
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import TURN_TIMES, EndingRecord, TurnRecord

LEDGER = "conversation"
"""What the first line of a conversation calls its ledger."""
_EVENTS: tuple[type[Event], ...] = get_args(Event)
_TIMES = frozenset({"at", "at_ns", "since"})


class Lines:
    """Of a conversation that began at ``start`` (monotonic ns). Times are milliseconds since then (three decimals)."""

    def __init__(self, start: int) -> None:
        self._start = start

    def item(self, item: Event | Effect | Handover, at: int) -> str:
        """Something that happened at ``at`` (ns)."""
        kind = "chain" if isinstance(item, Handover) else "event" if isinstance(item, _EVENTS) else "effect"
        told = {
            each.name.removesuffix("_ns") + ("_ms" if each.name in _TIMES else ""): (
                self.ms(getattr(item, each.name)) if each.name in _TIMES else _plain(getattr(item, each.name))
            )
            for each in fields(item)
        }
        return dump({"t": self.ms(at), kind: type(item).__name__, **told})

    def turn(self, record: TurnRecord) -> str:
        """A turn or a reply; what is unknown or nothing is left out."""
        return dump({"turn": {
            each.name: self.ms(value) if each.name in TURN_TIMES else _plain(value)
            for each in fields(record)
            if (value := getattr(record, each.name)) or each.name in ("text", "heard")
        }})  # fmt: skip

    def ending(self, record: EndingRecord) -> str:
        """A line of the decision log."""
        told = {each.name: _plain(getattr(record, each.name)) for each in fields(record) if each.name != "at"}
        return dump({"t": self.ms(record.at), "ending": told})

    def ms(self, at: int) -> float:
        """A time (ns) as a line tells it."""
        return round((at - self._start) / MILLISECOND, 3)


def dump(line: dict[str, Any]) -> str:
    """One line, without its end."""
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


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
