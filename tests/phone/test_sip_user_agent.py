"""Calls by the message: the flows of RFC 3665, section 3, and what people and networks make of them."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from sipmessage import Request, Response

from duologue.clock import MILLISECOND, SECOND
from duologue.phone.media.sdp import Direction
from duologue.phone.sip import call_events as events
from duologue.phone.sip import message as sip
from duologue.phone.sip import refusals
from duologue.phone.sip.digest import Authority, Credentials
from duologue.phone.sip.header_fields import listed
from duologue.phone.sip.registration import Account
from duologue.phone.sip.screening import LineOptions, Rate
from duologue.phone.sip.transactions import Flow
from duologue.phone.sip.user_agent import Output, Transmit, UserAgent
from phone.sip_network import Network, Station, accepting, answered, description

ALICE, BOB = "192.0.2.1", "192.0.2.2"
SOURCE = Flow("UDP", "198.51.100.7", 5062)


def _ringing(station: Station, event: events.Event) -> None:
    if isinstance(event, events.Incoming):
        station.take(station.agent.ring(event.call, station.network.now))


def _refusing(station: Station, event: events.Event) -> None:
    if isinstance(event, events.Incoming):
        station.take(station.agent.refuse(event.call, 486, station.network.now))


def _disagreeing(station: Station, event: events.Event) -> None:
    if isinstance(event, events.Offered):
        station.take(station.agent.disagree(event.call, 488, station.network.now))


def _pair(options: LineOptions | None = None) -> tuple[Network, Station, Station]:
    network = Network()
    caller = Station(network, ALICE, react=accepting)
    return network, caller, Station(network, BOB, options, accepting)


def _standing() -> tuple[Network, Station, Station, str]:
    network, caller, callee = _pair()
    call = caller.call(BOB)
    network.run(1)
    assert "Answered" in caller.kinds() and "Acknowledged" in callee.kinds()
    network.trace.clear()
    return network, caller, callee, call


def _theirs(station: Station) -> str:
    return next(event.call for event in station.events if isinstance(event, events.Incoming))


def test_3_1_a_call_from_ringing_to_bye() -> None:
    network, caller, callee = _pair()
    call = caller.call(BOB)
    network.run(1)
    caller.take(caller.agent.hang_up(call, network.now))
    network.run()
    heads = [line.split(" ")[0] for line in network.trace]
    assert heads == ["INVITE", "180", "200", "ACK", "BYE", "200"]
    assert caller.kinds() == ["Progress", "Answered", "Ended"] and callee.kinds() == [
        "Incoming",
        "Acknowledged",
        "Ended",
    ]
    assert caller.agent.state == callee.agent.state == (0, 0, 0, 0)


def test_3_8_no_answer_is_cancelled() -> None:
    network, caller, callee = _pair()
    callee.react = _ringing
    call = caller.call(BOB)
    network.run(1)
    caller.take(caller.agent.hang_up(call, network.now))
    network.run()
    heads = [line.split(" ")[0] for line in network.trace]
    assert heads == ["INVITE", "180", "CANCEL", "200", "487", "ACK"]
    assert callee.events[-1] == events.Ended(_theirs(callee), 487, "cancelled")


def test_3_9_a_busy_one_is_told() -> None:
    network, caller, callee = _pair()
    callee.react = _refusing
    call = caller.call(BOB)
    network.run()
    assert caller.events == [events.Ended(call, 486, "Busy Here")]


@pytest.mark.parametrize(
    ("status", "phrase", "headers", "why"),
    [
        (486, "", (), "Busy Here"), (499, "", (), "refused"), (403, "Not \x1b[2Jyou", (), "Not [2Jyou"),
        (480, "Away", (("Retry-After", "30 (lunch);duration=5"),), "Away, for 30 s"),
        (480, "Away", (("Retry-After", "soon"),), "Away"), (302, "Moved", (), "Moved"),
        (302, "Moved", (("Contact", "Bob <sip:b@192.0.2.7>, <tel:+49>"),),
         "Moved: they are to be called at sip:b@192.0.2.7 or tel:+49"),
        (305, "Proxy", (("Contact", "*"),), "Proxy"),  # the call never ended, nor was anybody told
    ],
)  # fmt: skip
def test_why_nobody_was_reached_is_told_in_words_that_harm_no_terminal(
    status: int, phrase: str, headers: tuple[tuple[str, str], ...], why: str
) -> None:
    invite = sip.read(_invite())
    assert isinstance(invite, Request)
    response = sip.respond(invite, status, headers, tag="me")
    data = sip.write(response).split(b"\r\n", 1)
    read = sip.read(f"SIP/2.0 {status} {phrase}\r\n".encode() + data[1])
    assert isinstance(read, Response) and refusals.in_words(read) == why


def test_who_does_not_answer_at_all_is_given_up() -> None:
    network = Network()
    caller = Station(network, ALICE)
    call = caller.call("192.0.2.99")
    network.run()
    assert caller.events == [events.Ended(call, 408, "no answer")] and network.now == 32 * SECOND


def test_whoever_rings_for_too_long_is_cancelled() -> None:
    network, caller, callee = _pair()
    callee.react = _ringing
    caller.call(BOB)
    network.run()
    assert caller.kinds() == ["Progress", "Ended"] and caller.agent.state == callee.agent.state == (0, 0, 0, 0)


def test_an_acceptance_is_repeated_until_the_ack_and_then_the_call_is_given_up() -> None:
    network, caller, callee = _pair()
    del caller
    callee.take(callee.agent.receive_datagram(_invite(), SOURCE, network.now))
    network.run(19)
    accepted = [data for data in callee.sent if data.startswith(b"SIP/2.0 200")]
    assert len(accepted) == 7 and len(set(accepted)) == 1, "at 0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5 s"
    network.run()
    assert isinstance(callee.events[-1], events.Ended) and callee.events[-1].status == 408
    assert callee.sent[-1].startswith(b"BYE sip:alice@198.51.100.7:5062") and callee.agent.state == (0, 0, 0, 0)


def test_hold_and_resume() -> None:  # RFC 3264, section 8.4
    network, caller, callee, call = _standing()
    held = description(ALICE).media[0]
    for direction in (Direction.SENDONLY, Direction.SENDRECV):
        offered = replace(description(ALICE), media=(replace(held, direction=direction),))
        caller.take(caller.agent.offer(call, offered, network.now))
        network.run(1)
        last = [event for event in callee.events if isinstance(event, events.Offered)][-1]
        assert last.offer is not None and last.offer.media[0].held == (direction is Direction.SENDONLY)
        assert isinstance(caller.events[-1], events.Changed) and caller.events[-1].answer is not None
    assert [line.split(" ")[0] for line in network.trace] == ["INVITE", "200", "ACK"] * 2


def test_two_changes_that_meet_both_come_to_pass() -> None:  # glare, section 14
    network, caller, callee, call = _standing()
    caller.take(caller.agent.offer(call, description(ALICE), network.now))
    callee.take(callee.agent.offer(_theirs(callee), description(BOB), network.now))
    network.run(10)
    assert network.trace.count("491 Request Pending") == 2
    assert "Changed" in caller.kinds() and "Changed" in callee.kinds()
    assert "NotChanged" not in caller.kinds() + callee.kinds()


def test_a_change_that_is_refused_leaves_the_call() -> None:
    network, caller, callee, call = _standing()
    callee.react = _disagreeing
    caller.take(caller.agent.offer(call, description(ALICE), network.now))
    network.run(5)
    assert caller.events[-1] == events.NotChanged(call, 488) and caller.agent.calls == 1


def test_a_session_is_refreshed_for_as_long_as_both_are_there() -> None:  # RFC 4028
    network, caller, callee, _ = _standing()
    network.run(7200)
    assert caller.agent.calls == callee.agent.calls == 1 and network.trace.count("200 OK") == 8
    del network.stations[ALICE, 5060]
    network.run(1800)
    assert callee.agent.calls == 0
    network.run()
    assert callee.agent.state == (0, 0, 0, 0)


def test_too_short_a_session_is_refused_with_the_least() -> None:
    network, _, callee = _pair()
    data = _invite(("Session-Expires", "30"), ("Supported", "timer"))
    (answer,) = _answers(callee.agent.receive_datagram(data, SOURCE, network.now))
    assert answer.code == 422 and answer.headers["Min-SE"] == "90"


def test_we_ask_for_longer_when_told_so() -> None:
    network, caller, _ = _pair()
    caller.agent.session_seconds = 100
    caller.call("192.0.2.3")
    network.run(0.1)
    invite = sip.read(caller.sent[0])
    assert isinstance(invite, Request)
    refusal = sip.respond(invite, 422, [("Min-SE", "600")], tag="x")
    outputs = caller.agent.receive_datagram(sip.write(refusal), SOURCE, network.now)
    again = _requests(outputs)[-1]
    assert again.headers["Session-Expires"] == "600" and again.cseq.sequence == invite.cseq.sequence + 1


def test_ringing_is_reliable_where_it_must_be() -> None:  # RFC 3262
    network, _, callee = _pair()
    callee.react = None
    callee.take(callee.agent.receive_datagram(_invite(("Require", "100rel")), SOURCE, network.now))
    call = _theirs(callee)
    callee.take(callee.agent.ring(call, network.now, description(BOB)))
    callee.take(callee.agent.accept(call, description(BOB), network.now))
    network.run(2)
    early = [sip.read(data) for data in callee.sent if data.startswith(b"SIP/2.0 183")]
    assert len(early) == 3 and not any(data.startswith(b"SIP/2.0 200") for data in callee.sent), "it waits for PRACK"
    wrong = _in_dialog("PRACK", early[0], 2, ("RAck", "1 1 INVITE"))
    assert _answers(callee.agent.receive_datagram(wrong, SOURCE, network.now))[0].code == 481
    right = _in_dialog("PRACK", early[0], 3, ("RAck", f"{early[0].headers['RSeq']} 1 INVITE"))
    codes = [one.code for one in _answers(callee.agent.receive_datagram(right, SOURCE, network.now))]
    assert codes == [200, 200]


def test_ringing_that_nobody_acknowledges_is_given_up() -> None:
    network, _, callee = _pair()
    callee.react = None
    callee.take(callee.agent.receive_datagram(_invite(("Require", "100rel")), SOURCE, network.now))
    callee.take(callee.agent.ring(_theirs(callee), network.now))
    network.run()
    last = callee.events[-1]
    assert isinstance(last, events.Ended) and last.status == 504 and callee.agent.state == (0, 0, 0, 0)


def test_we_acknowledge_reliable_ringing() -> None:
    network, caller, _ = _pair()
    caller.call("192.0.2.3")
    invite = sip.read(caller.sent[0])
    assert isinstance(invite, Request)
    headers = [("Require", "100rel"), ("RSeq", "17"), ("Contact", "<sip:bob@192.0.2.3>")]
    ringing = sip.write(sip.respond(invite, 180, headers, tag="x"))
    (prack,) = _requests(caller.agent.receive_datagram(ringing, SOURCE, network.now))
    assert prack.method == "PRACK" and prack.headers["RAck"] == f"17 {invite.cseq.sequence} INVITE"
    assert _requests(caller.agent.receive_datagram(ringing, SOURCE, network.now)) == [], "repeated: once is enough"


def test_of_two_who_answer_the_second_is_sent_away() -> None:  # forking, section 13.2.2.4
    network, caller, _ = _pair()
    caller.call("192.0.2.3")
    invite = sip.read(caller.sent[0])
    assert isinstance(invite, Request)
    sent: list[list[str]] = []
    for tag in ("one", "two", "two", "one"):
        headers = [("Contact", f"<sip:{tag}@192.0.2.3>"), ("Content-Type", "application/sdp")]
        accepted = sip.respond(invite, 200, headers, description(BOB).encode().encode(), tag=tag)
        outputs = caller.agent.receive_datagram(sip.write(accepted), SOURCE, network.now)
        sent.append([f"{one.method} {one.uri.user}" for one in _requests(outputs)])
        caller.events += [one for one in outputs if not isinstance(one, Transmit)]
    assert sent == [["ACK one"], ["ACK two", "BYE two"], ["ACK two"], ["ACK one"]]
    assert caller.kinds() == ["Answered"] and caller.agent.calls == 1


def test_who_was_cancelled_and_answers_all_the_same_is_sent_away() -> None:
    network, caller, _ = _pair()
    call = caller.call("192.0.2.3")
    invite = sip.read(caller.sent[0])
    assert isinstance(invite, Request)
    caller.take(caller.agent.receive_datagram(sip.write(sip.respond(invite, 180, tag="x")), SOURCE, network.now))
    caller.take(caller.agent.hang_up(call, network.now))
    headers = [("Contact", "<sip:bob@192.0.2.3>"), ("Content-Type", "application/sdp")]
    accepted = sip.respond(invite, 200, headers, description(BOB).encode().encode(), tag="x")
    outputs = caller.agent.receive_datagram(sip.write(accepted), SOURCE, network.now)
    assert [one.method for one in _requests(outputs)] == ["ACK", "BYE"]
    network.run()
    assert caller.kinds() == ["Progress", "Ended"] and caller.agent.state == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("routes", "target", "shown"),
    [
        (["<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>"], "sip:alice@198.51.100.7:5062",
         ["<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>"]),
        (["<sip:p2.example.com;LR>"], "sip:alice@198.51.100.7:5062", ["<sip:p2.example.com;LR>"]),
        (["<sip:p2.example.com>", "<sip:p1.example.com;lr>"], "sip:p2.example.com",
         ["<sip:p1.example.com;lr>", "<sip:alice@198.51.100.7:5062>"]),
    ],
)  # fmt: skip
def test_requests_in_a_dialog_go_by_its_route(routes: list[str], target: str, shown: list[str]) -> None:
    network, _, callee = _pair()  # section 12.2.1.1, with its strict router
    data = _invite(*(("Record-Route", one) for one in routes))
    callee.take(callee.agent.receive_datagram(data, SOURCE, network.now))
    accepted = sip.read(next(data for data in callee.sent if data.startswith(b"SIP/2.0 200")))
    assert listed(accepted.headers.getlist("Record-Route")) == routes
    callee.agent.receive_datagram(_in_dialog("ACK", accepted, 1), SOURCE, network.now)
    outputs = callee.agent.hang_up(_theirs(callee), network.now)
    (bye,) = _requests(outputs)
    assert str(bye.uri) == target and bye.headers.getlist("Route") == shown
    assert isinstance(outputs[0], Transmit) and outputs[0].flow == Flow("UDP", "p2.example.com", 0), "by SRV"


def test_a_transfer_is_asked_for_and_told_of() -> None:  # RFC 3515
    network, _, callee = _pair()
    callee.take(callee.agent.receive_datagram(_invite(), SOURCE, network.now))
    accepted = sip.read(next(data for data in callee.sent if data.startswith(b"SIP/2.0 200")))
    callee.take(callee.agent.receive_datagram(_in_dialog("ACK", accepted, 1), SOURCE, network.now))
    (refer,) = _requests(callee.agent.transfer(_theirs(callee), "sip:human@pbx.example.com", network.now))
    assert refer.headers["Refer-To"] == "<sip:human@pbx.example.com>" and refer.headers.get("Contact")
    callee.take(callee.agent.receive_datagram(sip.write(sip.respond(refer, 202)), SOURCE, network.now))
    for number, (line, state) in enumerate((("100 Trying", "active"), ("200 OK", "terminated;reason=noresource")), 2):
        headers = [("Event", "refer"), ("Subscription-State", state), ("Content-Type", "message/sipfrag")]
        data = _in_dialog("NOTIFY", accepted, number, *headers, body=f"SIP/2.0 {line}\r\n".encode())
        callee.take(callee.agent.receive_datagram(data, SOURCE, network.now))
    told = [event for event in callee.events if isinstance(event, events.Transferred)]
    assert [(one.status, one.last) for one in told] == [(100, False), (200, True)]


def test_digits_by_info_options_and_what_is_old_or_unknown() -> None:
    network, _, callee = _pair()
    callee.take(callee.agent.receive_datagram(_invite(), SOURCE, network.now))
    accepted = sip.read(next(data for data in callee.sent if data.startswith(b"SIP/2.0 200")))
    callee.take(callee.agent.receive_datagram(_in_dialog("ACK", accepted, 1), SOURCE, network.now))
    kind = ("Content-Type", "application/dtmf-relay")
    codes: list[int] = []
    for method, number in (("INFO", 5), ("OPTIONS", 6), ("INFO", 4), ("PUBLISH", 7), ("REFER", 8), ("NOTIFY", 9),
                           ("UPDATE", 10)):  # fmt: skip
        body = b"Signal=5\r\n" if method == "INFO" else b""
        data = _in_dialog(method, accepted, number, kind, body=body)
        outputs = callee.agent.receive_datagram(data, SOURCE, network.now)
        codes += [one.code for one in _answers(outputs)]
        callee.events += [one for one in outputs if not isinstance(one, Transmit)]
    assert codes == [200, 200, 500, 405, 603, 489, 200]
    assert callee.events[-1] == events.Informed(_theirs(callee), "application/dtmf-relay", b"Signal=5\r\n")


def test_a_package_of_info_that_nobody_asked_for_is_refused_with_those_that_are_taken() -> None:  # RFC 6086, 4.2.2
    network, _, callee = _pair()
    callee.take(callee.agent.receive_datagram(_invite(), SOURCE, network.now))
    accepted = sip.read(next(data for data in callee.sent if data.startswith(b"SIP/2.0 200")))
    callee.take(callee.agent.receive_datagram(_in_dialog("ACK", accepted, 1), SOURCE, network.now))
    headers = ("Info-Package", "foo"), ("Content-Disposition", "Info-Package"), ("Content-Type", "application/dtmf")
    outputs = callee.agent.receive_datagram(_in_dialog("INFO", accepted, 5, *headers, body=b"5"), SOURCE, network.now)
    (answer,) = _answers(outputs)
    assert answer.code == 469 and answer.headers["Recv-Info"] == ""
    assert all(isinstance(one, Transmit) for one in outputs), "it is no key"


@pytest.mark.parametrize(
    ("kind", "body", "code", "told"),
    [
        ("application/media_control+xml", b"<media_control/>", 415, 0), ("text/plain", b"5", 415, 0),
        ("application/dtmf-relay", b"", 200, 0), ("application/dtmf", b"5", 200, 1),
    ],
)  # fmt: skip
def test_what_is_not_understood_of_an_old_info_is_said_so(kind: str, body: bytes, code: int, told: int) -> None:
    """RFC 2976, section 2.2; one without a body asks whether the dialog is there."""
    network, _, callee = _pair()
    callee.take(callee.agent.receive_datagram(_invite(), SOURCE, network.now))
    accepted = sip.read(next(data for data in callee.sent if data.startswith(b"SIP/2.0 200")))
    callee.take(callee.agent.receive_datagram(_in_dialog("ACK", accepted, 1), SOURCE, network.now))
    data = _in_dialog("INFO", accepted, 5, ("Content-Type", kind), body=body)
    outputs = callee.agent.receive_datagram(data, SOURCE, network.now)
    (answer,) = _answers(outputs)
    assert answer.code == code and ("application/dtmf" in (answer.headers.get("Accept") or "")) == (code == 415)
    assert sum(isinstance(one, events.Informed) for one in outputs) == told


@pytest.mark.parametrize(
    ("method", "headers", "code"),
    [
        ("OPTIONS", (), 200), ("REGISTER", (), 405), ("WINK", (), 501), ("BYE", (), 481), ("INFO", (), 481),
        ("OPTIONS", (("Require", "nothingSupportsThis"),), 420), ("INVITE", (("Content-Type", "text/x"),), 415),
        ("INVITE", (("Accept", "text/nobodyKnowsThis"),), 406), ("INVITE", (("Session-Expires", "x"),), 400),
    ],
)  # fmt: skip
def test_what_is_asked_outside_of_a_call(method: str, headers: tuple[tuple[str, str], ...], code: int) -> None:
    agent = UserAgent(LineOptions(host=BOB), random.Random(1))
    data = _request(method, *headers, body=b"x" if headers and headers[0][0] == "Content-Type" else b"")
    first, again = (agent.receive_datagram(data, SOURCE, at) for at in (0, 1))
    assert [one.code for one in _answers(first)] == [code] and first == again, "a repetition gets the same"
    assert agent.state == (0, 0, 0, 0), "no state for a stranger"


def test_a_refusal_is_sent_once_however_often_a_forger_would_have_it() -> None:
    network, _, callee = _pair(LineOptions(host=BOB, extensions=frozenset({"17"})))
    callee.take(callee.agent.receive_datagram(_invite(), SOURCE, network.now))
    network.run()
    assert [data.split(b" ")[1] for data in callee.sent] == [b"404"]


@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER", "WINK", "BYE"])
def test_nothing_larger_than_what_came_goes_to_a_stranger(method: str) -> None:
    agent = UserAgent(LineOptions(host=BOB), random.Random(1))
    data = _request(method)
    (answer,) = agent.receive_datagram(data, SOURCE, 0)
    assert isinstance(answer, Transmit)
    needed = len(b";received=198.51.100.7;tag=") + 16 + len(b"SIP/2.0 405 Method Not Allowed")
    assert len(answer.data) <= len(data) + needed - len(method), "what the RFC wants, and no more"
    assert b"Allow" not in answer.data or len(answer.data) <= len(data)


@pytest.mark.parametrize("rings", [False, True])
def test_nobody_leaves_a_telephone_ringing(rings: bool) -> None:
    network = Network(delay=(100, 100))
    caller, callee = Station(network, ALICE), Station(network, BOB, react=_ringing)
    call = caller.call(BOB)
    network.run(0.25 if rings else 0.05)
    assert ("Progress" in caller.kinds()) is rings
    caller.take(caller.agent.hang_up(call, network.now))
    caller.take(caller.agent.drain(network.now))
    assert "Ended" in caller.kinds()
    assert not caller.agent.drained, "it has not been heard that the other end knows"
    network.run(1)
    assert "Ended" in callee.kinds()
    assert network.trace[-1].startswith("ACK")
    assert caller.agent.drained


def test_a_line_that_only_calls_hears_nobody_but_whom_it_called() -> None:
    network = Network()
    shy = Station(network, ALICE, LineOptions(host=ALICE, answers=False), accepting)
    callee = Station(network, BOB, react=accepting)
    shy.call(BOB)
    network.run(1)
    assert "Answered" in shy.kinds()
    callee.call(ALICE)
    network.run(40)
    assert "Incoming" not in shy.kinds()
    assert "Answered" not in callee.kinds()
    assert shy.agent.receive_datagram(_request("OPTIONS"), SOURCE, network.now) == []
    assert shy.agent.screening.dropped["source"] > 1
    account = Account("ours", "1000", BOB, (Flow("UDP", BOB, 5060),), Credentials("1000", "secret"))
    assert shy.agent.register(account, network.now) == []
    shy.call(BOB, account="ours")
    assert b"From: <sip:1000@192.0.2.2>" in shy.sent[-1]
    callee.take(callee.agent.hang_up(_theirs(callee), network.now))
    network.run(1)
    assert "Ended" in shy.kinds()


def test_scanners_strangers_and_floods_are_not_answered() -> None:
    options = LineOptions(host=BOB, sources=("198.51.100.0/24",), rates={"OPTIONS": Rate(1, 3)})
    agent = UserAgent(options, random.Random(1))
    assert agent.receive_datagram(_request("OPTIONS", ("User-Agent", "friendly-scanner")), SOURCE, 0) == []
    assert agent.receive_datagram(_request("OPTIONS"), Flow("UDP", "203.0.113.9", 5060), 0) == []
    answered = [len(agent.receive_datagram(_request("OPTIONS", branch=f"z9hG4bK{n}"), SOURCE, 0)) for n in range(6)]
    assert answered == [1, 1, 1, 0, 0, 0]
    assert agent.receive_datagram(_request("OPTIONS", branch="z9hG4bKlater"), SOURCE, SECOND)
    assert agent.screening.dropped == {"scanner": 1, "source": 1, "rate": 3}


@pytest.mark.parametrize("method", ["INVITE", "BYE", "OPTIONS", "CANCEL"])
def test_who_asks_for_calls_that_are_none_is_not_answered_for_ever(method: str) -> None:
    """An address may be forged, and whoever has it would get an answer for each. A PBX may have calls of before."""
    agent = UserAgent(LineOptions(host=BOB), random.Random(1))
    pbx = UserAgent(LineOptions(host=BOB, sources=(SOURCE.host,)), random.Random(1))
    only_calls = UserAgent(LineOptions(host=BOB, answers=False), random.Random(1))

    def ask(whom: UserAgent) -> int:
        answers = 0
        for number in range(100):
            made = sip.read(_request(method, branch=f"z9hG4bK{number}", call_id=f"{number}"))
            if method != "CANCEL":
                made.headers.set("To", "<sip:16@192.0.2.2>;tag=none")
            answers += len(_answers(whom.receive_datagram(sip.write(made), SOURCE, number)))
        return answers

    assert ask(agent) == 20 and ask(pbx) == 100 and ask(only_calls) == 0
    assert agent.screening.dropped == {"rate": 80}


def test_beyond_the_places_there_is_a_503_that_says_when() -> None:
    agent = UserAgent(LineOptions(host=BOB, most_calls=1), random.Random(1))
    agent.receive_datagram(_invite(), SOURCE, 0)
    (answer,) = _answers(agent.receive_datagram(_invite(branch="z9hG4bK2", call_id="other"), SOURCE, 0))
    assert answer.code == 503 and answer.headers["Retry-After"] == "10" and agent.calls == 1


def test_a_request_that_comes_by_two_ways_is_one_call() -> None:  # section 8.2.2.2
    agent = UserAgent(LineOptions(host=BOB), random.Random(1))
    agent.receive_datagram(_invite(), SOURCE, 0)
    (answer,) = _answers(agent.receive_datagram(_invite(branch="z9hG4bKother"), SOURCE, 0))
    assert answer.code == 482 and agent.calls == 1


def test_answers_go_back_through_a_nat() -> None:  # RFC 3581
    agent = UserAgent(LineOptions(host=BOB), random.Random(1))
    (there,) = agent.receive_datagram(_request("OPTIONS", via="10.0.0.5:5060;rport"), SOURCE, 0)
    (by_port,) = agent.receive_datagram(_request("OPTIONS", via="10.0.0.5:5080"), SOURCE, 0)
    assert isinstance(there, Transmit) and there.flow == SOURCE
    via = sip.top_via(sip.read(there.data))
    assert via.parameters["received"] == SOURCE.host and via.parameters["rport"] == "5062"
    assert isinstance(by_port, Transmit) and by_port.flow == Flow("UDP", SOURCE.host, 5080)


def test_a_caller_behind_a_nat_is_hung_up_upon_where_it_is() -> None:
    agent = UserAgent(LineOptions(host=BOB), random.Random(1))
    outputs = agent.receive_datagram(_invite(via="10.0.0.5:5060;rport"), SOURCE, 0)
    (incoming,) = [one for one in outputs if isinstance(one, events.Incoming)]
    outputs = agent.accept(incoming.call, answered(BOB, incoming.offer), 0)
    (accepted,) = _answers(outputs)
    agent.receive_datagram(_in_dialog("ACK", accepted, 1), SOURCE, 0)
    bye, ended = agent.hang_up(incoming.call, 0)
    assert isinstance(bye, Transmit) and bye.flow == SOURCE and isinstance(ended, events.Ended)


def test_who_must_prove_a_password_and_does_gets_in() -> None:
    network = Network()
    caller = Station(network, ALICE)
    callee = Station(network, BOB, LineOptions(host=BOB, realm="lines", passwords={"16": "secret"}), accepting)
    for password in ("secret", "wrong"):
        account = Account(password, "16", BOB, (Flow("UDP", BOB, 5060),), Credentials("16", password))
        caller.take(caller.agent.register(account, network.now))
        caller.call(BOB, account=password)
        network.run(2)
    (incoming,) = [event for event in callee.events if isinstance(event, events.Incoming)]
    assert incoming.user == "16" and "Acknowledged" in callee.kinds()
    ended = [event.status for event in caller.events if isinstance(event, events.Ended)]
    assert ended == [401]


def test_an_account_registers_and_its_calls_prove_themselves_to_the_proxy() -> None:
    agent = UserAgent(LineOptions(host=ALICE), random.Random(1))
    pbx = Authority("pbx", {"16": "secret"}, random.Random(2))
    flow = Flow("TLS", "pbx.example.com", 5061)
    account = Account("llama", "16", "pbx.example.com", (flow,), Credentials("16", "secret"), display="Llama")
    (register,) = _requests(outputs := agent.register(account, 0))
    assert isinstance(outputs[0], Transmit) and outputs[0].flow == flow
    outputs = agent.receive_datagram(sip.write(sip.respond(register, 200, [("Expires", "60")], tag="r")), flow, 0)
    assert outputs == [events.Registered("llama", 60, "pbx.example.com")] and agent.deadline == 48 * SECOND
    (invite,) = _requests(agent.call("sip:17@pbx.example.com", description(), 0, "llama")[1])
    assert sip.sender(invite).name == "Llama" and sip.sender(invite).uri == "sip:16@pbx.example.com"
    challenges = [("Proxy-Authenticate", one) for one in pbx.challenges(0)]
    sent = _requests(agent.receive_datagram(sip.write(sip.respond(invite, 407, challenges, tag="r")), flow, 0))
    assert [one.method for one in sent] == ["ACK", "INVITE"]
    proof = sent[1].headers.getlist("Proxy-Authorization")
    assert pbx.check(proof, "INVITE", "sip:17@pbx.example.com", 0) == ("16", False)
    headers = [("Contact", "<sip:17@192.0.2.50>"), ("Content-Type", "application/sdp")]
    accepted = sip.respond(sent[1], 200, headers, description(BOB).encode().encode(), tag="x")
    (ack,) = _requests(agent.receive_datagram(sip.write(accepted), flow, 0))
    assert ack.headers.getlist("Proxy-Authorization") == proof, "section 22.1: the ACK has the INVITE's"


def test_a_call_without_an_offer_gets_ours() -> None:
    network, _, callee = _pair()
    callee.take(callee.agent.receive_datagram(_request("INVITE", ("Contact", "<sip:a@198.51.100.7:5062>")), SOURCE, 0))
    accepted = sip.read(next(data for data in callee.sent if data.startswith(b"SIP/2.0 200")))
    assert b"m=audio" in accepted.body
    body = answered(ALICE, description(BOB)).encode().encode()
    ack = _in_dialog("ACK", accepted, 1, ("Content-Type", "application/sdp"), body=body)
    callee.take(callee.agent.receive_datagram(ack, SOURCE, network.now))
    last = callee.events[-1]
    assert isinstance(last, events.Acknowledged) and last.answer is not None


@pytest.mark.parametrize(
    ("user", "called"),
    [
        ("+12145551212;npdi;rn=+12145550000", "+12145551212"),  # RFC 4694: a switch noted that it was looked up
        ("16;phone-context=office", "16"), ("16", "16"), ("sales;team", "sales;team"),
    ],
)  # fmt: skip
def test_what_a_switch_notes_beside_a_number_is_none_of_it(user: str, called: str) -> None:
    agent = UserAgent(LineOptions(host=BOB, extensions=frozenset({called})), random.Random(1))
    data = _invite().replace(b"INVITE sip:16@192.0.2.2", f"INVITE sip:{user}@192.0.2.2".encode())
    (incoming,) = [one for one in agent.receive_datagram(data, SOURCE, 0) if isinstance(one, events.Incoming)]
    assert incoming.extension == called


PLACE = b"--b1\r\nContent-Type: application/pidf+xml\r\nContent-ID: <x@y>\r\n\r\n<presence/>\r\n"


@pytest.mark.parametrize(
    ("kind", "head", "code"),
    [
        ("multipart/mixed;boundary=b1", b"Content-Type: application/sdp", 0),
        ('Multipart/Mixed; charset=x; boundary="b1"', b"c : APPLICATION/SDP;x=y\r\nContent-Disposition: session", 0),
        ("multipart/mixed;boundary=b1", b"Content-Type: application/isup", 415),
        ("multipart/mixed;boundary=b2", b"Content-Type: application/sdp", 415),
        ("multipart/mixed", b"Content-Type: application/sdp", 400),
        ('multipart/mixed;boundary="b1', b"Content-Type: application/sdp", 400),
    ],
)
def test_a_description_beside_other_parts_is_found(kind: str, head: bytes, code: int) -> None:
    """RFC 5621: carriers put the caller's place, or what their own network wants, into the same body."""
    body = b"preamble\r\n" + PLACE + b"--b1\r\n" + head + b"\r\n\r\n" + description(ALICE).encode().encode()
    body += b"\r\n--b1--\r\n--b1\r\nContent-Type: application/sdp\r\n\r\nnone of it"
    data = _request("INVITE", ("Contact", "<sip:alice@198.51.100.7:5062>"), ("Content-Type", kind), body=body)
    agent = UserAgent(LineOptions(host=BOB), random.Random(1))
    outputs = agent.receive_datagram(data, SOURCE, 0)
    told = [one.offer.encode() for one in outputs if isinstance(one, events.Incoming) and one.offer is not None]
    assert told == ([description(ALICE).encode()] if not code else [])
    assert [one.code for one in _answers(outputs)] == ([code] if code else [])


