"""What a person sees of the telephone line and does with its calls. ``PAGE_PHONE=FOLDER`` keeps pictures of it."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import pytest
from mock_show import Show, running_show
from playwright.async_api import Browser, Locator, Page, expect

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.asyncio(loop_scope="module")]
AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
BOXES = """selector => [...document.querySelectorAll(selector)]
    .filter(one => one.getClientRects().length)
    .map(one => one.getBoundingClientRect())
    .map(box => [box.left, box.top, box.right, box.bottom])"""
OUTSIDE = """() => [...document.querySelectorAll(".sheet :is(button, input, select, p, h3, li, time)")]
    .filter(one => one.getClientRects().length && !one.closest(".scrolled, .unseen"))
    .map(one => [one.getBoundingClientRect(), one.outerHTML.slice(0, 120)])
    .filter(([box]) => box.left < 0 || box.right > innerWidth + 0.5)
    .map(([, html]) => html)"""
AMBER = "rgb(232, 176, 74)"
"""Robin's own colour, which is legible as it is."""
SIZES = {"desk": (1280, 720), "wall": (1920, 1080), "phone": (390, 844)}


@pytest.fixture
def house(media: Path) -> Iterator[Show]:
    """A house with calls, of this test's own: what is done to them, others would see too."""
    with running_show(media, 0, "--shows", "", "--line", "calls") as running:
        yield running


@asynccontextmanager
async def opened(browser: Browser, address: str, size: str = "desk", path: str = "/phone") -> AsyncGenerator[Page]:
    """The page; a script error in it fails the test."""
    width, height = SIZES[size]
    hand = size == "phone"
    context = await browser.new_context(
        viewport={"width": width, "height": height}, has_touch=hand, is_mobile=hand,
        device_scale_factor=2 if hand else 1,
    )  # fmt: skip
    context.set_default_timeout(20_000)
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(f"{address}{path}")
    await expect(page.locator(".link")).to_have_text("Connected")
    yield page
    await context.close()
    assert errors == []


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def call(page: Page, name: str) -> Locator:
    """A call of the list, live or over, by whoever is on it."""
    return page.locator(".call", has=page.get_by_role("heading", level=3, name=name))


async def happens(page: Page, name: str, what: str) -> None:
    """Something happens on a call that this page did not ask for."""
    answer = await page.request.post(f"{_origin(page)}/api/line/calls/{name}/whisper", data={"text": f"do:{what}"})
    assert answer.ok, await answer.text()


def _origin(page: Page) -> str:
    return page.url.removesuffix("/phone")


async def keep(page: Page, name: str, *, whole: bool = False) -> None:
    if folder := os.environ.get("PAGE_PHONE"):
        await page.screenshot(path=Path(folder) / name, full_page=whole)


async def test_the_line_its_registrations_and_its_calls_are_seen(browser: Browser, house: Show) -> None:
    async with opened(browser, house.address) as page:
        line = section(page, "Line")
        await expect(line).to_contain_text("takes calls")
        await expect(line.locator(".figure")).to_have_text(
            [
                re.compile("^On the line3of 10 places"),
                re.compile("^Calls answered41"),
                re.compile("^Sent away2"),
                re.compile("^Answers begin after700 ms"),
            ]
        )
        await expect(line).to_contain_text("sip:127.0.0.1:5060;transport=udp")
        rows = section(page, "Extensions").get_by_role("row")
        await expect(rows).to_have_text(
            [
                "ExtensionStateAnswered byRegistrar", "1000 LibraryregisteredRobinpbx.example",
                "1001tryingChadpbx2.example", "The registrar did not answer (408); it is tried again in 30 s.",
                "1002given upVirginpbx.example", "The password was refused (403 Forbidden).", "1003offRobin–",
            ]
        )  # fmt: skip
        await expect(section(page, "Extensions")).to_contain_text("1 of 4 registered")
        live = section(page, "Calls")
        await expect(live.get_by_role("heading", level=3)).to_have_text(
            ["Ada Lovelace (16) →to 1000", "+49 30 901820 →to 1000", "Bob (17) →to 1001"]
        )
        await expect(call(page, "Ada Lovelace")).to_contain_text(
            re.compile(r"talking.*with Robin, since \d.*, recorded")
        )
        handed = call(page, "+49 30 901820")
        await expect(handed).to_contain_text(re.compile("handing over to 200.*half-duplex"))
        await expect(handed.locator(".call-newest")).to_have_text(re.compile("Robin One moment please"))
        await expect(call(page, "Bob (17)")).to_contain_text("ringing")
        past = section(page, "Past calls")
        await expect(past.locator(".call-about")).to_have_text(
            [
                "they hung upwith Robin, 1 min 29 s, 2 answers after 720 ms",
                "handed over to 200with Robin, 29 s, 2 answers after 700 ms",
                "Busy Here (486)with Robin", "the line process diedwith Robin, 1 min 19 s, 4 answers after 590 ms",
            ]
        )  # fmt: skip
        await expect(past.locator(".state.bad")).to_have_text(["Busy Here (486)", "the line process died"])
        await expect(past.get_by_role("heading", name="1000 to 17").get_by_role("button")).to_have_count(0)


