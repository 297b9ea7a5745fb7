"""The table: who takes the floor from a reply, who does not, and what is left of the reply."""

from __future__ import annotations

import pytest
from doubles import utterance
from turns_script import asks, kinds, replies, says_a_short_word, speaking, starts, stops, stretch, understands
from turns_world import World

from duologue.clock import MILLISECOND
from duologue.dialogue.turns.vocabulary import (
    Abandon,
    Apologise,
    AudioReady,
    Clear,
    Commit,
    EngineFailed,
    Filler,
    Note,
    Pause,
    Play,
    ReplyFinished,
    Report,
    Resume,
    SentenceReady,
    SpeechStarted,
    SpeechStopped,
    Stage,
    State,
    Think,
    TurnClosed,
    Typed,
    Understood,
)
from duologue.telemetry.ledger import EndingOutcome


def test_barge_in_pauses_then_clears_and_keeps_what_was_heard(world: World) -> None:
    speaking(world, "It is nearly noon in this town.", after=1000)
    starts(world)
    assert world.machine.state is State.DOUBTING
    world.pass_time(90)
    assert world.last(Pause) == Pause() and world.far.paused
    understands(world, "wait a moment")
    assert world.machine.state is State.HEARING and not world.far.ids()
    world.deliver()
    assert world.commits == [Commit("What time is it?", "It is", "r1", True)]
    assert "Resume" not in kinds(world)


def test_a_sound_that_goes_on_and_on_takes_the_floor_without_words(world: World) -> None:
    speaking(world)
    starts(world)
    world.pass_time(1_639)
    assert world.machine.state is State.PAUSED and world.far.paused
    world.pass_time(1)
    assert world.machine.state is State.HEARING and world.last(Clear)


@pytest.mark.parametrize("understood", ["", "mm-hm", "Yeah, okay."])
@pytest.mark.parametrize("length", [300, 640, 1_200])
def test_a_cough_or_backchannel_lets_the_character_go_on(world: World, understood: str, length: int) -> None:
    """However long it is, and although no word of it is known while it sounds."""
    speaking(world)
    starts(world)
    world.pass_time(length)
    stops(world)
    world.pass_time(150)
    assert world.machine.state is State.JUDGING and world.far.paused
    understands(world, understood, final=True)
    assert world.machine.state is State.SPEAKING and not world.far.paused
    world.pass_time(6000)
    assert world.commits[-1].heard == "It is nearly noon in this town. Why do you ask me that?"


def test_a_short_word_that_is_understood_late_takes_the_floor(world: World) -> None:
    speaking(world)
    starts(world)
    world.pass_time(250)
    stops(world)
    world.pass_time(150)
    world.far.mute = True
    world.give(Understood(2, "Stop.", final=True))
    assert world.machine.state is State.CLEARING
    world.deliver()
    assert world.last(Think) == Think("r2", "Stop.", False)


def test_a_click_is_no_reason_to_pause(world: World) -> None:
    speaking(world)
    world.give(SpeechStarted(world.now))
    world.give(SpeechStopped(world.now))
    assert world.machine.state is State.SPEAKING and "Pause" not in kinds(world)


def test_yes_over_the_last_word_is_an_answer(world: World) -> None:
    speaking(world, "Shall I tell you?", after=1500)
    starts(world)
    world.pass_time(100)
    stops(world)
    world.pass_time(200)
    understands(world, "yes", final=True)
    world.deliver()
    world.pass_time(700)
    assert world.machine.state is State.THINKING and world.machine.reply and world.machine.reply.person == "yes"


def test_nothing_heard_of_a_reply_joins_the_question_to_what_follows(world: World) -> None:
    asks(world, "What time is it")
    starts(world)
    assert world.machine.state is State.PAUSED
    replies(world, "It is noon.")
    assert "Play" not in kinds(world)
    understands(world, "in Paris")
    stops(world)
    world.pass_time(600)
    understands(world, "in Paris?", final=True)
    assert world.machine.reply and world.machine.reply.person == "What time is it in Paris?"
    assert not world.machine.reply.speculative and world.commits == []


