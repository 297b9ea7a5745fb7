"""Usage on the Services page: sums, caps, what is not known, on a desk and on a phone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from mock_show import Show
from playwright.async_api import Browser, Locator, Page, expect
from test_page_layout import CONTRAST, NAMELESS, NARROW

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.asyncio(loop_scope="module")]


def section(page: Page) -> Locator:
    return page.get_by_role("region", name="Usage")


@pytest_asyncio.fixture(loop_scope="module")
async def services(page: Page, show: Show) -> AsyncIterator[Page]:
    """The page, with its sums told."""
    await page.goto(f"{show.address}/services")
    await expect(section(page).get_by_role("row")).to_have_count(4)
    yield page


async def test_sums_are_told_with_what_is_estimated_and_what_nobody_knows(services: Page) -> None:
    rows = section(services).get_by_role("row")
    await expect(rows.nth(1)).to_contain_text(
        re.compile(r"elevenlabs\s*eleven_flash_v2_5.*398.*41,202.*44\.1.*12\.36 EUR")
    )
    await expect(rows.nth(2)).to_contain_text(re.compile(r"openai.*≈918,332.*512,400.*≈31,877.*not known: no price"))
    await expect(rows.nth(3)).to_contain_text("0.00 EUR")
    await expect(section(services).get_by_role("status")).to_contain_text("12.36 EUR, and what has no price besides")
    await expect(section(services)).to_contain_text("of days in Europe/Berlin")


async def test_caps_tell_how_much_is_used_and_which_is_reached(services: Page) -> None:
    caps = section(services).locator(".caps li")
    await expect(caps).to_have_text(
        ["All together, today: 2.94 of 5.00 EUR", re.compile("elevenlabs, today: 20,000 of 20,000 characters.*reached")]
    )


async def test_they_are_asked_for_by_something_else_and_for_another_time(services: Page) -> None:
    usage = section(services)
    await usage.get_by_label("By").select_option(label="Show, talk or call")
    await expect(usage.get_by_role("rowheader")).to_have_text(["Talk 7c8d9e0f", "Show main", "Call 7c8d9e1f"])
    await usage.get_by_label("By").select_option(label="Person")
    await expect(usage.get_by_role("rowheader")).to_have_text(["Ben", "Ada", "Cleo"])
    await usage.get_by_label("Since").select_option(label="Ever")
    await expect(usage).to_contain_text("Nobody who is known asked an engine for anything in that time.")


@pytest.mark.parametrize("width", [390, 1280])
async def test_it_fits_a_phone_and_a_desk_and_can_be_read(browser: Browser, show: Show, width: int) -> None:
    context = await browser.new_context(viewport={"width": width, "height": 800})
    page = await context.new_page()
    await page.goto(f"{show.address}/services")
    await expect(section(page).get_by_role("row")).to_have_count(4)
    scrolled, inner = await page.evaluate(NARROW)
    assert scrolled <= inner
    assert await page.evaluate(CONTRAST) == [] and await page.evaluate(NAMELESS) == []
    await context.close()
