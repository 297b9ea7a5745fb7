"""The Phone page of a real ``duologue phone``: a call comes, and its line is killed."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from line_caller import caller
from phone_command import GREETING, phone

pytestmark = [pytest.mark.peer, pytest.mark.realtime, pytest.mark.asyncio(loop_scope="module")]

PATIENCE = 20_000
"""On a machine that is at other things, too (ms)."""


async def test_a_call_is_seen_as_it_comes_and_named_as_ended_when_its_line_dies(
    browser: Browser, tmp_path: Path
) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(20_000)
    async with phone(tmp_path, 'codecs = ["pcmu"]\n') as answering, caller() as one:
        page = await context.new_page()
        await page.goto(f"{answering.address}/phone")
        calls = page.get_by_role("region", name="Calls", exact=True)
        past = page.get_by_role("region", name="Past calls")
        await expect(calls).to_contain_text("Nobody is on the line.", timeout=PATIENCE)
        one.call(answering.port, "1000")
        await one.until(lambda: one.agreed)
        await expect(calls.get_by_role("listitem").first).to_contain_text(
            re.compile("to 1000.*talking"), timeout=PATIENCE
        )
        await expect(calls.get_by_role("log", name="What is said")).to_contain_text(GREETING, timeout=PATIENCE)
        os.kill(await answering.line_process(), signal.SIGKILL)
        await expect(past.get_by_role("listitem").first).to_contain_text("the line process died", timeout=PATIENCE)
        await expect(past.get_by_label("What is said")).to_contain_text(GREETING, timeout=PATIENCE)
        await expect(calls).to_contain_text("Nobody is on the line.", timeout=PATIENCE)
        await expect(page.locator(".link")).to_have_text("Connected")
    await context.close()
