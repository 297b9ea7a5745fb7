"""The table: turns that nobody answers until the owner wants an answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from turns_script import asks, count, replies, says_a_short_word, speaking, starts, stops, understands, voices
from turns_world import World

from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import (
    Change,
    Commit,
    State,
    Think,
    TurnAnswered,
    TurnClosed,
    TurnKept,
    Typed,
)
from duologue.telemetry.ledger import EndingOutcome

UNASKED = Policy(answers=False)


@pytest.fixture
def kept() -> Iterator[World]:
    world = World(UNASKED)
    yield world
    count(world)


def kept_words(world: World) -> str:
    effect = world.last(TurnKept)
    assert isinstance(effect, TurnKept)
    return effect.person


def thought_of(world: World) -> str:
    effect = world.last(Think)
    assert isinstance(effect, Think)
    return effect.person


def test_a_turn_that_is_over_waits_for_who_wants_an_answer(kept: World) -> None:
    asks(kept, "What time is it?")
    assert kept.last(TurnKept) == TurnKept(1, "What time is it?")
    assert kept.machine.state is State.QUIET and not kept.thoughts
    kept.pass_time(5_000)
    kept.give(Typed(""))
    assert kept.last(Think) == Think("r1", "What time is it?", False)
    replies(kept, "It is noon.")
    kept.pass_time(3_000)
    assert kept.commits == [Commit("What time is it?", "It is noon.", "r1", False)]


def test_what_they_say_next_joins_it_and_so_does_what_is_written(kept: World) -> None:
    asks(kept, "What time is it?")
    asks(kept, "And where am I?")
    assert kept.last(TurnKept) == TurnKept(1, "What time is it? And where am I?")
    kept.give(Typed("In which town?"))
    assert thought_of(kept) == "What time is it? And where am I? In which town?"


def test_nothing_is_thought_of_beforehand(kept: World) -> None:
    starts(kept)
    understands(kept, "What time is it?")
    kept.pass_time(900)
    stops(kept)
    kept.pass_time(400)
    assert not kept.thoughts


def test_a_cough_after_it_takes_nothing_away(kept: World) -> None:
    asks(kept, "What time is it?")
    asks(kept, "")
    kept.give(Typed(""))
    assert thought_of(kept) == "What time is it?"


def test_a_voice_over_a_reply_takes_the_floor_and_is_kept(world: World) -> None:
    speaking(world)
    world.give(Change(policy=UNASKED))
    world.machine.tune(UNASKED, world.patience)
    starts(world)
    understands(world, "Stop it please")
    world.pass_time(800)
    stops(world)
    world.pass_time(600)
    understands(world, "Stop it please", final=True)
    world.pass_time(50)
    assert world.commits[-1].interrupted
    assert kept_words(world) == "Stop it please" and world.machine.state is State.QUIET


def test_a_short_word_over_a_reply_is_kept_when_the_floor_has_said_its_last(world: World) -> None:
    speaking(world)
    world.machine.tune(UNASKED, world.patience)
    says_a_short_word(world)
    understands(world, "Stop.", final=True)
    world.pass_time(400)
    assert world.commits[-1].interrupted and len(world.thoughts) == 1
    assert kept_words(world) == "Stop." and world.machine.state is State.QUIET


def test_a_policy_that_answers_again_answers_with_the_next_turn(kept: World) -> None:
    asks(kept, "What time is it?")
    kept.machine.tune(replace(UNASKED, answers=True), kept.patience)
    asks(kept, "Please.")
    assert thought_of(kept) == "What time is it? Please."
    voices(kept)


def test_somebody_else_answers_what_was_kept_and_both_stand_in_the_context(kept: World) -> None:
    asks(kept, "What time is it?")
    kept.give(TurnAnswered("operator", "It is noon."))
    assert kept.last(TurnClosed) == TurnClosed(1, EndingOutcome.ANSWERED)
    assert kept.commits == [Commit("What time is it?", "It is noon.", "", False, "operator")]
    asks(kept, "Thank you.")
    assert kept.last(TurnKept) == TurnKept(2, "Thank you.")
    kept.give(Typed(""))
    assert thought_of(kept) == "Thank you."


def test_somebody_elses_words_into_a_turn_that_goes_on_leave_it_as_it_is(kept: World) -> None:
    starts(kept)
    understands(kept, "What time")
    kept.give(TurnAnswered("operator", "Go on."))
    assert kept.commits == [Commit("", "Go on.", "", False, "operator")]
    assert kept.machine.state is State.HEARING
    understands(kept, "What time is it?")
    stops(kept)
    kept.pass_time(3_000)
    assert kept_words(kept) == "What time is it?"


def test_an_answer_of_nothing_to_nothing_is_none(kept: World) -> None:
    kept.give(TurnAnswered("operator"))
    assert not kept.commits and kept.last(TurnClosed) is None


def test_who_answers_nobody_does_not_say_that_it_understood_nothing(kept: World) -> None:
    starts(kept)
    kept.pass_time(2_000)
    stops(kept)
    kept.pass_time(5_000)
    assert not kept.thoughts and kept.machine.state is State.QUIET
