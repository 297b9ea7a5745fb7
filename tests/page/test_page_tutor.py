"""The tutor with a language model, as a learner meets it in a real browser: corrected beside their own words, helped,
given words that come again, by keys alone; and whatever a small model does wrong, nothing of the conversation is lost.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from looking import look, troubles_of
from mock_show import Show, running_process
from playwright.async_api import Browser, Locator, Page, Route, expect
from tutor_model import FAILS, TutorModel

from scripted_server import serving

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PATIENCE_MS = 60_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model() -> AsyncIterator[TutorModel]:
    async with serving(TutorModel()) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(model: TutorModel, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Show]:
    """One that holds talks, thinks with that model, and keeps what is learnt."""
    folder = tmp_path_factory.mktemp("house")
    file = folder / "duologue.toml"
    file.write_text(
        '[engines]\nstt = "pocketsphinx"\ntts = "espeak"\nllm = "openai"\n'
        f'[engines.openai]\nbase_url = "{model.base_url}"\nmodel = "tutor"\n[store]\nurl = "sqlite:///{folder}/s.db"\n'
    )
    given = ["--no-show", "--talk", "--no-api", "--config", str(file)]
    opened = running_process(
        lambda port: ["-m", "duologue", "serve", *given, "--host", "127.0.0.1", "--port", str(port)]
    )
    with ExitStack() as stack:
        yield await asyncio.to_thread(stack.enter_context, opened)  # it asks the model, which runs on this loop


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, house: Show) -> AsyncIterator[Page]:
    """The Talk page of somebody whose browser speaks German; an error in it fails the test."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="de-DE")
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    troubles = troubles_of(page)
    await page.goto(f"{house.address}/talk")
    yield page
    await context.close()
    assert troubles == []


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def turns(page: Page) -> Locator:
    return page.locator(".talk-turn")


async def press(page: Page, button: Locator) -> None:
    """By key."""
    await button.focus()
    await page.keyboard.press("Enter")


async def begin(page: Page) -> None:
    await page.get_by_role("radio", name=re.compile("^Mae")).focus()
    await page.keyboard.press("Space")
    await expect(page.get_by_label("Translate into")).to_have_value("de")
    await press(page, page.get_by_role("button", name="Begin"))
    await answered(page, 1)


async def answered(page: Page, count: int) -> None:
    """There are so many turns, and the last is over; then the voice is cut short, for time."""
    await expect(turns(page)).to_have_count(count, timeout=PATIENCE_MS)
    await expect(page.locator(".talk-chunk").last).to_have_attribute(
        "data-state", re.compile("heard|cut|failed"), timeout=PATIENCE_MS
    )
    await expect(section(page, "With Mae").locator(".state").first).to_have_text("Your turn", timeout=PATIENCE_MS)


async def say(page: Page, words: str) -> Locator:
    """Written; the learner's turn with its answer's."""
    count = await turns(page).count()
    await page.get_by_label("Your words").focus()
    await page.keyboard.type(words)
    await page.keyboard.press("Enter")
    await answered(page, count + 2)
    await expect(turns(page).nth(count)).to_contain_text(words)
    return turns(page).nth(count)


async def test_a_learner_is_corrected_helped_and_given_words_that_come_again(page: Page, model: TutorModel) -> None:
    picker = page.locator(".lesson-picker")
    await expect(picker).to_contain_text("your level is A1; next is Greetings")
    await expect(picker).to_contain_text("it corrects you beside your own words")
    await expect(page.get_by_label("Translate into")).to_have_count(0)  # whoever is chosen first teaches nothing
    await page.get_by_role("radio", name=re.compile("^Mae")).check()
    await look(page)
    await begin(page)
    assert "level is A1" in model.asked[-1] and "Next in their plan is the lesson “Greetings”" in model.asked[-1]
    mine = await say(page, "I have twenty years.")
    await expect(mine.locator(".lesson-note")).to_have_text("Better: I am twenty.")
    answer = turns(page).last
    await expect(answer).to_contain_text("So you're twenty!")
    await expect(answer).not_to_contain_text("Du bist")
    await press(page, answer.get_by_role("button", name="Translate"))
    await expect(answer).to_contain_text("It means: Du bist also zwanzig! Wo wohnst du?")
    await press(page, answer.get_by_role("button", name="What could I say?"))
    await expect(answer).to_contain_text("You could say: I live in …")
    await expect(answer).to_contain_text("New: to live: to have your home")
    words = section(page, "What you learn")
    await expect(words).to_contain_text("level A1 · 1 word, 1 due")
    await expect(words.get_by_role("listitem")).to_contain_text("to have your home")
    await look(page, "talk-tutor")
    await press(page, words.get_by_role("button", name="Review it now"))
    card = page.get_by_role("region", name="The exercise")
    await expect(card).to_contain_text("to have your home. Say after me.")
    await expect(card).to_contain_text("to live")
    await page.get_by_label("Your words").fill("to live")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("region", name="The result")).to_contain_text("1 of 1 right, 1 at once")
    await expect(words).to_contain_text("1 word, 0 due")
    await expect(words.get_by_role("listitem")).to_contain_text(re.compile("in [0-9]+|tomorrow"))
    await page.clock.set_fixed_time(datetime.now(UTC) + timedelta(days=90))  # a page that is left open
    await expect(words).to_contain_text("1 word, 1 due", timeout=PATIENCE_MS)
    await expect(words.get_by_role("listitem")).to_contain_text("now")
    await expect(page.get_by_role("button", name="Review 1 due")).to_be_visible()
    await page.clock.set_system_time(datetime.now(UTC))
    await expect(mine.locator(".lesson-note")).to_have_text("Better: I am twenty.")  # the lesson took nothing away
    await page.reload()
    await press(page, page.get_by_role("button", name="Go on with it"))
    await expect(turns(page).filter(has_text="I have twenty years.")).to_contain_text("Better: I am twenty.")
    await press(page, page.get_by_role("button", name="End", exact=True))
    await press(page, page.get_by_role("button", name="Another conversation"))
    await page.reload()
    await expect(picker).to_contain_text("your level is A1, 1 word learnt, 0 due; next is Greetings")


