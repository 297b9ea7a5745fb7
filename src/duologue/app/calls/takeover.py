"""A call that an operator has taken over: they speak with the caller, and the character listens.

The conversation of the core goes on meanwhile, with the same ears, on the same sink, and answers nobody
(:attr:`~duologue.dialogue.turns.policy.Policy.answers`). What the operator says is understood by ears of its own, and
stands in the conversation as the answer of somebody else; what they write is said by the character. So the character
knows what was said when it goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Protocol

from duologue.app.calls.operator_voice import OPERATOR, OperatorVoice
from duologue.app.talking.talking import Partner
from duologue.audio.pcm import Samples
from duologue.clock import Clock
from duologue.dialogue.far_end.remote_sink import RemoteSink
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayProgress
from duologue.dialogue.session.record import SessionRecorder
from duologue.dialogue.session.session import Session, SessionOptions
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import (
    Apply,
    Commit,
    Effect,
    Event,
    State,
    TurnClosed,
    TurnKept,
    Withdrawn,
)
from duologue.errors import DuologueError, in_words
from duologue.language.engine import LanguageCapabilities, Prompt
from duologue.speech.utterance import Utterance
from duologue.streams import cancelled
from duologue.telemetry.ledger import TakeoverRecord, TurnRecord
from duologue.telemetry.log import get_logger

YIELD_SECONDS = 10.0
"""For the character to end its sentence, or to announce the operator."""
LAST_SECONDS = 2.0
"""For what the operator has just said to be understood, when they give the call back."""
ASKED = "handed back"
_OURS = frozenset({
    State.THINKING, State.SPEAKING, State.DOUBTING, State.PAUSED, State.JUDGING, State.CLEARING,
})  # fmt: skip
"""Something of the character's is on the floor, or about to be."""
_log = get_logger("duologue.line")

OpenEars = Callable[[], AbstractAsyncContextManager[Partner]]


