"""What a viewer goes through when something breaks: clear words, and the picture back without a reload."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path

import pytest
from mock_show import Show, running_show
from playwright.async_api import Browser, BrowserContext, Page, expect

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.asyncio(loop_scope="module")]

ADVANCES = """t => {
  const v = document.querySelector('video')
  return !v.paused && v.readyState > 2 && v.currentTime !== t
}"""


async def on_air(page: Page) -> None:
    await expect(page.locator(".chip")).to_contain_text("On air", timeout=20_000)
    before = await page.locator("video").evaluate("v => v.currentTime")
    await page.wait_for_function(ADVANCES, arg=before)


async def test_a_server_that_goes_and_comes_back(desk: BrowserContext, media: Path) -> None:
    page = await desk.new_page()
    with ExitStack() as first:
        show = first.enter_context(running_show(media))
        await page.goto(show.address)
        await on_air(page)
        await page.evaluate("window.notReloaded = true")
        await page.get_by_role("button", name="Click for sound").click()
    await expect(page.locator(".chip")).to_contain_text("Lost", timeout=20_000)
    message = page.locator(".message")
    await expect(message).to_contain_text("The stream is lost: the server does not answer.")
    await expect(message).to_contain_text(re.compile(r"Trying (again in \d s|now)\."))
    await expect(page.locator(".link")).to_have_text("Connection lost. Trying again…")
    with running_show(media, show.port):
        await on_air(page)
        await expect(message).to_have_count(0)
        await expect(page.locator(".link")).to_have_text("Connected", timeout=20_000)
        await expect(page.locator(".word.lit")).to_have_count(1, timeout=20_000)
        assert await page.evaluate("window.notReloaded")
        assert await page.locator("video").evaluate("v => v.muted") is False
    await page.close()


async def test_a_network_that_goes_and_comes_back(desk: BrowserContext, page: Page) -> None:
    await on_air(page)
    await desk.set_offline(True)
    await expect(page.locator(".chip")).to_contain_text("Lost", timeout=20_000)
    await expect(page.locator(".message")).to_contain_text("this device has no network")
    await desk.set_offline(False)
    await on_air(page)


async def test_a_request_without_an_answer_says_so(desk: BrowserContext, page: Page) -> None:
    await expect(page.locator(".link")).to_have_text("Connected")
    await desk.set_offline(True)
    await page.get_by_role("switch", name="Lamp").click()
    await expect(page.get_by_role("alert").filter(has_text="The server does not answer.").first).to_be_visible()


async def test_a_stream_that_is_not_there_yet_is_waited_for(desk: BrowserContext, show: Show) -> None:
    page = await desk.new_page()
    await page.route("**/stream/index.m3u8", lambda route: route.fulfill(status=503, headers={"Retry-After": "1"}))
    await page.goto(show.address)
    await expect(page.locator(".chip")).to_contain_text("Connecting")
    await expect(page.locator(".message")).to_contain_text("The stage is starting.")
    await page.unroute("**/stream/index.m3u8")
    await on_air(page)
    await page.close()


async def test_a_playlist_that_stops_growing_is_named_and_survived(show: Show, page: Page) -> None:
    await on_air(page)
    frozen = await (await page.request.get(f"{show.address}/stream/index.m3u8")).text()
    await page.route("**/stream/index.m3u8", lambda route: route.fulfill(body=frozen))
    await expect(page.locator(".chip")).to_contain_text("Lost", timeout=20_000)
    await expect(page.locator(".message")).to_contain_text("The stage sends no new pictures.")
    for state, words in (
        ("over", "The show is over."),
        ("stopped", "The show was stopped."),
        ("up", "no new pictures"),
    ):
        await page.request.post(f"{show.address}/api/stage/caption", data={"text": f"part:{state}"})
        await expect(page.locator(".message")).to_contain_text(words)
    await page.unroute("**/stream/index.m3u8")
    await on_air(page)
    await expect(page.locator(".distance")).to_contain_text(re.compile(r"[1-6]\.\d s"), timeout=20_000)


async def test_steal_is_named_as_the_cause(browser: Browser, media: Path) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 720})
    with running_show(media, 0, "--steal", "9.4") as show:
        page = await context.new_page()
        await page.goto(show.address)
        await expect(page.locator(".steal")).to_contain_text("9 % of this machine's CPU")
    await context.close()
