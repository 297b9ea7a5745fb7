"""Many conversations: each scenario with many seeds, in one process or in several, and what all of them came to."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from duologue.simulation.checks import Check, check_together
from duologue.simulation.measures import Measures
from duologue.simulation.runner import SimulationOutcome, run_scenario
from duologue.simulation.scenario import Scenario

BATCH = 10
"""Conversations that a process is given at once."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """An :class:`SimulationOutcome` as it crosses a process boundary: what was measured, and the lines of what failed.

    ``ledger`` is empty unless it was asked for.
    """

    scenario: str
    seed: int
    seconds: float
    measures: Measures
    checks: tuple[Check, ...]
    shown: dict[str, str]
    """By the name of a check that does not hold: the line of the ledger that shows it."""
    troubles: tuple[str, ...] = ()
    """Of a run that failed: what went wrong that the scenario did not count on, each once."""
    ledger: str = ""

    @property
    def failed(self) -> tuple[Check, ...]:
        """The expectations that do not hold."""
        return tuple(check for check in self.checks if not check.holds)


@dataclass(slots=True)
class Summary:
    """All runs of one scenario: ``together`` is what is looked at over all of them. ``aloud``: with real sound."""

    scenario: Scenario
    aloud: bool = False
    runs: list[RunSummary] = field(default_factory=list[RunSummary])

    @property
    def together(self) -> tuple[Check, ...]:
        """Medians and the like."""
        expect = self.scenario.expected_of_sound() if self.aloud else self.scenario.expect
        return tuple(check_together(expect, [run.measures for run in self.runs]))

    @property
    def failed(self) -> bool:
        """Something does not hold."""
        return any(run.failed for run in self.runs) or any(not check.holds for check in self.together)


def summarise(outcome: SimulationOutcome, *, ledger: bool = False) -> RunSummary:
    """What is kept of a conversation."""
    return RunSummary(
        outcome.scenario.name, outcome.seed, outcome.seconds, outcome.measures, outcome.checks,
        {check.name: outcome.line_of(check) for check in outcome.failed},
        tuple(dict.fromkeys(outcome.troubles())) if outcome.failed else (),
        "".join(f"{line}\n" for line in outcome.ledger()) if ledger else "",
    )  # fmt: skip


def run_all(
    scenarios: Sequence[Scenario], times: int = 1, *, seed: int | None = None, jobs: int = 1, ledger: bool = False
) -> Iterator[RunSummary]:
    """Run every scenario ``times`` times with rising seeds (from ``seed``, else the scenario's own), in that order,
    with ``jobs`` processes.
    """
    work = [(*each, ledger) for each in planned(scenarios, times, seed)]
    if jobs <= 1 or len(work) <= BATCH:
        yield from map(_one, work)
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("forkserver")) as pool:
        yield from pool.map(_one, work, chunksize=BATCH)


def planned(scenarios: Sequence[Scenario], times: int, seed: int | None) -> list[tuple[Scenario, int]]:
    """Every scenario ``times`` times, with its seeds."""
    return [(each, (each.seed if seed is None else seed) + number) for each in scenarios for number in range(times)]


def _one(work: tuple[Scenario, int, bool]) -> RunSummary:
    scenario, seed, ledger = work
    return summarise(run_scenario(scenario, seed), ledger=ledger)
