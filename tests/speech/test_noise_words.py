"""PocketSphinx and Silero in a session's ears, on speech in noise: what is heard after the voice is not told."""

from __future__ import annotations

import asyncio

import pytest
from spoken_phrases import flite, in_pink_noise, padded

from duologue.clock import MILLISECOND, VirtualClock
from duologue.dialogue.listening.echo import EchoFilter
from duologue.dialogue.listening.unvoiced import VoiceTrack
from duologue.dialogue.session.ears import SessionEars
from duologue.dialogue.turns.vocabulary import Event, SpeechStarted, SpeechStopped, Understood
from duologue.speech.hearing import EAR_RATE, Expected
from duologue.speech.pocketsphinx.engine import PocketSphinx
from duologue.speech.silero import Silero

pytestmark = pytest.mark.slow

BLOCK = EAR_RATE // 50
WAIT_MS = 650
"""Of silence, which the ears hear before the turn is over."""
NOISE = ("if", "thigh", "fit", "fee")
"""What noise is taken for."""
SAID = ("i do not know", "can you tell me a story")


def never(track: VoiceTrack, start: int, end: int) -> bool:
    return False


async def understood(engine: PocketSphinx, silero: Silero, phrase: str) -> str:
    """What the ears tell of a phrase, as a session would ask for it, faster than real time."""
    sound, clock, told = in_pink_noise(padded(flite(phrase), 1.0, 1.5), 20), VirtualClock(), list[Event]()
    ears = SessionEars(silero, engine, Expected(), EchoFilter(), clock, told.append)
    begun = ended = False
    async with asyncio.TaskGroup() as group:
        for number in range(len(sound) // BLOCK):
            await clock.wait_until((number + 1) * 20 * MILLISECOND)
            ears.hear(sound[number * BLOCK : (number + 1) * BLOCK])
            voices = [event for event in told if isinstance(event, SpeechStarted | SpeechStopped)]
            if voices and not begun:
                ears.begin(1, voices[0].at, group)
                begun = True
            silent = bool(voices) and isinstance(voices[-1], SpeechStopped)
            if silent and not ended and clock.now() - voices[-1].at > WAIT_MS * MILLISECOND:
                ears.end(1)
                ended = True
            await asyncio.sleep(0)
    ears.close()
    return next(event.text for event in told if isinstance(event, Understood) and event.final)


async def test_noise_after_the_voice_is_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, silero = PocketSphinx(), Silero()
    await engine.warm_up()
    try:
        told = [(await understood(engine, silero, phrase)).split() for phrase in SAID]
        monkeypatch.setattr(VoiceTrack, "silent", never)
        heard = [(await understood(engine, silero, phrase)).split() for phrase in SAID]
    finally:
        await engine.close()
    assert all(words[-1] in NOISE for words in heard), heard
    assert not any(words[-1] in NOISE for words in told), told
