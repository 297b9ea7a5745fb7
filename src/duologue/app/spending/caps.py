"""What of the caps of a day is used, and whether an engine may be asked for more. Pure: days are given, and calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from duologue.clock import SECOND
from duologue.metering import NOTHING, Amount
from duologue.settings_spending import Caps, PricesSettings, SpendingSettings
from duologue.store.values import UsageSum

ALL = "all"
"""All engines together that have a price, or are somebody's server."""


def day_of(wall: int, zone: str) -> str:
    """The day (ISO 8601) of a time (Unix ns)."""
    return datetime.fromtimestamp(wall / SECOND, ZoneInfo(zone)).date().isoformat()


def day_ends(wall: int, zone: str) -> int:
    """When the day of a time is over, where clocks are changed as well (both Unix ns)."""
    place = ZoneInfo(zone)
    tomorrow = datetime.fromtimestamp(wall / SECOND, place).date() + timedelta(days=1)
    return round(datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=place).timestamp()) * SECOND


@dataclass(frozen=True, slots=True)
class CapState:
    """How much of a cap is used today. ``engine`` may be :data:`ALL`, ``unit`` is ``money``, ``tokens``,
    ``characters`` or ``minutes``.
    """

    engine: str
    unit: str
    limit: float
    used: float

    @property
    def reached(self) -> bool:
        """Nothing is left."""
        return self.used >= self.limit

    @property
    def share(self) -> float:
        """1: all of it is used."""
        return self.used / self.limit if self.limit else 1.0


@dataclass(frozen=True, slots=True)
class CapRefusal:
    """Why an engine is not asked. ``all_day``: until the day is over, and not only while other calls go on."""

    what: str
    where: str
    all_day: bool


class DayCaps:
    """``outside`` are the engines that are somebody's server. Let :meth:`begin` know of each new day."""

    def __init__(self, prices: PricesSettings, spending: SpendingSettings, outside: Iterable[str]) -> None:
        self._prices = prices
        self._spending = spending
        self._outside = frozenset(outside) | prices.engines.keys()
        self._used: dict[str, UsageSum] = {}

    def begin(self) -> None:
        """Of the new day nothing is used."""
        self._used.clear()

    def add(self, engine: str, used: UsageSum) -> None:
        """So much more."""
        self._used[engine] = self._used.get(engine, UsageSum()) + used

    def used(self, engine: str) -> UsageSum:
        """Today, by one engine or by :data:`ALL`."""
        if engine != ALL:
            return self._used.get(engine, UsageSum())
        return sum((used for name, used in self._used.items() if name in self._outside), UsageSum())

    def states(self) -> Iterator[CapState]:
        """Of each cap."""
        for engine, caps in self._caps():
            used = self.used(engine)
            for unit, limit in caps.units:
                yield CapState(engine, unit, limit, _of(unit, used.amount, used.cost))

    def refusal(self, engine: str, model: str, expected: Amount, held: Mapping[str, Amount]) -> CapRefusal | None:
        """Whether ``engine`` may not be asked for what is expected to come to so much; ``held`` is what calls that go
        on are expected to come to yet, by engine.
        """
        for name, caps in self._caps():
            if name not in (engine, ALL) or (name == ALL and engine not in self._outside):
                continue
            others = held if name == ALL else {engine: held.get(engine, NOTHING)}
            used = self.used(name)
            for unit, limit in caps.units:
                spent = _of(unit, used.amount, used.cost)
                own = self._expected(unit, engine, model, expected)
                waiting = sum(
                    self._expected(unit, each, "", amount)
                    for each, amount in others.items()
                    if name != ALL or each in self._outside
                )
                if spent >= limit or spent + own + waiting > limit:
                    all_day = spent >= limit or spent + own > limit
                    return CapRefusal(self._words(CapState(name, unit, limit, spent), own), _key(name, unit), all_day)
        return None

    def _caps(self) -> Iterator[tuple[str, Caps]]:
        yield from self._spending.engines.items()
        yield ALL, self._spending

    def _expected(self, unit: str, engine: str, model: str, amount: Amount) -> float:
        price = self._prices.of(engine, model) if unit == "money" else None
        return _of(unit, amount, price.cost(amount) if price is not None else 0.0)

    def _words(self, cap: CapState, own: float) -> str:
        """The cap in a sentence."""
        whose = "all engines together" if cap.engine == ALL else cap.engine
        named = {"money": self._prices.currency}.get(cap.unit, cap.unit)
        figures = f"{_figure(cap.unit, cap.used)} of {_figure(cap.unit, cap.limit)} {named}"
        more = "" if cap.reached else f", and this takes about {_figure(cap.unit, own)}"
        return f"the cap of {whose} for this day ({self._spending.zone}) is reached: {figures} are used{more}"


def _key(engine: str, unit: str) -> str:
    return f"spending.{unit}" if engine == ALL else f"spending.engines.{engine}.{unit}"


def _of(unit: str, amount: Amount, cost: float) -> float:
    """In the unit of a cap."""
    return {"money": cost, "tokens": amount.tokens, "characters": amount.characters, "minutes": amount.minutes}[unit]


def _figure(unit: str, value: float) -> str:
    if unit == "money":
        return f"{value:,.2f}" if value >= 0.1 or not value else f"{value:.2g}"
    return f"{value:,.1f}" if unit == "minutes" else f"{value:,.0f}"
