"""The sockets of a line's SIP: UDP, TCP and TLS around a :class:`UserAgent` (RFC 3261, section 18).

The shell owns the one timer and all connections; what it decides is only where bytes go: a response on a stream over
the connection that its request came by, a request over one that is open to its flow, else over a new one.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from duologue.certificates import Believed
from duologue.clock import SECOND, Clock
from duologue.errors import PeerError
from duologue.phone.sip import message as sip
from duologue.phone.sip.call_events import Event
from duologue.phone.sip.header_fields import is_address
from duologue.phone.sip.message import MalformedError, StreamReader
from duologue.phone.sip.names import Names
from duologue.phone.sip.transactions import Flow
from duologue.phone.sip.user_agent import Output, Transmit, UserAgent

MOST_CONNECTIONS = 256
"""That others have opened to us, from the first byte of a TLS handshake on; and that we keep of ours: of more the one
is closed that was used longest ago.
"""
MOST_OF_A_STRANGER = MOST_CONNECTIONS // 2
"""From one address that nobody named: it alone keeps no other out."""
MOST_UNSENT = 262_144
"""Bytes that a connection may owe its far end before it is closed; for one that is being opened too."""
CONNECT_SECONDS = 10.0
"""For a connection to one server, its TLS handshake included; the same for one that others open to us."""
DEAD_MS = 32_000
"""For so long what we sent may go without the acknowledgement of TCP (RFC 5482); then the connection is none any more:
a far end that lost its power, or a NAT that forgot us. The system alone would take a quarter of an hour to notice.
"""
PROBE_SECONDS, PROBE_AGAIN = 60, 10
"""A connection over which nothing came for so long is asked whether its far end is there, and asked again; one that is
not there for :data:`DEAD_MS` is closed. Else one to which we have nothing to send would keep its place for good, and a
PBX behind a NAT that forgets takes another one each time.
"""
SILENT_SECONDS = 30.0
"""How long a connection that was opened to us may be there without a message."""
ACCEPT_PAUSE = SECOND // 10
"""After a connection that could not be taken: what it wanted (a descriptor, memory) may be there again (ns)."""
MOST_RESOLVING = 256
"""Datagrams that wait for a name."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to listen. A port of None: not by this transport; 0: any. ``server`` is needed for TLS; ``client`` gives
    what is needed for a connection of ours by it (None: the machine's authorities are believed).
    """

    host: str
    udp: int | None = 5060
    tcp: int | None = None
    tls: int | None = None
    server: ssl.SSLContext | None = None
    client: Callable[[], Awaitable[ssl.SSLContext]] | None = None


class Transport:
    """Runs a user agent. Its owner gives what the agent's methods return (:meth:`perform`); ``tell`` has the events."""

    def __init__(
        self, agent: UserAgent, clock: Clock, tell: Callable[[Event], None], names: Names | None = None
    ) -> None:
        self.agent = agent
        self.names = names or Names(clock)
        self.dropped = 0
        """Messages that could not be sent."""
        self._clock, self._tell = clock, tell
        self._loop = asyncio.get_running_loop()
        self._datagrams: asyncio.DatagramTransport | None = None
        self._connections: dict[Flow, _Connection] = {}
        self._opening: dict[Flow, bytearray] = {}
        self._ours: OrderedDict[Flow, _Connection] = OrderedDict()
        """In the order of their use."""
        self._theirs: set[_Connection] = set()
        """Connections that others have opened to us, or are about to."""
        self._listeners: list[socket.socket] = []
        self._timer: asyncio.TimerHandle | None = None
        self._listening = Listening("127.0.0.1")
        self._believed = Believed()
        self._tasks: asyncio.TaskGroup | None = None
        self._works: set[asyncio.Task[None]] = set()
        """Of that group, which end with us: whoever lets us wait would have it wait, too."""
        self._resolving = 0
        self._closed = False
        self.ports: dict[str, int] = {}

    async def open(self, listening: Listening, tasks: asyncio.TaskGroup) -> None:
        """Listen; connections are opened in ``tasks``. Raises :class:`PeerError` where a port is taken."""
        self._listening, self._tasks = listening, tasks
        self.names.version = 6 if ":" in listening.host else 4
        try:
            if listening.udp is not None:
                bound = _bound(listening.host, listening.udp)
                made, _ = await self._loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=bound)
                self._datagrams = made
                self.ports["UDP"] = made.get_extra_info("sockname")[1]
            for name, port, context in (("TCP", listening.tcp, None), ("TLS", listening.tls, listening.server)):
                if port is not None:
                    self.ports[name] = self._listen(name, listening.host, port, context)
        except OSError as error:
            self.close()
            wanted = (("UDP", listening.udp), ("TCP", listening.tcp), ("TLS", listening.tls))
            name, port = next((name, port) for name, port in wanted if port is not None and name not in self.ports)
            raise PeerError(
                f"cannot listen on {listening.host}, port {port} ({name.lower()}): {error.strerror}",
                where="phone.tls_port" if name == "TLS" else "phone.listen",
                remedy="End the program that holds it, or choose another port.",
            ) from error

    def close(self) -> None:
        """Close everything. What the agent has not ended by now ends by its far ends' timers."""
        self._closed = True
        if self._timer:
            self._timer.cancel()
        for work in self._works:
            work.cancel()
        for listener in self._listeners:
            self._loop.remove_reader(listener)
            listener.close()
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
        while self.agent.unanswered:
            self.names.unanswered(self.agent.unanswered.popleft())
        self._arm()

    def datagram(self, data: bytes, source: Flow) -> None:
        """A datagram came."""
        self.perform(self.agent.receive_datagram(data, source, self._clock.now()))

    def opened(self, connection: _Connection) -> bool:
        """Whether a connection may stay: there is no other to the same."""
        if connection.flow in self._connections:
            return False
        self._connections[connection.flow] = connection
        if connection.ours:
            self._ours[connection.flow] = connection
            if len(self._ours) > MOST_CONNECTIONS:
                next(iter(self._ours.values())).abort()
        return True

    def closed(self, connection: _Connection) -> None:
        """A connection is gone."""
        self._theirs.discard(connection)
        if self._connections.get(connection.flow) is connection:
            del self._connections[connection.flow]
            self._ours.pop(connection.flow, None)
            if not self._closed:
                lost = self.agent.lost(connection.flow, self._clock.now(), theirs=not connection.ours)
                self.perform(lost)

    def streamed(self, data: bytes, connection: _Connection) -> None:
        """Bytes came on a stream."""
        try:
            for message in connection.reader.feed(data):
                if isinstance(message, sip.KeepAlive):
                    connection.write(sip.KEEP_ALIVE_ANSWER)
                elif isinstance(message, sip.KeepAliveAnswer):
                    self.perform(self.agent.pong(connection.flow, self._clock.now()))
                else:
                    connection.heard()
                    self.perform(self.agent.receive(message, connection.flow, self._clock.now()))
        except MalformedError as error:
            self.perform(self.agent.malformed(error, connection.flow, self._clock.now()))
            connection.finish()

    def _work(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._tasks is not None
        task = self._tasks.create_task(work)
        self._works.add(task)
        task.add_done_callback(self._works.discard)

    def _listen(self, name: str, host: str, port: int, context: ssl.SSLContext | None) -> int:
        """Take connections; at which port."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=128)
        listener.setblocking(False)
        self._listeners.append(listener)
        self._work(self._accept(listener, name, context))
        return int(listener.getsockname()[1])

    async def _accept(self, listener: socket.socket, name: str, context: ssl.SSLContext | None) -> None:
        while True:
            try:
                accepted, (host, *_) = await self._loop.sock_accept(listener)
            except OSError:  # for want of a descriptor, perhaps: nothing that ends the calls that stand
                await self._clock.wait_until(self._clock.now() + ACCEPT_PAUSE)
                continue
            if self._takes(host):
                connection = _Connection(self, name, host=host)
                self._theirs.add(connection)
                self._work(self._begin(connection, accepted, context))
            else:
                accepted.close()

    def _takes(self, host: str) -> bool:
        """Whether one more connection from ``host`` is taken: before it costs a handshake."""
        screening = self.agent.screening
        if len(self._theirs) >= MOST_CONNECTIONS or not screening.connects(host, self._clock.now()):
            return False
        return screening.knows(host) or sum(one.host == host for one in self._theirs) < MOST_OF_A_STRANGER

    async def _begin(self, connection: _Connection, accepted: socket.socket, context: ssl.SSLContext | None) -> None:
        seconds = CONNECT_SECONDS if context else None
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection, accepted, ssl=context, ssl_handshake_timeout=seconds
            )
        except OSError:  # no handshake, or not in time
            self._theirs.discard(connection)

    def _send(self, data: bytes, flow: Flow) -> None:
        if flow in self._connections:
            if flow in self._ours:
                self._ours.move_to_end(flow)
            self._connections[flow].write(data)
        elif not flow.reliable:
            servers = [flow] if is_address(flow.host) else self.names.known(flow)
            if servers is None:
                self._later(data, flow)
            else:
                self._send_first(data, servers, flow)
        elif flow in self._opening:
            if len(self._opening[flow]) + len(data) > MOST_UNSENT:
                self.dropped += 1
            else:
                self._opening[flow] += data
        elif self._tasks is not None and not self._closed:
            self._opening[flow] = bytearray(data)
            self._work(self._connect(flow))

    def _later(self, data: bytes, flow: Flow) -> None:
        if self._tasks is None or self._closed or self._resolving >= MOST_RESOLVING:
            self.dropped += 1
        else:
            self._resolving += 1
            self._work(self._resolve(data, flow))

    def _send_first(self, data: bytes, servers: Sequence[Flow], flow: Flow) -> None:
        reached = self._listening.udp is not None and servers
        if reached and (":" in servers[0].host) == (":" in self._listening.host):
            self._send_datagram(data, servers[0].host, servers[0].port)
        else:  # nobody is behind the name, or no socket of ours gets there: it has failed (RFC 3261, section 8.1.3.1)
            self.dropped += 1
            self._loop.call_soon(self._lost, flow)

    def _lost(self, flow: Flow) -> None:
        if not self._closed:
            self.perform(self.agent.lost(flow, self._clock.now()))

    def _send_datagram(self, data: bytes, host: str, port: int) -> None:
        if self._datagrams is None or self._datagrams.is_closing():
            self.dropped += 1
        else:
            self._datagrams.sendto(data, (host, port))

    async def _resolve(self, data: bytes, flow: Flow) -> None:
        try:
            self._send_first(data, await self.names.servers(flow), flow)
        finally:
            self._resolving -= 1

    async def _connect(self, flow: Flow) -> None:
        """To the first server behind ``flow`` that takes us (RFC 3263, section 4.3)."""
        secure = flow.transport == "TLS"
        context = await (self._listening.client or self._believed.context)() if secure else None
        servers = [flow] if is_address(flow.host) else await self.names.servers(flow)
        name = (flow.name or flow.host) if secure else None
        for server in servers if name is None or _is_certified(name) else ():
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    _, connection = await self._loop.create_connection(
                        lambda: _Connection(self, flow.transport, flow), server.host, server.port, ssl=context,
                        server_hostname=name,
                    )  # fmt: skip
            except OSError:
                continue
            connection.write(bytes(self._opening.pop(flow)))
            return
        self.dropped += 1
        del self._opening[flow]
        if not self._closed:
            self.perform(self.agent.lost(flow, self._clock.now()))

    def _arm(self) -> None:
        """One timer for all deadlines."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.agent.deadline
        if deadline is not None and not self._closed:
            wait = max(deadline - self._clock.now(), 0) / SECOND
            self._timer = self._loop.call_later(wait, self._tick)

    def _tick(self) -> None:
        self.perform(self.agent.tick(self._clock.now()))


def _is_certified(name: str) -> bool:
    """Whether a certificate can have this name: others choose by what they are to be called."""
    try:
        return bool(name.encode("idna"))
    except UnicodeError:
        return False


def _bound(host: str, port: int) -> socket.socket:
    """For datagrams. One of IPv6 is of that alone, whatever the system would have it be, as those of streams and of
    sound are: a caller by IPv4 would be heard and have no sound.
    """
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if made.family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.setblocking(False)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, owner: Transport) -> None:
        self._owner = owner

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._owner.datagram(data, Flow("UDP", addr[0], addr[1]))


