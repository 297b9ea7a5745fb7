"""Faults of ours in the middle of a call: it ends, its port comes back, and no other call notices."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from line_world import HOST, Line, Telephone, line, on_loopback, options, sdp, telephone

from duologue.errors import PeerError
from duologue.phone.leg import LegEnded
from duologue.phone.line import line as line_module
from duologue.phone.line.legs import Leg
from duologue.phone.line.messages import Dial, HangUpCall, TakeLineCall
from duologue.phone.media.ports import MediaPort, MediaPorts

PCMU = "0 PCMU/8000"


def breaks(*arguments: Any, **more: Any) -> Any:
    raise ValueError("a fault of ours")


async def stands(world: Line, one: Telephone) -> str:
    """A call that was answered; its id."""
    before = len(world.offered)
    one.request("INVITE", sdp(one.sound_port, PCMU))
    await world.until(lambda: len(world.offered) > before)
    world.process.order(TakeLineCall(world.offered[-1].id))
    await one.answer("INVITE", 200)
    one.ack()
    await asyncio.sleep(0.01)
    return world.offered[-1].id


def ports(world: Line) -> int:
    return world.process._ports.used  # pyright: ignore[reportPrivateUsage]


def test_a_goodbye_that_breaks_returns_the_port_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with line() as world, telephone(world.port) as one:
            world.troubles = []
            await stands(world, one)
            monkeypatch.setattr(Leg, "end", breaks)
            one.request("BYE")
            await one.answer("BYE", 200)
            await world.rests()
            assert [each.what for each in world.troubles] == ["ValueError: a fault of ours"]
            (end,) = world.told(LegEnded)
            assert not end.failed, "they hung up"

    on_loopback(run())


def test_what_breaks_on_a_message_of_a_call_ends_that_call(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with line() as world, telephone(world.port) as one, telephone(world.port) as other:
            other.call_id, other.local = "another-call", "you"
            world.troubles = []
            await stands(world, one)
            beside = await stands(world, other)
            assert ports(world) == 2
            monkeypatch.setattr(Leg, "change", breaks)
            one.request("INVITE", sdp(one.sound_port, PCMU, direction="sendonly", version=2))
            await one.answer("INVITE", 200, one.number)
            one.ack()
            one.respond(await one.asked("BYE"), 200)
            await world.until(lambda: world.told(LegEnded))
            (end,) = world.told(LegEnded)
            assert end.failed and end.reason == "a fault of ours"
            assert world.troubles and ports(world) == 1
            monkeypatch.undo()
            world.process.order(HangUpCall(beside, "it was enough"))
            other.respond(await other.asked("BYE"), 200)
            await world.until(lambda: len(world.told(LegEnded)) == 2)
            assert ports(world) == 0 and world.process.agent.calls == 0

    on_loopback(run())


@pytest.mark.parametrize("offered", [True, False], ids=["with an offer", "without"])
def test_an_offer_that_breaks_us_costs_no_port(offered: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with line() as world, telephone(world.port) as one:
            world.troubles = []
            monkeypatch.setattr(line_module, "answer" if offered else "offer", breaks)
            one.request("INVITE", sdp(one.sound_port, PCMU) if offered else "")
            await one.answer("INVITE", 500)
            one.request("ACK", number=one.number, branch=one.invite)
            await asyncio.sleep(70)
            assert ports(world) == 0 and world.process.agent.state == (0, 0, 0, 0)
            assert not world.offered and len(world.troubles) == 1
            assert world.process.agent.turned_away.counts(10**15) == {"fault": 1}

    on_loopback(run())


def test_a_call_of_ours_that_breaks_us_costs_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with line() as world:
            monkeypatch.setattr(line_module, "offer", breaks)
            world.process.order(Dial("ours", f"sip:me@{HOST}:5999"))
            (end,) = world.told(LegEnded)
            assert end.failed and (end.status, end.reason) == (500, "ValueError: a fault of ours")
            assert ports(world) == 0

    on_loopback(run())


def rest_of(pool: MediaPorts) -> Iterator[MediaPort]:
    """All that are left of it; another program may hold some of its range."""
    with suppress(PeerError):
        while True:
            yield pool.take()


def test_a_line_without_a_port_left_says_when_to_try_again() -> None:
    """And whoever calls when one was returned is answered."""

    async def run() -> None:
        async with line(options=options(retry_seconds=7)) as world, telephone(world.port) as one:
            pool = world.process._ports  # pyright: ignore[reportPrivateUsage]
            taken = list(rest_of(pool))
            one.request("INVITE", sdp(one.sound_port, PCMU))
            refused = await one.answer("INVITE", 503)
            assert refused.headers["Retry-After"] == "7" and not world.offered
            one.request("ACK", number=one.number, branch=one.invite)
            for each in taken:
                each.close()
            one.remote = ""
            await stands(world, one)
            one.request("BYE")
            await world.rests()

    on_loopback(run())
