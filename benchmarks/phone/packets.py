"""What captured packets say of a call. Pure: nothing here asks the line what it thinks of itself.

Times are ns of one clock. A **run** is sound of one source without a pause of :data:`PAUSE`; a talk-spurt that is cut
in two by less than that was meant as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from duologue.audio import g711
from duologue.audio.pcm import Samples
from duologue.clock import MILLISECOND, SECOND

PACKET = 20 * MILLISECOND
PAUSE = 500 * MILLISECOND
LEAST = 20
"""Packets of a run that is judged; shorter ones keep the way open, or are a word."""
AUDIBLE = 10 ** (-50 / 20)
"""Full scale is 1: what is softer is not heard as the beginning of a word."""
CUT_IN = 100 * MILLISECOND
"""What of ours comes so soon after a turn has begun was under way before it."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A packet of sound and when it came; ``peak`` is its largest sample (0…1), ``payload`` is kept where asked for."""

    at: int
    timestamp: int
    marker: bool
    peak: float
    payload: bytes = b""

    @property
    def voiced(self) -> bool:
        """It can be heard."""
        return self.peak > AUDIBLE


def peak(payload: bytes) -> float:
    """The largest sample of a packet of µ-law."""
    return float(np.abs(g711.decode(payload, "mu")).max(initial=0.0))


# How evenly it comes


@dataclass(frozen=True, slots=True)
class Pacing:
    """Of all runs of all sources (ms): ``late`` is each packet against the earliest of its run, by its own timestamp;
    ``off`` the same about the middle of its run, without its first two, as pacers are compared that send those at once;
    ``gap`` the longest time between two packets of a run, and ``stall`` by how much at the most a packet came later
    after the one before than their timestamps say: where the gap is long and the stall is none, nothing was to be said.
    """

    late: NDArray[np.float64]
    off: NDArray[np.float64]
    gap: float
    runs: int
    stall: float = 0.0

    def p(self, share: float) -> float:
        """The lateness that ``share`` of 100 packets do not exceed (ms)."""
        return float(np.percentile(self.late, share)) if len(self.late) else float("nan")


def runs(packets: Sequence[tuple[int, int]]) -> Iterator[Sequence[tuple[int, int]]]:
    """The packets (when, timestamp) of a source, in the order in which they came, run by run."""
    begin = 0
    for number in range(1, len(packets) + 1):
        if number == len(packets) or packets[number][0] - packets[number - 1][0] >= PAUSE:
            if number - begin >= LEAST:
                yield packets[begin:number]
            begin = number


def pacing(sources: Sequence[Sequence[tuple[int, int]]], clock: int = 8000) -> Pacing:
    """Of the packets (when, timestamp) of each source; timestamps count at ``clock`` Hz, and may wrap."""
    late: list[NDArray[np.float64]] = []
    off: list[NDArray[np.float64]] = []
    gap = stall = 0.0
    for run in (run for packets in sources for run in runs(packets)):
        times = np.array([at - run[0][0] for at, _ in run], np.float64) / MILLISECOND
        stamps = np.array([_after(stamp, run[0][1]) for _, stamp in run], np.float64) * 1000 / clock
        error = times - stamps
        late.append(error - error.min())
        off.append(np.abs(error[2:] - np.median(error[2:])))
        gap = max(gap, float(np.diff(times).max()))
        stall = max(stall, float(np.diff(error).max()))
    nothing = [np.zeros(0)]
    return Pacing(np.concatenate(late or nothing), np.concatenate(off or nothing), gap, len(late), stall)


def _after(stamp: int, first: int) -> int:
    """How far a timestamp is behind the first one of its run; one that was overtaken may lie before it."""
    return (stamp - first + (1 << 31)) % (1 << 32) - (1 << 31)


# How soon it answers


