"""The Talk page on a real house, in a real browser: typed and spoken, interrupted, broken off, with no microphone."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import wave
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from chromium_arguments import ARGUMENTS
from looking import look, troubles_of
from mock_show import Show, running_process
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PATIENCE_MS = 30_000
SOCKETS = """
const Native = WebSocket
window.sockets = []
window.WebSocket = class extends Native { constructor(...given) { super(...given); window.sockets.push(this) } }
"""
FRAMES = """
window.frames_of = []
const given = WebSocket.prototype.send
WebSocket.prototype.send = function (data) {
    if (data instanceof ArrayBuffer) {
        const [at, count] = [new DataView(data).getUint32(4, true), (data.byteLength - 8) / 2]
        if (!this.frames) window.frames_of.push((this.frames = []))
        this.frames.push([at, count])
    }
    return given.call(this, data)
}
"""
"""Keeps where each frame of the microphone's sound lies on its clock, and its samples, socket by socket."""
IN_CONTEXT = """
window.contexts = 0
const taken = AudioContext.prototype.createMediaStreamSource
AudioContext.prototype.createMediaStreamSource = function (...given) {
    window.contexts += 1
    return taken.apply(this, given)
}
"""
"""Counts the audio contexts that take a microphone."""
ASIDE = """box => {
    const words = document.createRange()
    words.selectNodeContents(box)
    return Math.abs(words.getBoundingClientRect().right - box.getBoundingClientRect().right)
}"""
"""How far from the right edge of its box a text begins."""
GROWING = """async count => {
    const socket = window.sockets.at(-1)
    const empty = { handovers: [], sources: [], stages: {}, failure: '', heard: '', operator: '', interrupted: false }
    const long = { type: 'turn', person: true, text: 'word '.repeat(300), at: 1 }
    const tell = (number, state) =>
        socket.onmessage({ data: JSON.stringify({ ...long, ...empty, id: `t${number}`, number, state }) })
    const drawn = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)))
    for (window.number ??= 1000; count > 0; window.number += 2, count -= 1) {
        await drawn()
        tell(number, 'ended')
        tell(number + 1, 'ended')
        await drawn()
        tell(number + 1, 'withdrawn')
    }
}"""
"""Turns that come and go, each before the page was told that it was scrolled to the end of the one before."""
ANSWERED = """words => {
    const tell = message => window.sockets.at(-1).onmessage({ data: JSON.stringify(message) })
    const turn = { type: 'turn', handovers: [], sources: [], failure: '', heard: '', operator: '', interrupted: false }
    for (let number = 1000; number < 1020; number += 1) {
        const [id, text] = [`t${number}`, words]
        tell({ ...turn, id, number, person: false, text, at: 1, state: 'ended', stages: { first_words: 300 } })
        const chunk = { type: 'chunk', id: `c${number}`, turn: id, index: 0, text, words: [], length_ms: 9 }
        tell({ ...chunk, state: 'cut', heard: '' })
    }
}"""
"""Twenty answers of the same ``words``, of which nothing was heard."""
AT_END = """(() => {
    const box = document.querySelector('.talk-said')
    return box.scrollHeight - box.scrollTop - box.clientHeight < 2
})()"""
WRITES_ABOVE_THE_WAYS = """() => {
    const [field, ways] = ['.talk-write .field', 'nav[aria-label=Pages]'].map(name => document.querySelector(name))
    return field.getBoundingClientRect().bottom <= ways.getBoundingClientRect().top
}"""
"""Those to the other pages lie at the bottom of a telephone, over whatever is there."""
FAILING = """name => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', name)) }"""


