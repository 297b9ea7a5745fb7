"""A call that ends in every state it can be in, by every side: through the line process, with a telephone on a script
over loopback. Each request has one answer, the call ends once, and its port, its timers and its tasks are returned.
"""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable

import pytest
from line_world import HOST, Line, Telephone, line, on_loopback, options, sdp, telephone
from sipmessage import Response

from duologue.phone.leg import Held, LegAnswered, LegEnded, LegTransferred
from duologue.phone.line.messages import Dial, HangUpCall, Refer, Ring, TakeLineCall
from duologue.phone.media.incoming import IncomingCall
from duologue.phone.media.outgoing import Outgoing
from duologue.phone.sip import message as sip
from duologue.phone.sip.calls import Call

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

PCMU = "0 PCMU/8000"
Reach = Callable[[Line, Telephone], Awaitable[None]]


def offer(one: Telephone, direction: str = "sendrecv") -> str:
    return sdp(one.sound_port, PCMU, direction=direction)


# Calls that come in


async def asked(world: Line, one: Telephone) -> None:
    """The INVITE is sent, and nothing has come back."""
    one.request("INVITE", offer(one), "Session-Expires: 90;refresher=uas")


async def offered(world: Line, one: Telephone) -> None:
    await asked(world, one)
    await world.until(lambda: world.offered)


async def trying(world: Line, one: Telephone) -> None:
    await offered(world, one)
    await one.answer("INVITE", 100)


async def ringing(world: Line, one: Telephone) -> None:
    await offered(world, one)
    world.process.order(Ring(world.offered[0].id))
    await one.answer("INVITE", 180)


async def early(world: Line, one: Telephone) -> None:
    await offered(world, one)
    world.process.order(Ring(world.offered[0].id, early=True))
    await one.answer("INVITE", 183)


async def accepted(world: Line, one: Telephone) -> None:
    await ringing(world, one)
    world.process.order(TakeLineCall(world.offered[0].id))
    await one.answer("INVITE", 200)


async def standing(world: Line, one: Telephone) -> None:
    await accepted(world, one)
    one.ack()
    await asyncio.sleep(0.01)


async def changing(world: Line, one: Telephone) -> None:
    """Their re-INVITE is on its way."""
    await standing(world, one)
    one.request("INVITE", offer(one, direction="sendonly"))


async def changed(world: Line, one: Telephone) -> None:
    """It was answered, and not acknowledged."""
    await changing(world, one)
    await one.answer("INVITE", 200, one.number)


async def updating(world: Line, one: Telephone) -> None:
    await standing(world, one)
    one.request("UPDATE", offer(one, direction="inactive"))


async def refreshing(world: Line, one: Telephone) -> None:
    """Ours waits for an answer."""
    await standing(world, one)
    await one.asked("INVITE")


async def refresh_trying(world: Line, one: Telephone) -> None:
    await refreshing(world, one)
    one.respond(one.asks("INVITE")[0], 100)
    await asyncio.sleep(0.01)


async def held(world: Line, one: Telephone) -> None:
    await changed(world, one)
    one.ack()
    await world.until(lambda: world.told(Held) == [Held(True)])


async def referring(world: Line, one: Telephone) -> None:
    await standing(world, one)
    world.process.order(Refer(world.offered[0].id, f"sip:200@{HOST}"))
    await one.asked("REFER")


async def referred(world: Line, one: Telephone) -> None:
    await referring(world, one)
    one.respond(one.asks("REFER")[0], 202)
    one.request("NOTIFY", "SIP/2.0 100 Trying\r\n", "Event: refer", "Subscription-State: active")


EARLY: list[Reach] = [asked, offered, trying, ringing, early]
LATE: list[Reach] = [
    accepted, standing, changing, changed, updating, refreshing, refresh_trying, held, referring, referred,
]  # fmt: skip


def by_name(one: Callable[..., object]) -> str:
    return one.__name__


async def answer_all(one: Telephone) -> None:
    """A polite end: whatever the line asks of it is answered, its finals are acknowledged."""
    async for message in one.messages():
        if isinstance(message, Response):
            if message.cseq.method == "INVITE" and message.code >= 200:
                branch = one.invite if message.code >= 300 else "z9hG4bKafter"
                one.remote = one.remote or sip.recipient(message).tag
                one.request("ACK", number=message.cseq.sequence, branch=branch)
        elif message.method == "INVITE":
            one.respond(message, 487)
        elif message.method != "ACK":
            one.respond(message, 200)


async def ended(world: Line, one: Telephone) -> None:
    async with asyncio.TaskGroup() as group:
        polite = group.create_task(answer_all(one))
        world.tasks.add(polite)
        await world.rests()
        polite.cancel()
    several = {request: codes for request, codes in one.finals().items() if len(codes) > 1}
    assert not several, "a request with two answers"


@pytest.mark.parametrize("reach", EARLY, ids=by_name)
def test_a_caller_who_gives_up_before_the_answer(reach: Reach) -> None:
    async def run() -> None:
        async with line() as world, telephone(world.port) as one:
            await reach(world, one)
            one.cancel(one.number)
            await ended(world, one)
            assert one.finals() == {(2, "INVITE"): {487}, (2, "CANCEL"): {200}}
            (end,) = world.told(LegEnded)
            assert end.status == 487 and not end.ours

    on_loopback(run())


