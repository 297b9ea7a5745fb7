"""The table: ears that are late, or never say in the end what they understood, while our reply is on the floor."""

from __future__ import annotations

import pytest
from turns_script import (
    asks,
    count,
    kinds,
    newest,
    replies,
    says_a_short_word,
    speaking,
    starts,
    stops,
    stretch,
    understands,
)
from turns_world import Far, World

from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import (
    Apologise,
    BeginStretch,
    Clear,
    Commit,
    Ears,
    EngineFailed,
    Filler,
    HangUp,
    Note,
    Pause,
    PutOnHold,
    Report,
    Resume,
    Say,
    SinkAttached,
    Stage,
    State,
    Think,
    TurnCancelled,
    TurnClosed,
    TurnCommitted,
    Typed,
    Understood,
)
from duologue.telemetry.ledger import EndingOutcome

LONG = "It is nearly noon in this town and the sun stands as high as it will stand today."


def fail(world: World) -> None:
    number = stretch(world)
    del world.waiting[number]
    world.give(EngineFailed(Stage.HEARING, "broken", stretch=number))


@pytest.mark.parametrize("fails", [True, False])
def test_a_short_word_of_which_no_final_comes_takes_the_floor_by_what_was_known(world: World, fails: bool) -> None:
    speaking(world, LONG)
    says_a_short_word(world)
    understands(world, "Stop!")
    if fails:
        fail(world)
    else:
        world.pass_time(2_000)
    world.deliver()
    assert world.last(Think) == Think("r2", "Stop!", False)
    assert world.commits[0].interrupted


@pytest.mark.parametrize("fails", [True, False])
@pytest.mark.parametrize("thinking", [True, False])
def test_of_a_short_sound_that_the_ears_lost_nothing_is_left(world: World, fails: bool, thinking: bool) -> None:
    """Neither is anything answered when our reply is over, nor does the next word wait for it."""
    if thinking:
        asks(world, "What time is it?")
        starts(world)
        world.pass_time(80)
        stops(world)
        world.pass_time(160)
        assert world.machine.state is State.JUDGING
    else:
        speaking(world, LONG)
        says_a_short_word(world)
    if fails:
        fail(world)
    else:
        world.pass_time(2_000)
    assert world.last(TurnClosed) == TurnClosed(2, EndingOutcome.NOTHING_SAID) and not world.waiting
    assert world.machine.state is (State.THINKING if thinking else State.SPEAKING)


def test_of_a_long_sound_over_what_may_be_our_echo_the_words_are_asked_for_where_the_ears_failed(world: World) -> None:
    speaking(world, LONG)
    starts(world)
    understands(world, "", echo=True)
    world.pass_time(700)
    stops(world)
    understands(world, "", final=True, echo=True)
    starts(world)
    world.pass_time(500)
    stops(world)
    assert world.machine.state is State.SPEAKING, "the floor is not held while the room echoes"
    fail(world)
    world.pass_time(1_000)
    assert world.last(Apologise) == Apologise("r2", 0, Stage.HEARING)


def test_the_same_where_our_next_sentence_is_not_there_yet(world: World) -> None:
    asks(world, "What time is it?")
    replies(world, "It is noon in this town.", ends=False)
    starts(world)
    understands(world, "", echo=True)
    world.pass_time(700)
    stops(world)
    understands(world, "", final=True, echo=True)
    starts(world)
    world.pass_time(500)
    stops(world)
    world.pass_time(1_000)
    assert world.machine.state is State.THINKING
    fail(world)
    world.pass_time(1_000)
    assert world.last(Apologise) == Apologise("r2", 0, Stage.HEARING)


@pytest.mark.parametrize(("text", "answered"), [("mm-hm", False), ("Yeah.", False), ("Stop!", True), ("", False)])
def test_a_backchannel_that_is_understood_after_our_reply_is_not_answered(
    world: World, text: str, answered: bool
) -> None:
    speaking(world, "It is nearly noon in this town.")
    says_a_short_word(world)
    world.pass_time(1_750)
    assert world.machine.state is State.SETTLING
    understands(world, text, final=True)
    assert (world.last(Think) == Think("r2", text, False)) == answered
    if not answered:
        assert world.machine.state is State.QUIET and len(world.thoughts) == 1


def test_a_backchannel_is_none_of_our_last_words_however_late_it_is_understood(world: World) -> None:
    speaking(world, "It is nearly noon in this town.")
    says_a_short_word(world)
    world.pass_time(1_450)
    assert world.machine.reply and world.machine.reply.nearly_over
    understands(world, "yes", final=True)
    assert world.machine.state is State.SPEAKING and Note.INTERRUPTED not in world.notes()


