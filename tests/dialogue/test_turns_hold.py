"""The table: a line on hold. What was said goes on afterwards, nobody is late, and nothing is heard meanwhile."""

from __future__ import annotations

import pytest
from turns_script import asks, count, newest, replies, speaking, starts, stops, stretch, understands, voices
from turns_world import World

from duologue.clock import MILLISECOND
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import (
    Clear,
    Commit,
    Ears,
    EndStretch,
    EngineFailed,
    Filler,
    HandOver,
    HangUp,
    Interrupt,
    Leave,
    Note,
    Pause,
    Play,
    PutOnHold,
    Report,
    Resume,
    Say,
    SentenceReady,
    SpeechStarted,
    Stage,
    State,
    TakenOffHold,
    Think,
    TurnCancelled,
    TurnCommitted,
    Typed,
    Understood,
)
from duologue.speech.utterance import Utterance


def hold(world: World, milliseconds: int = 5_000) -> None:
    """For so long; what the far end has to say of it comes first."""
    world.give(PutOnHold())
    assert world.machine.state is State.HELD and world.far.paused
    world.pass_time(milliseconds)


def played(world: World) -> Utterance:
    """What was given to the far end last."""
    play = world.last(Play)
    assert isinstance(play, Play)
    return play.utterance


def back(world: World) -> None:
    world.give(TakenOffHold())


def test_a_reply_goes_on_from_the_word_that_was_cut(world: World) -> None:
    speaking(world, "It is nearly noon in this town.", after=650)
    hold(world)
    held = world.far.played
    world.pass_time(10_000)
    assert world.far.played == held, "nothing plays meanwhile"
    back(world)
    assert world.machine.state is State.SPEAKING and not world.far.paused
    again = played(world)
    assert again.id == "r1/0~" and "It is nearly noon in this town.".endswith(again.text) and again.text[0] != "I"
    world.pass_time(6_000)
    assert world.commits == [Commit("What time is it?", "It is nearly noon in this town.", "r1", False)]
    assert world.machine.state is State.QUIET and Note.STALLED not in world.notes()


def test_what_had_not_begun_follows_it(world: World) -> None:
    speaking(world, "It is nearly noon.", "So they say.")
    hold(world)
    back(world)
    world.pass_time(6_000)
    assert world.commits == [Commit("What time is it?", "It is nearly noon. So they say.", "r1", False)]


def test_a_reply_that_is_thought_of_meanwhile_is_heard_afterwards(world: World) -> None:
    asks(world, "What time is it?")
    hold(world, 100)
    replies(world, "It is noon.")
    world.pass_time(20_000)
    assert not any(isinstance(effect, Play | Filler) for effect in world.effects), "nobody would hear it"
    back(world)
    assert world.machine.state is State.SPEAKING and played(world).text == "It is noon."
    world.pass_time(3_000)
    assert world.commits == [Commit("What time is it?", "It is noon.", "r1", False)]


def test_thinking_is_not_late_by_the_time_on_hold(world: World) -> None:
    asks(world, "What time is it?")
    hold(world, 25_000)
    back(world)
    assert world.machine.state is State.THINKING
    world.pass_time(1_000)
    assert Note.STALLED not in world.notes()
    replies(world, "It is noon.")
    world.pass_time(3_000)
    assert world.commits[-1].heard == "It is noon."


def test_a_hold_that_lasts_ends_the_reply_and_keeps_what_was_heard(world: World) -> None:
    speaking(world, "It is nearly noon in this town.", after=650)
    hold(world, Policy().held_ms + 500)
    assert [commit.interrupted for commit in world.commits] == [True] and world.commits[0].heard
    back(world)
    world.pass_time(3_000)
    assert world.machine.state is State.QUIET and len(world.commits) == 1
    hold(world, 3 * Policy().held_ms)
    assert world.machine.state is State.HELD
    back(world)
    assert world.machine.state is State.QUIET


def test_a_question_that_nobody_heard_answered_is_answered_afterwards(world: World) -> None:
    asks(world, "What time is it?")
    hold(world, Policy().held_ms + 500)
    back(world)
    assert world.machine.state is State.PAUSING
    world.pass_time(2_000)
    assert world.thoughts[newest(world)].person == "What time is it?"


def test_it_is_answered_also_where_the_floor_has_yet_to_say_that_nothing_was_heard(world: World) -> None:
    """The line is back in the moment in which the reply was given up."""
    speaking(world, after=100)
    world.deliver()
    world.give(PutOnHold())
    world.pass_time(Policy().held_ms, report=False)
    assert world.last(Clear) and not world.commits
    back(world)
    assert world.machine.state is State.CLEARING
    world.pass_time(20)
    assert world.last(Think) == Think("r2", "What time is it?", False)


