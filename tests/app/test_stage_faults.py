"""What a stage is put through on air: it is stopped, killed at a film, given more than it can do. The show goes on."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from lone_studio import lone_studio

from duologue.app.models import LightsRequest, NoticeEvent, TvRequest
from duologue.app.show.studio import Studio
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK
from duologue.errors import InputError, first_cause
from duologue.places import packs_folder
from duologue.prover.playlist import parse_playlist
from duologue.settings import load_settings
from duologue.stage.motion.pose import Daylight

pytestmark = [pytest.mark.realtime, pytest.mark.slow, pytest.mark.timeout(180)]


@asynccontextmanager
async def on_air(**flags: object) -> AsyncGenerator[Studio]:
    named = {key.replace("__", "."): value for key, value in flags.items()}
    settings = load_settings({"show.size": "320x180", "show.seed": 7, "show.topic": "tea", "show.turns": 60, **named})
    async with lone_studio(settings) as studio, asyncio.TaskGroup() as group:
        running = group.create_task(studio.run())
        try:
            await cut(studio, 2)
            yield studio
        finally:
            running.cancel()


async def passes(seconds: float) -> None:
    """The machine's time passes: what is tested here lasts that long."""
    await SYSTEM_CLOCK.wait_until(SYSTEM_CLOCK.now() + int(seconds * SECOND))


async def cut(studio: Studio, count: int) -> None:
    """Until so many segments more were cut."""
    wanted = studio.outlet.segments + count
    async with asyncio.timeout(60):
        while studio.outlet.segments < wanted:
            await passes(0.05)


def stage_of(studio: Studio) -> int:
    assert studio.link.pid is not None
    return studio.link.pid


def behind_ms(studio: Studio) -> float:
    """How far the newest segment's end is behind now."""
    playlist = studio.playlist()
    assert playlist is not None
    last = parse_playlist(playlist).entries[-1]
    assert last.wall_ns is not None
    return (SYSTEM_CLOCK.wall() - last.wall_ns) / MILLISECOND - last.duration * 1000


async def test_a_stage_that_is_stopped_for_ten_seconds_is_replaced_and_the_show_is_in_time_again() -> None:
    async with on_air() as studio:
        stopped = stage_of(studio)
        os.kill(stopped, signal.SIGSTOP)
        await passes(10)
        with pytest.raises(ProcessLookupError):  # it was killed, and is no zombie
            os.kill(stopped, signal.SIGCONT)
        await cut(studio, 4)
        assert studio.link.restarts == 1
        assert stage_of(studio) != stopped
        assert behind_ms(studio) < 3000
        playlist = studio.playlist()
        assert playlist is not None and "#EXT-X-DISCONTINUITY\n" in playlist


async def test_a_stage_that_is_stopped_for_three_seconds_goes_on_by_itself() -> None:
    async with on_air() as studio:
        os.kill(stage_of(studio), signal.SIGSTOP)
        await passes(3)
        os.kill(stage_of(studio), signal.SIGCONT)
        await cut(studio, 5)
        assert studio.link.restarts == 0
        assert behind_ms(studio) < 3000


async def test_a_film_at_which_the_stage_dies_twice_is_taken_off_and_named() -> None:
    async with on_air() as studio:
        events = studio.bus.subscribe()
        await anext(events)  # the state; what happens follows
        await studio.tv(TvRequest(action="play", film="night-drive"))
        for restarts in (1, 2):
            await cut(studio, 2)
            os.kill(stage_of(studio), signal.SIGSEGV)
            async with asyncio.timeout(60):
                while studio.link.restarts < restarts:
                    await passes(0.05)
        await cut(studio, 3)
        assert studio.stage().tv == ""
        assert studio.link.restarts == 2
        async with asyncio.timeout(30):
            async for event in events:
                if isinstance(event, NoticeEvent) and "the TV was switched off" in event.notice.text:
                    assert "night-drive" in event.notice.text
                    break


async def test_ten_light_clicks_in_a_second_are_two_bakes_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # nothing is baked yet
    async with on_air(show__size="640x360") as studio:
        await passes(6)  # the finer turns of the heads are baked meanwhile
        before = len(studio.pulse.frame_ledger.bakes)
        for number in range(10):
            await studio.lights(LightsRequest(daylight=list(Daylight)[number % 3], lamp=number % 2 == 0))
            await passes(0.1)
        await cut(studio, 6)
        assert 1 <= len(studio.pulse.frame_ledger.bakes) - before <= 2
        assert studio.stage().daylight is Daylight.DAY and studio.stage().lamp is False


async def test_too_many_characters_for_the_room_are_refused_before_anything_is_on_air(tmp_path: Path) -> None:
    third = tmp_path / "third"
    shutil.copytree(packs_folder() / "characters" / "chad", third)
    toml = third / "character.toml"
    toml.write_text(toml.read_text().replace('name = "chad"', 'name = "third"'))
    settings = load_settings({"show.size": "320x180", "show.cast": f"chad,virgin,{third}"})
    with pytest.raises((InputError, ExceptionGroup)) as raised:
        async with lone_studio(settings) as studio:
            async with asyncio.timeout(60):
                await studio.run()
    error = raised.value
    cause = first_cause(error) if isinstance(error, ExceptionGroup) else error
    assert isinstance(cause, InputError)
    assert "3 characters do not fit" in cause.what
