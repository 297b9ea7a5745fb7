"""What docs/ writes for a shell is what works."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from whole_site import listening

from duologue.places import packs_folder

pytestmark = [pytest.mark.slow, pytest.mark.realtime]


async def test_a_person_sees_and_changes_what_is_remembered_as_the_page_says(tmp_path: Path) -> None:
    page = (packs_folder().parent / "docs" / "memory.md").read_text("utf-8")
    (block,) = re.findall(r"```sh\n(curl.*?)```", page, re.S)
    told: list[str] = []
    async with listening(tmp_path) as port:
        for line in block.strip().splitlines():
            assert "127.0.0.1:8081" in line
            process = await asyncio.create_subprocess_shell(
                line.replace("127.0.0.1:8081", f"127.0.0.1:{port}").replace("curl ", "curl -sf "),
                stdout=asyncio.subprocess.PIPE,
            )
            out, _ = await process.communicate()
            assert process.returncode == 0
            told.append(out.decode())
    before, after = (json.loads(each) for each in told)
    assert before["facts"] == [] and [fact["text"] for fact in after["facts"]] == ["They like tea."]