@pytest.mark.parametrize("ready", [True, False])
def test_a_cough_while_we_think_delays_nothing_for_good(world: World, ready: bool) -> None:
    asks(world, "What time is it?")
    starts(world)
    if ready:
        replies(world, "It is noon.")
    stops(world)
    world.pass_time(160)
    understands(world, "", final=True)
    assert world.machine.state is (State.SPEAKING if ready else State.THINKING) and world.last(Resume)


def test_a_reply_that_ends_while_somebody_begins_is_whole(world: World) -> None:
    speaking(world, "It is noon.", after=1150)
    starts(world)
    world.pass_time(60)
    assert world.machine.state is State.HEARING
    assert world.commits == [Commit("What time is it?", "It is noon.", "r1", False)]


def test_words_about_what_was_withdrawn_change_nothing(world: World) -> None:
    speaking(world)
    starts(world)
    understands(world, "wait a moment")
    world.deliver()
    before = len(world.effects)
    world.give(SentenceReady("r1", "And another thing."))
    world.give(AudioReady("r1", 1, utterance("Why?", "c", "r1/1")))
    world.give(Understood(1, "something else", final=True))
    assert len(world.effects) == before


def test_late_words_of_one_reply_are_not_taken_for_another(world: World) -> None:
    asks(world, "What time is it?")
    world.give(SentenceReady("r1", "It is noon."))
    world.give(Typed("in Paris"))
    world.give(SentenceReady("r2", "One o'clock."))
    world.give(SentenceReady("r1", "Or later."))
    world.give(AudioReady("r1", 0, utterance("It is noon.", "c", "r1/0")))
    world.give(ReplyFinished("r1"))
    world.give(EngineFailed(Stage.VOICING, "broken", reply="r1", index=0))
    assert world.machine.state is State.THINKING
    world.give(AudioReady("r2", 0, utterance("One o'clock.", "c", "r2/0")))
    world.give(ReplyFinished("r2"))
    world.pass_time(2000)
    assert world.commits == [Commit("What time is it? in Paris", "One o'clock.", "r2", False)]


def test_one_moment_is_enough_for_the_floor_to_clear(world: World) -> None:
    """A turn is decided while the floor still owes its last word: the thought waits for it."""
    speaking(world)
    starts(world)
    understands(world, "wait")
    world.machine.handle(SpeechStopped(world.now - 600 * MILLISECOND), world.now)
    world.pass_time(0, report=False)
    understands(world, "wait", final=True)
    assert world.machine.state is State.CLEARING
    world.deliver()
    assert world.machine.state is State.THINKING
    speaking(world)


@pytest.mark.parametrize("text", ["", "never mind"])
def test_who_goes_on_while_the_floor_clears_keeps_the_floor(world: World, text: str) -> None:
    speaking(world)
    starts(world)
    understands(world, "wait")
    world.machine.handle(SpeechStopped(world.now - 600 * MILLISECOND), world.now)
    world.pass_time(0, report=False)
    understands(world, text, final=True)
    assert world.machine.state is State.CLEARING
    if text:
        world.give(SpeechStarted(world.now))
        assert world.machine.state is State.HEARING
    else:
        world.deliver()
        assert world.machine.state is State.QUIET


def test_short_sounds_in_a_row_are_judged_together(world: World) -> None:
    speaking(world)
    for _ in range(2):
        starts(world)
        world.pass_time(200)
        stops(world)
        world.pass_time(160)
        assert world.machine.state is State.JUDGING
    for number in sorted(world.waiting):
        world.give(Understood(number, "uh", final=True))
    assert world.machine.state is State.SPEAKING


def test_words_of_a_long_voice_that_are_known_after_its_end_take_the_floor_and_may_go_on(world: World) -> None:
    """The ears say nothing before the end: what was said is a turn like any other, with its own wait."""
    speaking(world)
    starts(world)
    world.pass_time(535)
    world.give(SpeechStopped(world.now))
    world.pass_time(250)
    assert world.machine.state is State.JUDGING and world.far.paused
    understands(world, "wait a moment", final=True)
    assert world.machine.state is State.PAUSING and world.last(Clear)
    world.deliver()
    starts(world)
    understands(world, "I meant Tuesday.")
    stops(world)
    world.pass_time(500)
    understands(world, "I meant Tuesday.", final=True)
    assert [each.person for each in world.effects if isinstance(each, Think)][-1] == "wait a moment I meant Tuesday."


