"""The one order among our own engines: decisions by hand, anything at random, three scripted engines on few cores."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.app.engines.worker_views import worker_view
from duologue.child import Worker
from duologue.clock import MILLISECOND, SECOND, VirtualClock
from duologue.precedence import (
    CUSHION,
    LEAD,
    LINGER,
    OVERDUE,
    PATIENCE,
    Errand,
    Precedence,
    Ticket,
    Urgency,
    WorkGate,
    current_errand,
    errand_of,
)
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.streams import limited
from duologue.supervision import WorkerPhase, WorkerState
from duologue.workers import Supervised, Workers

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

AWAITED, SOUNDING, NEXT, SPECULATIVE, AHEAD = Urgency
PIECE = 150 * MILLISECOND
"""No piece of the scripted engines takes longer."""


def asked(order: Precedence, now: int, *wishes: tuple[str, Urgency]) -> list[Ticket]:
    return [order.ask(worker, now, urgency=urgency) for worker, urgency in wishes]


# Decisions


def test_the_most_urgent_begins_and_among_equals_who_came_first() -> None:
    order = Precedence(1)
    (first,) = asked(order, 0, ("whisper", AHEAD))
    assert order.grants(0) == [first]
    wishes = asked(order, 1, ("piper", NEXT), ("llama", AHEAD), ("kokoro", SOUNDING), ("other", NEXT))
    assert order.grants(1) == []
    now, begun = 2, list[Ticket]()
    held = first
    for _ in wishes:
        order.leave(held, now)
        (held,) = order.grants(now + LINGER)
        begun.append(held)
        now += PIECE
    assert begun == [wishes[2], wishes[0], wishes[3], wishes[1]]


def test_what_is_awaited_goes_beside_what_is_less_urgent_but_not_beside_its_like() -> None:
    order = Precedence(1)
    beside, one, two = asked(order, 0, ("piper", AHEAD), ("llama", AWAITED), ("whisper", AWAITED))
    order.leave(two, 0)
    order.leave(one, 0)
    assert order.grants(0) == [beside]
    one, two = asked(order, 1, ("llama", AWAITED), ("whisper", AWAITED))
    assert order.grants(1) == [one]
    order.leave(one, 2)
    assert order.grants(2) == [two]


def test_a_worker_does_one_piece_at_a_time() -> None:
    order = Precedence(4)
    one, two = asked(order, 0, ("llama", AHEAD), ("llama", AWAITED))
    order.leave(two, 0)
    assert order.grants(0) == [one] and order.busy("llama") and not order.busy("piper")
    (two,) = asked(order, 1, ("llama", AWAITED))
    assert order.grants(1) == []
    order.leave(one, 2)
    assert order.grants(2) == [two]


def test_a_small_piece_does_not_take_the_core_that_a_more_urgent_one_waits_for() -> None:
    order = Precedence(2)
    (ears,) = asked(order, 0, ("whisper", AWAITED))
    assert order.grants(0) == [ears]
    voice = order.ask("kokoro", 1, urgency=AWAITED, threads=2)
    (small,) = asked(order, 2, ("llama", NEXT))
    assert order.grants(2) == []
    order.leave(ears, 3)
    assert order.grants(3) == [voice]
    order.leave(voice, 4)
    assert order.grants(4 + LINGER) == [small]


def test_between_two_pieces_of_an_errand_nothing_less_urgent_slips_in() -> None:
    order = Precedence(1)
    (first,) = asked(order, 0, ("llama", AWAITED))
    assert order.grants(0) == [first]
    (other,) = asked(order, 1, ("piper", NEXT))
    order.leave(first, 2)
    assert order.grants(2) == []
    assert order.deadline(2) == 2 + LINGER
    (second,) = asked(order, 3, ("llama", AWAITED))
    assert order.grants(3) == [second]
    order.leave(second, 4)
    assert order.grants(4 + LINGER) == [other]


def test_what_hangs_takes_no_core_but_its_worker() -> None:
    order = Precedence(1)
    (stopped,) = asked(order, 0, ("llama", AWAITED))
    assert order.grants(0) == [stopped]
    voice, same = asked(order, 1, ("piper", AHEAD), ("llama", AWAITED))
    assert order.grants(1) == [] and order.deadline(1) == OVERDUE
    assert order.grants(OVERDUE) == [voice]
    order.leave(stopped, 2 * OVERDUE)
    assert order.grants(2 * OVERDUE) == [same]


def test_what_has_waited_long_counts_as_awaited() -> None:
    order = Precedence(1)
    (old,) = asked(order, 0, ("piper", AHEAD))
    order.leave(old, 0)
    (held,) = asked(order, 0, ("llama", SOUNDING))
    assert order.grants(0) == [held]
    (low,) = asked(order, 1, ("piper", AHEAD))
    now = 1
    while now < PATIENCE:  # somebody sounds all the time
        order.leave(held, now)
        (held,) = asked(order, now, ("llama", SOUNDING))
        assert order.grants(now) == [held]
        now += PIECE
    assert order.grants(PATIENCE + 1) == [low]
    assert order.counts["piper", AWAITED].longest == PATIENCE
    assert order.counts["piper", AWAITED].gave_way == 1


def test_an_errand_moves_up_as_its_time_comes_and_when_it_is_told() -> None:
    sounding, show = Errand(SOUNDING), Errand(NEXT)
    sounding.set(SOUNDING, due=SECOND)
    show.set(NEXT, due=10 * SECOND)
    assert [sounding.at(now) for now in (0, SECOND - CUSHION, 2 * SECOND)] == [SOUNDING, AWAITED, AWAITED]
    assert [show.at(now) for now in (0, 10 * SECOND - LEAD, 11 * SECOND)] == [NEXT, SOUNDING, SOUNDING]
    assert (sounding.changes(0), sounding.changes(SECOND)) == (SECOND - CUSHION, None)
    order = Precedence(1)
    (held,) = asked(order, 0, ("whisper", AHEAD))
    assert order.grants(0) == [held]
    guess = Errand(SPECULATIVE)
    thought = order.ask("llama", 1, errand=guess)
    (spoken,) = asked(order, 1, ("piper", NEXT))
    assert order.grants(1) == []
    guess.set(AWAITED)
    assert order.grants(2) == [thought]
    order.leave(held, 3)
    order.leave(thought, 3)
    assert order.grants(3 + LINGER) == [spoken]
    assert guess.waited == 1


# Anything at random


@dataclass
class Played:
    """What became of wishes at random: ``pieces`` are worker, urgency, when it was asked for, began and ended (ns)."""

    order: Precedence
    pieces: list[tuple[Ticket, int, int, int]] = field(default_factory=list[tuple[Ticket, int, int, int]])


WISH = st.tuples(
    st.integers(0, 3_000), st.sampled_from(("whisper", "llama", "piper", "kokoro")), st.sampled_from(Urgency),
    st.integers(1, 150), st.integers(1, 2),
)  # fmt: skip


def played(cores: int, wishes: list[tuple[int, str, Urgency, int, int]]) -> Played:
    """Run them to their end: each asks at its ms, works for so many, on so many threads."""
    made = Played(Precedence(cores))
    coming = sorted(wishes, key=lambda wish: wish[0])
    took: dict[Ticket, int] = {}
    working: dict[Ticket, int] = {}
    now = 0
    while coming or working or made.order.waiting:
        while coming and coming[0][0] * MILLISECOND <= now:
            _, worker, urgency, ms, threads = coming.pop(0)
            took[made.order.ask(worker, now, urgency=urgency, threads=threads)] = ms * MILLISECOND
        for ticket in [each for each, end in working.items() if end <= now]:
            made.pieces.append((ticket, ticket.asked, ticket.began, working.pop(ticket)))
            made.order.leave(ticket, now)
        for ticket in made.order.grants(now):
            working[ticket] = now + took[ticket]
        places = [*working.values(), *(wish[0] * MILLISECOND for wish in coming[:1])]
        places += [at for at in (made.order.deadline(now),) if at is not None]
        now = max(now, min(places, default=now))
    return made


@given(st.integers(1, 4), st.lists(WISH, max_size=60))
def test_nothing_starves_nothing_overlaps_and_nothing_awaited_is_passed_over(
    cores: int, wishes: list[tuple[int, str, Urgency, int, int]]
) -> None:
    made = played(cores, wishes)
    assert len(made.pieces) == len(wishes)
    assert sum(count.pieces for count in made.order.counts.values()) == len(wishes)
    for ticket, asked_at, began, end in made.pieces:
        others = [each for each in made.pieces if each[0] is not ticket]
        assert not any(
            other.worker == ticket.worker and begin < end and began < over for other, _, begin, over in others
        )
        before = [over - begin for _, _, begin, over in others if begin < began and over > asked_at]
        older = [over - begin for other, at, begin, over in others if at <= asked_at and other.began < began]
        # the bound: patience, then what was asked for before, one after another, and one piece that was under way
        assert began - asked_at <= PATIENCE + sum(older) + max(before, default=0) + LINGER * (1 + len(older))
        if ticket.own is AWAITED:
            # nothing that was less urgent began on its worker while it waited
            passed = [
                other
                for other, at, begin, _ in others
                if other.worker == ticket.worker and asked_at <= begin < began and begin - at < PATIENCE
            ]
            assert all(other.own is AWAITED for other in passed)


@given(st.integers(1, 4), st.lists(WISH, max_size=60))
def test_more_work_at_once_than_there_are_cores_only_for_one_that_is_awaited(
    cores: int, wishes: list[tuple[int, str, Urgency, int, int]]
) -> None:
    made = played(cores, wishes)
    for at in {began for _, _, began, _ in made.pieces}:
        there = [ticket for ticket, _, began, end in made.pieces if began <= at < end]
        load = sum(ticket.threads for ticket in there)
        extra = max((each.threads for each in there if each.rank is AWAITED), default=0)
        assert load - extra <= cores or load <= cores


# Three scripted engines on few cores, on virtual time


class Cores:
    """``count`` cores that are shared alike by whoever computes."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._at_work = 0

    async def compute(self, ms: float) -> None:
        """Take so much CPU time."""
        self._at_work += 1
        try:
            while ms > 0:
                await asyncio.sleep(0.005)
                ms -= 5 * min(1.0, self._count / self._at_work)
        finally:
            self._at_work -= 1


