"""The prover: plays a delivered stream as a viewer would and says what is wrong with it.

OBS and its like count frames where they are made; viewers still see stutter that those counters never met. What is
counted here was fetched from the server and decoded: the number in every picture, the times of both tracks, the flash
against the beep, the pilot below the sound.
"""

from __future__ import annotations

import queue
import threading
from bisect import bisect_right
from dataclasses import replace
from itertools import chain
from pathlib import Path

import httpx
import numpy as np

from duologue.broadcast.run_marks import marked_runs
from duologue.broadcast.testcard import read_card
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import InputError
from duologue.prover.picture_check import PictureCheck
from duologue.prover.report import DeliveryReport, LiveReport, SizeChange, not_shown, plainer, wrong
from duologue.prover.sound_check import SoundCheck, seams, sync
from duologue.prover.viewer import (
    HOLD_BACK,
    Decoded,
    DecodedPicture,
    Delivery,
    Facts,
    FetchedSegment,
    HlsViewer,
    RunDecoder,
)

LIVE_SECONDS = 30.0
"""How much of a live stream is played when nothing is said."""
_AHEAD = 120
"""Pieces that may wait to be decoded."""
_EXACT = 0.001
"""Seconds by which a time of the sound may be off that of a picture."""


def verify(
    source: str, seconds: float | None = None, clock: Clock = SYSTEM_CLOCK, client: httpx.Client | None = None
) -> DeliveryReport:
    """Play and judge ``seconds`` of ``source``, an HLS address or a file (None: 30 s if it is live, else all of it).

    Blocking: it takes as long as a live stream takes to play. ``client`` is closed at the end. Raises
    :class:`InputError` when the source cannot be read.
    """
    if source.startswith(("http://", "https://")):
        with client or httpx.Client(timeout=5.0, follow_redirects=True) as session:
            return _verify_hls(source, seconds, clock, session)
    path = Path(source)
    if not path.is_file():
        raise InputError("there is no such file", where=source, remedy="Give a file, or an address with http://.")
    return _verify_file(path, seconds)


class Prover:
    """Feeds decoded frames and samples to the checks and keeps the distances from live."""

    def __init__(self) -> None:
        self.picture = PictureCheck()
        self.sound = SoundCheck()
        self.facts = Facts()
        """What the stream says it is, at its beginning."""
        self.sizes: list[SizeChange] = []
        self.runs = 0
        self.played = 0.0
        self._run = 0
        self._decoder = RunDecoder()
        self._edges: list[float] = []
        self._viewers: list[float] = []
        self._newest_ms = 0

    def file(self, path: Path, seconds: float | None) -> None:
        """Judge a file, or its first ``seconds``. Raises :class:`InputError` when it cannot be read."""
        begin: float | None = None
        marks = _marks(path)
        for item in chain(self._decoder.decode(path), self._decoder.finish()):
            begin = item.at if begin is None else begin
            if seconds is not None and item.at - begin >= seconds:
                break
            self.played = max(self.played, item.at - begin)
            self._run = bisect_right(marks, item.at + _EXACT)
            self.runs = max(self.runs, self._run + 1)
            self._judge(item)

    def piece(self, piece: FetchedSegment, target: int) -> None:
        """Judge the next piece of a playlist with this target duration (s)."""
        if piece.run != self._run or not self.runs:
            self._drain()
            self._decoder = RunDecoder()
            self._run = piece.run
            self.runs += 1
        newest, self._newest_ms = self._newest_ms, 0
        try:
            for item in self._decoder.decode(piece.data):
                self._judge(item)
        except InputError:
            self.picture.decode_errors += 1
        self.played += piece.duration
        if piece.listed is not None and piece.ends is not None:
            self._viewers.append((piece.listed - piece.ends) / SECOND + HOLD_BACK * target)
        if piece.listed is not None and self._newest_ms:
            self._edges.append((piece.fetched - self._newest_ms * MILLISECOND) / SECOND)
        self._newest_ms = self._newest_ms or newest

    def finish(self) -> None:
        """All was fed."""
        self._drain()
        self.sound.end()
        self.facts = replace(self.facts, fps=self._fps())

    def live(self) -> LiveReport | None:
        """How far behind live the pieces were, where they said."""
        if not self._viewers and not self._edges:
            return None
        edges, viewers = np.array(self._edges or [0.0]), np.array(self._viewers or [0.0])
        values = (np.median(edges), edges.max(), np.median(viewers), viewers.max())
        return LiveReport(*(round(float(value), 3) for value in values))

    def _drain(self) -> None:
        for item in self._decoder.finish():
            self._judge(item)

    def _judge(self, item: Decoded) -> None:
        if self.facts == Facts():
            self.facts = self._decoder.facts
        if isinstance(item, DecodedPicture):
            self._size(*item.luma.shape)
            card = read_card(item.luma)
            self.picture.add(self._run, item.at, card)
            self._newest_ms = card.wall_ms if card else self._newest_ms
        else:
            self.sound.fps = self._fps() or self.sound.fps
            self.sound.add(self._run, item.at, item.rate, item.samples)

    def _fps(self) -> float:
        """Frame periods a second. What a container says is its mean, of no use where frames are left out."""
        return round(1 / self.picture.period, 2) if self.picture.plain else self.facts.fps

    def _size(self, height: int, width: int) -> None:
        if not self.sizes or (self.sizes[-1].width, self.sizes[-1].height) != (width, height):
            self.sizes.append(SizeChange(round(self.played, 3), width, height))


