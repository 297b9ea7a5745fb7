"""The table, situation by situation: who has the floor, and what was said."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import pytest
from doubles import utterance
from turns_world import World

from duologue.clock import MILLISECOND
from duologue.dialogue.policy import Policy
from duologue.dialogue.ports import PlayEnded, PlayProgress, PlayStarted
from duologue.dialogue.replies_text import Cut
from duologue.dialogue.turns import BESIDE, TABLE
from duologue.dialogue.turns_vocabulary import (
    Abandon,
    Annotate,
    Apologise,
    Apply,
    Attach,
    AudioGrew,
    AudioReady,
    BeginStretch,
    CallTool,
    Change,
    ChunkWritten,
    Clear,
    Commit,
    DigitPressed,
    Ears,
    EndStretch,
    EngineFailed,
    Extend,
    Filler,
    GiveDigit,
    GiveResult,
    HandOver,
    HangUp,
    Interrupt,
    Leave,
    Note,
    Pause,
    Play,
    ReplyFinished,
    Report,
    Resume,
    Say,
    SentenceReady,
    SinkAttached,
    Sounds,
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
    TurnOpened,
    Typed,
    Understood,
    VoiceSentence,
    When,
    Withdraw,
    Withdrawn,
)
from duologue.language.languages import load_language
from duologue.language.structured import ReplyChunk
from duologue.language.tools import ToolCall
from duologue.telemetry.ledger import Outcome

USED, USED_BESIDE = [0] * len(TABLE), [0] * len(BESIDE)
"""How often each row was taken by the tests of this file."""


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    count(made)


def count(world: World) -> None:
    for number, times in enumerate(world.machine.used):
        USED[number] += times
    for number, times in enumerate(world.machine.beside):
        USED_BESIDE[number] += times


def starts(world: World) -> None:
    """The person's voice comes up; it is known 60 ms later."""
    at = world.now
    world.pass_time(60)
    world.give(SpeechStarted(at))


def stops(world: World) -> None:
    """It ends; that is known 100 ms later."""
    at = world.now
    world.pass_time(100)
    world.give(SpeechStopped(at))


def stretch(world: World) -> int:
    return max(world.waiting)


def understands(world: World, text: str, *, final: bool = False, echo: bool = False) -> None:
    world.give(Understood(stretch(world), text, final, echo))


def asks(world: World, text: str) -> None:
    """A whole turn of the person, up to the decision and the final transcript."""
    starts(world)
    world.pass_time(900)
    stops(world)
    world.pass_time(600)
    understands(world, text, final=True)


def newest(world: World) -> str:
    return list(world.thoughts)[-1]


def voices(world: World) -> None:
    """All that was asked for is voiced."""
    reply = newest(world)
    for index, text in list(world.thoughts[reply].voicing.items()):
        world.give(AudioReady(reply, index, utterance(text, "c", f"{reply}/{index}")))


def replies(world: World, *sentences: str, ends: bool = True) -> None:
    reply = newest(world)
    for text in sentences:
        world.give(SentenceReady(reply, text))
    if ends:
        world.give(ReplyFinished(reply))
    voices(world)


def speaking(world: World, *sentences: str, after: int = 1000) -> None:
    """The character is in the middle of a reply."""
    asks(world, "What time is it?")
    replies(world, *(sentences or ("It is nearly noon in this town.", "Why do you ask me that?")))
    world.pass_time(after)


def kinds(world: World) -> list[str]:
    return [type(effect).__name__ for effect in world.effects]


def test_a_turn_and_its_answer(world: World) -> None:
    asks(world, "What time is it?")
    assert world.last(Think) == Think("r1", "What time is it?", False)
    replies(world, "It is noon.", "Really.")
    assert world.machine.state is State.SPEAKING
    world.pass_time(2500)
    assert world.machine.state is State.QUIET
    assert world.commits == [Commit("What time is it?", "It is noon. Really.", "r1", False)]


def test_no_onset_is_cut(world: World) -> None:
    onset = world.now
    starts(world)
    assert world.last(BeginStretch) == BeginStretch(1, onset)


