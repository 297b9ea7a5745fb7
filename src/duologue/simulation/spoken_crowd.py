"""Scenarios on real sound, several at once or one after the other, with recordings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from duologue.app.show.cast import CastMember
from duologue.app.talking.partners import HOUSE_VOICE, find_partner
from duologue.app.talking.talking import Talk, open_talk
from duologue.app.talking.turn_policy import policy_changes
from duologue.audio.wav import WavWriter
from duologue.errors import PeerError
from duologue.settings import Settings
from duologue.simulation.crowd import RunSummary, planned, summarise
from duologue.simulation.runner import PLAIN
from duologue.simulation.scenario import Scenario
from duologue.simulation.spoken_runner import SpokenOutcome, run_spoken


async def run_aloud(
    scenarios: Sequence[Scenario],
    settings: Settings,
    times: int = 1,
    *,
    seed: int | None = None,
    jobs: int = 1,
    ledger: bool = False,
    record: Path | None = None,
) -> AsyncGenerator[RunSummary]:
    """As :func:`~duologue.simulation.crowd.run_all`, in real time: ``jobs`` conversations at once, on the same engines,
    or as many as these carry. ``record`` is a folder for the recordings. Turns are taken as the settings say, where a
    scenario has no policy of its own.
    """
    changes = policy_changes(settings)
    scenarios = [each.model_copy(update={"policy": {**changes, **each.policy}}) for each in scenarios]
    work = planned(scenarios, times, seed)
    if record is not None:
        _make(record)
    members = {scenario.character: _member(scenario.character, settings) for scenario in scenarios}
    async with open_talk(settings) as talk, talk.warm():
        for begin in range(0, len(work), jobs):
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(_one(*each, talk, members, record)) for each in work[begin : begin + jobs]]
            for task in tasks:
                yield summarise(task.result().outcome, ledger=ledger)


def _member(name: str, settings: Settings) -> CastMember:
    if name:
        return find_partner(name, settings)
    lender = find_partner(HOUSE_VOICE, settings)
    return replace(lender, name=PLAIN.name, title=PLAIN.title, tagline="", persona=PLAIN)


async def _one(
    scenario: Scenario, seed: int, talk: Talk, members: Mapping[str, CastMember], record: Path | None
) -> SpokenOutcome:
    async with talk.open(members[scenario.character], patience=None) as partner:
        spoken = await run_spoken(scenario, partner, seed)
    if record is not None:
        await asyncio.to_thread(_write, record / f"{scenario.name}-{seed}.wav", spoken)
    return spoken


def _write(file: Path, spoken: SpokenOutcome) -> None:
    with WavWriter(file, channels=2) as out:
        out.write(spoken.recording)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"the folder for recordings cannot be made: {error.strerror}"
        raise PeerError(what, where=str(folder), remedy="Check --record.") from error
