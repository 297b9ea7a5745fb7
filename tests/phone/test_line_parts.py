"""The line's pool of ports, and what waits for a main process that is behind."""

from __future__ import annotations

import asyncio
import pickle
import select
import socket
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from line_world import line, on_loopback, options, telephone

from duologue.child import LoopChannel
from duologue.clock import MILLISECOND, SECOND, Clock, VirtualClock
from duologue.errors import InputError, PeerError
from duologue.phone.leg import Digit
from duologue.phone.line import process as line_process
from duologue.phone.line.messages import CallHeard, Counts, Dial, LineReport, Refusing, Told
from duologue.phone.line.process import Outbox
from duologue.phone.media.ports import MediaPorts

HOST = "127.0.0.1"


async def test_ports_are_bounded_and_come_back() -> None:
    pool = MediaPorts(HOST, 24_101, 24_106)
    one, other = pool.take(), pool.take()
    assert {one.port, other.port} == {24_102, 24_104} and pool.used == 2
    with pytest.raises(PeerError, match="no port is left"):
        pool.take()
    one.close()
    one.close()
    again = pool.take()
    assert again.port == one.port and pool.used == 2
    again.close()
    other.close()
    assert pool.used == 0


async def test_a_port_that_somebody_else_holds_is_passed_over() -> None:
    pool = MediaPorts(HOST, 24_110, 24_113)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOST, 24_111))
        one = pool.take()
        assert one.port == 24_112
        with pytest.raises(PeerError):
            pool.take()
    one.close()
    assert pool.used == 0


def test_a_range_without_two_ports_is_refused() -> None:
    with pytest.raises(InputError, match="no two ports"):
        MediaPorts(HOST, 24_101, 24_102)


async def test_what_is_received_is_told_with_its_source() -> None:
    pool = MediaPorts(HOST, 24_120, 24_121)
    got: list[tuple[bytes, int, bool]] = []
    port = pool.take()
    both = asyncio.Event()

    def receive(data: bytes, source: tuple[str, int], control: bool) -> None:
        got.append((data, source[1], control))
        if len(got) == 2:
            both.set()

    port.listen(receive)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((HOST, 0))
        sender.sendto(b"sound", (HOST, 24_120))
        sender.sendto(b"report", (HOST, 24_121))
        async with asyncio.timeout(5):
            await both.wait()
        assert sorted(got) == [(b"report", sender.getsockname()[1], True), (b"sound", sender.getsockname()[1], False)]
    port.close()


class Slow:
    """A channel whose other end takes nothing until it is told to."""

    def __init__(self) -> None:
        self.unsent = 0
        self.batches: list[tuple[LineReport, ...]] = []
        self.took = asyncio.Event()

    def send(self, message: object) -> None:
        self.batches.append(cast("tuple[LineReport, ...]", message))
        self.took.set()


async def test_reports_of_one_turn_cross_together() -> None:
    slow = Slow()
    outbox = Outbox(cast("LoopChannel", slow), VirtualClock())
    for number in range(5):
        outbox.put(CallHeard("a", number, b""))
    await asyncio.sleep(0)
    assert len(slow.batches) == 1 and len(slow.batches[0]) == 5


async def test_of_a_main_that_is_behind_the_oldest_sound_is_dropped_and_nothing_else() -> None:
    slow, clock = Slow(), VirtualClock()
    outbox = Outbox(cast("LoopChannel", slow), clock)
    slow.unsent = line_process.MOST_UNSENT + 1
    for number in range(25):
        outbox.put(CallHeard("a", number, b""))
        outbox.put(Told("a", Digit(str(number % 10))))
        await asyncio.sleep(0)
        clock.advance(SECOND // 5)
    assert not slow.batches and outbox.dropped == 14
    slow.unsent = 0
    outbox.put(Counts({}))
    async with asyncio.timeout(5):
        await slow.took.wait()
    (batch,) = slow.batches
    assert [report.at for report in batch if isinstance(report, CallHeard)] == list(range(14, 25)), "two seconds of it"
    assert sum(isinstance(report, Told) for report in batch) == 25
    assert batch[-1] == Counts({"dropped_sound": 14})


async def test_what_waited_crosses_in_pieces_that_main_reads_one_by_one() -> None:
    slow = Slow()
    outbox = Outbox(cast("LoopChannel", slow), VirtualClock())
    slow.unsent = line_process.MOST_UNSENT + 1
    for number in range(600):
        outbox.put(CallHeard("a", number, b""))
    await asyncio.sleep(0)
    slow.unsent = 0
    async with asyncio.timeout(5):
        await slow.took.wait()
    assert [len(batch) for batch in slow.batches] == [256, 256, 88]
    sounds = [report.at for batch in slow.batches for report in batch if isinstance(report, CallHeard)]
    assert sounds == list(range(600)) and outbox.dropped == 0


async def test_a_main_that_will_not_come_back_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_process, "MOST_WAITING", 20)
    slow = Slow()
    outbox = Outbox(cast("LoopChannel", slow), VirtualClock())
    for _ in range(30):
        outbox.put(Told("a", Digit("1")))
    assert outbox.overflown.is_set()


