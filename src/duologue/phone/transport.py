"""The sockets of a line's SIP: UDP, TCP and TLS around a :class:`UserAgent` (RFC 3261, section 18).

The shell owns the one timer and all connections; what it decides is only where bytes go: a response on a stream over
the connection that its request came by, a request over one that is open to its flow, else over a new one.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from duologue.clock import SECOND, Clock
from duologue.errors import PeerError
from duologue.phone import message as sip
from duologue.phone.call_events import Event
from duologue.phone.message import MalformedError, StreamReader
from duologue.phone.transactions import Flow
from duologue.phone.user_agent import Output, Transmit, UserAgent

MOST_CONNECTIONS = 256
MOST_UNSENT = 262_144
"""Bytes that a connection may owe its far end before it is closed; for one that is being opened too."""
CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to listen. A port of None: not by this transport; 0: any. ``server`` is needed for TLS."""

    host: str
    udp: int | None = 5060
    tcp: int | None = None
    tls: int | None = None
    server: ssl.SSLContext | None = None
    client: ssl.SSLContext | None = None


class Transport:
    """Runs a user agent. Its owner gives what the agent's methods return (:meth:`perform`); ``tell`` has the events."""

    def __init__(self, agent: UserAgent, clock: Clock, tell: Callable[[Event], None]) -> None:
        self.agent = agent
        self.dropped = 0
        """Messages that could not be sent."""
        self._clock, self._tell = clock, tell
        self._loop = asyncio.get_running_loop()
        self._datagrams: asyncio.DatagramTransport | None = None
        self._connections: dict[Flow, _Connection] = {}
        self._opening: dict[Flow, bytearray] = {}
        self._servers: list[asyncio.Server] = []
        self._timer: asyncio.TimerHandle | None = None
        self._listening = Listening("127.0.0.1")
        self._tasks: asyncio.TaskGroup | None = None
        self.ports: dict[str, int] = {}

    async def open(self, listening: Listening, tasks: asyncio.TaskGroup) -> None:
        """Listen; connections are opened in ``tasks``. Raises :class:`PeerError` where a port is taken."""
        self._listening, self._tasks = listening, tasks
        try:
            if listening.udp is not None:
                address = (listening.host, listening.udp)
                made, _ = await self._loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=address)
                self._datagrams = made
                self.ports["UDP"] = made.get_extra_info("sockname")[1]
            for name, port, context in (("TCP", listening.tcp, None), ("TLS", listening.tls, listening.server)):
                if port is not None:
                    server = await self._loop.create_server(
                        lambda name=name: _Connection(self, name), listening.host, port, ssl=context
                    )
                    self._servers.append(server)
                    self.ports[name] = server.sockets[0].getsockname()[1]
        except OSError as error:
            self.close()
            raise PeerError(f"cannot listen on {listening.host}: {error.strerror}", where="phone.listen") from error

    def close(self) -> None:
        """Close everything. What the agent has not ended by now ends by its far ends' timers."""
        if self._timer:
            self._timer.cancel()
        for server in self._servers:
            server.close()
        for connection in list(self._connections.values()):
            connection.abort()
        if self._datagrams:
            self._datagrams.close()

    def perform(self, outputs: Sequence[Output]) -> None:
        """Send what is to be sent, tell what is to be told, and wake up in time."""
        for output in outputs:
            if isinstance(output, Transmit):
                self._send(output.data, output.flow)
            else:
                self._tell(output)
        self._arm()

    def datagram(self, data: bytes, source: Flow) -> None:
        """A datagram came."""
        self.perform(self.agent.receive_datagram(data, source, self._clock.now()))

    def opened(self, connection: _Connection) -> bool:
        """Whether a connection may stay."""
        if len(self._connections) >= MOST_CONNECTIONS or connection.flow in self._connections:
            return False
        self._connections[connection.flow] = connection
        return True

    def closed(self, connection: _Connection) -> None:
        """A connection is gone."""
        if self._connections.get(connection.flow) is connection:
            del self._connections[connection.flow]

    def streamed(self, data: bytes, connection: _Connection) -> None:
        """Bytes came on a stream."""
        try:
            for message in connection.reader.feed(data):
                if isinstance(message, sip.KeepAlive):
                    connection.write(sip.KEEP_ALIVE_ANSWER)
                else:
                    self.perform(self.agent.receive(message, connection.flow, self._clock.now()))
        except MalformedError as error:
            self.perform(self.agent.malformed(error, connection.flow, self._clock.now()))
            connection.finish()

    def _send(self, data: bytes, flow: Flow) -> None:
        if flow in self._connections:
            self._connections[flow].write(data)
        elif not flow.reliable and _is_address(flow.host):
            self._send_datagram(data, flow.host, flow.port)
        elif flow in self._opening:
            if len(self._opening[flow]) + len(data) > MOST_UNSENT:
                self.dropped += 1
            else:
                self._opening[flow] += data
        elif self._tasks is not None:
            if flow.reliable:
                self._opening[flow] = bytearray(data)
            self._tasks.create_task(self._connect(flow) if flow.reliable else self._resolve(data, flow))

    def _send_datagram(self, data: bytes, host: str, port: int) -> None:
        if self._datagrams is None or self._datagrams.is_closing():
            self.dropped += 1
        else:
            self._datagrams.sendto(data, (host, port))

    async def _resolve(self, data: bytes, flow: Flow) -> None:
        try:
            found = await self._loop.getaddrinfo(flow.host, flow.port, proto=17)
        except OSError:
            self.dropped += 1  # the transaction repeats it, and fails by its timer
            return
        self._send_datagram(data, cast(str, found[0][4][0]), flow.port)

    async def _connect(self, flow: Flow) -> None:
        context = self._listening.client or ssl.create_default_context() if flow.transport == "TLS" else None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await self._loop.create_connection(
                    lambda: _Connection(self, flow.transport, flow), flow.host, flow.port, ssl=context
                )
        except (OSError, TimeoutError, ssl.SSLError):
            self.dropped += 1
            del self._opening[flow]
            return
        connection.write(bytes(self._opening.pop(flow)))

    def _arm(self) -> None:
        """One timer for all deadlines."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.agent.deadline
        if deadline is not None:
            wait = max(deadline - self._clock.now(), 0) / SECOND
            self._timer = self._loop.call_later(wait, self._tick)

    def _tick(self) -> None:
        self.perform(self.agent.tick(self._clock.now()))


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, owner: Transport) -> None:
        self._owner = owner

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._owner.datagram(data, Flow("UDP", addr[0], addr[1]))


class _Connection(asyncio.Protocol):
    """One stream; ``flow`` is what it is known by: whom we opened it to, or where it came from."""

    def __init__(self, owner: Transport, transport: str, flow: Flow | None = None) -> None:
        self.reader = StreamReader()
        self._owner, self._name = owner, transport
        self._transport: asyncio.Transport | None = None
        self._known = flow

    @property
    def flow(self) -> Flow:
        assert self._known is not None
        return self._known

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._known is None:
            host, port = transport.get_extra_info("peername")[:2]
            self._known = Flow(self._name, host, port)
        if not self._owner.opened(self):
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._owner.streamed(data, self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.closed(self)

    def write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            self._owner.dropped += 1
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > MOST_UNSENT:
            self.abort()

    def finish(self) -> None:
        if self._transport:
            self._transport.close()

    def abort(self) -> None:
        if self._transport:
            self._transport.abort()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
