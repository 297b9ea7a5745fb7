"""Why something was late: from the records of that second to one cause, or to *unknown*. Pure.

What was lost is cut into pieces: a frame whose drawing or encoding took longer than such frames usually take, and time
in which the stage could have drawn and did not. Each piece is then held against what else is known of that time, the
surest first: a garbage collection of that very process and a signal that stopped it (both are told with their times),
cores that it could not have (what the hypervisor took of the machine is one cause; how long the stage's threads were
ready, beyond that, and the machine's cores ran others, is another), a disk that somebody waited for. Drawing and
encoding are blamed for what is left of their own pieces, nobody for a standstill that nothing explains. The cause is
the one that explains at least half of what was lost; else it is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from duologue.clock import milliseconds
from duologue.telemetry.ledger import Cause, FrameRecord, PauseRecord

HALF = 0.5
"""Of what was lost: what explains less is no cause."""
HINT = 0.05
"""What explains less is not even mentioned."""
NOISE_MS = 2.0
"""What a frame may take more than usual without being suspected."""


class Culprit(StrEnum):
    """What made something late, as people read it."""

    COMPOSE = "own compositing"
    ENCODE = "encoder"
    GARBAGE = "garbage collection"
    STOLEN = "stolen CPU"
    """The hypervisor gave this machine's cores to other machines: no program on it ran."""
    BUSY = "busy cores"
    """Other programs on this machine had its cores while threads of ours were ready."""
    ENGINE = "late engine"
    """An engine of ours that took long, or that had the cores."""
    DISK = "disk"
    NETWORK = "network"
    DEATH = "restarted process"
    """A process of ours died, and was started again."""
    STOPPED = "stopped process"
    """A signal stopped a process of ours (SIGSTOP, a terminal, a debugger), or all of them at once."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual in the run: medians, in ms."""

    compose_ms: float = 1.0
    encode_ms: float = 6.0
    cpu_wait_ms: float = 0.0
    """In a second."""
    steal_ms: float = 0.0
    """In a second, of all cores."""
    disk_wait_ms: float = 0.0
    """In a second."""
    frame_wait_ms: float | None = None
    """What a frame's threads wait for a core; None: frames do not tell that."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of the time in which something became late.

    ``frames`` go from the last one that was on its way in time to the late one, oldest first. ``period_ms`` and
    ``lead_ms`` are the show's. ``pauses`` are of the process that was late. The rest sums up the seconds of that time:
    ``steal_ms`` (of all cores), ``cpu_wait_ms`` (of the late process; None: it was not measured), ``disk_wait_ms``, the
    ``engines``' CPU time by name (ms), ``foreign_ms``, that of programs which are none of ours (None: it was not
    measured), and ``deaths``: processes that were started again. ``measured``: the machine's figures are there at all;
    for ``unwatched_ms`` nobody took them, who else does so each second. ``skipped``: when the frame after the last was
    due, and when the stage left it out instead (monotonic ns).
    """

    frames: Sequence[FrameRecord] = ()
    period_ms: float = 1000 / 30
    lead_ms: float = 0.0
    pauses: Sequence[PauseRecord] = ()
    steal_ms: float = 0.0
    cpu_wait_ms: float | None = None
    disk_wait_ms: float = 0.0
    engines: Mapping[str, float] = field(default_factory=dict[str, float])
    foreign_ms: float | None = None
    deaths: Sequence[str] = ()
    usual: Usual = Usual()
    measured: bool = True
    unwatched_ms: float = 0.0
    skipped: tuple[int, int] | None = None
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Attribution:
    """``cause`` explains ``share`` (0…1) of the ``lost_ms``; ``why`` says it in words, with figures."""

    cause: Culprit
    share: float
    lost_ms: float
    why: str
    parts: Mapping[Culprit, float] = field(default_factory=dict[Culprit, float])
    """What each culprit cost (ms)."""


@dataclass(slots=True)
class _Pieces:
    """What was lost (ms): by drawing, by encoding, by standing still; of it ``starved`` while a thread of that very
    frame was ready and no core ran it (None: frames do not tell).
    """

    compose: float = 0.0
    encode: float = 0.0
    still: float = 0.0
    lights: float = 0.0
    starved: float | None = None
    spans: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """When (monotonic ns)."""

    @property
    def total(self) -> float:
        return self.compose + self.encode + self.still + self.lights


def cause_of(evidence: Evidence) -> Attribution:
    """Why the last of ``evidence.frames`` was late, or dearer than its period."""
    pieces = _pieces(evidence)
    if evidence.deaths:
        return _death(evidence, pieces.total)
    if pieces.total <= 0:
        return Attribution(Culprit.UNKNOWN, 0.0, 0.0, "no frame took long, and none began late")
    parts, words = _attribute(pieces, evidence, "the stage")
    return _verdict(parts, words, pieces.total)