@pytest.mark.parametrize("silent", [False, True])
def test_of_a_long_voice_that_the_ears_lost_the_words_are_asked_for(world: World, silent: bool) -> None:
    """They fail, or never say what they understood in the end."""
    speaking(world)
    starts(world)
    world.pass_time(900)
    stops(world)
    world.pass_time(150)
    assert world.machine.state is State.JUDGING
    if silent:
        world.pass_time(800)
    else:
        world.give(EngineFailed(Stage.HEARING, "broken", stretch=stretch(world)))
    assert Note.INTERRUPTED in world.notes() and not world.far.paused
    world.pass_time(1_200)
    assert world.last(Apologise) == Apologise("r2", 0, Stage.HEARING)


@pytest.mark.parametrize("ends_after", [535, 900])
def test_a_long_okay_is_judged_as_one(world: World, ends_after: int) -> None:
    speaking(world)
    starts(world)
    world.pass_time(300)
    understands(world, "Okay.")
    world.pass_time(ends_after - 300)
    assert world.machine.state is State.PAUSED
    world.give(SpeechStopped(world.now))
    world.pass_time(250)
    assert world.machine.state is State.JUDGING
    understands(world, "Okay, okay.", final=True)
    assert world.machine.state is State.SPEAKING and Note.FALSE_ALARM in world.notes()


def test_a_long_okay_that_goes_on_takes_the_floor(world: World) -> None:
    speaking(world)
    starts(world)
    world.pass_time(300)
    understands(world, "Okay.")
    world.pass_time(600)
    understands(world, "Okay but I have a question")
    assert world.machine.state is State.HEARING


def test_words_that_are_known_after_the_voice_stopped_take_the_floor(world: World) -> None:
    speaking(world)
    starts(world)
    world.pass_time(200)
    stops(world)
    understands(world, "hold on")
    assert world.machine.state is State.PAUSING


def test_a_voice_that_was_there_before_the_decision_goes_on_with_its_turn(world: World) -> None:
    asks(world, "What time is it")
    world.give(SpeechStarted(world.now - 30 * MILLISECOND))
    assert world.machine.state is State.HEARING and not any(isinstance(each, Pause) for each in world.effects)
    assert world.last(Abandon) == Abandon("r1")
    world.pass_time(900)
    stops(world)
    world.pass_time(1200)
    understands(world, "in Rome?", final=True)
    assert [each.person for each in world.effects if isinstance(each, Think)][-1] == "What time is it in Rome?"
    assert not any(isinstance(each, Report) and each.note is Note.INTERRUPTED for each in world.effects)


def test_a_voice_that_was_there_before_the_decision_silences_the_reply_at_once_whatever_it_says(world: World) -> None:
    """It is no answer to what it had not heard: a word that the ears are not sure of is a part of the turn."""
    asks(world, "I would like to go to")
    replies(world, "Where to?")
    assert world.machine.state is State.SPEAKING
    world.give(SpeechStarted(world.now - 30 * MILLISECOND))
    assert world.machine.state is State.HEARING and isinstance(world.last(Clear), Clear)
    world.pass_time(900)
    stops(world)
    world.pass_time(1200)
    world.give(Understood(stretch(world), "central station.", final=True, sure=False))
    assert world.last(Think) == Think("r3", "I would like to go to central station.", False)
    assert not any(isinstance(each, Report) and each.note is Note.FALSE_ALARM for each in world.effects)


def test_a_short_word_before_our_first_sound_is_added_to_the_question(world: World) -> None:
    asks(world, "What time is it?")
    starts(world)
    world.pass_time(100)
    stops(world)
    world.pass_time(160)
    understands(world, "please", final=True)
    assert world.last(Think) == Think("r2", "What time is it? please", False)


