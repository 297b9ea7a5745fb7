"""A conversation with a person, built from settings: who speaks, on which engines.

:class:`Talk` opens conversations on the engines that a house shares; the terminal, the simulation with sound and the
benchmarks go the same way on engines of their own::

    async with open_partner(settings, "chad") as partner:
        session = partner.session(sink)
        await session.run(source)
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from duologue.app.admission import Admission, Needs, PlaceKind
from duologue.app.engines.engines import DrillEngines, EnginePool
from duologue.app.engines.languages import refuse_strangers
from duologue.app.engines.vitals import unserved, vitals
from duologue.app.engines.voices import CastVoices
from duologue.app.evidence.machine_watch import machine_watched
from duologue.app.house.shared import UNHEARD, Shared, TalkListener
from duologue.app.models import TalkView
from duologue.app.show.cast import CastMember
from duologue.app.show.stage_set import house_moderator
from duologue.app.spending.spending import open_spending
from duologue.app.talking.partners import HOUSE_VOICE, find_partner, partner_names
from duologue.app.talking.text import Deaf, WrittenVoice
from duologue.app.talking.turns import TalkTurns
from duologue.chains import Listener
from duologue.clock import MILLISECOND, SYSTEM_CLOCK, Clock
from duologue.dialogue.fillers import Stock
from duologue.dialogue.ports import Sink, Voice
from duologue.dialogue.session.session import Observe, Session, SessionEngines, SessionOptions
from duologue.dialogue.turns.vocabulary import Effect, Event
from duologue.errors import DuologueError, in_words
from duologue.ids import unique_id
from duologue.language.persona import Persona
from duologue.metering import Customer, charged_to
from duologue.precedence import Errand, Urgency, errand_of
from duologue.settings import Settings
from duologue.telemetry.log import get_logger
from duologue.telemetry.stream import Ledger

if TYPE_CHECKING:
    from duologue.app.people.knowledge import Sources
    from duologue.app.people.remembering import Acquaintance, Remembering
    from duologue.store.values import Who

NOTE_SECONDS = 60.0
"""For a model to write down what to remember."""
_BUSY = {
    PlaceKind.LISTENER: "nobody is free to listen", PlaceKind.VOICE: "no voice is free",
    PlaceKind.THOUGHT: "nobody is free to think of answers",
}  # fmt: skip

_log = get_logger("duologue.talk")

MOST_STOCKS = 16
"""Characters whose apologies and fillers are kept; a few MB each."""


def _unobserved(item: Event | Effect, now: int) -> None:
    pass


def _own_voice(voices: Mapping[str, str]) -> Voice:
    return WrittenVoice()


@dataclass(frozen=True, slots=True)
class Partner:
    """A character that is ready to talk, on engines that are warm and somebody else's. Made by :meth:`Talk.open`, for
    one conversation at a time: it has places for no more.
    """

    persona: Persona
    engines: SessionEngines
    conversation: str = ""
    """Its id: the conversation's topic on the bus has it, and its records have."""
    followed: Observe = _unobserved
    """Sees all that an observer of its sessions does."""
    acquaintance: Acquaintance | None = None
    """Who it talks with, and what is remembered of them; None: nothing is."""
    sources: Sources | None = None
    """What its answers were told from its own files; None: it has none."""
    in_voices: Callable[[Mapping[str, str]], Voice] = _own_voice
    """The character in other voices, by engine; none: a text that is only read."""
    part: str = "talk"
    """What of the house holds the conversation, as the ledger calls it."""
    ledger: Ledger | None = None
    """Where requests to its engines are entered; None: nowhere."""

    @property
    def customer(self) -> Customer:
        """For whom its engines are asked."""
        name = f"{self.part}:{self.conversation}" if self.conversation else self.part
        return Customer(name, self.acquaintance.person_id if self.acquaintance is not None else "")

    def session(
        self,
        sink: Sink,
        options: SessionOptions | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observe: Observe = _unobserved,
    ) -> Session:
        """A conversation that speaks through ``sink``; run it with any source."""
        options = options or SessionOptions()
        if not options.id:
            options = replace(options, id=unique_id(clock.wall()))
        if options.customer is None and self.conversation:
            options = replace(options, customer=self.customer)

        known = self.acquaintance
        keeper = known and known.begin(options.id, self.persona.name, options.person, options.topic)
        keep = keeper.take if keeper is not None else _unobserved

        def both(item: Event | Effect, now: int) -> None:
            keep(item, now)  # first: what the others tell of it is kept by then
            self.followed(item, now)
            observe(item, now)

        return Session(self.persona, self.engines, sink, options, clock=clock, observe=both)