@pytest.fixture(scope="module")
def house() -> Iterator[Show]:
    """One that holds talks, with embedded engines and no show."""
    given = ["--no-show", "--talk", "--no-api"]
    with running_process(
        lambda port: ["-m", "duologue", "serve", *given, "--host", "127.0.0.1", "--port", str(port)]
    ) as running:
        yield running


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the microphone hears: two seconds of silence, a question, and silence."""
    spoken = tmp_path_factory.mktemp("microphone") / "spoken.wav"
    command = [sys.executable, "-m", "duologue", "say", "Where do you come from?", "-o", str(spoken)]
    subprocess.run(command, check=True, capture_output=True)
    with wave.open(str(spoken)) as file:
        rate, width, channels = file.getframerate(), file.getsampwidth(), file.getnchannels()
        sound = file.readframes(file.getnframes())
    assert (width, channels) == (2, 1)
    made = spoken.with_name("question.wav")
    with wave.open(str(made), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        still = np.zeros(rate, "<i2").tobytes()
        file.writeframes(2 * still + sound + 40 * still)
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def listener(chromium: str, question: Path) -> AsyncIterator[Browser]:
    """A browser whose microphone plays the question."""
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    wave_file = f"--use-file-for-fake-audio-capture={question}%noloop"
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
    await page.add_init_script(SOCKETS)
    await page.goto(f"{house.address}/talk")
    yield page
    assert troubles == []


async def begin(page: Page, *, greet: bool = False, who: str = "Robin") -> None:
    await page.get_by_role("radio", name=re.compile(f"^{who}")).check()
    switch = page.get_by_role("switch", name="speaks first").first
    if (await switch.get_attribute("aria-checked") == "true") != greet:
        await switch.click()
    await page.get_by_role("button", name="Begin").click()
    await expect(page.get_by_role("heading", name=f"With {who}")).to_be_visible(timeout=PATIENCE_MS)
    await expect(page.locator(".section .state").first).to_have_text("Your turn", timeout=PATIENCE_MS)


async def send(page: Page, words: str) -> None:
    await page.get_by_label("Your words").fill(words)
    await page.keyboard.press("Enter")


def turns(page: Page) -> Locator:
    return page.locator(".talk-turn")


async def test_who_writes_is_answered_by_voice_and_sees_what_was_heard(page: Page) -> None:
    await expect(page.get_by_role("radiogroup", name="With whom").first.get_by_role("radio")).to_have_count(4)
    await look(page, "talk-start")
    await begin(page)
    await send(page, "Is tea good for me?")
    await expect(turns(page).first).to_contain_text("YouIs tea good for me?")
    await expect(page.locator(".talk-word.lit")).to_have_count(1, timeout=PATIENCE_MS)
    last = page.locator(".talk-chunk").last
    await expect(last).to_have_attribute("data-state", "heard", timeout=PATIENCE_MS)
    await expect(page.locator(".talk-chunk:not([data-state=heard])")).to_have_count(0, timeout=PATIENCE_MS)
    await expect(last.locator(".talk-about")).to_have_text(re.compile(r"^heard · \d"))
    log = page.get_by_role("log", name="The conversation")
    await expect(log).to_contain_text("You: Is tea good for me?")
    await expect(log).to_contain_text("Robin: ")
    waits = page.get_by_role("table", name="How quickly Robin answered").locator("tbody tr")
    await expect(waits).to_have_count(1)
    again = last.get_by_role("button", name=re.compile("^Hear again"))
    await again.click()
    await expect(last.get_by_role("button", name=re.compile("^Stop"))).to_be_visible()
    await expect(again).to_be_visible(timeout=PATIENCE_MS)
    await look(page, "talk")
    await page.get_by_role("button", name="End", exact=True).click()
    await expect(page.locator(".section .state").first).to_have_text("It is over")


async def test_escape_is_silence_and_shows_what_was_not_heard(page: Page) -> None:
    await begin(page, who="Chad")
    await send(page, "Tell me all about pineapple on pizza, and why.")
    await expect(page.locator(".talk-chunk[data-state=playing]")).to_have_count(1, timeout=PATIENCE_MS)
    await page.wait_for_timeout(400)
    await page.keyboard.press("Escape")
    await expect(page.locator(".talk-cut")).to_have_text("You cut in here.", timeout=PATIENCE_MS)
    cut = page.locator(".talk-chunk[data-state=cut]")
    await expect(cut.first.locator(".talk-unheard")).not_to_be_empty()
    await expect(page.locator(".talk-chunk[data-state=playing]")).to_have_count(0)
    await send(page, "Thank you.")
    await expect(turns(page)).to_have_count(4, timeout=PATIENCE_MS)


async def test_keys_alone_hold_a_conversation(page: Page) -> None:
    await expect(page.get_by_role("button", name="Begin")).to_be_visible()
    robin, begin_button = page.get_by_role("radio", name=re.compile("^Robin")), page.get_by_role("button", name="Begin")
    await reach(page, page.get_by_role("radiogroup", name="With whom").first.get_by_role("radio").first)
    for _ in range(5):
        if await robin.first.is_checked():
            break
        await page.keyboard.press("ArrowDown")
    await expect(robin.first).to_be_checked()
    await reach(page, page.get_by_role("switch", name="speaks first").first)
    await page.keyboard.press("Space")
    await reach(page, begin_button)
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Your words")).to_be_focused(timeout=PATIENCE_MS)
    await expect(page.locator(".section .state").first).to_have_text("Your turn", timeout=PATIENCE_MS)
    await page.keyboard.type("Is tea good for me?")
    await page.keyboard.press("Enter")
    await expect(page.locator(".talk-chunk[data-state=heard]").first).to_be_visible(timeout=PATIENCE_MS)
    await expect(page.locator(".talk-chunk:not([data-state=heard])")).to_have_count(0, timeout=PATIENCE_MS)
    again = page.get_by_role("button", name=re.compile("^Hear again")).first
    await reach(page, again, back=True)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name=re.compile("^Stop"))).to_be_visible()
    await reach(page, page.get_by_role("button", name="End", exact=True))
    await page.keyboard.press("Enter")
    await expect(page.locator(".section .state").first).to_have_text("It is over")


async def reach(page: Page, wanted: Locator, *, back: bool = False) -> None:
    """By the Tab key alone."""
    for _ in range(40):
        if await wanted.evaluate("one => one === document.activeElement"):
            return
        await page.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError("no key leads there")


async def test_a_conversation_outlives_its_socket(page: Page) -> None:
    await begin(page, who="Chad")
    await send(page, "Tell me all about pineapple on pizza, and why.")
    await expect(page.locator(".talk-chunk[data-state=playing]")).to_have_count(1, timeout=PATIENCE_MS)
    await page.evaluate("window.sockets.at(-1).close()")
    await page.wait_for_function("() => window.sockets.length === 2")
    await expect(page.locator(".talk-chunk:not([data-state=heard])")).to_have_count(0, timeout=PATIENCE_MS)
    await expect(page.locator(".talk-cut")).to_have_count(0)
    await expect(turns(page)).to_have_count(2)
    await send(page, "And cheese?")
    await expect(turns(page)).to_have_count(4, timeout=PATIENCE_MS)


async def test_a_page_that_is_loaded_anew_goes_on_with_it(page: Page) -> None:
    await begin(page)
    await send(page, "Do you like tea?")
    await expect(page.locator(".talk-chunk[data-state=heard]").first).to_be_visible(timeout=PATIENCE_MS)
    await page.reload()
    await page.get_by_role("button", name="Go on with it").click()
    await expect(turns(page).first).to_contain_text("Do you like tea?", timeout=PATIENCE_MS)
    await expect(page.get_by_role("heading", name="With Robin")).to_be_visible()


async def test_a_line_that_stays_lost_is_said_to_be(page: Page) -> None:
    """Also while another socket is tried, which may take its time."""
    await begin(page)
    await page.evaluate("() => { window.WebSocket = class { close() {} }; window.sockets.at(-1).close() }")
    await expect(page.locator(".section .state").first).to_have_text("The connection is lost. Trying again…")
    await page.wait_for_timeout(1500)
    await expect(page.locator(".section .state.bad").first).to_have_text("The connection is lost. Trying again…")


async def test_on_a_telephone_a_conversation_is_in_sight_when_it_begins(browser: Browser, house: Show) -> None:
    """What was pressed for it stands further down than all of it."""
    for width, height in ((390, 844), (360, 640)):
        context = await browser.new_context(
            viewport={"width": width, "height": height}, is_mobile=True, has_touch=True
        )  # fmt: skip
        async for page in _opened(context, house):
            await begin(page, who="Virgin")
            await expect(page.locator(".talk-face")).to_be_visible(timeout=PATIENCE_MS)
            heading = page.get_by_role("heading", name="With Virgin")
            await expect(heading).to_be_in_viewport()
            box, top = await heading.bounding_box(), await page.locator(".top").bounding_box()
            assert box is not None and top is not None and box["y"] >= top["height"]
            await page.evaluate(ANSWERED, "Hello there.")
            await expect(page.locator(".talk-unheard")).to_have_count(20)
            await page.wait_for_function(WRITES_ABOVE_THE_WAYS, timeout=5_000)
        await context.close()


async def test_one_that_is_no_more_says_so_before_another_is_begun(page: Page) -> None:
    await page.evaluate("sessionStorage.setItem('duologue-talk', 'nobody')")
    await page.reload()
    await page.get_by_role("button", name="Go on with it").click()
    await expect(page.get_by_role("alert")).to_contain_text(
        "That conversation ended while nobody was here. Begin another one."
    )
    await begin(page)
    await expect(page.locator(".talk-troubles")).to_be_empty()


async def test_a_conversation_that_is_over_makes_room_for_another(page: Page) -> None:
    """Nothing of it stands beside the next one's form, and the keys go on where it was."""
    await begin(page)
    await send(page, "Do you like tea?")
    waited = page.get_by_role("heading", name="What you waited for")
    await expect(waited).to_be_visible(timeout=PATIENCE_MS)
    await page.get_by_role("button", name="End", exact=True).click()
    await expect(page.get_by_role("button", name="Another conversation")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Begin")).to_be_visible()
    await expect(waited).to_have_count(0)
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await expect(page.get_by_role("heading", name="Not now")).to_have_count(0)


async def test_the_end_stays_in_sight_until_its_reader_goes_up(page: Page) -> None:
    await begin(page)
    await page.evaluate(GROWING, 12)
    await page.wait_for_function(AT_END)
    jump = page.get_by_role("button", name="Jump to now")
    await expect(jump).to_have_count(0)
    await page.locator(".talk-said").hover()
    await page.mouse.wheel(0, -400)
    await expect(jump).to_be_visible()
    await page.evaluate(GROWING, 1)
    await page.wait_for_timeout(300)
    assert not await page.evaluate(AT_END)
    await look(page)
    await jump.click()
    await page.wait_for_function(AT_END)
    await expect(jump).to_have_count(0)


async def test_whatever_is_written_has_room(page: Page) -> None:
    """A word without an end, another script, and more than is taken at once."""
    await begin(page, who="Chad")
    said = page.locator(".talk-said")
    last = page.locator(".talk-turn.person p").last
    await send(page, "هل تحب الشاي؟")
    await expect(last).to_have_text("هل تحب الشاي؟", timeout=PATIENCE_MS)
    assert await last.evaluate(ASIDE) < 10
    for words in ("x" * 400, "🙂" * 200):
        await send(page, words)
        await expect(last).to_contain_text(words, timeout=PATIENCE_MS)
        assert await said.evaluate("box => box.scrollWidth - box.clientWidth") == 0
    await look(page)
    field, button = page.get_by_label("Your words"), page.get_by_role("button", name="Send")
    await field.fill("tea, " * 1000)
    await expect(page.locator(".talk-write")).to_contain_text(
        "At most 4,000 characters are taken at once, and these are 4,999."
    )
    await expect(button).to_be_disabled()
    await page.keyboard.press("Enter")
    await expect(field).to_have_value("tea, " * 1000)
    await field.fill("tea, " * 800)
    await button.click()
    await expect(field).to_have_value("")


async def test_whatever_is_answered_has_room(page: Page) -> None:
    """Where it is said, and where it is told what it waited for. What is only read aloud takes none."""
    await begin(page)
    await page.evaluate(ANSWERED, "x" * 400)
    await expect(page.locator(".talk-unheard")).to_have_count(20)
    await expect(page.locator(".told-turn")).to_contain_text("x" * 400)
    await look(page)
    await expect(page.locator(".page")).to_have_js_property(
        "offsetHeight", await page.evaluate("document.documentElement.scrollHeight")
    )


async def test_it_goes_on_while_another_page_is_looked_at(page: Page) -> None:
    await begin(page)
    await send(page, "Do you like tea?")
    await page.get_by_role("navigation", name="Pages").get_by_role("link", name="Services").click()
    await page.get_by_role("navigation", name="Pages").get_by_role("link", name="Talk").click()
    await expect(turns(page)).to_have_count(2, timeout=PATIENCE_MS)
    assert await page.evaluate("window.sockets.length") == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NotAllowedError", "The microphone was refused."),
        ("NotFoundError", "No microphone was found."),
        ("NotReadableError", "The microphone is taken."),
    ],
)
async def test_without_a_microphone_it_says_what_to_do_and_typing_works(page: Page, name: str, words: str) -> None:
    await begin(page)
    await page.evaluate(FAILING, name)
    await page.get_by_role("radio", name="Open").click()  # it does not stay checked
    await expect(page.locator(".talk-troubles")).to_contain_text(words)
    await expect(page.locator(".talk-troubles")).to_contain_text("Typing works")
    await expect(page.get_by_role("radio", name="Off")).to_be_checked()
    await send(page, "Can you hear me?")
    await expect(page.locator(".talk-chunk").first).to_be_visible(timeout=PATIENCE_MS)


