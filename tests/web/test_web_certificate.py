"""HTTPS: the certificate that is set, the one of our own making, and the server behind it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import uvloop
from studio_double import HouseDouble
from websockets.sync.client import connect

from duologue import certificates
from duologue.cli.output import console
from duologue.errors import InputError
from duologue.settings import load_settings
from duologue.web import certificate, handshakes, listener
from duologue.web.certificate import Certificate, certificate_of, fingerprint, names_of, self_made
from duologue.web.server import bind

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the Debian package openssl")
NAMES = ("localhost", "127.0.0.1", "::1")


def test_a_certificate_of_our_own_making_is_good_for_its_names_and_its_key_is_ours_alone(tmp_path: Path) -> None:
    made = self_made(NAMES, tmp_path / "tls")
    assert made.key is not None and made.key.stat().st_mode & 0o077 == 0
    told = subprocess.run(
        ["openssl", "x509", "-noout", "-text", "-in", str(made.chain)], capture_output=True, text=True, check=True
    )
    assert "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1" in told.stdout
    assert re.fullmatch(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", fingerprint(made.chain))


def test_it_is_kept_until_the_names_change_or_it_is_damaged(tmp_path: Path) -> None:
    first = self_made(NAMES, tmp_path).chain.read_bytes()
    assert self_made(NAMES, tmp_path).chain.read_bytes() == first
    other = self_made((*NAMES, "example.org"), tmp_path).chain.read_bytes()
    assert other != first
    (tmp_path / "key.pem").write_text("nonsense")
    assert self_made((*NAMES, "example.org"), tmp_path).chain.read_bytes() != other


def test_one_that_ends_soon_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate, "DAYS", certificate.RENEW_DAYS - 1)
    first = self_made(NAMES, tmp_path).chain.read_bytes()
    assert self_made(NAMES, tmp_path).chain.read_bytes() != first


def test_without_openssl_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="openssl is not installed") as refused:
        self_made(NAMES, tmp_path)
    assert "--tls CERT KEY" in refused.value.remedy


def test_a_certificate_that_is_none_is_refused_with_a_remedy(tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    for file, why in ((nonsense, "it is no PEM file"), (tmp_path / "missing.pem", "No such file")):
        with pytest.raises(InputError, match=f"cannot be read: {why}") as refused:
            certificate_of(load_settings({"web.tls_cert": file}).web)
        assert "--tls CERT KEY" in refused.value.remedy


def test_settings_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a key without its certificate"):
        load_settings({"web.tls_key": tmp_path / "key.pem"})
    with pytest.raises(InputError, match="two certificates"):
        load_settings({"web.tls_cert": tmp_path / "cert.pem", "web.tls_self_made": True})


def test_the_names_are_those_by_which_it_can_be_reached() -> None:
    web = load_settings({"web.hosts": "talk.example.org"}).web
    assert names_of(web) == ("localhost", "127.0.0.1", "::1", "talk.example.org")
    everywhere = load_settings({"web.host": "192.0.2.7", "web.token": "x" * 20}).web
    assert "192.0.2.7" in names_of(everywhere)


def test_a_fingerprint_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Not a blood group for every ``:AB:`` in it, and on one line."""
    wanted = ":".join(["0A", "AB", "CD"] * 11)
    console().print(f"  {wanted}", style="dim")
    assert wanted in capsys.readouterr().out


@pytest.mark.realtime
async def test_who_does_not_shake_hands_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "HEAD_SECONDS", 1.0)
    made = self_made(NAMES, tmp_path)
    settings = load_settings({"web.tls_cert": made.chain, "web.tls_key": made.key})
    server = listener.make_listener(HouseDouble(), settings)
    trust = ssl.create_default_context(cafile=str(made.chain))
    sock = bind("127.0.0.1", 0)
    port = sock.getsockname()[1]
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(server.serve([sock]))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x16\x03\x01")  # of a handshake the beginning
        assert await reader.read() == b""
        writer.close()
        async with httpx.AsyncClient(base_url=f"https://127.0.0.1:{port}", verify=trust) as client:
            assert (await client.get("/healthz")).status_code == 200
        server.should_exit = True


@pytest.mark.realtime
@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_certificate_that_was_renewed_is_shown_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runner: Callable[..., None]
) -> None:
    monkeypatch.setattr(certificates, "LOOK_SECONDS", 0.01)
    made, renewed = self_made(NAMES, tmp_path / "us"), self_made(NAMES, tmp_path / "renewed")
    assert made.key is not None and renewed.key is not None
    changed = ((made.chain, renewed.chain), (made.key, renewed.key))
    settings = load_settings({"web.tls_cert": made.chain, "web.tls_key": made.key})
    wanted = ssl.PEM_cert_to_DER_cert(renewed.chain.read_text())

    async def shown(port: int) -> bytes:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return found

    async def story() -> None:
        server = listener.make_listener(HouseDouble(), settings)
        sock = bind("127.0.0.1", 0)
        port = sock.getsockname()[1]
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            group.create_task(server.serve([sock]))
            assert await shown(port) != wanted
            for file, other in changed:
                file.write_bytes(other.read_bytes())
            while await shown(port) != wanted:
                pass
            server.should_exit = True

    runner(story())


