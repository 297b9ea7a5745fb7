"""Handing calls over, both ways (RFC 3515)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sipmessage import Request

from duologue.clock import SECOND
from duologue.errors import InputError
from duologue.phone.sip import call_events as events
from duologue.phone.sip import message as sip
from duologue.phone.sip.header_fields import NameAddress, uri_of
from duologue.phone.sip.screening import LineOptions
from duologue.phone.sip.transfers import MOST_SAID, handed_over, progress, referral, request_headers
from phone.sip_network import Network, Station, accepting, description

ALICE, BOB, CAROL = "192.0.2.1", "192.0.2.2", "192.0.2.3"
WHO = "sip:llama@pbx.example.com"


def _three(follow: bool) -> tuple[Network, Station, Station, Station, str]:
    network = Network()
    character = Station(network, ALICE, react=accepting)
    person = Station(network, BOB, LineOptions(host=BOB, follow_transfers=follow), accepting)
    human = Station(network, CAROL, react=accepting)
    call = character.call(BOB)
    network.run(1)
    return network, character, person, human, call


def _theirs(station: Station) -> str:
    return next(one.call for one in station.events if isinstance(one, events.Incoming))


def _follow(station: Station, event: events.Event) -> None:
    accepting(station, event)
    if isinstance(event, events.Referred):
        _, outputs = station.agent.follow(event.call, description(station.host), station.network.now)
        station.take(outputs)


def test_a_call_is_handed_over_and_told_of_until_it_is_answered() -> None:
    network, character, person, human, call = _three(follow=True)
    person.react = _follow
    said = {"X-Said": "wants a refund"}
    character.take(character.agent.transfer(call, f"sip:16@{CAROL}", network.now, said))
    network.run(2)
    told = [(one.status, one.last) for one in character.events if isinstance(one, events.Transferred)]
    assert told == [(100, False), (180, False), (200, True)]
    (referred,) = [one for one in person.events if isinstance(one, events.Referred)]
    assert referred.target == f"sip:16@{CAROL}" and referred.headers["x-said"] == "wants a refund"
    (incoming,) = [one for one in human.events if isinstance(one, events.Incoming)]
    assert incoming.headers["referred-by"] == f"<sip:duologue@{ALICE}>"
    character.take(character.agent.hang_up(call, network.now))
    network.run(1)
    assert (character.agent.calls, person.agent.calls, human.agent.calls) == (0, 1, 1)


@pytest.mark.parametrize("rings", [True, False])
def test_who_takes_long_where_a_call_was_handed_over_is_waited_for(rings: bool) -> None:
    """After 32 s it was told as declined, whoever answered later."""
    network, character, person, human, call = _three(follow=True)

    def hesitating(station: Station, event: events.Event) -> None:
        if isinstance(event, events.Incoming):
            if rings:
                station.take(station.agent.ring(event.call, network.now))
            network.at(network.now + 60 * SECOND, lambda: accepting(station, event))

    person.react, human.react = _follow, hesitating
    character.take(character.agent.transfer(call, f"sip:16@{CAROL}", network.now))
    network.run(62)
    told = [(one.status, one.last) for one in character.events if isinstance(one, events.Transferred)]
    assert told[-1] == (200, True) and all(status < 300 for status, _ in told)


def test_who_makes_nothing_of_headers_in_an_address_is_asked_again_without() -> None:
    network, character, person, _, call = _three(follow=False)
    said = {"X-Said": "wants a refund"}
    character.take(character.agent.transfer(call, f"sip:16@{CAROL}", network.now, said))
    refers: list[Request] = []
    for _ in range(3):
        refer = sip.read(character.sent[-1])
        assert isinstance(refer, Request) and refer.method == "REFER"
        refers.append(refer)
        answer = sip.write(sip.respond(refer, 400))
        outputs = character.agent.receive_datagram(answer, person.flow, network.now)
        character.take(outputs)
        if any(isinstance(one, events.Transferred) for one in outputs):
            break
    assert [one.headers["Refer-To"] for one in refers] == [
        f"<sip:16@{CAROL}?X-Said=wants%20a%20refund>",
        f"<sip:16@{CAROL}>",
    ]
    assert all(one.headers["X-Said"] == "wants a refund" for one in refers)
    assert character.events[-1] == events.Transferred(call, 400, last=True)


def test_a_target_that_refuses_is_told_and_the_call_goes_on() -> None:
    network, character, person, human, call = _three(follow=True)

    def refusing(station: Station, event: events.Event) -> None:
        if isinstance(event, events.Incoming):
            station.take(station.agent.refuse(event.call, 486, network.now))

    person.react, human.react = _follow, refusing
    character.take(character.agent.transfer(call, f"sip:16@{CAROL}", network.now))
    network.run(2)
    assert character.events[-1] == events.Transferred(call, 486, last=True) and character.agent.calls == 1


@pytest.mark.parametrize("stays", [True, False])
def test_who_does_not_go_says_so(stays: bool) -> None:
    network, character, person, _, call = _three(follow=True)
    character.take(character.agent.transfer(call, f"sip:16@{CAROL}", network.now))
    network.run(1)
    if stays:
        person.take(person.agent.stay(_theirs(person), network.now))
    network.run(60)
    told = [one for one in character.events if isinstance(one, events.Transferred)]
    assert (told[-1].status, told[-1].last) == (603, True) and character.agent.calls == person.agent.calls == 1
    with pytest.raises(InputError, match="nobody asked"):
        person.agent.follow("x", description(BOB), network.now)


def test_by_default_nobody_is_sent_away() -> None:
    network, character, person, _, call = _three(follow=False)
    character.take(character.agent.transfer(call, f"sip:16@{CAROL}", network.now))
    network.run(1)
    assert character.events[-1] == events.Transferred(call, 603, last=True)
    assert "Referred" not in person.kinds() and character.agent.calls == 1


def test_a_transfer_of_which_nothing_is_heard_is_given_up() -> None:
    network, character, person, _, call = _three(follow=True)
    network.damage = lambda data: sip.KEEP_ALIVE if b"SIP/2.0 603" in data else data  # its last word never comes
    character.take(character.agent.transfer(call, f"sip:16@{CAROL}", network.now))
    network.run(200)
    assert "Referred" in person.kinds()
    assert character.events[-1] == events.Transferred(call, 408, last=True) and character.agent.calls == 1


@given(st.dictionaries(st.sampled_from(["X-Said", "X-Name", "Subject"]), st.text(max_size=600)))
def test_what_was_said_fits_into_a_datagram_and_into_its_header(said: dict[str, str]) -> None:
    clean = {name: value.encode(errors="ignore").decode() for name, value in said.items()}
    headers = request_headers("sip:human@pbx.example.com", WHO, clean)
    assert sum(len(value.encode()) for _, value in headers[2:]) <= MOST_SAID
    refer = sip.request(
        "REFER",
        uri_of("sip:a@example.com"),
        [
            ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"),
            ("From", "<sip:b@example.com>;tag=1"),
            ("To", "<sip:a@example.com>;tag=2"),
            ("Call-ID", "c"),
            ("CSeq", "1 REFER"),
            *headers,
        ],
    )
    read = sip.read(sip.write(refer))
    assert isinstance(read, Request)
    wanted = referral(read)
    assert wanted.target == "sip:human@pbx.example.com" and wanted.by == f"<{WHO}>"
    assert handed_over(read) == {**{name.lower(): value for name, value in headers[2:]}, "referred-by": f"<{WHO}>"}
    assert NameAddress.parse(read.headers["Refer-To"]).uri.count("?") == (1 if headers[2:] else 0)


def test_what_others_keep_of_a_trace_comes_along_whole_or_not_at_all() -> None:
    parent, short, long = (
        f"00-{'1' * 32}-{'2' * 16}-01",
        "vendor=1,other=2",
        f"vendor=1,other={'x' * 256},more={'y' * 256}",
    )
    for state, along in ((short, {"tracestate": short}), (long, {})):
        told = [("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"), ("From", "<sip:b@example.com>;tag=1")]
        told += [("To", "<sip:a@example.com>"), ("Call-ID", "c"), ("CSeq", "1 INVITE")]
        told += [("Traceparent", parent), ("Tracestate", state)]
        read = sip.read(sip.write(sip.request("INVITE", uri_of("sip:a@example.com"), told)))
        assert isinstance(read, Request)
        assert handed_over(read) == {"traceparent": parent, **along}


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("sip:a@b?X=1", {}),
        ("mailto:a@b", {}),
        ("sip:a@b>;x=<", {}),
        ("sip:a@b", {"Contact": "<sip:me@evil>"}),
        ("sip:a@b", {"X-A\r\nVia": "x"}),
        ("sip:a@b", {"Replaces": "x"}),
    ],
)
def test_what_cannot_be_handed_over_is_named(target: str, said: dict[str, str]) -> None:
    with pytest.raises(InputError):
        request_headers(target, WHO, said)


@pytest.mark.parametrize(
    ("state", "body", "said"),
    [
        ("active;expires=60", b"SIP/2.0 180 Ringing\r\n", (180, False)),
        ("terminated;reason=noresource", b"SIP/2.0 200 OK\r\n", (200, True)),
        ("active", b"SIP/2.0 503 Busy", (503, True)),
        ("terminated;reason=timeout", b"", (408, True)),
        ("active", b"", None),
        ("active", b"SIP/2.0 999 x", None),
        ("active", b"\xff\x00", None),
    ],
)
def test_what_a_notify_says(state: str, body: bytes, said: tuple[int, bool] | None) -> None:
    notify = sip.request("NOTIFY", uri_of("sip:a@b"), [("Subscription-State", state)], body)
    assert progress(notify) == said


@pytest.mark.parametrize(
    "values",
    [
        [],
        ["<sip:a@b>", "<sip:c@d>"],
        ["<sip:a@b;method=BYE>"],
        ["<tel:+1>"],
        ["<sip:a@b?Replaces=x%3Bto-tag%3D1>"],
        ["<sip:a@b"],
    ],
)
def test_a_transfer_to_nobody_is_refused(values: list[str]) -> None:
    with pytest.raises(InputError):
        referral(sip.request("REFER", uri_of("sip:a@b"), [("Refer-To", one) for one in values]))
