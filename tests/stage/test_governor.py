"""The governor on a simulated machine: what it gives of a core changes, and the show must stay in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.clock import MILLISECOND, SECOND
from duologue.stage.governor import NEXT, QUIET, Governor
from duologue.stage.pace import CATCH_UP, SLACK, CatchUpRule, Pace
from duologue.telemetry.ledger import GovernorStep
from few_examples import examples

FPS = 30
PERIOD = SECOND // FPS
COST = {
    GovernorStep.FULL: 11.0,
    GovernorStep.TV: 10.0,
    GovernorStep.ANALYSIS: 7.0,
    GovernorStep.RATE: 7.0,
    GovernorStep.SIZE: 3.5,
}
"""What a picture costs on a free core at each step (ms)."""


@dataclass
class Machine:
    """Draws a show on a core of which it gets ``share(now)``; the governor decides as in the stage's own loop."""

    share: Callable[[int], float]
    steps: tuple[GovernorStep, ...] = (GovernorStep.TV, GovernorStep.ANALYSIS, GovernorStep.RATE, GovernorStep.SIZE)
    stalls: dict[int, int] = field(default_factory=dict[int, int])
    """By frame number: how long the machine stands still before it (ns)."""
    taken: list[tuple[float, GovernorStep]] = field(default_factory=list[tuple[float, GovernorStep]])
    late_ms: float = -1e9
    pictures: list[int] = field(default_factory=list[int])
    skips: int = 0

    def run(self, seconds: float) -> Machine:
        pace = Pace(origin=SECOND, fps=FPS, lead=SECOND)
        patience = CatchUpRule(pace)
        governor = Governor(SECOND, PERIOD, self.steps)
        now, number, step = 0, 0, GovernorStep.FULL
        while now < seconds * SECOND:
            now = max(now, pace.begin(number)) + self.stalls.pop(number, 0)
            following = patience.following(number, now)
            if following > number:
                self.skips += 1
                number = following
                governor.restart(now)
            before, step = step, governor.decide(now)
            if step is not before:
                assert abs(step - before) == 1 or step in (GovernorStep.RATE, GovernorStep.ANALYSIS)
                self.taken.append((now / SECOND, step))
            periods = 2 if step >= GovernorStep.RATE else 1
            if number % periods == 0:
                cost = int(COST[step] * MILLISECOND / self.share(now))
                now += cost
                governor.made(now, pace.due(number), cost, periods)
                self.late_ms = max(self.late_ms, (now - pace.due(number)) / MILLISECOND)
                self.pictures.append(now)
            number += 1
        return self


def test_a_quick_machine_takes_no_step() -> None:
    machine = Machine(lambda now: 1.0).run(120)
    assert machine.taken == []
    assert len(machine.pictures) > 119 * FPS


def test_one_stall_is_no_shortage() -> None:
    machine = Machine(lambda now: 1.0, stalls={300: 900 * MILLISECOND, 900: 600 * MILLISECOND}).run(60)
    assert machine.taken == []
    assert machine.late_ms < 0


def test_two_thirds_of_what_is_needed_cost_the_tv_and_some_analysis_and_no_picture() -> None:
    machine = Machine(lambda now: 0.28).run(60)
    assert [step for _, step in machine.taken] == [GovernorStep.TV, GovernorStep.ANALYSIS]
    assert machine.late_ms < 0  # it happens long before a frame is due
    assert machine.skips == 0


def test_a_third_of_it_costs_every_second_picture_and_sound_and_time_stay() -> None:
    machine = Machine(lambda now: 0.15).run(60)
    assert [step for _, step in machine.taken] == [GovernorStep.TV, GovernorStep.ANALYSIS, GovernorStep.RATE]
    gaps = [after - before for before, after in zip(machine.pictures[-300:], machine.pictures[-299:], strict=False)]
    assert max(gaps) < 3 * PERIOD
    assert machine.skips == 0
    assert machine.late_ms < 300


def test_the_size_goes_last_and_only_where_it_may() -> None:
    assert Machine(lambda now: 0.09).run(60).taken[-1][1] is GovernorStep.SIZE
    kept = Machine(lambda now: 0.09, steps=(GovernorStep.TV, GovernorStep.ANALYSIS, GovernorStep.RATE)).run(60)
    assert kept.taken[-1][1] is GovernorStep.RATE


def test_beyond_all_steps_lateness_is_bounded_and_each_skip_is_counted() -> None:
    machine = Machine(lambda now: 0.03).run(60)
    assert machine.skips > 3
    assert machine.late_ms < 1500 + SLACK / MILLISECOND + 2 * COST[GovernorStep.SIZE] / 0.03


