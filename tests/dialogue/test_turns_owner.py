"""The table: what the conversation's owner wishes, digits, and calls of the far end."""

from __future__ import annotations

from collections import deque

import pytest
from doubles import utterance
from turns_script import (
    asks,
    count,
    kinds,
    replies,
    says_a_short_word,
    speaking,
    starts,
    stops,
    stretch,
    understands,
    voices,
)
from turns_world import World

from duologue.dialogue.ports import PlayEnded, PlayProgress
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import (
    Abandon,
    Apologise,
    Apply,
    Attach,
    AudioReady,
    CallTool,
    Change,
    Commit,
    DigitPressed,
    EngineFailed,
    GiveDigit,
    GiveResult,
    HandOver,
    Interrupt,
    Leave,
    Note,
    Pause,
    Play,
    Report,
    Say,
    SentenceReady,
    SinkAttached,
    SpeechStarted,
    SpeechStopped,
    Stage,
    State,
    Think,
    ToolAnswered,
    ToolCalled,
    ToolGivenUp,
    TurnCancelled,
    TurnClosed,
    TurnCommitted,
    Typed,
    Understood,
    VoiceSentence,
    When,
    Withdraw,
)
from duologue.language.languages import load_language
from duologue.language.tools import ToolCall
from duologue.telemetry.ledger import EndingOutcome


def says(world: World, *sentences: str, when: When = When.NOW) -> None:
    world.give(Say(sentences, when))
    world.pass_time(0)


def test_the_owner_speaks_at_once_where_nobody_does(world: World) -> None:
    says(world, "Hello there.", "This is Ada.")
    assert world.last(VoiceSentence) == VoiceSentence("r1", 1, "This is Ada.")
    voices(world)
    world.pass_time(3_000)
    assert world.commits == [Commit("", "Hello there. This is Ada.", "r1", False)]
    assert world.machine.state is State.QUIET


def test_the_owners_words_now_take_the_place_of_the_reply(world: World) -> None:
    speaking(world)
    says(world, "One moment please.")
    world.pass_time(20)
    assert [commit.interrupted for commit in world.commits] == [True] and Note.STOPPED in world.notes()
    voices(world)
    world.pass_time(2_000)
    assert world.commits[-1] == Commit("", "One moment please.", "r2", False)


def test_the_owners_words_after_this_sentence_let_it_end_and_take_back_the_next(world: World) -> None:
    speaking(world)
    says(world, "One moment please.", when=When.SENTENCE)
    assert world.last(Withdraw) == Withdraw("r1/1")
    world.far.queue.clear()
    world.give(PlayEnded("r1/1", world.now, 0))
    world.pass_time(2_500)
    assert world.commits == [Commit("What time is it?", "It is nearly noon in this town.", "r1", False)]
    voices(world)
    world.pass_time(2_000)
    assert world.commits[-1].heard == "One moment please."


def test_a_reply_that_does_not_sound_yet_is_cut_after_its_first_sentence(world: World) -> None:
    asks(world, "What time is it?")
    says(world, "One moment please.", when=When.SENTENCE)
    replies(world, "It is noon.", "Or so they say.")
    world.pass_time(2_000)
    assert world.commits == [Commit("What time is it?", "It is noon.", "r1", False)]
    assert world.last(VoiceSentence) == VoiceSentence("r2", 0, "One moment please.")


def test_the_number_of_a_sentence_that_is_taken_back_while_it_is_voiced_is_given_to_no_apology(world: World) -> None:
    """The engine is at it still: what comes of it is not taken for the apology, and the two do not meet."""
    asks(world, "What time is it?")
    for text in ("It is noon.", "Or so they say."):
        world.give(SentenceReady("r1", text))
    says(world, "One moment please.", when=When.SENTENCE)
    world.give(EngineFailed(Stage.VOICING, "it broke", reply="r1", index=0))
    world.pass_time(0)
    assert world.last(Apologise) == Apologise("r1", 2, Stage.VOICING)
    world.give(AudioReady("r1", 1, utterance("Or so they say.", "c", "r1/1")))
    world.give(AudioReady("r1", 2, utterance("Sorry.", "c", "r1/2")))
    world.pass_time(3_000)
    assert world.commits == [Commit("What time is it?", "Sorry.", "r1", False)]
    assert world.last(VoiceSentence) == VoiceSentence("r2", 0, "One moment please.")


