"""What was heard of a character on a call, as sound: what it was sent, as the far end says that it was played."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from math import log10
from pathlib import Path

import numpy as np

from duologue.audio.far_playout import FarEndMessage
from duologue.audio.pcm import RATE, Samples
from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayProgress, PlayStarted

APART = 40 * MILLISECOND
"""What was heard so far from where it should be has a pause before it (ns)."""
SILENT_DB = -90.0


class HeardSound:
    """Gives ``take`` each piece once, with the moment (ns) in which its first sample was heard. Pieces of an utterance,
    and utterances without a pause between them, follow each other to the sample, unless it was held there.
    """

    def __init__(self, take: Callable[[Samples, int], None]) -> None:
        self._take = take
        self._sent: dict[str, list[tuple[int, Samples]]] = {}
        self._place = 0
        self._next = 0  # when the next sample of the one that plays is due (ns)

    def send(self, message: FarEndMessage) -> None:
        """What the far end is given to play."""
        if message.samples is not None and len(message.samples):
            self._sent.setdefault(message.id, []).append((message.start, message.samples))

    def report(self, report: PlayEvent | PlayProgress) -> None:
        """What the far end says, or what is estimated."""
        match report:
            case PlayStarted(at_ns=at):
                self._place = 0
                if abs(at - self._next) > APART:  # else it follows the one before without a pause
                    self._next = at
            case PlayProgress(utterance_id, at, played):
                self._reach(utterance_id, played, at)
            case PlayEnded(utterance_id, at, played):
                self._reach(utterance_id, played, at)
                self._sent.pop(utterance_id, None)

    def _reach(self, utterance_id: str, played: int, at: int) -> None:
        if played <= self._place or utterance_id not in self._sent:
            return
        begin = at - (played - self._place) * SECOND // RATE
        if abs(begin - self._next) > APART:
            self._next = begin
        for piece in self._pieces(utterance_id, played):
            self._take(piece, self._next)
            self._next += len(piece) * SECOND // RATE
        self._place = played

    def _pieces(self, utterance_id: str, until: int) -> Iterator[Samples]:
        """Of what was sent, from the place on; what was sent twice counts once."""
        place, kept = self._place, list[tuple[int, Samples]]()
        for start, samples in self._sent[utterance_id]:
            end = start + len(samples)
            if place < min(end, until):
                yield samples[max(0, place - start) : until - start]
                place = min(end, until)
            if end > until:
                kept.append((start, samples))
        self._sent[utterance_id] = kept


class Level:
    """The loudest of what passed since it was read: RMS of its blocks, dB below full scale."""

    def __init__(self) -> None:
        self._most = 0.0

    def take(self, samples: Samples) -> None:
        """The next block."""
        if len(samples):
            self._most = max(self._most, float(np.dot(samples, samples)) / len(samples))

    def read(self) -> float:
        """Since the last time."""
        most, self._most = self._most, 0.0
        return max(SILENT_DB, 10 * log10(most)) if most > 0 else SILENT_DB


def recording_path(folder: Path, wall: int, call: str, suffix: str) -> Path:
    """Where a call that was answered at ``wall`` (Unix ns) is recorded."""
    return folder / f"call-{datetime.fromtimestamp(wall / SECOND, UTC):%Y%m%dT%H%M%SZ}-{call[-12:]}.{suffix}"
