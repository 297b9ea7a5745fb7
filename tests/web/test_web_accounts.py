"""Tokens of the store: whom they let in, what they may at most, and what ends when they are revoked."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from studio_double import HouseDouble, ShowDouble, StudioDouble
from test_web_scopes import EVERYONE, READER, WANTED, ask

from duologue.app.people.accounts import TokenAccounts
from duologue.app.realtime.messages import SessionFields
from duologue.app.talk.sessions import RETRY_SECONDS
from duologue.clock import SECOND, VirtualClock
from duologue.errors import PeerError
from duologue.store.tables import TokenRow
from duologue.store.tokens import TokenLimits, create, digest, revoke, tokens
from duologue.tokens import Scope, cookie_value
from duologue.web import gate, paths
from duologue.web.application import create_app
from duologue.web.client_secrets import ClientSecrets
from duologue.web.gate import COOKIE, Gate
from duologue.web.options import Grant, WebOptions
from store_doubles import InstantStore

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

Message = MutableMapping[str, Any]
PLACE = "http://talk.example"


class Desk:
    """A store of tokens and the accounts that look at it, with a clock of its own."""

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock(start=SECOND)
        self.store = InstantStore(folder / "store.sqlite3", self.clock)
        self.accounts = TokenAccounts(self.store, self.clock)
        self.options = WebOptions(host="0.0.0.0", accounts=self.accounts)

    def make(self, name: str, *scopes: Scope, **limits: int) -> str:
        at = self.clock.wall()
        return self.store.do(lambda session: create(session, name, frozenset(scopes), TokenLimits(**limits), at))

    def revoke(self, name: str, *, remove: bool = False) -> None:
        at = self.clock.wall()
        self.store.do(lambda session: revoke(session, name, at, remove=remove))

    async def look(self) -> None:
        await self.accounts._look()  # pyright: ignore[reportPrivateUsage]

    def used(self, name: str) -> float:
        day = self.clock.wall() // (24 * 3600 * SECOND)
        found = self.store.do(lambda session: tokens(session, day))
        return next(each.seconds for each in found if each.name == name)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@asynccontextmanager
async def connected(desk: Desk, house: HouseDouble | None = None) -> AsyncGenerator[httpx.AsyncClient]:
    app = create_app(house or HouseDouble([ShowDouble(studio=StudioDouble())]), desk.options)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PLACE) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("scope", [None, *Scope])
async def test_every_route_wants_its_scope(desk: Desk, scope: Scope | None, studio: StudioDouble) -> None:
    """Without a token, with a stranger's, and with each scope alone."""
    token = desk.make("one", *([scope] if scope else []))
    await desk.look()
    house = HouseDouble([ShowDouble(studio=studio)])
    studio.bus.close()  # its events end, instead of never
    house.evidence.close()
    async with connected(desk, house) as client:
        for route, wanted in WANTED.items():
            if wanted != EVERYONE:
                assert (await ask(client, route, "dlg_nonsense")).status_code == 401, route
                method, path = route.split(" ")
                assert (await client.request(method, path)).status_code == 401, route
            answer = await ask(client, route, token)
            if wanted in (EVERYONE, READER, scope):
                assert answer.status_code not in (401, 403), (route, answer.text)
            else:
                assert answer.status_code == 403 and "duologue token create" in answer.text, route


async def test_a_page_is_given_a_cookie_that_is_not_the_token(desk: Desk, tmp_path: Path) -> None:
    token = desk.make("ada", Scope.TALK)
    await desk.look()
    async with connected(desk) as client:
        first = await client.get("/talk", params={"token": token})
        assert first.status_code == 303 and first.headers["location"] == "/talk"
        cookie = client.cookies[COOKIE]
        assert cookie == cookie_value(token) and cookie not in (token, digest(token))
        assert (await client.get("/api/session")).json() == {"name": "ada", "guarded": True, "scopes": ["talk"]}
        client.cookies.clear()
        for stolen in (digest(token), digest(cookie)):  # what the store holds opens nothing
            assert (await client.get("/api/session", headers={"Cookie": f"{COOKIE}={stolen}"})).status_code == 401
            assert (await client.get("/api/session", headers=bearer(stolen))).status_code == 401


