"""Connections: whose certificates are believed, and who is not let stay. openssl makes the certificates."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from duologue.certificates import Believed, ServedCertificate, for_clients, for_servers
from duologue.clock import SystemClock
from duologue.errors import InputError, PeerError
from duologue.phone.media.negotiation import offer
from duologue.phone.sip import call_events as events
from duologue.phone.sip import transport as sip_transport
from duologue.phone.sip.registration import Account
from duologue.phone.sip.screening import LineOptions, Rate
from duologue.phone.sip.transactions import Flow
from duologue.phone.sip.transport import DEAD_MS, Listening, Transport
from duologue.phone.sip.user_agent import UserAgent
from peers.sip_line import HOST, LOCAL, OPTIONS, Line, certificate, listening

pytestmark = [pytest.mark.peer]
TCP_REPAIR = 19  # of Linux; Python has no name for it


@pytest.mark.parametrize("shows", [True, False])
async def test_who_calls_shows_a_certificate_where_one_is_wanted(shows: bool, tmp_path: Path) -> None:
    key, made = await certificate(tmp_path / "us")
    their_key, theirs = await certificate(tmp_path / "them")
    client = await (Believed(made, certificate=theirs, key=their_key) if shows else Believed(made)).context()
    server = for_clients(made, key)
    server.load_verify_locations(cafile=theirs)
    server.verify_mode = ssl.CERT_REQUIRED
    async with (
        listening(server=server, client=for_servers(made)) as callee,
        listening(server=for_clients(theirs, their_key), client=client) as caller,
    ):
        call = caller.call(f"sip:16@{HOST}:{callee.transport.ports['TLS']};transport=tls")
        if shows:
            await callee.until(events.Acknowledged)
            caller.hang_up(call)
            await callee.until(events.Ended)
        else:
            await caller.until(events.Ended)
            assert not callee.events


async def test_what_is_no_certificate_is_named(tmp_path: Path) -> None:
    key, made = await certificate(tmp_path)
    for make in (
        lambda: for_clients(key, key),
        lambda: for_clients(tmp_path / "none.pem"),
        lambda: for_servers(tmp_path / "none.pem"),
        lambda: for_servers(made, made, made),
    ):
        with pytest.raises(InputError, match="for TLS cannot be read"):
            make()


async def test_a_certificate_that_was_renewed_is_shown_without_a_restart(tmp_path: Path) -> None:
    key, made = await certificate(tmp_path / "us")
    before = made.read_bytes()
    shown = ServedCertificate(made, key)

    async def seen() -> bytes:
        """As whoever connects sees it."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        _, writer = await asyncio.open_connection(HOST, line.transport.ports["TLS"], ssl=context)
        found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return ssl.DER_cert_to_PEM_cert(found).encode()

    async with listening(server=shown.context) as line:
        assert await seen() == before
        their_key, theirs = await certificate(tmp_path / "renewed")
        made.write_bytes(theirs.read_bytes())
        with pytest.raises(InputError, match="its key is another's"):
            shown.look()  # the key has not come yet
        shown.look()
        assert await seen() == before
        key.write_bytes(their_key.read_bytes())
        shown.look()
        assert await seen() == theirs.read_bytes() != before
        made.unlink()
        with pytest.raises(InputError):
            shown.look()
        assert await seen() == theirs.read_bytes()


async def test_authorities_that_were_renewed_are_believed_without_a_restart(tmp_path: Path) -> None:
    key, made = await certificate(tmp_path / "us")
    other_key, other = await certificate(tmp_path / "renewed")
    file, told = tmp_path / "authorities.pem", list[InputError]()
    file.write_bytes(made.read_bytes())
    believed = Believed(file, told.append)
    before = await believed.context()
    assert await believed.context() is before, "no connection waits for what was read"
    file.write_bytes(b"half of it")
    assert await believed.context() is before and len(told) == 1
    assert await believed.context() is before and len(told) == 1, "once"
    file.write_bytes(other.read_bytes())
    async with (
        listening(server=for_clients(other, other_key)) as callee,
        listening(server=for_clients(made, key), client=await believed.context()) as caller,
    ):
        caller.call(f"sip:16@{HOST}:{callee.transport.ports['TLS']};transport=tls")
        await caller.until(events.Answered)


