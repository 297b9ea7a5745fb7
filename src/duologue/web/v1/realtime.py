"""``/v1/realtime``: a conversation over a WebSocket, and the secrets with which pages open one."""

from __future__ import annotations

import json
from typing import Any, cast

from fastapi import Request, WebSocket

from duologue.app.api_model import ApiModel
from duologue.app.realtime.messages import EventError, SecretRequest, SessionFields
from duologue.errors import InputError
from duologue.tokens import MEANINGS, Scope
from duologue.web import paths
from duologue.web.bodies import Router
from duologue.web.client_secrets import ClientSecret, ClientSecrets
from duologue.web.options import Grant
from duologue.web.scopes import TheGrant, needs
from duologue.web.sockets import Wire
from duologue.web.studio import HousePort
from duologue.web.v1.common import ERRORS, TheEndpoints

router = Router(prefix=paths.REALTIME, tags=["compatible"], responses=ERRORS)
PROTOCOL = "realtime"


class ClientSecretView(ApiModel):
    """A secret, until when it is good (Unix seconds), and the session that it opens."""

    value: str
    expires_at: int
    session: dict[str, Any]


@router.post("/client_secrets", operation_id="v1_client_secrets", dependencies=[needs(Scope.TALK)])
async def client_secrets(
    request: Request, endpoints: TheEndpoints, grant: TheGrant, asked: SecretRequest | None = None
) -> ClientSecretView:
    """A secret for a page that must not know a token: for ten minutes it opens sessions as they are described here."""
    asked = asked or SecretRequest()
    secrets = cast(ClientSecrets, request.app.state.secrets)
    try:
        endpoints.realtime.describe(asked.session, 0)
    except EventError as error:
        param = error.error["param"]
        raise InputError(str(error), where=str(param or "session"), remedy="Leave it out.") from error
    value, made = secrets.make(asked.session, asked.expires_after.seconds, grant)
    session = dict(endpoints.realtime.describe(asked.session, made.expires_at))
    return ClientSecretView(value=value, expires_at=made.expires_at, session=session)


@router.websocket("")
async def realtime(socket: WebSocket) -> None:
    """A conversation. It is accepted before it is refused: a browser is told no other reason."""
    house: HousePort = socket.app.state.house
    grant = cast(Grant, socket.scope["grant"])
    secret = cast("ClientSecret | None", socket.scope.get("secret"))
    offered = cast("list[str]", socket.scope.get("subprotocols") or [])
    await socket.accept(PROTOCOL if PROTOCOL in offered else None)
    wire = Wire(socket)
    query = socket.query_params
    if house.endpoints is None:
        what = "This house serves no compatible API. Start it with api = true under [serve]."
        await _refuse(wire, EventError(what, code="not_found"))
    elif Scope.TALK not in grant.scopes:
        what = f"This key may not {MEANINGS[Scope.TALK]}: it lacks the scope {Scope.TALK.value!r}."
        await _refuse(wire, EventError(what, code="insufficient_permissions", kind="permission_error"))
    elif unsupported := next((name for name in ("call_id", "intent") if query.get(name)), None):
        await _refuse(wire, EventError(f"{unsupported!r} is not supported here. Leave it out.", param=unsupported))
    else:
        fields = secret.session if secret is not None else SessionFields()
        if (model := query.get("model")) and fields.model is None:
            fields = fields.model_copy(update={"model": model[:200]})
        await house.endpoints.realtime.enter(wire, fields)


async def _refuse(wire: Wire, error: EventError) -> None:
    event = {"type": "error", "event_id": "event_1", "error": error.error}
    await wire.refuse(json.dumps(event), str(error))
