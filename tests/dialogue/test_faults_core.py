"""The table when time itself goes wrong, when an ear gives up in the middle, and when far too much is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from doubles import utterance
from turns_world import World

from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.ports import PlayProgress, PlayStarted
from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.turns import TurnTaking
from duologue.dialogue.turns.vocabulary import (
    AudioReady,
    BeginStretch,
    Clear,
    EngineFailed,
    Note,
    ReplyFinished,
    Report,
    SentenceReady,
    SpeechStarted,
    SpeechStopped,
    Stage,
    State,
    Timeout,
    Typed,
    Understood,
)

MINUTES = 5 * 60 * SECOND
NOON = "It is nearly noon in this town, and the clock says so."


def reports(world: World, note: Note) -> list[Report]:
    return [effect for effect in world.effects if isinstance(effect, Report) and effect.note is note]


def hear(world: World, text: str, *, until: State = State.THINKING) -> None:
    """The person speaks for a second, and is understood."""
    world.give(SpeechStarted(world.now))
    if until is State.HEARING:
        return
    world.pass_time(1000)
    world.give(Understood(max(world.waiting), text))
    world.give(SpeechStopped(world.now))
    world.pass_time(100 if until is State.PAUSING else 600)
    if until is State.THINKING:
        world.give(Understood(max(world.waiting), text, final=True))


def speak(world: World) -> None:
    """The character is in the middle of a reply."""
    hear(world, "What time is it?")
    reply = list(world.thoughts)[-1]
    world.give(SentenceReady(reply, NOON))
    world.give(ReplyFinished(reply))
    world.give(AudioReady(reply, 0, utterance(NOON, "c", f"{reply}/0")))
    world.pass_time(500)


SITUATIONS: dict[State, Callable[[World], None]] = {
    State.HEARING: lambda world: hear(world, "", until=State.HEARING),
    State.PAUSING: lambda world: hear(world, "What time is it", until=State.PAUSING),
    State.SETTLING: lambda world: hear(world, "What time is it", until=State.SETTLING),
    State.THINKING: lambda world: hear(world, "What time is it?"),
    State.SPEAKING: speak,
}


@pytest.mark.parametrize("state", SITUATIONS)
def test_a_machine_that_was_suspended_blames_nobody(state: State) -> None:
    """Five minutes are gone: nobody was late, everybody gets a moment, and the jump is named."""
    world = World(Policy(speculate=False))
    SITUATIONS[state](world)
    assert world.machine.state is state
    world.now += MINUTES
    world.give(Timeout())
    assert world.machine.state is state
    (stalled,) = reports(world, Note.STALLED)
    assert stalled.stage is Stage.LOOP and MINUTES - 121 * SECOND <= stalled.ms * MILLISECOND <= MINUTES
    assert not reports(world, Note.OVERLONG)
    deadline = world.machine.deadline()
    assert deadline is not None and deadline - world.now >= 250 * MILLISECOND


def test_after_the_jump_the_reply_goes_on() -> None:
    world = World()
    speak(world)
    world.now += MINUTES
    world.give(Timeout())
    world.pass_time(12_000)
    assert [commit.heard for commit in world.commits] == [NOON] and world.last(Clear) is None


def test_a_sign_that_comes_before_the_late_timer_counts() -> None:
    """Whichever of the waiting events is handled first, the jump is seen once and blames nobody."""
    world = World()
    speak(world)
    world.now += MINUTES
    world.give(PlayProgress("r1/0", world.now, 600))
    world.give(Timeout())
    assert world.machine.state is State.SPEAKING and len(reports(world, Note.STALLED)) == 1


def test_a_voice_that_began_before_the_jump_is_as_long_as_it_was() -> None:
    """Its sound came late, with its own times; nobody has moved its beginning."""
    world = World()
    speak(world)
    onset = world.now
    world.give(SpeechStarted(onset))
    world.pass_time(200)
    assert world.machine.state is State.PAUSED
    world.now += 2_600 * MILLISECOND
    world.give(Timeout())
    assert world.machine.state is State.PAUSED and reports(world, Note.STALLED)
    world.give(SpeechStopped(onset + 620 * MILLISECOND))
    world.pass_time(500)
    world.give(Understood(max(world.waiting), "I meant the date", final=True))
    assert world.machine.state is State.PAUSING, "what was said is more than a word"
    (interrupted,) = reports(world, Note.INTERRUPTED)
    assert interrupted.ms == 3_300


def test_an_ordinary_late_timer_is_no_jump() -> None:
    world = World()
    hear(world, "What time is it?", until=State.PAUSING)
    world.now += 600 * MILLISECOND
    world.give(Timeout())
    assert world.machine.state is State.SETTLING and not reports(world, Note.STALLED)


def test_everything_at_one_moment_is_handled_in_order() -> None:
    """A clock that stands still: no event waits for time, none is lost, nothing spins."""
    world = World()
    world.give(SpeechStarted(world.now))
    world.give(Understood(1, "What time is it?"))
    world.give(SpeechStopped(world.now))
    world.give(SpeechStarted(world.now))
    world.give(Understood(1, "What time is it? Please."))
    world.give(SpeechStopped(world.now))
    world.give(Timeout())
    assert world.machine.state is State.PAUSING
    assert world.machine.person == "What time is it? Please."
    world.pass_time(700)
    world.give(Understood(1, "What time is it? Please.", final=True))
    assert world.machine.state is State.THINKING


@pytest.mark.parametrize("failed", [True, False])
def test_an_ear_that_ends_while_the_voice_goes_on_is_asked_again(failed: bool) -> None:
    """It broke, or it found an end of its own: what the person says after that is heard all the same."""
    world = World()
    world.give(SpeechStarted(world.now))
    world.pass_time(2000)
    world.give(Understood(1, "I would like to know"))
    del world.waiting[1]
    world.give(EngineFailed(Stage.HEARING, "broken", stretch=1) if failed else Understood(1, "I want to know", True))
    world.said["1"] = "I would like to know" if failed else "I want to know"
    world.pass_time(1)
    begun = world.last(BeginStretch)
    assert begun == BeginStretch(2, world.now - MILLISECOND) and world.machine.state is State.HEARING
    world.give(Understood(2, "what time it is"))
    assert world.machine.person.endswith("know what time it is")


def test_an_ear_that_breaks_each_time_is_asked_once_a_second_at_most() -> None:
    world = World()
    world.give(SpeechStarted(world.now))
    for _ in range(200):
        for stretch in list(world.waiting):
            del world.waiting[stretch]
            world.give(EngineFailed(Stage.HEARING, "broken", stretch=stretch))
        world.pass_time(100)
    assert 19 <= sum(isinstance(effect, BeginStretch) for effect in world.effects) <= 21
    assert len(reports(world, Note.FAILED)) <= 21


def test_failures_beside_the_conversation_are_told_and_change_nothing() -> None:
    world = World()
    speak(world)
    world.give(EngineFailed(Stage.NOTICING, "voice activity: broken"))
    world.give(EngineFailed(Stage.VOICING, "filler 'Hm.': broken"))
    assert [report.stage for report in reports(world, Note.FAILED)] == [Stage.NOTICING, Stage.VOICING]
    assert world.machine.state is State.SPEAKING


def test_a_megabyte_that_was_typed_is_cut_and_told() -> None:
    machine = TurnTaking(Policy(), World().patience, SECOND)
    report, *_ = machine.handle(Typed("\x00word\ud800 " * 150_000), SECOND)
    assert report == Report(Note.OVERLONG, "1050000 characters typed, the first 4000 taken")
    assert 2000 < len(machine.person or (machine.reply.person if machine.reply else "")) <= 4000
    assert machine.reply is not None and set(machine.reply.person) == set("word ")


def test_words_about_a_floor_that_never_was_change_nothing() -> None:
    machine = TurnTaking(Policy(), World().patience, SECOND)
    assert machine.handle(PlayStarted("nobody", SECOND), SECOND) == []
    assert machine.handle(PlayProgress("nobody", SECOND, 10), SECOND) == [] and machine.state is State.QUIET
