"""The parts of the simulation: a sink that leaps as the paced one plays, sound that knows its place, chance by seed."""

from __future__ import annotations

import asyncio
import itertools
from random import Random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from duologue.audio.pcm import RATE
from duologue.clock import MILLISECOND
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayProgress, PlayStarted
from duologue.dialogue.session.sink import PacedSink
from duologue.errors import InternalError
from duologue.simulation.chance import Distribution, stream
from duologue.simulation.engines import voiced
from duologue.simulation.room import QUIET_FRAMES, Room, ruler, runs, say
from duologue.simulation.scenario import Count, Expect
from duologue.simulation.sink import LeapingSink
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.hearing import EAR_RATE, VAD_FRAME
from few_examples import examples

Told = list[tuple[int, PlayEvent | PlayProgress]]


async def _play(paced: bool, acts: list[tuple[int, str]]) -> Told:
    """Do ``acts`` (after so many milliseconds, what) to a sink, and give what it told, and when."""
    clock, told = LoopClock(), Told()

    def notify(report: PlayEvent | PlayProgress) -> None:
        told.append((clock.now(), report))

    sink: PacedSink = PacedSink(lambda block: None, notify, clock) if paced else LeapingSink(notify, clock)
    async with asyncio.TaskGroup() as group:
        floor = group.create_task(sink.run())
        await clock.wait_until(clock.now() + 7 * MILLISECOND)  # between two points of the grid
        for number, (after, act) in enumerate(acts):
            await clock.wait_until(clock.now() + after * MILLISECOND)
            match act:
                case "play":
                    await sink.play(
                        voiced("Some words to be said" if number % 2 else "Yes", "x", f"u{number}", 170), 40
                    )
                case "withdraw":
                    await sink.withdraw(f"u{number - 1}")
                case _:
                    await getattr(sink, act)()
        await clock.wait_until(clock.now() + 9_000 * MILLISECOND)
        floor.cancel()
    return told


@settings(max_examples=examples(40))
@given(
    st.lists(
        st.tuples(
            st.integers(0, 35).map(lambda blocks: 20 * blocks + 7),  # between two points of any spurt's grid
            st.sampled_from(["play", "play", "pause", "resume", "clear", "withdraw"]),
        ),
        max_size=9,
    )
)
@example([(7, "play"), (7, "play"), (7, "play"), (7, "pause"), (7, "clear"), (47, "play")])  # cleared while it fades
def test_the_leaping_sink_tells_what_the_paced_sink_tells(acts: list[tuple[int, str]]) -> None:
    paced, leaping = simulate(_play(True, acts)), simulate(_play(False, acts))
    assert [each for each in leaping if not isinstance(each[1], PlayProgress)] == [
        each for each in paced if not isinstance(each[1], PlayProgress)
    ]


def test_progress_is_told_at_least_every_500_ms() -> None:
    told = simulate(_play(False, [(10, "play"), (10, "play")]))
    times = [at for at, _ in told]
    assert any(isinstance(report, PlayProgress) for _, report in told)
    assert max(later - at for at, later in itertools.pairwise(times)) <= 500 * MILLISECOND
    paced = {(report.at_ns, report.played_samples) for _, report in simulate(_play(True, [(10, "play"), (10, "play")]))
             if isinstance(report, PlayProgress)}  # fmt: skip
    assert {(report.at_ns, report.played_samples) for _, report in told if isinstance(report, PlayProgress)} <= paced


def test_spans_are_what_was_played() -> None:
    async def talk() -> LeapingSink:
        clock = LoopClock()
        sink = LeapingSink(lambda report: None, clock)
        async with asyncio.TaskGroup() as group:
            floor = group.create_task(sink.run())
            await sink.play(voiced("one two three four five", "x", "u", 170), 0)
            await asyncio.sleep(0.505)
            await sink.pause()
            await asyncio.sleep(0.4)
            await sink.resume()
            await asyncio.sleep(5)
            floor.cancel()
        return sink

    first, second = simulate(talk()).spans
    length = len(voiced("one two three four five", "x", "u", 170).samples)
    assert (first.start, second.start) == (0, round((first.end - first.begin) * RATE / 1e9))
    assert abs((first.end - first.begin) + (second.end - second.begin) - length * 1e9 / RATE) < 1000
    assert 380 * MILLISECOND <= second.begin - first.end <= 420 * MILLISECOND


