"""Who is talked with, and what is kept of it: a person's memory goes into a conversation, what was heard goes out.

A conversation never waits for the store, but for one moment at its beginning, which is bounded. Where nothing can be
kept it goes on, and whoever holds it is told (:attr:`Acquaintance.trouble`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.orm import Session

from duologue.app.people.keeping import ConversationKeeper
from duologue.app.people.knowledge import KnowingModel, Knowledge, Sources
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import DuologueError, in_words
from duologue.language.engine import LanguageModel
from duologue.language.notes import MemoryNote, write_notes
from duologue.language.persona import Persona
from duologue.language.told import ToldFact
from duologue.places import store_file
from duologue.settings import Settings
from duologue.store.conversations import KeptConversation
from duologue.store.facts import facts_of, remember, within
from duologue.store.people import expire, meet
from duologue.store.store import Store
from duologue.store.tables import PersonRow
from duologue.store.values import FoundPassage, KnownFact, NewFact, StoreState, Who
from duologue.telemetry.log import get_logger

RECALL_SECONDS = 1.0
"""A conversation begins without its person's memory when the store takes longer."""
LEAST_TURNS = 2
"""Of the person's, before a model is asked what to remember."""
DAY = 24 * 3600 * SECOND
_log = get_logger("duologue.memory")


def open_store(settings: Settings, clock: Clock = SYSTEM_CLOCK) -> Store | None:
    """The store that is set, not started; None: nothing is kept. Raises :class:`InputError` for a wrong address."""
    part = settings.store
    return Store(part.url, store_file(), clock) if part.keep else None


@dataclass(frozen=True, slots=True)
class Recalled:
    """What the store knows of somebody."""

    person_id: str
    name: str = ""
    facts: tuple[KnownFact, ...] = ()


class Remembering:
    """Made once for all conversations on a store."""

    def __init__(
        self, store: Store, settings: Settings, clock: Clock = SYSTEM_CLOCK, characters: Sequence[str] = ()
    ) -> None:
        self.store = store
        self.knowledge = Knowledge(store, settings, clock, characters)
        self._settings = settings
        self._clock = clock

    async def run(self) -> None:
        """Learn at the start, once a day, and whenever the store works again: it may be another one, that has nothing
        of what was read.
        """
        again = asyncio.Event()

        def changed(state: StoreState) -> None:
            if state.well:
                again.set()

        async def each_day() -> None:
            while True:
                await self._clock.wait_until(self._clock.now() + DAY)
                again.set()

        self.store.listeners.append(changed)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(each_day())
                while True:
                    again.clear()
                    await self.learn()
                    await again.wait()
        finally:
            self.store.listeners.remove(changed)

    async def learn(self) -> None:
        """Read characters' own files, as far as they are new, and let go of what is too old. Raises nothing."""
        self.retain()
        try:
            await self.knowledge.refresh()
        except DuologueError as error:
            _log.error("knowledge.not_kept", cause=in_words(error))

    def sources(self, character: str) -> Sources | None:
        """Where a conversation with ``character`` keeps what was found in its files; None: it has none."""
        return Sources() if self.knowledge.knows(character) else None

    def knowing(self, model: LanguageModel, persona: Persona, sources: Sources) -> LanguageModel:
        """``model``, told with each question what stands in the persona's files."""

        async def find(question: str) -> Sequence[FoundPassage]:
            return await self.knowledge.find(persona.name, question, persona.language)

        return KnowingModel(model, find, sources.tell)

    async def meet(self, who: Who, persona: Persona, part: str = "talk", *, learns: bool = True) -> Acquaintance:
        """Whoever is there, with what ``persona`` may know of them: nothing, if it does not ``learn``."""
        now = self._clock.wall()

        def recall(session: Session) -> Recalled:
            person = meet(session, who, now)
            if not learns:
                return Recalled(person.id)
            return Recalled(person.id, person.name, tuple(facts_of(session, person.id, persona.name)))

        try:
            async with asyncio.timeout(RECALL_SECONDS):
                recalled = await self.store.ask(recall)
        except (DuologueError, TimeoutError) as error:
            cause = error.what if isinstance(error, DuologueError) else "the store is slow"
            _log.warning("memory.not_recalled", cause=cause)
            return Acquaintance(self, persona, None, part, cause, learns=learns)
        return Acquaintance(self, persona, recalled, part, learns=learns)

    @property
    def clock(self) -> Clock:
        """Of its times."""
        return self._clock

    @property
    def room(self) -> int:
        """Characters of memory that a conversation is told."""
        return self._settings.store.memory_characters

    def retain(self) -> None:
        """Forget conversations that are too old, with their recordings."""
        days = self._settings.store.keep_days
        if days:
            before = self._clock.wall() - days * DAY
            self.store.put(lambda session: remove_files(expire(session, before)), "retention")


