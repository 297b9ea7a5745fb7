"""Workers that are there whatever happened before: the decisions, and the shell with a real child."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.child import Worker
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK, Clock, SystemClock, VirtualClock
from duologue.errors import ClosedError, InputError, PeerError
from duologue.simulation.virtual_time import simulate
from duologue.supervision import KEPT_STRIKES, Fate, Supervision, SupervisionPolicy, Work, WorkerPhase, WorkerState
from duologue.workers import FINISH_LIMIT, LostError, Supervised, Workers

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

# The decisions


def test_the_first_restart_is_at_once_and_each_further_pause_is_twice_as_long():
    life = Supervision(SupervisionPolicy(first_pause=100 * MILLISECOND, longest_pause=350 * MILLISECOND))
    pauses: list[int] = []
    for _ in range(5):
        life.enter(WorkerPhase.STARTING, 0)
        life.died(now=1000, cause="it broke")
        pauses.append((life.due - 1000) // MILLISECOND)
    assert pauses == [0, 100, 200, 350, 350]
    assert (life.failures, life.restarts, life.cause, life.phase) == (5, 5, "it broke", WorkerPhase.RESTARTING)


def test_a_success_and_a_long_run_forgive_all_failures():
    life = Supervision(SupervisionPolicy(steady=30 * SECOND))
    for _ in range(3):
        life.died(0, "broken")
    life.well()
    assert (life.failures, life.cause) == (0, "")
    life.died(0, "broken")
    life.died(0, "broken")
    life.enter(WorkerPhase.UP, 0)
    life.died(30 * SECOND, "after a long run")
    assert (life.failures, life.due) == (1, 30 * SECOND)


def test_after_too_many_in_a_row_whoever_waits_is_told_and_the_next_begins_anew():
    life = Supervision(SupervisionPolicy(restarts=2))
    assert [life.died(0, "no") for _ in range(3)] == [Fate(True, None, 1), Fate(True, None, 2), Fate(False, None, 3)]
    assert (life.restarts, life.failures, life.due) == (2, 0, 0)
    assert life.died(0, "no") == Fate(True, None, 1)


def test_what_was_at_work_when_it_died_twice_is_dropped_and_the_next_start_is_at_once():
    life = Supervision(SupervisionPolicy())
    poison, other = Work(7, "line 7"), Work(8, "line 8")
    assert life.died(0, "no", [poison]).dropped is None
    life.well()  # another work went well meanwhile: that excuses nothing
    assert life.died(0, "no", [other]).dropped is None
    assert life.died(0, "no", [poison]) == Fate(True, poison, 2)
    assert (life.failures, life.due) == (0, 0)
    assert life.died(0, "no", [poison]).dropped is None, "whoever asks for it again begins with a clean sheet"


FILM, LINE, OTHER = Work("film", "the film"), Work("a", "line a"), Work("b", "line b")


def test_nobody_is_dropped_for_one_death_or_for_two_without_anything_in_common():
    life = Supervision(SupervisionPolicy())
    assert [life.died(0, "no", works).dropped for works in ([LINE], [OTHER], [])] == [None, None, None]


def test_of_several_the_one_goes_first_that_is_missed_least():
    life = Supervision(SupervisionPolicy())
    assert life.died(0, "no", [FILM, LINE]).dropped is None
    assert life.died(0, "no", [FILM, LINE]) == Fate(True, FILM, 2)
    assert life.died(0, "no", [LINE]).dropped == LINE


def test_a_long_life_is_a_pardon_where_the_policy_says_so():
    for pardon, dropped in ((60 * SECOND, None), (None, FILM)):
        life = Supervision(SupervisionPolicy(pardon=pardon))
        assert life.died(0, "no", [FILM]).dropped is None
        life.enter(WorkerPhase.UP, 0)
        assert life.died(60 * SECOND + 1, "no", [FILM]).dropped == dropped
    life = Supervision(SupervisionPolicy(pardon=60 * SECOND))
    life.died(0, "no", [FILM])
    life.enter(WorkerPhase.UP, 0)
    assert life.died(60 * SECOND, "no", [FILM]).dropped == FILM


def test_strikes_are_remembered_of_so_many_works_only():
    life = Supervision(SupervisionPolicy())
    for key in range(KEPT_STRIKES + 1):
        life.died(0, "no", [Work(key, "")])
    assert life.died(0, "no", [Work(0, "")]).dropped is None
    assert life.died(0, "no", [Work(KEPT_STRIKES, "")]).dropped is not None


def test_who_asks_for_another_gets_it_without_a_pause():
    life = Supervision(SupervisionPolicy())
    for _ in range(4):
        life.died(0, "no")
    life.replaced(5)
    assert (life.failures, life.due, life.restarts) == (0, 5, 5)


@given(st.lists(st.tuples(st.integers(0, 90), st.sampled_from(["up", "well", "died"]), st.integers(0, 3)), max_size=40))
def test_no_pause_is_longer_than_the_longest_and_no_work_kills_more_often_than_its_strikes(
    history: list[tuple[int, str, int]],
):
    policy = SupervisionPolicy(restarts=5, strikes=2)
    life, now = Supervision(policy), 0
    deaths: dict[int, int] = {}
    for seconds, what, key in history:
        now += seconds * SECOND
        if what == "up":
            life.enter(WorkerPhase.UP, now)
        elif what == "well":
            life.well()
        else:
            fate = life.died(now, "no", [Work(key, "")])
            deaths[key] = 0 if fate.dropped else deaths.get(key, 0) + 1
        assert life.due <= now + policy.longest_pause
        assert all(count < policy.strikes for count in deaths.values())
        assert life.failures <= 5


# The shell

CHILD = """
import os, pathlib, signal, sys, time
from duologue.errors import InputError
from duologue.child import Channel
channel = Channel.inherited()
mode = pathlib.Path(sys.argv[1]).read_text()
if mode == "mute":
    time.sleep(60)
