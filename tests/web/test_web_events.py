"""The event stream, driven as an ASGI server would drive it: no network, no waiting."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest
import uvicorn
from studio_double import STAGE, StudioDouble

from duologue.app.models import Notice, NoticeEvent, StageEvent
from duologue.web.application import create_app
from duologue.web.events import Backlog, EventStream, encode
from duologue.web.options import WebOptions

Message = MutableMapping[str, Any]


def notice(text: str) -> NoticeEvent:
    return NoticeEvent(notice=Notice(level="info", text=text))


class Browser:
    """The other end of an ASGI call; ``open`` is cleared to make it slow."""

    def __init__(self) -> None:
        self.body = b""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.ended = False
        self.gone = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self._grown = asyncio.Condition()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.open.wait()
        async with self._grown:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                self.body += message["body"]
                self.ended = not message["more_body"]
            self._grown.notify_all()

    async def see(self, text: str) -> None:
        """Wait until ``text`` has arrived."""
        async with self._grown, asyncio.timeout(5):
            await self._grown.wait_for(lambda: text in self.body.decode())

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        blocks = [block.split("\n") for block in self.body.decode().split("\n\n") if block.startswith("event: ")]
        return [(block[0].removeprefix("event: "), json.loads(block[1].removeprefix("data: "))) for block in blocks]


SCOPE: Message = {"type": "http"}


def stream(studio: StudioDouble, leaving: asyncio.Event | None = None, **options: Any) -> EventStream:
    return EventStream(studio, WebOptions(**options), leaving or asyncio.Event())


async def settle() -> None:
    """Let every task that can run do so."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_state_comes_first_and_then_what_happens(studio: StudioDouble) -> None:
    browser = Browser()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stream(studio)(SCOPE, browser.receive, browser.send))
        await browser.see("event: stage")
        studio.publish(notice("two\nlines"))
        await browser.see("two")
        studio.publish(None)
    assert browser.status == 200
    assert browser.headers["content-type"].startswith("text/event-stream")
    assert browser.headers["cache-control"] == "no-store"
    assert "content-length" not in browser.headers
    assert [kind for kind, _ in browser.events()] == ["stage", "notice"]
    assert browser.events()[1][1]["notice"]["text"] == "two\nlines"
    assert browser.ended


async def test_a_silent_show_is_kept_alive(studio: StudioDouble) -> None:
    browser = Browser()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stream(studio, keep_alive=0.001)(SCOPE, browser.receive, browser.send))
        await browser.see(": still here\n\n: still here")
        browser.gone.set()


async def test_a_browser_that_leaves_leaves_nothing_behind(studio: StudioDouble) -> None:
    browser = Browser()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stream(studio)(SCOPE, browser.receive, browser.send))
        await browser.see("event: stage")
        assert len(studio.listeners) == 1
        browser.gone.set()
    assert studio.listeners == set()


async def test_a_server_that_leaves_ends_every_stream_even_a_stuck_one(studio: StudioDouble) -> None:
    leaving = asyncio.Event()
    quick, stuck = Browser(), Browser()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        for browser in (quick, stuck):
            tasks.create_task(stream(studio, leaving)(SCOPE, browser.receive, browser.send))
        await quick.see("event: stage")
        await stuck.see("event: stage")
        stuck.open.clear()
        studio.publish(notice("unread"))
        await settle()
        leaving.set()
        await settle()
        stuck.open.set()
    assert quick.ended and stuck.ended
    assert studio.listeners == set()


async def test_a_slow_browser_gets_the_newest_state_and_is_told(studio: StudioDouble) -> None:
    browser = Browser()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stream(studio, backlog=8)(SCOPE, browser.receive, browser.send))
        await browser.see("event: stage")
        browser.open.clear()
        for number in range(100):
            studio.publish(notice(f"old {number}"))
            await settle()
        browser.open.set()
        await browser.see("too slow")
        await settle()
        studio.publish(notice("new"))
        await browser.see('"new"')
        browser.gone.set()
    texts = [event["notice"]["text"] for kind, event in browser.events() if kind == "notice"]
    assert len([text for text in texts if text.startswith("old")]) <= 9
    assert texts[-1] == "new"
    assert [kind for kind, _ in browser.events()].count("stage") == 2
    assert studio.subscriptions == 2


async def test_a_failing_studio_is_not_hidden(studio: StudioDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise RuntimeError("no bus")

    monkeypatch.setattr(studio, "subscribe", broken)
    browser = Browser()
    with pytest.raises(ExceptionGroup, match="unhandled"):
        await stream(studio)(SCOPE, browser.receive, browser.send)


async def test_a_backlog_keeps_order_and_its_bound() -> None:
    backlog = Backlog(2)
    assert [backlog.put(notice(name)) for name in ("a", "b")] == [True, True]
    taken = await backlog.take()
    assert taken == [notice("a"), notice("b")]
    assert [backlog.put(notice(name)) for name in ("c", "d", "e")] == [True, True, False]
    assert backlog.overrun
    assert await backlog.take() is None


async def test_a_closed_backlog_gives_what_it_has_and_ends() -> None:
    backlog = Backlog(2)
    backlog.put(notice("a"))
    backlog.close()
    assert await backlog.take() == [notice("a")]
    assert await backlog.take() is None


def test_an_event_is_one_line_of_data() -> None:
    wire = encode(StageEvent(stage=STAGE)).decode()
    assert wire.startswith("event: stage\ndata: {") and wire.endswith("}\n\n")
    assert wire.count("\n") == 3


@pytest.mark.realtime
async def test_a_real_server_streams_and_leaves_promptly(studio: StudioDouble) -> None:
    app = create_app(studio)
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=5))
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve([sock]))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            async with client.stream("GET", "/api/events") as answer:
                lines = answer.aiter_lines()
                while await anext(lines) != "event: stage":
                    pass
                studio.publish(notice("over the wire"))
                while "over the wire" not in await anext(lines):
                    pass
                app.state.leaving.set()
                assert [line async for line in lines] == [""]
            server.should_exit = True
        await serving
    assert studio.listeners == set()
