"""Real players: ffprobe and ffmpeg read what we deliver, by HTTP and from the disk, without a word of complaint."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from duologue.broadcast.fmp4 import init_segment
from duologue.broadcast.hls import PLAYLIST, HlsStore
from duologue.broadcast.recorder import ProgrammeRecorder, RecordingLimits
from live_server import live_server
from programme import Programme, sound_under_speech, stored, whole

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is missing: apt install ffmpeg"),
]


class Handler(BaseHTTPRequestHandler):
    """Serves a store as a show that has ended."""

    def __init__(self, store: HlsStore, *arguments: Any) -> None:
        self.store = store
        super().__init__(*arguments)

    def do_GET(self) -> None:
        found = self.store.get(self.path.lstrip("/"))
        if found is None:
            self.send_error(404)
            return
        body = found.data + (b"#EXT-X-ENDLIST\n" if self.path.endswith(PLAYLIST) else b"")
        self.send_response(200)
        self.send_header("Content-Type", found.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def served(store: HlsStore) -> Generator[str, None, None]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, store)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/{PLAYLIST}"
        finally:
            server.shutdown()
            thread.join()


def run(*command: str) -> str:
    """Run a player; anything it warns of fails the test."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def packets(source: str) -> dict[str, list[Fraction]]:
    fields = (
        "packet=codec_type,pts_time:stream=codec_name,profile,color_space,color_range,color_transfer,color_primaries"
    )
    found = json.loads(run("ffprobe", "-v", "warning", "-show_entries", fields, "-of", "json", source))
    picture = next(stream for stream in found["streams"] if stream["codec_name"] == "h264")
    assert picture["profile"] == "High"
    assert picture["color_range"] == "tv"
    assert {picture[key] for key in ("color_space", "color_transfer", "color_primaries")} == {"bt709"}
    times: dict[str, list[Fraction]] = {"video": [], "audio": []}
    for packet in found["packets"]:
        times[packet["codec_type"]].append(Fraction(packet["pts_time"]))
    return times


def continuous(times: list[Fraction], step: Fraction) -> bool:
    return all(abs(time - times[0] - step * index) < Fraction(1, 10_000) for index, time in enumerate(times))


def test_hls_plays_without_a_warning_and_without_a_seam() -> None:
    with served(stored([Programme().encode(whole(150), sound_under_speech)])) as url:
        times = packets(url)
        run("ffmpeg", "-v", "warning", "-xerror", "-i", url, "-f", "null", "-")
    assert len(times["video"]) == 150
    assert continuous(times["video"], Fraction(1, 30))
    assert continuous(times["audio"], Fraction(1024, 48_000))
    assert abs(times["audio"][0] - times["video"][0]) < Fraction(1, 1000)


def test_a_show_that_began_long_ago_plays_as_well() -> None:
    with served(stored([Programme().encode(whole(90, first=30 * 86_400 * 30 + 7))])) as url:
        times = packets(url)
        run("ffmpeg", "-v", "warning", "-xerror", "-i", url, "-f", "null", "-")
    assert len(times["video"]) == 90
    assert continuous(times["video"], Fraction(1, 30))


def test_players_go_on_over_a_discontinuity() -> None:
    runs = [Programme().encode(whole(90)), Programme().encode(whole(90, first=120))]
    with served(stored(runs)) as url:
        assert len(packets(url)["video"]) == 180


@pytest.mark.realtime
@pytest.mark.parametrize("set_back", [0, 3600])
def test_ffmpeg_plays_on_when_the_program_is_started_again_under_its_feet(set_back: int) -> None:
    """Numbers of the stage begin at 0 again, and the machine's clock may have been set back an hour. Where it joins is
    FFmpeg's to say (a busy machine starts it late); of what it fetches nothing is lost.
    """
    first, second = Programme().encode(whole(150)), Programme().encode([(n, n + 9000) for n in range(180)])
    names: list[str] = []
    with live_server() as (live, url):

        def show() -> None:
            live.program(first, 1.7e9, 0.2)
            names.extend(live.program(second, 1.7e9 + 8 - set_back, 0.2))
            live.ended = True

        on_air = threading.Thread(target=show)
        on_air.start()
        live.begun.wait()
        told = run("ffmpeg", "-v", "error", "-i", f"{url}/{PLAYLIST}", "-f", "framehash", "-")  # it warns of the seam
        on_air.join()
    assert live.missing == []
    pictures = {line.split(",")[-1] for line in told.splitlines() if line.startswith("0,")}
    fetched = [name for name in live.asked if name.endswith(".m4s")]
    assert fetched[-6:] == names and len(fetched) > 6  # all of the second, and of the first what was listed
    assert len(pictures) == 30 * len(fetched)


def test_equal_shows_decode_to_equal_pictures_and_sound(tmp_path: Path) -> None:
    digests: list[str] = []
    for name in ("one.mp4", "two.mp4"):
        path = tmp_path / name
        path.write_bytes(Programme().encode(whole(90), sound_under_speech).file())
        digests.append(run("ffmpeg", "-v", "warning", "-i", str(path), "-f", "streamhash", "-hash", "sha256", "-"))
    assert digests[0] == digests[1] and digests[0].count("SHA256=") == 2


def test_each_file_of_a_recording_plays_by_itself_from_0_and_all_of_them_as_one(tmp_path: Path) -> None:
    programme = Programme().encode(whole(210, first=900), sound_under_speech)
    recorder = ProgrammeRecorder(tmp_path / "show.mp4", RecordingLimits(seconds=3))
    recorder.begin(programme.format, init_segment(programme.format))
    for segment in programme.segments():
        recorder.write(segment.data)
    files = recorder.finish().files
    pictures = 0
    for path in files:
        times = packets(str(path))
        run("ffmpeg", "-v", "warning", "-xerror", "-i", str(path), "-f", "null", "-")
        assert times["video"][0] == 0 and 0 <= times["audio"][0] < Fraction(1024, 48_000)
        assert continuous(times["video"], Fraction(1, 30)) and continuous(times["audio"], Fraction(1024, 48_000))
        pictures += len(times["video"])
    assert (len(files), pictures) == (3, 210)
    (tmp_path / "list").write_text("".join(f"file '{path}'\n" for path in files))
    joined = tmp_path / "joined.mp4"
    run("ffmpeg", "-v", "error", "-f", "concat", "-safe", "0", "-i", str(tmp_path / "list"), "-c", "copy", str(joined))
    times = packets(str(joined))
    assert len(times["video"]) == 210
    assert max(b - a for a, b in itertools.pairwise(times["video"])) < Fraction(60, 1000)
