"""Two real shows in one process, at a small size: each its own stage, stream and book, on the engines of both."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from duologue.app.house import House, Show
from duologue.app.models import NoticeEvent, ShowState
from duologue.app.studio import Studio
from duologue.clock import SECOND, SYSTEM_CLOCK
from duologue.errors import InputError
from duologue.settings import Settings, load_settings
from duologue.telemetry.ledger import ConversationRecord, FrameRecord, WorkerRecord
from duologue.telemetry.ledger_reader import LedgerReader

pytestmark = [pytest.mark.realtime, pytest.mark.timeout(120)]

COMMON = {"show.size": "320x180", "show.lead_s": 0.5, "show.turns": 30, "web.port": 0}


def settings(**flags: object) -> Settings:
    named = {key.replace("__", "."): value for key, value in flags.items()}
    return load_settings({**COMMON, **named})


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncGenerator[dict[str, Show]]:
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


def studio_of(show: Show) -> Studio:
    assert show.studio is not None, show.failure
    return show.studio


async def test_two_shows_are_on_air_and_neither_meets_the_other(tmp_path: Path) -> None:
    several = settings(
        shows__day__topic="tea", shows__late__topic="owls", shows__late__room="living-room",
        ledger__folder=tmp_path / "ledgers", shows__late__record=tmp_path / "late.mp4",
    )  # fmt: skip
    async with open_house(several) as shows:
        await until(lambda: all(show.state is ShowState.ON_AIR for show in shows.values()))
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
        reader = late.subscribe()
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
    restarted = {entry.of for entry in told if isinstance(entry.record, WorkerRecord)}
    assert restarted == {"show:day"}
    assert (tmp_path / "late.mp4").stat().st_size > 10_000


def _names(studio: Studio) -> list[str]:
    playlist = studio.playlist()
    assert playlist is not None
    return [line for line in playlist.splitlines() if line.endswith(".m4s")]


async def test_a_show_that_cannot_be_is_named_and_the_other_is_on_air() -> None:
    with capture_logs() as logged:
        async with open_house(settings(shows__day__topic="tea", shows__late__room="no-such-room")) as shows:
            await until(lambda: shows["day"].state is ShowState.ON_AIR)
            assert shows["late"].state is ShowState.FAILED
            assert "no-such-room" in shows["late"].failure
            await until(lambda: studio_of(shows["day"]).outlet.segments >= 2)
    [line] = [line for line in logged if line["event"] == "show.failed"]
    assert line["show"] == "late" and "no-such-room" in line["error"] and line["exc_info"] is None


async def test_a_house_of_which_no_show_can_be_ends_with_the_reasons() -> None:
    house = House(settings(shows__day__room="no-such-room", shows__late__cast="nobody,chad"))
    with capture_logs() as logged, pytest.RaisesGroup(pytest.RaisesExc(InputError), pytest.RaisesExc(InputError)):
        await house.run()
    assert len(logged) == 2


async def test_a_show_that_is_alone_ends_with_its_error() -> None:
    house = House(settings(show__room="no-such-room"))
    with pytest.RaisesGroup(pytest.RaisesExc(InputError, match="no-such-room")):
        await house.run()
    assert house.shows[0].name == "show" and house.shows[0].state is ShowState.FAILED


async def test_a_house_is_over_when_every_show_is() -> None:
    once = settings(show__forever=False, show__turns=1, shows__day__topic="tea", shows__late__topic="owls")
    house = House(once)
    async with asyncio.timeout(90):
        await house.run()
    assert [show.state for show in house.shows] == [ShowState.OVER, ShowState.OVER]
