"""What a show remembers of itself: each conversation as it was heard, the topics, and lines that came back (short ones,
said before in another conversation: running jokes, of which the characters are told from the next start on).

A show begins without the store, which takes its time to load, and is given it when it is on air; what happened before
that waits. With a seed of its own (``show.seed``) a show keeps, and is not changed by what it knows: the same
seed gives the same show.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from duologue.app.models import ConversationState, ConversationView, TurnView
from duologue.clock import MILLISECOND
from duologue.language.persona import Persona
from duologue.telemetry.ledger import TurnRecord
from duologue.telemetry.turns import FINAL_STATES, stages_ms

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from duologue.app.people.remembering import Remembering
    from duologue.store.conversations import KeptConversation, KeptTurn

MOST_EARLY = 200
"""Things that wait for the store at the start; then the oldest are not kept."""
MOST_JOKES = 5
"""That the characters are told of."""
LEAST_WORDS, MOST_WORDS = 3, 14
"""Of a line that can become a running joke."""
OVER = frozenset({ConversationState.ENDED, ConversationState.STOPPED, ConversationState.FAILED})


class ShowMemory:
    """Of the show ``topic`` (``show:NAME``). ``shapes``: what it knows changes what it does."""

    def __init__(self, topic: str, *, shapes: bool) -> None:
        self.topic = topic
        self._shapes = shapes
        self._remembering: Remembering | None = None
        self._heads: dict[str, KeptConversation] = {}
        self._early: deque[Callable[[], None]] = deque(maxlen=MOST_EARLY)
        """What happened before there was a store."""
        self._topics: list[str] = []
        self._jokes: list[str] = []

    async def begin(self, remembering: Remembering) -> None:
        """Keep from now on, and know what was kept before. Raises what the store does."""
        from duologue.store.conversations import notes

        def read(session: Session) -> tuple[list[str], list[str]]:
            return notes(session, self.topic, "topic", 500), notes(session, self.topic, "joke", MOST_JOKES)

        self._topics, self._jokes = await remembering.store.ask(read)
        self._remembering = remembering
        while self._early:
            self._early.popleft()()

    def fresh(self, topics: Sequence[str]) -> Sequence[str]:
        """Of the topics those that were not talked about lately: at least the older half, so there is always one."""
        if not self._shapes:
            return topics
        lately = set(self._topics[: len(topics) // 2])
        return [topic for topic in topics if topic not in lately] or topics

    def knowing(self, persona: Persona) -> Persona:
        """``persona``, told of the running jokes."""
        if not self._shapes or not self._jokes:
            return persona
        words = persona.language.memory.jokes.format(jokes=" ".join(self._jokes))
        return replace(persona, style=(*persona.style, words))

    def conversation(self, view: ConversationView) -> None:
        """It began, changed or ended."""
        if self._remembering is None:
            self._early.append(lambda: self.conversation(view))
            return
        from duologue.store.conversations import KeptConversation, end, note

        store = self._remembering.store
        if view.state is ConversationState.RUNNING and view.id not in self._heads:
            began = round(view.started * MILLISECOND)
            head = self._heads[view.id] = KeptConversation(
                view.id, self.topic, ", ".join(view.cast), began, topic=view.topic
            )
            store.put(head.write)
            store.put(lambda session: note(session, self.topic, "topic", view.topic, began))
            self._topics = [view.topic, *(topic for topic in self._topics if topic != view.topic)]
        elif view.state in OVER and self._heads.pop(view.id, None) is not None:
            at = round((view.ended or view.started) * MILLISECOND)
            store.put(lambda session: end(session, view.id, at))

    def turn(self, view: TurnView, record: TurnRecord) -> None:
        """It changed; when it is over it is kept as it was heard."""
        if record.state not in FINAL_STATES:
            return
        if self._remembering is None:
            self._early.append(lambda: self.turn(view, record))
            return
        if record.conversation not in self._heads:
            return
        from duologue.store.conversations import KeptTurn

        stages = stages_ms(record)
        heard = record.heard or (record.text if record.state == "ended" and not record.interrupted else "")
        at = round((view.on_air or view.asked or 0.0) * MILLISECOND)
        kept = KeptTurn(
            record.id, record.conversation, record.number, record.kind, record.speaker, record.text, heard,
            record.state, at, record.interrupted, record.failure, waited_ms=record.waited_ms, stages=stages,
        )  # fmt: skip
        store = self._remembering.store
        store.put(kept.write, f"turn {kept.id}")
        if record.kind == "turn" and LEAST_WORDS <= len(heard.split()) <= MOST_WORDS:
            store.put(lambda session: _note_joke(session, self.topic, kept))


def _note_joke(session: Session, show: str, kept: KeptTurn) -> None:
    """A short line that was said before, in another conversation, has come back."""
    from duologue.store.conversations import note, said_before

    if said_before(session, show, kept.speaker, kept.heard, kept.conversation):
        note(session, show, "joke", kept.heard, kept.at)