class Waits:
    """The time of a selector, which passes only while it waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time = SECOND
        self.waited: list[tuple[bool, int]] = []
        """Whether it looked meanwhile, and for how long (µs)."""
        self.comes_after: float | None = None
        monkeypatch.setattr(select, "select", self._wait)

    def now(self) -> int:
        return self.time

    def _wait(self, read: Sequence[int], write: object, other: object, timeout: float) -> None:
        if read and self.comes_after is not None:
            timeout = min(timeout, self.comes_after)
        self.time += round(timeout * SECOND)
        self.waited.append((bool(read), round(timeout * 1_000_000)))


def test_what_comes_often_is_looked_at_in_company_and_a_deadline_is_met(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = Waits(monkeypatch)
    selector = line_process.PreciseSelector(2 * MILLISECOND, cast("Clock", waits))
    ours, theirs = socket.socketpair()
    with ours, theirs, selector:
        selector.register(ours, 1)
        assert not selector.select(0.005) and waits.waited == [(True, 5_000)], "nothing is there"
        theirs.send(b"x")
        waits.waited.clear()
        waits.comes_after = 0.0
        for _ in range(line_process.LOOKS):
            assert selector.select(1.0), "the first ones are taken as they come"
        assert waits.waited == [(True, 0)] * line_process.LOOKS
        waits.waited.clear()
        assert selector.select(1.0), "then it rests first"
        assert waits.waited == [(False, 2_000), (True, 0)]
        waits.waited.clear()
        assert not selector.select(0) and waits.waited == [], "callbacks that are ready do not wait"
        assert not selector.select(0.0005) and waits.waited == [(False, 500)], "nor does a deadline"
        assert not selector.select(0.0015 - 1e-9) and selector.select(0.0001), "what came meanwhile is taken then"
        waits.time += SECOND
        waits.waited.clear()
        assert all(selector.select(1.0) for _ in range(line_process.LOOKS)), "who was left in peace takes at once"
        assert waits.waited == [(True, 0)] * line_process.LOOKS


def test_without_a_grain_it_only_waits_precisely(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = Waits(monkeypatch)
    ours, theirs = socket.socketpair()
    with ours, theirs, line_process.PreciseSelector(clock=cast("Clock", waits)) as selector:
        selector.register(ours, 1)
        theirs.send(b"x")
        waits.comes_after = 0.0
        assert all(selector.select(0.0003) for _ in range(20))
        assert not any(length for _, length in waits.waited)


def test_sound_crosses_as_it_is() -> None:
    sound = np.random.default_rng(1).uniform(-1, 1, 320).astype(np.float32)
    message = CallHeard.of("a", 640, sound)
    read = pickle.loads(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))
    assert isinstance(read, CallHeard) and read == message
    assert (read.call, read.event.at) == ("a", 640) and np.array_equal(read.event.samples, sound)


@pytest.mark.parametrize("status", [486, 503, 480])
def test_who_asks_is_told_while_main_sends_calls_away(status: int) -> None:
    async def story() -> None:
        async with line() as world, telephone(world.port) as one:
            world.process.order(Refusing(status))
            one.request("OPTIONS")
            answer = await one.answer("OPTIONS", number=one.number)
            assert answer.code == status and (answer.headers.get("Retry-After") is None) is (status == 480)
            world.process.order(Refusing(0))
            one.remote = ""
            one.request("OPTIONS")
            assert (await one.answer("OPTIONS", number=one.number)).code == 200

    on_loopback(story())


@pytest.mark.parametrize("advertised", ["", "198.51.100.4"])
def test_a_line_that_listens_everywhere_says_by_which_address_of_its_each_reaches_it(advertised: str) -> None:
    """The network that most others are on may be another than the PBX's, and may not have been there at the start."""

    async def story() -> None:
        there = replace(options(), host="203.0.113.9")
        async with line(host="0.0.0.0", options=there, advertised=advertised) as world, telephone(world.port) as one:
            world.process.order(Dial("ours", f"sip:17@{HOST}:{one.port}"))
            invite = await one.asked("INVITE")
            here = advertised or HOST
            assert f"@{here}:{world.port}>" in invite.headers["Contact"] and here in invite.headers["Via"]
            assert f"c=IN IP4 {here}\r\n" in invite.body.decode()
            one.respond(invite, 486)
            await one.asked("ACK")

    on_loopback(story())