async def test_before_the_tokens_are_read_nobody_is_told_that_theirs_is_wrong(desk: Desk) -> None:
    token = desk.make("ada")
    async with connected(desk) as client:
        assert (await client.get("/api/session", headers=bearer(token))).status_code == 503
        await desk.look()
        assert (await client.get("/api/session", headers=bearer(token))).status_code == 200
        desk.store.failure = PeerError("database is locked")
        await desk.look()  # what is known holds
        assert (await client.get("/api/session", headers=bearer(token))).status_code == 200


async def test_a_revoked_or_expired_token_opens_nothing(desk: Desk) -> None:
    token = desk.make("ada", Scope.TALK)
    await desk.look()
    async with connected(desk) as client:
        assert (await client.get("/api/session", headers=bearer(token))).status_code == 200
        desk.revoke("ada")
        await desk.look()
        answer = await client.get("/api/session", headers=bearer(token))
        assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer"


async def test_so_many_requests_a_minute(desk: Desk) -> None:
    token, other = desk.make("ada", per_minute=3), desk.make("ben")
    await desk.look()
    async with connected(desk) as client:
        found = [(await client.get("/api/session", headers=bearer(token))).status_code for _ in range(4)]
        assert found == [200, 200, 200, 429]
        refused = await client.get("/api/session", headers=bearer(token))
        assert refused.headers["Retry-After"] and "3 requests a minute" in refused.json()["title"]
        assert (await client.get("/api/session", headers=bearer(other))).status_code == 200
        desk.clock.advance(20 * SECOND)
        assert (await client.get("/api/session", headers=bearer(token))).status_code == 200


class Socket:
    """A WebSocket at the gate, as a server drives it. ``served`` is what stands behind."""

    def __init__(
        self, desk: Desk, token: str, path: str = "/api/talk", secrets: ClientSecrets | None = None, *,
        denies: bool = False, reads: bool = True,
    ) -> None:  # fmt: skip
        self.sent: list[Message] = []
        self._reads = reads
        self.inside = asyncio.Event()
        self.left = asyncio.Event()
        self._gate = Gate(self._serve, desk.options, secrets or ClientSecrets())
        self._scope: dict[str, Any] = {
            "type": "websocket", "path": path, "query_string": b"", "scheme": "ws", "root_path": "",
            "extensions": {"websocket.http.response": {}} if denies else {},
            "headers": [(b"host", b"talk.example"), (b"authorization", f"Bearer {token}".encode())],
        }  # fmt: skip

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        self.inside.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()

    async def run(self) -> None:
        async def receive() -> Message:
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Message) -> None:
            self.sent.append(message)
            if not self._reads and message["type"] == "websocket.close":
                await asyncio.Event().wait()

        await self._gate(self._scope, receive, send)

    @property
    def told(self) -> dict[str, Any]:
        """The message before its end."""
        return json.loads(self.sent[-2]["text"])

    @property
    def ends(self) -> tuple[int, str] | None:
        """How it was closed."""
        last: Message = self.sent[-1] if self.sent else {}
        return (last["code"], last["reason"]) if last.get("type") == "websocket.close" else None


async def test_a_token_that_is_revoked_in_mid_call_ends_its_sockets(desk: Desk) -> None:
    ada, ben = desk.make("ada", Scope.TALK), desk.make("ben", Scope.TALK)
    await desk.look()
    sockets = [Socket(desk, ada), Socket(desk, ada), Socket(desk, ben)]
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        running = [group.create_task(each.run()) for each in sockets]
        for each in sockets:
            await each.inside.wait()
        desk.revoke("ada")
        await desk.look()
        await asyncio.wait(running[:2])
        assert [each.ends for each in sockets] == [(1008, "the token was revoked")] * 2 + [None]
        assert [each.left.is_set() for each in sockets] == [True, True, False]
        desk.revoke("ben", remove=True)  # not even its name is left
        await desk.look()
        await running[2]
    assert sockets[2].ends == (1008, "the token was revoked")


