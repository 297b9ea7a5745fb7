"""What far ends may send and few do: packets of any length, all kinds of pauses, another source, keys by any number."""

from __future__ import annotations

import asyncio
from typing import Any

import av
import numpy as np
import pytest
from line_world import Line, Telephone, line, on_loopback, sdp, telephone

from duologue.audio.pcm import Samples
from duologue.phone.leg import Digit, LegAnswered
from duologue.phone.line.messages import CallHeard, TakeLineCall
from duologue.phone.media.codecs import FORMATS, G722, OPUS, PCMU, Format
from duologue.phone.media.telephone_events import press
from duologue.phone.sip.agent import described

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute
EAR = 16_000
LINES = {"PCMU": "0 PCMU/8000", "G722": "9 G722/8000", "opus": "111 opus/48000/2"}
KINDS = {"PCMU": 0, "G722": 9, "opus": 111}


def hum(form: Format, seconds: float) -> Samples:
    return (0.5 * np.sin(np.arange(round(seconds * form.rate)) * 2 * np.pi * 440 / form.rate)).astype(np.float32)


def packets(form: Format, seconds: float, ms: int) -> list[bytes]:
    """A tone in packets of so many ms."""
    sound = hum(form, seconds)
    if form is OPUS:
        codec: Any = av.CodecContext.create("libopus", "w")
        codec.sample_rate, codec.layout, codec.format = form.rate, "mono", "s16"
        codec.options = {"application": "voip", "frame_duration": str(ms)}
        frame = av.AudioFrame.from_ndarray((sound * 32767).astype(np.int16)[None, :], format="s16", layout="mono")
        frame.sample_rate = form.rate
        return [bytes(each) for each in codec.encode(frame)]
    encoder = form.encoder(20)
    whole = b"".join(encoder.encode(sound[at : at + form.packet]) for at in range(0, len(sound), form.packet))
    return [whole[at : at + 8 * ms] for at in range(0, len(whole), 8 * ms)]


async def call(world: Line, one: Telephone, *formats: str) -> int:
    """It stands; where sound goes."""
    one.request("INVITE", sdp(one.sound_port, *formats))
    await world.until(lambda: world.offered)
    world.process.order(TakeLineCall(world.offered[0].id))
    answer = described(await one.answer("INVITE", 200))
    one.ack()
    await world.until(lambda: world.told(LegAnswered))
    assert answer is not None
    return answer.media[0].port


async def speak(one: Telephone, form: Format, to: int, seconds: float, ms: int = 20, source: int = 5) -> None:
    ticks = form.clock * ms // 1000
    for payload in packets(form, seconds, ms):
        one.say(KINDS[form.name], payload, ticks=ticks, to=to, source=source)
        await asyncio.sleep(ms / 1000)


def loud(world: Line) -> list[tuple[float, float]]:
    """From when to when something was heard (s), to 50 ms."""
    blocks = [each for each in world.reports if isinstance(each, CallHeard)]
    laid = np.zeros(max(each.at + len(each.samples) for each in blocks), np.float32)
    for each in blocks:
        laid[each.at : each.at + len(each.samples)] = each.samples
    hop = EAR // 20
    on = [float(np.abs(laid[at : at + hop]).max()) > 0.2 for at in range(0, len(laid), hop)]
    edges = [number for number, (a, b) in enumerate(zip([False, *on], [*on, False], strict=True)) if a != b]
    return [(begin / 20, end / 20) for begin, end in zip(edges[::2], edges[1::2], strict=True)]


async def finish(world: Line, one: Telephone) -> None:
    one.request("BYE")
    await one.answer("BYE", 200)
    await world.rests()


@pytest.mark.parametrize(
    ("form", "ms"), [(PCMU, 10), (PCMU, 30), (PCMU, 60), (PCMU, 120), (G722, 10), (G722, 30), (OPUS, 10), (OPUS, 60)]
)
def test_packets_of_any_length_are_heard_whole(form: Format, ms: int) -> None:
    async def run() -> None:
        async with line([each.name for each in FORMATS]) as world, telephone(world.port) as one:
            to = await call(world, one, LINES[form.name])
            await speak(one, form, to, 1.2, ms)
            await asyncio.sleep(0.5)
            assert loud(world) == [(0.0, pytest.approx(1.2, abs=0.06))]
            await finish(world, one)

    on_loopback(run())


@pytest.mark.parametrize("pause", [0.4, 3.0, 40.0])
@pytest.mark.parametrize("noise", [False, True])
def test_who_sends_nothing_in_silence_keeps_its_place(pause: float, noise: bool) -> None:
    """Its clock goes on, its numbers do not; with comfort noise (RFC 3389) now and then, or without."""

    async def run() -> None:
        async with line(("PCMU",)) as world, telephone(world.port) as one:
            to = await call(world, one, LINES["PCMU"])
            await speak(one, PCMU, to, 1.0)
            before = one.stamp
            for number in range(round(pause / 0.2)):
                if noise:
                    one.stamp = before + number * 1600
                    one.say(13, bytes([70]), to=to)
                await asyncio.sleep(0.2)
            one.stamp = before + round(pause * 8000)
            await speak(one, PCMU, to, 1.0)
            await asyncio.sleep(0.5)
            first, second = loud(world)
            assert first == (0.0, pytest.approx(1.0, abs=0.06))
            assert second == (pytest.approx(1 + pause, abs=0.06), pytest.approx(2 + pause, abs=0.06))
            await finish(world, one)

    on_loopback(run())


def test_another_source_in_mid_call_is_heard_from_its_first_packet() -> None:
    """A PBX that connects its caller to somebody else, or music: other numbers, another clock, under no new offer."""

    async def run() -> None:
        async with line(("PCMU",)) as world, telephone(world.port) as one:
            to = await call(world, one, LINES["PCMU"])
            for source in (5, 6, 7):
                one.sequence, one.stamp = source * 12_345 & 0xFFFF, source * 987_654_321 & 0xFFFFFFFF
                await speak(one, PCMU, to, 1.0, source=source)
            await asyncio.sleep(0.5)
            assert loud(world) == [(0.0, pytest.approx(3.0, abs=0.1))]
            await finish(world, one)

    on_loopback(run())


@pytest.mark.parametrize("kind", [96, 101, 127])
@pytest.mark.parametrize(("form", "clock"), [(PCMU, 8000), (G722, 8000), (G722, 16_000), (OPUS, 48_000), (OPUS, 8000)])
def test_keys_are_told_once_under_any_number_and_clock(kind: int, form: Format, clock: int) -> None:
    """RFC 4733: on the clock of the sound; G.722's is of 8000 Hz (RFC 3551, 4.5.2), and some say 16000."""

    async def run() -> None:
        async with line([each.name for each in FORMATS]) as world, telephone(world.port) as one:
            to = await call(world, one, LINES[form.name], f"{kind} telephone-event/{clock}")
            await speak(one, form, to, 0.4)
            begun = one.stamp
            for packet in press("7#", clock):
                one.stamp = begun + packet.timestamp * form.clock // clock - 160
                one.say(kind, packet.payload, to=to, marker=packet.marker)
                await asyncio.sleep(0.02)
            one.stamp = begun + form.clock // 2
            await speak(one, form, to, 0.4)
            await asyncio.sleep(0.5)
            assert world.told(Digit) == [Digit("7", 100), Digit("#", 100)]
            assert len(loud(world)) == 2
            await finish(world, one)

    on_loopback(run())
