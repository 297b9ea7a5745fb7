"""The pages of the house: deep links, the browser's own buttons, keys alone, and what readers are told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from mock_show import Show, running_show
from playwright.async_api import Browser, Locator, Page, expect

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.asyncio(loop_scope="module")]

HEADINGS = {
    "": "The show",
    "talk": "Talk with a character",
    "phone": "Phone",
    "evidence": "Evidence",
    "services": "Services",
    "settings": "Settings",
}
TITLES = {
    "": "Duologue",
    "talk": "Talk · Duologue",
    "phone": "Phone · Duologue",
    "evidence": "Evidence · Duologue",
    "services": "Services · Duologue",
    "settings": "Settings · Duologue",
}
AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"


def ways(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Pages")


async def ready(page: Page) -> None:
    await expect(page.locator(".link")).to_have_text("Connected")
    await expect(page.locator(".topic-text")).to_be_attached()
    await expect(page.locator("main[aria-busy]")).to_have_count(0)  # a page's code comes after its document
    await expect(page.get_by_role("heading", level=1)).to_be_attached()


@pytest.mark.parametrize("name", HEADINGS)
async def test_each_page_has_an_address_of_its_own(page: Page, show: Show, name: str) -> None:
    await page.goto(f"{show.address}/{name}")
    await ready(page)
    await expect(page.get_by_role("heading", level=1)).to_have_text(HEADINGS[name])
    await expect(page).to_have_title(TITLES[name])
    current = ways(page).locator("[aria-current=page]")
    await expect(current).to_have_text(TITLES[name].split(" ")[0] if name else "Show")
    assert await page.evaluate("document.activeElement === document.body")  # nobody moved: the focus is the browser's


async def test_links_and_the_browsers_buttons_change_the_page_and_keep_it(page: Page, show: Show) -> None:
    await ready(page)
    await page.evaluate("window.kept = true")
    for name in ("talk", "evidence", "services", "settings", ""):
        label = TITLES[name].split(" ")[0] if name else "Show"
        await ways(page).get_by_role("link", name=label).click()
        await expect(page).to_have_url(f"{show.address}/{name}")
        heading = page.get_by_role("heading", level=1)
        await expect(heading).to_have_text(HEADINGS[name])
        await expect(heading).to_be_focused()
    await page.go_back()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Settings")
    await page.go_forward()
    await expect(page.get_by_role("heading", level=1)).to_have_text("The show")
    await expect(page.locator(".chip")).to_contain_text("On air", timeout=20_000)  # it plays again
    assert await page.evaluate("window.kept") is True


async def test_a_page_that_is_not_the_show_asks_for_no_stream(page: Page, show: Show) -> None:
    asked: list[str] = []
    await page.clock.install()
    await page.goto(f"{show.address}/")
    await expect(page.locator(".chip")).to_contain_text("On air", timeout=20_000)
    await ways(page).get_by_role("link", name="Services").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Services")
    page.on("request", lambda request: asked.append(request.url))
    await page.clock.run_for(5000)  # five segments' time
    assert [url for url in asked if "/stream/" in url] == []


async def test_an_address_without_a_page_says_so_and_shows_the_ways(page: Page, show: Show) -> None:
    await page.goto(f"{show.address}/nowhere")
    await expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")
    await expect(page).to_have_title("No such page · Duologue")
    await page.locator("main").get_by_role("link", name="Evidence").click()
    await expect(page).to_have_url(f"{show.address}/evidence")


async def test_keys_alone_reach_every_page(page: Page, show: Show) -> None:
    await page.goto(f"{show.address}/talk")
    await ready(page)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    for label in ("Show", "Talk", "Phone", "Evidence"):
        await page.keyboard.press("Tab")
        await expect(ways(page).get_by_role("link", name=label)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Evidence")
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await page.keyboard.press("Tab")  # goes on within the page, not from its top
    assert await page.evaluate("document.activeElement.closest('main') !== null")


async def test_the_panels_of_a_phone_are_tabs(browser: Browser, show: Show) -> None:
    context = await browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = await context.new_page()
    await page.goto(show.address)
    await ready(page)
    tabs = page.get_by_role("tablist", name="Panels").get_by_role("tab")
    await expect(tabs).to_have_text(["Transcript", "Direct", "Figures"])
    await tabs.first.focus()
    for key, chosen in (("ArrowRight", 1), ("End", 2), ("ArrowRight", 0), ("ArrowLeft", 2), ("Home", 0)):
        await page.keyboard.press(key)
        await expect(tabs.nth(chosen)).to_be_focused()
        assert [await tab.get_attribute("aria-selected") for tab in await tabs.all()] == [
            "true" if place == chosen else "false" for place in range(3)
        ]
        panel = page.locator(f"#{await tabs.nth(chosen).get_attribute('aria-controls')}")
        await expect(panel).to_have_role("tabpanel")
        await expect(panel).to_be_visible()
        await expect(page.get_by_role("tabpanel")).to_have_count(1)
    await page.set_viewport_size({"width": 1280, "height": 720})
    await expect(page.get_by_role("tab")).to_have_count(0)  # a desk shows all panels: nothing is called a tab
    await expect(page.get_by_role("tabpanel")).to_have_count(0)
    await expect(page.locator(".panel")).to_have_count(4)
    await context.close()


async def test_a_reader_is_told_each_turn_once_and_whole(page: Page) -> None:
    log = page.get_by_role("log", name="What is said")
    await expect(log).to_have_attribute("aria-live", "polite")
    await expect(log.locator("p").first).to_have_text(re.compile(r"^(Chad|Virgin): .+[.?!]$"))
    assert await log.locator(".word").count() == 0
    assert await log.locator("p").count() <= 3
    await expect(page.locator(".chip")).to_contain_text("On air", timeout=20_000)
    await page.get_by_role("button", name="Click for sound").click()
    await expect(log).to_have_attribute("aria-live", "off")  # whoever hears them is not read to as well


async def test_a_waterfall_adds_up_and_is_a_table(page: Page, show: Show) -> None:
    await page.goto(f"{show.address}/evidence")
    table = page.get_by_role("table", name="What each of the newest turns was waiting for")
    rows = table.locator("tbody tr")
    await expect(rows.nth(1)).to_be_attached(timeout=30_000)
    told = page.locator(".told-turn")
    for place in range(2):
        await rows.nth(place).hover()
        figures = [parsed(text) for text in await told.locator("dd:not(.what)").all_inner_texts()]
        assert len(figures) == 5
        assert sum(figures[:-1]) == pytest.approx(
            figures[-1], abs=260
        )  # each of five is rounded to a tenth of a second
        await expect(rows.nth(place)).to_contain_text(
            re.compile(r"Thinking \d.*, Writing .*, Voicing .*, Ready ahead ")
        )
    first = rows.first
    width = await first.locator(".bar").evaluate("bar => bar.getBoundingClientRect().width")
    stages = await first.locator(".stage-bar").evaluate_all("all => all.map(one => one.getBoundingClientRect().width)")
    assert sum(stages) <= width + 2 and len(stages) == 4
    await page.get_by_role("radio", name="Until ready").check()  # what was ready ahead is left out of the bars
    await expect(first.locator(".stage-bar")).to_have_count(3)
    await expect(first).to_contain_text("Ready ahead")
    await first.focus()
    await page.keyboard.press("ArrowDown")
    await expect(rows.nth(1)).to_be_focused()
    await expect(rows.nth(1)).to_have_class(re.compile("told"))
    assert await table.locator("tr[tabindex='0']").count() == 1  # one stop of the Tab key, however many turns


def parsed(text: str) -> float:
    """`1.2 s` or `380 ms` in ms."""
    figure, unit = text.split(" ")
    return float(figure) * (1000 if unit == "s" else 1)


async def test_what_the_show_did_without_is_told(page: Page, show: Show) -> None:
    await page.goto(f"{show.address}/evidence")
    await expect(page.get_by_text("nothing it had to do without")).to_be_visible()
    for step in ("tv", "full"):
        await page.request.post(f"{show.address}/api/stage/caption", data={"text": f"step:{step}"})
    await expect(page.get_by_role("list", name="The newest steps").get_by_role("listitem")).to_have_count(2)


async def test_the_engines_stand_in_their_order(page: Page, show: Show) -> None:
    await page.goto(f"{show.address}/services")
    thinks = page.locator(".chain", has_text="Thinks").get_by_role("listitem")
    await expect(thinks).to_have_text(
        [re.compile("openai.*left alone for a while.*429.*3 times in a row"), re.compile("improv.*in use")]
    )
    await expect(page.locator(".chain", has_text="Speaks").get_by_role("listitem").first).to_contain_text("in use")
    await expect(page.locator(".chain", has_text="Hears").get_by_role("listitem")).to_contain_text("coming up")
    await expect(page.get_by_role("row").filter(has_text="Stage picture")).to_contain_text("running")


async def test_the_parts_and_places_of_the_house_are_told(page: Page, show: Show) -> None:
    await page.goto(f"{show.address}/services")
    rows = page.get_by_role("group", name="Parts").get_by_role("row")
    await expect(rows.nth(1)).to_contain_text(re.compile("Show.*this one.*up"))
    await expect(rows.nth(1).get_by_role("link")).to_have_text(["page", "stream", "metrics"])
    await expect(rows.nth(2)).to_contain_text(re.compile("Talks.*none of its ears has come up.*1"))
    places = page.locator(".section", has_text="Places").locator(".figure")
    await expect(places).to_contain_text(["1 of 2", "1 of 4", "1 taken"])
    await expect(places.first).to_contain_text("1 had to wait, 3 were sent away")


async def test_what_goes_out_of_the_shows_is_listed(page: Page, show: Show) -> None:
    await page.goto(f"{show.address}/services")
    rows = page.get_by_role("group", name="Outputs").get_by_role("row")
    stream = r"Stream.*index.m3u8.*going out.*30.0 a second.*2.5 Mbit/s.*1.*0.*killed by signal 9"
    await expect(rows.nth(1)).to_have_text(re.compile(stream))
    recording = r"Recording.*evening.mp4.*down.*–.*1.24 GB written.*34 s.*No space left on device"
    await expect(rows.nth(2)).to_have_text(re.compile(recording))
    thinks = page.locator(".chain", has_text="Thinks").get_by_role("listitem")
    await expect(thinks.nth(1)).to_contain_text("Last failure: it wrote nothing for 8 s")
    await expect(thinks.first).not_to_contain_text("Last failure")


async def test_the_talks_that_go_on_are_listed(page: Page, show: Show) -> None:
    await page.goto(f"{show.address}/talk")
    talks = page.get_by_role("list", name="Talks that go on").get_by_role("listitem")
    await expect(talks).to_have_text(re.compile(r"^Virgin since \d\d:\d\d:\d\d$"))


async def test_a_house_without_a_show_says_so(browser: Browser, media: Path) -> None:
    context = await browser.new_context()
    with running_show(media, 0, "--shows", "") as dark:
        page = await context.new_page()
        await page.clock.install()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.goto(dark.address)
        await expect(page.get_by_role("heading", level=1)).to_have_text("No show is on in this house")
        await expect(page.locator(".link")).to_have_text("Connected")
        await page.clock.run_for(30_000)  # longer than a show may be silent
        assert len([url for url in asked if url.endswith("/api/events")]) == 1
        await page.locator("main").get_by_role("link", name="services").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Services")
    await context.close()


async def test_settings_are_found_and_say_where_they_came_from(page: Page, show: Show) -> None:
    await page.goto(f"{show.address}/settings")
    rows = page.locator(".settings > div")
    await expect(rows.filter(has_text="show.fps")).to_contain_text("30")
    await page.get_by_role("searchbox", name="Find a setting").fill("frames per second")
    await expect(rows).to_have_count(1)
    await page.get_by_role("searchbox", name="Find a setting").fill("")
    await page.get_by_role("switch", name="Only what was set").click()
    await expect(rows).to_have_count(2)
    await expect(rows.filter(has_text="show.turns")).to_contain_text("flag --turns")


async def test_the_command_of_a_talk_follows_the_choices(page: Page, show: Show) -> None:
    await page.goto(f"{show.address}/talk")
    await page.get_by_role("radio", name="Virgin").check()
    await page.get_by_role("radio", name="In writing").check()
    await page.get_by_label("What it is about").fill("what's for tea")
    await page.get_by_role("switch", name="The character speaks first").click()
    command = page.locator(".command code").first
    await expect(command).to_have_text(r"duologue talk --as virgin --topic 'what'\''s for tea' --greet --text")


@pytest.mark.parametrize("size", [(1440, 900), (820, 1180), (390, 844)])
@pytest.mark.parametrize("name", [*HEADINGS, "nowhere"])
async def test_no_page_has_a_barrier(page: Page, show: Show, name: str, size: tuple[int, int]) -> None:
    if not AXE.is_file():
        pytest.fail("axe-core is not installed: run `make setup`")
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    await page.goto(f"{show.address}/{name}")
    await ready(page)
    if name == "evidence":
        await expect(page.locator(".waterfall tbody tr").first).to_be_attached(timeout=30_000)
    if name == "settings":
        await expect(page.locator(".settings > div").first).to_be_attached()
    await page.evaluate(AXE.read_text("utf-8"))
    found = await page.evaluate(
        "async () => (await axe.run()).violations.map(one => [one.id, one.nodes.map(n => n.html)])"
    )
    assert found == []
    width, window = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= window


@pytest.fixture(scope="module")
def house(media: Path) -> Iterator[Show]:
    """Two shows at one address."""
    with running_show(media, 0, "--shows", "day,late-night") as running:
        yield running


async def test_the_pages_of_each_show_lie_in_its_place(browser: Browser, house: Show) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{house.address}/shows/late-night/services")
    await expect(page).to_have_title("Services · Late night · Duologue")
    for link in await ways(page).get_by_role("link").all():
        assert (await link.get_attribute("href") or "").startswith(f"{house.address}/shows/late-night/")
    await ways(page).get_by_role("link", name="Evidence").click()
    await expect(page).to_have_url(f"{house.address}/shows/late-night/evidence")
    await page.get_by_role("navigation", name="Shows").get_by_role("link", name="Day").click()
    await expect(page).to_have_url(f"{house.address}/shows/day/evidence")
    await expect(page).to_have_title("Evidence · Day · Duologue")
    await context.close()
