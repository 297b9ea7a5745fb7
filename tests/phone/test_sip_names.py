"""Names as a DNS server on loopback tells them: NAPTR, SRV and how long they hold, by way of dnspython."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from duologue.clock import SECOND, VirtualClock
from duologue.phone.sip import names as sip_names
from duologue.phone.sip.header_fields import uri_of
from duologue.phone.sip.names import Names, Pointer, Server, SystemRecords
from duologue.phone.sip.transactions import Flow

HOST = "127.0.0.1"
NOBODY = "."
"""The target of a service that a domain does not offer (RFC 2782)."""
ZONE = {
    ("pbx.example.org.", "NAPTR"): (
        300, '20 50 "s" "SIP+D2U" "" _sip._udp.pbx.example.org.', '10 90 "s" "SIPS+D2T" "" _sips._tcp.pbx.example.org.',
        '10 50 "s" "SIP+D2T" "" _sip._tcp.pbx.example.org.',
    ),
    ("hosted.example.org.", "NAPTR"): (300, '10 50 "s" "SIP+D2T" "" _sip._tcp.PBX.example.org.'),
    ("_sip._tcp.pbx.example.org.", "SRV"): (120, "20 0 5070 127.0.0.3.", "10 0 5060 127.0.0.2."),
    ("_sip._udp.closed.example.org.", "SRV"): (120, "0 0 0 ."),
}  # fmt: skip
"""Seconds for which it holds, and the records. What is called like an address is one: no other name resolves here."""


_records: Callable[..., dns.rrset.RRset] = cast("Any", dns.rrset).from_text


@dataclass
class _Zone(asyncio.DatagramProtocol):
    """A server with these records; ``asked`` is what for. What it does not have is not there (NXDOMAIN)."""

    records: Mapping[tuple[str, str], tuple[int | str, ...]]
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if (found := self.records.get((name, kind))) is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            seconds, *texts = found
            answer.answer.append(_records(name, int(seconds), "IN", kind, *texts))
        self._transport.sendto(answer.to_wire(), addr)


@contextlib.asynccontextmanager
async def zone() -> AsyncGenerator[tuple[_Zone, SystemRecords]]:
    """A server, and who asks it and no other."""
    transport, served = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Zone(ZONE), local_addr=(HOST, 0)
    )
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = [HOST], transport.get_extra_info("sockname")[1]
    try:
        yield served, SystemRecords(resolver)
    finally:
        transport.close()


async def test_a_name_is_reached_by_the_transport_and_the_servers_that_its_domain_tells() -> None:
    clock = VirtualClock()
    async with zone() as (served, records):
        names = Names(clock, records, random.Random(1))
        flow = await names.flow_to(uri_of("sip:16@pbx.example.org"))
        assert flow.transport == "TCP", "the lowest order, and of those the lowest preference"
        servers = await names.servers(flow)
        assert [(each.host, each.port, each.name) for each in servers] == [
            ("127.0.0.2", 5060, "pbx.example.org"), ("127.0.0.3", 5070, "pbx.example.org"),
        ]  # fmt: skip
        asked = [("pbx.example.org.", "NAPTR"), ("_sip._tcp.pbx.example.org.", "SRV")]
        assert served.asked == asked
        clock.advance(119 * SECOND)
        assert await names.servers(flow) == servers and served.asked == asked
        clock.advance(2 * SECOND)
        assert await names.servers(flow) == servers and served.asked == [*asked, asked[1]]


async def test_a_domain_may_have_its_servers_at_another_one() -> None:  # RFC 3263, section 4.1, and RFC 5922, section 4
    """A carrier's customer points to the carrier: the customer's own name has no server, and was called."""
    async with zone() as (_, records):
        names = Names(VirtualClock(), records, random.Random(1))
        flow = await names.flow_to(uri_of("sip:16@hosted.example.org"))
        servers = await names.servers(flow)
    assert [(each.host, each.port) for each in servers] == [("127.0.0.2", 5060), ("127.0.0.3", 5070)]
    assert {each.name for each in servers} == {"hosted.example.org"}, "a certificate must have the name that was called"


async def test_what_a_server_does_not_have_is_no_answer_and_a_service_that_is_not_offered_is_none() -> None:
    async with zone() as (served, records):
        with pytest.raises(LookupError):
            await records.pointers("elsewhere.example.org")
        with pytest.raises(LookupError):
            await records.servers("_sip._udp.elsewhere.example.org")
        assert served.asked == [("elsewhere.example.org.", "NAPTR"), ("_sip._udp.elsewhere.example.org.", "SRV")]
        found, seconds = await records.servers("_sip._udp.closed.example.org")
        assert (found, seconds) == ([Server(0, 0, NOBODY, 0)], 120)
        assert await Names(VirtualClock(), records).servers(Flow("UDP", "closed.example.org", 0)) == []


class _Late:
    """Knows no services, and addresses in a moment; ``asked`` is how often."""

    asked = 0

    async def pointers(self, name: str) -> tuple[list[Pointer], float]:
        raise LookupError(name)

    async def servers(self, name: str) -> tuple[list[Server], float]:
        raise LookupError(name)

    async def addresses(self, name: str) -> tuple[list[str], float]:
        self.asked += 1
        await asyncio.sleep(0.01)
        return ["127.0.0.2"], 60.0


async def test_who_hangs_up_while_a_name_is_looked_up_takes_it_from_nobody_else() -> None:
    """Three call the same PBX: the one who asked is gone before it is known."""
    records = _Late()
    names, flow = Names(VirtualClock(), records), Flow("UDP", "pbx.example.org", 5060)
    async with asyncio.TaskGroup() as group:
        first, *others = [group.create_task(names.servers(flow)) for _ in range(3)]
        await asyncio.sleep(0)
        first.cancel()
    assert [[each.host for each in one.result()] for one in others] == [["127.0.0.2"]] * 2
    assert records.asked == 2, "the others ask once more, together"


async def test_a_name_that_is_never_answered_keeps_no_other_from_being_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's resolver gives up when it likes, and asks in a thread of few; a registrar that is not found is
    looked for every few seconds.
    """
    given_up, asked = threading.Event(), list[str]()

    def asks(host: str, *more: object, **named: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        asked.append(host)
        if host == "dead.example.org":
            given_up.wait(60)
        return [(2, 2, 17, "", ("127.0.0.2", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", asks)
    monkeypatch.setattr(sip_names, "LOOK_UP_SECONDS", 0.01)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
    clock = VirtualClock()
    names = Names(clock)
    try:
        for _ in range(3):
            assert await names.servers(Flow("UDP", "dead.example.org", 5060)) == []
            clock.advance(10 * SECOND)
        monkeypatch.setattr(sip_names, "LOOK_UP_SECONDS", 20.0)
        (found,) = await names.servers(Flow("UDP", "pbx.example.org", 5060))
        assert found.host == "127.0.0.2"
        assert asked.count("dead.example.org") == 1, "it is being asked for already"
    finally:
        given_up.set()