async def test_a_connection_whose_far_end_lost_its_power_is_noticed_by_both() -> None:
    """The system would try a quarter of an hour, and an account be called by nobody for as long."""
    async with listening() as callee, listening() as caller:
        caller.call(f"sip:16@{HOST}:{callee.transport.ports['TCP']};transport=tcp")
        await callee.until(events.Acknowledged)
        for line in (callee, caller):
            connections: dict[Flow, asyncio.Protocol] = vars(line.transport)["_connections"]
            (connection,) = connections.values()
            transport: asyncio.Transport = vars(connection)["_transport"]
            found: socket.socket = transport.get_extra_info("socket")
            assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == DEAD_MS


async def test_a_far_end_that_lost_its_power_keeps_no_place_though_we_send_it_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 256 places each of its connections kept one, until nobody was let in any more."""
    monkeypatch.setattr(sip_transport, "PROBE_SECONDS", 1)
    async with listening() as line:
        theirs: set[object] = vars(line.transport)["_theirs"]
        with socket.create_connection((HOST, line.transport.ports["TCP"])) as lost:
            try:
                lost.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)  # it closes without a word
            except PermissionError:
                pytest.skip("nobody but root may let a connection go without a word")
            assert await _within(5, lambda: len(theirs) == 1)
        assert await _within(20, lambda: not theirs)


async def test_who_calls_itself_what_no_server_can_be_called_ends_nobody_elses_call(tmp_path: Path) -> None:
    """Where its connection has broken, our answer goes to the address that its Via names, if the certificate there has
    that name: that of "a..b" cannot be asked for, and that ended the line with all calls.
    """
    key, made = await certificate(tmp_path / "us")
    server = for_clients(made, key)
    with socket.create_server((HOST, 0)) as theirs:
        port = theirs.getsockname()[1]
        async with listening(server=server, client=for_servers(made)) as line:
            await _gone_after_calling_as(f"a..b:{port}", line, for_servers(made))
            assert await _within(10, lambda: line.transport.dropped > 0), "it reaches nobody"


async def _gone_after_calling_as(name: str, line: Line, client: ssl.SSLContext) -> None:
    _, writer = await asyncio.open_connection(HOST, line.transport.ports["TLS"], ssl=client)
    writer.write(
        f"INVITE sip:16@{HOST} SIP/2.0\r\nVia: SIP/2.0/TLS {name};branch=z9hG4bK1\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:a@pbx.test>;tag=1\r\nTo: <sip:16@{HOST}>\r\nCall-ID: c\r\n"
        "CSeq: 1 INVITE\r\nContact: <sip:a@pbx.test>\r\nContent-Length: 0\r\n\r\n".encode()
    )
    await line.until(events.Incoming)
    cast(asyncio.Transport, writer.transport).abort()


async def test_who_is_not_listed_gets_no_connection() -> None:
    options: LineOptions = replace(OPTIONS, sources=("192.0.2.0/24",))
    async with listening(options) as line:
        reader, writer = await asyncio.open_connection(HOST, line.transport.ports["TCP"])
        try:
            assert await asyncio.wait_for(reader.read(), 5) == b""
        except ConnectionResetError:
            pass
        writer.close()


async def _within(seconds: float, reached: Callable[[], bool]) -> bool:
    for _ in range(round(seconds / 0.05)):
        if reached():
            return True
        await asyncio.sleep(0.05)
    return False


async def _closed(reader: asyncio.StreamReader) -> bool:
    """Whether the line has closed it, or does within a moment."""
    try:
        async with asyncio.timeout(1):
            return await reader.read() == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


@pytest.mark.parametrize("transport", ["TCP", "TLS"])
async def test_what_others_have_open_is_bounded_from_its_first_byte(
    transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who begins a handshake and goes no further has the same places as who says nothing; ours are not among them."""
    monkeypatch.setattr("duologue.phone.sip.transport.MOST_CONNECTIONS", 4)
    monkeypatch.setattr("duologue.phone.sip.transport.MOST_OF_A_STRANGER", 3)
    monkeypatch.setattr("duologue.phone.sip.transport.CONNECT_SECONDS", 3.0)
    key, made = await certificate(tmp_path / "us")
    trusts = for_servers(made)
    async with (
        listening(server=for_clients(made, key), client=trusts) as line,
        listening(server=for_clients(made, key)) as other,
    ):
        port = line.transport.ports[transport]
        tricklers = [await asyncio.open_connection(HOST, port) for _ in range(5)]
        for _, writer in tricklers:
            writer.write(b"\x16\x03\x01\x02")  # as a ClientHello begins, and so does no message of SIP
        ended = await asyncio.gather(*(_closed(reader) for reader, _ in tricklers))
        assert ended == [False] * 3 + [True] * 2
        line.call(f"sip:16@{HOST}:{other.transport.ports[transport]};transport={transport.lower()}")
        await line.until(events.Answered)
        for _, writer in tricklers:
            writer.close()
        context = trusts if transport == "TLS" else None
        async with asyncio.timeout(10):
            while True:  # the places come back, be it that they left or that their time was over
                try:
                    reader, writer = await asyncio.open_connection(HOST, port, ssl=context)
                    with contextlib.closing(writer):
                        writer.write(b"\r\n\r\n")
                        assert await reader.readexactly(2) == b"\r\n"
                    break
                except (asyncio.IncompleteReadError, ConnectionError):
                    await asyncio.sleep(0.05)


