"""A real browser on the page, and the scripted studio behind it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from chromium_arguments import ARGUMENTS, CHROMIUM
from mock_show import Show, running_show
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from duologue.web.options import STATIC_FOLDER


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the recorded stream."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs the Debian package ffmpeg")
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="module")
def show(media: Path) -> Iterator[Show]:
    """One show for all tests of a module."""
    with running_show(media) as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Debian's Chromium is."""
    if not Path(CHROMIUM).exists():
        pytest.skip("needs the Debian package chromium-headless-shell")
    if not (STATIC_FOLDER / "index.html").is_file():
        pytest.skip("the page is not built: run `make setup`")
    return CHROMIUM


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """A headless browser, as strict about playing sound by itself as one with a window."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="module")
async def desk(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A fresh browser profile in a small desktop window."""
    context = await browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(20_000)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(desk: BrowserContext, show: Show) -> AsyncIterator[Page]:
    """The page of the show, open; a script error in it fails the test."""
    errors: list[str] = []
    opened = await desk.new_page()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    await opened.goto(show.address)
    await opened.locator("main:not([aria-busy])").wait_for()  # a page's code comes after its document
    yield opened
    assert errors == []
