"""Pages are there when their frame comes; a frame never waits for one; memory is bounded whatever is queued."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from duologue.speech.utterance import Utterance
from duologue.stage.captions.captions import caption_at, track_of
from duologue.stage.captions.press import AHEAD, QUEUED, SHOWN, CaptionPress, CaptionView
from duologue.stage.captions.typesetting import CaptionPage, Typesetter
from duologue.stage.motion.pose import CaptionState, CaptionWord

TEXT = "Listen, nobody ever lost an argument that he did not remember, and that is the whole point."


def caption(number: int, lit: int = 0, speaker: str = "ann") -> CaptionState:
    words = [f"{number}:", *TEXT.split()]
    return CaptionState(speaker, tuple(CaptionWord(word, n < lit) for n, word in enumerate(words)))


class Workbench:
    """Counts what is set, and can hold it up."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.set: Counter[str] = Counter()
        self.go = threading.Event()
        self.go.set()
        whole = Typesetter.page

        def page(typesetter: Typesetter, speaker: str, texts: Sequence[str]) -> CaptionPage | None:
            assert self.go.wait(20)
            self.set[texts[0]] += 1
            return whole(typesetter, speaker, texts)

        monkeypatch.setattr(Typesetter, "page", page)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Workbench:
    return Workbench(monkeypatch)


def until(condition: Callable[[], bool]) -> None:
    """Wait for the press's thread to have done it."""
    for _ in range(10_000):
        if condition():
            return
        threading.Event().wait(0.001)
    raise AssertionError("the press did nothing")


def test_what_is_queued_never_pushes_out_what_is_needed_sooner(bench: Workbench) -> None:
    press = CaptionPress(640, 360, patient=False)
    press.prepare(*map(caption, range(60)))
    for number in range(60):
        until(lambda number=number: press.kept == AHEAD + min(number, SHOWN))
        assert press.ready(caption(number)), number
        page = press.page(caption(number))
        press.prepare(caption(100 + number))
        assert press.page(caption(number, lit=3)) is page
        assert press.kept <= AHEAD + SHOWN
    assert all(count == 1 for count in bench.set.values())
    press.close()


def test_pages_of_lines_that_were_taken_back_or_cut_make_room(bench: Workbench) -> None:
    press = CaptionPress(640, 360, patient=False)
    press.prepare(*map(caption, range(40)))
    until(lambda: press.kept == AHEAD)
    assert not press.ready(caption(30))
    until(lambda: press.ready(caption(30)))
    until(lambda: press.kept == AHEAD + 1)
    assert set(bench.set) == {f"{number}:" for number in (*range(AHEAD), *range(30, 31 + AHEAD))}
    assert press.ready(caption(31))
    press.close()


def test_an_announcement_between_two_lines_comes_back_at_once(bench: Workbench) -> None:
    press = CaptionPress(640, 360)
    notice = caption(99, speaker="")
    press.prepare(*map(caption, range(4)))
    for number in range(4):
        assert press.page(notice) is press.page(notice)
        assert press.page(caption(number)) is not None
    press.close()
    assert bench.set["99:"] == 1


def test_a_page_that_is_late_holds_no_frame_and_the_caption_before_stays(bench: Workbench) -> None:
    press = CaptionPress(640, 360, patient=False)
    view = CaptionView(press)
    press.prepare(caption(0))
    until(lambda: press.kept == 1)
    assert len(view.show(caption(0))) == 1
    before = view.placed
    bench.go.clear()
    for lit in range(5):
        assert view.show(caption(1, lit=lit)) == []
        assert view.placed is before
    bench.go.set()
    until(lambda: press.ready(caption(1)))
    assert view.show(caption(1, lit=5)) != []
    fresh = CaptionView(CaptionPress(640, 360))
    fresh.show(caption(1, lit=5))
    assert view.placed is not None and fresh.placed is not None
    assert np.array_equal(view.placed.sprite.luma, fresh.placed.sprite.luma)
    assert len(view.show(CaptionState())) == 1  # to show nothing is never late
    press.close()


