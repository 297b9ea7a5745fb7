"""Calls that nobody hears of are counted: by reason, each once, and those that are let in after all are none."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
from sipmessage import Request

from duologue.clock import SECOND
from duologue.phone.sip import message as sip
from duologue.phone.sip.call_events import Ended, Incoming
from duologue.phone.sip.digest import Credentials
from duologue.phone.sip.registration import Account
from duologue.phone.sip.screening import PEER_RETRY_SECONDS, LineOptions, Rate
from duologue.phone.sip.transactions import Flow
from duologue.phone.sip.user_agent import Transmit, UserAgent
from duologue.phone.turned_away import MOST_REMEMBERED, SETTLED, AwayReason, TurnedAway, reason_of
from phone.sip_network import Network, Station, accepting, description

CALLER, LINE = "192.0.2.1", "192.0.2.2"


def _called(caller: LineOptions, line: LineOptions, calls: int = 1, seconds: float = 60) -> tuple[Station, Station]:
    network = Network()
    ours, theirs = Station(network, CALLER, caller), Station(network, LINE, line, accepting)
    for _ in range(calls):
        ours.call(LINE)
    network.run(seconds)
    return ours, theirs


def _counts(station: Station) -> Mapping[str, int]:
    return station.agent.turned_away.counts(station.network.now)


@pytest.mark.parametrize(
    ("line", "software", "why"),
    [
        (LineOptions(host=LINE, sources=("10.0.0.0/8",)), "Duologue", "source"),
        (LineOptions(host=LINE), "friendly-scanner", "scanner"),
        (LineOptions(host=LINE, extensions=frozenset({"17"})), "Duologue", "extension"),
        (LineOptions(host=LINE, passwords={"16": "secret"}), "Duologue", "password"),
        (LineOptions(host=LINE, most_calls=0), "Duologue", "places"),
    ],
)
def test_a_call_that_is_sent_away_counts_once_however_often_it_is_repeated(
    line: LineOptions, software: str, why: str
) -> None:
    caller, callee = _called(LineOptions(host=CALLER, software=software), line)
    assert caller.kinds() == ["Ended"] and not callee.events
    assert _counts(callee) == {why: 1}


def test_who_came_too_fast_and_is_let_in_the_second_time_is_not_counted() -> None:
    line = LineOptions(host=LINE, rates={"INVITE": Rate(100, 3)})
    caller, callee = _called(LineOptions(host=CALLER), line, calls=5, seconds=10)
    assert callee.kinds().count("Incoming") == 5 and caller.kinds().count("Answered") == 5
    assert callee.agent.screening.dropped["rate"] and not _counts(callee)


@pytest.mark.parametrize(("password", "counted"), [("secret", {}), ("wrong", {"password": 1})])
def test_who_proves_a_password_is_not_counted_and_who_does_not_is(password: str, counted: dict[str, int]) -> None:
    network = Network()
    caller = Station(network, CALLER)
    line = LineOptions(host=LINE, realm="lines", passwords={"16": "secret"})
    callee = Station(network, LINE, line, accepting)
    account = Account("16", "16", LINE, (Flow("UDP", LINE, 5060),), Credentials("16", password))
    caller.take(caller.agent.register(account, network.now))
    caller.call(LINE, account="16")
    network.run(SETTLED / SECOND + 1)
    assert _counts(callee) == counted


def test_what_asks_for_no_call_is_none() -> None:
    caller, callee = _called(LineOptions(host=CALLER, software="friendly-scanner"), LineOptions(host=LINE), seconds=1)
    agent, source = UserAgent(LineOptions(host=LINE), random.Random(1)), Flow("UDP", CALLER, 5060)
    agent.receive_datagram(caller.sent[0].replace(b"INVITE", b"OPTIONS"), source, 0)
    assert agent.screening.dropped == {"scanner": 1} and not agent.turned_away.counts(SETTLED)
    agent.receive_datagram(caller.sent[0], source, 0)
    assert agent.turned_away.counts(SETTLED) == {"scanner": 1} and not callee.events


def test_what_is_repeated_of_a_call_that_stands_is_not_sent_away() -> None:
    network = Network()
    agent = UserAgent(LineOptions(host=LINE, rates={"INVITE": Rate(0.1, 1)}), random.Random(1))
    caller = Station(network, CALLER)
    caller.agent.call(f"sip:16@{LINE}", description(CALLER), 0)
    caller.call(LINE)
    invite, source = caller.sent[0], Flow("UDP", CALLER, 5060)
    assert any(type(one).__name__ == "Incoming" for one in agent.receive_datagram(invite, source, 0))
    agent.receive_datagram(invite, source, SECOND)
    assert agent.screening.dropped == {"rate": 1} and not agent.turned_away.counts(10 * SECOND)


def _busy(line: LineOptions, calls: int, known: bool = True) -> tuple[Station, Station]:
    """A PBX with so many calls at once, all ended at once."""
    network = Network()
    pbx, callee = Station(network, CALLER), Station(network, LINE, line, accepting)
    if known:
        callee.agent.screening.registrar(CALLER)
    for _ in range(calls):
        pbx.call(LINE)
    network.run(5)
    return pbx, callee


def _told(station: Station) -> list[int]:
    return [event.status for event in station.events if isinstance(event, Ended)]


def test_a_pbx_that_is_known_is_not_starved_where_a_stranger_would_be() -> None:
    """A hundred calls in one moment: the whole morning's first minute of some office."""
    line = LineOptions(host=LINE, most_calls=200)
    pbx, callee = _busy(line, 100)
    assert pbx.kinds().count("Answered") == 100 and not callee.agent.screening.dropped
    _, callee = _busy(line, 100, known=False)
    assert callee.agent.screening.dropped["rate"] >= 50