def test_a_word_over_a_floor_that_gives_no_sign_is_answered(world: World) -> None:
    world.far.mute = True
    speaking(world)
    says_a_short_word(world)
    assert world.machine.state is State.SPEAKING
    world.pass_time(1_900)
    assert world.machine.state is State.SETTLING
    world.give(Understood(stretch(world), "hello?", final=True))
    assert world.last(Think) == Think("r2", "hello?", False)


def test_a_sound_over_an_apology_that_never_comes_leaves_no_turn_open(world: World) -> None:
    asks(world, "What time is it?")
    replies(world, "It is noon.", ends=False)
    world.pass_time(1_300)
    world.pass_time(22_200)
    says_a_short_word(world)
    world.pass_time(1_200)
    assert world.machine.state is State.THINKING
    world.pass_time(3_000)
    assert world.machine.state is State.QUIET and world.last(TurnClosed) == TurnClosed(2, EndingOutcome.NOTHING_SAID)


def test_who_goes_on_when_we_have_just_begun_had_only_paused(world: World) -> None:
    asks(world, "I paid for two tickets.")
    replies(world, "That is good to know, thank you very much.")
    world.pass_time(300)
    starts(world)
    understands(world, "and I only got one")
    assert world.patience.pauses == [1000.0]  # 100 until the end is known, 600 of waiting, and 300


def test_who_interrupts_later_has_not_paused(world: World) -> None:
    speaking(world, after=1500)
    starts(world)
    understands(world, "wait a moment")
    assert world.patience.pauses == []


def test_who_interrupts_when_the_floor_has_fallen_silent_in_a_reply_has_not_paused(world: World) -> None:
    asks(world, "What time is it?")
    replies(world, "It is noon.", ends=False)
    world.pass_time(1_300)
    assert world.machine.state is State.THINKING, "the next sentence is not written yet"
    starts(world)
    world.pass_time(200)
    understands(world, "wait a moment")
    assert world.machine.state is State.HEARING and world.patience.pauses == []


def hums_at_the_end_of_the_first_sentence(world: World, *, milliseconds: int) -> None:
    """For so long, from 80 ms before the end on. The mind has not written the next one."""
    world.pass_time(sum(len(piece.utterance.samples) for piece in pieces(world)) - 80)
    began = world.now
    world.pass_time(60)
    world.give(SpeechStarted(began))
    world.pass_time(milliseconds - 60)
    assert not world.far.ids()
    world.give(SpeechStopped(world.now))
    world.pass_time(300)
    understands(world, "mm-hm", final=True)


def pieces(world: World) -> list[Play]:
    return [effect for effect in world.effects if isinstance(effect, Play)]


@pytest.mark.parametrize("goes_on", [True, False])
def test_after_a_hum_at_the_end_of_a_sentence_the_rest_of_the_reply_is_waited_for(world: World, goes_on: bool) -> None:
    asks(world, "What time is it?")
    replies(world, "It is noon.", ends=False)
    hums_at_the_end_of_the_first_sentence(world, milliseconds=140)
    assert world.machine.state is State.THINKING
    if goes_on:
        world.pass_time(4_000)
        assert world.last(Filler), "who writes is late, and that is filled in for"
        replies(world, "Or so they say.")
    else:
        world.give(ReplyFinished("r1"))
        assert world.machine.state is State.QUIET
    world.pass_time(4_000)
    heard = "It is noon. Or so they say." if goes_on else "It is noon."
    assert world.commits == [Commit("What time is it?", heard, "r1", False)]
    assert Note.STALLED not in world.notes(), "the floor owes nothing"


def test_after_a_hum_the_next_sentence_is_not_late_by_what_was_spoken_before(world: World) -> None:
    asks(world, "What time is it?")
    replies(world, f"It is {'very ' * 28}late.", ends=False)
    hums_at_the_end_of_the_first_sentence(world, milliseconds=300)
    assert world.machine.state is State.THINKING
    world.pass_time(1_000)
    assert Note.STALLED not in world.notes() and "Apologise" not in kinds(world)
