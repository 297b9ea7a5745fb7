"""What the API and the page are told of what engines were asked for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from duologue.app.api_model import ApiModel


class UsageRowView(ApiModel):
    """The sums of one engine and model, person, show, talk or call, or day; in one currency."""

    name: str = Field(description="The engine, the person's id, the part as the ledger calls it, or the day.")
    called: str = Field(default="", description="What a person is called.")
    model: str = ""
    service: str = Field(default="", description="llm, tts or stt: it thinks, speaks or hears.")
    requests: int
    estimated: int = Field(description="Requests whose tokens are reckoned: the engine does not count them.")
    unpriced: int = Field(description="Requests of which nobody knows what they cost: there was no price.")
    prompt_tokens: int
    cached_tokens: int = Field(description="Of the prompt's, those that the engine had kept.")
    completion_tokens: int
    characters: int = Field(description="That were given to be voiced.")
    minutes: float = Field(description="Of sound, heard or made.")
    cost: float | None = Field(description="None: not known of any of them. Of some, where unpriced is not 0.")
    currency: str = Field(description="Empty: there was no price.")


class CapView(ApiModel):
    """A cap of the day that is now."""

    engine: str = Field(description="Or `all`: of all together that have a price, or are somebody's server.")
    unit: Literal["money", "tokens", "characters", "minutes"]
    limit: float
    used: float
    reached: bool


class UsageView(ApiModel):
    """What engines were asked for since a day, and how much of today's caps is used."""

    by: Literal["engine", "person", "run", "day"]
    since: str = Field(description="The first day (ISO 8601); empty: ever.")
    today: str
    zone: str = Field(description="The time zone whose days these are.")
    currency: str = Field(description="Of the prices that are set now.")
    rows: tuple[UsageRowView, ...]
    caps: tuple[CapView, ...] = ()
    until: float = Field(description="When today is over, and caps begin anew: Unix ms.")
    kept: bool = Field(default=True, description="False: the store is off, and these are only since the start.")