def test_a_pbx_that_comes_too_fast_is_told_so_and_when_to_try_again() -> None:
    line = LineOptions(host=LINE, sources=("192.0.2.0/24",), peer_rate=Rate(1, 3))
    pbx, callee = _busy(line, 5)
    assert pbx.kinds().count("Answered") == 3 and _told(pbx) == [503, 503]
    refused = [data for data in callee.sent if b" 503 " in data.split(b"\r\n")[0]]
    assert len(refused) == 2 and all(f"Retry-After: {PEER_RETRY_SECONDS}".encode() in data for data in refused)
    assert _counts(callee) == {"peer_rate": 2}
    assert callee.agent.screening.dropped == {"peer_rate": 2}
    assert callee.agent.state[0] == 3


def test_of_two_hundred_calls_for_a_hundred_places_a_hundred_are_told_when_to_try_again() -> None:
    pbx, callee = _busy(LineOptions(host=LINE, most_calls=100, retry_seconds=7), 200)
    assert pbx.kinds().count("Answered") == 100 and _told(pbx) == [503] * 100
    refused = [data for data in callee.sent if b" 503 " in data.split(b"\r\n")[0]]
    assert all(b"Retry-After: 7\r\n" in data for data in refused) and _counts(callee) == {"places": 100}
    assert callee.agent.state[0] == 100


def test_what_a_pbx_repeats_of_a_call_is_no_further_one() -> None:
    """Its 200 was lost: the INVITE comes again, at a time when no new one would be taken."""
    agent = UserAgent(LineOptions(host=LINE, sources=(CALLER,), peer_rate=Rate(0.1, 1)), random.Random(1))
    caller = Station(Network(), CALLER)
    caller.call(LINE)
    invite, source = caller.sent[0], Flow("UDP", CALLER, 5060)
    assert any(isinstance(one, Incoming) for one in agent.receive_datagram(invite, source, 0))
    assert not [one for one in agent.receive_datagram(invite, source, SECOND) if isinstance(one, Transmit)
                and b" 503 " in one.data]  # fmt: skip
    assert not agent.screening.dropped
    caller.call(LINE)
    (refused,) = agent.receive_datagram(caller.sent[1], source, SECOND)
    assert isinstance(refused, Transmit) and refused.data.startswith(b"SIP/2.0 503 ")
    assert len(refused.data) <= len(caller.sent[1])


