"""Whether reports name the right cause: faults are done to houses that run, and what they made late is looked up.

``python -m benchmarks.causes [show] [talks] [--only FAULT] [--small] [--keep FOLDER]`` (a quarter of an hour). A
hundred faults and a few (:mod:`benchmarks.causes_faults`), whose times are kept here alone: in a show on air, in a
conversation with a character, and in a call. Afterwards their runs are read as ``duologue report`` reads them. Of all
that was late, slow or missing in the time of a fault, what its chapter blames for most of it is held against the fault:
*right*, *unknown*, or *wrong*. Where nothing was late there was nothing to name: such faults are told apart. Between
the faults lie times in which nothing is done: in those nothing may be blamed on a part of ours. ``--judge FOLDER``
reads again what was kept.

Expected before measuring: all but the busy cores are named from one record; those depend on how long each thread was
kept waiting, which the kernel counts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from benchmarks.machine import load, say
from benchmarks.table import Row, row, show
from duologue.clock import SECOND
from duologue.evidence.causes import Culprit

SECTIONS = ("show", "talks")
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
    Fault.BUSY: (Culprit.CPU, ()),
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


def inject(folder: Path, sections: Sequence[str], small: bool, only: Collection[Fault]) -> None:
    """Do it; the runs and what was done when are kept in ``folder``, which is empty."""
    for name, (done, _) in _sections().items():
        if not sections or name in sections:
            times = done(folder / name, small, only)
            (folder / f"{name}.json").write_text(json.dumps([asdict(each) for each in times], indent=1))


def judged(folder: Path) -> list[Row]:
    """Of what :func:`inject` kept there."""
    injected, suffered = list[Injected](), list[Suffered]()
    for name, (_, told) in _sections().items():
        if (times := folder / f"{name}.json").exists():
            for each in json.loads(times.read_text()):
                injected.append(Injected(**each | {"fault": Fault(each["fault"]) if each["fault"] else None}))
            suffered += told(folder / name)
    if not injected:
        raise SystemExit(f"nothing was done: {folder} has none of {', '.join(f'{name}.json' for name in SECTIONS)}")
    return table(injected, suffered)


class Section(NamedTuple):
    """``inject`` does what of it is wanted, and leaves the runs in a folder; ``suffered`` reads their reports."""

    inject: Callable[[Path, bool, Collection[Fault]], list[Injected]]
    suffered: Callable[[Path], list[Suffered]]


def _sections() -> dict[str, Section]:
    from benchmarks import causes_show, causes_talks

    modules = (causes_show, causes_talks)
    return {name: Section(each.inject, each.suffered) for name, each in zip(SECTIONS, modules, strict=True)}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.causes")
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="by default both")
    parser.add_argument(
        "--only", action="append", default=[], choices=[each.name.lower() for each in Fault], help="by default all"
    )
    parser.add_argument("--small", action="store_true", help="a few of each kind, to try it out")
    parser.add_argument("--keep", type=Path, help="keep what was recorded in this folder, which is new")
    parser.add_argument("--judge", type=Path, help="do nothing: read again what was kept in this folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="causes-") as name:
        folder = given.judge or given.keep or Path(name)
        if given.judge is None:
            folder.mkdir(parents=True, exist_ok=given.keep is None)
            only = [Fault[each.upper()] for each in given.only]
            inject(folder, given.sections, given.small, frozenset(only or Fault))
        show("causes", judged(folder))


if __name__ == "__main__":
    from benchmarks import causes  # its names are those of the modules that import it

    causes.main()