if mode == "slow to load":
    time.sleep(0.3)
if mode == "dead":
    sys.exit(3)
channel.send(InputError("no such file", where="model") if mode == "wrong" else "hello")
for message in channel:
    if message == "die":
        os.kill(os.getpid(), signal.SIGILL)
    if message == "hang":
        time.sleep(60)
    if message == "slow":
        time.sleep(0.1)
    channel.send(message)
"""


class Bench:
    """A supervised child whose ways are told by a file."""

    def __init__(self, folder: Path, clock: Clock, policy: SupervisionPolicy) -> None:
        self.mode = folder / "mode"
        self.mode.write_text("well")
        self.work: Work | None = None
        self.told: list[object] = []
        self.launches = 0
        self.worker = Supervised(
            "the child",
            self.launch,
            self.greet,
            policy=policy,
            clock=clock,
            at_work=lambda: (self.work,) if self.work else (),
            leave=0.0,
        )

    async def launch(self) -> Worker:
        self.launches += 1
        return await Worker.start("supervised_child", str(self.mode))

    async def greet(self, worker: Worker) -> None:
        hello = await worker.receive()
        if isinstance(hello, InputError):
            raise hello
        for message in self.told:  # what it must know of what went on before
            await worker.send(message)

    async def ask(self, message: object, limit: float = 20.0) -> object:
        worker = await self.worker.running()
        worker.put(message)
        return await self.worker.receive(worker, limit)


Make = Callable[..., Bench]


def children() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and "supervised_child" in " ".join(child.cmdline())
    ]


@pytest.fixture
async def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Make]:
    (tmp_path / "supervised_child.py").write_text(CHILD)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    made: list[Bench] = []

    def build(clock: Clock | None = None, **policy: int) -> Bench:
        made.append(Bench(tmp_path, clock or VirtualClock(), SupervisionPolicy(**policy)))
        return made[-1]

    yield build
    for bench in made:
        await bench.worker.close()
    assert not children(), "a worker was left behind"


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 (a process's own time)
        await asyncio.sleep(0.005)


async def test_it_starts_when_it_is_asked_and_answers(make: Make):
    bench = make(VirtualClock(7 * SECOND))
    assert (bench.worker.state.phase, bench.worker.state.since) == (WorkerPhase.IDLE, 7 * SECOND)
    assert [await bench.ask("one"), await bench.ask("two")] == ["one", "two"]
    assert (bench.launches, bench.worker.state.phase, bench.worker.restarts) == (1, WorkerPhase.UP, 0)
    await bench.worker.close()
    await bench.worker.close()
    assert bench.worker.state.phase is WorkerPhase.CLOSED
    with pytest.raises(ClosedError):
        await bench.worker.running()


async def test_one_that_was_killed_between_two_works_is_replaced_and_nobody_notices(make: Make):
    bench = make()
    await bench.ask("one")
    worker = bench.worker.worker
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    await until(lambda: worker.gone)
    assert await bench.ask("two") == "two"
    assert bench.worker.restarts == 1


async def test_one_that_is_killed_at_work_is_lost_with_cause_and_remedy(make: Make):
    bench = make()
    with pytest.raises(LostError, match=r"killed by signal 4 \(SIGILL\)") as caught:
        await bench.ask("die")
    assert "instructions" in caught.value.remedy
    assert caught.value.again and caught.value.dropped is None
    assert bench.worker.state.cause and bench.worker.pid is None
    assert await bench.ask("next") == "next"
    bench.worker.well()
    assert (bench.worker.state.failures, bench.worker.state.cause) == (0, "")


@pytest.mark.parametrize("way", ["hang", "stop"])
@pytest.mark.realtime
async def test_one_that_hangs_or_is_stopped_is_killed(make: Make, way: str):
    bench = make()
    await bench.ask("one")
    if way == "stop":
        assert bench.worker.pid is not None
        os.kill(bench.worker.pid, signal.SIGSTOP)
    with pytest.raises(LostError, match=r"no sign of life for 0\.1 s"):
        await bench.ask(way, limit=0.1)
    assert not children()


@pytest.mark.realtime
async def test_one_that_stood_still_with_all_of_the_machine_is_waited_for_anew(make: Make):
    """A container that is paused, say: when all go on it is not at once that each is run, and ten calls were lost."""
    bench = make()
    await bench.ask("one")
    pid = bench.worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    loop = asyncio.get_running_loop()

    def stand_still() -> None:
        time.sleep(1.7)
        loop.call_later(0.35, os.kill, pid, signal.SIGCONT)

    loop.call_later(0.01, stand_still)
    assert await bench.ask("two", limit=0.6) == "two"
    assert bench.launches == 1


@pytest.mark.realtime
async def test_one_that_is_stopped_is_killed_though_the_message_fits_into_no_pipe(make: Make):
    """Ten seconds of sound for a pass are more than the channel holds: who waited until it was sent waited for good."""
    bench = make()
    await bench.ask("one")
    assert bench.worker.pid is not None
    os.kill(bench.worker.pid, signal.SIGSTOP)
    with pytest.raises(LostError, match=r"no sign of life for 0\.1 s"):
        async with asyncio.timeout(20):
            await bench.ask("much" * 1_000_000, limit=0.1)
    assert not children()
    assert await bench.ask("next") == "next"


@pytest.mark.realtime
async def test_one_that_is_stopped_is_killed_though_nobody_waits_for_all_of_its_limit(make: Make):
    """Each turn gave up before the worker's own limit, which began anew with the next: it was never replaced."""
    bench = make()
    await bench.ask("one")
    assert bench.worker.pid is not None
    os.kill(bench.worker.pid, signal.SIGSTOP)
    gave_up = 0
    with pytest.raises(LostError, match=r"no sign of life for 0\.7 s"):
        while gave_up < 5:
            try:
                async with asyncio.timeout(0.5):
                    await bench.ask("more", limit=0.7)
            except TimeoutError:
                gave_up += 1
    assert gave_up
    assert await bench.ask("next") == "next"


