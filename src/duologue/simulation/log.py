"""What happened in a simulated conversation, in order, and the same as lines of JSON: the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from duologue.clock import MILLISECOND
from duologue.dialogue.session_lines import LEDGER, Lines, dump
from duologue.dialogue.turns_vocabulary import Effect, Event
from duologue.simulation.caller import Act
from duologue.telemetry.files import VERSION
from duologue.telemetry.ledger import EndingRecord, TurnRecord

Item: TypeAlias = Event | Effect | Act


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
        self.endings: list[EndingRecord] = []
        """The decision log."""
        self._lines = Lines(start)

    def add(self, item: Item, now: int) -> None:
        """Write down."""
        self.entries.append(Entry(now, item))

    @property
    def acts(self) -> list[Act]:
        """What the caller did."""
        return [entry.item for entry in self.entries if isinstance(entry.item, Act)]

    def seconds(self, at: int) -> float:
        """Since the beginning."""
        return (at - self.start) / (1000 * MILLISECOND)

    def lines(self, head: dict[str, Any], turns: list[TurnRecord]) -> Iterator[str]:
        """The ledger, line by line. Times are milliseconds since the beginning."""
        yield dump({"ledger": LEDGER, "version": VERSION, **head})
        for entry in self.entries:
            yield self.line(entry)
        yield from map(self._lines.ending, self.endings)
        yield from map(self._lines.turn, turns)

    def line(self, entry: Entry) -> str:
        """One line of it."""
        if not isinstance(entry.item, Act):
            return self._lines.item(entry.item, entry.at)
        act = entry.item
        told: dict[str, Any] = {"t": self._lines.ms(entry.at), "caller": act.step.verb, "step": act.step.line}
        if act.end > act.begin:
            told |= {"text": act.text, "begin_ms": self._lines.ms(act.begin), "end_ms": self._lines.ms(act.end)}
        return dump(told | ({"missed": True} if act.missed else {}))
