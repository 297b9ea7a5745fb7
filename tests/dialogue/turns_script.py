"""What happens in a situation of ``test_turns*.py``, in a few words, and which rows of the table that took."""

from __future__ import annotations

from doubles import utterance
from turns_world import World

from duologue.dialogue.turns.turns import BESIDE, TABLE
from duologue.dialogue.turns.vocabulary import (
    AudioReady,
    ReplyFinished,
    SentenceReady,
    SpeechStarted,
    SpeechStopped,
    Understood,
)

USED, USED_BESIDE = [0] * len(TABLE), [0] * len(BESIDE)
"""How often each row was taken by the situations of ``test_turns*.py``."""


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


def says_a_short_word(world: World) -> None:
    """Over ours, and too short to hold the floor."""
    world.give(SpeechStarted(world.now))
    world.pass_time(130)
    world.give(SpeechStopped(world.now))