FAILED = """() => {
  for (const open of EventSource.opened) {
    const notice = {level: "warning", text: "openai failed: CUDA out of memory", remedy: "duologue doctor tells."}
    open.dispatchEvent(new MessageEvent("notice", {data: JSON.stringify({type: "notice", notice})}))
  }
}"""
OPENED = """
const Native = EventSource
window.EventSource = class extends Native {
  constructor(...given) { super(...given); window.EventSource.opened.push(this) }
}
window.EventSource.opened = []
"""


async def test_what_the_house_says_of_its_engines_waits_until_a_learner_has_finished(page: Page) -> None:
    await page.add_init_script(OPENED)
    await page.reload()
    await begin(page)
    await page.evaluate(FAILED)
    await say(page, "I live in Berlin.")
    await expect(page.locator(".toast")).to_have_count(0)
    await press(page, page.get_by_role("button", name="End", exact=True))
    await expect(page.locator(".toast")).to_contain_text("CUDA out of memory")


async def test_a_page_that_is_frozen_or_offline_for_a_while_goes_on_with_the_same_conversation(
    browser: Browser, house: Show
) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="de-DE")
    page = await context.new_page()  # its console tells of what it does not reach
    page.set_default_timeout(PATIENCE_MS)
    await page.goto(f"{house.address}/talk")
    await begin(page)
    tools: Any = await context.new_cdp_session(page)
    await tools.send("Page.setWebLifecycleState", {"state": "frozen"})
    await asyncio.sleep(15)  # longer than a page waits for a sign of the server
    await tools.send("Page.setWebLifecycleState", {"state": "active"})
    await say(page, "I live in Berlin.")
    await context.set_offline(True)
    standing = section(page, "With Mae").locator(".state").first
    await expect(standing).to_contain_text("connection is lost", timeout=PATIENCE_MS)
    await context.set_offline(False)
    await expect(standing).to_have_text("Your turn", timeout=PATIENCE_MS)
    await say(page, "I have twenty years.")
    await expect(turns(page)).to_have_count(5)  # its greeting, and two of each
    await context.close()


async def test_a_page_that_was_there_before_the_engines_offers_all_there_is(page: Page) -> None:
    """It asked once, and stood at what a cold house had: nobody to talk with, and no word of corrections."""
    early = 2

    async def cold(route: Route) -> None:
        nonlocal early
        answer = await route.fetch()
        offer = await answer.json()
        if early:
            early -= 1
            offer |= {"reasons": ["the engines are being warmed up"], "characters": []}
            offer["learning"] |= {"model": False, "languages": [], "lessons": []}
        await route.fulfill(json=offer)

    await page.route("**/api/talk?*", cold)
    await page.reload()
    await expect(page.get_by_text("At the moment")).to_be_visible()
    await expect(page.get_by_role("button", name="Begin")).to_be_disabled()
    picker = page.locator(".lesson-picker")
    await expect(picker).to_contain_text("it corrects you beside your own words", timeout=PATIENCE_MS)
    await expect(page.get_by_text("At the moment")).to_have_count(0)
    await begin(page)


async def test_what_a_small_model_does_wrong_is_not_shown_and_loses_nothing(page: Page) -> None:
    await begin(page)
    await say(page, "I live in Berlin.")
    await expect(turns(page).last.locator(".talk-chunk p")).to_have_text(["Berlin is big.", "What do you like there?"])
    await expect(page.locator(".lesson-note").filter(has_text=re.compile("Better|New"))).to_have_count(0)
    await expect(turns(page).last.get_by_role("button", name="Translate")).to_have_count(0)
    mine = await say(page, "I likes the river.")
    await expect(turns(page).last).to_contain_text("The river is nice.")
    await expect(mine).to_contain_text("Better: I like the river.")
    await say(page, "And you?")
    await expect(turns(page).last).to_contain_text("I like it too, and this is no JSON at all.")
    await say(page, "What is a form?")
    await expect(turns(page).last).to_contain_text("A form has fields.")
    await say(page, FAILS)  # it apologises, and goes on
    await say(page, "I have twenty years.")
    await expect(turns(page).last).to_contain_text("So you're twenty!")
    for words in ("I live in Berlin.", "I likes the river.", "And you?", "What is a form?", FAILS):
        await expect(turns(page).filter(has_text=words).first).to_be_attached()
