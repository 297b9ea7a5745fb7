"""Lessons on the Talk page of a real house, in a real browser: pressed, typed and spoken."""

from __future__ import annotations

import re
import subprocess
import sys
import wave
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from chromium_arguments import ARGUMENTS
from looking import look, troubles_of
from mock_show import Show, running_process
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PATIENCE_MS = 30_000
FIELD_IN_THE_WINDOW = "document.querySelector('.talk-write .field').getBoundingClientRect().bottom <= innerHeight"
"""However much stands above it by now."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Show]:
    """One that holds talks with the embedded engines, and keeps what is learnt in a store of its own."""
    folder = tmp_path_factory.mktemp("house")
    file = folder / "duologue.toml"
    file.write_text(
        f'[engines]\nstt = "pocketsphinx"\ntts = "espeak"\nllm = "improv"\n[store]\nurl = "sqlite:///{folder}/s.db"\n'
    )
    given = ["--no-show", "--talk", "--no-api", "--config", str(file)]
    with running_process(
        lambda port: ["-m", "duologue", "serve", *given, "--host", "127.0.0.1", "--port", str(port)]
    ) as running:
        yield running


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the microphone hears: silence while the tutor speaks, the first sentence of the lesson, silence."""
    spoken = tmp_path_factory.mktemp("microphone") / "spoken.wav"
    words = "Hello, nice to meet you."
    voice = ["--tts", "espeak", "--voice", "en-us+f5?rate=150"]
    command = [sys.executable, "-m", "duologue", "say", words, *voice, "-o", str(spoken)]
    subprocess.run(command, check=True, capture_output=True)
    with wave.open(str(spoken)) as file:
        rate, sound = file.getframerate(), file.readframes(file.getnframes())
    made = spoken.with_name("answer.wav")
    with wave.open(str(made), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        still = np.zeros(rate, "<i2").tobytes()
        file.writeframes(2 * still + sound + 40 * still)
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def speaker(chromium: str, answer: Path) -> AsyncIterator[Browser]:
    """A browser whose microphone plays the answer."""
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    wave_file = f"--use-file-for-fake-audio-capture={answer}%noloop"
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=[*ARGUMENTS, *fake, wave_file])
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(desk: BrowserContext, house: Show) -> AsyncIterator[Page]:
    """The Talk page; an error in it fails the test."""
    async for opened in _opened(desk, house):
        yield opened


async def _opened(context: BrowserContext, house: Show) -> AsyncIterator[Page]:
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    troubles = troubles_of(page)
    await page.goto(f"{house.address}/talk")
    yield page
    assert troubles == []


async def begin(page: Page, lesson: str) -> None:
    await page.get_by_role("radio", name=re.compile(f"^{lesson}")).check()
    await page.get_by_label("Translate into").select_option("de")
    await page.get_by_role("button", name="Begin").click()
    await expect(page.locator(".lesson-head")).to_contain_text(lesson, timeout=PATIENCE_MS)


async def send(page: Page, words: str) -> None:
    await page.get_by_label("Your words").fill(words)
    await page.keyboard.press("Enter")


async def test_a_whole_lesson_is_pressed_and_typed(page: Page) -> None:
    await expect(page.get_by_role("radiogroup", name="Lesson").get_by_role("radio")).to_have_count(4)
    await page.get_by_role("radio", name=re.compile("^Greetings")).check()
    await expect(page.get_by_role("radio", name=re.compile("^Mae"))).to_be_checked()  # who teaches
    await expect(page.locator(".lesson-language")).to_contain_text("no language model here")
    await look(page, "lesson-start")
    await begin(page, "Greetings")
    card = page.get_by_role("region", name="The exercise")
    await expect(card).to_contain_text("Hello, nice to meet you.")
    await send(page, "hello nice meet you")
    answer = page.get_by_role("region", name="Your answer")
    await expect(answer).to_contain_text("Not right")
    await expect(answer.locator(".lesson-word[data-state=missing]")).to_contain_text("to")
    await page.wait_for_function(FIELD_IN_THE_WINDOW)
    await look(page, "lesson-answer")
    await send(page, "Hello, nice to meet you")
    await expect(card).to_contain_text("eight o'clock")
    await card.get_by_role("button", name="Hint").click()
    await expect(card).to_contain_text("the beginning of the day")
    await card.get_by_role("button", name="Translate").click()
    await expect(card).to_contain_text("acht Uhr")
    await card.get_by_role("button", name="Good night.").click()
    await expect(answer).to_contain_text("when you go to bed")
    await look(page, "lesson-choice")
    await card.get_by_role("button", name="Good morning.").click()
    for words in (
        "How are you today?", "I'm fine, thanks", "What is your name?", "Where are you from?",
        "Goodbye, see you tomorrow",
    ):  # fmt: skip
        await expect(card).to_be_visible()
        number = await page.locator(".lesson-head .quiet").inner_text()
        await send(page, words)
        await expect(page.locator(".lesson-head .quiet")).not_to_have_text(number)
    result = page.get_by_role("region", name="The result")
    await expect(result).to_contain_text("7 of 7 right, 5 at once")
    words = page.get_by_role("list", name="Vocabulary").get_by_role("listitem")
    await expect(words).to_have_count(5)
    await expect(words.first).to_contain_text(re.compile("in [0-9]+|tomorrow"))
    await look(page, "lesson-over")
    await page.get_by_role("button", name="End", exact=True).click()
    await page.get_by_role("button", name="Another conversation").click()
    lesson = page.locator(".lesson-choices label", has_text="Greetings")
    await expect(lesson).to_contain_text("best 71 %", timeout=PATIENCE_MS)
    await page.reload()
    await expect(lesson).to_contain_text("best 71 %", timeout=PATIENCE_MS)  # it is kept


async def test_who_speaks_sees_each_word(speaker: Browser, house: Show) -> None:
    context = await speaker.new_context(viewport={"width": 1280, "height": 720})
    async for page in _opened(context, house):
        await begin(page, "Greetings")
        await page.wait_for_timeout(500)
        await page.keyboard.press("Escape")  # the sentence is known
        await page.get_by_role("radio", name="Open").check()
        answer = page.get_by_role("region", name="Your answer")
        await expect(answer).to_be_visible(timeout=PATIENCE_MS)
        await expect(answer).to_contain_text("I heard")
        await expect(answer.locator(".lesson-word")).to_have_count(5)
        await look(page)
    await context.close()
