"""Faces over the web: who has one, its picture, and its page."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx
import pytest

from duologue.web.options import WebOptions

Connect = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


async def test_a_face_is_described_pictured_and_alive(client: httpx.AsyncClient) -> None:
    assert {"chad", "virgin"} <= set((await client.get("/api/faces")).json())
    atlas = await client.get("/api/faces/chad")
    assert atlas.json()["layers"]["body"]["width"] > 50
    assert "max-age" in atlas.headers["cache-control"]
    picture = await client.get("/api/faces/chad/atlas.png")
    assert picture.headers["content-type"] == "image/png" and picture.content.startswith(b"\x89PNG")
    idle = (await client.get("/api/faces/chad/idle/3")).json()
    assert idle["first"] == 3 * len(idle["mouths"])


@pytest.mark.parametrize("what", ["", "/atlas.png", "/idle/0", "/events"])
async def test_who_has_no_face_is_named(client: httpx.AsyncClient, what: str) -> None:
    answer = await client.get(f"/api/faces/nobody{what}")
    assert answer.status_code == 404 and "chad" in answer.json()["remedy"]


async def test_the_page_of_a_face_lies_one_step_deeper(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<title>page</title>")
    (tmp_path / "face.html").write_text("<title>face</title>")
    async with connect(WebOptions(static=tmp_path)) as client:
        assert "<title>face" in (await client.get("/face/chad?transparent")).text
        assert "<title>page" in (await client.get("/face")).text
        for path in ("/face.html", "/face/chad/more", "/face/chad.js"):
            assert (await client.get(path)).status_code == 404