def test_offline_a_frame_waits_for_its_page(bench: Workbench) -> None:
    view = CaptionView(CaptionPress(640, 360, patient=True))
    bench.go.clear()
    threading.Timer(0.01, bench.go.set).start()
    assert len(view.show(caption(1))) == 1


def test_many_threads_may_announce_while_one_shows() -> None:
    press = CaptionPress(320, 180)
    lines = [[caption(1000 * thread + number) for number in range(40)] for thread in range(3)]

    def announce(states: list[CaptionState]) -> None:
        for state in states:
            press.prepare(state)

    threads = [threading.Thread(target=announce, args=[states]) for states in lines]
    for thread in threads:
        thread.start()
    for state in [state for states in zip(*lines, strict=True) for state in states]:
        page = press.page(state)
        assert page is not None and len(page.words) == len(state.words)
        assert press.kept <= AHEAD + SHOWN
    for thread in threads:
        thread.join()
    press.close()


def test_what_may_wait_is_bounded_and_what_is_beyond_is_set_when_needed(bench: Workbench) -> None:
    press = CaptionPress(320, 180)
    bench.go.clear()
    press.prepare(*(caption(number) for number in range(QUEUED + 5)))
    bench.go.set()
    assert press.page(caption(QUEUED + 3)) is not None
    press.close()


def test_a_page_at_1080p_takes_little_memory() -> None:
    press = CaptionPress(1920, 1080)
    page = press.page(caption(7))
    assert page is not None
    planes = {id(plane): plane.nbytes for sprite in (page.dark, page.lit) for plane in (
        sprite.luma, sprite.keep, sprite.u, sprite.v, sprite.chroma_keep)}  # fmt: skip
    assert sum(planes.values()) < 1_600_000
    press.close()


def test_a_text_that_no_typesetter_takes_is_named_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> CaptionPage | None:
        raise OSError("raster overflow")

    press = CaptionPress(640, 360, patient=False)
    view = CaptionView(press)
    monkeypatch.setattr(Typesetter, "page", refuse)
    until(lambda: press.ready(caption(5)))
    assert view.show(caption(5)) == [] and view.placed is None
    failure = press.failure()
    assert failure is not None and failure.where.startswith("5: Listen,") and "overflow" in failure.what
    assert press.failure() is None
    monkeypatch.undo()
    until(lambda: press.ready(caption(6)))
    assert len(view.show(caption(6))) == 1
    press.close()


def test_a_machine_without_another_thread_shows_no_caption_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    press = CaptionPress(640, 360, patient=False)
    view = CaptionView(press)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert view.show(caption(5)) == []
    failure = press.failure()
    assert failure is not None and failure.where.startswith("5: Listen,")
    monkeypatch.undo()
    until(lambda: press.ready(caption(6)))
    assert len(view.show(caption(6))) == 1
    press.close()


def test_a_word_without_end_is_cut_to_the_line() -> None:
    press = CaptionPress(1920, 1080)
    page = press.page(CaptionState("", (CaptionWord("x" * 200_000), CaptionWord("end"))))
    assert page is not None
    assert 1300 < page.words[0][2] - page.words[0][0] < 1540
    assert page.dark.width < 1920 * 0.9
    press.close()


def test_live_the_press_lowers_its_own_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    lowered: list[str] = []
    monkeypatch.setattr(
        "duologue.stage.captions.press.lower_this_thread", lambda: lowered.append(threading.current_thread().name)
    )
    for patient in (True, False):
        press = CaptionPress(320, 180, patient=patient)
        press.page(caption(1))
        press.close()
    assert lowered == ["captions"]


def test_the_track_of_what_is_on_air_outlasts_what_is_queued() -> None:
    def utterance(number: int) -> Utterance:
        return Utterance(f"line {number}", "ann", "Yes, no.", np.zeros(4800, np.float32), 48_000)

    on_air = utterance(-1)
    track = track_of(on_air)
    for number in range(300):
        track_of(utterance(number))
        assert caption_at(on_air, 0, 100).words
        assert track_of(on_air) is track
