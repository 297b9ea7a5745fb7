"""What each token may do: every route says which scope it wants, and a token without it is refused in words."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import cast

import httpx
import pytest
from fastapi.params import Depends, Security
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts
from pydantic import SecretStr
from starlette.types import Message
from studio_double import Connect, HouseDouble, LineDouble, ShowDouble, StudioDouble, segment

from duologue.app.models import Problem
from duologue.errors import InputError
from duologue.settings import SettingRow
from duologue.settings_parts import WebSettings
from duologue.tokens import Scope, TokenSettings, cookie_value
from duologue.web.application import create_app
from duologue.web.gate import COOKIE, Admit, Redirect, judge
from duologue.web.listener import keys_of
from duologue.web.options import Grant, Key, WebOptions
from duologue.web.scopes import permitted, to_everyone
from duologue.web.v1.common import CompatibleError

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

EVERYONE, READER = "everyone", "reader"
WANTED: dict[str, str] = {
    "GET /api/workers": "reader",
    "POST /api/workers/{name}/restart": "admin",
    "GET /healthz": EVERYONE,
    "HEAD /healthz": EVERYONE,
    "GET /readyz": EVERYONE,
    "HEAD /readyz": EVERYONE,
    "POST /phone/twilio/voice": EVERYONE,
    "GET /docs": READER,
    "GET /metrics": READER,
    "GET /api/session": READER,
    "GET /api/talk": READER,
    "GET /api/shows": READER,
    "GET /api/house": READER,
    "GET /api/events": READER,
    "GET /api/stage": READER,
    "GET /api/conversations": READER,
    "GET /api/conversations/{conversation_id}": READER,
    "GET /api/stage/utterances": READER,
    "GET /api/stage/utterances/{utterance_id}": READER,
    "GET /stream/index.m3u8": READER,
    "HEAD /stream/index.m3u8": READER,
    "GET /stream/{name}": READER,
    "HEAD /stream/{name}": READER,
    "POST /api/chat": "talk",
    "POST /api/conversations": "stage",
    "DELETE /api/conversations/{conversation_id}": "stage",
    "POST /api/stage/tv": "stage",
    "POST /api/stage/lights": "stage",
    "POST /api/stage/caption": "stage",
    "POST /api/stage/utterances": "stage",
    "DELETE /api/stage/utterances": "stage",
    "DELETE /api/stage/utterances/{utterance_id}": "stage",
    "GET /api/settings": "admin",
    "GET /api/faces": READER,
    "GET /api/faces/{character}": READER,
    "GET /api/faces/{character}/atlas.png": READER,
    "GET /api/faces/{character}/idle/{block}": READER,
    "GET /api/faces/{character}/events": READER,
    "GET /api/evidence/events": READER,
    "GET /api/runs": READER,
    "GET /api/runs/{run}/report": READER,
    "GET /api/runs/{run}/sound": READER,
    "GET /api/setup": "admin",
    "GET /api/usage": "admin",
    "GET /api/voices": READER,
    "POST /api/voices/try": "talk",
    "POST /api/engines/{kind}/{name}/warm": "admin",
    "POST /api/parts/{topic}/{order}": "admin",
    "GET /v1/models": READER,
    "GET /v1/models/{model}": READER,
    "POST /v1/audio/speech": "talk",
    "POST /v1/audio/transcriptions": "talk",
    "POST /v1/audio/translations": "talk",
    "POST /v1/realtime/client_secrets": "talk",
    "POST /v1/chat/completions": "talk",
    "GET /api/people/me/memory": "talk",
    "PUT /api/people/me/memory": "talk",
    "DELETE /api/people/me/memory": "talk",
    "DELETE /api/people/me/memory/{fact}": "talk",
    "GET /api/people/me/export": "talk",
    "DELETE /api/people/me": "talk",
    "GET /api/line": "line",
    "POST /api/line/calls": "line",
    "GET /api/line/calls/{call}": "line",
    "POST /api/line/calls/{call}/hang_up": "line",
    "POST /api/line/calls/{call}/transfer": "line",
    "POST /api/line/calls/{call}/whisper": "line",
}
"""Every route there is, and who may. A new one is entered here: nothing is open because somebody forgot to say."""

SOCKETS: dict[str, str] = {
    "/api/talk": "talk",
    "/api/line/calls/{call}/talk": "line",
    "/v1/realtime": "talk",
    "/phone/twilio/stream/{ticket}": EVERYONE,
}
"""Every socket there is, and the scope that it wants; Twilio's is signed."""

SIGNED = {"POST /phone/twilio/voice"}
"""What proves itself by a signature instead (test_web_twilio.py)."""

TOKEN = "the token of all tokens"
TOKENS: dict[str, tuple[Scope, ...]] = {"onlooker": (), **{scope.value: (scope,) for scope in Scope}}
KEYS = tuple(Key(f"{name} token", Grant(name, frozenset(scopes))) for name, scopes in TOKENS.items())
PUBLIC = WebOptions(host="0.0.0.0", token=TOKEN, keys=KEYS)
SECRET = SettingRow("web.token", "********", "environment DUOLOGUE_WEB__TOKEN", "Who brings it may do everything.")


