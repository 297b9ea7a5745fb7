"""The programme: conversation after conversation on one stage.

A conversation that a person starts takes the place of the one on air at once. When one has ended the next is picked
from the list of topics (``forever``), until a person stops: then the stage stays quiet until somebody starts again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from duologue.app.models import (
    ChatReceipt,
    ChatRequest,
    ConversationRequest,
    ConversationState,
    ConversationView,
    TurnView,
)
from duologue.app.show.memory import ShowMemory
from duologue.app.turn_book import TurnBook
from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.dialogue.on_air.delivery import PaceState
from duologue.dialogue.on_air.director import Brief, ConversationOutcome, Director, Interlude, Player
from duologue.dialogue.on_air.voice_pace import Paces
from duologue.dialogue.ports import PlayEvent, StageFloor, Voice
from duologue.errors import ClosedError, DuologueError, InputError, in_words
from duologue.ids import unique_id
from duologue.language.moderation import Moderator, Subject
from duologue.telemetry.ledger import TurnRecord
from duologue.telemetry.log import get_logger

PAUSE = 2500 * MILLISECOND
"""Quiet between two conversations (ns)."""
RETRY = 10 * SECOND
"""Quiet after a conversation that failed (ns)."""
CHAT_PATIENCE = 8.0
"""Seconds that a person's words wait for the next conversation to begin."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Company:
    """Who and what a conversation is held with."""

    players: Sequence[Player]
    voice: Voice
    floor: StageFloor
    moderator: Moderator
    topics: Sequence[str]


@dataclass(slots=True)
class ProgrammeListener:
    """Who is told of changes; called on the event loop."""

    conversation: Callable[[ConversationView], None]
    turn: Callable[[TurnView, TurnRecord], None]
    pace: Callable[[PaceState], None] = lambda state: None


