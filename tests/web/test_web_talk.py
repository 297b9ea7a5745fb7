"""The door of talks, over real sockets: who is let in, the client of ours, and those who do not read."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from studio_double import HouseDouble
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response

from duologue.app.house.house import House
from duologue.app.talk import connection as talk_connection
from duologue.app.talk import sessions as talk_sessions
from duologue.client import TalkClient, TalkWish, dialling, talk_with
from duologue.clock import VirtualClock
from duologue.errors import PeerError
from duologue.places import packs_folder
from duologue.settings import load_settings
from duologue.tokens import Scope
from duologue.web import door
from duologue.web.application import create_app
from duologue.web.listener import Listener, make_listener
from duologue.web.studio import HousePort

pytestmark = [pytest.mark.realtime]
TOKENS = {"onlooker": (), "guest": (Scope.TALK,)}


@dataclass
class Site:
    port: int
    listener: Listener

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/talk"


@contextlib.asynccontextmanager
async def served(house: HousePort, flags: dict[str, Any], room: int = 0) -> AsyncGenerator[Site]:
    """``room``: bytes that the kernel takes for a client which does not read (0: as it does)."""
    listener = make_listener(house, load_settings(flags))
    with socket.create_server(("127.0.0.1", 0)) as sock:
        if room:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(listener.serve([sock]))
            while not listener.started:  # noqa: ASYNC110 (uvicorn has no event)
                await asyncio.sleep(0.01)
            try:
                yield Site(sock.getsockname()[1], listener)
            finally:
                listener.should_exit = True
                await serving


@contextlib.asynccontextmanager
async def site(room: int = 0, **flags: Any) -> AsyncGenerator[Site]:
    """A house that holds talks with espeak and the improviser."""
    given = {"serve.show": False, "serve.talk": True, "engines.llm": "improv", "engines.tts": "espeak"} | flags
    house = House(load_settings({**given, "engines.stt": "pocketsphinx"}))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(house.run())
        try:
            async with served(house, given, room) as here:
                async with asyncio.timeout(60):
                    while house.talk is None or house.talk.ready():  # noqa: ASYNC110 (it has no event)
                        await asyncio.sleep(0.05)
                yield here
        finally:
            running.cancel()


async def last_word(url: str, origin: str | None = None, **headers: str) -> tuple[dict[str, Any], int]:
    """The bye of a socket that is refused, and its close code."""
    fields: dict[str, Any] = {"additional_headers": headers, "origin": origin}
    async with connect(url, **fields) as talk:
        found: dict[str, Any] = {}
        with contextlib.suppress(ConnectionClosed):
            await talk.send('{"type": "hello", "version": 1, "microphone": false}')
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(10):
                while True:
                    found = json.loads(await talk.recv())
        return found, talk.close_code or 0


async def test_a_house_without_talks_says_so() -> None:
    async with served(HouseDouble(), {}) as here:
        bye, code = await last_word(here.url)
        assert (bye["type"], bye["code"], code) == ("bye", "off", 1008)
        async with httpx.AsyncClient() as client:
            answer = await client.get(here.url.replace("ws", "http", 1))
        assert answer.status_code == 404 and "talk" in answer.json()["remedy"]


async def test_who_may_come_in(monkeypatch: pytest.MonkeyPatch) -> None:
    flags: dict[str, Any] = {"web.token": "the token of all tokens"}
    for name, scopes in TOKENS.items():
        monkeypatch.setenv(f"DUOLOGUE_WEB__TOKENS__{name.upper()}__TOKEN", f"{name} token")
        monkeypatch.setenv(f"DUOLOGUE_WEB__TOKENS__{name.upper()}__SCOPES", ",".join(scopes))
    async with served(HouseDouble(), flags) as here:
        for told in ({}, {"authorization": "Bearer a stranger's"}):
            for place in (here.url, here.url.replace("/api/talk", "/api/line/calls/c1/talk")):
                bye, code = await last_word(place, **told)
                assert (bye["code"], bye["text"], code) == ("forbidden", "This server wants a token", 1008)
                assert "token" in bye["remedy"] and bye["retry_seconds"] is None
        with pytest.raises(InvalidStatus):  # who speaks no such protocol
            await last_word(here.url.replace("/api/talk", "/api/events/socket"))
        with pytest.raises(InvalidStatus):  # another site's page, with our cookie or without
            await last_word(here.url, "https://evil.example", authorization="Bearer the token of all tokens")
        own = here.url.removesuffix("/api/talk").replace("ws", "http", 1)
        bye, _ = await last_word(here.url, own, authorization="Bearer guest token")
        assert bye["code"] == "off"


async def test_a_token_without_the_scope_is_told_so() -> None:
    from duologue.web.options import Grant, Key, WebOptions

    app = create_app(HouseDouble(), WebOptions(keys=(Key("onlooker token", Grant("onlooker", frozenset())),)))
    house: Any = app.state.house
    house.talk = object()
    import uvicorn

    config = uvicorn.Config(app, log_config=None, lifespan="off", loop="none", ws="websockets-sansio")
    listener = Listener(config, app)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(listener.serve([sock]))
            while not listener.started:  # noqa: ASYNC110 (uvicorn has no event)
                await asyncio.sleep(0.01)
            url = f"ws://127.0.0.1:{sock.getsockname()[1]}/api/talk"
            bye, code = await last_word(url, authorization="Bearer onlooker token")
            house.talk = None
            listener.should_exit = True
            await serving
    assert (bye["code"], code) == ("forbidden", 1008)
    assert "'talk'" in bye["text"]


async def test_a_client_of_ours_converses_while_others_open_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talk_sessions, "MOST_SOCKETS", 20)
    monkeypatch.setattr(talk_connection, "HELLO_SECONDS", 120.0)
    async with site() as here:
        async with httpx.AsyncClient() as client:
            offer = (await client.get(here.url.replace("ws", "http", 1))).json()
        assert {"chad", "virgin", "phone"} <= {each["name"] for each in offer["characters"]}
        assert all(each["tagline"] for each in offer["characters"]), "each says in a few words who it is"
        assert offer["reasons"] == []
        heard = 0

        def play(samples: Any) -> None:
            nonlocal heard
            heard += len(samples)

        async with talk_with(here.url, TalkWish("phone", topic="tea"), play=play) as talk:
            async with asyncio.timeout(30):
                assert await talk.ask("Is tea good for you?")
            assert heard > 24_000
            answer = talk.turns[-1]
            assert answer.heard == answer.text
            async with contextlib.AsyncExitStack() as stack:  # sockets that never say anything
                for _ in range(25):
                    await stack.enter_async_context(connect(here.url))
                bye, code = await last_word(here.url)
                assert (bye["code"], code) == ("full", 1013)
                async with asyncio.timeout(30):
                    assert await talk.ask("And coffee?")


async def test_who_never_reads_is_let_go_and_costs_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talk_connection, "SEND_SECONDS", 1.0)
    monkeypatch.setattr(door, "UNREAD_SECONDS", 0.3)
    async with site(room=4096) as here:
        small = socket.socket()
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        small.connect(("127.0.0.1", here.port))
        reader, writer = await asyncio.open_connection(sock=small, limit=1024)
        writer.write(
            b"GET /api/talk HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert b"101" in await reader.readline()
        transport: Any = writer.transport
        transport.pause_reading()
        talk: Any = here.listener._app.state.house.talk  # pyright: ignore[reportPrivateUsage]
        hello = '{"type":"hello","version":1,"microphone":false,"greet":true}'
        writer.write(bytes([0x81, 0x80 | len(hello)]) + bytes(4) + hello.encode())
        async with asyncio.timeout(30):
            while not talk.sessions.held:  # noqa: ASYNC110 (it has no event)
                await asyncio.sleep(0.1)
            while talk.sessions.sockets:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert talk.sessions.held == 1  # it may come back
        async with asyncio.timeout(30):  # what it never took would keep its connection open for good
            while here.listener.server_state.connections:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        writer.close()


async def test_a_message_that_is_far_too_long_closes_the_socket() -> None:
    async with site() as here, connect(here.url) as talk:
        await talk.send('{"type": "hello", "version": 1, "microphone": false}')
        await talk.recv()
        with contextlib.suppress(ConnectionClosed):
            await talk.send("x" * 2_000_000)
            async with asyncio.timeout(10):
                while True:
                    await talk.recv()
        assert talk.close_code == 1009


async def test_the_python_of_the_page_works_as_it_is_written_there() -> None:
    text = (packs_folder().parent / "docs" / "talk-protocol.md").read_text("utf-8")
    code = text.partition("```python\n")[2].partition("```")[0]
    async with site() as here:
        assert "127.0.0.1:8081" in code
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code.replace("127.0.0.1:8081", f"127.0.0.1:{here.port}"),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        assert len(out.decode().split()) >= 2


@pytest.mark.parametrize("status", [401, 403])
async def test_a_token_that_is_refused_is_told_so_at_once(status: int) -> None:
    dialled: list[str] = []

    async def refuse(connection: ServerConnection, request: Request) -> Response:
        dialled.append(request.path)
        return connection.respond(HTTPStatus(status), "")

    async def talk(connection: ServerConnection) -> None:
        raise AssertionError

    async with serve(talk, "127.0.0.1", 0, process_request=refuse) as server, asyncio.timeout(30):
        port = next(iter(server.sockets)).getsockname()[1]
        client = TalkClient(dialling(f"ws://127.0.0.1:{port}/api/talk", "an old one"), clock=VirtualClock())
        with pytest.raises(PeerError, match="the token is refused, or has reached a limit") as refused:
            await client.run()
    assert "token" in refused.value.remedy and len(dialled) == 1


async def test_a_house_that_is_not_there_is_an_error_of_ours() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    with pytest.raises(PeerError, match="not reached"):
        async with asyncio.timeout(30), talk_with(f"ws://127.0.0.1:{port}/api/talk", clock=VirtualClock()):
            pass