@pytest.mark.realtime
@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_crowd_that_does_not_shake_hands_displaces_nobody_but_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runner: Callable[..., None]
) -> None:
    monkeypatch.setattr(handshakes, "MOST_SHAKING", 8)
    monkeypatch.setattr(handshakes, "MOST_OF_A_NETWORK", 5)
    made = self_made(NAMES, tmp_path)
    settings = load_settings({"web.tls_cert": made.chain, "web.tls_key": made.key, "web.host": "127.0.0.1"})
    trust = ssl.create_default_context(cafile=str(made.chain))
    open_now: list[asyncio.StreamReader] = []

    async def crowd(port: int, of: str, many: int) -> None:
        for _ in range(many):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(of, 0))
            writer.write(b"\x16\x03\x01")  # of a handshake the beginning
            open_now.append(reader)
            opened.append(writer)

    async def standing(wanted: int) -> None:
        while sum(not reader.at_eof() for reader in open_now) > wanted:  # noqa: ASYNC110 (the kernel tells in its time)
            await asyncio.sleep(0.02)
        assert sum(not reader.at_eof() for reader in open_now) == wanted

    async def asked(port: int, of: str) -> int:
        transport = httpx.AsyncHTTPTransport(verify=trust, local_address=of)
        async with httpx.AsyncClient(base_url=f"https://127.0.0.1:{port}", transport=transport) as client:
            return (await client.get("/healthz")).status_code

    opened: list[asyncio.StreamWriter] = []

    async def story() -> None:
        server = listener.make_listener(HouseDouble(), settings)
        sock = bind("127.0.0.1", 0)
        port = sock.getsockname()[1]
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            serving = group.create_task(server.serve([sock]))
            await crowd(port, "127.0.0.1", 40)
            await standing(5)
            await crowd(port, "127.0.0.2", 40)
            await standing(8)
            assert [await asked(port, f"127.0.0.{each}") for each in (1, 2, 3)] == [200] * 3
            server.should_exit = True
            await serving
        for writer in opened:
            writer.close()

    runner(story())


@pytest.mark.parametrize(
    ("host", "network"),
    [("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8:0:1::7", "2001:db8:0:1::/64"),
     ("fe80::1%eth0", "fe80::/64")],
)  # fmt: skip
def test_who_has_64_bits_of_addresses_is_one(host: str, network: str) -> None:
    assert handshakes.network_of(host) == network


def test_the_house_speaks_https_by_a_certificate_of_its_own(tmp_path: Path) -> None:
    """The page, a change from its own origin and none from another's, the socket of a talk; no plain HTTP."""
    command = [
        str(Path(sys.executable).with_name("duologue")), "serve", "--no-show", "--tls-self-made", "--port", "0",
    ]  # fmt: skip
    plain = {
        "DUOLOGUE_ENGINES__STT": "pocketsphinx",
        "DUOLOGUE_ENGINES__TTS": "espeak",
        "XDG_CACHE_HOME": str(tmp_path),
    }
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **plain}) as process:
        assert process.stderr is not None
        try:
            found = re.search(r"https://(127\.0\.0\.1:\d+)", process.stderr.readline())
            assert found is not None
            made = Certificate(tmp_path / "duologue" / "tls" / "certificate.pem")
            trust = ssl.create_default_context(cafile=made.chain)
            with httpx.Client(base_url=found[0], verify=trust, timeout=30) as client:
                assert client.get("/healthz").status_code == 200
                own = client.post("/api/voices/try", json={}, headers={"Origin": found[0]})
                strange = client.post("/api/voices/try", json={}, headers={"Origin": "https://evil.example"})
                assert (own.status_code, strange.status_code) == (422, 403)
            with connect(f"wss://{found[1]}/api/talk", ssl=trust, origin=found[0]) as socket:  # pyright: ignore[reportArgumentType]
                socket.send('{"type": "hello", "version": 1, "microphone": false}')
                assert "type" in str(socket.recv(timeout=20))
            with pytest.raises(httpx.HTTPError):
                httpx.get(f"http://{found[1]}/healthz", timeout=5)
        finally:
            os.kill(process.pid, signal.SIGTERM)
        said = process.stderr.read()
        assert process.wait(30) == 0, said
    assert "of our own making" in said and fingerprint(made.chain) in said
    assert "Traceback" not in said
