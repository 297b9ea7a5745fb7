"""kamailio as the PBX, and rtpengine as its media proxy, on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from duologue.certificates import for_servers
from duologue.phone.sip.digest import Credentials
from duologue.phone.sip.registration import Account
from duologue.phone.sip.transactions import Flow
from peers.sip_line import HOST, NAMES, certificate, free_port, program, running

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
{media_module}
request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{ {media_offer} t_relay(); exit; }}
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
    {media_offer}
    t_relay();
}}
{media_answer}
"""
MEDIA_MODULE = 'loadmodule "rtpengine.so"\nmodparam("rtpengine", "rtpengine_sock", "udp:127.0.0.1:{port}")'
MEDIA_OFFER = 'if (is_method("INVITE|ACK|BYE")) {{ rtpengine_manage("{offer}"); t_on_reply("MEDIA"); }}'
MEDIA_ANSWER = """onreply_route[MEDIA] {{
    if (has_body("application/sdp")) {{ rtpengine_manage("{answer}"); }}
}}"""
REPLACED = "replace-origin replace-session-connection ICE=remove"


@dataclass(frozen=True)
class MediaProxy:
    """A running rtpengine: where it takes orders, and its ports of sound."""

    orders: int
    first: int
    last: int

    def carries(self, port: int) -> bool:
        """Whether sound from this port came through it."""
        return self.first <= port <= self.last


@contextlib.asynccontextmanager
async def rtpengine(folder: Path) -> AsyncGenerator[MediaProxy]:
    """In user space: no kernel module is needed (table -1)."""
    name = program("rtpengine", "rtpengine-daemon")
    await asyncio.to_thread(folder.mkdir)
    orders, first = free_port(), free_port(40)
    first += first % 2
    command = [
        name, "--config-file=none", "--foreground", "--log-stderr", "--log-level=6", "--table=-1",
        f"--interface={HOST}", f"--listen-ng={HOST}:{orders}", f"--port-min={first}", f"--port-max={first + 38}",
        "--num-threads=2", f"--pidfile={folder / 'pid'}",
    ]  # fmt: skip
    async with running(command, folder, "log") as process:
        async with asyncio.timeout(10):
            while not await _pings(orders):
                assert process.returncode is None, (folder / "log").read_text()
        yield MediaProxy(orders, first, first + 38)


async def _pings(port: int) -> bool:
    """Whether it answers within a moment: an order of its ng protocol, a cookie and a bencoded dictionary."""
    answer = asyncio.get_running_loop().create_future()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Answer(answer), remote_addr=(HOST, port)
    )
    try:
        transport.sendto(b"1 d7:command4:pinge")
        async with asyncio.timeout(0.5):
            return b"pong" in await answer
    except (OSError, TimeoutError):
        return False
    finally:
        transport.close()


class _Answer(asyncio.DatagramProtocol):
    def __init__(self, answer: asyncio.Future[bytes]) -> None:
        self._answer = answer

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self._answer.done():
            self._answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(exc)


@contextlib.asynccontextmanager
async def kamailio(
    folder: Path, port: int, algorithm: str = "MD5", media: MediaProxy | None = None, *, secure: bool = False,
    names: str = NAMES,
) -> AsyncGenerator[ssl.SSLContext]:  # fmt: skip
    """It listens, by TLS on the port after ``port``, with a certificate for ``names``; what is given trusts it. With
    ``media`` all sound goes through that, encrypted (SDES) on the way to who is called where ``secure``.
    """
    name = program("kamailio", "kamailio, with kamailio-tls-modules")
    key, made = await certificate(folder, names)
    file = folder / "kamailio.cfg"
    there, back = ("RTP/SAVP DTLS=off", "RTP/AVP") if secure else ("RTP/AVP", "RTP/AVP")
    module, offered, answered = (
        (
            MEDIA_MODULE.format(port=media.orders),
            MEDIA_OFFER.format(offer=f"{there} {REPLACED}"),
            MEDIA_ANSWER.format(answer=f"{back} {REPLACED}"),
        )
        if media
        else ("", "", "")
    )
    file.write_text(
        CONFIGURATION.format(
            domain=DOMAIN,
            port=port,
            tls=port + 1,
            algorithm=algorithm,
            key=key,
            certificate=made,
            media_module=module,
            media_offer=offered,
            media_answer=answered,
        )
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


def account(user: str, *flows: Flow, password: str = "secret") -> Account:
    """An extension of it."""
    return Account(user, user, DOMAIN, flows, Credentials(user, password), display=f"Extension {user}")
