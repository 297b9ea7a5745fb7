"""What engines give, checked before the table sees it: an engine may come from a stranger's package. Pure.

Each function takes whatever came and returns what may be used, or raises :class:`~duologue.errors.PeerError` that says
what is wrong with it: nonsense is a failure like any other, with its cause in the ledger.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import cast

import numpy as np

from duologue.audio.pcm import Samples
from duologue.dialogue.ports import Voiced
from duologue.errors import PeerError
from duologue.speech.hearing import Transcript
from duologue.speech.utterance import Mark, Utterance

MAX_CHARACTERS = 4_000
"""Of one transcript: half an hour of speech would not be longer than a stretch of it."""
MAX_SOUND_SECONDS = 120
"""Of one sentence."""
MAX_MARKS = 20_000
"""Of one sentence."""
_LANGUAGE = re.compile("[a-z]{2,3}")
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+")


def readable(text: str, most: int = MAX_CHARACTERS) -> str:
    """The first ``most`` characters of ``text``, without control characters and halves of characters, which no voice
    can say and no file can hold.
    """
    return _UNREADABLE.sub(" ", text[:most])


def transcript(given: object, engine: str) -> Transcript:
    """What an ear gave."""
    if not isinstance(given, Transcript) or not isinstance(cast(object, given.text), str):
        raise PeerError(f"{engine} gave {_kind(given)} instead of a transcript")
    text, confidence = readable(given.text), _confidence(given.confidence)
    if text == given.text and confidence == given.confidence:
        return given
    if text == given.text:
        return replace(given, confidence=confidence)
    return replace(given, text=text, confidence=confidence, words=(), alternatives=())


def strange_language(given: object, expected: str) -> str:
    """What was spoken, as an ear tells (ISO 639-1); empty where that is what was expected, or is no language."""
    tag = given if isinstance(given, str) and _LANGUAGE.fullmatch(given) else ""
    return "" if tag == expected else tag


def _confidence(given: object) -> float:
    """0…1, or -1: an engine that does not know what it says."""
    if not isinstance(given, int | float | np.floating):
        return -1.0
    value = float(cast(float, given))
    return min(value, 1.0) if math.isfinite(value) and value >= 0 else -1.0


def piece(given: object, engine: str) -> str:
    """What a thinking engine gave."""
    if not isinstance(given, str):
        raise PeerError(f"{engine} gave {_kind(given)} instead of text")
    return given


def probability(given: object) -> float:
    """What a voice activity engine gave for a frame: 0…1."""
    if isinstance(given, bool) or not isinstance(given, float | int | np.floating):
        raise PeerError(f"voice activity is {_kind(given)} instead of a probability")
    value = float(cast(float, given))
    if not math.isfinite(value) or not -0.01 <= value <= 1.01:
        raise PeerError(f"voice activity is {value:g} instead of a probability")
    return value


def voiced(given: object, utterance_id: str, rate: int | None = None) -> Voiced:
    """What a voice gave for the sentence ``utterance_id``, under that id; sound at ``rate`` Hz (None: at any)."""
    if not isinstance(given, Voiced) or not isinstance(cast(object, given.utterance), Utterance):
        raise PeerError(f"the voice gave {_kind(given)} instead of an utterance")
    found = given.utterance
    problem = _problem(found.samples, found.rate, rate) or _problem_of_marks(found.text, found.marks)
    if problem:
        raise PeerError(f"the voice gave {problem} for {str(found.text)[:60]!r}")
    return given if found.id == utterance_id else replace(given, utterance=replace(found, id=utterance_id))


def _problem(samples: object, rate: object, wanted: int | None) -> str:
    """What is wrong with the sound; empty: nothing."""
    if not isinstance(samples, np.ndarray):
        return f"{_kind(samples)} instead of samples"
    sound = cast(Samples, samples)
    if sound.ndim != 1 or sound.dtype != np.float32:
        return f"samples of shape {sound.shape} and type {sound.dtype}"
    if not isinstance(rate, int) or rate <= 0 or rate != (wanted or rate):
        return f"sound at {rate!r} Hz" + (f" instead of {wanted}" if wanted else "")
    if len(sound) == 0:
        return "no sound"
    if len(sound) > MAX_SOUND_SECONDS * rate:
        return f"{len(sound) / rate:.0f} s of sound"
    return "" if math.isfinite(float(sound.sum())) else "sound that is not a number"


def _problem_of_marks(text: object, marks: object) -> str:
    if not isinstance(text, str):
        return f"{_kind(text)} instead of its text"
    if len(text) > MAX_CHARACTERS:
        return f"{len(text)} characters"
    if not isinstance(marks, tuple):
        return f"{_kind(marks)} instead of marks"
    known = cast("tuple[object, ...]", marks)
    if len(known) > MAX_MARKS:
        return f"{len(known)} marks"
    if any(not isinstance(mark, Mark) or not isinstance(cast(object, mark.text), str) for mark in known):
        return "marks that are none"
    return ""


def _kind(given: object) -> str:
    return "nothing" if given is None else f"a {type(given).__name__}"
