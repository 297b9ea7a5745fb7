"""How much room a show has on a machine, and what it would give up when programs run beside it: values in, values out.

A show needs a number of **cores**: what its pictures cost in CPU time, over the time for which each stands. What it
gets beside busy programs is its **share**. Each of them is taken to weigh as much as the whole stage, as where the
kernel shares by session (autogroup, sched(7)); what the scheduler grants beyond that is a gift that nothing relies on.
The first of the governor's steps whose need fits into the share is what a viewer would see.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from duologue.stage.governor import SAVES
from duologue.telemetry.ledger import GovernorStep

TV_ON = 1.35
"""A picture with the TV on costs so many times one without (1080p, CPU time of composing, decoding and encoding)."""
HOUSE = 0.05
"""Cores that the main process and an embedded voice take beside the stage."""
BREATH = 0.9
"""The part of a share, and of one core for one thread, that may be planned with: a scheduler deals unevenly."""
THREADS = 2
"""Cores that a stage can use: one thread draws, one encodes."""
BESIDE = (1, 2, 4)
"""How many busy programs are thought of."""

GIVES_UP = {
    GovernorStep.TV: "the TV's picture only in every second frame",
    GovernorStep.ANALYSIS: "less analysis in the encoder (a little softer)",
    GovernorStep.RATE: "half the picture rate",
    GovernorStep.SIZE: "a smaller picture",
}
"""What a viewer sees of each step."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a picture of a show costs (CPU ms, the TV off)."""

    width: int
    height: int
    fps: int
    compose_ms: float
    encode_ms: float

    @property
    def period_ms(self) -> float:
        """The time for which a picture stands."""
        return 1000 / self.fps

    @property
    def frame_ms(self) -> float:
        """Composing and encoding."""
        return self.compose_ms + self.encode_ms

    def scaled(self, width: int, height: int, fps: int) -> Cost:
        """The same machine at another size and rate: what a picture costs goes with its pixels."""
        factor = width * height / (self.width * self.height)
        return Cost(width, height, fps, self.compose_ms * factor, self.encode_ms * factor)


@dataclass(frozen=True, slots=True)
class Need:
    """What a step needs, in cores: all in all, and for the thread that does most."""

    step: GovernorStep
    cores: float
    thread: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would be on air beside so many busy ``programs`` (a fraction: the load of the moment), with ``share`` cores.

    ``step`` is None when not even the plainest holds.
    """

    programs: float
    share: float
    step: GovernorStep | None


@dataclass(frozen=True, slots=True)
class Headroom:
    """``times``: how many times the show's pictures could be made by one free core, the TV off.

    ``now`` is beside the load of the moment, ``beside`` beside busy programs on a machine that is quiet otherwise.
    """

    cost: Cost
    times: float
    needs: tuple[Need, ...]
    now: Outlook
    beside: tuple[Outlook, ...]


def governed(*, resizable: bool) -> tuple[GovernorStep, ...]:
    """The steps that a show's governor may take; the size only where nobody needs the stream to keep it."""
    return tuple(step for step in SAVES if resizable or step is not GovernorStep.SIZE)


def headroom(
    cost: Cost, cores: int, *, programs: float = 0.0, steal: float = 0.0, steps: Iterable[GovernorStep]
) -> Headroom:
    """All of it. ``programs`` is the load of the moment in busy programs, ``steal`` the part (0…1) of all cores that
    the host takes away; ``steps`` are those that the governor may take beside :data:`GovernorStep.FULL`.
    """
    wanted = needs(cost, steps)
    there = cores * (1 - steal)
    now, *beside = (
        Outlook(round(busy, 2), round(fair := share(there, busy), 2), holding(wanted, fair))
        for busy in (programs, *BESIDE)
    )
    return Headroom(cost, round(cost.period_ms / cost.frame_ms, 2), wanted, now, tuple(beside))


def needs(cost: Cost, steps: Iterable[GovernorStep]) -> tuple[Need, ...]:
    """What the full picture needs with the TV on, and what each of ``steps`` does, one after the other."""
    factor = TV_ON
    found = [_need(cost, GovernorStep.FULL, factor)]
    for step in sorted(set(steps) - {GovernorStep.FULL}):
        factor /= SAVES[step]
        found.append(_need(cost, step, factor))
    return tuple(found)


def _need(cost: Cost, step: GovernorStep, factor: float) -> Need:
    pictures, thread = (factor * each / cost.period_ms for each in (cost.frame_ms, cost.encode_ms))
    return Need(step, round(pictures + HOUSE, 3), round(thread, 3))


def share(cores: float, programs: float) -> float:
    """The cores that a stage gets of ``cores`` beside ``programs``, each of which would use one whole."""
    return min(THREADS, max(cores - programs, cores / (1 + programs)))


def holding(wanted: Sequence[Need], cores: float) -> GovernorStep | None:
    """The first step that can be held with so many cores; None when the plainest cannot."""
    most = BREATH * cores
    return next((need.step for need in wanted if need.cores <= most and need.thread <= min(BREATH, most)), None)


def words(room: Headroom, outlook: Outlook) -> str:
    """What a viewer would see."""
    if outlook.step is None:
        return "less than the plainest picture (it would leave pieces out to stay in time)"
    taken = [GIVES_UP[need.step] for need in room.needs if GovernorStep.FULL < need.step <= outlook.step]
    return ", ".join(taken) or "the full picture"


def as_table(room: Headroom) -> dict[str, object]:
    """For JSON: steps by name, and what a viewer would see in words."""

    def told(outlook: Outlook) -> dict[str, object]:
        name = None if outlook.step is None else outlook.step.name.lower()
        return {"programs": outlook.programs, "share": outlook.share, "step": name, "seen": words(room, outlook)}

    return {
        "cost": asdict(room.cost),
        "times": room.times,
        "needs": [{"step": need.step.name.lower(), "cores": need.cores, "thread": need.thread} for need in room.needs],
        "now": told(room.now),
        "beside": [told(outlook) for outlook in room.beside],
    }
