"""A call on the real line, listened to and taken over by a client of the Talk protocol: the caller's packets, and what
the client plays, are what is judged.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from duologue.audio import g711
from duologue.audio.pcm import RATE, Samples, silence
from duologue.client import TalkClient, TalkWish, talk_with
from duologue.clock import MILLISECOND, SYSTEM_CLOCK
from duologue.phone.sip import call_events as events
from duologue.telemetry.ledger import CallRecord, TakeoverRecord, TurnRecord
from duologue.telemetry.ledger_reader import LedgerReader
from line_caller import Caller, caller
from phone_command import phone

pytestmark = [pytest.mark.peer, pytest.mark.realtime]
ALONE = 'codecs = ["pcmu"]\n'
QUIET = b"\xff" * 160
CALLERS, OPERATORS = 440.0, 1_000.0
"""Hz of what each of them says."""


def tone(hertz: float, count: int, rate: int) -> Samples:
    """The next of a tone that goes on: whole periods lie in 20 ms."""
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(count) / rate)).astype(np.float32)


def power(samples: Samples, hertz: float, rate: int) -> float:
    """Of a tone in it (amplitude)."""
    turning = np.exp(-2j * np.pi * hertz * np.arange(len(samples)) / rate)
    return float(2 * abs(np.mean(samples * turning))) if len(samples) else 0.0


def voiced(sound: Samples, hertz: float, rate: int) -> int:
    """In how many 20 ms of it there is that tone."""
    size = rate // 50
    pieces = (sound[at : at + size] for at in range(0, len(sound) - size + 1, size))
    return sum(power(piece, hertz, rate) > 0.15 for piece in pieces)


def heard(one: Caller, since: int) -> Samples:
    """What came to the caller after ``since`` (ns)."""
    sound = [packet.payload for at, packet in one.packets if at > since and packet.payload_type == 0]
    return g711.decode(b"".join(sound), "mu") if sound else silence(0)


async def speaks(client: TalkClient, seconds: float) -> None:
    """The operator's microphone, at the pace of the clock."""
    begin, block = SYSTEM_CLOCK.now(), tone(OPERATORS, 320, 16_000)
    for number in range(round(seconds * 50)):
        await SYSTEM_CLOCK.wait_until(begin + (number + 1) * 20 * MILLISECOND)
        client.hear(number * 320, block)


@pytest.mark.slow
async def test_an_operator_hears_the_caller_is_heard_by_them_and_gives_the_call_back(tmp_path: Path) -> None:
    played: list[Samples] = []
    said = g711.encode(tone(CALLERS, 160, 8_000), "mu")
    async with phone(tmp_path, ALONE) as answering, caller() as one:
        one.call(answering.port, "1000")
        await one.until(lambda: one.agreed)
        line = await answering.until(lambda line: bool(line.calls and line.calls[0].answered))
        call = line.calls[0].id
        address = f"{answering.address.replace('http', 'ws', 1)}/api/line/calls/{call}/talk"
        async with talk_with(address, TalkWish(person="Anna"), play=played.append) as anna:
            await anna.until(lambda: any(turn.text for turn in anna.turns))
            await one.chatter(said, 3.0)
            await one.chatter(QUIET, 1.0)
            assert voiced(np.concatenate(played), CALLERS, RATE) > 100, "the listener hears the caller"
            anna.take(True)
            await anna.until(lambda: bool(anna.attended and anna.attended.speaks and anna.attended.yours))
            view = (await answering.line()).calls[0]
            assert (view.operator, view.listeners) == ("Anna", 1)
            since = SYSTEM_CLOCK.now()
            await speaks(anna, 3.0)
            await one.until(lambda: voiced(heard(one, since), OPERATORS, 8_000) > 100, 20)
            played.clear()
            await one.chatter(said, 2.0)
            await one.chatter(QUIET, 1.0)
            assert voiced(np.concatenate(played), CALLERS, RATE) > 60, "who has the call hears the caller"
            assert not voiced(np.concatenate(played), OPERATORS, RATE), "and not themselves"
            anna.take(False)
            await anna.until(lambda: bool(anna.attended and not anna.attended.operator))
        one.hang_up()
        await one.until(lambda: one.heard(events.Ended))
        await answering.until(lambda line: bool(line.calls and line.calls[0].ended), 30)
    records = [entry.record for entry in LedgerReader(tmp_path / "ledger")]
    (taken,) = [record for record in records if isinstance(record, TakeoverRecord)]
    assert (taken.operator, taken.why, taken.spoke) == ("Anna", "handed back", True)
    assert [record.reason for record in records if isinstance(record, CallRecord)]
    assert all(turn.speaker == "operator" for turn in records if isinstance(turn, TurnRecord) and turn.operator)
