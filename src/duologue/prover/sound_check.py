"""The sound's check, an accumulator: decoded samples in, figures out. And its offset to the picture."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from duologue.audio.pcm import Samples
from duologue.broadcast.testcard import BEEP_HZ, BEEP_LEVEL, FLASH_FRAMES, PILOT_HZ, PILOT_LEVEL
from duologue.prover.report import SEAM_LIMIT_MS, SoundFault, SoundReport, SyncReport

GAP = 0.001
"""Seconds by which an access unit of sound may begin off the end of the one before."""


class SoundCheck:
    """Follows the sound: its times, the pilot's strength and phase, the beeps."""

    WINDOW, HOP = 480, 240
    """Samples of sound judged at a time: 10 ms every 5 ms at 48 kHz."""
    EDGE = 8
    """Windows left out at both ends of a stretch, where a decoder's first access unit fades in and the last one out."""

    def __init__(self, fps: float = 30.0) -> None:
        self.fps = fps
        """Frame periods a second: what the beep's length is counted in."""
        self._gaps: list[SoundFault] = []
        self._pieces: list[Samples] = []
        self._begin = (0, 0.0)
        self._held = 0
        self._rate = 48_000
        self._seconds = 0.0
        self._stretches: list[_Stretch] = []
        self.beeps: list[tuple[int, float]] = []
        """Run and time (s) of each beep's first sample."""
        self.spans: dict[int, tuple[float, float]] = {}
        """The times (s) at which each run's sound begins and ends."""

    def add(self, run: int, at: float, rate: int, samples: Samples) -> None:
        """The next samples of ``run``; ``at`` is the time of the first (s)."""
        expected = self._begin[1] + self._held / self._rate
        if self._held and (run != self._begin[0] or abs(at - expected) > GAP):
            if run == self._begin[0]:
                self._gaps.append(SoundFault(round(expected, 4), round((at - expected) * 1e3, 2)))
            self.end()
        if not self._held:
            self._begin, self._rate = (run, at), rate
        self._pieces.append(samples)
        self._held += len(samples)
        self._seconds += len(samples) / rate
        begin, _ = self.spans.get(run, (at, at))
        self.spans[run] = (begin, at + len(samples) / rate)
        if self._held > 10 * rate:
            self._judge(keep=rate // 2 // self.HOP * self.HOP)

    def end(self) -> None:
        """A stretch of continuous sound is over."""
        if self._held:
            self._judge(keep=0)

    def _judge(self, keep: int) -> None:
        """Look for beeps and measure the pilot in what is held.

        Then keep the last ``keep`` samples for the next look.
        """
        sound = np.concatenate(self._pieces)
        run, begin = self._begin
        taken = len(sound) - keep
        first = round(begin * self._rate)
        self.beeps += [
            (run, begin + at / self._rate) for at in self._find_beeps(sound, first) if at < taken or not keep
        ]
        part = sound[: taken + (self.WINDOW - self.HOP if keep else 0)]
        self._stretches.append(_Stretch(run, begin, self._pilot(part, first), self._power(part)))
        self._pieces, self._held = ([sound[taken:]], keep) if keep else ([], 0)
        self._begin = (run, begin + taken / self._rate)

    def _find_beeps(self, sound: Samples, first: int) -> list[int]:
        """Where a beep's length of sound holds most of its pitch: the tip of a triangle, sharp to a millisecond."""
        length = round(FLASH_FRAMES / self.fps * self._rate)
        level = np.abs(_sums(sound, BEEP_HZ, self._rate, first, length)) * 2 / length
        found: list[int] = []
        at = 0
        while at < len(level):
            if level[at] < BEEP_LEVEL * 0.6:
                at += 48
                continue
            window = level[at : at + length]
            found.append(at + int(window.argmax()))
            at += 2 * length
        return found

    def _pilot(self, sound: Samples, first: int) -> NDArray[np.complex128]:
        """The pilot in each window: its amplitude and phase."""
        return _sums(sound, PILOT_HZ, self._rate, first, self.WINDOW)[:: self.HOP] * 2 / self.WINDOW

    def _power(self, sound: Samples) -> NDArray[np.float64]:
        """The mean square of each window."""
        total = np.concatenate(([0.0], np.cumsum(sound.astype(np.float64) ** 2)))
        return (total[self.WINDOW :] - total[: -self.WINDOW])[:: self.HOP] / self.WINDOW

    def report(self) -> SoundReport:
        """All that was found; call :meth:`end` before."""
        holes: list[SoundFault] = []
        slips: list[SoundFault] = []
        whole = self._joined()
        level = float(np.median(np.concatenate([np.abs(each.pilot) for each in whole]))) if whole else 0.0
        pilot = level > PILOT_LEVEL * 0.3
        for stretch in whole if pilot else ():
            hop = self.HOP / self._rate
            begin = stretch.begin + self.EDGE * hop
            inner = slice(self.EDGE, -self.EDGE)
            holes += _holes(begin, stretch.power[inner], level, hop)
            slips += _slips(begin, stretch.pilot[inner], level, hop)
        return SoundReport(round(self._seconds, 3), pilot, tuple(self._gaps), tuple(holes), tuple(slips))

    def _joined(self) -> list[_Stretch]:
        """Stretches that follow one another without a seam, as one; none that are empty."""
        joined: list[list[_Stretch]] = []
        seam: tuple[int, float] | None = None
        for stretch in self._stretches:
            if seam and seam[0] == stretch.run and abs(seam[1] - stretch.begin) < 1e-6:
                joined[-1].append(stretch)
            elif len(stretch.pilot):
                joined.append([stretch])
            else:
                continue
            seam = (stretch.run, stretch.begin + len(stretch.pilot) * self.HOP / self._rate)
        return [
            _Stretch(
                parts[0].run,
                parts[0].begin,
                np.concatenate([part.pilot for part in parts]),
                np.concatenate([part.power for part in parts]),
            )
            for parts in joined
        ]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Continuous sound, a value per window: the pilot's amplitude and phase, and the mean square of everything."""

    run: int
    begin: float
    pilot: NDArray[np.complex128]
    power: NDArray[np.float64]


def _sums(sound: Samples, pitch: int, rate: int, first: int, length: int) -> NDArray[np.complex128]:
    """The sound times a rotation of ``-pitch`` Hz, summed over ``length`` samples from each sample on."""
    phase = (np.arange(len(sound)) + first) * pitch % rate
    turned = np.concatenate(([0.0], np.cumsum(sound * np.exp(-2j * np.pi / rate * phase))))
    return turned[length:] - turned[:-length] if len(turned) > length else np.zeros(0, np.complex128)


def _holes(begin: float, power: NDArray[np.float64], pilot: float, hop: float) -> list[SoundFault]:
    """Where there is less sound than the pilot alone would make.

    That the pilot is absent is not enough: encoders spend nothing on it for the 20 ms about a loud transient.
    """
    quiet = np.concatenate(([False], power < (0.5 * pilot) ** 2 / 2, [False]))
    edges = np.flatnonzero(np.diff(quiet.astype(np.int8)))
    return [
        SoundFault(round(begin + float(start) * hop, 3), round(float(end - start) * hop * 1e3, 1))
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]


def _slips(begin: float, pilot: NDArray[np.complex128], level: float, hop: float) -> list[SoundFault]:
    """Where the pilot's phase is another for good: the mean over 100 ms before against that over 100 ms after.

    A window weighs what it holds of the pilot, so that one without says nothing about the phase.
    """
    span, skip = 20, 4
    total = np.concatenate(([0j], np.cumsum(pilot / np.maximum(np.abs(pilot), level))))
    at = np.arange(span + skip, len(pilot) - span - skip)
    if not len(at):
        return []
    before = total[at - skip] - total[at - skip - span]
    after = total[at + skip + span] - total[at + skip]
    turn = np.abs(np.angle(after * np.conj(before)))
    sure = (np.abs(before) > span * 0.6) & (np.abs(after) > span * 0.6)
    jumps = at[(turn > 0.4) & sure]
    groups = np.split(jumps, np.flatnonzero(np.diff(jumps) > 2 * span) + 1) if len(jumps) else []
    return [SoundFault(round(begin + float(np.median(group)) * hop, 3), 0.0) for group in groups]


def sync(flashes: list[tuple[int, float]], beeps: list[tuple[int, float]]) -> SyncReport:
    """Pair each flash with the nearest beep of its run, at most half a second away."""
    offsets: list[float] = []
    for run, at in flashes:
        near = [beep - at for other, beep in beeps if other == run and abs(beep - at) < 0.5]
        if near:
            offsets.append(min(near, key=abs) * 1e3)
    if not offsets:
        return SyncReport(len(flashes), len(beeps))
    return SyncReport(
        len(flashes), len(beeps), len(offsets),
        round(float(np.median(offsets)), 2), round(min(offsets), 2), round(max(offsets), 2),
    )  # fmt: skip


def seams(pictures: dict[int, tuple[float, float]], sounds: dict[int, tuple[float, float]]) -> list[SoundFault]:
    """Where one run follows another: picture without sound at the end of the first and the beginning of the second.

    Given the times (s) at which picture and sound of each run begin and end; what is at most
    :data:`~duologue.prover.report.SEAM_LIMIT_MS` is no seam.
    """
    found: list[SoundFault] = []
    for one, following in pairwise(run for run in pictures if run in sounds):
        heard_to = sounds[one][1]
        silent = max(0.0, pictures[one][1] - heard_to) + max(0.0, sounds[following][0] - pictures[following][0])
        if silent * 1e3 > SEAM_LIMIT_MS:
            found.append(SoundFault(round(heard_to, 3), round(silent * 1e3, 1)))
    return found
