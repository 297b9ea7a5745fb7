"""What a page is told when it connects: one event of bounded size, however long the show has been on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from benchmarks.events import measure, talk
from lone_studio import lone_studio

from duologue.app.models import StateEvent, TvRequest
from duologue.app.show.stage_link import StageLink
from duologue.app.show.stage_set import find_films
from duologue.app.show.studio import STATE_TURNS
from duologue.errors import InputError
from duologue.settings import load_settings
from duologue.web.events import encode
from loop_guard import LOOP_LIMIT_MS, LoopGuard


@pytest.mark.parametrize("conversations", [1, 50])
async def test_a_page_that_connects_to_a_thousand_turns_gets_the_newest_in_one_event(
    loop_guard: LoopGuard, conversations: int
) -> None:
    async with lone_studio(load_settings({"show.size": "320x180", "web.port": 0})) as studio:
        for number in range(conversations):
            talk(studio, f"c{number}", 1000 // conversations)
        await asyncio.sleep(0)  # what went before is another callback
        loop_guard.rearm(LOOP_LIMIT_MS)
        reader = studio.bus.subscribe()
        [published] = await reader.take()
        wire = encode(published)
    event = published.event
    assert isinstance(event, StateEvent)
    assert len(event.state.turns) == STATE_TURNS
    assert event.state.turns[-1].id == f"c{conversations - 1}-{1000 // conversations - 1}"
    assert len(event.state.conversations) == conversations
    assert all(conversation.turns == () for conversation in event.state.conversations)
    assert len(wire) < 500_000


async def test_after_twelve_hours_a_page_gets_the_state_in_one_message_of_bounded_size() -> None:
    waits, size = await measure()
    assert len(waits) == 50 and size < 500_000


async def test_the_film_that_is_set_can_be_put_on_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands with those that ship; no other file of the machine does."""
    own, shown = tmp_path / "our trailer.mp4", list[Path | None]()
    own.write_bytes(b"a film")

    async def show_tv(_link: StageLink, path: Path | None) -> None:
        shown.append(path)

    monkeypatch.setattr(StageLink, "show_tv", show_tv)
    settings = load_settings({"show.size": "320x180", "web.port": 0, "show.tv.film": str(own)})
    async with lone_studio(settings) as studio:
        first, *others = studio.stage().films
        assert first == "our trailer" and set(others) == set(find_films())
        for request in ({"action": "stop"}, {"action": "play", "film": first}, {"action": "play"}):
            await studio.tv(TvRequest.model_validate(request))
        with pytest.raises(InputError, match="there is no film"):
            await studio.tv(TvRequest(action="play", film=str(own)))
    assert shown == [None, own, own]
    named = next(iter(find_films()))
    async with lone_studio(load_settings({"web.port": 0, "show.tv.film": named})) as studio:
        assert sorted(studio.stage().films) == sorted(find_films()) and studio.stage().films[0] == named


async def test_a_show_that_is_refused_leaves_no_recording_behind(tmp_path: Path) -> None:
    """Else the next try, with what was wrong mended, would record beside an empty file that nobody lets go of."""
    record = tmp_path / "show.mp4"
    flags = {"web.port": 0, "show.record": str(record), "moderation.words": str(tmp_path / "missing.txt")}
    with pytest.raises(InputError, match="word list"):
        async with lone_studio(load_settings(flags)):
            pass
    assert not record.exists()
