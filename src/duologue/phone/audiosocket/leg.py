"""Calls that an Asterisk brings over AudioSocket: the listener, and each call as a
:class:`~duologue.phone.leg.CallLeg`.

The protocol has no secrets: who may connect is said by address, and beyond this machine it must be said.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from duologue.audio.far_playout import FarEndMessage
from duologue.audio.pcm import RATE, Samples, silence
from duologue.audio.resample import StreamResampler
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import InputError, PeerError
from duologue.ids import unique_id
from duologue.phone.audiosocket.frames import PLAIN, RATES, AudioSocketStream, Kind, write_frame, write_sound
from duologue.phone.brought_leg import BroughtLeg
from duologue.phone.leg import CallInfo, LegEnded, LegEvent, TakeCall, UnsupportedError
from duologue.phone.media.message_player import MANNERS, MessagePlayer
from duologue.phone.turned_away import AwayReason
from duologue.telemetry.log import get_logger

IDENTITY_SECONDS = 5.0
"""For the UUID to come."""
SILENT_SECONDS = 60.0
"""Of a call from which not even silence comes for so long, the other end is gone."""
SIGN_SECONDS = 1.0
"""In silence 20 ms of it are sent so often: an Asterisk since 20.14 ends a call in which neither its telephone nor we
send anything for two seconds.
"""
ACCEPT_PAUSE = SECOND // 10
"""After a connection that could not be taken: what it wanted (a descriptor, memory) may be there again (ns)."""
UNSENT_SECONDS = 4.0
"""Of sound that Asterisk has not taken: then it does not read."""
_READ = 8192

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioSocketPlan:
    """``host`` and ``port`` are listened on; ``allow`` are the addresses and networks that may connect (none: this
    machine alone). ``called`` gives extensions by UUID; of others that begin with twenty zeros the rest is one.
    """

    host: str = "127.0.0.1"
    port: int = 9019
    allow: tuple[str, ...] = ()
    most_calls: int = 100
    called: Mapping[str, str] = field(default_factory=dict[str, str])


def called_by(identity: UUID, known: Mapping[str, str]) -> str:
    """The extension that a UUID stands for; empty: none."""
    if (found := known.get(str(identity))) is not None:
        return found
    rest = identity.hex[20:]
    return rest.lstrip("0") if identity.hex[:20] == "0" * 20 and rest.isdecimal() else ""


class AudioSocketLeg(BroughtLeg):
    """``write`` gives bytes to the connection, which must not wait; ``unsent`` says how many it has not taken."""

    def __init__(
        self,
        info: CallInfo,
        stream: AudioSocketStream,
        write: Callable[[bytes], None],
        unsent: Callable[[], int],
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__(info, MANNERS, clock)
        self._stream = stream
        self._write = write
        self._unsent = unsent
        self._player = MessagePlayer(self._sound, self.told.put, clock.now())
        self._news = asyncio.Event()
        self._kind = PLAIN
        self._mouth: StreamResampler | None = None

    # The connection's side

    def receive(self, data: bytes) -> None:
        """Bytes came; none: the other end closed."""
        if not data:
            self.told.put(self._stream.closed())
            return
        try:
            self.told.put(*self._stream.receive(data, self._clock.now()))
        except PeerError as error:
            self.told.put(LegEnded(error.what, failed=True))

    async def play(self) -> None:
        """Send what is to be heard, block by block, until the call is over."""
        while not self.told.ended.is_set():
            self._news.clear()
            due = self._player.deadline
            if due is None:
                await self._wait_in_silence()
            elif due > self._clock.now():
                await self._clock.wait_until(due)
            else:
                self._player.tick(self._clock.now())
                self._flush()

    async def _wait_in_silence(self) -> None:
        """Until there is something to do, or it is time to show that we are there."""
        try:
            async with asyncio.timeout(SIGN_SECONDS):
                await self._news.wait()
        except TimeoutError:
            kind = self._stream.kind
            self._send(kind, silence(RATES[kind] // 50))

    @property
    def unread(self) -> bool:
        """Asterisk does not read."""
        return self._unsent() > 2 * RATES[self._stream.kind] * UNSENT_SECONDS

    def _send(self, kind: int, samples: Samples) -> None:
        if self.unread:
            self.told.put(LegEnded("Asterisk takes no sound any more", failed=True))
        else:
            self._write(write_sound(kind, samples))

    def _sound(self, samples: Samples) -> None:
        """The next 20 ms (48 kHz)."""
        if self._mouth is None or self._kind != self._stream.kind:
            self._kind = self._stream.kind
            self._mouth = StreamResampler(RATE, RATES[self._kind])
        if len(made := self._mouth.push(samples)):
            self._send(self._kind, made)

    def _flush(self) -> None:
        """The rest of a talk-spurt that is over."""
        if self._player.sounding or self._mouth is None:
            return
        mouth, self._mouth = self._mouth, None
        if len(rest := mouth.finish()):
            self._write(write_sound(self._kind, rest))

    def _end(self, event: LegEnded) -> None:
        if not self.told.ended.is_set():
            self._write(write_frame(Kind.HANG_UP))
        self.told.put(event)
        self._news.set()

    # See CallLeg

    async def refuse(self, status: int, retry_after_s: int = 0) -> None:
        """See the protocol; the dialplan goes on after its ``AudioSocket``, and may say why."""
        self._end(LegEnded(f"refused ({status})", ours=True, status=status))

    async def write(self, message: FarEndMessage) -> None:
        """See the protocol."""
        if not self.told.ended.is_set():
            self._player.take(message, self._clock.now())
            self._flush()
            self._news.set()

    async def refer(self, target: str, headers: Mapping[str, str]) -> None:
        """See the protocol."""
        remedy = "Let the dialplan go on after its AudioSocket, or take the call by SIP."
        raise UnsupportedError("AudioSocket transfers no call", where=self.info.id, remedy=remedy)

    async def hang_up(self, reason: str) -> None:
        """See the protocol."""
        self._end(LegEnded(reason, ours=True))


class AudioSocketListener:
    """Takes connections while :meth:`run` runs, and gives each call to ``take``."""

    def __init__(self, plan: AudioSocketPlan, take: TakeCall, clock: Clock = SYSTEM_CLOCK) -> None:
        self._plan = plan
        self._take = take
        self._clock = clock
        self._networks = [ipaddress.ip_network(each, strict=False) for each in plan.allow]
        self._calls = 0
        self.port = 0
        """The port, once it listens."""
        self.refused: Counter[AwayReason] = Counter()
        """Connections that became no call: from an address that may not, for want of a place, or that speak another
        protocol.
        """

    async def run(self) -> None:
        """Listen until cancelled. Raises :class:`InputError` for an address that cannot be had."""
        with self._bound() as listening:
            self.port = listening.getsockname()[1]
            async with asyncio.TaskGroup() as group:
                while True:
                    try:
                        connection, (host, *_) = await asyncio.get_running_loop().sock_accept(listening)
                    except OSError as error:  # nothing that ends the calls that stand
                        log.warning("audiosocket.not_taken", error=str(error))
                        await self._clock.wait_until(self._clock.now() + ACCEPT_PAUSE)
                        continue
                    if self._turned_away(host):
                        connection.close()
                        continue
                    self._calls += 1
                    group.create_task(self._serve(connection, host))

    def _bound(self) -> socket.socket:
        host, port = self._plan.host, self._plan.port
        listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
            listening.listen(128)
            listening.setblocking(False)
        except OSError as error:
            listening.close()
            raise InputError(
                f"{host}:{port} cannot be listened on: {error.strerror or error}",
                where="phone.audiosocket.listen", remedy="End the program that holds it, or choose another port.",
            ) from error  # fmt: skip
        return listening

    def _turned_away(self, host: str) -> bool:
        if not self.allows(host):
            reason = AwayReason.SOURCE
        elif self._calls >= self._plan.most_calls:
            reason = AwayReason.PLACES
        else:
            return False
        self.refused[reason] += 1
        log.warning("audiosocket.refused", peer=host, reason=reason.value)
        return True

    def allows(self, host: str) -> bool:
        """Whether this address may connect."""
        address = ipaddress.ip_address(host.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks) if self._networks else address.is_loopback

    async def _serve(self, connection: socket.socket, host: str) -> None:
        """One connection, from its UUID to its end; whatever it suffers is its own."""
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader, writer = await asyncio.open_connection(sock=connection)
            try:
                stream = AudioSocketStream()
                if (began := await self._identified(reader, stream)) is not None:
                    await self._hold(reader, writer, self._leg(writer, stream, host), began)
            finally:
                writer.close()
        except OSError as error:
            log.info("audiosocket.broke", peer=host, error=str(error))
        finally:
            self._calls -= 1

    async def _identified(self, reader: asyncio.StreamReader, stream: AudioSocketStream) -> Sequence[LegEvent] | None:
        """What came with its UUID; None: none came, or another protocol."""
        told: list[LegEvent] = []
        try:
            async with asyncio.timeout(IDENTITY_SECONDS):
                while stream.identity is None:
                    if not (data := await reader.read(_READ)):
                        return None
                    told += stream.receive(data, self._clock.now())
        except (TimeoutError, PeerError) as error:
            self.refused[AwayReason.REQUEST] += 1
            log.warning("audiosocket.refused", reason=str(error) or "nothing came")
            return None
        return told

    def _leg(self, writer: asyncio.StreamWriter, stream: AudioSocketStream, host: str) -> AudioSocketLeg:
        assert stream.identity is not None
        info = CallInfo(
            id=unique_id(self._clock.wall()), caller="", called=called_by(stream.identity, self._plan.called),
            carrier="audiosocket", codec=f"L16/{RATES[stream.kind]}", peer=host,
            headers={"audiosocket-uuid": str(stream.identity)},
        )  # fmt: skip
        return AudioSocketLeg(info, stream, writer.write, writer.transport.get_write_buffer_size, self._clock)

    async def _hold(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, leg: AudioSocketLeg, began: Sequence[LegEvent]
    ) -> None:
        leg.told.put(*began)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._read(reader, leg)), group.create_task(leg.play())]
            taken = group.create_task(self._taken(leg))
            await leg.told.ended.wait()
            for task in tasks:
                task.cancel()
            if leg.unread:
                writer.transport.abort()  # it would wait for ever to be read
            else:
                writer.close()
            await taken

    async def _taken(self, leg: AudioSocketLeg) -> None:
        await self._take(leg)

    async def _read(self, reader: asyncio.StreamReader, leg: AudioSocketLeg) -> None:
        while not leg.told.ended.is_set():
            try:
                async with asyncio.timeout(SILENT_SECONDS):
                    leg.receive(await reader.read(_READ))
            except TimeoutError:
                leg.told.put(LegEnded(f"nothing has come for {SILENT_SECONDS:g} s", failed=True))
            except ConnectionResetError:  # Asterisk closes with sound of ours unread
                leg.receive(b"")
            except OSError as error:
                leg.told.put(LegEnded(f"the connection broke: {error.strerror or error}", failed=True))