class Talk:
    """Conversations with people, as a part of the house: on warm engines while it runs."""

    name = topic = "talk"

    def __init__(
        self, settings: Settings, shared: Shared, listener: TalkListener = UNHEARD, part: str = "talk"
    ) -> None:
        self.remembering = shared.remembering
        """What is kept of people, and what characters know from files; None: nothing."""
        self._settings = settings
        self._engines = shared.engines
        self._admission = shared.admission
        self._ledger = shared.ledger
        self._clock = shared.clock
        self._listener = listener
        self._part = part
        self._warm = False
        self._open: dict[str, tuple[TalkView, TalkTurns]] = {}
        self._stocks: OrderedDict[tuple[str, tuple[tuple[str, str], ...]], Stock] = OrderedDict()

    @property
    def open_now(self) -> tuple[TalkView, ...]:
        """The conversations that go on, the oldest first."""
        return tuple(view.model_copy(update={"turns": turns.newest}) for view, turns in self._open.values())

    @property
    def thinks(self) -> bool:
        """A language model answers, and no lines that were written beforehand."""
        llm = self._engines.chains[0]
        return llm is not None and self._warm and llm.capabilities.instructed

    def drills(self) -> AbstractAsyncContextManager[DrillEngines]:
        """What a lesson hears with, warm, for the length of the context."""
        return self._engines.lend_drills()

    def ready(self) -> Sequence[str]:
        """Why nobody could begin a conversation now."""
        if not self._warm:
            return ("the engines are being warmed up",)
        llm, tts, ears = self._engines.chains
        return (*unserved(vitals(llm, tts, self._clock.now(), ears)), *self._full())

    @property
    def busy(self) -> str:
        """What is wanting of the places that a conversation by voice takes; empty: nothing is."""
        kind = self._admission.places.wanting(_needs(hears=True, speaks=True))
        return "" if kind is None else _BUSY[kind]

    def _full(self) -> Sequence[str]:
        """What is wanting of the places that a conversation takes; who writes needs no listener."""
        wanting = self._admission.places.wanting
        if (kind := wanting(_needs(hears=True, speaks=True))) is None:
            return ()
        typing = ", but typing works" if wanting(_needs(hears=False, speaks=True)) is None else ""
        return (f"{_BUSY[kind]}{typing}",)

    async def run(self) -> None:
        """Keep the engines warm until cancelled."""
        async with self.warm():
            await asyncio.Event().wait()

    @asynccontextmanager
    async def warm(self) -> AsyncGenerator[None]:
        """The engines are up, and stay so between conversations."""
        async with self._engines.lend(hears=True) as engines:
            try:
                await engines.warm_up()
                self._warm = True
                yield
            finally:
                self._warm = False

    @asynccontextmanager
    async def open(
        self,
        character: str | CastMember = HOUSE_VOICE,
        *,
        conversation: str = "",
        hears: bool = True,
        speaks: bool = True,
        patience: float | None = 0.0,
        waits: Callable[[int], None] = lambda before: None,
        person: Who | None = None,
        learns: bool = True,
    ) -> AsyncGenerator[Partner]:
        """A character for one conversation, which has its places while the context lasts.

        It knows what is remembered of ``person``, and what is heard is kept; without one, nothing is. One that does not
        ``learn`` knows nothing of them, and what they tell of themselves is no fact of the next conversation.

        ``character`` is as :func:`find_partner` takes it, or a member of a cast; ``conversation`` is its id, by default
        a new one. One that does not hear or does not speak (a conversation in writing) needs no engine for that.
        ``patience`` and ``waits`` are as :meth:`~duologue.app.admission.Admission.place` has them.

        Raises :class:`~duologue.app.admission.PlaceTaken`, :class:`InputError` for an unknown name or setting, and what
        an engine raises that does not come up.
        """
        settings = self._settings
        member = find_partner(character, settings) if isinstance(character, str) else character
        async with self._engines.lend(hears=hears, speaks=speaks) as engines:
            refuse_strangers((member.persona,), engines.llm, engines.ears)
            await engines.warm_up()
            async with self._admission.place(_needs(hears=hears, speaks=speaks), patience, waits):

                def in_voices(voices: Mapping[str, str]) -> Voice:
                    if engines.voicing is None or not voices:
                        return WrittenVoice()
                    return CastVoices(engines.voicing, (replace(member, voices=voices),), streams=True)

                voice = in_voices(member.voices)
                activity = engines.noticing.activity if engines.noticing else Deaf()
                stock = self._stock(member) if speaks else Stock()
                fitted = SessionEngines(
                    activity, engines.ears or Deaf(), engines.llm, voice, house_moderator(settings), engines.turn, stock
                )
                sources = None if self.remembering is None else self.remembering.sources(member.name)
                if sources is not None and self.remembering is not None:
                    model = self.remembering.knowing(fitted.model, member.persona, sources)
                    fitted = replace(fitted, model=model)
                conversation = conversation or unique_id(self._clock.wall())
                with self._listed(conversation, member) as follow:
                    async with self._met(member.persona, person, learns=learns) as known:
                        persona = known.persona if known else member.persona
                        yield Partner(
                            persona, fitted, conversation, follow, known, sources, in_voices, self._part, self._ledger
                        )  # fmt: skip

    def _stock(self, member: CastMember) -> Stock:
        """What is voiced of it beforehand, for all its conversations: fifty at once made the same lines fifty times."""
        key = member.name, tuple(sorted(member.voices.items()))
        stock = self._stocks.setdefault(key, Stock())
        self._stocks.move_to_end(key)
        while len(self._stocks) > MOST_STOCKS:
            self._stocks.popitem(last=False)
        return stock

    async def note(self, known: Acquaintance) -> None:
        """Have the model write down what to remember of conversations that are over. Nobody waits for it, and its
        failure is nobody's: what is told plainly was written down already.
        """
        if not known.said:
            return
        try:
            async with (
                asyncio.timeout(NOTE_SECONDS),
                self._engines.lend(speaks=False) as engines,
                self._admission.place(frozenset({PlaceKind.THOUGHT}), NOTE_SECONDS),
            ):
                await engines.warm_up()
                with errand_of(Errand(Urgency.AHEAD)), charged_to(Customer(self._part, known.person_id)):
                    await known.note(engines.llm)
        except (DuologueError, TimeoutError) as error:
            _log.warning("memory.not_noted", cause=in_words(error))

    @asynccontextmanager
    async def _met(self, persona: Persona, person: Who | None, *, learns: bool) -> AsyncGenerator[Acquaintance | None]:
        if person is None or self.remembering is None:
            yield None
            return
        known = await self.remembering.meet(person, persona, self._part, learns=learns)
        try:
            yield known
        finally:
            known.close()

    @contextmanager
    def _listed(self, conversation: str, member: CastMember) -> Generator[Observe]:
        began = self._clock.wall() / MILLISECOND
        view = TalkView(id=conversation, character=member.name, title=member.persona.title, started=began)
        turns = TalkTurns(member.name)

        def follow(item: Event | Effect, now: int) -> None:
            self._listener.moved(member.name, item)
            for turn in turns.take(item):
                self._listener.turn(view.id, turn)

        self._open[view.id] = view, turns
        self._listener.talk(view)
        try:
            yield follow
        finally:
            del self._open[view.id]
            self._listener.talk(view.model_copy(update={"ended": self._clock.wall() / MILLISECOND}))