def test_what_the_person_had_begun_to_say_is_kept(world: World) -> None:
    starts(world)
    world.pass_time(800)
    understands(world, "What time")
    world.give(PutOnHold())
    assert isinstance(world.effects[-3], EndStretch) and world.effects[-2:] == [Ears(False), Pause()]
    world.give(SpeechStarted(world.now))  # music
    understands(world, "What time is it?", final=True)
    world.pass_time(10_000)
    assert world.machine.state is State.HELD and not world.thoughts
    back(world)
    assert world.machine.state is State.PAUSING and Ears(True, echoes=False) in world.effects
    world.pass_time(2_000)
    assert world.thoughts[newest(world)].person == "What time is it?"


def test_who_comes_back_may_go_on(world: World) -> None:
    starts(world)
    world.pass_time(800)
    understands(world, "What time")
    world.give(PutOnHold())
    understands(world, "What time", final=True)
    world.pass_time(3_000)
    back(world)
    starts(world)
    assert world.machine.state is State.HEARING
    world.pass_time(500)
    stops(world)
    world.pass_time(600)
    understands(world, "is it?", final=True)
    world.pass_time(1_000)
    assert world.thoughts[newest(world)].person == "What time is it?"


@pytest.mark.parametrize("after", [20, 200])
def test_a_voice_without_words_over_our_reply_does_not_take_the_floor(world: World, after: int) -> None:
    speaking(world)
    starts(world)
    world.pass_time(after)
    assert world.machine.state is (State.DOUBTING if after < 100 else State.PAUSED)
    hold(world)
    understands(world, "", final=True)
    back(world)
    assert world.machine.state is State.SPEAKING
    world.pass_time(6_000)
    assert [commit.interrupted for commit in world.commits] == [False]


@pytest.mark.parametrize("words", ["mhm", "okay"])
def test_nor_does_a_backchannel(world: World, words: str) -> None:
    speaking(world)
    starts(world)
    world.pass_time(200)
    hold(world)
    understands(world, words, final=True)
    back(world)
    assert world.machine.state is State.SPEAKING
    world.pass_time(6_000)
    assert [commit.interrupted for commit in world.commits] == [False]


def voice_of(world: World, state: State) -> None:
    """Over our reply, so far that its state is this one."""
    speaking(world)
    starts(world)
    world.pass_time(20 if state is State.DOUBTING else 200)
    if state in (State.SPEAKING, State.JUDGING):
        stops(world)
    if state is State.JUDGING:
        world.pass_time(600)
    assert world.machine.state in (state, State.PAUSED)


@pytest.mark.parametrize("state", [State.DOUBTING, State.PAUSED, State.JUDGING])
def test_words_over_our_reply_that_are_understood_on_hold_are_answered_instead(world: World, state: State) -> None:
    voice_of(world, state)
    hold(world, 300)
    understands(world, "And tomorrow?", final=True)
    world.pass_time(5_000)
    assert world.machine.state is State.HELD
    heard = world.far.played
    back(world)
    world.pass_time(20)
    assert world.far.played == heard, "not a sound more of what is not wanted"
    assert world.thoughts[newest(world)].person == "And tomorrow?"
    assert [commit.interrupted for commit in world.commits] == [True]


def test_words_that_are_understood_when_the_line_is_back_are_answered_too(world: World) -> None:
    voice_of(world, State.PAUSED)
    hold(world, 300)
    back(world)
    assert world.machine.state is State.SPEAKING, "until it is known what was said"
    world.pass_time(100)
    understands(world, "And tomorrow?", final=True)
    world.pass_time(100)
    assert world.thoughts[newest(world)].person == "And tomorrow?"


def test_a_voice_that_the_ears_failed_at_was_not_as_long_as_the_hold(world: World) -> None:
    voice_of(world, State.PAUSED)
    hold(world, 5_000)
    world.give(EngineFailed(Stage.HEARING, "gone", stretch=stretch(world)))
    back(world)
    assert world.machine.state is State.SPEAKING
    world.pass_time(6_000)
    assert [commit.interrupted for commit in world.commits] == [False]


def test_where_only_a_commit_ends_a_turn_such_words_wait_for_it() -> None:
    world = World(Policy(manual=True))
    starts(world)
    understands(world, "What time is it?")
    world.give(TurnCommitted())
    understands(world, "What time is it?", final=True)
    replies(world, "It is nearly noon in this town.")
    world.pass_time(650)
    assert world.machine.state is State.SPEAKING
    starts(world)
    world.pass_time(200)
    hold(world)
    understands(world, "And tomorrow?", final=True)
    back(world)
    assert world.machine.state is State.PAUSING
    world.pass_time(3_000)
    assert world.machine.state is State.PAUSING
    world.give(TurnCommitted())
    world.pass_time(100)
    assert world.thoughts[newest(world)].person == "And tomorrow?"
    count(world)


def test_silence_is_counted_without_it(world: World) -> None:
    world.pass_time(10_000)
    hold(world, 60_000)
    back(world)
    world.pass_time(9_000)
    assert Note.SILENCE not in world.notes()
    world.pass_time(2_000)
    assert Note.SILENCE in world.notes()


