"""Which servers stand behind a name (RFC 3263): NAPTR for the transport, SRV for the servers, then their addresses.

Asked of the machine's own resolver by ``dnspython``; answers are kept for as long as they say, a failure for a little.
All of it is bounded: in time for each name, in the number of names that are kept, and of servers for each.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, cast

import dns.asyncresolver
import dns.exception
import dns.rdtypes.IN.NAPTR
import dns.rdtypes.IN.SRV
from sipmessage import URI

from duologue.clock import SECOND, Clock
from duologue.phone.sip.dialogs import flow_to
from duologue.phone.sip.header_fields import default_port, is_address
from duologue.phone.sip.transactions import Flow

LOOK_UP_SECONDS = 4.0
"""For one name, whatever is asked about it."""
LEAST_KEPT, MOST_KEPT, FAILURE_KEPT = 10, 3600, 5
"""Seconds that an answer is believed."""
MOST_NAMES, MOST_SERVERS = 256, 8
SERVICES = {"UDP": "_sip._udp", "TCP": "_sip._tcp", "TLS": "_sips._tcp"}
NAPTR = {"SIPS+D2T": "TLS", "SIP+D2T": "TCP", "SIP+D2U": "UDP"}


@dataclass(frozen=True, slots=True)
class Server:
    """Of an SRV record: lower ``priority`` first; among equals by chance, by ``weight`` (RFC 2782)."""

    priority: int
    weight: int
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Pointer:
    """Of a NAPTR record: lower ``order`` first, then lower ``preference``; ``service`` as ``SIP+D2U``, ``replacement``
    is where its SRV records are (``_sip._udp.carrier.example``).
    """

    order: int
    preference: int
    service: str
    replacement: str


class Records(Protocol):
    """Asks; each raises :class:`LookupError` where there is no answer, and else says for how many seconds it holds."""

    async def pointers(self, name: str) -> tuple[Sequence[Pointer], float]:
        """NAPTR."""
        ...

    async def servers(self, name: str) -> tuple[Sequence[Server], float]:
        """SRV."""
        ...

    async def addresses(self, name: str) -> tuple[Sequence[str], float]:
        """A and AAAA, by way of the machine (its ``hosts`` file too)."""
        ...


class SystemRecords:
    """By the machine's resolver."""

    def __init__(self, resolver: dns.asyncresolver.Resolver | None = None) -> None:
        self._resolver = resolver
        self._asking: dict[str, asyncio.Future[Sequence[str]]] = {}

    async def pointers(self, name: str) -> tuple[Sequence[Pointer], float]:
        """See :class:`Records`."""
        found, seconds = await self._ask(name, "NAPTR")
        read = [cast(dns.rdtypes.IN.NAPTR.NAPTR, one) for one in found]
        return [
            Pointer(
                one.order, one.preference, one.service.decode("ascii", "replace"),
                one.replacement.to_text(omit_final_dot=True),
            )
            for one in read
        ], seconds  # fmt: skip

    async def servers(self, name: str) -> tuple[Sequence[Server], float]:
        """See :class:`Records`."""
        found, seconds = await self._ask(name, "SRV")
        read = [cast(dns.rdtypes.IN.SRV.SRV, one) for one in found]
        return [
            Server(one.priority, one.weight, one.target.to_text(omit_final_dot=True), one.port) for one in read
        ], seconds

    async def addresses(self, name: str) -> tuple[Sequence[str], float]:
        """See :class:`Records`."""
        _refuse_nobody(name)
        asking = self._asking.get(name)
        if asking is None:
            asking = self._asking[name] = asyncio.get_running_loop().run_in_executor(None, _addresses, name)
            asking.add_done_callback(lambda _: self._asking.pop(name))
        if not (found := await asyncio.shield(asking)):
            raise LookupError(name)
        return found, 60.0

    async def _ask(self, name: str, kind: str) -> tuple[Iterable[object], float]:
        _refuse_nobody(name)
        try:
            if self._resolver is None:
                self._resolver = dns.asyncresolver.Resolver()
            answer = await self._resolver.resolve(name, kind, search=False, lifetime=LOOK_UP_SECONDS / 2)
        except (dns.exception.DNSException, OSError, UnicodeError) as error:
            raise LookupError(name) from error
        return cast("Iterable[object]", answer), float(answer.rrset.ttl if answer.rrset is not None else LEAST_KEPT)


def _addresses(name: str) -> Sequence[str]:
    """The machine asks for as long as it likes, in a thread of few, whether somebody waits or not: of a name that is
    never answered, and asked for again and again, there is one at a time, or no other name would be found.
    """
    try:
        found = socket.getaddrinfo(name, None, proto=17)
    except (OSError, UnicodeError):
        return ()
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def _refuse_nobody(name: str) -> None:
    """Nobody is ever called so, and no resolver need be asked (RFC 6761, section 6.4)."""
    if name.lower().rstrip(".").endswith(".invalid"):
        raise LookupError(name)


