"""An Asterisk on the loopback, which behaves or not."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
import pytest
from leg_doubles import WORD, Person, silent, spoken, until, words_in

from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.audio.pcm import Samples, from_int16
from duologue.clock import SYSTEM_CLOCK
from duologue.errors import InputError
from duologue.phone.audiosocket import leg as audiosocket_leg
from duologue.phone.audiosocket.frames import RATES, AudioSocketStream, FrameReader, Kind, write_frame, write_sound
from duologue.phone.audiosocket.leg import AudioSocketListener, AudioSocketPlan, called_by
from duologue.phone.leg import CallInfo, CallLeg, LegAnswered, LegEnded, UnsupportedError
from duologue.phone.turned_away import AwayReason

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

ID = UUID("00000000-0000-0000-0000-000000000016")


@dataclass
class Asterisk:
    """One call of its."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: list[Samples] = field(default_factory=list[Samples])
    kinds: list[int] = field(default_factory=list[int])
    frames: FrameReader = field(default_factory=FrameReader)

    def __post_init__(self) -> None:
        self.frames.feed(write_frame(Kind.IDENTITY, bytes(16)))  # from us none comes

    def begin(self, identity: UUID = ID) -> None:
        self.writer.write(write_frame(Kind.IDENTITY, identity.bytes))

    def speak(self, kind: int = 0x10, level: float = 0.3) -> None:
        self.writer.write(write_sound(kind, np.full(RATES[kind] // 50, level, np.float32)))

    async def listen(self) -> None:
        """Until the other end closes."""
        with contextlib.suppress(OSError):
            while data := await self.reader.read(4096):
                for frame in self.frames.feed(data):
                    self.kinds.append(frame.kind)
                    if frame.kind in RATES:
                        self.heard.append(from_int16(np.frombuffer(frame.payload, "<i2").astype(np.int16)))
        self.writer.close()

    @property
    def sound(self) -> Samples:
        return np.concatenate([np.zeros(0, np.float32), *self.heard])


@contextlib.asynccontextmanager
async def listening(person: Person, plan: AudioSocketPlan | None = None) -> AsyncGenerator[AudioSocketListener]:
    listener = AudioSocketListener(plan or AudioSocketPlan(port=0), person.take)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(listener.run())
        await until(lambda: listener.port)
        yield listener
        running.cancel()


async def dialled(listener: AudioSocketListener) -> Asterisk:
    return Asterisk(*await asyncio.open_connection("127.0.0.1", listener.port))


async def test_a_whole_call_both_ways() -> None:
    async def says(person: Person, leg: CallLeg) -> None:
        await person.sink.play(spoken("a", 0, 2), 0)
        await until(lambda: "a" in person.played)
        await leg.hang_up("said all")

    person = Person(SYSTEM_CLOCK, says)
    async with listening(person) as listener:
        asterisk = await dialled(listener)
        asterisk.begin()
        for _ in range(5):
            asterisk.speak()
        asterisk.writer.write(write_frame(Kind.KEY, b"7"))
        await asterisk.listen()
        await until(lambda: isinstance(person.events[-1], LegEnded))
    info = person.legs[0].info
    assert (info.carrier, info.called, info.codec, info.peer) == ("audiosocket", "16", "L16/8000", "127.0.0.1")
    assert info.headers == {"audiosocket-uuid": str(ID)}
    assert LegAnswered("L16/8000") in person.events
    assert person.played == {"a": 2 * WORD} and person.sent == ["a"] and person.keys == "7"
    assert sum(len(each.samples) for each in person.sound) >= 1500
    assert person.end == LegEnded("said all", ours=True)
    assert asterisk.kinds[-1] == Kind.HANG_UP and set(asterisk.kinds[:-1]) == {0x10}
    assert {word: round(much, 1) for word, much in words_in(asterisk.sound, 8000).items()} == {0: 1.0, 1: 1.0}


async def test_a_connection_that_cannot_be_taken_ends_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """``accept`` tells of others' faults: no descriptor is left, or who connected is gone already (accept(2))."""
    loop = asyncio.get_running_loop()
    accept, refused = loop.sock_accept, [errno.EMFILE, errno.ECONNABORTED]

    async def failing(sock: socket.socket) -> tuple[socket.socket, object]:
        if refused:
            raise OSError(refused.pop(), "not now")
        return await accept(sock)

    monkeypatch.setattr(loop, "sock_accept", failing)

    async def says(person: Person, leg: CallLeg) -> None:
        await leg.hang_up("said all")

    person = Person(SYSTEM_CLOCK, says)
    async with listening(person) as listener:
        asterisk = await dialled(listener)
        asterisk.begin()
        await asterisk.listen()
    assert not refused and asterisk.kinds == [Kind.HANG_UP]


async def test_a_call_in_which_nobody_speaks_is_not_taken_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asterisk gives up one over which nothing comes for two seconds, either way."""
    monkeypatch.setattr(audiosocket_leg, "SIGN_SECONDS", 0.01)

    async def says(person: Person, leg: CallLeg) -> None:
        await until(lambda: len(asterisk.heard) >= 3)
        await person.sink.play(spoken("a", 0, 1), 0)
        await until(lambda: "a" in person.played)
        await leg.hang_up("said all")

    person = Person(SYSTEM_CLOCK, says)
    async with listening(person) as listener:
        asterisk = await dialled(listener)
        asterisk.begin()
        await asterisk.listen()
    assert {len(each) for each in asterisk.heard[:3]} == {160} and not any(each.any() for each in asterisk.heard[:3])
    assert person.played == {"a": WORD} and person.sent == ["a"], "they are nothing that was said"


async def test_an_interruption_stops_it_within_a_block() -> None:
    async def says(person: Person, leg: CallLeg) -> None:
        await person.sink.play(spoken("a", 0, 10), 0)
        await until(lambda: person.sent)
        await asyncio.sleep(0.1)
        await person.sink.clear()
        await until(lambda: person.played)
        await leg.hang_up("over")

    person = Person(SYSTEM_CLOCK, says)
    async with listening(person) as listener:
        asterisk = await dialled(listener)
        asterisk.begin()
        await asterisk.listen()
    loud = (asterisk.sound > 0.05).sum() * 6
    assert 0 < person.played["a"] < 3 * WORD
    assert 0 <= person.played["a"] - loud < 48 * 25


async def test_it_speaks_at_the_rate_in_which_it_is_spoken_to() -> None:
    async def says(person: Person, leg: CallLeg) -> None:
        await until(lambda: person.sound)
        await person.sink.play(spoken("a", 0, 1), 0)
        await until(lambda: person.played)
        await leg.hang_up("over")

    person = Person(SYSTEM_CLOCK, says)
    async with listening(person) as listener:
        asterisk = await dialled(listener)
        asterisk.begin()
        asterisk.speak(0x12)
        asterisk.speak(0x12)
        await asterisk.listen()
    assert set(asterisk.kinds) == {0x12, Kind.HANG_UP}
    assert abs(len(asterisk.sound) - 4000) < 400


@pytest.mark.parametrize(
    ("last", "reason", "failed"),
    [(b"\0\0\0", "the caller hung up", False), (b"", "the caller hung up", False), (b"\x10\x01", "broke", True),
     (b"\xff\x00\x01\x01", "error", True)],
)  # fmt: skip
async def test_the_caller_goes_in_mid_sentence(last: bytes, reason: str, failed: bool) -> None:
    async def says(person: Person, leg: CallLeg) -> None:
        await person.sink.play(spoken("a", 0, 20), 0)
        await asyncio.Event().wait()

    person = Person(SYSTEM_CLOCK, says)
    async with listening(person) as listener:
        asterisk = await dialled(listener)
        asterisk.begin()
        await until(lambda: person.sent)
        asterisk.writer.write(last)
        asterisk.writer.write_eof()
        await asterisk.listen()
        await until(lambda: person.events and isinstance(person.events[-1], LegEnded))
        assert reason in person.end.reason and person.end.failed == failed
        leg = person.legs[0]
        await leg.hang_up("too late")
        await leg.refuse(486)


async def test_a_close_with_sound_unread_is_a_hang_up() -> None:
    """The kernel makes it a reset."""

    async def says(person: Person, leg: CallLeg) -> None:
        await person.sink.play(spoken("a", 0, 20), 0)
        await asyncio.Event().wait()

    person = Person(SYSTEM_CLOCK, says)
    async with listening(person) as listener:
        asterisk = await dialled(listener)
        asterisk.begin()
        await until(lambda: person.sent)
        linger = asterisk.writer.get_extra_info("socket")
        linger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        asterisk.writer.transport.abort()
        await until(lambda: person.events and isinstance(person.events[-1], LegEnded))
    assert person.end == LegEnded("the caller hung up")


async def test_what_is_no_audiosocket_never_becomes_a_call() -> None:
    person = Person(SYSTEM_CLOCK, silent)
    async with listening(person) as listener:
        asterisk = await dialled(listener)
        asterisk.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await asterisk.listen()
        assert listener.refused == {AwayReason.REQUEST: 1} and person.legs == []


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (AudioSocketPlan(port=0, allow=("192.0.2.0/24",)), AwayReason.SOURCE),
        (AudioSocketPlan(port=0, most_calls=0), AwayReason.PLACES),
    ],
)
async def test_who_may_not_connect_is_closed_at_once(plan: AudioSocketPlan, reason: AwayReason) -> None:
    person = Person(SYSTEM_CLOCK, silent)
    async with listening(person, plan) as listener:
        asterisk = await dialled(listener)
        asterisk.begin()
        await asterisk.listen()
        assert listener.refused == {reason: 1} and person.legs == []


async def test_who_reads_nothing_is_dropped_with_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audiosocket_leg, "UNSENT_SECONDS", 0.003)

    async def says(person: Person, leg: CallLeg) -> None:
        await person.sink.play(spoken("a", 0, 30), 0)
        await asyncio.Event().wait()

    person = Person(SYSTEM_CLOCK, says)
    async with listening(person) as listener:
        with socket.socket() as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            peer.connect(("127.0.0.1", listener.port))
            peer.sendall(write_frame(Kind.IDENTITY, ID.bytes) + write_sound(0x18, np.zeros(3840, np.float32)))
            await until(lambda: person.events and isinstance(person.events[-1], LegEnded), 20)
    assert person.end.failed and "takes no sound" in person.end.reason


@pytest.mark.parametrize("kind", RATES)
async def test_who_has_not_taken_three_seconds_of_sound_is_late_and_of_five_gone(kind: int) -> None:
    """At whatever rate: of 48 kHz 0.7 s were enough to be taken for one who does not read."""
    stream = AudioSocketStream()
    began = write_frame(Kind.IDENTITY, ID.bytes) + write_sound(kind, np.zeros(RATES[kind] // 50, np.float32))
    stream.receive(began, 0)
    info, unsent = CallInfo(id="a", caller="", called="16"), 0
    written: list[bytes] = []
    leg = audiosocket_leg.AudioSocketLeg(info, stream, written.append, lambda: unsent)
    async with asyncio.TaskGroup() as group:
        playing = group.create_task(leg.play())
        unsent = 3 * 2 * RATES[kind]
        await leg.write(FarEndMessage(1, MessageKind.PLAY, "a", 0, np.zeros(960, np.float32)))
        assert written and not leg.told.ended.is_set()
        unsent = 5 * 2 * RATES[kind]
        await leg.write(FarEndMessage(2, MessageKind.PLAY, "b", 0, np.zeros(960, np.float32)))
        await until(leg.told.ended.is_set)
        playing.cancel()


async def test_a_refusal_lets_the_dialplan_go_on() -> None:
    async def says(person: Person, leg: CallLeg) -> None:
        with pytest.raises(UnsupportedError, match="transfers no call"):
            await leg.refer("200", {})
        with pytest.raises(UnsupportedError, match="no keys"):
            await leg.digits("1")
        await leg.refuse(486)

    person = Person(SYSTEM_CLOCK, says)
    async with listening(person) as listener:
        asterisk = await dialled(listener)
        asterisk.begin()
        await asterisk.listen()
    assert asterisk.kinds == [Kind.HANG_UP] and (person.end.ours, person.end.status) == (True, 486)


async def test_an_address_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="cannot be listened on"):
            await AudioSocketListener(
                AudioSocketPlan(port=taken.getsockname()[1]), Person(SYSTEM_CLOCK, silent).take
            ).run()


@pytest.mark.parametrize(
    ("identity", "called"),
    [
        ("00000000-0000-0000-0000-000000000016", "16"),
        ("00000000-0000-0000-0000-000000000000", ""),
        ("00000000-0000-0000-0000-00000000abcd", ""),
        ("40325ec2-5efd-4bd3-805f-53576e581d13", "sales"),
        ("40325ec2-5efd-4bd3-805f-53576e581d14", ""),
    ],
)
def test_a_uuid_stands_for_an_extension(identity: str, called: str) -> None:
    assert called_by(UUID(identity), {"40325ec2-5efd-4bd3-805f-53576e581d13": "sales"}) == called


def test_by_default_this_machine_alone_may_connect() -> None:
    """The plan's defaults: this machine alone."""
    listener: Callable[[str], bool] = AudioSocketListener(AudioSocketPlan(), Person(SYSTEM_CLOCK, silent).take).allows
    assert listener("127.0.0.1") and listener("::1") and listener("::ffff:127.0.0.1") and not listener("192.0.2.1")