def test_the_wait_is_the_patiences_and_is_logged(world: World) -> None:
    starts(world)
    stops(world)
    understands(world, "one two and")
    world.pass_time(1099)
    assert world.machine.state is State.PAUSING
    world.pass_time(1)
    assert world.machine.state is State.SETTLING
    assert Report(Note.TURN_ENDED, "trailing", 1200.0, wait_ms=1200) in world.effects


def test_a_pause_inside_a_turn_is_learnt_and_the_stretch_goes_on(world: World) -> None:
    starts(world)
    stops(world)
    world.pass_time(200)
    starts(world)
    assert world.patience.pauses == [300.0]
    assert world.machine.state is State.HEARING and kinds(world).count("BeginStretch") == 1


def test_someone_who_goes_on_after_the_decision_is_heard_whole(world: World) -> None:
    starts(world)
    stops(world)
    world.pass_time(600)
    assert world.machine.state is State.SETTLING
    starts(world)
    world.give(Understood(1, "I would like", final=True))
    stops(world)
    world.pass_time(600)
    world.give(Understood(2, "a coffee", final=True))
    assert world.last(Think) == Think(newest(world), "I would like a coffee", False)


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


def test_long_sound_takes_the_floor_without_words(world: World) -> None:
    speaking(world)
    starts(world)
    world.pass_time(639)
    assert world.machine.state is State.PAUSED
    world.pass_time(1)
    assert world.machine.state is State.HEARING and world.last(Clear)


@pytest.mark.parametrize("understood", ["", "mm-hm", "Yeah, okay."])
def test_a_cough_or_backchannel_lets_the_character_go_on(world: World, understood: str) -> None:
    speaking(world)
    starts(world)
    world.pass_time(300)
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


def test_echo_that_is_known_in_time_does_not_even_pause(world: World) -> None:
    speaking(world)
    starts(world)
    understands(world, "", echo=True)
    world.pass_time(700)
    assert world.machine.state is State.SPEAKING and "Pause" not in kinds(world)


def test_echo_does_not_interrupt_but_words_in_it_do(world: World) -> None:
    speaking(world)
    starts(world)
    world.pass_time(100)
    assert world.machine.state is State.PAUSED
    understands(world, "", echo=True)
    world.pass_time(600)
    assert world.machine.state is State.SPEAKING and Note.ECHO in world.notes()
    understands(world, "no wait", echo=True)
    assert world.machine.state is State.HEARING


def test_echo_that_ends_is_forgotten(world: World) -> None:
    speaking(world)
    starts(world)
    understands(world, "", echo=True)
    world.pass_time(700)
    stops(world)
    assert world.machine.state is State.SPEAKING and not world.far.paused
    understands(world, "", final=True, echo=True)
    assert world.machine.state is State.SPEAKING and not world.waiting and not world.machine.person


def test_echo_before_our_next_sentence(world: World) -> None:
    asks(world, "What time is it?")
    starts(world)
    understands(world, "", echo=True)
    world.pass_time(700)
    assert world.machine.state is State.THINKING
    stops(world)
    starts(world)
    understands(world, "", echo=True)
    world.pass_time(700)
    understands(world, "sorry I meant the date", echo=True)
    assert world.machine.state is State.HEARING


def echoes(world: World) -> None:
    """Our own words come back while we speak, and are known as such."""
    starts(world)
    understands(world, "", echo=True)
    world.pass_time(700)
    stops(world)
    understands(world, "", final=True, echo=True)


@pytest.mark.parametrize("voice", [130, 300, 500])
def test_a_short_word_takes_the_floor_also_where_our_echo_was_heard(world: World, voice: int) -> None:
    """It ends before the floor is held, and is understood to its end all the same."""
    speaking(world)
    echoes(world)
    starts(world)
    world.pass_time(voice - 60)
    stops(world)
    assert world.machine.state is State.SPEAKING and "Pause" not in kinds(world)
    understands(world, "Stop!", final=True)
    world.deliver()
    assert world.last(Think) == Think("r2", "Stop!", False)