@dataclass
class Engines:
    """Ears, a mind and a voice as workers of a house; ``gate`` None: each for itself, in the order it was asked."""

    cores: Cores
    gate: WorkGate | None
    locks: dict[str, asyncio.Lock] = field(default_factory=dict[str, asyncio.Lock])

    async def work(self, worker: str, *pieces: float, urgency: Urgency | None = None) -> None:
        """Pieces of so many ms each, one after another; without a gate as one."""
        if self.gate is None:
            async with self.locks.setdefault(worker, asyncio.Lock()):
                await self.cores.compute(sum(pieces))
            return
        for ms in pieces:
            async with self.gate.piece(worker, urgency):
                await self.cores.compute(ms)

    async def answer(self) -> None:
        """Final words, a prompt and the first sentence, its first sound."""
        with errand_of(Errand(AWAITED)):
            await self.work("whisper", 120)
            await self.work("llama", *[60] * 3, *[40] * 5)
            await self.work("piper", 50, 50)


@asynccontextmanager
async def crowd(engines: Engines) -> AsyncGenerator[None]:
    """A show that looks ahead, partial texts, guesses and what is prepared: more than the cores can do."""

    async def again(urgency: Urgency, worker: str, *pieces: float) -> None:
        while True:
            with errand_of(Errand(urgency)):
                await engines.work(worker, *pieces)

    async with asyncio.TaskGroup() as group:
        others = [
            group.create_task(again(NEXT, "llama", *[60] * 8, *[40] * 40)),
            group.create_task(again(NEXT, "piper", *[100] * 8)),
            group.create_task(again(AHEAD, "whisper", 150)),
            group.create_task(again(SPECULATIVE, "llama", *[60] * 3, *[40] * 20)),
            group.create_task(again(AHEAD, "piper", *[100] * 4)),
        ]
        yield
        for other in others:
            other.cancel()


