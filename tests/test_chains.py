from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.chains import Breaker, Chain, ChainPolicy, EngineHealth, FailureMoment, Handover, beside, telling
from duologue.clock import SECOND, VirtualClock
from duologue.errors import ClosedError, DuologueError, InputError, PeerError
from duologue.metering import SpentError
from duologue.streams import limited

POLICY = ChainPolicy(patience=SECOND // 50, pause=10 * SECOND, longest_pause=60 * SECOND)


@dataclass
class Engine:
    """Each call takes the next of ``script``: an error to raise, or words to give; at its end it answers its name."""

    name: str
    script: list[DuologueError | list[str | DuologueError]] = field(
        default_factory=list[DuologueError | list[str | DuologueError]]
    )
    starts: list[DuologueError] = field(default_factory=list[DuologueError])
    started: int = 0
    asked: int = 0
    closed: int = 0

    async def start(self) -> None:
        self.started += 1
        if self.starts:
            raise self.starts.pop(0)

    async def ask(self) -> str:
        self.asked += 1
        if self.script:
            step = self.script.pop(0)
            if isinstance(step, DuologueError):
                raise step
        return self.name

    async def stream(self) -> AsyncIterator[str]:
        self.asked += 1
        step = self.script.pop(0) if self.script else [self.name, "end"]
        try:
            for word in step if isinstance(step, list) else [step]:
                if isinstance(word, DuologueError):
                    raise word
                yield word
        finally:
            self.closed += 1


class Bench:
    def __init__(self, *engines: Engine) -> None:
        self.clock = VirtualClock()
        self.told: list[Handover] = []
        self.chain = Chain(engines, Engine.start, policy=POLICY, clock=self.clock, listener=self.told.append)

    async def call(self) -> str:
        return await self.chain.call(lambda engine: engine.ask())

    async def read(self) -> list[str]:
        return [word async for _, word in self.chain.stream(lambda engine: engine.stream())]

    def failures(self) -> list[tuple[str, str, FailureMoment]]:
        return [(each.engine, each.successor, each.moment) for each in self.told]


async def test_the_first_answers_while_it_is_well() -> None:
    second = Engine("b")
    bench = Bench(Engine("a"), second)
    await bench.chain.warm_up()
    assert [await bench.call(), await bench.call()] == ["a", "a"]
    assert (second.started, second.asked, bench.told) == (1, 0, [])


async def test_a_failure_is_handed_over_recorded_and_remembered() -> None:
    first = Engine("a", [PeerError("it broke", where="there")])
    bench = Bench(first, Engine("b"))
    assert await bench.call() == "b"
    assert bench.told == [Handover("a", "b", FailureMoment.BEGINNING, "it broke (there).", 0)]
    assert await bench.call() == "b"
    assert first.asked == 1
    bench.clock.advance(10 * SECOND)
    assert await bench.call() == "a"


async def test_each_failure_in_a_row_doubles_the_pause() -> None:
    first = Engine("a", [PeerError("once"), PeerError("twice")])
    bench = Bench(first, Engine("b"))
    await bench.call()
    bench.clock.advance(10 * SECOND)
    await bench.call()
    bench.clock.advance(19 * SECOND)
    await bench.call()
    assert first.asked == 2
    bench.clock.advance(SECOND)
    assert await bench.call() == "a"


async def test_when_all_are_out_the_one_due_first_is_asked_all_the_same() -> None:
    first, second = Engine("a", [PeerError("a down")] * 2), Engine("b", [PeerError("b down")])
    bench = Bench(first, second)
    with pytest.raises(PeerError, match="a: a down; b: b down"):
        await bench.call()
    bench.clock.advance(10 * SECOND)
    assert await bench.call() == "b"
    assert bench.failures()[-1] == ("a", "b", FailureMoment.BEGINNING)


async def test_the_callers_fault_is_handed_over_and_held_against_nobody() -> None:
    first = Engine("a", [InputError("no voice")])
    bench = Bench(first, Engine("b"))
    assert [await bench.call(), await bench.call()] == ["b", "a"]
    only = Bench(Engine("a", [InputError("no voice")]), Engine("b", [InputError("none either")]))
    with pytest.raises(InputError, match="no voice"):
        await only.call()


async def test_one_that_does_not_come_up_is_started_again_when_its_pause_is_over() -> None:
    first = Engine("a", starts=[InputError("no key")])
    bench = Bench(first, Engine("b"))
    await bench.chain.warm_up()
    assert bench.failures() == [("a", "b", FailureMoment.START)]
    assert await bench.call() == "b"
    bench.clock.advance(10 * SECOND)
    assert await bench.call() == "a"
    assert first.started == 2


async def test_when_none_comes_up_it_says_why() -> None:
    bench = Bench(Engine("a", starts=[PeerError("down")]), Engine("b", starts=[InputError("no key")]))
    with pytest.raises(PeerError, match="a: down; b: no key"):
        await bench.chain.warm_up()


async def test_what_was_closed_is_not_handed_over() -> None:
    bench = Bench(Engine("a", [ClosedError("closed")]), Engine("b"))
    with pytest.raises(ClosedError):
        await bench.call()


async def test_a_stream_that_fails_before_its_first_piece_is_handed_over() -> None:
    first = Engine("a", [[PeerError("no")]])
    bench = Bench(first, Engine("b"))
    assert await bench.read() == ["b", "end"]
    assert (first.closed, bench.failures()) == (1, [("a", "b", FailureMoment.BEGINNING)])


async def test_a_stream_that_fails_later_is_cut_and_the_next_goes_to_the_next_engine() -> None:
    bench = Bench(Engine("a", [["one", PeerError("cut")]]), Engine("b"))
    words: list[str] = []
    with pytest.raises(PeerError, match="cut"):
        async for _, word in bench.chain.stream(Engine.stream):
            words.append(word)
    assert words == ["one"]
    assert bench.failures() == [("a", "b", FailureMoment.MIDDLE)]
    assert await bench.read() == ["b", "end"]


async def test_a_stream_of_nothing_is_an_answer() -> None:
    bench = Bench(Engine("a", [[]]), Engine("b"))
    assert await bench.read() == []
    assert bench.told == []


async def test_leaving_a_stream_closes_it_and_blames_nobody() -> None:
    first = Engine("a", [["one", "two"]])
    bench = Bench(first, Engine("b"))
    stream = bench.chain.stream(Engine.stream)
    await anext(stream)
    await stream.aclose()
    assert (first.closed, bench.told) == (1, [])


@given(st.lists(st.tuples(st.integers(0, 100), st.booleans()), max_size=30))
def test_an_engine_is_never_out_for_longer_than_the_longest_pause(history: list[tuple[int, bool]]) -> None:
    breaker, now = Breaker(POLICY), 0
    for seconds, well in history:
        now += seconds * SECOND
        if well:
            breaker.succeeded()
            assert breaker.ready(now)
        else:
            breaker.failed(now)
            assert now + POLICY.pause <= breaker.out_until <= now + POLICY.longest_pause
            assert breaker.ready(now + POLICY.longest_pause)


async def test_who_is_concerned_is_told_too_also_of_tasks_begun_inside() -> None:
    bench = Bench(Engine("a", [PeerError("broken")]), Engine("b"))
    concerned, later = list[Handover](), list[Handover]()
    async with asyncio.TaskGroup() as group:
        with telling(concerned.append):
            group.create_task(bench.chain.call(Engine.ask))
        with telling(later.append):
            pass
    assert concerned == bench.told and later == []
    assert concerned[0].words == "a failed: broken; b took over"


async def test_health_tells_who_is_out_for_how_long_and_why() -> None:
    bench = Bench(Engine("a", [PeerError("broken")]), Engine("b"))
    assert [each.warm for each in bench.chain.health(0)] == [False, False]
    await bench.chain.call(Engine.ask)
    bench.clock.advance(4 * SECOND)
    first, second = bench.chain.health(bench.clock.now())
    assert first == EngineHealth("a", True, 1, "broken", 6_000.0, "broken") and second == EngineHealth("b")
    bench.clock.advance(7 * SECOND)
    await bench.chain.call(Engine.ask)
    assert bench.chain.health(bench.clock.now())[0] == EngineHealth("a", last_failure="broken")


async def test_one_that_does_not_close_its_stream_holds_up_nobody_who_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clinging(Engine):
        async def stream(self) -> AsyncIterator[str]:
            try:
                yield self.name
            finally:
                await asyncio.sleep(60)

    monkeypatch.setattr("duologue.streams.CLOSE_SECONDS", 0.01)
    stream = Bench(Clinging("a"), Engine("b")).chain.stream(lambda engine: engine.stream())
    async with asyncio.timeout(10):
        assert (await anext(stream))[1] == "a"
        await stream.aclose()


# Coming up beside the calls


@dataclass
class SlowStart(Engine):
    """Comes up when it is told to."""

    may_come: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        await super().start()
        await self.may_come.wait()


@asynccontextmanager
async def bench_beside(*engines: Engine, policy: ChainPolicy = POLICY) -> AsyncGenerator[Bench]:
    async with beside() as group:
        bench = Bench(*engines)
        bench.chain = Chain(
            engines, lambda engine: engine.start(), policy=policy, clock=bench.clock, listener=bench.told.append,
            group=group,
        )  # fmt: skip
        try:
            yield bench
        finally:
            await bench.chain.close()


async def test_a_cold_engine_is_passed_over_and_asked_once_it_is_up() -> None:
    slow = SlowStart("slow")
    async with bench_beside(slow, Engine("b")) as bench:
        await bench.chain.warm_up()
        assert [await bench.call(), await bench.read()] == ["b", ["b", "end"]]
        assert bench.told == [], "it has not failed: it is not there yet"
        slow.may_come.set()
        await asyncio.sleep(0)
        assert [await bench.call(), await bench.read()] == ["slow", ["slow", "end"]]
        assert slow.started == 1


async def test_engines_that_are_cold_for_a_minute_are_passed_over_at_once() -> None:
    """Nobody waits for the one that is set first: not a call while all come up, nor one after it."""
    slow, quick = SlowStart("slow"), SlowStart("quick")
    async with (
        bench_beside(slow, quick, Engine("c", starts=[PeerError("gone")])) as bench,
        asyncio.TaskGroup() as group,
    ):
        asked, read = group.create_task(bench.call()), group.create_task(bench.read())
        await asyncio.sleep(0.005)
        quick.may_come.set()
        async with asyncio.timeout(5):
            assert (await asked, await read) == ("quick", ["quick", "end"])
        for _ in range(60):
            bench.clock.advance(SECOND)
            assert await bench.call() == "quick"
        assert (slow.started, bench.failures()) == (1, [("c", "slow", FailureMoment.START)])


async def test_all_are_warmed_up_at_once_and_the_first_is_given_its_patience() -> None:
    first, second = SlowStart("a"), SlowStart("b")
    async with bench_beside(first, second) as bench, asyncio.TaskGroup() as group:
        warming = group.create_task(bench.chain.warm_up())
        await asyncio.sleep(0.005)
        assert (first.started, second.started, warming.done()) == (1, 1, False)
        first.may_come.set()
        await warming
        assert [each.name for each in bench.chain.ready] == ["a"]
        assert [each.warm for each in bench.chain.health(0)] == [True, False]


async def test_when_none_is_up_a_call_waits_for_who_is_coming() -> None:
    first, second = SlowStart("a", starts=[InputError("no key")]), SlowStart("b")
    async with bench_beside(first, second) as bench, asyncio.TaskGroup() as group:
        asked = group.create_task(bench.call())
        await asyncio.sleep(0.005)
        assert not asked.done()
        second.may_come.set()
        assert await asked == "b"
        assert bench.failures() == [("a", "b", FailureMoment.START)]


async def test_one_that_does_not_come_up_in_time_or_raises_what_it_likes_is_out() -> None:
    class Strange(Engine):
        async def start(self) -> None:
            raise KeyError("model")

    policy = replace(POLICY, start=SECOND // 100)
    async with bench_beside(SlowStart("a"), Strange("b"), Engine("c"), policy=policy) as bench:
        await bench.chain.warm_up()
        assert await bench.call() == "c"
        await asyncio.sleep(0.03)
        causes = [each.cause for each in bench.chain.health(bench.clock.now())]
        assert causes == ["a did not come up within 0.01 s", "b did not come up: KeyError: 'model'", ""]


async def test_one_that_failed_is_brought_up_beside_the_next_call_when_its_pause_is_over() -> None:
    first = SlowStart("a", [PeerError("it died")])
    first.may_come.set()
    async with bench_beside(first, Engine("b")) as bench:
        await bench.chain.warm_up()
        assert await bench.call() == "b"
        first.may_come.clear()
        bench.clock.advance(10 * SECOND)
        assert await bench.call() == "b", "it is coming up: nobody waits"
        assert first.started == 2
        first.may_come.set()
        await asyncio.sleep(0)
        assert await bench.call() == "a"


async def test_closing_ends_what_is_coming_up() -> None:
    async with bench_beside(SlowStart("a"), Engine("b")) as bench:
        await bench.chain.warm_up()
    # the group has ended: no task is left


async def test_what_is_raised_beside_a_group_comes_out_as_it_is() -> None:
    with pytest.raises(InputError, match="mine"):
        async with bench_beside(SlowStart("a"), Engine("b")) as bench:
            await bench.chain.warm_up()
            raise InputError("mine")


# Whose fault a cancellation is


class Endless(Engine):
    """Goes on and on, always in time."""

    async def ask(self) -> str:
        await asyncio.Event().wait()
        return self.name

    async def stream(self) -> AsyncIterator[str]:
        yield self.name
        await asyncio.Event().wait()


@pytest.mark.parametrize("way", ["call", "stream"])
async def test_a_limit_of_the_callers_is_the_failure_of_who_took_so_long(way: str) -> None:
    bench = Bench(Endless("a"), Engine("b"))
    ask = bench.call if way == "call" else bench.read
    await bench.chain.warm_up()
    with pytest.raises(TimeoutError):
        async with limited(0.01):
            await (bench.chain.call(lambda engine: engine.ask()) if way == "call" else drained(bench))
    assert bench.failures() == [("a", "b", FailureMoment.BEGINNING if way == "call" else FailureMoment.MIDDLE)]
    assert await ask() in ("b", ["b", "end"])


async def drained(bench: Bench) -> None:
    async for _ in bench.chain.stream(lambda engine: engine.stream()):
        pass


async def test_an_interruption_is_nobodys_failure() -> None:
    bench = Bench(Endless("a"), Engine("b"))
    await bench.chain.warm_up()
    async with asyncio.TaskGroup() as group:

        async def within_a_limit() -> None:
            async with limited(60):
                await bench.chain.call(lambda engine: engine.ask())

        asked = group.create_task(within_a_limit())
        await asyncio.sleep(0.005)
        asked.cancel()
    assert bench.told == []


def spent(until: int, what: str = "the cap of a is reached") -> SpentError:
    return SpentError.until_then(until, what, where="spending.engines.a.tokens", remedy="Wait.")


async def test_an_engine_at_its_cap_hands_over_and_is_left_alone_until_its_day_is_over() -> None:
    bench = Bench(Engine("a", [spent(100 * SECOND)]), Engine("b"))
    assert [await bench.call(), await bench.call()] == ["b", "b"]
    assert bench.failures() == [("a", "b", FailureMoment.CAP)]
    first, _ = bench.chain.health(bench.clock.now())
    assert (first.failures, first.spent, first.out_ms) == (0, "the cap of a is reached", 100_000.0)
    assert bench.told[0].words.startswith("a was not asked: the cap of a is reached")
    bench.clock.advance(101 * SECOND)
    assert await bench.call() == "a"
    first, _ = bench.chain.health(bench.clock.now())
    assert (first.spent, first.out_ms) == ("", 0.0)
    assert bench.chain.engines[0].started == 1  # it never failed, so it is not brought up anew


async def test_one_that_is_full_for_a_moment_is_asked_again_with_the_next_call() -> None:
    bench = Bench(Engine("a", [spent(0)]), Engine("b"))
    assert [await bench.call(), await bench.call()] == ["b", "a"]


async def test_a_stream_is_handed_over_before_its_first_word_and_failures_still_count() -> None:
    bench = Bench(Engine("a", [spent(100 * SECOND)]), Engine("b", [PeerError("it broke")]), Engine("c"))
    assert await bench.read() == ["c", "end"]
    assert bench.failures() == [("a", "b", FailureMoment.CAP), ("b", "c", FailureMoment.BEGINNING)]
    assert [each.failures for each in bench.chain.health(bench.clock.now())] == [0, 1, 0]


async def test_when_all_are_at_their_caps_the_error_is_one_of_caps() -> None:
    bench = Bench(Engine("a", [spent(100 * SECOND)]), Engine("b", [spent(50 * SECOND, "the cap of b is reached")]))
    with pytest.raises(SpentError, match=r"every engine of the chain is at its cap.*the cap of b is reached"):
        await bench.call()
    assert [each.successor for each in bench.told] == ["b", ""]
    alone = Bench(Engine("a", [spent(100 * SECOND)]))
    with pytest.raises(SpentError, match="the cap of a is reached"):
        await alone.read()
    mixed = Bench(Engine("a", [spent(100 * SECOND)]), Engine("b", [PeerError("it broke")]))
    with pytest.raises(PeerError, match="every engine of the chain failed") as caught:
        await mixed.call()
    assert not isinstance(caught.value, SpentError)
