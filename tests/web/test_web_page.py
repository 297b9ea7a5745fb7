from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx
import pytest
from studio_double import ShowDouble

from duologue.web.options import WebOptions

Connect = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def built(tmp_path: Path) -> WebOptions:
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>page</title>")
    (folder / "assets" / "index-abc123.js").write_text("console.log(1)")
    (folder / ".ready").write_text("")
    (tmp_path / "secret.txt").write_text("classified")
    return WebOptions(static=folder)


async def test_a_page_that_was_not_built_says_what_to_do(client: httpx.AsyncClient) -> None:
    answer = await client.get("/about")
    assert answer.text == (await client.get("/")).text
    assert answer.status_code == 503
    assert "make setup" in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_the_page_is_revalidated_and_its_assets_are_for_ever(connect: Connect, built: WebOptions) -> None:
    async with connect(built) as client:
        page = await client.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert page.headers["cache-control"] == "no-cache"
        assert "default-src 'self'" in page.headers["content-security-policy"]
        script = await client.get("/assets/index-abc123.js")
        assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert "javascript" in script.headers["content-type"]
        again = await client.get("/", headers={"if-none-match": page.headers["etag"]})
        assert again.status_code == 304
        assert (await client.head("/")).status_code == 200


async def test_an_address_within_the_page_is_the_page(connect: Connect, built: WebOptions) -> None:
    async with connect(built) as client:
        assert (await client.get("/about")).text == (await client.get("/")).text
        for path in ("/missing.js", "/api/missing", "/stream/missing/file", "/about/more"):
            assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize("path", ["/.ready", "/%2e%2e/secret.txt", "/assets/../../secret.txt", "/..%2fsecret.txt"])
async def test_nothing_beside_the_page_is_served(connect: Connect, built: WebOptions, path: str) -> None:
    async with connect(built) as client:
        answer = await client.get(path)
        assert answer.status_code == 404
        assert "classified" not in answer.text


async def test_without_a_page_there_is_only_the_api(connect: Connect) -> None:
    async with connect(shows=[ShowDouble(headless=True)]) as client:
        answer = await client.get("/")
        assert answer.status_code == 404
        assert "no page" in answer.json()["title"] and "stream/index.m3u8" in answer.json()["remedy"]
        assert (await client.get("/api/stage")).status_code == 200