def test_a_speculation_is_dropped(world: World) -> None:
    starts(world)
    world.pass_time(900)
    understands(world, "What time is it?")
    stops(world)
    world.pass_time(100)
    assert world.machine.reply is not None and world.machine.reply.speculative
    hold(world, 100)
    assert world.machine.reply is None
    back(world)
    world.give(Understood(stretch(world), "What time is it?", final=True))
    world.pass_time(2_000)
    assert not world.thoughts[newest(world)].speculative


def test_the_owner_speaks_afterwards_and_may_stop_meanwhile(world: World) -> None:
    speaking(world)
    hold(world, 100)
    world.give(Interrupt())
    world.pass_time(1_000)
    assert [commit.interrupted for commit in world.commits] == [True] and world.machine.state is State.HELD
    world.give(Say(("One more thing.",)))
    world.pass_time(1_000)
    back(world)
    world.pass_time(0)
    voices(world)
    world.pass_time(3_000)
    assert world.commits[-1].heard == "One more thing."


def test_the_owners_words_take_the_place_of_the_reply(world: World) -> None:
    speaking(world)
    hold(world, 100)
    world.give(Say(("One more thing.",)))
    back(world)
    world.pass_time(400)
    voices(world)
    world.pass_time(3_000)
    assert [commit.interrupted for commit in world.commits] == [True, False]


def test_typed_words_wait(world: World) -> None:
    speaking(world)
    hold(world, 100)
    world.give(Typed("and tomorrow"))
    world.pass_time(1_000)
    assert world.machine.state is State.HELD
    back(world)
    world.pass_time(2_000)
    assert world.thoughts[newest(world)].person == "and tomorrow"


def test_who_is_to_leave_does_not_wait_for_somebody(world: World) -> None:
    speaking(world)
    hold(world, 100)
    world.give(Leave("sip:200@pbx"))
    world.pass_time(0)
    assert world.machine.state is State.CLOSED and world.last(HandOver) == HandOver("sip:200@pbx")


@pytest.mark.parametrize("state", [State.QUIET, State.HEARING, State.PAUSING, State.THINKING, State.SPEAKING])
def test_a_hang_up_on_hold_ends_it(world: World, state: State) -> None:
    if state is State.SPEAKING:
        speaking(world)
    elif state is not State.QUIET:
        starts(world)
        world.pass_time(900)
        if state is not State.HEARING:
            stops(world)
        if state is State.THINKING:
            world.pass_time(600)
            understands(world, "What time is it?", final=True)
    assert world.machine.state is state
    hold(world, 1_000)
    world.give(HangUp())
    assert world.machine.state is State.CLOSED


def test_a_turn_may_be_cancelled_meanwhile(world: World) -> None:
    starts(world)
    world.pass_time(800)
    understands(world, "What time")
    hold(world, 100)
    world.give(TurnCancelled())
    back(world)
    assert world.machine.state is State.QUIET
    world.pass_time(3_000)
    assert not world.thoughts


def test_a_turn_that_was_committed_is_settled_afterwards() -> None:
    world = World(Policy(manual=True))
    starts(world)
    world.pass_time(800)
    understands(world, "What time is it?")
    world.give(TurnCommitted())
    assert world.machine.state is State.SETTLING
    hold(world, 100)
    understands(world, "What time is it?", final=True)
    back(world)
    assert world.machine.state is State.SETTLING
    world.pass_time(0)
    assert world.thoughts[newest(world)].person == "What time is it?"
    count(world)


def test_a_line_without_a_reply_is_resumed_as_it_was(world: World) -> None:
    hold(world, 1_000)
    back(world)
    assert world.effects == [Ears(False), Pause(), Resume(), Ears(True, echoes=False)]
    back(world)
    assert world.machine.state is State.QUIET and len(world.effects) == 4


def test_under_half_duplex_the_ears_stay_closed_over_the_reply() -> None:
    world = World(Policy(half_duplex=True))
    speaking(world)
    hold(world, 1_000)
    back(world)
    assert world.last(Ears) == Ears(False), "until its end"
    world.pass_time(6_000)
    assert world.last(Ears) == Ears(True)


def test_held_twice_it_goes_on_twice(world: World) -> None:
    speaking(world, "It is nearly noon in this town.", after=300)
    hold(world, 2_000)
    back(world)
    world.pass_time(100)
    hold(world, 2_000)
    back(world)
    assert sum(isinstance(effect, Clear) for effect in world.effects) == 2
    world.pass_time(6_000)
    assert [(commit.heard, commit.interrupted) for commit in world.commits] == [
        ("It is nearly noon in this town.", False)
    ]


def test_sentences_are_voiced_ahead_meanwhile(world: World) -> None:
    asks(world, "What time is it?")
    hold(world, 100)
    world.give(SentenceReady("r1", "It is noon."))
    assert world.thoughts["r1"].voicing == {0: "It is noon."}
    assert not [effect for effect in world.effects if isinstance(effect, Report) and effect.ms > 1e4]
    assert world.now > MILLISECOND
