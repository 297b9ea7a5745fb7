"""A structured reply from a slow model with a slow voice: how near the first sound comes to its floor.

The model writes 99 characters a second and the voice takes a second for 15 characters, as the old system's did; it
waited for the whole reply, and its first audio came after 13.6 s. The floor is what nobody can beat with these two:
chunk 0 written, then voiced. The time between the two sentences' ends shows that chunk 1 was not waited for.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import numpy as np

from benchmarks.table import Row, row
from benchmarks.voice import probe
from benchmarks.voice.ours import PERSONA, ScriptedEars
from benchmarks.voice.zero import Loudness
from duologue.audio.pcm import RATE, Samples
from duologue.dialogue.ports import PlayEvent, PlayProgress, Voiced
from duologue.dialogue.session.session import Session, SessionEngines, SessionOptions
from duologue.dialogue.session.sink import PacedSink
from duologue.language.engine import LanguageCapabilities, Prompt
from duologue.language.moderation import Moderator
from duologue.language.structured import reply_schema
from duologue.speech.utterance import Utterance

WRITTEN_PER_SECOND = 99.0
VOICED_PER_SECOND = 15.0
CHUNKS = (
    "That is a very good question, my friend.",
    "The harbour was built four hundred years ago, and ships have come here ever since from all over the world.",
)
REPLY = json.dumps({"chunks": [{"text": text, "expression": "smile"} for text in CHUNKS]})
OLD_SYSTEM_MS = 13_600.0


class SlowModel:
    """Writes the reply, a character at a time, on an absolute grid."""

    name = "slow"

    @property
    def capabilities(self) -> LanguageCapabilities:
        return LanguageCapabilities()

    async def warm_up(self) -> None:
        pass

    async def write(self, prompt: Prompt) -> AsyncIterator[str]:
        start = probe.now()
        for number, letter in enumerate(REPLY):
            due = start + int((number + 1) / WRITTEN_PER_SECOND * probe.SECOND)
            await asyncio.sleep(max(0, due - probe.now()) / probe.SECOND)
            yield letter

    async def close(self) -> None:
        pass


class SlowVoice:
    """Takes its time for each character of what a chunk says, none for what a session voices beforehand."""

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        if text in CHUNKS:
            await asyncio.sleep(len(text) / VOICED_PER_SECOND)
        return Voiced(Utterance(utterance_id, speaker, text, np.full(RATE // 2, 0.1, np.float32)))


class FirstSound(PacedSink):
    """Knows when it was given the first sentence."""

    def __init__(self, notify: Callable[[PlayEvent | PlayProgress], None]) -> None:
        super().__init__(_nowhere, notify)
        self.at: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        if utterance.text == CHUNKS[0]:
            self.at.set_result(probe.now())
        await super().play(utterance, gap_ms)


def _nowhere(block: Samples) -> None:
    pass


async def first_sound() -> float:
    """Milliseconds from the person's words to the first chunk in the sink."""
    sink = FirstSound(lambda report: session.notify(report))
    ears = ScriptedEars(probe.Caller(probe.quiet(1.0), ()))
    engines = SessionEngines(Loudness(), ears, SlowModel(), SlowVoice(), Moderator())
    session = Session(PERSONA, engines, sink, SessionOptions(schema=reply_schema(("smile",))))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(sink.run()), group.create_task(session.run())]
        await asyncio.sleep(0.2)  # apologies and fillers are voiced by then
        asked = probe.now()
        session.say("When was the harbour built?")
        at = await sink.at
        session.hang_up()
        for task in tasks:
            task.cancel()
    return (at - asked) / 1e6


def rows() -> list[Row]:
    """The figure, and how far it is from the floor."""
    written = REPLY.index(CHUNKS[0]) + len(CHUNKS[0]) + 1
    floor = (written / WRITTEN_PER_SECOND + len(CHUNKS[0]) / VOICED_PER_SECOND) * 1000
    took = asyncio.run(first_sound())
    old = f"the old system {OLD_SYSTEM_MS:.0f} (told, not run)"
    return [
        row("structured reply: first audio", took, "ms", old),
        row("the same, over its floor (target ≤ 50)", took - floor, "ms", f"floor {floor:.0f}"),
    ]
