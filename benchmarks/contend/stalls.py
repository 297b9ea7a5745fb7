"""How long the stage may stand still (SIGSTOP) before each kind of viewer does.

Our page in Chromium tells by its video's own time. A plain player is the prover's: it begins three segments before the
end of the list, and stands still when a segment is not there at the moment it is needed. FFmpeg reads at the stream's
own rate and stands still while it gets nothing. Each length meets fresh viewers: who has stood still once is further
behind, and survives more the next time.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field

import httpx
import psutil

from benchmarks.browser import Browser, watching
from benchmarks.contend.scenes import QUIET, SHOW
from benchmarks.live import HERE, House, baseline, live
from benchmarks.machine import foreign, say
from benchmarks.table import Row, row
from duologue.clock import SECOND, SYSTEM_CLOCK
from duologue.prover.viewer import HlsViewer

LENGTHS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0)
"""Seconds of standing still, tried in turn until nobody survives any more. Who stands still without any tells of the
machine, not of the stage.
"""
JOINED, AFTER = 8.0, 10.0
"""Seconds that viewers play before the stage is stopped, and are watched after it goes on."""
UNSEEN = 0.3
"""Seconds that a picture may stand without being called a stall: a timer's and a screen's own grain."""
KINDS = ("our page in Chromium", "a plain player three segments behind", "ffmpeg")


@dataclass(slots=True)
class Playhead:
    """Plays segments one after the other from the moment at which the first is there; stands still while the next is
    not. :attr:`stalled` is for how long so far (s).
    """

    stalled: float = 0.0
    _ends: int | None = None

    def add(self, fetched: int, duration: float) -> None:
        """The next segment: when it was here (ns), how long it is (s)."""
        begins = fetched if self._ends is None else max(fetched, self._ends)
        if self._ends is not None:
            self.stalled += (begins - self._ends) / SECOND
        self._ends = begins + round(duration * SECOND)


@dataclass(slots=True)
class PlainPlayer:
    """Plays a live list by its model, a :class:`Playhead`."""

    address: str
    head: Playhead = field(default_factory=Playhead)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def playing(self) -> Generator[None]:
        thread = threading.Thread(target=self._play, name="plain player", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join(10)

    def _play(self) -> None:
        with httpx.Client(timeout=10.0) as client:
            viewer = HlsViewer(self.address, SYSTEM_CLOCK, client)
            for piece in viewer.pieces(viewer.start(), None):
                self.head.add(piece.fetched, piece.duration)
                if self._over.is_set():
                    return


@dataclass(slots=True)
class Ffmpeg:
    """``ffmpeg -re``; :attr:`stalled` is how long nothing went forward so far (s)."""

    address: str
    stalled: float = 0.0

    @contextlib.contextmanager
    def playing(self) -> Generator[None]:
        command = ["ffmpeg", "-nostdin", "-loglevel", "quiet", "-re", "-i", self.address, "-c", "copy"]
        command += ["-f", "null", "-progress", "pipe:1", "-stats_period", "0.1", "-"]
        with foreign(command, "ffmpeg") as process:
            threading.Thread(target=self._follow, args=[process], name="ffmpeg", daemon=True).start()
            yield

    def _follow(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        place, moved = -1, time.perf_counter()
        for line in process.stdout:
            name, _, value = line.strip().partition("=")
            if name != "out_time_us" or not value.lstrip("-").isdigit():
                continue
            now = time.perf_counter()
            if int(value) > place:
                stood = now - moved
                self.stalled += stood if stood > UNSEEN and place > 0 else 0.0
                place, moved = int(value), now


def _stand(house: House, length: float) -> tuple[float | None, float, float]:
    """Seconds that each kind of viewer stood still when the stage did for ``length``; None: there is no such viewer."""
    with live(*SHOW, house=house) as on_air, contextlib.ExitStack() as viewers:
        time.sleep(QUIET)
        browser: Browser | None = viewers.enter_context(watching(on_air.address))
        plain, ffmpeg = PlainPlayer(on_air.stream), Ffmpeg(on_air.stream)
        viewers.enter_context(plain.playing())
        viewers.enter_context(ffmpeg.playing())
        time.sleep(JOINED)
        if browser is not None:
            browser.take()
        before = plain.head.stalled, ffmpeg.stalled
        stage = on_air.processes()["stage"]
        stage.send_signal(signal.SIGSTOP)
        time.sleep(length)
        with contextlib.suppress(psutil.NoSuchProcess):
            stage.send_signal(signal.SIGCONT)
        time.sleep(length + AFTER)
        page = browser.take() if browser is not None else None
        stood = page.frozen if page is not None and page.longest > UNSEEN else 0.0
        return (None if page is None else stood), plain.head.stalled - before[0], ffmpeg.stalled - before[1]


def survived(house: House) -> dict[str, tuple[float, str]]:
    """By kind of viewer: the longest stall of the stage that it did not see, and what it saw of the next."""
    found: dict[str, tuple[float, str]] = {kind: (0.0, "") for kind in KINDS}
    lost: set[str] = set()
    for length in LENGTHS:
        for kind, stood in zip(KINDS, _stand(house, length), strict=True):
            if kind in lost or stood is None:
                continue
            if stood > UNSEEN:
                lost.add(kind)
                found[kind] = (found[kind][0], f"of {length:g} s it saw {stood:.1f} s")
            else:
                found[kind] = (length, "")
        say(f"after a stall of {length:g} s: {len(lost)} of {len(KINDS)} kinds of viewers saw one")
        if len(lost) == len(KINDS):
            break
    return found


def rows() -> list[Row]:
    """A row for each kind of viewer."""
    ours = survived(HERE)
    old = baseline()
    before = survived(old) if old else {}
    return [
        row(
            f"the longest stall of the stage that {kind} does not see", length, "s",
            "; ".join(filter(None, (saw, f"older: {before[kind][0]:g} s" if kind in before else ""))),
        )
        for kind, (length, saw) in ours.items()
    ]  # fmt: skip