@pytest.mark.parametrize("straight", [True, False])
async def test_who_speaks_is_understood_and_answered(listener: Browser, house: Show, straight: bool) -> None:
    """By a microphone that is read straight from its track, and in a browser that can only have it in a context."""
    context = await listener.new_context(viewport={"width": 1280, "height": 720})
    await context.add_init_script(IN_CONTEXT)
    if not straight:
        await context.add_init_script("delete globalThis.MediaStreamTrackProcessor")
    async for page in _opened(context, house):
        await begin(page)
        await page.get_by_role("radio", name="Open").check()
        await expect(page.locator(".talk-level")).to_be_visible()
        await expect(page.locator(".talk-turn.person").first).to_be_visible(timeout=PATIENCE_MS)
        await expect(page.locator(".talk-chunk[data-state=heard]").first).to_be_visible(timeout=PATIENCE_MS)
        waits = page.get_by_role("table", name="How quickly Robin answered").locator("tbody tr").first
        await expect(waits).to_contain_text("End of turn")
        assert await page.evaluate("contexts") == (0 if straight else 1)
    await context.close()


async def test_what_is_said_while_the_line_is_lost_is_sent_again(listener: Browser, house: Show) -> None:
    context = await listener.new_context(viewport={"width": 1280, "height": 720})
    await context.add_init_script(FRAMES)
    async for page in _opened(context, house):
        await begin(page)
        await page.get_by_role("radio", name="Open").check()
        await page.wait_for_function("() => window.frames_of[0]?.length > 50")
        await page.evaluate("window.sockets.at(-1).close()")
        await page.wait_for_function("() => window.frames_of[1]?.length > 50")
        before, after = await page.evaluate("window.frames_of")
        assert after[0][0] <= sum(before[-1])  # from the end of what the house had, or of what was on its way to it
        assert all(one[0] + one[1] == other[0] for one, other in pairwise(after))
        assert after[0][1] > 320  # what waited comes in large frames
    await context.close()