@pytest.mark.parametrize("reach", [ringing, early], ids=by_name)
def test_a_caller_who_says_bye_before_the_answer(reach: Reach) -> None:
    async def run() -> None:
        async with line() as world, telephone(world.port) as one:
            await reach(world, one)
            one.request("BYE")
            await ended(world, one)
            assert one.finals() == {(2, "INVITE"): {487}, (3, "BYE"): {200}}

    on_loopback(run())


@pytest.mark.parametrize("reach", LATE, ids=by_name)
def test_a_caller_who_hangs_up(reach: Reach) -> None:
    async def run() -> None:
        async with line() as world, telephone(world.port) as one:
            await reach(world, one)
            one.request("BYE")
            await ended(world, one)
            assert one.finals()[one.number, "BYE"] == {200}
            (end,) = world.told(LegEnded)
            assert not end.ours and not end.failed
            if reach is referring:
                assert [each.ok for each in world.told(LegTransferred)] in ([], [False])

    on_loopback(run())


@pytest.mark.parametrize("reach", LATE, ids=by_name)
def test_a_cancel_that_comes_too_late_changes_nothing(reach: Reach) -> None:
    async def run() -> None:
        async with line() as world, telephone(world.port) as one:
            await reach(world, one)
            number = max((each[0] for each in one.finals() if each[1] == "INVITE"), default=2)
            pending = reach is changing
            one.cancel(one.number if pending else number)
            await asyncio.sleep(0.1)
            assert not world.told(LegEnded), "the call stands"
            if reach is accepted:
                one.ack(number=2)
            one.request("BYE")
            await ended(world, one)
            cancels = [codes for (_, method), codes in one.finals().items() if method == "CANCEL"]
            assert cancels in ([{200}], [{481}])

    on_loopback(run())


@pytest.mark.parametrize("reach", [*EARLY[1:], *LATE], ids=by_name)
def test_we_hang_up(reach: Reach) -> None:
    async def run() -> None:
        async with line() as world, telephone(world.port) as one:
            await reach(world, one)
            world.process.order(HangUpCall(world.offered[0].id, "we have had enough"))
            await ended(world, one)
            (end,) = world.told(LegEnded)
            assert end.ours and end.reason == "we have had enough"
            if reach in LATE:
                assert len({bye.cseq.sequence for bye in one.asks("BYE")}) == 1
            else:
                assert one.finals() == {(2, "INVITE"): {480}}

    on_loopback(run())


@pytest.mark.parametrize("reach", [ringing, accepted, standing, refreshing, held, referred], ids=by_name)
def test_both_hang_up_at_once(reach: Reach) -> None:
    async def run() -> None:
        async with line() as world, telephone(world.port) as one:
            await reach(world, one)
            one.request("BYE")
            world.process.order(HangUpCall(world.offered[0].id))
            await ended(world, one)

    on_loopback(run())


@pytest.mark.parametrize("reach", [*EARLY[1:], *LATE], ids=by_name)
def test_a_telephone_that_is_gone_leaves_nothing_behind(reach: Reach) -> None:
    """It answers nothing any more; we hang up in the end, or a timer does."""

    async def run() -> None:
        silent = 500.0 if reach in (refreshing, refresh_trying) else 20.0
        async with line(silent_s=silent, options=options(ring_seconds=20)) as world, telephone(world.port) as one:
            await reach(world, one)
            one.signals.close()
            await world.until(lambda: world.told(LegEnded), 2000)  # a session is refreshed within half an hour
            await world.rests()

    on_loopback(run())


@pytest.mark.parametrize("status", [200, 405, 481])
def test_a_silent_telephone_is_asked_whether_it_is_there(status: int) -> None:
    """It leaves out silence and sends no reports, as it may: whatever it answers shows it, but that it knows no such
    call (RFC 3261, section 12.2.1.2).
    """

    async def run() -> None:
        async with line(silent_s=20.0) as world, telephone(world.port) as one:
            await standing(world, one)
            for asked in range(1, 6):
                await one.until(lambda asked=asked: len(one.asks("OPTIONS")) >= asked)
                one.respond(one.asks("OPTIONS")[-1], 200 if asked < 5 else status)
                await asyncio.sleep(1)
            assert bool(world.told(LegEnded)) == (status == 481)
            if status == 481:
                assert world.told(LegEnded)[0].failed
                one.respond(await one.asked("BYE"), 481)
                await world.rests()
            else:
                await ended_by_bye(world, one)

    on_loopback(run())


async def ended_by_bye(world: Line, one: Telephone) -> None:
    one.request("BYE")
    await one.answer("BYE", 200)
    await world.rests()


def alive(*kinds: type[object]) -> list[weakref.ref[object]]:
    return [weakref.ref(each) for each in gc.get_objects() if isinstance(each, kinds)]


