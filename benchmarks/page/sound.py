"""What captured sound says of a conversation on the Talk page. Pure: nothing here asks the house what it thinks.

Sound that was sent is looked for in sound that was heard, by correlation; between two places of one sound that lie
further apart there than they should there was a hole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.page.browser import Captured, Track
from benchmarks.phone.packets import AUDIBLE
from duologue.app.talk.messages import PlayedSound
from duologue.audio.pcm import RATE, Samples

EXCERPT = RATE // 10
"""Samples that are looked for…"""
EVERY = RATE // 2
"""… as often."""
REACH = RATE // 4
"""So far about where the page says that it played them."""
SURE = 0.95
"""Correlation from which an excerpt was found."""
KNOWN = 0.3
"""The same of a stretch of the microphone's, which the browser's noise suppression and gain control have changed."""
LOUDNESS_STEP = 160


@dataclass(frozen=True)
class Sent:
    """A sound as it came: ``samples`` from its sample ``start`` on, ``gap`` samples after the one before; ``came`` is
    when its first frame did (ms), ``whole`` its last.
    """

    id: str
    start: int
    gap: int
    samples: Samples
    came: float
    whole: float

    @property
    def reply(self) -> str:
        """Whose sentence it is; empty for a filler."""
        return self.id.rpartition("/")[0]

    @property
    def index(self) -> int:
        """Which sentence of that."""
        return int(self.id.rpartition("/")[2]) if self.reply else -1


@dataclass(frozen=True)
class Placed:
    """Where a sound was heard: frames of the context, of its first sample by its first excerpt and by its last."""

    sent: Sent
    begin: int
    begin_by_end: int

    @property
    def end(self) -> int:
        """The frame after its last sample."""
        return self.begin_by_end + len(self.sent.samples)

    @property
    def hole_ms(self) -> float:
        """Silence inside that was not written."""
        return max(0, self.begin_by_end - self.begin) * 1000 / RATE


def sounds(frames: Sequence[tuple[float, PlayedSound]]) -> list[Sent]:
    """The sounds that frames make up, in the order in which they were queued."""
    found: dict[str, list[tuple[float, PlayedSound]]] = {}
    for at, frame in frames:
        if frame.first:
            found[frame.id] = []
        if frame.id in found:
            found[frame.id].append((at, frame))
    return [
        Sent(
            name, parts[0][1].start, parts[0][1].gap, np.concatenate([part.samples for _, part in parts]),
            parts[0][0], parts[-1][0],
        )
        for name, parts in found.items()
    ]  # fmt: skip


def begun(told: Sequence[tuple[float, Mapping[str, Any]]]) -> dict[str, int]:
    """Where the page says that each sound began: the frame of its first sample, by what it told first of it."""
    found: dict[str, int] = {}
    for _, message in told:
        if message.get("type") == "played" and message["samples"] > 0:
            found.setdefault(message["id"], round(message["at"] * RATE / 1e6) - message["samples"])
    return found


def place(output: Track, sent: Sent, about: int) -> Placed | None:
    """Where a sound was heard; ``about`` is the frame at which its sample 0 may have been. None: it was not found."""
    found: list[int] = []
    for at in range(0, len(sent.samples) - EXCERPT, EVERY):
        excerpt = sent.samples[at : at + EXCERPT]
        if np.abs(excerpt).max() < 10 * AUDIBLE:
            continue
        begin = about + at - output.begin - REACH
        low, high = max(0, begin), min(len(output.samples), begin + EXCERPT + 2 * REACH)
        where, sure = matched(output.samples[low:high], excerpt)
        if sure >= SURE:
            found.append(output.begin + low + where - at)
    return Placed(sent, found[0], found[-1]) if found else None


def matched(heard: Samples, said: Samples) -> tuple[int, float]:
    """Where ``said`` lies in ``heard`` at best, and how well it fits (normalised correlation)."""
    if len(heard) < len(said):
        return 0, 0.0
    size = 1 << (len(heard) + len(said)).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size))
    products = np.fft.irfft(spectrum, size)[: len(heard) - len(said) + 1]
    sums = np.concatenate(([0.0], np.cumsum(np.square(heard, dtype=np.float64))))
    power = np.sqrt(np.maximum(sums[len(said) :] - sums[: -len(said)], 1e-9)) * float(np.linalg.norm(said) + 1e-9)
    fits = products / power
    best = int(np.argmax(fits))
    return best, float(fits[best])


@dataclass(frozen=True)
class Gap:
    """Between two sentences of a reply: what was written, and by how much it was longer (ms)."""

    written: float
    beyond: float


def gaps(output: Track, captured: Captured) -> tuple[list[Gap], list[float]]:
    """The gaps between sentences that follow each other, and the holes inside sentences (ms)."""
    places = begun(captured.told)
    found = [
        placed
        for sent in sounds(captured.frames)
        if sent.id in places and (placed := place(output, sent, places[sent.id])) is not None
    ]
    between = [
        Gap(one.sent.gap * 1000 / RATE, (one.begin - before.end - one.sent.gap) * 1000 / RATE)
        for before, one in pairwise(found)
        if one.sent.reply and one.sent.reply == before.sent.reply and one.sent.index == before.sent.index + 1
    ]
    return between, [each.hole_ms for each in found]


def audible(samples: Samples) -> NDArray[np.int64]:
    """The places of samples that can be heard."""
    return np.flatnonzero(np.abs(samples) > AUDIBLE)


def first_audible(track: Track, since: float, until: float = float("inf")) -> float | None:
    """When the first sample that can be heard passes, from ``since`` on and before ``until`` (ms)."""
    low, high = track.index(since), len(track.samples) if until == float("inf") else track.index(until)
    places = audible(track.samples[low:high])
    return track.at(low + int(places[0])) if len(places) else None


def last_audible(track: Track, since: float, until: float) -> float | None:
    """When the last such sample does."""
    low, high = track.index(since), track.index(until)
    places = audible(track.samples[low:high])
    return track.at(low + int(places[-1])) if len(places) else None


def sounding(track: Track, since: float, until: float) -> bool:
    """Something can be heard there."""
    return first_audible(track, since, until) is not None


def shift(heard: Samples, said: Samples) -> int:
    """By how much ``said`` lies later in ``heard``; below 0 where its beginning was not heard."""
    one, other = heard - heard.mean(), said - said.mean()
    size = 1 << (len(one) + len(other)).bit_length()
    products = np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size)), size)
    best = int(np.argmax(products))
    return best if best < len(heard) else best - size


def onsets(heard: Samples, said: Samples, stretches: Sequence[tuple[int, int]], reach: int) -> Iterator[int | None]:
    """Where stretches (begin, length) of ``said`` begin in ``heard``, of one rate: all of it lies at one place, which
    their loudness shows; each lies about there, which its waveform shows. None: it was not found.
    """
    whole = LOUDNESS_STEP * shift(_loudness(heard), _loudness(said))
    for begin, length in stretches:
        low = max(0, begin + whole - reach)
        where, fits = matched(heard[low : begin + whole + length + reach], said[begin : begin + length])
        yield low + where if fits >= KNOWN else None


def _loudness(samples: Samples) -> Samples:
    whole = samples[: len(samples) // LOUDNESS_STEP * LOUDNESS_STEP].reshape(-1, LOUDNESS_STEP)
    return np.sqrt(np.mean(np.square(whole), axis=1)).astype(np.float32)
