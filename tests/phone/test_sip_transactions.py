"""The four machines by their timers, and the matching of messages to them."""

from __future__ import annotations

import pytest
from sipmessage import Request, Response

from duologue.clock import MILLISECOND
from duologue.phone.sip import message as sip
from duologue.phone.sip.header_fields import uri_of
from duologue.phone.sip.transactions import Asked, Cancelled, Effect, Failed, Flow, Responded, Send, Transactions

UDP, TCP = Flow("UDP", "192.0.2.1", 5060), Flow("TCP", "192.0.2.1", 5060)


def _request(method: str, branch: str = "z9hG4bK1", number: int = 1, to: str = "<sip:b@example.com>") -> Request:
    headers = [
        ("Via", f"SIP/2.0/UDP 192.0.2.9:5060{f';branch={branch}' if branch else ''}"),
        ("From", "<sip:a@example.com>;tag=a"),
        ("To", to),
        ("Call-ID", "call"),
        ("CSeq", f"{number} {method}"),
    ]
    return sip.request(method, uri_of("sip:b@example.com"), headers)


def _response(request: Request, code: int) -> Response:
    return sip.respond(request, code, tag="b")


def _shown(effects: list[Effect]) -> list[object]:
    names: list[object] = []
    for effect in effects:
        if isinstance(effect, Send):
            names.append(effect.message.method if isinstance(effect.message, Request) else effect.message.code)
        elif isinstance(effect, Responded):
            names.append(f"<{effect.response.code}")
        elif isinstance(effect, Asked):
            names.append(f"<{effect.request.method}")
        else:
            names.append(type(effect))
    return names


