"""Who is woken first, whatever is set, moved and dropped."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from duologue.phone.sip.alarms import Alarms

KEYS = st.integers(0, 9)


@given(st.lists(st.tuples(KEYS, st.none() | st.integers(0, 50)), max_size=300), st.lists(st.integers(0, 60)))
def test_alarms_ring_in_order_and_each_once(orders: list[tuple[int, int | None]], times: list[int]) -> None:
    alarms, expected = Alarms[int](), dict[int, int]()
    for key, at in orders:
        alarms.set(key, at)
        expected = {**expected, key: at} if at is not None else {k: v for k, v in expected.items() if k != key}
        assert alarms.first == min(expected.values(), default=None) and len(alarms) == len(expected)
    for now in sorted(times):
        rung = alarms.due(now)
        assert sorted(rung) == sorted(key for key, at in expected.items() if at <= now)
        assert [expected[key] for key in rung] == sorted(expected[key] for key in rung)
        expected = {key: at for key, at in expected.items() if at > now}
        assert alarms.first == min(expected.values(), default=None)


def test_an_alarm_that_is_moved_a_thousand_times_takes_no_room() -> None:
    alarms = Alarms[str]()
    for at in range(10_000):
        alarms.set("one", at)
    assert len(alarms._heap) < 100 and alarms.due(10_000) == ["one"] and alarms.first is None  # pyright: ignore[reportPrivateUsage]