@pytest.mark.realtime
async def test_one_that_answered_while_nobody_waited_has_all_of_its_limit_again(make: Make):
    bench = make()
    await bench.ask("one")
    worker = bench.worker.worker
    assert worker is not None
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await bench.ask("slow", limit=0.2)
    await asyncio.sleep(0.4)  # it has answered long since, and has been idle
    assert await bench.ask("two", limit=0.2) == "slow"
    assert await bench.worker.receive(worker, 0.2) == "two"


async def test_what_killed_it_twice_is_dropped_by_name(make: Make):
    bench = make()
    bench.work = Work("poison", "“the poison”")
    with pytest.raises(LostError):
        await bench.ask("die")
    with pytest.raises(LostError, match="failed 2 times at “the poison”, at last: the process") as caught:
        await bench.ask("die")
    assert caught.value.dropped == bench.work
    bench.work = None
    assert await bench.ask("the rest") == "the rest"


async def test_one_that_never_comes_up_is_given_up_after_its_restarts_and_their_pauses(make: Make):
    clock = VirtualClock()
    bench = make(clock, restarts=2)
    bench.mode.write_text("dead")
    for again in (True, True, False):
        with pytest.raises(LostError, match="exited with status 3") as caught:
            await bench.worker.running()
        assert caught.value.again is again
        assert ("failed 3 times in a row, at last: the process" in str(caught.value)) is not again
    assert clock.now() == 100 * MILLISECOND
    bench.mode.write_text("well")
    assert await bench.ask("one") == "one"