@pytest.mark.parametrize("index", [0, 1])
def test_a_voice_that_fails_at_a_sentence_that_was_taken_back_is_no_failure_of_the_reply(
    world: World, index: int
) -> None:
    """But one that breaks off in the sentence that is heard is."""
    asks(world, "What time is it?")
    for text in ("It is nearly noon in this town.", "Or so they say."):
        world.give(SentenceReady("r1", text))
    world.give(AudioReady("r1", 0, utterance("It is nearly noon in this town.", "c", "r1/0")))
    world.pass_time(200)
    says(world, "One moment please.", when=When.SENTENCE)
    world.give(EngineFailed(Stage.VOICING, "it broke", reply="r1", index=index))
    world.pass_time(3_000)
    assert (world.last(Apologise) is None) == (index == 1)


def test_who_speaks_while_the_floor_clears_for_the_owner_is_heard_on(world: World) -> None:
    speaking(world)
    world.far.mute = True
    world.give(Say(("One moment please.",)))
    assert world.machine.state is State.CLEARING
    world.give(SpeechStarted(world.now))
    assert world.machine.state is State.CLEARING and world.waiting
    world.far.mute = False
    world.deliver()
    world.pass_time(0)
    assert world.machine.state is State.THINKING and any(world.waiting.values())


def test_who_begins_twice_while_the_floor_clears_for_the_owner_is_heard_in_one_stretch(world: World) -> None:
    speaking(world)
    world.give(Say(("One moment please.",)))
    for _ in range(2):
        world.give(SpeechStarted(world.now))
        world.pass_time(60, report=False)
        world.give(SpeechStopped(world.now))
    assert kinds(world).count("BeginStretch") == 2, "of the question, and of this"
    assert list(world.waiting.values()) == [True]


def test_who_speaks_on_when_the_owner_thinks_better_of_it_loses_no_word(world: World) -> None:
    starts(world)
    understands(world, "I was wondering")
    world.give(Say(("Your time is up.",)))
    world.give(Interrupt())
    world.pass_time(20)
    assert world.machine.state is State.HEARING and list(world.waiting.values()) == [True]
    understands(world, "I was wondering whether it rains")
    stops(world)
    world.pass_time(600)
    understands(world, "I was wondering whether it rains.", final=True)
    assert world.machine.reply is not None and world.machine.reply.person == "I was wondering whether it rains."
    count(world)


def test_what_is_not_understood_yet_when_the_owner_thinks_better_of_it_is_waited_for(world: World) -> None:
    starts(world)
    world.pass_time(900)
    understands(world, "I was wondering")
    stops(world)
    world.give(Say(("Your time is up.",)))
    world.give(Interrupt())
    world.pass_time(20)
    assert world.machine.state is State.SETTLING and world.last(Think) is None
    understands(world, "I was wondering whether it rains.", final=True)
    assert world.last(Think) == Think("r1", "I was wondering whether it rains.", False)
    count(world)


def test_the_owner_answers_what_was_said_so_far(world: World) -> None:
    starts(world)
    understands(world, "I was wondering whether")
    says(world, "Your time is up.")
    voices(world)
    stops(world)
    world.give(Understood(stretch(world), "", final=True))
    world.pass_time(3_000)
    assert world.commits[0] == Commit("I was wondering whether", "Your time is up.", "r1", False)


def test_an_interrupted_reply_counts_as_far_as_it_was_heard_and_nothing_more_is_said(world: World) -> None:
    speaking(world, after=1_500)
    world.give(Interrupt())
    world.pass_time(50)
    assert world.machine.state is State.QUIET
    (exchange,) = world.commits
    assert exchange.interrupted and "It is nearly noon".startswith(exchange.heard[:5])


def test_an_interrupted_thought_leaves_no_question_open(world: World) -> None:
    asks(world, "What time is it?")
    world.give(Interrupt())
    world.pass_time(0)
    assert world.machine.state is State.QUIET and world.commits == [Commit("What time is it?", "", "r1", True)]
    world.give(Interrupt())
    assert world.machine.state is State.QUIET


def test_what_the_owner_interrupts_while_somebody_speaks_is_theirs(world: World) -> None:
    speaking(world)
    starts(world)
    world.give(Interrupt())
    assert world.machine.state is State.HEARING
    stops(world)
    world.pass_time(600)
    understands(world, "thank you", final=True)
    assert world.last(Think) == Think("r2", "thank you", False)


def test_an_interrupt_while_a_short_sound_is_judged_waits_for_its_words(world: World) -> None:
    speaking(world)
    says_a_short_word(world)
    world.give(Interrupt())
    assert world.machine.state is State.SETTLING
    world.give(Understood(stretch(world), "stop", final=True))
    world.pass_time(100)
    assert world.last(Think) == Think("r2", "stop", False)


