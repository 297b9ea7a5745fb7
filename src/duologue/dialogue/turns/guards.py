"""The conditions of the turn-taking table. Each name reads as the guard of a row."""
# ruff: noqa: D103 - the names are the documentation, and the diagram shows them

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from duologue.clock import MILLISECOND
from duologue.dialogue.ports import PlayStarted
from duologue.dialogue.turns.floor_state import FloorState
from duologue.dialogue.turns.person import Person
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.reply import Reply
from duologue.dialogue.turns.vocabulary import (
    AudioGrew,
    Effect,
    EngineFailed,
    Event,
    Leave,
    Patience,
    ReplyFinished,
    Say,
    SpeechStarted,
    Stage,
    State,
    ToolAnswered,
    Typed,
    Wait,
    When,
)


@dataclass(slots=True)
class Situation:
    """What guards, moments and actions see: the registers, the event, the time (ns), the state before, the patience."""

    floor: FloorState
    event: Event
    now: int
    state: State
    patience: Patience
    person: Person = field(init=False)
    policy: Policy = field(init=False)
    _wait: Wait | None = None

    def __post_init__(self) -> None:
        self.person = self.floor.person
        self.policy = self.person.policy

    @property
    def wait(self) -> Wait:
        """How long a silence is waited for after the words so far; found out once."""
        if self._wait is None:
            self._wait = self.patience.wait(self.person.text, self.person.alternatives)
        return self._wait

    @property
    def reply(self) -> Reply:
        """The reply, where the state or the guard says that there is one."""
        assert self.floor.reply is not None
        return self.floor.reply

    @property
    def since_onset_ms(self) -> float:
        """Since the person's voice came up."""
        return (self.now - self.person.onset) / MILLISECOND


Guard: TypeAlias = Callable[[Situation], bool]
Action: TypeAlias = Callable[[Situation], list[Effect]]


def always(s: Situation) -> bool:
    return True


# The person's turn


def settled(s: Situation) -> bool:
    return s.person.settled


def finals_are_missing(s: Situation) -> bool:
    return not s.person.settled


def words_are_awaited(s: Situation) -> bool:
    """Of a voice that has gone."""
    return not (s.person.settled or s.person.voice_on)


def words_are_late(s: Situation) -> bool:
    """Somebody who has fallen silent waits for an answer; nobody does to what they said aside."""
    person = s.person
    silent = s.floor.clear and not (s.floor.muttered or person.voice_on)
    waits = (s.policy.answers or person.wanted) and not all(part.aside for part in person.parts.values())
    return silent and waits and not person.settled


def settled_with_words(s: Situation) -> bool:
    return s.person.settled and bool(s.person.text)


def settled_but_floor_not_clear(s: Situation) -> bool:
    return s.person.settled and s.floor.leaving is not None


def settled_and_speculation_agrees(s: Situation) -> bool:
    return s.person.settled and s.floor.agrees


def settled_and_speculation_sounds(s: Situation) -> bool:
    return settled_and_speculation_agrees(s) and s.reply.speaking


def words_are_kept(s: Situation) -> bool:
    """Nobody wants an answer to them yet."""
    return bool(s.person.text) and not (s.policy.answers or s.person.wanted)


def settled_with_words_to_keep(s: Situation) -> bool:
    return s.person.settled and words_are_kept(s)


def settled_without_words_by_failure(s: Situation) -> bool:
    """Who answers nobody apologises to nobody, here and below."""
    if not (s.policy.answers or s.person.wanted):
        return False
    return s.person.settled and s.person.hearing_failed and s.person.longest >= s.policy.phrase_ms * MILLISECOND


def settled_without_words_of_clear_voice(s: Situation) -> bool:
    """Somebody said something, and nobody but they know what. A noise that goes on is left alone after a while."""
    person = s.person
    clear = person.longest >= s.policy.meant_ms * MILLISECOND and not person.voice_on and not person.only_echo
    return person.settled and clear and person.uncaught < s.policy.sorry and (s.policy.answers or person.wanted)


def settled_and_only_listened(s: Situation) -> bool:
    """A backchannel in the middle of our reply, whose end came before it was understood: nobody waits for an answer."""
    return s.person.settled and s.person.only_listened


def settled_and_asks_for_floor(s: Situation) -> bool:
    """Not with the voice of a turn that was ended over it, as long as it goes on."""
    return s.person.settled and s.floor.asked_for and not s.person.outlived


def settled_and_asks_until_commit(s: Situation) -> bool:
    """However little was said: no pause ends such a turn."""
    return s.policy.manual and settled_and_asks_for_floor(s) and not s.person.voice_on


