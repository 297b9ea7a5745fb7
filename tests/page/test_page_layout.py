"""Sizes and access: the page fits its windows, can be used with keys alone, and can be read."""

from __future__ import annotations

from typing import Any

import pytest
from mock_show import Show
from playwright.async_api import Browser, Page, expect

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.asyncio(loop_scope="module")]

ESSENTIAL = (
    "video",
    "input[list=topics]",
    ".panel.conversation button[type=submit]",
    ".panel.room select",
    ".panel.room [role=radiogroup]",
    ".panel.room [role=switch]",
    ".scroller",
    ".chat button[type=submit]",
    ".panel.pulse",
)
NARROW = """() => [document.documentElement.scrollWidth, innerWidth]"""
POKING_OUT = """() => [...document.querySelectorAll('.panel :is(button, select, .field, .segmented span, .switch)')]
  .filter(one => one.checkVisibility() && !one.closest('.unseen'))
  .filter(one => {
    const [box, panel] = [one, one.closest('.panel')].map(each => each.getBoundingClientRect())
    return box.left < panel.left || box.right > panel.right - 8
  })
  .map(one => one.outerHTML.slice(0, 120))"""
"""What a person presses that is not within its panel, in its padding."""
CONTRAST = """() => {
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number)
  const light = c => { const s = c / 255; return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4 }
  const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b)
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(at).backgroundColor)
      if (a > 0.7) return [r, g, b]
    }
    return [14, 16, 17]
  }
  const poor = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement
    if (!walker.currentNode.data.trim() || !element.checkVisibility({ checkOpacity: true })) continue
    if (element.closest('script, noscript, option, :disabled, .unseen')) continue
    const [front, back] = [parse(getComputedStyle(element).color), behind(element)].map(luminance)
    const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05)
    if (ratio < 4.5) poor.push([walker.currentNode.data.trim(), Math.round(ratio * 100) / 100])
  }
  return poor
}"""
NAMELESS = """() => [...document.querySelectorAll('button, input, select, a, video, [role]')]
  .filter(one => one.checkVisibility() && !one.closest('[aria-hidden=true]'))
  .filter(one => !(one.getAttribute('aria-label') || one.textContent.trim() || one.labels?.length
    || one.getAttribute('role') === 'status'))
  .map(one => one.outerHTML)"""


async def loaded(page: Page) -> None:
    await expect(page.locator(".link")).to_have_text("Connected")
    await expect(page.locator(".turn").first).to_be_attached()
    await expect(page.locator(".machine dl")).to_be_attached()


async def test_a_small_desk_window_shows_everything_without_scrolling(page: Page) -> None:
    await loaded(page)
    assert await page.evaluate(
        "() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    ) == [1280, 720]
    for selector in ESSENTIAL:
        box = await page.locator(selector).bounding_box()
        assert box is not None, selector
        inside = box["x"] >= 0 and box["y"] >= 0 and box["x"] + box["width"] <= 1280 and box["y"] + box["height"] <= 720
        assert inside, (selector, box)
    stage = await page.locator(".frame").bounding_box()
    assert stage is not None
    assert stage["width"] >= 800
    assert abs(stage["width"] / stage["height"] - 16 / 9) < 0.01


@pytest.mark.parametrize("size", [(1920, 1080), (1100, 640), (1024, 768), (820, 1180), (2560, 1080)])
async def test_no_window_scrolls_sideways_and_each_control_lies_in_its_panel(page: Page, size: tuple[int, int]) -> None:
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    await loaded(page)
    width, window = await page.evaluate(NARROW)
    assert width <= window
    assert await page.evaluate(POKING_OUT) == []


async def test_a_phone_has_the_stage_on_top_and_three_tabs(browser: Browser, show: Show) -> None:
    context = await browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    page = await context.new_page()
    await page.goto(show.address)
    await loaded(page)
    places = {
        "Transcript": (".panel.transcript", ".chat button[type=submit]"),
        "Direct": (".panel.conversation", ".panel.room"),
        "Figures": (".panel.pulse", ".machine"),
    }
    for tab, panels in places.items():
        await page.get_by_role("tab", name=tab, exact=True).click()
        for panel in panels:
            await expect(page.locator(panel)).to_be_visible()
        stage: Any = await page.locator(".frame").bounding_box()
        assert (stage["width"], stage["y"] < 60) == (390, True)
        width, window = await page.evaluate(NARROW)
        assert width <= window
        assert await page.evaluate("document.documentElement.scrollHeight") <= 844
        small = await page.evaluate(
            "() => [...document.querySelectorAll('button, select, input')].filter(one => one.checkVisibility())"
            ".map(one => [one.getBoundingClientRect().height, one.outerHTML]).filter(([height]) => height < 36)"
        )
        assert small == []
    await context.close()


async def test_everything_has_a_name(page: Page) -> None:
    await loaded(page)
    assert await page.evaluate(NAMELESS) == []
    assert await page.locator("h1").count() == 1
    assert await page.evaluate("document.documentElement.lang") == "en"
    assert await page.locator("main").count() == 1


async def test_all_words_have_enough_contrast(page: Page) -> None:
    await loaded(page)
    assert await page.evaluate(CONTRAST) == []


async def test_keys_alone_reach_and_work_the_controls(page: Page) -> None:
    await loaded(page)
    reached: list[str] = []
    for _ in range(40):
        await page.keyboard.press("Tab")
        reached.append(
            await page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText")
        )
    for name in ("Topic", "Let the other one begin", "Film for the TV", "Lamp", "Your name", "Full screen"):
        assert name in reached, reached
    await page.get_by_role("radio", name="Evening").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("radio", name="Night")).to_be_checked()
    button = page.get_by_role("button", name="Play TV")
    await button.focus()
    outline = await button.evaluate("one => getComputedStyle(one).outlineStyle")
    assert outline == "solid"


async def test_less_motion_is_respected(browser: Browser, show: Show) -> None:
    context = await browser.new_context(reduced_motion="reduce")
    page = await context.new_page()
    await page.goto(show.address)
    moving = await page.locator(".button").first.evaluate("one => getComputedStyle(one).transitionDuration")
    assert set(moving.split(", ")) == {"0s"}
    await context.close()


async def test_a_word_wider_than_the_transcript_is_broken_and_pushes_nothing_out(page: Page) -> None:
    await loaded(page)
    word = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverordnungsentwurf"
    await page.request.post(f"{page.url}api/conversations", data={"topic": f"the {word} of 1905", "turns": 6})
    await page.request.post(f"{page.url}api/chat", data={"to": "chad", "author": "Ann", "text": f"Why {word}?"})
    await expect(page.locator(".turn.person", has_text=word)).to_be_attached()
    await expect(page.locator(".topic", has_text=word)).to_be_attached()
    inside = await page.locator(".scroller").evaluate("one => [one.scrollWidth, one.clientWidth]")
    assert inside[0] <= inside[1]
