"""The page on the real show: the whole house, from the improviser to the lit word.

``PAGE_SCREENSHOT=docs/pictures/page.png`` keeps the picture that the README shows.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from looking import PHONE, look
from mock_show import Show, running_process
from playwright.async_api import BrowserContext, Page, expect

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PATIENCE_MS = 30_000
FRAMES = """async seconds => {
  const video = document.querySelector('video')
  const before = video.getVideoPlaybackQuality()
  const began = video.currentTime
  while (video.currentTime < began + seconds) await new Promise(done => setTimeout(done, 100))
  const after = video.getVideoPlaybackQuality()
  return after.totalVideoFrames - before.totalVideoFrames
}"""


@pytest.fixture(scope="module")
def live() -> Iterator[Show]:
    """A show about pineapple, for ever."""
    with running_process(
        lambda port: [
            str(Path(sys.executable).with_name("duologue")),
            "show",
            "pineapple on pizza",
            "--forever",
            "--port",
            str(port),
        ]
    ) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def watching(desk: BrowserContext, live: Show) -> Page:
    """The page, on air."""
    page = await desk.new_page()
    page.set_default_timeout(PATIENCE_MS)
    await page.goto(live.address)
    await expect(page.locator(".chip")).to_contain_text("On air", timeout=PATIENCE_MS)
    return page


async def test_the_show_plays_and_its_words_light_up(watching: Page) -> None:
    await expect(watching.locator(".word.lit")).to_have_count(1, timeout=PATIENCE_MS)
    assert await watching.locator("video").evaluate("v => [v.videoWidth, v.videoHeight]") == [1920, 1080]
    await expect(watching.locator(".distance")).to_contain_text(re.compile(r"[0-4]\.\d s"), timeout=PATIENCE_MS)
    # A browser without a graphics card drops pictures on a busy machine; what it was given it must at least decode.
    assert await watching.evaluate(FRAMES, 3) >= 60


async def test_the_room_does_what_is_asked(watching: Page) -> None:
    await watching.get_by_role("button", name="Play TV").click()
    await expect(watching.get_by_role("button", name="Stop TV")).to_be_visible(timeout=PATIENCE_MS)
    await watching.get_by_role("radio", name="Night").check()
    await expect(watching.locator(".toast")).to_have_count(0)
    await expect(watching.get_by_role("radio", name="Night")).to_be_checked()


async def test_it_is_looked_at_by_who_comes_first_and_who_comes_again(watching: Page) -> None:
    await expect(watching.locator(".word.lit")).to_have_count(1, timeout=PATIENCE_MS)
    await look(watching, "show-first", tall=False)
    await watching.get_by_role("button", name="Got it").click()
    await watching.get_by_role("button", name="Click for sound").click()
    await watching.mouse.move(640, 715)
    await look(watching, "show", tall=False)
    await watching.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    for tab in ("Direct", "Figures"):
        await watching.get_by_role("tab", name=tab, exact=True).click()
        await look(watching, f"show-{tab.lower()}", tall=False, sizes=(PHONE,))


async def test_a_question_is_answered_on_stage(watching: Page) -> None:
    await expect(watching.locator(".turn.speaking")).to_have_count(1, timeout=PATIENCE_MS)
    await watching.get_by_label("Your name").fill("Ada")
    await watching.get_by_label("Message to Chad").fill("Would you eat it cold?")
    await watching.get_by_role("button", name="Send").click()
    await expect(watching.locator(".group.person")).to_contain_text("Would you eat it cold?")
    await expect(watching.locator(".turn.answer").first).to_have_class(re.compile("speaking"), timeout=PATIENCE_MS)
    if picture := os.environ.get("PAGE_SCREENSHOT"):
        await watching.get_by_role("button", name="Got it").click()
        await watching.get_by_role("button", name="Click for sound").click()
        await watching.mouse.move(640, 715)
        assert await watching.evaluate(FRAMES, 2) > 0
        await expect(watching.locator(".turn .word.lit")).to_have_count(1)
        await watching.screenshot(path=Path(picture))


async def test_viewers_get_over_the_death_of_the_stage(watching: Page, live: Show) -> None:
    children = psutil.Process(live.pid).children(recursive=True)
    stage = max(children, key=lambda child: child.memory_info().rss)
    stage.kill()
    await watching.wait_for_function(
        "() => !document.querySelector('.chip.on-air') || document.querySelector('.toast')", timeout=PATIENCE_MS
    )
    await expect(watching.locator(".chip")).to_contain_text("On air", timeout=PATIENCE_MS)
    before = await watching.locator("video").evaluate("v => v.currentTime")
    await watching.wait_for_function("t => document.querySelector('video').currentTime > t + 2", arg=before)
    await expect(watching.locator(".word.lit")).to_have_count(1, timeout=PATIENCE_MS)