def test_an_interrupt_between_a_voice_and_its_silence_waits_for_more(world: World) -> None:
    speaking(world)
    starts(world)
    world.pass_time(200)
    assert world.machine.state is State.PAUSED
    world.give(SpeechStopped(world.now))
    world.give(Interrupt())
    assert world.machine.state is State.PAUSING


def test_a_committed_turn_is_over_in_the_middle_of_the_voice(world: World) -> None:
    starts(world)
    world.pass_time(500)
    world.give(TurnCommitted())
    assert world.machine.state is State.SETTLING and world.last(Report) == Report(Note.TURN_ENDED, "committed")
    world.give(Understood(1, "What time is it?", final=True))
    assert world.last(Think) == Think("r1", "What time is it?", False)


def test_only_a_commit_ends_a_manual_turn() -> None:
    world = World(Policy(manual=True, speculate=False))
    starts(world)
    stops(world)
    world.pass_time(30_000)
    assert world.machine.state is State.PAUSING
    world.give(TurnCommitted())
    starts(world)
    understands(world, "What time is it?", final=True)
    assert world.last(Think) == Think("r1", "What time is it?", False)
    count(world)


def test_a_manual_turn_that_nobody_ends_is_answered_at_its_limit() -> None:
    world = World(Policy(manual=True, speculate=False))
    starts(world)
    stops(world)
    world.pass_time(121_000)
    assert world.machine.state is not State.PAUSING and Note.OVERLONG in world.notes()
    count(world)


@pytest.mark.parametrize("milliseconds", [130, 250, 700])
def test_a_word_over_the_reply_is_no_turn_before_its_commit_however_short(milliseconds: int) -> None:
    """The button is down: what follows "stop" is not known yet."""
    world = World(Policy(manual=True, speculate=False))
    world.give(Typed("What time is it?"))
    replies(world, "It is nearly noon in this town.", "Why do you ask me that?")
    world.pass_time(600)
    world.give(SpeechStarted(world.now))
    world.pass_time(milliseconds)
    world.give(SpeechStopped(world.now))
    world.pass_time(300)
    understands(world, "Stop.", final=True)
    world.pass_time(3_000)
    assert world.machine.state is State.PAUSING and len(world.thoughts) == 1
    starts(world)
    world.pass_time(900)
    stops(world)
    world.give(TurnCommitted())
    understands(world, "I meant the other one.", final=True)
    assert world.last(Think) == Think("r2", "Stop. I meant the other one.", False)
    count(world)


@pytest.mark.parametrize("manual", [False, True])
def test_a_turn_is_committed_also_while_a_voice_over_the_reply_is_judged(manual: bool) -> None:
    """The button came up a moment after the voice: nobody may wait for its silence, or for another commit."""
    world = World(Policy(manual=manual, speculate=False))
    world.give(Typed("What time is it?"))
    replies(world, "It is nearly noon in this town.", "Why do you ask me that?")
    world.pass_time(600)
    starts(world)
    world.pass_time(900)
    stops(world)
    world.pass_time(260)
    assert world.machine.state is State.JUDGING
    world.give(TurnCommitted())
    understands(world, "Tell me about the other one.", final=True)
    world.pass_time(20)
    assert world.last(Think) == Think("r2", "Tell me about the other one.", False)
    count(world)


def test_what_is_said_after_a_commit_while_the_floor_clears_is_the_next_turn(world: World) -> None:
    speaking(world)
    world.far.mute = True
    starts(world)
    world.give(TurnCommitted())
    world.give(Understood(stretch(world), "stop", final=True))
    assert world.machine.state is State.CLEARING
    world.give(SpeechStopped(world.now))
    world.give(SpeechStarted(world.now))
    assert world.machine.state is State.CLEARING
    world.far.mute = False
    world.deliver()
    assert world.last(Think) == Think("r2", "stop", False)


def test_a_cancelled_turn_is_forgotten_and_its_voice_is_no_new_one(world: World) -> None:
    starts(world)
    understands(world, "never mind")
    world.give(TurnCancelled())
    world.pass_time(50)
    assert world.machine.state is State.QUIET and world.last(TurnClosed) == TurnClosed(1, EndingOutcome.NOTHING_SAID)
    stops(world)
    world.pass_time(2_000)
    assert world.last(Think) is None and world.machine.person == ""


@pytest.mark.parametrize("wait", [0, 200, 320])
def test_a_turn_cancelled_over_the_reply_lets_it_go_on(world: World, wait: int) -> None:
    speaking(world)
    starts(world)
    world.pass_time(wait)
    if wait == 320:
        stops(world)
        world.pass_time(300)
        assert world.machine.state is State.JUDGING
    world.give(TurnCancelled())
    assert world.machine.state is State.SPEAKING
    world.pass_time(8_000)
    assert not world.commits[0].interrupted


