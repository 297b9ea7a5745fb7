"""What other ends do that the flows of RFC 3665 do not show: odd acceptances, orders that cross, ends in any state."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from sipmessage import Request, Response

from duologue.clock import MILLISECOND, SECOND
from duologue.phone.media.sdp import Description
from duologue.phone.sip import call_events as events
from duologue.phone.sip import message as sip
from duologue.phone.sip.header_fields import uri_of
from duologue.phone.sip.registration import Account
from duologue.phone.sip.screening import LineOptions
from duologue.phone.sip.transactions import Flow
from duologue.phone.sip.user_agent import Output, Transmit, UserAgent
from phone.sip_network import Network, Station, accepting, answered, description

ALICE, BOB = "192.0.2.1", "192.0.2.2"
SOURCE = Flow("UDP", "198.51.100.7", 5062)
SDP = ("Content-Type", "application/sdp")
BODY = description(BOB).encode().encode()


def _requests(outputs: list[Output]) -> list[Request]:
    read = [sip.read(one.data) for one in outputs if isinstance(one, Transmit) and one.data.strip()]
    return [one for one in read if isinstance(one, Request)]


def _answers(outputs: list[Output]) -> list[Response]:
    read = [sip.read(one.data) for one in outputs if isinstance(one, Transmit) and one.data.strip()]
    return [one for one in read if isinstance(one, Response)]


def _told(outputs: list[Output]) -> list[events.Event]:
    return [one for one in outputs if not isinstance(one, Transmit)]


def _calling() -> tuple[UserAgent, Request]:
    agent = UserAgent(LineOptions(host=ALICE), random.Random(1))
    _, outputs = agent.call(f"sip:16@{BOB}", description(), 0)
    return agent, _requests(outputs)[0]


def _give(agent: UserAgent, response: Response) -> list[Output]:
    return agent.receive_datagram(sip.write(response), SOURCE, 0)


# Acceptances


def test_an_acceptance_without_a_contact_is_acknowledged_and_a_call() -> None:
    agent, invite = _calling()
    outputs = _give(agent, sip.respond(invite, 200, [SDP], BODY, tag="x"))
    (ack,) = _requests(outputs)
    assert ack.method == "ACK" and str(ack.uri) == f"sip:16@{BOB}"
    (event,) = _told(outputs)
    assert isinstance(event, events.Answered)
    (bye,) = _requests(agent.hang_up(event.call, 0))
    assert bye.method == "BYE" and str(bye.uri) == f"sip:16@{BOB}"


@pytest.mark.parametrize(
    "headers",
    [
        [("Contact", "<sip:a@192.0.2.3>, <sip:b@192.0.2.3>")],
        [("Contact", "<tel:+123>")],
        [("Contact", "<sip:a@192.0.2.3>"), ("Record-Route", "<tel:+1>")],
    ],
)
def test_an_acceptance_by_nobody_is_acknowledged_and_ended(headers: list[tuple[str, str]]) -> None:
    agent, invite = _calling()
    accepted = sip.respond(invite, 200, [*headers, SDP], BODY, tag="x")
    outputs = _give(agent, accepted)
    assert [one.method for one in _requests(outputs)] == ["ACK", "BYE"]
    (event,) = _told(outputs)
    assert isinstance(event, events.Ended) and event.status == 502
    assert [one.method for one in _requests(_give(agent, accepted))] == ["ACK"], "repeated: acknowledged again"


def test_an_acceptance_without_sound_after_mere_ringing_is_no_answer() -> None:
    agent, invite = _calling()
    contact = ("Contact", f"<sip:16@{BOB}>")
    _give(agent, sip.respond(invite, 180, [contact], tag="x"))
    outputs = _give(agent, sip.respond(invite, 200, [contact], tag="x"))
    assert [one.method for one in _requests(outputs)] == ["ACK", "BYE"]
    ended = _told(outputs)[-1]
    assert isinstance(ended, events.Ended) and (ended.status, ended.why) == (488, "no answer to our offer")


def test_an_acceptance_without_sound_has_the_answer_that_came_with_the_ringing() -> None:
    agent, invite = _calling()
    contact = ("Contact", f"<sip:16@{BOB}>")
    for tag in ("other", "x"):
        _give(agent, sip.respond(invite, 183, [contact, SDP], description(BOB, 7000).encode().encode(), tag=tag))
    outputs = _give(agent, sip.respond(invite, 200, [contact], tag="x"))
    (event,) = _told(outputs)
    assert isinstance(event, events.Answered) and event.answer.media[0].port == 7000


@pytest.mark.parametrize("status", [481, 408])
@pytest.mark.parametrize("loser", [True, False])
def test_only_the_telephone_that_got_the_call_ends_it_by_not_knowing_it(status: int, loser: bool) -> None:
    """RFC 3261, section 12.2.1.2: what is over is the dialog of the request, be it one of a fork that lost."""
    agent, invite = _calling()
    reliable = [("Require", "100rel"), ("RSeq", "17")]
    pracks: dict[str, Request] = {}
    for tag in ("b", "a"):
        contact = ("Contact", f"<sip:{tag}@{BOB}>")
        (pracks[tag],) = _requests(_give(agent, sip.respond(invite, 183, [contact, *reliable], tag=tag)))
    outputs = _give(agent, sip.respond(invite, 200, [("Contact", f"<sip:a@{BOB}>"), SDP], BODY, tag="a"))
    assert [one.method for one in _requests(outputs)] == ["ACK"] and isinstance(_told(outputs)[-1], events.Answered)
    outputs = _give(agent, sip.respond(pracks["b" if loser else "a"], status))
    assert [one.method for one in _requests(outputs)] == ([] if loser else ["BYE"])
    assert agent.calls == int(loser)


def test_a_telephone_that_never_acknowledges_our_prack_ends_no_call_of_another() -> None:
    """Silence is as if 408 had come (section 8.1.3.1)."""
    agent, invite = _calling()
    reliable = [("Contact", f"<sip:b@{BOB}>"), ("Require", "100rel"), ("RSeq", "17")]
    _give(agent, sip.respond(invite, 183, reliable, tag="b"))
    _give(agent, sip.respond(invite, 200, [("Contact", f"<sip:a@{BOB}>"), SDP], BODY, tag="a"))
    while (at := agent.deadline) is not None and at < 60 * SECOND:
        assert not _told(agent.tick(at))
    assert agent.calls == 1


# What is asked before an acceptance


def _of_ringing(
    invite: Request, method: str, number: int, tag: str, *headers: tuple[str, str], body: bytes = b""
) -> bytes:
    """Of the telephone ``tag`` that rings."""
    named = [("From", f"{invite.headers['To']};tag={tag}"), ("To", invite.headers["From"])]
    via = ("Via", f"SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bK{tag}{method}{number}")
    more = [("Call-ID", invite.call_id), ("CSeq", f"{number} {method}"), *headers]
    return sip.write(sip.request(method, invite.uri, [via, *named, *more], body))


@pytest.mark.parametrize(
    ("method", "status", "reliable", "code"),
    [
        ("UPDATE", 183, True, 488), ("UPDATE", 183, False, 491), ("UPDATE", 180, True, 491), ("INVITE", 183, True, 491),
    ],
    ids=["after the answer", "after what is no answer yet", "before the answer", "as no other may"],
)  # fmt: skip
def test_an_offer_of_who_rings_changes_nothing_and_says_why(
    method: str, status: int, reliable: bool, code: int
) -> None:
    """RFC 3311, section 5.2: none of theirs is open (500); ours is, until its answer came reliably (491)."""
    agent, invite = _calling()
    contact = ("Contact", f"<sip:x@{BOB}>")
    headers = [contact, *([("Require", "100rel"), ("RSeq", "17")] if reliable else [])]
    headers, body = ([*headers, SDP], BODY) if status == 183 else (headers, b"")
    _give(agent, sip.respond(invite, status, headers, body, tag="x"))
    moved = description(BOB, 7000).encode().encode()
    outputs = agent.receive_datagram(_of_ringing(invite, method, 1, "x", contact, SDP, body=moved), SOURCE, 0)
    assert [one.code for one in _answers(outputs)] == [code] and not _told(outputs)
    outputs = _give(agent, sip.respond(invite, 200, [contact, SDP], BODY, tag="x"))
    (event,) = _told(outputs)
    assert isinstance(event, events.Answered) and event.answer.media[0].port == 4000


def test_a_sign_of_life_of_who_rings_is_answered_and_says_where_it_is() -> None:
    agent, invite = _calling()
    reliable = [("Contact", f"<sip:x@{BOB}>"), ("Require", "100rel")]
    _give(agent, sip.respond(invite, 183, [*reliable, ("RSeq", "17"), SDP], BODY, tag="x"))
    update = _of_ringing(invite, "UPDATE", 1, "x", ("Contact", f"<sip:moved@{BOB}>"), ("Session-Expires", "1800"))
    assert [one.code for one in _answers(agent.receive_datagram(update, SOURCE, 0))] == [200]
    (prack,) = _requests(_give(agent, sip.respond(invite, 180, [*reliable, ("RSeq", "18")], tag="x")))
    assert prack.uri.user == "moved"


# Ends, in every state


def _incoming(react: Callable[[Station, events.Event], None] | None) -> tuple[Network, Station, Station, str, str]:
    network = Network()
    caller, callee = Station(network, ALICE), Station(network, BOB)
    callee.react = react
    call = caller.call(BOB)
    network.run(1)
    theirs = next(one.call for one in callee.events if isinstance(one, events.Incoming))
    return network, caller, callee, call, theirs


def _silent(station: Station, event: events.Event) -> None:
    del station, event


def _ringing(station: Station, event: events.Event) -> None:
    if isinstance(event, events.Incoming):
        station.take(station.agent.ring(event.call, station.network.now))


def _early(station: Station, event: events.Event) -> None:
    if isinstance(event, events.Incoming):
        sound = answered(station.host, event.offer)
        station.take(station.agent.ring(event.call, station.network.now, sound))


@pytest.mark.parametrize("react", [_silent, _ringing, _early, accepting])
@pytest.mark.parametrize("who", ["caller", "callee"])
@pytest.mark.parametrize("at", [0.0, 0.005, 0.015, 0.025, 0.3])
def test_whoever_leaves_and_whenever_both_know_and_nothing_is_left(
    react: Callable[[Station, events.Event], None], who: str, at: float
) -> None:
    network = Network()
    caller, callee = Station(network, ALICE, react=accepting), Station(network, BOB, react=react)
    call = caller.call(BOB)
    network.run(at)
    theirs = [one.call for one in callee.events if isinstance(one, events.Incoming)]
    if who == "callee" and theirs:
        callee.take(callee.agent.hang_up(theirs[0], network.now))
    else:
        caller.take(caller.agent.hang_up(call, network.now))
    network.run()
    assert caller.agent.state == callee.agent.state == (0, 0, 0, 0)
    assert caller.kinds().count("Ended") == 1 and callee.kinds().count("Ended") <= 1
    assert caller.agent.deadline is None and callee.agent.deadline is None


def test_a_bye_of_the_caller_before_the_answer_ends_it() -> None:  # section 15: an early dialog may be left by BYE
    agent = UserAgent(LineOptions(host=BOB), random.Random(1))
    _, invite = _calling()
    outputs = agent.receive_datagram(sip.write(invite), SOURCE, 0)
    (event,) = _told(outputs)
    assert isinstance(event, events.Incoming)
    (ringing,) = _answers(agent.ring(event.call, 0))
    headers = [("Via", "SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKbye"), ("From", invite.headers["From"])]
    headers += [("To", ringing.headers["To"]), ("Call-ID", invite.call_id), ("CSeq", f"{invite.cseq.sequence + 1} BYE")]
    bye = sip.request("BYE", invite.uri, headers)
    outputs = agent.receive_datagram(sip.write(bye), SOURCE, 0)
    assert sorted(one.code for one in _answers(outputs)) == [200, 487]
    assert _told(outputs) == [events.Ended(event.call, 200, "they hung up")]


def test_a_change_that_is_cancelled_leaves_the_call() -> None:
    network, caller, callee, call, theirs = _incoming(accepting)
    callee.react = _silent
    caller.take(caller.agent.offer(call, description(ALICE), network.now))
    network.run(0.3)
    invite = next(sip.read(data) for data in reversed(caller.sent) if data.startswith(b"INVITE"))
    assert isinstance(invite, Request)
    key = ("client", sip.top_via(invite).branch, "INVITE")
    assert caller.agent.cancel(key, network.now)
    caller.take(caller.agent.tick(network.now))
    network.run(1)
    assert isinstance(caller.events[-1], events.NotChanged) and caller.events[-1].status == 487
    callee.take(callee.agent.agree(theirs, description(BOB), network.now))  # its owner had not noticed
    network.run(40)
    assert caller.agent.calls == callee.agent.calls == 1


def test_a_reason_given_before_the_acknowledgement_is_told() -> None:
    agent = UserAgent(LineOptions(host=BOB), random.Random(1))
    _, invite = _calling()
    (event,) = _told(agent.receive_datagram(sip.write(invite), SOURCE, 0))
    assert isinstance(event, events.Incoming)
    (accepted,) = _answers(agent.accept(event.call, answered(BOB, event.offer), 0))
    assert agent.hang_up(event.call, 0) == []
    ack = sip.request(
        "ACK",
        invite.uri,
        [
            ("Via", "SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bKack"),
            ("From", invite.headers["From"]),
            ("To", accepted.headers["To"]),
            ("Call-ID", invite.call_id),
            ("CSeq", f"{invite.cseq.sequence} ACK"),
        ],
    )
    outputs = agent.receive_datagram(sip.write(ack), SOURCE, 0)
    assert [one.method for one in _requests(outputs)] == ["BYE"]
    assert _told(outputs) == [events.Ended(event.call, 200, "we hung up")]


# 100rel


def test_a_call_without_an_offer_that_wants_reliable_ringing_gets_none() -> None:  # RFC 3262, section 5
    agent = UserAgent(LineOptions(host=BOB), random.Random(1))
    _, invite = _calling()
    invite.body = b""
    invite.headers.add("Require", "100rel")
    (event,) = _told(agent.receive_datagram(sip.write(invite), SOURCE, 0))
    assert isinstance(event, events.Incoming) and event.offer is None
    assert agent.ring(event.call, 0) == [] and agent.ring(event.call, 0, description(BOB)) == []
    (accepted,) = _answers(agent.accept(event.call, description(BOB), 0))
    assert accepted.code == 200 and b"m=audio" in accepted.body


# Transport


def test_who_cannot_be_reached_is_given_up_at_once_and_a_ringing_call_is_not() -> None:
    agent = UserAgent(LineOptions(host=ALICE, transport="TCP"), random.Random(1))
    there = Flow("TCP", BOB, 5060)
    name, _ = agent.call(f"sip:16@{BOB};transport=tcp", description(), 0)
    other, outputs = agent.call(f"sip:17@{BOB};transport=tcp", description(), 0)
    (invite,) = _requests(outputs)
    agent.receive(sip.respond(invite, 180, [("Contact", f"<sip:17@{BOB}>")], tag="x"), there, 0)
    said = f"nobody is reached at {BOB}:5060 (TCP): no such name, or no connection"  # section 8.1.3.1: no time-out
    assert _told(agent.lost(there, 0)) == [events.Ended(name, 503, said)]
    assert agent.calls == 1 and list(agent.unanswered) == [there]
    del other


def test_a_pbx_that_takes_no_connection_for_a_moment_ends_no_call() -> None:
    """It is started anew, and the session is refreshed just then: section 12.2.1.2 has a time-out end the call, and
    this is none. Nor is it a sign of life.
    """
    agent = UserAgent(LineOptions(host=ALICE, transport="TCP"), random.Random(1))
    there = Flow("TCP", BOB, 5060)
    name, outputs = agent.call(f"sip:16@{BOB};transport=tcp", description(), 0)
    (invite,) = _requests(outputs)
    taken = [("Contact", f"<sip:16@{BOB};transport=tcp>"), ("Content-Type", "application/sdp"),
             ("Session-Expires", "1800;refresher=uac")]  # fmt: skip
    body = answered(BOB, description()).encode().encode()
    agent.receive(sip.respond(invite, 200, taken, body, tag="x"), there, 0)
    times: list[int] = []
    while len(times) < 3 and agent.calls and (now := agent.deadline) is not None:
        times += [now for one in _requests(agent.tick(now)) if one.method == "INVITE"]
        assert _told(agent.lost(there, now)) == []
    assert len(times) == 3 and times[0] == 900 * SECOND
    agent.probe(name, times[-1])
    assert _told(agent.lost(there, times[-1])) == []


@pytest.mark.parametrize(
    ("route", "goes"),
    [
        (f"<sip:{BOB}:5061;transport=tls;lr>", Flow("TLS", "pbx.example", 0)),
        ("<sip:192.0.2.3:5061;transport=tls;lr>", Flow("TLS", "192.0.2.3", 5061)),
        (f"<sip:{BOB};transport=tcp;lr>", Flow("TCP", BOB, 5060)),
    ],
)  # fmt: skip
def test_a_proxy_that_names_its_address_is_reached_by_the_connection_to_its_name(route: str, goes: Flow) -> None:
    """Its certificate has a name alone, so no other connection was to be had: no ACK came to it, nor any BYE."""
    agent = UserAgent(LineOptions(host=ALICE, ports={"TLS": 5061}), random.Random(1))
    account = Account("llama", "16", "pbx.example", (Flow("TLS", "pbx.example", 0),))
    agent.register(account, 0)
    came = Flow("TLS", "pbx.example", 0, peer=(BOB, 5061))
    name, outputs = agent.call("sip:17@pbx.example", description(), 0, "llama")
    (invite,) = _requests(outputs)
    taken = [("Contact", "<sip:17@198.51.100.7>"), ("Content-Type", "application/sdp"), ("Record-Route", route)]
    accepted = sip.respond(invite, 200, taken, answered(BOB, description()).encode().encode(), tag="x")
    sent = [one for one in agent.receive(accepted, came, 0) if isinstance(one, Transmit)]
    sent += [one for one in agent.hang_up(name, 0) if isinstance(one, Transmit)]
    assert [one.data.split(b" ")[0] for one in sent] == [b"ACK", b"BYE"] and {one.flow for one in sent} == {goes}
    theirs = sip.request("INVITE", uri_of(f"sip:16@{ALICE}"), [
        ("Via", f"SIP/2.0/TLS {BOB}:5061;branch=z9hG4bKone"), ("From", "<sip:17@pbx.example>;tag=a"),
        ("To", "<sip:16@pbx.example>"), ("Call-ID", "theirs"), ("CSeq", "1 INVITE"), *taken,
    ], description(BOB).encode().encode())  # fmt: skip
    (event,) = _told(agent.receive(theirs, came, 0))
    assert isinstance(event, events.Incoming) and event.offer is not None
    (took,) = _answers(agent.accept(event.call, answered(ALICE, event.offer), 0))
    ack = sip.request("ACK", theirs.uri, [
        ("Via", f"SIP/2.0/TLS {BOB}:5061;branch=z9hG4bKack"), ("From", theirs.headers["From"]),
        ("To", took.headers["To"]), ("Call-ID", "theirs"), ("CSeq", "1 ACK"),
    ])  # fmt: skip
    agent.receive(ack, came, 0)
    (bye,) = [one for one in agent.hang_up(event.call, 0) if isinstance(one, Transmit)]
    assert bye.flow == goes


@pytest.mark.parametrize("broke", [True, False])
def test_who_has_closed_its_connection_is_hung_up_upon_where_it_says_that_it_is(broke: bool) -> None:
    """A PBX closes the connection that it called us by when it has been idle for half a minute; a port that it called
    from takes no connection.
    """
    agent = UserAgent(LineOptions(host=ALICE, transport="TCP"), random.Random(1))
    theirs = Flow("TCP", BOB, 43_210)
    call = ""
    _, outputs = UserAgent(LineOptions(host=BOB, transport="TCP"), random.Random(2)).call(
        f"sip:16@{ALICE};transport=tcp", description(BOB), 0
    )
    (invite,) = _requests(outputs)
    for event in _told(agent.receive(invite, theirs, 0)):
        assert isinstance(event, events.Incoming) and event.offer is not None
        call = event.call
        (accepted,) = _answers(agent.accept(call, answered(ALICE, event.offer), 0))
        ack = sip.request("ACK", invite.uri, [
            ("Via", "SIP/2.0/TCP 192.0.2.2;branch=z9hG4bKack"), ("From", invite.headers["From"]),
            ("To", accepted.headers["To"]), ("Call-ID", invite.call_id), ("CSeq", f"{invite.cseq.sequence} ACK"),
        ])  # fmt: skip
        agent.receive(ack, theirs, 0)
    if broke:
        agent.lost(theirs, 1, theirs=True)
    bye = next(one for one in agent.hang_up(call, 2) if isinstance(one, Transmit))
    assert bye.flow == (Flow("TCP", BOB, 5060) if broke else theirs)


@pytest.mark.parametrize(
    ("transport", "via", "goes"),
    [
        ("TCP", f"{BOB}:5070", Flow("TCP", BOB, 5070)), ("TCP", BOB, Flow("TCP", BOB, 5060)),
        ("TLS", "pbx.example", Flow("TLS", BOB, 5061, "pbx.example")),
    ],
)  # fmt: skip
def test_who_asked_by_a_connection_that_broke_is_answered_by_another(transport: str, via: str, goes: Flow) -> None:
    """Section 18.2.2: at the port that it says that it is at; the one that it called from takes none."""
    agent, theirs = (
        UserAgent(LineOptions(host=ALICE, transport=transport), random.Random(1)),
        Flow(transport, BOB, 43_210),
    )
    _, outputs = UserAgent(LineOptions(host=BOB, transport="TCP"), random.Random(2)).call(
        f"sip:16@{ALICE};transport=tcp", description(BOB), 0
    )
    (invite,) = _requests(outputs)
    invite.headers.set("Via", f"SIP/2.0/{transport} {via};branch=z9hG4bKone;rport")
    (event,) = _told(agent.receive(invite, theirs, 0))
    assert isinstance(event, events.Incoming) and event.offer is not None
    agent.lost(theirs, 1, theirs=True)
    sent = [one for one in agent.accept(event.call, answered(ALICE, event.offer), 2) if isinstance(one, Transmit)]
    assert [one.flow for one in sent] == [goes]
    assert all(one.flow == goes for one in agent.tick(SECOND) if isinstance(one, Transmit)), "and so it is repeated"


@pytest.mark.parametrize(("transport", "port"), [("UDP", 5060), ("TCP", 5062), ("TLS", 5061)])
def test_a_line_by_several_transports_names_the_one_that_is_used(transport: str, port: int) -> None:
    options = LineOptions(host=BOB, ports={"UDP": 5060, "TCP": 5062, "TLS": 5061})
    agent = UserAgent(options, random.Random(1))
    _, invite = _calling()
    outputs = agent.receive(invite, Flow(transport, "198.51.100.7", 40_000), 0)
    (event,) = _told(outputs)
    assert isinstance(event, events.Incoming)
    (ringing,) = _answers(agent.ring(event.call, 0))
    (contact,) = sip.addresses(ringing, "Contact")
    assert contact.target.port == port
    assert contact.target.parameters.get("transport") == (None if transport == "UDP" else transport.lower())
    account = Account("llama", "16", "pbx.example.com", (Flow(transport, "192.0.2.9", 5060),))
    (register,) = _requests(agent.register(account, 0))
    assert sip.top_via(register).port == port and f":{port}" in register.headers["Contact"]


def test_a_call_knows_its_account_and_what_it_was_handed_over_with() -> None:
    agent = UserAgent(LineOptions(host=BOB), random.Random(1))
    agent.register(Account("llama", "16", "pbx.example.com", (SOURCE,)), 0)
    _, invite = _calling()
    for name, value in (("X-Said", "wants a refund"), ("Referred-By", "<sip:op@pbx>"), ("Organization", "none")):
        invite.headers.add(name, value)
    (event,) = _told(agent.receive_datagram(sip.write(invite), SOURCE, 0))
    assert isinstance(event, events.Incoming) and event.account == "llama"
    assert event.headers == {"x-said": "wants a refund", "referred-by": "<sip:op@pbx>"}


def test_waking_up_costs_the_same_with_a_thousand_calls() -> None:
    agent = UserAgent(LineOptions(host=ALICE, most_calls=2000), random.Random(1))
    for _ in range(1000):
        agent.call(f"sip:16@{BOB}", description(), 0)
    assert agent.deadline == 500 * MILLISECOND
    assert len(_requests(agent.tick(500 * MILLISECOND))) == 1000
    assert agent.deadline == 1500 * MILLISECOND
    now, last = 0, 0
    while (deadline := agent.deadline) is not None:
        assert deadline > last
        now = last = deadline
        agent.tick(now)
    assert agent.state == (0, 0, 0, 0) and now == 32 * SECOND


def test_an_offer_that_says_nothing_of_packets_gets_ours() -> None:
    text = description(BOB).encode().replace("a=ptime:20\r\n", "a=ptime:x\r\n")
    assert Description.parse(text).media[0].ptime == 0
