"""Every page, on a desk and on a telephone, with something in it: looked at, and nothing asked for that is not there.

Those of a conversation are looked at where it is held: ``test_page_talk.py``, ``test_page_lesson.py``,
``test_page_tutor.py``; a face alone in ``test_page_face.py``, the real show in ``test_page_live.py``.
``PAGE_PICTURES=docs/pictures/pages`` keeps the pictures of docs/pages.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from looking import DESK, PHONE, look, troubles_of
from mock_show import Show, running_show
from playwright.async_api import BrowserContext, Page, expect

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.asyncio(loop_scope="module")]

PATIENCE = 60_000
"""ms; of a machine that is busy with other things."""


@pytest.fixture(scope="module")
def show(media: Path) -> Iterator[Show]:
    """With calls, talks and runs of before, so that no page is empty."""
    with running_show(media, 0, "--line", "calls", "--talk", "--evidence") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def page(desk: BrowserContext) -> AsyncIterator[Page]:
    """Of somebody who has never been here; what its console is told, and what it asks for in vain, fails the test."""
    opened = await desk.new_page()
    await opened.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    opened.set_default_timeout(PATIENCE)
    troubles = troubles_of(opened)
    yield opened
    assert troubles == []


async def go(page: Page, show: Show, name: str) -> None:
    await page.goto(f"{show.address}/{name}")
    await expect(page.locator(".link")).to_have_text("Connected", timeout=PATIENCE)
    await expect(page.locator(".topic-text")).to_be_attached()
    await expect(page.locator("main[aria-busy]")).to_have_count(0)  # a page's code comes after its document
    await page.evaluate("document.fonts.ready")


async def test_the_show_tells_who_comes_first_what_it_is(page: Page, show: Show) -> None:
    await go(page, show, "")
    await expect(page.locator(".chip")).to_contain_text("On air", timeout=PATIENCE)
    await expect(page.locator(".turn").first).to_be_attached()
    told = page.get_by_role("complementary", name="What this is")
    for width, height in (DESK, PHONE):
        await page.set_viewport_size({"width": width, "height": height})
        await expect(told).to_be_in_viewport(ratio=1)
    await look(page)
    await page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    await told.get_by_role("button", name="Got it").focus()
    await page.keyboard.press("Enter")
    await expect(told).to_have_count(0)
    await look(page)
    await page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    for tab in ("Direct", "Figures"):
        await page.get_by_role("tab", name=tab, exact=True).click()
        await look(page, sizes=(PHONE,))
    await page.reload()
    await expect(page.locator(".turn").first).to_be_attached()
    await expect(told).to_have_count(0)  # once is enough


async def test_the_phone_with_a_call_that_is_opened(page: Page, show: Show) -> None:
    await go(page, show, "phone")
    said = page.get_by_role("log", name="What is said")
    await expect(said.get_by_role("listitem")).to_have_count(7)
    await look(page, "phone")


async def test_the_evidence_as_it_comes(page: Page, show: Show) -> None:
    await go(page, show, "evidence")
    await expect(page.locator(".ledger tbody tr").first).to_be_attached(timeout=PATIENCE)
    await expect(page.locator(".waterfall tbody tr").first).to_be_attached(timeout=PATIENCE)
    await look(page, "evidence")


async def test_a_run_of_before(page: Page, show: Show) -> None:
    await go(page, show, "evidence")
    runs = page.get_by_role("list", name="Runs that are kept, the newest first").locator("> li")
    await runs.filter(has_text="whether tea is a soup").get_by_role("button").click()
    report = page.frame_locator(".report-frame")
    await expect(report.get_by_text("whether tea is a soup").first).to_be_visible(timeout=PATIENCE)
    await look(page, "evidence-run")


async def test_the_services(page: Page, show: Show) -> None:
    await go(page, show, "services")
    await expect(page.get_by_role("group", name="Workers").get_by_role("row")).to_have_count(4)
    await look(page, "services")


async def test_the_settings_with_their_voices_and_models(page: Page, show: Show) -> None:
    await go(page, show, "settings")
    await expect(page.locator(".settings > div").first).to_be_attached()
    await expect(page.locator(".upgrade")).to_have_count(2)
    await look(page, "settings")


async def test_an_address_where_nothing_is(page: Page, show: Show) -> None:
    await go(page, show, "nowhere")
    await look(page)
