"""Clips over HTTP: every way to send one arrives the same, and what is wrong with one is said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from studio_double import Connect, StudioDouble

from duologue.app.idempotency import KeyReused
from duologue.app.models import ClipMark, Problem, UtteranceRequest
from duologue.app.show.guests import QueueFull
from duologue.errors import ClosedError, DuologueError, InputError
from duologue.stage.motion.pose import Expression
from duologue.web import utterances
from duologue.web.multipart import parse_form
from duologue.web.options import WebOptions
from duologue.web.utterances import PATH

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

SOUND = bytes(range(256)) * 4 + b"\r\n--\r\n\n"
MARKS = [{"text": "hello", "start": 0, "end": 420.5}]
WANTED = UtteranceRequest(
    character="chad", text="hello, dear", expression=Expression.SMILE,
    marks=(ClipMark(text="hello", start=0, end=420.5),),
)  # fmt: skip
FIELDS = {"character": "chad", "text": "hello, dear", "expression": "smile", "marks": json.dumps(MARKS)}


def problem_of(answer: httpx.Response) -> Problem:
    assert answer.headers["content-type"] == "application/problem+json"
    return Problem.model_validate_json(answer.content)


async def test_a_form_and_a_bare_body_say_the_same(client: httpx.AsyncClient, studio: StudioDouble) -> None:
    form = await client.post(PATH, data=FIELDS, files={"audio": ("hello.wav", SOUND)}, headers={"Idempotency-Key": "k"})
    bare = await client.post(PATH, params=FIELDS, content=SOUND)
    mixed = await client.post(
        PATH, params=FIELDS | {"text": "no"}, data={"text": "hello, dear"}, files={"audio": SOUND}
    )
    assert [form.status_code, bare.status_code, mixed.status_code] == [202, 202, 202]
    assert studio.guests.asked == [(WANTED, SOUND, "k"), (WANTED, SOUND, ""), (WANTED, SOUND, "")]
    assert (form.headers["location"], form.json()["place"], bare.json()["place"]) == (f"{PATH}/u0", 0, 1)


async def test_a_body_as_curl_sends_it_by_default(client: httpx.AsyncClient, studio: StudioDouble) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await client.post(PATH, params={"character": "chad"}, content=SOUND, headers=headers)
    assert answer.status_code == 202
    assert studio.guests.asked == [(UtteranceRequest(character="chad"), SOUND, "")]


async def test_a_clip_is_followed_skipped_and_cleared(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await client.post(PATH, params={"character": "chad"}, content=SOUND)
    assert [clip["id"] for clip in (await client.get(PATH)).json()] == ["u0", "u1", "u2"]
    assert (await client.get(f"{PATH}/u1")).json()["state"] == "waiting"
    for _ in range(2):
        assert (await client.delete(f"{PATH}/u1")).json()["state"] == "skipped"
    assert [clip["id"] for clip in (await client.delete(PATH)).json()] == ["u0", "u2"]
    assert (await client.get(PATH)).json() == []


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_unknown_clip(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, f"{PATH}/u9")
    assert answer.status_code == 404 and "'u9'" in problem_of(answer).title


@pytest.mark.parametrize(
    ("fields", "what", "where"),
    [
        ({}, "Field required", "character"),
        ({"character": "chad", "expression": "smug"}, "expression", "expression"),
        ({"character": "chad", "alphabet": "runes"}, "alphabet", "alphabet"),
        ({"character": "chad", "marks": "[{"}, "not JSON", "marks"),
        ({"character": "chad", "marks": "[" * 100_000}, "marks", "marks"),
        ({"character": "chad", "marks": "{}"}, "marks", "marks"),
        ({"character": "chad", "marks": '[{"text": "a", "start": -1, "end": 2}]'}, "marks.0.start", "marks.0.start"),
        ({"character": "chad", "marks": '[{"text": "a", "start": 0, "end": NaN}]'}, "none: NaN", "marks"),  # no JSON
        ({"character": "chad", "text": "x" * 1_000_000}, "1000000 bytes", "text"),
        ({"character": "chad", "colour": "red"}, "colour", "colour"),
    ],
)  # fmt: skip
async def test_wrong_fields(
    client: httpx.AsyncClient, studio: StudioDouble, fields: dict[str, str], what: str, where: str
) -> None:
    answer = await client.post(PATH, data=fields, files={"audio": SOUND})
    assert answer.status_code == 422, answer.text
    found = problem_of(answer)
    assert what in found.title and found.where == where and found.remedy
    assert studio.guests.asked == []


@pytest.mark.parametrize(
    ("content_type", "body", "what"),
    [
        ("multipart/form-data", b"", "boundary"),
        ("multipart/form-data; boundary=" + "b" * 71, b"", "boundary"),
        ("multipart/form-data; boundary=b", b"", "breaks off"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\n", "breaks off"),
        ("multipart/form-data; boundary=b", b"--b\r\nno headers\r\n--b--", "no headers"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--", "no name"),
        ("multipart/form-data; boundary=b", b"--b\r\nA: b\r\n\r\n\r\n" * 20 + b"--b--", "16 parts"),
        ("multipart/form-data; boundary=b",
         b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 2 + b"--b--", "'a' twice"),
        ("multipart/form-data; boundary=b",
         b'--b\r\nContent-Disposition: form-data; name="character"\r\n\r\nchad\r\n--b--', "holds no sound"),
        ("multipart/form-data; boundary=b",
         b'--b\r\nContent-Disposition: form-data; name="audio"\r\n\r\nx\r\n'
         b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\n\xff\r\n--b--', "not UTF-8"),
    ],
)  # fmt: skip
async def test_wrong_forms(client: httpx.AsyncClient, content_type: str, body: bytes, what: str) -> None:
    answer = await client.post(PATH, content=body, headers={"content-type": content_type})
    assert answer.status_code == 422 and what in problem_of(answer).title and problem_of(answer).remedy


@pytest.mark.parametrize(
    ("error", "status", "later"),
    [(KeyReused, 409, False), (QueueFull, 429, True), (ClosedError, 503, True), (InputError, 422, False)],
)
async def test_what_the_queue_says_arrives(
    client: httpx.AsyncClient, studio: StudioDouble, error: type[DuologueError], status: int, later: bool
) -> None:
    studio.guests.failure = error("it cannot be", where="there", remedy="Do this.")
    answer = await client.post(PATH, params={"character": "chad"}, content=SOUND)
    assert answer.status_code == status and ("retry-after" in answer.headers) is later
    assert problem_of(answer) == Problem(title="it cannot be", where="there", remedy="Do this.", status=status)


async def endless(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield bytes(1024)


async def test_a_clip_may_be_larger_than_json_but_not_too_large(
    connect: Connect, studio: StudioDouble, tmp_path: Path
) -> None:
    async with connect(WebOptions(static=tmp_path, max_upload=256 * 1024)) as client:
        fits = await client.post(PATH, params={"character": "chad"}, content=endless(200))
        announced = await client.post(PATH, params={"character": "chad"}, content=bytes(257 * 1024))
        noticed = await client.post(PATH, params={"character": "chad"}, content=endless(100_000))
        elsewhere = await client.post("/api/stage/caption", content=bytes(200 * 1024))
    assert [answer.status_code for answer in (fits, announced, noticed, elsewhere)] == [202, 413, 413, 413]
    assert len(studio.guests.asked) == 1


async def test_a_clip_that_never_arrives_is_given_up(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(utterances, "UPLOAD_SECONDS", 0.01)

    async def stuck() -> AsyncIterator[bytes]:
        yield b"RIFF"
        await asyncio.Event().wait()

    answer = await client.post(PATH, params={"character": "chad"}, content=stuck())
    assert answer.status_code == 408 and "did not arrive" in problem_of(answer).title


async def test_who_trickles_holds_no_place_from_others(
    client: httpx.AsyncClient, studio: StudioDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four that send a byte now and then used to hold all places for a minute."""
    monkeypatch.setattr(utterances, "PIECE_SECONDS", 0.05)

    async def trickle() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        slow = [
            group.create_task(client.post(PATH, params={"character": "chad"}, content=trickle()))
            for _ in range(utterances.MAX_UPLOADS)
        ]
        await asyncio.sleep(0.01)
        quick = group.create_task(client.post(PATH, params={"character": "chad"}, content=SOUND))
    assert [task.result().status_code for task in slow] == [408] * utterances.MAX_UPLOADS
    assert quick.result().status_code == 202 and len(studio.guests.asked) == 1


