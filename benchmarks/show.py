"""The show as a whole: offline beside the encoder alone, its silences, its cues. Live under load: see ``contend``.

Expected before measuring (2 cores): the encoder takes most of a frame, so the show offline should run at 80 to 90 %
of the encoder's own speed.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, cast
from unittest import mock

import av
import httpx
import numpy as np
from numpy.typing import NDArray

import duologue.app.show.render
from benchmarks.live import live
from benchmarks.table import Row, row, show
from duologue.app.show.render import Film, RenderProgress, render
from duologue.broadcast.encoder import VideoEncoder
from duologue.broadcast.packets import Packet
from duologue.prover.playlist import ListedSegment, parse_playlist
from duologue.settings import load_settings

FILM = {"topic": "Is a hot dog a sandwich?", "turns": 2, "seed": 5, "size": "1920x1080"}
"""Short: its pictures are kept in memory (3 MB each)."""
ROUNDS = 5


def _nothing(progress: RenderProgress) -> None:
    pass


def _film(path: Path, **flags: object) -> Film:
    settings = load_settings({f"show.{key}": value for key, value in flags.items()})
    return asyncio.run(render(settings, path, on_progress=_nothing))


class _Keeping(VideoEncoder):
    """Keeps each picture that it is given."""

    kept: ClassVar[list[NDArray[np.uint8]]] = []

    def encode(self, picture: NDArray[np.uint8], number: int, **options: Any) -> list[Packet]:
        self.kept.append(picture.copy())
        return super().encode(picture, number, **options)


def _drawn(path: Path) -> list[NDArray[np.uint8]]:
    """The film's pictures before they are encoded: decoded ones are smoother, and 6 % cheaper to encode again."""
    _Keeping.kept = []
    with mock.patch.object(duologue.app.show.render, "VideoEncoder", _Keeping):
        _film(path, **FILM)
    return _Keeping.kept


def _encode_alone(pictures: list[NDArray[np.uint8]], threads: int | None = None) -> float:
    encoder = VideoEncoder(1920, 1080, 30, threads=threads)
    began = time.perf_counter()
    for number, picture in enumerate(pictures):
        encoder.encode(picture, number)
    encoder.flush()
    return len(pictures) / (time.perf_counter() - began)


def offline(folder: Path) -> list[Row]:
    """The whole show to a file, beside the encoder alone on the same pictures, turn by turn; medians."""
    pictures = _drawn(folder / "kept.mp4")
    alone, wide, ours, whole = list[float](), list[float](), list[float](), list[float]()
    for _ in range(ROUNDS):
        alone.append(_encode_alone(pictures))
        film = _film(folder / "offline.mp4", **FILM)
        ours.append(film.frames / film.drawing)
        whole.append(film.seconds / film.took)
        wide.append(_encode_alone(pictures, threads=2))
    speed, floor, both = (statistics.median(each) for each in (ours, alone, wide))
    spread = f"x264 alone {floor:.0f} frames/s ({min(alone):.0f} to {max(alone):.0f})"
    return [
        row("show offline, 1080p (loading left out)", speed, "frames/s", spread, speed / floor),
        row(
            "the same, beside x264 with a thread a core", speed, "frames/s", f"alone {both:.0f} frames/s", speed / both
        ),
        row("show offline, 1080p, all of it", statistics.median(whole), "× real time"),
    ]


def silences(folder: Path) -> list[Row]:
    """The silence between turns over 12 turns: as the ledger has it, and as it is in the sound of the film."""
    film = _film(folder / "silences.mp4", topic="the office kitchen", turns=12, seed=9, size="320x180")
    with av.open(str(film.path)) as opened:
        frames: Any = opened.decode(audio=0)
        sound = np.abs(np.concatenate([frame.to_ndarray() for frame in frames], axis=1)).max(axis=0)
    loud = sound > 0.003  # -50 dBFS: below it a lossy codec's noise, above it speech
    kept: list[float] = []
    heard: list[float] = []
    for (_, end), (start, _) in itertools.pairwise(film.spoken):
        middle = (end + start) // 2
        before, after = np.flatnonzero(loud[:middle])[-1], middle + np.flatnonzero(loud[middle:])[0]
        kept.append((start - end) / 48)
        heard.append(float(after - before) / 48)
    within = sum(149.9 <= gap <= 450.1 for gap in kept)
    return [
        row("silences between 12 turns within 150–450 ms", within, f"of {len(kept)}", "target all"),
        row("shortest and longest silence in the ledger", min(kept), "ms", f"longest {max(kept):.0f} ms"),
        row(
            "shortest and longest silence in the sound",
            min(heard),
            "ms",
            f"longest {max(heard):.0f} ms (soft ends of words count)",
        ),
    ]


