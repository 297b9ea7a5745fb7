"""Far ends: how soon a voice that streams is heard, and how true what is believed heard is to a far end's recording.

The first is on the machine's clock: the voice gives its first piece after 200 ms and 15 characters a second from then
on, and what is timed is the first block with sound in it that leaves the paced sink. The second is on the virtual
clock, seeded: three utterances are interrupted at any moment, what the far end says comes 20 to 200 ms late, and the
words that are believed heard are compared with those in its recording.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncGenerator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.table import Row, row
from benchmarks.voice import probe
from benchmarks.voice.ours import PERSONA, ScriptedEars
from benchmarks.voice.zero import Loudness
from duologue.audio.pcm import RATE, Samples
from duologue.dialogue.ports import PlayEvent, PlayProgress, Voiced
from duologue.dialogue.session.session import Session, SessionEngines
from duologue.dialogue.session.sink import PacedSink
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.language.moderation import Moderator
from duologue.simulation.far_player import FarHabits
from duologue.simulation.virtual_time import simulate
from duologue.speech.utterance import CHARACTERS_A_SECOND, Utterance

FIRST_PIECE_MS = 200
WORDS = (4, 12, 36)
"""Of the sentences that are streamed."""
TIMES = 5
INTERRUPTIONS = 200
_DOUBLES = Path(__file__).parents[2] / "tests" / "dialogue"


class Streaming:
    """A voice that gives a word after 200 ms and then 15 characters a second. ``given``: when its first piece came."""

    given = 0

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        if "/" not in utterance_id:  # what a session voices beforehand
            return Voiced(Utterance(utterance_id, speaker, text, np.full(RATE // 5, 0.1, np.float32)))
        await asyncio.sleep(FIRST_PIECE_MS / 1000)
        self.given = probe.now()
        return Voiced(self._piece(text, speaker, utterance_id, 1), self.given, self._more(text, speaker, utterance_id))

    async def _more(self, text: str, speaker: str, utterance_id: str) -> AsyncGenerator[Utterance, None]:
        for number in range(2, len(text.split()) + 1):
            await asyncio.sleep(5 / CHARACTERS_A_SECOND)
            yield self._piece(text, speaker, utterance_id, number)

    def _piece(self, text: str, speaker: str, utterance_id: str, words: int) -> Utterance:
        samples = np.full(words * RATE * 4 // 10, 0.1, np.float32)
        return Utterance(utterance_id, speaker, text, samples, open=words < len(text.split()))


async def streamed(words: int) -> float:
    """Milliseconds from the first piece to the first block that leaves, with a sentence of so many words."""
    left: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def write(block: Samples) -> None:
        if voice.given and not left.done() and block[::61].any():
            left.set_result(probe.now())

    def notify(report: PlayEvent | PlayProgress) -> None:
        session.notify(report)

    sink = PacedSink(write, notify, silence=False)
    voice = Streaming()
    ears = ScriptedEars(probe.Caller(probe.quiet(1.0), ()))
    sentence = " ".join(["word"] * words) + "."
    session = Session(
        PERSONA, SessionEngines(Loudness(), ears, FakeLanguage(usual=ScriptedReply(sentence)), voice, Moderator()), sink
    )
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(sink.run()), group.create_task(session.run())]
        await asyncio.sleep(0.2)
        session.say("Go on.")
        at = await left
        session.hang_up()
        for task in tasks:
            task.cancel()
    return (at - voice.given) / 1e6


def differences(kind: str) -> list[int]:
    """Of each interruption: how many words more or fewer were believed heard than the recording has."""
    sys.path.insert(0, str(_DOUBLES))
    doubles: Any = import_module("far_end_doubles")
    manners, habits = {
        "acknowledged": (doubles.BROWSER, FarHabits()),
        "acknowledged, its clock 3 % fast": (doubles.BROWSER, FarHabits(pace=1.03)),
        "marks": (doubles.MARKS, FarHabits(positions=False, marks=True, tells_stop=False)),
        "estimated": (doubles.SILENT, FarHabits(positions=False, tells_stop=False)),
    }[kind]
    chance = random.Random(11)
    found: list[int] = []
    for seed in range(INTERRUPTIONS):
        stage = doubles.Stage(manners, habits, seed, round_trip_ms=0 if manners.acknowledges else 220)
        utterances = simulate(doubles.interrupted(stage, chance.uniform(0.0, 5.5)))
        found.append(abs(stage.heard(utterances) - doubles.heard_words(stage.recording)))
    return found


KINDS = {
    "acknowledged": 0, "acknowledged, its clock 3 % fast": 0, "marks": 1, "estimated": 1,
}  # fmt: skip
"""And by how many words each may be wrong."""


def rows() -> list[Row]:
    """The worst of each."""
    found: list[Row] = []
    for words in WORDS:
        worst = max(asyncio.run(streamed(words)) for _ in range(TIMES))
        found.append(
            row(f"a voice that streams, {words} words: first piece → first 20 ms leave (target ≤ 20)", worst, "ms")
        )
    for kind, most in KINDS.items():
        off = differences(kind)
        what = f"{INTERRUPTIONS} interruptions, {kind}: words heard against the recording, at most (target {most})"
        found.append(row(what, max(off), "words", f"wrong in {sum(each > 0 for each in off)}"))
    return found
