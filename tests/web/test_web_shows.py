"""Several shows at one address: each in its own place, the first one also at the root."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from studio_double import Connect, HouseDouble, ShowDouble, StudioDouble, segment

from duologue.app.models import ConversationState, ConversationView, Notice, PartState, ShowView
from duologue.web import paths
from duologue.web.application import create_app
from duologue.web.options import WebOptions

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

TOKEN = "correct horse"


@pytest.fixture
def shows() -> list[ShowDouble]:
    return [ShowDouble("day"), ShowDouble("late-night")]


def studio_of(show: ShowDouble) -> StudioDouble:
    assert show.studio is not None
    return show.studio


async def test_each_show_is_in_its_place_and_the_first_at_the_root_too(
    connect: Connect, shows: list[ShowDouble]
) -> None:
    for show in shows:
        studio_of(show).text = f"#EXTM3U of {show.name}\n"
        studio_of(show).files["7.m4s"] = segment(show.name.encode())
    async with connect(shows=shows) as client:
        for place, name in (("", "day"), ("/shows/day", "day"), ("/shows/late-night", "late-night")):
            assert (await client.get(f"{place}/stream/index.m3u8")).text == f"#EXTM3U of {name}\n"
            assert (await client.get(f"{place}/stream/7.m4s")).content == name.encode()
            for path in ("/api/stage", "/metrics", "/docs", "/openapi.json", "/healthz", "/readyz"):
                assert (await client.get(f"{place}{path}")).status_code == 200, path
        gone = await client.get("/shows/late-night/stream/8.m4s")
        assert gone.json()["remedy"] == "Reload /shows/late-night/stream/index.m3u8."


async def test_what_is_asked_of_one_show_reaches_that_one_and_answers_with_its_address(
    connect: Connect, shows: list[ShowDouble]
) -> None:
    async with connect(shows=shows) as client:
        started = await client.post("/shows/late-night/api/conversations", json={"topic": "owls"})
        assert started.headers["location"] == "/shows/late-night/api/conversations/c0"
        assert (await client.get(started.headers["location"])).json()["topic"] == "owls"
        clip = await client.post(
            f"/shows/late-night{paths.API}/stage/utterances?character=chad", content=b"x" * 100_000
        )
        assert (clip.status_code, clip.headers["location"]) == (202, "/shows/late-night/api/stage/utterances/u0")
        assert (await client.get("/api/conversations/c0")).status_code == 404
    assert studio_of(shows[0]).asked == [] and len(studio_of(shows[1]).asked) == 1


async def test_events_are_those_of_the_show(connect: Connect, shows: list[ShowDouble]) -> None:
    async with connect(shows=shows) as client:
        for show in shows:
            studio_of(show).bus.topic(show.topic).notice(Notice(level="info", text=f"only {show.name}"))
        studio_of(shows[0]).bus.close()
        answer = await client.get("/shows/late-night/api/events", headers={"Last-Event-ID": "show-0"})
    assert "only late-night" in answer.text and "only day" not in answer.text


async def test_the_list_names_every_show_with_its_links(connect: Connect, shows: list[ShowDouble]) -> None:
    shows.append(ShowDouble("broken", None, PartState.FAILED, "there is no pack 'x'"))
    studio_of(shows[1]).kept["c"] = ConversationView(
        id="c", topic="owls", cast=("a", "b"), turns_planned=2, seed=1, state=ConversationState.RUNNING, started=0
    )
    async with connect(shows=shows) as client:
        for place, here in (("", "day"), ("/shows/late-night", "late-night")):
            answer = await client.get(f"{place}/api/shows")
            found = [ShowView.model_validate(each) for each in answer.json()]
            assert [each.name for each in found] == ["day", "late-night", "broken"]
            assert [each.name for each in found if each.here] == [here]
        late, broken = found[1:]
        assert (late.topic, late.state) == ("owls", "up")
        assert (broken.state, broken.failure) == ("failed", "there is no pack 'x'")
        for link in (late.stream, late.metrics):
            studio_of(shows[1]).text = "#EXTM3U\n"
            assert (await client.get(link)).status_code == 200
    assert (late.page, late.events) == ("/shows/late-night/", "/shows/late-night/api/events")


async def test_a_show_that_failed_says_why_and_the_others_go_on(connect: Connect) -> None:
    shows = [ShowDouble("day"), ShowDouble("broken", None, PartState.FAILED, "there is no pack 'x'")]
    async with connect(shows=shows) as client:
        answer = await client.get("/shows/broken/api/stage")
        assert answer.status_code == 502
        assert "there is no pack 'x'" in answer.json()["title"] and answer.json()["remedy"]
        assert (await client.get("/api/stage")).status_code == 200
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["reasons"]) == (200, ["broken: it has failed, see the log"])
        alone = await client.get("/shows/broken/readyz")
        assert (alone.status_code, alone.json()["reasons"]) == (503, ["it has failed, see the log"])
        assert (await client.get("/healthz")).status_code == 200


async def test_a_show_that_is_being_opened_asks_for_patience(connect: Connect) -> None:
    shows = [ShowDouble("day", None, PartState.STARTING)]
    async with connect(shows=shows) as client:
        answer = await client.get("/stream/index.m3u8")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).json() == {"ok": False, "reasons": ["it is being opened"]}


@pytest.mark.parametrize("state", [PartState.STOPPED, PartState.FAILED, PartState.STARTING, PartState.RESTARTING])
async def test_the_house_is_told_of_while_its_show_is_not_on(state: PartState) -> None:
    """Its other parts go on: their pages said that the connection was lost for as long as the show was stopped."""
    house = HouseDouble([ShowDouble("day", None, state, "there is no pack 'x'")])
    house.bus.close()  # the state is all that is told
    transport = httpx.ASGITransport(create_app(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081") as client:
        answer = await client.get("/api/events")
    assert answer.status_code == 200 and "event: state" in answer.text


async def test_readiness_wants_one_show_and_tells_of_the_others(connect: Connect, shows: list[ShowDouble]) -> None:
    studio_of(shows[0]).health = (False, ["nothing is on air yet"])
    async with connect(shows=shows) as client:
        one = await client.get("/readyz")
        assert (one.status_code, one.json()["reasons"]) == (200, ["day: nothing is on air yet"])
        shows[1].state = PartState.OVER
        none = await client.get("/readyz")
        reasons = ["day: nothing is on air yet", "late-night: it is over"]
        assert (none.status_code, none.json()["reasons"]) == (503, reasons)


@pytest.mark.parametrize(
    "path", ["/shows", "/shows/", "/shows/nope", "/shows/nope/", "/shows/nope/api/stage", "/shows//"]
)
async def test_a_show_that_there_is_not(connect: Connect, shows: list[ShowDouble], path: str) -> None:
    async with connect(shows=shows) as client:
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["where"]) == (404, path)


async def test_the_page_is_in_every_place_and_a_headless_shows_is_not(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("the page")
    (tmp_path / "assets" / "a.js").write_text("1")
    shows = [ShowDouble("day"), ShowDouble("late"), ShowDouble("bare", headless=True)]
    async with connect(WebOptions(static=tmp_path), shows=shows) as client:
        for place in ("/", "/shows/day/", "/shows/late/"):
            assert (await client.get(place)).text == "the page"
            assert (await client.get(f"{place}assets/a.js")).text == "1"
        bare = await client.get("/shows/late")  # what the page names lies beside it
        assert (bare.status_code, bare.headers["location"]) == (307, "/shows/late/")
        assert (await client.get("/shows/bare/")).status_code == 404
        assert (await client.get("/shows/bare/api/stage")).status_code == 200


async def test_the_token_guards_every_place_and_one_cookie_opens_all(
    connect: Connect, shows: list[ShowDouble], tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("the page")
    options = WebOptions(host="0.0.0.0", token=TOKEN, static=tmp_path)
    async with connect(options, "http://show.example", shows) as client:
        for path in ("/shows/late-night/", "/shows/late-night/api/stage", "/shows/nope/", "/api/shows"):
            assert (await client.get(path)).status_code == 401
        assert (await client.get("/shows/late-night/readyz")).status_code == 200
        entered = await client.get("/shows/late-night/", params={"token": TOKEN, "tab": "x"})
        assert (entered.status_code, entered.headers["location"]) == (303, "/shows/late-night/?tab=x")
        assert (await client.get("/shows/late-night/")).text == (await client.get("/")).text == "the page"
        assert (await client.get("/shows/day/api/stage")).headers["cache-control"] == "no-store"


async def test_other_sites_may_play_the_stream_of_every_place_when_named(
    connect: Connect, shows: list[ShowDouble]
) -> None:
    elsewhere = {"origin": "https://elsewhere.example"}
    async with connect(WebOptions(cors_origins=("*",)), shows=shows) as client:
        stream = await client.get("/shows/late-night/stream/index.m3u8", headers=elsewhere)
        assert stream.headers["access-control-allow-origin"] == "*"
        stage = await client.get("/shows/late-night/api/stage", headers=elsewhere)
        assert "access-control-allow-origin" not in stage.headers


async def test_the_schema_is_the_same_everywhere_and_names_no_place(connect: Connect, shows: list[ShowDouble]) -> None:
    async with connect(shows=shows) as client:
        found = [
            (await client.get(f"{place}/openapi.json")).json() for place in ("/shows/late-night", "", "/shows/day")
        ]
    assert found[0] == found[1] == found[2] and found[0]["servers"] == [{"url": "."}]


async def test_many_at_once_reach_each_their_own(connect: Connect) -> None:
    shows = [ShowDouble(f"s{number}") for number in range(4)]
    for show in shows:
        studio_of(show).text = f"#EXTM3U of {show.name}\n"
    async with connect(shows=shows) as client, asyncio.TaskGroup() as group:
        asked = {
            (show.name, number): group.create_task(client.get(f"/shows/{show.name}/stream/index.m3u8"))
            for number in range(10)
            for show in shows
        }
    answers: dict[tuple[str, int], httpx.Response] = {key: task.result() for key, task in asked.items()}
    assert all(answer.text == f"#EXTM3U of {name}\n" for (name, _), answer in answers.items())
