"""A model and a voice on this machine that take the time which the old tutor's took:
``python -m benchmarks.page.servers whole|stream|free LOG``.

The model writes 99 characters a second, four at a time as tokens are; the voice needs a second for 15 characters, one
sentence after another, and either gives a sentence when it is whole or a tenth of a second at a time. Of ``free`` both
take no time, and what is written are stories of five sentences. What was done when is written to LOG, a line of JSON
each (ns of the machine's monotonic clock). The address stands on standard output when they listen.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.live import HERE
from benchmarks.machine import foreign
from duologue.clock import SECOND, SYSTEM_CLOCK

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from scripted_server import Connection, Request, ScriptedServer, serving

ASKED = "Hello, nice to meet you."
CHUNKS = (
    "It's very nice to meet you too, my friend!",
    "I'm Mae, and I help people speak English without fear.",
    "So tell me, what would you like to talk about with us right now?",
)
"""160 characters: of the old tutor's 15.65 s, 10.7 were its voice's."""
HINT = "Let us talk of work."


def _chunk(text: str, hint: str | None) -> dict[str, str | None]:
    notes = dict.fromkeys(("correction", "translation"))
    return {"text": text, "expression": "smile", **notes, "hint": hint, "vocabulary": None}


REPLY = json.dumps(
    {"chunks": [_chunk(text, HINT if text == CHUNKS[-1] else None) for text in CHUNKS]}, separators=(",", ":")
)
"""490 characters: what the old tutor's two calls wrote in the 4.95 s that were left."""
WRITTEN_PER_SECOND, VOICED_PER_SECOND = 99, 15
SPOKEN_PER_SECOND = 14
"""Characters of a second of sound: a voice that streams is just quicker than what it says."""
TOKEN = 4
VOICE_RATE = 24_000
PIECES_PER_SECOND = 10
SENTENCES = (
    "The house was built by an old sailor.", "He painted every room in a different green.",
    "Most people take the path along the river.", "At the mill they sell bread and lemonade.",
    "My grandmother kept bees behind the school.", "She knew every one of them by name.",
    "In autumn we carried honey to the market.", "The ferry leaves when the captain is awake.",
    "Nobody has ever seen the end of that cave.", "On Sundays the baker plays the violin.",
    "A fox sleeps under the library steps.", "The clock in the tower has no hands.",
    "Two brothers own the only bridge in town.", "They have not spoken since the flood.",
    "The teacher grows tomatoes on the roof.", "Every train stops here, and nobody knows why.",
    "The lake freezes from the middle outwards.",
)  # fmt: skip
STORY = 5


def story(number: int) -> str:
    """No two of the first of them are alike."""
    return " ".join(SENTENCES[(number * STORY + place * (1 + number % 3)) % len(SENTENCES)] for place in range(STORY))


@dataclass(frozen=True)
class Floor:
    """What nobody can beat with these two, s after the model was asked: each chunk's text written, its first sound
    there, its sound whole; ``sound`` is how long each lasts.
    """

    written: tuple[float, ...]
    first: tuple[float, ...]
    voiced: tuple[float, ...]
    sound: tuple[float, ...]
    all_written: float

    @property
    def done(self) -> float:
        """All was written and voiced."""
        return max(self.voiced[-1], self.all_written)

    @property
    def heard(self) -> float:
        """All was played, one after another without a pause."""
        end = 0.0
        for first, voiced, sound in zip(self.first, self.voiced, self.sound, strict=True):
            end = max(max(end, first) + sound, voiced)
        return end


