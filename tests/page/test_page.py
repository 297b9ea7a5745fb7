"""The page in a real browser: it plays, shows what is said, and does what a person asks."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, cast

import pytest
from playwright.async_api import Page, expect
from playwright.async_api import Request as PageRequest

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.asyncio(loop_scope="module")]

PLAYING = (
    "() => { const v = document.querySelector('video'); return v.currentTime > 0 && !v.paused && v.readyState > 2 }"
)

LIT_IN_SIGHT = """(before) => {
  const word = document.querySelector('.word.lit')
  const turn = word?.closest('[data-turn]').dataset.turn
  if (!word || turn === before) return false
  const [box, view] = [word, document.querySelector('.scroller')].map(each => each.getBoundingClientRect())
  return box.top >= view.top && box.bottom <= view.bottom && turn
}"""
"""The turn whose lit word is within the transcript's view, another one than before."""


async def playing(page: Page) -> None:
    await page.wait_for_function(PLAYING)


def posted(request: PageRequest) -> Any:
    return cast(Any, request.post_data_json)


async def test_it_plays_at_once_muted_and_says_how_far_behind_live(page: Page) -> None:
    await playing(page)
    video = page.locator("video")
    assert await video.evaluate("v => v.videoWidth") == 640
    assert await video.evaluate("v => v.muted") is True
    before = await video.evaluate("v => v.currentTime")
    await page.wait_for_function("t => document.querySelector('video').currentTime > t + 1", arg=before)
    await expect(page.locator(".chip")).to_contain_text("On air")
    await expect(page.locator(".chip")).to_contain_text(re.compile(r"[1-6]\.\d s behind live"))


async def test_a_click_gives_sound(page: Page) -> None:
    await playing(page)
    ask = page.get_by_role("button", name="Click for sound")
    await expect(ask).to_contain_text("Browsers start videos muted")
    await ask.click()
    await expect(ask).to_have_count(0)
    assert await page.locator("video").evaluate("v => v.muted") is False
    await page.get_by_role("button", name="Sound off").click()
    assert await page.locator("video").evaluate("v => v.muted") is True


async def test_the_word_that_is_heard_is_lit(page: Page) -> None:
    await playing(page)
    await expect(page.locator(".distance")).to_be_visible()
    seen = await page.evaluate(
        """async () => {
          const find = () => document.querySelector('.word.lit')
          while (!find()) await new Promise(done => requestAnimationFrame(done))
          const word = find()
          const turn = word.closest('[data-turn]')
          const behind = parseFloat(document.querySelector('.distance').textContent)
          const index = [...turn.querySelectorAll('.word')].indexOf(word)
          return {turn: turn.dataset.turn, index, time: Date.now() - behind * 1000}
        }"""
    )
    conversation = seen["turn"].split("-")[0]
    answer = await (await page.request.get(f"{page.url}api/conversations/{conversation}")).json()
    words = next(turn["words"] for turn in answer["turns"] if turn["id"] == seen["turn"])
    # The chip shows tenths and is renewed once a second; words are 340 ms long: one word of tolerance each way.
    near = words[max(0, seen["index"] - 1)]["start"], words[min(len(words) - 1, seen["index"] + 1)]["end"]
    assert near[0] - 400 <= seen["time"] <= near[1] + 400


async def test_the_light_moves_from_word_to_word_in_order(page: Page) -> None:
    await playing(page)
    places: list[list[int]] = await page.evaluate(
        """async () => {
          const places = []
          while (places.length < 5) {
            await new Promise(done => requestAnimationFrame(done))
            const word = document.querySelector('.word.lit')
            const turn = word?.closest('[data-turn]')
            if (!turn) continue
            const place = [Number(turn.dataset.turn.split('-')[1]), [...turn.querySelectorAll('.word')].indexOf(word)]
            if (String(places.at(-1)) !== String(place)) places.push(place)
          }
          return places
        }"""
    )
    assert places == sorted(places)
    assert all(later[1] - earlier[1] == 1 for earlier, later in pairwise(places) if later[0] == earlier[0])


async def test_what_comes_next_is_dim(page: Page) -> None:
    await playing(page)
    await expect(page.locator(".turn.next .tag").first).to_have_text("next")


async def test_start_and_stop_send_what_the_person_chose(page: Page) -> None:
    await page.get_by_role("combobox", name="Topic").fill("  ducks in court ")
    await expect(page.get_by_label("turns")).to_have_value("8")  # what the show's settings say
    await page.get_by_label("turns").fill("4")
    await page.get_by_role("button", name="Let the other one begin").click()
    async with page.expect_request("**/api/conversations") as starting:
        await page.locator(".panel.conversation").get_by_role("button", name="Start").click()
    assert posted(await starting.value) == {"topic": "ducks in court", "turns": 4, "cast": ["virgin", "chad"]}
    await expect(page.locator(".topic-now")).to_contain_text("ducks in court")
    await expect(page.get_by_role("combobox", name="Topic")).to_have_value("")
    async with page.expect_request(lambda request: request.method == "DELETE") as stopping:
        await page.get_by_role("button", name="Stop", exact=True).click()
    assert re.search(r"/api/conversations/c\d+$", (await stopping.value).url)
    await expect(page.locator(".panel.conversation")).to_contain_text("Nobody talks")
    await expect(page.get_by_role("button", name="Stop", exact=True)).to_be_disabled()
    await page.get_by_role("button", name="Start", exact=True).click()
    await expect(page.locator(".panel.conversation")).to_contain_text("They talk")


