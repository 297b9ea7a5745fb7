"""A WebSocket's connection, as the server keeps it."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from duologue.web.door import SocketProtocol

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SOUND = bytes([0x82, 0x80 | 2, 0, 0, 0, 0, 1, 2])
"""A message of two bytes."""


class Line(asyncio.Transport):
    """A connection to a client that answers no ping, as far as we read."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def write(self, data: Any) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


async def test_a_client_is_not_taken_for_dead_while_we_do_not_read_what_it_sends() -> None:
    """A model may come up for two minutes: who sent sound meanwhile was dropped after 40 s."""
    up, listens = asyncio.Event(), asyncio.Event()

    async def talk(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await up.wait()
        await receive()
        listens.set()
        await receive()

    line = Line()
    socket = SocketProtocol(uvicorn.Config(talk, lifespan="off", log_config=None), ServerState(), {})
    async with asyncio.timeout(20):
        socket.connection_made(line)
        socket.data_received(HANDSHAKE)
        while not socket.handshake_complete:  # noqa: ASYNC110 (uvicorn has no event)
            await asyncio.sleep(0)
        socket.data_received(SOUND)
        for _ in range(3):
            socket.send_keepalive_ping()
            socket.keepalive_timeout()
            assert not line.closed and socket.ping_timer is not None
        up.set()
        await listens.wait()
        socket.send_keepalive_ping()
        socket.keepalive_timeout()  # now it would have been read
        assert line.closed
        socket.connection_lost(None)
