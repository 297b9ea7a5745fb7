"""The table: what is thought before the turn is over, and the final transcript that is asked for early."""

from __future__ import annotations

import pytest
from turns_script import kinds, newest, replies, starts, stops, understands
from turns_world import World

from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import (
    Abandon,
    BeginStretch,
    EndStretch,
    EngineFailed,
    Note,
    SentenceReady,
    Stage,
    State,
    Think,
    Understood,
    VoiceSentence,
)


def test_speculation_is_adopted_and_its_sound_plays_at_once(world: World) -> None:
    starts(world)
    stops(world)
    understands(world, "what time is it")
    world.pass_time(29)
    assert world.last(Think) is None
    world.pass_time(1)
    assert world.last(Think) == Think("r1", "what time is it", True)
    replies(world, "It is noon.", "Really.")
    assert world.last(VoiceSentence) == VoiceSentence("r1", 0, "It is noon.")
    assert "Play" not in kinds(world)
    world.pass_time(600)
    understands(world, "What time is it?", final=True)
    assert world.machine.state is State.SPEAKING and world.last(VoiceSentence) == VoiceSentence("r1", 1, "Really.")
    assert Note.SPECULATION_HIT in world.notes()


def test_wrong_speculation_leaves_no_trace(world: World) -> None:
    starts(world)
    stops(world)
    understands(world, "what time")
    world.pass_time(100)
    replies(world, "Time for what?")
    world.pass_time(600)
    understands(world, "What time is it?", final=True)
    assert Abandon("r1") in world.effects and Note.SPECULATION_MISS in world.notes()
    assert world.last(Think) == Think("r2", "What time is it?", False)
    replies(world, "It is noon.")
    world.pass_time(2000)
    assert [commit.reply for commit in world.commits] == ["r2"]


def test_speculation_has_a_limit_and_a_switch() -> None:
    for policy, expected in ((Policy(tries=2), 2), (Policy(speculate=False), 0)):
        world = World(policy)
        starts(world)
        stops(world)
        for text in ("what", "what time", "what time is", "what time is it"):
            understands(world, text)
            world.pass_time(100)
        assert sum(isinstance(effect, Think) for effect in world.effects) == expected


def test_words_that_still_change_use_up_no_speculation(world: World) -> None:
    starts(world)
    stops(world)
    for text in ("what", "what time", "what time is", "what time is it"):
        understands(world, text)
        world.pass_time(20)
    world.pass_time(10)
    assert [effect.person for effect in world.effects if isinstance(effect, Think)] == ["what time is it"]
    assert Note.SPECULATION_MISS not in world.notes()


def test_a_speculation_that_failed_is_not_tried_again_with_the_same_words(world: World) -> None:
    starts(world)
    stops(world)
    understands(world, "what time is it")
    world.pass_time(100)
    world.give(EngineFailed(Stage.THINKING, "refused", reply="r1"))
    world.pass_time(390)
    assert world.machine.state is State.PAUSING and kinds(world).count("Think") == 1
    world.pass_time(10)
    understands(world, "what time is it", final=True)
    assert world.last(Think) == Think("r2", "what time is it", False)


def test_the_final_transcript_is_asked_for_before_the_decision(world: World) -> None:
    starts(world)
    stops(world)
    understands(world, "what time is")
    world.pass_time(299)
    assert "EndStretch" not in kinds(world)
    world.pass_time(1)
    assert world.last(EndStretch) == EndStretch(1) and world.machine.state is State.PAUSING
    world.pass_time(80)
    understands(world, "what time is it", final=True)
    world.pass_time(0)
    assert world.last(Think) == Think("r2", "what time is it", True), "sure words are thought about at once"
    replies(world, "It is noon.")
    assert "Play" not in kinds(world)
    world.pass_time(119)
    assert world.machine.state is State.PAUSING
    world.pass_time(1)
    assert world.machine.state is State.SPEAKING and Note.SPECULATION_HIT in world.notes()


@pytest.mark.parametrize("text, wait", [("what time is it and", 1200), ("what time is it?", 600)])
def test_a_final_transcript_may_change_the_wait(world: World, text: str, wait: int) -> None:
    starts(world)
    stops(world)
    understands(world, "what time is it and" if wait == 600 else "what time is it")
    world.pass_time(wait - 201 if wait == 600 else 300)
    if wait == 600:  # the longer wait had been chosen: the decision is due as soon as the words say so
        world.pass_time(701)
    assert world.last(EndStretch) == EndStretch(1)
    understands(world, text, final=True)
    if wait == 600:
        world.pass_time(0)
        assert world.machine.state is State.THINKING
    else:
        world.pass_time(799)
        assert world.machine.state is State.PAUSING
        world.pass_time(1)
        assert world.machine.state is State.THINKING


def test_the_final_transcript_is_never_asked_for_within_a_dropout() -> None:
    world = World(Policy(final_ahead_ms=600))
    starts(world)
    stops(world)
    world.pass_time(149)
    assert "EndStretch" not in kinds(world)
    world.pass_time(1)
    assert world.last(EndStretch) == EndStretch(1)


def test_words_that_seem_open_are_asked_for_before_their_long_wait_is_over(world: World) -> None:
    starts(world)
    stops(world)
    understands(world, "what time is it and")
    world.pass_time(499)
    assert "EndStretch" not in kinds(world)
    world.pass_time(1)
    assert world.last(EndStretch) == EndStretch(1) and world.machine.state is State.PAUSING


def test_who_pauses_often_is_thought_about_when_they_come_to_an_end() -> None:
    world = World(Policy(tries=0))
    starts(world)
    stops(world)
    world.pass_time(300)
    understands(world, "what time is it and", final=True)
    world.pass_time(599)
    assert world.last(Think) is None
    world.pass_time(1)
    assert world.last(Think) == Think("r1", "what time is it and", True)


def test_who_goes_on_while_the_final_transcript_is_made_is_heard_whole(world: World) -> None:
    starts(world)
    stops(world)
    world.pass_time(320)
    starts(world)
    assert world.machine.state is State.HEARING and world.last(BeginStretch) == BeginStretch(2, world.now - 60_000_000)
    world.give(Understood(1, "I would like", final=True))
    stops(world)
    world.pass_time(600)
    world.give(Understood(2, "a coffee", final=True))
    assert world.last(Think) == Think(newest(world), "I would like a coffee", False)


def test_speculation_that_waits_for_the_final_goes_on_voicing(world: World) -> None:
    starts(world)
    stops(world)
    understands(world, "what time is it")
    world.pass_time(600)
    world.give(SentenceReady("r1", "It is noon."))
    assert world.machine.state is State.SETTLING and world.last(VoiceSentence) == VoiceSentence("r1", 0, "It is noon.")
    understands(world, "what time is it", final=True)
    assert world.machine.state is State.THINKING
