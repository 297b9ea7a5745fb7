"""The server around a real studio: its address, its leaving."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from duologue.errors import InputError
from duologue.web.server import address, bind

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


def test_a_port_in_use_is_named_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"127.0.0.1:{port} cannot be listened on") as caught:
            bind("127.0.0.1", port)
    assert "--port" in caught.value.remedy


def test_port_zero_takes_a_free_one_and_says_which() -> None:
    with bind("127.0.0.1", 0) as sock:
        assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d+", address(sock))


@pytest.mark.realtime
@pytest.mark.parametrize("order", [signal.SIGINT, signal.SIGTERM])
def test_the_show_leaves_cleanly_when_told_and_its_recording_plays(tmp_path: Path, order: signal.Signals) -> None:
    record = tmp_path / "show.mp4"
    command = [
        str(Path(sys.executable).with_name("duologue")), "show", "tea", "--port", "0", "--size", "320x180",
        "--record", str(record), "--headless",
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
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
    assert "Traceback" not in said
    import av

    with av.open(str(record)) as film:
        assert film.streams.video[0].width == 320


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
