"""The site for nginx that ships, with Debian's nginx before a real house: HTTPS, events, the stream, conversations."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from mock_show import Show, running_process, running_show
from playwright.async_api import Browser, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from duologue.clock import SECOND, SYSTEM_CLOCK
from duologue.web.certificate import self_made

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
SITE = Path(__file__).parents[2] / "deploy" / "nginx.conf"
NAME, TOKEN = "talk.example.org", "a token for the test of nginx"
MAIN = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""

pytestmark = [
    pytest.mark.peer,
    pytest.mark.realtime,
    pytest.mark.skipif(NGINX is None, reason="needs the Debian package nginx-light"),
]


@dataclass(frozen=True)
class Front:
    """nginx, listening: ``port`` by HTTPS, ``plain`` by HTTP. ``trust`` believes its certificate."""

    port: int
    plain: int
    trust: ssl.SSLContext

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def client(self, host: str = "", **headers: str) -> httpx.Client:
        """Asks by the name that the house is told."""
        named = {"Host": host or f"{NAME}:{self.port}", "Authorization": f"Bearer {TOKEN}", **headers}
        return httpx.Client(base_url=self.address, verify=self.trust, headers=named, timeout=20)


def _free() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def _written(folder: Path, house: int, port: int, plain: int) -> Path:
    """The site as it ships, on other ports and with another certificate, in a configuration of its own."""
    made = self_made((NAME, "127.0.0.1"), folder / "tls")
    site = re.sub(r"(?m)^\s*listen \[::\].*$", "", SITE.read_text("utf-8"))
    for ships, here in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{port} ssl http2;"),
        ("server 127.0.0.1:8081;", f"server 127.0.0.1:{house};"),
        ("/etc/letsencrypt/live/talk.example.org/fullchain.pem", str(made.chain)),
        ("/etc/letsencrypt/live/talk.example.org/privkey.pem", str(made.key)),
    ):
        assert site.count(ships) == 1
        site = site.replace(ships, here)
    file = folder / "nginx.conf"
    file.write_text(MAIN.format(folder=folder, site=site), "utf-8")
    return file


@contextmanager
def running_nginx(folder: Path, house: int) -> Generator[Front]:
    port, plain = _free(), _free()
    file = _written(folder, house, port, plain)
    assert NGINX is not None
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(file)])
    try:
        deadline = SYSTEM_CLOCK.now() + 20 * SECOND
        while True:
            assert process.poll() is None, "nginx ended"
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert SYSTEM_CLOCK.now() < deadline
                SYSTEM_CLOCK.sleep_until(SYSTEM_CLOCK.now() + SECOND // 20)
        yield Front(port, plain, ssl.create_default_context(cafile=folder / "tls" / "certificate.pem"))
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def front(media: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Before a show."""
    with (
        running_show(media, 0, "--called", NAME, "--token", TOKEN) as show,
        running_nginx(tmp_path_factory.mktemp("nginx"), show.port) as front,
    ):
        yield front


@pytest.fixture(scope="module")
def house() -> Iterator[Show]:
    """A real one, that holds talks and wants a token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUOLOGUE_WEB__TOKEN", TOKEN)
        patch.setenv("DUOLOGUE_WEB__HOSTS", NAME)
        with running_process(lambda port: ["-m", "duologue", "serve", "--no-show", "--port", str(port)]) as running:
            yield running


def test_plain_http_leads_to_https(front: Front) -> None:
    answer = httpx.get(f"http://127.0.0.1:{front.plain}/talk?topic=tea", headers={"Host": NAME})
    assert (answer.status_code, answer.headers["location"]) == (301, f"https://{NAME}/talk?topic=tea")


def test_the_page_comes_compressed_with_all_that_it_says(front: Front) -> None:
    with front.client() as client:
        page = client.get("/", headers={"Accept-Encoding": "gzip"})
        assert page.status_code == 200 and "<title>Duologue</title>" in page.text
        assert page.headers["strict-transport-security"]
        assert "default-src 'self'" in page.headers["content-security-policy"]
        found = re.search(r'src="\./(assets/index-[^"]+\.js)"', page.text)
        assert found is not None
        script = client.get(f"/{found[1]}", headers={"Accept-Encoding": "gzip"})
        assert script.headers["content-encoding"] == "gzip"
        again = client.get(f"/{found[1]}", headers={"Accept-Encoding": "gzip", "If-None-Match": script.headers["etag"]})
        assert again.status_code == 304


def test_without_a_token_nobody_comes_in_and_the_cookie_is_for_https_alone(front: Front) -> None:
    with front.client(Authorization="") as client:
        assert client.get("/api/stage").status_code == 401
        entered = client.get(f"/talk?token={TOKEN}")
        assert entered.status_code == 303 and "; Secure" in entered.headers["set-cookie"]


def test_another_name_and_another_sites_page_are_refused(front: Front) -> None:
    with front.client(host="evil.example") as client:
        assert client.get("/api/stage").status_code == 421
    with front.client() as client:
        own = {"Origin": f"https://{NAME}:{front.port}"}
        lamp = {"lamp": True}
        assert client.post("/api/stage/lights", json=lamp, headers=own).status_code == 200
        strange = {"Origin": "https://evil.example"}
        assert client.post("/api/stage/lights", json=lamp, headers=strange).status_code == 403


def test_events_come_when_they_happen(front: Front) -> None:
    began = SYSTEM_CLOCK.now()
    with front.client() as client, client.stream("GET", "/api/events") as events:
        seen = 0
        for line in events.iter_lines():
            seen += line.startswith("data:")
            if seen == 5:
                break
    assert SYSTEM_CLOCK.now() - began < 15 * SECOND  # buffered, it would be kept until 4 kB or more have come


def test_the_stream_is_played_through_it(front: Front) -> None:
    with front.client() as client:
        playlist = client.get("/stream/index.m3u8")
        assert playlist.headers["content-type"] == "application/vnd.apple.mpegurl"
        names = [line for line in playlist.text.splitlines() if line and not line.startswith("#")]
        segment = client.get(f"/stream/{names[-1]}")
        assert segment.status_code == 200 and int(segment.headers["content-length"]) == len(segment.content) > 1000


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(front: Front) -> None:
    with front.client() as client:
        answer = client.post("/api/stage/utterances", content=b"0" * 22 * 1024 * 1024)
        assert answer.status_code == 413


@pytest.mark.asyncio(loop_scope="module")
async def test_a_conversation_goes_through_it_and_no_other_sites_page_opens_one(
    house: Show, tmp_path: Path, browser: Browser
) -> None:
    with running_nginx(tmp_path, house.port) as front:
        told = {"Authorization": f"Bearer {TOKEN}", "Host": f"{NAME}:{front.port}"}
        with pytest.raises(InvalidStatus):
            connect(
                f"wss://127.0.0.1:{front.port}/api/talk", ssl=front.trust, origin="https://evil.example",  # pyright: ignore[reportArgumentType]
                additional_headers={"Authorization": told["Authorization"]},
            )  # fmt: skip
        context = await browser.new_context(ignore_https_errors=True)
        page = await context.new_page()
        page.set_default_timeout(30_000)
        await page.goto(f"{front.address}/talk?token={TOKEN.replace(' ', '%20')}")
        assert await page.evaluate("isSecureContext && 'mediaDevices' in navigator")
        await page.get_by_role("button", name="Begin").click()
        await expect(page.locator(".talk-chunk[data-state=heard]").first).to_be_visible(timeout=30_000)
        await context.close()
