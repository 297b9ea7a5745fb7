from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.errors import InputError
from duologue.stage.frames import Damage, FrameRing, Rect, area, check_size, damage_of, intersection, merge

WIDTH, HEIGHT = 64, 48

even_rects = st.tuples(
    st.integers(0, WIDTH // 2 - 1), st.integers(0, HEIGHT // 2 - 1), st.integers(1, 16), st.integers(1, 16)
).map(lambda r: (2 * r[0], 2 * r[1], min(WIDTH, 2 * (r[0] + r[2])), min(HEIGHT, 2 * (r[1] + r[3]))))


def covered(rects: tuple[Rect, ...] | list[Rect]) -> set[tuple[int, int]]:
    return {(x, y) for left, top, right, bottom in rects for x in range(left, right, 2) for y in range(top, bottom, 2)}


@given(st.lists(even_rects, max_size=20))
def test_merged_rectangles_cover_all_that_was_given(rects: list[Rect]) -> None:
    merged = merge(rects)
    assert covered(rects) <= covered(merged)
    assert len(merged) <= 12
    assert damage_of(rects).pixels == sum(area(rect) for rect in merged)


def test_a_head_over_its_body_is_not_drawn_twice() -> None:
    head, body = (20, 0, 40, 30), (10, 20, 60, 40)
    assert sorted(merge([head, body])) == [(10, 20, 60, 40), (20, 0, 40, 20)]
    assert sorted(merge([body, head])) == [(10, 20, 60, 40), (20, 0, 40, 20)]
    assert damage_of([(0, 0, 10, 40), (4, 10, 30, 20)]).pixels == 400 + 200
    assert damage_of([(20, 0, 30, 40), (4, 10, 26, 20)]).pixels == 400 + 160


def test_far_rectangles_stay_apart_and_a_contained_one_goes() -> None:
    assert merge([(0, 0, 4, 4), (40, 40, 44, 44), (0, 0, 2, 2)]) == ((0, 0, 4, 4), (40, 40, 44, 44))
    assert intersection((0, 0, 4, 4), (4, 0, 8, 4)) is None


@pytest.mark.parametrize(("width", "height"), [(641, 360), (640, 361), (0, 360), (640, 8), (9000, 360)])
def test_a_size_that_cannot_be_drawn_is_refused(width: int, height: int) -> None:
    with pytest.raises(InputError) as refused:
        check_size(width, height)
    assert f"{width}x{height}" in refused.value.what
    assert refused.value.remedy


@given(st.integers(1, 5), st.lists(st.lists(even_rects, max_size=4), min_size=1, max_size=12))
def test_every_published_frame_equals_the_canvas(count: int, frames: list[list[Rect]]) -> None:
    canvas = np.zeros((HEIGHT * 3 // 2, WIDTH), np.uint8)
    ring = FrameRing(canvas, count)
    planes = canvas[:HEIGHT], canvas[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    for number, rects in enumerate(frames):
        damage = damage_of(rects)
        for left, top, right, bottom in damage.rects:
            planes[0][top:bottom, left:right] += number + 1
            planes[1][:, top // 2 : bottom // 2, left // 2 : right // 2] += number + 7
        index = ring.publish(damage)
        assert index == number % count
        assert np.array_equal(ring.buffers[index], canvas)


def test_a_buffer_that_was_handed_out_is_left_alone_for_a_round() -> None:
    canvas = np.zeros((HEIGHT * 3 // 2, WIDTH), np.uint8)
    ring = FrameRing(canvas, 3)
    first = ring.buffers[ring.publish(Damage((), 0))]
    canvas[:] = 9
    whole = Damage(((0, 0, WIDTH, HEIGHT),), WIDTH * HEIGHT)
    ring.publish(whole)
    ring.publish(Damage((), 0))
    assert not first.any()
    assert ring.buffers[ring.publish(Damage((), 0))] is first
    assert (first == 9).all()
