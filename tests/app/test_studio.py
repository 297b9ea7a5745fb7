"""A whole studio with its real stage process, at a small size: what a person sees, and what happens when parts die."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from lone_studio import lone_studio

from duologue.app.models import (
    CaptionRequest,
    ChatRequest,
    ConversationRequest,
    ConversationState,
    ConversationView,
    Event,
    LightsRequest,
    NoticeEvent,
    StageEvent,
    TurnEvent,
    TvRequest,
)
from duologue.app.show.studio import Studio
from duologue.errors import InputError
from duologue.places import packs_folder
from duologue.prover.playlist import parse_playlist
from duologue.settings import load_settings
from duologue.speech.utterance import Utterance
from duologue.stage.motion.pose import Daylight
from loop_guard import LoopGuard

pytestmark = [pytest.mark.realtime, pytest.mark.timeout(120), pytest.mark.usefixtures("few_words")]

Found = TypeVar("Found")


@asynccontextmanager
async def on_air(**flags: object) -> AsyncGenerator[tuple[Studio, AsyncIterator[Event]]]:
    named = {key.replace("__", "."): value for key, value in flags.items()}
    settings = load_settings({"show.size": "640x360", "show.seed": 7, "show.lead_s": 0.5, "web.port": 0, **named})
    async with lone_studio(settings) as studio, asyncio.TaskGroup() as group:
        events = studio.bus.subscribe()
        running = group.create_task(studio.run())
        try:
            yield studio, events
        finally:
            running.cancel()


async def wait_for(events: AsyncIterator[Event], wanted: Callable[[Event], Found | None]) -> Found:
    async with asyncio.timeout(60):
        async for event in events:
            if (found := wanted(event)) is not None:
                return found
    raise AssertionError("the events ended")


async def segments(studio: Studio, events: AsyncIterator[Event], count: int) -> None:
    """Until so many segments were cut, looking once a second."""
    while studio.outlet.segments < count:
        await wait_for(events, lambda event: True if event.type == "telemetry" else None)


def on_now(studio: Studio) -> ConversationView:
    """The newest conversation, with its turns."""
    found = studio.conversation(studio.conversations()[0].id)
    assert found is not None
    return found


def turn_on_air(event: Event) -> str | None:
    if isinstance(event, TurnEvent) and event.turn.state == "on_air":
        return event.turn.id
    return None


async def test_a_show_goes_on_air_and_its_words_have_times() -> None:
    async with on_air(show__topic="tea", show__turns=2) as (studio, events):
        await wait_for(events, turn_on_air)
        conversation = on_now(studio)
        assert conversation.state is ConversationState.RUNNING
        first = conversation.turns[0]
        assert first.words and first.on_air == pytest.approx(first.words[0].start, abs=500)
        await segments(studio, events, 1)
        playlist = studio.playlist()
        assert playlist is not None
        name = playlist.strip().splitlines()[-1]
        segment = studio.resource(name)
        assert segment is not None and segment.data[4:8] == b"styp"


async def test_once_ends_by_itself_and_the_turns_alternate() -> None:
    settings = load_settings(
        {"show.size": "320x180", "show.topic": "tea", "show.turns": 3, "show.seed": 3, "show.forever": False}
    )
    async with lone_studio(settings) as studio:
        async with asyncio.timeout(100):
            await studio.run()
        conversation = on_now(studio)
        assert conversation.state is ConversationState.ENDED
        spoken = [turn for turn in conversation.turns if turn.kind == "turn"]
        assert [turn.speaker for turn in spoken] == ["chad", "virgin", "chad"]
        gaps = [
            after.on_air - before.ended
            for before, after in itertools.pairwise(spoken)
            if after.on_air is not None and before.ended is not None
        ]
        assert len(gaps) == 2 and all(149.9 <= gap <= 450.1 for gap in gaps)
        assert all(turn.waited_ms == 0 for turn in spoken)


async def test_without_a_topic_show_follows_show_each_as_long_as_was_set() -> None:
    async with on_air(show__turns=1) as (studio, events):
        await wait_for(events, turn_on_air)
        first = on_now(studio)
        await wait_for(
            events,
            lambda event: True if event.type == "conversation" and event.conversation.id != first.id else None,
        )
        two, one = studio.conversations()
        assert one.id == first.id
        assert (one.state, one.turns_planned, two.turns_planned) == (ConversationState.ENDED, 1, 1)
        assert one.topic in studio.stage().topics and two.topic in studio.stage().topics


async def test_a_person_is_answered_as_the_next_turn() -> None:
    async with on_air(show__topic="tea", show__turns=30) as (studio, events):
        await wait_for(events, turn_on_air)
        receipt = await studio.chat(ChatRequest(to="Virgin", text="Do you like green tea?", author="Ada"))
        assert await wait_for(events, turn_on_air) == receipt.turn
        conversation = on_now(studio)
        answer = next(turn for turn in conversation.turns if turn.id == receipt.turn)
        person = next(turn for turn in conversation.turns if turn.kind == "person")
        assert (answer.kind, answer.speaker) == ("answer", "virgin")
        assert (person.speaker, person.text) == ("Ada", "Do you like green tea?")


async def test_stopping_is_immediate_and_starting_again_works() -> None:
    spoken: list[Utterance] = []
    over: dict[str, int] = {}
    async with on_air(show__topic="tea", show__turns=30) as (studio, events):
        studio.spoken = lambda utterance, at: spoken.append(utterance)
        studio.silent = lambda line, at, played: over.update({line: played})
        await wait_for(events, turn_on_air)
        stopped = await studio.stop(on_now(studio).id)
        assert stopped.state in (ConversationState.STOPPED, ConversationState.RUNNING)
        await wait_for(
            events,
            lambda event: (
                True if event.type == "conversation" and event.conversation.state is ConversationState.STOPPED else None
            ),
        )
        assert over[spoken[0].id] < len(spoken[0].samples)  # who draws that face elsewhere shuts its mouth
        again = await studio.start(ConversationRequest(topic="coffee", turns=2))
        assert await wait_for(events, turn_on_air) is not None
        assert studio.programme.current is not None and studio.programme.current.id == again.id


async def test_a_killed_stage_comes_back_and_the_stream_goes_on_with_a_discontinuity() -> None:
    async with on_air(show__topic="tea", show__turns=30) as (studio, events):
        await wait_for(events, turn_on_air)
        await segments(studio, events, 2)
        before = studio.outlet.segments
        pid = studio.link.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        notice = await wait_for(events, lambda event: event.notice if isinstance(event, NoticeEvent) else None)
        assert "killed by signal 9" in notice.text
        await segments(studio, events, before + 3)
        playlist = studio.playlist()
        assert playlist is not None and "#EXT-X-DISCONTINUITY\n" in playlist
        listed = parse_playlist(playlist).entries
        for one, following in itertools.pairwise(listed):  # nothing is missing and nothing comes twice
            assert one.wall_ns is not None and following.wall_ns is not None
            assert following.wall_ns - one.wall_ns == pytest.approx(one.duration * 1e9, abs=1e6)
        assert studio.link.restarts == 1
        assert await wait_for(events, turn_on_air) is not None  # the show itself goes on too


async def test_light_tv_and_caption_are_changed_and_told() -> None:
    async with on_air(show__topic="tea", show__turns=30) as (studio, events):
        await wait_for(events, turn_on_air)
        assert (await studio.lights(LightsRequest(daylight=Daylight.NIGHT))).daylight is Daylight.NIGHT
        assert (await studio.lights(LightsRequest(lamp=False))).lamp is False
        assert studio.stage().daylight is Daylight.NIGHT
        film = studio.stage().films[0]
        await studio.tv(TvRequest(action="play", film=film))
        assert (
            await wait_for(events, lambda event: event.stage.tv or None if isinstance(event, StageEvent) else None)
            == film
        )
        await studio.caption(CaptionRequest(text="  Back  in five minutes "))
        assert studio.stage().caption == "Back in five minutes"
        assert (await studio.caption(CaptionRequest(text="Back at 9 🎉 שלום"))).caption == "Back at 9"  # as it is seen
        with pytest.raises(InputError, match="may not go on air"):
            await studio.caption(CaptionRequest(text="What a load of bullשshit"))
        with pytest.raises(InputError, match="nothing of this text can be shown"):
            await studio.caption(CaptionRequest(text="🎉 שלום"))
        assert studio.stage().caption == "Back at 9"


async def test_what_cannot_be_is_refused_and_the_show_goes_on(tmp_path: Path) -> None:
    async with on_air(show__topic="tea", show__turns=30) as (studio, events):
        await wait_for(events, turn_on_air)
        with pytest.raises(InputError, match="there is no film"):
            await studio.tv(TvRequest(action="play", film=str(tmp_path / "missing.mp4")))
        with pytest.raises(InputError, match="is empty"):
            await studio.start(ConversationRequest(topic="   "))
        with pytest.raises(InputError, match="100000 characters"):
            await studio.start(ConversationRequest(topic="x" * 100_000))
        with pytest.raises(InputError, match="no 'bob' on stage"):
            await studio.start(ConversationRequest(topic="tea", cast=("chad", "bob")))
        with pytest.raises(InputError, match="no 'bob' on stage"):
            await studio.chat(ChatRequest(to="bob", text="hello"))
        assert studio.programme.current is not None and studio.programme.current.topic == "tea"


async def test_a_full_disk_ends_the_recording_and_nothing_else() -> None:
    async with on_air(show__topic="tea", show__turns=30, show__record="/dev/full") as (studio, events):
        notice = await wait_for(events, lambda event: event.notice if isinstance(event, NoticeEvent) else None)
        assert "recording stopped" in notice.text
        stream, recording = studio.outputs()
        assert (stream.state, recording.state) == ("up", "down") and "recording stopped" in recording.last_failure
        await segments(studio, events, studio.outlet.segments + 2)


async def test_a_corrupt_film_is_told_and_the_show_goes_on(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film at all" * 100)
    async with on_air(show__topic="tea", show__turns=30, show__tv__film=str(broken)) as (studio, events):
        notice = await wait_for(events, lambda event: event.notice if isinstance(event, NoticeEvent) else None)
        assert "broken.mp4" in notice.text
        assert await wait_for(events, turn_on_air) is not None
        assert studio.stage().tv == ""


async def test_a_film_that_a_new_stage_cannot_open_is_not_said_to_be_on(tmp_path: Path) -> None:
    film = tmp_path / "lent.mp4"
    film.write_bytes((packs_folder() / "films" / "night-drive.mp4").read_bytes())

    def told(event: Event) -> bool | None:
        return (isinstance(event, NoticeEvent) and "lent.mp4" in event.notice.text) or None

    async with on_air(show__topic="tea", show__turns=30, show__tv__film=str(film)) as (studio, events):
        await wait_for(events, lambda event: event.stage.tv or None if isinstance(event, StageEvent) else None)
        film.unlink()
        pid = studio.link.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await wait_for(events, told)
        assert studio.stage().tv == ""


async def test_the_main_loop_is_never_held_while_a_show_is_on(loop_guard: LoopGuard) -> None:
    async with on_air(show__topic="tea", show__turns=30) as (studio, events):
        await wait_for(events, turn_on_air)
        loop_guard.rearm(10.0)  # the bound is 5 ms; twice that is room for this test's own callbacks
        await studio.chat(ChatRequest(to="Chad", text="And what about coffee?", author="Ada"))
        await studio.tv(TvRequest(action="play"))
        await studio.lights(LightsRequest(daylight=Daylight.NIGHT))
        await wait_for(events, turn_on_air)
        await segments(studio, events, studio.outlet.segments + 4)