async def test_what_was_said_is_taken_back(listener: Browser, house: Show) -> None:
    """Esc while the button is held: nothing is answered, and the next turn is another one."""
    context = await listener.new_context(viewport={"width": 1280, "height": 720})
    async for page in _opened(context, house):
        await begin(page)
        await page.get_by_role("radio", name="Hold to talk").check()
        await expect(page.get_by_role("button", name="Never mind")).to_be_disabled()
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.down("Space")
        await expect(page.get_by_role("button", name="Never mind")).to_be_enabled()
        await expect(page.locator(".talk-turn.person").first).to_be_visible(timeout=PATIENCE_MS)
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("button", name="Hold to talk")).to_be_visible()
        await page.keyboard.up("Space")
        await expect(page.locator(".section .state").first).to_have_text("Your turn", timeout=PATIENCE_MS)
        await page.wait_for_timeout(1500)
        await expect(page.locator(".talk-turn:not(.person)")).to_have_count(0)
    await context.close()


async def test_a_turn_is_over_when_the_person_says_so(listener: Browser, house: Show) -> None:
    context = await listener.new_context(viewport={"width": 1280, "height": 720})
    async for page in _opened(context, house):
        await begin(page)
        await page.get_by_role("radio", name="Open").check()
        await expect(page.locator(".talk-turn.person").first).to_be_visible(timeout=PATIENCE_MS)
        # where the turn is over by itself by now, the button is dead, at whatever moment it is pressed
        await page.get_by_role("button", name="That is all").evaluate("button => button.click()")
        await expect(page.locator(".talk-chunk[data-state=heard]").first).to_be_visible(timeout=PATIENCE_MS)
    await context.close()


