"""The conversations that clients hold over sockets: who is let in, which of them go on, and how a client comes back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from duologue.app import talk_messages as say
from duologue.app.admission import Admission, PlaceTaken
from duologue.app.cast import CastMember
from duologue.app.engines import EnginePool
from duologue.app.models import TalkCharacter, TalkTurnView, TalkView
from duologue.app.talk_connection import PartedError, SocketGone, TalkConnection, TalkSocket, parted
from duologue.app.talk_session import TalkSession, TalkWishes
from duologue.app.talking import HOUSE_VOICE, Partner, Talk, find_partner, partner_names
from duologue.clock import SECOND, Clock
from duologue.errors import ClosedError, DuologueError, InputError, in_words
from duologue.settings import Settings
from duologue.streams import cancelled
from duologue.telemetry.log import get_logger
from duologue.telemetry.stream import Ledger

MOST_SOCKETS = 250
MOST_TALKS = 100
"""At once, those that wait for their client included."""
HELLO_SECONDS = 10.0
RETRY_SECONDS = 5.0
CLOSING_SECONDS = 2.0
GRACE_SECONDS = 3
"""For a client that is away, before its conversation gives its place to another one."""
_NOWHERE = say.TalkBye(
    code="gone", text="That conversation is over, or never was.", remedy="Begin another one.", resume=False
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
        self._settings = settings
        self._ledger = ledger
        self._clock = clock
        self._group: asyncio.TaskGroup | None = None
        self._closing = False
        self._held: dict[str, _Talk] = {}
        self._sockets = 0
        self._characters: tuple[TalkCharacter, ...] | None = None

    @property
    def held(self) -> int:
        """Conversations that go on."""
        return len(self._held)

    @property
    def sockets(self) -> int:
        """Those that are open."""
        return self._sockets

    async def characters(self) -> tuple[TalkCharacter, ...]:
        """Who may be talked to."""
        if self._characters is None:
            self._characters = await asyncio.to_thread(_characters, self._settings)
        return self._characters

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

    async def enter(self, socket: TalkSocket) -> None:
        """Serve a socket until it is closed."""
        connection = TalkConnection(socket, self._clock)
        self._sockets += 1
        try:
            if self._sockets > MOST_SOCKETS:
                raise parted("full", f"{MOST_SOCKETS} sockets are open", "Try again later.", RETRY_SECONDS)
            await self._serve(connection)
        except SocketGone:
            await socket.close(1000, "")
        except PartedError as error:
            await connection.close(error.bye)
        except Exception as error:  # one socket's trouble is no other's
            if cancelled():
                raise
            _log.error("talk.socket_failed", cause=in_words(error), exc_info=error)
            await connection.close(say.TalkBye(code="failed", text="This socket failed.", remedy="Open another one."))
        finally:
            self._sockets -= 1

    async def _serve(self, connection: TalkConnection) -> None:
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                hello = await connection.read()
        except TimeoutError:
            raise parted("protocol", "no hello came", "Say hello first.") from None
        if not isinstance(hello, say.TalkHello):
            raise parted("protocol", "the first message is not a hello", "Say hello first.")
        if hello.version != say.VERSION:
            remedy = f"This server speaks version {say.VERSION}: load the page again."
            raise parted("version", f"version {hello.version} of the protocol is not spoken here", remedy)
        session = await self._session(hello)
        await session.serve(connection, hello)

    async def _session(self, hello: say.TalkHello) -> TalkSession:
        if hello.resume:
            held = self._held.get(hello.resume)  # 192 random bits: nobody finds one by the time it takes
            if held is None:
                raise PartedError(_NOWHERE)
            return await asyncio.shield(held.begun)
        if self._closing or self._group is None:
            raise parted("starting", "The engines are being warmed up.", "Try again in a moment.", 2.0)
        if len(self._held) >= MOST_TALKS:
            raise parted("full", f"{MOST_TALKS} conversations go on", "Try again later.", RETRY_SECONDS)
        member = await self._member(hello.character)
        token = secrets.token_urlsafe(24)
        held = self._held[token] = _Talk(asyncio.get_running_loop().create_future())
        held.task = self._group.create_task(self._hold(token, held, member, hello))
        try:
            return await asyncio.shield(held.begun)
        except PlaceTaken as error:
            raise parted("full", error.what, error.remedy, RETRY_SECONDS) from error
        except InputError as error:
            raise parted("character", str(error)) from error
        except DuologueError as error:
            raise parted("failed", str(error), retry=RETRY_SECONDS) from error

    async def _member(self, name: str) -> CastMember:
        """By name only: what else names a character names files of this machine."""
        names = [each.name for each in await self.characters()]
        name = name or (HOUSE_VOICE if HOUSE_VOICE in names else names[0])
        if name not in names:
            raise parted("character", f"there is nobody called {name!r}", f"Name one of {', '.join(names)}.")
        return await asyncio.to_thread(find_partner, name, self._settings)

    async def _hold(self, token: str, held: _Talk, member: CastMember, hello: say.TalkHello) -> None:
        try:
            async with AsyncExitStack() as stack:
                partner, hears = await self._partner(stack, member, hello.microphone)
                wishes = TalkWishes(hello.topic.strip(), hello.greet, hears)
                session = TalkSession(partner, wishes, token, self._settings, self._ledger, self._clock)
                held.session = session
                held.begun.set_result(session)
                _log.info("talk.begun", talk=session.conversation, character=member.name, hears=hears)
                await session.hold()
                _log.info("talk.ended", talk=session.conversation)
        except Exception as error:  # one conversation's trouble is no other's
            if cancelled():
                raise
            if held.begun.done():
                cause = error if isinstance(error, DuologueError) else None
                _log.error("talk.failed", cause=in_words(error), exc_info=None if cause else error)
            else:
                held.begun.set_exception(error)
        finally:
            del self._held[token]
            if not held.begun.done():
                held.begun.set_exception(ClosedError("the house is closing", where="talk"))

    async def _partner(self, stack: AsyncExitStack, member: CastMember, wanted: bool) -> tuple[Partner, bool]:
        """With ears, if there is a place for one who listens; who cannot be heard can still write."""
        while wanted:
            try:
                return await stack.enter_async_context(self._talk.open(member)), True
            except PlaceTaken:
                wanted = await self._make_room()
        return await stack.enter_async_context(self._talk.open(member, hears=False)), False

    async def _make_room(self) -> bool:
        """A conversation whose client is away gives way to who is here; False: there is none."""
        begun = (held for held in self._held.values() if held.session is not None)
        away = [held for held in begun if held.session is not None and held.session.hears and held.session.away_since]
        if not away:
            return False
        longest = min(away, key=lambda held: held.session.away_since or 0 if held.session is not None else 0)
        assert longest.session is not None and longest.task is not None
        await self._clock.wait_until((longest.session.away_since or 0) + GRACE_SECONDS * SECOND)
        if longest.session.away_since:
            longest.session.end(_NOWHERE)
            await asyncio.wait([longest.task])
        return True


def _characters(settings: Settings) -> tuple[TalkCharacter, ...]:
    found: list[TalkCharacter] = []
    for name in partner_names():
        try:
            member = find_partner(name, settings)
        except DuologueError as error:  # its voice may be missing: the others can be talked to
            _log.warning("talk.no_character", character=name, cause=str(error))
            continue
        found.append(
            TalkCharacter(
                name=name,
                title=member.title,
                tagline=member.tagline,
                colour=member.colour,
                language=member.persona.language.tag,
            )
        )
    return tuple(found)


class TalkPart(Talk):
    """Conversations with people, as a part of the house; also those that come over sockets."""

    def __init__(
        self,
        settings: Settings,
        engines: EnginePool,
        admission: Admission,
        ledger: Ledger,
        clock: Clock,
        told: Callable[[TalkView], None] = lambda view: None,
        turned: Callable[[str, TalkTurnView], None] = lambda talk, turn: None,
    ) -> None:
        super().__init__(settings, engines, admission, clock, told, turned)
        self.sessions = TalkSessions(self, settings, ledger, clock)

    async def run(self) -> None:
        """Keep the engines warm, and hold conversations, until cancelled."""
        async with self.warm():
            await self.sessions.run()