def _luma_of_captions(data: bytes) -> list[float]:
    with cast(Any, av.open(io.BytesIO(data))) as film:
        decoded: Any = film.decode(video=0)
        return [float(frame.to_ndarray()[590:690, 340:940].mean()) for frame in decoded]


def _wall(entry: ListedSegment) -> float:
    return (entry.wall_ns or 0) / 1e9


@dataclass(slots=True)
class _Watcher:
    """Follows the live playlist and looks at the brightness of the place where captions stand."""

    client: httpx.Client
    behind: float = 0.0
    _seen: set[str] = field(default_factory=set[str])
    _init: bytes = b""
    _luma: float | None = None

    def change(self, patience: float = 15.0) -> float:
        """The due time (Unix s) of the next frame in which that place looks different."""
        until = time.perf_counter() + patience
        while time.perf_counter() < until:
            for due, name in self._fresh():
                data = self._init + self.client.get(f"/stream/{name}").content
                for number, luma in enumerate(_luma_of_captions(data)):
                    before, self._luma = self._luma, luma
                    if before is not None and abs(luma - before) > 4:
                        return due + number / 30
            time.sleep(0.1)
        raise SystemExit("the caption never changed")

    def _fresh(self) -> list[tuple[float, str]]:
        text = self.client.get("/stream/index.m3u8").text
        playlist = parse_playlist(text)
        now = time.time()  # noqa: TID251 (compared with the stream's own wall times)
        last = playlist.entries[-1]
        # A player stands three target durations before the end of the list (RFC 8216, 6.3.3).
        self.behind = max(self.behind, now - (_wall(last) + last.duration - 3.0))
        if not self._init:
            self._init = self.client.get(f"/stream/{last.map}").content
        fresh = [(_wall(entry), entry.uri) for entry in playlist.entries if entry.uri not in self._seen]
        self._seen.update(name for _, name in fresh)
        return fresh


def _conversation(client: httpx.Client, patience: float = 20.0) -> str:
    """The one on air: a stream may be there before its first words."""
    until = time.perf_counter() + patience
    while not (found := client.get("/api/conversations").json()):
        if time.perf_counter() > until:
            raise SystemExit("nobody talks on the show")
        time.sleep(0.1)
    return str(found[0]["id"])


def cues() -> list[Row]:
    """From a request to the API to the moment at which a viewer sees it."""
    waits: list[float] = []
    with live("--size", "1280x720", "--turns", "2") as on_air, httpx.Client(base_url=on_air.address) as client:
        client.delete(f"/api/conversations/{_conversation(client)}")
        time.sleep(5)  # the last caption has gone
        watcher = _Watcher(client)
        for text in ("The first announcement of this evening", "", "The second announcement of this evening", ""):
            asked = time.time()  # noqa: TID251 (compared with the stream's own wall times)
            client.post("/api/stage/caption", json={"text": text})
            waits.append(watcher.change() - asked)
    seen = max(waits) + watcher.behind
    return [
        row("cue → the frame that shows it is due", max(waits), "s", "the stage's lead is 1 s"),
        row("cue → seen by a viewer three segments behind, at worst", seen, "s", "target < 5"),
    ]


def rows() -> list[Row]:
    """All of it, in about two minutes."""
    with tempfile.TemporaryDirectory() as folder:
        return [*offline(Path(folder)), *silences(Path(folder)), *cues()]


if __name__ == "__main__":
    show("show", rows())