async def test_the_button_to_talk_is_held(listener: Browser, house: Show) -> None:
    """By Space, where the focus is on nothing: the question is two seconds after the microphone was opened."""
    context = await listener.new_context(viewport={"width": 390, "height": 844})
    async for page in _opened(context, house):
        await begin(page)
        await page.get_by_role("radio", name="Hold to talk").check()
        await expect(page.locator(".talk-level")).to_be_visible()
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.down("Space")
        await expect(page.get_by_role("button", name="It hears you")).to_be_visible()
        await expect(page.locator(".talk-turn.person").first).to_be_visible(timeout=PATIENCE_MS)
        await page.wait_for_timeout(1500)
        await expect(page.locator(".talk-turn:not(.person)")).to_have_count(0)
        await page.keyboard.up("Space")
        await expect(page.locator(".talk-chunk[data-state=heard]").first).to_be_visible(timeout=PATIENCE_MS)
    await context.close()


@pytest.mark.parametrize("name", ["", "phone", "evidence", "services", "settings", "nowhere"])
async def test_no_page_of_a_house_without_a_show_asks_for_what_is_not_there(page: Page, house: Show, name: str) -> None:
    await page.goto(f"{house.address}/{name}")
    await expect(page.locator(".link")).to_have_text("Connected")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await expect(page.locator("main[aria-busy]")).to_have_count(0)
    await page.wait_for_timeout(1_000)  # for what a page asks when it is there
    if name == "services":
        processes = page.locator(".section", has=page.get_by_role("heading", name="Processes"))
        await expect(processes.get_by_role("link", name="the evidence page")).to_be_visible()
    await look(page, "no-show" if name == "" else "")