async def answered(cores: int, gate: WorkGate | None, *, crowded: bool) -> list[float]:
    """Seconds that each of twenty answers took."""
    engines, took = Engines(Cores(cores), gate), list[float]()
    loop = asyncio.get_running_loop()
    async with crowd(engines) if crowded else nullcontext():
        for number in range(20):
            await asyncio.sleep(1.0 + number * 0.037)
            began = loop.time()
            await engines.answer()
            took.append(loop.time() - began)
    return took


def simulated(work: Callable[[LoopClock], Awaitable[list[float]]]) -> list[float]:
    async def run() -> list[float]:
        return await work(LoopClock())

    return simulate(run(), 3600.0)


@pytest.mark.parametrize("cores", [1, 2])
def test_an_answer_hardly_waits_though_every_engine_is_busy_with_less(cores: int) -> None:
    alone = simulated(lambda clock: answered(cores, WorkGate(cores, clock), crowded=False))
    beside = simulated(lambda clock: answered(cores, WorkGate(cores, clock), crowded=True))
    free = simulated(lambda clock: answered(cores, None, crowded=True))
    # at the first piece of each of the three engines one of its own may be under way, and a starving one comes between
    assert max(beside) - max(alone) <= 3 * 2 * 0.15 + 0.1
    assert sum(beside) / len(beside) - alone[0] < 0.3 * cores
    assert min(free) > max(beside) and max(free) > 2.5