def test_all_is_back_within_ninety_seconds_of_the_end() -> None:
    machine = Machine(lambda now: 0.09 if now < 60 * SECOND else 1.0).run(160)
    back = machine.taken[-1]
    assert back[1] is GovernorStep.FULL
    assert back[0] < 60 + 90
    ups = [at for at, _ in machine.taken if at > 60]
    assert ups[0] - 60 >= QUIET / SECOND
    assert all(after - before >= NEXT / SECOND for before, after in pairwise(ups))


@pytest.mark.parametrize(("share", "step"), [(0.55, GovernorStep.FULL), (0.4, GovernorStep.ANALYSIS)])
def test_a_step_comes_back_where_a_picture_would_leave_a_quarter_of_its_time(share: float, step: GovernorStep) -> None:
    """On the one machine a whole picture costs 60 % of it, on the other one with the TV alone 75 and more."""
    machine = Machine(lambda now: 0.09 if now < 60 * SECOND else share).run(160)
    assert machine.taken[-1][1] is step


def test_a_stall_now_and_then_does_not_keep_it_plain() -> None:
    stalls = {number: 400 * MILLISECOND for number in range(2100, 5000, 150)}  # every five seconds
    machine = Machine(lambda now: 0.09 if now < 60 * SECOND else 1.0, stalls=stalls).run(160)
    assert machine.taken[-1][1] is GovernorStep.FULL
    assert machine.taken[-1][0] < 60 + 90


def test_it_does_not_swing_on_a_machine_that_is_always_a_little_too_slow() -> None:
    machine = Machine(lambda now: 0.31).run(30 * 60)
    assert len(machine.taken) <= 12  # half an hour
    assert machine.late_ms < 0


def test_a_disturbance_on_the_way_back_costs_another_quiet_minute() -> None:
    """Ten seconds of a short lead, and four well ones after them, were taken for quiet."""
    governor, now = Governor(SECOND, PERIOD, (GovernorStep.TV, GovernorStep.ANALYSIS)), 0

    def play(seconds: int, lead_ms: int, pace: float = 1.0) -> list[tuple[int, GovernorStep]]:
        nonlocal now
        taken: list[tuple[int, GovernorStep]] = []
        until = now + seconds * SECOND
        while now < until:
            now += int(PERIOD * pace)
            governor.made(now, now + lead_ms * MILLISECOND, 3 * MILLISECOND)
            before = governor.step
            if (step := governor.decide(now)) is not before:
                taken.append((now // SECOND, step))
        return taken

    assert [step for _, step in play(4, 500, 1.2)] == [GovernorStep.TV, GovernorStep.ANALYSIS]
    assert [step for _, step in play(62, 950)] == [GovernorStep.TV]
    assert play(10, 820) == []
    well = now // SECOND
    assert [(at - well, step) for at, step in play(70, 950)] == [(QUIET // SECOND, GovernorStep.FULL)]


def test_a_missing_step_is_passed_over() -> None:
    machine = Machine(lambda now: 0.15, steps=(GovernorStep.TV, GovernorStep.RATE)).run(30)
    assert [step for _, step in machine.taken] == [GovernorStep.TV, GovernorStep.RATE]


@settings(deadline=None, max_examples=examples(40))
@given(
    shares=st.lists(st.floats(0.02, 1.0), min_size=3, max_size=12),
    stalls=st.dictionaries(st.integers(30, 1500), st.integers(0, 12 * SECOND), max_size=3),
)
def test_whatever_the_machine_does_lateness_is_bounded_and_all_comes_back(
    shares: list[float], stalls: dict[int, int]
) -> None:
    def share(now: int) -> float:
        at = now // (5 * SECOND)
        return shares[at] if at < len(shares) else 1.0

    longest = max(stalls.values(), default=0)
    machine = Machine(share, stalls=dict(stalls)).run(5 * len(shares) + longest * len(stalls) / SECOND + 100)
    assert machine.late_ms <= CATCH_UP / MILLISECOND + COST[GovernorStep.FULL] / 0.02
    assert not machine.taken or machine.taken[-1][1] is GovernorStep.FULL


@pytest.mark.parametrize("lead_ms", [400, 1000, 2000])
def test_it_goes_by_the_share_of_the_lead(lead_ms: int) -> None:
    governor = Governor(lead_ms * MILLISECOND, PERIOD)
    now = 0
    for number in range(40):
        now = number * 2 * PERIOD
        governor.made(now, now + int(lead_ms * MILLISECOND * 0.79), 20 * MILLISECOND)
    assert governor.decide(now) is GovernorStep.TV
    assert "0.5" in governor.why
