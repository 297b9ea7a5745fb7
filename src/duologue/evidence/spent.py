"""What engines were asked for in a run, and what that cost: a line of its report. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from duologue.plurals import counted
from duologue.telemetry.ledger import UsageRecord


@dataclass(slots=True)
class EngineUse:
    """Of one engine. ``unpriced``: of how many requests the cost is not known."""

    requests: int = 0
    estimated: int = 0
    unpriced: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    characters: int = 0
    sound_s: float = 0.0
    cost: dict[str, float] = field(default_factory=dict[str, float])
    """By currency."""

    def add(self, record: UsageRecord) -> None:
        """One more request."""
        self.requests += 1
        self.estimated += record.estimated
        self.unpriced += not record.currency
        self.prompt_tokens += record.prompt_tokens
        self.cached_tokens += record.cached_tokens
        self.completion_tokens += record.completion_tokens
        self.characters += record.characters
        self.sound_s += record.sound_ms / 1000
        if record.currency:
            self.cost[record.currency] = self.cost.get(record.currency, 0.0) + record.cost_nanos / 1e9

    def join(self, other: EngineUse) -> None:
        """All of another's requests."""
        self.requests += other.requests
        self.estimated += other.estimated
        self.unpriced += other.unpriced
        self.prompt_tokens += other.prompt_tokens
        self.cached_tokens += other.cached_tokens
        self.completion_tokens += other.completion_tokens
        self.characters += other.characters
        self.sound_s += other.sound_s
        for currency, cost in other.cost.items():
            self.cost[currency] = self.cost.get(currency, 0.0) + cost

    @property
    def words(self) -> str:
        """What it was asked for."""
        return self.asked or counted(self.requests, "request")

    @property
    def asked(self) -> str:
        """The same without the number of requests: empty of an engine that counts nothing else."""
        about = "about " if self.estimated else ""
        kept = f" ({self.cached_tokens:,} kept)" if self.cached_tokens else ""
        sound = f"{self.sound_s / 60:.1f} min" if self.sound_s >= 60 else f"{self.sound_s:.1f} s"
        told = (
            (self.prompt_tokens + self.completion_tokens,
             f"{about}{counted(self.prompt_tokens, 'token')} in{kept} and {self.completion_tokens:,} out"),
            (self.characters, counted(self.characters, "character")),
            (self.sound_s, f"{sound} of sound"),
        )  # fmt: skip
        return ", ".join(words for some, words in told if some)


def together(uses: Iterable[dict[str, EngineUse]]) -> dict[str, EngineUse]:
    """Of several parts, by engine, in the order in which they were asked first."""
    found: dict[str, EngineUse] = {}
    for each in uses:
        for engine, use in each.items():
            found.setdefault(engine, EngineUse()).join(use)
    return found


def in_words(uses: dict[str, EngineUse]) -> str:
    """A line: what engines were asked for, and what it cost by the prices that were set then. Empty: nothing."""
    if not uses:
        return ""
    asked = "; ".join(f"{engine} {use.words}" for engine, use in uses.items())
    return f"Engines were asked for: {asked}. {cost_in_words(uses)}"


def cost_in_words(uses: dict[str, EngineUse]) -> str:
    """What they cost."""
    cost: dict[str, float] = {}
    for use in uses.values():
        for currency, value in use.cost.items():
            cost[currency] = cost.get(currency, 0.0) + value
    unpriced = sum(use.unpriced for use in uses.values())
    money = " and ".join(f"{_money(value)} {currency}" for currency, value in cost.items())
    whose = "one request nobody knows what it" if unpriced == 1 else f"{unpriced:,} requests nobody knows what they"
    unknown = f"of {whose} cost: there was no price" if unpriced else ""
    return f"Cost: {', and '.join(filter(None, (money, unknown)))}."


def as_table(uses: dict[str, EngineUse]) -> dict[str, Any]:
    """For JSON."""
    return {
        engine: {
            "requests": use.requests, "estimated": use.estimated, "unpriced": use.unpriced,
            "prompt_tokens": use.prompt_tokens, "cached_tokens": use.cached_tokens,
            "completion_tokens": use.completion_tokens, "characters": use.characters,
            "sound_s": round(use.sound_s, 3), "cost": {name: round(each, 9) for name, each in use.cost.items()},
        }
        for engine, use in uses.items()
    }  # fmt: skip


def _money(value: float) -> str:
    return f"{value:,.2f}" if value >= 0.1 or not value else f"{value:.5f}"
