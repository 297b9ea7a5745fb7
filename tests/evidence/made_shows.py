"""Shows as their records would tell them, with faults injected: a drawing thread, an encoder and a queue between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from duologue.clock import MILLISECOND, SECOND
from duologue.telemetry.ledger import Cause, Entry, FrameRecord, HeaderRecord, MachineRecord, Record, ShowRecord

SHOW, HOUSE = "show:day", "house"
FPS, LEAD, DEPTH = 30, SECOND, 3
START = 50 * SECOND
"""When frame 0 is due (monotonic ns)."""
ORIGIN = 40 * SECOND
WALL = 1_790_000_000 * SECOND
MACHINE = MachineRecord(
    0.1, 4000.0, {"main": 9.0, "stage": 28.0, "piper": 12.0}, {"main": 120.0, "stage": 150.0}, 0.4, 2, 31.0,
    {"stage": 3.0, "main": 2.0}, 1.0,
)  # fmt: skip


def due(number: int) -> int:
    return START + number * SECOND // FPS


def frames(
    count: int = 300, *, still: Mapping[int, float] | None = None, compose: Mapping[int, float] | None = None,
    encode: Mapping[int, float] | None = None, starved: Sequence[int] = (), lights: Sequence[int] = (),
    waits: Mapping[int, float] | None = None, usual_wait: float = 0.0, blocked: Mapping[int, float] | None = None,
) -> list[FrameRecord]:  # fmt: skip
    """``still`` is for how long nothing runs before a frame, ``compose`` and ``encode`` what a frame takes (all ms);
    of those ``starved`` the process was not run while they were encoded. ``waits`` is how long a frame's own threads
    were ready and not run, ``usual_wait`` those of the others; ``blocked`` how long they stood still.
    """
    found: list[FrameRecord] = []
    free = encoder = 0
    done: list[int] = []
    for number in range(count):
        begun = max(due(number) - LEAD, free) + round((still or {}).get(number, 0.0) * MILLISECOND)
        encoder = max(encoder, begun if number in (still or {}) else 0)
        drawing = (compose or {}).get(number, 1.0 + number % 7 / 10)
        drawn = begun + round(drawing * MILLISECOND)
        queued = max(drawn, done[number - DEPTH - 1] if number > DEPTH else 0)
        encoding = (encode or {}).get(number, 6.0 + number % 5 / 5)
        encoder = max(encoder, queued) + round(encoding * MILLISECOND)
        done.append(encoder)
        free = queued
        cause = Cause.NONE
        if drawing + encoding > 1000 / FPS:
            cause = Cause.STALL if number in starved else Cause.ENCODE if encoding > drawing else Cause.COMPOSE
        cause = Cause.LIGHTS if number in lights else cause
        found.append(
            FrameRecord(
                number, due(number), begun, drawing, encoding, 5_000, encoder, (encoder - due(number)) / MILLISECOND,
                cause, 1, "speech+caption" if number % 3 else "speech", (waits or {}).get(number, usual_wait),
                (blocked or {}).get(number, 0.0),
            )
        )  # fmt: skip
    return found


def show(
    records: Sequence[FrameRecord], *, seconds: Mapping[int, MachineRecord] | None = None, extra: Sequence[Entry] = (),
    lead_ms: float = 1000.0,
) -> list[Entry]:  # fmt: skip
    """The entries of a run: its header, the show, its frames and the machine, second by second (``seconds``: that are
    otherwise, counted from the beginning), and ``extra``, all in the order of their times.
    """
    last = records[-1].packaged if records else START
    told: list[Entry] = [Entry(record.packaged, SHOW, record) for record in records]
    for number, at in enumerate(range(START - LEAD + SECOND, last + SECOND, SECOND)):
        told.append(Entry(at, HOUSE, (seconds or {}).get(number, MACHINE)))
    told += extra
    head = Entry(ORIGIN, SHOW, HeaderRecord(WALL, ORIGIN, "test"))
    begins = Entry(START - 2 * SECOND, SHOW, ShowRecord(FPS, 1920, 1080, ("chad", "virgin"), "living-room", lead_ms))
    return [head, begins, *sorted(told, key=lambda entry: entry.at)]


def second(number: int) -> int:
    """In which second of :func:`show` a frame begins."""
    return (due(number) - LEAD - (START - LEAD)) // SECOND


def machine(**changes: Any) -> MachineRecord:
    return replace(MACHINE, **changes)


def told(of: str, at: int, record: Record) -> Entry:
    return Entry(at, of, record)
