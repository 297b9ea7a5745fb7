"""Our page in Chromium, as a program of its own login session: ``python -m benchmarks.browser ADDRESS``.

It says ``on air`` when the video plays. Each line on its standard input is answered with a line of JSON, what happened
since the line before: see :class:`Watched`. It leaves when its standard input ends.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import foreign

CHROMIUM = "/usr/bin/chromium"
_ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
_WATCH = """() => {
  const video = document.querySelector('video');
  const seen = window.seen = {frozen: 0, longest: 0, waits: 0, jumps: 0};
  video.addEventListener('waiting', () => seen.waits++);
  let at = video.currentTime, now = performance.now(), still = 0;
  setInterval(() => {
    const place = video.currentTime, later = performance.now(), passed = (later - now) / 1000;
    if (place === at) { still += passed; seen.frozen += passed; seen.longest = Math.max(seen.longest, still); }
    else { still = 0; if (Math.abs(place - at) > 1.2 * passed + 0.5) seen.jumps++; }
    at = place; now = later;
  }, 100);
}"""
_TAKE = """() => {
  const taken = {...window.seen};
  Object.assign(window.seen, {frozen: 0, longest: 0, waits: 0, jumps: 0});
  return taken;
}"""


@dataclass(frozen=True, slots=True)
class Watched:
    """Seconds in which the video stood still, all and the longest; how often it waited for data, and jumped."""

    frozen: float
    longest: float
    waits: int
    jumps: int


class Browser:
    """The far end of the program."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def take(self) -> Watched:
        """What happened since the last call."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return Watched(**json.loads(self._process.stdout.readline()))


@contextlib.contextmanager
def watching(address: str) -> Generator[Browser | None]:
    """Chromium on the page of a show, once it plays; None where there is none."""
    if not Path(CHROMIUM).exists():
        yield None
        return
    with foreign([sys.executable, "-m", "benchmarks.browser", address], "Chromium on the page") as process:
        assert process.stdin is not None and process.stdout is not None
        if process.stdout.readline().strip() != "on air":
            raise SystemExit("the page did not play in Chromium")
        try:
            yield Browser(process)
        finally:
            process.stdin.close()  # Chromium has made a session of its own: its program ends it
            process.wait(20)


def main() -> None:
    """The program."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(sys.argv[1], timeout=60_000)
        page.wait_for_function("() => document.querySelector('video')?.currentTime > 0", timeout=60_000)
        page.evaluate(_WATCH)
        print("on air", flush=True)
        for _ in sys.stdin:
            print(json.dumps(page.evaluate(_TAKE)), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