def reply_is_to_yield(s: Situation) -> bool:
    return s.floor.reply is not None and settled_and_asks_for_floor(s)


def reply_is_to_yield_until_commit(s: Situation) -> bool:
    return s.policy.manual and reply_is_to_yield(s)


def settled_and_asks_for_silent_floor(s: Situation) -> bool:
    return settled_and_asks_for_floor(s) and s.floor.clear and not words_are_kept(s)


def settled_and_reply_speaks(s: Situation) -> bool:
    return s.person.settled and reply_speaks(s)


def a_voice_was_judged(s: Situation) -> bool:
    """What somebody said over our reply is known, or given up."""
    over = any(not part.before for part in s.person.parts.values())
    return over and s.person.settled and not s.person.outlived


def asks_for_floor(s: Situation) -> bool:
    """Not with the voice of a turn that was ended over it: its words are kept for the next turn."""
    return bool(s.person.stretch) and not s.person.outlived and s.floor.asked_for


def asks_for_floor_and_is_silent(s: Situation) -> bool:
    return asks_for_floor(s) and not s.person.voice_on


def turn_may_go_on(s: Situation) -> bool:
    return not s.person.committed and s.now < s.person.turn_began + s.policy.turn_ms * MILLISECOND


def turn_was_committed(s: Situation) -> bool:
    return s.person.committed


def turn_was_not_committed(s: Situation) -> bool:
    return not s.person.committed


def turn_ends_by_itself(s: Situation) -> bool:
    return not s.policy.manual


def stretch_is_open_and_turn_ends_by_itself(s: Situation) -> bool:
    return bool(s.person.stretch) and not s.policy.manual


def only_a_commit_ends_a_turn(s: Situation) -> bool:
    return s.policy.manual


def words_may_be_thought_about(s: Situation) -> bool:
    return s.floor.speculates


def only_echo(s: Situation) -> bool:
    return s.person.voice_on and s.person.only_echo


def only_echo_and_reply_speaks(s: Situation) -> bool:
    return only_echo(s) and reply_speaks(s)


def voice_on(s: Situation) -> bool:
    return s.person.voice_on


def voice_on_and_nobody_listens(s: Situation) -> bool:
    """The ears gave up on it, or ended its stretch by themselves."""
    return s.person.voice_on and not s.person.stretch and not s.policy.half_duplex


def voice_off(s: Situation) -> bool:
    return not s.person.voice_on


def settled_and_a_phrase_asks_for_floor(s: Situation) -> bool:
    """So much was said that more may follow after a pause."""
    return settled_and_asks_for_floor(s) and _voice_was_long(s)


def settled_and_a_phrase_was_lost(s: Situation) -> bool:
    """Nobody knows what was said, for the ears failed: it is asked for, as of any other turn."""
    return a_voice_was_judged(s) and s.person.hearing_failed and _voice_was_long_and_nothing_is_known(s)


def words_or_a_phrase_ask_for_floor(s: Situation) -> bool:
    """By what is known without the final transcript."""
    return s.floor.asked_for or _voice_was_long_and_nothing_is_known(s)


def words_or_a_phrase_ask_until_commit(s: Situation) -> bool:
    return s.policy.manual and words_or_a_phrase_ask_for_floor(s)


def _voice_was_long_and_nothing_is_known(s: Situation) -> bool:
    return _voice_was_long(s) and not (s.person.text or s.person.only_echo)


def _voice_was_long(s: Situation) -> bool:
    return s.person.offset - s.person.onset >= s.policy.phrase_ms * MILLISECOND


def voice_was_no_word(s: Situation) -> bool:
    """A click; unless a voice before it may have been one."""
    person = s.person
    return person.offset - person.onset < s.policy.word_ms * MILLISECOND and len(person.parts) == 1


def a_word_was_said(s: Situation) -> bool:
    """The newest voice was no click."""
    return s.person.offset - s.person.onset >= s.policy.word_ms * MILLISECOND


def stretch_is_open(s: Situation) -> bool:
    return bool(s.person.stretch)


def stretch_is_open_and_no_echo(s: Situation) -> bool:
    return stretch_is_open(s) and not any(part.echo for part in s.person.parts.values())


def silence_may_be_broken(s: Situation) -> bool:
    """We have not spoken into it so often that it would be a nuisance, and nobody is being understood."""
    return s.floor.asked < s.policy.asks and not s.person.parts


def typed_more_than_is_taken(s: Situation) -> bool:
    return isinstance(s.event, Typed) and len(s.event.text) > s.policy.person_chars


# The floor and our reply


def floor_is_clear(s: Situation) -> bool:
    return s.floor.clear


