"""Two tracks that are filled apart, written together: each sound stands at its place, to the sample."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from duologue.audio.pcm import RATE, Samples, silence

LEFT, RIGHT = 0, 1
MOST_APART = 5 * RATE
"""Samples that one track of a recording may be ahead of the other; then the other is silent there."""


class Tracks:
    """Gives ``write`` pieces ``(n, 2)``, one after the other, from place 0 on.

    A track may be ``apart`` samples ahead of the other; None: only :meth:`reach` writes.
    """

    def __init__(self, write: Callable[[Samples], None], apart: int | None = MOST_APART) -> None:
        self._write = write
        self._apart = apart
        self._written = 0
        self._ends = [0, 0]
        self._held: tuple[deque[tuple[int, Samples]], deque[tuple[int, Samples]]] = (deque(), deque())

    def put(self, side: int, samples: Samples, place: int) -> None:
        """``samples`` of one side stand from ``place`` on. What lies before the end of that side, or before what is
        written, is left out.
        """
        late = max(0, max(self._ends[side], self._written) - place)
        samples, place = samples[late:], place + late
        if not len(samples):
            return
        self._held[side].append((place, samples))
        self._ends[side] = place + len(samples)
        if self._apart is not None:
            self._give(max(min(self._ends), max(self._ends) - self._apart))

    def reach(self, place: int) -> None:
        """All before ``place`` is written now; what did not come until then is silence."""
        self._give(place)

    def close(self) -> None:
        """Write what waits; the shorter track ends in silence."""
        self._give(max(self._ends))

    def _give(self, until: int) -> None:
        while self._written < until:
            count = min(until - self._written, RATE)
            both = np.stack([self._taken(side, count) for side in (LEFT, RIGHT)], axis=1)
            self._written += count
            self._write(both)

    def _taken(self, side: int, count: int) -> Samples:
        """The next ``count`` samples of one side; silence where it has none."""
        held, found = self._held[side], silence(count)
        while held and held[0][0] < self._written + count:
            place, samples = held.popleft()
            begin = place - self._written
            fits = count - begin
            found[begin : begin + len(samples)] = samples[:fits]
            if len(samples) > fits:
                held.appendleft((place + fits, samples[fits:]))
                break
        return found
