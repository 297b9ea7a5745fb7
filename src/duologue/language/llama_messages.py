"""What crosses the line between the engine `llama` and the worker process that holds the model. Small frozen values.

Every request gets exactly one answer, in order: an answer is written piece by piece, each when it is asked for, so that
several may be under way at once and the most urgent goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from duologue.errors import DuologueError
from duologue.language.chat import ChatMessage

# Requests: engine -> worker


@dataclass(frozen=True, slots=True)
class LoadGguf:
    """The first message: the file, and how to hold it.

    ``context`` is in tokens; ``threads`` 0: what the library thinks right; ``gpu_layers`` -1: all; ``template`` is the
    path of a Jinja file, empty: the model's own. ``prompts`` stay read at once.
    """

    model: str
    context: int
    threads: int
    gpu_layers: int
    template: str
    prompts: int = 1


@dataclass(frozen=True, slots=True)
class Write:
    """Begin to answer a conversation; ``number`` grows from one to the next. Answers ``over`` are not gone on with.

    ``schema`` is the JSON schema that the answer must follow, as text; empty: any text. ``max_tokens`` ends the answer.
    With ``variant`` nothing is answered: what both conversations begin with is read, for whatever comes of them.
    """

    number: int
    messages: tuple[ChatMessage, ...]
    temperature: float
    seed: int
    max_tokens: int
    schema: str = ""
    over: tuple[int, ...] = ()
    variant: tuple[ChatMessage, ...] = ()


@dataclass(frozen=True, slots=True)
class GoOn:
    """The next piece of an answer that was begun. Answers ``over`` are not gone on with."""

    number: int
    over: tuple[int, ...] = ()


# Answers: worker -> engine


@dataclass(frozen=True, slots=True)
class GgufLoaded:
    """The model is in memory and has read a first prompt."""


@dataclass(frozen=True, slots=True)
class AnswerPiece:
    """The next words of an answer. Without any a part of the prompt was read. ``prompt`` is how many tokens that has,
    ``kept`` how many of them had been read before, ``written`` how many the answer has so far.
    """

    number: int
    text: str
    prompt: int = 0
    kept: int = 0
    written: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """An answer is over. ``unbound`` tells why its schema could not bind the model; empty: it did. ``limited``: it has
    as many tokens as it may, and the model would have gone on.
    """

    number: int
    unbound: str = ""
    limited: bool = False


@dataclass(frozen=True, slots=True)
class AnswerFailed:
    """An answer could not be written (number -1: the model was not loaded)."""

    number: int
    error: DuologueError


LlamaAnswer: TypeAlias = GgufLoaded | AnswerPiece | Done | AnswerFailed
