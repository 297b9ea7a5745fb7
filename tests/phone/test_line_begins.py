"""How a call's sound begins, through the line process with telephones on a script: nobody's first word is lost, and who
may speak in several ways is heard in each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
from line_world import HOST, Line, Telephone, line, on_loopback, sdp, telephone

from duologue.audio import g711
from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.audio.pcm import RATE
from duologue.clock import SECOND
from duologue.phone.leg import Digit, LegAnswered, LegEnded, Played, Ringing, Sent
from duologue.phone.line.messages import CallHeard, Dial, HangUpCall, Press, Ring, SayOnCall, TakeLineCall
from duologue.phone.media.codecs import FORMATS
from duologue.phone.media.rtp import RtpPacket
from duologue.phone.media.telephone_events import press
from duologue.phone.sip.agent import described
from duologue.phone.sip.names import Names, Pointer, Server
from duologue.simulation.virtual_time import LoopClock

ALL = tuple(form.name for form in FORMATS)
EVENTS = "101 telephone-event/8000"
LINES = {"PCMU": "0 PCMU/8000", "PCMA": "8 PCMA/8000", "G722": "9 G722/8000", "opus": "111 opus/48000/2"}
GREETING = (0.5 * np.sin(np.arange(RATE // 2) * 2 * np.pi * 440 / RATE)).astype(np.float32)


def greet(world: Line, call: str) -> None:
    world.process.order(SayOnCall.of(call, FarEndMessage(1, MessageKind.PLAY, "hello", 0, GREETING)))


def voiced(packets: Sequence[RtpPacket]) -> list[RtpPacket]:
    """Those of PCMU that are no silence."""
    return [each for each in packets if np.abs(g711.decode(each.payload, "mu")).max() > 0.05]


async def finish(world: Line, one: Telephone) -> None:
    one.request("BYE")
    await one.answer("BYE", 200)
    await world.rests()


def test_who_has_not_our_answer_yet_misses_nothing_of_the_first_word() -> None:
    """Sound goes straight, the answer by way of proxies: what came before it their telephone would not play."""

    async def run() -> None:
        async with line() as world, telephone(world.port) as one:
            one.request("INVITE", sdp(one.sound_port, LINES["PCMU"]))
            await world.until(lambda: world.offered)
            world.process.order(TakeLineCall(world.offered[0].id))
            greet(world, world.offered[0].id)
            await one.answer("INVITE", 200)
            await asyncio.sleep(0.3)  # on its way through the proxies
            assert len(one.heard) == 1 and not voiced(one.heard), "what opens the way, and no word"
            assert not world.told(Sent)
            one.ack()
            await world.until(lambda: any(each.samples == len(GREETING) for each in world.told(Played)))
            assert len(voiced(one.heard)) == 25
            await finish(world, one)

    on_loopback(run())


def test_sound_of_theirs_says_that_they_listen_though_the_ack_is_lost() -> None:
    async def run() -> None:
        async with line() as world, telephone(world.port) as one:
            one.request("INVITE", sdp(one.sound_port, LINES["PCMU"]))
            await world.until(lambda: world.offered)
            world.process.order(TakeLineCall(world.offered[0].id))
            greet(world, world.offered[0].id)
            answer = described(await one.answer("INVITE", 200))
            assert answer is not None
            await asyncio.sleep(0.2)
            assert not voiced(one.heard)
            one.say(0, bytes(160), to=answer.media[0].port)
            await one.until(lambda: len(voiced(one.heard)) == 25)
            one.ack()
            await finish(world, one)

    on_loopback(run())


def test_what_sounds_before_the_answer_is_not_held_up_by_it() -> None:
    async def run() -> None:
        async with line() as world, telephone(world.port) as one:
            one.request("INVITE", sdp(one.sound_port, LINES["PCMU"]))
            await world.until(lambda: world.offered)
            world.process.order(Ring(world.offered[0].id, early=True))
            await one.answer("INVITE", 183)
            greet(world, world.offered[0].id)
            await one.until(lambda: len(voiced(one.heard)) > 5)
            world.process.order(TakeLineCall(world.offered[0].id))
            await one.answer("INVITE", 200)
            await one.until(lambda: len(voiced(one.heard)) == 25)
            one.ack()
            await finish(world, one)

    on_loopback(run())


def test_a_telephone_that_rings_for_long_behind_silent_early_media_is_not_taken_for_gone() -> None:
    async def run() -> None:
        async with line(silent_s=20.0) as world, telephone(world.port) as one:
            world.process.order(Dial("ours", f"sip:me@{HOST}:{one.port}"))
            invite = await one.asked("INVITE")
            one.respond(invite, 183, sdp(one.sound_port, LINES["PCMU"]))
            await world.until(lambda: world.told(Ringing))
            await asyncio.sleep(50)
            assert not world.told(LegEnded)
            one.respond(invite, 200, sdp(one.sound_port, LINES["PCMU"]))
            await world.until(lambda: world.told(LegAnswered))
            began = world.process._clock.now()  # pyright: ignore[reportPrivateUsage]
            await world.until(lambda: world.told(LegEnded))
            lasted = world.process._clock.now() - began  # pyright: ignore[reportPrivateUsage]
            assert 20 * SECOND <= lasted <= 22 * SECOND, "from the answer on something must come"
            one.respond(await one.asked("BYE"), 200)
            await world.rests()

    on_loopback(run())


@pytest.mark.parametrize("takes", ["another", "the same", "the same, silently"])
def test_sound_before_the_answer_that_cannot_be_heard_ends_no_call(takes: str) -> None:
    """A telephone of several that ring, or an announcement at a name: what counts is who takes the call."""

    async def run() -> None:
        async with line() as world, telephone(world.port) as one:
            world.process.order(Dial("ours", f"sip:me@{HOST}:{one.port}"))
            invite = await one.asked("INVITE")
            one.respond(invite, 183, sdp(one.sound_port, LINES["PCMU"], host="media.example.org"))
            await world.until(lambda: world.told(Ringing))
            await asyncio.sleep(5)
            assert not world.told(LegEnded)
            one.local = "other" if takes == "another" else one.local
            one.respond(invite, 200, "" if "silently" in takes else sdp(one.sound_port, LINES["PCMU"]))
            if "silently" in takes:  # then what was said before it is the answer
                await world.until(lambda: world.told(LegEnded))
                assert "at a name" in world.told(LegEnded)[0].reason
            else:
                await world.until(lambda: world.told(LegAnswered))
                world.process.order(HangUpCall("ours"))
            one.respond(await one.asked("BYE"), 200)
            await world.rests()

    on_loopback(run())


@pytest.mark.parametrize("spoken", ["PCMA", "G722", "opus"])
def test_whoever_answers_us_with_several_formats_is_heard_in_each(spoken: str) -> None:
    """RFC 3264, section 7: any of those that an answer has may come. Theirs first is PCMA; they speak another."""
    form = next(form for form in FORMATS if form.name == spoken)
    encoder = form.encoder(20)

    async def run() -> None:
        async with line(ALL) as world, telephone(world.port) as one:
            world.process.order(Dial("ours", f"sip:me@{HOST}:{one.port}"))
            invite = await one.asked("INVITE")
            offered = described(invite)
            assert offered is not None
            number = next(each.payload_type for each in offered.media[0].formats if each.name == spoken)
            body = sdp(
                one.sound_port, LINES["PCMA"], LINES["G722"], f"{number if spoken == 'opus' else 96} opus/48000/2"
            )
            one.respond(invite, 200, body)
            await world.until(lambda: world.told(LegAnswered))
            assert world.told(LegAnswered)[0].codec == "PCMA/8000", "the first of theirs is what we speak"
            wave = (0.5 * np.sin(np.arange(50 * form.packet) * 2 * np.pi * 440 / form.rate)).astype(np.float32)
            for at in range(0, len(wave), form.packet):
                payload = encoder.encode(wave[at : at + form.packet])
                one.say(number, payload, ticks=form.ticks, to=offered.media[0].port)
                await asyncio.sleep(0.02)
            blocks = [each.samples for each in world.reports if isinstance(each, CallHeard)]
            assert sum(map(len, blocks)) >= 50 * 320 - 900
            assert np.sqrt(np.mean(np.concatenate(blocks)[1600:] ** 2)) > 0.25
            world.process.order(HangUpCall("ours"))
            one.respond(await one.asked("BYE"), 200)
            await world.rests()

    on_loopback(run())


def test_keys_beside_opus_that_count_by_8000_hertz() -> None:
    """baresip, and Asterisk before 2024, offer no others: 0 for a human must be heard, and Opus may stay."""

    async def run() -> None:
        async with line(ALL) as world, telephone(world.port) as one:
            one.request("INVITE", sdp(one.sound_port, LINES["opus"], LINES["PCMU"], EVENTS))
            await world.until(lambda: world.offered)
            world.process.order(TakeLineCall(world.offered[0].id))
            answer = described(await one.answer("INVITE", 200))
            one.ack()
            assert answer is not None
            told = [(each.payload_type, each.name, each.clock) for each in answer.media[0].formats]
            assert told == [(111, "opus", 48_000), (101, "telephone-event", 8000)]
            to, quiet = answer.media[0].port, FORMATS[0].encoder(20).encode(np.zeros(960, np.float32))
            for _ in range(10):
                one.say(111, quiet, ticks=960, to=to)
            for key in "0#":
                stamp = one.stamp + 960
                for packet in press(key):
                    one.stamp = stamp
                    one.say(101, packet.payload, ticks=0, to=to, marker=packet.marker)
                    await asyncio.sleep(0.02)
                for _ in range(10):
                    one.say(111, quiet, ticks=960, to=to)
                    await asyncio.sleep(0.02)
            await world.until(lambda: len(world.told(Digit)) == 2)
            assert world.told(Digit) == [Digit("0", 100), Digit("#", 100)]
            world.process.order(Press(world.offered[0].id, "5"))
            await one.until(lambda: [each.payload_type for each in one.heard].count(101) == 7)
            keyed = [each for each in one.heard if each.payload_type == 101]
            assert {each.timestamp for each in keyed} == {keyed[0].timestamp}
            assert int.from_bytes(keyed[-1].payload[2:], "big") == 800, "100 ms, by their clock"
            await finish(world, one)

    on_loopback(run())


class _Records:
    """A zone: how it is reached, and its servers."""

    def __init__(self, port: int, *pointers: Pointer, service: str) -> None:
        self.port, self.told, self.service = port, pointers, service
        self.asked = asyncio.Event()

    async def pointers(self, name: str) -> tuple[Sequence[Pointer], float]:
        self.asked.set()
        await asyncio.sleep(1)
        if not self.told:
            raise LookupError(name)
        return self.told, 60

    async def servers(self, name: str) -> tuple[Sequence[Server], float]:
        if name != f"{self.service}.office.example.org":
            raise LookupError(name)
        return (Server(0, 0, HOST, self.port),), 60

    async def addresses(self, name: str) -> tuple[Sequence[str], float]:
        raise LookupError(name)


POINTERS = (
    Pointer(10, 1, "SIP+D2T", "_sip._tcp.office.example.org"),
    Pointer(20, 1, "SIP+D2U", "_sip._udp.office.example.org"),
)


@pytest.mark.parametrize("pointers", [POINTERS, ()], ids=["NAPTR", "SRV"])
def test_a_name_is_called_by_what_its_domain_is_reached_by(pointers: tuple[Pointer, ...]) -> None:
    async def run() -> None:
        came: list[bytes] = []
        arrived = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            came.append(await reader.readuntil(b"\r\n\r\n"))
            arrived.set()
            writer.close()

        async with line() as world:
            served = await asyncio.start_server(serve, HOST, 0)
            records = _Records(served.sockets[0].getsockname()[1], *pointers, service="_sip._tcp")
            names = Names(LoopClock(), records)
            world.process._transport.names = names  # pyright: ignore[reportPrivateUsage]
            world.process.order(Dial("ours", "sip:17@office.example.org"))
            await asyncio.wait_for(arrived.wait(), 20)
            assert came[0].startswith(b"INVITE sip:17@office.example.org SIP/2.0\r\n") and b"SIP/2.0/TCP" in came[0]
            served.close()
            world.process.order(HangUpCall("ours", "enough"))
            await world.until(lambda: world.told(LegEnded))

    on_loopback(run())


def test_whom_we_call_behind_a_nat_is_heard_from_where_its_signalling_comes() -> None:
    async def run() -> None:
        async with line() as world, telephone(world.port) as one:
            world.process.order(Dial("call", f"sip:bob@{HOST}:{one.port}"))
            invite = await one.asked("INVITE")
            offered = described(invite)
            assert offered is not None
            one.respond(invite, 200, sdp(one.sound_port, LINES["PCMU"], host="192.0.2.77"))  # as it knows itself
            await world.until(lambda: world.told(LegAnswered))
            for _ in range(5):
                one.say(0, g711.encode(GREETING[:160], "mu"), to=offered.media[0].port)
                await asyncio.sleep(0.02)
            await world.until(lambda: any(isinstance(each, CallHeard) for each in world.reports))
            await world.until(lambda: one.heard)
            world.process.order(HangUpCall("call", "over"))
            one.respond(await one.asked("BYE"), 200)
            await world.rests()

    on_loopback(run())


def test_a_call_to_a_name_that_is_still_looked_up_can_be_hung_up() -> None:
    async def run() -> None:
        async with line() as world, telephone(world.port) as one:
            records = _Records(one.port, service="_sip._udp")
            world.process._transport.names = Names(LoopClock(), records)  # pyright: ignore[reportPrivateUsage]
            world.process.order(Dial("ours", "sip:17@office.example.org"))
            await records.asked.wait()
            world.process.order(HangUpCall("ours", "they changed their mind"))
            await world.rests()
            (end,) = world.told(LegEnded)
            assert end == LegEnded("they changed their mind", ours=True, status=487) and not one.got

    on_loopback(run())


def test_a_key_that_a_telephone_tells_both_ways_is_pressed_once() -> None:
    """Many can be set to RFC 4733 and INFO at once: a menu said the same twice, and a code had each digit doubled."""

    async def run() -> None:
        async with line() as world, telephone(world.port) as one:
            one.request("INVITE", sdp(one.sound_port, LINES["PCMU"], EVENTS))
            await world.until(lambda: world.offered)
            world.process.order(TakeLineCall(world.offered[0].id))
            answer = described(await one.answer("INVITE", 200))
            assert answer is not None
            one.ack()
            for number, ways in enumerate(("both", "both", "info", "rtp", "rtp")):
                if ways != "rtp":
                    one.request("INFO", "5", kind="application/dtmf")
                    await one.answer("INFO", 200, number=one.number)
                if ways != "info":
                    for each in press("5"):
                        packet = RtpPacket(101, one.sequence, 9000 + 4000 * number, 5, each.payload, each.marker)
                        one.sequence += 1
                        one.sound.sendto(packet.encode(), (HOST, answer.media[0].port))
                await asyncio.sleep(3)
            assert [each.key for each in world.told(Digit)] == ["5"] * 5
            await finish(world, one)

    on_loopback(run())
