"""A house of several shows: the page in each one's place, and the way from one to the other."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from mock_show import Show, running_show
from playwright.async_api import Browser, Page, expect

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def show(media: Path) -> Iterator[Show]:
    """Two shows at one address."""
    with running_show(media, 0, "--shows", "day,late-night") as running:
        yield running


async def on_air(page: Page) -> None:
    await expect(page.locator(".chip")).to_contain_text("On air", timeout=20_000)


async def test_each_page_is_of_its_own_show_and_links_to_the_others(page: Page, show: Show) -> None:
    await on_air(page)
    switch = page.get_by_role("navigation", name="Shows")
    await expect(switch.get_by_role("link")).to_have_text(["Day", "Late night"])
    await expect(switch.locator("[aria-current=page]")).to_have_text("Day")  # the root is the first one's
    if picture := os.environ.get("PAGE_QUALITY"):
        await page.screenshot(path=Path(picture) / "shows.png")
    await switch.get_by_role("link", name="Late night").click()
    await page.wait_for_url("**/shows/late-night/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(show.address)))
    await page.reload()
    await on_air(page)
    await expect(switch.locator("[aria-current=page]")).to_have_text("Late night")
    await page.get_by_role("switch", name="Lamp").click()
    await expect(page.get_by_role("switch", name="Lamp")).to_have_attribute("aria-checked", "false")
    own = [path for path in asked if not path.startswith(("blob:", "data:"))]
    assert {path.split("?")[0].rsplit("/", 1)[0] for path in own if ".m4s" in path} == {"/shows/late-night/stream"}
    assert all(path.startswith("/shows/late-night/") for path in own), own
    assert (await (await page.request.get(f"{show.address}/shows/day/api/stage")).json())["lamp"] is True
    await expect(page.locator(".machine .links a").first).to_have_attribute(
        "href", re.compile(r"/shows/late-night/docs$")
    )


async def test_a_show_that_is_alone_has_no_switch(browser: Browser, media: Path) -> None:
    context = await browser.new_context()
    with running_show(media) as alone:
        page = await context.new_page()
        await page.goto(alone.address)
        await expect(page.locator(".link")).to_have_text("Connected")
        await expect(page.locator(".turn").first).to_be_attached()
        await expect(page.get_by_role("navigation", name="Shows")).to_have_count(0)
        await page.goto(f"{alone.address}/shows/show/")
        await expect(page.locator(".chip")).to_contain_text("On air", timeout=20_000)
    await context.close()


@pytest.mark.parametrize("width", [390, 700, 820, 1100, 1280])
async def test_the_names_of_three_shows_are_whole(browser: Browser, media: Path, width: int) -> None:
    """At 1100 pixels the third one, which was that of the page, lay outside the bar."""
    context = await browser.new_context(viewport={"width": width, "height": 800})
    page = await context.new_page()
    with running_show(media, 0, "--shows", "morning,afternoon,late-night") as running:
        await page.goto(f"{running.address}/shows/late-night/")
        switch = page.get_by_role("navigation", name="Shows")
        for name in ("Morning", "Afternoon", "Late night"):
            await expect(switch.get_by_role("link", name=name)).to_be_in_viewport(ratio=1)
        assert await switch.evaluate("one => one.scrollWidth <= one.clientWidth")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await context.close()


@pytest.mark.parametrize("width", [390, 820, 1280])
async def test_the_switch_fits(browser: Browser, show: Show, width: int) -> None:
    context = await browser.new_context(viewport={"width": width, "height": 800})
    page = await context.new_page()
    await page.goto(f"{show.address}/shows/late-night/")
    link = page.get_by_role("navigation", name="Shows").get_by_role("link", name="Day")
    await expect(link).to_be_in_viewport()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await context.close()
