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
from structlog.testing import capture_logs
from studio_double import STAGE, HouseDouble, ShowDouble, StudioDouble

from duologue.app.bus import Published, Topics
from duologue.app.models import Notice, NoticeEvent, StageEvent
from duologue.web.application import create_app
from duologue.web.events import EventStream, encode

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

    def blocks(self) -> list[dict[str, str]]:
        """The fields of each event."""
        blocks = [block for block in self.body.decode().split("\n\n") if "event: " in block]
        return [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        return [(block["event"], json.loads(block["data"])) for block in self.blocks()]


SCOPE: Message = {"type": "http"}


def stream(
    studio: StudioDouble, leaving: asyncio.Event | None = None, keep_alive: float = 15.0, after: str = ""
) -> EventStream:
    return EventStream(studio.bus.subscribe(frozenset(), after), keep_alive, leaving or asyncio.Event())


async def settle() -> None:
    """Let every task that can run do so."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_state_comes_first_and_then_what_happens(studio: StudioDouble) -> None:
    browser = Browser()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stream(studio)(SCOPE, browser.receive, browser.send))
        await browser.see("event: state")
        studio.bus.publish(notice("two\nlines"))
        await browser.see("two")
        studio.bus.close()
    assert browser.status == 200
    assert browser.headers["content-type"].startswith("text/event-stream")
    assert browser.headers["cache-control"] == "no-store"
    assert "content-length" not in browser.headers
    assert [kind for kind, _ in browser.events()] == ["state", "notice"]
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
        await browser.see("event: state")
        browser.gone.set()
    assert browser.ended  # and no task is left: a group waits for them


async def test_a_server_that_leaves_ends_every_stream_even_a_stuck_one(studio: StudioDouble) -> None:
    leaving = asyncio.Event()
    quick, stuck = Browser(), Browser()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        for browser in (quick, stuck):
            tasks.create_task(stream(studio, leaving)(SCOPE, browser.receive, browser.send))
        await quick.see("event: state")
        await stuck.see("event: state")
        stuck.open.clear()
        studio.bus.publish(notice("unread"))
        await settle()
        leaving.set()
        await settle()
        stuck.open.set()
    assert quick.ended and stuck.ended


async def test_a_slow_browser_gets_the_newest_state_and_is_told(studio: StudioDouble) -> None:
    browser = Browser()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stream(studio)(SCOPE, browser.receive, browser.send))
        await browser.see("event: state")
        browser.open.clear()
        for number in range(100):
            studio.bus.publish(notice(f"old {number}"))
            await settle()
        browser.open.set()
        await browser.see("too slow")
        await settle()
        studio.bus.publish(notice("new"))
        await browser.see('"new"')
        browser.gone.set()
    kinds = [kind for kind, _ in browser.events()]
    texts = [event["notice"]["text"] for kind, event in browser.events() if kind == "notice"]
    assert texts[-1] == "new" and len([text for text in texts if text.startswith("old")]) <= 8
    assert kinds.count("state") == 2 and kinds[-3:] == ["notice", "state", "notice"]
    assert studio.bus.overruns == 1


async def test_who_comes_back_goes_on_where_it_left_off(studio: StudioDouble) -> None:
    first, second = Browser(), Browser()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stream(studio)(SCOPE, first.receive, first.send))
        await first.see("event: state")
        studio.bus.publish(notice("seen"))
        await first.see("seen")
        first.gone.set()
    studio.bus.publish(notice("missed"))
    last = first.blocks()[-1]["id"]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stream(studio, after=last)(SCOPE, second.receive, second.send))
        await second.see("missed")
        second.gone.set()
    assert [event["notice"]["text"] for _, event in second.events()] == ["missed"]


@pytest.mark.parametrize("last", ["", "show-99", "show--1", "show-x", "another-1", "show-\u0663", f"show-{'9' * 5000}"])
async def test_an_id_that_says_nothing_gets_the_state(
    client: httpx.AsyncClient, studio: StudioDouble, last: str
) -> None:
    studio.bus.publish(notice("old"))
    studio.bus.close()
    answer = await client.get("/api/events", headers=[(b"Last-Event-ID", last.encode())])
    assert answer.text.split("\n\n")[1].split("\n")[:2] == ["id: show-1", "event: state"]
    assert "old" not in answer.text


async def test_the_last_id_comes_in_its_header(client: httpx.AsyncClient, studio: StudioDouble) -> None:
    for text in ("one", "two"):
        studio.bus.publish(notice(text))
    studio.bus.close()
    answer = await client.get("/api/events", headers={"Last-Event-ID": "show-1"})
    assert "two" in answer.text and "one" not in answer.text and "event: state" not in answer.text


async def test_a_failing_bus_is_not_hidden(
    client: httpx.AsyncClient, studio: StudioDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_topics: Topics, _after: str) -> Any:
        raise RuntimeError("no bus")

    monkeypatch.setattr(studio.bus, "subscribe", broken)
    with capture_logs() as logged:
        assert (await client.get("/api/events")).status_code == 500
    assert logged


def test_an_event_is_one_line_of_data() -> None:
    wire = encode(Published("show-7", StageEvent(stage=STAGE))).decode()
    assert wire.startswith("id: show-7\nevent: stage\ndata: {") and wire.endswith("}\n\n")
    assert wire.count("\n") == 4
    assert encode(Published("", notice("for you alone"))).startswith(b"event: notice\n")


@pytest.mark.realtime
async def test_a_real_server_streams_and_leaves_promptly(studio: StudioDouble) -> None:
    app = create_app(HouseDouble([ShowDouble(studio=studio)]))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=5))
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve([sock]))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            async with client.stream("GET", "/api/events") as answer:
                lines = answer.aiter_lines()
                while await anext(lines) != "event: state":
                    pass
                studio.bus.publish(notice("over the wire"))
                while "over the wire" not in await anext(lines):
                    pass
                app.state.leaving.set()
                assert [line async for line in lines] == [""]
            server.should_exit = True
        await serving
