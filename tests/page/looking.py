"""What holds for every page, on a desk and on a telephone. ``PAGE_PICTURES=FOLDER`` keeps pictures of them."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import ConsoleMessage, Page, Response

DESK, PHONE = (1280, 800), (390, 844)
AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
MOST_BYTES = 150_000
TALLEST = 2_600
"""Pixels of a page on a picture."""
FINDINGS = """async () => {
  const fading = document.getAnimations().filter(one => one.effect.getComputedTiming().endTime < Infinity)
  const faded = Promise.all(fading.map(one => one.finished.catch(() => null)))
  await Promise.race([faded, new Promise(soon => setTimeout(soon, 2000))]) // what is half there has no contrast yet
  const { violations } = await axe.run(document, { resultTypes: ['violations'] })
  return violations.map(each => [each.id, each.nodes.map(node => node.html)])
}"""
OUTSIDE = """() => [...document.querySelectorAll(
    'main :is(button, input:not([type=radio]), select, a, p, h2, h3, li, dt, dd, label, output, time)')]
  .filter(one => one.checkVisibility() && getComputedStyle(one).clipPath === 'none')
  .filter(one => !one.closest('.scrolled, .unseen, [aria-hidden=true]'))
  .map(one => [one.getBoundingClientRect(), one.outerHTML.slice(0, 120)])
  .filter(([box]) => box.width && (box.left < -0.5 || box.right > innerWidth + 0.5))
  .map(([, html]) => html)"""
COVERED = """() => {
  const seen = one => {
    const { left, top, right, bottom } = one.getBoundingClientRect()
    const box = { left, top, right, bottom }
    for (let at = one.parentElement; at; at = at.parentElement) {
      if (getComputedStyle(at).overflowY === 'visible') continue
      const its = at.getBoundingClientRect()
      box.top = Math.max(box.top, its.top)
      box.bottom = Math.min(box.bottom, its.bottom)
    }
    return box
  }
  const pressed = [...document.querySelectorAll('main :is(button, a[href], select, input.field)')]
    .filter(one => one.checkVisibility() && !one.closest('.scrolled, .unseen, [aria-hidden=true], .frame'))
    .map(one => [one, seen(one)]).filter(([, box]) => box.right > box.left && box.bottom > box.top)
  const apart = (a, b) => a.right < b.left + 1 || b.right < a.left + 1 || a.bottom < b.top + 1 || b.bottom < a.top + 1
  const found = []
  for (const [index, [one, box]] of pressed.entries())
    for (const [other, its] of pressed.slice(index + 1))
      if (!apart(box, its) && !one.contains(other) && !other.contains(one))
        found.push(one.outerHTML.slice(0, 90) + ' / ' + other.outerHTML.slice(0, 90))
  return found
}"""
"""What lies beside the window, and what is pressed that lies on each other."""


def troubles_of(page: Page) -> list[str]:
    """Is filled with what goes wrong in ``page`` from now on: errors of its scripts, of its console, and what it asks
    for that is refused.
    """
    found: list[str] = []

    def told(message: ConsoleMessage) -> None:
        if message.type == "error":
            found.append(message.text)

    def answered(response: Response) -> None:
        if response.status >= 400:
            found.append(f"{response.status} {response.request.method} {response.url}")

    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", told)
    page.on("response", answered)
    return found


async def look(
    page: Page, name: str = "", *, tall: bool = True, sizes: tuple[tuple[int, int], ...] = (DESK, PHONE)
) -> None:
    """Nobody meets a barrier, nothing lies beside the window, and nothing to be pressed under something else; at all
    ``sizes``. The window is as it was then. ``name``: of the pictures; empty: there are none. ``tall``: they are of the
    whole page, else of the window.
    """
    before = page.viewport_size
    for width, height in sizes:
        await page.set_viewport_size({"width": width, "height": height})
        assert (found := await findings(page)) == [], (name, width, found)
        assert await page.evaluate("[document.documentElement.scrollWidth]") <= [width], (name, width)
        assert await page.evaluate(OUTSIDE) == [], (name, width)
        assert await page.evaluate(COVERED) == [], (name, width)
        if (folder := os.environ.get("PAGE_PICTURES")) and name:
            await _picture(page, Path(folder) / f"{name}-{'desk' if width == DESK[0] else 'phone'}.webp", tall=tall)
    if before is not None:
        await page.set_viewport_size(before)


async def findings(page: Page) -> list[Any]:
    """Of axe-core: each rule that is broken, and where."""
    if not AXE.is_file():
        pytest.fail("axe-core is not installed: run `make setup`")
    await page.evaluate(AXE.read_text("utf-8"))  # by the debugger: the page's policy allows no strange script
    return await page.evaluate(FINDINGS)


async def _picture(page: Page, file: Path, *, tall: bool) -> None:
    size = page.viewport_size
    assert size is not None
    if tall:
        height = await page.evaluate("document.documentElement.scrollHeight")
        await page.set_viewport_size({"width": size["width"], "height": min(max(height, size["height"]), TALLEST)})
        await page.wait_for_timeout(300)  # what hangs at the bottom of the window goes there
    _keep(await page.screenshot(animations="disabled"), file)


def _keep(shot: bytes, file: Path) -> None:
    """As well as it can be within :data:`MOST_BYTES`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(io.BytesIO(shot)) as picture:
        for quality in (90, 80, 70, 60, 45):
            picture.convert("RGB").save(file, quality=quality, method=6)
            if file.stat().st_size <= MOST_BYTES:
                return
    raise AssertionError(f"{file} takes more than {MOST_BYTES} bytes")