class Acquaintance:
    """A person in one conversation or several, one after another; :meth:`close` it when they leave."""

    def __init__(
        self, remembering: Remembering, persona: Persona, recalled: Recalled | None, part: str, trouble: str = "",
        *, learns: bool = True,
    ) -> None:  # fmt: skip
        self._remembering = remembering
        self._learns = learns
        self._recalled = recalled
        self._part = part
        self._keeper: ConversationKeeper | None = None
        self._recording = ""
        self._anew = remembering.store.state.anew
        self.trouble = trouble
        """Why this is not remembered; empty: it is."""
        self.told: Callable[[str], None] = lambda trouble: None
        """Is given :attr:`trouble` whenever it changes."""
        self.said: list[tuple[str, list[tuple[bool, str]]]] = []
        """Of conversations that are over, by id: what was said, whether by the person, and the words."""
        self.persona = self._with_memory(persona)
        """Who talks with them, knowing what is known of them."""
        remembering.store.listeners.append(self._store_changed)

    @property
    def person_id(self) -> str:
        """Theirs in the store; empty: it could not be asked."""
        return self._recalled.person_id if self._recalled is not None else ""

    @property
    def name(self) -> str:
        """What they are called; empty: they did not say."""
        return self._recalled.name if self._recalled is not None else ""

    @property
    def keeper(self) -> ConversationKeeper | None:
        """Of the conversation that goes on."""
        return self._keeper

    def begin(self, conversation: str, speaker: str, person: str, topic: str) -> ConversationKeeper | None:
        """Keep what is heard in this conversation from now on; None: we could not learn who it is."""
        self._end()
        if self._recalled is None:
            return None
        store, clock = self._remembering.store, self._remembering.clock
        head = KeptConversation(
            conversation, self._part, speaker, clock.wall(), self._recalled.person_id, topic, self._recording
        )
        self._keeper = ConversationKeeper(store, clock, head, person, self.persona.language, self._remember)
        return self._keeper

    def recorded(self, file: Path) -> None:
        """What goes on, and what follows, is recorded there: the file goes when they are forgotten."""
        self._recording = str(file.absolute())
        if self._keeper is not None:
            self._keeper.recorded(self._recording)

    def close(self) -> None:
        """They have left. Idempotent."""
        self._end()
        if self._store_changed in self._remembering.store.listeners:
            self._remembering.store.listeners.remove(self._store_changed)

    def _end(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.close()
            if self._learns and sum(person for person, _ in keeper.lines) >= LEAST_TURNS:
                self.said.append((keeper.conversation, keeper.lines))

    async def note(self, model: LanguageModel) -> None:
        """Have ``model`` write down what to remember. Raises what it does."""
        while self.said:
            conversation, lines = self.said.pop(0)
            title = self.persona.title
            said = [("person" if person else title, words) for person, words in lines]
            notes = await write_notes(model, self.persona, said)
            self.learn([_fact(note, self.persona) for note in notes], conversation)

    def _with_memory(self, persona: Persona) -> Persona:
        """The last of its notes: what stands before them stays as it is, and is read once."""
        facts = within(self._recalled.facts, self._remembering.room) if self._recalled is not None else []
        if not facts:
            return persona
        words = persona.language.memory.known.format(facts=" ".join(fact.text for fact in facts))
        return replace(persona, style=(*persona.style, words))

    def _remember(self, told: tuple[ToldFact, ...], conversation: str) -> None:
        if self._recalled is None or not self._learns:
            return
        person_id, now = self._recalled.person_id, self._remembering.clock.wall()
        name = next((fact.value for fact in told if fact.slot == "name"), "")
        facts = [NewFact(fact.text, slot=fact.slot) for fact in told]

        def write(session: Session) -> None:
            person = session.get(PersonRow, person_id)
            if person is None:  # forgotten meanwhile
                return
            person.name = name or person.name
            remember(session, person_id, facts, source="rules", at=now, conversation=conversation)

        self._remembering.store.put(write)

    def learn(self, facts: list[NewFact], conversation: str) -> None:
        """What a model wrote down of a conversation that is over."""
        if self._recalled is None or not facts:
            return
        person_id, now = self._recalled.person_id, self._remembering.clock.wall()

        def write(session: Session) -> None:
            if session.get(PersonRow, person_id) is not None:
                remember(session, person_id, facts, source="model", at=now, conversation=conversation)

        self._remembering.store.put(write)

    def _store_changed(self, state: StoreState) -> None:
        if self._recalled is None:  # it cannot be made good in this conversation
            return
        trouble = state.failure
        if not trouble and state.anew != self._anew:
            trouble = "the store was made anew meanwhile, and does not know who it is with"
        if trouble != self.trouble:
            self.trouble = trouble
            self.told(trouble)


def _fact(note: MemoryNote, persona: Persona) -> NewFact:
    """A joke is between two."""
    return NewFact(note.text, note.kind, character=persona.name if note.kind == "joke" else "")


def remove_files(files: list[str]) -> list[str]:
    """Take recordings away; those that are still there, for whatever reason."""
    left: list[str] = []
    for name in files:
        try:
            Path(name).unlink(missing_ok=True)
        except OSError as error:
            _log.error("recording.not_removed", file=name, cause=str(error))
            left.append(name)
    return left
