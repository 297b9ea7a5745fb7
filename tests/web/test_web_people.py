"""What a person sees of what is kept of them, changes, and has forgotten."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from studio_double import Connect, HouseDouble

from duologue.app.people.people import People
from duologue.clock import SECOND, VirtualClock
from duologue.store.conversations import KeptConversation
from duologue.store.facts import remember
from duologue.store.people import meet
from duologue.store.values import NewFact, Who
from duologue.telemetry.run_shelf import RunShelf
from duologue.tokens import Scope
from duologue.web.options import Grant, Key, WebOptions
from store_doubles import InstantStore

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

NAME = "Zoë, 3rd"
ME = {"X-Duologue-Person": quote(NAME)}
PATH = "/api/people/me"


@pytest.fixture
def store(tmp_path: Path) -> InstantStore:
    return InstantStore(tmp_path / "store.sqlite3", VirtualClock())


@pytest.fixture
def house(store: InstantStore, tmp_path: Path) -> HouseDouble:
    return HouseDouble(people=People(store, store.clock, RunShelf(tmp_path / "runs")))


@pytest.fixture
async def client(connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    async with connect() as client:
        yield client


def known(store: InstantStore, realm: str = "", recording: str = "") -> str:
    """Somebody who was here."""

    def write(session: Any) -> str:
        person = meet(session, Who(NAME, realm), 5 * SECOND)
        person.name = "Zoë"
        remember(session, person.id, [NewFact("They like tea.")], source="rules", at=7 * SECOND)
        KeptConversation(f"c{realm}", "talk", "chad", 6 * SECOND, person.id, recording=recording).write(session)
        return person.id

    return store.do(write)


async def test_a_stranger_has_no_memory_and_leaves_no_trace(client: httpx.AsyncClient, store: InstantStore) -> None:
    assert (await client.get(f"{PATH}/memory", headers=ME)).json() == {"name": "", "facts": []}
    for method, path in (("GET", "/export"), ("DELETE", ""), ("DELETE", "/memory/f")):
        answer = await client.request(method, f"{PATH}{path}", headers=ME)
        assert (answer.status_code, answer.json()["title"]) == (422, "nothing is kept of you")
    assert (await client.delete(f"{PATH}/memory", headers=ME)).status_code == 204
    from sqlalchemy import select

    from duologue.store.tables import PersonRow

    assert store.rows(select(PersonRow.id)) == []


async def test_what_is_remembered_is_shown_changed_and_forgotten(
    client: httpx.AsyncClient, store: InstantStore
) -> None:
    known(store)
    told = (await client.get(f"{PATH}/memory", headers=ME)).json()
    (fact,) = told["facts"]
    assert (told["name"], fact["text"], fact["source"], fact["at"]) == ("Zoë", "They like tea.", "rules", 7000.0)
    change = {"name": "Zo", "facts": [{"id": fact["id"], "text": "They love tea."}, {"text": "They sing."}]}
    changed = (await client.put(f"{PATH}/memory", headers=ME, json=change)).json()
    assert changed["name"] == "Zo"
    assert {(each["text"], each["source"]) for each in changed["facts"]} == {
        ("They love tea.", "person"), ("They sing.", "person"),
    }  # fmt: skip
    assert (await client.delete(f"{PATH}/memory/{fact['id']}", headers=ME)).status_code == 204
    left = (await client.get(f"{PATH}/memory", headers=ME)).json()
    assert [each["text"] for each in left["facts"]] == ["They sing."]
    assert (await client.delete(f"{PATH}/memory", headers=ME)).status_code == 204
    assert (await client.get(f"{PATH}/memory", headers=ME)).json() == {"name": "Zo", "facts": []}


@pytest.mark.parametrize(
    "change",
    [
        {"facts": [{"text": ""}]},
        {"facts": [{"text": "x" * 301}]},
        {"facts": [{"text": "x"}] * 201},
        {},
        {"facts": [{"id": "f", "text": "x"}]},
    ],
)
async def test_what_cannot_be_remembered_is_named(client: httpx.AsyncClient, change: dict[str, Any]) -> None:
    answer = await client.put(f"{PATH}/memory", headers=ME, json=change)
    assert answer.status_code == 422 and answer.json()["remedy"]


async def test_all_of_it_is_exported_and_goes(client: httpx.AsyncClient, store: InstantStore, tmp_path: Path) -> None:
    recording = tmp_path / "c.opus"
    recording.write_bytes(b"sound")
    known(store, recording=str(recording))
    told = (await client.get(f"{PATH}/export", headers=ME)).json()
    assert told["person"]["key"] == NAME and told["conversations"][0]["character"] == "chad"
    assert (await client.delete(PATH, headers=ME)).status_code == 204
    assert not recording.exists()
    assert (await client.get(f"{PATH}/export", headers=ME)).status_code == 422


async def test_who_asks_says_who_they_are(client: httpx.AsyncClient) -> None:
    for headers in ({}, {"X-Duologue-Person": ""}, {"X-Duologue-Person": "x" * 101}):
        assert (await client.get(f"{PATH}/memory", headers=headers)).status_code == 422


@pytest.mark.parametrize("name", ["Владимир " * 11, "𝒜" * 100, "Zoe\u0308, 3rd"], ids=["Cyrillic", "long", "apart"])
async def test_a_name_in_any_alphabet_is_theirs(client: httpx.AsyncClient, store: InstantStore, name: str) -> None:
    def write(session: Any) -> None:
        person = meet(session, Who(unicodedata.normalize("NFC", name)), 5 * SECOND)
        remember(session, person.id, [NewFact("They like tea.")], source="rules", at=7 * SECOND)

    store.do(write)
    told = await client.get(f"{PATH}/memory", headers={"X-Duologue-Person": quote(name)})
    assert [each["text"] for each in told.json()["facts"]] == ["They like tea."]


@pytest.mark.parametrize(
    "name", ["Zoë".encode(), "Zoë".encode("latin-1"), b"Zo%EB", b"%E2%82", b"x" * 101],
    ids=["UTF-8", "Latin-1", "Latin-1 encoded", "half", "long"],
)  # fmt: skip
async def test_a_name_that_is_not_encoded_is_not_taken_for_somebody_of_whom_nothing_is_known(
    client: httpx.AsyncClient, store: InstantStore, name: bytes
) -> None:
    answer = await client.get(f"{PATH}/memory", headers={b"X-Duologue-Person": name})
    assert answer.status_code == 422 and "URL-encode" in answer.json()["remedy"]


async def test_another_token_is_another_person(connect: Connect, store: InstantStore) -> None:
    known(store, "ann")
    keys = tuple(Key(f"{name} token", Grant(name, frozenset({Scope.TALK}))) for name in ("ann", "bob"))
    async with connect(WebOptions(host="0.0.0.0", keys=keys), "http://talk.example") as client:

        async def facts(name: str) -> int:
            headers = {**ME, "Authorization": f"Bearer {name} token"}
            return len((await client.get(f"{PATH}/memory", headers=headers)).json()["facts"])

        assert (await facts("ann"), await facts("bob")) == (1, 0)


async def test_a_house_that_keeps_nothing_says_so(connect: Connect, house: HouseDouble) -> None:
    house.people = None
    async with connect() as client:
        answer = await client.get(f"{PATH}/memory", headers=ME)
    assert answer.status_code == 404 and "keep = true" in answer.json()["remedy"]


async def test_a_store_that_fails_is_a_fault_behind_us(client: httpx.AsyncClient, store: InstantStore) -> None:
    from duologue.errors import PeerError

    store.failure = PeerError("database is locked")
    answer = await client.get(f"{PATH}/memory", headers=ME)
    assert (answer.status_code, answer.json()["title"]) == (502, "database is locked")
