"""Sound of ours that comes back, told from another voice."""

from __future__ import annotations

import asyncio
import tracemalloc
import weakref

import numpy as np
import pytest

from duologue.audio.pcm import RATE, Samples
from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.listening.echo import EchoFilter
from duologue.dialogue.listening.echo_sound import OURS, EchoReference, EchoTrack
from duologue.dialogue.session.ears import SessionEars
from duologue.dialogue.turns.vocabulary import Event, Understood
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.speech.hearing import EAR_RATE, Expected
from duologue.speech.hearing_fake import FakeHearing, Hearing, Loudness, evenly

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

BLOCK = EAR_RATE // 50
AT = 3 * SECOND
"""When ours begins to be played (ns)."""


def voice(seed: int, seconds: float, rate: int = RATE) -> Samples:
    """Syllables of a buzz at a pitch that wanders, with some breath: as little like another's as two people's."""
    random = np.random.default_rng(seed)
    count = round(seconds * rate)
    at = np.arange(count) / rate
    knots = np.linspace(0, seconds, max(2, round(4 * seconds)))
    pitch, pace = (np.interp(at, knots, random.uniform(*span, len(knots))) for span in ((95, 230), (3, 6)))
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * np.cumsum(pace) / rate)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    parts = [random.uniform(0.3, 1) * np.sin(k * phase + random.uniform(0, 6)) / k for k in range(1, 12)]
    tones = np.sum(parts, axis=0)
    return (0.2 * syllables * (tones + 0.1 * random.standard_normal(count))).astype(np.float32)


