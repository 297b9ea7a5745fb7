"""A face on the Talk page and alone on a clear ground, moved by the same conversation."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from looking import look, troubles_of
from mock_show import Show, running_process
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page, expect

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PATIENCE_MS = 30_000
SPENT = """
window.spent = []
let drew = false
const { clearRect } = CanvasRenderingContext2D.prototype
CanvasRenderingContext2D.prototype.clearRect = function (...box) { drew = true; return clearRect.apply(this, box) }
const native = window.requestAnimationFrame.bind(window)
window.requestAnimationFrame = step => native(now => {
  drew = false
  const began = performance.now()
  step(now)
  if (drew) window.spent = [...window.spent.slice(-599), performance.now() - began]
})
"""
"""How long our script took for each frame that it drew, ms."""
PICTURES = """canvas => {
  const taken = new Set()
  const look = () => {
    const small = new OffscreenCanvas(64, 64)
    small.getContext('2d').drawImage(canvas, 0, 0, 64, 64)
    taken.add([...small.getContext('2d').getImageData(0, 0, 64, 64).data].join())
    window.looks = taken.size
    requestAnimationFrame(look)
  }
  look()
}"""


@pytest.fixture(scope="module")
def house() -> Iterator[Show]:
    with running_process(lambda port: ["-m", "duologue", "serve", "--no-show", "--port", str(port)]) as running:
        yield running


async def seen(page: Page) -> np.ndarray:
    """What the window shows, with its transparency."""
    shot = await page.screenshot(omit_background=True)
    with Image.open(io.BytesIO(shot)) as picture:
        return np.array(picture.convert("RGBA"))


async def test_a_face_is_alone_on_a_clear_ground_and_lives(desk: BrowserContext, house: Show) -> None:
    page = await desk.new_page()
    await page.add_init_script(SPENT)
    errors = troubles_of(page)
    await page.goto(f"{house.address}/face/chad?transparent")
    canvas = page.locator("canvas")
    await expect(canvas).to_be_visible(timeout=PATIENCE_MS)
    await page.wait_for_function("() => window.spent.length > 5", timeout=PATIENCE_MS)
    picture = await seen(page)
    assert picture[0, 0, 3] == picture[0, -1, 3] == 0
    covered = (picture[..., 3] == 255).mean()
    assert 0.05 < covered < 0.9
    await canvas.evaluate(PICTURES)
    await page.wait_for_function("() => window.looks > 10", timeout=PATIENCE_MS)  # it breathes
    await page.goto(f"{house.address}/face/chad")
    await page.wait_for_function("() => window.spent.length > 5", timeout=PATIENCE_MS)
    assert (await seen(page))[0, 0, 3] == 255
    await look(page, "face", tall=False)
    assert errors == []


async def test_who_has_no_face_is_told(desk: BrowserContext, house: Show) -> None:
    page = await desk.new_page()
    await page.goto(f"{house.address}/face/robin")
    await expect(page.get_by_role("alert")).to_contain_text("has no face")


async def test_one_conversation_moves_the_face_on_both_pages(browser: Browser, house: Show) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 720})
    await context.add_init_script(SPENT)
    alone, talk = await context.new_page(), await context.new_page()
    await alone.goto(f"{house.address}/face/chad?transparent")
    await alone.wait_for_function("() => window.spent.length > 5", timeout=PATIENCE_MS)
    await talk.goto(f"{house.address}/talk")
    talk.set_default_timeout(PATIENCE_MS)
    await expect(talk.get_by_role("button", name="Begin")).to_be_visible()
    await talk.get_by_role("radio", name="Chad").first.check()
    await talk.get_by_role("switch", name="speaks first").first.click()
    await talk.get_by_role("button", name="Begin").click()
    await expect(talk.locator(".talk-face")).to_be_visible(timeout=PATIENCE_MS)
    await talk.get_by_label("Your words").fill("Tell me all about pineapple on pizza, and why.")
    await talk.keyboard.press("Enter")
    await expect(talk.locator(".talk-chunk[data-state=playing]")).to_have_count(1, timeout=PATIENCE_MS)
    for page in (alone, talk):
        shapes = await page.evaluate(
            "async () => { const seen = new Set(), face = document.querySelector('canvas')\n"
            "for (let n = 0; n < 400 && seen.size < 3; n++) { seen.add(face.dataset.mouth);"
            " await new Promise(done => setTimeout(done, 50)) } return [...seen] }"
        )
        assert len(shapes) >= 3, shapes  # it speaks
    await look(talk, "talk-face", tall=False)
    await context.close()
