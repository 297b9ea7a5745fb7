"""The moments of the turn-taking table: when the one who must act has missed it (ns). Each name reads as that of a row.

Functions of the registers, and of the patience. A row on a timeout carries one; the deadline of a state is the earliest
moment of its rows whose guards hold, so that deadline and row are never two opinions.
"""
# ruff: noqa: D103 - the names are the documentation, and the diagram shows them

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from duologue.clock import MILLISECOND
from duologue.dialogue.turns.guards import Situation

MomentOf: TypeAlias = Callable[[Situation], int]
PLAIN_FILLERS = 2
"""While words are understood; then the character says that it needs a moment."""


def at_once(s: Situation) -> int:
    return 0


def silence(s: Situation) -> int:
    return s.floor.since + s.policy.silence_ms * MILLISECOND


def longest_turn(s: Situation) -> int:
    return s.person.turn_began + s.policy.turn_ms * MILLISECOND


def longest_stretch(s: Situation) -> int:
    limit = s.policy.stretch_ms if s.person.stretch else s.policy.retry_ms
    return s.person.stretch_began + limit * MILLISECOND


def decision(s: Situation) -> int:
    return s.person.decision_at(s.wait)


def final_wanted(s: Situation) -> int:
    return s.person.final_at(s.wait)


def words_have_stood(s: Situation) -> int:
    return s.person.speculation_at(s.wait)


def finals_are_late(s: Situation) -> int:
    """Ears that say what they have so far are at it, on a machine that is short of CPU: they are waited for while their
    words get on, but not for ever.
    """
    ended, policy = s.person.stretch_ended, s.policy
    sign = max(ended, s.person.sign) + policy.final_ms * MILLISECOND
    words = max(ended, s.person.worded) + policy.reply_ms * MILLISECOND
    return min(sign, words, ended + policy.turn_ms * MILLISECOND)


def judgement_is_late(s: Situation) -> int:
    return s.person.stretch_ended + s.policy.judge_ms * MILLISECOND


def last_word_is_late(s: Situation) -> int:
    return s.floor.leaving_until


def reply_is_late(s: Situation) -> int:
    return s.floor.thinking_since + s.policy.reply_ms * MILLISECOND


def filler(s: Situation) -> int:
    return s.floor.filler_at


def ears_filler(s: Situation) -> int:
    """Two fillers as for any reply, then each while that a moment is needed."""
    count, policy = s.person.muttered, s.policy
    first = policy.filler_ms + count * policy.filler_every_ms
    passed = first if count < PLAIN_FILLERS else (count - PLAIN_FILLERS + 1) * policy.reply_ms
    return s.person.stretch_ended + passed * MILLISECOND


def floor_is_mute(s: Situation) -> int:
    return s.floor.sign_at + s.policy.playout_ms * MILLISECOND


def held_for_long(s: Situation) -> int:
    return s.floor.on_hold_since + s.policy.held_ms * MILLISECOND


def doubt(s: Situation) -> int:
    limit = s.policy.echo_doubt_ms if s.floor.echoing else s.policy.doubt_ms
    return max(s.person.onset + limit * MILLISECOND, s.person.grace_until)


def echo(s: Situation) -> int:
    return max(s.person.onset + s.policy.echo_doubt_ms * MILLISECOND, s.person.grace_until)


def barge(s: Situation) -> int:
    limit = s.policy.barge_ms + s.policy.offset_ms
    return max(s.person.onset + limit * MILLISECOND, s.person.grace_until)


def hangover(s: Situation) -> int:
    return max(s.person.offset + s.policy.hangover_ms * MILLISECOND, s.person.grace_until)
