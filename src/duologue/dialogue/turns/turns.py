"""Turn-taking between a person and a character: who has the floor, as a table. Pure; values in, values out.

**Theory.** A conversation has one floor. Whoever speaks has it, and it is given away by falling silent. Two things make
this hard for a machine: silence does not say whether it is an end or a breath, and sound does not say whether it asks
for the floor. Both are decided here in the same way: do at once what can be undone, and only with evidence what cannot.

*The end of a turn.* When the voice stops we wait (``PAUSING``), as long as the words so far make it likely that more
will come; :class:`~duologue.dialogue.turns.vocabulary.Patience` knows how long. What can be undone starts meanwhile. As
soon as the words have stood unchanged for a moment, a reply to them is thought out and its first sentence voiced
(*speculation*). Shortly before the wait is over, but not before a silence that no dropout is, the final transcript is
asked for, so that nobody waits for it afterwards: the stretch ends, and whoever goes on begins the next one, for a turn
is the sum of its stretches. What the final transcript says may make the wait longer or shorter. Speculation is adopted
at the decision if the final transcript says the same (``SETTLING``), else it goes and leaves no trace. When the person
goes on, even after the turn was decided to be over, their words are kept and what they add is added: a reply to half a
question is never spoken.

*The start of a turn.* When a voice comes up while ours plays, it may be a cough, a "mm-hm", our own echo, or somebody
who wants to speak. We go on for a moment (``DOUBTING``), then hold the floor where it is (``PAUSED``), which can be
undone, and look for evidence: words that are no backchannel, or a voice that goes on and on. With it the reply is
cleared, which cannot be undone (``HEARING``). Without it, once the sound has been understood (``JUDGING``), the reply
goes on where it stopped: we are silent meanwhile, so who does want the floor loses nothing by our waiting for words. A
voice that ends before the floor is held is understood to its end as well, while the reply goes on: no word is too short
to be heard. Before the first sound of a reply there is nothing to doubt: the floor is held at once. Ears that are late
hold nobody up for long: the reply goes on, and words that come after all take the floor then; who said so much that it
can be no backchannel keeps it until they come.

*What was said.* An exchange enters the context once, when it is over, with what was heard of the reply, which only the
far end knows: after a clear we wait for its last word on that (``CLEARING``, when a reply is wanted meanwhile). A reply
of which nothing was heard was never given; its question is open again and joins what the person says next. So a reply
is always bound to everything that the person has said since they were last answered. To a clear voice without words we
say that we did not catch it, for silence would be no answer; but twice in a row at most, for a noise can be a voice to
every engine.

*Duties.* In every state somebody must act, and for each there is a deadline: the person in ``QUIET``, ``HEARING``,
``PAUSING``, ``DOUBTING`` and ``PAUSED``, the ears in ``SETTLING`` and ``JUDGING``, the floor in ``CLEARING`` and
``SPEAKING``, thinking and voice in ``THINKING``, the far end in ``HELD``. Missing it is an event like any other, with a
row in the table: the late engine is filled in for, then apologised for, and named. An engine that stops hearing while
the person speaks is asked again, at most once a second. When we ourselves did not run (a suspended machine, a held
loop), nobody was late:
every deadline moves by the time that stood still, and that is named as well.

*On hold* (``HELD``) nobody is at the far end: the reply stands still, and so does time, for nobody is late. Engines go
on with what they were asked. Who comes back within a while hears the reply from the first word on that they have not
heard whole; later it is over, like one that was interrupted. What the person had said before is answered then.

*Half-duplex*, for lines with echo, is the same table with the ears closed while a reply is on the floor.

**The table.** What happened is first written down by whom it is about: the person's turn
(:class:`~duologue.dialogue.turns.person.Person`), the reply (:class:`~duologue.dialogue.turns.reply.Reply`), or the
floor between them (:class:`~duologue.dialogue.turns.floor_state.FloorState`); a word about something that was withdrawn
goes no further. Then every row of :data:`BESIDE` whose guard holds is taken, which leaves the state as it is, and of
:data:`TABLE` the first one for the state and the event whose guard holds: its action changes the registers and gives
effects, and the state becomes the row's target. Without a row the state stays. A row on a timeout carries its moment
(:mod:`~duologue.dialogue.turns.moments`), and :func:`TurnTaking.deadline` is the earliest of those whose guards hold: a
function of state and registers, so that no deadline is ever forgotten or left over. Everything that anybody else knows
of a turn or a reply (its record, captions, metrics) is made of these effects.
"""

