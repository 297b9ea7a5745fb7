"""The API's answers: what is asked arrives at the studio, and every error says what, where and the next step."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator

import httpx
import pytest
from structlog.testing import capture_logs
from studio_double import Connect, HouseDouble, StudioDouble, segment

from duologue.app.models import CaptionRequest, ChatRequest, ConversationRequest, LightsRequest, Problem, TvRequest
from duologue.errors import ClosedError, DuologueError, InputError, InternalError, PeerError
from duologue.stage.motion.pose import Daylight
from duologue.web import limits
from duologue.web.application import openapi_schema
from duologue.web.options import WebOptions
from duologue.web.reference import render

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


def problem_of(answer: httpx.Response) -> Problem:
    assert answer.headers["content-type"] == "application/problem+json"
    found = Problem.model_validate_json(answer.content)
    assert found.status == answer.status_code
    return found


async def test_a_conversation_is_started_watched_and_stopped(client: httpx.AsyncClient, studio: StudioDouble) -> None:
    started = await client.post("/api/conversations", json={"topic": "cheese", "turns": 4, "seed": 7})
    assert (started.status_code, started.headers["location"]) == (201, "/api/conversations/c0")
    assert studio.asked == [ConversationRequest(topic="cheese", turns=4, seed=7)]
    watched = await client.get(started.headers["location"])
    assert watched.json() == started.json()
    listed = await client.get("/api/conversations")
    assert [conversation["id"] for conversation in listed.json()] == ["c0"]
    for _ in range(2):  # stopping is idempotent
        stopped = await client.delete("/api/conversations/c0")
        assert (stopped.status_code, stopped.json()["state"]) == (200, "stopped")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_unknown_conversation(client: httpx.AsyncClient, studio: StudioDouble, method: str) -> None:
    answer = await client.request(method, "/api/conversations/nope")
    assert answer.status_code == 404
    assert "'nope'" in problem_of(answer).title
    assert "GET /api/conversations" in problem_of(answer).remedy
    assert studio.asked == []


@pytest.mark.parametrize(
    ("path", "body", "request_"),
    [
        ("/api/chat", {"to": "chad", "text": "hello"}, ChatRequest(to="chad", text="hello")),
        ("/api/stage/tv", {"action": "play", "film": "waves"}, TvRequest(action="play", film="waves")),
        ("/api/stage/lights", {"daylight": "night"}, LightsRequest(daylight=Daylight.NIGHT)),
        ("/api/stage/caption", {"text": "hi"}, CaptionRequest(text="hi")),
    ],
)
async def test_a_request_arrives(
    client: httpx.AsyncClient, studio: StudioDouble, path: str, body: dict[str, str], request_: object
) -> None:
    answer = await client.post(path, json=body)
    assert answer.status_code == (202 if path == "/api/chat" else 200)
    assert studio.asked == [request_]


async def test_the_stage_is_shown(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/stage")
    assert [member["name"] for member in answer.json()["cast"]] == ["chad", "virgin"]


@pytest.mark.parametrize(
    ("error", "status"), [(InputError, 422), (PeerError, 502), (ClosedError, 503), (InternalError, 500)]
)
async def test_an_error_of_the_house_becomes_a_problem(
    client: httpx.AsyncClient, studio: StudioDouble, error: type[DuologueError], status: int
) -> None:
    studio.failure = error("the topic is empty", where="topic", remedy="Write one.")
    with capture_logs() as logged:
        answer = await client.post("/api/conversations", json={})
    assert len(logged) == (status == 500)  # only our own faults
    assert answer.status_code == status
    assert problem_of(answer) == Problem(title="the topic is empty", where="topic", remedy="Write one.", status=status)
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_an_unforeseen_error_tells_nothing_of_the_inside(client: httpx.AsyncClient, studio: StudioDouble) -> None:
    studio.failure = RuntimeError("secret detail")
    with capture_logs() as logged:
        answer = await client.post("/api/conversations", json={})
    assert [(line["event"], line["path"], line["exc_info"]) for line in logged] == [
        ("request.failed", "/api/conversations", studio.failure)
    ]
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert problem_of(answer).remedy


@pytest.mark.parametrize(
    ("body", "where"),
    [({"turns": 0}, "body.turns"), ({"turns": "many"}, "body.turns"), ({"tunrs": 3}, "body.tunrs"), ([], "body")],
)
async def test_a_wrong_field_is_named(
    client: httpx.AsyncClient, studio: StudioDouble, body: object, where: str
) -> None:
    answer = await client.post("/api/conversations", json=body)
    assert (answer.status_code, problem_of(answer).where) == (422, where)
    assert studio.asked == []


async def test_broken_json_is_the_askers_fault(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/conversations", content=b"{", headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert problem_of(answer).title


async def test_a_form_of_another_site_is_not_json(client: httpx.AsyncClient, studio: StudioDouble) -> None:
    """A page may send text/plain anywhere without asking; it must not start a conversation."""
    answer = await client.post("/api/conversations", content=b"{}", headers={"content-type": "text/plain"})
    assert answer.status_code == 422
    assert studio.asked == []


@pytest.mark.parametrize("announced", [True, False])
async def test_a_large_body_is_refused(client: httpx.AsyncClient, studio: StudioDouble, announced: bool) -> None:
    body = b'{"topic": "' + b"x" * 100_000 + b'"}'

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 10_000):
            yield body[start : start + 10_000]

    answer = await client.post(
        "/api/conversations", content=body if announced else pieces(), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 413
    assert "65536 bytes" in problem_of(answer).title
    assert studio.asked == []


async def test_a_body_that_never_arrives_is_given_up(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.05)

    async def begun() -> AsyncGenerator[bytes]:
        yield b'{"to": '
        await asyncio.Event().wait()

    answer = await client.post("/api/chat", content=begun(), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.headers["connection"]) == (408, "close")
    assert "did not arrive" in answer.json()["title"]


@pytest.mark.parametrize("path", ["/api/nothing", "/nothing.txt"])
async def test_an_unknown_address(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert problem_of(answer).where == path and "/docs" in problem_of(answer).remedy


async def test_a_wrong_method_says_which_are_right(client: httpx.AsyncClient) -> None:
    answer = await client.put("/api/stage/tv", json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["remedy"] == "Use POST; see /docs."
    problem_of(answer)


@pytest.mark.parametrize(
    ("address", "methods"),
    [
        ("/api/conversations", "GET, POST"), ("/api/conversations/1", "GET, DELETE"),
        ("/api/stage/utterances", "GET, POST, DELETE"), ("/stream/index.m3u8", "GET, HEAD"),
        ("/shows/show/api/people/me/memory", "GET, PUT, DELETE"),
    ],
)  # fmt: skip
async def test_all_methods_of_an_address_are_named(client: httpx.AsyncClient, address: str, methods: str) -> None:
    """Those of its first route alone were: a client was told to POST what may also be read."""
    answer = await client.patch(address)
    assert (answer.status_code, answer.headers["allow"]) == (405, methods)
    assert answer.json()["remedy"] == f"Use {methods}; see /docs."


# the stream


async def test_before_the_first_segment_a_player_is_told_to_wait(client: httpx.AsyncClient) -> None:
    answer = await client.get("/stream/index.m3u8")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.headers["cache-control"] == "no-store"
    problem_of(answer)


async def test_the_playlist(client: httpx.AsyncClient, studio: StudioDouble) -> None:
    studio.text = "#EXTM3U\n"
    answer = await client.get("/stream/index.m3u8")
    assert answer.text == "#EXTM3U\n"
    assert answer.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert answer.headers["cache-control"] == "no-cache"
    asked = await client.head("/stream/index.m3u8")
    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers["content-length"] == str(len("#EXTM3U\n"))


async def test_a_segment(client: httpx.AsyncClient, studio: StudioDouble) -> None:
    studio.files["7.m4s"] = segment(b"moof")
    answer = await client.get("/stream/7.m4s")
    assert (answer.content, answer.headers["content-type"]) == (b"moof", "video/mp4")
    assert answer.headers["cache-control"] == "public, max-age=3600, immutable"
    gone = await client.get("/stream/6.m4s")
    assert gone.status_code == 404
    assert problem_of(gone).remedy == "Reload /stream/index.m3u8."


ELSEWHERE = {"origin": "https://elsewhere.example"}
ALLOWED = "access-control-allow-origin"


async def test_no_other_site_may_show_or_read_anything_unless_it_is_named(
    client: httpx.AsyncClient, studio: StudioDouble
) -> None:
    studio.text, studio.files["7.m4s"] = "#EXTM3U\n", segment(b"moof")
    for path in ("/stream/index.m3u8", "/stream/7.m4s", "/api/stage", "/docs", "/nowhere"):
        answer = await client.get(path, headers=ELSEWHERE)
        assert ALLOWED not in answer.headers
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    preflight = await client.options("/stream/index.m3u8", headers=ELSEWHERE)
    assert preflight.status_code == 405 and ALLOWED not in preflight.headers


async def test_a_named_site_may_play_the_stream_and_nothing_else(connect: Connect, studio: StudioDouble) -> None:
    studio.text = "#EXTM3U\n"
    async with connect(WebOptions(cors_origins=("https://elsewhere.example",))) as client:
        for path, status in (("/stream/index.m3u8", 200), ("/stream/6.m4s", 404)):
            answer = await client.get(path, headers=ELSEWHERE)
            assert (answer.status_code, answer.headers[ALLOWED]) == (status, "https://elsewhere.example")
            assert "Origin" in answer.headers["vary"]
        preflight = await client.options("/stream/index.m3u8", headers=ELSEWHERE)
        assert preflight.status_code == 204
        assert "Authorization" in preflight.headers["access-control-allow-headers"]
        assert ALLOWED not in (await client.get("/api/stage", headers=ELSEWHERE)).headers
        assert ALLOWED not in (await client.get("/streams", headers=ELSEWHERE)).headers
        third = await client.get("/stream/index.m3u8", headers={"origin": "https://third.example"})
        assert ALLOWED not in third.headers and third.headers["vary"] == "Origin"
        assert third.headers["cross-origin-resource-policy"] == "same-origin"
        assert (await client.options("/stream/index.m3u8", headers={"origin": "null"})).status_code == 405


async def test_every_site_may_play_the_stream_when_it_is_said_so(connect: Connect, studio: StudioDouble) -> None:
    studio.text = "#EXTM3U\n"
    async with connect(WebOptions(cors_origins=("*",))) as client:
        answer = await client.get("/stream/index.m3u8", headers=ELSEWHERE)
        assert (answer.headers[ALLOWED], answer.headers["cross-origin-resource-policy"]) == ("*", "cross-origin")
        assert "vary" not in answer.headers
        assert ALLOWED not in (await client.get("/api/stage", headers=ELSEWHERE)).headers


# for machines


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health(client: httpx.AsyncClient, house: HouseDouble, studio: StudioDouble, path: str) -> None:
    assert (await client.get(path)).json() == {"ok": True, "reasons": []}
    house.health = studio.health = (False, ["nothing is on air yet"])
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["nothing is on air yet"])
    assert (await client.head(path)).status_code == 503  # as some probes ask


async def test_metrics(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert answer.text.startswith("# HELP")


def test_the_schema_holds_all_that_the_page_needs() -> None:
    schema = openapi_schema()
    assert {"/api/conversations", "/api/chat", "/api/events", "/api/stage/tv", "/stream/index.m3u8"} <= set(
        schema["paths"]
    )
    events = schema["paths"]["/api/events"]["get"]["responses"]["200"]["content"]["text/event-stream"]["schema"]
    assert events == {"$ref": "#/components/schemas/StreamedEvent"}
    named = schema["components"]["schemas"]["StreamedEvent"]["discriminator"]["mapping"]
    assert set(named) == {
        "state", "conversation", "turn", "stage", "telemetry", "notice", "part", "talk", "talk_turn", "engines",
        "places", "outputs", "worker", "line", "call", "call_turn", "levels",
    }  # fmt: skip
    operations = [operation["operationId"] for path in schema["paths"].values() for operation in path.values()]
    assert len(operations) == len(set(operations))
    assert "HTTPValidationError" not in schema["components"]["schemas"]


async def test_the_reference_names_every_route_and_model_and_loads_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    schema = (await client.get("/openapi.json")).json()
    assert schema == openapi_schema()
    for path in schema["paths"]:
        assert path in answer.text
    anchors = set(re.findall(r'id="([^"]+)"', answer.text))
    assert set(re.findall(r'href="#([^"]+)"', answer.text)) == set(schema["components"]["schemas"]) <= anchors
    assert "<script" not in answer.text and "https://" not in answer.text


def test_the_reference_escapes_what_it_is_given() -> None:
    hostile = {"type": "object", "description": "<b>bold</b> ``x<y``", "properties": {"<i>": {"type": "string"}}}
    page = render({"info": {"title": "<t>", "version": "1"}, "paths": {}, "components": {"schemas": {"M": hostile}}})
    assert "<b>" not in page and "<i>" not in page and "<t>" not in page
    assert "<code>x&lt;y</code>" in page
