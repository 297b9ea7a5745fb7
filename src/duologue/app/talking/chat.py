"""A conversation in writing: lines in, sentences out. The same core as a spoken one, on a sink that plays at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from duologue.app.talking.talking import Partner
from duologue.app.talking.text import PromptSink
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.dialogue.ports import PlayEvent
from duologue.dialogue.session.control import SessionControl
from duologue.dialogue.session.session import Observe, Session, SessionOptions
from duologue.dialogue.turns.vocabulary import Commit, Effect, Event, Think, Typed
from duologue.errors import ClosedError, InputError
from duologue.language.engine import Line
from duologue.speech.utterance import Utterance

_NOT_YET = "?"
_OVER = "the conversation is over"
Take = Callable[[Utterance], None]
"""Gets each sentence as it is said."""


class Chat:
    """Made by :func:`open_chat`; use it on its loop."""

    def __init__(self, partner: Partner, options: SessionOptions, take: Take, observe: Observe, clock: Clock) -> None:
        silent = replace(partner, persona=replace(partner.persona, fillers=()))  # who reads needs no "hm" to wait
        self._session: Session = silent.session(
            PromptSink(take, self._notify, clock), _in_writing(options), clock=clock, observe=self._see
        )
        self._observe = observe
        self._asking = asyncio.Lock()
        self._reply = ""
        """The reply that answers who asks: none was asked for, or is begun, or its id."""
        self._answer: asyncio.Future[str] | None = None
        self._over = False

    @property
    def lines(self) -> tuple[Line, ...]:
        """The conversation so far, oldest first."""
        return self._session.lines

    @property
    def control(self) -> SessionControl:
        """See :class:`~duologue.dialogue.session.control.SessionControl`."""
        return self._session.control

    def say(self, text: str) -> None:
        """Write ``text`` without waiting for the answer; while one is under way it is an interruption."""
        self._session.say(_checked(text))

    async def ask(self, text: str) -> str:
        """Write ``text`` and wait for the whole answer. One call at a time; others wait for their turn.

        Raises :class:`InputError` for an empty text and :class:`ClosedError` when the conversation is over.
        """
        return await self._exchange(_checked(text))

    async def begin(self) -> str:
        """Let the character speak first, and wait for what it says. For the start of a conversation."""
        return await self._exchange("")

    async def _exchange(self, text: str) -> str:
        async with self._asking:
            if self._over:
                raise ClosedError(_OVER)
            self._reply = ""
            self._answer = asyncio.get_running_loop().create_future()
            self._session.say(text)
            return await self._answer

    def _see(self, item: Event | Effect, now: int) -> None:
        self._observe(item, now)
        if self._answer is None or self._answer.done():
            return
        match item:
            case Typed():
                self._reply = _NOT_YET
            case Think(reply) if self._reply:
                self._reply = reply
            case Commit(reply=reply, heard=heard) if reply == self._reply:
                self._answer.set_result(heard)
            case _:
                pass

    def _notify(self, report: PlayEvent) -> None:
        self._session.notify(report)

    async def run(self) -> None:
        """Hold the conversation until :meth:`close`."""
        await self._session.run()
        self._over = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ClosedError(_OVER))

    def close(self) -> None:
        """End it."""
        self._session.hang_up()


def _in_writing(options: SessionOptions) -> SessionOptions:
    """Who writes may take their time; and the first word is asked for here."""
    return replace(options, greet=False, policy=replace(options.policy, asks=0))


def _checked(text: str) -> str:
    if not text.strip():
        raise InputError("the line is empty", where="text", remedy="Write something.")
    return text.strip()


@contextlib.asynccontextmanager
async def open_chat(
    partner: Partner,
    options: SessionOptions | None = None,
    *,
    take: Take = lambda utterance: None,
    observe: Observe = lambda item, now: None,
    clock: Clock = SYSTEM_CLOCK,
) -> AsyncGenerator[Chat]:
    """A conversation in writing with ``partner``, for the length of the context. ``take`` gets each sentence as soon as
    it is there. With ``greet`` the character has spoken first when the context is entered.
    """
    options = options or SessionOptions()
    chat = Chat(partner, options, take, observe, clock)
    async with asyncio.TaskGroup() as group:
        group.create_task(chat.run())
        try:
            if options.greet:
                await chat.begin()
            yield chat
        finally:
            chat.close()
