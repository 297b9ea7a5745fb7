"""What crosses the line between an engine with a model of its own and the worker that runs it. Small frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from duologue.audio.pcm import Samples
from duologue.errors import DuologueError
from duologue.speech.utterance import Mark


class LocalModel(Protocol):
    """A model in memory, inside the worker."""

    @property
    def rate(self) -> int:
        """Of its sound (Hz)."""
        ...

    @property
    def voices(self) -> tuple[str, ...]:
        """The names it speaks with."""
        ...

    @property
    def marks(self) -> bool:
        """Whether it times words and phonemes."""
        ...

    def say(self, text: str, voice: str) -> tuple[Samples, tuple[Mark, ...]]:
        """The sound of one sentence and its marks, offsets counting from the sentence; no samples: nothing to say."""
        ...


# Requests: engine -> worker


@dataclass(frozen=True, slots=True)
class Load:
    """The first message. ``factory`` is ``module:function``; of ``settings`` it makes a :class:`LocalModel`."""

    factory: str
    settings: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Say:
    """Speak one sentence. ``number`` grows from one to the next."""

    number: int
    text: str
    voice: str


# Answers: worker -> engine


@dataclass(frozen=True, slots=True)
class Loaded:
    """The model is in memory."""

    rate: int
    voices: tuple[str, ...]
    marks: bool


@dataclass(frozen=True, slots=True)
class Said:
    """All of a sentence."""

    number: int
    samples: Samples
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """A sentence could not be spoken (number -1: the model was not loaded)."""

    number: int
    error: DuologueError


Answer: TypeAlias = Loaded | Said | Failed
