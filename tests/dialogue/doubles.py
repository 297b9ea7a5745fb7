"""A floor and a voice in virtual time, and a show made of them that keeps what happened."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.on_air.delivery import PaceState
from duologue.dialogue.on_air.director import Brief, ConversationOutcome, Director, Player
from duologue.dialogue.on_air.voice_pace import Paces
from duologue.dialogue.on_air.writing import Limits
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayStarted, Voiced
from duologue.errors import DuologueError, PeerError
from duologue.language.engine import LanguageModel
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.language.moderation import Moderator
from duologue.language.persona import Persona
from duologue.simulation.virtual_time import LoopClock
from duologue.speech.utterance import Mark, MarkKind, Utterance
from duologue.telemetry.ledger import TurnRecord

RATE = 1000
WORD_SECONDS = 0.4


def utterance(text: str, speaker: str, utterance_id: str) -> Utterance:
    """0.4 s a word at 1 kHz, with word marks."""
    length = round(WORD_SECONDS * RATE)
    marks: list[Mark] = []
    offset = 0
    for number, word in enumerate(text.split()):
        offset = text.index(word, offset)
        marks.append(Mark(MarkKind.WORD, word, number * length, (number + 1) * length, offset))
        offset += len(word)
    samples = np.zeros(length * len(marks), np.float32)
    return Utterance(utterance_id, speaker, text, samples, RATE, tuple(marks), engine="double")


class VoiceDouble:
    """Voices after ``seconds``; the first ``failures`` lines of turns fail, with ``mute_fillers`` all fillers."""

    def __init__(self, clock: LoopClock, seconds: float = 0.1) -> None:
        self.clock = clock
        self.seconds = seconds
        self.failures = 0
        self.mute_fillers = False
        self.texts: list[str] = []

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        await asyncio.sleep(self.seconds)
        if self.mute_fillers and utterance_id.startswith("filler"):
            raise PeerError("no fillers today", where="double")
        if self.failures and not utterance_id.startswith("filler"):
            self.failures -= 1
            raise PeerError("the voice broke", where="double")
        self.texts.append(text)
        return Voiced(utterance(text, speaker, utterance_id), self.clock.now())


@dataclass
class FloorDouble:
    """Plays what it is given, sample-exactly, in virtual time; deaf and mute on request."""

    clock: LoopClock
    notify: Callable[[PlayEvent], None] = lambda event: None
    queue: list[tuple[Utterance, int]] = field(default_factory=list[tuple[Utterance, int]])
    played: list[tuple[Utterance, int, int]] = field(default_factory=list[tuple[Utterance, int, int]])
    cleared: list[int] = field(default_factory=list[int])
    pondered: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    mute_reports: set[str] = field(default_factory=set[str])
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _clear: asyncio.Event = field(default_factory=asyncio.Event)

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        self.queue.append((utterance, gap_ms))
        self._wake.set()

    async def ponder(self, speaker: str) -> None:
        self.pondered.append((speaker, self.clock.now()))

    async def withdraw(self, utterance_id: str) -> bool:
        await asyncio.sleep(0.005)
        kept = [item for item in self.queue if item[0].id != utterance_id]
        done = len(kept) < len(self.queue)
        self.queue[:] = kept
        return done

    async def clear(self) -> None:
        self.queue.clear()
        self.cleared.append(self.clock.now())
        self._clear.set()

    def cut(self) -> None:
        """What plays falls silent; what is queued follows it."""
        self._clear.set()

    async def run(self) -> None:
        """The far end: one utterance after another, each at its gap after the end of the one before."""
        free_at = 0
        while True:
            while not self.queue:
                self._wake.clear()
                await self._wake.wait()
            head = self.queue[0]
            start = max(self.clock.now(), free_at + head[1] * MILLISECOND)
            if not await self._until(start, lambda head=head: bool(self.queue) and self.queue[0] is head):
                continue
            self.queue.pop(0)
            free_at = await self._play(head[0], start)

    async def _until(self, at: int, still: Callable[[], bool]) -> bool:
        """Wait in small steps, so that a withdrawal is seen."""
        while self.clock.now() < at:
            await self.clock.wait_until(min(at, self.clock.now() + 5 * MILLISECOND))
            if not still():
                return False
        return still()

    async def _play(self, what: Utterance, start: int) -> int:
        self._clear.clear()
        self._report(PlayStarted(what.id, start))
        total = len(what.samples)
        end = start + total * SECOND // what.rate
        try:
            async with asyncio.timeout((end - self.clock.now()) / SECOND):
                await self._clear.wait()
            end = self.clock.now()
        except TimeoutError:
            pass
        played = min(total, (end - start) * what.rate // SECOND)
        self.played.append((what, start, end))
        self._report(PlayEnded(what.id, end, played))
        return end

    def _report(self, event: PlayEvent) -> None:
        if event.utterance_id not in self.mute_reports:
            self.notify(event)


CHAD = Persona(
    "chad", "Chad", "A confident man.", max_words=30, temperature=0.9, model="big",
    fillers=("Hm.", "Right."), deflections=("Let me flex past that one.", "Next set, please."),
)  # fmt: skip
VIRGIN = Persona(
    "virgin", "Virgin", "A careful man.", max_words=30, temperature=0.3, model="small",
    fillers=("Um.",), deflections=("I have redacted myself.", "My notes forbid it."),
)  # fmt: skip


class Show:
    """A director among doubles; ``records`` holds the last state of every turn, ``history`` every change."""

    def __init__(
        self,
        script: Iterable[ScriptedReply] = (),
        *,
        usual: ScriptedReply | None = None,
        turns: int = 6,
        seed: int = 7,
        topic: str = "lighthouses",
        patient: bool = False,
        limits: Limits | None = None,
        moderator: Moderator | None = None,
        cast: tuple[Persona, ...] = (CHAD, VIRGIN),
    ) -> None:
        self.clock = LoopClock()
        self.model = FakeLanguage(script, self.clock, usual)
        self.voice = VoiceDouble(self.clock)
        self.floor = FloorDouble(self.clock)
        self.records: dict[str, TurnRecord] = {}
        self.history: list[TurnRecord] = []
        self.voiced: list[Utterance] = []
        self.paces = Paces()
        self.told: list[PaceState] = []
        self.brief = Brief("c", topic, turns, seed)
        self.outcome: ConversationOutcome | None = None
        self._moderator = moderator or Moderator()
        self._patient = patient
        self._limits = limits
        self._cast = cast
        self.use(self.model)

    def use(self, model: LanguageModel) -> None:
        """Let ``model`` think for everybody."""
        self.director = Director(
            [Player(persona, model) for persona in self._cast], self.voice, self.floor, self._moderator,
            clock=self.clock, on_change=self._changed, on_voiced=self.voiced.append, on_pace=self.told.append,
            paces=self.paces,
            patient=self._patient, limits=self._limits,
        )  # fmt: skip
        self.floor.notify = self.director.notify

    def _changed(self, record: TurnRecord) -> None:
        self.records[record.id] = record
        self.history.append(record)

    async def run(self, *meanwhile: Callable[[Show], Coroutine[Any, Any, None]]) -> Show:
        """Hold the conversation; each of ``meanwhile`` is a coroutine function started beside it."""
        failure: DuologueError | None = None
        async with asyncio.TaskGroup() as group:
            floor = group.create_task(self.floor.run())
            for function in meanwhile:
                group.create_task(function(self))
            try:
                self.outcome = await self.director.run(self.brief)
            except DuologueError as error:
                failure = error
            floor.cancel()
        if failure:
            raise failure
        return self

    def on_air(self) -> list[TurnRecord]:
        """What was played, in order, without fillers."""
        played = [self.records[what.id] for what, _, _ in self.floor.played]
        return [record for record in played if record.kind != "filler"]

    def fillers(self) -> list[TurnRecord]:
        return [record for record in self.records.values() if record.kind == "filler"]

    def silences_ms(self) -> list[float]:
        """Between the end of each utterance and the start of the next, fillers included."""
        played = self.floor.played
        return [(b[1] - a[2]) / MILLISECOND for a, b in itertools.pairwise(played)]
