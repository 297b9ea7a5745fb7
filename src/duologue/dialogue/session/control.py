"""What the owner of a conversation, or its line, may do to it while it goes on. Each is an event of the table."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from duologue.dialogue.ports import Sink, Voice
from duologue.dialogue.replies.chunker import Chunker
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import (
    CallTool,
    Change,
    DigitPressed,
    Effect,
    Event,
    GiveDigit,
    GiveResult,
    HandOver,
    Interrupt,
    Leave,
    PutOnHold,
    Say,
    SinkAttached,
    TakenOffHold,
    ToolAnswered,
    ToolCalled,
    ToolGivenUp,
    TurnAnswered,
    TurnCancelled,
    TurnCommitted,
    When,
)
from duologue.errors import InputError, PeerError, in_words
from duologue.language.languages import ENGLISH, Language
from duologue.language.persona import Persona
from duologue.language.tools import Toolbox, ToolCall
from duologue.telemetry.log import get_logger

_log = get_logger("session")
DIGITS = frozenset("0123456789*#ABCD")
"""The keys of a telephone."""


class SessionControl:
    """Of one session, on its loop; ``post`` takes the events, ``name`` begins the ids of calls, ``language`` is what
    the character speaks. After the end of the conversation nothing happens.
    """

    def __init__(self, post: Callable[[Event], None], name: str = "", language: Language = ENGLISH) -> None:
        self._post = post
        self._name = name
        self._language = language
        self._digit: Callable[[str], None] | None = None
        self._calls = 0
        self._asked: dict[str, asyncio.Future[object]] = {}
        self.sink: Sink | None = None
        """The one that was attached last."""
        self.handed_to = ""
        """To whom the line went at the end; empty: to nobody."""

    def speak(self, text: str, when: When = When.NOW) -> None:
        """The character says ``text``, word for word. Raises :class:`InputError` where there is nothing to say."""
        chunker = Chunker(language=self._language)
        found = tuple(each.spoken for each in (*chunker.feed(text), *chunker.finish()) if each.spoken.strip())
        if not found:
            raise InputError("there is nothing to say", where="speak", remedy="Give some words.")
        self._post(Say(found, when))

    def finish(self) -> None:
        """The character ends with this sentence."""
        self._post(Say((), When.SENTENCE))

    def interrupt(self) -> None:
        """The character stops."""
        self._post(Interrupt())

    def commit_turn(self) -> None:
        """The person's turn is over, whatever the silence."""
        self._post(TurnCommitted())

    def cancel_turn(self) -> None:
        """What the person has said since they were last answered is forgotten."""
        self._post(TurnCancelled())

    def answered(self, by: str, text: str = "") -> None:
        """Somebody else has answered the person, with ``text``: that, and what they had said, enter the context."""
        self._post(TurnAnswered(by, text))

    def press(self, digit: str) -> None:
        """A key of the telephone was pressed. Raises :class:`InputError` for one that there is not."""
        if digit not in DIGITS:
            raise InputError(f"{digit!r} is no key of a telephone", where="digit", remedy="0 to 9, *, # or A to D.")
        self._post(DigitPressed(digit))

    def on_digit(self, take: Callable[[str], None] | None) -> None:
        """Give digits to ``take`` from here on, and to nobody else."""
        self._digit = take

    def hold(self) -> None:
        """Nobody is at the far end for a while (a line on hold): nothing is said, nothing heard, and nobody is late."""
        self._post(PutOnHold())

    def unhold(self) -> None:
        """Somebody is there again: the reply goes on from the first word that was not heard whole."""
        self._post(TakenOffHold())

    def leave(self, to: str = "") -> None:
        """After this sentence, and what else is to be spoken, hang up or hand the line over ``to`` somebody."""
        self._post(Leave(to))

    def change(
        self, *, persona: Persona | None = None, voice: Voice | None = None, toolbox: Toolbox | None = None,
        schema: Mapping[str, object] | None = None, language: Language | None = None, policy: Policy | None = None,
    ) -> None:  # fmt: skip
        """Go on as somebody else, or otherwise, from the next thought, sentence and stretch on; None: as before."""
        if spoken := language or (persona and persona.language):
            self._language = spoken
        self._post(Change(persona, voice, toolbox, schema, language, policy))

    def attach(self, sink: Sink) -> None:
        """Go on with another sink, whose reports are the only ones from now on; what the one before had not played is
        played there.
        """
        self.sink = sink
        self._post(SinkAttached())

    def answer(self, call: str, result: object = None, *, failure: str = "") -> None:
        """What the far end says came of the call with that id."""
        self._post(ToolAnswered(call, result, failure))

    async def ask(self, reply: str, call: ToolCall) -> object:
        """Have the far end run ``call`` for ``reply``; gives what it answers. Raises :class:`PeerError` as it says."""
        self._calls += 1
        asked = replace(call, id=f"{self._name}c{self._calls}")
        answer = self._asked[asked.id] = asyncio.get_running_loop().create_future()
        self._post(ToolCalled(reply, asked))
        try:
            return await answer
        finally:
            del self._asked[asked.id]
            if answer.cancelled():
                self._post(ToolGivenUp(asked.id))

    def execute(self, effect: Effect) -> None:
        """What the table gives back of it."""
        match effect:
            case GiveDigit(digit):
                self._give_digit(digit)
            case HandOver(to):
                self.handed_to = to
            case GiveResult(call, result, failure):
                answer = self._asked.get(call)
                if answer is None or answer.done():
                    return
                if failure:
                    answer.set_exception(PeerError(failure, where="far end"))
                else:
                    answer.set_result(result)
            case CallTool():
                pass  # who looks on sends it to the far end
            case _:
                pass

    def _give_digit(self, digit: str) -> None:
        """A menu is no part of the conversation: what it raises is logged."""
        if self._digit is not None:
            try:
                self._digit(digit)
            except Exception as error:
                _log.error("a menu failed", digit=digit, cause=in_words(error), exc_info=True)