async def test_a_topic_is_suggested(page: Page) -> None:
    await expect(page.locator("#topics option")).to_have_count(3)
    await page.get_by_role("button", name="Suggest a topic").click()
    await expect(page.get_by_role("combobox", name="Topic")).not_to_have_value("")


async def test_a_refusal_is_shown_with_its_remedy_and_the_words_are_kept(page: Page) -> None:
    await page.get_by_role("combobox", name="Topic").fill("forbidden")
    await page.locator(".panel.conversation").get_by_role("button", name="Start").click()
    toast = page.get_by_role("alert").filter(has_text="This topic is not for air")
    await expect(toast).to_contain_text("Choose another one.")
    await expect(page.get_by_role("combobox", name="Topic")).to_have_value("forbidden")
    await toast.get_by_role("button", name="Dismiss").click()
    await expect(toast).to_have_count(0)


async def test_the_tv_plays_and_stops(page: Page) -> None:
    await page.get_by_label("Film for the TV").select_option("rain")
    async with page.expect_request("**/api/stage/tv") as playing_tv:
        await page.get_by_role("button", name="Play TV").click()
    assert posted(await playing_tv.value) == {"action": "play", "film": "rain"}
    async with page.expect_request("**/api/stage/tv") as stopping:
        await page.get_by_role("button", name="Stop TV").click()
    assert posted(await stopping.value)["action"] == "stop"
    await expect(page.get_by_role("button", name="Play TV")).to_be_visible()


async def test_the_lights_follow(page: Page) -> None:
    async with page.expect_request("**/api/stage/lights") as night:
        await page.get_by_role("radio", name="Night").check()
    assert posted(await night.value) == {"daylight": "night"}
    lamp = page.get_by_role("switch", name="Lamp")
    before = await lamp.get_attribute("aria-checked")
    await lamp.click()
    await expect(lamp).to_have_attribute("aria-checked", "false" if before == "true" else "true")


async def test_a_word_to_a_character_becomes_a_line_and_an_answer(page: Page) -> None:
    await page.get_by_label("Your name").fill("Ada")
    await page.get_by_role("radio", name="Virgin").check()
    await page.get_by_label("Message to Virgin").fill("Do ducks sleep?")
    async with page.expect_request("**/api/chat") as sending:
        await page.get_by_role("button", name="Send").click()
    assert posted(await sending.value) == {"to": "virgin", "text": "Do ducks sleep?", "author": "Ada"}
    said = page.locator(".group.person").filter(has_text="Do ducks sleep?")
    await expect(said).to_contain_text("Ada")
    await expect(said.locator(".remark")).to_have_text("to Virgin")
    answer = page.locator(".turn.answer").filter(has_text="Good question, Ada")
    await expect(answer).to_have_count(1)
    await expect(answer.locator(".remark")).to_contain_text("improv took over")
    await expect(page.get_by_label("Message to Virgin")).to_have_value("")
    await page.reload()
    await expect(page.get_by_label("Your name")).to_have_value("Ada")


async def test_a_reader_who_scrolled_up_is_left_alone(page: Page) -> None:
    await page.set_viewport_size({"width": 1280, "height": 620})
    await playing(page)
    scroller = page.locator(".scroller")
    await page.wait_for_function("() => document.querySelector('.scroller').scrollTop > 60", timeout=60_000)
    await page.wait_for_function(LIT_IN_SIGHT)
    await scroller.hover()
    await page.mouse.wheel(0, -10_000)
    jump = page.get_by_role("button", name="Jump to now")
    await expect(jump).to_be_visible()
    said = await page.locator(".turn").count()
    await page.wait_for_function("count => document.querySelectorAll('.turn').length > count", arg=said)
    assert await scroller.evaluate("s => s.scrollTop") == 0
    await jump.click()
    await expect(jump).to_have_count(0)
    await page.wait_for_function(LIT_IN_SIGHT)


async def test_what_is_heard_stays_in_sight_however_much_is_planned(page: Page) -> None:
    """A slow voice has several turns ready ahead."""
    await page.set_viewport_size({"width": 1280, "height": 620})
    await page.evaluate(
        """() => {
          const long = new CSSStyleSheet()
          long.replaceSync('.turn.next { padding-bottom: 600px }')
          document.adoptedStyleSheets = [long]
        }"""
    )
    await playing(page)
    turn = ""
    for _ in range(3):
        seen = await page.wait_for_function(
            f"(before) => document.querySelector('.turn.next') && ({LIT_IN_SIGHT})(before)", arg=turn
        )
        turn = await seen.json_value()
    await expect(page.get_by_role("button", name="Jump to now")).to_have_count(0)


async def test_figures_come_once_a_second(page: Page) -> None:
    pulse = page.locator(".panel.pulse")
    await expect(pulse.locator(".meter", has_text="Frame time")).to_contain_text(re.compile(r"\d\.\d ms"))
    await expect(pulse.locator(".meter", has_text="Behind live")).to_contain_text(re.compile(r"\d\.\d s"))
    await expect(pulse.locator("canvas")).to_have_count(3)
    await expect(page.locator(".machine")).to_contain_text("Steal")


async def test_a_notice_shows_its_remedy(page: Page) -> None:
    await expect(page.locator(".link")).to_have_text("Connected")
    answer = await page.request.post(f"{page.url}api/stage/caption", data={"text": "notice:The stage came back."})
    assert answer.ok
    await expect(page.locator(".toast.warning")).to_contain_text("The stage came back.Nothing to do.")
