"""Conversations with people over the web: who may be talked to, and the socket on which it is done."""

from __future__ import annotations

import asyncio
import contextlib
from typing import cast

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from duologue.app.models import Problem, TalkOffer
from duologue.app.talk_connection import SocketGone
from duologue.app.talk_messages import TalkBye
from duologue.tokens import MEANINGS, Scope
from duologue.web import paths
from duologue.web.access import PROBLEMS, TheHouse
from duologue.web.options import Grant
from duologue.web.problems import NotFound
from duologue.web.scopes import reading
from duologue.web.studio import HousePort

CLOSE_SECONDS = 2.0
"""For a socket to take its close, whose other end may not read."""
_OFF = "No talks are held in this house"
_SWITCH = "Start it with talk = true under [serve], or with --talk."

router = APIRouter(tags=["talk"], responses=PROBLEMS)


@router.get(
    paths.TALK, operation_id="get_talk", dependencies=[reading()],
    responses={404: {"model": Problem, "description": "No talks are held in this house."}},
)  # fmt: skip
async def talk(house: TheHouse) -> TalkOffer:
    """Who may be talked to, on the socket at the same address. What is said on it is described under `Talk…`."""
    if house.talk is None:
        raise NotFound(_OFF, where=paths.TALK, remedy=_SWITCH)
    return TalkOffer(characters=await house.talk.sessions.characters(), reasons=tuple(house.talk.ready()))


@router.websocket(paths.TALK)
async def socket(socket: WebSocket) -> None:
    """A conversation, or a part of one. It is accepted before it is refused: a browser is told no other reason."""
    house: HousePort = socket.app.state.house
    grant = cast(Grant, socket.scope["grant"])
    await socket.accept()
    wire = _Socket(socket)
    if house.talk is None:
        await wire.refuse(TalkBye(code="off", text=f"{_OFF}.", remedy=_SWITCH))
    elif Scope.TALK not in grant.scopes:
        what = f"This token may not {MEANINGS[Scope.TALK]}: it lacks the scope {Scope.TALK.value!r}."
        await wire.refuse(TalkBye(code="forbidden", text=what, remedy="Use a token that has it."))
    else:
        await house.talk.sessions.enter(wire)


class _Socket:
    """See :class:`~duologue.app.talk_connection.TalkSocket`."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def receive(self) -> str | bytes:
        try:
            message = await self._socket.receive()
        except RuntimeError as error:
            raise SocketGone from error
        if message["type"] != "websocket.receive":
            raise SocketGone
        text, data = message.get("text"), message.get("bytes")
        return text if text is not None else data or b""

    async def send(self, data: str | bytes) -> None:
        try:
            if isinstance(data, str):
                await self._socket.send_text(data)
            else:
                await self._socket.send_bytes(data)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise SocketGone from error

    async def close(self, code: int, why: str) -> None:
        with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close(code, why.encode()[:120].decode(errors="ignore"))

    async def refuse(self, bye: TalkBye) -> None:
        with contextlib.suppress(SocketGone):
            await self.send(bye.model_dump_json())
        await self.close(1008, bye.text)
