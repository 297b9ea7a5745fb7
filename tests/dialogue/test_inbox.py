"""The inbox: in order, against a deadline, bounded."""

from __future__ import annotations

import asyncio

import pytest

from duologue.clock import SECOND
from duologue.dialogue.inbox import Inbox
from duologue.errors import InternalError
from duologue.simulation.virtual_time import LoopClock, simulate


async def put_later(inbox: Inbox[str], seconds: float, *events: str) -> None:
    await asyncio.sleep(seconds)
    for event in events:
        inbox.put(event)


def test_events_come_in_order_and_one_that_waits_goes_before_a_deadline_that_is_past() -> None:
    async def main() -> list[str | None]:
        inbox, clock = Inbox[str](9, "test"), LoopClock()
        await put_later(inbox, 2.0, "one", "two")
        return [await inbox.next(SECOND, clock) for _ in range(3)]

    assert simulate(main()) == ["one", "two", None]


def test_a_deadline_ends_the_wait_and_an_event_does_so_at_once() -> None:
    async def main() -> list[tuple[str | None, float]]:
        inbox, clock, found = Inbox[str](9, "test"), LoopClock(), list[tuple[str | None, float]]()
        async with asyncio.TaskGroup() as group:
            group.create_task(put_later(inbox, 2.5, "one"))
            for deadline in (SECOND, 9 * SECOND, None):
                if deadline is None:
                    inbox.put("two")
                event = await inbox.next(deadline, clock)
                found.append((event, clock.now() / SECOND))
        return found

    assert simulate(main()) == [(None, 1.0), ("one", 2.5), ("two", 2.5)]


def test_past_deadlines_let_others_run() -> None:
    async def main() -> str | None:
        inbox, clock = Inbox[str](9, "test"), LoopClock()
        async with asyncio.TaskGroup() as group:
            group.create_task(put_later(inbox, 0.0, "one"))
            for _ in range(10):
                if (event := await inbox.next(0, clock)) is not None:
                    return event
        return None

    assert simulate(main()) == "one"


def test_too_many_are_our_own_fault() -> None:
    inbox = Inbox[str](2, "test")
    inbox.put("one")
    inbox.put("two")
    with pytest.raises(InternalError, match="2 events wait"):
        inbox.put("three")
    assert (inbox.take(), inbox.take(), inbox.take(), len(inbox)) == ("one", "two", None, 0)
