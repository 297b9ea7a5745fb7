"""A report in a real browser: by keyboard, on a telephone, in the dark and on paper, with nothing from the network."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from chromium_arguments import ARGUMENTS, CHROMIUM
from playwright.async_api import Browser, Page, Request, async_playwright, expect

from duologue.clock import MILLISECOND, SECOND, VirtualClock
from duologue.evidence.budgets import PRESETS
from duologue.evidence.page import as_page
from duologue.evidence.report import ReportSource, read_report
from duologue.telemetry.ledger import ConversationRecord, FrameRecord, MachineRecord, ShowRecord, TurnRecord
from duologue.telemetry.stream import HOUSE, Ledger

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.asyncio(loop_scope="module")]
WIDTHS = (1280, 720, 390, 320)
SHOW, TALK = "show:day", "talk:t"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def window() -> AsyncIterator[Browser]:
    if shutil.which(CHROMIUM) is None:
        pytest.skip("needs the Debian package chromium-headless-shell")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        await running.close()


def _turn(number: int, at: int) -> TurnRecord:
    return TurnRecord(
        f"t/r{number}", "t", number, "ada", "answer", "It is noon, as far as I know.", "It is noon, as far as I know.",
        state="ended", question="t/p", why="finished", spoken_to=at, decided=at + 350 * MILLISECOND,
        understood=at + 400 * MILLISECOND, asked=at + 400 * MILLISECOND, first_token=at + 900 * MILLISECOND,
        first_sentence=at + SECOND, first_audio=at + 1100 * MILLISECOND, on_air=at + 1120 * MILLISECOND,
        ended=at + 3 * SECOND,
    )  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a show with a stall and a talk with long words in it."""
    folder = tmp_path_factory.mktemp("report")
    ledger = Ledger(VirtualClock(start=SECOND))
    writer = ledger.write_to(folder / "ledger.jsonl")
    ledger.enter(SHOW, ShowRecord(30, 1920, 1080, ("chad", "virgin"), "living-room", 1000.0))
    for number in range(300):
        due = 3 * SECOND + number * SECOND // 30
        late = 1400 * MILLISECOND if 100 <= number < 120 else 0
        begun = due - SECOND + late
        done = begun + 8 * MILLISECOND
        record = FrameRecord(number, due, begun, 1.5, 6.5, 900, done, (done - due) / MILLISECOND, work="speech")
        ledger.enter(SHOW, record, done)
    for second in range(12):
        cpu = {"main": 5.0, "stage": 30.0}
        ledger.enter(HOUSE, MachineRecord(0.2, 4000.0, cpu, {"main": 100.0}, cores=2), (2 + second) * SECOND)
    ledger.enter(TALK, ConversationRecord("t", ("ada",), "friend"))
    words = "Donaudampfschifffahrtsgesellschaftskapitän " * 6
    ledger.enter(TALK, TurnRecord("t/p", "t", 1, "friend", "person", words, state="ended"))
    for number in range(3):
        ledger.enter(TALK, _turn(number + 2, (10 + 5 * number) * SECOND))
    writer.close()
    page = folder / "report.html"
    found = read_report([ReportSource("a run", folder / "ledger.jsonl")], PRESETS["usual"])
    page.write_text("".join(as_page(found)), "utf-8")
    return page


async def opened(window: Browser, report: Path, width: int, **options: Any) -> tuple[Page, list[str]]:
    context = await window.new_context(viewport={"width": width, "height": 800}, **options)
    page = await context.new_page()
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    page.on("pageerror", lambda error: asked.append(str(error)))
    page.on("console", lambda message: asked.append(message.text))
    await page.goto(report.as_uri())
    return page, asked


@pytest.mark.parametrize("width", WIDTHS)
async def test_it_fits_every_window_and_asks_for_nothing(window: Browser, report: Path, width: int) -> None:
    page, asked = await opened(window, report, width)
    assert asked == [report.as_uri()]
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert await page.evaluate("[...document.querySelectorAll('svg')].every(each => each.clientHeight > 60)")
    await page.context.close()


async def test_it_is_read_by_keyboard(window: Browser, report: Path) -> None:
    page, _ = await opened(window, report, 1280)
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("To the report")).to_be_in_viewport()
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "What to mend"
    details = page.locator("details").first
    await details.locator("summary").focus()
    await page.keyboard.press("Enter")
    assert await details.evaluate("each => each.open")
    names = await page.evaluate("[...document.querySelectorAll('svg')].map(each => each.getAttribute('aria-label'))")
    assert len(names) >= 5 and len(set(names)) == len(names) and all(names)
    await page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_words_stand_out_by_day_and_by_night(window: Browser, report: Path, scheme: str) -> None:
    page, _ = await opened(window, report, 1280, color_scheme=scheme)
    poor = await page.evaluate("""() => {
      const light = css => { const [r, g, b] = css.match(/[\\d.]+/g).map(Number).map(v => v / 255)
        .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126*r + 0.7152*g + 0.0722*b; };
      const behind = each => { for (let at = each; at; at = at.parentElement) {
        const found = getComputedStyle(at).backgroundColor; if (!found.endsWith(', 0)')) return found; }
        return 'rgb(255,255,255)'; };
      const bad = [];
      for (const each of document.querySelectorAll('p,td,th,dt,dd,li,a,h1,h2,h3,summary,text')) {
        const style = getComputedStyle(each); const ink = each.tagName === 'text' ? style.fill : style.color;
        const [high, low] = [light(ink), light(behind(each))].sort((a, b) => b - a);
        if ((high + 0.05) / (low + 0.05) < 4.5) bad.push(each.tagName + ': ' + each.textContent.slice(0, 40));
      }
      return bad; }""")
    assert poor == []
    await page.context.close()


async def test_it_is_printed_whole(window: Browser, report: Path) -> None:
    page, _ = await opened(window, report, 1280)
    assert not await page.locator("details li, details td").first.is_visible()
    await page.set_viewport_size({"width": 720, "height": 1000})  # what a sheet of A4 has between its margins
    await page.emulate_media(media="print")
    await expect(page.locator("nav")).to_be_hidden()
    hidden = await page.evaluate("""() => [...document.querySelectorAll('details td, details li')]
      .filter(each => !each.checkVisibility()).map(each => each.textContent)""")
    assert hidden == [], "what is folded up is on paper, too"
    assert await page.locator("details td").count() > 3
    beyond = await page.evaluate("""() => [...document.querySelectorAll('main *')]
      .filter(each => each.getBoundingClientRect().right > 721).map(each => each.outerHTML.slice(0, 80))""")
    assert beyond == [], "nothing ends beyond the edge of the sheet"
    assert len(await page.pdf(format="A4")) > 20_000
    await page.context.close()
