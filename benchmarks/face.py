"""What a face costs a browser: ``python -m benchmarks face``, two minutes of it.

Chromium's CPU (all of its processes), with the face of a character that lives, that speaks, and without it, on the page
of the face alone and on the Talk page; and by a trace of Chromium's own, how long our script takes for each picture and
whether anything held the page for a twentieth of a second. The picture is drawn by the CPU here: there is no GPU.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from benchmarks.browser import CHROMIUM
from benchmarks.live import HERE
from benchmarks.machine import foreign, say
from benchmarks.ready import free_port, until_ready
from benchmarks.sleeper import Stalls, sleeper
from benchmarks.table import Row, row
from duologue.client import TalkWish, talk_with
from duologue.errors import DuologueError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SECONDS = 8.0
"""Of each scene."""
SETTLING = 3.0
PICTURES = 30
"""That a face draws in a second, at most."""
LONG_MS = 50.0
"""A task that holds the page for so long is one (W3C Long Tasks)."""
SCRIPT_MS = 1.0
READY_SECONDS = 60.0
CHARACTER = "chad"
_ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip
_CATEGORIES = ["devtools.timeline", "disabled-by-default-devtools.timeline", "__metadata"]
_QUESTION = "Tell me all about pineapple on pizza, and why anybody would think so."


@dataclass(frozen=True, slots=True)
class Scene:
    """What was measured: Chromium's CPU (% of one core); our script for each picture, the longest task and the most CPU
    time of one (ms). A script is counted in its thread's CPU time, where Chromium tells it: what others take of a busy
    machine is not ours.
    """

    cpu: float
    scripts: tuple[float, ...] = ()
    longest: float = 0.0
    busiest: float = 0.0
    long_tasks: int = 0


def rows() -> list[Row]:
    """Every scene, one after the other."""
    if not Path(CHROMIUM).exists():
        raise SystemExit(f"this wants a Chromium at {CHROMIUM}: apt install chromium")
    from playwright.sync_api import sync_playwright

    with contextlib.ExitStack() as stack:
        stalls = stack.enter_context(sleeper())
        address = stack.enter_context(_house())
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        stack.callback(browser.close)
        found = _scenes(browser, address)
        load = os.getloadavg()[0]
    return _told(found, load, stalls)


def _scenes(browser: Browser, address: str) -> dict[str, Scene]:
    found: dict[str, Scene] = {}
    page = browser.new_page(viewport={"width": 640, "height": 640})
    say("an empty page")
    found["empty"] = _measured(browser, page, trace=False)
    page.goto(f"{address}/face/{CHARACTER}?transparent")
    page.wait_for_selector("canvas[data-mouth]")
    say("a face that nobody speaks with")
    found["lives"] = _measured(browser, page)
    with _talked_with(address):
        say("a face that speaks")
        found["speaks"] = _measured(browser, page)
    page.close()
    for name, faces in (("without", False), ("with", True)):
        say(f"the Talk page {name} the face")
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        if not faces:
            page.route("**/api/faces", lambda route: route.fulfill(json=[]))
        _begin(page, address)
        found[name] = _measured(browser, page)
        page.close()
    return found


def _begin(page: Page, address: str) -> None:
    """A conversation on the Talk page that goes on as long as it is looked at."""
    page.goto(f"{address}/talk")
    page.get_by_role("radio", name=CHARACTER.title()).first.check()
    page.get_by_role("button", name="Begin").click()
    page.get_by_label("Your words").wait_for()
    page.evaluate(
        """words => {
          const field = document.querySelector('[aria-label="Your words"]')
          const ask = () => {
            Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, words)
            field.dispatchEvent(new Event('input', { bubbles: true }))
            setTimeout(() => field.form.requestSubmit(), 50)
          }
          ask()
          setInterval(() => document.querySelector('.talk-chunk[data-state=playing]') || ask(), 1000)
        }""",
        _QUESTION,
    )


def _measured(browser: Browser, page: Page, *, trace: bool = True) -> Scene:
    page.wait_for_timeout(1000 * SETTLING)
    if trace:
        browser.start_tracing(page=page, categories=_CATEGORIES)
    before, began = _spent(), time.perf_counter()
    page.wait_for_timeout(1000 * SECONDS)
    cpu = 100 * (_spent() - before) / (time.perf_counter() - began)
    if not trace:
        return Scene(cpu)
    return _read(json.loads(browser.stop_tracing())["traceEvents"], cpu)


def _spent() -> float:
    """CPU seconds of all of Chromium."""
    spent = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if "chrom" in process.name():
                times = process.cpu_times()
                spent += times.user + times.system
    return spent


def _read(events: Sequence[dict[str, Any]], cpu: float) -> Scene:
    """Of the thread in which the page's script runs."""
    steps = [event for event in events if event["name"] == "FireAnimationFrame" and "dur" in event]
    mains = {
        (event["pid"], event["tid"]) for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }  # fmt: skip
    tasks = [
        (event["dur"] / 1000, event.get("tdur", event["dur"]) / 1000) for event in events
        if event["name"] == "RunTask" and "dur" in event and (event["pid"], event["tid"]) in mains
    ]  # fmt: skip
    spent = (event.get("tdur", event["dur"]) / 1000 for event in steps)
    drawn = sorted(spent, reverse=True)[: round(PICTURES * SECONDS)]
    longest = max((wall for wall, _ in tasks), default=0.0)
    busiest = max((cpu for _, cpu in tasks), default=0.0)
    return Scene(cpu, tuple(drawn), longest, busiest, sum(wall >= LONG_MS for wall, _ in tasks))


