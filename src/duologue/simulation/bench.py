"""A bounded measurement of an installation: a talk on the engines as set, in real time, and a short film of a show."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from duologue.app.show.render import render
from duologue.app.talking.sound import SpokenTalk
from duologue.app.talking.talking import Partner, open_partner
from duologue.app.talking.turn_policy import talk_policy
from duologue.audio.pcm import RATE, Samples, silence
from duologue.audio.resample import resample
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.dialogue.ports import Captured, Voice
from duologue.dialogue.recording import ConversationRecorder
from duologue.dialogue.session.record import SessionRecorder
from duologue.dialogue.session.session import SessionOptions
from duologue.dialogue.session.sink import BLOCK_MS
from duologue.dialogue.turns.vocabulary import State
from duologue.evidence.bench import BenchResult, series_of
from duologue.settings import Settings
from duologue.speech.hearing import EAR_RATE
from duologue.telemetry.ledger import FrameRecord, TurnRecord

QUESTIONS = (
    "Good morning. What do you like best about the sea?",
    "Why do people drink tea in the afternoon?",
    "Can you tell me something about old trains?",
    "What would you cook for a friend tonight?",
    "How long does it take to learn a language?",
    "Which season of the year do you like most?",
    "Do you think that cats understand us?",
    "Thank you. What should I ask you tomorrow?",
)
"""What is asked, over and over."""
FILM_SEED = 5
LONGEST_S = 45.0
"""For an answer, until the next question is asked."""
_REST_MS = 800
_BLOCK = EAR_RATE * BLOCK_MS // 1000


@dataclass(frozen=True, slots=True)
class BenchOrder:
    """How much is measured: questions of a talk with ``character``, turns of a show (0: none)."""

    questions: int = 8
    turns: int = 2
    character: str = "phone"


async def run_bench(settings: Settings, order: BenchOrder, told: Callable[[str], None]) -> BenchResult:
    """Measure. It takes as long as the talk does. Raises what engines raise that do not come up."""
    turns: list[TurnRecord] = []
    if order.questions:
        async with open_partner(settings, order.character) as partner:
            told(f"a talk of {order.questions} question{'s' * (order.questions != 1)}")
            options = SessionOptions(policy=talk_policy(settings, partner.persona), seed=1)
            turns = await hold_talk(partner, order.questions, options, SYSTEM_CLOCK)
    frames: list[FrameRecord] = []
    if order.turns:
        told(f"a film of {order.turns} turn{'s' * (order.turns != 1)}")
        frames = await film(settings)
    names = settings.engines
    about = {"llm": ", ".join(names.llm), "tts": ", ".join(names.tts), "stt": ", ".join(names.stt),
             "size": f"{settings.show.size}" if order.turns else ""}  # fmt: skip
    answers = [turn for turn in turns if turn.kind == "answer" and turn.spoken_to and turn.on_air and not turn.failure]
    answered = len({turn.question for turn in answers})
    return BenchResult(
        about, series_of(turns, frames), order.questions, min(order.questions, answered),
        settings.show.fps if order.turns else 0,
    )  # fmt: skip


async def film(settings: Settings) -> list[FrameRecord]:
    """The frames of a short show, drawn and encoded one after the other."""
    frames: list[FrameRecord] = []
    with tempfile.TemporaryDirectory(prefix="duologue-bench-") as folder:
        await render(settings, Path(folder) / "film.mp4", on_progress=lambda progress: None, framed=frames.append)
    return frames


async def hold_talk(
    partner: Partner, questions: int, options: SessionOptions, clock: Clock
) -> list[TurnRecord]:  # fmt: skip
    """Ask so many questions, in the voice of the partner's own engine, each when the answer before was heard out."""
    speaker = partner.persona.name
    asked = [QUESTIONS[number % len(QUESTIONS)] for number in range(questions)]
    voice = partner.engines.voice
    sounds = [await spoken_whole(voice, text, speaker, f"question{number}") for number, text in enumerate(asked)]
    turns: dict[str, TurnRecord] = {}

    def keep(record: TurnRecord) -> None:
        turns[record.id] = replace(record)

    recorder = SessionRecorder("bench", speaker, options.person, keep)
    talk = SpokenTalk(partner, ConversationRecorder(), options, observe=recorder.take, clock=clock)
    async with aclosing(_asked(sounds, lambda: talk.session.state, clock)) as blocks:
        await talk.run(blocks)
    return list(turns.values())


async def spoken_whole(voice: Voice, text: str, speaker: str, name: str) -> Samples:
    """All of ``text`` in that voice, at the ears' rate."""
    spoken = await voice.voice(text, speaker, name)
    utterance = spoken.utterance
    if spoken.more is not None:
        async for grown in spoken.more:
            utterance = grown
    return resample(np.asarray(utterance.samples, np.float32), RATE, EAR_RATE)


async def _asked(
    sounds: Sequence[Samples], state: Callable[[], State], clock: Clock
) -> AsyncGenerator[Captured, None]:  # fmt: skip
    """Each question, then silence until the answer was heard out, in blocks at their pace."""
    began, place = clock.now(), 0

    async def paced(block: Samples) -> Captured:
        nonlocal place
        at, place = place, place + len(block)
        await clock.wait_until(began + place * SECOND // EAR_RATE)
        return Captured(block, at)

    for sound in sounds:
        padded = np.concatenate([sound, silence(-len(sound) % _BLOCK)])
        for at in range(0, len(padded), _BLOCK):
            yield await paced(padded[at : at + _BLOCK])
        rest, longest = 0, round(LONGEST_S * 1000) // BLOCK_MS
        for _ in range(longest):
            yield await paced(silence(_BLOCK))
            rest = rest + BLOCK_MS if state() is State.QUIET else 0
            if rest >= _REST_MS:
                break
