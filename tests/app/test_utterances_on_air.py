"""Clips on a real stage beside a real conversation: between its turns, over its end, and through a stage's death."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from guest_doubles import tone, wav
from lone_studio import lone_studio

from duologue.app.models import Event, TurnView, UtteranceRequest, UtteranceState, UtteranceView
from duologue.app.show.studio import Studio
from duologue.errors import ClosedError
from duologue.settings import load_settings
from duologue.speech.espeak.engine import engine
from duologue.speech.voicing.voicing import Voicing

pytestmark = [pytest.mark.realtime, pytest.mark.timeout(120), pytest.mark.usefixtures("few_words")]


@asynccontextmanager
async def on_air() -> AsyncGenerator[tuple[Studio, AsyncIterator[Event]]]:
    settings = load_settings(
        {"show.size": "320x180", "show.seed": 7, "show.lead_s": 0.5, "show.topic": "tea", "show.turns": 30}
    )
    async with lone_studio(settings) as studio, asyncio.TaskGroup() as group:
        events = studio.bus.subscribe()
        running = group.create_task(studio.run())
        try:
            yield studio, events
        finally:
            running.cancel()


@asynccontextmanager
async def warm_voice() -> AsyncGenerator[Voicing]:
    tts = engine()
    await tts.warm_up()
    try:
        yield Voicing(tts)
    finally:
        await tts.close()


def hello(text: str = "hello") -> UtteranceRequest:
    return UtteranceRequest(character="virgin", text=text)


async def until(events: AsyncIterator[Event], wanted: Callable[[], bool]) -> None:
    """Until it is so, looking at every event: one comes at least each second."""
    async with asyncio.timeout(60):
        while not wanted():
            await anext(events)


def turns(studio: Studio, *states: str) -> list[TurnView]:
    return [turn for turn in studio.book.newest_turns(1000) if turn.state in states]


def clip(studio: Studio, name: str) -> UtteranceView:
    view = studio.guests.find(name)
    assert view is not None
    return view


async def test_clips_are_heard_between_the_turns_and_nobody_counts_that_as_silence() -> None:
    async with on_air() as (studio, events):
        with pytest.raises(ClosedError, match="being set up"):
            await studio.guests.accept(hello(), wav(tone(1.5)))
        await until(events, lambda: bool(turns(studio, "on_air")))
        names = [(await studio.guests.accept(hello(), wav(tone(1.5)))).id for _ in range(2)]
        await until(events, lambda: not studio.guests.queue())
        before = len(turns(studio, "on_air", "ended"))
        await until(events, lambda: len(turns(studio, "on_air", "ended")) > before)
        clips = [clip(studio, name) for name in names]
        said = turns(studio, "ended")
        heard = sorted((view.on_air or 0, view.ended or 0) for view in (*clips, *said))
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(heard))  # never two voices
        assert heard[0] != (clips[0].on_air, clips[0].ended)
        assert all(view.played_ms == pytest.approx(view.duration_ms, abs=0.1) for view in clips)
        assert all(turn.waited_ms < 1000 and turn.kind == "turn" for turn in said)  # no filler, no silence counted


async def test_a_conversation_is_stopped_and_the_clips_go_on() -> None:
    async with on_air() as (studio, events):
        await until(events, lambda: bool(turns(studio, "on_air")))
        name = (await studio.guests.accept(hello(), wav(tone(2.0)))).id
        await until(events, lambda: clip(studio, name).state is not UtteranceState.WAITING)
        await studio.stop(studio.conversations()[0].id)
        await until(events, lambda: clip(studio, name).state is UtteranceState.ENDED)
        view = clip(studio, name)
        assert view.played_ms == pytest.approx(view.duration_ms, abs=0.1)


async def test_what_is_on_air_is_faded_out_and_the_show_goes_on() -> None:
    async with on_air() as (studio, events):
        await until(events, lambda: bool(turns(studio, "on_air")))
        name = (await studio.guests.accept(hello(), wav(tone(60.0, 8000), 8000))).id
        await until(events, lambda: clip(studio, name).state is UtteranceState.ON_AIR)
        view = await studio.guests.skip(name)
        assert view.state is UtteranceState.SKIPPED
        assert 0 < view.played_ms < 30_000
        ended = len(turns(studio, "ended"))
        await until(events, lambda: len(turns(studio, "ended")) > ended)


async def test_a_clip_that_the_stage_died_on_is_said_again() -> None:
    async with on_air() as (studio, events):
        await until(events, lambda: bool(turns(studio, "on_air")))
        name = (await studio.guests.accept(hello(), wav(tone(6.0)))).id
        await until(events, lambda: clip(studio, name).state is UtteranceState.ON_AIR)
        first = clip(studio, name)
        assert studio.link.pid is not None
        os.kill(studio.link.pid, signal.SIGKILL)
        await until(events, lambda: clip(studio, name).state is UtteranceState.QUEUED)
        await until(events, lambda: clip(studio, name).state is UtteranceState.ENDED)
        view = clip(studio, name)
        assert view.on_air is not None and first.on_air is not None and view.on_air > first.on_air
        assert view.played_ms == pytest.approx(view.duration_ms, abs=0.1)
        assert studio.link.restarts == 1


async def test_a_clip_with_its_text_is_lip_synced_from_its_phonemes() -> None:
    async with warm_voice() as voicing, on_air() as (studio, events):
        spoken = await voicing.voice("Good morning, my dear friend.", "en-gb", speaker="virgin", utterance_id="x")
        await until(events, lambda: bool(turns(studio, "on_air")))
        text = spoken.utterance.text
        name = (await studio.guests.accept(hello(text), wav(spoken.utterance.samples))).id
        await until(events, lambda: clip(studio, name).state is UtteranceState.ENDED)
        assert (clip(studio, name).lips, clip(studio, name).note) == ("phonemes", "")
