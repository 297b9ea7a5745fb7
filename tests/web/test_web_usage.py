"""What engines were asked for, over the web."""

from __future__ import annotations

import httpx
import pytest
from studio_double import HouseDouble

from duologue.app.spending.models import CapView, UsageRowView

ROW = UsageRowView(
    name="openai", model="small", service="llm", requests=3, estimated=1, unpriced=0, prompt_tokens=900,
    cached_tokens=400, completion_tokens=80, characters=0, minutes=0.0, cost=0.0042, currency="EUR",
)  # fmt: skip


async def test_sums_and_caps_are_told_as_they_were_asked_for(client: httpx.AsyncClient, house: HouseDouble) -> None:
    cap = CapView(engine="all", unit="money", limit=5.0, used=0.0042, reached=False)
    house.used = house.used.model_copy(update={"rows": (ROW,), "caps": (cap,)})
    told = (await client.get("/api/usage", params={"by": "run", "since": "7d"})).json()
    assert (told["by"], told["since"], told["zone"], told["currency"]) == ("run", "7d", "UTC", "EUR")
    assert told["rows"][0]["cached_tokens"] == 400 and told["caps"][0]["unit"] == "money"
    await client.get("/api/usage")
    assert house.orders == [("run", "7d"), ("engine", "30d")]


@pytest.mark.parametrize("query", [{"by": "colour"}, {"since": "x" * 21}])
async def test_nonsense_is_refused(client: httpx.AsyncClient, house: HouseDouble, query: dict[str, str]) -> None:
    assert (await client.get("/api/usage", params=query)).status_code == 422
    assert house.orders == []
