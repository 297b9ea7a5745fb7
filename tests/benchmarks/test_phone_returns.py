"""Whatever the network, a telephone or the machine does to a call: its port, its tasks and what SIP keeps of it come
back. Whole lines on virtual time, with engines that take no time.
"""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random

import pytest
from benchmarks.phone.board import Board, Call, board
from benchmarks.phone.scripted import words_sound
from benchmarks.phone.soak import one_caller
from benchmarks.phone.virtual import VirtualLine, virtual_line
from benchmarks.phone.zero import ZeroEars, zero_mind, zero_voice

from duologue.app.calls.calls import REMEMBERED
from duologue.clock import SECOND
from duologue.simulation.virtual_time import LoopClock, VirtualLoop, simulate
from duologue.speech.hearing_fake import Loudness
from duologue.telemetry.ledger import CallRecord
from heap import kinds

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

Story = Callable[[Board], Awaitable[Call]]
SETTLES = 100
"""Seconds: a silent caller is noticed after ten, and SIP keeps what is over for 32, twice where no BYE is answered."""


async def wait(people: Board, seconds: float) -> None:
    await people.clock.wait_until(people.clock.now() + round(seconds * SECOND))


async def stands(people: Board) -> Call:
    """A call that was greeted and has asked something."""
    call = people.call()
    assert await call.answered()
    await call.silent_for(800)
    end = call.say(words_sound([3, 4, 5])).end
    assert await call.heard_after(end, 5.0)
    return call