@dataclass(frozen=True, slots=True)
class Spoken:
    """A turn of the caller's: when its first word began and its last one ended, and when the next turn began."""

    begin: int
    end: int
    until: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a turn: ms from the caller's last word to the first voiced packet of the next talk-spurt (None:
    there was none; what is still being said into the turn is no answer to it), and whether we spoke into the turn.
    ``left`` is when the first packet of that spurt came (0: none did).
    """

    after_ms: float | None
    cut: bool
    left: int = 0


def reply(packets: Sequence[Arrived], turn: Spoken) -> Reply:
    """Judge one turn by all that came in the call."""
    cut = any(each.voiced and turn.begin + CUT_IN < each.at < turn.end for each in packets)
    left = 0
    for each in packets:
        if turn.end <= each.at < turn.until:
            left = each.at if each.marker else left
            if left and each.voiced:
                return Reply((each.at - turn.end) / MILLISECOND, cut, left)
    return Reply(None, cut)


def spread(values: Sequence[float]) -> tuple[float, float]:
    """The middle and the one that 95 of 100 do not exceed; NaN of nothing."""
    if not values:
        return float("nan"), float("nan")
    return float(np.median(values)), float(np.quantile(values, 0.95))


def knee(p95s: Sequence[tuple[int, float]], factor: float = 2.0) -> int:
    """How many calls are held before the answer's p95 exceeds ``factor`` times that of the first count; counts rise."""
    held = 0
    for count, value in p95s:
        if not value <= factor * p95s[0][1]:
            break
        held = count
    return held


# What of a turn the ears were given


def place_of(piece: Samples, whole: Samples) -> tuple[int, float]:
    """Where ``piece`` begins in ``whole`` (samples; negative: before it), and how well it fits (1: it is that)."""
    size = 1 << (len(piece) + len(whole)).bit_length()
    product = np.fft.rfft(whole, size) * np.conj(np.fft.rfft(piece, size))
    fits = np.fft.irfft(product, size)
    best = int(np.argmax(fits))
    place = best if best < len(whole) else best - size
    one, other = piece[max(0, -place) :], whole[max(0, place) :]
    count = min(len(one), len(other))
    one, other = one[:count], other[:count]
    size_of = float(np.linalg.norm(one) * np.linalg.norm(other))
    return place, float(np.dot(one, other)) / size_of if size_of else 0.0


def covered(stretches: Sequence[tuple[int, int]], begin: int, end: int) -> bool:
    """Whether every sample from ``begin`` to ``end`` lies in one of ``stretches`` (begin and end of each)."""
    for first, last in sorted(stretches):
        if first <= begin < last:
            begin = last
    return begin >= end


# What sounds of replies that are tones

LOWEST_TONE, TONE_STEP, TONES = 400, 100, 28
"""Hz, and how many: each fits 20 ms at 8 kHz in whole waves, so that no tone is heard in the place of another."""
RATE = 8000
_LOUD = 0.05


def tone_of(number: int) -> float:
    """The pitch (Hz) of reply ``number``; it comes again after :data:`TONES` of them."""
    return LOWEST_TONE + TONE_STEP * (number % TONES)


def tones_in(payload: bytes) -> tuple[int, ...]:
    """The tones (as numbers) that sound in a packet of µ-law, the loudest first. Where sound ends or begins within the
    packet it splashes onto neighbours of its tone.
    """
    sound = g711.decode(payload, "mu")
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) * 4 / len(sound)
    step = RATE / len(sound)
    places = [round(tone_of(number) / step) for number in range(TONES)]
    most = max(power[places])
    found = [number for number, place in enumerate(places) if power[place] > max(_LOUD, 0.25 * most)]
    return tuple(sorted(found, key=lambda number: -power[places[number]]))


@dataclass(frozen=True, slots=True)
class Sounded:
    """One reply as it sounded: its tone, when it began and when it was last heard."""

    tone: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Heard:
    """The replies of a call in the order in which they began, and how often one sounded over another: two in packets
    that follow each other, or one that came back after another had begun.
    """

    replies: tuple[Sounded, ...]
    over: int


def replies(packets: Sequence[Arrived]) -> Heard:
    """Which tones sounded when: the loudest of a packet, and others that were in the packet before it too. A tone that
    comes back after ten seconds is another reply's.
    """
    found: list[Sounded] = []
    before: tuple[int, ...] = ()
    over = 0
    for each in packets:
        tones = tones_in(each.payload) if each.voiced else ()
        sounding = [tone for place, tone in enumerate(tones) if not place or tone in before]
        over += len(set(tones) & set(before)) > 1
        before = tones
        for tone in sounding:
            newest = next((n for n in range(len(found) - 1, -1, -1) if found[n].tone == tone), None)
            if newest is not None and each.at - found[newest].end < 10 * SECOND:
                over += newest < len(found) - 1 and len(sounding) == 1
                found[newest] = Sounded(tone, found[newest].begin, each.at)
            else:
                found.append(Sounded(tone, each.at, each.at))
    return Heard(tuple(found), over)
