"""kamailio as the PBX: it registers us by digest and carries our calls, by datagrams, streams and TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.certificates import for_clients
from duologue.clock import SystemClock
from duologue.phone.sip import call_events as events
from duologue.phone.sip import registration
from duologue.phone.sip.registration import Account
from duologue.phone.sip.transactions import Flow
from peers.pbx import DOMAIN, account, kamailio
from peers.sip_line import HOST, Line, certificate, free_port, listening

pytestmark = [pytest.mark.peer]


def _register(line: Line, extension: Account) -> None:
    line.transport.perform(line.agent.register(extension, SystemClock().now()))


@pytest.mark.parametrize(
    ("transport", "algorithm"), [("UDP", "MD5"), ("UDP", "SHA-256"), ("TCP", "MD5"), ("TLS", "SHA-256")]
)
async def test_an_extension_is_registered_called_and_removed(transport: str, algorithm: str, tmp_path: Path) -> None:
    """Its certificate has its name alone, as most have: in its routes it is an address."""
    port = free_port(2)
    async with kamailio(tmp_path / "pbx", port, algorithm, names=f"DNS:{DOMAIN}") as trusting:
        key, made = await certificate(tmp_path)
        server = for_clients(made, key)
        flow = Flow(transport, HOST, port + (transport == "TLS"), DOMAIN if transport == "TLS" else "")
        async with (
            listening(server=server, client=trusting) as llama,
            listening(server=server, client=trusting) as caller,
        ):
            _register(llama, account("16", flow))
            await llama.until(events.Registered)
            _register(caller, account("17", flow))
            await caller.until(events.Registered)
            call = caller.call(f"sip:16@{DOMAIN}", "17")
            await caller.until(events.Answered)
            await llama.until(events.Acknowledged)
            (incoming,) = llama.of(events.Incoming)
            assert isinstance(incoming, events.Incoming) and incoming.account == "16"
            assert incoming.caller.name == "Extension 17"
            llama.transport.perform(llama.agent.inform(incoming.call, "application/dtmf-relay", b"Signal=5\r\n", 0))
            await caller.until(events.Informed)
            caller.hang_up(call)
            await llama.until(events.Ended)
            call = caller.call(f"sip:16@{DOMAIN}", "17")  # and the other end hangs up: its BYE goes by the route
            await caller.until(events.Answered, 2)
            await llama.until(events.Acknowledged, 2)
            llama.hang_up([one for one in llama.events if isinstance(one, events.Incoming)][-1].call)
            await caller.until(events.Ended, 2)
            llama.transport.perform(llama.agent.drain(SystemClock().now()))
            await llama.until(events.NotRegistered)
            assert llama.agent.drained
            caller.call(f"sip:16@{DOMAIN}", "17")
            await caller.until(events.Ended, 3)
            last = caller.events[-1]
            assert isinstance(last, events.Ended) and last.status == 404, "nobody is there any more"


async def test_a_wrong_password_is_said_and_not_tried_on(tmp_path: Path) -> None:
    port = free_port(2)
    async with kamailio(tmp_path / "pbx", port), listening() as line:
        _register(line, account("16", Flow("UDP", HOST, port), password="wrong"))
        await line.until(events.NotRegistered)
        (told,) = line.of(events.NotRegistered)
        assert isinstance(told, events.NotRegistered) and (told.status, told.why) == (401, "the password is wrong")


async def test_a_registrar_that_is_not_there_is_left_for_the_second(tmp_path: Path) -> None:
    port = free_port(2)
    async with kamailio(tmp_path / "pbx", port), listening() as line:
        _register(line, account("16", Flow("TCP", HOST, 9), Flow("TCP", HOST, port)))
        await line.until(events.Registered)
        (told,) = line.of(events.Registered)
        assert isinstance(told, events.Registered) and line.agent.calls == 0


async def test_a_registrar_that_starts_anew_is_registered_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration, "FIRST_PAUSE", 2)  # it may not be there yet when the connection is tried again
    port = free_port(2)
    async with listening() as line:
        async with kamailio(tmp_path / "pbx", port):
            _register(line, account("16", Flow("TCP", HOST, port)))
            await line.until(events.Registered)
        async with kamailio(tmp_path / "again", port):
            await line.until(events.Registered, 2)


async def test_a_call_outlives_the_pbx_that_brought_it(tmp_path: Path) -> None:
    """It is started anew in mid-call, and knows nothing of it: either end still hangs up through it."""
    port = free_port(2)
    async with listening() as llama, listening() as caller:
        async with kamailio(tmp_path / "pbx", port):
            for line, user in ((llama, "16"), (caller, "17")):
                _register(line, account(user, Flow("UDP", HOST, port)))
                await line.until(events.Registered)
            calls = [caller.call(f"sip:16@{DOMAIN}", "17") for _ in range(2)]
            await caller.until(events.Answered, 2)
            await llama.until(events.Acknowledged, 2)
        async with kamailio(tmp_path / "again", port):
            caller.hang_up(calls[0])
            await llama.until(events.Ended)
            (theirs,) = {one.call for one in llama.of(events.Incoming) if isinstance(one, events.Incoming)} - {
                one.call for one in llama.of(events.Ended) if isinstance(one, events.Ended)
            }
            llama.hang_up(theirs)
            await caller.until(events.Ended, 2)
            for line in (llama, caller):
                assert [one.status for one in line.of(events.Ended) if isinstance(one, events.Ended)] == [200, 200]
                assert line.agent.calls == 0


async def test_a_registrar_of_another_name_hears_no_password(tmp_path: Path) -> None:
    port = free_port(2)
    async with kamailio(tmp_path / "pbx", port) as trusting, listening(client=trusting) as line:
        _register(line, account("16", Flow("TLS", HOST, port + 1, "other.test")))
        await line.until(events.NotRegistered)
        (told,) = line.of(events.NotRegistered)
        assert isinstance(told, events.NotRegistered) and told.status == 408 and line.transport.dropped == 1
