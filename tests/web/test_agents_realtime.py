"""npm's ``@openai/agents-realtime``, unmodified, on the real server: an agent that talks, calls, is interrupted."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from openai_site import openai_site, thinking

from duologue.language.engine import Prompt
from duologue.language.fake import FakeLanguage
from duologue.language.tools import ToolCall
from duologue.places import packs_folder

pytestmark = [pytest.mark.realtime, pytest.mark.slow, pytest.mark.timeout(180)]
AGENT = Path(__file__).parents[2] / "frontend" / "tests" / "realtime_agent.mjs"
STORY = "Once upon a time there was a king. He had a horse. The horse was tall. It ran all day. " * 3


class Chatty(FakeLanguage):
    """Answers by what it is asked; the weather is for a tool."""

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        self.prompts.append(prompt)
        asked = prompt.lines[-1].text if prompt.lines else ""
        if "weather" in asked:
            assert prompt.tools is not None
            async for filler in prompt.tools.run([ToolCall("c1", "weather", '{"city": "Oslo"}')]):
                yield filler
            yield f"It has {json.loads(prompt.tools.outcomes[-1].shown)['degrees']} degrees."
        elif "story" in asked:
            yield STORY
        else:
            yield "I do like it."


async def test_an_agent_of_openais_talks_calls_and_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Chatty()
    thinking(monkeypatch, model)
    async with openai_site() as here:
        url = here.base_url.replace("http", "ws", 1) + "/realtime?model=chad"
        process = await asyncio.create_subprocess_exec(
            "node", str(AGENT), url, "none", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "OPENAI_AGENTS_DISABLE_TRACING": "1"},
        )  # fmt: skip
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    seen: dict[str, Any] = json.loads(out.decode().splitlines()[-1])
    assert seen["errors"] == []
    assert seen["ends"][0] == "I do like it." and seen["first"] > 24_000
    assert seen["asked"] == [{"city": "Oslo"}]
    assert "It has 3 degrees." in seen["ends"]
    assert seen["interrupted"] >= 1
    told = next(item["text"] for item in seen["history"] if (item.get("text") or "").startswith("Once upon"))
    assert len(told) < len(STORY) / 2  # what was not heard is gone
    heard = next(line.text for line in model.prompts[-1].lines if line.text.startswith("Once upon"))
    assert heard and STORY.startswith(heard) and len(heard) < len(STORY) / 2
    assert "I like rain" not in heard and seen["usage"]["totalTokens"] > 0


END = """
session.on('agent_end', (_context, _agent, text) => { console.log(text); process.exit(0) });
setTimeout(() => process.exit(2), 60_000);
"""


async def test_the_script_of_the_page_works_as_it_is_written_there(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (packs_folder().parent / "docs" / "compatible.md").read_text("utf-8")
    (code,) = re.findall(r"```ts\n(.*?)```", page, re.S)
    assert "127.0.0.1:8081" in code
    thinking(monkeypatch, Chatty())
    async with openai_site() as here:
        code = code.replace("127.0.0.1:8081", f"127.0.0.1:{here.port}")
        process = await asyncio.create_subprocess_exec(
            "node", "--input-type=module", "-e", code + END, cwd=AGENT.parent,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "OPENAI_AGENTS_DISABLE_TRACING": "1"},
        )  # fmt: skip
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert out.decode().strip() == "I do like it."