def test_whoever_gives_way_goes_on_all_the_same() -> None:
    """Somebody is answered without a pause for a minute: every other errand has its pieces, and none waits for long."""

    async def run() -> WorkGate:
        gate = WorkGate(1, LoopClock())
        engines = Engines(Cores(1), gate)
        loop = asyncio.get_running_loop()
        async with crowd(engines):
            while loop.time() < 60:
                await engines.answer()
        return gate

    counts = simulate(run(), 3600.0).counts
    late = {key: count for key, count in counts.items() if count.longest > PATIENCE + 8 * PIECE}
    assert not late
    assert sum(count.gave_way for count in counts.values()) > 50
    assert counts["piper", AWAITED].pieces > 2 * counts["whisper", AWAITED].pieces - 2


async def test_a_guess_that_was_right_moves_up_while_it_waits() -> None:
    gate = WorkGate(1)
    begun: list[str] = []

    async def work(name: str, errand: Errand) -> None:
        with errand_of(errand):
            async with gate.piece(name):
                begun.append(name)

    holding, guess = gate.ask("whisper", SOUNDING), Errand(SPECULATIVE)
    async with asyncio.TaskGroup() as group:
        group.create_task(work("piper", Errand(NEXT)))
        group.create_task(work("llama", guess))
        await asyncio.sleep(0.01)
        assert begun == [] and gate.waiting == 2
        guess.set(AWAITED)
        await asyncio.sleep(0.001)
        assert begun == ["llama"]
        holding.leave()
    assert begun == ["llama", "piper"]
    assert guess.waited > 0 and gate.waiting == 0
    assert current_errand() is None


async def test_who_leaves_while_it_waits_is_passed_over_and_holds_nobody() -> None:
    gate = WorkGate(1)
    first = gate.ask("a", AHEAD)
    gone, other = gate.ask("b", AHEAD), gate.ask("c", AHEAD)
    assert not await gone.within(0.001)
    gone.leave()
    gone.leave()
    first.leave()
    assert await other.within(1.0)
    other.leave()
    assert {worker for worker, _ in gate.counts} == {"a", "c"} and gate.waiting == 0


def test_waiting_for_a_turn_is_no_failure() -> None:
    """A limit of 100 ms stands still for the 5 s that somebody else's piece takes, and runs on afterwards."""

    async def run() -> tuple[float, bool]:
        gate, loop = WorkGate(1, LoopClock()), asyncio.get_running_loop()
        other = gate.ask("llama", AWAITED)
        loop.call_later(5.0, other.leave)
        began = loop.time()
        timer = limited(0.1)
        try:
            async with timer, gate.piece("llama"):
                await asyncio.sleep(3600)
        except TimeoutError:
            pass
        return loop.time() - began, timer.expired()

    took, expired = simulate(run(), 10_000.0)
    assert expired and took == pytest.approx(5.1, abs=0.01)


def test_a_stage_on_air_takes_a_core_from_the_engines_and_gives_it_back() -> None:
    gate = WorkGate(2)
    with gate.reserved():
        assert gate.cores == 1
        with gate.reserved():
            assert gate.cores == 1, "one is left"
    assert gate.cores == 2


async def test_a_core_that_a_stage_gives_back_is_at_once_somebodys_who_waits() -> None:
    gate = WorkGate(2)
    with gate.reserved():
        first, second = gate.ask("piper", SOUNDING), gate.ask("llama", NEXT)
        assert first.come.is_set() and not second.come.is_set()
    assert second.come.is_set()
    first.leave()
    second.leave()


async def test_all_workers_of_a_house_ask_at_one_gate() -> None:
    async def never() -> Worker:
        raise AssertionError

    async def unready(worker: Worker) -> None:
        raise AssertionError

    made = [Supervised(name, never, unready) for name in ("piper", "llama")]
    assert made[0].gate is not made[1].gate
    workers = Workers()
    workers.add(*made)
    assert made[0].gate is made[1].gate is workers.gate


async def test_a_worker_shows_what_its_pieces_waited() -> None:
    gate, clock = WorkGate(1), VirtualClock()
    first = gate.ask("llama", AHEAD)
    second = gate.ask("piper", AHEAD)
    with errand_of(Errand(AWAITED)):
        third = gate.ask("llama")
    first.leave()
    assert third.come.is_set() and not second.come.is_set()
    third.leave()
    assert await second.within(1.0)
    second.leave()
    state = WorkerState("piper", WorkerPhase.UP, "speaks", 0, 7, 0, 0, "", "", 0)
    view = worker_view(state, clock, gate)
    assert view.gave_way == 1 and view.waited_s == pytest.approx(0.0, abs=0.5)
    assert worker_view(replace(state, name="llama"), clock, gate).gave_way == 0
