"""Work in threads of its own: its outcome, and that the process does not wait for it at its end."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from duologue.threads import Apart

HANGS = """
import asyncio, threading
from duologue.threads import Apart

async def main() -> None:
    hangs = asyncio.get_running_loop().run_in_executor(Apart("disk"), threading.Event().wait)
    _, waiting = await asyncio.wait([hangs], timeout=0.05)
    assert waiting

asyncio.run(main())
"""


async def test_what_comes_of_the_work_comes_to_who_asked() -> None:
    loop, apart = asyncio.get_running_loop(), Apart("disk")
    assert await loop.run_in_executor(apart, lambda: "read") == "read"
    with pytest.raises(OSError, match="gone"):
        await loop.run_in_executor(apart, _fails)


def test_the_process_ends_though_the_disk_does_not_answer() -> None:
    assert subprocess.run([sys.executable, "-c", HANGS], timeout=60, check=False).returncode == 0


def _fails() -> None:
    raise OSError("the disk is gone")
