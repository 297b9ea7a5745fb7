"""A call judged from outside: dumpcap writes down what goes over the wire, tshark takes it apart."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.audio.pcm import RATE
from duologue.clock import SYSTEM_CLOCK
from duologue.phone.leg import LegAnswered, LegEnded, Played
from peers.line_main import answers, line, tone
from peers.sip_line import HOST
from peers.telephone import telephone
from peers.wire import Capture, Rtp, captured

pytestmark = [pytest.mark.peer, pytest.mark.realtime]
DIGITS = "42#"
SPOKEN_MS = (1000, 600)


async def _call(folder: Path, target: Capture) -> None:
    """Call a telephone, say something twice, with a pause between, press keys, and hang up."""
    async with telephone(folder / "telephone", f"<sip:17@{HOST}>;regint=0;answermode=auto") as phone:
        async with line(answers, formats=("PCMU",)) as main, asyncio.TaskGroup() as group:
            target.ports = (main.port, phone.port)
            leg = await main.client.dial(f"sip:17@{HOST}:{phone.port}")
            group.create_task(main.take(leg))
            await main.until(lambda: main.events(LegAnswered))
            for number, milliseconds in enumerate(SPOKEN_MS):
                name = f"said-{number}"
                await leg.write(FarEndMessage(number + 1, MessageKind.PLAY, name, 0, tone(milliseconds)))
                whole = RATE * milliseconds // 1000
                await main.until(lambda name=name, whole=whole: any(
                    one.id == name and one.samples == whole for one in main.events(Played)
                ))  # fmt: skip
                await SYSTEM_CLOCK.wait_until(SYSTEM_CLOCK.now() + 200_000_000)  # a pause, as people make them
            await leg.digits(DIGITS)
            await phone.until("CALL_DTMF_END", len(DIGITS))
            await SYSTEM_CLOCK.wait_until(SYSTEM_CLOCK.now() + 100_000_000)  # an end is told three times, 20 ms apart
            await leg.hang_up("done")
            await main.until(lambda: main.events(LegEnded))
        assert [one["param"] for one in phone.of("CALL_DTMF_START")] == list(DIGITS)


def _spurts(packets: list[Rtp]) -> list[list[Rtp]]:
    """Speech, from one marker to the next."""
    found: list[list[Rtp]] = []
    for packet in packets:
        if packet.marker or not found:
            found.append([])
        found[-1].append(packet)
    return found


async def test_a_call_on_the_wire_is_as_it_should_be(tmp_path: Path) -> None:
    capture = Capture(tmp_path / "call.pcapng", ())
    async with captured(capture.file):
        await _call(tmp_path, capture)
    ours, theirs = capture.ports
    messages = [(port == ours, what) for port, what, _ in await capture.sip()]
    assert [what for own, what in messages if own] == ["INVITE", "ACK", "BYE"]
    assert [what for own, what in messages if not own and what >= "2"] == ["200", "200"]
    described = dict(await capture.media_ports())
    assert set(described) == {ours, theirs}
    packets = await capture.rtp(described[ours])
    assert len({packet.ssrc for packet in packets}) == 1
    numbers = [packet.number for packet in packets]
    assert [(after - before) % 65536 for before, after in pairwise(numbers)] == [1] * (len(numbers) - 1)
    sound = [packet for packet in packets if packet.event is None]
    pressed = [packet for packet in packets if packet.event is not None]
    assert {packet.kind for packet in sound} == {0}
    assert len({packet.kind for packet in pressed}) == 1 and all(packet.kind >= 96 for packet in pressed)
    _judge_sound(sound)
    _judge_digits(pressed)
    assert not await capture.faults([described[ours], described[ours] + 1])


def _judge_sound(sound: list[Rtp]) -> None:
    """Each stretch on its own grid: 160 ticks and 20 ms a packet, on the average, whatever the machine does."""
    quiet, spurts = sound[0], _spurts(sound[1:])
    assert quiet.quiet and quiet.marker, "what opens the way"
    assert [len(spurt) for spurt in spurts] == [milliseconds // 20 for milliseconds in SPOKEN_MS]
    for spurt in spurts:
        assert {(after.stamp - before.stamp) % (1 << 32) for before, after in pairwise(spurt)} == {160}
        deltas = [1000 * (after.at - before.at) for before, after in pairwise(spurt)]
        assert 18 < sum(deltas) / len(deltas) < 23, deltas
        assert sum(delta > 60 for delta in deltas) <= len(deltas) // 10, deltas
    (first, second) = spurts
    apart = (second[0].stamp - first[-1].stamp) % (1 << 32) / 8
    assert abs(apart - 1000 * (second[0].at - first[-1].at)) < 40, "the clock runs on in silence"


def _judge_digits(pressed: list[Rtp]) -> None:
    """RFC 4733: one timestamp for each key, its end sent three times, in order."""
    stamps = list(dict.fromkeys(packet.stamp for packet in pressed))
    assert len(stamps) == len(DIGITS)
    for stamp, key in zip(stamps, DIGITS, strict=True):
        told = [packet.event for packet in pressed if packet.stamp == stamp and packet.event]
        assert {event for event, _ in told} == {str("0123456789*#".index(key))}
        assert [over for _, over in told][-3:] == [True] * 3 and not told[0][1]
