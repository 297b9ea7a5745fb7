"""What stood still, or got lost, and is no frame and no turn: packets of calls, the main loop, the recorder's disk.

A second in which packets left late is held against what else is known of that second, as a late frame is. Packets that
did not come, or did not arrive, are the way's doing unless the line itself stood still for most of that time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from duologue.clock import MILLISECOND, SECOND
from duologue.evidence.causes import Attribution, Culprit, Evidence, cause_of_stall
from duologue.evidence.surroundings import Surroundings
from duologue.plurals import counted
from duologue.telemetry.ledger import PacketsRecord, QualityRecord

LATE_PACKET_MS = 20.0
"""The length of one: what leaves later than that, a far end's jitter buffer must hide."""
LOST_PERCENT = 1.0
"""Of packets: what is less, concealment hides."""
HELD_MS = 50.0
"""What the main loop may wake late before it is told."""
QUALITY_SECONDS = 5
"""How far a measurement of the way reaches back."""


@dataclass(frozen=True, slots=True)
class Stall:
    """``what`` happened to ``of`` (a call, or a process), ``at`` when (monotonic ns), ``size`` how much of ``unit``
    (``ms``, ``%``, ``packets``).
    """

    what: str
    of: str
    at: int
    size: float
    unit: str
    attribution: Attribution


def packets_late(told: Iterable[tuple[int, PacketsRecord]], around: Surroundings) -> Iterator[Stall]:
    """Seconds in which packets of ours left late, or the system did not take them, or theirs were not taken by us."""
    for at, record in told:
        if record.unheard:
            evidence = _without_disk(around.evidence(("main",), at - SECOND, at))
            cause = cause_of_stall(SECOND / MILLISECOND, at - SECOND, at, evidence, "the house")
            yield Stall("callers' sound was dropped", "main", at, record.unheard, "packets", cause)
        if record.unsent:
            why = f"the system did not take {counted(record.unsent, 'packet')}"
            yield Stall(
                "packets not sent", "line", at, record.unsent, "packets",
                Attribution(Culprit.NETWORK, 1.0, 20.0 * record.unsent, why),
            )  # fmt: skip
        if record.late_most_ms >= LATE_PACKET_MS:
            since = at - SECOND - round(record.late_most_ms * MILLISECOND)
            cause = cause_of_stall(record.late_most_ms, since, at, around.evidence(("line",), since, at), "the line")
            yield Stall("packets left late", "line", at, round(record.late_most_ms, 2), "ms", cause)


def packets_lost(of: str, told: Iterable[tuple[int, QualityRecord]], around: Surroundings) -> Iterator[Stall]:
    """Of a call: times in which packets did not come, or did not arrive."""
    before = 0
    for at, record in told:
        since = max(before, at - QUALITY_SECONDS * SECOND)
        before = at
        for what, percent, where in (
            ("packets missing", record.loss_percent, "on the way to us"),
            ("packets missing there", record.loss_there_percent, "on the way to them, as the other end says"),
        ):
            if percent >= LOST_PERCENT:
                lost = percent / 100 * (at - since) / MILLISECOND
                cause = _of_the_way(lost, since, at, f"{percent:.1f} % got lost {where}", around)
                yield Stall(what, of, at, round(percent, 2), "%", cause)


def _of_the_way(lost: float, since: int, until: int, why: str, around: Surroundings) -> Attribution:
    """The network's doing, unless the line stood still for most of the time: the system keeps seconds of a call."""
    evidence = _without_disk(around.evidence(("line",), since, until))
    ours = cause_of_stall((until - since) / MILLISECOND, since, until, evidence, "the line")
    if ours.cause is not Culprit.UNKNOWN:
        return ours
    return Attribution(Culprit.NETWORK, 1.0, lost, why, {Culprit.NETWORK: lost})


def _without_disk(evidence: Evidence) -> Evidence:
    """Of what waits for no disk."""
    pauses = [each for each in evidence.pauses if each.what != "disk"]
    return replace(evidence, pauses=pauses, disk_wait_ms=0.0)


def loop_held(around: Surroundings) -> Iterator[Stall]:
    """Seconds in which the main loop woke late."""
    machine = around.machine
    for at, lag in zip(machine.at, machine.figures["loop_lag_ms"], strict=True):
        if lag >= HELD_MS:
            evidence = _without_disk(around.evidence(("main",), at - SECOND, at - 1))
            found = cause_of_stall(lag, at - SECOND, at, evidence, "the main loop")
            yield Stall("the main loop was held", "main", at, round(lag, 2), "ms", found)


def disk_held(around: Surroundings) -> Iterator[Stall]:
    """Times in which the recorder could not write. It has a thread of its own: nobody waited for it. While the
    interpreter collected garbage it would have stood still, too.
    """
    for pause in around.pauses:
        if pause.what != "disk":
            continue
        since = pause.at - round(pause.took_ms * MILLISECOND)
        evidence = around.evidence(("main",), since, pause.at)
        found = cause_of_stall(
            pause.took_ms, since, pause.at, replace(evidence, cpu_wait_ms=0.0, steal_ms=0.0), "the recorder"
        )
        yield Stall("the recorder could not write", pause.process, pause.at, pause.took_ms, "ms", found)
