from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from duologue.audio.pcm import RATE
from duologue.speech.utterance import Utterance
from duologue.stage.timeline import CAPACITY, LONGEST_THOUGHT, MEMORY, SceneTimeline, Thought, TimelineUtterance


def utterance(name: str, length: int, rate: int = RATE) -> Utterance:
    return Utterance(name, "chad", "", np.zeros(length, np.float32), rate)


def spoken(name: str, start: int, length: int) -> TimelineUtterance:
    return TimelineUtterance(utterance(name, length), 0, start)


def names(lines: tuple[TimelineUtterance, ...]) -> list[str]:
    return [line.utterance.id for line in lines]


def test_a_line_at_another_rate_is_measured_in_show_samples() -> None:
    line = TimelineUtterance(utterance("a", 22_050, 22_050), 0, 0)
    assert (line.length, line.end) == (RATE, RATE)


def test_recent_is_the_newest_first() -> None:
    timeline = SceneTimeline()
    for name, start in (("b", 200), ("a", 0), ("c", 400)):
        timeline.add(spoken(name, start, 100))
    assert names(timeline.recent(399)) == ["b", "a"]
    assert [line.utterance.id for line in timeline] == ["a", "b", "c"]


def test_cut_ends_what_plays_and_drops_what_follows() -> None:
    timeline = SceneTimeline()
    for name, start in (("a", 0), ("b", 100), ("c", 250)):
        timeline.add(spoken(name, start, 100))
    timeline.cut(150)
    a, b = timeline
    assert (a.interrupted, a.end) == (False, 100)
    assert (b.interrupted, b.end) == (True, 150)


def test_a_line_that_begins_at_the_cut_never_begins() -> None:
    timeline = SceneTimeline()
    timeline.add(spoken("a", 100, 50))
    timeline.cut(100)
    assert list(timeline) == []


def test_a_thought_lasts_from_the_end_of_who_speaks_to_the_next_word() -> None:
    timeline = SceneTimeline()
    timeline.add(spoken("a", 0, 100))
    timeline.ponder(1, 40)
    assert timeline.thoughts(99) == ()
    assert timeline.thoughts(100) == (Thought(1, 100, 100 + LONGEST_THOUGHT),)
    timeline.add(spoken("b", 300, 100))
    assert timeline.thoughts(350) == (Thought(1, 100, 300),)
    timeline.shift(50)
    assert timeline.thoughts(400) == (Thought(1, 150, 350),)
    timeline.prune(1000)
    assert timeline.thoughts(2000) == ()


def test_a_thought_lasts_as_long_however_early_it_was_announced_and_whatever_is_forgotten_meanwhile() -> None:
    """The line before it goes on for longer than anybody thinks, and is pruned while the thought shows."""
    timeline = SceneTimeline()
    length = LONGEST_THOUGHT + 3 * RATE
    timeline.add(spoken("a", 0, length))
    timeline.ponder(1, RATE)
    lasts = Thought(1, length, length + LONGEST_THOUGHT)
    for at in range(0, lasts.end + MEMORY, RATE // 2):
        timeline.prune(at - MEMORY)
        assert timeline.thoughts(at) == ((lasts,) if at >= length else ())
    timeline.prune(lasts.end + 1)
    assert timeline.thoughts(lasts.end + 1) == ()


def test_a_thought_behind_which_somebody_speaks_at_once_never_was() -> None:
    timeline = SceneTimeline()
    timeline.ponder(1, 100)
    timeline.add(spoken("a", 101, 50))
    timeline.ponder(0, 120)
    timeline.add(spoken("b", 151, 50))
    assert timeline.thoughts(180) == (Thought(1, 100, 101),)


def test_the_first_of_two_cuts_wins() -> None:
    timeline = SceneTimeline()
    timeline.add(spoken("a", 0, 100))
    timeline.cut(40)
    timeline.cut(80)
    assert next(iter(timeline)).end == 40


def test_after_a_shift_speech_goes_on_where_it_stopped() -> None:
    timeline = SceneTimeline()
    for name, start in (("cut", 0), ("said", 90), ("next", 400)):
        timeline.add(spoken(name, start, 200))
        if name == "cut":
            timeline.cut(80)
    before = [names(timeline.recent(at)) for at in range(100, 700)]
    timeline.shift(5000)
    assert before == [names(timeline.recent(at)) for at in range(5100, 5700)]
    cut, said, following = timeline
    assert (cut.interrupted, cut.end) == (True, 5080)
    assert (said.start, said.end, said.interrupted) == (5090, 5290, False)
    assert following.start == 5400


def test_a_line_that_is_cut_after_a_shift_ends_there() -> None:
    timeline = SceneTimeline()
    timeline.add(spoken("a", 0, 200))
    timeline.shift(1000)
    timeline.cut(1100)
    assert next(iter(timeline)).end == 1100


def test_prune_forgets_only_what_ended() -> None:
    timeline = SceneTimeline()
    timeline.add(spoken("long", 0, 1000))
    timeline.add(spoken("short", 10, 10))
    timeline.add(spoken("later", 2000, 10))
    timeline.prune(1500)
    assert [line.utterance.id for line in timeline] == ["later"]


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 500)), max_size=200))
def test_it_is_sorted_and_bounded(lines: list[tuple[int, int]]) -> None:
    timeline = SceneTimeline()
    for index, (start, length) in enumerate(lines):
        timeline.add(spoken(str(index), start, length))
    starts = [line.start for line in timeline]
    assert starts == sorted(starts)
    assert len(starts) == min(CAPACITY, len(lines))
