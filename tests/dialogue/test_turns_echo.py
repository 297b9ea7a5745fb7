"""The table: our own voice in the person's microphone, and half-duplex."""

from __future__ import annotations

import pytest
from turns_script import asks, kinds, replies, speaking, starts, stops, understands
from turns_world import World

from duologue.dialogue.turns.policy import Policy
from duologue.dialogue.turns.vocabulary import Ears, Note, ReplyFinished, State, Think


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


def test_a_long_echo_that_holds_us_is_judged_and_does_not_take_the_floor(world: World) -> None:
    speaking(world)
    starts(world)
    world.pass_time(100)
    understands(world, "", echo=True)
    world.pass_time(370)
    assert world.machine.state is State.PAUSED
    stops(world)
    world.pass_time(200)
    assert world.machine.state is State.JUDGING
    understands(world, "", final=True, echo=True)
    assert world.machine.state is State.SPEAKING and Note.INTERRUPTED not in world.notes()


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