@pytest.mark.parametrize("named", [True, False])
async def test_who_is_named_may_have_all_places(named: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.phone.sip.transport.MOST_CONNECTIONS", 4)
    monkeypatch.setattr("duologue.phone.sip.transport.MOST_OF_A_STRANGER", 2)
    async with listening(replace(OPTIONS, sources=(HOST,) if named else ())) as line:
        opened = [await asyncio.open_connection(HOST, line.transport.ports["TCP"]) for _ in range(5)]
        ended = await asyncio.gather(*(_closed(reader) for reader, _ in opened))
        assert ended.count(True) == (1 if named else 3)
        for _, writer in opened:
            writer.close()


async def test_who_has_closed_the_connection_it_called_by_is_told_goodbye_at_its_contact() -> None:
    """As a PBX does whose connection is idle: its port of then takes none."""
    said = asyncio.get_running_loop().create_future()

    async def listens(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.set_result((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.close()

    server = await asyncio.start_server(listens, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    body = offer(LOCAL).encode()

    def request(method: str, tag: str = "", described: str = "") -> bytes:
        return (
            f"{method} sip:16@{HOST} SIP/2.0\r\nVia: SIP/2.0/TCP {HOST};branch=z9hG4bK{method}\r\nMax-Forwards: 70\r\n"
            f"From: <sip:a@{HOST}>;tag=1\r\nTo: <sip:16@{HOST}>{tag}\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n"
            f"Contact: <sip:a@{HOST}:{port};transport=tcp>\r\nContent-Type: application/sdp\r\n"
            f"Content-Length: {len(described)}\r\n\r\n{described}"
        ).encode()

    async with server, listening() as line:
        reader, writer = await asyncio.open_connection(HOST, line.transport.ports["TCP"])
        writer.write(request("INVITE", described=body))
        async with asyncio.timeout(5):
            while b" 200 " not in await reader.readline():
                pass
            tag = (await reader.readuntil(b"\r\n\r\n")).decode().partition("To: ")[2].partition("\r\n")[0]
            writer.write(request("ACK", tag.partition(">")[2]))
            await line.until(events.Acknowledged)
            writer.close()
            await asyncio.sleep(0.2)  # it is seen that it is gone
            (call,) = [one.call for one in line.events if isinstance(one, events.Incoming)]
            line.hang_up(call)
            assert (await said).startswith("BYE ")


async def test_a_line_without_datagrams_gives_up_who_is_reached_by_them_at_once() -> None:
    async with asyncio.TaskGroup() as tasks:
        line = Line(LineOptions(host=HOST, transport="TCP"), LOCAL)
        await line.transport.open(Listening(HOST, None, 0), tasks)
        call = line.call(f"sip:16@{HOST}:5999")
        await line.until(events.Ended)
        assert line.events == [
            events.Ended(call, 503, f"nobody is reached at {HOST}:5999 (UDP): no such name, or no connection")
        ]
        line.transport.close()


async def test_whom_no_socket_of_ours_reaches_is_given_up_at_once() -> None:
    async with listening() as line:
        assert line.transport.names.version == 4
        call = line.call("sip:16@[2001:db8::1]")
        await line.until(events.Ended)
        said = "nobody is reached at [2001:db8::1]:5060 (UDP): no such name, or no connection"
        assert line.events == [events.Ended(call, 503, said)]


@pytest.mark.parametrize("named", [True, False])
async def test_a_stranger_connects_no_more_often_than_it_may_call(named: bool) -> None:
    """Each may cost us a handshake."""
    rates = {"INVITE": Rate(0.01, 3)}
    async with listening(replace(OPTIONS, rates=rates, sources=(HOST,) if named else ())) as line:
        opened: list[bool] = []
        for _ in range(5):
            reader, writer = await asyncio.open_connection(HOST, line.transport.ports["TCP"])
            opened.append(not await _closed(reader))
            writer.close()
        assert opened == [True] * 3 + [named] * 2


async def test_of_connections_of_ours_the_newest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who calls says where our requests go: at another port each time."""
    monkeypatch.setattr("duologue.phone.sip.transport.MOST_CONNECTIONS", 2)
    over: list[int] = []

    async def listens(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        over.append(writer.get_extra_info("sockname")[1])
        writer.close()

    servers = [await asyncio.start_server(listens, HOST, 0) for _ in range(3)]
    first, second, third = (each.sockets[0].getsockname()[1] for each in servers)
    async with listening() as line:
        for port in (first, second, first, third):
            line.call(f"sip:16@{HOST}:{port};transport=tcp")
            await asyncio.sleep(0.2)
        assert over == [second]
    for each in servers:
        each.close()


async def test_a_connection_that_we_opened_to_a_name_reports_its_address() -> None:
    said = asyncio.get_running_loop().create_future()

    async def registrar(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"OPTIONS sip:16@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP pbx.test;branch=z9hG4bK1;rport\r\n"
            b"Max-Forwards: 70\r\nFrom: <sip:a@pbx.test>;tag=1\r\nTo: <sip:16@127.0.0.1>\r\nCall-ID: c\r\n"
            b"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
        said.set_result((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.close()

    server = await asyncio.start_server(registrar, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    async with server, listening(replace(OPTIONS, sources=(HOST,))) as line:
        account = Account("llama", "16", "pbx.test", (Flow("TCP", "localhost", port),))
        line.transport.perform(line.agent.register(account, SystemClock().now()))
        answer = await asyncio.wait_for(said, 5)
        assert answer.startswith("SIP/2.0 200") and f";rport={port};received=127.0.0.1\r\n" in answer


async def test_a_connection_that_says_nothing_is_closed_and_one_that_spoke_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("duologue.phone.sip.transport.SILENT_SECONDS", 0.3)
    async with listening() as line:
        port = line.transport.ports["TCP"]
        silent, one = await asyncio.open_connection(HOST, port)
        speaking, two = await asyncio.open_connection(HOST, port)
        two.write(
            b"OPTIONS sip:16@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
            b"From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:16@127.0.0.1>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"
            b"Content-Length: 0\r\n\r\n"
        )
        assert (await asyncio.wait_for(speaking.readline(), 5)).startswith(b"SIP/2.0 200")
        try:
            assert await asyncio.wait_for(silent.read(), 5) == b""
        except ConnectionResetError:
            pass
        two.write(b"\r\n\r\n")
        assert await asyncio.wait_for(speaking.readuntil(b"\r\n\r\n\r\n"), 5), (
            "what stays is answered, signs of life too"
        )
        one.close()
        two.close()


async def test_a_line_of_ipv6_is_of_that_alone_by_every_transport() -> None:
    """By UDP the system's default let IPv4 in as well, whose calls were refused for the other kind of sound."""
    async with asyncio.TaskGroup() as tasks:
        line = Line(replace(OPTIONS, host="::1"), LOCAL)
        await line.transport.open(Listening("::", 0, 0), tasks)
        loop = asyncio.get_running_loop()
        for host, there in ((HOST, False), ("::1", True)):
            kind = socket.AF_INET6 if ":" in host else socket.AF_INET
            with socket.socket(kind, socket.SOCK_DGRAM) as asks:
                asks.setblocking(False)
                asks.connect((host, line.transport.ports["UDP"]))
                written = f"[{host}]" if there else host
                asks.send(
                    f"OPTIONS sip:16@{written} SIP/2.0\r\nVia: SIP/2.0/UDP {written};branch=z9hG4bK1;rport\r\n"
                    f"From: <sip:a@b>;tag=1\r\nTo: <sip:16@{written}>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"
                    f"Content-Length: 0\r\n\r\n".encode()
                )
                if there:
                    assert (await asyncio.wait_for(loop.sock_recv(asks, 4096), 5)).startswith(b"SIP/2.0 200")
                else:
                    with pytest.raises(ConnectionRefusedError):
                        await asyncio.wait_for(loop.sock_recv(asks, 4096), 5)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HOST, line.transport.ports["TCP"])
        line.transport.close()


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server((HOST, 0)) as taken:
        line = Transport(UserAgent(OPTIONS), SystemClock(), lambda event: None)
        async with asyncio.TaskGroup() as tasks:
            with pytest.raises(PeerError, match=rf"port {taken.getsockname()[1]} \(tcp\): Address already in use"):
                await line.open(Listening(HOST, 0, taken.getsockname()[1]), tasks)
