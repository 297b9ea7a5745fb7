"""The book of what was said: conversations and turns as the outside sees them, in wall time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Literal, cast

from duologue.app.models import ConversationState, ConversationView, TurnView, WordView
from duologue.clock import MILLISECOND
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import TurnRecord
from duologue.telemetry.turns import FINAL_STATES

REMEMBERED = 50
"""Conversations kept; the oldest that is over is forgotten beyond that."""
_OVER = (ConversationState.ENDED, ConversationState.STOPPED, ConversationState.FAILED)

Wall = Callable[[int], int]
"""Monotonic ns to Unix ns on the show's clock."""


class TurnBook:
    """Keeps the newest conversations with their turns.

    ``wall`` turns monotonic times into the stream's programme time.
    """

    def __init__(self, wall: Wall) -> None:
        self._wall = wall
        self._conversations: OrderedDict[str, ConversationView] = OrderedDict()
        self._turns: dict[str, OrderedDict[str, TurnView]] = {}
        self._utterances: dict[str, Utterance] = {}

    def open(self, conversation: ConversationView) -> None:
        """Begin a conversation."""
        self._conversations[conversation.id] = conversation
        self._turns[conversation.id] = OrderedDict()
        over = [name for name, known in self._conversations.items() if known.state in _OVER]
        for forgotten in over[: max(0, len(self._conversations) - REMEMBERED)]:
            del self._conversations[forgotten], self._turns[forgotten]

    def update(self, conversation_id: str, **changes: object) -> ConversationView:
        """Change a conversation's state, end or failure."""
        changed = self._conversations[conversation_id].model_copy(update=changes)
        self._conversations[conversation_id] = changed
        return changed

    def close(
        self, conversation_id: str, state: ConversationState, ended: float, failure: str = ""
    ) -> ConversationView:
        """End a conversation (``ended`` is Unix ms)."""
        self._utterances.clear()
        return self.update(conversation_id, state=state, ended=ended, failure=failure)

    def voiced(self, utterance: Utterance) -> None:
        """Remember the marks of a turn that will be played, or of a part of one; the first has the turn's id."""
        self._utterances[utterance.id] = utterance

    def record(self, record: TurnRecord) -> TurnView:
        """Take a turn's newest record and give its view."""
        view = self._view(record)
        turns = self._turns.get(record.conversation)
        if turns is not None:
            turns[record.id] = view
        if record.state in FINAL_STATES:
            self._let_go(record.id)
        return view

    def _let_go(self, turn_id: str) -> None:
        """All parts of a turn, those too that never began."""
        for part_id in [each for each in self._utterances if each == turn_id or each.startswith(f"{turn_id}.")]:
            del self._utterances[part_id]

    def conversations(self) -> Sequence[ConversationView]:
        """Newest first, without their turns."""
        return tuple(reversed(self._conversations.values()))

    def conversation(self, conversation_id: str) -> ConversationView | None:
        """One conversation with its turns in the order in which they began to be written."""
        found = self._conversations.get(conversation_id)
        if found is None:
            return None
        return found.model_copy(update={"turns": tuple(self._turns[conversation_id].values())})

    def newest_turns(self, most: int) -> Sequence[TurnView]:
        """At most ``most`` turns, of the newest conversations, oldest first."""
        found: list[TurnView] = []
        for turns in reversed(self._turns.values()):
            found += islice(reversed(turns.values()), most - len(found))
        return tuple(reversed(found))

    def _milliseconds(self, monotonic: int) -> float | None:
        return self._wall(monotonic) / MILLISECOND if monotonic else None

    @staticmethod
    def _part_ids(record: TurnRecord) -> tuple[str, ...]:
        return (record.id, *(f"{record.id}.{number}" for number in range(1, len(record.parts) + 1)))

    def _words(self, record: TurnRecord, on_air: float) -> Iterator[WordView]:
        """The words of all parts that have begun."""
        for part_id, begun in zip(self._part_ids(record), (0.0, *record.parts), strict=True):
            if (utterance := self._utterances.get(part_id)) is None:
                continue
            start, per_ms = on_air + begun, utterance.rate / 1000
            for mark in utterance.words():
                yield WordView(mark.text, start + mark.start / per_ms, start + mark.end / per_ms)

    def _view(self, record: TurnRecord) -> TurnView:
        turns = self._turns.get(record.conversation)
        before = turns.get(record.id) if turns is not None else None
        on_air = self._milliseconds(record.on_air)
        words = before.words if before is not None else ()
        if record.id in self._utterances and on_air is not None:
            timed = tuple(self._words(record, on_air))
            words = words if words == timed else timed  # every view of a turn that is kept holds the same words
        return TurnView(
            id=record.id,
            conversation=record.conversation,
            number=record.number,
            speaker=record.speaker,
            kind=cast(Literal["turn", "answer", "person", "filler"], record.kind),
            text=record.text,
            state=cast(Literal["writing", "voicing", "queued", "on_air", "ended", "withdrawn", "failed"], record.state),
            words=words,
            asked=self._milliseconds(record.asked),
            first_token=self._milliseconds(record.first_token),
            text_complete=self._milliseconds(record.text_complete),
            first_audio=self._milliseconds(record.first_audio),
            on_air=on_air,
            ended=self._milliseconds(record.ended),
            gap_ms=record.gap_ms,
            waited_ms=record.waited_ms,
            interrupted=record.interrupted,
            refused=record.refused,
            failure=record.failure,
            handovers=record.handovers,
            to=record.to,
        )
