"""Runs a scenario: the real core on virtual time, between a scripted caller and scripted engines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from duologue.app.simulation.caller import Act, ScriptedCaller
from duologue.app.simulation.chance import stream
from duologue.app.simulation.checks import Check, check_run
from duologue.app.simulation.echo import EchoPath
from duologue.app.simulation.engines import ScriptedActivity, ScriptedEars, ScriptedModel, create_voice
from duologue.app.simulation.log import Log
from duologue.app.simulation.measures import Measures, measure
from duologue.app.simulation.room import Room
from duologue.app.simulation.scenario import LONGEST_SECONDS, Scenario
from duologue.app.simulation.sink import LeapingSink
from duologue.app.simulation.virtual_time import LoopClock, simulate
from duologue.clock import SECOND
from duologue.dialogue.session import Engines, Session, SessionOptions
from duologue.dialogue.session_record import SessionRecorder
from duologue.dialogue.turns_vocabulary import Effect, Event
from duologue.language.engine import LanguageModel, Line
from duologue.language.improv import Improv
from duologue.language.moderation import Moderator
from duologue.language.persona import Persona
from duologue.telemetry.ledger import TurnRecord

START = SECOND
"""When simulated conversations begin (ns): a record's 0 means unknown."""
PERSON = "person"
PLAIN = Persona(
    "robin", "Robin", "Robin answers calls: warm, plain and brief.", max_words=60, fillers=("Let me see.", "Well.")
)
"""Who answers where no character is named."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one conversation. ``seconds`` is how long it was (virtual time)."""

    scenario: Scenario
    seed: int
    seconds: float
    context: tuple[Line, ...]
    turns: tuple[TurnRecord, ...]
    measures: Measures
    checks: tuple[Check, ...]
    log: Log = field(repr=False)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The expectations that do not hold."""
        return tuple(check for check in self.checks if not check.holds)

    def ledger(self) -> Iterator[str]:
        """Lines of JSON: the conversation, every event and effect and act with its time, then the records of turns.
        Equal scenarios and seeds give equal bytes.
        """
        head = {"scenario": self.scenario.name, "seed": self.seed, "seconds": round(self.seconds, 3)}
        return self.log.lines(head, list(self.turns))

    def line_of(self, check: Check) -> str:
        """The line of the ledger that shows ``check``, with its number; empty when there is none."""
        if check.entry < 0:
            return ""
        return f"{check.entry + 2}: {self.log.line(self.log.entries[check.entry])}"


def run_scenario(scenario: Scenario, seed: int | None = None) -> Outcome:
    """Hold the conversation once, with ``seed`` (by default the scenario's own)."""
    chosen = scenario.seed if seed is None else seed
    return simulate(_Conversation(scenario, chosen).run(), LONGEST_SECONDS)


class _Conversation:
    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._scenario = scenario
        self._seed = seed
        self._clock = LoopClock(START)
        self._log = Log(START)
        self._turns: dict[str, TurnRecord] = {}
        self._persona = _persona(scenario.character)

    async def run(self) -> Outcome:
        scenario = self._scenario
        room = Room(self._clock, START)
        room.noise_db = scenario.caller.noise_db
        sink = LeapingSink(lambda report: session.notify(report), self._clock)
        caller = ScriptedCaller(scenario.caller, scenario.script, room, self._clock, self._tell)
        echo = EchoPath(scenario.caller.echo, room, sink)
        recorder = SessionRecorder(f"{scenario.name}-{self._seed}", self._persona.name, PERSON, self._keep)

        def observe(item: Event | Effect, now: int) -> None:
            self._log.add(item, now)
            recorder.take(item, now)
            echo.take(item, now)
            caller.take(item, now)

        session = Session(
            self._persona, self._engines(room), sink,
            SessionOptions(
                person=PERSON, topic=scenario.topic, greet=scenario.greet, seed=self._seed,
                policy=scenario.turn_policy(),
            ),
            clock=self._clock, observe=observe,
        )  # fmt: skip
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(sink.run()), group.create_task(caller.run(session))]
            try:
                await session.run(room.source())
            finally:
                for task in beside:
                    task.cancel()
        return self._outcome(session, sink, room)

    def _outcome(self, session: Session, sink: LeapingSink, room: Room) -> Outcome:
        scenario = self._scenario
        full = not scenario.policy.get("half_duplex", False)
        measures = measure(self._log, sink.spans, room.sounds, listens_always=full)
        checks = tuple(check_run(scenario.expect, measures, session.lines, PERSON))
        seconds = self._log.seconds(self._clock.now())
        turns = tuple(self._turns.values())
        return Outcome(scenario, self._seed, seconds, session.lines, turns, measures, checks, self._log)

    def _engines(self, room: Room) -> Engines:
        scenario, clock = self._scenario, self._clock

        def draw(purpose: str):
            return stream(scenario.name, self._seed, purpose)

        finals = _finals(scenario)
        engines = scenario.engines
        replies = _improv() if scenario.replies == "improv" else scenario.replies
        return Engines(
            ScriptedActivity(room, engines.noticing, draw("noticing")),
            ScriptedEars(room, engines.hearing, finals, clock, draw("hearing")),
            ScriptedModel(replies, engines.thinking, clock, draw("thinking")),
            create_voice(engines, clock, draw, lambda handover: self._log.add(handover, handover.at)),
            _moderator(),
        )

    def _tell(self, act: Act) -> None:
        self._log.add(act, self._clock.now())

    def _keep(self, record: TurnRecord) -> None:
        self._turns[record.id] = replace(record)


def _finals(scenario: Scenario) -> dict[int, str]:
    """What the ears make of an utterance in the end, by its number, where that is not what was said."""
    spoken = [step for step in scenario.script if step.verb in ("say", "interrupt", "backchannel", "cough")]
    return {number: step.final for number, step in enumerate(spoken) if step.final is not None}


@cache
def _moderator() -> Moderator:
    return Moderator()


@cache
def _improv() -> LanguageModel:
    return Improv()


@cache
def _persona(character: str) -> Persona:
    if not character:
        return PLAIN
    from duologue.app.cast import find_pack
    from duologue.language.persona import load_persona

    return load_persona(find_pack("characters", character))