class Programme:
    """Runs conversations. ``forever``: pick the next topic when one has ended, for a conversation of ``turns``; what
    the show remembers (``memory``) was not talked about lately.

    Run :meth:`run` in a task group.
    """

    def __init__(
        self,
        company: Company,
        book: TurnBook,
        listener: ProgrammeListener,
        clock: Clock,
        *,
        seed: int,
        turns: int,
        forever: bool,
        paces: Paces | None = None,
        memory: ShowMemory | None = None,
    ) -> None:
        self._memory = memory
        self._company = company
        self._book = book
        self._listener = listener
        self._clock = clock
        self._turns = turns
        self._forever = forever
        self._paces = paces or Paces()
        self._quieted = False
        self._random = random.Random(seed)
        self._seed = seed
        self._requested: ConversationView | None = None
        self._current: ConversationView | None = None
        self._director: Director | None = None
        self._interlude = Interlude(0, 0)
        self._wake = asyncio.Event()
        self._on_stage = asyncio.Event()

    @property
    def current(self) -> ConversationView | None:
        """The conversation on air."""
        return self._current

    @property
    def moderator(self) -> Moderator:
        """Who judges what goes on air."""
        return self._company.moderator

    async def start(self, request: ConversationRequest) -> ConversationView:
        """Begin a conversation now; the one on air ends.

        Raises :class:`InputError` for a topic or cast that cannot be.
        """
        topic = await self._topic(request.topic)
        names = self._names(request.cast)
        conversation = ConversationView(
            id=unique_id(self._clock.wall()),
            topic=topic,
            cast=names,
            turns_planned=request.turns or self._turns,
            seed=request.seed if request.seed is not None else self._random.randrange(1 << 31),
            state=ConversationState.WAITING,
            started=self._clock.wall() / MILLISECOND,
        )
        self._book.open(conversation)
        if self._requested is not None:
            self._end(self._requested, ConversationState.STOPPED)
        self._requested = conversation
        self._quieted = False
        self._listener.conversation(conversation)
        self._wake.set()
        if self._director is not None:
            await self._director.stop()
        return conversation

    async def stop(self, conversation_id: str) -> ConversationView:
        """Stop a conversation at once; the stage stays quiet. One that is over already is returned as it is."""
        found = self._book.conversation(conversation_id)
        if found is None:
            raise InputError(f"there is no conversation {conversation_id!r}", where="id", remedy="List them first.")
        if self._requested is not None and self._requested.id == conversation_id:
            self._end(self._requested, ConversationState.STOPPED)
            self._requested = None
            self._quieted = True
        elif self._current is not None and self._current.id == conversation_id:
            self._quieted = True
            if self._director is not None:
                await self._director.stop()
        return self._book.conversation(conversation_id) or found

    async def chat(self, request: ChatRequest) -> ChatReceipt:
        """Pass a person's words to a character; it answers as the next turn."""
        if self._director is None and not self._quieted:
            try:
                async with asyncio.timeout(CHAT_PATIENCE):
                    await self._on_stage.wait()
            except TimeoutError as error:
                raise ClosedError("no conversation has begun", where="chat", remedy="Try again.") from error
        if self._director is None:
            raise InputError("no conversation is on air", where="chat", remedy="Start one, then speak to its cast.")
        return ChatReceipt(turn=await self._director.say(request.author, request.text, request.to))

    def notify(self, event: PlayEvent | Interlude) -> None:
        """Pass on what the stage played, of the conversation and of others."""
        if isinstance(event, Interlude):
            self._interlude = event
        if self._director is not None:
            self._director.notify(event)

    async def run(self) -> None:
        """Hold one conversation after the other until cancelled, or (not ``forever``) until the first has ended."""
        while (conversation := await self._next()) is not None:
            ended = await self._hold(conversation)
            if not self._forever and self._requested is None:
                return
            await self._quiet(RETRY if ended is ConversationState.FAILED else PAUSE)

    async def _next(self) -> ConversationView | None:
        while self._requested is None and self._quieted:
            if not self._forever:
                return None  # the first was stopped before it began
            self._wake.clear()
            await self._wake.wait()
        if self._requested is None:
            await self.start(ConversationRequest())
        conversation, self._requested = self._requested, None
        if conversation is None:
            return await self._next()
        self._wake.clear()
        return conversation

    async def _quiet(self, length: int) -> None:
        if self._requested is not None:
            return
        try:
            async with asyncio.timeout(length / SECOND):
                await self._wake.wait()
        except TimeoutError:
            return  # the pause is over

    async def _hold(self, conversation: ConversationView) -> ConversationState:
        company = self._company
        players = {player.persona.name: self._knowing(player) for player in company.players}
        director = Director(
            [players[name] for name in conversation.cast],
            company.voice,
            company.floor,
            company.moderator,
            clock=self._clock,
            on_change=self._changed,
            on_voiced=self._book.voiced,
            on_pace=self._listener.pace,
            paces=self._paces,
        )
        self._current = self._book.update(conversation.id, state=ConversationState.RUNNING)
        self._listener.conversation(self._current)
        self._director = director
        self._on_stage.set()
        state, failure = ConversationState.STOPPED, ""
        held = max(0, self._interlude.at_ns + self._interlude.duration_ns - self._clock.now())
        try:
            outcome = await director.run(
                Brief(conversation.id, conversation.topic, conversation.turns_planned, conversation.seed, held)
            )
            state = ConversationState.ENDED if outcome is ConversationOutcome.ENDED else ConversationState.STOPPED
        except Exception as error:  # whatever one conversation dies of, the show goes on with the next
            state, failure = ConversationState.FAILED, in_words(error)
            unforeseen = None if isinstance(error, DuologueError) else error
            log.error("conversation.failed", conversation=conversation.id, error=failure, exc_info=unforeseen)
        finally:
            self._director = None
            self._on_stage.clear()
            self._current = None
            self._end(conversation, state, failure)
        return state

    def _end(self, conversation: ConversationView, state: ConversationState, failure: str = "") -> None:
        self._listener.conversation(self._book.close(conversation.id, state, self._clock.wall() / MILLISECOND, failure))

    def _knowing(self, player: Player) -> Player:
        return player if self._memory is None else replace(player, persona=self._memory.knowing(player.persona))

    def _changed(self, record: TurnRecord) -> None:
        self._listener.turn(self._book.record(record), record)

    async def _topic(self, wanted: str | None) -> str:
        if wanted is None:
            topics = self._company.topics
            return self._random.choice(self._memory.fresh(topics) if self._memory is not None else topics)
        return await self._company.moderator.admit(wanted, Subject.TOPIC)

    def _names(self, wanted: tuple[str, ...] | None) -> tuple[str, ...]:
        on_stage = tuple(player.persona.name for player in self._company.players)
        if wanted is None:
            return on_stage
        unknown = [name for name in wanted if name not in on_stage]
        if unknown or len(set(wanted)) < 2:
            what = f"there is no {unknown[0]!r} on stage" if unknown else "a conversation needs two characters"
            raise InputError(what, where="cast", remedy=f"Name two of: {', '.join(on_stage)}.")
        return wanted