def test_the_line_that_closes_takes_no_more_calls_and_says_so_to_who_asks_before() -> None:
    agent = UserAgent(LineOptions(host=BOB), random.Random(1))
    agent.closing = True
    assert _answers(agent.receive_datagram(_invite(), SOURCE, 0))[0].code == 503
    (answer,) = _answers(agent.receive_datagram(_request("OPTIONS", branch="z9hG4bKo"), SOURCE, 0))
    assert answer.code == 503 and answer.headers["Retry-After"], "RFC 3261, section 11.2: as an INVITE would be"


def test_a_full_line_says_so_to_who_asks_before() -> None:
    agent = UserAgent(LineOptions(host=BOB, most_calls=1), random.Random(1))
    asked = (_request("OPTIONS", branch=f"z9hG4bKo{number}") for number in range(2))
    assert _answers(agent.receive_datagram(next(asked), SOURCE, 0))[0].code == 200
    agent.receive_datagram(_invite(), SOURCE, 0)
    assert _answers(agent.receive_datagram(next(asked), SOURCE, 0))[0].code == 503


@pytest.mark.parametrize("status", [486, 503])
def test_who_asks_hears_that_calls_are_sent_away_and_when_that_is_over(status: int) -> None:
    agent = UserAgent(LineOptions(host=BOB), random.Random(1))
    agent.refusing = status
    asked = (_request("OPTIONS", branch=f"z9hG4bKo{number}") for number in range(2))
    (answer,) = _answers(agent.receive_datagram(next(asked), SOURCE, 9 * SECOND))
    assert answer.code == status and answer.headers["Retry-After"], "RFC 3261, section 11.2: as an INVITE would be"
    agent.refusing = 0
    assert _answers(agent.receive_datagram(next(asked), SOURCE, 10 * SECOND))[0].code == 200
    agent.refusing = status
    told = agent.receive_datagram(_invite(), SOURCE, 11 * SECOND)
    assert any(isinstance(one, events.Incoming) for one in told), "the owner says so itself, and counts it"


