"""Twilio's REST API on the loopback: a call is given other instructions, or it is said why not."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs

import pytest

from duologue.errors import PeerError
from duologue.phone.twilio.api import TwilioApi
from scripted_server import Connection, Request, ScriptedServer, serving

ACCOUNT, TOKEN = "AC" + "0" * 32, "a secret token of theirs"


class Server(ScriptedServer):
    """Knows the call CA01 of one account."""

    def __init__(self, *statuses: int) -> None:
        super().__init__()
        self.statuses = list(statuses)
        self.asked: list[dict[str, list[str]]] = []

    async def answer(self, request: Request, connection: Connection) -> bool:
        given = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {given}":
            return await connection.send(401, {"code": 20003, "message": f"Authenticate {TOKEN}", "status": 401})
        if (request.method, request.path) != ("POST", f"/v1/2010-04-01/Accounts/{ACCOUNT}/Calls/CA01.json"):
            return await connection.send(404, {"code": 20404, "message": "not found", "status": 404})
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        self.asked.append(parse_qs(request.body.decode()))
        status = self.statuses.pop(0) if self.statuses else 200
        if status != 200:
            return await connection.send(status, {"code": 20001, "message": "no"}, {"Retry-After": "0"})
        return await connection.send(200, {"sid": "CA01", "status": "in-progress"})


async def redirected(server: Server, call: str = "CA01", token: str = TOKEN) -> None:
    async with serving(server):
        api = TwilioApi(ACCOUNT, token, server.base_url)
        try:
            await api.redirect(call, "<Response><Dial>+4930</Dial></Response>")
        finally:
            await api.close()


async def test_a_call_is_given_other_instructions() -> None:
    server = Server(503)  # it is asked once more
    await redirected(server)
    assert server.asked == [{"Twiml": ["<Response><Dial>+4930</Dial></Response>"]}] * 2


@pytest.mark.parametrize(
    ("call", "token", "statuses", "words"),
    [
        ("CA02", TOKEN, (), "no such call"),
        ("../../x", TOKEN, (), "no such call"),
        ("CA01", "wrong", (), "status 401"),
        ("CA01", TOKEN, (400,), "status 400"),
        ("CA01", TOKEN, (500,), "status 500"),
    ],
)
async def test_a_refusal_is_named_and_tells_no_secret(
    call: str, token: str, statuses: tuple[int, ...], words: str
) -> None:
    with pytest.raises(PeerError, match=words) as caught:
        await redirected(Server(*statuses), call, token)
    assert token not in str(caught.value) and "engines." not in str(caught.value)


async def test_a_server_that_is_not_there_is_named() -> None:
    api = TwilioApi(ACCOUNT, TOKEN, "http://127.0.0.1:1")
    with pytest.raises(PeerError, match="cannot be reached"):
        await api.redirect("CA01", "<Response/>")
    await api.close()