async def test_a_call_is_opened_and_tells_what_was_said_and_how_quickly(browser: Browser, house: Show) -> None:
    async with opened(browser, house.address) as page:
        ada = call(page, "Ada Lovelace")
        said = ada.get_by_role("log", name="What is said")
        await expect(said.get_by_role("listitem")).to_have_count(7)
        await expect(said.get_by_role("listitem").last).to_have_text(re.compile("^RobinFrom ten until four"))
        await expect(said).to_contain_text("CallerNo, that was all, I only wanted …")
        await expect(ada).to_contain_text("opus/48000 · 0.4 % lost · jitter 3 ms · round trip 41 ms")
        waits = ada.get_by_role("table", name="How quickly Robin answered").locator("tbody tr")
        await expect(waits).to_have_count(3)
        await expect(waits.nth(0)).to_contain_text("1.0 s")
        await expect(waits.nth(0).get_by_role("rowheader")).to_have_css("color", AMBER)  # as on every page
        await expect(waits.nth(2)).to_contain_text(re.compile("End of turn 310 ms, Transcript 40 ms, .*650 ms"))
        await page.get_by_role("button", name="+49 30 901820 to 1000").click()
        await expect(said).to_have_count(0)  # one is open at a time
        other = call(page, "+49 30 901820").get_by_role("log", name="What is said")
        await expect(other.get_by_role("listitem")).to_have_text(
            [re.compile("Good morning"), "CallerI would rather talk to a person.", re.compile("One moment")]
        )
        await page.get_by_role("button", name="Kim (16) to 1000").click()
        kim = call(page, "Kim (16)")
        await expect(kim.get_by_role("group", name="What is said").get_by_role("listitem")).to_have_count(5)
        await expect(kim.get_by_role("button", name="Whisper")).to_have_count(0)  # nothing is to be done any more
        await page.get_by_role("button", name="Kim (16) to 1000").click()
        await expect(page.locator(".call-said")).to_have_count(0)


async def test_calls_come_grow_and_end_by_events(browser: Browser, house: Show) -> None:
    async with opened(browser, house.address) as page:
        said = call(page, "Ada Lovelace").get_by_role("log", name="What is said").get_by_role("listitem")
        await expect(said).to_have_count(7)
        await happens(page, "ada", "caller One more thing, please.")
        await expect(said.last).to_have_text("CallerOne more thing, please.")
        await happens(page, "ada", "hold")
        await expect(call(page, "Ada Lovelace")).to_contain_text("on hold")
        await happens(page, "bob", "answer")
        bob = call(page, "Bob (17)")
        await expect(bob.locator(".state")).to_have_text("talking")
        await happens(page, "bob", "caller Is this the library?")
        await expect(bob.locator(".call-newest")).to_have_text("Caller Is this the library?")
        await happens(page, "eve", "back")
        await expect(page.locator(".toast")).to_contain_text("was not handed over to 200: nobody answered within 30 s.")
        await expect(call(page, "+49 30 901820").locator(".state")).to_have_text("talking")
        meter = call(page, "Ada Lovelace").get_by_role("meter", name="Caller")
        await expect(meter).to_have_attribute("aria-valuetext", re.compile(r"^-\d\d dB$"))
        await expect(meter).to_have_attribute("aria-valuenow", re.compile(r"^[4-9]\d$"))
        await happens(page, "ada", "die")
        await expect(section(page, "Calls")).to_contain_text("Nobody is on the line. Call sip:1000@127.0.0.1:5060 with")
        past = section(page, "Past calls").locator(".call")
        await expect(past).to_have_count(7)
        lost = call(page, "Ada Lovelace")
        await expect(lost.locator(".state.bad")).to_have_text("the line process died")
        await expect(lost.get_by_role("group", name="What is said")).to_contain_text("One more thing, please.")


