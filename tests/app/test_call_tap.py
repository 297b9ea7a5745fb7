"""What listeners of a call are given: both sides, without a gap, a fixed while after they were heard."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from duologue.app.calls.tap import BEGINS_MS, BEHIND_MS, LONGEST_MS, STEP, CallTap, ListenerStream
from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.audio.pcm import RATE, Samples, silence
from duologue.clock import MILLISECOND, SECOND

FRAME_MS = 20
EAR_FRAME, FRAME = 16 * FRAME_MS, 48 * FRAME_MS
BEGAN = 5 * SECOND


def tone(number: int, count: int, rate: int, hertz: float) -> Samples:
    """Frame ``number`` of a tone that goes on."""
    at = np.arange(number * count, (number + 1) * count) / rate
    return (0.2 * np.sin(2 * np.pi * hertz * at)).astype(np.float32)


class Listened:
    """Everything that a tap gave, with when."""

    def __init__(self, *, alone: bool = False) -> None:
        self.given: list[tuple[int, Samples]] = []
        self.now = BEGAN
        self.tap = CallTap(lambda samples: self.given.append((self.now, samples)), BEGAN, alone=alone)

    @property
    def sound(self) -> Samples:
        return np.concatenate([silence(0), *(samples for _, samples in self.given)])

    def late(self) -> list[float]:
        """How long after it was heard each sample was given, the oldest of each piece (ms)."""
        found: list[float] = []
        place = 0
        for at, samples in self.given:
            heard = BEGAN + place * SECOND // RATE
            found.append((at - heard) / MILLISECOND)
            place += len(samples)
        return found


def power(samples: Samples, hertz: float) -> float:
    at = np.arange(len(samples)) / RATE
    return float(2 * abs(np.mean(samples * np.exp(-2j * np.pi * hertz * at))))


@pytest.mark.parametrize("alone", [False, True])
def test_the_frames_of_the_line_come_without_a_gap_and_no_later_than_is_said(alone: bool) -> None:
    one = Listened(alone=alone)
    for number in range(200):  # the frame ends now; the character's last 100 ms are told of every 100 ms
        one.now = BEGAN + (number + 1) * FRAME_MS * MILLISECOND
        one.tap.hear(tone(number, EAR_FRAME, 16_000, 440), number * EAR_FRAME, one.now)
        if number % 5 == 4:
            for frame in range(number - 4, number + 1):
                one.tap.character(tone(frame, FRAME, RATE, 1_000), BEGAN + frame * FRAME_MS * MILLISECOND)
        one.tap.tick(one.now)
    sound = one.sound
    assert max(one.late()) <= (one.tap.delay + STEP) / MILLISECOND
    assert len(sound) == (200 * FRAME_MS * MILLISECOND - one.tap.delay) * RATE // SECOND
    quietest = min(power(sound[at : at + FRAME], 440) for at in range(RATE // 10, len(sound) - FRAME, FRAME))
    assert quietest > 0.18, "the caller is there in each 20 ms"
    ours = power(sound[RATE // 10 :], 1_000)
    assert ours < 0.01 if alone else ours > 0.18


def test_what_comes_late_stands_in_its_place_and_what_does_not_come_is_silence() -> None:
    one = Listened()
    for number in range(100):
        one.now = BEGAN + (number + 1) * FRAME_MS * MILLISECOND
        if not 40 <= number < 60:  # on hold, nothing comes
            one.tap.hear(tone(number, EAR_FRAME, 16_000, 440), number * EAR_FRAME, one.now)
        one.tap.tick(one.now)
    assert max(one.late()) <= (one.tap.delay + STEP) / MILLISECOND
    silent = one.sound[45 * FRAME : 55 * FRAME]
    assert float(np.abs(silent).max()) == 0.0
    assert power(one.sound[65 * FRAME : 80 * FRAME], 440) > 0.18


class Client:
    """A playout at the other end of a stream: it plays as time passes, and says how far it is."""

    def __init__(self, room: float = float("inf")) -> None:
        self.messages: list[FarEndMessage] = []
        self.stuck = asyncio.Event()
        self.stuck.set()

    async def order(self, message: FarEndMessage) -> None:
        await self.stuck.wait()
        self.messages.append(message)

    def kinds(self) -> list[MessageKind]:
        return [message.kind for message in self.messages]


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def stream(story: str) -> tuple[ListenerStream, Client]:
    """``story``: g gives 20 ms, s sticks, u unsticks, d says all was played, l that it is two seconds behind."""
    client = Client()
    made = ListenerStream("call", client.order)

    async def main() -> None:
        running = asyncio.get_running_loop().create_task(made.run())
        for letter in story:
            newest = client.messages[-1] if client.messages else None
            match letter:
                case "g":
                    made.give(np.full(FRAME, 0.1, np.float32))
                case "s":
                    client.stuck.clear()
                case "u":
                    client.stuck.set()
                case "d":
                    assert newest is not None
                    made.played(newest.id, newest.end)
                case _:
                    assert newest is not None
                    made.played(newest.id, newest.end - 2 * RATE)
            await settle()
        running.cancel()

    asyncio.run(main())
    return made, client


def test_a_listener_is_told_one_sound_that_grows_and_begins_a_little_behind() -> None:
    made, client = stream("ggg")
    assert client.kinds() == [MessageKind.PLAY, MessageKind.EXTEND, MessageKind.EXTEND]
    first = client.messages[0]
    assert first.samples is not None and len(first.samples) == BEGINS_MS * 48 + FRAME and first.more
    assert [message.start for message in client.messages] == [0, first.end, first.end + FRAME]
    assert len({message.id for message in client.messages}) == 1 and not made.counts


def test_a_listener_keeps_no_more_of_it_than_a_few_seconds() -> None:
    _, client = stream("g" * 600)  # twelve seconds
    begun = [message for message in client.messages if message.kind is MessageKind.PLAY]
    assert len(begun) == 3 and MessageKind.CLEAR not in client.kinds()
    lengths = {message.id: message.end for message in client.messages}
    assert max(lengths.values()) <= LONGEST_MS * 48 + FRAME
    assert sum(lengths.values()) == 600 * FRAME + BEGINS_MS * 48, "nothing is missing between them"
    assert all(message.gap == 0 for message in begun)


def test_one_that_has_run_dry_gets_its_margin_back() -> None:
    made, client = stream("ggdg")
    newest = client.messages[-1]
    assert newest.kind is MessageKind.EXTEND and newest.samples is not None
    assert len(newest.samples) == BEGINS_MS * 48 + FRAME
    assert made.counts == {"dry": 1}


def test_one_that_is_far_behind_begins_again_at_the_newest_moment() -> None:
    made, client = stream("g" * 150 + "lg")
    assert client.kinds()[-2:] == [MessageKind.CLEAR, MessageKind.PLAY]
    assert client.messages[-1].start == 0 and client.messages[-1].id != client.messages[0].id
    assert made.counts == {"back": 1}


def test_no_more_waits_for_a_socket_that_takes_nothing_than_is_said() -> None:
    _, client = stream("gsg" + "g" * 200 + "ugg")
    newest = [message.samples for message in client.messages if message.samples is not None]
    assert max(map(len, newest)) <= (BEHIND_MS + BEGINS_MS) * 48
    assert MessageKind.CLEAR in client.kinds()
