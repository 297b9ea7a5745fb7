"""The turns of a conversation with a person as records: one for each turn of theirs, one for each reply.

A recorder sees what the session's observer sees, every event and effect in order, and nothing else; so what it writes
down is what was decided and played, and no second opinion of it. A reply that was only thought, and withdrawn before
the turn had ended, leaves no record; what it cost is counted on the turn of the person. A reply that was withdrawn
before a word of it was heard is ``withdrawn``; its question is open again and goes on with what the person says next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import get_args

from duologue.dialogue.floor_state import MILLISECOND
from duologue.dialogue.heard import heard_text
from duologue.dialogue.ports import PlayEnded, PlayProgress, PlayStarted
from duologue.dialogue.turns_vocabulary import (
    Abandon,
    Adopt,
    Apologise,
    AudioReady,
    BeginStretch,
    Clear,
    Commit,
    DropStretch,
    Effect,
    EndStretch,
    EngineFailed,
    Event,
    Filler,
    HangUp,
    Note,
    Pause,
    Play,
    ReplyBegun,
    ReplyFinished,
    Report,
    Resume,
    SentenceReady,
    SpeechStopped,
    Stage,
    Think,
    Timeout,
    Typed,
    Understood,
)
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import TurnRecord

_EVENTS: tuple[type[Event], ...] = get_args(Event)


@dataclass(slots=True)
class _Turn:
    """What the person is saying. ``record`` exists once there are words; ``before`` is what it held already."""

    onset: int
    ended: int = 0
    decided: int = 0
    understood: int = 0
    why: str = ""
    wait_ms: float = 0.0
    parts: dict[int, str] = field(default_factory=dict[int, str])
    before: str = ""
    failure: str = ""
    stalls: tuple[str, ...] = ()
    pauses: int = 0
    misses: int = 0
    wasted_ms: float = 0.0
    record: TurnRecord | None = None

    @property
    def text(self) -> str:
        return " ".join(filter(None, (self.before, *self.parts.values())))


@dataclass(slots=True)
class _Piece:
    """Something of ours on the floor; a filler has no utterance."""

    utterance: Utterance | None
    played: int = 0
    begun: bool = False
    ended: int = 0


@dataclass(slots=True)
class _Answer:
    """A reply. ``bound``: it counts, it is no speculation any more. ``cut``: when it fell silent before its end."""

    record: TurnRecord
    question: TurnRecord | None = None
    bound: bool = False
    abandoned: bool = False
    sentences: list[str] = field(default_factory=list[str])
    ready: dict[str, int] = field(default_factory=dict[str, int])
    pieces: dict[str, _Piece] = field(default_factory=dict[str, _Piece])
    cut: int = 0

    @property
    def sounding(self) -> bool:
        return any(not piece.ended for piece in self.pieces.values())

    @property
    def heard(self) -> bool:
        return any(piece.utterance and heard_text(piece.utterance, piece.played) for piece in self.pieces.values())


class SessionRecorder:
    """Give :meth:`take` to a session as its observer. ``changed`` gets each record whenever it has changed; it goes on
    being changed, so keep a copy (:class:`~duologue.telemetry.turns.TurnLedger` does).

    ``conversation`` begins the ids of all records, ``speaker`` is the character and ``person`` the other side.
    """

    def __init__(self, conversation: str, speaker: str, person: str, changed: Callable[[TurnRecord], None]) -> None:
        self._conversation = conversation
        self._speaker = speaker
        self._person = person
        self._changed = changed
        self._number = 0
        self._asked = 0
        self._turn: _Turn | None = None
        self._dropped: _Turn | None = None
        self._open_question: TurnRecord | None = None
        self._answers: dict[str, _Answer] = {}
        self._event: Event = Timeout()
        self._held = 0
        """When the floor was held; 0: it is not."""

    def take(self, item: Event | Effect, now: int) -> None:
        """An event or an effect of the session, at ``now`` (monotonic ns)."""
        if isinstance(item, _EVENTS):
            self._settle_withdrawn(now)
            self._event = item
            self._take_event(self._event, now)
        else:
            self._take_effect(item, now)

    # Events

    def _take_event(self, event: Event, now: int) -> None:
        match event:
            case SpeechStopped(at):
                if self._turn:
                    self._turn.ended = at
            case Understood(stretch, text, final):
                self._understand(stretch, text, final, now)
            case Typed(text):
                self._note_typed(text, now)
            case EngineFailed(Stage.HEARING):
                if self._turn:
                    self._turn.understood = now
            case ReplyBegun(reply) | SentenceReady(reply) | ReplyFinished(reply) | AudioReady(reply):
                if answer := self._answers.get(reply):
                    self._note_progress(answer, event, now)
            case PlayStarted() | PlayProgress() | PlayEnded():
                self._note_playing(event)
            case HangUp():
                for answer in [each for each in self._answers.values() if each.abandoned and not each.heard]:
                    self._withdraw(answer, now)
            case _:
                pass

    def _understand(self, stretch: int, text: str, final: bool, now: int) -> None:
        turn = self._turn
        if turn is None or stretch not in turn.parts:
            return
        turn.parts[stretch] = text.strip()
        if final:
            turn.understood = now
        over_ours = any(answer.bound for answer in self._answers.values())
        if turn.text and not over_ours:  # else it may be a cough, or go on with a question that is not answered
            self._show(turn)

    def _note_typed(self, text: str, now: int) -> None:
        if not text.strip():
            return
        turn = self._turn = self._turn or self._new_turn(now)
        turn.parts[-len(turn.parts) - 1] = text.strip()
        turn.ended = turn.decided = turn.understood = now
        turn.why, turn.wait_ms = "typed", 0.0

    def _note_progress(self, answer: _Answer, event: Event, now: int) -> None:
        record = answer.record
        match event:
            case ReplyBegun():
                record.first_token = record.first_token or now
            case SentenceReady(text=text):
                record.first_sentence = record.first_sentence or now
                answer.sentences.append(text)
                record.state = "voicing" if record.state == "writing" else record.state
            case ReplyFinished():
                record.text_complete = now
            case AudioReady(index=index, utterance=utterance):
                answer.ready[utterance.id] = record.voiced = now
                if index < len(answer.sentences):
                    answer.sentences[index] = answer.sentences[index] or utterance.text
            case _:
                return
        record.text = " ".join(filter(None, answer.sentences))
        self._tell(answer)

    def _note_playing(self, event: PlayStarted | PlayProgress | PlayEnded) -> None:
        answer, piece = self._piece(event.utterance_id)
        if answer is None or piece is None or piece.ended:
            return
        record = answer.record
        match event:
            case PlayStarted(utterance_id, at):
                piece.begun = True
                if piece.utterance is None:
                    record.fillers += 1
                    record.filled = record.filled or at
                elif not record.on_air:
                    record.on_air, record.first_audio = at, answer.ready.get(utterance_id, at)
                    record.state = "on_air"
                    record.waited_ms = (at - record.decided) / MILLISECOND if record.spoken_to else 0.0
            case PlayProgress(played_samples=played):
                piece.played = max(piece.played, played)
                return
            case PlayEnded(_, at, played):
                piece.played, piece.ended = max(piece.played, played), at
        self._tell(answer)

    # Effects

    def _take_effect(self, effect: Event | Effect, now: int) -> None:
        match effect:
            case BeginStretch() | EndStretch() | DropStretch():
                self._note_stretch(effect, now)
            case Think(reply, person, speculative):
                self._think(reply, person, speculative, now)
            case Adopt(reply):
                if answer := self._answers.get(reply):
                    answer.record.adopted = True
                    self._bind(reply, answer, self._turn.text if self._turn else "", now)
            case Apologise(reply, _, stage):
                self._apologise(reply, stage, now)
            case Abandon(reply):
                self._abandon(reply, now)
            case Play(utterance):
                self._hand_over(utterance.id, utterance)
            case Filler(utterance_id):
                self._hand_over(utterance_id, None)
            case Pause():
                self._held = now
            case Resume():
                self._held = 0
            case Clear():
                self._clear(now)
            case Commit():
                self._commit(effect, now)
            case Report():
                self._report(effect, now)
            case _:
                pass

    def _note_stretch(self, effect: BeginStretch | EndStretch | DropStretch, now: int) -> None:
        match effect:
            case BeginStretch(stretch, since):
                turn = self._turn = self._turn or self._new_turn(since)
                turn.parts[stretch] = ""
                turn.ended = turn.decided = 0
            case EndStretch():
                if self._turn and self._turn.ended and not self._turn.decided:
                    self._turn.decided, self._turn.why = now, "judged"
            case DropStretch():  # always of all stretches of the turn
                if self._turn:
                    self._dropped, self._turn = self._turn, None

    def _think(self, reply: str, person: str, speculative: bool, now: int) -> None:
        record = TurnRecord(f"{self._conversation}/{reply}", self._conversation, 0, self._speaker, "answer", asked=now)
        answer = self._answers[reply] = _Answer(record)
        if not speculative:
            self._bind(reply, answer, person, now)

    def _apologise(self, reply: str, stage: Stage, now: int) -> None:
        if reply not in self._answers:  # for the ears: nothing was understood, nothing was thought
            self._turn, self._dropped = self._dropped, None
            self._think(reply, "", False, now)
        answer = self._answers[reply]
        answer.abandoned = False
        answer.record.apologised = now
        answer.sentences.append("")
        if not answer.record.failure:
            answer.record.failure = f"{stage}: it gave nothing"
        self._tell(answer)

    def _bind(self, reply: str, answer: _Answer, person: str, now: int) -> None:
        """The turn of the person belongs to this reply now."""
        self._settle_withdrawn(now)
        turn, self._turn = self._turn, None
        answer.bound = True
        if turn:
            self._note_silence(answer.record, turn, now)
            answer.question = self._show(turn, person, "queued")
        elif question := self._open_question:
            self._open_question = None
            answer.record.spoken_to = answer.record.decided = question.ended
            answer.record.understood = now
            answer.question = question
        self._number += 1
        answer.record.number = self._number
        answer.record.question = answer.question.id if answer.question else ""
        self._tell(answer)

    def _note_silence(self, record: TurnRecord, turn: _Turn, now: int) -> None:
        turn.decided = turn.decided or now
        turn.ended = turn.ended or turn.decided  # somebody who speaks on was cut off here
        record.spoken_to, record.decided = turn.ended, turn.decided
        record.understood = turn.understood or now
        record.why, record.wait_ms = turn.why, turn.wait_ms
        record.gap_ms = round((turn.decided - turn.ended) / MILLISECOND)
        record.failure, record.stalls = turn.failure, turn.stalls

    def _abandon(self, reply: str, now: int) -> None:
        answer = self._answers.get(reply)
        if answer is None:
            return
        if not answer.bound:
            del self._answers[reply]
            return
        answer.abandoned = True
        if isinstance(self._event, Typed):
            answer.record.taken = now
        if isinstance(self._event, HangUp) and not answer.heard:
            self._withdraw(answer, now)

    def _hand_over(self, utterance_id: str, utterance: Utterance | None) -> None:
        answer = next((each for each in self._answers.values() if each.bound and not each.abandoned), None)
        if answer is None:
            return
        answer.pieces[utterance_id] = _Piece(utterance)
        if utterance and not answer.record.on_air:
            answer.record.state = "queued"
            self._tell(answer)

    def _clear(self, now: int) -> None:
        for answer in self._answers.values():
            if any(piece.begun and not piece.ended for piece in answer.pieces.values()):
                answer.cut = self._held or now
        self._held = 0

    def _commit(self, exchange: Commit, now: int) -> None:
        answer = self._answers.pop(exchange.reply, None)
        if answer is None:
            self._close_unanswered(exchange.person, now)
            return
        if question := answer.question:
            question.text = question.heard = exchange.person or question.text
            question.state = "failed" if question.failure and not question.text else "ended"
            self._changed(question)
        record = answer.record
        record.heard, record.interrupted = exchange.heard, exchange.interrupted
        failed = not exchange.heard and not exchange.interrupted
        self._finish(answer, "failed" if failed else "ended", now)

    def _close_unanswered(self, person: str, now: int) -> None:
        """The person hung up before they were answered."""
        turn = self._turn or self._dropped
        self._turn = self._dropped = None
        if turn:
            turn.ended = turn.ended or now
            self._show(turn, person, "ended")
        elif question := self._open_question:
            question.state = "ended"
            self._changed(question)
        self._open_question = None

    def _report(self, report: Report, now: int) -> None:
        turn = self._turn
        match report.note:
            case Note.TURN_ENDED if turn:
                turn.decided, turn.why = now, report.why
            case Note.OVERLONG if turn and report.stage is Stage.HEARING:
                turn.decided, turn.why = now, "overlong"
            case Note.RESUMED if turn:
                turn.pauses += 1
                turn.ended = turn.decided = 0
            case Note.SPECULATION_MISS if turn:
                turn.misses += 1
                turn.wasted_ms += report.ms
            case Note.FAILED | Note.STALLED:
                self._note_trouble(report, now)
            case _:
                self._note_floor(report, now)

    def _note_trouble(self, report: Report, now: int) -> None:
        what = f"{report.stage}: {report.why}"
        target: _Turn | TurnRecord | None = self._turn
        if report.stage is not Stage.HEARING:
            answer = self._concerned(report)
            target = answer.record if answer else None
            if answer and answer.abandoned and report.stage is Stage.PLAYING:  # the floor never said what it had played
                for piece in answer.pieces.values():
                    piece.ended = piece.ended or now
        elif isinstance(target, _Turn):
            target.understood = now
        if target is None:
            return
        target.failure = "; ".join(filter(None, (target.failure, what)))
        if report.note is Note.STALLED:
            target.stalls = (*target.stalls, str(report.stage))

    def _concerned(self, report: Report) -> _Answer | None:
        """Whose engine failed, or which reply the floor lost."""
        if report.note is Note.FAILED and isinstance(self._event, EngineFailed):
            return self._answers.get(self._event.reply)
        bound = [answer for answer in self._answers.values() if answer.bound]
        return next(iter(bound), None)

    def _note_floor(self, report: Report, now: int) -> None:
        answer = next((each for each in self._answers.values() if each.bound and not each.abandoned), None)
        if answer is None:
            return
        match report.note:
            case Note.SPECULATION_HIT:
                answer.record.saved_ms = report.ms
            case Note.INTERRUPTED:
                answer.record.taken = now - round(report.ms * MILLISECOND)
            case Note.FALSE_ALARM:
                answer.record.false_alarms += 1
            case Note.ECHO:
                answer.record.echoes += 1
            case _:
                return
        self._tell(answer)

    # Records

    def _new_turn(self, onset: int) -> _Turn:
        question = self._open_question
        return _Turn(onset, before=question.text if question else "")

    def _show(self, turn: _Turn, text: str = "", state: str = "on_air") -> TurnRecord:
        """The record of the person's turn as it stands."""
        record = turn.record or self._open_question
        if record is None:
            self._asked += 1
            self._number += 1
            record_id = f"{self._conversation}/p{self._asked}"
            record = TurnRecord(record_id, self._conversation, self._number, self._person, "person", on_air=turn.onset)
        turn.record, self._open_question = record, None
        record.text = record.heard = text or turn.text
        record.state, record.ended = state, turn.ended if state != "on_air" else 0
        record.decided, record.understood = turn.decided, turn.understood
        record.why, record.wait_ms, record.failure, record.stalls = turn.why, turn.wait_ms, turn.failure, turn.stalls
        record.pauses, record.misses, record.wasted_ms = turn.pauses, turn.misses, turn.wasted_ms
        self._changed(record)
        return record

    def _tell(self, answer: _Answer) -> None:
        if answer.bound:
            self._changed(answer.record)

    def _settle_withdrawn(self, now: int) -> None:
        """Before anything new: replies that are gone without a word, and turns that came to nothing."""
        for answer in [each for each in self._answers.values() if each.abandoned and not each.sounding]:
            self._withdraw(answer, now)
        dropped, self._dropped = self._dropped, None
        if dropped and dropped.record:
            dropped.record.state = "withdrawn"
            self._changed(dropped.record)

    def _withdraw(self, answer: _Answer, now: int) -> None:
        """Nothing of it was heard: its question is open again."""
        self._answers = {reply: each for reply, each in self._answers.items() if each is not answer}
        self._open_question = answer.question or self._open_question
        if self._turn and self._open_question:
            self._turn.before = self._turn.before or self._open_question.text
        self._finish(answer, "withdrawn", now)

    def _finish(self, answer: _Answer, state: str, now: int) -> None:
        record = answer.record
        ends = [piece.ended for piece in answer.pieces.values() if piece.begun and piece.ended]
        record.ended = answer.cut or max(ends, default=now)
        record.state = state
        self._changed(record)

    def _piece(self, utterance_id: str) -> tuple[_Answer | None, _Piece | None]:
        for answer in self._answers.values():
            if piece := answer.pieces.get(utterance_id):
                return answer, piece
        return None, None