def _death(evidence: Evidence, lost: float) -> Attribution:
    return Attribution(
        Culprit.DEATH, 1.0, lost, f"{' and '.join(evidence.deaths)} was started again", {Culprit.DEATH: lost}
    )


def cause_of_stall(lost_ms: float, since: int, until: int, evidence: Evidence, who: str) -> Attribution:
    """Why ``who`` (as people read it) did nothing for ``lost_ms`` between the two times: packets that left late, a loop
    that was held.
    """
    if evidence.deaths:
        return _death(evidence, lost_ms)
    pieces = _Pieces(still=lost_ms, spans=[(since, until)])
    parts, words = _attribute(pieces, evidence, who)
    return _verdict(parts, words, lost_ms)


def _pieces(evidence: Evidence) -> _Pieces:
    found, usual = _Pieces(), evidence.usual
    before: FrameRecord | None = None
    for frame in evidence.frames:
        lost, compose, encode = found.total, found.compose, found.encode
        drawn = frame.begun + round(frame.compose_ms * 1e6)
        if (over := _excess(frame.compose_ms, usual.compose_ms)) > 0:
            if frame.cause is Cause.LIGHTS:
                found.lights += over
            else:
                found.compose += over
            found.spans.append((frame.begun, drawn))
        if (over := _excess(frame.encode_ms, usual.encode_ms)) > 0:
            if frame.cause is Cause.STALL:
                found.still += over  # the process used less than half of that time
            else:
                found.encode += over
            found.spans.append((frame.packaged - round(frame.encode_ms * 1e6), frame.packaged))
        if before is not None:
            _note_gap(found, before, frame.due, frame.begun, evidence)
        if usual.frame_wait_ms is not None:
            starved = min(max(0.0, frame.wait_ms - usual.frame_wait_ms), found.total - lost)
            found.starved = (found.starved or 0.0) + starved
            _note_blocked(found, compose, encode, frame.blocked_ms)
        before = frame
    if before is not None and evidence.skipped is not None:
        _note_gap(found, before, *evidence.skipped, evidence)
    return found


def _note_gap(found: _Pieces, before: FrameRecord, due: int, begun: int, evidence: Evidence) -> None:
    """The stage might have begun the frame that is ``due`` before it did: it stood still, or waited for the encoder's
    queue.
    """
    free = before.begun + round(before.compose_ms * 1e6)
    wanted = max(free, due - round(evidence.lead_ms * 1e6)) if evidence.lead_ms else free
    lost = milliseconds(begun - wanted)
    if lost <= NOISE_MS or (not evidence.lead_ms and lost <= evidence.period_ms):
        return
    if any(
        _excess(each.encode_ms, evidence.usual.encode_ms) >= lost * HALF
        for each in evidence.frames
        if each.packaged > wanted and each.packaged - round(each.encode_ms * 1e6) < begun
    ):
        return  # the queue was full, or all stood still: the encoder's own piece has it
    found.still += lost
    found.spans.append((wanted, begun))


def _note_blocked(found: _Pieces, compose: float, encode: float, blocked: float) -> None:
    """Of what drawing and encoding of a frame added to what was lost before it, so much was no work of theirs."""
    for name, before in (("encode", encode), ("compose", compose)):
        part = min(blocked, getattr(found, name) - before)
        setattr(found, name, getattr(found, name) - part)
        found.still += part
        blocked -= part


def _excess(took: float, usual: float) -> float:
    """Beyond what is usual, and more than noise."""
    over = took - usual
    return over if over > max(NOISE_MS, 0.5 * usual) else 0.0


