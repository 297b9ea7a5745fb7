"""The line's pool of ports, and what waits for a main process that is behind."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

import pytest

from duologue.errors import InputError, PeerError
from duologue.phone import line_process
from duologue.phone.leg import Digit
from duologue.phone.line_messages import CallHeard, Counts, LineBatch, Told
from duologue.phone.line_process import Outbox
from duologue.phone.media_ports import MediaPorts
from duologue.workers import LoopChannel

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
        self.batches: list[LineBatch] = []
        self.took = asyncio.Event()

    def send(self, message: object) -> None:
        self.batches.append(cast("LineBatch", message))
        self.took.set()


async def test_reports_of_one_turn_cross_together() -> None:
    slow = Slow()
    outbox = Outbox(cast("LoopChannel", slow))
    for number in range(5):
        outbox.put(CallHeard("a", number, b""))
    await asyncio.sleep(0)
    assert len(slow.batches) == 1 and len(slow.batches[0]) == 5


async def test_of_a_main_that_is_behind_the_oldest_sound_is_dropped_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(line_process, "MOST_SOUND", 10)
    slow = Slow()
    outbox = Outbox(cast("LoopChannel", slow))
    slow.unsent = line_process.MOST_UNSENT + 1
    for number in range(25):
        outbox.put(CallHeard("a", number, b""))
        outbox.put(Told("a", Digit(str(number % 10))))
        await asyncio.sleep(0)
    assert not slow.batches and outbox.dropped == 15
    slow.unsent = 0
    outbox.put(Counts({}))
    async with asyncio.timeout(5):
        await slow.took.wait()
    (batch,) = slow.batches
    assert [report.at for report in batch if isinstance(report, CallHeard)] == list(range(15, 25))
    assert sum(isinstance(report, Told) for report in batch) == 25
    assert batch[-1] == Counts({"dropped_sound": 15})


async def test_a_main_that_will_not_come_back_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_process, "MOST_WAITING", 20)
    slow = Slow()
    outbox = Outbox(cast("LoopChannel", slow))
    for _ in range(30):
        outbox.put(Told("a", Digit("1")))
    assert outbox.overflown.is_set()
