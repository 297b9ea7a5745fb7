"""The paced sink: its grid, its pauses, and one end for each utterance."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import numpy as np
import pytest
from session_doubles import loud_utterance

from duologue.audio.pcm import RATE, Samples
from duologue.clock import MILLISECOND
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayProgress, PlayStarted
from duologue.dialogue.session.sink import PacedSink
from duologue.errors import InputError
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.utterance import Utterance

HELLO = loud_utterance("hello there", "ada", "u1")
"""0.6 s."""


def sound(script: Callable[[PacedSink], Awaitable[None]]) -> tuple[Samples, list[PlayEvent | PlayProgress]]:
    """All that came out of the sink, and what it reported."""
    blocks: list[Samples] = []
    reports: list[PlayEvent | PlayProgress] = []

    async def main() -> None:
        sink = PacedSink(blocks.append, reports.append, LoopClock())
        async with asyncio.TaskGroup() as group:
            floor = group.create_task(sink.run())
            await script(sink)
            floor.cancel()

    simulate(main())
    return np.concatenate(blocks), reports


def play(script: Callable[[PacedSink], Awaitable[None]]) -> tuple[list[bool], list[PlayEvent | PlayProgress]]:
    """Which blocks of 20 ms sounded, and what was reported."""
    samples, reports = sound(script)
    blocks = np.split(samples, range(RATE // 50, len(samples), RATE // 50))
    return [bool(np.abs(block).max(initial=0.0) > 0.01) for block in blocks], reports


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
    assert len(sounding) == 100  # the silence after the spurt is written when it has passed
    assert [block for block in range(100) if sounding[block]] == [*range(30), *range(35, 65)]
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
    # it fades for 5 ms, and fades in at once when it goes on, in the middle of a block of the grid before
    assert sounding == [*[True] * 12, *[False] * 13, *[True] * 20, *[False] * (len(sounding) - 45)]
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


def tone(seconds: float) -> Utterance:
    """440 Hz at half amplitude: its largest step between two samples is 0.0288."""
    samples = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)
    return replace(HELLO, samples=samples.astype(np.float32), marks=())


OWN_STEP = float(np.abs(np.diff(tone(0.1).samples)).max())


@pytest.mark.parametrize("at", [0.203, 0.211, 0.2199, 0.37])
def test_a_pause_does_not_click_and_loses_no_sample(at: float) -> None:
    async def script(sink: PacedSink) -> None:
        await sink.play(tone(0.4), 0)
        await asyncio.sleep(at)
        await sink.pause()
        await asyncio.sleep(0.1)
        await sink.resume()
        await asyncio.sleep(0.4)

    out, reports = sound(script)
    assert np.abs(np.diff(out)).max() <= OWN_STEP + 1e-6
    begin = int(np.flatnonzero(out)[0]) - 1  # a sine begins with a zero
    stop = (int(at * 50) + 1) * 960  # the pause lands within one block
    fade = 240
    again = round((at + 0.1) * RATE)  # it goes on at once, on a grid of its own
    assert not out[stop + fade : again].any()
    whole = np.concatenate([out[begin:stop], out[stop : stop + fade] + out[again : again + fade], out[again + fade :]])
    wanted = tone(0.4).samples
    np.testing.assert_allclose(whole[: len(wanted)], wanted, atol=1e-6)
    assert PlayProgress("u1", round(at * 1e9), stop) in reports
    assert ends(reports) == {"u1": len(wanted)}


def test_a_pause_that_is_over_before_it_was_heard_changes_nothing() -> None:
    async def script(sink: PacedSink) -> None:
        await sink.play(tone(0.4), 0)
        await asyncio.sleep(0.203)
        await sink.pause()
        await asyncio.sleep(0.01)
        await sink.resume()
        await asyncio.sleep(0.4)

    out, _ = sound(script)
    np.testing.assert_array_equal(out[: len(tone(0.4).samples)], tone(0.4).samples)


@pytest.mark.parametrize("wait", [0.0, 0.1])
def test_what_is_cleared_in_a_pause_does_not_click_either_and_its_place_is_exact(wait: float) -> None:
    async def script(sink: PacedSink) -> None:
        await sink.play(tone(0.4), 0)
        await asyncio.sleep(0.203)
        await sink.pause()
        await asyncio.sleep(wait)
        await sink.clear()
        await sink.play(replace(tone(0.1), id="u2"), 0)
        await asyncio.sleep(0.2)

    out, reports = sound(script)
    assert np.abs(np.diff(out)).max() <= (2 if wait == 0 else 1) * OWN_STEP + 1e-6
    assert ends(reports) == {"u1": 11 * 960, "u2": 4800}
    begin = 11 * 960 if wait == 0 else round((0.203 + wait) * RATE)
    np.testing.assert_allclose(out[begin + 240 : begin + 4800], tone(0.1).samples[240:], atol=1e-6)


def test_pausing_again_while_it_is_silent_does_not_click() -> None:
    async def script(sink: PacedSink) -> None:
        await sink.play(tone(0.4), 0)
        await asyncio.sleep(0.203)
        for _ in range(3):
            await sink.pause()
            await asyncio.sleep(0.045)
            await sink.resume()
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.4)

    out, reports = sound(script)
    assert np.abs(np.diff(out)).max() <= OWN_STEP + 1e-6 and ends(reports) == {"u1": 19_200}


def written_at(clock: LoopClock, script: Callable[[PacedSink], Awaitable[None]]) -> list[tuple[int, int, int, bool]]:
    """Of each piece of the stream: when it was written and when it was due (ns), how long it was, and if it sounds."""
    found: list[tuple[int, int, int, bool]] = []

    async def main() -> None:
        def write(block: Samples) -> None:
            found.append((clock.now(), sink.at, len(block), bool(block.any())))

        sink = PacedSink(write, lambda report: None, clock)
        async with asyncio.TaskGroup() as group:
            floor = group.create_task(sink.run())
            await asyncio.sleep(0)
            await script(sink)
            floor.cancel()

    simulate(main())
    return found


@pytest.mark.parametrize("sounds", [False, True])
def test_a_late_block_moves_nothing(sounds: bool) -> None:
    """Written late, what was due meanwhile follows at once; the grid stays."""

    async def script(sink: PacedSink) -> None:
        if sounds:
            await sink.play(tone(2.0), 0)
        await asyncio.sleep(1.001)

    found = written_at(Late(), script)
    passed = 0 if sounds else 1  # silence is written when it has passed
    assert len(found) == 51 - passed
    assert all(place == number * 20 * MILLISECOND for number, (_, place, _, _) in enumerate(found))
    late = [number for number, (at, _, _, _) in enumerate(found) if at != (number + passed) * 20 * MILLISECOND]
    assert late == [10 - passed, 11 - passed, 12 - passed]
    assert {found[number][0] for number in late} == {250 * MILLISECOND}


@pytest.mark.parametrize("at_ms", [0, 3, 10, 19.9, 20, 33.3])
def test_each_talk_spurt_begins_at_once_on_a_grid_of_its_own(at_ms: float) -> None:
    """Not at the next point of a common one; and no sample of the stream is missing or there twice."""

    async def script(sink: PacedSink) -> None:
        await asyncio.sleep(at_ms / 1000)
        await sink.play(tone(0.05), 0)
        await asyncio.sleep(0.1117)
        await sink.play(replace(tone(0.05), id="u2"), 0)
        await asyncio.sleep(0.2)

    found = written_at(LoopClock(), script)
    for begin in (at_ms, at_ms + 111.7):
        spurt = [each for each in found if each[3] and begin - 1 <= each[0] / MILLISECOND <= begin + 60]
        assert [at / MILLISECOND - begin for at, _, _, _ in spurt] == pytest.approx([0, 20, 40], abs=0.021)
        assert all(length == 960 and abs(at - place) < 21_000 for at, place, length, _ in spurt)  # a sample is 20.8 µs
    places = [round(place * RATE / 1e9) for _, place, _, _ in found]
    assert places == [sum(length for _, _, length, _ in found[:number]) for number in range(len(found))]
    assert all(at >= place + length / RATE * 1e9 - 21_000 for at, place, length, sounds in found if not sounds
               and length < 960)  # fmt: skip


def test_what_follows_before_the_last_block_is_over_stays_on_its_grid() -> None:
    async def script(sink: PacedSink) -> None:
        await sink.play(tone(0.03), 0)
        await asyncio.sleep(0.025)
        await sink.play(replace(tone(0.05), id="u2"), 10)
        await asyncio.sleep(0.2)

    found = written_at(LoopClock(), script)
    assert [at / MILLISECOND for at, _, _, sounds in found if sounds] == [0, 20, 40, 60, 80]
    assert sum(length for _, _, length, _ in found) >= RATE // 5


class Late(LoopClock):
    """Wakes whoever waits for 200 ms 50 ms late."""

    async def wait_until(self, deadline: int) -> None:
        await super().wait_until(deadline + (deadline == 200 * MILLISECOND) * 50 * MILLISECOND)
