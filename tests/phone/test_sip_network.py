"""Two user agents on a bad network: whatever is lost, doubled or overtaken, nothing is left over."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.clock import MILLISECOND
from duologue.phone.media.negotiation import NotAcceptableError
from duologue.phone.sip import call_events as events
from duologue.phone.sip.screening import LineOptions
from few_examples import examples
from phone.sip_network import Network, Station, answered, description

CASES = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 1 << 32),
        "loss": st.sampled_from([0.0, 0.05, 0.2, 0.5]),
        "double": st.sampled_from([0.0, 0.2]),
        "longest": st.sampled_from([10, 100, 900]),
        "ring": st.integers(0, 3_000),
        "take": st.sampled_from(["accept", "refuse", "leave it"]),
        "taken": st.integers(0, 5_000),
        "caller leaves": st.integers(0, 9_000),
        "callee leaves": st.integers(0, 9_000),
        "caller offers": st.integers(0, 9_000),
        "callee offers": st.integers(0, 9_000),
        "stream": st.booleans(),
    }
)


class _Owner:
    def __init__(self, station: Station, case: dict[str, object], side: str) -> None:
        self.station, self.case, self.side = station, case, side
        station.react = self.react

    def later(self, name: str, action: Callable[[], None]) -> None:
        after = self.case[name]
        assert isinstance(after, int)
        self.station.network.at(self.station.network.now + after * MILLISECOND, action)

    def react(self, station: Station, event: events.Event) -> None:
        agent, network = station.agent, station.network
        if isinstance(event, events.Incoming):
            call, offered = event.call, event.offer
            self.later("ring", lambda: station.take(agent.ring(call, network.now)))
            if self.case["take"] == "accept":
                mine = answered(station.host, offered)
                self.later("taken", lambda: station.take(agent.accept(call, mine, network.now)))
            elif self.case["take"] == "refuse":
                self.later("taken", lambda: station.take(agent.refuse(call, 486, network.now)))
            self.plan(call)
        elif isinstance(event, events.Offered):
            station.take(agent.agree(event.call, answered(station.host, event.offer), network.now))

    def plan(self, call: str) -> None:
        agent, network = self.station.agent, self.station.network
        leave, change = f"{self.side} leaves", f"{self.side} offers"
        self.later(leave, lambda: self.station.take(agent.hang_up(call, network.now)))
        mine = description(self.station.host)
        self.later(change, lambda: self.station.take(agent.offer(call, mine, network.now)))


@settings(max_examples=examples(150), deadline=None)
@given(CASES)
def test_nothing_is_left_over_and_both_know_the_end(case: dict[str, object]) -> None:
    loss, double, longest = case["loss"], case["double"], case["longest"]
    assert isinstance(loss, float) and isinstance(double, float) and isinstance(longest, int)
    network = Network(int(str(case["seed"])), loss, double, (10, longest))
    transport = "TCP" if case["stream"] else "UDP"
    caller, callee = (
        Station(network, host, LineOptions(host=host, transport=transport)) for host in ("192.0.2.1", "192.0.2.2")
    )
    owner = _Owner(caller, case, "caller")
    _Owner(callee, case, "callee")
    owner.plan(caller.call("192.0.2.2"))
    network.run()
    for station in (caller, callee):
        assert station.agent.state == (0, 0, 0, 0), network.trace
        assert station.agent.deadline is None
        calls = {event.call for event in station.events if isinstance(event, events.Incoming | events.Ended)}
        ends = [event.call for event in station.events if isinstance(event, events.Ended)]
        assert sorted(ends) == sorted(calls), "each call ends, and once"
    assert len([event for event in callee.events if isinstance(event, events.Incoming)]) <= 1, "one call, not two"
    if "Acknowledged" in callee.kinds():
        # The caller knows of it, or had left; in no case does it stand on one side alone.
        assert "Answered" in caller.kinds() or "Ended" in caller.kinds()


@pytest.mark.slow
@settings(max_examples=examples(40), deadline=None)
@given(st.integers(0, 1 << 32))
def test_twenty_calls_at_once_on_a_bad_network(seed: int) -> None:
    network = Network(seed, 0.1, 0.1, (5, 200))
    caller, callee = (
        Station(network, "192.0.2.1"),
        Station(network, "192.0.2.2", LineOptions(host="192.0.2.2", most_calls=12)),
    )
    case: dict[str, object] = {
        "ring": 10, "take": "accept", "taken": 300, "caller leaves": 60_000, "callee leaves": 60_000,
        "caller offers": 5_000, "callee offers": 5_000,
    }  # fmt: skip
    owner = _Owner(caller, case, "caller")
    _Owner(callee, case, "callee")
    for _ in range(20):
        owner.plan(caller.call("192.0.2.2"))
    network.run(20)
    assert callee.agent.calls == 12 and caller.agent.calls == 12
    refused = [event for event in caller.events if isinstance(event, events.Ended)]
    assert [event.status for event in refused] == [503] * 8
    network.run()
    assert caller.agent.state == callee.agent.state == (0, 0, 0, 0)


NOISE = (b"", b";", b",", b'"', b"<", b">", b"0", b"\xff", b"99999999999", b"\r\n", b" ", b"tel:1", b"*", b"?")


@settings(max_examples=examples(150), deadline=None)
@given(st.integers(0, 1 << 32), st.integers(1, 4))
def test_damaged_messages_on_both_sides_crash_nothing_and_leave_nothing(seed: int, most: int) -> None:
    network = Network(seed, 0.05, 0.2, (5, 200))
    caller, callee = Station(network, "192.0.2.1"), Station(network, "192.0.2.2")
    chance = random.Random(seed)

    def react(station: Station, event: events.Event) -> None:
        agent, now = station.agent, network.now
        try:
            if isinstance(event, events.Incoming):
                station.take(agent.ring(event.call, now))
                station.take(agent.accept(event.call, answered(station.host, event.offer), now))
            elif isinstance(event, events.Offered):
                station.take(agent.agree(event.call, answered(station.host, event.offer), now))
        except NotAcceptableError:
            assert isinstance(event, events.Incoming | events.Offered)
            station.take(agent.refuse(event.call, 488, now))
            station.take(agent.disagree(event.call, 488, now))

    def damaged(data: bytes) -> bytes:
        whole = bytearray(data)
        for _ in range(chance.randint(0, most) if chance.random() < 0.4 else 0):
            place = chance.randrange(len(whole))
            whole[place : place + chance.randint(0, 4)] = chance.choice(NOISE)
        return bytes(whole)

    caller.react = callee.react = react
    network.damage = damaged
    for _ in range(4):
        call = caller.call("192.0.2.2")
        network.run(chance.uniform(0, 3))
        caller.take(caller.agent.offer(call, description(caller.host), network.now))
        network.run(chance.uniform(0, 3))
        caller.take(caller.agent.hang_up(call, network.now))
    network.run()
    assert caller.agent.state == callee.agent.state == (0, 0, 0, 0)