async def test_what_can_be_done_with_a_call(browser: Browser, house: Show) -> None:
    async with opened(browser, house.address) as page, opened(browser, house.address) as looking:
        ada = call(page, "Ada Lovelace")
        words = ada.get_by_label("Whisper to Robin")
        await expect(ada.get_by_role("button", name="Whisper")).to_be_disabled()
        await words.fill("The reading room is closed this Saturday.")
        await words.press("Enter")
        told = "Robin knows from its next answer on: “The reading room is closed this Saturday.”"
        await expect(ada.get_by_role("status")).to_have_text(told)
        await expect(words).to_have_value("")
        await words.fill("do:nonsense")
        await ada.get_by_role("button", name="Whisper").click()
        await expect(page.get_by_role("alert")).to_contain_text("'nonsense' is not in the script (text).")
        await expect(words).to_have_value("do:nonsense")  # what was refused is not lost
        await page.get_by_role("button", name="Dismiss").click()
        to = ada.get_by_label("Hand over to")
        await expect(ada.locator(".call-hint")).to_contain_text("handed over to human, night-desk or a number")
        await to.fill("two hundred")
        await to.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("An address, or: human, night-desk.")
        await expect(to).to_have_value("two hundred")
        await page.get_by_role("button", name="Dismiss").click()
        await to.fill("human")
        await to.press("Enter")
        for each in (page, looking):  # the second one by its line of events alone
            await expect(call(each, "Ada Lovelace").locator(".state")).to_have_text("handing over to human")
        await expect(to).to_have_value("")
        await ada.get_by_role("button", name="Hang up on Ada Lovelace (16)").click()
        for each in (page, looking):
            await expect(section(each, "Past calls").locator(".call").first).to_contain_text("hung up from the page")


async def test_what_was_typed_for_a_call_is_there_when_it_is_opened_again(browser: Browser, house: Show) -> None:
    async with opened(browser, house.address) as page:
        ada = call(page, "Ada Lovelace")
        await ada.get_by_label("Whisper to Robin").fill("The reading room is closed")
        await ada.get_by_label("Hand over to").fill("human")
        await page.get_by_role("button", name="+49 30 901820 to 1000").click()
        other = call(page, "+49 30 901820")
        await expect(other.get_by_label("Whisper to Robin")).to_have_value("")  # each call has its own
        await other.get_by_label("Whisper to Robin").fill("be kind")
        await page.get_by_role("button", name="Ada Lovelace (16) to 1000").click()
        await expect(ada.get_by_label("Whisper to Robin")).to_have_value("The reading room is closed")
        await expect(ada.get_by_label("Hand over to")).to_have_value("human")
        await happens(page, "ada", "caller One more thing, please.")  # it goes on meanwhile
        await ada.get_by_role("button", name="Whisper").click()
        await expect(ada.get_by_role("status")).to_contain_text("The reading room is closed")
        await page.get_by_role("button", name="+49 30 901820 to 1000").click()
        await expect(other.get_by_label("Whisper to Robin")).to_have_value("be kind")
        await page.get_by_role("button", name="Ada Lovelace (16) to 1000").click()
        await expect(ada.get_by_label("Whisper to Robin")).to_have_value("")  # what was sent is sent
        await expect(ada.get_by_role("status")).to_contain_text("The reading room is closed")


async def test_somebody_is_called(browser: Browser, house: Show) -> None:
    async with opened(browser, house.address) as page:
        form = page.get_by_role("form", name="Call somebody")
        to, button = form.get_by_label("Whom to call"), form.get_by_role("button", name="Call")
        await expect(button).to_be_disabled()
        await to.fill("17")
        await button.click()
        await expect(page.get_by_role("alert")).to_contain_text(
            re.compile(
                r"'17' is an extension, and nobody says of which PBX \(to\).*Name an account, or write sip:USER@HOST\."
            )
        )
        await expect(to).to_have_value("17")
        await keep(page, "refused.png")
        await form.get_by_label("As which extension").select_option("1000")
        await to.press("Enter")
        called = section(page, "Calls").locator(".call").last
        await expect(called).to_contain_text(re.compile("1000.*to 17.*ringing.*with Robin"))
        await expect(to).to_have_value("")
        await page.get_by_role("button", name="1000 to 17").click()
        await called.get_by_role("button", name="Hang up on 17").click()
        await expect(section(page, "Past calls").locator(".call").first).to_contain_text(
            re.compile("1000.*to 17.*hung up from the page")
        )


async def test_keys_alone_do_all_of_it(browser: Browser, house: Show) -> None:
    async with opened(browser, house.address) as page:
        await expect(page.get_by_role("log", name="What is said")).to_be_visible()

        async def reach(wanted: Locator) -> None:
            for _ in range(40):
                await page.keyboard.press("Tab")
                if await wanted.evaluate("one => one === document.activeElement"):
                    return
            raise AssertionError("it is out of reach of the Tab key")

        await reach(page.get_by_label("Whom to call"))
        await page.keyboard.type("sip:17@pbx.example")
        await page.keyboard.press("Enter")
        await expect(section(page, "Calls").locator(".call")).to_have_count(4)
        await reach(page.get_by_role("button", name="Ada Lovelace (16) to 1000"))
        await reach(page.get_by_role("log", name="What is said"))
        await reach(page.get_by_label("Whisper to Robin"))
        await page.keyboard.type("be kind")
        await page.keyboard.press("Enter")
        await expect(page.locator(".call-whispered")).to_contain_text("be kind")
        await reach(page.get_by_label("Hand over to"))
        await page.keyboard.type("night-desk")
        await page.keyboard.press("Enter")
        await expect(call(page, "Ada Lovelace").locator(".state")).to_have_text("handing over to night-desk")
        await reach(page.get_by_role("button", name="Hang up on Ada Lovelace (16)"))
        await page.keyboard.press("Enter")
        await expect(section(page, "Calls").locator(".call")).to_have_count(3)
        await reach(page.get_by_role("button", name="Kim (16) to 1000"))
        await page.keyboard.press("Space")
        await expect(call(page, "Kim (16)").get_by_role("group", name="What is said")).to_be_visible()