def stand_still(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.stand_still(seconds)


async def its_first_byes_are_lost(people: Board) -> Call:
    call, byes = await stands(people), list[bytes]()

    def lost(data: bytes) -> bool:
        byes.extend([data] if data.startswith(b"BYE") else [])
        return data.startswith(b"BYE") and len(byes) <= 3

    people.loses(lost)
    call.hang_up()
    await wait(people, 10)
    assert len(byes) == 4, "repeated until it was heard, and no more"
    return call


async def no_bye_ever_comes(people: Board) -> Call:
    call = await stands(people)
    people.loses(lambda data: data.startswith(b"BYE"))
    call.hang_up()
    return call


async def it_leaves_while_the_answer_is_late(people: Board) -> Call:
    people.loses(lambda data: data.startswith(b"SIP/2.0 200") and b"INVITE" in data)
    call = people.call()
    await wait(people, 3)
    call.hang_up()
    await wait(people, 3)
    people.loses(lambda data: False)
    return call


async def nobody_acknowledges(people: Board) -> Call:
    people.loses(lambda data: data.startswith(b"ACK"))
    call = await stands(people)
    assert await call.until(lambda: call.ended is not None, 40)
    return call


async def nothing_that_we_answer_comes(people: Board) -> Call:
    people.loses(lambda data: data.startswith(b"SIP/2.0 2"))
    call = people.call()
    await wait(people, 5)
    call.hang_up()
    return call


async def its_machine_stands_still(people: Board) -> Call:
    """For half a minute nothing of it comes and nothing reaches it; then it hears of everything that is repeated."""
    call = await stands(people)
    call.vanish()
    people.loses(lambda data: True)
    await wait(people, 30)
    people.loses(lambda data: False)
    assert await call.until(lambda: call.ended is not None, 20)
    return call


async def ours_stands_still(people: Board) -> Call:
    """For longer than a caller may be silent: what was sent meanwhile waits in our sockets, and the call goes on."""
    call = await stands(people)
    stand_still(30)
    await wait(people, 3)
    assert call.ended is None, call.ended
    end = call.say(words_sound([6, 7])).end
    assert await call.heard_after(end, 8.0), "it is heard and answered as before"
    call.hang_up()
    return call


async def ours_stands_still_while_it_rings(people: Board) -> Call:
    call = people.call()
    stand_still(40)
    await wait(people, 5)
    call.hang_up()
    return call


async def ours_stands_still_while_it_leaves(people: Board) -> Call:
    call = await stands(people)
    call.hang_up()
    stand_still(40)
    return call


async def its_sound_never_comes(people: Board) -> Call:
    """It is answered, and nothing is ever heard of it: neither sound nor a BYE."""
    call = people.call()
    call.vanish()
    assert await call.answered()
    assert await call.until(lambda: call.ended is not None, 30)
    return call


STORIES: list[Story] = [
    its_first_byes_are_lost, no_bye_ever_comes, it_leaves_while_the_answer_is_late, nobody_acknowledges,
    nothing_that_we_answer_comes, its_machine_stands_still, ours_stands_still, ours_stands_still_while_it_rings,
    ours_stands_still_while_it_leaves, its_sound_never_comes,
]  # fmt: skip


async def returned(stories: Callable[[VirtualLine, Board], Awaitable[None]]) -> None:
    """Everything that ``stories`` took of a line is there again in the end."""
    clock = LoopClock()
    makes = {
        "tts": zero_voice(),
        "stt": ZeroEars(),
        "vad": Loudness(0.02),
        "llm": zero_mind(),
    }
    async with virtual_line(makes, clock, silence=60) as line, board(line.port, clock, stamps=False) as people:
        await clock.wait_until(clock.now() + 2 * SECOND)
        before = asyncio.all_tasks()
        await stories(line, people)
        people.loses(lambda data: False)
        await clock.wait_until(clock.now() + SETTLES * SECOND)
        gc.collect()
        assert not any(line.rest.values()), line.rest
        left = {task for task in asyncio.all_tasks() - before if not task.done()}
        assert not left, left
        assert not line.troubles, line.troubles
        assert people.agent.state == (0, 0, 0, 0), "nor does the caller wait for anything"


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_all_of_a_call_comes_back(story: Story) -> None:
    ended: list[CallRecord] = []

    async def one(line: VirtualLine, people: Board) -> None:
        call = await story(people)
        await wait(people, SETTLES)
        ended.extend(each.record for each in line.entries if isinstance(each.record, CallRecord))
        people.forget(call)

    simulate(returned(one))
    assert len(ended) == 1, "and it ended once"


@pytest.mark.parametrize("seed", range(3))
def test_on_a_bad_network_and_a_machine_that_stumbles_nothing_is_left(seed: int) -> None:
    """A quarter of all messages is lost, and every now and then nobody is run for a while."""
    chance = Random(seed)

    async def several(line: VirtualLine, people: Board) -> None:
        people.loses(lambda data: chance.random() < 0.25)

        async def calls() -> None:
            for _ in range(6):
                await one_caller(people, chance)
                await wait(people, chance.uniform(0.1, 3.0))

        async def stumbles() -> None:
            for _ in range(4):
                await wait(people, chance.uniform(5.0, 30.0))
                stand_still(chance.choice([0.3, 2.0, 12.0, 30.0]))

        async with asyncio.TaskGroup() as group:
            group.create_task(stumbles())
            for _ in range(3):
                group.create_task(calls())

    simulate(returned(several))


def test_of_calls_that_are_over_no_more_is_kept_than_a_page_shows() -> None:
    """Round after round of calls, objects of no kind become more, once the newest that are shown are full."""
    found: list[Counter[str]] = []
    held: list[int] = []

    async def one(people: Board, chance: Random) -> None:
        call = people.call()
        assert await call.answered()
        for _ in range(2):
            await call.silent_for(700)
            end = call.say(words_sound([chance.randrange(28) for _ in range(4)])).end
            assert await call.heard_after(end, 5.0)
        call.hang_up()
        assert await call.until(lambda: call.ended is not None, 10)
        people.forget(call)

    async def several(line: VirtualLine, people: Board) -> None:
        for number in range(4):
            async with asyncio.TaskGroup() as group:
                for caller in range(REMEMBERED // 2):
                    group.create_task(one(people, Random(REMEMBERED * number + caller)))
            await wait(people, SETTLES)
            line.entries.clear()
            found.append(kinds())
            held.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    try:
        simulate(returned(several))
    finally:
        tracemalloc.stop()
    grown = found[-1] - found[1]
    assert max(grown.values()) < REMEMBERED // 2, grown  # one of a kind for each call would be twice as many
    each = (held[-1] - held[1]) / REMEMBERED
    assert each < 16_000, "bytes: ids of turns, until a thousand are known; a second of sound has 64,000 and more"
