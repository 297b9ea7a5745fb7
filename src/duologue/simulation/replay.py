"""A talk that was kept is heard again: the person's sound, by today's core, ears and settings, on virtual time.

The session, voice activity, ears and the taking of turns are those of today. The person does what they did: every
sample of theirs, every key, button and typed word comes at its time, whatever is answered now. The sound of a recording
lies where the core had it then (:mod:`duologue.dialogue.recording`), so a block comes when it ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace

from duologue.app.talking.captions import trouble
from duologue.audio.pcm import silence
from duologue.clock import SECOND, Clock
from duologue.dialogue.ports import Captured
from duologue.dialogue.session.record import SessionRecorder
from duologue.dialogue.session.session import Session, SessionEngines, SessionOptions
from duologue.dialogue.session.sink import BLOCK_MS
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import (
    DigitPressed,
    Effect,
    Event,
    Interrupt,
    Note,
    PutOnHold,
    Report,
    Say,
    State,
    TakenOffHold,
    TurnCancelled,
    TurnCommitted,
    Typed,
)
from duologue.language.persona import Persona
from duologue.simulation.recorded_talk import ManualTurn, PersonsAct, RecordedTalk
from duologue.simulation.replay_engines import (
    RecordedMind,
    RecordedVoice,
    WorkingEars,
    WorkingMind,
    WorkingTurnEnd,
    WorkingVoice,
)
from duologue.simulation.sink import LeapingSink
from duologue.simulation.virtual_time import LoopClock, WorkingLoop
from duologue.speech.hearing import EAR_RATE, Expected
from duologue.telemetry.ledger import EndingRecord, TurnRecord

TAIL_S = 15.0
"""So long is listened on at most behind the end of the recording: a last answer may come later than it did."""
_BLOCK = EAR_RATE * BLOCK_MS // 1000
_REST_BLOCKS = 40
PERSON = "person"
CONVERSATION = "replay"


@dataclass(frozen=True, slots=True)
class ReplayedTalk:
    """What came of hearing it again: records of the same kinds as then, with times of the same clock (ns)."""

    turns: tuple[TurnRecord, ...]
    endings: tuple[EndingRecord, ...]
    troubles: tuple[str, ...] = ()
    """What failed or was late, in words."""
    worked: float = 0.0
    """How long engines were at work (s)."""


@dataclass(slots=True)
class _Watch:
    """Looks on at the session."""

    speaker: str
    turns: dict[str, TurnRecord] = field(default_factory=dict[str, TurnRecord])
    endings: list[EndingRecord] = field(default_factory=list[EndingRecord])
    troubles: list[str] = field(default_factory=list[str])

    _recorder: SessionRecorder = field(init=False)

    def __post_init__(self) -> None:
        self._recorder = SessionRecorder(CONVERSATION, self.speaker, PERSON, self._changed, self.endings.append)

    def take(self, item: Event | Effect, now: int) -> None:
        self._recorder.take(item, now)
        if isinstance(item, Report) and item.note in (Note.FAILED, Note.STALLED):
            self.troubles.append(trouble(item))

    def _changed(self, record: TurnRecord) -> None:
        self.turns[record.id] = replace(record)


async def hear_again(
    talk: RecordedTalk, persona: Persona, engines: SessionEngines, policy: Policy, clock: Clock, seed: int = 0
) -> ReplayedTalk:
    """Hear ``talk`` on the virtual loop that runs, whose ``clock`` stands at its beginning
    (:func:`clock_of`).
    """
    watch = _Watch(persona.name)
    sessions: list[Session] = []
    sink = LeapingSink(lambda report: sessions[0].notify(report), clock)
    options = SessionOptions(
        id=CONVERSATION, person=PERSON, policy=policy, seed=seed, expected=Expected(telephone=talk.telephone)
    )
    session = Session(persona, engines, sink, options, clock=clock, observe=watch.take)
    sessions.append(session)
    async with asyncio.TaskGroup() as group:
        beside = [group.create_task(sink.run()), group.create_task(_act(talk, session, policy, clock))]
        try:
            await session.run(_sound(talk, session, clock))
        finally:
            for task in beside:
                task.cancel()
    loop = asyncio.get_running_loop()
    worked = loop.worked if isinstance(loop, WorkingLoop) else 0.0
    return ReplayedTalk(tuple(watch.turns.values()), tuple(watch.endings), tuple(watch.troubles), worked)


def clock_of(talk: RecordedTalk, loop: asyncio.AbstractEventLoop) -> LoopClock:
    """A clock of the virtual ``loop`` on which the recording begins now."""
    return LoopClock(talk.began - round(loop.time() * SECOND))


def as_recorded(talk: RecordedTalk, engines: SessionEngines, clock: Clock) -> SessionEngines:
    """The same, with the replies of then."""
    return replace(engines, model=RecordedMind(talk.replies, clock), voice=RecordedVoice(talk.lines, clock))


def at_work(engines: SessionEngines, loop: WorkingLoop, *, anew: bool) -> SessionEngines:
    """Real engines, whose work takes its time on ``loop``: those that hear, and if replies are made ``anew`` those that
    think and speak.
    """
    turn = engines.turn and WorkingTurnEnd(engines.turn, loop)
    found = replace(engines, ears=WorkingEars(engines.ears, loop), turn=turn)
    if not anew:
        return found
    return replace(found, model=WorkingMind(engines.model, loop), voice=WorkingVoice(engines.voice, loop))


async def _sound(talk: RecordedTalk, session: Session, clock: Clock) -> AsyncGenerator[Captured, None]:
    """The person's, block by block, each when it ended; then silence until nobody has the floor."""
    place = 0

    async def due(count: int) -> None:
        await clock.wait_until(talk.began + (place + count) * SECOND // EAR_RATE)

    while place < len(talk.person):
        block = talk.person[place : place + _BLOCK]
        await due(len(block))
        yield Captured(block, place)
        place += len(block)
    rest = 0
    for _ in range(round(TAIL_S * 1000) // BLOCK_MS):
        await due(_BLOCK)
        yield Captured(silence(_BLOCK), place)
        place += _BLOCK
        rest = rest + 1 if session.state is State.QUIET else 0
        if rest >= _REST_BLOCKS:
            return


async def _act(talk: RecordedTalk, session: Session, policy: Policy, clock: Clock) -> None:
    """What the person and the line did beside speaking."""
    for at, act in talk.acts:
        await clock.wait_until(at)
        _do(act, session, policy)


def _do(act: PersonsAct, session: Session, policy: Policy) -> None:
    control = session.control
    match act:
        case Typed(text):
            session.say(text)
        case Say(sentences, when):
            control.speak(" ".join(sentences), when)
        case DigitPressed(digit):
            control.press(digit)
        case ManualTurn(manual):
            control.change(policy=replace(policy, manual=manual))
        case Interrupt():
            control.interrupt()
        case TurnCommitted():
            control.commit_turn()
        case TurnCancelled():
            control.cancel_turn()
        case PutOnHold():
            control.hold()
        case TakenOffHold():
            control.unhold()
        case _:
            pass
