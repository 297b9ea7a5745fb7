"""The paced sink: its grid, its pauses, and one end for each utterance."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import numpy as np
import pytest
from session_doubles import loud_utterance

from duologue.app.simulation.virtual_time import LoopClock, simulate
from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayProgress, PlayStarted
from duologue.dialogue.session_sink import PacedSink
from duologue.errors import InputError

HELLO = loud_utterance("hello there", "ada", "u1")
"""0.6 s."""


def play(script: Callable[[PacedSink], Awaitable[None]]) -> tuple[list[bool], list[PlayEvent | PlayProgress]]:
    """Which blocks of 20 ms sounded, and what was reported."""
    blocks: list[Samples] = []
    reports: list[PlayEvent | PlayProgress] = []

    async def main() -> None:
        sink = PacedSink(blocks.append, reports.append, LoopClock())
        async with asyncio.TaskGroup() as group:
            floor = group.create_task(sink.run())
            await script(sink)
            floor.cancel()

    simulate(main())
    return [bool(np.abs(block).max() > 0.01) for block in blocks], reports


def ends(reports: list[PlayEvent | PlayProgress]) -> dict[str, int]:
    found = [report for report in reports if isinstance(report, PlayEnded)]
    assert len({report.utterance_id for report in found}) == len(found), "an utterance ended twice"
    return {report.utterance_id: report.played_samples for report in found}


def test_utterances_play_one_after_the_other_with_their_gap() -> None:
    async def script(sink: PacedSink) -> None:
        await sink.play(HELLO, 0)
        await sink.play(replace(HELLO, id="u2"), 100)
        await asyncio.sleep(2.005)

    sounding, reports = play(script)
    assert len(sounding) == 101
    assert [block for block in range(101) if sounding[block]] == [*range(30), *range(35, 65)]
    assert PlayStarted("u2", 700 * MILLISECOND) in reports and ends(reports) == {"u1": 28_800, "u2": 28_800}


def test_a_pause_is_silent_keeps_the_place_and_says_it() -> None:
    async def script(sink: PacedSink) -> None:
        await sink.play(HELLO, 0)
        await asyncio.sleep(0.21)
        await sink.pause()
        await asyncio.sleep(0.3)
        await sink.resume()
        await asyncio.sleep(1.0)

    sounding, reports = play(script)
    assert sum(sounding) == 30 and not any(sounding[11:26])
    assert PlayProgress("u1", 210 * MILLISECOND, 11 * 960) in reports and ends(reports) == {"u1": 28_800}


@pytest.mark.parametrize("paused", [False, True])
def test_a_clear_is_silent_at_once_and_reports_what_was_queued_too(paused: bool) -> None:
    async def script(sink: PacedSink) -> None:
        await sink.play(HELLO, 0)
        await sink.play(replace(HELLO, id="u2"), 0)
        await asyncio.sleep(0.21)
        if paused:
            await sink.pause()
        await sink.clear()
        await asyncio.sleep(0.3)

    sounding, reports = play(script)
    assert not any(sounding[12:])
    assert ends(reports) == {"u1": (11 if paused else 12) * 960, "u2": 0}


def test_what_has_not_begun_can_be_taken_back_and_another_rate_is_refused() -> None:
    async def script(sink: PacedSink) -> None:
        await sink.play(HELLO, 0)
        await sink.play(replace(HELLO, id="u2"), 0)
        await asyncio.sleep(0.1)
        assert await sink.withdraw("u2") and not await sink.withdraw("u1")
        with pytest.raises(InputError):
            await sink.play(replace(HELLO, id="u3", rate=24_000), 0)
        await asyncio.sleep(1.0)

    assert ends(play(script)[1]) == {"u1": 28_800}
