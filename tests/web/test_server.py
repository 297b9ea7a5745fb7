"""The server around a real studio: its address, its leaving."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import select
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import uvloop

from duologue.errors import InputError
from duologue.web.server import address, bind

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


def test_a_port_in_use_is_named_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"127.0.0.1:{port} cannot be listened on") as caught:
            bind("127.0.0.1", port)
    assert "--port" in caught.value.remedy


@pytest.mark.parametrize(
    ("host", "port", "step"),
    [("192.0.2.1", 0, "an address of this machine"), ("no..name", 0, "an address of this machine")],
)
def test_an_address_that_cannot_be_had_has_its_own_way_out(host: str, port: int, step: str) -> None:
    """RFC 5737: nobody has 192.0.2.1."""
    with pytest.raises(InputError, match="cannot be listened on") as caught:
        bind(host, port)
    assert step in caught.value.remedy


def test_port_zero_takes_a_free_one_and_says_which() -> None:
    with bind("127.0.0.1", 0) as sock:
        assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d+", address(sock))


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_what_is_said_piece_by_piece_waits_for_no_acknowledgement(runner: Callable[..., None]) -> None:
    """Nagle's algorithm is off on each connection, whatever loop a program of somebody's runs the house on."""
    off: list[int] = []

    async def look(_: asyncio.StreamReader, accepted: asyncio.StreamWriter) -> None:
        off.append(accepted.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        accepted.close()

    async def connect() -> None:
        with bind("127.0.0.1", 0) as sock:
            async with await asyncio.start_server(look, sock=sock):
                reader, writer = await asyncio.open_connection(*sock.getsockname())
                await reader.read()
                writer.close()

    runner(connect())
    assert off == [1]


@pytest.mark.realtime
@pytest.mark.parametrize("order", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_show_leaves_cleanly_when_told_and_its_recording_plays(tmp_path: Path, order: signal.Signals) -> None:
    record = tmp_path / "show.mp4"
    command = [
        str(Path(sys.executable).with_name("duologue")), "show", "tea", "--port", "0", "--size", "320x180",
        "--record", str(record), "--headless",
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            found = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())
            assert found is not None
            with httpx.Client(base_url=found[0], timeout=30) as client:
                while client.get("/readyz").status_code != 200:
                    pass  # each answer takes a while; the test has a time limit of its own
                assert client.get("/").status_code == 404  # headless: no page
                assert client.get("/stream/index.m3u8").headers["content-type"] == "application/vnd.apple.mpegurl"
            os.kill(process.pid, order)
            said = process.stderr.read()
            assert process.wait(20) == 0, said
        finally:
            process.kill()  # one that did not leave must not hold all other tests
    assert "Traceback" not in said
    import av

    with av.open(str(record)) as film:
        assert film.streams.video[0].width == 320


@pytest.mark.realtime
@pytest.mark.parametrize("nohup", [False, True])
def test_a_terminal_that_is_closed_ends_the_house_well_or_by_nohup_not_at_all(tmp_path: Path, nohup: bool) -> None:
    """As when a connection by ssh breaks: there is a hang-up, and standard error takes no line any more."""
    record, (ours, theirs) = tmp_path / "show.mp4", os.openpty()

    def own_terminal() -> None:
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
        if nohup:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    command = [
        str(Path(sys.executable).with_name("duologue")), "show", "tea", "--port", "0", "--size", "320x180",
        "--record", str(record), "--headless",
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, preexec_fn=own_terminal
    ) as process:
        os.close(theirs)
        try:
            said = _shown(ours)
            while not (found := re.search(rb"http://127\.0\.0\.1:\d+", said)):
                said += _shown(ours)
            with httpx.Client(base_url=found[0].decode(), timeout=30) as client:
                while client.get("/readyz").status_code != 200:
                    _shown(ours)
                os.close(ours)
                if nohup:
                    for _ in range(3):  # the show goes on
                        before = client.get("/stream/index.m3u8").text
                        while client.get("/stream/index.m3u8").text == before:
                            pass  # the test has a time limit of its own
                    assert process.poll() is None
                    os.kill(process.pid, signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()  # as above
    import av

    with av.open(str(record)) as film:
        assert film.streams.video[0].width == 320


def _shown(terminal: int) -> bytes:
    """What stands on a terminal, taken off it."""
    return os.read(terminal, 1 << 16) if select.select([terminal], [], [], 0.05)[0] else b""


@pytest.mark.realtime
def test_a_house_without_a_show_serves_talks_and_leaves_cleanly() -> None:
    command = [
        str(Path(sys.executable).with_name("duologue")), "serve", "--no-show", "--talk", "--port", "0",
    ]  # fmt: skip
    plain = {**os.environ, "DUOLOGUE_ENGINES__STT": "pocketsphinx", "DUOLOGUE_ENGINES__TTS": "espeak"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=plain) as process:
        assert process.stderr is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())
        assert found is not None
        with httpx.Client(base_url=found[0], timeout=30) as client:
            while client.get("/readyz").status_code != 200:
                pass  # as above
            house = client.get("/api/house").json()
            assert [(part["topic"], part["state"]) for part in house["parts"]] == [("talk", "up")]
            assert {(each["kind"], each["places"]) for each in house["places"]} == {
                ("listener", 2), ("voice", None), ("thought", None),
            }  # fmt: skip
            assert {(each["kind"], each["state"]) for each in house["engines"]} == {
                ("tts", "ready"), ("llm", "ready"), ("stt", "ready"),
            }  # fmt: skip
            assert client.get("/api/stage").status_code == 404
            assert 'duologue_part_up{part="talk"} 1.0' in client.get("/metrics").text
            openly = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
            assert openly.headers["content-type"].startswith("application/openmetrics-text")
            assert openly.text.endswith("# EOF\n")
        os.kill(process.pid, signal.SIGTERM)
        said = process.stderr.read()
        assert process.wait(20) == 0, said
    assert "Traceback" not in said


def test_nothing_to_serve_is_said_with_the_next_step() -> None:
    command = [str(Path(sys.executable).with_name("duologue")), "serve", "--no-show", "--no-talk", "--port", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    assert "nothing is switched on" in ended.stderr and "[serve]" in ended.stderr
