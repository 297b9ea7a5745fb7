"""The protocol of an engine that thinks, and what it is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from duologue.language.persona import Persona
from duologue.language.tools import ToolOutcome, ToolUse

MAX_HISTORY = 24_000
"""Characters of a conversation that are kept, and an engine is shown: the newest lines. They are some 6,000 tokens,
which leaves room for the rest in a context of 8,192.
"""


@dataclass(frozen=True, slots=True)
class Line:
    """Something that was said: who (a character's name, or a person's), and what; and what a character called because
    of it, with what came of that.
    """

    speaker: str
    text: str
    calls: tuple[ToolOutcome, ...] = ()

    @property
    def size(self) -> int:
        """Characters that an engine is shown, the speaker's name with them: no line is without."""
        return (
            len(self.speaker) + len(self.text) + sum(len(each.call.arguments) + len(each.shown) for each in self.calls)
        )


def newest(lines: Iterable[Line]) -> tuple[Line, ...]:
    """The newest of ``lines``, oldest first, within :data:`MAX_HISTORY`.

    The very newest is what is to be answered: it is there however long it is.
    """
    kept: list[Line] = []
    room = MAX_HISTORY
    for line in reversed(tuple(lines)):
        room -= line.size
        if kept and room < 0:
            break
        kept.append(line)
    return tuple(reversed(kept))


class Moment(StrEnum):
    """Where in the conversation the asked-for line stands."""

    OPENING = "opening"
    MIDDLE = "middle"
    ENDING = "ending"
    ANSWER = "answer"
    """The last line is a person's, addressed to this speaker by name."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """All that an engine needs to write the next turn of one speaker.

    ``lines`` are oldest first and hold what was **heard**. ``turn`` counts from 0; ``turns`` is the planned number (0:
    no end). ``seed`` makes engines that can be reproducible so. ``max_words`` is the cap that the caller will enforce.
    ``max_tokens``, the engine's own, end the reply where it can be told so (None: as its settings have it).
    ``schema`` is the JSON schema that the reply should follow (None: plain text), ``tools`` what the character may call
    meanwhile; an engine that can do neither writes plain text.
    """

    speaker: Persona
    others: tuple[Persona, ...]
    topic: str
    lines: tuple[Line, ...] = ()
    moment: Moment = Moment.MIDDLE
    turn: int = 0
    turns: int = 0
    seed: int = 0
    max_words: int = 60
    model: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    schema: Mapping[str, object] | None = None
    tools: ToolUse | None = None

    @classmethod
    def by(
        cls, speaker: Persona, others: tuple[Persona, ...] = (), topic: str = "", lines: Iterable[Line] = ()
    ) -> Prompt:
        """One for ``speaker``, with the persona's own cap, model and temperature, and the newest of ``lines``; the
        moment is the caller's to add.
        """
        return cls(
            speaker, others, topic, newest(lines),
            max_words=speaker.max_words, model=speaker.model, temperature=speaker.temperature,
        )  # fmt: skip


class WholeText(str):
    """A piece of a reply that was written beforehand, by a person: all of it is said, beyond the caps of a reply."""

    __slots__ = ()


class LimitReached(str):
    """The last piece of a reply, without words: a limit of tokens ended it, and the model would have gone on."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class LanguageCapabilities:
    """``streaming``: tokens arrive as they are written. ``deterministic``: equal prompts give equal replies.
    ``at_once``: how many conversations it carries at a time (None: no limit is known). ``instructed``: it writes
    what it is asked for, also what is no line of a conversation. ``tools``: it calls what it may; ``schemas``: it is
    bound by the schema of a prompt, or asked to follow it.
    """

    streaming: bool = True
    deterministic: bool = False
    at_once: int | None = None
    instructed: bool = True
    tools: bool = True
    schemas: bool = True


class LanguageModel(Protocol):
    """An engine that writes a turn.

    ``write`` streams text pieces, after a reply that a limit ended a :class:`LimitReached`, where the engine knows;
    closing the iterator cancels, honoured within one piece. Errors:
    :class:`duologue.errors.PeerError` when the engine fails, refuses or answers nothing.
    """

    @property
    def name(self) -> str:
        """As in settings, e.g. ``"improv"``."""
        ...

    @property
    def capabilities(self) -> LanguageCapabilities:
        """Valid after :meth:`warm_up`."""
        ...

    async def warm_up(self) -> None:
        """Load, or check the connection. Call once before the first :meth:`write`."""
        ...

    def write(self, prompt: Prompt) -> AsyncIterator[str]:
        """Write the next turn of ``prompt.speaker``."""
        ...

    async def close(self) -> None:
        """Release everything. Idempotent."""
        ...


@runtime_checkable
class ReadsAhead(Protocol):
    """An engine that can read a prompt before it is asked, so that the answer waits for what is new in it only."""

    async def read_ahead(self, prompt: Prompt) -> None:
        """Read what the next prompt begins with: it will be ``prompt``, but for the words of its last line.

        Raises :class:`duologue.errors.PeerError`. It may be cancelled at any time.
        """
        ...
