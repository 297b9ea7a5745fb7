"""The old system's engines as servers on this machine that take the time which its table gives them:
``python -m benchmarks.phone.servers WHISPER LLAMA KOKORO`` (ms).

Whisper answers so long after it has the whole recording; LLaMA begins to write at half of its time and has its sentence
whole at the end of it; Kokoro's first sound comes after its time, and the rest five times as fast as it is said. The
address stands on standard output when they listen.
"""

from __future__ import annotations

import asyncio
import json
import sys
from itertools import count
from pathlib import Path

import numpy as np

from duologue.clock import MILLISECOND, SYSTEM_CLOCK

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from scripted_server import Connection, Request, ScriptedServer, serving

SAID = ("Tell me about the harbour.", "What time does the museum open?", "I would like to book a table for two.")
ANSWERS = ("That is good to know, thank you.", "It opens at ten in the morning.", "Let me write that down for you.")
VOICE_RATE = 24_000
CHARACTERS_A_SECOND = 15
PIECE_MS = 100


class OldEngines(ScriptedServer):
    """All three."""

    def __init__(self, whisper: float, llama: float, kokoro: float) -> None:
        super().__init__()
        self._whisper, self._llama, self._kokoro = (round(each * MILLISECOND) for each in (whisper, llama, kokoro))
        self._number = count()

    async def answer(self, request: Request, connection: Connection) -> bool:
        """One request."""
        begin = SYSTEM_CLOCK.now()
        match request.path.removeprefix("/v1"):
            case "/audio/transcriptions":
                await SYSTEM_CLOCK.wait_until(begin + self._whisper)
                return await connection.send(200, {"text": SAID[next(self._number) % len(SAID)]})
            case "/chat/completions":
                return await self._write(connection, begin)
            case "/audio/speech":
                return await self._speak(connection, request.document()["input"], begin)
            case "/models":
                return await connection.send(200, {"object": "list", "data": [{"id": "old", "object": "model"}]})
            case _:
                return await connection.send(404, {"error": {"message": "there is no such thing"}})

    async def _write(self, connection: Connection, begin: int) -> bool:
        words = ANSWERS[next(self._number) % len(ANSWERS)].split()
        connection.begin("text/event-stream")
        for number, word in enumerate(words):
            share = 0.5 + 0.5 * number / (len(words) - 1)
            await SYSTEM_CLOCK.wait_until(begin + round(self._llama * share))
            delta = {"choices": [{"index": 0, "delta": {"content": word if not number else f" {word}"}}]}
            await connection.chunk(f"data: {json.dumps(delta)}\n\n".encode())
        last: dict[str, object] = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        await connection.chunk(f"data: {json.dumps(last)}\n\ndata: [DONE]\n\n".encode())
        return await connection.end()

    async def _speak(self, connection: Connection, text: str, begin: int) -> bool:
        samples = VOICE_RATE * len(text) // CHARACTERS_A_SECOND
        sound = (8000 * np.sin(np.arange(samples) * 2 * np.pi * 150 / VOICE_RATE)).astype(np.int16).tobytes()
        piece = VOICE_RATE * PIECE_MS // 1000 * 2
        connection.begin("audio/pcm")
        for number, at in enumerate(range(0, len(sound), piece)):
            await SYSTEM_CLOCK.wait_until(begin + self._kokoro + number * PIECE_MS * MILLISECOND // 5)
            await connection.chunk(sound[at : at + piece])
        return await connection.end()


async def _serve() -> None:
    async with serving(OldEngines(*map(float, sys.argv[1:4]))) as server:
        print(server.base_url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
