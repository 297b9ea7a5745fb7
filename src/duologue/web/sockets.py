"""A WebSocket of the web server, as conversations need it."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import WebSocket
from starlette.types import Send
from starlette.websockets import WebSocketDisconnect

from duologue.app.talk.connection import SocketGone
from duologue.app.talk.messages import TalkBye

CLOSE_SECONDS = 2.0
"""For a socket to take its close, whose other end may not read."""
POLICY_VIOLATION = 1008
"""RFC 6455, section 7.4.1."""


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
                await self._socket.close(code, _short(why))

    async def refuse(self, text: str, why: str) -> None:
        """A last message, and the end."""
        with contextlib.suppress(SocketGone):
            await self.send(text)
        await self.close(POLICY_VIOLATION, why)


async def turn_away(send: Send, bye: TalkBye) -> None:
    """Refuse the socket of a talk that nothing serves yet. It is accepted before: a browser is told no other reason."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": bye.model_dump_json()})
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": _short(bye.text)})


def _short(why: str) -> str:
    """What a close frame has room for."""
    return why.encode()[:120].decode(errors="ignore")
