"""What a viewer is told while the show is plainer than it could be. ``PAGE_QUALITY=FOLDER`` keeps pictures of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from mock_show import Show, running_show
from playwright.async_api import Browser, Page, expect

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture
def show(media: Path) -> Iterator[Show]:
    """A show of this test's own: how plain it is, others would see too."""
    with running_show(media) as running:
        yield running


async def govern(page: Page, *steps: str) -> None:
    for step in steps:
        answer = await page.request.post(f"{page.url}api/stage/caption", data={"text": f"step:{step}"})
        assert answer.ok


async def keep(page: Page, name: str) -> None:
    if folder := os.environ.get("PAGE_QUALITY"):
        await page.screenshot(path=Path(folder) / name)


async def test_a_plainer_show_says_so_in_plain_words_and_a_full_one_nothing(page: Page) -> None:
    await expect(page.locator(".link")).to_have_text("Connected")
    line, spoken = page.locator(".plainer"), page.locator("p.unseen[role=status]")
    await expect(line).to_have_count(0)
    await expect(spoken).to_have_text("")
    await govern(page, "tv", "rate")
    told = "Plainer for now: every second picture is left out, evenly. This machine is short of CPU."
    await expect(line.locator("summary")).to_have_text(re.compile(re.escape(told) + r" \d\d:\d\d$"))
    await expect(spoken).to_have_text(told)  # a reader hears of it, and of its end
    await expect(line.get_by_role("list")).to_be_hidden()
    await line.locator("summary").focus()
    await page.keyboard.press("Enter")
    steps = line.get_by_role("listitem")
    await expect(steps).to_have_count(2)
    await expect(steps.first).to_contain_text("Every second picture is left out, evenly.")
    await expect(steps.last).to_contain_text(
        "The TV's picture moves half as often. the newest picture is 212 ms ahead."
    )
    await keep(page, "desk-open.png")
    await page.keyboard.press("Enter")
    await expect(page.locator(".chip")).to_contain_text("On air")
    await keep(page, "desk.png")
    await govern(page, "full")
    await expect(line).to_have_count(0)
    await expect(spoken).to_have_text("")


async def test_the_line_takes_nothing_from_the_controls(page: Page) -> None:
    await expect(page.locator(".link")).to_have_text("Connected")
    await govern(page, "analysis")
    await expect(page.locator(".plainer")).to_be_visible()
    assert await page.evaluate(
        "() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    ) == [1280, 720]
    boxes = [await page.locator(each).bounding_box() for each in (".strip", ".plainer", ".machine")]
    for above, below in pairwise(boxes):
        assert above is not None and below is not None
        assert above["y"] + above["height"] <= below["y"] + 0.5
    assert boxes[2] is not None and boxes[2]["y"] + boxes[2]["height"] <= 720.5
    await govern(page, "size")
    figure = page.locator(".meter", has_text="Late frames").locator(".figure")
    await expect(figure).to_contain_text("14 skipped")
    assert await figure.evaluate("one => one.scrollWidth <= one.clientWidth")
    await keep(page, "desk-skipped.png")


async def test_on_a_phone_it_is_on_every_tab(browser: Browser, show: Show) -> None:
    context = await browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    page = await context.new_page()
    await page.goto(show.address)
    await expect(page.locator(".turn").first).to_be_attached()
    await govern(page, "size")
    for tab in ("Transcript", "Direct", "Figures"):
        await page.get_by_role("tab", name=tab, exact=True).click()
        await expect(page.locator(".plainer summary")).to_be_in_viewport(ratio=1)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await keep(page, f"phone-{tab.lower()}.png")
    late = page.locator(".meter", has_text="Late frames")
    await expect(late.locator(".note")).to_have_text([re.compile(r"all \d+"), "14 skipped"])
    await page.locator(".plainer summary").click()
    await expect(page.locator(".plainer").get_by_role("listitem")).to_be_in_viewport(ratio=1)
    await keep(page, "phone-open.png")
    await context.close()


SLOW = re.compile(r"The voice is slower than its speech: the silences are longer\..* \d\d:\d\d$")


async def slow(page: Page, factor: float) -> None:
    answer = await page.request.post(f"{page.url}api/stage/caption", data={"text": f"pace:{factor}"})
    assert answer.ok


async def test_a_voice_that_is_slower_than_its_speech_is_said_and_takes_nothing_from_the_page(page: Page) -> None:
    await expect(page.locator(".link")).to_have_text("Connected")
    line, spoken = page.locator(".unhurried"), page.locator("p.unseen[role=status]")
    await expect(line).to_have_count(0)
    await slow(page, 1.3)
    await expect(line).to_have_text(SLOW)
    await expect(line).to_contain_text("1.3 s")
    await expect(spoken).to_have_text("The voice is slower than its speech: the silences are longer.")
    assert await line.evaluate("one => one.scrollWidth <= one.clientWidth")  # nothing of it is cut off
    assert await page.evaluate(
        "() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    ) == [1280, 720]
    boxes = [await page.locator(each).bounding_box() for each in (".strip", ".unhurried", ".machine")]
    for above, below in pairwise(boxes):
        assert above is not None and below is not None
        assert above["y"] + above["height"] <= below["y"] + 0.5
    await expect(page.locator(".chip")).to_contain_text("On air")
    await keep(page, "desk-slow.png")
    await govern(page, "size")  # one line says one thing: what is seen less of comes first
    await expect(line).to_have_count(0)
    await expect(page.locator(".plainer summary")).to_contain_text("Plainer for now")
    await govern(page, "full")
    await expect(line).to_have_text(SLOW)
    await slow(page, 0)
    await expect(line).to_have_count(0)
    await expect(spoken).to_have_text("")


async def test_on_a_phone_a_slow_voice_is_said_on_every_tab(browser: Browser, show: Show) -> None:
    context = await browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    page = await context.new_page()
    await page.goto(show.address)
    await expect(page.locator(".turn").first).to_be_attached()
    await slow(page, 1.3)
    for tab in ("Transcript", "Direct", "Figures"):
        await page.get_by_role("tab", name=tab, exact=True).click()
        line = page.locator(".unhurried")
        await expect(line).to_be_in_viewport(ratio=1)
        box, ways = await line.bounding_box(), await page.get_by_role("navigation", name="Pages").bounding_box()
        assert box is not None and ways is not None
        assert box["y"] + box["height"] <= ways["y"] + 0.5
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await keep(page, f"phone-slow-{tab.lower()}.png")
    await context.close()
