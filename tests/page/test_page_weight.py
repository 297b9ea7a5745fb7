"""What a first visit costs, and that every page obeys the policy it came with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from mock_show import Show, running_show
from playwright.async_api import Browser, BrowserContext, Page, expect

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.asyncio(loop_scope="module")]

PAGES = ("", "talk", "phone", "evidence", "services", "settings")
SHELL_LIMIT, LIMIT = 170_000, 300_000
"""Bytes over the wire, headers and the font included: of a page to read, and of the show with its player."""
WATCH = """
window.violations = []
const note = event => violations.push([event.violatedDirective, event.blockedURI])
document.addEventListener('securitypolicyviolation', note)
"""


@pytest.fixture(scope="module")
def show(media: Path) -> Iterator[Show]:
    """With a phone line, so that no page is empty."""
    with running_show(media, 0, "--line", "calls", "--talk") as running:
        yield running


class Visit:
    """A first visit: an empty cache. ``sent`` are bytes by address, ``troubles`` what the console was told."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.troubles: list[str] = []
        self.sent: dict[str, int] = {}
        self.codings: dict[str, str] = {}

    async def begin(self) -> None:
        wire = await self.page.context.new_cdp_session(self.page)
        addresses: dict[str, str] = {}

        def answered(event: dict[str, Any]) -> None:
            addresses[event["requestId"]] = event["response"]["url"]
            headers = {name.lower(): value for name, value in event["response"]["headers"].items()}
            self.codings[event["response"]["url"]] = headers.get("content-encoding", "")

        def finished(event: dict[str, Any]) -> None:
            address = addresses.get(event["requestId"], "")
            self.sent[address] = self.sent.get(address, 0) + round(event["encodedDataLength"])

        wire.on("Network.responseReceived", answered)
        wire.on("Network.loadingFinished", finished)
        await wire.send("Network.enable")  # pyright: ignore[reportUnknownMemberType]
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("console", lambda told: self.troubles.append(told.text) if told.type == "error" else None)
        await self.page.add_init_script(WATCH)

    @property
    def weight(self) -> int:
        """Bytes of all but the programme itself."""
        return sum(size for address, size in self.sent.items() if "/stream/" not in address)

    async def end(self) -> None:
        assert await self.page.evaluate("violations") == []
        assert self.troubles == []


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(20_000)
    yield context
    await context.close()


@pytest.mark.parametrize("name", PAGES)
async def test_a_first_visit_is_light_and_the_console_stays_silent(
    context: BrowserContext, show: Show, name: str
) -> None:
    visit = Visit(await context.new_page())
    await visit.begin()
    await visit.page.goto(f"{show.address}/{name}")
    await expect(visit.page.get_by_role("heading", level=1)).to_be_attached()
    if name == "":
        await expect(visit.page.locator(".chip")).to_contain_text("On air")
    await visit.page.wait_for_load_state("load")
    await visit.page.evaluate("document.fonts.ready")
    scripts = {address for address in visit.sent if "/assets/" in address and address.endswith((".js", ".css"))}
    packed = {
        address for address in scripts if visit.sent[address] > 1500
    }  # a header is as much as is won of the others
    assert packed and {visit.codings[address] for address in packed} == {"br"}
    assert 50_000 < visit.weight < (LIMIT if name == "" else SHELL_LIMIT), visit.sent
    assert any("player" in address for address in scripts) == (name == "")
    print(f"{name or 'show'}: {visit.weight / 1000:.0f} kB in {len(visit.sent)} answers")
    await visit.end()


async def test_a_second_visit_asks_for_no_asset_again(context: BrowserContext, show: Show) -> None:
    first = await context.new_page()
    await first.goto(f"{show.address}/services")
    await expect(first.get_by_role("heading", level=1)).to_have_text("Services")
    await first.wait_for_load_state("load")
    await first.close()
    visit = Visit(await context.new_page())
    await visit.begin()
    await visit.page.goto(f"{show.address}/services")
    await expect(visit.page.get_by_role("heading", level=1)).to_have_text("Services")
    assert {address: size for address, size in visit.sent.items() if "/assets/" in address and size} == {}
    await visit.end()


