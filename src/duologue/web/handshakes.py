"""Connections of HTTPS until they have shaken hands: bounded in time, and in count, from one network and in all.

Where too many are at it, the one that has been longest makes room for who comes: of the same network, if that has too
many, else of all. Who means it has shaken hands within a moment, so a crowd that does not displaces nobody but itself.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import ssl
from collections.abc import Callable

from duologue.telemetry.log import get_logger

MOST_SHAKING = 250
"""Connections at once that have not shaken hands yet."""
MOST_OF_A_NETWORK = 50
"""Of those, from one address of IPv4, or 64 bits of IPv6: what one subscriber is given (RFC 6177, section 2)."""
ACCEPT_PAUSE = 0.5
"""Seconds after which a connection is taken again, where there was no descriptor left for one."""
_SCARCE = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

_log = get_logger(__name__)


class Handshakes:
    """:meth:`run` it on each listening socket. ``protocol`` makes what talks once hands are shaken, which has
    ``seconds``. ``turned_away``: how many had to make room.
    """

    def __init__(self, context: ssl.SSLContext, protocol: Callable[[], asyncio.Protocol], seconds: float) -> None:
        self._context = context
        self._protocol = protocol
        self._seconds = seconds
        self._shaking: dict[asyncio.Task[None], str] = {}
        self.turned_away = 0

    @property
    def shaking(self) -> int:
        """How many are at it."""
        return len(self._shaking)

    async def run(self, listening: socket.socket) -> None:
        """Take connections until cancelled."""
        listening.setblocking(False)
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    sock, (host, *_) = await loop.sock_accept(listening)
                except OSError as error:  # of one that is gone again, or for want of a descriptor
                    if error.errno in _SCARCE:
                        await asyncio.sleep(ACCEPT_PAUSE)
                    continue
                self._make_room(network_of(host))
                task = group.create_task(self._shake(sock))
                self._shaking[task] = network_of(host)
                task.add_done_callback(lambda done: self._shaking.pop(done, None))

    async def _shake(self, sock: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._protocol, sock, ssl=self._context, ssl_handshake_timeout=self._seconds
            )
        except OSError:  # no handshake, or not in time
            pass

    def _make_room(self, network: str) -> None:
        own = [task for task, of in self._shaking.items() if of == network]
        if len(own) >= MOST_OF_A_NETWORK:
            self._turn_away(own[0])
        elif len(self._shaking) >= MOST_SHAKING:
            self._turn_away(next(iter(self._shaking)))

    def _turn_away(self, task: asyncio.Task[None]) -> None:
        self.turned_away += 1
        if self.turned_away % MOST_SHAKING == 1:  # a flood is not to fill the log, too
            _log.warning("web.crowded", shaking=self.shaking, turned_away=self.turned_away)
        self._shaking.pop(task, None)
        task.cancel()


def network_of(host: str) -> str:
    """Of an address."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))
    return str(address)
