"""The conditions of the turn-taking table. Each name reads as the guard of a row."""
# ruff: noqa: D103 - the names are the documentation, and the diagram shows them

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from duologue.clock import MILLISECOND
from duologue.dialogue.floor_state import FloorState
from duologue.dialogue.turns_vocabulary import Effect, Event, Patience, SpeechStarted, State


@dataclass(frozen=True, slots=True)
class Situation:
    """What guards and actions see: the registers, the event, the time (ns), the state before, and the patience."""

    floor: FloorState
    event: Event
    now: int
    state: State
    patience: Patience

    @property
    def since_onset_ms(self) -> float:
        """Since the person's voice came up."""
        return (self.now - self.floor.onset) / MILLISECOND


Guard: TypeAlias = Callable[[Situation], bool]
Action: TypeAlias = Callable[[Situation], list[Effect]]


def always(s: Situation) -> bool:
    return True


def settled(s: Situation) -> bool:
    return s.floor.settled


def settled_with_words(s: Situation) -> bool:
    return s.floor.settled and bool(s.floor.person)


def settled_but_floor_not_clear(s: Situation) -> bool:
    return s.floor.settled and s.floor.leaving is not None


def settled_and_speculation_agrees(s: Situation) -> bool:
    return s.floor.settled and s.floor.agrees


def settled_and_speculation_sounds(s: Situation) -> bool:
    return s.floor.settled and s.floor.agrees and bool(s.floor.reply and s.floor.reply.speaking)


def settled_without_words_by_failure(s: Situation) -> bool:
    return s.floor.settled and s.floor.hearing_failed and s.floor.longest >= s.floor.policy.barge_ms * MILLISECOND


def settled_without_words_of_clear_voice(s: Situation) -> bool:
    """Somebody said something, and nobody but they know what. A noise that goes on is left alone after a while."""
    floor = s.floor
    clear = floor.longest >= floor.policy.meant_ms * MILLISECOND and not floor.voice_on and not floor.only_echo
    return floor.settled and clear and floor.uncaught < floor.policy.sorry


def settled_and_asks_for_floor(s: Situation) -> bool:
    return s.floor.settled and s.floor.asks_for_floor


def settled_and_asks_for_silent_floor(s: Situation) -> bool:
    return s.floor.settled and s.floor.asks_for_floor and s.floor.floor_clear


def settled_and_reply_speaks(s: Situation) -> bool:
    return s.floor.settled and bool(s.floor.reply and s.floor.reply.speaking)


def asks_for_floor(s: Situation) -> bool:
    """Not with the voice of an overlong turn, which was asked to wait: its words are kept for the next turn."""
    return bool(s.floor.stretch) and not s.floor.overlong and s.floor.asks_for_floor


def asks_for_floor_and_is_silent(s: Situation) -> bool:
    return asks_for_floor(s) and not s.floor.voice_on


def turn_is_due(s: Situation) -> bool:
    return s.now >= s.floor.decision_at(s.patience.wait(s.floor.person))


def final_is_due(s: Situation) -> bool:
    return stretch_is_open(s) and s.now >= s.floor.final_at(s.patience.wait(s.floor.person))


def turn_is_overlong(s: Situation) -> bool:
    return s.now - s.floor.turn_began >= s.floor.policy.turn_ms * MILLISECOND


def turn_is_not_overlong(s: Situation) -> bool:
    return not turn_is_overlong(s)


def floor_is_clear(s: Situation) -> bool:
    return s.floor.floor_clear


def floor_is_clear_and_words(s: Situation) -> bool:
    return s.floor.floor_clear and bool(s.floor.person)


def reply_speaks(s: Situation) -> bool:
    return bool(s.floor.reply and s.floor.reply.speaking)


def reply_is_over(s: Situation) -> bool:
    return bool(s.floor.reply and s.floor.reply.over)


def reply_is_over_and_a_voice_is_judged(s: Situation) -> bool:
    """Somebody said something short over it, and what it was is not known yet."""
    return reply_is_over(s) and bool(s.floor.parts) and not s.floor.stretch


def reply_failed(s: Situation) -> bool:
    """It is over, and nothing of it was heard, or its end is missing; and nobody has said sorry yet."""
    reply = s.floor.reply
    return bool(reply and reply.over and not reply.apologised and (reply.broken_off or not reply.heard()))


def reply_waits_for_more(s: Situation) -> bool:
    return not reply_speaks(s)


def began_before_decision(s: Situation) -> bool:
    """A voice is known some frames after its onset: this one was there when the turn was taken to be over, and nothing
    of the reply has been heard yet.
    """
    reply = s.floor.reply
    started = isinstance(s.event, SpeechStarted) and s.event.at < s.floor.thinking_since
    return started and bool(reply and not reply.pieces and not reply.apologised)


def reply_is_late(s: Situation) -> bool:
    return s.now >= s.floor.reply_limit


def apology_is_late(s: Situation) -> bool:
    return reply_is_late(s) and bool(s.floor.reply and s.floor.reply.apologised)


def silence_may_be_broken(s: Situation) -> bool:
    """We have not spoken into it so often that it would be a nuisance, and nobody is being understood."""
    return s.floor.asked < s.floor.policy.asks and not s.floor.parts


def only_echo(s: Situation) -> bool:
    return s.floor.voice_on and s.floor.only_echo


def only_echo_and_reply_speaks(s: Situation) -> bool:
    return only_echo(s) and reply_speaks(s)


def voice_on(s: Situation) -> bool:
    return s.floor.voice_on


def voice_was_long(s: Situation) -> bool:
    return s.floor.offset - s.floor.onset >= s.floor.policy.barge_ms * MILLISECOND


def voice_was_no_word(s: Situation) -> bool:
    """A click; unless a voice before it may have been one."""
    floor = s.floor
    return floor.offset - floor.onset < floor.policy.word_ms * MILLISECOND and len(floor.parts) == 1


def stretch_is_open(s: Situation) -> bool:
    return bool(s.floor.stretch)


def stretch_is_open_and_no_echo(s: Situation) -> bool:
    return stretch_is_open(s) and not any(part.echo for part in s.floor.parts.values())
