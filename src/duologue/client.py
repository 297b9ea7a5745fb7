"""A conversation with a character of a house that runs elsewhere, over its socket (docs/talk-protocol.md)::

    from duologue.client import TalkWish, talk_with

    async with talk_with("ws://127.0.0.1:8081/api/talk", TalkWish("chad")) as talk:
        print(await talk.ask("Why do people drink tea?"))

The character's sound is played here at its pace, and what was played is acknowledged: that is what the other side takes
as heard. A socket that breaks is replaced, and the conversation goes on where it was.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal, Protocol
from weakref import proxy

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from duologue.app.talk import messages as say
from duologue.app.talk.messages import FromClient, FromServer, TalkBye, TalkChunk, TalkPlace, TalkTurn, TalkWelcome
from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.audio.pcm import Samples
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, PeerError, raise_first
from duologue.phone.leg import LegEvent, Played, Stopped
from duologue.phone.media.message_player import MessagePlayer

MOST_UNSENT = 2_000
"""Messages that wait for a socket that takes too few; then it is given up, and the next one brings what was missed."""
MOST_WRITTEN = 64
"""Of what was written, the newest that is kept until it is known to have come; what is older came long ago."""
MOST_CAPTURED = 10 * say.EAR_RATE
"""Samples of the person's sound, the newest, that are kept for the next socket."""
MOST_LATER = 20
"""Of what the person does while no socket is open."""
FIRST_PAUSE, LONGEST_PAUSE = SECOND // 4, 4 * SECOND
"""Before a socket is tried again (ns)."""
LEAVING_SECONDS = 5.0
SILENT_SECONDS = 8.0
"""The server pings every two."""
_OVER = frozenset({"ended", "failed"})
_REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_TOKEN = (
    "Give a token that the house knows and that has the scope for it, or end what goes on with it (docs/security.md)."
)
_LATER = (say.TalkCommit, say.TalkCancel, say.TalkInterrupt, say.TalkLearn, say.TalkHelp)


class Link(Protocol):
    """A socket to the house. Everything raises :class:`ConnectionError` when it is gone."""

    async def send(self, data: str | bytes) -> None:
        """Waits while the other end takes nothing."""
        ...

    async def receive(self) -> str | bytes:
        """The next message."""
        ...

    async def close(self) -> None:
        """Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class TalkWish:
    """How a conversation is to be. ``character``: by name; empty: whom the house takes. ``microphone``: sound will be
    sent (a place for one who listens is taken). ``person``: who talks, to be remembered; empty: nothing is. ``lesson``:
    drills by that name instead of a conversation, with translations into ``translate`` (ISO 639-1).
    """

    character: str = ""
    topic: str = ""
    greet: bool = False
    microphone: bool = False
    person: str = ""
    lesson: str = ""
    translate: str = ""


def _unheard(samples: Samples) -> None:
    pass


def _untold(message: FromServer) -> None:
    pass


class _Captured:
    """The newest of the person's sound, for a socket that breaks in mid-sentence."""

    def __init__(self) -> None:
        self._kept: deque[say.CapturedSound] = deque()
        self._count = 0

    def keep(self, sound: say.CapturedSound) -> None:
        self._kept.append(sound)
        self._count += len(sound.samples)
        while self._count > MOST_CAPTURED:
            self._count -= len(self._kept.popleft().samples)

    def since(self, at: int) -> Iterator[say.CapturedSound]:
        """What is kept from the sample ``at`` on, in frames."""
        frame = list[Samples]()
        begin = end = at
        for block in self._kept:
            if block.at < at:
                continue
            if frame and (block.at != end or end - begin + len(block.samples) > say.MAX_CAPTURED):
                yield say.CapturedSound(begin, np.concatenate(frame))
                frame = []
            begin = begin if frame else block.at
            frame.append(block.samples)
            end = block.at + len(block.samples)
        if frame:
            yield say.CapturedSound(begin, np.concatenate(frame))