def written_at(place: int) -> float:
    """When the token that holds the reply's character ``place`` has been written (s)."""
    return min(len(REPLY), (place // TOKEN + 1) * TOKEN) / WRITTEN_PER_SECOND


def floor(*, streams: bool) -> Floor:
    """Of a voice that gives its sound as it makes it, or a sentence when it is whole."""
    written: list[float] = []
    first: list[float] = []
    voiced: list[float] = []
    free = 0.0
    for text in CHUNKS:
        end = json.dumps(text)
        written.append(written_at(REPLY.index(end) + len(end) - 1))
        begin = max(free, written[-1])
        free = begin + len(text) / VOICED_PER_SECOND
        piece = SPOKEN_PER_SECOND / VOICED_PER_SECOND / PIECES_PER_SECOND
        first.append(begin + piece if streams else free)
        voiced.append(free)
    sound = tuple(len(text) / SPOKEN_PER_SECOND for text in CHUNKS)
    return Floor(tuple(written), tuple(first), tuple(voiced), sound, len(REPLY) / WRITTEN_PER_SECOND)


class OldTutor(ScriptedServer):
    """Both. ``how`` is as on the command line."""

    def __init__(self, how: str, log: Path) -> None:
        super().__init__()
        self._how = how
        self._log = log.open("a", buffering=1)
        self._number = count()
        self._speaking = asyncio.Lock()

    async def answer(self, request: Request, connection: Connection) -> bool:
        """One request."""
        match request.path.removeprefix("/v1"):
            case "/chat/completions":
                return await self._write(connection, request.document())
            case "/audio/speech":
                return await self._speak(connection, request.document()["input"])
            case "/models":
                return await connection.send(200, {"object": "list", "data": [{"id": "old", "object": "model"}]})
            case _:
                return await connection.send(404, {"error": {"message": "there is no such thing"}})

    def _note(self, what: str, **told: object) -> None:
        self._log.write(json.dumps({"what": what, "at": SYSTEM_CLOCK.now(), **told}) + "\n")

    async def _write(self, connection: Connection, document: Mapping[str, object]) -> bool:
        begin = SYSTEM_CLOCK.now()
        self._note("asked")
        free = self._how == "free"
        text = story(next(self._number)) if free else REPLY
        connection.begin("text/event-stream")
        for at in range(0, len(text), TOKEN):
            end = min(len(text), at + TOKEN)
            if not free:
                await SYSTEM_CLOCK.wait_until(begin + end * SECOND // WRITTEN_PER_SECOND)
            delta = {"choices": [{"index": 0, "delta": {"content": text[at:end]}}]}
            await connection.chunk(f"data: {json.dumps(delta)}\n\n".encode())
            self._note("wrote", end=end)
        last: dict[str, object] = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        await connection.chunk(f"data: {json.dumps(last)}\n\ndata: [DONE]\n\n".encode())
        return await connection.end()

    async def _speak(self, connection: Connection, text: str) -> bool:
        samples = VOICE_RATE * len(text) // SPOKEN_PER_SECOND
        chance = np.random.default_rng(len(text))  # so that each place of it is known by its samples
        sound = (3000 * chance.standard_normal(samples)).clip(-32767, 32767).astype(np.int16).tobytes()
        self._note("wanted", text=text)
        async with self._speaking:
            begin = SYSTEM_CLOCK.now()
            self._note("voicing", text=text)
            connection.begin("audio/pcm")
            if self._how == "stream":
                await self._stream(connection, sound, begin)
            else:
                if self._how == "whole":
                    await SYSTEM_CLOCK.wait_until(begin + len(text) * SECOND // VOICED_PER_SECOND)
                await connection.chunk(sound)
            self._note("voiced", text=text)
        return await connection.end()

    async def _stream(self, connection: Connection, sound: bytes, begin: int) -> None:
        piece = VOICE_RATE // PIECES_PER_SECOND * 2
        for at in range(0, len(sound), piece):
            part = sound[at : at + piece]
            said = (at + len(part)) / 2 / VOICE_RATE
            await SYSTEM_CLOCK.wait_until(begin + round(said * SECOND * SPOKEN_PER_SECOND / VOICED_PER_SECOND))
            await connection.chunk(part)


@dataclass(frozen=True)
class Servers:
    """Running ones."""

    address: str
    log: Path

    def noted(self) -> Sequence[Mapping[str, object]]:
        """What was done so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def settings(self, *, voice: bool = True) -> str:
        """Of a house that thinks by them, and speaks."""
        speech = f"""
[engines.openai_speech]
base_url = "{self.address}"
model = "old"
"""
        return f"""
[engines]
llm = "openai"
{'tts = "openai_speech"' if voice else ""}
[engines.openai]
base_url = "{self.address}"
model = "old"
{speech if voice else ""}
[speech_cache]
limit_mb = 0
"""


@contextlib.contextmanager
def old_tutor(how: str) -> Generator[Servers]:
    """Both in a process of their own."""
    with TemporaryDirectory(prefix="tutor-") as name:
        log = Path(name) / "log"
        log.touch()
        command = [sys.executable, "-m", "benchmarks.page.servers", how, str(log)]
        with foreign(command, f"a model and a voice ({how})", HERE.environment) as process:
            assert process.stdout is not None
            yield Servers(process.stdout.readline().strip(), log)


async def _serve() -> None:
    async with serving(OldTutor(sys.argv[1], Path(sys.argv[2]))) as server:
        print(server.base_url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