def test_a_short_word_at_the_end_of_our_echo_takes_the_floor(world: World) -> None:
    speaking(world)
    starts(world)
    understands(world, "", echo=True)
    world.pass_time(700)
    stops(world)
    understands(world, "Stop!", final=True, echo=True)
    world.deliver()
    assert world.last(Think) == Think("r2", "Stop!", False)


def test_a_short_word_over_the_end_of_our_reply_is_waited_for(world: World) -> None:
    speaking(world)
    echoes(world)
    world.pass_time(8000)
    assert world.machine.state is State.QUIET
    asks(world, "And now?")
    replies(world, "It is noon still.")
    world.pass_time(1150)
    starts(world)
    world.pass_time(100)
    stops(world)
    world.pass_time(300)
    assert world.machine.state is State.SETTLING
    understands(world, "Thanks!", final=True)
    assert world.last(Think) == Think("r3", "Thanks!", False)


@pytest.mark.parametrize(("text", "muttering"), [("Stop!", False), ("Stop!", True), ("", False)])
def test_a_short_word_between_two_sentences_of_ours(world: World, text: str, muttering: bool) -> None:
    asks(world, "What time is it?")
    replies(world, "It is noon.", ends=False)
    starts(world)
    understands(world, "", echo=True)
    world.pass_time(1500)
    assert world.machine.state is State.THINKING
    if muttering:
        world.pass_time(1600)
        assert world.far.ids()
    stops(world)
    assert world.machine.state is State.THINKING
    understands(world, text, final=True, echo=True)
    world.deliver()
    assert (world.last(Think) == Think("r2", "Stop!", False)) == bool(text)
    if not text:
        assert world.machine.state is State.THINKING and not world.machine.person


def test_a_reply_that_ends_while_a_short_word_is_understood(world: World) -> None:
    asks(world, "What time is it?")
    replies(world, "It is noon.", ends=False)
    starts(world)
    understands(world, "", echo=True)
    world.pass_time(1500)
    stops(world)
    world.give(ReplyFinished("r1"))
    assert world.machine.state is State.SETTLING
    understands(world, "Stop!", final=True)
    assert world.last(Think) == Think("r2", "Stop!", False)


def test_echo_is_forgotten_after_two_replies_without(world: World) -> None:
    """One word of ours that the person happened to say is no reason to be deaf for the whole conversation."""
    speaking(world)
    echoes(world)
    pauses: list[int] = []
    for _ in range(3):
        world.pass_time(8000)
        speaking(world)
        starts(world)
        world.pass_time(100)
        pauses.append(kinds(world).count("Pause"))
        understands(world, "", final=False)
        stops(world)
        world.pass_time(200)
        if world.waiting:
            understands(world, "", final=True)
        assert world.machine.state is State.SPEAKING
    assert pauses == [0, 0, 1]


def test_half_duplex_closes_the_ears_while_a_reply_is_on_the_floor() -> None:
    world = World(Policy(half_duplex=True))
    asks(world, "What time is it?")
    replies(world, "It is noon.")
    assert world.last(Ears) == Ears(False)
    starts(world)
    assert world.machine.state is State.SPEAKING
    world.pass_time(3000)
    assert world.last(Ears) == Ears(True) and world.machine.state is State.QUIET


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
        assert world.last(Apologise) == Apologise(f"r{number}", 0, Stage.HEARING)
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
    assert world.last(Apologise) == Apologise("r4", 0, Stage.HEARING)


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


def test_ten_minutes_without_a_pause_end_in_bounded_stretches_and_a_turn(world: World) -> None:
    starts(world)
    for _ in range(130):
        if world.machine.state is not State.HEARING:
            break
        world.pass_time(1000)
        for number, is_open in list(world.waiting.items()):
            if not is_open:
                world.give(Understood(number, "blah", final=True))
    assert Report(Note.OVERLONG, "turn", 120_000.0, Stage.HEARING) in world.effects
    assert sum(isinstance(effect, EndStretch) for effect in world.effects) >= 4


def test_who_still_speaks_when_we_are_quiet_is_listened_to(world: World) -> None:
    world = World(Policy(turn_ms=1000))
    starts(world)
    world.pass_time(1000)
    understands(world, "", final=True)
    assert world.machine.state is State.QUIET
    world.pass_time(1)
    assert world.machine.state is State.HEARING
    count(world)