def declared(dependencies: Sequence[Depends]) -> str:
    """What a route says that it wants; nothing when it says nothing."""
    asked = [each for each in dependencies if each.dependency in (permitted, to_everyone)]
    if any(each.dependency is to_everyone for each in asked):
        return EVERYONE
    scopes = [scope for each in asked if isinstance(each, Security) for scope in each.scopes or ()]
    return " ".join(scopes) or (READER if asked else "")


def routes() -> Iterator[tuple[str, str]]:
    for context in iter_route_contexts(create_app(HouseDouble([ShowDouble()])).routes):
        if isinstance(route := context.original_route, APIRoute):
            for method in route.methods or ():
                yield f"{method} {context.path}", declared(route.dependencies)


def test_every_route_declares_what_it_wants() -> None:
    found = dict(routes())
    assert [name for name, wanted in found.items() if not wanted] == []
    assert found == WANTED


def test_every_socket_is_known() -> None:
    contexts = iter_route_contexts(create_app(HouseDouble([ShowDouble()])).routes)
    found = {context.path for context in contexts if isinstance(context.original_route, APIWebSocketRoute)}
    assert found == set(SOCKETS)


async def last_word(house: HouseDouble, path: str, token: str) -> dict[str, object]:
    """What a socket is told at last, in JSON; nothing: it was closed without a word."""
    told: list[str] = []
    coming: list[Message] = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": '{"type": "hello", "version": 1, "microphone": false}'},
    ]

    async def receive() -> Message:
        return coming.pop(0) if coming else {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Message) -> None:
        if message["type"] == "websocket.send":
            told.append(message["text"])

    headers = [(b"host", b"show.example"), (b"authorization", f"Bearer {token}".encode())]
    scope = {
        "type": "websocket", "path": path, "headers": headers, "query_string": b"", "subprotocols": [], "scheme": "ws",
    }  # fmt: skip
    await create_app(house, PUBLIC)(scope, receive, send)
    return json.loads(told[-1]) if told else {}


@pytest.mark.parametrize("name", TOKENS)
async def test_a_call_is_heard_by_no_token_without_its_scope(name: str) -> None:
    line = LineDouble()
    house = HouseDouble([ShowDouble()], line=line)
    told = await last_word(house, "/api/line/calls/one/talk", f"{name} token")
    if Scope.LINE in TOKENS[name]:
        assert line.asked == [("attend", "one", name)] and told == {}
    else:
        assert line.asked == [] and (told["type"], told["code"]) == ("bye", "forbidden")
        assert "'line'" in str(told["text"])
    served = len(line.asked)
    told = await last_word(house, "/api/line/calls/one/talk", "no such token")
    assert told["code"] == "forbidden" and len(line.asked) == served


async def test_a_house_without_a_line_says_so_to_a_socket() -> None:
    told = await last_word(HouseDouble([ShowDouble()]), "/api/line/calls/one/talk", TOKEN)
    assert told["code"] == "off"


def test_what_changes_something_wants_a_scope() -> None:
    changing = {name: wanted for name, wanted in WANTED.items() if not name.startswith(("GET", "HEAD"))}
    assert {name for name, wanted in changing.items() if wanted == EVERYONE} == SIGNED
    changing = {name: wanted for name, wanted in changing.items() if name not in SIGNED}
    assert set(changing.values()) <= {scope.value for scope in Scope}


@pytest.fixture
async def public(connect: Connect, house: HouseDouble, studio: StudioDouble) -> AsyncIterator[httpx.AsyncClient]:
    studio.text, studio.files["7.m4s"] = "#EXTM3U\n", segment(b"moof")
    studio.bus.close()  # its events end, instead of never
    house.evidence.close()
    async with connect(PUBLIC, "http://show.example") as client:
        yield client


async def ask(client: httpx.AsyncClient, route: str, token: str) -> httpx.Response:
    method, path = route.split(" ")
    path = path.replace("{name}", "7.m4s").replace("{conversation_id}", "c0").replace("{utterance_id}", "u0")
    body = {"to": "chad", "text": "hi", "action": "stop"} if method == "POST" else None
    return await client.request(method, path, headers={"Authorization": f"Bearer {token}"}, json=body)


@pytest.mark.parametrize("route", WANTED)
async def test_a_token_may_do_what_its_scopes_say(public: httpx.AsyncClient, route: str) -> None:
    """Each token at one application: to make one takes longer than to ask it six times."""
    wanted = WANTED[route]
    for name, scopes in TOKENS.items():
        answer = await ask(public, route, f"{name} token")
        if wanted in (EVERYONE, READER) or wanted in scopes:
            assert answer.status_code not in (401, 403), (name, answer.text)
        else:
            assert_refused(answer, route, name)