@given(st.integers(0, (1 << 24) - 8000), st.integers(1, QUIET_FRAMES * VAD_FRAME))
def test_sound_knows_its_place(place: int, count: int) -> None:
    assert runs(ruler(place, count)) == [(place, place + count)]


def test_a_gap_in_the_sound_is_seen() -> None:
    assert runs(np.concatenate([ruler(100, 50), ruler(400, 10)])) == [(100, 150), (400, 410)]
    assert runs(ruler(0, 0)) == []


def test_pauses_are_written_between_words() -> None:
    one, two = say("I [600] would", 1000, 170, 3)
    assert (one.begin, one.text, two.text, two.say) == (1000, "I", "would", 3)
    assert two.begin - one.end == 600 * EAR_RATE // 1000


def test_the_room_delivers_every_sample_once_and_short_blocks_where_something_is_heard() -> None:
    async def listen() -> list[tuple[int, int]]:
        clock = LoopClock()
        room = Room(clock, 0)
        blocks: list[tuple[int, int]] = []
        source = room.source()
        async for block in source:
            ((begin, end),) = runs(block)
            assert room.time(end) <= clock.now() + 1
            blocks.append((begin, end))
            if len(blocks) == 3:
                room.add(say("hello", room.place(clock.now()) + 3000, 170, 0))
            if end > 5 * EAR_RATE:
                break
        await source.aclose()
        return blocks

    blocks = simulate(listen())
    assert all(before[1] == after[0] for before, after in itertools.pairwise(blocks))
    word = say("hello", blocks[2][1] + 3000, 170, 0)[0]
    assert all(end - begin == VAD_FRAME for begin, end in blocks if begin < word.end and end > word.begin)
    assert len(blocks) < 5 * EAR_RATE / VAD_FRAME / 3


@pytest.mark.parametrize(
    ("given", "low", "high"),
    [
        ({"const": 7}, 7, 7),
        ({"uniform": [2, 4]}, 2, 4),
        ({"normal": [10, 5], "least": 8, "most": 12}, 8, 12),
        ({"lognormal": [100, 0.2]}, 40, 250),
        ({"exponential": 10, "most": 60}, 0, 60),
    ],
)
def test_distributions_stay_in_their_bounds(given: dict[str, object], low: float, high: float) -> None:
    chance = Distribution.model_validate(given)
    numbers = [chance.draw(stream("x", 1, "y")) for _ in range(2)]
    assert numbers[0] == numbers[1]
    drawn = Random(3)
    assert all(low <= chance.draw(drawn) <= high for _ in range(500))


@pytest.mark.parametrize(
    ("text", "holds", "fails"),
    [("2", (2,), (1, 3)), (">= 1", (1, 9), (0,)), ("<= 3", (0, 3), (4,)), ("1..3", (1, 3), (0, 4)), (2, (2,), (3,))],
)
def test_counts(text: object, holds: tuple[int, ...], fails: tuple[int, ...]) -> None:
    count = Expect.model_validate({"replies": text}).replies
    assert isinstance(count, Count)
    assert all(map(count.holds, holds)) and not any(map(count.holds, fails))


def test_work_for_a_thread_is_done_at_once_on_virtual_time() -> None:
    async def main() -> tuple[int, int]:
        clock = LoopClock()
        made = await asyncio.to_thread(sum, [1, 2, 3])
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(divmod, 1, 0)
        return made, clock.now()

    assert simulate(main()) == (6, 0)


def test_a_virtual_loop_tells_of_a_deadlock() -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(InternalError, match="deadlock"):
        simulate(wait(), limit=None)
    with pytest.raises(TimeoutError):
        simulate(wait(), limit=10)


def test_reports_have_the_shape_of_the_contract() -> None:
    told = [report for _, report in simulate(_play(False, [(10, "play"), (100, "play"), (300, "clear")]))]
    assert [type(each) for each in told if not isinstance(each, PlayProgress)] == [PlayStarted, PlayEnded] * 2
