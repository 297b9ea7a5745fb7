"""The table, situation by situation: who has the floor, and what was said. What is thought ahead, interruptions, echo,
failures and the owner's wishes have files of their own; all begin with :mod:`turns_script`.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from doubles import utterance
from turns_script import asks, count, kinds, newest, replies, speaking, starts, stops, stretch, understands
from turns_world import World

from duologue.dialogue.ports import PlayStarted
from duologue.dialogue.replies.text import ReplyCap
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import (
    Annotate,
    AudioGrew,
    AudioReady,
    BeginStretch,
    ChunkWritten,
    Commit,
    EndStretch,
    Extend,
    HangUp,
    Note,
    Play,
    ReplyFinished,
    Report,
    SentenceReady,
    Sounds,
    SpeechStopped,
    Stage,
    State,
    Think,
    TurnClosed,
    TurnOpened,
    Typed,
    Understood,
    Withdrawn,
)
from duologue.language.structured import ReplyChunk
from duologue.telemetry.ledger import EndingOutcome


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


def test_who_may_have_said_and_is_waited_for_until_more_is_said(world: World) -> None:
    starts(world)
    stops(world)
    world.give(Understood(1, "I called you, an", alternatives=("I called you, and",)))
    world.pass_time(900)
    assert world.machine.state is State.PAUSING
    starts(world)
    world.give(Understood(1, "I called you, Ann"))
    stops(world)
    world.pass_time(600)
    assert world.machine.state is State.SETTLING


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
    if state is State.PAUSING:  # what was said just before is waited for
        understands(world, "what time", final=True)
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


def test_a_megabyte_of_text_is_bounded(world: World) -> None:
    world.give(Typed("word " * 200_000))
    think = world.last(Think)
    assert isinstance(think, Think) and 3990 < len(think.person) <= 4000


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
    world.give(ReplyFinished("r1", cut=ReplyCap.WORDS))
    assert world.last(Report) == Report(Note.OVERLONG, "reply cut: words", stage=Stage.THINKING)


def test_a_turn_that_is_answered_has_one_beginning_and_one_end(world: World) -> None:
    onset = world.now
    asks(world, "What time is it?")
    replies(world, "It is noon.")
    world.pass_time(2_000)
    told = [effect for effect in world.effects if isinstance(effect, TurnOpened | TurnClosed)]
    assert told == [TurnOpened(1, onset), TurnClosed(1, EndingOutcome.ANSWERED)]


def test_a_cough_opens_a_turn_that_comes_to_nothing(world: World) -> None:
    starts(world)
    world.pass_time(200)
    stops(world)
    world.pass_time(700)
    understands(world, "", final=True)
    assert world.last(TurnClosed) == TurnClosed(1, EndingOutcome.NOTHING_SAID)


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
    assert isinstance(told[0], TurnOpened) and told[-1] == TurnClosed(1, EndingOutcome.ANSWERED)


def test_who_hangs_up_leaves_no_turn_open(world: World) -> None:
    starts(world)
    understands(world, "well I")
    world.give(HangUp())
    assert world.last(TurnClosed) == TurnClosed(1, EndingOutcome.HUNG_UP)
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
    [number] = world.waiting
    understands(world, "or in Rome")
    assert world.machine.state is State.HEARING and world.machine.person.endswith("tell me in Paris or in Rome")
    stops(world)
    world.pass_time(600)
    world.give(Understood(number, "or in Rome tonight", final=True))
    assert list(world.thoughts.values())[-1].person.endswith("tell me in Paris or in Rome tonight")


def test_a_voice_that_goes_while_the_floor_is_cleared_for_what_was_typed_is_heard_to_its_end(world: World) -> None:
    speaking(world)
    world.far.mute = True
    starts(world)
    world.give(Typed("in Paris"))
    world.give(SpeechStopped(world.now))
    assert world.machine.state is State.CLEARING
    world.far.mute = False
    world.deliver()
    assert world.machine.state is State.THINKING and world.last(EndStretch) == EndStretch(stretch(world))
    understands(world, "or in Rome", final=True)
    assert list(world.thoughts.values())[-1].person.endswith("in Paris or in Rome")
