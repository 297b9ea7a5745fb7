"""Silero and the gate on real sound: when speech begins and ends, and what is none."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from spoken_phrases import breath, click, cough, espeak, flite, in_pink_noise, padded, pink, telephone, tones

from duologue.audio.pcm import Samples
from duologue.dialogue.listening.endpointing import FRAME_NS, SpeechGate
from duologue.dialogue.session.ears import PRE_ROLL_MS
from duologue.dialogue.turns.vocabulary import SpeechStarted, SpeechStopped
from duologue.speech.hearing import EAR_RATE, VAD_FRAME
from duologue.speech.silero import Silero

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


PHRASES = (
    "please turn on the light in the kitchen",
    "what time does the museum open",
    "my number is five five one two",
    "yes",
    "stop please",
    "see you at half past six",
)
VOICES = ("slt", "rms", "awb", "en-us+m3", "en-us+f5")
FRAME_MS = FRAME_NS / 1e6
SHARES = {"clean": 0.95, "pink 20 dB": 0.8, "pink 10 dB": 0.5, "telephone": 0.5}
"""Of the ends that are told to within a frame. Noise hides the soft ends of words, a telephone takes them away."""


silero = cache(Silero)


def noticed(sound: Samples) -> list[SpeechStarted | SpeechStopped]:
    gate, stream = SpeechGate(), silero().open()
    found: list[SpeechStarted | SpeechStopped] = []
    for number in range(len(sound) // VAD_FRAME):
        frame = sound[number * VAD_FRAME : (number + 1) * VAD_FRAME]
        event = gate.step(silero().step({stream: frame})[stream], (number + 1) * FRAME_NS)
        found += [event] if event else []
    silero().forget(stream)
    return found


def audible(sound: Samples) -> tuple[float, float]:
    """The milliseconds between which it is less than 30 dB below its loudest."""
    level = np.sqrt(np.convolve(sound**2, np.ones(160) / 160, "same"))
    places = np.nonzero(level > level.max() * 10**-1.5)[0]
    return float(places[0]) * 1000 / EAR_RATE, float(places[-1]) * 1000 / EAR_RATE


def spoken(phrase: str, voice: str) -> Samples:
    sound = espeak(phrase, voice) if "+" in voice else flite(phrase, voice)
    return padded(0.5 * sound / np.abs(sound).max(), 1.0, 1.0)


def errors(condition: str) -> tuple[list[float], list[float]]:
    """Of onset and offset, in ms after the script's own, over all phrases and voices."""
    onsets: list[float] = []
    offsets: list[float] = []
    for voice in VOICES:
        for phrase in PHRASES:
            sound = spoken(phrase, voice)
            begin, end = audible(sound)
            if condition == "telephone":
                sound = telephone(sound)
            elif condition != "clean":
                sound = in_pink_noise(sound, float(condition.split()[1]))
            events = noticed(sound)
            assert isinstance(events[0], SpeechStarted) and isinstance(events[-1], SpeechStopped), (voice, phrase)
            onsets.append(events[0].at / 1e6 - begin)
            offsets.append(events[-1].at / 1e6 - end)
    return onsets, offsets


@pytest.mark.parametrize(("condition", "share"), SHARES.items())
def test_onset_and_offset_are_where_the_script_has_them(condition: str, share: float) -> None:
    onsets, offsets = errors(condition)
    assert max(onsets) < PRE_ROLL_MS - FRAME_MS  # with the sound before it no onset is cut
    assert -FRAME_MS <= np.median(onsets) <= 1.5 * FRAME_MS
    assert -FRAME_MS <= np.median(offsets) <= FRAME_MS
    assert np.mean(np.abs(offsets) <= 1.1 * FRAME_MS) >= share
    assert max(offsets) < 4 * FRAME_MS


@pytest.mark.parametrize(
    "sound",
    [
        cough(1), cough(5, 0.25), click(), breath(), tones(2.0, 50, 100, 150), tones(2.0, 440, 480), pink(3.0, 0.05),
        telephone(cough(2)),
    ],
    ids=["cough", "short cough", "click", "breath", "hum", "ringback", "pink noise", "cough by telephone"],
)  # fmt: skip
def test_what_is_no_speech_is_not_noticed(sound: Samples) -> None:
    assert noticed(padded(sound, 1.0, 0.5)) == []
