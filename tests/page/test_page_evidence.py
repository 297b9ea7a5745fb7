"""The Evidence page as it lives: stalls with their causes, a marked minute that becomes a report, runs of before.

``PAGE_EVIDENCE=FOLDER`` keeps pictures of a report in light and dark, at several widths.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from looking import look
from mock_show import Show, running_show
from playwright.async_api import Browser, BrowserContext, FrameLocator, Locator, Page, expect

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.asyncio(loop_scope="module")]

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
DESK, PHONE = (1280, 800), (390, 844)
PATIENCE = 60_000
"""ms; of a machine that is busy with other things."""

CUT_OFF = """
() => [...document.querySelectorAll(
  'main :is(h2, h3, p, dt, dd, button, label, output, td, th, li, a)'
)].filter(each => {
  const style = getComputedStyle(each)
  return each.offsetParent && style.clipPath === 'none' && ['hidden', 'clip'].includes(style.overflowX)
    && each.scrollWidth > each.clientWidth + 1 && !each.closest('[aria-hidden]')
}).map(each => each.className + ': ' + each.textContent.slice(0, 60))
"""
"""What text is wider than what shows it."""


@pytest.fixture(scope="module")
def show(media: Path) -> Iterator[Show]:
    """With talks, so that there are answers."""
    with running_show(media, 0, "--talk", "--evidence") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport={"width": DESK[0], "height": DESK[1]})
    context.set_default_timeout(PATIENCE)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def evidence(context: BrowserContext, show: Show) -> AsyncIterator[Page]:
    """The page, its first second told; what its console is told fails the test."""
    page = await context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda told: troubles.append(told.text) if told.type == "error" else None)
    await page.goto(f"{show.address}/evidence")
    await expect(page.locator(".ledger tbody tr").first).to_be_attached(timeout=PATIENCE)
    yield page
    assert troubles == []


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def report(page: Page) -> FrameLocator:
    return page.frame_locator(".report-frame")


async def stall(page: Page, show: Show, milliseconds: int) -> None:
    await page.request.post(f"{show.address}/api/stage/caption", data={"text": f"stall:{milliseconds}"})


async def test_the_frame_ledger_goes_on_second_by_second(evidence: Page) -> None:
    rows = evidence.locator(".ledger tbody tr")
    assert await rows.count() >= 50  # of the minute before anybody looked
    first = await rows.first.locator("time").inner_text()
    await expect(rows.first.locator("time")).not_to_have_text(first, timeout=PATIENCE)
    await expect(rows.first.locator(".frame-strokes path").first).to_be_attached()
    await expect(rows.first).to_contain_text(re.compile(r"30 frames.*\d ms"))
    await evidence.get_by_role("button", name="Hold still").click()
    held = await rows.first.locator("time").inner_text()
    figure = section(evidence, "Machine").locator("td").nth(1)
    before = await figure.inner_text()
    await expect(figure).not_to_have_text(before, timeout=PATIENCE)  # the rest goes on
    assert await rows.first.locator("time").inner_text() == held
    await evidence.get_by_role("button", name="Go on").click()
    await expect(rows.first.locator("time")).not_to_have_text(held)


async def test_a_stall_shows_with_its_cause_and_becomes_a_report(evidence: Page, show: Show) -> None:
    log = section(evidence, "Late and missing frames")
    incidents = log.get_by_role("list", name="Late and missing frames, the newest first")
    before = await incidents.locator("> li").count()
    await stall(evidence, show, 1500)
    await expect(incidents.locator("> li")).to_have_count(before + 1, timeout=PATIENCE)
    newest = incidents.locator("> li").first
    await expect(newest).to_contain_text(re.compile(r"\d+ frames late, by up to \d+ ms"))
    await expect(newest.locator(".culprit")).to_have_text("garbage collection")
    await expect(newest).to_contain_text("Garbage was collected for 1500 ms.")
    seen = evidence.locator(".ledger tbody tr.seen").first
    await expect(seen).to_contain_text(re.compile(r"late, by up to \d+ ms.*garbage collection", re.DOTALL))
    figures = section(evidence, "Frames").locator(".figure.bad dt")
    await expect(figures).to_contain_text(["Late"])
    await newest.get_by_text("What else happened then").click()
    await expect(newest.locator("details li").first).to_contain_text(re.compile("garbage|CPU"))
    await evidence.evaluate("scrollTo(0, 0)")
    await look(evidence, "evidence-late")
    await newest.get_by_role("button", name="Report of the minute").click()
    await expect(report(evidence).get_by_role("heading", level=1)).to_contain_text("show", timeout=PATIENCE)
    await expect(report(evidence).get_by_text("garbage collection").first).to_be_attached()


async def test_a_marked_minute_becomes_a_report_by_keys_alone(evidence: Page) -> None:
    slider = evidence.get_by_role("slider", name="The marked minute ends")
    newest = evidence.locator(".marked-words")
    await expect(slider).to_be_enabled(timeout=PATIENCE)
    await slider.focus()
    for _ in range(3):
        await evidence.keyboard.press("ArrowLeft")
    again = evidence.get_by_role("button", name="The newest again")
    await expect(again).to_be_visible()
    words = await newest.inner_text()
    begin, end = words.split(" to ")
    assert await slider.get_attribute("aria-valuetext") == words
    await evidence.keyboard.press("Tab")
    await expect(again).to_be_focused()
    await evidence.keyboard.press("Tab")
    await expect(evidence.get_by_role("button", name="Report of this minute")).to_be_focused()
    await evidence.keyboard.press("Enter")
    heading = evidence.get_by_role("heading", name="Report", level=2)
    await expect(heading).to_be_focused()
    await expect(section(evidence, "Report")).to_contain_text(f"{begin} to {end}")
    head = report(evidence).get_by_role("heading", level=1)
    await expect(head).to_contain_text(re.compile(r"\d\d:\d\d:\d\d to \d\d:\d\d:\d\d UTC"), timeout=PATIENCE)
    await expect(report(evidence).get_by_text(re.compile("only .* was read"))).to_be_attached()
    frames = await report(evidence).locator(".tiles dd").first.inner_text()
    assert 1700 < int(frames.replace(",", "")) < 1900  # a minute's
    for _ in range(3):
        await evidence.keyboard.press("Tab")
    await expect(evidence.get_by_role("button", name="Close the report")).to_be_focused()
    await evidence.keyboard.press("Enter")
    await expect(heading).to_have_count(0)
    await expect(evidence.get_by_role("button", name="Report of this minute")).to_be_focused()


async def test_a_minute_is_marked_with_the_pointer_and_stays(evidence: Page) -> None:
    plot = evidence.locator(".timeline .u-over")
    box = await plot.bounding_box()
    assert box is not None
    await plot.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    words = await evidence.locator(".marked-words").inner_text()
    rows = evidence.locator(".ledger tbody tr")
    first = await rows.first.locator("time").inner_text()
    await expect(rows.first.locator("time")).not_to_have_text(first, timeout=PATIENCE)
    assert await evidence.locator(".marked-words").inner_text() == words
    await evidence.get_by_role("button", name="The newest again").click()
    await expect(evidence.locator(".marked-words")).not_to_have_text(words)


async def test_a_run_of_before_is_opened_and_its_sound_is_there_if_it_was_kept(evidence: Page) -> None:
    runs = evidence.get_by_role("list", name="Runs that are kept, the newest first").locator("> li")
    await expect(runs).to_have_count(4)
    await expect(runs.first).to_contain_text("goes on")
    past = runs.filter(has_text="whether tea is a soup")
    await expect(past).to_contain_text(re.compile(r"over.*1,800 frames · \d+ late or left out", re.DOTALL))
    await expect(evidence.locator(".runs audio")).to_have_count(1)
    call = runs.filter(has_text="16 → 1000, robin")
    await expect(call.locator("audio")).to_be_visible()
    await call.locator("audio").evaluate("each => { each.load(); }")
    await evidence.wait_for_function("() => document.querySelector('.runs audio').readyState > 0")
    await past.get_by_role("button", name="Report: Show: whether tea is a soup").click()
    await expect(report(evidence).get_by_text("whether tea is a soup").first).to_be_visible(timeout=PATIENCE)
    await expect(report(evidence).get_by_text("garbage collection").first).to_be_attached()
    await evidence.get_by_role("radio", name="Talks").check()
    await expect(runs).to_have_count(1)
    await runs.get_by_role("button").click()  # the one report takes the place of the other
    await expect(report(evidence).get_by_text("5 answers came").first).to_be_visible(timeout=PATIENCE)
    await expect(evidence.locator(".report-frame")).to_have_count(1)
    await evidence.get_by_role("button", name="Close the report").click()


async def test_times_in_a_report_are_those_of_the_page(browser: Browser, show: Show) -> None:
    there = await browser.new_context(timezone_id="Asia/Kolkata")
    page = await there.new_page()
    await page.goto(f"{show.address}/evidence")
    await expect(section(page, "Runs")).to_contain_text("this device's (UTC+05:30)", timeout=PATIENCE)
    past = page.get_by_role("list", name="Runs that are kept, the newest first").locator("> li").filter(has_text="soup")
    listed = (await past.locator("time").inner_text(timeout=PATIENCE)).rsplit(", ")[1]
    await past.get_by_role("button").click()
    began = report(page).locator(".meta").first
    await expect(began).to_contain_text("UTC+05:30", timeout=PATIENCE)
    told = re.search(r"\d\d:\d\d:\d\d", await began.inner_text())
    assert told is not None
    first, second = (datetime.strptime(each, "%H:%M:%S").replace(tzinfo=UTC) for each in (told[0], listed))
    assert abs((first - second).total_seconds()) % (24 * 3600 - 2) <= 2
    await there.close()


async def test_a_report_that_cannot_be_had_says_why(context: BrowserContext, show: Show) -> None:
    page = await context.new_page()
    await page.goto(f"{show.address}/evidence")
    runs = page.get_by_role("list", name="Runs that are kept, the newest first").locator("> li")
    await page.route(
        "**/report*", lambda route: route.fulfill(
            status=404, content_type="application/problem+json", headers={"X-Frame-Options": "DENY"},
            body='{"title": "There is no such run", "where": "run", "remedy": "Old ones go.", "status": 404}',
        ),
    )  # fmt: skip
    await runs.filter(has_text="soup").get_by_role("button").click()
    alert = section(page, "Report").get_by_role("alert")
    await expect(alert).to_have_text("There is no such run (run). Old ones go.", timeout=PATIENCE)


async def test_a_turn_grows_before_it_is_heard_and_stages_have_percentiles(evidence: Page) -> None:
    growing = evidence.locator(".growing-turn").first
    await expect(growing).to_contain_text(re.compile("Chad|Virgin"), timeout=PATIENCE)
    took = growing.locator(".took")
    first = await took.inner_text()
    await expect(took).not_to_have_text(first)
    await expect(growing.locator(".stage-bar.grows")).to_have_count(1)
    answers = evidence.get_by_role("table", name="Stages of the silence before answers in talks and calls")
    await expect(answers.get_by_role("row").nth(1)).to_contain_text(re.compile(r"End of turn 3.*320 ms", re.DOTALL))
    frames = evidence.get_by_role("table", name="What frames took, against their budget")
    await expect(frames.get_by_role("row").nth(1)).to_contain_text(re.compile(r"The last minute 1,8\d\d"))


async def test_the_machine_is_told_process_by_process(evidence: Page) -> None:
    machine = section(evidence, "Machine")
    await expect(machine.get_by_role("row").filter(has_text="Kokoro")).to_contain_text("690 MB")
    await expect(machine.locator(".figure").filter(has_text="Stolen")).to_contain_text("1.2 %")
    await expect(machine.locator(".figure").filter(has_text="Other programs")).to_contain_text(
        "of the cores, none of ours"
    )
    await expect(machine.get_by_role("row").filter(has_text="Stage")).to_contain_text(re.compile(r"412 MB\s*4 ms/s"))


@pytest.mark.parametrize("size", [DESK, PHONE])
@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_nothing_is_a_barrier_or_cut_off(
    context: BrowserContext, evidence: Page, show: Show, size: tuple[int, int], scheme: str
) -> None:
    if not AXE.is_file():
        pytest.fail("axe-core is not installed: run `make setup`")
    page = evidence
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    await stall(page, show, 1300)
    await expect(page.locator(".incidents > li").first).to_be_attached(timeout=PATIENCE)
    await page.get_by_role("button", name="Report of this minute").click()
    await expect(report(page).get_by_role("heading", level=1)).to_be_attached(timeout=PATIENCE)
    await expect(page.locator(".report-frame.waits")).to_have_count(0)
    await page.evaluate(AXE.read_text("utf-8"))
    found = await page.evaluate(
        "async () => (await axe.run()).violations.map(one => [one.id, one.nodes.map(n => n.html)])"
    )
    assert found == []
    width, window = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= window
    cut = await page.evaluate(CUT_OFF)
    assert cut == []
    if (folder := os.environ.get("PAGE_EVIDENCE")) is not None:
        await page.screenshot(path=Path(folder) / f"whole-{scheme}-{size[0]}.png", full_page=True)


async def test_nothing_is_asked_of_the_board_on_other_pages(evidence: Page) -> None:
    asked: list[str] = []
    evidence.on("request", lambda request: asked.append(request.url))
    await evidence.get_by_role("navigation", name="Pages").get_by_role("link", name="Services").click()
    await expect(evidence.get_by_role("heading", level=1)).to_have_text("Services")
    await evidence.get_by_role("navigation", name="Pages").get_by_role("link", name="Evidence").click()
    await expect(evidence.locator(".ledger tbody tr").first).to_be_attached(timeout=PATIENCE)
    assert len([url for url in asked if url.endswith("/api/evidence/events")]) == 1


async def test_a_house_without_a_show_has_its_machine_its_answers_and_its_runs(browser: Browser, media: Path) -> None:
    context = await browser.new_context()
    with running_show(media, 0, "--shows", "", "--talk", "--evidence") as dark:
        page = await context.new_page()
        await page.goto(f"{dark.address}/evidence")
        await expect(section(page, "Machine").get_by_role("row").nth(1)).to_be_attached(timeout=PATIENCE)
        await expect(section(page, "Turns")).to_contain_text("answered in a talk")
        growing = page.locator(".growing-turn")
        await expect(growing).to_contain_text(re.compile("virgin.*answers in a talk: is being thought of", re.I))
        before = await growing.locator(".took").inner_text()
        await expect(growing.locator(".took")).not_to_have_text(before)
        await expect(growing).to_contain_text("End of turn 333 ms")
        await expect(section(page, "Frames")).to_have_count(0)
        await expect(page.locator(".runs > li")).to_have_count(3)
    await context.close()


async def test_an_onlooker_sees_runs_of_shows_alone(browser: Browser, media: Path) -> None:
    context = await browser.new_context()
    with running_show(media, 0, "--guarded", "--evidence") as guarded:
        page = await context.new_page()
        await page.goto(f"{guarded.address}/evidence?token=onlooker%20token")
        await expect(page.locator(".runs > li")).to_have_count(2, timeout=PATIENCE)
        await expect(page.locator(".runs")).not_to_contain_text(re.compile("Talk|Call"))
    await context.close()
