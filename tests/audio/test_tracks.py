"""Two tracks that are filled apart stand where they belong."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.pcm import Samples, silence
from duologue.audio.tracks import LEFT, MOST_APART, RIGHT, Tracks


class Kept:
    def __init__(self, apart: int = MOST_APART) -> None:
        self.pieces: list[Samples] = []
        self.tracks = Tracks(self.pieces.append, apart)

    @property
    def written(self) -> int:
        return sum(map(len, self.pieces))

    def whole(self) -> Samples:
        self.tracks.close()
        return np.concatenate([np.zeros((0, 2), np.float32), *self.pieces])


def tone(count: int, level: float = 0.5) -> Samples:
    return np.full(count, level, np.float32)


def test_two_voices_that_come_in_blocks_of_their_own() -> None:
    kept = Kept()
    for number in range(10):
        kept.tracks.put(LEFT, tone(70, 0.25), number * 70)
    kept.tracks.put(RIGHT, silence(200), 0)
    for number in range(4):
        kept.tracks.put(RIGHT, tone(150, 0.75), 200 + number * 150)
    written = kept.whole()
    assert written.shape == (800, 2)
    assert (written[:700, 0] == 0.25).all() and not written[700:, 0].any()
    assert not written[:200, 1].any() and (written[200:, 1] == 0.75).all()


def test_a_voice_that_does_not_come_is_not_waited_for_and_keeps_its_place_when_it_does() -> None:
    kept = Kept(apart=100)
    kept.tracks.put(LEFT, tone(150), 0)
    assert kept.written == 50
    kept.tracks.put(RIGHT, tone(30), 40)  # ten of them come too late
    kept.tracks.put(LEFT, tone(500), 150)
    kept.tracks.put(RIGHT, tone(10), 620)
    written = kept.whole()
    assert np.flatnonzero(written[:, 1]).tolist() == [*range(50, 70), *range(620, 630)]


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(-50, 400), st.integers(0, 90)), max_size=30),
)
def test_every_sample_stands_at_its_place_or_was_there_before(puts: list[tuple[int, int, int]]) -> None:
    kept = Kept()
    ends, wanted = [0, 0], np.zeros((600, 2), np.float32)
    for side, place, count in puts:
        values = np.arange(place, place + count, dtype=np.float32) + 1000
        kept.tracks.put(side, values, place)
        first = max(place, ends[side])
        if first < place + count:
            wanted[first : place + count, side] = values[first - place :]
            ends[side] = place + count
    written = kept.whole()
    assert len(written) == max(ends)
    assert (written == wanted[: len(written)]).all()
