"""Callers outside of the line: one user agent for all of them, a socket of sound for each, on any clock.

On the machine's clock packets carry the kernel's own stamps, on a virtual one the moment in which they are read, which
is the same. A caller sends a packet every 20 ms from the answer on, of silence where it says nothing; ``loss`` of them
are left out, by chance that is drawn anew for each call.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import numpy as np

from benchmarks.phone.packets import PACKET, Arrived, Spoken, peak
from duologue.audio import g711
from duologue.audio.pcm import Samples, silence
from duologue.audio.resample import resample
from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.phone.media.codecs import PCMU
from duologue.phone.media.negotiation import Agreed, Local, accept, offer
from duologue.phone.media.rtp import RtpPacket, is_rtcp
from duologue.phone.media.sdp import Description
from duologue.phone.sip import call_events as events
from duologue.phone.sip.screening import LineOptions
from duologue.phone.sip.transactions import Flow
from duologue.phone.sip.transport import Listening, Transport
from duologue.phone.sip.user_agent import Output, Transmit, UserAgent
from duologue.speech.hearing import EAR_RATE

HOST = "127.0.0.1"
RATE = 8000
SAMPLES = RATE // 50
QUIET = b"\xff" * SAMPLES
STAMP = 35
"""SO_TIMESTAMPNS of Linux, which Python does not name."""
TIME = struct.Struct("@qq")
CALL_ID = re.compile(rb"^call-id: *(\S+)", re.IGNORECASE | re.MULTILINE)


def on_the_line(sound: Samples) -> Samples:
    """Sound of the ears' rate as a telephone carries it, before µ-law."""
    return np.clip(resample(sound, EAR_RATE, RATE), -1.0, 1.0)


PATH = np.array([0.1, 0.7, 0.5, -0.4, -0.2, 0.2, 0.1, -0.1])
"""What two wires make of a click within a millisecond (ITU-T G.168 has more of the kind)."""


class Hybrid:
    """A line of two wires: what is played to the caller comes back with what they say, ``delay_ms`` later and
    ``gain_db`` of it.
    """

    def __init__(self, delay_ms: float, gain_db: float) -> None:
        self._delay = round(delay_ms * RATE / 1000)
        self._path = PATH / np.linalg.norm(PATH) * 10 ** (gain_db / 20)
        self._played = np.zeros(0)
        self._begin: int | None = None

    def play(self, payload: bytes, at: int) -> None:
        """A packet came, and is played at once (ns)."""
        sound = g711.decode(payload, "mu")
        place = self._place(at)
        self._played = np.concatenate([self._played, np.zeros(max(0, place + len(sound) - len(self._played)))])
        self._played[place : place + len(sound)] = sound

    def back(self, at: int) -> Samples:
        """What of it comes back in the packet that begins at ``at`` (ns)."""
        first = self._place(at) - self._delay
        wanted = np.arange(first - len(PATH) + 1, first + SAMPLES)
        known = np.zeros(len(wanted))
        there = (wanted >= 0) & (wanted < len(self._played))
        known[there] = self._played[wanted[there]]
        return np.convolve(known, self._path, "valid").astype(np.float32)

    def _place(self, at: int) -> int:
        self._begin = at if self._begin is None else self._begin
        return (at - self._begin) * RATE // SECOND


def _at_once(number: int) -> int:
    return 0