async def test_what_goes_on_with_a_revoked_token_ends_though_its_client_does_not_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be heard, and hold its place, as long as it takes no word of that."""
    monkeypatch.setattr(gate, "CLOSE_SECONDS", 0.05)
    ada = desk.make("ada", Scope.TALK)
    await desk.look()
    socket = Socket(desk, ada, reads=False)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(socket.run())
        await socket.inside.wait()
        desk.revoke("ada")
        await desk.look()
        await socket.left.wait()
    assert socket.ends == (1008, "the token was revoked")


@pytest.mark.parametrize("way", ["revoked", "removed", "expired"])
async def test_a_secret_that_a_token_made_opens_nothing_without_it(desk: Desk, way: str) -> None:
    """Not even until the store is looked at again."""
    token = desk.make("ada", Scope.TALK)
    if way == "expired":
        until = desk.clock.wall() + 60 * SECOND
        desk.store.do(lambda session: session.execute(update(TokenRow).values(expires=until)))
    await desk.look()
    secrets = ClientSecrets(desk.clock)
    grant = Grant("ada", frozenset({Scope.TALK}), desk.accounts.bearer(token))
    value, _ = secrets.make(SessionFields(), 600, grant)
    first, second = (Socket(desk, value, paths.REALTIME, secrets) for _ in range(2))
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        running = group.create_task(first.run())
        await first.inside.wait()
        running.cancel()
    if way == "expired":
        desk.clock.advance(61 * SECOND)
    else:
        desk.revoke("ada", remove=way == "removed")
        await desk.look()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2):
            await second.run()
    assert second.ends is not None and second.ends[0] == 1008 and not second.inside.is_set()


async def test_an_event_stream_of_it_ends_too(desk: Desk, studio: StudioDouble) -> None:
    token = desk.make("ada")
    await desk.look()
    app = create_app(HouseDouble([ShowDouble(studio=studio)]), desk.options)
    begun = asyncio.Event()

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        begun.set()

    scope = {
        "type": "http", "method": "GET", "path": "/api/events", "query_string": b"", "scheme": "http", "root_path": "",
        "headers": [(b"host", b"talk.example"), (b"authorization", f"Bearer {token}".encode())], "http_version": "1.1",
    }  # fmt: skip
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        reading = group.create_task(app(scope, receive, send))
        await begun.wait()
        await asyncio.sleep(0)
        assert not reading.done()
        desk.revoke("ada")
        await desk.look()
        await asyncio.wait([reading])


async def test_so_many_conversations_at_once(desk: Desk) -> None:
    token = desk.make("ada", Scope.TALK, sessions=1)
    await desk.look()
    first, second, third = (Socket(desk, token) for _ in range(3))
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        running = group.create_task(first.run())
        await first.inside.wait()
        await second.run()
        assert (
            second.ends == (1008, "as many conversations as may (1) go on with this token")
            and not second.inside.is_set()
        )
        assert second.told["code"] == "full" and second.told["remedy"] == "End one of them first."
        assert second.told["retry_seconds"] == RETRY_SECONDS  # it may be its own that broke
        elsewhere = Socket(desk, token, paths.REALTIME)
        await elsewhere.run()
        assert elsewhere.ends == second.ends and len(elsewhere.sent) == 1
        answered = Socket(desk, token, paths.REALTIME, denies=True)
        await answered.run()
        assert (answered.sent[0]["type"], answered.sent[0]["status"]) == ("websocket.http.response.start", 429)
        assert json.loads(answered.sent[1]["body"])["error"]["code"] == "rate_limit_exceeded"
        running.cancel()
        await asyncio.wait([running])
        going = group.create_task(third.run())
        await third.inside.wait()
        going.cancel()


async def test_so_many_minutes_a_day(desk: Desk) -> None:
    token = desk.make("ada", Scope.TALK, minutes=2)
    await desk.look()
    first = Socket(desk, token)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        running = group.create_task(first.run())
        await first.inside.wait()
        desk.clock.advance(90 * SECOND)
        await desk.look()
        assert first.ends is None and desk.used("ada") == 90.0
        desk.clock.advance(31 * SECOND)
        await desk.look()
        await running
    spent = (1008, "the token's minutes of today are used up")
    assert first.ends == spent and desk.used("ada") == 121.0
    second = Socket(desk, token)
    await second.run()
    assert second.ends == spent and (second.told["code"], second.told["retry_seconds"]) == ("full", None)
    fresh = TokenAccounts(desk.store, desk.clock)  # a house that was started again knows
    await fresh._look()  # pyright: ignore[reportPrivateUsage]
    again = Desk.__new__(Desk)
    again.options = WebOptions(host="0.0.0.0", accounts=fresh)
    third = Socket(again, token)
    await third.run()
    assert third.ends == spent
    desk.clock.advance(24 * 3600 * SECOND)
    await desk.look()
    tomorrow = Socket(desk, token)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        running = group.create_task(tomorrow.run())
        await tomorrow.inside.wait()
        running.cancel()