def test_a_turn_cancelled_before_the_first_sound_of_the_reply_lets_it_come(world: World) -> None:
    asks(world, "What time is it?")
    world.pass_time(100)
    world.give(SpeechStarted(world.now))
    assert world.machine.state is State.PAUSED
    world.give(TurnCancelled())
    assert world.machine.state is State.THINKING
    world.give(TurnCancelled())
    replies(world, "It is noon.")
    world.pass_time(2_000)
    assert world.commits[0].heard == "It is noon."


def test_a_digit_is_given_to_whoever_registered_and_counts_as_a_sign_of_life(world: World) -> None:
    world.pass_time(19_000)
    world.give(DigitPressed("5"))
    assert world.last(GiveDigit) == GiveDigit("5")
    world.pass_time(19_000)
    assert world.notes() == []


def test_the_line_is_handed_over_after_the_sentence_and_what_the_owner_wanted_said(world: World) -> None:
    speaking(world)
    says(world, "I put you through.", when=When.SENTENCE)
    world.give(Leave("sales"))
    world.far.queue.clear()
    world.give(PlayEnded("r1/1", world.now, 0))
    world.pass_time(2_500)
    voices(world)
    world.pass_time(2_500)
    assert world.machine.state is State.CLOSED and world.effects[-1] == HandOver("sales")
    assert [commit.heard for commit in world.commits] == ["It is nearly noon in this town.", "I put you through."]


def test_who_leaves_in_silence_leaves_at_once(world: World) -> None:
    world.give(Leave())
    world.pass_time(0)
    assert world.machine.state is State.CLOSED and world.effects == []


def test_a_change_on_the_way_withdraws_what_was_only_speculated(world: World) -> None:
    starts(world)
    stops(world)
    understands(world, "what time is it")
    world.pass_time(30)
    change = Change(language=load_language("de"))
    world.give(change)
    assert world.effects[-3:][0] == Abandon("r1") and world.last(Apply) == Apply(change)
    world.pass_time(30)
    assert world.last(Think) == Think("r2", "what time is it", True)


def test_what_was_not_heard_is_played_on_another_sink_from_the_first_such_word_on(world: World) -> None:
    speaking(world, after=420)
    heard = sum(len(entry.utterance.samples) for entry in [world.last(Play)] if isinstance(entry, Play))
    assert heard
    world.far.queue.clear()
    world.far.current = None
    world.give(SinkAttached())
    again = [effect.utterance for effect in world.effects[-3:] if isinstance(effect, Play)]
    assert [item.id for item in again] == ["r1/0~", "r1/1~"]
    assert "It is nearly noon in this town.".endswith(again[0].text) and again[1].text == "Why do you ask me that?"


def test_a_sink_that_comes_when_all_was_heard_is_waited_for_no_longer(world: World) -> None:
    asks(world, "What time is it?")
    replies(world, "It is noon.", ends=False)
    world.pass_time(2_000, report=False)
    world.far.reports = deque(each for each in world.far.reports if not isinstance(each, PlayEnded))
    world.deliver()
    world.give(PlayProgress("r1/0", world.now, 10_000))
    assert world.machine.state is State.SPEAKING
    world.give(SinkAttached())
    world.pass_time(0)
    assert world.machine.state is State.THINKING and world.last(Attach) == Attach()


def test_a_held_reply_is_held_on_the_new_sink(world: World) -> None:
    speaking(world)
    starts(world)
    world.pass_time(200)
    world.far.queue.clear()
    world.far.current = None
    world.give(SinkAttached())
    assert world.effects[-1] == Pause()


CALL = ToolCall("c1", "door", '{"open": true}')


def test_a_call_of_the_far_end_is_answered_once(world: World) -> None:
    world.give(ToolCalled("r1", CALL))
    assert world.last(CallTool) == CallTool("r1", CALL)
    world.give(ToolAnswered("c1", {"open": True}))
    assert world.last(GiveResult) == GiveResult("c1", {"open": True}, "")
    world.give(ToolAnswered("c1", {"open": False}))
    assert kinds(world).count("GiveResult") == 1 and world.notes() == [Note.FAILED]


def test_a_result_that_is_late_or_of_no_call_is_named(world: World) -> None:
    world.give(ToolAnswered("c9", 1))
    world.give(ToolCalled("r1", CALL))
    world.give(ToolGivenUp("c1"))
    world.give(ToolAnswered("c1", 1))
    assert "GiveResult" not in kinds(world) and world.notes() == [Note.FAILED, Note.FAILED]