def test_a_backchannel_with_which_somebody_begins_to_speak_is_a_part_of_it(world: World) -> None:
    speaking(world, "It is nearly noon in this town.")
    says_a_short_word(world)
    world.pass_time(1_750)
    understood = stretch(world)
    starts(world)
    world.give(Understood(understood, "Okay.", final=True))
    understands(world, "and in Rome?")
    stops(world)
    world.pass_time(600)
    understands(world, "and in Rome?", final=True)
    world.pass_time(0)
    assert (
        world.thoughts[newest(world)].person == "Okay. and in Rome?" and not world.thoughts[newest(world)].speculative
    )


@pytest.mark.parametrize("ready", [True, False])
def test_a_reply_that_was_held_goes_on_after_a_while_and_a_late_word_takes_the_floor_all_the_same(
    world: World, ready: bool
) -> None:
    if ready:
        speaking(world, LONG)
    else:
        asks(world, "What time is it?")
    starts(world)
    world.pass_time(200)
    stops(world)
    world.pass_time(150)
    assert world.machine.state is State.JUDGING
    world.pass_time(800)
    assert world.machine.state is (State.SPEAKING if ready else State.THINKING)
    assert isinstance(world.last(Resume), Resume) and Note.STALLED in world.notes()
    world.pass_time(400)
    understands(world, "Stop.", final=True)
    world.deliver()
    assert world.last(Think) == Think("r2", "Stop." if ready else "What time is it? Stop.", False)


def test_who_said_much_keeps_the_floor_until_their_words_are_known(world: World) -> None:
    speaking(world, LONG)
    starts(world)
    world.pass_time(900)
    stops(world)
    world.pass_time(150 + 800)
    assert world.machine.state is State.SETTLING and Note.INTERRUPTED in world.notes()
    world.pass_time(900)
    understands(world, "Wait, I meant Tuesday.", final=True)
    assert world.last(Think) == Think("r2", "Wait, I meant Tuesday.", False)
    assert "Apologise" not in kinds(world)


def test_under_push_to_talk_only_a_commit_ends_what_they_said() -> None:
    world = World(Policy(manual=True))
    world.give(Typed("What time is it?"))
    replies(world, LONG)
    world.pass_time(1_000)
    starts(world)
    world.pass_time(900)
    stops(world)
    world.pass_time(150 + 800)
    assert world.machine.state is State.PAUSING and Note.INTERRUPTED in world.notes()
    understands(world, "Wait, I meant Tuesday.", final=True)
    world.pass_time(5_000)
    assert world.machine.state is State.PAUSING
    world.give(TurnCommitted())
    world.pass_time(0)
    assert world.machine.state is State.THINKING
    assert world.thoughts[newest(world)].person == "Wait, I meant Tuesday."
    count(world)


@pytest.mark.parametrize("over_ours", [True, False])
def test_ears_that_say_that_they_are_at_it_are_waited_for_but_not_for_ever(world: World, over_ours: bool) -> None:
    """On a machine that is short of CPU the last pass takes seconds; what was said is not cut to what was known."""
    if over_ours:
        speaking(world, LONG.replace(".", f" {LONG}") + f" {LONG}")
        says_a_short_word(world)
    else:
        starts(world)
        world.pass_time(900)
        stops(world)
        world.pass_time(600)
    thoughts = len(world.thoughts)
    for _ in range(5):
        world.pass_time(1_000)
        understands(world, "" if over_ours else "Hello.")
    assert len(world.thoughts) == thoughts and Note.STALLED not in world.notes()
    if over_ours:
        understands(world, "Stop!", final=True)
        world.deliver()
        assert world.last(Think) == Think("r2", "Stop!", False)
        return
    for _ in range(8):
        world.pass_time(1_000)
        if world.waiting:
            understands(world, "Hello.")
    assert world.last(Think) == Think("r1", "Hello.", False)
    late = Report(Note.STALLED, "no final transcript", 13_100.0, Stage.HEARING)  # 12 s after the newest word
    assert late in world.effects


@pytest.mark.parametrize("over_ours", [True, False])
@pytest.mark.parametrize("comes", [True, False])
def test_who_types_when_they_have_just_spoken_is_answered_both(world: World, over_ours: bool, comes: bool) -> None:
    if over_ours:
        speaking(world, LONG)
    starts(world)
    world.pass_time(400)
    understands(world, "mm-hm")
    stops(world)
    world.pass_time(200)
    assert world.machine.state is (State.JUDGING if over_ours else State.PAUSING)
    world.give(Typed("in Rome"))
    world.deliver()
    assert world.machine.state is State.SETTLING
    world.pass_time(100 if comes else 2_400)
    if comes:
        understands(world, "mm-hm and how late is it", final=True)
    said = "mm-hm and how late is it in Rome" if comes else "mm-hm in Rome"
    assert world.thoughts[newest(world)].person == said
    assert not world.thoughts[newest(world)].speculative