def test_setting_up_takes_no_time_of_its_own() -> None:
    network, caller, callee = _pair()
    caller.call(BOB)
    network.run(0.05)
    assert network.now <= 50 * MILLISECOND and callee.kinds() == ["Incoming", "Acknowledged"]


def _answers(outputs: list[Output]) -> list[Response]:
    read = [sip.read(one.data) for one in outputs if isinstance(one, Transmit)]
    return [one for one in read if isinstance(one, Response)]


def _requests(outputs: list[Output]) -> list[Request]:
    read = [sip.read(one.data) for one in outputs if isinstance(one, Transmit)]
    return [one for one in read if isinstance(one, Request)]


def _invite(*headers: tuple[str, str], branch: str = "z9hG4bK1", call_id: str = "call", via: str = "") -> bytes:
    more = [("Contact", "<sip:alice@198.51.100.7:5062>"), ("Content-Type", "application/sdp"), *headers]
    body = description(ALICE).encode().encode()
    return _request("INVITE", *more, branch=branch, call_id=call_id, via=via, body=body)


def _request(
    method: str,
    *headers: tuple[str, str],
    branch: str = "z9hG4bK1",
    call_id: str = "call",
    via: str = "",
    body: bytes = b"",
) -> bytes:
    lines = [
        f"{method} sip:16@192.0.2.2 SIP/2.0",
        f"Via: SIP/2.0/UDP {via or '198.51.100.7:5062'};branch={branch}",
        "Max-Forwards: 70", "From: <sip:alice@example.com>;tag=a", "To: <sip:16@192.0.2.2>", f"Call-ID: {call_id}",
        f"CSeq: 1 {method}", *(f"{name}: {value}" for name, value in headers), f"Content-Length: {len(body)}",
    ]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _in_dialog(method: str, answer: sip.Message, number: int, *headers: tuple[str, str], body: bytes = b"") -> bytes:
    data = _request(method, *headers, branch=f"z9hG4bKin{method}{number}", call_id=answer.headers["Call-ID"], body=body)
    made = sip.read(data)
    made.headers.set("To", answer.headers["To"])
    made.headers.set("CSeq", f"{number} {method}")
    return sip.write(made)
