"""Who may come in."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from studio_double import HouseDouble, ShowDouble, StudioDouble, segment

from duologue.tokens import cookie_value
from duologue.web.application import create_app
from duologue.web.gate import COOKIE, Admit, Redirect, Refuse, judge, private
from duologue.web.options import WebOptions, is_loopback

Connect = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
TOKEN = "correct horse"
PUBLIC = WebOptions(host="0.0.0.0", token=TOKEN)
HOME = WebOptions()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8081", "localhost:8081", "[::1]:8081", "LOCALHOST", "a.localhost"]
)
def test_names_of_this_machine_are_welcome(host: str) -> None:
    assert judge(HOME, "GET", "/api/stage", "", {"host": host}) == Admit()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8081", "127.0.0.1.evil.example", "", "[", "10.0.0.1"])
def test_a_name_that_was_pointed_here_is_not(host: str) -> None:
    verdict = judge(HOME, "GET", "/api/stage", "", {"host": host})
    assert isinstance(verdict, Refuse)
    assert verdict.status is HTTPStatus.MISDIRECTED_REQUEST


def test_a_proxys_name_may_be_added() -> None:
    options = WebOptions(hosts=("show.example",))
    assert judge(options, "GET", "/", "", {"host": "show.example:443"}) == Admit()
    origin = {"host": "127.0.0.1:8081", "origin": "https://show.example"}
    assert judge(options, "POST", "/api/chat", "", origin) == Admit()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "", "http://127.0.0.1:9999", "http://["])
def test_another_sites_page_changes_nothing(origin: str) -> None:
    headers = {"host": "127.0.0.1:8081", "origin": origin}
    verdict = judge(HOME, "DELETE", "/api/conversations/1", "", headers)
    assert isinstance(verdict, Refuse)
    assert verdict.status is HTTPStatus.FORBIDDEN
    assert judge(HOME, "GET", "/stream/index.m3u8", "", headers) == Admit()


def test_our_own_page_and_programs_may() -> None:
    assert (
        judge(HOME, "POST", "/api/chat", "", {"host": "127.0.0.1:8081", "origin": "http://127.0.0.1:8081"}) == Admit()
    )
    assert judge(HOME, "POST", "/api/chat", "", {"host": "127.0.0.1:8081"}) == Admit()


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", f"bearer {TOKEN}"])
def test_a_bearer_comes_in(header: str) -> None:
    assert judge(PUBLIC, "POST", "/api/chat", "", {"host": "x", "authorization": header}) == Admit()


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"authorization": "Bearer wrong"}, {"authorization": TOKEN}, {"authorization": f"Basic {TOKEN}"},
        {"authorization": "Bearer"}, {"cookie": f"{COOKIE}={TOKEN}"}, {"cookie": "\x00;;=="},
        {"authorization": "Bearer ünïcode"},
    ],
)  # fmt: skip
def test_without_the_token_nobody_does(headers: dict[str, str]) -> None:
    verdict = judge(PUBLIC, "GET", "/api/stage", "token=wrong", {"host": "x", **headers})
    assert isinstance(verdict, Refuse)
    assert verdict.status is HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize("other", ['prefs={"a": 1}', "flag", "version=3", "a=b", ""])
def test_a_cookie_of_another_program_hides_none_of_ours(other: str) -> None:
    ours = f"{COOKIE}={cookie_value(TOKEN)}"
    for cookie in (f"{other}; {ours}", f"{ours}; {other}"):
        assert judge(PUBLIC, "GET", "/api/stage", "", {"host": "x", "cookie": cookie}) == Admit()


def test_the_token_leaves_the_pages_address() -> None:
    verdict = judge(PUBLIC, "GET", "/", "tab=stage&token=correct+horse", {"host": "x"})
    assert verdict == Redirect("/?tab=stage")
    assert judge(PUBLIC, "GET", "//evil.example/", "token=correct+horse", {"host": "x"}) == Redirect("/evil.example/")


def test_a_player_may_bring_it_in_the_address() -> None:
    assert judge(PUBLIC, "GET", "/stream/index.m3u8", "token=correct%20horse", {"host": "x"}) == Admit(remember=True)


def test_health_is_for_everyone() -> None:
    assert judge(PUBLIC, "GET", "/healthz", "", {}) == judge(HOME, "GET", "/readyz", "", {"host": "pod"}) == Admit()


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_whatever_is_sent_gets_a_verdict(host: str, cookie: str, query: str) -> None:
    headers = {"host": host, "cookie": cookie, "authorization": cookie, "origin": host}
    for options in (HOME, PUBLIC):
        assert isinstance(judge(options, "POST", "/api/chat", query, headers), Admit | Refuse)


def test_addresses_of_this_machine() -> None:
    assert [is_loopback(host) for host in ("::1", "127.8.8.8", "0.0.0.0", "example.org", "")] == [
        True, True, False, False, False,
    ]  # fmt: skip


async def test_a_browser_gets_a_cookie_and_keeps_it(connect: Connect, studio: StudioDouble, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("the page")
    async with connect(WebOptions(host="0.0.0.0", token=TOKEN, static=tmp_path), "http://show.example") as client:
        asked = await client.get("/", headers={"accept": "text/html"})
        assert (asked.status_code, "token" in asked.text) == (401, True)
        assert (await client.get("/api/stage")).headers["www-authenticate"] == "Bearer"
        entered = await client.get("/", params={"token": TOKEN})
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        cookie = entered.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and TOKEN not in cookie
        assert cookie_value(TOKEN) in cookie
        assert (await client.get("/")).text == "the page"
        assert (await client.post("/api/chat", json={"to": "chad", "text": "hi"})).status_code == 202
        assert (await client.get("/healthz")).status_code == 200


async def test_a_preflight_needs_no_token(connect: Connect, studio: StudioDouble) -> None:
    studio.text = "#EXTM3U\n"
    elsewhere = {"origin": "https://elsewhere.example"}
    options = WebOptions(host="0.0.0.0", token=TOKEN, cors_origins=("https://elsewhere.example",))
    async with connect(options, "http://show.example") as client:
        assert (await client.options("/stream/index.m3u8", headers=elsewhere)).status_code == 204
        refused = await client.get("/stream/index.m3u8", headers=elsewhere)
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, elsewhere["origin"])
        bearer = {**elsewhere, "authorization": f"Bearer {TOKEN}"}
        assert (await client.get("/stream/index.m3u8", headers=bearer)).is_success


async def test_what_a_token_guards_is_kept_by_no_shared_cache(connect: Connect, studio: StudioDouble) -> None:
    """A segment says `public`; a cache before the server would hand it to people without the token."""
    studio.text, studio.files["7.m4s"] = "#EXTM3U\n", segment(b"moof")
    bearer = {"authorization": f"Bearer {TOKEN}"}
    expected = {
        "/stream/7.m4s": "private, max-age=3600, immutable",
        "/stream/index.m3u8": "private, no-cache",
        "/api/stage": "no-store",
        "/stream/6.m4s": "no-store",
    }
    async with connect(PUBLIC, "http://show.example") as client:
        for path, caching in expected.items():
            answer = await client.get(path, headers=bearer)
            assert answer.headers["cache-control"] == caching, path
            assert answer.headers["vary"] == "Authorization, Cookie"
        assert (await client.get("/stream/7.m4s")).headers["cache-control"] == "no-store"  # 401


async def test_an_answer_that_sets_the_cookie_is_kept_by_nobody(connect: Connect, studio: StudioDouble) -> None:
    studio.text, studio.files["7.m4s"] = "#EXTM3U\n", segment(b"moof")
    for path in ("/stream/7.m4s", "/stream/index.m3u8", "/"):
        async with connect(PUBLIC, "http://show.example") as client:
            answer = await client.get(path, params={"token": TOKEN})
            assert "set-cookie" in answer.headers, path
            assert answer.headers["cache-control"] == "no-store", path
            assert "set-cookie" not in (await client.get(path)).headers, path


async def test_without_a_token_caches_may_keep_segments(connect: Connect, studio: StudioDouble) -> None:
    studio.files["7.m4s"] = segment(b"moof")
    async with connect() as client:
        answer = await client.get("/stream/7.m4s")
    assert answer.headers["cache-control"] == "public, max-age=3600, immutable" and "vary" not in answer.headers


@pytest.mark.parametrize(
    ("said", "guarded"),
    [("", "no-store"), ("no-store", "no-store"), ("no-cache", "private, no-cache"),
     ("private, max-age=5", "private, max-age=5"), ("public , immutable", "private, immutable")],
)  # fmt: skip
def test_what_may_be_kept_becomes_the_askers_own(said: str, guarded: str) -> None:
    assert private(said) == guarded


async def test_a_rebound_name_reaches_nothing(connect: Connect, studio: StudioDouble) -> None:
    async with connect(base="http://evil.example:8081") as client:
        for path in ("/", "/api/stage", "/docs", "/openapi.json", "/stream/index.m3u8", "/metrics"):
            assert (await client.get(path)).status_code == 421
        assert (await client.post("/api/conversations", json={})).status_code == 421
    assert studio.asked == []


@pytest.mark.parametrize(("origin", "code"), [(b"http://evil.example", 1008), (b"http://127.0.0.1:8081", 1000)])
async def test_another_sites_socket_is_closed_unopened(studio: StudioDouble, origin: bytes, code: int) -> None:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = [(b"host", b"127.0.0.1:8081"), (b"origin", origin)]
    scope = {"type": "websocket", "path": "/ws", "query_string": b"", "headers": headers, "subprotocols": []}
    await create_app(HouseDouble([ShowDouble(studio=studio)]))(scope, receive, send)
    assert [(message["type"], message.get("code", 1000)) for message in sent] == [("websocket.close", code)]
