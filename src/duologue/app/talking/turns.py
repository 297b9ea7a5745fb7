"""The turns of a conversation with a person, as a page follows them: who says what, while it is said. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from duologue.app.models import TalkTurnState, TalkTurnView
from duologue.dialogue.turns.vocabulary import (
    Adopt,
    Commit,
    DropStretch,
    Effect,
    Event,
    Sounds,
    Think,
    Understood,
    Withdrawn,
)

KEPT = 20
"""Turns of a conversation that its state shows."""
LONGEST = 4000
"""Characters of a turn that are shown."""
PERSON = "person"


class TalkTurns:
    """Give it what a session's observer sees. ``character`` is who answers; :attr:`newest` are the newest turns."""

    def __init__(self, character: str) -> None:
        self._character = character
        self._turns: deque[TalkTurnView] = deque(maxlen=KEPT)
        self._count = 0
        self._asked: int | None = None
        """The turn of the person's that is open."""
        self._parts: dict[int, str] = {}
        """What was understood of it, by stretch."""
        self._closed = -1
        """The newest stretch that belongs to a turn which is answered."""
        self._replies: dict[str, tuple[int, int | None, dict[int, str]]] = {}
        """The turn of each reply that is not over, and what it answers."""

    @property
    def newest(self) -> tuple[TalkTurnView, ...]:
        """In their order."""
        return tuple(self._turns)

    def take(self, item: Event | Effect) -> tuple[TalkTurnView, ...]:
        """The turns that came of it or changed, in their order."""
        match item:
            case Understood(stretch=stretch, text=text) if stretch > self._closed:
                self._parts[stretch] = text
                return tuple(self._hears())
            case DropStretch(stretch):
                self._parts.pop(stretch, None)
                return tuple(self._hears())
            case Think(reply=reply, person=person, speculative=False) | Adopt(reply=reply, person=person):
                return tuple(self._answers(reply, person))
            case Sounds(reply=reply, utterance=utterance):
                number = self._reply(reply)
                text = f"{self._turn(number).text} {utterance.text}".strip()
                return tuple(self._change(number, text=text[:LONGEST], state="speaking"))
            case Commit(reply=reply, heard=heard, interrupted=interrupted) if reply in self._replies:
                number, _, _ = self._replies.pop(reply)
                state = "interrupted" if interrupted else "ended"
                return tuple(self._change(number, heard=heard[:LONGEST], state=state))
            case Withdrawn(reply=reply, question=question) if reply in self._replies:
                return tuple(self._reopens(reply, question))
            case _:
                return ()

    def _hears(self) -> Iterator[TalkTurnView]:
        words = " ".join(filter(None, (text.strip() for _, text in sorted(self._parts.items()))))
        if self._asked is None and not words:
            return
        if self._asked is None:
            self._asked = self._begin(PERSON, "hearing")
        yield from self._change(self._asked, text=words[:LONGEST], state="hearing")

    def _answers(self, reply: str, person: str) -> Iterator[TalkTurnView]:
        asked, parts = self._asked, self._parts
        if person:
            asked = self._begin(PERSON, "hearing") if asked is None else asked
            yield from self._change(asked, text=person[:LONGEST], state="ended")
        self._closed = max((self._closed, *parts))
        self._asked, self._parts = None, {}
        self._replies[reply] = (self._begin(self._character, "thinking"), asked, parts)
        yield self._turns[-1]

    def _reopens(self, reply: str, question: int) -> Iterator[TalkTurnView]:
        """Nobody heard a word of it: what it was to answer goes on."""
        number, asked, parts = self._replies.pop(reply)
        yield from self._change(number, state="withdrawn")
        if question and asked is not None:
            self._asked, self._parts = asked, parts | self._parts
            self._closed = min(parts, default=self._closed + 1) - 1
            yield from self._change(asked, state="hearing")

    def _reply(self, reply: str) -> int:
        if reply not in self._replies:  # words of the owner's
            self._replies[reply] = (self._begin(self._character, "speaking"), None, {})
        return self._replies[reply][0]

    def _begin(self, speaker: str, state: TalkTurnState) -> int:
        number, self._count = self._count, self._count + 1
        self._turns.append(TalkTurnView(number=number, speaker=speaker, state=state))
        return number

    def _turn(self, number: int) -> TalkTurnView:
        gone = TalkTurnView(number=number, speaker=self._character, state="speaking")
        return next((turn for turn in self._turns if turn.number == number), gone)

    def _change(self, number: int, **changes: Any) -> Iterator[TalkTurnView]:
        for place, turn in enumerate(self._turns):
            if turn.number == number:
                changed = turn.model_copy(update=changes)
                if changed != turn:
                    self._turns[place] = changed
                    yield changed
