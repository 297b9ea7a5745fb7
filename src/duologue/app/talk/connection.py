"""One socket of a talk: what is said on it, bounded both ways.

What is told waits in one place for each thing that it is about, so that a client which reads slowly is told the newest
of each and nothing of what was between; one that takes nothing for :data:`SEND_SECONDS` is dropped. Sound is pulled: it
leaves when the one before it has left.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from typing import Protocol

from duologue.app.talk import messages as say
from duologue.app.talk.messages import FromClient, FromServer, TalkBye
from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.clock import SECOND, Clock
from duologue.errors import InputError, in_words
from duologue.phone.leg_limits import Allowance, ahead
from duologue.streams import cancelled
from duologue.telemetry.log import get_logger

HELLO_SECONDS = 10.0
SEND_SECONDS = 10.0
"""For a client to take a message."""
MOST_WAITING = 512
"""Things that a client was not told of yet."""
MESSAGES_PER_SECOND, MESSAGE_BURST = 150, 600
"""Of a client: 50 frames of sound and 10 positions a second are usual."""
AHEAD_SECONDS = 5
"""Sound may come so much faster than time passes, after a way that stalled; more is dropped."""
MOST_GARBAGE = 5
"""Messages that are none, before the socket is closed."""
NORMAL, TRY_LATER, POLICY, SLOW = 1000, 1013, 1008, 1008
_CLOSES = {"full": TRY_LATER, "starting": TRY_LATER, "closing": TRY_LATER, "ended": NORMAL, "idle": NORMAL}
_CONTROLS = {
    MessageKind.PAUSE: say.TalkPause(), MessageKind.RESUME: say.TalkResume(), MessageKind.CLEAR: say.TalkClear(),
}  # fmt: skip

_log = get_logger("duologue.talk")


class SocketGone(Exception):
    """The other end of a socket is no more."""


class TalkSocket(Protocol):
    """A WebSocket that was accepted, as the web server has it."""

    async def receive(self) -> str | bytes:
        """The next message. Raises :class:`SocketGone`."""
        ...

    async def send(self, data: str | bytes) -> None:
        """Waits while the other end takes nothing. Raises :class:`SocketGone`."""
        ...

    async def close(self, code: int, why: str) -> None:
        """Within a moment, and without an error, whatever became of the other end."""
        ...


class PartedError(Exception):
    """The socket is to be closed, with a last word."""

    def __init__(self, bye: TalkBye) -> None:
        super().__init__(bye.text)
        self.bye = bye


def parted(code: str, text: str, remedy: str = "", retry: float | None = None) -> PartedError:
    """A last word."""
    return PartedError(TalkBye.model_validate(dict(code=code, text=sentence(text), remedy=remedy, retry_seconds=retry)))


def sentence(what: str) -> str:
    """What is wrong, as it is said to a person."""
    return f"{what[:1].upper()}{what[1:].rstrip('.')}."


class TalkConnection:
    """See the module. Call :meth:`run` beside whatever reads; it ends by raising :class:`SocketGone` or
    :class:`PartedError`.
    """

    def __init__(self, socket: TalkSocket, clock: Clock) -> None:
        self.counts: Counter[str] = Counter()
        """Of what came: ``garbage``, and blocks of sound that lie in the ``future`` or came ``twice``."""
        self._socket = socket
        self._clock = clock
        self._waiting: OrderedDict[str, FromServer] = OrderedDict()
        self._news = asyncio.Event()
        self._greeted = asyncio.Event()
        """What was to be told at first has been."""
        self._sending = asyncio.Lock()
        self._last: TalkBye | None = None
        self._allowance = Allowance(MESSAGES_PER_SECOND, MESSAGE_BURST)
        self._began = clock.now()
        self._numbered = 0
        self._next = 0
        self._base: int | None = None
        self._age = 0
        """For so long the microphone's clock was known before this connection (samples)."""

    # From the client

    @property
    def captured(self) -> int | None:
        """The number, on the microphone's clock, of the first sample that did not come; None: none came."""
        return None if self._base is None else self._base + self._next

    def go_on(self, before: TalkConnection, later: int) -> None:
        """The microphone's clock is that of the connection ``before``, which began so many samples ``later`` ago."""
        if before._base is not None:
            self._base, self._next = before._base + later, before._next - later
            self._age = before._age + later

    async def read(self) -> FromClient | say.CapturedSound:
        """The next message that is one. Raises :class:`SocketGone`, and :class:`PartedError` for a client that floods
        or does not speak the protocol.
        """
        while True:
            data = await self._socket.receive()
            if not self._allowance.take(1, self._clock.now()):
                raise parted("flood", "more messages than a conversation has", "Send sound in blocks of 20 ms or more.")
            try:
                if isinstance(data, str):
                    return say.parse_client(data)
                sound = self._placed(say.unpack_captured(data))
            except InputError as error:
                self.counts["garbage"] += 1
                if self.counts["garbage"] > MOST_GARBAGE:
                    raise parted("protocol", error.what, error.remedy) from error
                self.tell(say.TalkNotice(level="error", text=str(error)), "garbage")
                continue
            if sound is not None:
                return sound

    def _placed(self, sound: say.CapturedSound) -> say.CapturedSound | None:
        """On a clock that begins with the connection, or before it where that was known; None: it was there already,
        or cannot be yet.
        """
        elapsed = (self._clock.now() - self._began) * say.EAR_RATE // SECOND
        if self._base is None:
            self._base = sound.at - max(0, elapsed - len(sound.samples))
        at = sound.at - self._base
        if at < self._next:
            self.counts["twice"] += 1
            return None
        if at + len(sound.samples) > elapsed + ahead(self._age + elapsed) + AHEAD_SECONDS * say.EAR_RATE:
            self.counts["future"] += 1
            return None
        self._next = at + len(sound.samples)
        return say.CapturedSound(at, sound.samples)

    # To the client

    def tell(self, message: FromServer, about: str = "") -> None:
        """Say it in its turn; what was to be said ``about`` the same is not said any more."""
        if not about:
            self._numbered += 1
            about = f"#{self._numbered}"
        self._waiting[about] = message
        self._waiting.move_to_end(about)  # so that what came of something is never told before it
        self._news.set()

    def end(self, bye: TalkBye) -> None:
        """Say what waits, this last, and close."""
        self._last = self._last or bye
        self._news.set()

    async def order(self, message: FarEndMessage) -> None:
        """Bring what the far end is to do; see :meth:`~duologue.dialogue.far_end.remote_sink.RemoteSink.connect`."""
        await self._greeted.wait()
        if message.samples is not None:
            first = message.kind is MessageKind.PLAY
            sound = say.PlayedSound(message.id, message.start, message.samples, first, message.more, message.gap)
            await self._send(say.pack_played(sound))
        elif message.kind is MessageKind.WITHDRAW:
            await self._send(say.TalkWithdraw(id=message.id).model_dump_json())
        else:
            await self._send(_CONTROLS[message.kind].model_dump_json())

    async def run(self) -> None:
        """Say what is told, one after another."""
        while True:
            while self._waiting:
                if len(self._waiting) > MOST_WAITING:
                    raise parted("slow", "the client does not read", "Read what comes, or ask for less.")
                _, message = self._waiting.popitem(last=False)
                await self._send(message.model_dump_json())
            self._greeted.set()
            if self._last is not None:
                raise PartedError(self._last)
            self._news.clear()
            await self._news.wait()

    async def _send(self, data: str | bytes) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS), self._sending:
                await self._socket.send(data)
        except TimeoutError:
            raise parted("slow", "the client does not read", "Read what comes.") from None

    async def close(self, bye: TalkBye) -> None:
        """The last word, if it can still be said, and the end."""
        try:
            async with asyncio.timeout(1.0), self._sending:
                await self._socket.send(bye.model_dump_json())
        except (TimeoutError, SocketGone):
            pass
        await self._socket.close(_CLOSES.get(bye.code, POLICY), bye.text)


