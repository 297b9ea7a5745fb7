"""A WebSocket of the web server, as conversations need it."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect

from duologue.app.talk.connection import SocketGone

CLOSE_SECONDS = 2.0
"""For a socket to take its close, whose other end may not read."""


class Wire:
    """See :class:`~duologue.app.talk.connection.TalkSocket`."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def receive(self) -> str | bytes:
        """See the protocol."""
        try:
            message = await self._socket.receive()
        except RuntimeError as error:
            raise SocketGone from error
        if message["type"] != "websocket.receive":
            raise SocketGone
        text, data = message.get("text"), message.get("bytes")
        return text if text is not None else data or b""

    async def send(self, data: str | bytes) -> None:
        """See the protocol."""
        try:
            if isinstance(data, str):
                await self._socket.send_text(data)
            else:
                await self._socket.send_bytes(data)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise SocketGone from error

    async def close(self, code: int, why: str) -> None:
        """See the protocol."""
        with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close(code, why.encode()[:120].decode(errors="ignore"))

    async def refuse(self, text: str, why: str) -> None:
        """A last message, and the end."""
        with contextlib.suppress(SocketGone):
            await self.send(text)
        await self.close(1008, why)
