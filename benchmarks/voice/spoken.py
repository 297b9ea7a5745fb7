"""The scenarios that ship, on real sound: what must never happen, counted over all of them."""

from __future__ import annotations

import asyncio

from benchmarks.table import Row, row
from duologue.errors import PeerError
from duologue.settings import Settings
from duologue.simulation.crowd import RunSummary
from duologue.simulation.scenario_file import read_scenario, shipped
from duologue.simulation.spoken_crowd import run_aloud

AT_ONCE = 2
"""Conversations at the same time: as many as PocketSphinx hears by default."""
NEVER = {
    "clipped": "words clipped at start or end",
    "cut_ins": "replies cut in",
    "stale": "stale replies",
    "doubled": "doubled replies",
}


async def _held() -> list[RunSummary]:
    scenarios = [read_scenario(file) for file in shipped()]
    if not scenarios:  # nothing counted is not nothing wrong
        raise PeerError("no scenario is there", where="scenarios", remedy="Run this in the repository.")
    return [run async for run in run_aloud(scenarios, Settings(), jobs=AT_ONCE)]


def rows() -> list[Row]:
    """A row for each thing that must not happen, with the scenarios in which it did."""
    runs = asyncio.run(_held())
    found: list[Row] = []
    for name, what in NEVER.items():
        where = ", ".join(run.scenario for run in runs if run.measures.counts[name])
        many = sum(run.measures.counts[name] for run in runs)
        found.append(row(f"{len(runs)} scenarios with sound: {what} (target 0)", many, "times", where))
    failed = "; ".join(f"{run.scenario}: {', '.join(check.name for check in run.failed)}" for run in runs if run.failed)
    kept = sum(not run.failed for run in runs)
    return [*found, row(f"scenarios with sound that keep all they promise, of {len(runs)}", kept, "", failed)]
