"""Errors in groups: the first is raised, what failed beside it is noted, and nothing of it waits for the collector."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from duologue.errors import PeerError, raise_first


class Held:
    """What a frame on the way has in a variable."""


async def fail(what: str) -> None:
    try:
        raise OSError("the disk is full")
    except OSError as error:
        raise PeerError(what) from error


async def work(seen: list[weakref.ref[Held]], *failing: str) -> None:
    held = Held()
    seen.append(weakref.ref(held))
    async with asyncio.TaskGroup(), asyncio.TaskGroup() as group:
        for what in failing:
            group.create_task(fail(what))


async def first(seen: list[weakref.ref[Held]], *failing: str) -> None:
    try:
        await work(seen, *failing)
    except BaseExceptionGroup as failures:
        raise_first(failures)


async def test_the_first_is_raised_with_its_own_cause_and_the_others_are_noted() -> None:
    with pytest.raises(PeerError, match="one") as caught:
        await first([], "one", "two")
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__notes__ == ["Beside it: two."]


def test_what_the_frames_on_the_way_held_is_gone_with_the_error() -> None:
    seen: list[weakref.ref[Held]] = []

    async def main() -> None:
        try:
            await first(seen, "one", "two")
        except PeerError:
            pass

    gc.disable()
    try:
        asyncio.run(main())
        assert [each() for each in seen] == [None]
    finally:
        gc.enable()