def test_a_voice_over_ours_whose_ears_failed_is_listened_to_again(world: World) -> None:
    speaking(world, LONG)
    starts(world)
    understands(world, "", echo=True)
    world.pass_time(700)
    assert world.machine.state is State.SPEAKING
    fail(world)
    world.pass_time(1_000)
    assert isinstance(world.last(BeginStretch), BeginStretch) and any(world.waiting.values())
    understands(world, "no wait", echo=True)
    assert world.machine.state is State.HEARING
    world.deliver()
    assert isinstance(world.commits[0], Commit) and world.commits[0].interrupted


def falls_silent(world: World, voice_ms: int = 900) -> None:
    """A turn is over; the ears are behind."""
    starts(world)
    world.pass_time(voice_ms)
    stops(world)
    world.pass_time(600)
    assert world.machine.state is State.SETTLING


def at_it(world: World, seconds: int, words: str = "") -> None:
    """They say each second what they have; a word more each time."""
    for number in range(seconds):
        understands(world, f"{words} {number}".strip())
        world.pass_time(1_000)


def fillers(world: World) -> list[Filler]:
    return [effect for effect in world.effects if isinstance(effect, Filler)]


def test_who_waits_for_slow_ears_hears_that_somebody_is_there(world: World) -> None:
    falls_silent(world)
    at_it(world, 11)
    assert fillers(world) == [Filler("f1"), Filler("f2")]
    at_it(world, 60, "and")
    assert fillers(world)[2:] == [Filler(f"f{number}", moment=True) for number in range(3, 8)]
    assert not world.thoughts and Note.STALLED not in world.notes(), "their words get on"
    understands(world, "What time is it?", final=True)
    assert world.last(Think) == Think("r1", "What time is it?", False)


def test_ears_whose_words_get_on_for_ever_are_given_up_all_the_same(world: World) -> None:
    falls_silent(world)
    for number in range(125):
        if world.waiting:
            understands(world, f"and {number}")
        world.pass_time(1_000)
    assert any(isinstance(each, Report) and each.ms == 120_000 for each in world.effects)
    assert world.thoughts


def test_a_filler_that_sounds_as_the_words_come_is_a_part_of_the_reply(world: World) -> None:
    falls_silent(world)
    at_it(world, 1)
    world.pass_time(500)
    assert world.far.ids() == ["f1"]
    understands(world, "What time is it?", final=True)
    starts(world)
    assert world.last(Pause) is not None, "what sounds of ours is held like any of a reply"
    understands(world, "Stop!")
    assert not world.far.ids() and world.last(Clear) is not None


@pytest.mark.parametrize("how", ["goes on", "said nothing", "owner", "cancelled", "on hold", "hangs up"])
def test_a_filler_is_silent_when_no_reply_follows_it(world: World, how: str) -> None:
    falls_silent(world, 400)
    understands(world, "")
    world.pass_time(1_000)
    understands(world, "")
    world.pass_time(500)
    assert world.far.ids() == ["f1"]
    match how:
        case "goes on":
            starts(world)
        case "said nothing":
            understands(world, "", final=True)
        case "owner":
            world.give(Say(("One moment please.",)))
        case "cancelled":
            world.give(TurnCancelled())
        case "on hold":
            world.give(PutOnHold())
        case _:
            world.give(HangUp())
    assert world.last(Clear) is not None and not world.far.ids()


def test_a_filler_closes_no_ears_for_good() -> None:
    world = World(Policy(half_duplex=True))
    falls_silent(world, 400)
    for _ in range(2):
        understands(world, "")
        world.pass_time(1_000)
    assert world.last(Ears) == Ears(False)
    understands(world, "", final=True)
    assert world.last(Ears) == Ears(True)


def test_to_what_was_said_aside_nobody_mutters(world: World) -> None:
    speaking(world, LONG)
    says_a_short_word(world)
    for _ in range(12):
        world.pass_time(1_000)
        understands(world, "mm-hm")
    assert not fillers(world)


def test_on_another_sink_a_filler_is_over(world: World) -> None:
    falls_silent(world)
    at_it(world, 1)
    world.pass_time(600)
    world.far = Far()
    world.give(SinkAttached())
    understands(world, "What time is it?", final=True)
    replies(world, "It is noon.")
    world.pass_time(10_000)
    assert world.commits[-1].heard == "It is noon."


def test_the_voice_of_a_committed_turn_that_goes_before_it_is_understood_is_a_part_of_it(world: World) -> None:
    starts(world)
    world.pass_time(400)
    world.give(TurnCommitted())
    first = stretch(world)
    world.pass_time(300)
    stops(world)
    assert len(world.waiting) == 2 and not any(world.waiting.values())
    world.give(Understood(first, "What time", final=True))
    assert not world.thoughts
    understands(world, "is it?", final=True)
    assert world.last(Think) == Think("r1", "What time is it?", False)