@dataclass(eq=False)
class Call:
    """One call of ours. ``id`` is its Call-ID; ``packets`` are those of sound that came."""

    board: Board
    name: str
    id: bytes
    sound: socket.socket
    loss: float
    chance: Random
    keep: bool
    placed: int = 0
    answered_at: int = 0
    agreed: Agreed | None = None
    ended: events.Ended | None = None
    packets: list[Arrived] = field(default_factory=list[Arrived])
    lost: set[int] = field(default_factory=set[int])
    """The numbers of packets that were not sent."""
    number: int = 0
    """Packets so far, lost ones with them."""
    hybrid: Hybrid | None = None
    held_up: Callable[[int], int] = _at_once
    """How long (ns) each packet, by its number, is under way."""

    def __post_init__(self) -> None:
        self.changed = asyncio.Event()
        self._queue: deque[bytes] = deque()
        self._begin = 0
        self._silent = False

    @property
    def status(self) -> int:
        """What it was refused with; 200: it was answered."""
        return 200 if self.answered_at else self.ended.status if self.ended is not None else 0

    def say(self, *parts: Samples | int) -> Spoken:
        """Sounds of 8 kHz, and pauses (ms), one after another, behind all that is still to be said; when they begin
        and end. The first begins with a packet.
        """
        begin = self._begin + (self.number + len(self._queue)) * PACKET
        sound = np.concatenate([silence(each * RATE // 1000) if isinstance(each, int) else each for each in parts])
        whole = np.concatenate([sound, silence(-len(sound) % SAMPLES)])
        data = g711.encode(whole, "mu")
        self._queue.extend(data[at : at + SAMPLES] for at in range(0, len(data), SAMPLES))
        return Spoken(begin, begin + len(sound) * SECOND // RATE, 0)

    def vanish(self) -> None:
        """Send nothing any more, and do not say so; who asks gets no answer, only that it is over is heard."""
        self._silent = True
        self.board.answers_not(self)

    def hang_up(self) -> None:
        """BYE, or CANCEL."""
        self.board.transport.perform(self.board.agent.hang_up(self.name, self.board.clock.now()))

    async def answered(self, seconds: float = 30.0) -> bool:
        """Until it is answered (True) or over; False also when neither is so after a while."""
        return await self.until(lambda: bool(self.answered_at or self.ended), seconds) and bool(self.answered_at)

    async def until(self, reached: Callable[[], bool], seconds: float) -> bool:
        """Wait until something is so; False after so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                while not reached():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            return False
        return True

    async def heard_after(self, at: int, seconds: float) -> bool:
        """Until something of ours was heard at ``at`` or later, or the call is over; False: neither came so soon."""
        return await self.until(
            lambda: self.ended is not None or any(each.voiced and each.at >= at for each in self.packets[-50:]), seconds
        )

    async def silent_for(self, milliseconds: int, most: float = 40.0) -> None:
        """Until nothing was heard of us for so long, or the call is over."""
        clock, until = self.board.clock, self.board.clock.now() + round(most * SECOND)
        while self.ended is None and clock.now() < until:
            last = next((each.at for each in reversed(self.packets) if each.voiced), self.answered_at)
            if clock.now() - last >= milliseconds * MILLISECOND:
                return
            await clock.wait_until(last + milliseconds * MILLISECOND)

    # What the board does

    def take(self, event: events.Event) -> None:
        now = self.board.clock.now()
        match event:
            case events.Answered(_, answer):
                self.agreed = accept(self.board.offered[self.name], answer)
                self.answered_at = self._begin = now
            case events.Ended():
                self.ended = event
            case _:
                pass
        self.changed.set()

    async def send(self) -> None:
        """A packet every 20 ms, from the answer to the end."""
        if not await self.answered(60.0) or self.agreed is None:
            return
        clock, source = self.board.clock, self.chance.getrandbits(32)
        target = self.agreed.host, self.agreed.port
        while self.ended is None and not self._silent:
            await clock.wait_until(self._begin + (self.number + 1) * PACKET)
            if self.ended is not None or self._silent:
                return
            payload = self._queue.popleft() if self._queue else QUIET
            number = self.number
            if self.hybrid is not None:
                both = g711.decode(payload, "mu") + self.hybrid.back(self._begin + number * PACKET)
                payload = g711.encode(np.clip(both, -1.0, 1.0), "mu")
            self.number += 1
            if self.chance.random() < self.loss:
                self.lost.add(number)
                continue
            packet = RtpPacket(self.agreed.send_type, number & 0xFFFF, number * SAMPLES, source, payload)
            if late := self.held_up(number):
                asyncio.get_running_loop().call_later(late / SECOND, self._post, packet, number, target)
            else:
                self._post(packet, number, target)

    def _post(self, packet: RtpPacket, number: int, target: tuple[str, int]) -> None:
        try:
            self.sound.sendto(packet.encode(), target)
        except OSError:  # nobody takes it any more
            self.lost.add(number)

    def read(self) -> None:
        """All that has come."""
        while True:
            try:
                data, more, _, _ = self.sound.recvmsg(2048, 64)
            except (BlockingIOError, ConnectionError):
                break
            if is_rtcp(data):
                continue
            packet = RtpPacket.parse(data)
            at = self.board.stamped(more)
            if self.hybrid is not None:
                self.hybrid.play(packet.payload, at)
            payload = packet.payload if self.keep else b""
            self.packets.append(Arrived(at, packet.timestamp, packet.marker, peak(packet.payload), payload))
        self.changed.set()


class _Way(Transport):
    """SIP over a network that loses some of it: see :meth:`Board.loses`."""

    def __init__(self, agent: UserAgent, clock: Clock, tell: Callable[[events.Event], None]) -> None:
        super().__init__(agent, clock, tell)
        self.loses: Callable[[bytes], bool] = _nothing
        self.vanished: set[bytes] = set()
        """Call-IDs of those who do not answer whether they are there."""

    def datagram(self, data: bytes, source: Flow) -> None:
        asks = data.startswith(b"OPTIONS ") and any(each in data for each in self.vanished)
        if not (asks or self.loses(data)):
            super().datagram(data, source)

    def _send_datagram(self, data: bytes, host: str, port: int) -> None:
        if self.loses(data):
            self.dropped += 1
        else:
            super()._send_datagram(data, host, port)


def _nothing(data: bytes) -> bool:
    return False


def _call_id(outputs: Sequence[Output]) -> bytes:
    """Of the request that is sent."""
    (found,) = {each for one in outputs if isinstance(one, Transmit) for each in CALL_ID.findall(one.data)}
    return found


class Board:
    """See the module. Use it within :func:`board`."""

    def __init__(self, port: int, clock: Clock, tasks: asyncio.TaskGroup, seed: int, *, stamps: bool) -> None:
        self.clock = clock
        self.offered: dict[str, Description] = {}
        self.agent = UserAgent(LineOptions(host=HOST, port=0), Random(seed))
        self.transport = _Way(self.agent, clock, self._told)
        self.calls: list[Call] = []
        self._port, self._tasks, self._chance = port, tasks, Random(seed)
        self._names: dict[str, Call] = {}
        self._stamps = stamps
        self._offset = clock.wall() - clock.now()

    def loses(self, lost: Callable[[bytes], bool]) -> None:
        """From now on the messages of SIP of which ``lost`` is true never come, neither way."""
        self.transport.loses = lost

    def answers_not(self, call: Call) -> None:
        """Whether it is still there is not answered any more."""
        self.transport.vanished.add(call.id)

    def stamped(self, more: list[tuple[int, int, bytes]]) -> int:
        """When a packet came, on the board's clock."""
        if not (self._stamps and more):
            return self.clock.now()
        seconds, nanoseconds = TIME.unpack(more[0][2][: TIME.size])
        return seconds * SECOND + nanoseconds - self._offset

    def call(self, extension: str = "16", *, loss: float = 0.0, keep: bool = False) -> Call:
        """Call the line. With ``keep`` the payloads that come are kept."""
        sound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if self._stamps:
            sound.setsockopt(socket.SOL_SOCKET, STAMP, 1)
        sound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sound.bind((HOST, 0))
        sound.setblocking(False)
        ours = offer(Local(HOST, int(sound.getsockname()[1]), (PCMU,)))
        now = self.clock.now()
        name, outputs = self.agent.call(f"sip:{extension}@{HOST}:{self._port}", ours, now)
        made = Call(self, name, _call_id(outputs), sound, loss, Random(self._chance.getrandbits(32)), keep, now)
        self.offered[name], self._names[name] = ours, made
        self.calls.append(made)
        asyncio.get_running_loop().add_reader(sound, made.read)
        self.transport.perform(outputs)
        self._tasks.create_task(made.send())
        return made

    def forget(self, call: Call) -> None:
        """It is over: its socket is closed."""
        if self._names.pop(call.name, None) is not None:
            del self.offered[call.name]
            self.calls.remove(call)
            asyncio.get_running_loop().remove_reader(call.sound)
            call.sound.close()

    def _told(self, event: events.Event) -> None:
        name = getattr(event, "call", "")
        if name in self._names:
            self._names[name].take(event)


@asynccontextmanager
async def board(port: int, clock: Clock, *, seed: int = 1, stamps: bool = True) -> AsyncGenerator[Board]:
    """Callers of the line at ``port``; at the end whoever is still there hangs up. ``stamps``: the kernel's."""
    async with asyncio.TaskGroup() as tasks:
        made = Board(port, clock, tasks, seed, stamps=stamps)
        await made.transport.open(Listening(HOST, 0), tasks)
        object.__setattr__(made.agent.options, "port", made.transport.ports["UDP"])
        try:
            yield made
        finally:
            for call in made.calls:
                if call.ended is None:
                    call.hang_up()
            until = clock.now() + SECOND
            while any(call.ended is None for call in made.calls) and clock.now() < until:
                await clock.wait_until(clock.now() + PACKET)
            for call in list(made.calls):
                call.vanish()
                made.forget(call)
            made.transport.close()