@pytest.mark.parametrize("speculates", [False, True])
def test_who_speaks_on_after_an_overlong_turn_is_heard_and_answered_next(speculates: bool) -> None:
    """They do not take the floor from the answer to what they said so far; what they add is no less heard."""
    world = World(Policy(turn_ms=3000, speculate=speculates, tries=9))
    starts(world)
    if speculates:
        world.pass_time(100)
        stops(world)
        understands(world, "and so on")
        world.pass_time(100)
        starts(world)
    understands(world, "and so on")
    world.pass_time(3000)
    understands(world, "and so on", final=True)
    assert world.machine.state is State.THINKING and any(world.waiting.values()), "nobody listens"
    replies(world, "I see what you mean.")
    understands(world, "and on and on")
    assert world.machine.state is State.SPEAKING
    world.pass_time(2500)
    assert world.machine.state is State.HEARING and world.commits[-1].heard == "I see what you mean."
    stops(world)
    for number in list(world.waiting):
        world.give(Understood(number, "and on and on", final=True))
    world.pass_time(1200)
    assert world.machine.reply and world.machine.reply.person.startswith("and on and on")
    count(world)


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


def test_a_reply_that_ends_while_somebody_begins_is_whole(world: World) -> None:
    speaking(world, "It is noon.", after=1150)
    starts(world)
    world.pass_time(60)
    assert world.machine.state is State.HEARING
    assert world.commits == [Commit("What time is it?", "It is noon.", "r1", False)]


@pytest.mark.parametrize("state", [State.QUIET, State.HEARING, State.PAUSING, State.THINKING, State.SPEAKING])
def test_typing_and_hanging_up_in_any_state(world: World, state: State) -> None:
    match state:
        case State.HEARING:
            starts(world)
        case State.PAUSING:
            starts(world)
            understands(world, "what time")
            stops(world)
        case State.THINKING:
            asks(world, "What time is it?")
        case State.SPEAKING:
            speaking(world)
        case _:
            pass
    assert world.machine.state is state
    world.give(Typed("Good evening"))
    world.deliver()
    assert world.machine.state is State.THINKING and world.machine.reply is not None
    assert world.machine.reply.person.endswith("Good evening")
    world.give(HangUp())
    assert world.machine.state is State.CLOSED and world.machine.deadline() is None
    assert world.commits[-1].person.endswith("Good evening")


def test_an_invitation_lets_the_character_begin(world: World) -> None:
    world.give(Typed(""))
    replies(world, "Hello there.")
    world.pass_time(2000)
    assert world.commits == [Commit("", "Hello there.", "r1", False)]


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


def test_a_megabyte_of_text_is_bounded(world: World) -> None:
    world.give(Typed("word " * 200_000))
    think = world.last(Think)
    assert isinstance(think, Think) and 3990 < len(think.person) <= 4000


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


def test_typing_over_a_reply_waits_for_its_last_word(world: World) -> None:
    speaking(world)
    world.give(Typed("Stop that"))
    assert world.machine.state is State.CLEARING
    world.deliver()
    assert [commit.heard for commit in world.commits] == ["It is"]
    assert world.last(Think) == Think("r2", "Stop that", False)


def test_a_reply_goes_on_being_made_in_every_state(world: World) -> None:
    """Sentences that come while the floor is held, or the short sound is judged, are not lost."""
    speaking(world, "It is nearly noon in this town.")
    reply = world.machine.reply
    assert reply is not None
    reply.finished = False
    starts(world)
    world.give(SentenceReady("r1", "Two."))
    world.pass_time(90)
    world.give(SentenceReady("r1", "Three."))
    stops(world)
    world.pass_time(150)
    world.give(AudioReady("r1", 1, utterance("Two.", "c", "r1/1")))
    understands(world, "", final=True)
    world.give(AudioReady("r1", 2, utterance("Three.", "c", "r1/2")))
    world.give(ReplyFinished("r1"))
    world.pass_time(5000)
    assert world.commits[-1].heard == "It is nearly noon in this town. Two. Three."


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