class TakenCall(Protocol):
    """The call, as whoever takes it over needs it."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def held(self) -> bool:
        """Nobody is at the other end now."""
        ...

    @property
    def caller(self) -> str:
        """What the other side is called in the context."""
        ...

    @property
    def policy(self) -> Policy:
        """How turns are taken while the character speaks."""
        ...

    @property
    def announcement(self) -> str:
        """What the character says before it gives way; empty: nothing."""
        ...

    @property
    def back(self) -> str:
        """What it says when it is left alone with a caller."""
        ...

    def operated(self, operator: str, *, speaks: bool) -> None:
        """Who has the call (empty: the character), and whether they can be heard already."""
        ...

    def entered(self, record: TurnRecord | TakeoverRecord) -> None:
        """What the operator said, and that they had the call."""
        ...

    def trouble(self, text: str, remedy: str) -> None:
        """Something that whoever attends should know."""
        ...


class Takeover:
    """See the module. Run :meth:`run` beside each conversation of the call; ``ears`` opens a place of one who listens
    for what the operator says.
    """

    def __init__(self, call: TakenCall, ears: OpenEars, clock: Clock) -> None:
        self.operator = ""
        """Who has the call, or is about to; empty: the character has it."""
        self.speaks = False
        """The character has given way."""
        self._call = call
        self._open_ears = ears
        self._clock = clock
        self._wanted, self._back = asyncio.Event(), asyncio.Event()
        self._applied, self._said, self._stirred = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._policy = call.policy
        self._session: Session | None = None
        self._ears: Session | None = None
        self._voice: OperatorVoice | None = None
        self._rests = asyncio.Event()
        """The operator's newest words are understood."""
        self._writing = False
        """What was written is not said yet."""
        self._kept = False
        """The caller has said something, and nobody has answered it."""
        self._why = ""
        self._number = 0

    # What operators want

    def take(self, operator: str) -> bool:
        """Have the call; False: somebody else has it."""
        if self.operator:
            return self.operator == operator
        self.operator, self._why = operator, ""
        self._back.clear()
        self._wanted.set()
        self._call.operated(operator, speaks=False)
        return True

    def give_back(self, why: str = ASKED) -> None:
        """The character goes on."""
        self._why = self._why or why
        self._back.set()

    async def write(self, text: str) -> None:
        """The character says ``text`` for the operator. Raises :class:`~duologue.errors.InputError` for nothing."""
        if self._session is not None and self._voice is not None and self.speaks:
            self._session.control.speak(text)
            self._writing = True
            await self._voice.pause()

    def interrupt(self) -> None:
        """What was written is not said to its end."""
        self._writing = False
        if self._session is not None and self.speaks:
            self._session.control.interrupt()

    async def hear(self, at: int, samples: Samples) -> None:
        """Of the operator's microphone: 16 kHz, the first sample is number ``at`` on its clock."""
        if not self.speaks or self._voice is None or self._session is None:
            return
        if self._ears is not None:
            self._ears.hear(samples, at)
        if self._writing or self._call.held or self._session.state in _OURS:
            await self._voice.pause()
        else:
            await self._voice.say(samples, self._clock.now())

    async def tick(self, now: int) -> None:
        """Whoever does not send any sound has paused; often."""
        if self._voice is not None:
            await self._voice.tick(now)

    # What the call tells

    def see(self, item: Event | Effect) -> None:
        """What an observer of the call's conversation sees."""
        self._stirred.set()
        match item:
            case Apply(change) if change.policy is self._policy:
                self._applied.set()
            case TurnKept():
                self._kept = True
            case TurnClosed():
                self._kept = False
            case Commit(reply=reply) | Withdrawn(reply=reply) if reply:
                self._writing = False
                self._said.set()
            case _:
                pass

    def played(self, report: PlayEvent | PlayProgress) -> bool:
        """What became of an utterance; False: it is not the operator's."""
        if self._voice is None or not self._voice.owns(report.utterance_id):
            return False
        if isinstance(report, PlayEnded):
            self._voice.ended(report.utterance_id)
        return True

    # How it is done

    async def run(self, session: Session, sink: RemoteSink) -> None:
        """Beside a conversation, until cancelled: whoever wants the call gets it."""
        self._session = session
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                await self._hold(session, sink)
        except asyncio.CancelledError as error:
            error.__traceback__ = None  # a group that we had, and its frames, would hold each other and the call
            raise
        finally:
            self._session = None

    async def _hold(self, session: Session, sink: RemoteSink) -> None:
        operator, began = self.operator, self._clock.now()
        self._number += 1
        self._voice = OperatorVoice(f"{self._call.id}/o{self._number}.", sink)
        _log.info("call.taken_over", call=self._call.id, operator=operator)
        try:
            async with asyncio.TaskGroup() as group:
                giving = group.create_task(self._give_way(session))
                gone = group.create_task(self._back.wait())
                await asyncio.wait((giving, gone), return_when=asyncio.FIRST_COMPLETED)
                if giving.done():
                    self.speaks = True
                    self._call.operated(operator, speaks=True)
                    listening = group.create_task(self._listen(session))
                    await gone
                    await self._last_words()
                    listening.cancel()
                giving.cancel()
                await self._voice.pause()
        finally:
            self._over(session, operator, began)

    def _over(self, session: Session, operator: str, began: int) -> None:
        """The character goes on: it answers what was said last and nobody has answered."""
        why, spoke = self._why or "the call went on without them", self.speaks
        self.operator, self.speaks, self._voice, self._writing = "", False, None, False
        self._wanted.clear()
        session.control.change(policy=self._call.policy)
        if self._kept:
            session.say("")
        elif spoke and why != ASKED and self._back.is_set():
            session.control.speak(self._call.back)
        _log.info("call.handed_back", call=self._call.id, operator=operator, why=why)
        self._call.entered(TakeoverRecord(operator, began, self._clock.now(), why, spoke))
        self._call.operated("", speaks=False)
        if why != ASKED and self._back.is_set():
            self._call.trouble(f"The call was given back to the character: {why}", "Take it over again.")

    async def _give_way(self, session: Session) -> None:
        """The character ends its sentence, and begins nothing new."""
        control = session.control
        self._policy = replace(self._call.policy, answers=False, speculate=False, asks=0)
        self._applied.clear()
        control.change(policy=self._policy)
        await self._applied.wait()
        if session.state in (State.THINKING, State.HELD):
            control.interrupt()
        else:
            control.finish()
        await self._quiet(session)
        if self._call.announcement:
            self._said.clear()
            control.speak(self._call.announcement)
            await _within(YIELD_SECONDS, self._said.wait())

    async def _quiet(self, session: Session) -> None:
        """Nothing of the character's is on the floor."""

        async def rests() -> None:
            while session.state in _OURS:
                self._stirred.clear()
                await self._stirred.wait()

        if not await _within(YIELD_SECONDS, rests()):
            session.control.interrupt()

    async def _last_words(self) -> None:
        """What the operator has just said belongs to the conversation."""
        if self._ears is None:
            return
        self._ears.control.commit_turn()

        async def rests() -> None:
            while self._ears is not None and self._ears.state is not State.QUIET:
                self._rests.clear()
                await self._rests.wait()

        await _within(LAST_SECONDS, rests())

    async def _listen(self, session: Session) -> None:
        """What the operator says is understood while they have the call; without ears it is heard, and not written
        down.
        """
        try:
            async with self._understood(session) as ears:
                self._ears = ears
                await ears.run()
        except DuologueError as error:
            self._call.trouble(f"What you say is not written down: {in_words(error)}", "The caller hears you.")
        except Exception as error:  # an engine may come from a stranger's package
            if cancelled():
                raise
            _log.error("call.operator_not_understood", call=self._call.id, cause=in_words(error), exc_info=error)
            self._call.trouble(f"What you say is not written down: {in_words(error)}", "The caller hears you.")
        finally:
            self._ears = None

    def _turned(self, record: TurnRecord) -> None:
        record.operator = True
        self._call.entered(record)

    @asynccontextmanager
    async def _understood(self, session: Session) -> AsyncGenerator[Session]:
        """Ears for the operator. Raises what a place that is taken raises."""
        name = f"{self._call.id}-o{self._number}"
        recorder = SessionRecorder(name, self._call.caller, OPERATOR, self._turned)
        policy = Policy(answers=False, speculate=False)

        def see(item: Event | Effect, now: int) -> None:
            recorder.take(item, now)
            self._rests.set()
            if isinstance(item, TurnKept):
                session.control.answered(OPERATOR, item.person)
                if self._ears is not None:
                    self._ears.control.answered(self._call.caller)

        async with self._open_ears() as partner:
            partner = replace(partner, engines=replace(partner.engines, model=_Nobody()))
            options = SessionOptions(id=name, person=OPERATOR, policy=policy)
            yield partner.session(_Nowhere(), options, clock=self._clock, observe=see)


async def _within(seconds: float, work: Awaitable[object]) -> bool:
    """Whether it is done in time."""
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        return False
    return True


class _Nobody:
    """A :class:`~duologue.language.engine.LanguageModel` that is never asked: nothing is read ahead for it."""

    name = "nobody"
    capabilities = LanguageCapabilities(streaming=False, deterministic=True)

    async def warm_up(self) -> None:
        """Nothing to load."""

    async def write(self, prompt: Prompt) -> AsyncIterator[str]:
        """Nothing is thought."""
        return
        yield ""

    async def close(self) -> None:
        """Nothing to release."""


class _Nowhere:
    """A :class:`~duologue.dialogue.ports.Sink` of ears that answer nobody."""

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        """Nothing is said."""

    async def extend(self, utterance: Utterance) -> None:
        """Nothing is said."""

    async def withdraw(self, utterance_id: str) -> bool:
        """Nothing is said."""
        return True

    async def pause(self) -> None:
        """Nothing is said."""

    async def resume(self) -> None:
        """Nothing is said."""

    async def clear(self) -> None:
        """Nothing is said."""