def _attribute(pieces: _Pieces, evidence: Evidence, who: str) -> tuple[dict[Culprit, float], dict[Culprit, str]]:
    """Who has how much of it (ms), and in what words."""
    parts: dict[Culprit, float] = {}
    words: dict[Culprit, str] = {}
    left = {"still": pieces.still, "encode": pieces.encode, "compose": pieces.compose}

    def take(culprit: Culprit, most: float, what: str, of: Sequence[str] = ("still", "encode", "compose")) -> None:
        for name in of:
            taken = min(left[name], most)
            if taken > 0:
                left[name] -= taken
                most -= taken
                parts[culprit] = parts.get(culprit, 0.0) + taken
                words[culprit] = what

    if collected := _paused("garbage", pieces.spans, evidence):
        take(Culprit.GARBAGE, collected, f"garbage was collected for {collected:.0f} ms")
    if stopped := _paused("stopped", pieces.spans, evidence):
        whom = {each.process for each in evidence.pauses if each.what == "stopped" and _overlap(each, pieces.spans)}
        take(Culprit.STOPPED, stopped, f"a signal had stopped {' and '.join(sorted(whom))} for {stopped:.0f} ms")
    stolen, waited = _withheld(pieces.starved, left["still"], evidence)
    if withheld := max(stolen, waited):
        short = min(withheld, sum(left.values()))  # nobody was kept from a core for longer than was lost
        host = short * stolen / withheld
        take(Culprit.STOLEN, host, f"the host gave {stolen:.0f} ms of CPU to others")
        busy = _engines_that_had_the_cores(waited - stolen, evidence)
        whose = f" while {' and '.join(sorted(busy))} computed" if busy else ": other programs had them"
        take(
            Culprit.ENGINE if busy else Culprit.BUSY, short - host, f"no core was free for {short - host:.0f} ms{whose}"
        )
    disk = max(0.0, evidence.disk_wait_ms - evidence.usual.disk_wait_ms * evidence.seconds)
    disk = max(disk, _paused("disk", pieces.spans, evidence))
    if disk:
        take(Culprit.DISK, disk, f"the disk kept programs waiting for {disk:.0f} ms", ["still"])
    if evidence.unwatched_ms:
        slept = f"all of the house stood still for {evidence.unwatched_ms:.0f} ms: it was stopped, or the machine slept"
        take(Culprit.STOPPED, evidence.unwatched_ms, slept, ["still"])
    take(Culprit.ENCODE, left["encode"], f"encoding took {_most(evidence, 'encode_ms'):.0f} ms")
    drawing = f"drawing took {_most(evidence, 'compose_ms'):.0f} ms"
    take(Culprit.COMPOSE, left["compose"], drawing)
    if pieces.lights:
        parts[Culprit.COMPOSE] = parts.get(Culprit.COMPOSE, 0.0) + pieces.lights
        words[Culprit.COMPOSE] = "a change of light was swapped in"
    if left["still"] > 0:
        parts[Culprit.UNKNOWN] = left["still"]
        words[Culprit.UNKNOWN] = f"{who} stood still for {left['still']:.0f} ms" + (
            ", and nothing that was measured tells why" if evidence.measured else "; the machine was not measured then"
        )
    return parts, words


def _withheld(starved: float | None, still: float, evidence: Evidence) -> tuple[float, float]:
    """What the host took of all cores, and how long threads that were late were ready and nothing ran them (ms), both
    beyond what is usual. Of a core that the host took the one is a part of the other.
    """
    usual = evidence.usual
    stolen = max(0.0, evidence.steal_ms - usual.steal_ms * evidence.seconds)
    waited = max(0.0, (evidence.cpu_wait_ms or 0.0) - usual.cpu_wait_ms * evidence.seconds)
    if starved is not None:  # others may have kept a lock, and waited for a core with it
        waited = max(starved, min(waited, still))
    return stolen, waited


def _engines_that_had_the_cores(waited: float, evidence: Evidence) -> list[str]:
    """Those that computed for so long, unless other programs had more of the cores than all of them."""
    if evidence.foreign_ms is not None and evidence.foreign_ms > sum(evidence.engines.values()):
        return []
    return [name for name, used in evidence.engines.items() if used >= HALF * waited]


def _most(evidence: Evidence, name: str) -> float:
    return max((getattr(each, name) for each in evidence.frames), default=0.0)


def _paused(what: str, spans: Sequence[tuple[int, int]], evidence: Evidence) -> float:
    return sum(_overlap(each, spans) for each in evidence.pauses if each.what == what)


def _overlap(pause: PauseRecord, spans: Sequence[tuple[int, int]]) -> float:
    """How much of a pause lies within what was lost (ms): one that held drawing and encoding cost both their time."""
    began = pause.at - round(pause.took_ms * 1e6)
    return sum(max(0.0, milliseconds(min(pause.at, until) - max(began, since))) for since, until in spans)


def _verdict(parts: Mapping[Culprit, float], words: Mapping[Culprit, str], total: float) -> Attribution:
    known = {culprit: lost for culprit, lost in parts.items() if culprit is not Culprit.UNKNOWN}
    if not known:
        return Attribution(Culprit.UNKNOWN, 0.0, total, words.get(Culprit.UNKNOWN, "nothing tells why"), parts)
    cause = max(known, key=lambda each: known[each])
    share = min(1.0, known[cause] / total) if total else 0.0
    if share < HALF:
        guess = [f"{each} {100 * lost / total:.0f} %" for each, lost in known.items() if lost >= HINT * total]
        why = f"no cause explains half of it ({', '.join(guess)})" if guess else words.get(Culprit.UNKNOWN, "")
        return Attribution(Culprit.UNKNOWN, share, total, why, parts)
    return Attribution(cause, share, total, words[cause], parts)
