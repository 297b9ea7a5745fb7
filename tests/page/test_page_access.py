"""What a page shows whose token may not do everything."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import pytest
from looking import look
from mock_show import Show, running_show
from playwright.async_api import Browser, Locator, Page, expect

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def show(media: Path) -> Iterator[Show]:
    """A show that asks for a token."""
    with running_show(media, 0, "--guarded") as running:
        yield running


class Enter(Protocol):
    """Opens the page with a token."""

    def __call__(self, token: str, name: str = "") -> AbstractAsyncContextManager[Page]: ...


@pytest.fixture
def enter(browser: Browser, show: Show) -> Enter:
    @asynccontextmanager
    async def entered(token: str, name: str = "") -> AsyncGenerator[Page]:
        context = await browser.new_context(viewport={"width": 1280, "height": 720})
        page = await context.new_page()
        await page.goto(f"{show.address}/{name}?token={quote(token)}")
        await expect(page).to_have_url(f"{show.address}/{name}")  # the token has left the address
        await expect(page.locator(".link")).to_have_text("Connected")
        await expect(page.locator(".topic-text")).to_be_attached()
        yield page
        await context.close()

    return entered


async def test_without_a_token_there_is_a_form_for_it(browser: Browser, show: Show) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    await page.goto(f"{show.address}/evidence")
    await expect(page.get_by_label("Token")).to_be_visible()
    await look(page, "token", tall=False)
    await expect(page.get_by_role("alert")).to_have_count(0)
    await page.get_by_label("Token").fill("no token")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("That token is not known here, or no longer.")
    await look(page)
    await page.get_by_label("Token").fill("guest token")
    await page.get_by_role("button", name="Enter").click()
    await expect(page).to_have_url(f"{show.address}/evidence")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Evidence")
    await context.close()


async def test_an_onlooker_sees_everything_and_can_press_nothing(enter: Enter) -> None:
    async with enter("onlooker token") as page:
        await expect(page.locator(".turn").first).to_be_attached()
        for name in ("Suggest a topic", "Play TV"):
            await expect(page.get_by_role("button", name=name)).to_be_disabled()
        await expect(page.locator(".panel.conversation").get_by_role("button", name="Start")).to_be_disabled()
        await expect(page.get_by_role("switch", name="Lamp")).to_be_disabled()
        await expect(page.get_by_role("radio", name="Night")).to_be_disabled()
        await expect(page.get_by_label("Message to Chad")).to_be_disabled()
        await expect(page.locator(".panel.conversation .lacking")).to_have_text("Your token lacks the scope stage")
        await expect(page.locator(".chat .lacking")).to_have_text("Your token lacks the scope talk")
        await expect(page.locator(".link")).to_have_attribute("title", "With the token onlooker")


async def test_a_guest_may_talk_and_no_more(enter: Enter, show: Show) -> None:
    async with enter("guest token") as page:
        await page.get_by_label("Message to Chad").fill("Do ducks sleep?")
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator(".group.person").filter(has_text="Do ducks sleep?")).to_be_attached()
        await expect(page.get_by_role("switch", name="Lamp")).to_be_disabled()
        refused = await page.request.post(f"{show.address}/api/stage/lights", data={"lamp": False})
        assert refused.status == 403 and "'stage'" in (await refused.json())["title"]


async def test_only_an_administrator_is_shown_the_way_to_the_settings(enter: Enter) -> None:
    ways = "navigation", "Pages"
    async with enter("crew token") as page:
        await expect(page.get_by_role(ways[0], name=ways[1]).get_by_role("link")).to_have_text(
            ["Show", "Talk", "Evidence", "Services"]
        )
        await expect(page.get_by_role("switch", name="Lamp")).to_be_enabled()
    async with enter("crew token", "settings") as page:  # an address that somebody sent
        await expect(page.locator(".lacking")).to_have_text("Your token lacks the scope admin")
        await expect(page.locator(".settings")).to_have_count(0)
    async with enter("the token of all tokens") as page:
        await page.get_by_role(ways[0], name=ways[1]).get_by_role("link", name="Settings").click()
        await expect(page.locator(".settings > div").first).to_be_attached()


def worker_row(page: Page, name: str) -> Locator:
    rows = page.get_by_role("group", name="Workers").get_by_role("row")
    return rows.filter(has=page.get_by_role("rowheader", name=name))


async def test_an_administrator_puts_another_in_a_workers_place_and_all_pages_tell_of_it(enter: Enter) -> None:
    async with enter("the token of all tokens", "services") as page, enter("crew token", "services") as looking:
        for each in (page, looking):
            await expect(each.get_by_role("group", name="Workers").get_by_role("row")).to_have_count(4)
            for name in ("stage", "espeak"):
                await expect(worker_row(each, name)).to_contain_text("up")
        before = int(await worker_row(page, "espeak").get_by_role("cell").nth(2).inner_text())
        stage = await worker_row(page, "stage").get_by_role("cell").nth(2).inner_text()
        await page.get_by_role("button", name="Restart espeak").click()
        for each in (page, looking):  # the second one by its line of events alone
            await expect(worker_row(each, "espeak").get_by_role("cell").nth(2)).to_have_text(str(before + 1))
            await expect(worker_row(each, "stage").get_by_role("cell").nth(2)).to_have_text(stage)
        await expect(page.get_by_role("button", name="Restart espeak")).to_be_enabled()
        failure = "the process died of signal 9 (SIGKILL)"
        failed = worker_row(looking, "kokoro")
        await expect(failed).to_contain_text("down")
        await expect(failed).to_contain_text(f"{failure} (3 times in a row). Tried again at ")
        await page.get_by_role("button", name="Restart kokoro").click()
        await expect(failed).not_to_contain_text("Tried again")
        await expect(failed).to_contain_text(f"{failure}.")  # what last went wrong is still told
        await expect(page.locator(".lacking")).to_have_count(0)


async def test_a_token_without_admin_sees_the_workers_and_restarts_none(enter: Enter, show: Show) -> None:
    async with enter("crew token", "services") as page:
        await expect(worker_row(page, "espeak")).to_contain_text("up")
        await expect(page.get_by_role("button", name="Restart")).to_have_count(0)
        await expect(page.locator("main .lacking")).to_have_text("Your token lacks the scope admin")
        refused = await page.request.post(f"{show.address}/api/workers/espeak/restart")
        assert refused.status == 403 and "'admin'" in (await refused.json())["title"]