@pytest.mark.realtime
async def test_one_that_says_nothing_when_it_starts_is_killed_in_time(make: Make):
    bench = make(start=SECOND // 5)
    bench.mode.write_text("mute")
    with pytest.raises(LostError, match=r"did not come up within 0\.2 s"):
        await bench.worker.running()
    assert not children()


async def test_the_callers_fault_is_no_failure_of_the_worker(make: Make):
    bench = make()
    bench.mode.write_text("wrong")
    with pytest.raises(InputError, match="no such file"):
        await bench.worker.running()
    assert (bench.worker.state.failures, bench.worker.state.phase) == (0, WorkerPhase.IDLE)
    assert not children()


async def test_a_process_that_cannot_be_made_is_a_failure_like_any_other(make: Make, monkeypatch: pytest.MonkeyPatch):
    async def no_more(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    bench = make()
    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "create_subprocess_exec", no_more)
        with pytest.raises(LostError, match="could not be started: Resource temporarily unavailable") as caught:
            await bench.worker.running()
    assert isinstance(caught.value, PeerError) and "ulimit" in caught.value.remedy
    assert await bench.ask("one") == "one"


async def test_another_is_told_again_what_the_first_one_knew(make: Make):
    bench = make()
    bench.told = ["scene", "light"]
    for _ in range(2):
        worker = await bench.worker.running()
        assert [await bench.worker.receive(worker, 20), await bench.worker.receive(worker, 20)] == bench.told
        worker.kill()
        with pytest.raises(LostError):
            await bench.worker.receive(worker, 20)


async def test_who_asks_at_once_gets_one_worker(make: Make):
    bench = make()
    workers = await asyncio.gather(*(bench.worker.running() for _ in range(5)))
    assert len(set(workers)) == 1 and bench.launches == 1


async def test_a_death_that_two_notice_counts_once(make: Make):
    bench = make()
    worker = await bench.worker.running()
    worker.kill()
    await until(lambda: worker.gone)
    for _ in range(2):
        with pytest.raises(PeerError, match="signal 9"):
            await bench.worker.receive(worker, 20)
    assert bench.worker.restarts == 1


# Closing, at each moment


async def test_closing_while_it_is_launched(make: Make):
    bench = make()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(closing_error(bench.worker.running()))
        await until(lambda: bench.launches == 1)  # the process is being made: there is none to kill yet
        await bench.worker.close()
        assert not children()
        assert isinstance(await waiting, ClosedError)


async def closing_error(running: Awaitable[object]) -> ClosedError | None:
    try:
        await running
    except ClosedError as error:
        return error
    return None


async def test_closing_while_it_comes_up(make: Make):
    bench = make()
    bench.mode.write_text("mute")
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(closing_error(bench.worker.running()))
        await until(lambda: len(children()) == 1)
        await bench.worker.close()
        assert not children()
        assert isinstance(await waiting, ClosedError)


async def test_closing_while_it_pauses(make: Make):
    bench = make(SystemClock(), first_pause=600 * SECOND, longest_pause=600 * SECOND)
    bench.mode.write_text("dead")
    for _ in range(2):
        with pytest.raises(LostError):
            await bench.worker.running()
    assert bench.worker.state.phase is WorkerPhase.RESTARTING
    assert bench.worker.state.due > SYSTEM_CLOCK.now() + 500 * SECOND
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(closing_error(bench.worker.running()))
        await asyncio.sleep(0)
        await bench.worker.close()
        assert isinstance(await waiting, ClosedError)


async def test_closing_while_it_works(make: Make):
    bench = make()
    await bench.ask("one")
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(closing_error(bench.ask("hang")))
        await asyncio.sleep(0.05)
        await bench.worker.close()
        assert not children()
        assert isinstance(await waiting, ClosedError)


async def test_who_starts_it_may_go_and_the_next_finds_how_far_it_came(make: Make):
    """What takes longer to load than anybody waits for an answer never came up: each turn began to load it anew."""
    bench = make()
    bench.mode.write_text("slow to load")
    async with asyncio.TaskGroup() as group:
        start = group.create_task(bench.worker.running())
        await until(lambda: len(children()) == 1)
        start.cancel()
    assert (bench.worker.state.phase, bench.worker.state.failures) == (WorkerPhase.STARTING, 0)
    bench.mode.write_text("well")
    assert await bench.ask("one") == "one"
    assert bench.launches == 1


async def test_closing_while_it_comes_up_and_nobody_waits_for_it(make: Make):
    bench = make()
    bench.mode.write_text("mute")
    async with asyncio.TaskGroup() as group:
        start = group.create_task(bench.worker.running())
        await until(lambda: len(children()) == 1)
        start.cancel()
    await bench.worker.close()
    assert not children()
    assert (bench.worker.state.phase, bench.worker.state.failures) == (WorkerPhase.CLOSED, 0)


async def test_a_start_that_fails_when_nobody_waits_for_it_is_tried_again_by_the_next(make: Make):
    bench = make()
    bench.mode.write_text("dead")
    async with asyncio.TaskGroup() as group:
        start = group.create_task(bench.worker.running())
        await until(lambda: bench.launches == 1)
        start.cancel()
    await until(lambda: bench.worker.state.phase is WorkerPhase.RESTARTING)
    bench.mode.write_text("well")
    assert await bench.ask("one") == "one"
    assert (bench.launches, bench.worker.restarts) == (2, 1)


# A page's handle


async def test_a_restart_on_request_is_no_failure(make: Make):
    bench = make(restarts=0)
    await bench.ask("one")
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(restarted(bench.ask("hang")))
        await asyncio.sleep(0.05)
        await bench.worker.restart()
        assert "was restarted" in await waiting
    assert (bench.worker.state.failures, bench.worker.restarts) == (0, 1)
    assert await bench.ask("two") == "two"


async def restarted(asking: Awaitable[object]) -> str:
    with pytest.raises(LostError) as caught:
        await asking
    return str(caught.value)


async def test_a_restart_on_request_ends_a_pause(make: Make):
    bench = make(SystemClock(), first_pause=600 * SECOND, longest_pause=600 * SECOND)
    bench.mode.write_text("dead")
    for _ in range(2):
        with pytest.raises(LostError):
            await bench.worker.running()
    bench.mode.write_text("well")
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(bench.ask("one"))
        await asyncio.sleep(0)
        await bench.worker.restart()
        assert await asked == "one"


async def test_who_is_restarted_on_request_ends_what_it_is_at_and_another_is_there_at_once(make: Make):
    bench = make(SystemClock())
    await bench.ask("one")
    first = bench.worker.pid
    bench.work = Work("two", "“two”")
    async with asyncio.TaskGroup() as group:
        restart = group.create_task(bench.worker.restart())
        await asyncio.sleep(0)
        assert await bench.ask("two") == "two"
        bench.work = None
        await restart
        assert bench.worker.pid not in (None, first)
        assert (bench.worker.restarts, bench.launches) == (1, 2)


async def test_one_that_never_ends_what_it_is_at_is_restarted_all_the_same(make: Make):
    clock = VirtualClock()
    bench = make(clock)
    await bench.ask("one")
    bench.work = Work("two", "“two”")
    await bench.worker.restart()
    assert (bench.worker.restarts, bench.worker.state.failures) == (1, 0)
    assert clock.now() == FINISH_LIMIT


async def test_a_restart_on_request_replaces_one_that_is_coming_up(make: Make):
    bench = make()
    bench.mode.write_text("mute")
    async with asyncio.TaskGroup() as group:
        starting = group.create_task(restarted(bench.worker.running()))
        await until(lambda: bench.worker.pid is not None)
        restart = group.create_task(bench.worker.restart())
        await until(lambda: bench.launches == 2)
        bench.mode.write_text("well")
        await restart
        assert "was restarted" in await starting
    assert (bench.worker.state.phase, bench.worker.state.failures) == (WorkerPhase.UP, 0)


@pytest.mark.realtime
async def test_what_came_while_we_were_not_run_counts_as_sent_in_time(make: Make):
    bench = make()
    worker = await bench.worker.running()
    asked = asyncio.ensure_future(bench.worker.receive(worker, 0.1))  # noqa: TID251 (a task that the test ends itself)
    await asyncio.sleep(0)
    await worker.send("one")
    time.sleep(0.6)  # noqa: ASYNC251 (this process is not run)
    assert await asked == "one"


T = TypeVar("T")


async def answered(what: T) -> T:
    return what


def test_of_a_long_message_that_comes_slowly_each_part_is_a_sign_of_life():
    async def played() -> object:
        reader, body = asyncio.StreamReader(), pickle.dumps("a long one")
        process = SimpleNamespace(returncode=0, pid=1, kill=lambda: None)
        worker = Worker("child", cast("Any", process), reader, cast("Any", SimpleNamespace()))
        supervised = Supervised("the child", lambda: answered(worker), lambda _: answered(None))
        taking = asyncio.ensure_future(supervised.receive(worker, 10))  # noqa: TID251 (awaited below)
        for part in (len(body).to_bytes(4, "big"), body[:5], body[5:9], body[9:]):
            await asyncio.sleep(9)
            reader.feed_data(part)
        return await taking

    assert simulate(played()) == "a long one"


# The list of all of them


async def test_the_house_lists_its_workers_and_is_told_of_each_change(make: Make):
    bench, other = make(), make()
    workers, told = Workers(), list[WorkerState]()
    workers.listeners.append(told.append)
    workers.add(bench.worker, other.worker)
    assert [(state.name, state.phase) for state in workers.states()] == [
        ("the child", WorkerPhase.IDLE), ("the child-2", WorkerPhase.IDLE)
    ]  # fmt: skip
    with pytest.raises(LostError):
        await other.ask("die")
    mine = [state for state in told if state.name == "the child-2"]
    assert [state.phase for state in mine] == [
        WorkerPhase.IDLE, WorkerPhase.STARTING, WorkerPhase.STARTING, WorkerPhase.UP, WorkerPhase.RESTARTING
    ]  # fmt: skip
    assert "SIGILL" in mine[-1].last_failure and mine[-1].restarts == 1
    assert await other.ask("one") == "one"
    other.worker.well()
    state = workers.states()[1]
    assert (state.cause, "SIGILL" in state.last_failure) == ("", True)
    await other.worker.close()
    assert (told[-1].name, told[-1].phase) == ("the child-2", WorkerPhase.CLOSED)
    assert len(workers.states()) == 1


async def test_a_worker_is_restarted_by_its_name(make: Make):
    bench = make()
    workers = Workers()
    workers.add(bench.worker)
    await bench.ask("one")
    first = bench.worker.pid
    state = await workers.restart("the child")
    assert (state.phase, state.restarts) == (WorkerPhase.UP, 1) and state.pid not in (None, first)
    with pytest.raises(InputError, match="no worker 'nobody'") as caught:
        await workers.restart("nobody")
    assert "the child" in caught.value.remedy


async def test_one_that_does_not_come_up_again_says_so_in_its_state(make: Make):
    bench = make(restarts=0)
    workers = Workers()
    workers.add(bench.worker)
    await bench.ask("one")
    bench.mode.write_text("dead")
    state = await workers.restart("the child")
    assert state.phase is WorkerPhase.FAILED and "status 3" in state.last_failure
