"""Child processes over the web: listed, restarted by those who may, and named when they are not there."""

from __future__ import annotations

import httpx
import pytest
from studio_double import HouseDouble

from duologue.app.models import WorkerView
from duologue.tokens import Scope
from duologue.web.application import create_app
from duologue.web.options import Grant, Key, WebOptions

ESPEAK = WorkerView(
    name="espeak", purpose="speaks", state="up", since=1.0, pid=7, restarts=0, failures=0, last_failure="",
    next_try=None,
)  # fmt: skip
KEYS = (
    Key("may-do-everything", Grant("all", frozenset(Scope))),
    Key("may-switch-the-stage", Grant("stage", frozenset({Scope.STAGE}))),
)


def client_of(house: HouseDouble, keys: tuple[Key, ...] = ()) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(house, WebOptions(keys=keys)), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081")


async def test_workers_are_listed_and_restarted_by_name() -> None:
    async with client_of(HouseDouble(processes={"espeak": ESPEAK})) as client:
        assert (await client.get("/api/workers")).json() == [ESPEAK.model_dump()]
        answer = await client.post("/api/workers/espeak/restart")
        assert (answer.status_code, answer.json()["restarts"]) == (200, 1)
        missing = await client.post("/api/workers/nobody/restart")
        assert (missing.status_code, missing.json()["remedy"]) == (404, "There are: espeak.")


@pytest.mark.parametrize(("token", "status"), [("may-do-everything", 200), ("may-switch-the-stage", 403), ("no", 401)])
async def test_only_an_administrator_restarts(token: str, status: int) -> None:
    house = HouseDouble(processes={"espeak": ESPEAK})
    async with client_of(house, KEYS) as client:
        answer = await client.post("/api/workers/espeak/restart", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status
        assert house.processes["espeak"].restarts == (status == 200)
