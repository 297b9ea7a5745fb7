"""A live stream on loopback whose program can be taken away and started again under its viewers' feet."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from duologue.broadcast.fmp4 import init_segment
from duologue.broadcast.hls import PLAYLIST, HlsStore, Position
from duologue.prover.playlist import parse_playlist
from programme import Programme


class LiveServer:
    """Serves what :meth:`program` puts on air; 503 while nothing is. ``files`` are served beside it (name: body, type).

    ``asked`` are the names that were asked for, ``missing`` those that were not there.
    """

    def __init__(self, files: dict[str, tuple[bytes, str]] | None = None) -> None:
        self.files = files or {}
        self.store: HlsStore | None = None
        self.begun = threading.Event()
        self.ended = False
        self.asked: list[str] = []
        self.missing: list[str] = []
        self._before: Position | None = None

    def program(self, programme: Programme, wall: float, pace: float, *, forget: bool = False) -> list[str]:
        """One run of the whole program, three segments at once and one each ``pace`` seconds then; it ends when a
        viewer has its last segment. Gives the names of its segments.

        ``wall`` is what the machine's clock says of its first frame (Unix s). ``forget``: it does not know of the run
        before it.
        """
        store = HlsStore(before=None if forget else self._before)
        store.begin(programme.format, init_segment(programme.format))
        names: list[str] = []
        for segment in programme.segments():
            store.push(segment, int((wall + segment.start / programme.format.fps) * 1e9))
            names.append(parse_playlist(store.playlist()).entries[-1].uri)
            if len(names) >= 3:
                self.store = store
                self.begun.set()
                time.sleep(pace)
        self._before = store.position
        for _ in range(600):
            if names[-1] in self.asked:
                break
            time.sleep(0.05)
        return names

    def down(self, seconds: float) -> None:
        """Nobody is there."""
        self.store = None
        time.sleep(seconds)

    def answer(self, name: str) -> tuple[int, bytes, str]:
        """Status, body and type."""
        self.asked.append(name)
        if name in self.files:
            return 200, *self.files[name]
        if self.store is None:
            return 503, b"", "text/plain"
        found = self.store.get(name)
        if found is None:
            self.missing.append(name)
            return 404, b"", "text/plain"
        return 200, found.data + (b"#EXT-X-ENDLIST\n" if name == PLAYLIST and self.ended else b""), found.content_type


@contextmanager
def live_server(files: dict[str, tuple[bytes, str]] | None = None) -> Generator[tuple[LiveServer, str]]:
    """A server on a free port, and its address."""
    live = LiveServer(files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body, kind = live.answer(Path(self.path.split("?")[0]).name)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield live, f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