def floor_is_clear_and_voice_is_heard(s: Situation) -> bool:
    """The owner has thought better of speaking over it."""
    return s.floor.clear and s.person.voice_on and bool(s.person.stretch)


def floor_is_clear_and_words_are_missing(s: Situation) -> bool:
    """The owner has thought better of it, and not all that was said by then is understood."""
    return s.floor.clear and not s.person.settled


def floor_is_clear_and_words(s: Situation) -> bool:
    return s.floor.clear and bool(s.person.text)


def last_word_of_the_floor_is_there(s: Situation) -> bool:
    return s.floor.leaving is not None and not s.floor.leaving.sounding


def last_word_of_the_floor_is_awaited(s: Situation) -> bool:
    return s.floor.leaving is not None


def floor_is_clear_and_words_to_keep(s: Situation) -> bool:
    return s.floor.clear and words_are_kept(s)


def reply_speaks(s: Situation) -> bool:
    return bool(s.floor.reply and s.floor.reply.speaking)


def reply_waits_for_more(s: Situation) -> bool:
    return not reply_speaks(s)


def reply_is_over(s: Situation) -> bool:
    return bool(s.floor.reply and s.floor.reply.over)


def a_voice_is_judged(s: Situation) -> bool:
    """Somebody said something short over our reply, and what it was is not known yet."""
    return bool(s.person.parts) and not s.person.stretch


def a_voice_is_not_judged(s: Situation) -> bool:
    return a_voice_is_judged(s) and not s.person.settled


def reply_is_over_and_a_voice_is_judged(s: Situation) -> bool:
    return reply_is_over(s) and a_voice_is_judged(s)


def reply_failed(s: Situation) -> bool:
    return bool(s.floor.reply and s.floor.reply.failed)


def apologised(s: Situation) -> bool:
    return bool(s.floor.reply and s.floor.reply.apologised)


def apologised_and_a_voice_is_judged(s: Situation) -> bool:
    return apologised(s) and a_voice_is_judged(s)


def filler_is_due_some_time(s: Situation) -> bool:
    return s.floor.filler_at > 0


def began_before_decision(s: Situation) -> bool:
    """A voice is known some frames after its onset: this one was there when the turn was taken to be over. So it is no
    echo, and no answer to the reply, of which a syllable may have been heard.
    """
    reply = s.floor.reply
    if reply is None or not isinstance(s.event, SpeechStarted) or s.event.at >= reply.bound:
        return False
    return not (reply.apologised or reply.committed)


def reply_was_cut(s: Situation) -> bool:
    return isinstance(s.event, ReplyFinished) and bool(s.event.cut)


def reply_is_no_speculation(s: Situation) -> bool:
    return not s.reply.speculative


def speculation_came_to_nothing(s: Situation) -> bool:
    """Nobody waited for it: it is thought again when the turn is over."""
    reply, event = s.floor.reply, s.event
    failed = isinstance(event, EngineFailed) and event.stage is Stage.THINKING and bool(event.reply)
    return failed and reply is not None and reply.speculative and not reply.sentences


def the_floor_has_its_beginning(s: Situation) -> bool:
    return isinstance(s.event, AudioGrew) and s.reply.piece_of(s.event.utterance.id) is not None


def a_sentence_of_the_reply_begins(s: Situation) -> bool:
    if not isinstance(s.event, PlayStarted) or s.floor.reply is None:
        return False
    piece = s.floor.reply.pieces.get(s.event.utterance_id)
    return piece is not None and piece.utterance is not None


# What the owner wants


def now(s: Situation) -> bool:
    return isinstance(s.event, Say) and s.event.when is When.NOW


def after_this_sentence_of_ours(s: Situation) -> bool:
    """Something of ours is on the floor, or about to be."""
    late = isinstance(s.event, Leave) or (isinstance(s.event, Say) and s.event.when is When.SENTENCE)
    return late and s.floor.reply is not None and not s.floor.reply.speculative


def owner_wants_to_speak(s: Situation) -> bool:
    return s.floor.clear and bool(s.floor.to_say)


def a_reply_is_there(s: Situation) -> bool:
    return s.floor.reply is not None


def person_has_said_something(s: Situation) -> bool:
    return bool(s.person.text or s.person.parts)


def owner_waits(s: Situation) -> bool:
    return bool(s.floor.to_say)


def owner_leaves(s: Situation) -> bool:
    return s.floor.leave is not None


def far_end_was_asked(s: Situation) -> bool:
    return isinstance(s.event, ToolAnswered) and s.event.id in s.floor.calls


def nobody_waits_for_it(s: Situation) -> bool:
    return not far_end_was_asked(s)
