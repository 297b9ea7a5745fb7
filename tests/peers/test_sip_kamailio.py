"""kamailio as the PBX: it registers us by digest and carries our calls, by datagrams, streams and TLS."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from duologue.clock import SystemClock
from duologue.phone import call_events as events
from duologue.phone.certificates import for_clients, for_servers
from duologue.phone.digest import Credentials
from duologue.phone.registration import Account
from duologue.phone.transactions import Flow
from peers.sip_line import HOST, Line, certificate, listening, program, running

pytestmark = [pytest.mark.peer]
DOMAIN = "pbx.test"
CONFIGURATION = """#!KAMAILIO
debug=1
log_stderror=yes
children=1
tcp_children=2
enable_tls=yes
auto_aliases=no
alias="{domain}"
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
listen=tls:127.0.0.1:{tls}
loadmodule "tls.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("auth", "algorithm", "{algorithm}")
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "private_key", "{key}")
modparam("tls", "certificate", "{certificate}")
modparam("registrar", "min_expires", 60)
request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
        if (is_method("ACK") && t_check_trans()) {{ t_relay(); }}
        exit;
    }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
    if (is_method("OPTIONS") && uri == myself) {{ sl_send_reply("200", "OK"); exit; }}
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("{domain}", "secret", "0")) {{ www_challenge("{domain}", "1"); exit; }}
        save("location");
        exit;
    }}
    if (is_method("INVITE")) {{
        if (!pv_proxy_authenticate("{domain}", "secret", "0")) {{ proxy_challenge("{domain}", "1"); exit; }}
        consume_credentials();
    }}
    record_route();
    if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    t_relay();
}}
"""


@contextlib.asynccontextmanager
async def _kamailio(folder: Path, port: int, algorithm: str = "MD5") -> AsyncGenerator[ssl.SSLContext]:
    """It listens; what is given trusts it."""
    name = program("kamailio", "kamailio, with kamailio-tls-modules")
    folder.mkdir(exist_ok=True)
    key, made = await certificate(folder)
    file = folder / "kamailio.cfg"
    file.write_text(
        CONFIGURATION.format(domain=DOMAIN, port=port, tls=port + 1, algorithm=algorithm, key=key, certificate=made)
    )
    command = [name, "-f", file, "-DD", "-E", "-m", "64", "-M", "8", "-Y", folder, "-P", folder / "pid", "-w", folder]
    async with running(command, folder, "log"):
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection(HOST, port)
                    writer.close()
                    break
                await asyncio.sleep(0.05)
        yield for_servers(made)


def _port() -> int:
    return random.SystemRandom().randrange(20_000, 30_000, 2)


def _account(user: str, *flows: Flow, password: str = "secret") -> Account:
    return Account(user, user, DOMAIN, flows, Credentials(user, password), display=f"Extension {user}")


def _register(line: Line, account: Account) -> None:
    line.transport.perform(line.agent.register(account, SystemClock().now()))


@pytest.mark.parametrize(
    ("transport", "algorithm"), [("UDP", "MD5"), ("UDP", "SHA-256"), ("TCP", "MD5"), ("TLS", "SHA-256")]
)
async def test_an_extension_is_registered_called_and_removed(transport: str, algorithm: str, tmp_path: Path) -> None:
    port = _port()
    async with _kamailio(tmp_path / "pbx", port, algorithm) as trusting:
        key, made = await certificate(tmp_path)
        server = for_clients(made, key)
        flow = Flow(transport, HOST, port + (transport == "TLS"), DOMAIN if transport == "TLS" else "")
        async with (
            listening(server=server, client=trusting) as llama,
            listening(server=server, client=trusting) as caller,
        ):
            _register(llama, _account("16", flow))
            await llama.until(events.Registered)
            _register(caller, _account("17", flow))
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
    port = _port()
    async with _kamailio(tmp_path / "pbx", port), listening() as line:
        _register(line, _account("16", Flow("UDP", HOST, port), password="wrong"))
        await line.until(events.NotRegistered)
        (told,) = line.of(events.NotRegistered)
        assert isinstance(told, events.NotRegistered) and (told.status, told.why) == (401, "the password is wrong")


async def test_a_registrar_that_is_not_there_is_left_for_the_second(tmp_path: Path) -> None:
    port = _port()
    async with _kamailio(tmp_path / "pbx", port), listening() as line:
        _register(line, _account("16", Flow("TCP", HOST, 9), Flow("TCP", HOST, port)))
        await line.until(events.Registered)
        (told,) = line.of(events.Registered)
        assert isinstance(told, events.Registered) and line.agent.calls == 0


async def test_a_registrar_that_starts_anew_is_registered_at_again(tmp_path: Path) -> None:
    port = _port()
    async with listening() as line:
        async with _kamailio(tmp_path / "pbx", port):
            _register(line, _account("16", Flow("TCP", HOST, port)))
            await line.until(events.Registered)
        async with _kamailio(tmp_path / "again", port):
            await line.until(events.Registered, 2)


async def test_a_registrar_of_another_name_hears_no_password(tmp_path: Path) -> None:
    port = _port()
    async with _kamailio(tmp_path / "pbx", port) as trusting, listening(client=trusting) as line:
        _register(line, _account("16", Flow("TLS", HOST, port + 1, "other.test")))
        await line.until(events.NotRegistered)
        (told,) = line.of(events.NotRegistered)
        assert isinstance(told, events.NotRegistered) and told.status == 408 and line.transport.dropped == 1