class _Connection(asyncio.Protocol):
    """One stream; ``flow`` is what it is known by: whom we opened it to, or where it came from. ``host`` is the address
    of who opened it to us.
    """

    def __init__(self, owner: Transport, transport: str, flow: Flow | None = None, *, host: str = "") -> None:
        self.host = host
        self.ours = flow is not None
        self.reader = StreamReader(ours=self.ours)
        self._silent: asyncio.TimerHandle | None = None
        self._owner, self._name = owner, transport
        self._transport: asyncio.Transport | None = None
        self._known = flow

    @property
    def flow(self) -> Flow:
        assert self._known is not None
        return self._known

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        host, port = (transport.get_extra_info("peername") or ("", 0))[:2]  # one that broke already has none
        if host:
            used = transport.get_extra_info("socket")
            used.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_MS)
            used.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, PROBE_SECONDS)
            used.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, PROBE_AGAIN)
            used.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._known = replace(self._known or Flow(self._name, host, port), peer=(host, port))
        if not self._owner.opened(self):
            self._transport.abort()
        elif not self.ours:
            self._silent = asyncio.get_running_loop().call_later(SILENT_SECONDS, self.abort)

    def data_received(self, data: bytes) -> None:
        self._owner.streamed(data, self)

    def heard(self) -> None:
        """A message came: it may stay for as long as it likes."""
        if self._silent is not None:
            self._silent.cancel()
            self._silent = None

    def connection_lost(self, exc: Exception | None) -> None:
        self.heard()
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