def test_a_long_sound_whose_end_is_known_late_takes_the_floor(world: World) -> None:
    speaking(world)
    starts(world)
    world.pass_time(535)
    world.give(SpeechStopped(world.now))
    world.pass_time(250)
    assert world.machine.state is State.PAUSING


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


def test_a_short_word_before_our_first_sound_is_added_to_the_question(world: World) -> None:
    asks(world, "What time is it?")
    starts(world)
    world.pass_time(100)
    stops(world)
    world.pass_time(160)
    understands(world, "please", final=True)
    assert world.last(Think) == Think("r2", "What time is it? please", False)


@pytest.mark.parametrize("reply_sounds", [False, True])
def test_the_end_of_what_is_said_after_the_typing_is_understood_before_the_answer(
    world: World, reply_sounds: bool
) -> None:
    starts(world)
    world.give(Typed("in Paris"))
    if reply_sounds:
        replies(world, "It is noon in this town.", ends=False)
    assert world.machine.state is (State.SPEAKING if reply_sounds else State.THINKING)
    stops(world)
    assert world.machine.state is State.JUDGING
    world.give(Understood(max(world.waiting), "or in Rome", final=True))
    world.pass_time(100)
    assert list(world.thoughts.values())[-1].person == "in Paris or in Rome"


def test_what_goes_with_a_reply_is_shown_once_the_reply_counts(world: World) -> None:
    starts(world)
    stops(world)
    understands(world, "what time is it")
    world.pass_time(30)
    world.give(ChunkWritten("r1", ReplyChunk(0, "It is noon.", hint="noon is 12")))
    assert "Annotate" not in kinds(world)
    world.pass_time(600)
    understands(world, "What time is it?", final=True)
    world.give(ChunkWritten("r1", ReplyChunk(1, "Really.", hint="honestly")))
    shown = [effect.chunk.hint for effect in world.effects if isinstance(effect, Annotate)]
    assert shown == ["noon is 12", "honestly"]


def test_a_sentence_that_grows_is_extended_on_the_floor_and_told_as_it_begins(world: World) -> None:
    asks(world, "What time is it?")
    world.give(SentenceReady("r1", "It is nearly noon in this town."))
    whole = utterance("It is nearly noon in this town.", "c", "r1/0")
    opened = replace(whole, samples=whole.samples[:400], open=True)
    world.give(AudioReady("r1", 0, opened))
    world.give(AudioGrew("r1", 0, whole))
    world.give(PlayStarted("r1/0", world.now))
    assert [type(effect) for effect in world.effects[-2:]] == [Extend, Sounds]
    assert world.last(Sounds) == Sounds("r1", whole, world.now)


def test_what_is_cut_is_told(world: World) -> None:
    world.give(Typed("why " * 2_000))
    assert Note.OVERLONG in world.notes()
    world.give(ReplyFinished("r1", cut=Cut.WORDS))
    assert world.last(Report) == Report(Note.OVERLONG, "reply cut: words", stage=Stage.THINKING)


def test_a_turn_that_is_answered_has_one_beginning_and_one_end(world: World) -> None:
    onset = world.now
    asks(world, "What time is it?")
    replies(world, "It is noon.")
    world.pass_time(2_000)
    told = [effect for effect in world.effects if isinstance(effect, TurnOpened | TurnClosed)]
    assert told == [TurnOpened(1, onset), TurnClosed(1, Outcome.ANSWERED)]


def test_a_cough_opens_a_turn_that_comes_to_nothing(world: World) -> None:
    starts(world)
    world.pass_time(200)
    stops(world)
    world.pass_time(700)
    understands(world, "", final=True)
    assert world.last(TurnClosed) == TurnClosed(1, Outcome.NOTHING_SAID)


def test_a_turn_whose_reply_nobody_heard_goes_on(world: World) -> None:
    asks(world, "What time is it?")
    world.give(SentenceReady("r1", "It is noon."))
    starts(world)
    understands(world, "in Rome")
    assert world.last(Withdrawn) == Withdrawn("r1", 1)
    stops(world)
    world.pass_time(600)
    understands(world, "in Rome", final=True)
    replies(world, "The same.")
    world.pass_time(2_000)
    told = [effect for effect in world.effects if isinstance(effect, TurnOpened | TurnClosed)]
    assert isinstance(told[0], TurnOpened) and told[-1] == TurnClosed(1, Outcome.ANSWERED)


