"""What is kept of a conversation while it goes on: each turn as far as it was heard, and what was called.

A :class:`ConversationKeeper` sees what the session's observer sees. Turns are the records that the ledger has
(:class:`~duologue.dialogue.session.record.SessionRecorder`), told at every change; between those, what plays is kept
word by word, so that a process that is killed has kept what was heard.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from duologue.clock import Clock
from duologue.dialogue.heard import heard_text
from duologue.dialogue.ports import PlayEnded, PlayProgress
from duologue.dialogue.session.record import SessionRecorder
from duologue.dialogue.turns.vocabulary import Effect, Event, Extend, Play, ToolRan
from duologue.ids import unique_id
from duologue.language.languages import Language
from duologue.language.told import ToldFact, facts_told
from duologue.speech.utterance import Utterance
from duologue.store.conversations import KeptCall, KeptConversation, KeptTurn, end, record
from duologue.store.store import Store
from duologue.telemetry.ledger import TurnRecord
from duologue.telemetry.turns import FINAL_STATES, silence_ms

MOST_PLAYING = 64
"""Utterances that may sound at once or soon."""
MOST_LINES = 60
"""Of a conversation, for who writes down what to remember."""
Told = Callable[[tuple[ToldFact, ...], str], None]


class ConversationKeeper:
    """``take`` is the observer; :meth:`close` it at the end. ``told`` is given what the person told of themselves."""

    def __init__(
        self, store: Store, clock: Clock, head: KeptConversation, person: str, language: Language, told: Told
    ) -> None:
        self.conversation = head.id
        self.lines: list[tuple[bool, str]] = []
        """What was said, the newest: whether by the person, and the words."""
        self._store = store
        self._clock = clock
        self._epoch = clock.wall() - clock.now()
        self._language = language
        self._told = told
        self._recorder = SessionRecorder(head.id, head.character, person, self._changed)
        self._playing: OrderedDict[str, Utterance] = OrderedDict()
        self._heard: dict[str, dict[str, str]] = {}
        """By turn, what was heard of its utterances so far, in their order."""
        self._newest: dict[str, KeptTurn] = {}
        """Turns that are not over."""
        self._learnt = ("", "")
        """The turn of which the rules were asked last, and its words."""
        self._open = True
        store.put(head.write)

    def take(self, item: Event | Effect, now: int) -> None:
        """An event or an effect of the session, at ``now`` (monotonic ns)."""
        self._recorder.take(item, now)
        match item:
            case Play(utterance) | Extend(utterance):
                self._playing[utterance.id] = utterance
                while len(self._playing) > MOST_PLAYING:
                    self._playing.popitem(last=False)
            case PlayProgress(utterance_id, _, played):
                self._plays(utterance_id, played)
            case PlayEnded(utterance_id, _, played):
                self._plays(utterance_id, played)
                self._playing.pop(utterance_id, None)
            case ToolRan(_, outcome):
                call = KeptCall(
                    unique_id(self._clock.wall()), self.conversation, outcome.call.name, outcome.call.arguments,
                    outcome.shown, outcome.failure, self._wall(outcome.began), self._wall(outcome.ended),
                )  # fmt: skip
                self._store.put(call.write)
            case _:
                pass

    def recorded(self, file: str) -> None:
        """It is recorded there."""
        conversation = self.conversation
        self._store.put(lambda session: record(session, conversation, file))

    def close(self) -> None:
        """It is over. Idempotent."""
        if self._open:
            self._open = False
            conversation, now = self.conversation, self._clock.wall()
            self._store.put(lambda session: end(session, conversation, now))

    def _plays(self, utterance_id: str, played: int) -> None:
        utterance = self._playing.get(utterance_id)
        reply = utterance_id.rpartition("/")[0]
        turn = f"{self.conversation}/{reply}"
        known = self._newest.get(turn)
        if utterance is None or known is None:
            return
        parts = self._heard.setdefault(turn, {})
        text = heard_text(utterance, played)
        if parts.get(utterance_id) == text:
            return
        parts[utterance_id] = text
        self._put(replace(known, heard=self._so_far(turn)))

    def _so_far(self, turn: str) -> str:
        return " ".join(filter(None, self._heard.get(turn, {}).values()))

    def _changed(self, record: TurnRecord) -> None:
        over = record.state in FINAL_STATES
        person = record.kind == "person"
        heard = record.heard if over or person else self._so_far(record.id)
        at = record.on_air or record.spoken_to or record.asked
        kept = KeptTurn(
            record.id, self.conversation, record.number, record.kind, record.speaker, record.text, heard, record.state,
            self._wall(at), record.interrupted, record.failure, record.language,
            stages=silence_ms(record), waited_ms=sum(silence_ms(record).values()),
        )  # fmt: skip
        before = self._newest.get(record.id)
        if kept == before:
            return
        self._put(kept)
        if person and record.state in ("queued", "ended"):
            self._learn(record.id, kept.heard)
        if over:
            self._newest.pop(record.id, None)
            self._heard.pop(record.id, None)
            self._note(kept)

    def _put(self, kept: KeptTurn) -> None:
        self._newest[kept.id] = kept
        self._store.put(kept.write, f"turn {kept.id}")

    def _note(self, kept: KeptTurn) -> None:
        if not kept.heard or kept.state != "ended":
            return
        self.lines.append((kept.role == "person", kept.heard))
        del self.lines[:-MOST_LINES]

    def _learn(self, turn: str, text: str) -> None:
        """What they told, as soon as their turn is taken to be over; again if they go on with it."""
        if self._learnt == (turn, text):
            return
        self._learnt = (turn, text)
        if told := facts_told(text, self._language):
            self._told(told, self.conversation)

    def _wall(self, at: int) -> int:
        return self._epoch + at if at else 0
