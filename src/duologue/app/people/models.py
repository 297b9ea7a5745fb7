"""What a person is shown of what is remembered of them, and how they change it. Loading this loads no database."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from duologue.app.api_model import ApiModel
from duologue.store.values import LONGEST, MOST_FACTS


class FactView(ApiModel):
    """Something that is remembered of a person. Times are Unix ms."""

    id: str
    text: str
    kind: str = Field(description="`fact` (they told it), `learnt` or `joke`.")
    character: str = Field(description="Who alone knows it; empty: all do.")
    source: str = Field(description="Who wrote it down: `rules`, `model` or `person`.")
    at: float


class MemoryView(ApiModel):
    """What is remembered of whoever asks, the newest first."""

    name: str = Field(description="What they are called; empty: they did not say.")
    facts: tuple[FactView, ...]


class FactChange(ApiModel):
    """A fact as it is to be; without an id it is a new one."""

    id: str = Field(default="", max_length=64)
    text: str = Field(min_length=1, max_length=LONGEST)
    kind: Literal["fact", "learnt", "joke"] = "fact"
    character: str = Field(default="", max_length=64)


class MemoryChange(ApiModel):
    """All that is to be remembered: what is left out is forgotten. ``name`` null: as it was."""

    name: str | None = Field(default=None, max_length=100)
    facts: tuple[FactChange, ...] = Field(max_length=MOST_FACTS)
