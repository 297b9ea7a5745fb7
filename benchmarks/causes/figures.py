"""What reports named, held against what was done: right, wrong, unknown; for :mod:`benchmarks.causes`.

Pure: times and causes in, figures out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from benchmarks.machine import load, say
from benchmarks.table import Row, row
from duologue.clock import SECOND
from duologue.evidence.causes import Culprit

AFTER = 1500
"""What a fault made late may begin so much later (ms)."""
APART = 4 * SECOND
"""Around a fault what is late is not counted among that which happened without one (ns)."""
OURS = (Culprit.COMPOSE, Culprit.ENCODE, Culprit.GARBAGE, Culprit.ENGINE, Culprit.DEATH, Culprit.STOPPED)
"""Parts of ours, which nobody made slow when nothing was done to them."""


class Fault(StrEnum):
    """What is done."""

    BUSY = "busy cores"
    DISK = "slow disk"
    GARBAGE = "forced garbage collection"
    STOPPED = "an engine stopped for 300 ms"
    MODEL = "slow language model"
    LOSS = "packet loss"


RIGHT: dict[Fault, tuple[Culprit, tuple[str, ...]]] = {
    Fault.BUSY: (Culprit.BUSY, ()),
    Fault.DISK: (Culprit.DISK, ()),
    Fault.GARBAGE: (Culprit.GARBAGE, ()),
    Fault.STOPPED: (Culprit.STOPPED, ("voice",)),
    Fault.MODEL: (Culprit.ENGINE, ("first_token", "first_sentence")),
    Fault.LOSS: (Culprit.NETWORK, ()),
}
"""The cause that must be named, and of a turn the stages in which."""


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault from ``since`` to ``until`` (monotonic ns), done to ``whom``: ``show``, ``disk``, ``talk`` or ``call``;
    None: a time in which nothing was done. What it makes late is told up to ``after_ms`` behind it.
    """

    fault: Fault | None
    whom: str
    since: int
    until: int
    after_ms: int = AFTER

    @property
    def told(self) -> int:
        """The end of what is its doing."""
        return self.until + self.after_ms * SECOND // 1000


@dataclass(frozen=True, slots=True)
class Suffered:
    """Something late, slow or missing, as a report has it."""

    whom: str
    at: int
    what: str
    cause: Culprit
    lost_ms: float
    why: str
    stage: str = ""


class Outcome(StrEnum):
    """Of a fault, or of a time without one."""

    RIGHT = "right"
    WRONG = "wrong"
    OURS = "blamed on a part of ours"
    """Of a time without one."""
    OTHERS = "blamed on others"
    """Of a time without one."""
    UNKNOWN = "unknown"
    NOTHING = "nothing late"


@dataclass(slots=True)
class Verdict:
    """What came of one fault: ``named`` is the cause that has most of the lost time, in a turn in which stage."""

    injected: Injected
    outcome: Outcome
    named: str = ""
    suffered: list[Suffered] = field(default_factory=list[Suffered])


def judge(injected: Injected, suffered: Iterable[Suffered]) -> Verdict:
    """Of all that it made late the cause which has most of it is the named one."""
    found = [each for each in suffered if each.whom == injected.whom and injected.since <= each.at <= injected.told]
    if not found:
        return Verdict(injected, Outcome.NOTHING)
    lost: Counter[tuple[Culprit, str]] = Counter()
    for each in found:
        lost[each.cause, each.stage] += round(1000 * each.lost_ms)
    (cause, stage), _ = lost.most_common(1)[0]
    return Verdict(injected, _outcome(injected.fault, cause, stage), f"{cause}{f' in {stage}' * bool(stage)}", found)


def _outcome(fault: Fault | None, cause: Culprit, stage: str) -> Outcome:
    if cause is Culprit.UNKNOWN:
        return Outcome.UNKNOWN
    if fault is None:
        return Outcome.OURS if cause in OURS else Outcome.OTHERS
    wanted, stages = RIGHT[fault]
    return Outcome.RIGHT if cause is wanted and (not stages or stage in stages) else Outcome.WRONG


def without(injected: Sequence[Injected], suffered: Iterable[Suffered]) -> list[Suffered]:
    """What was late when nothing was done to it: in a time that is known to be without a fault, or far from all."""

    def near(fault: Injected, each: Suffered, apart: int) -> bool:
        return fault.whom == each.whom and fault.since - apart <= each.at <= fault.told + apart

    faults, calm = ([one for one in injected if (one.fault is None) is wanted] for wanted in (False, True))
    return [
        each
        for each in suffered
        if any(near(one, each, 0) for one in calm) or not any(near(one, each, APART) for one in faults)
    ]


def table(injected: Sequence[Injected], suffered: Sequence[Suffered]) -> list[Row]:
    """The figures; what was named wrong is told as it is found."""
    verdicts = [judge(each, suffered) for each in injected]
    faults = [each for each in verdicts if each.injected.fault is not None]
    found: list[Row] = []
    for fault in Fault:
        if some := [each for each in faults if each.injected.fault is fault]:
            found.append(_named(str(fault), some))
            _tell(str(fault), (each for each in some if each.outcome is not Outcome.RIGHT))
    if faults:
        found.append(_named("all", faults, f"; target ≥ 95 of 100; {load()}"))
    calm = [each for each in verdicts if each.injected.fault is None]
    if calm:
        ours = [each for each in calm if each.outcome is Outcome.OURS]
        _tell("nothing done", ours)
        counted = Counter(each.outcome for each in calm)
        beside = ", ".join(f"{many} {outcome}" for outcome, many in counted.most_common())
        beside = f"of {len(calm)} times of {_seconds(calm):.0f} s in all: {beside}; target ≤ 5; {load()}"
        found.append(row("nothing done: blamed on a part of ours", 100 * len(ours) / len(calm), "%", beside))
    found.append(_late_things(without(injected, suffered)))
    return found


def _named(what: str, some: Sequence[Verdict], beside: str = "") -> Row:
    """How many of those with an effect were named right; and what of the others."""
    counted = Counter(each.outcome for each in some)
    effect = len(some) - counted[Outcome.NOTHING]
    wrong = Counter(each.named for each in some if each.outcome is Outcome.WRONG)
    words = [f"{len(some)} done", f"{effect} with an effect"]
    words += [f"{many} as {named}" for named, many in wrong.most_common()]
    words += [f"{counted[Outcome.UNKNOWN]} unknown"] if counted[Outcome.UNKNOWN] else []
    return row(f"{what}: named right", counted[Outcome.RIGHT], f"of {effect}", ", ".join(words) + beside)


def _tell(what: str, verdicts: Iterable[Verdict]) -> None:
    for each in verdicts:
        for one in sorted(each.suffered, key=lambda one: -one.lost_ms)[:3]:
            say(f"{what}, {each.outcome}: {one.what}, {one.lost_ms:.0f} ms, {one.cause}: {one.why}")
        if not each.suffered:
            say(f"{what}: nothing was late")


def _late_things(late: Sequence[Suffered]) -> Row:
    ours = [each for each in late if each.cause in OURS]
    told = ", ".join(f"{cause} {many}" for cause, many in Counter(each.cause for each in late).most_common())
    share = 100 * len(ours) / len(late) if late else 0.0
    return row(
        "nothing done: late things blamed on a part of ours", share, "%",
        f"{len(ours)} of {len(late)} ({told or 'none'}); {load()}",
    )  # fmt: skip


def _seconds(verdicts: Iterable[Verdict]) -> float:
    return sum(each.injected.until - each.injected.since for each in verdicts) / SECOND