def _marks(path: Path) -> list[float]:
    try:
        return marked_runs(path)
    except OSError as error:
        raise InputError(f"it cannot be read: {error.strerror}", where=str(path)) from error


def _verify_file(path: Path, seconds: float | None) -> DeliveryReport:
    prover = Prover()
    prover.file(path, seconds)
    return _report(str(path), "file", prover, Delivery(bytes=path.stat().st_size if seconds is None else 0))


def _verify_hls(url: str, seconds: float | None, clock: Clock, client: httpx.Client) -> DeliveryReport:
    """Fetch in one thread and decode in this one, so that decoding never delays a load."""
    viewer = HlsViewer(url, clock, client)
    first = viewer.start()
    wanted = LIVE_SECONDS if seconds is None and viewer.delivery.live else seconds
    pieces: queue.Queue[FetchedSegment | BaseException | None] = queue.Queue(_AHEAD)

    def fetch() -> None:
        try:
            for piece in viewer.pieces(first, wanted):
                pieces.put(piece)
            pieces.put(None)
        except BaseException as error:  # raised again below, in the thread that asked
            pieces.put(error)

    threading.Thread(target=fetch, name="viewer", daemon=True).start()
    prover = Prover()
    while (piece := pieces.get()) is not None:
        if isinstance(piece, BaseException):
            raise piece
        prover.piece(piece, viewer.delivery.target)
    if wanted is not None and prover.played < wanted - viewer.delivery.target:
        viewer.delivery.note(f"only {prover.played:.1f} of {wanted:g} s could be played")
    return _report(url, "live HLS" if viewer.delivery.live else "HLS", prover, viewer.delivery)


def _report(source: str, kind: str, prover: Prover, delivery: Delivery) -> DeliveryReport:
    prover.finish()
    picture, sound = prover.picture.report(), prover.sound.report()
    offsets = sync(prover.picture.flashes, prover.sound.beeps)
    sound = replace(sound, seams=tuple(seams(prover.picture.spans, prover.sound.spans)))
    if not picture.frames and not sound.seconds:
        raise InputError("nothing could be played", where=source, remedy=" ".join(delivery.faults))
    report = DeliveryReport(
        source=source,
        kind=kind,
        facts=prover.facts,
        segments=delivery.segments,
        bit_rate=round(delivery.bytes * 8 / prover.played) if prover.played else 0,
        discontinuities=max(0, prover.runs - 1),
        picture=picture,
        sound=sound,
        sync=offsets if offsets.matched else None,
        live=prover.live() if delivery.live else None,
        playlist_faults=tuple(delivery.faults),
        seconds=round(prover.played, 3),
        sizes=tuple(prover.sizes),
    )
    return replace(
        report,
        plainer=tuple(plainer(report)),
        not_shown=tuple(not_shown(report)),
        wrong=tuple(wrong(report, offsets)),
    )
