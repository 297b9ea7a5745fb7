"""The caller: does the steps of a script, one after the other, and waits for what it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.dialogue.ports import PlayStarted
from duologue.dialogue.session.session import Session
from duologue.dialogue.turns.vocabulary import Commit, Effect, Event, Extend, Play
from duologue.simulation.room import Room, RoomSound, say
from duologue.simulation.scenario import Caller, ScenarioStep
from duologue.speech.hearing import EAR_RATE
from duologue.speech.utterance import Utterance

WAIT_SECONDS = 60.0
"""Longer than this nothing is waited for."""


@dataclass(slots=True)
class Act:
    """What the caller did: ``begin`` and ``end`` (ns) of the sound, equal where there is none. ``text`` is as it is
    spoken, without the marks of pauses. ``number`` counts what was said. ``missed``: what it waited for did not come.
    """

    step: ScenarioStep
    begin: int
    end: int
    text: str = ""
    number: int = -1
    missed: bool = False

    @property
    def is_turn(self) -> bool:
        """Words that want an answer."""
        return self.step.verb in ("say", "interrupt")


Utter: TypeAlias = Callable[[ScenarioStep, int, int], list[RoomSound]]
"""Makes the sounds of a step that begins at a place of the ruler, as utterance so and so."""


def silently(options: Caller) -> Utter:
    """Words as they take time, without a voice."""

    def utter(step: ScenarioStep, begin: int, number: int) -> list[RoomSound]:
        if step.cough is not None:
            return [RoomSound(begin, begin + round(step.cough * EAR_RATE / 1000), "", number)]
        return say(step.words, begin, step.words_per_minute or options.words_per_minute, number)

    return utter


class ScriptedCaller:
    """Runs ``script`` against ``session``; tell it with :meth:`take` what happens there. ``tell`` is given each act as
    it begins.
    """

    def __init__(
        self, script: Sequence[ScenarioStep], utter: Utter, room: Room, clock: Clock, tell: Callable[[Act], None]
    ) -> None:
        self._script = script
        self._utter = utter
        self._room = room
        self._clock = clock
        self._tell = tell
        self._news = asyncio.Event()
        self._said = 0
        self._utterances: dict[str, Utterance] = {}
        self._begun: list[tuple[str, int]] = []
        """Sentences of replies that began to play, and when (ns)."""
        self._answered = 0
        """Replies that are over and were not interrupted."""
        self._sounded: dict[str, None] = {}
        """Replies that began to sound, in order."""
        self._marks = (0, 0)
        """The two numbers above when the caller last did something."""

    def take(self, item: Event | Effect, now: int) -> None:
        """An event or effect of the session."""
        match item:
            case Play(utterance) | Extend(utterance):
                self._utterances[utterance.id] = utterance
            case PlayStarted(utterance_id, at) if "/" in utterance_id:
                self._sounded[utterance_id.partition("/")[0]] = None
                self._begun.append((utterance_id, at))
            case Commit(interrupted=False, reply=reply) if reply:
                self._answered += 1
            case _:
                return
        self._news.set()

    async def run(self, session: Session) -> None:
        """Do all steps, then hang up."""
        for step in self._script:
            await self._do(step, session)
        session.hang_up()

    async def _do(self, step: ScenarioStep, session: Session) -> None:
        match step.verb:
            case "say" | "interrupt" | "backchannel" | "cough":
                await self._sound(step)
            case "pause":
                await self._rest(step, round((step.pause or 0) * MILLISECOND))
            case "silence":
                await self._rest(step, round((step.silence or 0) * SECOND))
            case "noise":
                self._act(step)
                self._room.noise_db = step.noise if isinstance(step.noise, float) else None
            case "type":
                self._act(step)
                self._marks = (self._answered, len(self._sounded))
                session.say(step.type)
            case "wait":
                await self._wait(step)
            case _:
                self._act(step)
                session.hang_up()

    def _act(self, step: ScenarioStep, *, missed: bool = False) -> Act:
        now = self._clock.now()
        act = Act(step, now, now, step.type, missed=missed)
        self._tell(act)
        return act

    async def _rest(self, step: ScenarioStep, length: int) -> None:
        self._act(step)
        await self._clock.wait_until(self._clock.now() + length)

    async def _sound(self, step: ScenarioStep) -> None:
        if (step.after_s is not None or step.at_word) and not await self._reach(step):
            self._act(step, missed=True)
            return
        begin = self._room.place(self._clock.now())
        number = self._said
        self._said += 1
        sounds = self._utter(step, begin, number)
        if step.verb != "cough" and step.verb != "backchannel":
            self._marks = (self._answered, len(self._sounded))
        self._room.add(sounds)
        onset, end = self._room.time(sounds[0].begin), self._room.time(sounds[-1].end)
        text = " ".join(sound.text for sound in sounds if sound.text)
        self._tell(Act(step, onset, end, text, number))
        await self._clock.wait_until(end)

    async def _wait(self, step: ScenarioStep) -> None:
        answered, sounded = self._marks
        act = self._act(step)
        if step.wait == "reply":
            act.missed = not await self._until(lambda: self._answered > answered)
            self._marks = (answered + 1, sounded)
        else:
            act.missed = not await self._until(lambda: len(self._sounded) > sounded)

    async def _reach(self, step: ScenarioStep) -> bool:
        """Wait for the place in the reply at which ``step`` is done."""
        reached = await self._until(lambda: self._place_of(step) is not None)
        await self._clock.wait_until(self._place_of(step) or 0)
        return reached

    def _place_of(self, step: ScenarioStep) -> int | None:
        """When the place in the reply that plays is reached (ns), None while that is not known."""
        if len(self._sounded) <= self._marks[1]:
            return None
        reply = next(reversed(self._sounded))
        newest = [each for each in self._begun if each[0].partition("/")[0] == reply]
        if not step.at_word:
            return newest[0][1] + round((step.after_s or 0) * SECOND)
        for utterance_id, at in newest:
            utterance = self._utterances[utterance_id]
            for word in utterance.words():
                if word.text.strip(".,!?;:").casefold() == step.at_word.casefold():
                    return at + word.start * SECOND // utterance.rate
        return None

    async def _until(self, holds: Callable[[], bool]) -> bool:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while not holds():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True
