"""A person on a script, and all that a session needs, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from duologue.audio.pcm import RATE, Samples
from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.ports import Captured, PlayEvent, PlayProgress, Voiced
from duologue.dialogue.session.session import Session, SessionEngines, SessionOptions
from duologue.dialogue.session.sink import PacedSink
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import Effect, Event, Note, Report
from duologue.errors import PeerError
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.language.moderation import Moderator
from duologue.language.persona import Persona
from duologue.simulation.virtual_time import LoopClock
from duologue.speech.hearing import EAR_RATE, TurnEnd
from duologue.speech.hearing_fake import FakeHearing, Hearing, Loudness, evenly
from duologue.speech.utterance import Mark, MarkKind, Utterance

WORD_SECONDS = 0.3
ADA = Persona(
    "ada", "Ada", "A calm woman.", max_words=40, fillers=("Hm.",), deflections=("Let us talk of something else.",)
)


def loud_utterance(text: str, speaker: str, utterance_id: str) -> Utterance:
    """A constant for each word, 0.3 s each."""
    length = round(WORD_SECONDS * RATE)
    marks: list[Mark] = []
    offset = 0
    for number, word in enumerate(text.split()):
        offset = text.index(word, offset)
        marks.append(Mark(MarkKind.WORD, word, number * length, (number + 1) * length, offset))
        offset += len(word)
    return Utterance(utterance_id, speaker, text, np.full(length * len(marks), 0.5, np.float32), RATE, tuple(marks))


def never(utterance_id: str) -> bool:
    return not utterance_id


class LoudVoice:
    """Voices after ``seconds``; the sentences of replies fail where ``fails`` says so."""

    def __init__(self, clock: LoopClock, seconds: float = 0.05, fails: Callable[[str], bool] | None = None) -> None:
        self.clock = clock
        self.seconds = seconds
        self.fails = fails or never

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        await asyncio.sleep(self.seconds)
        if self.fails(utterance_id):
            raise PeerError("the voice broke", where="double")
        return Voiced(loud_utterance(text, speaker, utterance_id), self.clock.now())


@dataclass(frozen=True)
class Says:
    """The person says ``text`` from ``at`` on (seconds); a cough has no words and lasts ``seconds``."""

    at: float
    text: str = ""
    seconds: float = 0.0

    @property
    def end(self) -> float:
        return self.at + (self.seconds or WORD_SECONDS * len(self.text.split()))


class Talk:
    """One conversation: the person's script, the engines, and what came of it."""

    def __init__(
        self,
        script: Sequence[Says],
        replies: Iterable[ScriptedReply] = (),
        *,
        hearing: Sequence[Hearing] | None = None,
        policy: Policy | None = None,
        seconds: float = 20.0,
        greet: bool = False,
    ) -> None:
        self.clock = LoopClock()
        self.persona = ADA
        self.script = script
        self.seconds = seconds
        heard = [Hearing(evenly(says.text, 0.3, WORD_SECONDS), latency=100 * MILLISECOND) for says in script]
        self.ears = FakeHearing(heard if hearing is None else hearing, clock=self.clock)
        self.model = FakeLanguage(replies, self.clock)
        self.voice = LoudVoice(self.clock)
        self.activity = Loudness()
        self.options = SessionOptions(greet=greet, policy=policy or Policy())
        self.log: list[tuple[int, Event | Effect]] = []
        self.played: list[Samples] = []
        self.deaf = False
        """The far end takes blocks and reports nothing."""
        self.report_seconds = 0.0
        """What it reports comes so much later; when it happened it says itself."""
        self.ended = 0.0
        """When the session was over (seconds since it began)."""

    async def source(self) -> AsyncGenerator[Samples, None]:
        """20 ms blocks in real (virtual) time."""
        start = self.clock.now()
        for number in range(round(self.seconds * 50)):
            await self.clock.wait_until(start + number * 20 * MILLISECOND)
            at = np.arange(number * 320, (number + 1) * 320) / EAR_RATE
            loud = np.zeros(320, bool)
            for says in self.script:
                loud |= (at >= says.at) & (at < says.end)
            yield np.where(loud, 0.5, 0.0).astype(np.float32)

    async def run(
        self, source: Callable[[], AsyncGenerator[Samples | Captured, None]] | None = None, turn: TurnEnd | None = None
    ) -> Talk:
        await self.ears.warm_up()
        self.sink = PacedSink(self.played.append, lambda report: None if self.deaf else self.tell(report), self.clock)
        engines = SessionEngines(self.activity, self.ears, self.model, self.voice, Moderator(), turn)
        self.session = Session(
            self.persona, engines, self.sink, self.options,
            clock=self.clock, observe=lambda item, now: self.log.append((now, item)),
        )  # fmt: skip
        began = self.clock.now()
        async with asyncio.TaskGroup() as group:
            floor = group.create_task(self.sink.run())
            try:
                await self.session.run((source or self.source)())
            finally:
                self.ended = (self.clock.now() - began) / SECOND
                floor.cancel()
        return self

    def tell(self, report: PlayEvent | PlayProgress) -> None:
        if self.report_seconds:
            asyncio.get_running_loop().call_later(self.report_seconds, self.session.notify, report)
        else:
            self.session.notify(report)

    # Looking

    def context(self) -> list[tuple[str, str]]:
        return [(line.speaker, line.text) for line in self.session.lines]

    def notes(self) -> list[Note]:
        return [item.note for _, item in self.log if isinstance(item, Report)]

    def sounding(self) -> list[tuple[float, float]]:
        """When the far end sounded (seconds), gaps under 150 ms closed."""
        loud = np.flatnonzero(np.abs(np.concatenate([np.zeros(0, np.float32), *self.played])) > 0.01) / RATE
        begins, ends = loud[np.diff(loud, prepend=-1.0) > 0.15], loud[np.diff(loud, append=1e9) > 0.15] + 1 / RATE
        return [(float(begin), float(end)) for begin, end in zip(begins, ends, strict=True)]


async def raised(work: Coroutine[Any, Any, Any]) -> BaseException:
    """What ``work`` raises, the first of a group."""
    try:
        await work
    except ExceptionGroup as group:
        return group.exceptions[0]
    raise AssertionError("nothing was raised")
