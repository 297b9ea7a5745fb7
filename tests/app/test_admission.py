"""Places: who gets one, who waits, who is refused, and that the count is right whatever order things happen in."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.app.admission import Admission, Needs, PlaceKind, Places, PlaceTaken
from duologue.clock import SECOND
from duologue.simulation.virtual_time import LoopClock, simulate

TALK: Needs = frozenset({PlaceKind.LISTENER, PlaceKind.VOICE, PlaceKind.THOUGHT})
CHAT: Needs = frozenset({PlaceKind.THOUGHT})


def two_listeners(kind: PlaceKind) -> int | None:
    return 2 if kind is PlaceKind.LISTENER else None


def test_who_is_beyond_is_refused_at_once_and_counted() -> None:
    async def story() -> None:
        admission = Admission(two_listeners)
        async with admission.place(TALK), admission.place(TALK):
            with pytest.raises(PlaceTaken, match="all 2 places of a listener are taken") as refused:
                async with admission.place(TALK):
                    raise AssertionError
            assert refused.value.remedy
            async with admission.place(CHAT):  # it needs nobody who listens
                pass
        assert admission.places.refused == {PlaceKind.LISTENER: 1}
        async with admission.place(TALK):
            pass
        assert not +admission.places.taken

    simulate(story())


def test_who_has_patience_is_told_and_gets_the_next_place_in_order() -> None:
    clock, told, order = LoopClock(), Counter[int](), list[str]()

    async def talk(admission: Admission, name: str, seconds: int, patience: float | None) -> None:
        async with admission.place(TALK, patience, lambda before: told.update([before])):
            order.append(name)
            await clock.wait_until(clock.now() + seconds * SECOND)

    async def story() -> None:
        admission = Admission(two_listeners)
        async with asyncio.TaskGroup() as group:
            for name, seconds in (("one", 10), ("two", 20), ("three", 5), ("four", 5)):
                group.create_task(talk(admission, name, seconds, None))
        assert admission.places.waited == {PlaceKind.LISTENER: 2} and admission.places.waiting == 0
        assert clock.now() == 20 * SECOND

    simulate(story())
    assert order == ["one", "two", "three", "four"] and told == {0: 1, 1: 1}


def test_patience_ends_in_a_refusal_and_a_full_queue_too() -> None:
    clock = LoopClock()

    async def story() -> None:
        admission = Admission(two_listeners, most_waiting=1)
        async with admission.place(TALK), admission.place(TALK), asyncio.TaskGroup() as group:
            waiting = group.create_task(_refused(admission, 7.0))
            await asyncio.sleep(0)
            await _refused(admission, None)  # nobody may wait behind
            assert clock.now() == 0
            await waiting
            assert clock.now() == 7 * SECOND and admission.places.waiting == 0
        assert admission.places.refused == {PlaceKind.LISTENER: 2}

    simulate(story())


async def _refused(admission: Admission, patience: float | None) -> None:
    with pytest.raises(PlaceTaken):
        async with admission.place(TALK, patience):
            raise AssertionError


def test_who_leaves_the_queue_leaves_no_hole_even_when_called_in_that_moment() -> None:
    async def story() -> None:
        admission = Admission(lambda kind: 1)
        async with asyncio.TaskGroup() as group:
            async with admission.place(TALK):
                leaving = group.create_task(_hold(admission))
                await asyncio.sleep(0)
                leaving.cancel()  # it is called before it knows
            await asyncio.sleep(0)
        assert not +admission.places.taken and admission.places.waiting == 0

    simulate(story())


async def _hold(admission: Admission) -> None:
    async with admission.place(TALK, None):
        await asyncio.Event().wait()


def test_nobody_overtakes_who_waits_for_the_same() -> None:
    places = Places({PlaceKind.LISTENER: 1, PlaceKind.VOICE: 1, PlaceKind.THOUGHT: None}.__getitem__)
    both: Needs = frozenset({PlaceKind.LISTENER, PlaceKind.VOICE})
    ears, voice = frozenset({PlaceKind.LISTENER}), frozenset({PlaceKind.VOICE})
    assert places.take(ears) is None
    ticket = places.queue(both, PlaceKind.LISTENER)
    assert places.take(voice) is PlaceKind.VOICE and places.take(CHAT) is None
    places.give_back(ears)
    assert places.admitted() == [ticket] and places.taken[PlaceKind.VOICE] == 1


KINDS = st.frozensets(st.sampled_from(PlaceKind), min_size=1)


@given(st.lists(st.tuples(KINDS, st.sampled_from(["come", "queue", "go", "leave"]), st.integers(0, 5)), max_size=60))
def test_no_order_of_events_gives_more_places_than_there_are_or_loses_one(
    events: list[tuple[Needs, str, int]],
) -> None:
    capacity = {PlaceKind.LISTENER: 2, PlaceKind.VOICE: 3, PlaceKind.THOUGHT: None}
    places = Places(capacity.__getitem__, most_waiting=4)
    inside: list[Needs] = []
    queue: dict[int, Needs] = {}
    for needs, what, which in events:
        if what == "go" and inside:
            places.give_back(inside.pop(which % len(inside)))
        elif what == "leave" and queue:
            ticket = sorted(queue)[which % len(queue)]
            del queue[ticket]
            places.leave(ticket)
        elif (wanting := places.take(needs)) is None:
            inside.append(needs)
        elif what == "queue" and (ticket := places.queue(needs, wanting)) is not None:
            queue[ticket] = needs
        inside += [queue.pop(ticket) for ticket in places.admitted()]
        assert +places.taken == Counter(kind for each in inside for kind in each)
        assert all(limit is None or places.taken[kind] <= limit for kind, limit in capacity.items())
        assert places.waiting == len(queue) <= 4
    for each in inside:
        places.give_back(each)
    while came := places.admitted():
        for ticket in came:
            places.give_back(queue.pop(ticket))
    assert not queue and not +places.taken
