"""The conversations that clients hold over sockets: who is let in, which of them go on, and how a client comes back."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass

from duologue.app.admission import PlaceTaken
from duologue.app.engines.engines import DrillEngines
from duologue.app.house.shared import UNHEARD, Shared, TalkListener
from duologue.app.lessons.desk import LessonDesk, taught
from duologue.app.lessons.learners import Learners, english_name, learning
from duologue.app.models import TalkCharacter, TalkLearning
from duologue.app.show.cast import CastMember
from duologue.app.talk import messages as say
from duologue.app.talk.connection import PartedError, TalkConnection, TalkSocket, hold_socket, parted
from duologue.app.talk.session import TalkSession, TalkWishes
from duologue.app.talking.partners import HOUSE_VOICE, find_partner, partner_names
from duologue.app.talking.talking import Partner, Talk
from duologue.clock import SECOND, Clock
from duologue.errors import ClosedError, DuologueError, InputError, in_words
from duologue.settings import Settings
from duologue.store.values import Who
from duologue.streams import cancelled
from duologue.telemetry.log import get_logger
from duologue.telemetry.stream import Ledger

MOST_SOCKETS = 250
MOST_TALKS = 100
"""At once, those that wait for their client included."""
MOST_NOTING = 10
"""Conversations of which a model writes down what to remember, at once."""
RETRY_SECONDS = 5.0
CLOSING_SECONDS = 2.0
GRACE_SECONDS = 3
"""For a client that is away, before its conversation gives its place to another one."""
_CROWDED, _LATER = "As many conversations go on as this house can hold", "Try again when one has ended."
_NOWHERE = say.TalkBye(
    code="gone", text="That conversation ended while nobody was here.", remedy="Begin another one.", resume=False
)

_log = get_logger("duologue.talk")


@dataclass(eq=False)
class _Talk:
    """One that is held. ``session`` is there once its engines are; ``task`` holds it."""

    begun: asyncio.Future[TalkSession]
    session: TalkSession | None = None
    task: asyncio.Task[None] | None = None


class TalkSessions:
    """See the module. Call :meth:`run` while the engines are warm, and :meth:`enter` for each socket."""

    def __init__(self, talk: Talk, settings: Settings, ledger: Ledger, clock: Clock) -> None:
        self._talk = talk
        self.learners = Learners(talk.remembering, clock)
        """Whose progress there is."""
        self._settings = settings
        self._ledger = ledger
        self._clock = clock
        self._group: asyncio.TaskGroup | None = None
        self._closing = False
        self._held: dict[str, _Talk] = {}
        self._noting: set[asyncio.Task[None]] = set()
        self._sockets = 0
        self._drilling = 0
        self._characters: tuple[TalkCharacter, ...] = ()
        self._missing: dict[str, str] | None = None  # who could not be found, and why; None: nobody has looked

    @property
    def held(self) -> int:
        """Conversations that go on."""
        return len(self._held)

    @property
    def sockets(self) -> int:
        """Those that are open."""
        return self._sockets

    async def characters(self) -> tuple[TalkCharacter, ...]:
        """Who may be talked to. Who cannot be found (a voice is not there yet) is looked for each time."""
        if self._missing is None or self._missing:
            told = self._missing or {}
            self._characters, self._missing = await asyncio.to_thread(_characters, self._settings)
            for name, cause in self._missing.items():
                if told.get(name) != cause:
                    _log.warning("talk.no_character", character=name, cause=cause)
        return self._characters

    async def learning(self, person: str = "", realm: str = "") -> TalkLearning:
        """What there is to learn, and how far the ``person`` is (as in the `hello`; empty: at the beginning)."""
        progress = await self.learners.found(person, realm)
        return await learning(progress, self._clock.wall(), model=self._talk.thinks)

    async def run(self) -> None:
        """Hold conversations until cancelled, which ends them."""
        self._closing = False
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await asyncio.Event().wait()
        finally:
            self._group = None

    async def leave(self) -> None:
        """Take no more, and end those that go on, each with a word."""
        self._closing = True
        bye = say.TalkBye(
            code="closing", text="The house is closing.", remedy="Begin another conversation when it is back.",
            retry_seconds=RETRY_SECONDS,
        )  # fmt: skip
        tasks = [held.task for held in self._held.values() if held.task is not None]
        for held in self._held.values():
            if held.session is not None:
                held.session.end(bye)
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSING_SECONDS)

    async def enter(self, socket: TalkSocket, realm: str = "") -> None:
        """Serve a socket until it is closed. ``realm``: the name of the token that it came with."""

        async def serve(connection: TalkConnection, hello: say.TalkHello) -> None:
            session = await self._session(hello, realm)
            await session.serve(connection, hello)

        self._sockets += 1
        full = parted("full", _CROWDED, _LATER, RETRY_SECONDS)
        try:
            await hold_socket(socket, self._clock, serve, full if self._sockets > MOST_SOCKETS else None)
        finally:
            self._sockets -= 1

    async def _session(self, hello: say.TalkHello, realm: str) -> TalkSession:
        if hello.resume:
            held = self._held.get(hello.resume)  # 192 random bits: nobody finds one by the time it takes
            if held is None:
                raise PartedError(_NOWHERE)
            return await asyncio.shield(held.begun)
        if self._closing or self._group is None:
            raise parted("starting", "It is not ready yet", "Try again in a moment.", 2.0)
        if len(self._held) >= MOST_TALKS:
            raise parted("full", _CROWDED, _LATER, RETRY_SECONDS)
        member = await self._member(hello.character)
        token = secrets.token_urlsafe(24)
        held = self._held[token] = _Talk(asyncio.get_running_loop().create_future())
        held.task = self._group.create_task(self._hold(token, held, member, hello, realm))
        try:
            return await asyncio.shield(held.begun)
        except PlaceTaken as error:
            raise parted("full", _CROWDED, _LATER, RETRY_SECONDS) from error
        except InputError as error:
            raise parted("lesson" if error.where == "lesson" else "character", error.what, error.remedy) from error
        except DuologueError as error:
            raise parted("failed", "The conversation could not begin", str(error), RETRY_SECONDS) from error

    async def _member(self, name: str) -> CastMember:
        """By name only: what else names a character names files of this machine."""
        names = [each.name for each in await self.characters()]
        if not names:
            raise parted("character", "no character has a voice", "Look at the speech engines (`duologue doctor`).")
        name = name or (HOUSE_VOICE if HOUSE_VOICE in names else names[0])
        if name not in names:
            raise parted("character", f"there is nobody called {name!r}", f"Name one of {', '.join(names)}.")
        return await asyncio.to_thread(find_partner, name, self._settings)

    async def _hold(self, token: str, held: _Talk, member: CastMember, hello: say.TalkHello, realm: str) -> None:
        try:
            async with AsyncExitStack() as stack:
                partner, hears = await self._partner(stack, member, hello, realm)
                desk, hears = await self._desk(stack, partner, hello, hears, realm)
                if desk is not None:
                    partner = taught(partner, desk)
                own = english_name(hello.translate)
                wishes = TalkWishes(hello.topic.strip(), hello.greet or bool(hello.lesson), hears, own)
                session = TalkSession(partner, wishes, token, self._settings, self._ledger, self._clock, desk)
                held.session = session
                held.begun.set_result(session)
                _log.info("talk.begun", talk=session.conversation, character=member.name, hears=hears)
                await session.hold()
                _log.info("talk.ended", talk=session.conversation)
            self._note(partner)
        except Exception as error:  # one conversation's trouble is no other's
            if cancelled():
                raise
            if held.begun.done():
                _log.error("talk.failed", cause=in_words(error), exc_info=not isinstance(error, DuologueError))
            else:
                held.begun.set_exception(error)
        finally:
            del self._held[token]
            if not held.begun.done():
                held.begun.set_exception(ClosedError("the house is closing", where="talk"))

    def _note(self, partner: Partner) -> None:
        """Beside what goes on; of a crowd that leaves at once, the first are noted."""
        if partner.acquaintance is not None and self._group is not None and len(self._noting) < MOST_NOTING:
            task = self._group.create_task(self._talk.note(partner.acquaintance))
            self._noting.add(task)
            task.add_done_callback(self._noting.discard)

    async def _partner(
        self, stack: AsyncExitStack, member: CastMember, hello: say.TalkHello, realm: str
    ) -> tuple[Partner, bool]:
        """With ears, if there is a place for one who listens; who cannot be heard can still write."""
        person = Who(hello.person, realm) if hello.person and self._talk.remembering is not None else None
        wanted = hello.microphone
        while wanted:
            try:
                return await stack.enter_async_context(self._talk.open(member, person=person)), True
            except PlaceTaken:
                wanted = await self._make_room()
        return await stack.enter_async_context(self._talk.open(member, hears=False, person=person)), False

    async def _desk(
        self, stack: AsyncExitStack, partner: Partner, hello: say.TalkHello, hears: bool, realm: str
    ) -> tuple[LessonDesk | None, bool]:
        """Lessons, where one is asked for or the character teaches. What it hears with is borrowed for as long; who
        finds no place there can still write.
        """
        if not hello.lesson and not partner.persona.notes:
            return None, hears
        drills: DrillEngines | None = None
        if hears:
            drills = await stack.enter_async_context(self._talk.drills())
            if self._drilling >= (drills.ears.capabilities.at_once or MOST_TALKS):
                drills = None
            else:
                self._drilling += 1
                stack.callback(self._drilled)
        progress, kept = self.learners.of(hello.person, realm, partner.acquaintance)
        desk = LessonDesk(
            progress, self._clock, model=partner.engines.model, language=hello.translate, kept=kept,
            ears=drills.ears if drills is not None else None, scorer=drills.scorer if drills is not None else None,
        )  # fmt: skip
        await desk.load()
        if hello.lesson:
            await desk.open(hello.lesson)
        return desk, drills is not None

    def _drilled(self) -> None:
        self._drilling -= 1

    async def _make_room(self) -> bool:
        """A conversation whose client is away gives way to who is here; False: there is none, or it does not end."""
        begun = (held for held in self._held.values() if held.session is not None)
        away = [held for held in begun if held.session is not None and held.session.hears and held.session.away_since]
        if not away:
            return False
        longest = min(away, key=lambda held: held.session.away_since or 0 if held.session is not None else 0)
        assert longest.session is not None and longest.task is not None
        await self._clock.wait_until((longest.session.away_since or 0) + GRACE_SECONDS * SECOND)
        if not longest.session.away_since:
            return True
        longest.session.end(_NOWHERE)
        ended, _ = await asyncio.wait([longest.task], timeout=CLOSING_SECONDS)  # its recording may wait for the disk
        return bool(ended)


def _characters(settings: Settings) -> tuple[tuple[TalkCharacter, ...], dict[str, str]]:
    """Who may be talked to, and who may not, with the cause."""
    found: list[TalkCharacter] = []
    missing: dict[str, str] = {}
    for name in partner_names():
        try:
            member = find_partner(name, settings)
        except DuologueError as error:  # its voice may be missing: the others can be talked to
            missing[name] = str(error)
            continue
        found.append(
            TalkCharacter(
                name=name,
                title=member.title,
                tagline=member.tagline,
                colour=member.colour,
                language=member.persona.language.tag,
                teaches=bool(member.persona.notes),
            )
        )
    return tuple(found), missing


class TalkPart(Talk):
    """Conversations with people, as a part of the house; also those that come over sockets."""

    def __init__(self, settings: Settings, shared: Shared, listener: TalkListener = UNHEARD) -> None:
        super().__init__(settings, shared, listener)
        self.sessions = TalkSessions(self, settings, shared.ledger, shared.clock)

    async def run(self) -> None:
        """Keep the engines warm, and hold conversations, until cancelled."""
        async with self.warm():
            await self.sessions.run()