@pytest.mark.parametrize("by_name", [False, True])
def test_a_registrar_is_known_by_its_address_or_its_answer(by_name: bool) -> None:
    network = Network()
    line, account = Station(network, LINE), Credentials("1000", "secret")
    flow = Flow("UDP", "pbx.example" if by_name else CALLER, 5060)
    line.take(line.agent.register(Account("1000", "1000", "pbx.example", (flow,), account), 0))
    assert line.agent.screening.knows(CALLER) is not by_name
    request = sip.read(line.sent[0])
    assert isinstance(request, Request)
    forged = sip.respond(request, 200, [("Contact", f"{request.headers['Contact']};expires=600")], tag="pbx")
    forged.headers.set("Via", "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKguessed")
    line.agent.receive_datagram(sip.write(forged), Flow("UDP", "198.51.100.9", 5060), 1)
    assert not line.agent.screening.knows("198.51.100.9")
    answer = sip.respond(request, 200, [("Contact", f"{request.headers['Contact']};expires=600")], tag="pbx")
    line.agent.receive_datagram(sip.write(answer), Flow("UDP", CALLER, 5060), 2)
    assert line.agent.screening.knows(CALLER)


def test_of_a_flood_each_is_counted_and_few_are_remembered() -> None:
    away = TurnedAway()
    for number in range(3 * MOST_REMEMBERED):
        away.note(AwayReason.SCANNER, f"call-{number}", 0)
    assert away.counts(SETTLED) == {"scanner": 3 * MOST_REMEMBERED}


def test_a_count_does_not_fall_and_the_newest_reason_is_the_one() -> None:
    away = TurnedAway()
    away.note(AwayReason.RATE, "one", 0)
    away.note(AwayReason.EXTENSION, "one", SECOND)
    assert not away.counts(SECOND)
    assert away.counts(SETTLED) == {"extension": 1}
    away.taken("one", SETTLED)
    away.taken("another", SETTLED)
    assert away.counts(SETTLED) == {"extension": 1}


def test_each_status_has_its_reason() -> None:
    told = {status: reason_of(status) for status in (400, 401, 404, 415, 422, 480, 486, 488, 500, 503)}
    assert {reason.value for reason in told.values()} == {
        "request", "password", "extension", "unready", "busy", "media", "fault", "places",
    }  # fmt: skip
    assert reason_of(503, closing=True) is AwayReason.CLOSING


def test_our_own_registrar_brings_calls_wherever_it_is_and_proves_no_password_of_ours() -> None:
    """The second one of an account has another address than the one that ``allow`` names; no PBX has our passwords."""
    network, options = Network(), LineOptions(host=LINE, sources=("10.0.0.0/8",), passwords={"door": "opensesame"})
    line = Station(network, LINE, options)
    pbx, stranger = (Station(network, host) for host in (CALLER, "192.0.2.77"))
    account = Account("1000", "1000", "pbx.example", (Flow("UDP", "pbx.example", 5060),))
    line.take(line.agent.register(account, 0))
    request = sip.read(line.sent[0])
    assert isinstance(request, Request)
    answer = sip.respond(request, 200, [("Contact", f"{request.headers['Contact']};expires=600")], tag="pbx")
    line.take(line.agent.receive_datagram(sip.write(answer), Flow("UDP", CALLER, 5060), 1))
    for station in (pbx, stranger):
        station.call(LINE, "1000")
    network.run(0.4)
    (told,) = [event for event in line.events if isinstance(event, Incoming)]
    assert (told.flow.host, told.account, told.user) == (CALLER, "1000", "")
    assert line.agent.screening.dropped == {"source": 1}
