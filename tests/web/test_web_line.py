"""The phone line over the web: dialled, hung up, handed over and whispered to by those who may."""

from __future__ import annotations

import httpx
import pytest
from studio_double import HouseDouble, LineDouble

from duologue.errors import InputError
from duologue.tokens import Scope
from duologue.web.application import create_app
from duologue.web.options import Grant, Key, WebOptions

KEYS = (
    Key("may-use-the-line", Grant("line", frozenset({Scope.LINE}))),
    Key("may-switch-the-stage", Grant("stage", frozenset({Scope.STAGE}))),
)


def client_of(house: HouseDouble, keys: tuple[Key, ...] = ()) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(house, WebOptions(keys=keys)), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081")


async def test_what_may_be_done_with_calls() -> None:
    line = LineDouble()
    async with client_of(HouseDouble(line=line)) as client:
        assert (await client.get("/api/line")).json()["places"] == 3
        assert (await client.get("/api/line/calls/one")).json()["state"] == "talking"
        dialled = await client.post("/api/line/calls", json={"to": "17", "account": "1000"})
        assert (dialled.status_code, dialled.json()) == (202, {"call": "two"})
        assert (await client.post("/api/line/calls/one/transfer", json={"to": "human"})).status_code == 202
        assert (await client.post("/api/line/calls/one/whisper", json={"text": "be kind"})).status_code == 202
        assert (await client.post("/api/line/calls/one/hang_up")).status_code == 204
    assert line.asked == [
        ("dial", "17", "1000"), ("transfer", "one", "human"), ("whisper", "one", "be kind"), ("hang_up", "one"),
    ]  # fmt: skip


async def test_what_is_not_there_and_what_cannot_be_is_said() -> None:
    async with client_of(HouseDouble()) as client:
        answer = await client.get("/api/line")
        assert (answer.status_code, answer.json()["title"]) == (404, "This house has no phone line")
    line = LineDouble(failure=InputError("'x y' is nobody", where="to", remedy="An address."))
    async with client_of(HouseDouble(line=line)) as client:
        assert (await client.post("/api/line/calls/none/hang_up")).status_code == 404
        unknown = await client.get("/api/line/calls/none")
        assert (unknown.status_code, unknown.json()["title"]) == (404, "there is no call 'none'")
        refused = await client.post("/api/line/calls/one/transfer", json={"to": "x y"})
        assert (refused.status_code, refused.json()["remedy"]) == (422, "An address.")
        assert (await client.post("/api/line/calls/one/whisper", json={"text": ""})).status_code == 422


@pytest.mark.parametrize(("token", "status"), [("may-use-the-line", 200), ("may-switch-the-stage", 403), ("no", 401)])
async def test_only_who_may_use_the_line_sees_what_callers_say(token: str, status: int) -> None:
    async with client_of(HouseDouble(line=LineDouble()), KEYS) as client:
        headers = {"Authorization": f"Bearer {token}"}
        assert (await client.get("/api/line", headers=headers)).status_code == status
        assert (await client.get("/api/line/calls/one", headers=headers)).status_code == status
        if status != 200:
            assert (await client.get("/api/events?topics=line", headers=headers)).status_code == status
            assert (await client.post("/api/line/calls/one/hang_up", headers=headers)).status_code == status
