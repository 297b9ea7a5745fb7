"""The Python of docs/talk.md and docs/tools.md, run as it is written there."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import pytest

from duologue import Conversation, Tool
from duologue.errors import InputError
from duologue.places import packs_folder
from language.openai_server import Behaviour, OpenAIServer
from scripted_server import serving

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


DOCS = packs_folder().parent / "docs"
CHUNK = {"text": "I'm sorry about your parcel.", "expression": "smile", "correction": "I lost my", "hint": "ask when"}


async def run(page: str, number: int, server: OpenAIServer, folder: Path) -> str:
    """What the page's code block number ``number`` prints, with ``server`` as the language model."""
    code = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)[number]
    async with serving(server):
        base = {"DUOLOGUE_ENGINES__OPENAI__BASE_URL": server.base_url, "DUOLOGUE_ENGINES__OPENAI__MODEL": "tiny"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, cwd=folder, env=os.environ | base,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_tools_are_called_and_told_of(tmp_path: Path) -> None:
    calls = (("opening_hours", '{"day":"saturday"}'),)
    server = OpenAIServer(Behaviour("", calls=calls), Behaviour("On Saturday it's nine to six."))
    printed = await run("tools.md", 0, server, tmp_path)
    assert printed.splitlines() == [
        "On Saturday it's nine to six.",
        'opening_hours {"day":"saturday"} "nine to six"',
    ]


async def test_the_first_lines_of_a_talk(tmp_path: Path) -> None:
    printed = (await run("talk.md", 0, OpenAIServer(), tmp_path)).splitlines()
    assert [line.split()[0] for line in printed[1:]] == ["chad", "friend", "chad"]
    assert "tea" in printed[1]
    assert printed[3] == f"chad {printed[0]}"


async def test_notes_stand_beside_the_answer(tmp_path: Path) -> None:
    server = OpenAIServer(Behaviour(json.dumps({"chunks": [CHUNK]})))
    printed = await run("talk.md", 1, server, tmp_path)
    assert printed.splitlines() == [CHUNK["text"], "I lost my ask when"]
    assert "response_format" in server.requests[-1]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="no note 'rhyme'"):
        Conversation(notes=["rhyme"])
    with pytest.raises(InputError, match="no name"):
        Conversation(tools=[lambda: "here"])
    with pytest.raises(InputError, match="one name"):
        Conversation(tools=[Tool(max_one), max_one])
    with pytest.raises(InputError, match="wait_mots_ms"):
        Conversation(dialogue={"wait_mots_ms": 900})


def max_one(number: int) -> int:
    """Cut a number."""
    return min(number, 1)
