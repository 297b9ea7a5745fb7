"""Messages that a line must survive, and promises of the RFCs that a hurried peer relies on."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from sipmessage import Request, Response

from duologue.phone.sip import call_events as events
from duologue.phone.sip import message as sip
from duologue.phone.sip.digest import Authority, Credentials
from duologue.phone.sip.registration import Account
from duologue.phone.sip.transactions import Flow
from duologue.phone.sip.user_agent import Transmit
from phone.sip_network import Network, Station, accepting, description

BOB = "192.0.2.2"
SOURCE = Flow("UDP", "198.51.100.7", 5062)
CONTACT = "<sip:alice@198.51.100.7:5062>"


def _callee() -> tuple[Network, Station]:
    network = Network()
    return network, Station(network, BOB, react=accepting)


def _invite(*headers: tuple[str, str], contact: str = CONTACT, call_id: str = "call") -> bytes:
    more = [("Contact", contact), ("Content-Type", "application/sdp"), *headers]
    return _request("INVITE", *more, call_id=call_id, body=description("198.51.100.7").encode().encode())


def _request(
    method: str, *headers: tuple[str, str], to: str = "<sip:16@192.0.2.2>", number: int = 1, call_id: str = "call",
    branch: str = "", body: bytes = b"",
) -> bytes:  # fmt: skip
    lines = [
        f"{method} sip:16@192.0.2.2 SIP/2.0",
        f"Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bK{branch or f'{call_id}{number}'}",
        "Max-Forwards: 70", "From: <sip:alice@example.com>;tag=a", f"To: {to}", f"Call-ID: {call_id}",
        f"CSeq: {number} {method}", *(f"{name}: {value}" for name, value in headers), f"Content-Length: {len(body)}",
    ]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _get(station: Station, data: bytes) -> list[sip.Message]:
    """What ``station`` answers at once."""
    before = len(station.sent)
    station.take(station.agent.receive_datagram(data, SOURCE, station.network.now))
    return [sip.read(one) for one in station.sent[before:]]


def _codes(answers: list[sip.Message]) -> list[int]:
    return [one.code for one in answers if isinstance(one, Response)]


@pytest.mark.parametrize(
    "contact",
    [
        "<sip:alice@198.51.100.7:99999>",  # the system's call raises, and asyncio closes the line's only socket
        "<sip:alice@198.51.100.7:65536;transport=tcp>",
        "<sip:alice@198.51.100.7;transport=a/b>",  # no Via can name it: our BYE raised for ever
        "<sip:alice@198.51.100.7;maddr=a/b>",
    ],
)
@pytest.mark.parametrize("header", ["Contact", "Record-Route"])
def test_nobody_who_cannot_be_reached_begins_a_call(contact: str, header: str) -> None:  # RFC 3261, section 25.1
    network, callee = _callee()
    data = _invite(contact=contact) if header == "Contact" else _invite(("Record-Route", contact))
    assert _codes(_get(callee, data)) == [400]
    network.run()
    assert callee.agent.state == (0, 0, 0, 0)


@pytest.mark.parametrize("said", ["a/b,,c/d", '"a', "<", ","])
def test_a_broken_list_of_what_is_accepted_is_refused_and_nothing_is_kept(said: str) -> None:  # RFC 4475, 3.1.2
    network, callee = _callee()
    for number in range(3):
        assert _codes(_get(callee, _invite(("Accept", said), call_id=f"call{number}"))) == [400]
    network.run()
    assert callee.agent.state == (0, 0, 0, 0)


def test_who_cancels_what_nobody_asked_takes_no_place() -> None:  # RFC 3261, sections 8.2.7 and 9.2
    network, callee = _callee()
    callee.agent.transactions.most = 4
    for number in range(10):
        cancel = _request("CANCEL", branch=f"none{number}", call_id=f"none{number}")
        assert _codes(_get(callee, cancel)) == _codes(_get(callee, cancel)) == [481]
    assert callee.sent[-1] == callee.sent[-2], "a repeated one gets the same once more"
    assert callee.agent.state == (0, 0, 0, 0)
    assert _codes(_get(callee, _invite())) == [180, 200], "there is room for a call"
    network.run()


def test_a_prack_that_crosses_our_acceptance_is_taken() -> None:  # RFC 3262, section 3: it "MUST be prepared" for it
    network, callee = _callee()
    ringing, accepted = _get(callee, _invite(("Require", "100rel")))
    assert _codes([ringing, accepted]) == [180, 200] and ringing.headers["Require"] == "100rel"
    said = ("RAck", f"{ringing.headers['RSeq']} 1 INVITE")
    assert _codes(_get(callee, _request("PRACK", said, to=ringing.headers["To"], number=2))) == [200]
    again = _request("PRACK", said, to=ringing.headers["To"], number=3)
    assert _codes(_get(callee, again)) == [481], "once: a repetition of the same request gets its answer anyway"
    network.run(3)
    assert [one.split(b" ")[1] for one in callee.sent].count(b"180") == 1, "it is repeated no more"


@pytest.mark.parametrize(("least", "taken"), [("60", 1800), ("3600", 3600), ("2400;lr", 2400)])
def test_a_session_is_no_shorter_than_its_way_wants(least: str, taken: int) -> None:  # RFC 4028, section 9
    _, callee = _callee()
    wish = (("Supported", "timer"), ("Session-Expires", "7200;refresher=uac"), ("Min-SE", least))
    accepted = _get(callee, _invite(*wish))[-1]
    assert accepted.headers["Session-Expires"] == f"{taken};refresher=uac"


def test_a_least_session_that_is_none_is_refused() -> None:
    _, callee = _callee()
    assert _codes(_get(callee, _invite(("Supported", "timer"), ("Min-SE", "soon")))) == [400]


def test_a_refresh_that_is_refused_for_the_moment_is_tried_again() -> None:  # RFC 4028, section 10
    network, callee = _callee()
    caller = Station(network, "192.0.2.1", react=accepting)
    refused: list[int] = []

    def overloaded(station: Station, event: events.Event) -> None:
        if isinstance(event, events.Offered) and len(refused) < 2:
            refused.append(network.now)
            station.take(station.agent.disagree(event.call, 503, network.now))
        else:
            accepting(station, event)

    callee.react = overloaded
    caller.call(BOB)
    network.run(7200)
    assert len(refused) == 2 and caller.agent.calls == callee.agent.calls == 1


def test_each_request_of_an_early_dialog_has_a_number_of_its_own() -> None:  # RFC 3261, section 12.2.1.1
    network = Network()
    caller = Station(network, "192.0.2.1")
    proxy = Flow("UDP", "192.0.2.9", 5060)
    account = Account("llama", "16", "pbx.example.com", (proxy,), Credentials("16", "secret"))
    caller.take(caller.agent.register(account, 0))
    invite = sip.read(_sent(caller, lambda: caller.call("192.0.2.3", account="llama"))[0])
    assert isinstance(invite, Request)
    pbx = Authority("pbx", {"16": "secret"}, random.Random(2))
    challenge = [("Proxy-Authenticate", one) for one in pbx.challenges(0)]
    numbers: list[int] = []
    for reliable in ("17", "18"):
        more = [("Require", "100rel"), ("RSeq", reliable), ("Contact", "<sip:bob@192.0.2.3>")]
        ringing = sip.write(sip.respond(invite, 180, more, tag="x"))
        prack = sip.read(_sent(caller, lambda ringing=ringing: _get(caller, ringing))[0])
        assert isinstance(prack, Request)
        refused = sip.write(sip.respond(prack, 407, challenge))
        proved = sip.read(_sent(caller, lambda refused=refused: _get(caller, refused))[0])
        assert isinstance(proved, Request) and proved.method == "PRACK"
        numbers += [prack.cseq.sequence, proved.cseq.sequence]
    assert numbers == sorted(set(numbers))


def test_what_goes_out_once_more_has_a_number_that_nothing_else_had() -> None:  # RFC 3261, section 12.2.1.1
    """A key that was pressed meanwhile had it: the other end took the change for an old one (500)."""
    network, _ = _callee()
    caller = Station(network, "192.0.2.1")
    call = caller.call(BOB)
    network.run(1)
    network.damage = lambda data: sip.KEEP_ALIVE  # what follows is answered by hand
    agent = caller.agent
    (changed,) = _sent(caller, lambda: caller.take(agent.offer(call, description("192.0.2.1"), network.now)))
    (pressed,) = _sent(caller, lambda: caller.take(agent.inform(call, "application/dtmf", b"1", network.now)))
    reinvite, info = sip.read(changed), sip.read(pressed)
    assert isinstance(reinvite, Request) and isinstance(info, Request)
    longer = sip.write(sip.respond(reinvite, 422, [("Min-SE", "3600")]))
    again = [sip.read(one) for one in _sent(caller, lambda: _get(caller, longer))][-1]
    assert isinstance(again, Request) and again.method == "INVITE"
    assert reinvite.cseq.sequence < info.cseq.sequence < again.cseq.sequence
    again_longer = sip.write(sip.respond(again, 422, [("Min-SE", "7200")]))
    caller.take(agent.hang_up(call, network.now))
    sent = [sip.read(one) for one in _sent(caller, lambda: _get(caller, again_longer))]
    assert [one.method for one in sent if isinstance(one, Request)] == ["ACK"], "who hung up changes nothing any more"


def _silent(station: Station, event: events.Event) -> None:
    """An owner that takes its time with a change."""
    if not isinstance(event, events.Offered):
        accepting(station, event)


def test_a_sign_of_life_is_no_answer_to_an_offer_before_it() -> None:  # RFC 3311, section 5.2
    network, callee = _callee()
    accepted = _get(callee, _invite())[-1]
    _get(callee, _request("ACK", to=accepted.headers["To"], branch="ack"))
    callee.react = _silent
    kind, body = ("Content-Type", "application/sdp"), description("198.51.100.7").encode().encode()
    assert _get(callee, _request("UPDATE", kind, to=accepted.headers["To"], number=2, body=body)) == []
    assert _codes(_get(callee, _request("UPDATE", to=accepted.headers["To"], number=3))) == [200]
    call = next(one.call for one in callee.events if isinstance(one, events.Incoming))
    agreed = callee.agent.agree(call, description(BOB), network.now)
    (answer,) = [sip.read(one.data) for one in agreed if isinstance(one, Transmit)]
    assert isinstance(answer, Response) and (answer.code, answer.cseq.sequence) == (200, 2) and answer.body


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_change_that_describes_nothing_asks_for_no_offer_of_ours(method: str) -> None:  # RFC 3261, section 8.2.3
    _, callee = _callee()
    accepted = _get(callee, _invite())[-1]
    to = accepted.headers["To"]
    _get(callee, _request("ACK", to=to, branch="ack"))
    (answer,) = _get(callee, _request(method, ("Content-Type", "text/plain"), to=to, number=2, body=b"hold, please"))
    assert _codes([answer]) == [415] and answer.headers["Accept"] == "application/sdp"


def _sent(station: Station, action: Callable[[], object]) -> list[bytes]:
    before = len(station.sent)
    action()
    return station.sent[before:]


@pytest.mark.parametrize("written", ["John (Sales)", "Jürgen: Büro @ 1/2", '"Jürgen"', "O'Hara & Sons [2]"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_name_that_is_written_carelessly_is_a_callers_as_well(written: str, encoding: str) -> None:
    _, callee = _callee()
    data = _invite(("Subject", "für")).replace(b"From: <", f"From: {written} <".encode(encoding))
    assert _codes(_get(callee, data)) == [180, 200]
    (told,) = [one for one in callee.events if isinstance(one, events.Incoming)]
    assert told.caller.name == written.strip('"') and told.caller.uri == "sip:alice@example.com"
    (streamed,) = sip.StreamReader().feed(data)
    assert isinstance(streamed, Request) and sip.sender(streamed) == told.caller
    assert streamed.headers["Subject"] == "für", "which is UTF-8, whatever the line beside it is"


def test_a_caller_who_asks_without_end_takes_no_place_of_others() -> None:
    """Each request in a call is remembered for half a minute, in case that it comes again."""
    network, callee = _callee()
    assert _codes(_get(callee, _invite())) == [180, 200]
    to = sip.read(callee.sent[-1]).headers["To"]
    codes: list[int] = []
    for number in range(2, 5_000):
        network.run(0.002)
        codes += _codes(_get(callee, _request("INFO", to=to, number=number)))
    assert codes[:50] == [200] * 50 and set(codes) == {200, 503} and len(codes) == 4_998
    assert callee.agent.transactions.count < 200
    assert _codes(_get(callee, _request("BYE", to=to, number=5_000))) == [200]
    assert _codes(_get(callee, _invite(call_id="another"))) == [180, 200]


def test_a_description_with_a_name_in_latin_1_is_one() -> None:
    _, callee = _callee()
    data = _invite()
    assert b"\ns=-" in data and _codes(_get(callee, data.replace(b"\ns=-", b"\ns=\xe4"))) == [180, 200]


@pytest.mark.parametrize("answers", [False, True])
def test_an_invitation_that_expires_is_over(answers: bool) -> None:  # RFC 3261, section 13.3.1
    network, callee = _callee()
    callee.react = accepting if answers else None
    first = _get(callee, _invite(("Expires", "5")))
    if answers:
        _get(callee, _request("ACK", to=first[-1].headers["To"], branch="ack"))
    network.run(6)
    assert callee.agent.calls == answers
    last = callee.events[-1]
    assert answers or (isinstance(last, events.Ended) and (last.status, last.why) == (487, "the invitation expired"))


def _caller_with_account() -> tuple[Station, Request, Request]:
    """A line, its REGISTER, and the INVITE of a call of its."""
    caller = Station(Network(), "192.0.2.1")
    proxy = Flow("UDP", "192.0.2.9", 5060)
    account = Account("llama", "16", "pbx.example.com", (proxy,), Credentials("16", "secret"))
    register = sip.read(_sent(caller, lambda: caller.take(caller.agent.register(account, 0)))[0])
    invite = sip.read(_sent(caller, lambda: caller.call("192.0.2.3", account="llama"))[0])
    assert isinstance(register, Request) and isinstance(invite, Request)
    return caller, register, invite


def _again(caller: Station, request: Request, status: int, challenges: list[str]) -> Request | None:
    """What comes of ``request`` when it is refused with these challenges."""
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    refused = sip.write(sip.respond(request, status, [(name, one) for one in challenges], tag="x"))
    sent = [sip.read(data) for data in _sent(caller, lambda: _get(caller, refused))]
    return next((one for one in sent if isinstance(one, Request) and one.method == request.method), None)


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
def test_a_proxy_and_a_server_may_both_want_a_proof(method: str) -> None:  # RFC 3261, section 22.3
    caller, register, invite = _caller_with_account()
    request = register if method == "REGISTER" else invite
    proxy, server = (Authority(realm, {"16": "secret"}, random.Random(realm)) for realm in ("proxy", "server"))
    first = _again(caller, request, 407, proxy.challenges(0))
    assert first is not None
    assert proxy.check(first.headers.getlist("Proxy-Authorization"), method, str(request.uri), 0)[0] == "16"
    second = _again(caller, first, 401, server.challenges(0))
    assert second is not None  # what is proved once more is counted (RFC 7616, section 3.4): else it is a replay
    assert proxy.check(second.headers.getlist("Proxy-Authorization"), method, str(request.uri), 0)[0] == "16"
    assert server.check(second.headers.getlist("Authorization"), method, str(request.uri), 0)[0] == "16"
    assert _again(caller, second, 401, server.challenges(0)) is None, "the password is wrong"
    last = caller.events[-1]
    assert isinstance(last, events.NotRegistered | events.Ended) and last.status == 401


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
def test_who_finds_every_nonce_stale_is_not_asked_for_ever(method: str) -> None:
    caller, register, invite = _caller_with_account()
    pbx = Authority("pbx", {"16": "secret"}, random.Random(2))
    request: Request | None = register if method == "REGISTER" else invite
    asked = 0
    while request is not None and asked < 50:
        asked += 1
        request = _again(caller, request, 401, pbx.challenges(asked, stale=True))
    assert asked == 5
    last = caller.events[-1]
    assert isinstance(last, events.NotRegistered | events.Ended) and last.status == 401


PBX = Flow("UDP", "192.0.2.9", 5060)


def _called_with_account(source: Flow, contact: str, *route: str, registrar: Flow = PBX) -> tuple[Station, Request]:
    """A line that is registered in the realm ``pbx``, and its re-INVITE in a call that came from ``source``."""
    _, callee = _callee()
    account = Account("llama", "16", "pbx.example.com", (registrar,), Credentials("16", "secret"))
    register = sip.read(_sent(callee, lambda: callee.take(callee.agent.register(account, 0)))[0])
    assert isinstance(register, Request)
    asked = [("WWW-Authenticate", one) for one in Authority("pbx", {}, random.Random(2)).challenges(0)]
    register = sip.read(_given(callee, sip.write(sip.respond(register, 401, asked, tag="r")), PBX)[0])
    assert isinstance(register, Request)
    _given(callee, sip.write(sip.respond(register, 200, tag="r")), PBX)
    invite = _invite(("Record-Route", ", ".join(route)), contact=contact)
    taken = sip.read(_given(callee, invite, source)[-1])
    _given(callee, _request("ACK", to=taken.headers["To"], branch="ack"), source)
    (name,) = [one.call for one in callee.events if isinstance(one, events.Incoming)]
    sent = _sent(callee, lambda: callee.take(callee.agent.offer(name, description(BOB), 0)))
    again = sip.read(sent[0])
    assert isinstance(again, Request) and again.method == "INVITE"
    return callee, again


def _given(station: Station, data: bytes, source: Flow) -> list[bytes]:
    return _sent(station, lambda: station.take(station.agent.receive_datagram(data, source, station.network.now)))


@pytest.mark.parametrize(
    ("source", "route", "realm"),
    [
        (SOURCE, ["<sip:198.51.100.7:5062;lr>"], "pbx"),  # it has the PBX's nonce signed for an address that it chose
        (SOURCE, [], "pbx"),  # our request goes to the PBX, and is a call of the stranger's choosing
        (PBX, ["<sip:198.51.100.7:5062;lr>"], "pbx"),
        (PBX, ["<sip:192.0.2.9;lr>"], "elsewhere"),
    ],
)
@pytest.mark.parametrize("status", [401, 407])
def test_who_calls_has_no_proof_of_our_password(source: Flow, route: list[str], realm: str, status: int) -> None:
    callee, again = _called_with_account(source, "<sip:00900123@192.0.2.9>", *route)  # RFC 3261, section 22.1
    asker = Authority(realm, {"16": "secret"}, random.Random(3))
    assert _again(callee, again, status, asker.challenges(0)) is None
    assert not any(b"uthorization: " in data for data in callee.sent if not data.startswith(b"REGISTER"))


@pytest.mark.parametrize("named", [False, True])
def test_our_pbx_may_want_a_proof_in_a_call_that_it_brought(named: bool) -> None:
    registrar = Flow("UDP", "pbx.example.com", 0) if named else PBX
    callee, again = _called_with_account(PBX, "<sip:alice@192.0.2.9>", registrar=registrar)
    pbx = Authority("pbx", {"16": "secret"}, random.Random(3))
    proved = _again(callee, again, 407, pbx.challenges(0))
    assert proved is not None
    assert pbx.check(proved.headers.getlist("Proxy-Authorization"), "INVITE", str(again.uri), 0)[0] == "16"
