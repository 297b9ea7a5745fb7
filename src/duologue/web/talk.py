"""Conversations with people over the web: who may be talked to, and the socket on which it is done."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Query, WebSocket

from duologue.app.models import Problem, TalkOffer
from duologue.app.talk.messages import TalkBye
from duologue.tokens import MEANINGS, Scope
from duologue.web import paths
from duologue.web.access import PROBLEMS, TheHouse
from duologue.web.bodies import Router
from duologue.web.options import Grant
from duologue.web.problems import NotFound
from duologue.web.scopes import TheGrant, reading
from duologue.web.sockets import Wire
from duologue.web.studio import HousePort

_OFF = "No talks are held in this house"
_SWITCH = "Start it with talk = true under [serve], or with --talk."

router = Router(tags=["talk"], responses=PROBLEMS)


@router.get(
    paths.TALK, operation_id="get_talk", dependencies=[reading()],
    responses={404: {"model": Problem, "description": "No talks are held in this house."}},
)  # fmt: skip
async def talk(
    house: TheHouse,
    grant: TheGrant,
    person: Annotated[str, Query(max_length=100, description="As in the `hello`: whose progress is told.")] = "",
) -> TalkOffer:
    """Who may be talked to, on the socket at the same address. What is said on it is described under `Talk…`."""
    if house.talk is None:
        raise NotFound(_OFF, where=paths.TALK, remedy=_SWITCH)
    sessions = house.talk.sessions
    return TalkOffer(
        characters=await sessions.characters(),
        reasons=tuple(house.talk.ready()),
        learning=await sessions.learning(person, grant.name),
    )


@router.websocket(paths.TALK)
async def socket(socket: WebSocket) -> None:
    """A conversation, or a part of one. It is accepted before it is refused: a browser is told no other reason."""
    house: HousePort = socket.app.state.house
    grant = cast(Grant, socket.scope["grant"])
    await socket.accept()
    wire = Wire(socket)
    if house.talk is None:
        await _refuse(wire, TalkBye(code="off", text=f"{_OFF}.", remedy=_SWITCH))
    elif Scope.TALK not in grant.scopes:
        what = f"This token may not {MEANINGS[Scope.TALK]}: it lacks the scope {Scope.TALK.value!r}."
        await _refuse(wire, TalkBye(code="forbidden", text=what, remedy="Use a token that has it."))
    else:
        await house.talk.sessions.enter(wire, grant.name)


async def _refuse(wire: Wire, bye: TalkBye) -> None:
    await wire.refuse(bye.model_dump_json(), bye.text)