async def test_every_page_obeys_its_policy_also_where_things_are_pressed(context: BrowserContext, show: Show) -> None:
    visit = Visit(await context.new_page())
    page = visit.page
    await visit.begin()
    answer = await page.goto(show.address)
    assert answer is not None
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "microphone=(self)" in answer.headers["permissions-policy"]
    await expect(page.locator(".chip")).to_contain_text("On air")  # Media Source plays a blob
    for label in ("Talk", "Phone", "Evidence", "Services", "Settings"):
        await page.get_by_role("navigation", name="Pages").get_by_role("link", name=label).click()
        await expect(page.get_by_role("heading", level=1)).to_be_focused()
        await expect(page.locator("main[aria-busy]")).to_have_count(0)
    await page.get_by_role("button", name="Hear it").click()
    await expect(page.locator(".trial audio")).to_be_visible()
    await page.wait_for_function("() => document.querySelector('.trial audio').readyState > 2")
    await visit.end()


async def test_a_page_whose_code_cannot_be_had_says_so(context: BrowserContext, show: Show) -> None:
    page = await context.new_page()
    await page.route("**/assets/evidence-*.js", lambda route: route.abort())
    await page.goto(f"{show.address}/services")
    await page.get_by_role("navigation", name="Pages").get_by_role("link", name="Evidence").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("This page could not be fetched")
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await page.unroute("**/assets/evidence-*.js")
    await page.get_by_role("button", name="Load it again").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Evidence")


async def test_a_part_is_stopped_and_started_on_the_services_page(context: BrowserContext, show: Show) -> None:
    page = await context.new_page()
    await page.goto(f"{show.address}/services")
    talks = page.get_by_role("group", name="Parts").get_by_role("row").filter(has_text="Talks")
    await expect(talks).to_contain_text("up")
    await talks.get_by_role("button", name="Stop Talks").click()
    await expect(talks).to_contain_text("stopped")
    await talks.get_by_role("button", name="Start Talks").click()
    await expect(talks.get_by_role("button", name="Stop Talks")).to_be_visible()


async def test_engines_tell_their_pace_and_a_slow_one_is_marked(context: BrowserContext, show: Show) -> None:
    page = await context.new_page()
    await page.goto(f"{show.address}/services")
    speaks = page.locator(".chain", has_text="Speaks").get_by_role("listitem")
    quick = "on CPU · first sound after 4 ms · cold after 120 ms · 2100 characters a second"
    await expect(speaks.nth(1)).to_contain_text(quick)
    await expect(speaks.nth(1).locator(".slow")).to_have_count(0)
    await expect(speaks.first.locator(".slow")).to_contain_text("20 characters a second of 60: slower than")
    await speaks.nth(1).get_by_role("button", name="Warm up espeak").click()
    await expect(speaks.nth(1).get_by_role("button", name="Warm up espeak")).to_be_enabled()


async def test_settings_offer_voices_keys_and_the_way_to_better_ones(context: BrowserContext, show: Show) -> None:
    page = await context.new_page()
    await page.goto(f"{show.address}/settings")
    kokoro = page.locator(".upgrade", has_text="Kokoro")
    await expect(kokoro).to_contain_text("Its files are not here.")
    await expect(kokoro.locator("code").first).to_have_text("duologue models get kokoro")
    await expect(page.locator(".upgrade", has_text="Ollama")).to_contain_text("ready to use")
    keys = page.get_by_role("group", name="Keys").get_by_role("row")
    await expect(keys.nth(1)).to_contain_text("OPENAI_API_KEY")
    await expect(keys.nth(1)).to_contain_text("there")
    await expect(keys.nth(2)).to_contain_text("not there")
    await expect(page.get_by_label("Voice", exact=True).get_by_role("option")).to_have_count(3)
