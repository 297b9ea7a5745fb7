"""What a page is told when it connects: one event of bounded size, however long the show has been on."""

from __future__ import annotations

import asyncio

import pytest
from benchmarks.events import measure, talk
from lone_studio import lone_studio

from duologue.app.models import StateEvent
from duologue.app.show.studio import STATE_TURNS
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
