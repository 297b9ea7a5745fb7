"""Events to readers: the state first, then what happens; who is left behind gets the state anew."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.app.bus import TOO_SLOW, Bus, Subscription, Topics
from duologue.app.models import Event, Notice, NoticeEvent, StageView, StateEvent, StateView
from duologue.stage.motion.pose import Daylight

pytestmark = pytest.mark.usefixtures("loop_guard")

STAGE = StageView(
    ready=True, cast=(), room="r", width=320, height=180, fps=30, daylight=Daylight.DAY, lamp=True, films=(),
    caption="", turns=12, origin=0.0,
)  # fmt: skip
ALL: Topics = frozenset()
STATE = StateEvent(state=StateView(stage=STAGE, conversations=(), turns=()))


def bus(capacity: int = 4) -> Bus:
    return Bus(lambda topics: STATE, "b", capacity)


def word(text: str) -> NoticeEvent:
    return NoticeEvent(notice=Notice(level="info", text=text))


async def texts(reader: Subscription) -> list[str]:
    """What a reader of a closed bus gets."""
    return [_text(event) async for event in reader]


def _text(event: Event) -> str:
    return event.notice.text if isinstance(event, NoticeEvent) else event.type


async def test_a_reader_gets_the_state_first_and_then_what_happens() -> None:
    one = bus()
    one.publish(word("before"))
    reader = one.subscribe(ALL)
    assert await anext(reader) == STATE
    one.publish(word("news"))
    one.close()
    assert await texts(reader) == ["news"]


async def test_what_happens_before_a_reader_begins_to_read_is_not_lost() -> None:
    one = bus()
    reader = one.subscribe(ALL)
    one.publish(word("before it read"))
    one.close()
    assert await texts(reader) == ["state", "before it read"]


async def test_a_slow_reader_is_told_and_gets_the_state_and_holds_nobody_up() -> None:
    one = bus()
    slow = one.subscribe(ALL)
    assert await anext(slow) == STATE
    for number in range(5):
        one.publish(word(str(number)))
    one.close()
    assert await texts(slow) == [TOO_SLOW.text, "state"]
    assert one.overruns == 1


async def test_who_read_in_time_misses_nothing() -> None:
    one = bus()
    reader = one.subscribe(ALL)
    got = [_text(await anext(reader))]
    for number in range(0, 12, 4):  # as many as the log holds, each time
        for each in range(4):
            one.publish(word(str(number + each)))
        got += [_text(published.event) for published in await reader.take()]
    assert got == ["state", *map(str, range(12))] and one.overruns == 0


async def test_who_waits_is_woken_by_what_happens_and_by_the_end() -> None:
    one = bus()
    reader = one.subscribe(ALL)
    await reader.take()
    for happens, told in ((lambda: one.publish(word("news")), ["news"]), (one.close, [])):
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            waits = group.create_task(reader.take())
            await asyncio.sleep(0)
            happens()
        assert [_text(published.event) for published in waits.result()] == told


async def test_a_wait_that_is_given_up_loses_nothing() -> None:
    one = bus()
    reader = one.subscribe(ALL)
    await reader.take()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await reader.take()
    one.publish(word("kept"))
    assert [_text(published.event) for published in await reader.take()] == ["kept"]


async def test_after_the_state_a_reader_may_go_on_by_its_id() -> None:
    one = bus()
    one.publish(word("known to the state"))
    [state] = await one.subscribe(ALL).take()
    one.publish(word("after"))
    one.close()
    assert await texts(one.subscribe(ALL, state.id)) == ["after"]


@given(published=st.integers(0, 12), after=st.integers(-1, 14))
async def test_every_id_gives_all_that_came_after_it_or_the_state(published: int, after: int) -> None:
    one = bus()
    for number in range(1, published + 1):
        one.publish(word(str(number)))
    one.close()
    got = await texts(one.subscribe(ALL, f"b-{after}"))
    known = max(0, published - 4) <= after <= published
    assert got == ([str(number) for number in range(after + 1, published + 1)] if known else ["state"])


async def test_who_reads_of_a_topic_that_is_another_now_gets_the_state_of_all_that_it_reads() -> None:
    """A show that was started again told its own state to all: pages of the telephone took it that there was none."""
    asked: list[Topics] = []

    def state(topics: Topics) -> StateEvent:
        asked.append(topics)
        return STATE

    one = Bus(state, "b")
    of_both, of_line = one.subscribe(frozenset({"show:day", "line"})), one.subscribe(frozenset({"line"}))
    assert [await anext(of_both), await anext(of_line)] == [STATE, STATE]
    one.publish(word("before"), "line")
    one.topic("show:day").renew()
    one.publish(word("after"), "line")
    one.close()
    assert await texts(of_both) == ["before", "state", "after"]
    assert await texts(of_line) == ["before", "after"]
    assert asked == [{"show:day", "line"}, {"line"}, {"show:day", "line"}]
    again = one.subscribe(frozenset({"show:day"}), "b-1")  # the log has it for who comes back, too
    assert await texts(again) == ["state"]