class Written:
    """What a client wrote, each once: a socket that breaks may take words with it, so it says again what it does not
    know to have come.
    """

    def __init__(self) -> None:
        self.newest = 0
        """The number of the newest that came."""

    def is_new(self, message: say.TalkSay) -> bool:
        """It did not come before; from now on it did."""
        if 0 < message.number <= self.newest:
            return False
        self.newest = max(self.newest, message.number)
        return True


Serve = Callable[[TalkConnection, say.TalkHello], Awaitable[None]]


async def hold_socket(socket: TalkSocket, clock: Clock, serve: Serve, against: PartedError | None = None) -> None:
    """Have ``serve`` what says hello on a socket, until that is closed; at once where something is ``against`` it.
    Raises nothing but a cancellation.
    """
    connection = TalkConnection(socket, clock)
    try:
        if against is not None:
            raise against
        await serve(connection, await _greeting(connection))
    except SocketGone:
        await socket.close(NORMAL, "")
    except PartedError as error:
        await connection.close(error.bye)
    except Exception as error:  # one socket's trouble is no other's
        if cancelled():
            raise
        _log.error("talk.socket_failed", cause=in_words(error), exc_info=error)
        await connection.close(say.TalkBye(code="failed", text="This socket failed.", remedy="Open another one."))


async def _greeting(connection: TalkConnection) -> say.TalkHello:
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
    return hello
