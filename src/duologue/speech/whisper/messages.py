"""What crosses the line between the engine `whisper` and its worker process. Small frozen values.

The worker keeps nothing from one pass to the next, so one that takes over needs to be told nothing but the pass that
its forerunner did not finish. Every request gets exactly one answer, in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from duologue.audio.pcm import Samples
from duologue.errors import DuologueError
from duologue.speech.whisper.words import Said


@dataclass(frozen=True, slots=True)
class LoadWhisper:
    """The first message: the model in ``folder``."""

    folder: str
    threads: int
    compute_type: str
    beam: int


@dataclass(frozen=True, slots=True)
class WhisperLoaded:
    """It is in memory and made a pass over a window of 10 s, which took ``pass_s`` of CPU time."""

    multilingual: bool
    pass_s: float


@dataclass(frozen=True, slots=True)
class Pass:
    """Find the words of a window: its ``features`` (bands, frames), of which the first ``seconds`` are sound.

    Up to ``voiced`` seconds somebody spoke, so words are looked for up to there (0: that is not known, or does not
    matter yet). ``language`` is spoken (ISO 639-1; empty: find out), ``phrases`` are likely. ``number`` grows with
    each. ``translated``: the words are wanted in English, by a model that knows several languages.
    """

    number: int
    features: Samples
    seconds: float
    language: str = ""
    phrases: tuple[str, ...] = ()
    voiced: float = 0.0
    translated: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """The words of a pass, the language that was spoken if the model knows several, and other texts of it that are
    nearly as likely.
    """

    number: int
    words: tuple[Said, ...]
    language: str
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PassFailed:
    """A pass could not be made (number -1: the model was not loaded)."""

    number: int
    error: DuologueError


WhisperAnswer: TypeAlias = WhisperLoaded | Found | PassFailed
