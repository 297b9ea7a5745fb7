"""The Phone page of a real ``duologue phone``: a call is listened to and taken over, with a microphone that plays a
file.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from chromium_arguments import ARGUMENTS
from looking import look
from playwright.async_api import Browser, async_playwright, expect

from duologue.clock import SYSTEM_CLOCK
from line_caller import caller, loud
from phone_command import GREETING, phone

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

PATIENCE = 30_000
"""On a machine that is at other things, too (ms)."""
QUIET = b"\xff" * 160


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the microphone hears, again and again: a sentence, and silence."""
    spoken = tmp_path_factory.mktemp("microphone") / "spoken.wav"
    words = "Good morning, this is Anna, let me see what I can do for you."
    command = [sys.executable, "-m", "duologue", "say", words, "-o", str(spoken)]
    subprocess.run(command, check=True, capture_output=True)
    with wave.open(str(spoken)) as file:
        rate, sound = file.getframerate(), file.readframes(file.getnframes())
    made = spoken.with_name("again.wav")
    with wave.open(str(made), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(sound + np.zeros(2 * rate, "<i2").tobytes())
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def speaker(chromium: str, voice: Path) -> AsyncIterator[Browser]:
    """A browser whose microphone plays that."""
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    wave_file = f"--use-file-for-fake-audio-capture={voice}"
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=[*ARGUMENTS, *fake, wave_file])
        yield running
        await running.close()


async def test_a_call_is_listened_to_taken_over_and_handed_back(speaker: Browser, tmp_path: Path) -> None:
    context = await speaker.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
    context.set_default_timeout(PATIENCE)
    errors: list[str] = []
    sent: list[dict[str, Any]] = []
    async with phone(tmp_path, 'codecs = ["pcmu"]\nsilence_seconds = 600\n') as answering, caller() as one:
        page = await context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))

        def said_to_it(data: str | bytes) -> None:
            if isinstance(data, str):
                sent.append(json.loads(data))

        def socket(opened: Any) -> None:
            if opened.url.endswith("/talk"):
                opened.on("framesent", said_to_it)

        page.on("websocket", socket)
        await page.goto(f"{answering.address}/phone")
        one.call(answering.port, "1000")
        await one.until(lambda: one.agreed)
        there = asyncio.get_running_loop().create_task(one.chatter(QUIET, 600))
        calls = page.get_by_role("region", name="Calls", exact=True)
        said = calls.get_by_role("log", name="What is said")
        await expect(said).to_contain_text(GREETING, timeout=PATIENCE)
        desk = calls.get_by_role("group", name="Listen and take over")
        await desk.get_by_role("button", name="Listen").click()
        await expect(desk.get_by_role("status")).to_contain_text("You listen to both", timeout=PATIENCE)
        await desk.get_by_role("button", name="Take over").click()
        await expect(desk.get_by_role("status")).to_contain_text("You speak with the caller", timeout=PATIENCE)
        since = SYSTEM_CLOCK.now()
        await one.until(lambda: loud(one, since) > 50, 30)
        await expect(said).to_contain_text("Operator", timeout=PATIENCE)
        await expect(calls.get_by_role("listitem").first).to_contain_text("operator has it")
        await look(page, "phone-taken")
        await desk.get_by_role("button", name="Microphone is on").click()
        await desk.get_by_label("Have Robin say").fill("It is on its way.")
        await page.keyboard.press("Enter")
        await expect(said).to_contain_text("It is on its way. (for the operator)", timeout=PATIENCE)
        await desk.get_by_role("button", name="Hand back").click()
        await expect(desk.get_by_role("button", name="Take over")).to_be_enabled(timeout=PATIENCE)
        await desk.get_by_role("button", name="Stop listening").click()
        await expect(desk.get_by_role("button", name="Listen")).to_be_visible()
        assert [each["taken"] for each in sent if each["type"] == "take"] == [True, False]
        assert any(each["type"] == "played" and each["samples"] > 48_000 for each in sent), "it was played"
        there.cancel()
        one.hang_up()
    assert errors == []
    await context.close()
