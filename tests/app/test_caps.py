"""How much of a day's caps is used, and who may be asked for more."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.app.spending.caps import ALL, DayCaps, day_ends, day_of
from duologue.clock import SECOND
from duologue.metering import NOTHING, Amount
from duologue.settings_spending import PricesSettings, SpendingSettings
from duologue.store.values import UsageSum

PRICES = PricesSettings.model_validate(
    {"currency": "EUR", "engines": {"voice": {"thousand_characters": 1.0}, "mind": {"million_out": 1_000.0}}}
)


def at(*parts: int, zone: str = "UTC") -> int:
    return round(datetime(*parts, tzinfo=ZoneInfo(zone)).timestamp()) * SECOND  # type: ignore[arg-type,misc]


def caps(outside: tuple[str, ...] = (), **spending: object) -> DayCaps:
    return DayCaps(PRICES, SpendingSettings.model_validate(spending), outside)


def characters(count: int, cost: float = 0.0) -> UsageSum:
    return UsageSum(1, 0, 0, Amount(characters=count), cost)


def test_a_day_is_one_of_its_zone_and_may_have_23_or_25_hours() -> None:
    midnight = at(2026, 11, 23, 23, 30)
    assert (day_of(midnight, "UTC"), day_of(midnight, "Europe/Berlin")) == ("2026-11-23", "2026-11-24")
    assert day_ends(midnight, "UTC") == at(2026, 11, 24)
    assert day_ends(midnight, "Europe/Berlin") == at(2026, 11, 25, zone="Europe/Berlin")
    spring, autumn = at(2026, 3, 29, zone="Europe/Berlin"), at(2026, 10, 25, zone="Europe/Berlin")
    assert (day_ends(spring, "Europe/Berlin") - spring) // SECOND == 23 * 3600
    assert (day_ends(autumn, "Europe/Berlin") - autumn) // SECOND == 25 * 3600


@given(st.integers(0, 4_000_000_000), st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"]))
def test_a_day_ends_later_and_another_begins_then(seconds: int, zone: str) -> None:
    wall = seconds * SECOND
    ends = day_ends(wall, zone)
    assert ends > wall and day_of(ends, zone) > day_of(wall, zone) == day_of(ends - SECOND, zone)
    assert datetime.fromtimestamp(ends / SECOND, UTC)


def test_a_cap_lets_through_what_fits_and_no_more() -> None:
    day = caps(engines={"voice": {"characters": 100}})
    assert day.refusal("voice", "", Amount(characters=100), {}) is None
    day.add("voice", characters(60))
    assert day.refusal("voice", "", Amount(characters=40), {}) is None
    refusal = day.refusal("voice", "", Amount(characters=41), {})
    assert refusal is not None and refusal.all_day and refusal.where == "spending.engines.voice.characters"
    assert "60 of 100 characters" in refusal.what and "about 41" in refusal.what and "(UTC)" in refusal.what
    day.add("voice", characters(40))
    full = day.refusal("voice", "", NOTHING, {})
    assert full is not None and "100 of 100 characters are used" in full.what and "about" not in full.what
    assert day.refusal("another", "", Amount(characters=500), {}) is None
    day.begin()
    assert day.refusal("voice", "", Amount(characters=100), {}) is None


def test_what_goes_on_counts_but_only_while_it_does() -> None:
    day = caps(engines={"voice": {"characters": 100}})
    refusal = day.refusal("voice", "", Amount(characters=60), {"voice": Amount(characters=60)})
    assert refusal is not None and not refusal.all_day
    assert day.refusal("voice", "", Amount(characters=60), {"another": Amount(characters=60)}) is None


def test_all_together_are_those_that_cost_something_or_are_a_server() -> None:
    day = caps(("server",), money=0.1, tokens=1_000)
    day.add("voice", characters(90, cost=0.09))
    day.add("local", UsageSum(1, 0, 0, Amount(prompt=5_000)))
    assert day.used(ALL).cost == 0.09 and day.used(ALL).amount.tokens == 0
    refusal = day.refusal("voice", "", Amount(characters=20), {})
    assert refusal is not None and refusal.where == "spending.money" and "0.09 of 0.10 EUR" in refusal.what
    assert day.refusal("voice", "", Amount(characters=10), {}) is None
    assert day.refusal("local", "", Amount(prompt=5_000), {}) is None
    tokens = day.refusal("server", "", Amount(prompt=1_001), {})
    assert tokens is not None and tokens.where == "spending.tokens"
    beside = day.refusal("mind", "", Amount(completion=5), {"voice": Amount(characters=10)})
    assert beside is not None and not beside.all_day  # 0.005 and the 0.01 of what goes on are too much
    assert [(each.engine, each.unit, each.reached) for each in day.states()] == [
        (ALL, "money", False), (ALL, "tokens", False),
    ]  # fmt: skip


def test_a_cap_of_nothing_lets_nothing_through() -> None:
    day = caps(engines={"voice": {"minutes": 0}})
    assert day.refusal("voice", "", NOTHING, {}) is not None
    (state,) = day.states()
    assert state.reached and state.share == 1.0


@pytest.mark.parametrize("unit", ["money", "tokens", "characters", "minutes"])
def test_every_unit_holds(unit: str) -> None:
    day = caps(engines={"voice": {unit: 1}})
    day.add("voice", UsageSum(1, 0, 0, Amount(prompt=1, characters=1, seconds=60.0), 1.0))
    assert day.refusal("voice", "", NOTHING, {}) is not None
