"""What every answer tells the browser: on pages, the API, the stream and refusals alike."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx
import pytest

from duologue.web.options import WebOptions

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

Connect = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
PATHS = ("/", "/talk", "/docs", "/openapi.json", "/api/stage", "/stream/index.m3u8", "/healthz", "/metrics", "/api/no")


def directives(answer: httpx.Response) -> dict[str, list[str]]:
    """The policy of an answer, by directive."""
    parts = [part.split() for part in answer.headers["content-security-policy"].split(";")]
    return {name: values for name, *values in parts}


@pytest.mark.parametrize("token", ["", "a token that nobody has"])
@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_says_what_a_browser_may(connect: Connect, path: str, token: str) -> None:
    async with connect(WebOptions(token=token)) as client:
        answer = await client.get(path, headers={"accept": "text/html"})
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "microphone=(self)" in answer.headers["permissions-policy"]
    policy = directives(answer)
    assert policy["frame-ancestors"] == ["'none'"]
    assert policy["base-uri"] == ["'none'"]
    scripts = policy.get("script-src", policy["default-src"])
    assert "'unsafe-inline'" not in scripts
    assert "'unsafe-eval'" not in scripts
    assert "strict-transport-security" not in answer.headers  # a certificate of one's own making must stay possible


async def test_the_page_runs_its_own_scripts_and_styles_alone(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<!doctype html><title>page</title>")
    async with connect(WebOptions(static=tmp_path)) as client:
        policy = directives(await client.get("/"))
    assert policy["default-src"] == ["'self'"]
    assert "style-src" not in policy
    assert "script-src" not in policy
    assert policy["worker-src"] == policy["media-src"] == ["'self'", "blob:"]


async def test_data_needs_nothing(connect: Connect) -> None:
    async with connect() as client:
        assert directives(await client.get("/api/stage"))["default-src"] == ["'none'"]
