"""What engines cost, and how much of them may be used in a day: two parts of the settings (docs/money.md)."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from duologue.metering import Amount
from duologue.settings_parts import SettingsSection
from duologue.validation import WrongValue

MOST_PRICE = 1_000_000.0
MILLION, THOUSAND = 1_000_000, 1_000


def _price(what: str) -> float | None:
    return Field(default=None, ge=0, le=MOST_PRICE, allow_inf_nan=False, description=what)


class PriceTable(SettingsSection):
    """What something costs. What is not set is not charged for; where nothing is set, the price is not known."""

    million_in: float | None = _price("A million tokens of prompts.")
    million_cached: float | None = _price("A million of those that the server had kept; unset: as million_in.")
    million_out: float | None = _price("A million tokens of answers.")
    thousand_characters: float | None = _price("A thousand characters that are voiced.")
    minute: float | None = _price("A minute of sound, heard or made.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.million_cached is not None and self.million_in is None:
            raise ValueError("million_cached is the price of a part of the prompt | Set million_in too.")
        return self

    @property
    def known(self) -> bool:
        """Something is set."""
        return any(getattr(self, name) is not None for name in PriceTable.model_fields)

    def cost(self, amount: Amount) -> float:
        """Of ``amount``."""
        kept = amount.cached if self.million_cached is not None else 0
        return (
            ((amount.prompt - kept) * (self.million_in or 0.0) + kept * (self.million_cached or 0.0)) / MILLION
            + amount.completion * (self.million_out or 0.0) / MILLION
            + amount.characters * (self.thousand_characters or 0.0) / THOUSAND
            + amount.minutes * (self.minute or 0.0)
        )


class EnginePrices(PriceTable):
    """What an engine costs, whatever its model; ``models`` have prices of their own."""

    models: dict[str, PriceTable] = Field(default={}, description="A table for each model with a price of its own.")


class PricesSettings(SettingsSection):
    """What engines cost. No price is shipped: providers change them, and say so on their pages."""

    currency: str = Field(
        default="USD", pattern=r"^[A-Z]{3}$", description="Of all prices and caps, by its three letters (ISO 4217)."
    )
    engines: dict[str, EnginePrices] = Field(default={}, description="A table for each engine that costs something.")

    def of(self, engine: str, model: str = "") -> PriceTable | None:
        """What an engine's model costs; None: that is not known."""
        table = self.engines.get(engine)
        if table is None:
            return None
        found = table.models.get(model, table)
        return found if found.known else None


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone | Write one as Europe/Berlin, or UTC.") from None
    return name


class Caps(SettingsSection):
    """How much may be used in a day; what is not set has no cap."""

    money: float | None = Field(
        default=None, ge=0, le=MOST_PRICE, allow_inf_nan=False, description="In the currency of prices."
    )
    tokens: int | None = Field(default=None, ge=0, description="Of prompts and answers.")
    characters: int | None = Field(default=None, ge=0, description="That are voiced.")
    minutes: float | None = Field(default=None, ge=0, allow_inf_nan=False, description="Of sound, heard or made.")

    @property
    def units(self) -> Iterator[tuple[str, float]]:
        """Each cap that is set, by what it is of."""
        for name in Caps.model_fields:
            value = getattr(self, name)
            if value is not None:
                yield name, float(value)


class SpendingSettings(Caps):
    """How much may be used in a day: at a cap the next engine of the chain is asked, until the day is over. Caps that
    stand here are of all engines together that have a price, or are somebody's server.
    """

    zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="UTC", description="A day is one of this time zone, e.g. Europe/Berlin."
    )
    engines: dict[str, Caps] = Field(default={}, description="A table for each engine with caps of its own.")

    @property
    def capped(self) -> bool:
        """Something is."""
        return any(any(True for _ in caps.units) for caps in (self, *self.engines.values()))


def wrong_spending(prices: PricesSettings, spending: SpendingSettings, known: Set[str]) -> WrongValue | None:
    """What does not go together; None: all does. ``known`` holds the engines' names."""
    for table, names in (("prices", prices.engines), ("spending", spending.engines)):
        for name in names:
            if name not in known:
                installed = f"Installed: {', '.join(sorted(known))}."
                return WrongValue(f"{table}.engines.{name}", f"there is no engine {name!r}", installed)
    for name, caps in spending.engines.items():
        if caps.money is not None and not _priced(prices, name):
            remedy = f"Set it under [prices.engines.{name}]."
            return WrongValue(f"spending.engines.{name}.money", f"{name} has no price", remedy)
    if spending.money is not None and not any(_priced(prices, name) for name in prices.engines):
        return WrongValue("spending.money", "no engine has a price", "Set them under [prices.engines.NAME].")
    return None


def _priced(prices: PricesSettings, engine: str) -> bool:
    table = prices.engines.get(engine)
    return table is not None and (table.known or any(each.known for each in table.models.values()))
