"""The turn ledger: the newest turns in memory, and what each step of a turn took."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from duologue.clock import milliseconds
from duologue.telemetry.ledger import Entry, TurnRecord

FINAL_STATES = frozenset({"ended", "withdrawn", "failed"})
"""States after which a turn does not change any more."""

STAGES = (
    "endpointing",
    "transcript",
    "floor",
    "first_token",
    "first_sentence",
    "voice",
    "playout",
    "speaking",
)
"""The stages of a turn, in order: one set for shows, talks and calls. Those of a character's own turn begin with
``first_token``; the first seven are the silence before an answer (docs/latency.md).
"""


def stages_ms(record: TurnRecord) -> dict[str, float]:
    """What each stage took (ms); consecutive. Those that never came are left out, and so is silence that nobody kept.

    An answer to a person begins where their speech ended, any other turn where it was asked for. A person's own turn
    is ``speaking`` alone.
    """
    found = silence_ms(record)
    if record.kind != "person" and not found and record.asked:
        at = record.asked
        for name, time in _ends(record)[3:]:
            if time:
                end = max(at, time)
                found[name] = milliseconds(end - at)
                at = end
    if record.on_air and record.ended >= record.on_air:
        found["speaking"] = milliseconds(record.ended - record.on_air)
    return found


def _ends(record: TurnRecord) -> tuple[tuple[str, int], ...]:
    """When each stage but the last ends; 0: unknown. Who takes whole lines (a show: lips need what comes next) waits
    for all of the text and all of the sound.
    """
    streams = record.spoken_to or record.first_sentence
    sentence, sound = (
        (record.first_sentence or record.apologised, record.first_audio)
        if streams
        else (record.text_complete, record.voiced)
    )
    return (
        ("endpointing", record.decided),
        ("transcript", record.understood),
        ("floor", record.asked),
        ("first_token", record.first_token or record.apologised),
        ("first_sentence", sentence),
        ("voice", sound),
        ("playout", record.on_air),
    )


def silence_ms(record: TurnRecord) -> dict[str, float]:
    """What each stage of the silence before an answer took (ms): from the end of the person's speech to the answer's
    first word. Consecutive; they add up to ``on_air - spoken_to``. Empty for what answers no speech, or never sounded.

    A stage ends when its time has come, or with the stage before it if that was sooner: what speculation did before
    the turn was decided takes no time. Thinking that gave nothing ends with the decision to apologise.
    """
    if not (record.spoken_to and record.on_air):
        return {}
    found: dict[str, float] = {}
    at = record.spoken_to
    for name, time in _ends(record):
        end = max(at, min(time, record.on_air))
        found[name] = milliseconds(end - at)
        at = end
    return found


def points_ms(record: TurnRecord) -> dict[str, float]:
    """The timing points of an answer on a call (ms after t0, where the caller's last word ends): ``decided``,
    ``transcript``, ``first_token``, ``t1`` (a sentence goes to the voice), ``t2`` (the voice's first sound), ``t3``
    (its first packet left). What was thought ahead lies before ``decided``, maybe before t0. Empty for what answers
    nothing or never left.
    """
    if not (record.spoken_to and record.sent):
        return {}
    points = {
        "decided": record.decided, "transcript": record.understood, "first_token": record.first_token,
        "t1": record.first_sentence or record.apologised, "t2": record.first_audio, "t3": record.sent,
    }  # fmt: skip
    return {name: milliseconds(at - record.spoken_to) for name, at in points.items() if at}


@dataclass(frozen=True, slots=True)
class Spread:
    """``count`` values: their middle, the one that 95 % do not exceed (nearest rank), the largest; ms."""

    count: int
    p50: float
    p95: float
    largest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of one value at least."""
        ordered = sorted(values)
        return cls(len(ordered), median(ordered), ordered[math.ceil(0.95 * len(ordered)) - 1], ordered[-1])


class TurnLedger:
    """The newest ``capacity`` turns, each as it was last reported, and totals since the start."""

    def __init__(self, capacity: int = 1000) -> None:
        self._capacity = capacity
        self._turns: OrderedDict[str, TurnRecord] = OrderedDict()
        self.ended = self.interrupted = self.refused = self.failed = 0
        self.waited_ms = 0.0
        """What engines added to the chosen silences, in sum."""

    def put(self, record: TurnRecord) -> bool:
        """Enter a turn, or its newest state; True when it has come to its end with this."""
        before = self._turns.get(record.id)
        self._turns[record.id] = replace(record)  # the caller goes on changing its own
        while len(self._turns) > self._capacity:
            self._turns.popitem(last=False)
        finished = record.state in FINAL_STATES and (before is None or before.state not in FINAL_STATES)
        if finished:
            self.ended += record.state == "ended"
            self.interrupted += record.interrupted
            self.refused += record.refused
            self.failed += bool(record.failure)
            self.waited_ms += record.waited_ms
        return finished

    def observe(self, entry: Entry) -> None:
        """Look on at a :class:`~duologue.telemetry.stream.Ledger`."""
        if isinstance(entry.record, TurnRecord):
            self.put(entry.record)

    def summary(self) -> dict[str, Spread]:
        """How long each stage of the silence before an answer took, and all of it (``silence``), over what is kept."""
        taken: dict[str, list[float]] = {}
        for record in self._turns.values():
            stages = silence_ms(record)
            for name, value in (*stages.items(), ("silence", sum(stages.values()))) if stages else ():
                taken.setdefault(name, []).append(value)
        return {name: Spread.of(values) for name, values in taken.items()}

    def get(self, turn_id: str) -> TurnRecord | None:
        """A turn as last reported, None when it is unknown or no longer kept."""
        return self._turns.get(turn_id)

    def recent(self) -> tuple[TurnRecord, ...]:
        """All that are kept, oldest first."""
        return tuple(self._turns.values())
