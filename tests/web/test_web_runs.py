"""Runs over the API: who may know of which, reports that the page may frame, sound where it was kept, live events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from studio_double import Connect, HouseDouble

from duologue.app.evidence.models import RunView
from duologue.clock import MILLISECOND
from duologue.errors import ClosedError
from duologue.telemetry.ledger import MachineRecord, ShowRecord
from duologue.telemetry.stream import HOUSE
from duologue.tokens import Scope
from duologue.web.evidence import EvidenceStream
from duologue.web.options import Grant, Key, WebOptions

KEYS = tuple(
    Key(f"{name} token", Grant(name, frozenset(scopes)))
    for name, scopes in {"onlooker": (), "operator": (Scope.LINE,), "owner": (Scope.ADMIN, Scope.LINE)}.items()
)
GUARDED = WebOptions(host="0.0.0.0", token="the token of all tokens", keys=KEYS)


def kept(what: str, *, sound: bool = False) -> RunView:
    return RunView(
        id=f"run-{what}", what=what, of=f"{what}:x", title="tea", state="over", began=1000.0, ended=61_000.0, turns=3,
        frames=1800, late=0, left_out=0, lost=0, bytes=5000, sound=sound,
    )  # fmt: skip


@pytest.fixture
def runs(house: HouseDouble, tmp_path: Path) -> HouseDouble:
    sound = tmp_path / "call.opus"
    sound.write_bytes(b"OggS")
    house.reports.kept = {each.id: each for each in (kept("call", sound=True), kept("talk"), kept("show"))}
    house.reports.sounds = {"run-call": sound}
    return house


async def ask(client: httpx.AsyncClient, path: str, token: str) -> httpx.Response:
    return await client.get(path, headers={"Authorization": f"Bearer {token} token"})


@pytest.mark.parametrize(
    ("token", "may"), [("onlooker", ["show"]), ("operator", ["call", "show"]), ("owner", ["call", "talk", "show"])]
)
async def test_what_was_said_is_for_those_who_may_know(
    connect: Connect, runs: HouseDouble, token: str, may: list[str]
) -> None:
    async with connect(GUARDED, "http://show.example") as client:
        listed = (await ask(client, "/api/runs", token)).json()
        assert [each["what"] for each in listed] == may
        for what in ("call", "talk", "show"):
            answer = await ask(client, f"/api/runs/run-{what}/report", token)
            assert answer.status_code == (200 if what in may else 403), what
            if what not in may:
                assert f"what was said in a {what}" in answer.json()["title"]
        heard = await ask(client, "/api/runs/run-call/sound", token)
        assert heard.status_code == (200 if "call" in may else 403)
    assert {asked[0] for asked in runs.reports.asked} == {f"run-{what}" for what in may}


async def test_a_report_is_a_page_that_only_we_may_frame(client: httpx.AsyncClient, runs: HouseDouble) -> None:
    answer = await client.get("/api/runs/run-show/report")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'self'" in policy and "default-src 'none'" in policy and "script" not in policy
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    other = await client.get("/api/runs/run-show/report", params={"form": "json"})
    assert (other.headers["content-type"], other.headers["x-frame-options"]) == ("application/json", "DENY")
    assert 'filename="run-show.json"' in other.headers["content-disposition"]


async def test_a_minute_of_it_is_asked_for_by_its_times(client: httpx.AsyncClient, runs: HouseDouble) -> None:
    await client.get("/api/runs/run-show/report", params={"since": 2000.5, "until": 3000})
    (_, form, span, offset) = runs.reports.asked[-1]
    assert form == "html" and span is not None and offset == 0
    assert (span.since, span.until) == (round(2000.5 * MILLISECOND), 3000 * MILLISECOND)
    for wrong in ({"since": 5}, {"until": 5}, {"since": 9, "until": 5}, {"since": -1, "until": 5}, {"since": "x"}):
        answer = await client.get("/api/runs/run-show/report", params=wrong)
        assert (answer.status_code, "since" in answer.json()["where"]) == (422, True)
    assert (await client.get("/api/runs/run-show/report", params={"form": "pdf"})).status_code == 422


async def test_its_times_of_day_are_those_of_whoever_reads_it(client: httpx.AsyncClient, runs: HouseDouble) -> None:
    for offset in (-570, 0, 345):
        assert (await client.get("/api/runs/run-show/report", params={"offset": offset})).status_code == 200
        assert runs.reports.asked[-1] == ("run-show", "html", None, offset)
    for wrong in ("Europe/Berlin", "1.5", "1081", "-99999"):
        answer = await client.get("/api/runs/run-show/report", params={"offset": wrong})
        assert (answer.status_code, "offset" in answer.json()["where"]) == (422, True)


async def test_what_is_not_there_is_missing(client: httpx.AsyncClient, runs: HouseDouble) -> None:
    assert (await client.get("/api/runs/none/report")).status_code == 404
    assert (await client.get("/api/runs/none/sound")).status_code == 404
    silent = await client.get("/api/runs/run-talk/sound")
    assert (silent.status_code, silent.json()["title"]) == (404, "No sound was kept of this run")
    heard = await client.get("/api/runs/run-call/sound")
    assert (heard.status_code, heard.headers["content-type"], heard.content) == (200, "audio/ogg", b"OggS")


async def test_while_too_many_are_made_it_is_asked_again_later(client: httpx.AsyncClient, runs: HouseDouble) -> None:
    runs.reports.failure = ClosedError("several reports are being made", where="report", remedy="Ask again.")
    answer = await client.get("/api/runs/run-show/report")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_the_live_events_begin_with_the_state_and_end_with_the_house(
    client: httpx.AsyncClient, house: HouseDouble
) -> None:
    house.ledger.enter("show:show", ShowRecord(30))
    house.ledger.enter(HOUSE, MachineRecord(0.0, 4000.0, {"main": 5.0}, {"main": 80.0}))
    house.evidence.close()
    answer = await client.get("/api/evidence/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    (told,) = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    state = json.loads(told)
    assert (state["type"], state["show"]["of"], len(state["seconds"])) == ("state", "show:show", 1)


async def test_a_watcher_who_is_gone_is_forgotten(house: HouseDouble) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def receive() -> dict[str, str]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Mapping[str, Any]) -> None:
        if b"event: state" in message.get("body", b""):
            asked.set()

    stream = EvidenceStream(house.evidence, "show:show", 15.0, asyncio.Event())
    async with asyncio.TaskGroup() as group:
        group.create_task(stream({"type": "http"}, receive, send))
        await asked.wait()
        assert house.evidence.watched("show:show")
        gone.set()
    assert not house.evidence.watched("show:show")
