"""Runs a scenario: the real core on virtual time, between a scripted caller and scripted engines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from random import Random

from duologue.app.talking.captions import trouble
from duologue.clock import SECOND, Clock
from duologue.dialogue.session.record import SessionRecorder
from duologue.dialogue.session.session import Observe, Session, SessionEngines, SessionOptions
from duologue.dialogue.turns.vocabulary import Effect, Event, Report
from duologue.errors import InputError
from duologue.language.engine import LanguageModel, Line
from duologue.language.improv import Improv
from duologue.language.moderation import Moderator
from duologue.language.persona import Persona
from duologue.simulation.caller import ScriptedCaller, Utter, silently
from duologue.simulation.chance import stream
from duologue.simulation.checks import Check, check_run
from duologue.simulation.echo import EchoPath
from duologue.simulation.engines import ScriptedActivity, ScriptedEars, ScriptedModel, create_voice
from duologue.simulation.log import FIRST_ENTRY, Log
from duologue.simulation.measures import Measures, measure
from duologue.simulation.room import Room
from duologue.simulation.scenario import LONGEST_SECONDS, Count, Scenario
from duologue.simulation.sink import LeapingSink, WatchedSink
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.hearing import Expected
from duologue.telemetry.ledger import ConversationRecord, TurnRecord

START = SECOND
"""When simulated conversations begin (ns): a record's 0 means unknown."""
PERSON = "person"
PLAIN = Persona(
    "robin", "Robin", "Robin answers calls: warm, plain and brief.", max_words=60, fillers=("Let me see.", "Well.")
)
"""Who answers where no character is named."""


@dataclass(frozen=True, slots=True)
class SimulationOutcome:
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

    def troubles(self) -> Iterator[str]:
        """What failed or was late, in words, unless the scenario counts on it, and it came as expected."""
        for name in ("failures", "stalls"):
            wanted: Count | None = getattr(self.scenario.expect, name)
            if wanted is not None and wanted.most != 0 and wanted.holds(self.measures.counts[name]):
                continue
            found = (self.log.entries[number].item for number in self.measures.lines.get(name, ()))
            yield from (trouble(item) for item in found if isinstance(item, Report))

    def ledger(self) -> Iterator[str]:
        """Lines of JSON: the conversation, every event and effect and act with its time, then the records of turns.
        Equal scenarios and seeds give equal bytes.
        """
        character = self.scenario.character or PLAIN.name
        what = ConversationRecord(
            self.log.conversation, (character,), PERSON, self.scenario.topic, self.scenario.name, self.seed
        )
        return self.log.lines(what, list(self.turns))

    def line_of(self, check: Check) -> str:
        """The line of the ledger that shows ``check``, with its number; empty when there is none."""
        if check.entry < 0:
            return ""
        return f"{check.entry + FIRST_ENTRY}: {self.log.line(self.log.entries[check.entry])}"


@dataclass(frozen=True, slots=True)
class World:
    """What a conversation is held in: time, the room, the floor, the engines, and how the caller sounds."""

    clock: Clock
    room: Room
    sink: WatchedSink
    engines: SessionEngines
    persona: Persona
    utter: Utter
    log: Log
    listeners: tuple[Observe, ...] = ()
    expected: Expected = field(default_factory=Expected)
    sessions: list[Session] = field(default_factory=list[Session])
    """The session that the sink reports to, once there is one."""


def run_scenario(scenario: Scenario, seed: int | None = None) -> SimulationOutcome:
    """Hold the conversation once, with ``seed`` (by default the scenario's own).

    Raises :class:`InputError` for one that is longer than :data:`LONGEST_SECONDS`.
    """
    chosen = scenario.seed if seed is None else seed
    try:
        return simulate(_virtually(scenario, chosen), LONGEST_SECONDS)
    except TimeoutError as error:
        raise InputError(
            f"the conversation is not over after {LONGEST_SECONDS:.0f} s (seed {chosen})",
            where=f"scenario {scenario.name}", remedy="Shorten its words and its silences, or cut it in two.",
        ) from error  # fmt: skip


async def _virtually(scenario: Scenario, seed: int) -> SimulationOutcome:
    clock, log = LoopClock(START), Log(START, stream(scenario.name, seed, "ids").getrandbits)
    room = Room(clock, START)
    room.noise_db = scenario.caller.noise_db
    sessions: list[Session] = []
    sink = LeapingSink(lambda report: sessions[0].notify(report), clock)
    echo = EchoPath(scenario.caller.echo, room, sink)
    engines = scripted_engines(scenario, seed, room, clock)
    world = World(
        clock, room, sink, engines, _persona(scenario.character), silently(scenario.caller), log, (echo.take,),
        sessions=sessions,
    )  # fmt: skip
    held = await hold(scenario, seed, world)
    checks = tuple(check_run(scenario.expect, held.measures, held.context, PERSON))
    return replace(held, checks=checks)


async def hold(scenario: Scenario, seed: int, world: World) -> SimulationOutcome:
    """Hold the conversation in ``world``. The outcome is measured, and not yet checked."""
    log, clock = world.log, world.clock
    turns: dict[str, TurnRecord] = {}

    def keep(record: TurnRecord) -> None:
        turns[record.id] = replace(record)

    caller = ScriptedCaller(
        scenario.script, world.utter, world.room, clock, lambda act: log.add(act, clock.now())
    )  # fmt: skip
    recorder = SessionRecorder(log.conversation, world.persona.name, PERSON, keep, log.endings.append)
    observers = (log.add, recorder.take, *world.listeners, caller.take)

    def observe(item: Event | Effect, now: int) -> None:
        for observer in observers:
            observer(item, now)

    options = SessionOptions(
        person=PERSON, topic=scenario.topic, greet=scenario.greet, seed=seed, policy=scenario.turn_policy(),
        expected=world.expected,
    )  # fmt: skip
    session = Session(world.persona, world.engines, world.sink, options, clock=clock, observe=observe)
    world.sessions.append(session)
    async with asyncio.TaskGroup() as group:
        beside = [group.create_task(world.sink.run()), group.create_task(caller.run(session))]
        try:
            await session.run(world.room.source())
        finally:
            for task in beside:
                task.cancel()
    full = not scenario.policy.get("half_duplex", False)
    measures = measure(log, world.sink.spans, world.room.sounds, listens_always=full)
    seconds = log.seconds(clock.now())
    return SimulationOutcome(scenario, seed, seconds, session.lines, tuple(turns.values()), measures, (), log)


def scripted_engines(scenario: Scenario, seed: int, room: Room, clock: Clock) -> SessionEngines:
    """All engines as the scenario writes them."""

    def draw(purpose: str) -> Random:
        return stream(scenario.name, seed, purpose)

    engines = scenario.engines
    return SessionEngines(
        ScriptedActivity(room, engines.noticing, draw("noticing")),
        ScriptedEars(room, engines.hearing, _finals(scenario), clock, draw("hearing")),
        scripted_model(scenario, seed, clock),
        create_voice(engines, clock, draw),
        _moderator(),
    )


def scripted_model(scenario: Scenario, seed: int, clock: Clock) -> ScriptedModel:
    """The one that thinks, as the scenario writes it."""
    replies = _improv() if scenario.replies == "improv" else scenario.replies
    return ScriptedModel(replies, scenario.engines.thinking, clock, stream(scenario.name, seed, "thinking"))


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
    from duologue.app.show.cast import find_pack
    from duologue.language.persona import load_persona

    return load_persona(find_pack("characters", character))