from __future__ import annotations

from dataclasses import dataclass

from duologue.clock import MILLISECOND
from duologue.dialogue.ports import PlayEnded, PlayStarted
from duologue.dialogue.turns import actions as do
from duologue.dialogue.turns import guards as when
from duologue.dialogue.turns import moments as at
from duologue.dialogue.turns.floor_state import FloorState
from duologue.dialogue.turns.person import Person
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.reply import Reply
from duologue.dialogue.turns.vocabulary import (
    AudioGrew,
    AudioReady,
    Change,
    ChunkWritten,
    DigitPressed,
    Effect,
    EngineFailed,
    Event,
    HangUp,
    Interrupt,
    Leave,
    Note,
    Patience,
    PutOnHold,
    ReplyFinished,
    Report,
    Say,
    SentenceReady,
    SinkAttached,
    SpeechStarted,
    SpeechStopped,
    Stage,
    State,
    TakenOffHold,
    Timeout,
    ToolAnswered,
    ToolCalled,
    TurnAnswered,
    TurnCancelled,
    TurnCommitted,
    Typed,
    Understood,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. On a timeout it is taken from ``moment`` on; without a ``target`` the state stays."""

    states: tuple[State, ...]
    events: tuple[type[Event], ...]
    guard: when.Guard
    action: when.Action
    target: State | None
    moment: at.MomentOf = at.at_once


def _row(
    states: State | tuple[State, ...], events: type[Event] | tuple[type[Event], ...],
    guard: when.Guard, action: when.Action, target: State | None = None,
) -> Row:  # fmt: skip
    return Row(
        states if isinstance(states, tuple) else (states,), events if isinstance(events, tuple) else (events,),
        guard, action, target,
    )  # fmt: skip


def _late(
    states: State | tuple[State, ...], moment: at.MomentOf,
    guard: when.Guard, action: when.Action, target: State | None = None,
) -> Row:  # fmt: skip
    return Row(states if isinstance(states, tuple) else (states,), (Timeout,), guard, action, target, moment)


QUIET, HEARING, PAUSING, SETTLING, CLEARING, THINKING, SPEAKING, DOUBTING, PAUSED, JUDGING, HELD, CLOSED = State
_OPEN = tuple(state for state in State if state is not CLOSED)
_THERE = tuple(state for state in _OPEN if state is not HELD)
_UNDERSTOOD = (Understood, EngineFailed, Timeout)
_REPLY = (SentenceReady, AudioReady, ReplyFinished, EngineFailed)
_FLOOR = (*_REPLY, PlayEnded)

BESIDE: tuple[Row, ...] = (
    _row(_OPEN, EngineFailed, when.always, do.report_failure),
    _row(_OPEN, EngineFailed, when.speculation_came_to_nothing, do.forget_speculation),
    _row(_OPEN, ReplyFinished, when.reply_was_cut, do.report_cut),
    _row(_OPEN, Typed, when.typed_more_than_is_taken, do.report_typed_length),
    _row(_OPEN, ChunkWritten, when.reply_is_no_speculation, do.show_notes),
    _row(_OPEN, AudioGrew, when.the_floor_has_its_beginning, do.extend),
    _row(_OPEN, Say, when.always, do.queue_words),
    _row(_OPEN, Leave, when.always, do.note_leaving),
    _row(_OPEN, (Say, Leave), when.after_this_sentence_of_ours, do.cut_reply_short),
    _row(_OPEN, Interrupt, when.always, do.forget_words),
    _row(_OPEN, DigitPressed, when.always, do.give_digit),
    _row(_OPEN, TurnAnswered, when.always, do.take_answer),
    _row(_OPEN, Change, when.always, do.apply_change),
    _row(_OPEN, SinkAttached, when.always, do.play_again),
    _row(_OPEN, ToolCalled, when.always, do.call_tool),
    _row(_OPEN, ToolAnswered, when.nobody_waits_for_it, do.report_stray_result),
    _row(_OPEN, ToolAnswered, when.far_end_was_asked, do.give_result),
    _row(_OPEN, PlayStarted, when.a_sentence_of_the_reply_begins, do.tell_what_sounds),
    _row(_OPEN, PlayEnded, when.last_word_of_the_floor_is_there, do.settle_what_was_cleared),
    _late(_OPEN, at.last_word_is_late, when.last_word_of_the_floor_is_awaited, do.settle_without_last_word),
    _late(SETTLING, at.finals_are_late, when.finals_are_missing, do.give_up_finals),
    _late((THINKING, SPEAKING), at.finals_are_late, when.a_voice_is_not_judged, do.give_up_finals),
)  # fmt: skip
"""What an event does in any state: all rows that hold, in this order, before one of :data:`TABLE`."""

TABLE: tuple[Row, ...] = (
    _row(_OPEN, HangUp, when.always, do.close, CLOSED),
    _row(_THERE, Typed, when.words_are_awaited, do.add_typed_and_ask_for_final, SETTLING),
    _row(_THERE, Typed, when.floor_is_clear, do.answer_typed, THINKING),
    _row(_THERE, Typed, when.always, do.yield_to_typed, CLEARING),
    _row(_THERE, Say, when.now, do.yield_to_owner, CLEARING),
    # Nobody is at the far end for a while
    _row(_THERE, PutOnHold, when.always, do.put_on_hold, HELD),
    _row(HELD, TakenOffHold, when.reply_is_to_yield_until_commit, do.take_off_hold_and_give_floor, PAUSING),
    _row(HELD, TakenOffHold, when.reply_is_to_yield, do.take_off_hold_and_give_floor, CLEARING),
    _row(HELD, TakenOffHold, when.reply_speaks, do.take_off_hold, SPEAKING),
    _row(HELD, TakenOffHold, when.a_reply_is_there, do.take_off_hold, THINKING),
    _row(HELD, TakenOffHold, when.owner_waits, do.take_off_hold, CLEARING),
    _row(HELD, TakenOffHold, when.turn_was_committed, do.take_off_hold, SETTLING),
    _row(HELD, TakenOffHold, when.person_has_said_something, do.take_off_hold, PAUSING),
    _row(HELD, TakenOffHold, when.last_word_of_the_floor_is_awaited, do.take_off_hold, CLEARING),
    _row(HELD, TakenOffHold, when.always, do.take_off_hold, QUIET),
    _row(HELD, Typed, when.always, do.add_typed, HELD),
    _row(HELD, Say, when.now, do.yield_to_owner, HELD),
    _row(HELD, Interrupt, when.a_reply_is_there, do.stop, HELD),
    _row(HELD, TurnCancelled, when.always, do.cancel_turn, HELD),
    _row(HELD, _FLOOR, when.always, do.flow, HELD),
    _late(HELD, at.at_once, when.owner_leaves, do.leave, CLOSED),
    _late(HELD, at.held_for_long, when.always, do.wait_on_hold, HELD),
    # The person's turn
    _row(QUIET, SpeechStarted, when.always, do.listen, HEARING),
    _late(QUIET, at.at_once, when.voice_on, do.begin_next_stretch, HEARING),
    _late(QUIET, at.at_once, when.owner_wants_to_speak, do.say, THINKING),
    _late(QUIET, at.at_once, when.owner_leaves, do.leave, CLOSED),
    _late(QUIET, at.silence, when.silence_may_be_broken, do.ask_into_silence, THINKING),
    _late(QUIET, at.silence, when.always, do.tell_of_silence, QUIET),
    _row((HEARING, PAUSING), TurnCommitted, when.always, do.commit_turn, SETTLING),
    _row((HEARING, PAUSING, SETTLING, CLEARING), TurnCancelled, when.always, do.cancel_turn, CLEARING),
    _row(HEARING, SpeechStopped, when.always, do.nothing, PAUSING),
    _late(HEARING, at.longest_turn, when.always, do.end_overlong_turn, SETTLING),
    _late(HEARING, at.longest_stretch, when.always, do.begin_next_stretch, HEARING),
    _row(PAUSING, SpeechStarted, when.always, do.go_on_listening, HEARING),
    _row(PAUSING, Understood, when.always, do.reconsider, PAUSING),
    _row(PAUSING, _REPLY, when.always, do.flow, PAUSING),
    _late(PAUSING, at.decision, when.turn_ends_by_itself, do.end_turn, SETTLING),
    _late(PAUSING, at.longest_turn, when.only_a_commit_ends_a_turn, do.end_overlong_turn, SETTLING),
    _late(PAUSING, at.final_wanted, when.stretch_is_open_and_turn_ends_by_itself, do.ask_for_final, PAUSING),
    _late(PAUSING, at.words_have_stood, when.words_may_be_thought_about, do.speculate, PAUSING),
    _row(SETTLING, SpeechStarted, when.turn_may_go_on, do.go_on_listening, HEARING),
    _row(SETTLING, SpeechStopped, when.a_word_was_said, do.hear_the_rest, SETTLING),
    _row(SETTLING, _UNDERSTOOD, when.settled_and_only_listened, do.forget_turn, QUIET),
    _row(SETTLING, _UNDERSTOOD, when.settled_and_speculation_sounds, do.adopt, SPEAKING),
    _row(SETTLING, _UNDERSTOOD, when.settled_and_speculation_agrees, do.adopt, THINKING),
    _row(SETTLING, _UNDERSTOOD, when.settled_but_floor_not_clear, do.nothing, CLEARING),
    _row(SETTLING, _UNDERSTOOD, when.settled_with_words_to_keep, do.keep_words, QUIET),
    _row(SETTLING, _UNDERSTOOD, when.settled_with_words, do.think_and_listen_on, THINKING),
    _row(SETTLING, _UNDERSTOOD, when.settled_without_words_by_failure, do.apologise_for_ears, THINKING),
    _row(SETTLING, _UNDERSTOOD, when.settled_without_words_of_clear_voice, do.apologise_for_missing_it, THINKING),
    _row(SETTLING, _UNDERSTOOD, when.settled, do.forget_turn, QUIET),
    _row(SETTLING, _REPLY, when.always, do.flow, SETTLING),
    _late(SETTLING, at.ears_filler, when.words_are_late, do.mutter_while_understanding, SETTLING),
    _row(CLEARING, SpeechStarted, when.owner_waits, do.listen, CLEARING),
    _row(CLEARING, (PlayEnded, Timeout), when.owner_wants_to_speak, do.say, THINKING),
    _row(CLEARING, SpeechStarted, when.turn_was_not_committed, do.listen, HEARING),
    _row(CLEARING, (PlayEnded, Timeout), when.floor_is_clear_and_voice_is_heard, do.nothing, HEARING),
    _row(CLEARING, (PlayEnded, Timeout), when.floor_is_clear_and_words_are_missing, do.ask_for_final, SETTLING),
    _row(CLEARING, (PlayEnded, Timeout), when.floor_is_clear_and_words_to_keep, do.keep_words, QUIET),
    _row(CLEARING, (PlayEnded, Timeout), when.floor_is_clear_and_words, do.think_and_listen_on, THINKING),
    _row(CLEARING, (PlayEnded, Timeout), when.floor_is_clear, do.forget_turn, QUIET),
    # The reply is due
    _row((THINKING, SPEAKING, JUDGING), _UNDERSTOOD, when.settled_and_asks_until_commit, do.give_floor, PAUSING),
    _row((THINKING, SPEAKING, JUDGING), Interrupt, when.a_voice_is_judged, do.stop, SETTLING),
    _row((THINKING, SPEAKING, DOUBTING, PAUSED), Interrupt, when.voice_on, do.stop, HEARING),
    _row((THINKING, SPEAKING), Interrupt, when.always, do.stop, CLEARING),
    _row(PAUSED, Interrupt, when.always, do.stop, PAUSING),
    _row((THINKING, SPEAKING), TurnCancelled, when.always, do.cancel_turn),
    _row(THINKING, SpeechStarted, when.began_before_decision, do.take_back_decision, HEARING),
    _row(THINKING, SpeechStarted, when.always, do.hold_and_listen, PAUSED),
    _row(THINKING, SpeechStopped, when.stretch_is_open_and_no_echo, do.hold_and_ask_for_final, JUDGING),
    _row(THINKING, SpeechStopped, when.stretch_is_open, do.ask_for_final, THINKING),
    _row(THINKING, Understood, when.asks_for_floor, do.give_floor, HEARING),
    _row(THINKING, _UNDERSTOOD, when.settled_and_a_phrase_was_lost, do.give_floor, PAUSING),
    _row(THINKING, _UNDERSTOOD, when.settled_and_asks_for_silent_floor, do.give_floor_and_think, THINKING),
    _row(THINKING, _UNDERSTOOD, when.settled_and_asks_for_floor, do.give_floor, CLEARING),
    _row(THINKING, _UNDERSTOOD, when.a_voice_was_judged, do.drop_voice, THINKING),
    _row(THINKING, (*_FLOOR, Timeout), when.reply_failed, do.apologise_for_failure, THINKING),
    _row(THINKING, (*_FLOOR, Timeout), when.reply_is_over_and_a_voice_is_judged, do.conclude, SETTLING),
    _row(THINKING, (*_FLOOR, Timeout), when.reply_is_over, do.conclude, QUIET),
    _row(THINKING, _FLOOR, when.reply_speaks, do.flow, SPEAKING),
    _row(THINKING, _FLOOR, when.always, do.flow, THINKING),
    _late(THINKING, at.reply_is_late, when.apologised_and_a_voice_is_judged, do.give_up, SETTLING),
    _late(THINKING, at.reply_is_late, when.apologised, do.give_up, QUIET),
    _late(THINKING, at.reply_is_late, when.always, do.apologise_for_delay, THINKING),
    _late(THINKING, at.filler, when.filler_is_due_some_time, do.mutter, THINKING),
    # The reply is heard
    _row(SPEAKING, SpeechStarted, when.began_before_decision, do.take_back_decision, HEARING),
    _row(SPEAKING, SpeechStarted, when.always, do.listen, DOUBTING),
    _row(SPEAKING, SpeechStopped, when.stretch_is_open_and_no_echo, do.hold_and_ask_for_final, JUDGING),
    _row(SPEAKING, SpeechStopped, when.stretch_is_open, do.ask_for_final, SPEAKING),
    _row(SPEAKING, Understood, when.asks_for_floor, do.give_floor, HEARING),
    _row(SPEAKING, _UNDERSTOOD, when.settled_and_a_phrase_was_lost, do.give_floor, PAUSING),
    _row(SPEAKING, _UNDERSTOOD, when.settled_and_asks_for_floor, do.give_floor, CLEARING),
    _row(SPEAKING, _UNDERSTOOD, when.a_voice_was_judged, do.drop_voice, SPEAKING),
    _row(SPEAKING, PlayEnded, when.reply_failed, do.apologise_for_failure, THINKING),
    _row(SPEAKING, PlayEnded, when.reply_is_over_and_a_voice_is_judged, do.conclude, SETTLING),
    _row(SPEAKING, PlayEnded, when.reply_is_over, do.conclude, QUIET),
    _row(SPEAKING, PlayEnded, when.reply_waits_for_more, do.flow, THINKING),
    _row(SPEAKING, _FLOOR, when.always, do.flow, SPEAKING),
    _late((THINKING, SPEAKING), at.longest_stretch, when.voice_on_and_nobody_listens, do.begin_next_stretch),
    _late(SPEAKING, at.floor_is_mute, when.a_voice_is_judged, do.give_up_floor, SETTLING),
    _late(SPEAKING, at.floor_is_mute, when.always, do.give_up_floor, QUIET),
    _late(SPEAKING, at.at_once, when.reply_waits_for_more, do.wait_for_more, THINKING),
    # Somebody sounds over it
    _row((DOUBTING, PAUSED, JUDGING), TurnCommitted, when.always, do.give_floor_and_commit, SETTLING),
    _row(DOUBTING, TurnCancelled, when.always, do.cancel_turn, SPEAKING),
    _row((PAUSED, JUDGING), TurnCancelled, when.reply_speaks, do.cancel_turn_and_resume, SPEAKING),
    _row((PAUSED, JUDGING), TurnCancelled, when.always, do.cancel_turn_and_resume, THINKING),
    _row(DOUBTING, SpeechStopped, when.voice_was_no_word, do.drop_voice, SPEAKING),
    _row(DOUBTING, SpeechStopped, when.always, do.ask_for_final, SPEAKING),
    _row(DOUBTING, Understood, when.asks_for_floor, do.give_floor, HEARING),
    _row(DOUBTING, PlayEnded, when.reply_is_over, do.conclude, HEARING),
    _row(DOUBTING, _FLOOR, when.always, do.flow, DOUBTING),
    _late(DOUBTING, at.doubt, when.only_echo, do.go_on_over_echo, SPEAKING),
    _late(DOUBTING, at.doubt, when.always, do.hold, PAUSED),
    _row(PAUSED, Understood, when.asks_for_floor_and_is_silent, do.give_floor, PAUSING),
    _row(PAUSED, Understood, when.asks_for_floor, do.give_floor, HEARING),
    _row(PAUSED, _FLOOR, when.always, do.flow, PAUSED),
    _late(PAUSED, at.echo, when.only_echo_and_reply_speaks, do.resume_over_echo, SPEAKING),
    _late(PAUSED, at.echo, when.only_echo, do.resume_over_echo, THINKING),
    _late(PAUSED, at.barge, when.voice_on, do.give_floor, HEARING),
    _late(PAUSED, at.hangover, when.voice_off, do.ask_for_final, JUDGING),
    _row(JUDGING, SpeechStarted, when.always, do.listen, PAUSED),
    _row(JUDGING, _UNDERSTOOD, when.settled_and_a_phrase_asks_for_floor, do.give_floor, PAUSING),
    _row(JUDGING, _UNDERSTOOD, when.settled_and_a_phrase_was_lost, do.give_floor, PAUSING),
    _row(JUDGING, _UNDERSTOOD, when.settled_and_asks_for_silent_floor, do.give_floor_and_think, THINKING),
    _row(JUDGING, _UNDERSTOOD, when.settled_and_asks_for_floor, do.give_floor, CLEARING),
    _row(JUDGING, _UNDERSTOOD, when.settled_and_reply_speaks, do.resume, SPEAKING),
    _row(JUDGING, _UNDERSTOOD, when.settled, do.resume, THINKING),
    _late(JUDGING, at.judgement_is_late, when.words_or_a_phrase_ask_until_commit, do.give_floor_unjudged, PAUSING),
    _late(JUDGING, at.judgement_is_late, when.words_or_a_phrase_ask_for_floor, do.give_floor_unjudged, SETTLING),
    _late(JUDGING, at.judgement_is_late, when.reply_speaks, do.resume_unjudged, SPEAKING),
    _late(JUDGING, at.judgement_is_late, when.always, do.resume_unjudged, THINKING),
    _row(JUDGING, _FLOOR, when.always, do.flow, JUDGING),
)  # fmt: skip
"""Every transition there is, in the order in which rows are tried."""


def _by_state_and_event(table: tuple[Row, ...]) -> dict[tuple[State, type[Event]], tuple[tuple[int, Row], ...]]:
    found: dict[tuple[State, type[Event]], tuple[tuple[int, Row], ...]] = {}
    for number, row in enumerate(table):
        for state in row.states:
            for event in row.events:
                found[state, event] = (*found.get((state, event), ()), (number, row))
    return found


_BESIDE = _by_state_and_event(BESIDE)
_ROWS = _by_state_and_event(TABLE)


class TurnTaking:
    """The machine that runs the table. One for each conversation; ``now`` is its first moment (monotonic ns), ``name``
    begins the ids of its replies and utterances.

    ``used`` counts how often each row was taken, by its place in :data:`TABLE`, ``beside`` by that in :data:`BESIDE`.
    """

    def __init__(self, policy: Policy, patience: Patience, now: int = 0, name: str = "") -> None:
        self._floor = FloorState(Person(policy), since=now, name=name)
        self._patience = patience
        self._state = State.QUIET
        self._seen = now
        self._due = self._earliest()
        self.used = [0] * len(TABLE)
        self.beside = [0] * len(BESIDE)

    @property
    def state(self) -> State:
        """Where the conversation stands."""
        return self._state

    @property
    def person(self) -> str:
        """What the person has said in the turn that is not yet answered, as understood so far."""
        return self._floor.person.text

    @property
    def reply(self) -> Reply | None:
        """The reply that is thought, voiced or spoken. To be read only."""
        return self._floor.reply

    def deadline(self) -> int | None:
        """When :class:`Timeout` wants to be handled (ns; it may be past). None: the conversation is over."""
        return self._due

    def tune(self, policy: Policy, patience: Patience) -> None:
        """Turns are taken by these from here on."""
        self._floor.person.policy, self._patience = policy, patience
        self._due = self._earliest()

    def handle(self, event: Event, now: int) -> list[Effect]:
        """Take note of ``event`` at ``now`` and return what is to be done, in order.

        Events about what was withdrawn meanwhile, and a timeout before the deadline, do nothing.
        """
        if self._state is State.CLOSED:
            return []
        effects = self._note_jump(now)
        if self._floor.note(event, now):
            effects += self._step(event, now)
        self._due = self._earliest()
        return effects

    def _note_jump(self, now: int) -> list[Effect]:
        """Nobody is late because we did not run: what stood still is given back, and a moment to show a sign."""
        due, self._seen = now if self._due is None else max(self._due, self._seen), now
        late, policy = now - due, self._floor.policy
        if late < policy.jump_ms * MILLISECOND:
            return []
        self._floor.stand_still(late + policy.grace_ms * MILLISECOND, now)
        return [Report(Note.STALLED, "the clock jumped, or this process did not run", late / MILLISECOND, Stage.LOOP)]

    def _step(self, event: Event, now: int) -> list[Effect]:
        situation = when.Situation(self._floor, event, now, self._state, self._patience)
        effects: list[Effect] = []
        for number, row in _BESIDE.get((self._state, type(event)), ()):
            if _holds(row, situation):
                self.beside[number] += 1
                effects += row.action(situation)
        for number, row in _ROWS.get((self._state, type(event)), ()):
            if _holds(row, situation):
                self.used[number] += 1
                effects += row.action(situation)
                self._state = row.target or self._state
                break
        return effects

    def _earliest(self) -> int | None:
        """The first moment of the state's rows."""
        if self._state is State.CLOSED:
            return None
        situation = when.Situation(self._floor, _TIMEOUT, self._seen, self._state, self._patience)
        rows = (*_BESIDE.get((self._state, Timeout), ()), *_ROWS.get((self._state, Timeout), ()))
        return min(row.moment(situation) for _, row in rows if row.guard(situation))


_TIMEOUT = Timeout()


def _holds(row: Row, situation: when.Situation) -> bool:
    due = not isinstance(situation.event, Timeout) or row.moment(situation) <= situation.now
    return due and row.guard(situation)