def says_a_short_word(world: World) -> None:
    """Over ours, and too short to hold the floor."""
    world.give(SpeechStarted(world.now))
    world.pass_time(130)
    world.give(SpeechStopped(world.now))


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
    world.pass_time(500)
    says_a_short_word(world)
    world.pass_time(1_000)
    assert world.machine.state is State.THINKING
    world.pass_time(24_500)
    assert world.machine.state is State.QUIET and world.last(TurnClosed) == TurnClosed(2, Outcome.NOTHING_SAID)


def test_who_hangs_up_leaves_no_turn_open(world: World) -> None:
    starts(world)
    understands(world, "well I")
    world.give(HangUp())
    assert world.last(TurnClosed) == TurnClosed(1, Outcome.HUNG_UP)
    assert world.last(Commit) == Commit("well I", "", "", False)


def test_silence_is_told(world: World) -> None:
    world.pass_time(41_000)
    assert world.notes() == [Note.SILENCE, Note.SILENCE]


def test_the_character_asks_into_a_silence_but_not_for_ever() -> None:
    world = World(Policy(asks=2))
    for number in (1, 2):
        world.pass_time(20_000)
        assert world.last(Think) == Think(f"r{number}", "", False)
        replies(world, "Are you still there?")
        world.pass_time(1_700)
        assert world.commits[-1] == Commit("", "Are you still there?", f"r{number}", False)
    world.pass_time(45_000)
    assert world.machine.state is State.QUIET and len(world.thoughts) == 2
    assert world.notes() == [Note.SILENCE] * 4
    asks(world, "Yes I am.")
    replies(world, "Good.")
    world.pass_time(2_000)
    world.pass_time(20_000)
    assert world.last(Think) == Think("r4", "", False), "it was spoken to meanwhile"
    count(world)


# The owner's wishes


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
    assert world.machine.state is State.QUIET and world.last(TurnClosed) == TurnClosed(1, Outcome.NOTHING_SAID)
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


def test_every_row_of_the_table_is_needed(request: pytest.FixtureRequest) -> None:
    """Runs last: the situations above take every row there is."""
    collected = {item.name.partition("[")[0] for item in request.session.items}
    if not collected.issuperset(name for name in globals() if name.startswith("test_")):
        pytest.skip("only a part of this file is run")
    unused = [TABLE[number] for number, times in enumerate(USED) if not times]
    names = [(row.states[0], row.events[0].__name__, row.guard.__name__, row.action.__name__) for row in unused]
    assert names == []
    idle = [BESIDE[number].action.__name__ for number, times in enumerate(USED_BESIDE) if not times]
    assert idle == []


def test_sound_plays_in_order_whatever_the_order_of_the_voices(world: World) -> None:
    asks(world, "What time is it?")
    for text in ("One.", "Two.", "Three."):
        world.give(SentenceReady("r1", text))
    for index in (2, 1, 0):
        world.give(AudioReady("r1", index, utterance(f"{index}.", "c", f"r1/{index}")))
    played = [effect.utterance.id for effect in world.effects if isinstance(effect, Play)]
    assert played == ["r1/0", "r1/1", "r1/2"]


@pytest.mark.parametrize("over_a_reply", [False, True])
def test_what_is_said_after_the_typing_is_heard_while_the_voice_goes_on(world: World, over_a_reply: bool) -> None:
    if over_a_reply:
        speaking(world)
    starts(world)
    understands(world, "tell me")
    world.give(Typed("in Paris"))
    world.pass_time(400)
    assert world.machine.state is State.THINKING
    [stretch] = world.waiting
    understands(world, "or in Rome")
    assert world.machine.state is State.HEARING and world.machine.person.endswith("tell me in Paris or in Rome")
    stops(world)
    world.pass_time(600)
    world.give(Understood(stretch, "or in Rome tonight", final=True))
    assert list(world.thoughts.values())[-1].person.endswith("tell me in Paris or in Rome tonight")
