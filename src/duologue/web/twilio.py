"""Where Twilio comes in: the request for a call's instructions, and the stream that they lead to. No token is asked
for, since both are signed.
"""

from __future__ import annotations

import asyncio
import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi import Request, Response, WebSocket
from starlette.websockets import WebSocketDisconnect

from duologue.app.models import Problem
from duologue.phone.twilio.socket import GoneError
from duologue.phone.twilio.voice import ForgedError
from duologue.telemetry.log import get_logger
from duologue.web import paths
from duologue.web.access import TheHouse
from duologue.web.bodies import Router
from duologue.web.problems import NotFound, Refusal
from duologue.web.scopes import open_to_all
from duologue.web.studio import HousePort

if TYPE_CHECKING:
    from duologue.phone.twilio.calls import TwilioCalls

SIGNATURE = "x-twilio-signature"
CLOSE_SECONDS = 2.0
"""For a socket to take its close, whose other end may not read."""
_NORMAL, _POLICY_VIOLATION = 1000, 1008

router = Router(prefix=paths.TWILIO, tags=["phone"])
log = get_logger(__name__)


@router.post(
    "/voice", operation_id="twilio_voice", dependencies=[open_to_all()], response_class=Response,
    responses={
        200: {"content": {"application/xml": {}}, "description": "Instructions (TwiML)."},
        403: {"model": Problem, "description": "Twilio has not signed it."},
        404: {"model": Problem, "description": "No calls are taken from Twilio."},
    },
)  # fmt: skip
async def voice(request: Request, house: TheHouse) -> Response:
    """What Twilio is to do with a call: open a stream to us, or say that we are busy."""
    calls = _calls(house)
    try:
        made = calls.voice(request.url.query, await request.body(), request.headers.get(SIGNATURE, ""))
    except ForgedError as error:
        log.warning("twilio.refused", error=error.what)
        raise Refusal(HTTPStatus.FORBIDDEN, error.what, where=error.where, remedy=error.remedy) from error
    return Response(made, media_type="application/xml", headers={"Cache-Control": "no-store"})


@router.websocket("/stream/{ticket}")
async def stream(socket: WebSocket, ticket: str) -> None:
    """The sound of a call, both ways."""
    house: HousePort = socket.app.state.house
    if house.twilio is None:
        await socket.close(_POLICY_VIOLATION)
        return
    try:
        invitation = house.twilio.enter(ticket, socket.headers.get(SIGNATURE, ""))
    except ForgedError as error:
        log.warning("twilio.refused", error=error.what)
        await socket.close(_POLICY_VIOLATION)  # before it is accepted: 403
        return
    await socket.accept()
    await house.twilio.hold(invitation, _Socket(socket))


class _Socket:
    """See :class:`~duologue.phone.twilio.leg.StreamSocket`."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    @property
    def peer(self) -> str:
        return self._socket.client.host if self._socket.client is not None else ""

    async def receive(self) -> str:
        try:
            message = await self._socket.receive()
        except RuntimeError as error:
            raise GoneError from error
        if message["type"] != "websocket.receive":
            raise GoneError
        return message.get("text") or ""  # Twilio sends no bytes: it is said to be no JSON

    async def send(self, text: str) -> None:
        try:
            await self._socket.send_text(text)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise GoneError from error

    async def close(self, why: str) -> None:
        with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close(_NORMAL, why.encode()[:120].decode(errors="ignore"))


def _calls(house: HousePort) -> TwilioCalls:
    if house.twilio is None:
        raise NotFound(
            "No calls are taken from Twilio", where=f"{paths.TWILIO}/voice",
            remedy="Switch the phone on, and set auth_token and public_url under [phone.twilio].",
        )  # fmt: skip
    return house.twilio
