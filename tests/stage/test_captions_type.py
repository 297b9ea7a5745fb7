from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.stage.captions.press import CaptionPress, CaptionView
from duologue.stage.captions.typesetting import SpeakerLook
from duologue.stage.compositor.planes import Sprite
from duologue.stage.motion.pose import CaptionState, CaptionWord
from few_examples import examples

LONG: list[str] = re.findall(
    r"\S+", "Listen, nobody ever lost an argument that he did not remember, and that is the point of it all."
)


def caption(words: list[str], lit: int = 0, speaker: str = "ann") -> CaptionState:
    return CaptionState(speaker, tuple(CaptionWord(word, n < lit) for n, word in enumerate(words)))


@pytest.fixture(scope="module")
def press() -> Iterator[CaptionPress]:
    made = CaptionPress(1920, 1080, {"ann": SpeakerLook("Ann", "#e8b04b")})
    yield made
    made.close()


def bytes_of(sprite: Sprite) -> list[bytes]:
    return [plane.tobytes() for plane in (sprite.luma, sprite.keep, sprite.u, sprite.v, sprite.chroma_keep)]


@pytest.mark.parametrize(
    ("width", "height"), [(320, 180), (426, 240), (640, 360), (1280, 720), (1920, 1080), (3840, 2160), (720, 720)]
)
def test_a_page_stays_within_the_safe_margins(width: int, height: int) -> None:
    page = CaptionPress(width, height).page(caption(LONG))
    assert page is not None
    visible = np.argwhere(page.dark.keep < 250)
    place = np.array([page.dark.top, page.dark.left])
    (top, left), (bottom, right) = visible.min(axis=0) + place, visible.max(axis=0) + place
    assert left >= width * 0.05 - 2 and right <= width * 0.95 + 2
    assert top > height * 0.5 and bottom <= height * 0.96


def test_on_a_small_stage_a_line_is_whole() -> None:
    """The smallest type is larger than the stage's share of it: a full line would end beyond its box."""
    words, name = LONG, "A Name As Long As Anybody Would Have Given To A Character Of Theirs"
    for width, height in ((320, 180), (256, 144)):
        with contextlib.closing(CaptionPress(width, height, {"ann": SpeakerLook(name, "#e8b04b")})) as small:
            page = small.page(caption(words))
        assert page is not None
        cells = [cell for cell in page.words if cell != (0, 0, 0, 0)]
        assert len(cells) == len(words)
        ink = np.abs(page.lit.luma.astype(int) - page.dark.luma)
        for left, top, right, bottom in cells:
            assert ink[top:bottom, left:right].max() > 20
        box = np.flatnonzero((page.dark.keep < 250).any(axis=0))
        seen = np.flatnonzero((ink > 20).any(axis=0))
        assert box[0] < seen[0] and seen[-1] < box[-1]


@pytest.mark.parametrize(("width", "height"), [(320, 180), (426, 240), (640, 360), (1920, 1080)])
def test_the_name_is_above_the_words_on_a_small_stage_too(width: int, height: int) -> None:
    """Its smallest type is larger than such a stage's share of it."""
    looks = {"tall": SpeakerLook("Äygg", "#ffffff"), "flat": SpeakerLook("-", "#ffffff")}
    with contextlib.closing(CaptionPress(width, height, looks)) as press:
        tall, flat = (press.page(caption(LONG[:3], speaker=name)) for name in looks)
    assert tall is not None and flat is not None
    assert tall.words == flat.words
    for left, top, right, bottom in tall.words:
        assert np.array_equal(tall.dark.luma[top:bottom, left:right], flat.dark.luma[top:bottom, left:right])


def test_words_have_cells_of_their_own(press: CaptionPress) -> None:
    page = press.page(caption(LONG))
    assert page is not None
    owner = np.zeros(page.dark.luma.shape, int)
    for left, top, right, bottom in page.words:
        assert left < right and top < bottom and not (left | top | right | bottom) % 2
        owner[top:bottom, left:right] += 1
    assert owner.max() == 1
    assert (page.dark.luma != page.lit.luma)[owner == 0].sum() == 0  # every letter is in the cell of its word


def test_lighting_a_word_damages_that_word_alone(press: CaptionPress) -> None:
    view = CaptionView(press)
    assert len(view.show(caption(LONG))) == 1
    rects = view.show(caption(LONG, lit=1))
    assert len(rects) == 1
    assert (rects[0][2] - rects[0][0]) * (rects[0][3] - rects[0][1]) < 200 * 70
    assert view.show(caption(LONG, lit=1)) == []


@given(st.lists(st.tuples(st.integers(0, 1), st.lists(st.booleans(), min_size=4, max_size=4)), min_size=1, max_size=6))
@settings(deadline=None, max_examples=examples(30))
def test_a_caption_is_the_same_whatever_was_lit_before(steps: list[tuple[int, list[bool]]]) -> None:
    view = CaptionView(PRESS)
    for which, lit in steps:
        words = (["one", "two", "three", "four"], ["five", "six", "seven", "eight"])[which]
        state = CaptionState("bob", tuple(CaptionWord(word, on) for word, on in zip(words, lit, strict=True)))
        view.show(state)
        fresh = CaptionView(PRESS)
        fresh.show(state)
        assert view.placed is not None and fresh.placed is not None
        assert bytes_of(view.placed.sprite) == bytes_of(fresh.placed.sprite)


PRESS = CaptionPress(640, 360)


@pytest.fixture(scope="module", autouse=True)
def press_ends() -> Iterator[None]:
    yield
    PRESS.close()


def test_the_name_is_in_the_speakers_colour(press: CaptionPress) -> None:
    ours, anonymous = press.page(caption(["Yes."])), press.page(caption(["Yes."], speaker="zoe"))
    assert ours is not None and anonymous is not None
    assert int(ours.dark.v.max()) > int(anonymous.dark.v.max()) + 10  # amber lies far from white in V
    assert bytes_of(ours.dark) != bytes_of(anonymous.dark)


def test_an_announcement_has_no_name_and_is_cut_to_two_lines(press: CaptionPress) -> None:
    short = press.page(caption(["Back", "soon."], speaker=""))
    named = press.page(caption(["Back", "soon."]))
    endless = press.page(caption(["word"] * 300, speaker=""))
    assert short is not None and named is not None and endless is not None
    assert short.dark.height < named.dark.height
    assert endless.dark.height < 260
    assert sum(cell != (0, 0, 0, 0) for cell in endless.words) < 60


def test_nothing_showable_is_no_caption(press: CaptionPress) -> None:
    view = CaptionView(press)
    assert view.show(caption(["\U0001f600"], speaker="")) == []
    assert view.placed is None
    view.show(caption(["Yes."]))
    gone = view.show(CaptionState())
    assert len(gone) == 1 and view.placed is None


def test_what_was_prepared_is_what_is_shown(press: CaptionPress) -> None:
    state = caption(["Prepared", "ahead."])
    press.prepare(state)
    assert press.page(state) is press.page(caption(["Prepared", "ahead."], lit=2))
