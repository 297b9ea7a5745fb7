"""The sockets of sound: pairs of ports (RTP and RTCP) from a bounded pool, each given back."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable

from duologue.errors import InputError, PeerError
from duologue.phone.media.latch import Address

MOST_AT_ONCE = 16
"""Datagrams that are read of one socket before others get their turn."""
_LARGEST = 2048
Receive = Callable[[bytes, Address, bool], None]


class MediaPort:
    """A pair of sockets; ``port`` is that of RTP, the next one of RTCP."""

    def __init__(self, pool: MediaPorts, port: int, sockets: tuple[socket.socket, socket.socket]) -> None:
        self.port = port
        self.unsent = 0
        """Packets that the system did not take."""
        self._pool, self._sockets = pool, sockets
        self._loop = asyncio.get_running_loop()
        self._open = True

    def listen(self, receive: Receive) -> None:
        """Give ``receive`` each datagram, its source, and whether it came to the port of RTCP."""
        for control, each in enumerate(self._sockets):
            self._loop.add_reader(each, self._read, each, bool(control), receive)

    def send(self, data: bytes, address: Address, *, control: bool) -> None:
        """What cannot be sent is counted: a far end that is not there is no error of ours."""
        try:
            self._sockets[control].sendto(data, address)
        except OSError:
            self.unsent += 1

    def close(self) -> None:
        """Give it back. Idempotent."""
        if self._open:
            self._open = False
            for each in self._sockets:
                self._loop.remove_reader(each)
                each.close()
            self._pool.give_back(self.port)

    def _read(self, each: socket.socket, control: bool, receive: Receive) -> None:
        for _ in range(MOST_AT_ONCE):
            try:
                data, address = each.recvfrom(_LARGEST)
            except (BlockingIOError, ConnectionError):  # nothing more; or the far end's port is closed
                return
            except OSError:
                return
            receive(data, (address[0], address[1]), control)
            if not self._open:
                return


class MediaPorts:
    """``first`` to ``last``, on ``host``; the one that was free for longest comes next.

    Raises :class:`InputError` for a range without a pair.
    """

    def __init__(self, host: str, first: int, last: int) -> None:
        even = range(first + first % 2, last, 2)
        if not even or first < 1 or last > 65_535:
            raise InputError(
                f"no two ports lie in {first}…{last}",
                where="phone.media_ports",
                remedy="Give two for each call.",
            )
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._host = host
        self._free = deque(even)
        self.size = len(even)

    @property
    def used(self) -> int:
        """How many pairs are in use."""
        return self.size - len(self._free)

    def take(self) -> MediaPort:
        """A pair. Raises :class:`PeerError` when none is left; pairs that others hold are passed over."""
        for _ in range(len(self._free)):
            port = self._free.popleft()
            try:
                rtp = self._bound(port)
            except OSError:
                self._free.append(port)
                continue
            try:
                rtcp = self._bound(port + 1)
            except OSError:
                rtp.close()
                self._free.append(port)
                continue
            return MediaPort(self, port, (rtp, rtcp))
        raise PeerError("no port is left for sound", where="phone.media_ports", remedy="Widen their range.")

    def give_back(self, port: int) -> None:
        """The pair of ``port`` is free again."""
        self._free.append(port)

    def _bound(self, port: int) -> socket.socket:
        made = socket.socket(self._family, socket.SOCK_DGRAM)
        try:
            made.setblocking(False)
            made.bind((self._host, port))
        except OSError:
            made.close()
            raise
        return made
