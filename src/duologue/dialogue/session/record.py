"""The turns of a conversation with a person as records: one for each turn of theirs, one for each reply.

A recorder sees what the session's observer sees, every event and effect in order, and nothing else. When a turn or a
reply opens, what it answers and what came of it is told by the table; the recorder adds when things happened, and no
opinion of its own. A reply that was only thought, and withdrawn before
the turn had ended, leaves no record; what it cost is counted on the turn of the person. A reply that was withdrawn
before a word of it was heard is ``withdrawn``; its question is open again and goes on with what the person says next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from duologue.clock import MILLISECOND
from duologue.dialogue.ports import PlayEnded, PlayProgress, PlayStarted
from duologue.dialogue.session.drafts import AnswerDraft, PieceDraft, TurnDraft
from duologue.dialogue.turns.reply import REST
from duologue.dialogue.turns.vocabulary import (
    Abandon,
    Adopt,
    Apologise,
    AudioReady,
    BeginStretch,
    Clear,
    Commit,
    Effect,
    EndStretch,
    EngineFailed,
    Event,
    Extend,
    Filler,
    HandedOver,
    HangUp,
    Note,
    Pause,
    Play,
    PutOnHold,
    ReplyBegun,
    ReplyFinished,
    Report,
    Resume,
    SentenceReady,
    SpeechStopped,
    Stage,
    TakenOffHold,
    Think,
    Timeout,
    TurnClosed,
    TurnOpened,
    Typed,
    Understood,
    VoiceSentence,
    Withdrawn,
)
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import EndingOutcome, EndingRecord, TurnRecord

_EVENTS: tuple[type[Event], ...] = get_args(Event)


def _unread(record: EndingRecord) -> None:
    pass


class SessionRecorder:
    """Give :meth:`take` to a session as its observer. ``changed`` gets each record whenever it has changed; it goes on
    being changed, so keep a copy (:class:`~duologue.telemetry.stream.Ledger` enters one). ``decided`` gets a line of
    the decision log once it is known what came of the decision.

    ``conversation`` begins the ids of all records, ``speaker`` is the character and ``person`` the other side.
    """

    def __init__(
        self,
        conversation: str,
        speaker: str,
        person: str,
        changed: Callable[[TurnRecord], None],
        decided: Callable[[EndingRecord], None] = _unread,
    ) -> None:
        self._conversation = conversation
        self._speaker = speaker
        self._person = person
        self._changed = changed
        self._decided = decided
        self.operator = False
        """The owner's words, from here on, are an operator's."""
        self._number = 0
        self._asked = 0
        self._turn: TurnDraft | None = None
        self._open: TurnDraft | None = None
        """A question whose reply was withdrawn before a word of it was heard."""
        self._left: TurnDraft | None = None
        """What was said when the person hung up."""
        self._answers: dict[str, AnswerDraft] = {}
        self._muttered: dict[str, int] = {}
        """When each filler began while the person was understood (0: not yet): a part of the answer that comes."""
        self._event: Event = Timeout()
        self._held = 0
        """When the floor was held; 0: it is not."""
        self._away = False
        """The line is on hold."""

    def take(self, item: Event | Effect, now: int) -> None:
        """An event or an effect of the session, at ``now`` (monotonic ns)."""
        if isinstance(item, _EVENTS):
            self._event = item
            self._take_event(self._event, now)
        else:
            self._take_effect(item, now)

    def sent(self, utterance_id: str, at: int) -> None:
        """The first sound of an utterance left for the far end ``at`` (monotonic ns)."""
        answer, piece = self._piece(utterance_id)
        if answer is not None and piece is not None and piece.utterance is not None and not answer.record.sent:
            answer.record.sent = at

    # Events

    def _take_event(self, event: Event, now: int) -> None:
        match event:
            case SpeechStopped(at, level_ms):
                if self._turn and not self._turn.decided:  # who types while they sound has said it by typing
                    gone = at + round(level_ms * MILLISECOND)
                    self._turn.ended = max(gone, self._turn.onset)  # known late, of a voice that was left
            case Understood():
                self._understand(event, now)
            case Typed(text):
                self._note_typed(text, now)
            case EngineFailed(Stage.HEARING):
                if self._turn:
                    self._turn.understood = now
            case PutOnHold():
                self._away = True
                if self._turn:
                    self._turn.ended = self._turn.ended or now  # a voice ends with the line
            case TakenOffHold() if self._away:
                self._come_back(now)
            case HandedOver(_, what, stretch, reply):
                self._note_handover(what, stretch, reply)
            case ReplyBegun(reply) | SentenceReady(reply) | ReplyFinished(reply) | AudioReady(reply):
                if answer := self._answers.get(reply):
                    self._note_progress(answer, event, now)
            case PlayStarted() | PlayProgress() | PlayEnded():
                self._note_playing(event)
            case _:
                pass

    def _understand(self, event: Understood, now: int) -> None:
        turn = self._turn
        if turn is None or event.stretch not in turn.parts:
            return
        turn.parts[event.stretch] = event.text.strip()
        if event.text:
            turn.language = event.language
        if event.final:
            turn.understood, turn.queued_ms = now, event.queued_ms
        over_ours = any(answer.bound for answer in self._answers.values())
        if turn.text and not over_ours:  # else it may be a cough, or go on with a question that is not answered
            self._show(turn)

    def _come_back(self, now: int) -> None:
        """From a hold: whoever waits for an answer waits from now on."""
        self._away = False
        for turn in filter(None, (self._turn, self._open)):
            turn.back = now
        for answer in self._answers.values():
            if answer.record.spoken_to and not answer.record.on_air:
                answer.record.spoken_to = now
                answer.record.given = answer.record.sent = 0  # what nobody heard is handed over anew
                self._tell(answer)

    def _note_handover(self, what: str, stretch: int, reply: str) -> None:
        if answer := self._answers.get(reply):
            answer.record.handovers = (*answer.record.handovers, what)
            self._tell(answer)
        elif self._turn and stretch in self._turn.parts:
            self._turn.handovers = (*self._turn.handovers, what)

    def _note_typed(self, text: str, now: int) -> None:
        if not text.strip():
            return
        turn = self._turn = self._turn or self._reopened(now)
        self._go_on(turn)
        turn.parts[-len(turn.parts) - 1] = text.strip()
        turn.ended = turn.understood = now
        turn.decide(now, "typed")

    def _note_progress(self, answer: AnswerDraft, event: Event, now: int) -> None:
        record = answer.record
        match event:
            case ReplyBegun(prompt=prompt, kept=kept):
                record.first_token = record.first_token or now
                record.prompt_tokens, record.kept_tokens = prompt, kept
            case SentenceReady(text=text):
                record.first_sentence = record.first_sentence or now
                answer.sentences.append(text)
                record.state = "voicing" if record.state == "writing" else record.state
            case ReplyFinished():
                record.text_complete = now
            case AudioReady(index=index, utterance=utterance, queued_ms=queued_ms):
                if not answer.ready:
                    record.queued_ms += queued_ms
                record.cached += utterance.cached and utterance.id not in answer.ready
                answer.ready[utterance.id] = record.voiced = now
                record.engine = utterance.engine or record.engine
                if index < len(answer.sentences):
                    answer.sentences[index] = answer.sentences[index] or utterance.text
            case _:
                return
        record.text = " ".join(filter(None, answer.sentences))
        self._tell(answer)

    def _note_playing(self, event: PlayStarted | PlayProgress | PlayEnded) -> None:
        if isinstance(event, PlayStarted) and event.utterance_id in self._muttered:
            self._muttered[event.utterance_id] = event.at_ns
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
                    record.on_air, record.first_audio = at, answer.ready.get(utterance_id.rstrip(REST), at)
                    record.state = "on_air"
                    waits = max(record.spoken_to, record.decided)
                    record.waited_ms = (at - waits) / MILLISECOND if record.spoken_to else 0.0
            case PlayProgress():
                piece.estimated = event.estimated
                return
            case PlayEnded(_, at):
                piece.ended, piece.estimated = at, event.estimated
                record.estimated = any(each.estimated for each in answer.pieces.values())
        self._tell(answer)

    # Effects

    def _take_effect(self, effect: Event | Effect, now: int) -> None:
        match effect:
            case TurnOpened() | TurnClosed() | BeginStretch() | EndStretch():
                self._note_turn(effect, now)
            case Think(reply, person, speculative):
                self._think(reply, person, speculative, now)
            case Adopt(reply):
                if answer := self._answers.get(reply):
                    answer.record.adopted = True
                    self._bind(reply, answer, self._turn.text if self._turn else "", now)
            case VoiceSentence(reply, index, text):
                self._note_sentence(reply, index, text, now)
            case Apologise(reply, _, stage):
                self._apologise(reply, stage, now)
            case Abandon(reply):
                self._abandon(reply, now)
            case Withdrawn(reply):
                self._withdraw(self._answers.pop(reply), now)
            case Play(utterance):
                self._hand_over(utterance.id, utterance, now)
            case Extend(utterance):
                _, piece = self._piece(utterance.id)
                if piece is not None:
                    piece.utterance = utterance
            case Filler(utterance_id):
                self._hand_over(utterance_id, None, now)
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

    def _note_turn(self, effect: TurnOpened | TurnClosed | BeginStretch | EndStretch, now: int) -> None:
        match effect:
            case TurnOpened(number, at):
                self._turn = self._turn or TurnDraft(number, at)  # what is typed is told before
                self._turn.number = number
            case BeginStretch(stretch, since):
                turn = self._turn = self._turn or self._reopened(since)
                turn.parts[stretch] = ""
                self._muttered.clear()
                self._go_on(turn)
            case EndStretch():
                if self._held and self._turn and self._turn.ended and not self._turn.decided:
                    self._turn.decide(now, "judged")
            case TurnClosed(number, outcome):
                self._close_turn(number, outcome)

    def _close_turn(self, number: int, outcome: EndingOutcome) -> None:
        """It is over without an answer; one that has an answer is over when that is."""
        turn = next((each for each in (self._turn, self._open) if each and each.number == number), None)
        if turn is None or outcome is EndingOutcome.ANSWERED:
            return
        self._turn = self._open = None
        self._tell_ending(turn, outcome)
        if outcome is EndingOutcome.HUNG_UP and turn.text:
            self._left = turn  # the exchange follows
        else:
            self._void(turn)

    def _void(self, turn: TurnDraft) -> None:
        """It came to nothing; words that were shown of it were none."""
        if turn.record:
            turn.record.state = "withdrawn"
            self._changed(turn.record)

    def _think(self, reply: str, person: str, speculative: bool, now: int) -> None:
        record = TurnRecord(f"{self._conversation}/{reply}", self._conversation, 0, self._speaker, "answer", asked=now)
        answer = self._answers[reply] = AnswerDraft(record)
        if not speculative:
            self._bind(reply, answer, person, now)

    def _note_sentence(self, reply: str, index: int, text: str, now: int) -> None:
        """Words of the owner's are not thought of: with the first of them their reply opens. It waited for nobody, but
        what the person had said until then is over with it.
        """
        if not index and reply not in self._answers:
            record = TurnRecord(
                f"{self._conversation}/{reply}", self._conversation, 0, self._speaker, "answer", asked=now,
                first_sentence=now, text_complete=now, state="voicing", operator=self.operator,
            )  # fmt: skip
            question = self._answered_by_owner(now)
            self._number += 1
            record.number = self._number
            self._answers[reply] = AnswerDraft(record, question, bound=True, given=True)
        answer = self._answers.get(reply)
        if answer is not None and answer.given:
            answer.sentences.append(text)
            answer.record.text = " ".join(filter(None, answer.sentences))
            self._tell(answer)

    def _answered_by_owner(self, now: int) -> TurnDraft | None:
        turn, self._turn, self._open = self._turn or self._open, None, None
        if turn is None or not turn.text:
            if turn is not None:
                self._void(turn)
            return None
        turn.ended = turn.ended or now
        self._show(turn, state="queued")
        return turn

    def _apologise(self, reply: str, stage: Stage, now: int) -> None:
        if reply not in self._answers:  # for the ears: nothing was understood, nothing was thought
            self._think(reply, "", False, now)
        answer = self._answers[reply]
        answer.abandoned = False
        answer.record.apologised = now
        answer.sentences.append("")
        if not answer.record.failure:
            answer.record.failure = f"{stage}: it gave nothing"
        self._tell(answer)

    def _bind(self, reply: str, answer: AnswerDraft, person: str, now: int) -> None:
        """The turn of the person belongs to this reply now."""
        turn, self._turn, self._open = self._turn or self._open, None, None
        answer.bound, answer.question = True, turn
        if turn:
            self._note_silence(answer.record, turn, now)
            answer.record.question = self._show(turn, person, "queued").id
        began = sorted(filter(None, self._muttered.values()))
        self._muttered.clear()
        answer.record.fillers, answer.record.filled = len(began), next(iter(began), 0)
        self._number += 1
        answer.record.number = self._number
        self._tell(answer)

    def _note_silence(self, record: TurnRecord, turn: TurnDraft, now: int) -> None:
        if not turn.decided:
            turn.decide(now, turn.why)
        turn.ended = turn.ended or turn.decided  # somebody who speaks on was cut off here
        record.spoken_to, record.decided = turn.silent_since, turn.decided
        record.understood = turn.understood or now
        record.why, record.wait_ms = turn.why, turn.wait_ms
        record.gap_ms = round(turn.silence_ms)
        record.failure, record.stalls = turn.failure, turn.stalls
        record.queued_ms += turn.queued_ms
        record.handovers = (*turn.handovers, *record.handovers)

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

    def _hand_over(self, utterance_id: str, utterance: Utterance | None, now: int) -> None:
        answer = next((each for each in self._answers.values() if each.counts), None)
        if answer is None:
            self._muttered[utterance_id] = 0
            return
        answer.pieces[utterance_id] = PieceDraft(utterance)
        answer.cut = 0  # silence that was ordered in it is over: somebody is there again
        if utterance and not answer.record.given:
            answer.record.given = now
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
            self._close_unanswered(exchange.person, now, answered=bool(exchange.by))
            return
        if answer.question:
            lost = answer.question.failure and not exchange.person
            self._show(answer.question, exchange.person, "failed" if lost else "ended")
            self._tell_ending(answer.question, EndingOutcome.ANSWERED)
        record = answer.record
        record.heard, record.interrupted = exchange.heard, exchange.interrupted
        failed = not exchange.heard and not exchange.interrupted
        self._finish(answer, "failed" if failed else "ended", now)

    def _close_unanswered(self, person: str, now: int, *, answered: bool) -> None:
        """The person hung up before they were answered, or somebody else ``answered``."""
        turn, self._left = self._left, None
        if answered and person:
            turn, self._turn, self._open = self._turn or self._open, None, None
        if turn is not None:
            turn.ended = turn.ended or now
            self._show(turn, person, "ended")
            if answered:
                self._tell_ending(turn, EndingOutcome.ANSWERED)

    def _report(self, report: Report, now: int) -> None:
        turn = self._turn
        match report.note:
            case Note.TURN_ENDED if over := turn or self._open:  # an open one: the reply to it ended with a hold
                over.ended = over.ended or now  # by a commit over the voice
                over.decide(now, report.why, report.wait_ms)
            case Note.OVERLONG if turn and report.stage is Stage.HEARING:
                turn.ended = turn.ended or now  # in the middle of a word, most often
                turn.decide(now, "overlong")
            case Note.RESUMED if turn:
                self._go_on(turn)
                turn.pauses.append(report.ms)
            case Note.SPECULATION_MISS if turn:
                turn.misses += 1
                turn.wasted_ms += report.ms
            case Note.FAILED | Note.STALLED:
                self._note_trouble(report, now)
            case _:
                self._note_floor(report, now)

    def _note_trouble(self, report: Report, now: int) -> None:
        what = f"{report.stage}: {report.why}"
        target: TurnDraft | TurnRecord | None = self._turn
        if report.stage is not Stage.HEARING:
            answer = self._concerned(report)
            target = answer.record if answer else None
        elif isinstance(target, TurnDraft):
            target.understood = now
        if target is None:
            return
        if what not in target.failure.split("; "):  # how often it was late tell the stalls
            target.failure = "; ".join(filter(None, (target.failure, what)))
        if report.note is Note.STALLED:
            target.stalls = (*target.stalls, str(report.stage))

    def _concerned(self, report: Report) -> AnswerDraft | None:
        """Whose engine failed, or which reply the floor lost."""
        if report.note is Note.FAILED and isinstance(self._event, EngineFailed):
            return self._answers.get(self._event.reply)
        bound = [answer for answer in self._answers.values() if answer.bound]
        return next(iter(bound), None)

    def _note_floor(self, report: Report, now: int) -> None:
        answer = next((each for each in self._answers.values() if each.counts), None)
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

    def _go_on(self, turn: TurnDraft) -> None:
        """The person speaks again: what was decided of their turn's end is void."""
        self._tell_ending(turn, EndingOutcome.WENT_ON)
        turn.ended = turn.decided = turn.back = 0

    def _reopened(self, onset: int) -> TurnDraft:
        """The turn that goes on: its reply was withdrawn."""
        turn = TurnDraft(0, onset)
        if self._open:
            turn.reopen(self._open)
            self._open = None
        return turn

    def _show(self, turn: TurnDraft, text: str = "", state: str = "on_air") -> TurnRecord:
        """The record of the person's turn as it stands."""
        record = turn.record
        if record is None:
            self._asked += 1
            self._number += 1
            record_id = f"{self._conversation}/p{self._asked}"
            record = TurnRecord(record_id, self._conversation, self._number, self._person, "person", on_air=turn.onset)
            record.to = self._speaker
            turn.record = record
        record.text = record.heard = text or turn.text
        record.state, record.ended = state, turn.ended if state != "on_air" else 0
        record.decided, record.understood = turn.decided, turn.understood
        record.why, record.wait_ms, record.failure, record.stalls = turn.why, turn.wait_ms, turn.failure, turn.stalls
        record.handovers, record.language = turn.handovers, turn.language
        record.pauses, record.misses, record.wasted_ms = len(turn.pauses), turn.misses, turn.wasted_ms
        self._changed(record)
        return record

    def _tell_ending(self, turn: TurnDraft, outcome: EndingOutcome) -> None:
        """What came of the decision that the turn was over, once. Sounds over ours were no turns until answered."""
        if turn.told or not (turn.waited or (turn.decided and outcome is EndingOutcome.ANSWERED)):
            return
        turn.told = True
        self._decided(turn.ending(self._conversation, outcome))

    def _tell(self, answer: AnswerDraft) -> None:
        if answer.bound:
            self._changed(answer.record)

    def _withdraw(self, answer: AnswerDraft, now: int) -> None:
        """Nothing of it was heard: its question is open again."""
        question = answer.question
        if question:
            gone = EndingOutcome.HUNG_UP if isinstance(self._event, HangUp) else EndingOutcome.WENT_ON
            self._tell_ending(question, gone)
        if question and not question.text:  # the ears failed: there is nothing to go on with
            self._show(question, "", "failed")
        elif question and self._turn:
            self._turn.reopen(question)
        elif question:
            self._open = question
        self._finish(answer, "withdrawn", now)

    def _finish(self, answer: AnswerDraft, state: str, now: int) -> None:
        answer.record.ended = answer.silent_at or now
        answer.record.state = state
        self._changed(answer.record)

    def _piece(self, utterance_id: str) -> tuple[AnswerDraft | None, PieceDraft | None]:
        for answer in self._answers.values():
            if piece := answer.pieces.get(utterance_id):
                return answer, piece
        return None, None