async def test_what_is_remembered_is_shown_and_forgotten(page: Page) -> None:
    await expect(page.get_by_role("switch", name="Remember me")).to_have_attribute("aria-checked", "true")
    memory = page.locator(".section", has=page.get_by_role("heading", name="What is remembered of you"))
    await expect(memory).to_contain_text("Nothing yet.")
    await begin(page)
    await send(page, "My name is Ada, and I like green tea.")
    await expect(turns(page)).to_have_count(2, timeout=PATIENCE_MS)
    await page.reload()
    await expect(memory.get_by_role("listitem")).to_have_text(["They like green tea.", "Their name is Ada."])
    await memory.get_by_role("button", name="Forget: They like green tea.").click()
    await expect(memory.get_by_role("listitem")).to_have_text(["Their name is Ada."])
    await memory.get_by_label("Something to remember").fill("They sing.")
    await page.keyboard.press("Enter")
    await expect(memory.get_by_role("listitem")).to_have_count(2)
    await memory.get_by_text("All that is kept of you").click()
    async with page.expect_download() as saving:
        await memory.get_by_role("button", name="Save a copy").click()
    copy = await (await saving.value).path()
    kept = json.loads(await asyncio.to_thread(copy.read_text))
    said = [turn["heard"] for conversation in kept["conversations"] for turn in conversation["turns"]]
    assert "My name is Ada, and I like green tea." in said and len(kept["facts"]) == 2
    await memory.get_by_role("button", name="Forget all of it").click()
    await look(page, "talk-memory")
    await expect(memory.get_by_role("button", name="Keep it")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(memory.get_by_role("listitem")).to_have_count(2)
    await memory.get_by_role("button", name="Forget all of it").click()
    await memory.get_by_role("button", name="Yes, forget it for good").click()
    await expect(memory).to_contain_text("Nothing yet.")
    await expect(memory.get_by_role("button", name="Forget all of it")).to_be_visible()


async def test_what_one_page_remembers_another_one_does_not_forget(page: Page, house: Show) -> None:
    """Of one person, open twice: each knows only what it read."""
    other = await page.context.new_page()
    await other.goto(f"{house.address}/talk")
    lists = [
        one.locator(".section", has=one.get_by_role("heading", name="What is remembered of you"))
        for one in (page, other)
    ]
    for memory in lists:
        await expect(memory).to_contain_text("Nothing yet.")
    for memory, words in zip(lists, ("They sing.", "They swim."), strict=True):
        field = memory.get_by_label("Something to remember")
        await field.fill(words)
        await field.press("Enter")
        await expect(memory).to_contain_text(words)
    await expect(lists[1].get_by_role("listitem")).to_have_count(2)
    await lists[0].get_by_role("button", name="Forget: They sing.").click()
    await expect(lists[0].get_by_role("listitem")).to_have_text(["They swim."])
