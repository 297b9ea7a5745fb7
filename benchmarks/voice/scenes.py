"""The spoken scenarios: callers by flite, whose words and silences are the script's own to the sample.

Each scenario is a WAV of several turns with long silences between them, in which the answer comes. A phrase is spoken
by itself and cut to what sounds, so that the end of its last word is known; the words inside it share its length by
their letters. ``turns`` in the JSON are the first and last moment of each turn (seconds).
"""

from __future__ import annotations

import json
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.voice.probe import RATE, Pcm, Word, quiet
from duologue.audio.pcm import to_int16
from duologue.simulation.spoken import speak

SLOT_SECONDS = 9.0
"""From the start of one turn to the start of the next: room for the most patient of the three, and its answer."""
VOICES = ("flite:slt", "flite:rms", "flite:awb")

Phrases = tuple[str | float, ...]
"""Spoken one after the other; a number is a silence in seconds."""

SCENES: dict[str, tuple[Phrases, ...]] = {
    "finished sentence": (
        ("I would like to book a table for two people.",),
        ("Please tell me something about the harbour.",),
        ("My brother is coming to visit us on Friday.",),
    ),
    "question": (
        ("What time does the museum open on Sunday?",),
        ("How far is it from here to the airport?",),
        ("Can you tell me where the library is?",),
    ),
    "pause of 400 ms": (
        ("I am looking for a book about", 0.4, "the history of Rome."),
        ("We would like to sit near", 0.4, "the window in the garden."),
        ("Could you please give me the", 0.4, "number of the doctor?"),
    ),
    "pause of 700 ms": (
        ("I want to ask you about the", 0.7, "concert on Saturday night."),
        ("We have been waiting for our", 0.7, "order since ten this morning."),
        ("Please send the parcel to", 0.7, "my office in the city."),
    ),
    "trailing and": (
        ("I need two tickets for the show and", 0.8, "a map of the city."),
        ("We would like some coffee and", 0.8, "a glass of water."),
        ("My daughter plays the piano and", 0.8, "the violin."),
    ),
    "dictated number": (
        ("My number is four two seven", 0.5, "nine one three", 0.5, "five six."),
        ("The code is one one eight", 0.5, "two four", 0.5, "six nine."),
        ("It is zero seven seven", 0.5, "three five eight", 0.5, "two one."),
    ),
    "spelling": (
        ("My name is spelled S M", 0.5, "I T", 0.5, "H E."),
        ("The street is spelled B R", 0.5, "O O", 0.5, "K S."),
        ("It is written G R", 0.5, "E E", 0.5, "N T."),
    ),
}


@dataclass(frozen=True, slots=True)
class Turn:
    """When it began and when its last word ended (seconds of the WAV)."""

    begin: float
    end: float


def said(text: str, voice: str) -> Pcm:
    """``text`` at 16 kHz, cut to what sounds."""
    return to_int16(speak(text, voice))


def words_of(text: str, begin: float, seconds: float) -> list[Word]:
    """Its words over ``seconds``, by their letters."""
    words = text.split()
    shares = np.cumsum([0.0, *(len(word) + 1 for word in words)])
    times = begin + seconds * shares / shares[-1]
    return [Word(word, float(times[n]), float(times[n + 1])) for n, word in enumerate(words)]


def turn(phrases: Phrases, voice: str, begin: float) -> tuple[Pcm, list[Word]]:
    """Its sound and its words, from ``begin`` on."""
    sound, words = quiet(0.0), list[Word]()
    for phrase in phrases:
        at = begin + len(sound) / RATE
        if isinstance(phrase, str):
            piece = said(phrase, voice)
            words += words_of(phrase, at, len(piece) / RATE)
        else:
            piece = quiet(phrase)
        sound = np.concatenate([sound, piece])
    return sound, words


def make(folder: Path) -> dict[str, tuple[Turn, ...]]:
    """Write a WAV and a JSON for each scenario; their turns by name, in the order of the files."""
    found: dict[str, tuple[Turn, ...]] = {}
    for number, (name, turns) in enumerate(SCENES.items()):
        sound, words, spans = quiet(0.5 + number * SLOT_SECONDS / len(SCENES)), list[Word](), list[Turn]()
        for phrases, voice in zip(turns, VOICES, strict=True):
            begin = len(sound) / RATE
            spoken, its_words = turn(phrases, voice, begin)
            spans.append(Turn(begin, its_words[-1].end))
            words += its_words
            sound = np.concatenate([sound, spoken, quiet(SLOT_SECONDS - len(spoken) / RATE)])
        _write(folder / f"{number} {name}.wav", sound, words)
        found[name] = tuple(spans)
    return found


def make_listening(path: Path) -> None:
    """Ten seconds, a third of them speech."""
    sound = np.concatenate([quiet(2.0), said("We are looking for a small hotel near the station.", VOICES[0])])
    _write(path, np.concatenate([sound, quiet(max(0.0, 10.0 - len(sound) / RATE))]), [])


def seconds_of(scenes: dict[str, tuple[Turn, ...]]) -> float:
    """How long a run must be that hears all of them."""
    return max(turns[-1].end for turns in scenes.values()) + SLOT_SECONDS - 3.0


def _write(path: Path, sound: Pcm, words: list[Word]) -> None:
    # a breath of noise at -78 dBFS: no microphone gives digital silence
    noise = np.random.default_rng(1).normal(0, 4, len(sound))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((sound + noise).clip(-32768, 32767).astype(np.int16).tobytes())
    path.with_suffix(".json").write_text(json.dumps({"words": [[w.text, w.start, w.end] for w in words]}))
