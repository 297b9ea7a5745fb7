"""Accounts as the line has them: signs of life, connections that break, a stop in the middle; and names looked up."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sipmessage import Request, Response

from duologue.clock import SECOND, VirtualClock
from duologue.phone.sip import message as sip
from duologue.phone.sip.call_events import Incoming, NotRegistered, NotRenewed, Registered
from duologue.phone.sip.header_fields import uri_of
from duologue.phone.sip.names import Names, Pointer, Server, SystemRecords
from duologue.phone.sip.registration import Account
from duologue.phone.sip.screening import LineOptions
from duologue.phone.sip.transactions import Flow
from duologue.phone.sip.user_agent import Output, Transmit, UserAgent

ONE, TWO = Flow("UDP", "192.0.2.1", 5060), Flow("TCP", "192.0.2.2", 5060)


def _requests(outputs: Sequence[Output]) -> list[Request]:
    read = [sip.read(one.data) for one in outputs if isinstance(one, Transmit) and one.data.strip()]
    return [one for one in read if isinstance(one, Request)]


def _registered(
    *flows: Flow, headers: Sequence[tuple[str, str]] = (), seconds: int = 3600
) -> tuple[UserAgent, Response]:
    agent = UserAgent(LineOptions(host="192.0.2.9"), random.Random(1))
    account = Account("llama", "16", "pbx.example.com", flows, seconds=seconds)
    (register,) = _requests(agent.register(account, 0))
    response = sip.respond(register, 200, [("Expires", str(seconds)), *headers], tag="r")
    outputs = agent.receive(response, flows[0], 0)
    assert outputs == [Registered("llama", seconds, flows[0].host)]
    return agent, response


def _run(agent: UserAgent, until: int, answer: int | None = None, now: int = 0) -> list[tuple[int, Output]]:
    """What the agent does up to ``until`` (s); each request is answered with ``answer``, or not at all."""
    happened: list[tuple[int, Output]] = []
    while (at := agent.deadline) is not None and at <= until * SECOND:
        now = max(now, at)
        outputs = agent.tick(now)
        for request in _requests(outputs) if answer else []:
            outputs += agent.receive(sip.respond(request, answer or 0, tag="r"), ONE, now)
        happened += [(now // SECOND, one) for one in outputs]
    return happened


@pytest.mark.parametrize("status", [200, 404, 501])
def test_a_registrar_by_datagrams_is_asked_for_a_sign_of_life_every_half_minute(status: int) -> None:
    agent, _ = _registered(ONE)
    happened = _run(agent, 300, status)
    times = [at for at, one in happened if isinstance(one, Transmit)]
    assert all(24 <= later - at <= 30 for at, later in zip([0, *times], times, strict=False)) and len(times) >= 10
    assert all(isinstance(one, Transmit) and one.data.startswith(b"OPTIONS ") for _, one in happened)


def test_a_registrar_that_says_nothing_any_more_is_left_for_the_second() -> None:
    agent, _ = _registered(ONE, TWO)
    happened = _run(agent, 61)
    registers = [one for _, one in happened if isinstance(one, Transmit) and one.data.startswith(b"REGISTER")]
    assert registers and registers[0].flow == TWO, "after one sign of life that stayed unanswered"


def test_the_only_registrar_that_says_nothing_is_named_and_asked_again() -> None:
    agent, _ = _registered(ONE)
    happened = _run(agent, 150)
    (told, *_) = [one for _, one in happened if isinstance(one, NotRegistered)]
    assert (told.status, told.why) == (408, "no answer") and told.retry_at is not None
    assert any(isinstance(one, Transmit) and one.data.startswith(b"REGISTER") for _, one in happened)


def test_a_registrar_whose_name_is_wrong_is_told_from_one_that_is_silent() -> None:
    agent = UserAgent(LineOptions(host="192.0.2.9"), random.Random(1))
    agent.register(Account("llama", "16", "pbx.example.com", (ONE,)), 0)
    (told,) = [one for one in agent.lost(ONE, 0) if isinstance(one, NotRegistered)]
    assert told.status == 408 and told.why.endswith("5060 (UDP): no such name, or no connection"), told.why


def test_on_a_stream_crlf_is_enough_where_the_registrar_speaks_outbound() -> None:  # RFC 5626, 4.4.1
    agent, _ = _registered(TWO, headers=[("Require", "outbound"), ("Flow-Timer", "100")])
    assert agent.deadline is not None and 80 * SECOND <= agent.deadline <= 100 * SECOND
    now = agent.deadline
    assert agent.tick(now) == [Transmit(sip.KEEP_ALIVE, TWO)]
    assert agent.deadline == now + 10 * SECOND
    assert agent.pong(TWO, now + SECOND) == [] and agent.deadline >= now + 80 * SECOND
    now = agent.deadline
    agent.tick(now)
    outputs = agent.tick(now + 10 * SECOND)
    assert isinstance(outputs[-1], NotRegistered), "no pong in ten seconds: it is gone"


def test_a_connection_that_breaks_is_registered_anew_soon() -> None:
    agent, _ = _registered(TWO)
    assert agent.lost(TWO, 0) == [] and agent.deadline is not None and agent.deadline <= 2 * SECOND
    (register,) = _requests(agent.tick(agent.deadline))
    assert register.method == "REGISTER" and register.headers["Expires"] == "3600"


def test_a_registrar_that_takes_no_connection_is_asked_with_the_pauses_of_one_that_is_silent() -> None:
    """As long as the registration of before had time left it was asked each second, and each time the pause that came
    then was doubled: half an hour for a PBX that was away for five minutes.
    """
    agent, _ = _registered(TWO, seconds=300)
    agent.lost(TWO, 10 * SECOND)
    times: list[int] = []
    while (now := agent.deadline) is not None and now < 900 * SECOND:
        if _requests(agent.tick(now)):
            times.append(now // SECOND)
            (told,) = agent.lost(TWO, now)  # nobody listens there
            assert isinstance(told, NotRegistered) and told.retry_at == agent.deadline
    assert times[0] <= 12 and len(times) < 8, times
    assert all(15 <= later - at <= 480 for at, later in itertools.pairwise(times)), times


def test_a_registrar_that_is_down_at_the_start_is_left_at_once_for_the_second() -> None:
    agent = UserAgent(LineOptions(host="192.0.2.9"), random.Random(1))
    agent.register(Account("llama", "16", "pbx.example.com", (TWO, ONE)), 0)
    outputs = agent.lost(TWO, SECOND)
    assert isinstance(outputs[0], Transmit) and outputs[0].flow == ONE


def test_who_stops_while_it_registers_leaves_nothing_at_the_registrar() -> None:
    agent = UserAgent(LineOptions(host="192.0.2.9"), random.Random(1))
    (register,) = _requests(agent.register(Account("llama", "16", "pbx.example.com", (ONE,)), 0))
    assert agent.drain(0) == [] and not agent.drained
    outputs = agent.receive(sip.respond(register, 200, [("Expires", "300")], tag="r"), ONE, 0)
    (last,) = _requests(outputs)
    assert last.headers["Expires"] == "0" and not agent.drained
    outputs = agent.receive(sip.respond(last, 200, tag="r"), ONE, 0)
    assert outputs == [NotRegistered("llama", 200, "unregistered", None)] and agent.drained
    _run(agent, 100)
    assert agent.deadline is None and agent.state == (0, 0, 0, 0)


def test_a_line_that_drains_unregisters_and_ends_also_when_nobody_answers() -> None:
    agent, _ = _registered(ONE, TWO)
    (last,) = _requests(agent.drain(0))
    assert last.headers["Expires"] == "0" and agent.closing
    _run(agent, 100)
    assert agent.drained and agent.deadline is None


def test_an_account_that_is_given_anew_replaces_the_old_one() -> None:
    agent, _ = _registered(ONE)
    account = Account("llama", "17", "pbx.example.com", (ONE,))
    (register,) = _requests(agent.register(account, 0))
    agent.receive(sip.respond(register, 200, tag="r"), ONE, 0)
    happened = _run(agent, 200, 200)
    assert not any(b"sip:16@" in one.data for _, one in happened if isinstance(one, Transmit))


def test_who_is_reached_by_name_is_known_by_the_address_behind_it() -> None:
    registrar, options = Flow("TLS", "pbx.example.com", 0), LineOptions(host="192.0.2.9", sources=("192.0.2.0/24",))
    agent, came = UserAgent(options, random.Random(1)), replace(registrar, peer=("192.0.2.1", 5061))
    (register,) = _requests(agent.register(Account("llama", "16", "pbx.example.com", (registrar,)), 0))
    agent.receive(sip.respond(register, 200, tag="r"), came, 0)
    assert agent.screening.knows("192.0.2.1") and not agent.screening.knows("pbx.example.com")
    invite = sip.read(
        b"INVITE sip:16@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/TLS 10.0.0.1;branch=z9hG4bK1;rport\r\nMax-Forwards: 70\r\n"
        b"From: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:16@192.0.2.9>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n"
        b"Contact: <sip:a@192.0.2.1>\r\nContent-Length: 0\r\n\r\n"
    )
    (told,) = agent.receive(invite, came, 0)
    assert isinstance(told, Incoming) and told.flow.source == ("192.0.2.1", 5061)
    (ringing,) = agent.ring(told.call, 0)
    assert isinstance(ringing, Transmit) and ringing.flow == registrar, "over the connection that is open to the name"
    noted = sip.top_via(sip.read(ringing.data)).parameters
    assert (noted["received"], noted["rport"]) == ("192.0.2.1", "5061")  # RFC 3261, 18.2.1, and RFC 3581, 4
    elsewhere = replace(registrar, peer=("198.51.100.1", 5061))
    assert agent.receive(invite, elsewhere, 0) == [] and agent.screening.dropped == {"source": 1}


# Names


class _Records:
    """A zone, and what was asked."""

    def __init__(self, hang: bool = False) -> None:
        self.asked: list[str] = []
        self.hang = hang
        self.zone: dict[str, list[Server]] = {
            "_sip._udp.example.com": [Server(20, 0, "c.example.com", 5070), Server(10, 0, "a.example.com", 5062)],
            "_sips._tcp.example.com": [Server(10, 0, "a.example.com", 5061)],
            "_sip._udp.off.example.com": [Server(0, 0, ".", 0)],
        }
        self.hosts = {"a.example.com": ["192.0.2.1", "2001:db8::1"], "c.example.com": ["192.0.2.3"]}
        self.naptr = [
            Pointer(20, 1, "SIP+D2U", "_sip._udp.example.com"), Pointer(10, 1, "E2U+email", "."),
            Pointer(10, 2, "sips+d2t", "_sips._tcp.example.com"),
        ]  # fmt: skip

    async def pointers(self, name: str) -> tuple[Sequence[Pointer], float]:
        if name != "example.com":
            raise LookupError(name)
        return self.naptr, 60

    async def servers(self, name: str) -> tuple[Sequence[Server], float]:
        self.asked.append(name)
        if self.hang:
            await asyncio.sleep(3600)
        if name not in self.zone:
            raise LookupError(name)
        return self.zone[name], 60

    async def addresses(self, name: str) -> tuple[Sequence[str], float]:
        self.asked.append(name)
        if name not in self.hosts:
            raise LookupError(name)
        return self.hosts[name], 30


async def test_nobody_asks_for_a_name_that_nobody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(name: str, port: None, *, proto: int) -> list[object]:
        asked.append(name)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    names = Names(VirtualClock(), SystemRecords(None), random.Random(1))
    flow = await names.flow_to(uri_of("sip:17@pbx.invalid"))
    assert await names.servers(flow) == []
    assert asked == []


def _names() -> tuple[Names, _Records, VirtualClock]:
    records, clock = _Records(), VirtualClock()
    return Names(clock, records, random.Random(1)), records, clock


async def test_servers_stand_by_priority_and_the_next_has_its_turn_when_one_is_silent() -> None:
    names, records, clock = _names()
    flow = Flow("UDP", "example.com", 0)
    assert names.known(flow) is None
    hosts = [(one.host, one.port) for one in await names.servers(flow)]
    assert hosts == [("192.0.2.1", 5062), ("2001:db8::1", 5062), ("192.0.2.3", 5070)]
    names.unanswered(flow)
    assert [one.host for one in names.known(flow) or []] == ["2001:db8::1", "192.0.2.3", "192.0.2.1"]
    asked = len(records.asked)
    await names.servers(flow)
    assert len(records.asked) == asked, "it is kept"
    clock.advance(31 * SECOND)
    assert names.known(flow) is None, "and not for longer than it says"


@pytest.mark.parametrize(("version", "reached"), [(4, ["192.0.2.1", "192.0.2.3"]), (6, ["2001:db8::1"])])
async def test_of_a_servers_addresses_only_those_count_that_we_can_send_to(version: int, reached: list[str]) -> None:
    """Else each call to a name with both kinds would wait half a minute for a packet that no socket takes."""
    names, _, _ = _names()
    names.version = version
    assert [one.host for one in await names.servers(Flow("UDP", "example.com", 0))] == reached
    assert await names.servers(Flow("UDP", "c.example.com", 0)) == ([] if version == 6 else [
        Flow("UDP", "192.0.2.3", 5060, "c.example.com")
    ])  # fmt: skip


async def test_a_secure_server_must_have_the_name_that_was_called() -> None:
    names, _, _ = _names()
    found = await names.servers(Flow("TLS", "example.com", 0))
    assert found[0] == Flow("TLS", "192.0.2.1", 5061, "example.com")


async def test_without_srv_the_name_is_a_servers_and_a_port_that_is_said_counts() -> None:
    names, records, _ = _names()
    assert next((one.host, one.port) for one in await names.servers(Flow("TCP", "a.example.com", 0))) == (
        "192.0.2.1",
        5060,
    )
    asked = len(records.asked)
    assert (await names.servers(Flow("UDP", "c.example.com", 5099)))[0].port == 5099
    assert records.asked[asked:] == ["c.example.com"], "no SRV is asked for (RFC 3263, 4.2)"
    assert await names.servers(Flow("UDP", "nowhere.example.com", 0)) == []
    assert await names.servers(Flow("UDP", "off.example.com", 0)) == []


@pytest.mark.parametrize(
    ("uri", "flow"),
    [
        ("sip:16@example.com", Flow("TLS", "example.com", 0)),
        ("sip:16@example.com;transport=tcp", Flow("TCP", "example.com", 0)),
        ("sip:16@example.com:5070", Flow("UDP", "example.com", 5070)),
        ("sips:16@example.com", Flow("TLS", "example.com", 0)),
        ("sip:16@other.example.com", Flow("UDP", "other.example.com", 0)),
        ("sip:16@192.0.2.7", Flow("UDP", "192.0.2.7", 5060)),
        ("sips:16@[2001:db8::7]", Flow("TLS", "2001:db8::7", 5061)),
    ],
)
async def test_the_domain_says_how_it_would_be_reached(uri: str, flow: Flow) -> None:
    names, _, _ = _names()
    assert await names.flow_to(uri_of(uri)) == flow


async def test_one_look_up_serves_all_who_wait_for_it() -> None:
    names, records, _ = _names()
    flow = Flow("UDP", "example.com", 0)
    found = await asyncio.gather(*(names.servers(flow) for _ in range(50)))
    assert len(records.asked) == 3 and all(one == found[0] for one in found)


async def test_what_no_resolver_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.phone.sip.names.LOOK_UP_SECONDS", 0.01)
    names = Names(VirtualClock(), _Records(hang=True), random.Random(1))
    assert await names.servers(Flow("UDP", "example.com", 0)) == []


async def test_names_that_a_stranger_has_us_look_up_are_bounded() -> None:
    names, _, _ = _names()
    for number in range(400):
        await names.servers(Flow("UDP", f"{number}.example.com", 5060))
    assert len(names._known) <= 256  # pyright: ignore[reportPrivateUsage]


def test_who_is_not_renewed_goes_on_showing_that_it_is_there() -> None:
    """The way back through a NAT is to stay open for as long as calls may come."""
    agent, _ = _registered(ONE, seconds=300)
    happened = _run(agent, 299, 503)
    assert [at for at, one in happened if isinstance(one, NotRenewed)]
    assert not any(isinstance(one, NotRegistered) for _, one in happened)
    signs = [at for at, one in happened if isinstance(one, Transmit) and one.data.startswith(b"OPTIONS ")]
    assert signs[-1] >= 270


def test_a_line_that_gets_another_address_is_registered_there_with_its_next_sign_of_life() -> None:
    """Nobody reached a line whose network came up after it, or which was given another address by DHCP."""
    here = ["127.0.0.1"]
    agent = UserAgent(LineOptions(host="127.0.0.1"), random.Random(1), here=lambda flow: here[0])
    (register,) = _requests(agent.register(Account("llama", "16", "pbx.example.com", (ONE,), seconds=3600), 0))
    agent.receive(sip.respond(register, 200, [("Expires", "3600")], tag="r"), ONE, 0)
    here[0] = "192.0.2.9"
    (at, register), *_ = [
        (at, each) for at, one in _run(agent, 100, 200) for each in _requests([one]) if each.method == "REGISTER"
    ]
    assert at <= 30 and register.headers["Contact"].startswith("<sip:16@192.0.2.9:5060>, <sip:16@127.0.0.1:5060>;")
    assert "192.0.2.9" in register.headers["Via"]
