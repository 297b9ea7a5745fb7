"""A page that is left open for days: its microphone is heard to the end, and who listens to a call hears all of it."""

from __future__ import annotations

import asyncio

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.app.calls.tap import LONGEST_MS, ListenerStream
from duologue.app.talk import messages as say
from duologue.app.talk.connection import TalkConnection
from duologue.audio.far_playout import FarEndMessage
from duologue.audio.pcm import RATE, silence
from duologue.clock import SECOND, VirtualClock

HOUR = 3600 * SECOND
DAYS = 72 * HOUR


class Microphone:
    """The socket of a client that sends sound and nothing else."""

    def __init__(self) -> None:
        self.frame = b""

    async def receive(self) -> str | bytes:
        return self.frame

    async def send(self, data: str | bytes) -> None:
        pass

    async def close(self, code: int, why: str) -> None:
        pass


@settings(deadline=None)
@given(
    ppm=st.integers(-900, 900), pauses=st.lists(st.integers(1, 12 * 3600), min_size=12, max_size=30),
    breaks=st.sets(st.integers(0, 30)),
)  # fmt: skip
def test_a_microphone_is_heard_to_the_end_whatever_its_clock_and_its_sockets_do(
    ppm: int, pauses: list[int], breaks: set[int]
) -> None:
    """One that is a ten-thousandth fast was five seconds ahead after 14 h, and from then on nobody heard it."""
    clock, microphone = VirtualClock(SECOND), Microphone()
    connection = TalkConnection(microphone, clock)
    began, opened = clock.now(), clock.now()
    sample = (1 << 32) - 8_000_000  # the number on its clock outgrows 32 bits
    first, offset = sample, 0
    block = np.full(320, 0.5, np.float32)

    async def heard(at: int) -> int:
        microphone.frame = say.pack_captured(say.CapturedSound(at, block))
        async with asyncio.timeout(1):
            found = await connection.read()
        assert isinstance(found, say.CapturedSound)
        return found.at

    async def story() -> None:
        nonlocal connection, opened, offset
        place = await heard(sample)
        for number, pause in enumerate(pauses):
            clock.advance(pause * SECOND)
            if number in breaks:
                before, connection = connection, TalkConnection(microphone, clock)
                later = (clock.now() - opened) * say.EAR_RATE // SECOND
                connection.go_on(before, later)
                opened, offset = clock.now(), offset + later
            passed = (clock.now() - began) // SECOND * say.EAR_RATE * (1_000_000 + ppm) // 1_000_000
            assert offset + await heard(first + passed) - place == passed
            assert not connection.counts

    asyncio.run(story())


async def test_the_sound_of_a_call_is_told_in_pieces_that_no_number_is_too_small_for() -> None:
    sent = list[FarEndMessage]()

    async def order(message: FarEndMessage) -> None:
        say.unpack_played(say.pack_played(say.PlayedSound(message.id, message.start, silence(0), gap=message.gap)))
        sent.append(message)

    stream = ListenerStream("call", order)
    seconds = 3600
    async with asyncio.TaskGroup() as group:
        running = group.create_task(stream.run())
        for _ in range(seconds):
            stream.give(silence(RATE))
            for _ in range(5):
                await asyncio.sleep(0)
        running.cancel()
    told = sum(len(each.samples) for each in sent if each.samples is not None)
    assert told == seconds * RATE + RATE // 10, "and what it begins behind"
    assert max(each.start for each in sent) <= LONGEST_MS * RATE // 1000