def at_ears(played: Samples) -> Samples:
    return played[: len(played) // 3 * 3].reshape(-1, 3).mean(axis=1).astype(np.float32)


def echo(played: Samples, delay_ms: float, gain: float = 0.5) -> Samples:
    """As the microphone has it from :data:`AT` on."""
    return np.concatenate([np.zeros(round(delay_ms * EAR_RATE / 1000), np.float32), gain * at_ears(played)])


def newest(sound: Samples, until: float, seconds: float = 0.32) -> tuple[Samples, int]:
    end = round(until * EAR_RATE)
    return sound[end - round(seconds * EAR_RATE) : end], AT + round(until * SECOND)


@pytest.fixture
def ours() -> tuple[EchoReference, Samples]:
    known, played = EchoReference(), voice(1, 3.0)
    known.play(played, RATE, AT)
    return known, played


@pytest.mark.parametrize("delay_ms", [0.0, 60.0, 200.0, 550.0])
@pytest.mark.parametrize("seconds", [0.2, 0.32])
def test_what_was_played_is_ours_however_late_and_soft_it_comes(
    ours: tuple[EchoReference, Samples], delay_ms: float, seconds: float
) -> None:
    known, played = ours
    for until in (1.0, 1.7, 2.4):
        assert known.share(*newest(echo(played, delay_ms, 0.05), until, seconds)) > 0.9


def test_a_room_s_echo_is_ours_for_the_greater_part(ours: tuple[EchoReference, Samples]) -> None:
    known, played = ours
    random = np.random.default_rng(4)
    at = np.arange(round(0.2 * EAR_RATE)) / EAR_RATE
    room = 0.05 * random.standard_normal(len(at)) * 10 ** (-3 * at / 0.2)
    room[0] = 1.0
    heard = np.convolve(echo(played, 80.0), room).astype(np.float32)
    assert min(known.share(*newest(heard, until)) for until in (1.0, 1.5, 2.0, 2.5)) > OURS


@pytest.mark.parametrize("seed", range(2, 12))
def test_another_voice_is_not_ours_alone_or_over_an_echo(ours: tuple[EchoReference, Samples], seed: int) -> None:
    known, played = ours
    other = at_ears(voice(seed, 3.0))
    assert known.share(*newest(other, 1.5)) < OURS
    assert known.share(*newest(other + echo(played, 120.0, 0.3)[: len(other)], 1.5)) < OURS


def test_what_is_not_played_any_more_is_not_ours(ours: tuple[EchoReference, Samples]) -> None:
    known, played = ours
    heard = echo(played, 100.0)
    known.silence(AT + 500 * MILLISECOND)
    assert known.share(*newest(heard, 0.55)) > 0.9
    assert known.share(*newest(heard, 2.0)) < OURS
    assert known.sounded(AT + SECOND) and not known.sounded(AT + 3 * SECOND)


def test_what_is_played_anew_counts_from_then_on(ours: tuple[EchoReference, Samples]) -> None:
    known, played = ours
    known.silence(AT + SECOND)
    known.play(played[RATE:], RATE, AT + 2 * SECOND)
    heard = np.concatenate([echo(played[:RATE], 100.0), np.zeros(EAR_RATE, np.float32), echo(played[RATE:], 0.0)])
    assert known.share(*newest(heard, 2.9)) > 0.9


def test_a_long_conversation_keeps_what_may_come_back_and_no_more() -> None:
    known, played = EchoReference(), [voice(number, 0.5) for number in range(12)]
    given = weakref.ref(played[0])
    kept, begun = list[int](), 0
    tracemalloc.start()
    try:
        for number in range(48):
            begun = AT + number * 4 * SECOND
            known.play(played[number % 12], RATE, begun)
            kept.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    second = EAR_RATE // 2 * np.dtype(np.float32).itemsize
    assert second < kept[2] < 3 * second, "of three lines of half a second what is compared, and not what they are"
    assert kept[-1] < kept[2] + second // 4, "what was over for ten seconds is let go of"
    heard = at_ears(played[47 % 12])[: round(0.4 * EAR_RATE)]
    assert known.share(heard, begun + round(0.4 * SECOND)) > 0.9
    played.clear()
    assert given() is None, "nor does it hold what it was given"


@pytest.mark.parametrize("sound", [np.zeros(5120, np.float32), np.full(5120, 0.5, np.float32), np.zeros(0, np.float32)])
def test_silence_is_nobodys(ours: tuple[EchoReference, Samples], sound: Samples) -> None:
    assert ours[0].share(sound, AT + SECOND) == 0.0
    assert EchoReference().share(at_ears(voice(3, 1.0)), AT) == 0.0


def test_a_part_is_ours_that_nobody_else_is_in() -> None:
    track = EchoTrack()
    assert not track.only_ours(0, 100) and not track.all_ours(0, 100)
    track.note(0, 100, True)
    track.note(100, 200, False)
    assert track.only_ours(0, 100) and track.only_ours(20, 140) and not track.only_ours(60, 190)
    assert track.all_ours(10, 100) and not track.all_ours(10, 110)


def heard(near: Samples, words: str) -> list[Understood]:
    """What is told of a stretch that begins 0.2 s into ours, from an engine that hears a word each 0.4 s of it."""

    async def main() -> list[Understood]:
        told: list[Event] = []
        clock, known = LoopClock(AT), EchoFilter()
        known.sound.play(voice(1, 3.0), RATE, AT)
        engine = FakeHearing([Hearing(evenly(words, 0.3, 0.4), confidence=0.9)], clock=clock)
        ears = SessionEars(Loudness(), engine, Expected(), known, clock, told.append)
        async with asyncio.TaskGroup() as group:
            for number in range(len(near) // BLOCK):
                await clock.wait_until(AT + (number + 1) * 20 * MILLISECOND)
                ears.hear(near[number * BLOCK : (number + 1) * BLOCK])
                if number == 15:
                    ears.begin(1, AT + 200 * MILLISECOND, group)
                if number == 110:
                    ears.end(1)
        return [event for event in told if isinstance(event, Understood)]

    return simulate(main())


def test_an_echo_is_known_before_any_word_and_its_words_are_nobodys() -> None:
    told = heard(echo(voice(1, 3.0), 120.0), "misheard words of ours")
    assert told[0] == Understood(1, "", False, echo=True, sure=False)
    assert {event.text for event in told} == {""} and all(event.echo for event in told)


def test_who_speaks_into_an_echo_is_heard() -> None:
    both = echo(voice(1, 3.0), 120.0)
    person = at_ears(voice(7, 1.0))
    both[EAR_RATE : EAR_RATE + len(person)] += 3 * person
    told = heard(both, "misheard words stop please")
    assert told[-1].text == "stop please" and told[-1].echo


def test_another_voice_keeps_its_words() -> None:
    told = heard(at_ears(voice(7, 3.0)), "wait a moment please")
    assert told[-1].text == "wait a moment please" and not told[-1].echo


@pytest.mark.parametrize("places", [(0.1,), (0.1, 0.2), (0.03, 0.11, 0.19, 0.27)])
def test_clicks_and_switches_are_like_anything_and_so_prove_nothing(places: tuple[float, ...]) -> None:
    """A filter makes one of any sound that has one: whoever else's it is, no word is lost for it."""
    known = EchoReference()
    switched = np.zeros(3 * RATE, np.float32)
    for number in range(20):
        switched[number * RATE // 7 : number * RATE // 7 + RATE // 14] = 0.5
    known.play(switched, RATE, AT)
    heard = np.zeros(round(0.32 * EAR_RATE), np.float32)
    for place in places:
        heard[round(place * EAR_RATE) :] += 0.25
    assert known.share(heard, AT + 2 * SECOND) == 0.0