class Names:
    """What is known of names. ``turn`` moves on when the server that was tried does not answer (section 4.3)."""

    def __init__(self, clock: Clock, records: Records | None = None, chance: random.Random | None = None) -> None:
        self.version: int | None = None
        """Of IP: the addresses that whoever asks can send from; None: either."""
        self._clock = clock
        self._records = records or SystemRecords()
        self._chance = chance or random.Random()
        self._known: OrderedDict[Flow, tuple[int, list[Flow]]] = OrderedDict()
        self._looking: dict[Flow, asyncio.Future[list[Flow] | None]] = {}

    @staticmethod
    def asks(uri: URI) -> bool:
        """Whether only its domain can say by what ``uri`` is reached; else the address does."""
        named = "transport" in uri.parameters or "maddr" in uri.parameters
        return uri.scheme == "sip" and not (named or uri.port or is_address(uri.host.strip("[]")))

    async def flow_to(self, uri: URI) -> Flow:
        """Where ``uri`` is reached, with the transport that its domain prefers, or has servers of (section 4.1); they
        are looked up when something is sent.
        """
        if not self.asks(uri):
            return flow_to(uri)
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                return await self._preferred(uri.host)
        except TimeoutError:
            return Flow("UDP", uri.host, 0)

    async def _preferred(self, host: str) -> Flow:
        """Section 4.1. A domain may have its servers at another one's; a certificate must name who was called all the
        same (RFC 5922, section 4).
        """
        try:
            pointers, _ = await self._records.pointers(host)
        except LookupError:
            pointers = ()
        for one in sorted(pointers, key=lambda pointer: (pointer.order, pointer.preference)):
            transport = NAPTR.get(one.service.upper(), "")
            service = f"{SERVICES.get(transport, '')}."
            if transport and one.replacement.lower().startswith(service):
                domain = one.replacement[len(service) :]
                return Flow(transport, host, 0) if domain.lower() == host.lower() else Flow(transport, domain, 0, host)
        for transport in ("UDP", "TCP"):
            try:
                await self._records.servers(f"{SERVICES[transport]}.{host}")
            except LookupError:
                continue
            return Flow(transport, host, 0)
        return Flow("UDP", host, 0)

    def known(self, flow: Flow) -> list[Flow] | None:
        """The servers behind ``flow``, the one to be tried first; None: it is to be looked up."""
        found = self._known.get(flow)
        return found[1] if found is not None and self._clock.now() < found[0] else None

    def newest(self, flow: Flow) -> list[Flow]:
        """Those that stood behind it when it was looked up last, however long ago; empty: none, or it never was."""
        return self._known[flow][1] if flow in self._known else []

    async def servers(self, flow: Flow) -> list[Flow]:
        """The same, looked up where it must be; empty where nothing is behind it. One look-up serves all who wait."""
        found = self.known(flow)
        if found is not None:
            return found
        while flow in self._looking:
            shared = await asyncio.shield(self._looking[flow])
            if shared is not None:
                return shared
        waiting = self._looking[flow] = asyncio.get_running_loop().create_future()
        servers: list[Flow] | None = None
        seconds: float = FAILURE_KEPT
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                servers, seconds = await self._look_up(flow)
        except (LookupError, TimeoutError):
            servers = []
        finally:
            del self._looking[flow]
            waiting.set_result(servers)  # None: who asked was cancelled, and another asks
        assert servers is not None
        self._known[flow] = self._clock.now() + round(seconds * SECOND), servers
        if len(self._known) > MOST_NAMES:
            self._known.popitem(last=False)
        return servers

    def unanswered(self, flow: Flow) -> None:
        """The server that stands first does not answer: the next one has its turn."""
        if flow in self._known:
            until, servers = self._known[flow]
            self._known[flow] = until, [*servers[1:], *servers[:1]]

    async def _look_up(self, flow: Flow) -> tuple[list[Flow], float]:
        places: list[tuple[str, int]] = [(flow.host, flow.port)]
        least = float(MOST_KEPT)
        if not flow.port:
            try:
                service = SERVICES.get(flow.transport, SERVICES["UDP"])
                found, least = await self._records.servers(f"{service}.{flow.host}")
                places = [(one.host, one.port) for one in self._ordered(found) if one.host not in ("", ".")]
            except LookupError:  # section 4.2: then the name itself is a server's
                places = [(flow.host, default_port(flow.transport))]
        servers: list[Flow] = []
        for host, port in places[:MOST_SERVERS]:
            try:
                addresses, seconds = ([host], least) if is_address(host) else await self._records.addresses(host)
            except LookupError:
                continue
            least = min(least, seconds)
            reached = [one for one in addresses if self.version in (None, 6 if ":" in one else 4)]
            servers += [replace(flow, host=one, port=port, name=flow.name or flow.host) for one in reached]
        return servers[:MOST_SERVERS], min(max(least, LEAST_KEPT), MOST_KEPT) if servers else FAILURE_KEPT

    def _ordered(self, servers: Iterable[Server]) -> list[Server]:
        """RFC 2782: by priority; among equals each place is drawn by weight."""
        ordered: list[Server] = []
        left = sorted(servers, key=lambda one: (one.priority, one.weight))
        while left:
            equal = [one for one in left if one.priority == left[0].priority]
            weights = [one.weight or 0.01 for one in equal]  # one without weight is taken now and then
            ordered += self._chance.choices(equal, weights)
            left.remove(ordered[-1])
        return ordered
