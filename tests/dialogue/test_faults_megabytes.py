"""A megabyte of text, wherever it comes from, and very long conversations: bounded, told, and nobody is held up."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator

import numpy as np
import pytest
from fault_doubles import Scene, Trouble
from session_doubles import Says

from duologue.audio.pcm import Samples
from duologue.clock import SECOND
from duologue.dialogue.listening.echo import EchoFilter
from duologue.dialogue.listening.endpointing import AdaptivePatience
from duologue.dialogue.nonsense import MAX_CHARACTERS, readable
from duologue.dialogue.ports import PlayEnded, PlayStarted
from duologue.dialogue.replies.replies import ReplyEnding, read_reply
from duologue.dialogue.replies.text import ReplyCap, SpokenPart
from duologue.dialogue.turns.vocabulary import Note, Stage, State
from duologue.language.engine import MAX_HISTORY, LanguageCapabilities, Moment, Prompt
from duologue.language.moderation import Moderator
from duologue.language.persona import Persona
from duologue.simulation.virtual_time import simulate
from duologue.speech.utterance import Utterance
from heap import kinds
from loop_guard import LoopGuard

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

HELD_MS = 5.0
"""What one callback may cost (thread CPU time)."""
MEGABYTES = {
    "words": "so it goes on and on, you know " * 33_000,
    "one word": "a" * 1_000_000,
    "a thought": "<think>" + "so it goes on " * 70_000,
    "code": "```" + "so it goes on " * 70_000,
    "brackets": "[(" * 500_000,
    "stars": "**_" * 333_000,
    "dots": "…." * 500_000,
    "accents": "e\u0301" * 500_000,
    "han": "漢字" * 500_000,
    "numbers": "1.2.3" * 200_000,
    "addresses": "http://a.b/" * 90_000,
    "a list": "\n- x" * 250_000,
    "emoji": "🙂" * 1_000_000,
    "control": "\x00\ud800" * 500_000,
}
TALKATIVE = Persona("ada", "Ada", "A woman.", max_words=400, max_seconds=120.0, max_sentences=40)
"""The longest replies that a persona file can ask for."""


class Writer:
    """Writes ``text`` in one piece."""

    name = "writer"
    capabilities = LanguageCapabilities()

    def __init__(self, text: str) -> None:
        self.text = text

    async def warm_up(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to release."""

    async def write(self, prompt: Prompt) -> AsyncIterator[str]:
        yield self.text


@pytest.fixture
def strict(loop_guard: LoopGuard) -> Iterator[LoopGuard]:
    """Collecting garbage is the whole process's, and not what is measured here."""
    gc.collect()
    gc.disable()
    yield loop_guard
    gc.enable()


@pytest.mark.parametrize("what", MEGABYTES)
async def test_a_reply_of_a_megabyte_is_cut_and_holds_nobody(what: str, strict: LoopGuard) -> None:
    moderator = Moderator()
    await asyncio.sleep(0)
    strict.rearm(HELD_MS)
    prompt = Prompt(TALKATIVE, (), "", moment=Moment.ANSWER)
    parts: list[str] = []
    ending: ReplyEnding | None = None
    async for item in read_reply(Writer(MEGABYTES[what]), prompt, moderator):
        if isinstance(item, SpokenPart):
            parts.append(item.text)
        if isinstance(item, ReplyEnding):
            ending = item
        await asyncio.sleep(0)
    assert ending is not None and ending.cut is not ReplyCap.NONE
    assert sum(map(len, parts)) <= 12_000


@pytest.mark.parametrize("what", MEGABYTES)
async def test_a_transcript_of_a_megabyte_holds_nobody(what: str, strict: LoopGuard) -> None:
    await asyncio.sleep(0)
    strict.rearm(HELD_MS)
    echo = EchoFilter()
    echo.play((word, number) for number, word in enumerate(["so", "it", "goes", "on"] * 100))

    async def heard() -> str:
        text = readable(MEGABYTES[what])
        await asyncio.sleep(0)
        text, _ = echo.strip(text, 0, 0)
        await asyncio.sleep(0)
        AdaptivePatience().wait(text)
        return text

    assert len(await heard()) <= MAX_CHARACTERS


def test_a_megabyte_that_is_typed_is_cut_told_and_answered() -> None:
    scene = Scene([], typed=[(1.0, MEGABYTES["words"])], seconds=8.0)
    simulate(scene.run())
    (person, said), (_, answer) = scene.context()
    assert person == "person" and len(said) <= 4000 and answer.endswith("too.")
    assert any(report.note is Note.OVERLONG and "characters typed" in report.why for report in scene.reports())


@pytest.mark.parametrize(("engine", "state"), [("hearing", State.HEARING), ("thinking", State.THINKING)])
def test_a_megabyte_from_an_engine_is_cut_and_told(engine: str, state: State) -> None:
    scene = Scene([Says(1.0, "what time is it please Ada")], Trouble(engine, "huge"), state, seconds=30.0)
    simulate(scene.run())
    told = [report for report in scene.reports() if report.note in (Note.OVERLONG, Note.FAILED)]
    assert told and told[0].stage is (Stage.HEARING if engine == "hearing" else Stage.THINKING)
    assert all(len(text) <= 4000 for _, text in scene.context())
    scene.check()


async def rushed(scene: Scene) -> AsyncGenerator[Samples, None]:
    """Seven minutes of talk and pauses, as fast as it is taken."""
    loud, silence = np.full(1600, 0.5, np.float32), np.zeros(1600, np.float32)
    for number in range(4_000):
        yield loud if number % 20 < 12 else silence


def test_seven_minutes_at_once_floods_nothing() -> None:
    scene = Scene([])
    simulate(scene.run(lambda: rushed(scene)))
    scene.check()


EXCHANGES = 1000


class QuickFar(Scene):
    """A far end that plays everything within a moment; it needs no pace."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.pace = asyncio.Event().wait

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        loop, now = asyncio.get_running_loop(), self.clock.now()
        self.session.notify(PlayStarted(utterance.id, now))
        loop.call_later(0.05, self.session.notify, PlayEnded(utterance.id, now, len(utterance.samples)))


@pytest.mark.slow
def test_a_thousand_exchanges_leave_nothing_behind() -> None:
    """Objects counted after 200 and after 1,000 exchanges: what grows with the conversation is its bounded context."""
    scene = QuickFar([], seconds=1.0)
    counts: list[Counter[str]] = []
    prompts: list[int] = []

    async def silent() -> AsyncGenerator[Samples, None]:
        for number in range(EXCHANGES):
            scene.session.say(f"question number {number} please" + ", and tell me more" * 8)
            while not scene.commits():
                await scene.clock.wait_until(scene.clock.now() + SECOND)
                yield np.zeros(512, np.float32)
            prompts.append(sum(len(line.text) for line in scene.model.prompts[-1].lines))
            for store in (scene.plays, scene.log, scene.written, scene.model.prompts, scene.states):
                store.clear()
            if number in (200, EXCHANGES - 1):
                counts.append(kinds())

    simulate(scene.run(silent), limit=1e6)
    early, late = counts
    grown = {name: late[name] - early[name] for name in late if late[name] - early[name] > 50}
    assert not grown, grown
    kept = sum(line.size for line in scene.session.lines)
    assert MAX_HISTORY - 200 < kept <= MAX_HISTORY and max(prompts[300:]) <= 1.1 * max(prompts[150:300])
