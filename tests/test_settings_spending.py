"""Prices and caps: what can be set, and what is refused with its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.errors import InputError
from duologue.metering import Amount
from duologue.settings import Settings, load_settings

PRICES = """
[prices]
currency = "EUR"
[prices.engines.openai]
million_in = 2.0
million_cached = 0.5
million_out = 10.0
[prices.engines.openai.models."big-1.5"]
million_in = 20.0
[prices.engines.elevenlabs]
thousand_characters = 0.3
[prices.engines.openai_hearing]
minute = 0.006
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(file: str = "") -> Settings:
    Path("duologue.toml").write_text(file)
    return load_settings()


def test_no_price_and_no_cap_ships() -> None:
    settings = load()
    assert settings.prices.engines == {} and not settings.spending.capped
    assert settings.prices.of("openai") is None and settings.spending.zone == "UTC"


def test_a_price_is_the_models_or_the_engines_and_of_each_unit() -> None:
    prices = load(PRICES).prices
    usual, big, voice, ear = (
        prices.of("openai", "small"), prices.of("openai", "big-1.5"), prices.of("elevenlabs", "any"),
        prices.of("openai_hearing"),
    )  # fmt: skip
    assert usual and big and voice and ear
    amount = Amount(1_000_000, 100_000, 400_000, 5_000, 90.0)
    assert usual.cost(amount) == pytest.approx(0.6 * 2.0 + 0.4 * 0.5 + 0.1 * 10.0)
    assert big.cost(amount) == pytest.approx(20.0)  # what was kept costs as much where nothing else is said
    assert voice.cost(amount) == pytest.approx(1.5)
    assert ear.cost(amount) == pytest.approx(0.009)
    assert prices.of("espeak") is None


def test_caps_and_prices_are_told_with_all_settings() -> None:
    rows = {row.key: (row.value, row.source) for row in load(f"{PRICES}[spending.engines.openai]\ntokens = 5").rows()}
    assert rows["prices.engines.openai.million_out"] == ("10.0", "duologue.toml")
    assert rows["spending.engines.openai.tokens"] == ("5", "duologue.toml")
    assert rows["prices.engines.openai.models.big-1.5.million_in"][0] == "20.0"


def test_the_environment_sets_caps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_SPENDING__ENGINES__ELEVENLABS__CHARACTERS", "20000")
    monkeypatch.setenv("DUOLOGUE_SPENDING__MINUTES", "60")
    spending = load().spending
    assert spending.engines["elevenlabs"].characters == 20_000 and dict(spending.units) == {"minutes": 60.0}


@pytest.mark.parametrize(
    ("file", "key", "remedy"),
    [
        ("[prices.engines.openai]\nmillion_in = -1", "prices.engines.openai.million_in", ""),
        ("[prices.engines.openai]\nmillion_in = nan", "prices.engines.openai.million_in", ""),
        ("[prices.engines.openai]\nmillion_out = inf", "prices.engines.openai.million_out", ""),
        ("[prices.engines.openai]\nmillion_in = 1e9", "prices.engines.openai.million_in", ""),
        ('[prices.engines.openai]\nmillion_in = "much"', "prices.engines.openai.million_in", ""),
        ("[prices.engines.openai]\nmillion_cached = 1", "prices.engines.openai", "Set million_in too"),
        ("[prices.engines.openai]\nper_word = 1", "prices.engines.openai.per_word", ""),
        ("[prices.engines.opanai]\nmillion_in = 1", "prices.engines.opanai", "Installed"),
        ('[prices]\ncurrency = "euros"', "prices.currency", ""),
        ("[spending]\nmoney = -2", "spending.money", ""),
        ("[spending]\ntokens = -2", "spending.tokens", ""),
        ("[spending]\nminutes = nan", "spending.minutes", ""),
        ("[spending]\nmoney = 5", "spending.money", "[prices.engines.NAME]"),
        (
            "[spending.engines.elevenlabs]\nmoney = 5",
            "spending.engines.elevenlabs.money",
            "[prices.engines.elevenlabs]",
        ),
        ("[spending.engines.nobody]\ntokens = 5", "spending.engines.nobody", "Installed"),
        ('[spending]\nzone = "Mars/Olympus"', "spending.zone", "Europe/Berlin"),
        ('[spending]\nzone = "../../etc/passwd"', "spending.zone", "Europe/Berlin"),
    ],
)
def test_nonsense_is_refused_with_its_key(file: str, key: str, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        load(file)
    assert caught.value.what.startswith(key) and caught.value.where == "duologue.toml"
    assert remedy in caught.value.remedy