def _run(transactions: Transactions, until_ms: int) -> list[tuple[int, object]]:
    """What happens up to then, with when (ms)."""
    happened: list[tuple[int, object]] = []
    while (at := transactions.deadline) is not None and at <= until_ms * MILLISECOND:
        happened += [(at // MILLISECOND, name) for name in _shown(transactions.tick(at))]
    return happened


def test_an_invite_is_repeated_ever_more_slowly_until_it_has_failed() -> None:  # timers A, B
    transactions = Transactions()
    transactions.request(_request("INVITE"), UDP, 0)
    sent = [(at, "INVITE") for at in (500, 1500, 3500, 7500, 15500, 31500)]
    assert _run(transactions, 40_000) == [*sent, (32_000, Failed)] and transactions.count == 0


def test_another_request_is_repeated_every_four_seconds_at_last() -> None:  # timers E, F
    transactions = Transactions()
    transactions.request(_request("OPTIONS"), UDP, 0)
    times = (500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500)
    assert _run(transactions, 40_000) == [*((at, "OPTIONS") for at in times), (32_000, Failed)]


@pytest.mark.parametrize(("heard", "silent"), [((), UDP), ((100,), None)])
def test_only_where_nothing_at_all_came_from_is_an_address_given_up(
    heard: tuple[int, ...], silent: Flow | None
) -> None:
    """The next one of its name is tried then, which would be wrong of a busy server."""
    transactions = Transactions()
    request = _request("OPTIONS")
    transactions.request(request, UDP, 0)
    for code in heard:
        transactions.receive(_response(request, code), UDP, 0)
    (failed,) = (effect for effect in transactions.tick(32_000 * MILLISECOND))
    assert isinstance(failed, Failed) and failed.flow == silent


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_nothing_is_repeated_on_a_stream(method: str) -> None:
    transactions = Transactions()
    transactions.request(_request(method), TCP, 0)
    assert _run(transactions, 40_000) == [(32_000, Failed)]


def test_a_refusal_is_acknowledged_each_time_and_told_once() -> None:  # timer D
    transactions = Transactions()
    request = _request("INVITE")
    transactions.request(request, UDP, 0)
    assert _shown(transactions.receive(_response(request, 180), UDP, 0)) == ["<180"]
    assert transactions.deadline is None, "who rings may ring for long"
    refusal = _response(request, 486)
    first = transactions.receive(refusal, UDP, 0)
    assert _shown(first) == ["ACK", "<486"] and _shown(transactions.receive(refusal, UDP, 1)) == ["ACK"]
    assert isinstance(first[0], Send) and first[0].message.headers["To"].endswith("tag=b")
    assert _run(transactions, 40_000) == [] and transactions.count == 0


def test_each_acceptance_is_told() -> None:  # RFC 6026, timer M
    transactions = Transactions()
    request = _request("INVITE")
    transactions.request(request, UDP, 0)
    for _ in range(3):
        assert _shown(transactions.receive(_response(request, 200), UDP, 0)) == ["<200"]
    assert transactions.deadline == 32_000 * MILLISECOND
    assert _run(transactions, 33_000) == [] and transactions.count == 0
    assert transactions.receive(_response(request, 200), UDP, 33_000 * MILLISECOND) == []


def test_a_response_to_somebody_else_is_dropped() -> None:
    transactions = Transactions()
    request = _request("OPTIONS")
    transactions.request(request, UDP, 0)
    for via in ("SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK1", "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK2"):
        response = _response(request, 200)
        response.headers.set("Via", via)
        assert transactions.receive(response, UDP, 0) == []
    response = _response(request, 200)
    response.headers.add("Via", "SIP/2.0/UDP 198.51.100.1")
    assert transactions.receive(response, UDP, 0) == []


def test_an_invite_is_answered_with_trying_after_a_fifth_of_a_second() -> None:
    transactions = Transactions()
    transactions.receive(_request("INVITE"), UDP, 0)
    assert _run(transactions, 10_000) == [(200, 100)]
    assert _shown(transactions.receive(_request("INVITE"), UDP, 0)) == [100]


def test_a_refusal_is_repeated_until_it_is_acknowledged() -> None:  # timers G, H, I
    transactions = Transactions()
    request = _request("INVITE")
    (asked,) = transactions.receive(request, UDP, 0)
    assert isinstance(asked, Asked) and asked.key
    transactions.respond(asked.key, _response(request, 486), 0)
    assert _run(transactions, 4_000) == [(500, 486), (1500, 486), (3500, 486)]
    assert transactions.receive(_request("ACK"), UDP, 4_000 * MILLISECOND) == []
    assert _run(transactions, 60_000) == [] and transactions.count == 0


def test_a_refusal_that_nobody_acknowledges_is_given_up() -> None:
    transactions = Transactions()
    request = _request("INVITE")
    (asked,) = transactions.receive(request, UDP, 0)
    assert isinstance(asked, Asked) and asked.key
    transactions.respond(asked.key, _response(request, 486), 0)
    assert _run(transactions, 60_000)[-1] == (32_000, Failed) and transactions.count == 0


def test_an_acceptance_absorbs_repeated_invites() -> None:  # RFC 6026, timer L
    transactions = Transactions()
    request = _request("INVITE")
    (asked,) = transactions.receive(request, UDP, 0)
    assert isinstance(asked, Asked) and asked.key
    assert _shown(transactions.respond(asked.key, _response(request, 200), 0)) == [200]
    assert transactions.receive(request, UDP, 1) == []
    assert _shown(transactions.receive(_request("ACK", "z9hG4bK77"), UDP, 1)) == ["<ACK"]
    assert _run(transactions, 60_000) == [] and transactions.count == 0


@pytest.mark.parametrize("branch", ["z9hG4bK5", "", "z9hG4bK", "1"])
def test_a_cancel_finds_its_invite_also_of_old(branch: str) -> None:
    transactions = Transactions()
    (asked,) = transactions.receive(_request("INVITE", branch), UDP, 0)
    assert isinstance(asked, Asked) and asked.key
    effects = transactions.receive(_request("CANCEL", branch), UDP, 0)
    assert _shown(effects) == [200, Cancelled] and effects[1] == Cancelled(asked.key)
    assert _shown(transactions.receive(_request("CANCEL", branch), UDP, 0)) == [200], "repeated, told once"
    other = _request("CANCEL", f"{branch}x" if branch else "", 2)
    assert _shown(transactions.receive(other, UDP, 0)) == [481]


def test_a_cancel_after_the_end_changes_nothing() -> None:
    transactions = Transactions()
    request = _request("INVITE")
    (asked,) = transactions.receive(request, UDP, 0)
    assert isinstance(asked, Asked) and asked.key
    transactions.respond(asked.key, _response(request, 200), 0)
    assert _shown(transactions.receive(_request("CANCEL"), UDP, 0)) == [200]


def test_we_cancel_only_what_rings_and_wait_no_longer_than_64_t1() -> None:
    transactions = Transactions()
    request = _request("INVITE")
    key, _ = transactions.request(request, TCP, 0)
    assert transactions.cancel(key, 0) is None
    transactions.receive(_response(request, 180), TCP, 0)
    assert transactions.cancel(key, 0) is not None and transactions.cancel(key, 0) is None
    transactions.receive(_response(request, 183), TCP, 10)
    assert [at for at, kind in _run(transactions, 60_000) if kind is Failed] == [32_000, 32_000]
    assert transactions.count == 0


def test_too_many_are_dropped_and_counted() -> None:
    transactions = Transactions(most=1)
    assert transactions.receive(_request("OPTIONS", "z9hG4bK1"), UDP, 0)
    assert transactions.receive(_request("OPTIONS", "z9hG4bK2"), UDP, 0) == [] and transactions.dropped == 1