def _told(found: dict[str, Scene], load: float, stalls: Stalls) -> list[Row]:
    beside = (
        f"load {load:.1f} on {os.cpu_count()} cores; a bare sleeper woke {stalls.worst_ms:.0f} ms late at the worst"
    )
    made = [
        row("Chromium on an empty page", found["empty"].cpu, "% of a core", beside),
        row("a face that lives, 640 × 640", found["lives"].cpu, "% of a core", _more(found, "lives", "empty")),
        row("a face that speaks", found["speaks"].cpu, "% of a core", _more(found, "speaks", "empty")),
        row("the Talk page without the face, speaking", found["without"].cpu, "% of a core"),
        row("the Talk page with it", found["with"].cpu, "% of a core", _more(found, "with", "without")),
    ]
    wanted = f"wanted: {SCRIPT_MS:g} ms"
    for name, what in (("lives", "a face that lives"), ("speaks", "a face that speaks"), ("with", "on the Talk page")):
        scripts = sorted(found[name].scripts)
        middle, most = statistics.median(scripts), scripts[len(scripts) * 95 // 100]
        made.append(row(f"our script a picture, {what}, p50", middle, "ms", wanted, SCRIPT_MS / middle))
        made.append(row(f"our script a picture, {what}, p95", most, "ms", f"of {len(scripts)} pictures"))
        longest = f"the longest {found[name].longest:.1f} ms; the most CPU time of one {found[name].busiest:.1f} ms"
        made.append(row(f"long tasks, {what}", found[name].long_tasks, f"in {SECONDS:g} s", longest))
    return made


def _more(found: dict[str, Scene], name: str, without: str) -> str:
    return f"{found[name].cpu - found[without].cpu:+.1f} for the face"


@contextlib.contextmanager
def _house() -> Generator[str]:
    """One that holds talks, on engines that are embedded."""
    port = free_port()
    command = HERE.command("serve", "--no-show", "--no-api", "--host", "127.0.0.1", "--port", str(port))
    quick = {"DUOLOGUE_ENGINES__TTS": "espeak", "DUOLOGUE_ENGINES__LLM": "improv"}  # they leave the cores to Chromium
    with foreign(command, "a house", HERE.environment | quick) as process:
        address = f"http://127.0.0.1:{port}"
        until_ready(process, address, "duologue serve")
        yield address


@contextlib.contextmanager
def _talked_with(address: str) -> Generator[None]:
    """Somebody talks with the character all the time, in this process."""
    over = threading.Event()

    async def talk() -> None:
        wish = TalkWish(CHARACTER)
        async with talk_with(f"{address.replace('http', 'ws', 1)}/api/talk", wish) as talking:
            while not over.is_set():
                with contextlib.suppress(TimeoutError, DuologueError):
                    async with asyncio.timeout(READY_SECONDS):
                        await talking.ask(_QUESTION)

    thread = threading.Thread(target=lambda: asyncio.run(talk()), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(READY_SECONDS)
