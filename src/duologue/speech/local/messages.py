"""What crosses the line between an engine with a model of its own and the worker that runs it. Small frozen values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

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

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of its voices, a sentence each."""
        ...

    def say(self, line: Any, voice: str, skip: int) -> Iterator[tuple[Samples, tuple[Mark, ...]]]:
        """One sentence, piece by piece: sound, and the marks that came to be known, counting from its begin.

        The first ``skip`` pieces are left out: those were heard already. Nothing to say gives no piece. ``line`` is the
        text of the sentence, or what the engine made of it.
        """
        ...


# Requests: engine -> worker


@dataclass(frozen=True, slots=True)
class LoadVoice:
    """The first message. ``factory`` is ``module:function``; of ``settings`` it makes a :class:`LocalModel`."""

    factory: str
    settings: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class SaySentence:
    """Begin a sentence and answer with its first piece, without the first ``skip``. ``number`` grows from one to the
    next; ``over`` are sentences that nobody listens to any more.
    """

    number: int
    line: object
    voice: str
    skip: int = 0
    over: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class More:
    """Answer with the next piece of a sentence that was begun."""

    number: int
    over: tuple[int, ...] = ()


# Answers: worker -> engine


@dataclass(frozen=True, slots=True)
class VoiceLoaded:
    """The model is in memory."""

    rate: int
    voices: tuple[str, ...]
    marks: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SentenceSound:
    """A piece of a sentence; without samples it was over before."""

    number: int
    samples: Samples
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class SentenceFailed:
    """A sentence could not be spoken (number -1: the model was not loaded)."""

    number: int
    error: DuologueError


LocalAnswer: TypeAlias = VoiceLoaded | SentenceSound | SentenceFailed
