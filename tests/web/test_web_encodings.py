"""Compressed forms of the page's files: who gets which, and that caches tell them apart."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.web.encodings import SUFFIXES, choose
from duologue.web.options import WebOptions

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

Connect = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
SCRIPT = b"console.log('duologue');" * 200


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip, deflate, br, zstd", "br"),  # a browser by HTTPS or on loopback
        ("gzip, deflate", "gzip"),  # a browser by plain HTTP
        ("", None),
        ("identity", None),
        ("*", "br"),
        ("br;q=0, *", "gzip"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("GZIP ; Q=0.4", "gzip"),
        ("identity;q=1, gzip;q=0.5", None),
        ("gzip;q=0, br;q=0", None),
        ("br;q=much", None),
        (";;,=q", None),
    ],
)
def test_the_preferred_form_is_chosen(accepted: str, chosen: str | None) -> None:
    assert choose(accepted, SUFFIXES) == chosen


@given(st.text(max_size=80))
def test_only_what_is_there_is_chosen(accepted: str) -> None:
    assert choose(accepted, ()) is None
    assert choose(accepted, ("gzip",)) in (None, "gzip")


@pytest.fixture
def built(tmp_path: Path) -> WebOptions:
    """A build whose script has compressed forms; the brotli one is a stand-in, the server does not look inside."""
    assets = tmp_path / "assets"
    assets.mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>page</title>")
    (assets / "index.js").write_bytes(SCRIPT)
    (assets / "index.js.gz").write_bytes(gzip.compress(SCRIPT))
    (assets / "index.js.br").write_bytes(b"brotli")
    (assets / "type.woff2").write_bytes(b"font")
    return WebOptions(static=tmp_path)


async def test_each_client_gets_the_form_that_it_takes(connect: Connect, built: WebOptions) -> None:
    async with connect(built) as client:
        answers = {
            accepted: await client.get("/assets/index.js", headers={"accept-encoding": accepted})
            for accepted in ("identity", "gzip")
        }
        assert [answer.content for answer in answers.values()] == [SCRIPT, SCRIPT]  # the client unpacks
        assert [answer.headers.get("content-encoding") for answer in answers.values()] == [None, "gzip"]
        assert int(answers["gzip"].headers["content-length"]) < len(SCRIPT) / 10
        for answer in answers.values():
            assert answer.headers["vary"] == "Accept-Encoding"
            assert answer.headers["content-type"].startswith("text/javascript")
            assert "immutable" in answer.headers["cache-control"]
        request = client.build_request("GET", "/assets/index.js", headers={"accept-encoding": "gzip, br"})
        smallest = await client.send(request, stream=True)
        assert smallest.headers["content-encoding"] == "br"
        assert [part async for part in smallest.aiter_raw()] == [b"brotli"]
        tags = {answers["identity"].headers["etag"], answers["gzip"].headers["etag"], smallest.headers["etag"]}
        assert len(tags) == 3


async def test_a_form_is_revalidated_as_itself(connect: Connect, built: WebOptions) -> None:
    async with connect(built) as client:
        packed = await client.get("/assets/index.js", headers={"accept-encoding": "gzip"})
        known = {"if-none-match": packed.headers["etag"]}
        again = await client.get("/assets/index.js", headers={**known, "accept-encoding": "gzip"})
        assert (again.status_code, again.headers["vary"]) == (304, "Accept-Encoding")
        other = await client.get("/assets/index.js", headers={**known, "accept-encoding": "identity"})
        assert (other.status_code, other.content) == (200, SCRIPT)


async def test_a_file_without_forms_does_not_vary(connect: Connect, built: WebOptions) -> None:
    async with connect(built) as client:
        font = await client.get("/assets/type.woff2", headers={"accept-encoding": "gzip, br"})
        assert "content-encoding" not in font.headers
        assert "vary" not in font.headers


@pytest.mark.parametrize("path", ["/assets/index.js.gz", "/assets/index.js.br"])
async def test_a_form_is_no_file_of_its_own(connect: Connect, built: WebOptions, path: str) -> None:
    async with connect(built) as client:
        assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize("path", ["/stream/index.m3u8", "/api/stage", "/openapi.json"])
async def test_nothing_else_is_compressed(connect: Connect, path: str) -> None:
    async with connect() as client:
        answer = await client.get(path, headers={"accept-encoding": "gzip, br"})
        assert "content-encoding" not in answer.headers
