"""The phone line over the web: its calls, and what may be done with them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, cast

from fastapi import Depends, WebSocket

from duologue.app.calls.line_models import CallView, DialReceipt, DialRequest, LineView, TransferRequest, WhisperRequest
from duologue.app.models import Problem
from duologue.app.talk.messages import TalkBye
from duologue.tokens import MEANINGS, Scope
from duologue.web import paths
from duologue.web.access import PROBLEMS, TheHouse
from duologue.web.bodies import Router
from duologue.web.options import Grant
from duologue.web.problems import NotFound
from duologue.web.scopes import needs
from duologue.web.sockets import Wire
from duologue.web.studio import HousePort, PhoneLine

_MISSING = {404: {"model": Problem, "description": "There is no such call, or no phone line."}}
router = Router(prefix=f"{paths.API}/line", tags=["line"], responses={**PROBLEMS, **_MISSING})


def line_of(house: TheHouse) -> PhoneLine:
    """The phone line. Raises :class:`NotFound` where none is switched on."""
    if house.line is None:
        raise NotFound("This house has no phone line", where="line", remedy="Start it with line = true under [serve].")
    return house.line


TheLine = Annotated[PhoneLine, Depends(line_of)]


@router.get("", operation_id="get_line", dependencies=[needs(Scope.LINE)])
async def line(line: TheLine) -> LineView:
    """The line, its registrations, and its calls without their turns: one message, however many there are. Changes come
    as events of the topic `line`.
    """
    return line.view()


@router.get("/calls/{call}", operation_id="get_call", dependencies=[needs(Scope.LINE)])
async def call(call: str, line: TheLine) -> CallView:
    """A call that goes on, or is one of the newest that are over, with its newest 100 turns."""
    found = line.call(call)
    if found is None:
        raise _unknown(call)
    return found


@router.post("/calls", status_code=HTTPStatus.ACCEPTED, operation_id="dial", dependencies=[needs(Scope.LINE)])
async def dial(request: DialRequest, line: TheLine) -> DialReceipt:
    """Call somebody, for a character to talk with. How it goes is told by events."""
    return DialReceipt(call=await line.dial(request.to, request.account))


@router.post(
    "/calls/{call}/hang_up",
    status_code=HTTPStatus.NO_CONTENT,
    operation_id="hang_up_call",
    dependencies=[needs(Scope.LINE)],
)
async def hang_up(call: str, line: TheLine) -> None:
    """End a call at once."""
    await line.hang_up(_known(call, line))


@router.post(
    "/calls/{call}/transfer",
    status_code=HTTPStatus.ACCEPTED,
    operation_id="transfer_call",
    dependencies=[needs(Scope.LINE)],
)
async def transfer(call: str, request: TransferRequest, line: TheLine) -> None:
    """Hand a call over; the character says so before. When nobody is there, it goes on."""
    line.transfer(_known(call, line), request.to)


@router.post(
    "/calls/{call}/whisper",
    status_code=HTTPStatus.ACCEPTED,
    operation_id="whisper",
    dependencies=[needs(Scope.LINE)],
)
async def whisper(call: str, request: WhisperRequest, line: TheLine) -> None:
    """Tell the character something that the caller does not hear; it counts from its next answer on."""
    line.whisper(_known(call, line), request.text)


@router.websocket("/calls/{call}/talk")
async def attend(socket: WebSocket, call: str) -> None:
    """Listen to a call, and take it over, by the protocol of a talk (docs/talk-protocol.md). It is accepted before it
    is refused: a browser is told no other reason.
    """
    house: HousePort = socket.app.state.house
    grant = cast(Grant, socket.scope["grant"])
    await socket.accept()
    wire = Wire(socket)
    if Scope.LINE not in grant.scopes:
        what = f"This token may not {MEANINGS[Scope.LINE]}: it lacks the scope {Scope.LINE.value!r}."
        await _turn_away(wire, TalkBye(code="forbidden", text=what, remedy="Use a token that has it."))
    elif house.line is None:
        what = "This house has no phone line."
        await _turn_away(wire, TalkBye(code="off", text=what, remedy="Start it with line = true under [serve]."))
    else:
        await house.line.attend(call, wire, grant.name)


async def _turn_away(wire: Wire, bye: TalkBye) -> None:
    await wire.refuse(bye.model_dump_json(), bye.text)


def _known(call: str, line: PhoneLine) -> str:
    if call not in line.live():
        raise _unknown(call)
    return call


def _unknown(call: str) -> NotFound:
    return NotFound(f"there is no call {call!r}", where="call", remedy="It may be over; GET /api/line lists them.")
