"""What happened in a simulated conversation, in order, and the same as lines of the ledger."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from duologue.clock import MILLISECOND
from duologue.dialogue.session.lines import record_of
from duologue.dialogue.turns.vocabulary import Effect, Event
from duologue.ids import Bits
from duologue.simulation.caller import Act
from duologue.telemetry import ledger
from duologue.telemetry.ledger import ActRecord, ConversationRecord, EndingRecord, Record, TurnRecord
from duologue.telemetry.ledger_pen import Origin, head_of, make_id
from duologue.telemetry.lines import encode
from duologue.version import __version__

Item: TypeAlias = Event | Effect | Act
FIRST_ENTRY = 3
"""The line of the ledger on which the first entry stands: behind the header, and what the conversation is."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """``item`` happened at ``at`` (ns)."""

    at: int
    item: Item
    id: str = ""


class Log:
    """The entries of one conversation that began at ``start`` (monotonic ns), when the calendar said ``wall`` (Unix ns;
    0: there is none). Ids are made of these times and of ``bits``: a simulation's own numbers give equal ones.
    """

    def __init__(self, start: int, bits: Bits = secrets.randbits, wall: int = 0) -> None:
        self.start = start
        self._origin = Origin(start, wall)
        self._bits = bits
        self.conversation = self._id(start, bits)
        self.entries: list[LogEntry] = []
        self.endings: list[EndingRecord] = []
        """The decision log."""

    def add(self, item: Item, now: int) -> None:
        """Write down."""
        self.entries.append(LogEntry(now, item, self._id(now, self._bits)))

    @property
    def acts(self) -> list[Act]:
        """What the caller did."""
        return [entry.item for entry in self.entries if isinstance(entry.item, Act)]

    def seconds(self, at: int) -> float:
        """Since the beginning."""
        return (at - self.start) / (1000 * MILLISECOND)

    def lines(self, what: ConversationRecord, turns: list[TurnRecord]) -> Iterator[str]:
        """The ledger, line by line, in the format of all ledgers; each call gives the same."""
        bits = Random(self.conversation).getrandbits
        yield self._line(self.start, head_of(self._origin, __version__), self._id(self.start, bits))
        yield self._line(self.start, what, self._id(self.start, bits))
        yield from map(self.line, self.entries)
        for ending in self.endings:
            yield self._line(ending.at, ending, self._id(ending.at, bits))
        for turn in turns:
            at = turn.ended or self.start
            yield self._line(at, turn, self._id(at, bits))

    def line(self, entry: LogEntry) -> str:
        """One line of it."""
        return self._line(entry.at, _record(entry.item), entry.id)

    def _line(self, at: int, record: Record, id_: str) -> str:
        return encode(ledger.Entry(at, f"talk:{self.conversation}", record, id_), self.start)

    def _id(self, at: int, bits: Bits) -> str:
        return make_id(self._origin, at, bits)


def _record(item: Item) -> Record:
    if not isinstance(item, Act):
        return record_of(item)
    if item.end > item.begin:
        return ActRecord(item.step.verb, item.step.line, item.text, item.begin, item.end, item.missed)
    return ActRecord(item.step.verb, item.step.line, missed=item.missed)