@pytest.mark.parametrize("size", SIZES)
async def test_it_fits_and_has_no_barrier(browser: Browser, house: Show, size: str) -> None:
    async with opened(browser, house.address, size) as page:
        waits = call(page, "Ada Lovelace").get_by_role("table").locator("tbody tr")
        await expect(waits).to_have_count(3)
        await expect(page.locator(".call-hearing")).to_be_attached()
        await keep(page, f"{size}.png")
        await keep(page, f"{size}-whole.png", whole=True)
        width, window = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width <= window
        for boxes in ([".section"], [".call"], [".call-head", ".call-body"], [".call-body > *"], [".call-steer > *"]):
            await _apart(page, ", ".join(boxes))
        assert await page.evaluate(OUTSIDE) == []
        if not AXE.is_file():
            pytest.fail("axe-core is not installed: run `make setup`")
        await page.evaluate(AXE.read_text("utf-8"))
        found = await page.evaluate(
            "async () => (await axe.run()).violations.map(one => [one.id, one.nodes.map(n => n.html)])"
        )
        assert found == []


async def _apart(page: Page, selector: str) -> None:
    """What stands below one another does not overlap; what stands beside one another neither."""
    found = await page.evaluate(BOXES, selector)
    assert found
    for one, other in pairwise(found):
        below, beside = other[1] >= one[3] - 0.5, other[0] >= one[2] - 0.5
        assert below or beside, (selector, one, other)


async def test_a_hundred_calls_are_a_list_that_can_be_used(browser: Browser, media: Path) -> None:
    with running_show(media, 0, "--shows", "", "--line", "full") as full:
        async with opened(browser, full.address) as page:
            calls = section(page, "Calls").locator(".call")
            await expect(calls).to_have_count(100)
            await expect(calls.nth(50).locator(".call-newest")).to_contain_text("From ten until four")
            await calls.nth(50).get_by_role("button").click()
            await expect(calls.nth(50).get_by_label("Whisper to Robin")).to_be_visible()
            await expect(page.locator(".call-body")).to_have_count(1)


@pytest.mark.parametrize(("kind", "told"), [
    ("", "No phone line is switched on in this house"),
    ("quiet", "Nobody is on the line. Call sip:1000@127.0.0.1:5060 with any SIP telephone."),
    ("deaf", "No ears that take dictation over a telephone are set. Run: duologue models get natural."),
])  # fmt: skip
@pytest.mark.parametrize("size", ["desk", "phone"])
async def test_a_house_whose_line_is_not_in_use_says_why(
    browser: Browser, media: Path, kind: str, told: str, size: str
) -> None:
    with running_show(media, 0, "--shows", "", "--line", kind) as house:
        async with opened(browser, house.address, size) as page:
            await expect(page.locator("main")).to_contain_text(told)
            if kind == "deaf":
                await expect(section(page, "Line")).to_contain_text("takes no calls")
                await expect(section(page, "Extensions")).to_contain_text("0 of 2 registered")
            await keep(page, f"{size}-{kind or 'none'}.png")


async def test_a_token_without_the_scope_is_told_so_and_shown_nothing(browser: Browser, media: Path) -> None:
    with running_show(media, 0, "--shows", "", "--line", "calls", "--guarded") as house:
        async with opened(browser, house.address, path=f"/phone?token={quote('guest token')}") as page:
            await expect(page.locator("main .lacking")).to_have_text("Your token lacks the scope line")
            await expect(page.locator(".call")).to_have_count(0)
            await expect(page.locator("main")).not_to_contain_text("No phone line is switched on")
            await expect(page.get_by_role("navigation", name="Pages")).not_to_contain_text("Phone")
            await keep(page, "without-scope.png")
        async with opened(browser, house.address, path=f"/phone?token={quote('operator token')}") as page:
            await expect(call(page, "Ada Lovelace")).to_be_visible()
            await call(page, "Ada Lovelace").get_by_role("button", name="Hang up").click()
            await expect(section(page, "Past calls").locator(".call").first).to_contain_text("hung up from the page")
