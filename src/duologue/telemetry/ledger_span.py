"""A stretch of a ledger: which of its lines are of that time, told by their beginnings, without reading the rest.

What the rest is about (a show, a conversation, a call, that it was over) is kept whenever it was said, as if it had
been said within the stretch; of turns all that reach into it, of frames those that were begun in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo

from duologue.clock import SECOND
from duologue.errors import InputError
from duologue.telemetry.ledger import (
    CallRecord,
    ConversationRecord,
    Entry,
    FrameRecord,
    HeaderRecord,
    OverRecord,
    Record,
    ShowRecord,
    TurnRecord,
)

LATEST_TURN = 600 * SECOND
"""A turn is told at its end: so long after a stretch one is looked for that began in it."""
LATEST_FRAME = 20 * SECOND
"""So long after it one is looked for that was begun in it: stages tell of frames some at a time, of the first ones when
the house is up.
"""
_LATEST = {b"turn": LATEST_TURN, b"frame": LATEST_FRAME}
_BEGINNING = re.compile(rb'\{"v":\d+,"id":"[^"]*","at":(-?\d+),"kind":"(\w+)"')
_AROUND = (ShowRecord, ConversationRecord, CallRecord, OverRecord)
_KEPT = frozenset({b"header", b"show", b"conversation", b"call", b"over"})


@dataclass(frozen=True, slots=True)
class RunSpan:
    """From ``since`` until ``until``: Unix ns, both included."""

    since: int
    until: int

    def in_words(self, zone: tzinfo = UTC) -> str:
        """As people in that zone read it."""
        since, until = (datetime.fromtimestamp(wall / SECOND, zone) for wall in (self.since, self.until))
        return f"{since:%d %B %Y, %H:%M:%S} to {until:%H:%M:%S %Z}"


class SpanFilter:
    """A span on the axis of a file with this header. Raises :class:`InputError` where that has no calendar."""

    def __init__(self, span: RunSpan, header: HeaderRecord, where: str) -> None:
        if not header.wall_ns:
            raise InputError(
                "this ledger has no time of day: a simulation wrote it", where=where, remedy="Read all of it."
            )
        self._told = (span.since - header.wall_ns, span.until - header.wall_ns)
        self._since = span.since - header.wall_ns + header.monotonic_ns
        self._until = span.until - header.wall_ns + header.monotonic_ns

    def outside(self, text: bytes) -> bool:
        """Whether a line is surely not of it, by its beginning."""
        found = _BEGINNING.match(text)
        if found is None or (kind := found[2]) in _KEPT:
            return False
        at = int(found[1])
        since, until = self._told
        return at < since or at > until + _LATEST.get(kind, 0)

    def fit(self, entry: Entry) -> Entry | None:
        """An entry as it belongs to it; None: it does not."""
        record = entry.record
        if isinstance(record, HeaderRecord):
            return entry
        if isinstance(record, TurnRecord):
            began = min(filter(None, (record.asked, record.spoken_to, record.on_air)), default=entry.at)
            if began > self._until or (record.ended or entry.at) < self._since:
                return None
        elif not (isinstance(record, _AROUND) or self._since <= (_begun(record) or entry.at) <= self._until):
            return None
        return replace(entry, at=min(max(entry.at, self._since), self._until))


def _begun(record: Record) -> int:
    """When a frame was (monotonic ns); 0: it is none, or that is not known."""
    return record.begun if isinstance(record, FrameRecord) else 0