async def test_a_large_clip_is_read_whole_and_in_order(client: httpx.AsyncClient, studio: StudioDouble) -> None:
    body = bytes(range(256)) * 4000  # six pieces and a bit

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 60_000):
            yield body[start : start + 60_000]

    assert (await client.post(PATH, params={"character": "chad"}, content=chunks())).status_code == 202
    assert studio.guests.asked[0][1] == body


async def test_no_other_site_may_put_a_clip(client: httpx.AsyncClient, studio: StudioDouble) -> None:
    answer = await client.post(PATH, params={"character": "chad"}, content=SOUND, headers={"Origin": "http://evil"})
    assert answer.status_code == 403 and studio.guests.asked == []


NAMES = st.text(st.characters(codec="utf-8", exclude_characters='"\\%', exclude_categories=["C", "Z"]), min_size=1)


@given(parts=st.dictionaries(NAMES, st.binary(), min_size=1, max_size=8))
def test_what_a_client_library_writes_is_read(parts: dict[str, bytes]) -> None:
    request = httpx.Request("POST", "http://x", files={name: ("file", content) for name, content in parts.items()})
    assert parse_form(request.headers["content-type"], request.read()) == parts


SHREDS = (
    b"--b", b"--b--", b"\r\n", b"\n", b" ", b'Content-Disposition: form-data; name="', b'a"', b"=?utf-8?q?=ff?=",
    b"name*=x'", b"\xff", b";",
)  # fmt: skip


@given(body=st.lists(st.sampled_from(SHREDS), max_size=24))
def test_any_body_is_a_form_or_is_refused(body: list[bytes]) -> None:
    try:
        found = parse_form("multipart/form-data; boundary=b", b"".join(body))
    except InputError as error:
        assert error.where == "body" and error.remedy
    else:
        assert all(found)
