"""What crosses the line between the engine `llama` and the worker process that holds the model. Small frozen values."""

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
    path of a Jinja file, empty: the model's own.
    """

    model: str
    context: int
    threads: int
    gpu_layers: int
    template: str


@dataclass(frozen=True, slots=True)
class Write:
    """Answer a conversation. Requests are answered in the order they came in; ``number`` grows from one to the next.

    ``schema`` is the JSON schema that the answer must follow, as text; empty: any text. ``max_tokens`` ends the answer.
    """

    number: int
    messages: tuple[ChatMessage, ...]
    temperature: float
    seed: int
    max_tokens: int
    schema: str = ""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Go no further with an answer, or do not begin it. :class:`Done` follows all the same."""

    number: int


LlamaRequest: TypeAlias = LoadGguf | Write | Cancel


# Answers: worker -> engine


@dataclass(frozen=True, slots=True)
class GgufLoaded:
    """The model is in memory and has read a first prompt."""


@dataclass(frozen=True, slots=True)
class AnswerPiece:
    """The next words of an answer. Without any it is a sign of life: a part of the prompt was read."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """An answer is over. ``unbound`` tells why its schema could not bind the model; empty: it did."""

    number: int
    unbound: str = ""


@dataclass(frozen=True, slots=True)
class AnswerFailed:
    """An answer could not be written (number -1: the model was not loaded)."""

    number: int
    error: DuologueError


LlamaAnswer: TypeAlias = GgufLoaded | AnswerPiece | Done | AnswerFailed
