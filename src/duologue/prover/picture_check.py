"""The picture's checks, accumulators: the cards and times of decoded frames in, figures out.

A card says how many frame periods its picture stands for. What a viewer gets less of is told apart by that: numbers
that a picture announced it stands for were *left out by design*, numbers between two runs were *skipped* at a
discontinuity, and all others that never came are *missing*.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from itertools import accumulate

from duologue.broadcast.testcard import FLASH_FRAMES, Card
from duologue.prover.report import PictureReport, RateReport

MAX_TRACKED = 3_000
"""A jump of the frame number beyond this is counted but its numbers are not kept."""
_ROUNDING = 0.002
"""Seconds by which a time in a container may be off, where its ticks are milliseconds."""


class PictureCheck:
    """Counts frames by the numbers on their cards, and steps between presentation times."""

    def __init__(self) -> None:
        self.flashes: list[tuple[int, float]] = []
        """Run and time (s) at which each flash begins."""
        self.spans: dict[int, tuple[float, float]] = {}
        """The times (s) at which each run's first picture begins and its last one ends."""
        self.decode_errors = 0
        self._frames = self._cards = 0
        self._numbers = _Numbers()
        self._flow = _Flow()
        self._place: tuple[int, float] | None = None
        self._periods = 1
        self._steps: Counter[int] = Counter()
        self._flashing = True

    @property
    def period(self) -> float:
        """Seconds that a picture which stands for one period usually lasts; 0.0 while there are not two pictures."""
        return self._steps.most_common(1)[0][0] / 1e6 if self._steps else 0.0

    @property
    def plain(self) -> bool:
        """Whether some pictures stood for more than one period."""
        return self._numbers.left_out > 0

    def add(self, run: int, at: float, card: Card | None) -> None:
        """The next frame in the order of presentation: its run, its time (s), what its card says."""
        self._frames += 1
        seam = self._place is not None and self._place[0] != run
        step = self._step(run, at)
        if card is not None:
            self._cards += 1
            fresh = self._numbers.add(card.number, card.periods, seam)
            self._flow.add(step, fresh, card.periods)
            self._flash(run, at, card, seam)
            self._periods = card.periods
        else:
            self._flow.add(step, different=False, periods=self._periods)
        self._place = (run, at)
        begin, _ = self.spans.get(run, (at, at))
        self.spans[run] = (begin, at + self._periods * self.period)

    def _step(self, run: int, at: float) -> float:
        """How long the picture before stood (s)."""
        if self._place is None:
            return 0.0
        if self._place[0] != run:
            return self._periods * self.period
        step = at - self._place[1]
        self._steps[round(step * 1e6 / self._periods)] += 1
        return step

    def _flash(self, run: int, at: float, card: Card, seam: bool) -> None:
        """Where a flash begins, also when its first frame was left out.

        One that stands already in the first frame of a run counts for nothing.
        """
        if card.flash and not (self._flashing or seam):
            period = self.period
            inside = card.number % round(1 / period) if period else 0
            self.flashes.append((run, at - (inside * period if inside < FLASH_FRAMES else 0.0)))
        self._flashing = card.flash

    def report(self) -> PictureReport:
        """As of now."""
        numbers = self._numbers
        return PictureReport(
            frames=self._frames,
            cards=self._cards,
            unreadable=self._frames - self._cards if self._cards else 0,
            missing=len(numbers.missing) + numbers.untracked,
            missing_numbers=tuple(numbers.missing)[:10],
            repeated=numbers.repeated,
            out_of_order=numbers.late,
            left_out=numbers.left_out,
            skipped=numbers.skipped,
            skips=numbers.skips,
            largest_step_ms=max(self._steps, default=0) / 1e3,
            smallest_step_ms=min(self._steps, default=0) / 1e3,
            nominal_step_ms=self.period * 1e3,
            rate=self._flow.report(self.period) if self._cards else None,
            decode_errors=self.decode_errors,
        )


class _Numbers:
    """Which numbers came, and why others did not."""

    def __init__(self) -> None:
        self.repeated = self.late = self.untracked = self.left_out = self.skipped = self.skips = 0
        self.missing: dict[int, None] = {}
        self._highest: int | None = None
        """The last period for which there was a picture."""

    def add(self, number: int, periods: int, seam: bool) -> bool:
        """The next picture: its number, the periods it stands for, whether it begins a run. True if it is a new one."""
        if self._highest is not None and number <= self._highest:
            return self._again(number, periods)
        if self._highest is not None:
            self._jump(self._highest + 1, number, seam)
        self._highest = number + periods - 1
        self.left_out += periods - 1
        return True

    def _jump(self, expected: int, number: int, seam: bool) -> None:
        jump = number - expected
        if seam:
            self.skipped += jump
            self.skips += jump > 0
        elif jump > MAX_TRACKED:
            self.untracked += jump
        else:
            self.missing |= dict.fromkeys(range(expected, number))

    def _again(self, number: int, periods: int) -> bool:
        if number not in self.missing:
            self.repeated += 1
            return False
        for covered in range(number, number + periods):
            self.missing.pop(covered, None)
        self.late += 1
        self.left_out += periods - 1
        return True


class _Flow:
    """Different pictures in the time of a player, to whom runs follow one another without a pause."""

    def __init__(self) -> None:
        self._now = self._changed = 0.0
        self._shown: deque[float] = deque()
        self._seconds: Counter[int] = Counter()
        """Microseconds at which the second before had shown so many different pictures."""
        self._largest = 0.0
        self._plain = 0
        self._changes = 0
        self._periods: int | None = None

    def add(self, step: float, different: bool, periods: int) -> None:
        """A picture, ``step`` seconds after the one before; whether it shows another number."""
        self._now += step
        while self._shown and self._shown[0] < self._now - 1 - _ROUNDING:
            self._shown.popleft()
        if self._now >= 1 - _ROUNDING:
            self._seconds[len(self._shown)] += round(step * 1e6)
        if not different:
            return
        self._largest = max(self._largest, self._now - self._changed)
        self._changed = self._now
        self._shown.append(self._now)
        self._plain += periods if periods > 1 else 0
        self._changes += self._periods not in (None, periods)
        self._periods = periods

    def report(self, period: float) -> RateReport | None:
        """As of now, if a second was seen; ``period`` is a frame period (s)."""
        if not self._seconds:
            return None
        ordered = sorted(self._seconds)
        until = list(accumulate(self._seconds[count] for count in ordered))
        standing = self._now - self._changed + (self._periods or 1) * period  # the last one of all
        return RateReport(
            least=ordered[0],
            median=ordered[bisect_left(until, until[-1] / 2)],
            largest_step_ms=round(max(self._largest, standing) * 1e3, 3),
            reduced_seconds=round(self._plain * period, 3),
            changes=self._changes,
        )