def assert_refused(answer: httpx.Response, route: str, name: str) -> None:
    """In words, and in the shape that clients of this route know."""
    wanted = WANTED[route]
    assert answer.status_code == HTTPStatus.FORBIDDEN, name
    if "/v1/" in route:
        error = CompatibleError.model_validate_json(answer.content).error
        assert f"{name!r}" in error.message and f"{wanted!r}" in error.message
        assert (error.type, error.param) == ("permission_error", f"web.tokens.{name}")
        return
    problem = Problem.model_validate_json(answer.content)
    assert f"{name!r}" in problem.title and f"{wanted!r}" in problem.title
    assert (problem.where, f"{wanted!r}" in problem.remedy) == (f"web.tokens.{name}", True)


@pytest.mark.parametrize("route", [route for route, wanted in WANTED.items() if wanted != EVERYONE])
async def test_the_one_token_may_do_everything_and_none_nothing(public: httpx.AsyncClient, route: str) -> None:
    assert (await ask(public, route, TOKEN)).status_code not in (401, 403)
    assert (await ask(public, route, "no such token")).status_code == 401


async def test_a_refused_request_reaches_no_studio(public: httpx.AsyncClient, studio: StudioDouble) -> None:
    for route in ("POST /api/chat", "POST /api/conversations", "DELETE /api/conversations/{conversation_id}"):
        assert (await ask(public, route, "line token")).status_code == 403
    assert studio.asked == []


async def test_a_session_says_what_its_token_may(public: httpx.AsyncClient, connect: Connect) -> None:
    for name, scopes in TOKENS.items():
        answer = await ask(public, "GET /api/session", f"{name} token")
        assert answer.json() == {"name": name, "guarded": True, "scopes": list(scopes)}
    everything = [scope.value for scope in Scope]
    main = (await ask(public, "GET /api/session", TOKEN)).json()
    assert main == {"name": "", "guarded": True, "scopes": everything}
    async with connect() as home:
        assert (await home.get("/api/session")).json() == {"name": "", "guarded": False, "scopes": everything}


async def test_a_cookie_says_whose_token_it_stands_for(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("the page")
    options = WebOptions(host="0.0.0.0", keys=KEYS, static=tmp_path)
    async with connect(options, "http://show.example") as client:
        assert (await client.get("/", params={"token": "stage token"})).status_code == 303
        assert (await client.get("/api/session")).json()["name"] == "stage"
        assert (await client.post("/api/stage/tv", json={"action": "stop"})).is_success
        assert (await client.post("/api/chat", json={"to": "chad", "text": "hi"})).status_code == 403
        other = await client.get("/talk", params={"token": "talk token"})  # another token takes the cookie's place
        assert (other.status_code, other.headers["location"]) == (303, "/talk")
        assert (await client.get("/api/session")).json()["name"] == "talk"


def test_the_verdict_carries_the_grant() -> None:
    for key in KEYS:
        bearer = {"host": "x", "authorization": f"Bearer {key.token}"}
        cookie = {"host": "x", "cookie": f"{COOKIE}={cookie_value(key.token)}"}
        assert judge(PUBLIC, "GET", "/", "", bearer) == Admit(grant=key.grant)
        assert judge(PUBLIC, "GET", "/", "", cookie) == Admit(grant=key.grant)
        asked = f"token={key.token.replace(' ', '+')}"
        assert judge(PUBLIC, "GET", "/", asked, {"host": "x"}) == Redirect("/", key.grant)


async def test_the_settings_are_told_with_their_source(connect: Connect) -> None:
    async with connect(WebOptions(settings=(SECRET,))) as client:
        found = cast("list[dict[str, str]]", (await client.get("/api/settings")).json())
    assert found == [
        {"key": SECRET.key, "value": SECRET.value, "source": SECRET.source, "what": SECRET.what, "why": ""},
    ]


async def test_the_reference_says_what_is_wanted(connect: Connect) -> None:
    async with connect() as client:
        text = (await client.get("/docs")).text
    assert "Wants a token with the scope <code>talk</code>" in text
    assert text.count("Wants a token") == sum(wanted in set(Scope) for wanted in WANTED.values())


def test_the_settings_become_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUEST_TOKEN", "let the guest in")
    guest = TokenSettings(env="GUEST_TOKEN", scopes=(Scope.TALK,))
    web = WebSettings(token=SecretStr(TOKEN), tokens={"guest": guest})
    assert keys_of(web) == (Key("let the guest in", Grant("guest", frozenset({Scope.TALK}))),)
    assert "let the guest in" not in repr(keys_of(web))


@pytest.mark.parametrize(
    ("held", "what"), [("", "no token"), ("tiny-1", "too short"), (TOKEN, "the same token as web.")]
)
def test_tokens_that_protect_nothing_are_refused(monkeypatch: pytest.MonkeyPatch, held: str, what: str) -> None:
    monkeypatch.setenv("GUEST_TOKEN", held)
    web = WebSettings(token=SecretStr(TOKEN), tokens={"guest": TokenSettings(env="GUEST_TOKEN")})
    with pytest.raises(InputError) as caught:
        keys_of(web)
    assert what in caught.value.what and caught.value.where == "web.tokens.guest" and caught.value.remedy
    assert not held or held not in str(caught.value)
