"""Two real shows in one process, at a small size: each its own stage, stream and book, on the engines of both."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from structlog.testing import capture_logs

from duologue.app.house import house as house_module
from duologue.app.house.house import House
from duologue.app.models import NoticeEvent, PartEvent, PartState, StateEvent, WorkerEvent
from duologue.app.show.guests import Guests
from duologue.app.show.show import ShowPart
from duologue.app.show.studio import Studio
from duologue.clock import SECOND, SYSTEM_CLOCK
from duologue.errors import InputError
from duologue.settings import Settings, load_settings
from duologue.telemetry.ledger import ConversationRecord, FrameRecord, WorkerRecord
from duologue.telemetry.ledger_reader import LedgerReader

pytestmark = [pytest.mark.realtime, pytest.mark.timeout(120), pytest.mark.usefixtures("few_words")]

COMMON = {"show.size": "320x180", "show.lead_s": 0.5, "show.turns": 30, "web.port": 0}


def settings(**flags: object) -> Settings:
    named = {key.replace("__", "."): value for key, value in flags.items()}
    return load_settings({**COMMON, **named})


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncGenerator[dict[str, ShowPart]]:
    house = House(settings)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(house.run())
        try:
            yield {show.name: show for show in house.shows}
        finally:
            running.cancel()


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not happened():
            await SYSTEM_CLOCK.wait_until(SYSTEM_CLOCK.now() + SECOND // 20)


def studio_of(show: ShowPart) -> Studio:
    assert show.studio is not None, show.failure
    return show.studio


async def test_two_shows_are_on_air_and_neither_meets_the_other(tmp_path: Path) -> None:
    several = settings(
        shows__day__topic="tea", shows__late__topic="owls", shows__late__room="living-room",
        ledger__folder=tmp_path / "ledgers", shows__late__record=tmp_path / "late.mp4",
    )  # fmt: skip
    async with open_house(several) as shows:
        await until(lambda: all(show.state is PartState.UP for show in shows.values()))
        day, late = studio_of(shows["day"]), studio_of(shows["late"])
        assert day.link.pid != late.link.pid
        # the first three are a third of a second each; and what was made is told once a second
        await until(lambda: all(studio.outlet.segments >= 6 for studio in (day, late)))
        for studio, topic in ((day, "tea"), (late, "owls")):
            [conversation] = studio.conversations()
            assert conversation.topic == topic
            assert all(turn.conversation == conversation.id for turn in studio.book.newest_turns(100))
        assert set(_names(day)).isdisjoint(_names(late)) and day.resource(_names(late)[-1]) is None
        assert day.metrics() != late.metrics()
        reader = late.bus.subscribe()
        await reader.take()
        pid = day.link.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await until(lambda: day.link.restarts == 1 and day.ready()[0])
        assert late.link.restarts == 0
        notices = [each.event for each in await reader.take() if isinstance(each.event, NoticeEvent)]
        assert notices == []  # the other show's death is not this one's news
    told = list(LedgerReader(tmp_path / "ledgers"))
    for name in ("day", "late"):
        records = [entry.record for entry in told if entry.of == f"show:{name}"]
        assert sum(isinstance(record, FrameRecord) for record in records) > 30
        assert any(isinstance(record, ConversationRecord) for record in records)
    stages = [entry for entry in told if isinstance(entry.record, WorkerRecord) and entry.record.restarts]
    assert {(entry.of, cast("WorkerRecord", entry.record).worker) for entry in stages} == {("house", "stage-day")}
    assert (tmp_path / "late.mp4").stat().st_size > 10_000


def _names(studio: Studio) -> list[str]:
    playlist = studio.playlist()
    assert playlist is not None
    return [line for line in playlist.splitlines() if line.endswith(".m4s")]


async def test_a_show_that_cannot_be_is_named_and_the_other_is_on_air() -> None:
    with capture_logs() as logged:
        async with open_house(settings(shows__day__topic="tea", shows__late__room="no-such-room")) as shows:
            await until(lambda: shows["day"].state is PartState.UP)
            assert shows["late"].state is PartState.FAILED
            assert "no-such-room" in shows["late"].failure
            await until(lambda: studio_of(shows["day"]).outlet.segments >= 2)
    [line] = [line for line in logged if line["event"] == "part.failed"]
    assert line["part"] == "late" and "no-such-room" in line["error"] and line["exc_info"] is None


async def test_a_house_of_which_no_show_can_be_ends_with_the_reasons() -> None:
    house = House(settings(shows__day__room="no-such-room", shows__late__cast="nobody,chad"))
    with capture_logs() as logged, pytest.RaisesGroup(pytest.RaisesExc(InputError), pytest.RaisesExc(InputError)):
        await house.run()
    assert len(logged) == 2


async def test_a_show_that_is_alone_ends_with_its_error() -> None:
    house = House(settings(show__room="no-such-room"))
    with pytest.RaisesGroup(pytest.RaisesExc(InputError, match="no-such-room")):
        await house.run()
    assert house.shows[0].name == "show" and house.shows[0].state is PartState.FAILED


async def test_a_house_is_over_when_every_show_is() -> None:
    once = settings(show__forever=False, show__turns=1, shows__day__topic="tea", shows__late__topic="owls")
    house = House(once)
    async with asyncio.timeout(90):
        await house.run()
    assert [show.state for show in house.shows] == [PartState.OVER, PartState.OVER]


async def test_a_show_that_dies_of_something_unforeseen_is_on_air_again_and_the_other_never_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, told = Guests.run, asyncio.Event()
    struck: list[Guests] = []

    async def die_once(guests: Guests) -> None:
        if struck:
            await run(guests)
        struck.append(guests)
        await told.wait()
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(Guests, "run", die_once)
    with capture_logs() as logged:
        async with open_house(settings(shows__day__topic="tea", shows__late__topic="owls")) as shows:
            await until(lambda: all(show.state is PartState.UP for show in shows.values()))
            [broken] = [show for show in shows.values() if studio_of(show).guests is struck[0]]
            [other] = [show for show in shows.values() if show is not broken]
            before, pid = studio_of(other), studio_of(other).link.pid
            reader = studio_of(broken).bus.subscribe()
            await reader.take()
            told.set()
            await until(lambda: broken.keeper.restarts == 1 and not broken.failure)
            assert broken.state is PartState.UP and studio_of(broken).outlet.segments
            assert other.studio is before and before.link.pid == pid and before.link.restarts == 0
            events = [published.event for published in await reader.take()]
            states = [event.part.state for event in events if isinstance(event, PartEvent)]
            assert PartState.RESTARTING in states
            [again] = [event for event in events if isinstance(event, StateEvent)]
            assert again.state.stage is not None  # who reads on has the new show's state
    [line] = [line for line in logged if line["event"] == "part.restarts"]
    assert line["part"] == broken.name and "nobody foresaw this" in line["error"] and line["exc_info"] is not None


async def test_its_workers_are_listed_told_of_and_restarted_while_the_show_goes_on() -> None:
    house = House(settings(show__topic="tea"))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(house.run())
        show = house.shows[0]
        await until(lambda: show.studio is not None and bool(show.studio.ready()[0]))
        there = {worker.name: worker for worker in house.workers()}
        assert {name: worker.state for name, worker in there.items()} == {"espeak": "up", "stage": "up"}
        assert there["stage"].purpose and there["stage"].pid == studio_of(show).link.pid
        events = house.bus.subscribe(frozenset({"engines"}))
        first = await anext(events)
        assert isinstance(first, StateEvent) and len(first.state.house.workers) == 2
        segments = studio_of(show).outlet.segments
        stage = await house.restart_worker("stage")
        espeak = await house.restart_worker("espeak")
        assert espeak.state == "up" and espeak.restarts == 1 and espeak.pid != there["espeak"].pid
        await until(lambda: studio_of(show).link.ready.is_set() and studio_of(show).link.restarts == 1)
        await until(lambda: studio_of(show).outlet.segments > segments + 2)
        assert stage.failures == 0 and not show.failure
        found = house.metrics().decode().splitlines()
        assert sorted(line for line in found if "restarts_total" in line and line[0] != "#" and "part" not in line) == [
            f'duologue_worker_restarts_total{{worker="{name}"}} 1.0' for name in ("espeak", "stage")
        ]
        seen: set[tuple[str, str]] = set()
        while not {("stage", "starting"), ("stage", "up"), ("espeak", "up")} <= seen:
            event = await anext(events)
            if isinstance(event, WorkerEvent):
                seen.add((event.worker.name, event.worker.state))
        running.cancel()
    assert house.workers() == ()


async def test_a_show_is_kept_once_it_is_on_air(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    house = House(settings(show__topic="tea"))
    assert house.remembering is None  # loading it would make the start longer
    async with asyncio.TaskGroup() as group:
        running = group.create_task(house.run())
        file = tmp_path / "duologue" / "duologue.sqlite3"
        await until(lambda: file.exists() and _rows(file, "select 1 from turns where heard <> ''") != [])
        assert _rows(file, "select part, topic from conversations") == [("show:show", "tea")]
        kept = house.view().store
        assert kept is not None and (kept.where, kept.failure, kept.lost) == (str(file), "", 0)
        assert b"duologue_store_up 1.0" in house.metrics()
        running.cancel()


async def test_a_show_that_stays_on_air_lets_go_of_what_is_too_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(house_module, "DAY", SECOND // 5)
    house = House(settings(show__topic="tea"))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(house.run())
        file = tmp_path / "duologue" / "duologue.sqlite3"
        await until(lambda: file.exists() and _rows(file, "select 1 from conversations") != [])
        with sqlite3.connect(file) as store:
            store.execute("insert into conversations (id, began) values ('of long ago', 1)")
        await until(lambda: _rows(file, "select part from conversations") == [("show:show",)])
        running.cancel()


async def test_what_cannot_be_kept_is_told_to_everybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    (tmp_path / "duologue").mkdir()
    file = tmp_path / "duologue" / "duologue.sqlite3"
    file.write_text("my dear diary " * 100)
    house = House(settings(serve__show=False, serve__talk=True, engines__tts="espeak", engines__stt="pocketsphinx"))
    reader = house.bus.subscribe(frozenset({"show:other"}))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(house.run())
        notices: list[str] = []
        while not notices:
            notices += [each.event.notice.text for each in await reader.take() if isinstance(each.event, NoticeEvent)]
        assert "Nothing is remembered now: the store cannot be read" in notices[0]
        kept = house.view().store
        assert kept is not None and "cannot be read" in kept.failure and "restore" in kept.remedy
        assert b"duologue_store_up 0.0" in house.metrics()
        running.cancel()
    assert file.read_text().startswith("my dear diary")


def _rows(file: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as store:
        try:
            return store.execute(query).fetchall()
        except sqlite3.OperationalError:  # it is being made
            return []