def _needs(*, hears: bool, speaks: bool) -> Needs:
    wanted = {PlaceKind.LISTENER: hears, PlaceKind.VOICE: speaks, PlaceKind.THOUGHT: True}
    return frozenset(kind for kind, needed in wanted.items() if needed)


@asynccontextmanager
async def open_talk(
    settings: Settings, listener: Listener | None = None, *, remembers: bool = False, measured: bool = False
) -> AsyncGenerator[Talk]:
    """Conversations on engines of their own, without a house; ``listener`` is told when an engine of a chain fails.
    ``remembers``: people are known from earlier conversations, where the settings have a store. ``measured``: their
    ledger is told each second what the machine does, so that a report can say when it was to blame.
    """
    async with (
        _remembering(settings if remembers else None) as remembering,
        open_spending(settings, remembering.store if remembering is not None else None) as spending,
    ):
        pool = EnginePool(settings, spending)
        async with pool.open():
            if listener is not None:
                pool.listeners.append(listener)
            shared = Shared(pool, Admission(pool.at_once), spending.ledger, remembering=remembering)
            watched = machine_watched(spending.ledger, pool.workers.states) if measured else nullcontext()
            async with watched:
                yield Talk(settings, shared)


@asynccontextmanager
async def _remembering(settings: Settings | None) -> AsyncGenerator[Remembering | None]:
    if settings is None or not settings.store.keep:
        yield None
        return
    from duologue.app.people.remembering import Remembering, open_store  # a third of a second that not all need

    store = open_store(settings)
    assert store is not None
    store.start()
    remembering = Remembering(store, settings, characters=partner_names())
    try:
        await remembering.learn()
        yield remembering
    finally:
        await store.close()


@asynccontextmanager
async def open_partner(
    settings: Settings,
    character: str | CastMember = HOUSE_VOICE,
    *,
    hears: bool = True,
    speaks: bool = True,
    listener: Listener | None = None,
    person: Who | None = None,
    measured: bool = False,
) -> AsyncGenerator[Partner]:
    """A character with warm engines of its own: :meth:`Talk.open`, for a program that holds one conversation."""
    async with open_talk(settings, listener, remembers=person is not None, measured=measured) as talk:
        async with talk.open(character, hears=hears, speaks=speaks, person=person) as partner:
            yield partner
        if partner.acquaintance is not None:
            await talk.note(partner.acquaintance)
