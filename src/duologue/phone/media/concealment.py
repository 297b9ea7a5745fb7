"""What stands for lost packets: the last pitch period goes on, and fades (in the manner of G.711, Appendix I).

The Appendix delays all sound by 3.75 ms, to change its end when a loss follows; we do not, and overlap at the beginning
of what is made up instead. Ears that recognise speech lose nothing by it, and first words come no later.
"""

from __future__ import annotations

import numpy as np

from duologue.audio.pcm import Samples

LOWEST_HZ, HIGHEST_HZ = 66, 200
"""Of the pitch that is looked for (I.2.1)."""
HISTORY_MS, MATCHED_MS, OVERLAP_MS = 50, 20, 4
"""What is kept of the sound before a loss; how much of its end is looked for in it; how long two sounds overlap."""
HOLD_MS, GONE_MS = 10, 60
"""It sounds unchanged for so long, and is silent after so long (I.2.6)."""


class Concealment:
    """Of one source at ``rate`` Hz, mono. Give all sound to :meth:`heard`; :meth:`conceal` makes up what is lost."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._history = np.zeros(rate * HISTORY_MS // 1000, np.float32)
        self._period = np.zeros(0, np.float32)
        self._phase = self._made = 0
        self._overlap = rate * OVERLAP_MS // 1000

    def heard(self, samples: Samples) -> Samples:
        """Sound that came, as it is to be heard: after a loss it comes in over the end of what was made up."""
        if self._made and len(samples):
            count = min(self._overlap, len(samples))
            rising = np.linspace(0, 1, count, endpoint=False, dtype=np.float32)
            samples = samples.copy()
            samples[:count] = samples[:count] * rising + self._continued(count) * (1 - rising)
        self._made = 0
        self._remember(samples)
        return samples

    def conceal(self, count: int) -> Samples:
        """``count`` samples for what was lost."""
        if not self._made:
            self._period, self._phase = self._last_period(), 0
        return self._continued(count)

    def _continued(self, count: int) -> Samples:
        places = (self._phase + np.arange(count)) % len(self._period)
        since = (self._made + np.arange(count)) * 1000 / self._rate
        gain = np.clip((GONE_MS - since) / (GONE_MS - HOLD_MS), 0, 1).astype(np.float32)
        self._phase = (self._phase + count) % len(self._period)
        self._made += count
        return self._period[places] * gain

    def _last_period(self) -> Samples:
        """The last pitch period, its end drawn over its beginning so that it repeats without a step."""
        lag = self._pitch()
        period = self._history[-lag:].copy()
        count = min(self._overlap, lag // 4)
        before = self._history[-lag - count : -lag]
        falling = np.linspace(1, 0, count, endpoint=False, dtype=np.float32)
        # the samples that led to this period also lead to its repetition
        period[-count:] = period[-count:] * falling + before * (1 - falling)
        return period

    def _pitch(self) -> int:
        """The lag (samples) at which the end of the history is most like itself, by normalised correlation."""
        shortest, longest = self._rate // HIGHEST_HZ, self._rate // LOWEST_HZ
        matched = self._rate * MATCHED_MS // 1000
        target = self._history[-matched:]
        windows = np.lib.stride_tricks.sliding_window_view(self._history, matched)
        begin = len(windows) - 1
        candidates = windows[begin - longest : begin - shortest + 1][::-1]
        energy = np.einsum("ij,ij->i", candidates, candidates)
        likeness = (candidates @ target) / np.sqrt(np.maximum(energy, 1e-9))
        return shortest + int(np.argmax(likeness))

    def _remember(self, samples: Samples) -> None:
        keep = len(self._history)
        self._history = np.concatenate([self._history, samples])[-keep:]