def test_what_a_call_held_is_gone_with_it_and_not_when_the_collector_comes() -> None:
    """The calls that follow would be laid around it: the heap of a line crept."""

    async def run() -> None:
        async with line() as world, telephone(world.port) as one:
            await standing(world, one)
            sound = [each for each in alive(Outgoing, IncomingCall) if each not in others]
            (signals,) = (each for each in alive(Call) if each not in others)
            assert len(sound) == 2
            one.request("BYE")
            await one.answer("BYE", 200)
            assert [each() for each in sound] == [None, None]
            await world.rests()  # its transactions repeat nothing any more
            assert signals() is None

    others = alive(Outgoing, IncomingCall, Call)
    gc.disable()
    try:
        on_loopback(run())
    finally:
        gc.enable()


# Calls of ours


async def dialled(world: Line, one: Telephone) -> None:
    """The INVITE is there, and unanswered."""
    world.process.order(Dial("ours", f"sip:me@{HOST}:{one.port}"))
    await one.asked("INVITE")


async def tried(world: Line, one: Telephone) -> None:
    await dialled(world, one)
    one.respond(one.asks("INVITE")[0], 100)
    await asyncio.sleep(0.01)


async def rung(world: Line, one: Telephone) -> None:
    await dialled(world, one)
    one.respond(one.asks("INVITE")[0], 180)
    await asyncio.sleep(0.01)


async def progressed(world: Line, one: Telephone) -> None:
    await dialled(world, one)
    one.respond(one.asks("INVITE")[0], 183, offer(one))
    await asyncio.sleep(0.01)


async def taken(world: Line, one: Telephone) -> None:
    await rung(world, one)
    one.respond(one.asks("INVITE")[0], 200, offer(one), ("Session-Expires", "90;refresher=uac"), ("Require", "timer"))
    await one.asked("ACK")
    await world.until(lambda: world.told(LegAnswered))


async def held_by_the_called(world: Line, one: Telephone) -> None:
    await taken(world, one)
    one.request("INVITE", sdp(one.sound_port, PCMU, direction="inactive"))
    await one.answer("INVITE", 200)
    one.ack()
    await world.until(lambda: world.told(Held))


async def refreshed_by_us(world: Line, one: Telephone) -> None:
    await taken(world, one)
    await one.until(lambda: len({each.cseq.sequence for each in one.asks("INVITE")}) == 2)


OURS: list[Reach] = [dialled, tried, rung, progressed, taken, held_by_the_called, refreshed_by_us]


async def leave_politely(one: Telephone) -> None:
    """The called: a CANCEL and its INVITE are answered, so is a BYE."""
    cancelled = False
    async for message in one.messages():
        if isinstance(message, Response) or message.method not in ("CANCEL", "BYE"):
            continue
        one.respond(message, 200)
        if message.method == "CANCEL" and not cancelled:
            one.respond(one.asks("INVITE")[0], 487)
            cancelled = True


@pytest.mark.parametrize("reach", OURS, ids=by_name)
def test_we_give_up_a_call_of_ours(reach: Reach) -> None:
    async def run() -> None:
        async with line() as world, telephone(world.port) as one:
            await reach(world, one)
            world.process.order(HangUpCall("ours", "we have had enough"))
            if reach is dialled:  # section 9.1: no CANCEL before anything came back
                await asyncio.sleep(0.2)
                assert not one.asks("CANCEL")
                one.respond(one.asks("INVITE")[0], 180)
            async with asyncio.TaskGroup() as group:
                polite = group.create_task(leave_politely(one))
                world.tasks.add(polite)
                await world.rests()
                polite.cancel()
            early = reach in (dialled, tried, rung, progressed)
            assert bool(one.asks("CANCEL")) == early and bool(one.asks("BYE")) != early
            (end,) = world.told(LegEnded)
            assert end.ours

    on_loopback(run())


def test_an_answer_that_crosses_our_cancel_is_acknowledged_and_ended() -> None:
    async def run() -> None:
        async with line() as world, telephone(world.port) as one:
            await rung(world, one)
            invite = one.asks("INVITE")[0]
            world.process.order(HangUpCall("ours"))
            one.respond(invite, 200, offer(one))
            one.respond(await one.asked("CANCEL"), 200)
            await one.asked("ACK")
            one.respond(await one.asked("BYE"), 200)
            await world.rests()

    on_loopback(run())


@pytest.mark.parametrize("reach", OURS[4:], ids=by_name)
def test_the_called_hangs_up(reach: Reach) -> None:
    async def run() -> None:
        async with line() as world, telephone(world.port) as one:
            await reach(world, one)
            one.request("BYE")
            await one.answer("BYE", 200)
            for invite in one.asks("INVITE")[1:]:
                one.respond(invite, 487)
            await world.rests()
            (end,) = world.told(LegEnded)
            assert not end.ours and not end.failed

    on_loopback(run())


@pytest.mark.parametrize("status", [404, 486, 603])
def test_a_call_of_ours_that_is_refused(status: int) -> None:
    async def run() -> None:
        async with line() as world, telephone(world.port) as one:
            await rung(world, one)
            one.respond(one.asks("INVITE")[0], status)
            await world.rests()
            (end,) = world.told(LegEnded)
            assert end.status == status and end.failed

    on_loopback(run())
