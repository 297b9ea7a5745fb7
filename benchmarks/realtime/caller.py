"""A caller of ``/v1/realtime``, as a program of its own: ``python -m benchmarks.realtime.caller BASE_URL FOLDER``.

It is OpenAI's Python client, as it is. FOLDER holds what it says, one turn a file (``*.npy``, int16 at 24 kHz), which
it appends as a microphone would. Of each turn it writes a line of JSON: when its last sample had been said, and when
the first delta of sound came (ns of the machine's monotonic clock, which its programs share; null: none came).
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from openai import AsyncOpenAI

from duologue.clock import SYSTEM_CLOCK

RATE = 24_000
BLOCK = RATE // 50
GAP_SECONDS = 1.0
"""Of silence, after an answer was heard and before the next turn."""
PATIENCE = 20.0
"""Seconds without an answer; then the next turn begins."""


class Microphone:
    """What is said goes into a stream that never stands still."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._said = np.zeros(0, np.int16)
        self._over = asyncio.Event()
        self.last_word = 0

    async def say(self, sound: np.ndarray[Any, Any]) -> None:
        """Until it has been said."""
        self._over.clear()
        self._said = sound
        await self._over.wait()

    async def run(self) -> None:
        """Append 20 ms after 20 ms."""
        began, number = SYSTEM_CLOCK.now(), 0
        while True:
            number += 1
            await SYSTEM_CLOCK.wait_until(began + number * 20_000_000)
            block, self._said = self._said[:BLOCK], self._said[BLOCK:]
            if len(block) and not len(self._said):
                self.last_word = began + number * 20_000_000 - (BLOCK - len(block)) * 1_000_000_000 // RATE
                self._over.set()
            padded = np.concatenate([block, np.zeros(BLOCK - len(block), np.int16)])
            await self._connection.input_audio_buffer.append(audio=base64.b64encode(padded.tobytes()).decode())


async def main(base_url: str, files: Sequence[Path]) -> None:
    """Say them all."""
    client = AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0)
    async with client.realtime.connect(model="chad") as connection:
        microphone = Microphone(connection)
        heard: asyncio.Queue[tuple[str, int, Any]] = asyncio.Queue()

        async def listen() -> None:
            async for event in connection:
                heard.put_nowait((event.type, SYSTEM_CLOCK.now(), event))

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(listen()), group.create_task(microphone.run())]
            await asyncio.sleep(GAP_SECONDS)
            for file in files:
                await microphone.say(np.load(file))
                first, seconds = await answered(heard)
                print(
                    json.dumps({"file": file.stem, "last_word": microphone.last_word, "first_delta": first}), flush=True
                )
                await asyncio.sleep(seconds + GAP_SECONDS)
            for task in tasks:
                task.cancel()


async def answered(heard: asyncio.Queue[tuple[str, int, Any]]) -> tuple[int | None, float]:
    """When the first sound of an answer came, and how long it plays on."""
    first, count = None, 0
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                kind, at, event = await heard.get()
                if kind == "response.output_audio.delta":
                    first = first or at
                    count += len(event.delta) * 3 // 4
                elif kind == "response.done" and first is not None:
                    return first, max(0.0, count / 2 / RATE - (SYSTEM_CLOCK.now() - first) / 1e9)
    except TimeoutError:
        return first, 0.0


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sorted(Path(sys.argv[2]).glob("*.npy"))))
