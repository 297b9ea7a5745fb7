"""The table: engines that fail or are late, a floor that never plays, and what was not understood."""

from __future__ import annotations

from doubles import utterance
from turns_script import asks, replies, speaking, starts, stops, understands, voices
from turns_world import World

from duologue.dialogue.turns.vocabulary import (
    Apologise,
    AudioReady,
    Commit,
    EngineFailed,
    Filler,
    Note,
    ReplyFinished,
    Report,
    SentenceReady,
    Stage,
    State,
)


def test_a_late_engine_is_filled_in_for_then_apologised_for_and_named(world: World) -> None:
    asks(world, "What time is it?")
    world.pass_time(1500)
    assert world.last(Filler) == Filler("f1")
    world.pass_time(11_000)
    assert world.last(Apologise) == Apologise("r1", 0, Stage.THINKING)
    assert Report(Note.STALLED, "silent", 12_000.0, Stage.THINKING) in world.effects
    world.give(SentenceReady("r1", "Too late."))
    world.give(AudioReady("r1", 0, utterance("Sorry about that.", "c", "r1/0")))
    world.pass_time(3000)
    assert world.commits == [Commit("What time is it?", "Sorry about that.", "r1", False)]


def test_without_even_an_apology_the_turn_ends(world: World) -> None:
    asks(world, "What time is it?")
    world.pass_time(25_000)
    assert world.machine.state is State.QUIET and world.commits == [Commit("What time is it?", "", "r1", False)]


def test_a_failed_thought_is_apologised_for_and_a_failed_sentence_left_out(world: World) -> None:
    asks(world, "What time is it?")
    world.give(EngineFailed(Stage.THINKING, "refused", reply="r1"))
    assert world.last(Apologise) == Apologise("r1", 0, Stage.THINKING)
    world.pass_time(25_000)
    asks(world, "And now?")
    world.give(SentenceReady("r2", "It is"))
    world.give(SentenceReady("r2", "noon."))
    world.give(EngineFailed(Stage.VOICING, "broken", reply="r2", index=0))
    world.give(AudioReady("r2", 1, utterance("noon.", "c", "r2/1")))
    world.give(ReplyFinished("r2"))
    world.pass_time(2000)
    assert world.commits[-1] == Commit("And now?", "noon.", "r2", False)


def test_a_reply_whose_end_cannot_be_voiced_ends_with_an_honest_word(world: World) -> None:
    asks(world, "What time is it?")
    world.give(SentenceReady("r1", "It is noon."))
    world.give(AudioReady("r1", 0, utterance("It is noon.", "c", "r1/0")))
    world.give(SentenceReady("r1", "In Rome."))
    world.give(ReplyFinished("r1"))
    world.give(EngineFailed(Stage.VOICING, "broken", reply="r1", index=1))
    world.pass_time(2000)
    assert world.last(Apologise) == Apologise("r1", 2, Stage.VOICING)
    world.give(AudioReady("r1", 2, utterance("Sorry about that.", "c", "r1/2")))
    world.pass_time(3000)
    assert world.commits == [Commit("What time is it?", "It is noon. Sorry about that.", "r1", False)]


def test_a_reply_that_stalls_in_the_middle_is_waited_for(world: World) -> None:
    asks(world, "What time is it?")
    replies(world, "It is noon.", ends=False)
    world.pass_time(1300)
    assert world.machine.state is State.THINKING
    world.give(ReplyFinished("r1"))
    assert world.machine.state is State.QUIET and world.commits[-1].heard == "It is noon."


def test_ears_that_fail_are_apologised_for_if_something_was_said(world: World) -> None:
    starts(world)
    world.pass_time(900)
    stops(world)
    world.pass_time(600 + 2000)
    assert world.last(Apologise) == Apologise("r1", 0, Stage.HEARING)
    assert Report(Note.STALLED, "no final transcript", 2000.0, Stage.HEARING) in world.effects


def test_a_late_final_does_not_matter_when_a_partial_is_there(world: World) -> None:
    starts(world)
    stops(world)
    understands(world, "what time is it")
    world.pass_time(600 + 2000)
    assert world.machine.state is State.THINKING and not world.thoughts["r1"].speculative


def sounds(world: World, milliseconds: int, text: str = "", *, echo: bool = False) -> None:
    """A voice of so many milliseconds, of which this is understood."""
    starts(world)
    world.pass_time(milliseconds - 60)
    stops(world)
    world.pass_time(600)
    understands(world, text, final=True, echo=echo)


def test_noise_without_words_is_dropped(world: World) -> None:
    sounds(world, 799)
    assert world.machine.state is State.QUIET and world.thoughts == {}


def test_a_clear_voice_without_words_is_told_so_but_not_for_ever(world: World) -> None:
    for number in (1, 2):
        sounds(world, 800)
        assert world.last(Apologise) == Apologise(f"r{number}", 0, Stage.HEARING, missed=True)
        assert Report(Note.FAILED, "a clear voice, and no words", 800.0, Stage.HEARING) in world.effects
        voices(world)
        world.pass_time(3000)
        assert world.commits[-1] == Commit("", "Sorry about that.", f"r{number}", False)
    sounds(world, 5000)
    assert world.machine.state is State.QUIET and len(world.commits) == 2
    sounds(world, 900, "what time is it")
    replies(world, "It is noon.")
    world.pass_time(3000)
    sounds(world, 900)
    assert world.last(Apologise) == Apologise("r4", 0, Stage.HEARING, missed=True)


def test_our_own_echo_is_nothing_to_apologise_for(world: World) -> None:
    sounds(world, 900, echo=True)
    assert world.machine.state is State.QUIET and world.thoughts == {}


def test_a_voice_counts_from_the_end_of_our_reply(world: World) -> None:
    speaking(world, "It is noon.", after=1150)
    starts(world)
    world.pass_time(700)
    assert world.machine.state is State.HEARING and world.commits
    stops(world)
    world.pass_time(600)
    understands(world, "", final=True)
    assert world.machine.state is State.QUIET


def test_a_floor_that_never_plays_loses_the_reply_not_the_conversation(world: World) -> None:
    world.far.mute = True
    asks(world, "What time is it?")
    replies(world, "It is noon.")
    world.pass_time(3000)
    assert world.machine.state is State.QUIET
    assert any(isinstance(effect, Report) and effect.stage is Stage.PLAYING for effect in world.effects)


def test_the_floor_owes_its_last_word_but_not_for_ever(world: World) -> None:
    speaking(world)
    starts(world)
    understands(world, "wait")
    world.pass_time(299, report=False)
    assert world.commits == []
    world.pass_time(1, report=False)
    assert len(world.commits) == 1
