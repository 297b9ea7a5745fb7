"""Events to listeners."""

from __future__ import annotations

import pytest

from duologue.app.bus import CAPACITY, Bus
from duologue.app.models import Event, Notice, NoticeEvent

pytestmark = pytest.mark.usefixtures("loop_guard")


def word(text: str) -> NoticeEvent:
    return NoticeEvent(notice=Notice(level="info", text=text))


async def test_a_listener_gets_the_state_first_and_then_what_happens() -> None:
    bus = Bus(lambda: [word("state")])
    async with bus.subscribe() as events:
        bus.publish(word("news"))
        bus.close()
        assert [event async for event in events] == [word("state"), word("news")]


async def test_a_slow_listener_loses_the_oldest_and_holds_nobody_up() -> None:
    bus = Bus(list[Event])
    async with bus.subscribe() as slow:
        for number in range(CAPACITY + 3):
            bus.publish(word(str(number)))
        bus.close()
        got = [event async for event in slow]
    assert bus.dropped == 3
    assert got[0] == word("4")  # three dropped, and one more to make room for the end
    assert got[-1] == word(str(CAPACITY + 2))


async def test_a_listener_that_left_is_forgotten() -> None:
    bus = Bus(list[Event])
    async with bus.subscribe():
        assert bus.listeners == 1
    assert bus.listeners == 0