class TalkClient:
    """See the module. ``dial`` opens a socket (:class:`ConnectionError` if it cannot); ``play`` gets the character's
    sound at its pace, 20 ms of 48 kHz at a time, without the silence between; ``told``, which may be exchanged, each
    message that is not about sound. Call :meth:`run` once; the other methods on its loop.
    """

    def __init__(
        self,
        dial: Callable[[], Awaitable[Link]],
        wish: TalkWish | None = None,
        *,
        play: Callable[[Samples], None] = _unheard,
        told: Callable[[FromServer], None] = _untold,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        client: TalkClient = proxy(self)  # as its player knows it: it waits for no collector
        self._dial = dial
        self._wish = wish or TalkWish()
        self.told = told
        self._clock = clock
        self._player = MessagePlayer(play, lambda event: client._played(event), clock.now())
        self._orders = asyncio.Event()
        self._unsent: deque[str | bytes] = deque()
        self._written: deque[say.TalkSay] = deque(maxlen=MOST_WRITTEN)
        self._count = 0
        self._captured = _Captured()
        self._later: deque[FromClient] = deque(maxlen=MOST_LATER)
        self._down: bool | None = None
        self._news = asyncio.Event()
        self._open = False
        self._stop: asyncio.Future[TalkPlace | None] | None = None
        self._place: TalkPlace | None = None
        self._sequence = 0
        self._lost = 0
        self._changes = asyncio.Condition()
        self.welcome: TalkWelcome | None = None
        """Of the newest socket."""
        self.bye: TalkBye | None = None
        """Why it is over."""
        self._turns: dict[str, TalkTurn] = {}
        self._chunks: dict[str, TalkChunk] = {}
        self.lesson: say.TalkLesson | None = None
        """That is practised."""
        self.exercises: dict[str, say.TalkExercise] = {}
        """By id, in the order in which they were asked."""
        self.judged: dict[str, say.TalkJudged] = {}
        """Answers by id, in their order."""
        self.notes: dict[str, say.TalkNote] = {}
        """By id: what a language model noted beside what it said."""
        self.vocabulary: say.TalkVocabulary | None = None
        """What is learnt."""
        self.attended: say.TalkAttended | None = None
        """Of a call: who speaks with the caller."""
        self.standing = "quiet"
        self.sockets = 0
        """How many were opened."""

    @property
    def connected(self) -> bool:
        """A socket is open, and the house has said welcome on it."""
        return self._open

    @property
    def turns(self) -> tuple[TalkTurn, ...]:
        """So far, in their order."""
        return tuple(sorted(self._turns.values(), key=lambda turn: turn.number))

    @property
    def chunks(self) -> Mapping[str, TalkChunk]:
        """The character's sentences by id."""
        return self._chunks

    # What the person does

    def say(self, text: str) -> None:
        """Write ``text``; it is answered at once, and interrupts. While no socket is open it waits for the next one."""
        self._count += 1
        written = say.TalkSay(text=text, number=self._count)
        self._written.append(written)
        self._send(written)

    def hear(self, at: int, samples: Samples) -> None:
        """A block of the person's sound: 16 kHz, half a second at most; ``at`` is its first sample's number on the
        microphone's clock. While no socket is open the newest ten seconds wait for the next one.
        """
        sound = say.CapturedSound(at, samples)
        self._captured.keep(sound)
        if self._open:
            self._put(say.pack_captured(sound))

    def push(self, down: bool) -> None:
        """The button to talk."""
        self._down = down
        self._send(say.TalkPush(down=down))

    def commit(self) -> None:
        """The person's turn is over, whatever the silence."""
        self._send(say.TalkCommit())

    def cancel(self) -> None:
        """What the person has said since they were last answered is forgotten."""
        self._send(say.TalkCancel())

    def interrupt(self) -> None:
        """The character stops."""
        self._send(say.TalkInterrupt())

    def learn(self, lesson: str) -> None:
        """Begin a lesson, or ``review``, in a conversation with who teaches."""
        self._send(say.TalkLearn(lesson=lesson))

    def help(self, want: Literal["hint", "translation", "again", "skip"]) -> None:
        """With the exercise that is asked."""
        self._send(say.TalkHelp(want=want))

    def take(self, taken: bool) -> None:
        """Of a call: speak with the caller in the character's place, or give the call back."""
        self._send(say.TalkTake(taken=taken))

    def leave(self) -> None:
        """The conversation is over."""
        self._send(say.TalkLeave())

    async def ask(self, text: str) -> str:
        """Write ``text`` and wait until its answer is over; what was heard of that. Raises :class:`ClosedError` when
        the conversation ends before.
        """
        before = max((turn.number for turn in self._turns.values()), default=0)
        self.say(text)

        def answer() -> TalkTurn | None:
            later = (turn for turn in self.turns if turn.number > before and not turn.person)
            return next((turn for turn in later if turn.state in _OVER), None)

        await self.until(lambda: answer() is not None)
        found = answer()
        assert found is not None
        return found.heard

    async def until(self, so: Callable[[], bool]) -> None:
        """Wait until something is so. Raises :class:`ClosedError` when the conversation ends before."""
        async with self._changes:
            await self._changes.wait_for(lambda: so() or self.bye is not None)
        if not so():
            assert self.bye is not None
            raise ClosedError(self.bye.text, where="talk", remedy=self.bye.remedy)

    # Its life

    async def run(self) -> TalkBye:
        """Converse until it is over; the house's last word. Raises :class:`PeerError` when the house is not reached, or
        not again while it would have waited.
        """
        async with asyncio.TaskGroup() as group:
            playing = group.create_task(self._play())
            try:
                bye = await self._converse()
            except PeerError as error:
                bye, failure = TalkBye(code="gone", text=error.what, remedy=error.remedy), error
            else:
                failure = None
            playing.cancel()
        self.bye = bye
        await self._changed()
        if failure is not None:
            raise failure
        return bye

    async def _converse(self) -> TalkBye:
        pause, cause = FIRST_PAUSE, ""
        self._lost = self._clock.now()
        while True:
            bye = None
            try:
                bye = await self._over(await self._dial())
            except (ConnectionError, TimeoutError) as error:
                cause = str(error)
            if bye is not None and bye.retry_seconds is None and bye.code not in ("flood", "slow", "protocol"):
                return bye
            if self._open:
                self._lost, pause = self._clock.now(), FIRST_PAUSE
            self._open = False
            seconds = self.welcome.resume_seconds if self.welcome is not None else 10.0
            if self._clock.now() - self._lost > seconds * SECOND:
                if bye is not None:
                    raise PeerError(bye.text, where="talk", remedy=bye.remedy)
                what = f"the house is not reached{f': {cause}' if cause else ''}"
                raise PeerError(what, where="talk", remedy="Is it running, and is that its address?")
            wait = max(pause, round((bye.retry_seconds or 0.0) * SECOND) if bye is not None else 0)
            await self._clock.wait_until(self._clock.now() + wait)
            pause = min(LONGEST_PAUSE, 2 * pause)

    async def _over(self, link: Link) -> TalkBye | None:
        """One socket until it is gone; the last word of the house, if it had one."""
        self.sockets += 1
        self._unsent.clear()
        try:
            hello = await self._hello()
            with suppress(ConnectionError):  # who is refused at once is told why, and that is still to be read
                await link.send(hello.model_dump_json())
            async with asyncio.TaskGroup() as group:
                writing = group.create_task(self._write(link))
                try:
                    return await self._read(link)
                finally:
                    writing.cancel()
        except BaseExceptionGroup as failures:
            raise_first(failures)
        finally:
            await link.close()

    async def _hello(self) -> say.TalkHello:
        if self.welcome is None:
            wish = self._wish
            return say.TalkHello(
                version=say.VERSION, character=wish.character, topic=wish.topic, greet=wish.greet,
                microphone=wish.microphone, person=wish.person, lesson=wish.lesson, translate=wish.translate,
            )  # fmt: skip
        self._stop = asyncio.get_running_loop().create_future()
        self._order(MessageKind.CLEAR)
        place = await self._stop or self._place
        self._stop = None
        return say.TalkHello(version=say.VERSION, resume=self.welcome.resume, heard=place, captured=True)

    async def _read(self, link: Link) -> TalkBye:
        while True:
            async with asyncio.timeout(SILENT_SECONDS):
                data = await link.receive()
            if isinstance(data, bytes):
                self._sound(say.unpack_played(data))
                continue
            message = say.parse_server(data)
            self._obey(message)
            self.told(message)
            await self._changed()
            if isinstance(message, TalkBye):
                return message

    async def _write(self, link: Link) -> None:
        """Until it is gone, which the reader notices when it has read what is there."""
        with suppress(ConnectionError):
            while True:
                self._news.clear()
                while self._unsent:
                    if len(self._unsent) > MOST_UNSENT:
                        raise TimeoutError("the house does not keep up")
                    async with asyncio.timeout(SILENT_SECONDS):
                        await link.send(self._unsent.popleft())
                await self._news.wait()

    def _obey(self, message: FromServer) -> None:
        match message:
            case TalkWelcome():
                self.welcome, self._open = message, True
                self._catch_up(message)
            case TalkTurn():
                self._turns[message.id] = message
            case TalkChunk():
                self._chunks[message.id] = message
            case say.TalkStanding(state=state):
                self.standing = state
            case say.TalkAttended():
                self.attended = message
            case say.TalkLesson():
                self.lesson = message
            case say.TalkExercise():
                self.exercises[message.id] = message
            case say.TalkJudged():
                self.judged[message.id] = message
            case say.TalkNote():
                self.notes[message.id] = message
            case say.TalkVocabulary():
                self.vocabulary = message
            case say.TalkPing(number=number):
                self._send(say.TalkPong(number=number))
            case say.TalkPause():
                self._order(MessageKind.PAUSE)
            case say.TalkResume():
                self._order(MessageKind.RESUME)
            case say.TalkClear():
                self._order(MessageKind.CLEAR)
            case say.TalkWithdraw(id=name):
                self._order(MessageKind.WITHDRAW, name)
            case _:
                pass

    def _catch_up(self, welcome: TalkWelcome) -> None:
        """What the house does not have: what was written, said and done."""
        for written in self._written:
            if written.number > welcome.said:
                self._send(written)
        if welcome.captured is not None:
            for sound in self._captured.since(welcome.captured):
                self._put(say.pack_captured(sound))
        if self._down is not None:
            self._send(say.TalkPush(down=self._down))
        while self._later:
            self._send(self._later.popleft())

    def _send(self, message: FromClient) -> None:
        """What tells of a moment is of no use later."""
        if self._open:
            self._put(message.model_dump_json())
        elif self.welcome is not None and isinstance(message, _LATER):
            self._later.append(message)

    def _put(self, data: str | bytes) -> None:
        if len(self._unsent) <= MOST_UNSENT:
            self._unsent.append(data)
            self._news.set()

    async def _changed(self) -> None:
        async with self._changes:
            self._changes.notify_all()

    # The sound

    async def _play(self) -> None:
        while True:
            self._orders.clear()
            due = self._player.deadline
            if due is None:
                await self._orders.wait()
            elif due > self._clock.now():
                await self._clock.wait_until(due)
            else:
                self._player.tick(self._clock.now())

    def _sound(self, sound: say.PlayedSound) -> None:
        kind = MessageKind.PLAY if sound.first else MessageKind.EXTEND
        self._sequence += 1
        message = FarEndMessage(
            self._sequence, kind, sound.id, sound.start, sound.samples, gap=sound.gap, more=sound.more
        )
        self._player.take(message, self._clock.now())
        self._orders.set()

    def _order(self, kind: MessageKind, name: str = "") -> None:
        self._sequence += 1
        self._player.take(FarEndMessage(self._sequence, kind, name), self._clock.now())
        self._orders.set()

    def _played(self, event: LegEvent) -> None:
        """What the player tells: to the house, or to who wants to know where it stopped before the next socket."""
        match event:
            case Played(name, samples, at):
                self._place = TalkPlace(id=name, samples=samples)
                played = say.TalkPlayed(id=name, samples=samples, at=None if at is None else at // 1000)
                ahead = 0 if at is None else at - self._clock.now()  # it is told when its block begins
                asyncio.get_running_loop().call_later(max(0, ahead) / SECOND, self._send, played)
            case Stopped(name, samples, at) if self._stop is not None and not self._stop.done():
                self._stop.set_result(TalkPlace(id=name, samples=samples) if name else None)
            case Stopped(name, samples, at):
                self._send(say.TalkStopped(id=name, samples=samples, at=None if at is None else at // 1000))
            case _:
                pass


class _WebSocket:
    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, data: str | bytes) -> None:
        try:
            await self._socket.send(data)
        except WebSocketException as error:
            raise ConnectionError(str(error)) from error

    async def receive(self) -> str | bytes:
        try:
            return await self._socket.recv()
        except WebSocketException as error:
            raise ConnectionError(str(error)) from error

    async def close(self) -> None:
        with suppress(WebSocketException, OSError):
            await self._socket.close()


def dialling(url: str, token: str = "") -> Callable[[], Awaitable[Link]]:
    """Opens sockets at ``url`` (``ws://HOST:PORT/api/talk``; of a call ``…/api/line/calls/ID/talk``), with the house's
    token where it wants one. Raises :class:`PeerError` where the token is refused: to try again would not help.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def dial() -> Link:
        try:
            return _WebSocket(await connect(url, additional_headers=headers, max_size=None, compression=None))
        except InvalidStatus as error:
            if (status := error.response.status_code) not in _REFUSALS:
                raise ConnectionError(str(error)) from error
            what = "the token is refused, or has reached a limit" if token else "a token is wanted"
            raise PeerError(f"{what} (HTTP {status})", where=url.partition("?")[0], remedy=_TOKEN) from error
        except (WebSocketException, OSError) as error:
            raise ConnectionError(str(error)) from error

    return dial


@asynccontextmanager
async def talk_with(
    url: str,
    wish: TalkWish | None = None,
    *,
    token: str = "",
    play: Callable[[Samples], None] = _unheard,
    told: Callable[[FromServer], None] = _untold,
    clock: Clock = SYSTEM_CLOCK,
) -> AsyncGenerator[TalkClient]:
    """A conversation that stands when the context is entered, and is over when it is left. Raises :class:`PeerError`
    where there is none to be had.
    """
    client = TalkClient(dialling(url, token), wish, play=play, told=told, clock=clock)
    try:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(client.run())
            await client.until(lambda: client.welcome is not None)
            try:
                yield client
            finally:
                client.leave()
                await asyncio.wait([running], timeout=LEAVING_SECONDS)
                running.cancel()
    except BaseExceptionGroup as failures:
        raise_first(failures)
