"""A call that changes while it stands, through the line process: what is said goes on, and nobody's word is clipped."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from line_world import HOST, Line, Telephone, line, on_loopback, sdp, telephone

from duologue.audio import g711
from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.audio.pcm import RATE, Samples
from duologue.phone.leg import CodecChanged, Held, LegAnswered, LegEnded, Played, Stopped
from duologue.phone.line.messages import Able, CallHeard, Ring, SayOnCall, TakeLineCall
from duologue.phone.media.codecs import FORMATS, PCMA, PCMU, Format
from duologue.phone.media.rtp import RtpPacket
from duologue.phone.media.sdp import Description, Direction
from duologue.phone.media.srtp import Protection
from duologue.phone.sip.agent import described

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

ALL = tuple(form.name for form in FORMATS)
LINES = {"PCMU": "0 PCMU/8000", "PCMA": "8 PCMA/8000", "G722": "9 G722/8000", "opus": "111 opus/48000/2"}
EVENTS = "101 telephone-event/8000"
TWO_SECONDS = (0.5 * np.sin(np.arange(2 * RATE) * 2 * np.pi * 440 / RATE)).astype(np.float32)


def tone(form: Format, count: int = 1) -> list[bytes]:
    """Packets of the same, as a telephone has them."""
    encoder = form.encoder(20)
    wave = (0.5 * np.sin(np.arange(count * form.packet) * 2 * np.pi * 440 / form.rate)).astype(np.float32)
    return [encoder.encode(wave[at : at + form.packet]) for at in range(0, len(wave), form.packet)]


async def call(world: Line, one: Telephone, *formats: str, more: str = "", protocol: str = "RTP/AVP") -> Description:
    """It stands; our description."""
    one.request("INVITE", sdp(one.sound_port, *formats, more=more, protocol=protocol))
    await world.until(lambda: world.offered)
    world.process.order(TakeLineCall(world.offered[0].id))
    answer = described(await one.answer("INVITE", 200))
    one.ack()
    await world.until(lambda: world.told(LegAnswered))
    assert answer is not None
    return answer


def say(world: Line, samples: Samples = TWO_SECONDS, name: str = "u") -> None:
    message = FarEndMessage(1, MessageKind.PLAY, name, 0, samples)
    world.process.order(SayOnCall.of(world.offered[0].id, message))


async def change(one: Telephone, how: str, body: str) -> Description:
    """By a re-INVITE or an UPDATE; the answer."""
    one.request(how, body)
    response = await one.answer(how, number=one.number)
    assert response.code == 200, response
    if how == "INVITE":
        one.ack()
    answer = described(response)
    assert answer is not None
    return answer


async def finish(world: Line, one: Telephone) -> None:
    one.request("BYE")
    await one.answer("BYE", 200)
    await world.rests()


def heard(world: Line) -> Samples:
    """All that main was given, laid where it belongs."""
    blocks = [each for each in world.reports if isinstance(each, CallHeard)]
    end = max((each.at + len(each.samples) for each in blocks), default=0)
    laid = np.zeros(end, np.float32)
    for each in blocks:
        laid[each.at : each.at + len(each.samples)] = each.samples
    return laid


@pytest.mark.parametrize("how", ["INVITE", "UPDATE"])
@pytest.mark.parametrize(("before", "after"), [("PCMU", "PCMA"), ("PCMU", "G722"), ("G722", "PCMU"), ("PCMA", "opus"),
    ("opus", "PCMU")])  # fmt: skip
def test_another_codec_while_a_reply_is_on_its_way(how: str, before: str, after: str) -> None:
    forms = {form.name: form for form in FORMATS}

    async def run() -> None:
        async with line(ALL) as world, telephone(world.port) as one:
            await call(world, one, LINES[before], EVENTS)
            say(world)
            await one.until(lambda: len(one.heard) > 40)
            answer = await change(one, how, sdp(one.sound_port, LINES[after], EVENTS, version=2))
            assert [each.name for each in answer.media[0].formats if not each.is_event] == [after]
            assert answer.version == 2, "one more than before"
            await world.until(lambda: any(each.samples == len(TWO_SECONDS) for each in world.told(Played)))
            assert world.told(CodecChanged)[0].codec.startswith(after) and not world.told(Stopped)
            kinds = [int(LINES[name].split()[0]) for name in (before, after)]
            voiced = [packet for packet in one.heard if packet.payload_type in kinds]
            order = [packet.payload_type for packet in voiced]
            assert order == sorted(order, key=kinds.index), "first the one, then the other"
            seconds = sum(forms[name].duration(packet.payload) / forms[name].clock
                          for packet in voiced for name in (before, after)
                          if packet.payload_type == int(LINES[name].split()[0]))  # fmt: skip
            assert 2.0 <= seconds <= 2.06, "every packet of two seconds, and what opened the way"
            await finish(world, one)

    on_loopback(run())


@pytest.mark.parametrize(("before", "after"), [("PCMU", "G722"), ("PCMU", "opus"), ("opus", "PCMA")])
def test_what_the_caller_says_meanwhile_is_heard_whole(before: str, after: str) -> None:
    forms = {form.name: form for form in FORMATS}

    async def run() -> None:
        async with line(ALL) as world, telephone(world.port) as one:
            answer = await call(world, one, LINES[before], EVENTS)
            to = answer.media[0].port
            first, second = tone(forms[before], 50), tone(forms[after], 50)
            kind, form = int(LINES[before].split()[0]), forms[before]
            for number in range(100):
                if number == 45:  # it is agreed upon, and five packets are under way
                    await change(one, "INVITE", sdp(one.sound_port, LINES[after], EVENTS, version=2))
                if number == 50:
                    kind, form = int(LINES[after].split()[0]), forms[after]
                one.say(kind, (first + second)[number], ticks=form.ticks, to=to, source=5 + (number >= 50))
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.5)
            whole = heard(world)
            level = [float(np.sqrt(np.mean(whole[at : at + 800] ** 2))) for at in range(1600, len(whole) - 1600, 800)]
            assert sum(each > 0.2 for each in level) * 0.05 >= 1.7, level
            assert len(whole) >= 2 * 16_000 - 1600
            await finish(world, one)

    on_loopback(run())


@pytest.mark.parametrize("how", ["INVITE", "UPDATE"])
def test_an_offer_that_shares_nothing_leaves_the_call_as_it_was(how: str) -> None:
    async def run() -> None:
        async with line(("PCMU",)) as world, telephone(world.port) as one:
            await call(world, one, LINES["PCMU"], EVENTS)
            say(world)
            await one.until(lambda: len(one.heard) > 20)
            one.request(how, sdp(one.sound_port, "18 G729/8000", version=2))
            assert (await one.answer(how, number=one.number)).code == 488
            if how == "INVITE":
                one.request("ACK", number=one.number, branch=one.invite)
            await world.until(lambda: any(each.samples == len(TWO_SECONDS) for each in world.told(Played)))
            assert {packet.payload_type for packet in one.heard} == {0}
            answer = await change(one, how, sdp(one.sound_port, LINES["PCMU"], EVENTS, version=3))
            assert answer.version == 2, "nothing was said of the one that was refused"
            await finish(world, one)

    on_loopback(run())


@pytest.mark.parametrize("how", ["INVITE", "UPDATE"])
def test_the_other_end_moves_in_the_middle_of_a_word(how: str) -> None:
    async def run() -> None:
        async with line(("PCMU",)) as world, telephone(world.port) as one, telephone(world.port) as other:
            answer = await call(world, one, LINES["PCMU"])
            to = answer.media[0].port
            payloads = tone(PCMU, 60)
            for number in range(20):
                one.say(0, payloads[number], to=to)
                await asyncio.sleep(0.02)
            say(world)
            await asyncio.sleep(0.5)
            await change(one, how, sdp(other.sound_port, LINES["PCMU"], version=2))
            other.sequence, other.stamp = one.sequence + 5, one.stamp + 5 * 160
            for number in range(20, 25):  # on their way from where it was
                one.say(0, payloads[number], to=to)
                await asyncio.sleep(0.02)
            for number in range(25, 60):
                other.say(0, payloads[number], to=to)
                await asyncio.sleep(0.02)
            await world.until(lambda: any(each.samples == len(TWO_SECONDS) for each in world.told(Played)))
            assert 100 <= len(one.heard) + len(other.heard) <= 103 and len(one.heard) <= 30
            assert sum(len(each.samples) for each in world.reports if isinstance(each, CallHeard)) >= 60 * 320 - 640
            await finish(world, one)

    on_loopback(run())


def test_an_encrypted_call_gets_new_keys_and_loses_nothing() -> None:
    keys = [f"AES_CM_128_HMAC_SHA1_80 inline:{'ABCDEFGH'[number] * 40}" for number in range(2)]

    async def run() -> None:
        async with line(("PCMU",)) as world, telephone(world.port) as one:
            offers = [sdp(one.sound_port, LINES["PCMU"], more=f"a=crypto:1 {key}", protocol="RTP/SAVP", version=version)
                      for version, key in enumerate(keys, 1)]  # fmt: skip
            one.request("INVITE", offers[0])
            await world.until(lambda: world.offered)
            world.process.order(TakeLineCall(world.offered[0].id))
            first = described(await one.answer("INVITE", 200))
            one.ack()
            assert first is not None
            theirs = [Description.parse(each).media[0].cryptos[0] for each in offers]
            spoken = Protection(theirs[0], first.media[0].cryptos[0])
            await asyncio.sleep(0.1)
            payloads, to = tone(PCMU, 60), first.media[0].port

            def packet(number: int, keyed: Protection) -> None:
                raw = RtpPacket(0, number, number * 160, 5, payloads[number]).encode()
                one.sound.sendto(keyed.protect(raw, control=False), (HOST, to))

            for number in range(20):
                packet(number, spoken)
                await asyncio.sleep(0.02)
            second = await change(one, "INVITE", offers[1])
            assert second.media[0].cryptos[0].key != first.media[0].cryptos[0].key
            for number in range(20, 25):  # under way with the key of before
                packet(number, spoken)
                await asyncio.sleep(0.02)
            again = Protection(theirs[1], second.media[0].cryptos[0])
            for number in range(25, 60):
                packet(number, again)
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.3)
            assert sum(len(each.samples) for each in world.reports if isinstance(each, CallHeard)) >= 60 * 320 - 640
            # and asked for our offer, it is the session as it is: encrypted, with the key that we have
            one.request("INVITE")
            offer = described(await one.answer("INVITE", 200, one.number))
            assert offer is not None and offer.media[0].protocol == "RTP/SAVP"
            assert offer.media[0].cryptos == second.media[0].cryptos
            one.ack(offers[1])
            await finish(world, one)

    on_loopback(run())


def test_asked_for_our_offer_in_mid_call_it_is_the_session_as_it_is() -> None:
    async def run() -> None:
        async with line(ALL) as world, telephone(world.port) as one:
            await call(world, one, "107 opus/48000/2", "0 PCMU/8000", "108 telephone-event/48000")
            say(world)
            one.request("INVITE")
            response = await one.answer("INVITE", 200, one.number)
            offer = described(response)
            assert offer is not None and offer.version == 2
            numbers = {each.name: each.payload_type for each in offer.media[0].formats if not each.is_event}
            assert next(iter(numbers)) == "opus" and numbers["opus"] == 107, "what stands comes first, as it is"
            assert set(numbers) == set(ALL) and len(offer.media[0].formats) == len(
                {each.payload_type for each in offer.media[0].formats}
            )
            one.ack(sdp(one.sound_port, LINES["PCMA"], version=2))
            await world.until(lambda: any(each.samples == len(TWO_SECONDS) for each in world.told(Played)))
            assert world.told(CodecChanged)[-1].codec == "PCMA/8000" and one.heard[-1].payload_type == 8
            await finish(world, one)

    on_loopback(run())


def test_two_changes_that_meet_are_both_put_off() -> None:
    """Section 14.1: our refresh is under way when theirs comes."""

    async def run() -> None:
        async with line(("PCMU",)) as world, telephone(world.port) as one:
            one.request("INVITE", sdp(one.sound_port, LINES["PCMU"]), "Session-Expires: 90;refresher=uas")
            await world.until(lambda: world.offered)
            world.process.order(TakeLineCall(world.offered[0].id))
            await one.answer("INVITE", 200)
            one.ack()
            ours = await one.asked("INVITE")
            one.request("UPDATE", sdp(one.sound_port, LINES["PCMU"], direction="sendonly", version=2))
            assert (await one.answer("UPDATE")).code == 491
            one.request("INVITE", sdp(one.sound_port, LINES["PCMU"], direction="sendonly", version=2))
            assert (await one.answer("INVITE", number=one.number)).code == 491
            one.request("ACK", number=one.number, branch=one.invite)
            one.respond(ours, 491)
            await one.until(lambda: len({each.cseq.sequence for each in one.asks("INVITE")}) == 2)
            again = one.asks("INVITE")[-1]
            moved = sdp(one.sound_port, LINES["PCMU"], direction="inactive", version=3)
            one.respond(again, 200, moved, ("Session-Expires", "90;refresher=uac"))
            await world.until(lambda: world.told(Held) == [Held(True)])  # what its answer says counts, too
            await change(one, "INVITE", sdp(one.sound_port, LINES["PCMU"], version=4))
            await world.until(lambda: world.told(Held) == [Held(True), Held(False)])
            assert not world.told(LegEnded)
            await finish(world, one)

    on_loopback(run())


def test_a_change_that_overtakes_the_ack_is_answered() -> None:
    async def run() -> None:
        async with line(("PCMU",)) as world, telephone(world.port) as one:
            one.request("INVITE", sdp(one.sound_port, LINES["PCMU"]))
            await world.until(lambda: world.offered)
            world.process.order(TakeLineCall(world.offered[0].id))
            await one.answer("INVITE", 200)
            first = one.number
            answer = await change(one, "INVITE", sdp(one.sound_port, LINES["PCMU"], direction="sendonly", version=2))
            assert answer.media[0].direction is Direction.RECVONLY
            one.ack(number=first)
            await world.until(lambda: world.told(Held) == [Held(True)])
            await finish(world, one)

    on_loopback(run())


HOLDS = {
    "sendonly": {"direction": "sendonly"},
    "inactive": {"direction": "inactive"},
    "0.0.0.0": {"host": "0.0.0.0"},
    "0.0.0.0 and sendonly": {"host": "0.0.0.0", "direction": "sendonly"},
}


@pytest.mark.parametrize("how", ["INVITE", "UPDATE"])
@pytest.mark.parametrize("hold", HOLDS)
def test_every_kind_of_hold_stops_us_and_its_music_is_nobody(how: str, hold: str) -> None:
    async def run() -> None:
        async with line(("PCMU", "PCMA")) as world, telephone(world.port) as one:
            answer = await call(world, one, LINES["PCMU"], EVENTS)
            to, payloads = answer.media[0].port, tone(PCMA, 50)
            say(world)
            await one.until(lambda: len(one.heard) > 20)
            await change(one, how, sdp(one.sound_port, LINES["PCMU"], EVENTS, version=2, **HOLDS[hold]))
            await world.until(lambda: world.told(Held) == [Held(True)])
            await asyncio.sleep(0.05)
            before, known = len(one.heard), len([each for each in world.reports if isinstance(each, CallHeard)])
            for payload in payloads:
                one.say(0, g711.encode(g711.decode(payload, "a"), "mu"), to=to)
                await asyncio.sleep(0.02)
            assert len(one.heard) == before
            assert len([each for each in world.reports if isinstance(each, CallHeard)]) == known, "music is no speech"
            await change(one, how, sdp(one.sound_port, LINES["PCMU"], EVENTS, version=3))
            await world.until(lambda: world.told(Held) == [Held(True), Held(False)])
            await world.until(lambda: any(each.samples == len(TWO_SECONDS) for each in world.told(Played)))
            one.say(0, payloads[0], to=to)
            await asyncio.sleep(0.1)
            assert len([each for each in world.reports if isinstance(each, CallHeard)]) == known + 1
            assert 100 <= len(one.heard) <= 106, "nothing is lost, and nothing twice"
            await finish(world, one)

    on_loopback(run())


def test_keys_may_come_and_go_with_a_change() -> None:
    async def run() -> None:
        async with line(("PCMU",)) as world, telephone(world.port) as one:
            await call(world, one, LINES["PCMU"], EVENTS)
            await change(one, "INVITE", sdp(one.sound_port, LINES["PCMU"], version=2))
            able = [each.keys for each in world.reports if isinstance(each, Able)]
            assert able[0] and not able[-1]
            await finish(world, one)

    on_loopback(run())


def test_a_sign_of_life_by_update_is_answered_with_the_timer() -> None:
    async def run() -> None:
        async with line(("PCMU",)) as world, telephone(world.port) as one:
            await call(world, one, LINES["PCMU"])
            one.request("UPDATE", "", "Session-Expires: 120;refresher=uac")
            response = await one.answer("UPDATE", 200)
            assert response.headers["Session-Expires"] == "120;refresher=uac" and not response.body
            assert "UPDATE" in response.headers["Allow"]
            one.request("UPDATE", "", "Session-Expires: 10;refresher=uac")
            assert (await one.answer("UPDATE", number=one.number)).code == 422
            await asyncio.sleep(75)
            one.request("UPDATE", "", "Session-Expires: 120;refresher=uac")
            assert (await one.answer("UPDATE", number=one.number)).code == 200
            assert not world.told(LegEnded)
            await finish(world, one)

    on_loopback(run())


def test_an_update_before_the_answer() -> None:
    """Without an offer it is answered; with one it is put off: ours to the first is still to come (RFC 3311, 5.2)."""

    async def run() -> None:
        async with line(("PCMU",)) as world, telephone(world.port) as one:
            one.request("INVITE", sdp(one.sound_port, LINES["PCMU"]))
            number = one.number
            await world.until(lambda: world.offered)
            world.process.order(Ring(world.offered[0].id))
            await one.answer("INVITE", 180)
            one.request("UPDATE")
            assert (await one.answer("UPDATE", number=one.number)).code == 200
            one.request("UPDATE", sdp(one.sound_port, LINES["PCMU"], version=2))
            refused = await one.answer("UPDATE", number=one.number)
            assert refused.code == 500 and refused.headers.get("Retry-After")
            world.process.order(TakeLineCall(world.offered[0].id))
            await one.answer("INVITE", 200, number)
            one.ack(number=number)
            await finish(world, one)

    on_loopback(run())


def test_longer_packets_while_a_reply_is_on_its_way() -> None:
    async def run() -> None:
        async with line(("PCMU",)) as world, telephone(world.port) as one:
            await call(world, one, LINES["PCMU"])
            say(world)
            await one.until(lambda: len(one.heard) > 40)
            await change(one, "INVITE", sdp(one.sound_port, LINES["PCMU"], more="a=ptime:40", version=2))
            await world.until(lambda: any(each.samples == len(TWO_SECONDS) for each in world.told(Played)))
            lengths = [len(packet.payload) for packet in one.heard]
            assert lengths == sorted(lengths) and set(lengths) == {160, 320}
            assert 2 * 8000 <= sum(lengths) <= 2 * 8000 + 640
            await finish(world, one)

    on_loopback(run())
