from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.pcm import RATE
from duologue.places import packs_folder
from duologue.stage.baking.art import CharacterArt
from duologue.stage.baking.bake import bake_stage
from duologue.stage.motion.gaze import LEFT_SEAT, RIGHT_SEAT, FloorSpan, Gaze, geometries, look_at, look_starts
from duologue.stage.motion.life import BLINK, BLOCK, Life, blink_times, lids, lids_since, nod
from duologue.stage.motion.noise import ease, held, key, unit, wave
from duologue.stage.motion.pose import Lids, Lights
from duologue.stage.packs.loading import load_character, load_room

FRAME = RATE // 30


@given(st.integers(0, 2**64 - 1), st.integers(-(2**40), 2**40))
def test_chance_is_in_range_and_repeatable(source: int, index: int) -> None:
    assert 0.0 <= unit(source, index) < 1.0
    assert unit(source, index) == unit(source, index)


def test_chance_is_even_and_sources_differ() -> None:
    draws = [unit(key(1, "a"), index) for index in range(4000)]
    assert 0.48 < sum(draws) / len(draws) < 0.52
    assert len(set(draws)) == len(draws)
    assert key(1, "a") != key(1, "b") != key(2, "b")
    assert key("a", "b") != key("ab", "")


@given(st.floats(-1e4, 1e4), st.floats(0.1, 1.0))
def test_noise_is_smooth_and_bounded(x: float, moving: float) -> None:
    source = key("noise")
    assert -1.0 <= held(source, x, moving) <= 1.0
    assert abs(held(source, x + 1e-3, moving) - held(source, x, moving)) <= 2 * 1.5 * 1e-3 / moving + 1e-9
    assert wave(source, x) == held(source, x, 1.0)


def test_a_nod_begins_and_ends_at_rest() -> None:
    assert nod(0.0) == nod(0.47) == nod(-1.0) == 0.0
    assert nod(0.17) == 1.0
    assert (ease(-1), ease(0.5), ease(2)) == (0.0, 0.5, 1.0)


def test_blinks_are_one_to_eight_seconds_apart_and_some_double() -> None:
    singles: list[int] = []
    doubles = 0
    source = key(3, 0, "blinks")
    for block in range(40):
        for begun in blink_times(source, block):
            assert block * BLOCK <= begun < (block + 1) * BLOCK
            if singles and begun - singles[-1] < RATE // 2:
                doubles += 1
            else:
                singles.append(begun)
    gaps = [second - first for first, second in itertools.pairwise(singles)]
    assert min(gaps) >= RATE * 0.99
    assert max(gaps) <= 8 * RATE
    assert 0.08 < doubles / len(singles) < 0.22
    assert 2.0 < sum(gaps) / len(gaps) / RATE < 4.5


def test_every_blink_is_seen_at_30_frames_a_second() -> None:
    source = key(3, 1, "blinks")
    for begun in blink_times(source, 5):
        seen = {lids(source, at) for at in range(begun // FRAME * FRAME, begun + BLINK, FRAME)}
        assert Lids.CLOSED in seen


def test_lids_fall_faster_than_they_rise() -> None:
    states = [lids_since(at) for at in range(0, BLINK, RATE // 1000)]
    first, last = states.index(Lids.CLOSED), len(states) - states[::-1].index(Lids.CLOSED)
    assert first < len(states) - last
    assert lids_since(-1) is lids_since(BLINK) is Lids.OPEN


def test_two_characters_breathe_apart() -> None:
    left, right = Life(5, 0), Life(5, 1)
    times = range(0, 60 * RATE, RATE // 10)
    together = sum(left.breath(at) * right.breath(at) for at in times) / len(times)
    assert abs(together) < 0.25


def gaze_counts(floors: list[FloorSpan], seat: int = 0, *, tv_on: bool = False) -> dict[str, float]:
    geometry = LEFT_SEAT if seat == 0 else RIGHT_SEAT
    gaze = Gaze(9, seat, geometry)
    counts = {"other": 0, "camera": 0, "tv": 0}
    frames = 60 * 30
    for frame in range(frames):
        x, y = gaze.direction(frame * FRAME, floors, tv_on=tv_on)
        for name, target in (("other", geometry.other), ("camera", geometry.camera), ("tv", geometry.tv)):
            counts[name] += abs(x - target[0]) < 0.08 and abs(y - target[1]) < 0.08
    return {name: count / frames for name, count in counts.items()}


def test_looks_last_as_long_as_documented() -> None:
    """Where a planned block ends, too: none is cut short there."""
    starts = [start for block in range(200) for start in look_starts(key(9, 0, "looks"), block)]
    lengths = [second - first for first, second in itertools.pairwise(starts)]
    assert min(lengths) >= RATE * 6 // 10
    assert max(lengths) <= 4 * RATE
    assert 1.3 < sum(lengths) / len(lengths) / RATE < 2.1


def test_a_listener_looks_at_who_speaks() -> None:
    assert gaze_counts([FloorSpan(1, 0, 60 * RATE, False)])["other"] > 0.75


def test_a_speaker_looks_at_the_listener_and_at_us() -> None:
    counts = gaze_counts([FloorSpan(0, 0, 60 * RATE, False)])
    assert 0.45 < counts["other"] < 0.85
    assert counts["camera"] > 0.05


def test_the_tv_draws_looks_only_when_it_plays() -> None:
    assert gaze_counts([], tv_on=False)["tv"] < 0.01  # a glance may pass over it
    assert gaze_counts([], tv_on=True)["tv"] > 0.05


def test_who_thinks_looks_away_first() -> None:
    gaze = Gaze(9, 0, LEFT_SEAT)
    at = 10 * RATE + RATE // 2
    thinking = gaze.direction(at, [FloorSpan(0, 10 * RATE, 20 * RATE, True)], tv_on=False)
    assert abs(thinking[0] - LEFT_SEAT.other[0]) > 0.3


def test_a_gaze_stays_within_the_pupils_reach() -> None:
    assert look_at((100, 500), (1800, 500), 1920) == (1.0, 0.0)
    assert look_at((100, 500), (100, 500), 1920) == (0.0, 0.0)
    assert look_at((0, 0), (240, 0), 1920) == look_at((0, 0), (120, 0), 960) == (0.5, 0.0)


def test_directions_are_read_off_the_room() -> None:
    room = load_room(packs_folder() / "rooms" / "living-room", 960, 540)
    cast: list[CharacterArt] = []
    for name, place in zip(("chad", "virgin"), room.seats, strict=True):
        folder = packs_folder() / "characters" / name
        cast.append(load_character(folder, scale=place.scale, mirror=place.mirror))
    left, right = geometries(bake_stage(room, cast, Lights(), rim_step=9.0))
    assert left.other[0] > 0.8 and right.other[0] < -0.8
    assert abs(left.other[1]) < 0.4
    assert left.tv[0] > 0 > right.tv[0]
