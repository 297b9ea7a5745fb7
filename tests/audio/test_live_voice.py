"""A voice that comes over a network as it is spoken: how much of it waits, in virtual time."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.live_voice import FULL_MS, MARGIN_MS, MOST_MS, SPARE_MS, LiveVoice
from duologue.audio.pcm import Samples, silence
from duologue.clock import MILLISECOND

RATE = 16_000
BLOCK_MS = 20
BLOCK = RATE * BLOCK_MS // 1000


def loud() -> Samples:
    return np.full(BLOCK, 0.3, np.float32)


class Far:
    """A playout that is given blocks when they come, and says how late each is heard."""

    def __init__(self) -> None:
        self.voice = LiveVoice(RATE)
        self.free = 0
        self.silent_ms = 0.0

    def come(self, block: Samples, now_ms: float) -> float | None:
        """How late its last sample is heard (ms); None: it is left out."""
        now = round(now_ms * MILLISECOND)
        made = self.voice.take(block, now)
        if not len(made):
            return None
        if self.free and self.free < now:
            self.silent_ms += (now - self.free) / MILLISECOND
        self.free = max(self.free, now) + len(made) * 1_000 * MILLISECOND // RATE
        return (self.free - now) / MILLISECOND


def test_a_voice_begins_a_little_behind_and_then_comes_without_a_gap() -> None:
    far = Far()
    late = [far.come(loud(), 1_000 + BLOCK_MS * number) for number in range(500)]
    assert late == [MARGIN_MS + BLOCK_MS] * 500
    assert far.silent_ms == 0 and far.voice.counts == {"dry": 1}


def test_a_way_that_is_late_now_and_then_makes_no_gap() -> None:
    far = Far()
    jitter = np.random.default_rng(3).uniform(0, MARGIN_MS - 5, 1_000)
    comes = np.maximum.accumulate(1_000 + BLOCK_MS * np.arange(1_000) + jitter)
    assert all(far.come(loud(), at) is not None for at in comes[1:])
    assert far.silent_ms == 0


def test_what_a_stall_left_waiting_goes_where_the_voice_pauses_and_every_word_is_heard() -> None:
    far = Far()
    for number in range(50):
        far.come(loud(), BLOCK_MS * number)
    for _ in range(15):  # 300 ms come at once, after as long without any
        far.come(loud(), BLOCK_MS * 64)
    words = [far.come(loud(), BLOCK_MS * number) for number in range(65, 200)]
    assert None not in words and words[-1] is not None and words[-1] > SPARE_MS
    for number in range(200, 260):
        far.come(silence(BLOCK), BLOCK_MS * number)
    after = far.come(loud(), BLOCK_MS * 260)
    assert after is not None and after <= SPARE_MS + BLOCK_MS
    assert far.voice.counts["left_out"] >= 10


def test_what_is_far_too_much_goes_at_once() -> None:
    far = Far()
    for _ in range(40):
        far.come(loud(), 0)
    late = [far.come(loud(), BLOCK_MS * number) for number in range(1, 250)]
    assert late[-1] is not None and late[-1] <= MOST_MS + BLOCK_MS


def test_a_microphone_that_was_off_begins_again() -> None:
    far = Far()
    for number in range(20):
        far.come(loud(), BLOCK_MS * number)
    assert far.come(loud(), 60_000) == MARGIN_MS + BLOCK_MS
    assert far.come(loud(), 60_000 + BLOCK_MS) == MARGIN_MS + BLOCK_MS, "it waits there until the next comes"


@given(st.lists(st.floats(0, 3_000), min_size=1, max_size=300))
def test_however_it_comes_it_is_never_later_than_is_said(pauses: list[float]) -> None:
    far, now = Far(), 0.0
    for pause in pauses:
        now += pause * (pause > 2_900)  # most come at once
        late = far.come(loud(), now)
        assert late is None or late <= FULL_MS + MARGIN_MS + 2 * BLOCK_MS
