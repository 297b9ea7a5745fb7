"""The playout: exact to the sample, whatever the sizes of the reads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.audio.pcm import Samples
from duologue.audio.playout import FADE, Block, BlockPiece, ItemEnded, ItemStarted, Playout, PlayoutEvent
from duologue.errors import InputError, InternalError, PeerError


def tone(length: int, value: float = 1.0) -> Samples:
    """Distinct values, so that a misplaced sample shows."""
    return (value + np.arange(length) / 65_536).astype(np.float32)


def drain(playout: Playout, sizes: list[int]) -> tuple[Samples, list[PlayoutEvent], list[Block]]:
    blocks = [playout.read(size) for size in sizes]
    return np.concatenate([block.samples for block in blocks]), [e for b in blocks for e in b.events], blocks


def test_items_follow_each_other_after_their_gaps() -> None:
    playout = Playout()
    playout.enqueue("a", tone(100))
    playout.enqueue("b", tone(50, 2), gap=30)
    samples, events, _ = drain(playout, [60, 60, 60, 60])
    assert events == [ItemStarted("a", 0), ItemEnded("a", 100, 100), ItemStarted("b", 130), ItemEnded("b", 180, 50)]
    np.testing.assert_array_equal(samples, np.concatenate([tone(100), np.zeros(30), tone(50, 2), np.zeros(60)]))


def test_a_late_item_starts_at_the_next_sample_read() -> None:
    playout = Playout()
    playout.enqueue("a", tone(10))
    playout.read(100)
    playout.enqueue("b", tone(10), gap=50)
    assert playout.next_start() == ("b", 100)
    assert playout.read(5).events == (ItemStarted("b", 100),)


def test_the_gap_of_an_item_that_comes_in_time_counts_from_the_end_before() -> None:
    playout = Playout()
    playout.enqueue("a", tone(10))
    playout.read(30)
    playout.enqueue("b", tone(10), gap=50)
    assert playout.next_start() == ("b", 60)
    assert playout.read(100).events == (ItemStarted("b", 60), ItemEnded("b", 70, 10))


def test_the_first_item_begins_at_once_from_any_origin() -> None:
    playout = Playout(position=4_800)
    playout.enqueue("a", tone(10), gap=500)
    assert playout.read(20).events == (ItemStarted("a", 4_800), ItemEnded("a", 4_810, 10))
    assert not playout.busy


def test_an_item_is_announced_with_the_block_that_has_its_first_sample() -> None:
    playout = Playout()
    playout.enqueue("a", tone(10))
    playout.enqueue("b", tone(10), gap=20)
    assert playout.read(30).events == (ItemStarted("a", 0), ItemEnded("a", 10, 10))
    assert playout.withdraw("b"), "it has not begun"
    playout.enqueue("c", tone(10), gap=20)
    assert playout.read(1).events == (ItemStarted("c", 30),)


def test_an_empty_item_starts_and_ends_in_its_place() -> None:
    playout = Playout()
    for name, length in (("a", 10), ("nothing", 0), ("b", 10)):
        playout.enqueue(name, tone(length))
    events = playout.read(30).events
    assert events[1:4] == (ItemEnded("a", 10, 10), ItemStarted("nothing", 10), ItemEnded("nothing", 10, 0))
    assert events[4] == ItemStarted("b", 10)


def test_withdraw_takes_back_only_what_has_not_begun() -> None:
    playout = Playout()
    for name in "abc":
        playout.enqueue(name, tone(10), gap=5)
    playout.read(1)
    assert not playout.withdraw("a")
    assert playout.withdraw("b")
    assert not playout.withdraw("b")
    assert playout.next_start() == ("c", 15)
    assert [type(event).__name__ for event in playout.read(100).events] == ["ItemEnded", "ItemStarted", "ItemEnded"]


def test_clear_fades_within_20_ms_and_drops_the_queue() -> None:
    playout = Playout()
    playout.enqueue("a", np.ones(48_000, np.float32))
    playout.enqueue("b", tone(10), gap=7)
    playout.read(1_000)
    assert playout.clear() == (ItemEnded("b", 1_000, 0),)
    samples, events, _ = drain(playout, [100, 2_000])
    assert events == [ItemEnded("a", 1_000 + FADE, 1_000 + FADE)]
    assert np.all(np.diff(samples[:FADE]) < 0)
    assert samples[0] > 0.999
    assert samples[FADE - 1] < 0.001
    assert not samples[FADE:].any()
    assert playout.queued == ()


def test_clear_in_silence_and_clear_twice() -> None:
    playout = Playout()
    assert playout.clear() == ()
    playout.enqueue("a", np.ones(48_000, np.float32))
    playout.read(10)
    playout.clear()
    playout.read(100)
    assert playout.clear() == ()
    assert playout.read(2_000).events == (ItemEnded("a", 10 + FADE, 10 + FADE),)


def test_a_cut_fades_what_plays_and_what_is_queued_follows() -> None:
    playout = Playout()
    playout.enqueue("a", np.ones(48_000, np.float32))
    playout.enqueue("b", tone(500), 100)
    playout.read(1_000)
    playout.cut()
    assert playout.queued == ("b",)
    _, events, _ = drain(playout, [100, 2_000])
    over = 1_000 + FADE
    assert events == [ItemEnded("a", over, over), ItemStarted("b", over + 100), ItemEnded("b", over + 600, 500)]
    playout.cut()  # nothing plays
    assert not playout.busy


def test_after_clear_the_next_item_may_begin_when_the_fade_is_over() -> None:
    playout = Playout()
    playout.enqueue("a", np.ones(48_000, np.float32))
    playout.read(10)
    playout.clear()
    playout.enqueue("b", tone(5))
    assert playout.next_start() == ("b", 10 + FADE)


def test_spans_say_where_speech_is_and_will_be() -> None:
    playout = Playout()
    playout.enqueue("a", tone(100))
    playout.enqueue("b", tone(50), gap=30)
    playout.read(40)
    assert playout.spans() == ((40, 100), (130, 180))


def test_the_queue_is_bounded() -> None:
    playout = Playout(max_items=2, max_samples=100)
    playout.enqueue("a", tone(60))
    with pytest.raises(PeerError, match="full"):
        playout.enqueue("b", tone(60))
    playout.enqueue("b", tone(10))
    with pytest.raises(PeerError, match="full"):
        playout.enqueue("c", tone(1))
    playout.read(1)
    playout.enqueue("c", tone(90))


def test_bad_input_is_refused() -> None:
    playout = Playout()
    playout.enqueue("a", tone(10))
    with pytest.raises(InputError, match="already"):
        playout.enqueue("a", tone(10))
    with pytest.raises(InputError, match="gap -1"):
        playout.enqueue("b", tone(10), gap=-1)
    with pytest.raises(InputError, match="shape"):
        playout.enqueue("b", np.zeros((10, 2), np.float32))
    with pytest.raises(InternalError):
        playout.read(-1)


Items = st.lists(st.tuples(st.integers(0, 80), st.integers(0, 60)), max_size=6)


@settings(deadline=None)
@given(items=Items, sizes=st.lists(st.integers(0, 90), max_size=20), origin=st.integers(0, 100))
def test_chopping_changes_nothing(items: list[tuple[int, int]], sizes: list[int], origin: int) -> None:
    whole, chopped = Playout(origin), Playout(origin)
    for number, (length, gap) in enumerate(items):
        for playout in (whole, chopped):
            playout.enqueue(str(number), tone(length, number + 1), gap)
    total = sum(length + gap for length, gap in items) + 1
    sizes.append(max(0, total - sum(sizes)))
    expected, expected_events, _ = drain(whole, [sum(sizes)])
    samples, events, blocks = drain(chopped, sizes)
    np.testing.assert_array_equal(samples, expected)
    assert events == expected_events
    check_pieces(blocks, samples, origin)
    check_events(events, items, origin)


def check_pieces(blocks: list[Block], samples: Samples, origin: int) -> None:
    again = np.zeros_like(samples)
    reached = origin
    progress: dict[str, int] = {}
    for block in blocks:
        for piece in block.pieces:
            assert isinstance(piece, BlockPiece)
            assert block.at + piece.offset >= reached, "pieces overlap"
            reached = block.at + piece.offset + len(piece.samples)
            assert piece.start == progress.get(piece.id, 0)
            progress[piece.id] = piece.start + len(piece.samples)
            again[block.at + piece.offset - origin : reached - origin] += piece.samples
    np.testing.assert_array_equal(again, samples)


def check_events(events: list[PlayoutEvent], items: list[tuple[int, int]], origin: int) -> None:
    at, expected = origin, list[PlayoutEvent]()
    for number, (length, gap) in enumerate(items):
        start = at + gap if number else origin
        at = start + length
        expected += [ItemStarted(str(number), start), ItemEnded(str(number), at, length)]
    assert events == expected


@settings(deadline=None)
@given(
    items=Items,
    before=st.integers(0, 200),
    sizes=st.lists(st.integers(1, 300), min_size=1, max_size=8),
    fade=st.integers(1, 50),
)
def test_everything_that_went_in_ends_once_even_when_cleared(
    items: list[tuple[int, int]], before: int, sizes: list[int], fade: int
) -> None:
    playout = Playout()
    for number, (length, gap) in enumerate(items):
        playout.enqueue(str(number), tone(length), gap)
    events = [*playout.read(before).events]
    events += playout.clear(fade)
    _, rest, _ = drain(playout, [*sizes, fade])
    events += rest
    ends = [event for event in events if isinstance(event, ItemEnded)]
    assert sorted(int(event.id) for event in ends) == list(range(len(items)))
    assert all(event.played <= items[int(event.id)][0] for event in ends)
    assert not playout.busy
    assert all(event.at <= before + fade for event in ends)


def test_an_open_item_waits_in_silence_for_more_and_ends_when_it_is_closed() -> None:
    playout, sound = Playout(), np.arange(1, 101, dtype=np.float32)
    playout.enqueue("a", sound[:40], more=True)
    playout.enqueue("b", sound[:10], 5)
    assert playout.read(60).events == (ItemStarted("a", 0),)
    assert playout.current == "a"
    assert playout.extend("a", sound[:70], more=True)
    block = playout.read(40)
    assert np.array_equal(block.samples[:30], sound[40:70]) and not block.samples[30:].any()
    assert playout.extend("a", sound[:70], more=False)
    block = playout.read(50)
    assert block.events == (ItemEnded("a", 100, 70), ItemStarted("b", 105), ItemEnded("b", 115, 10))
    assert not playout.extend("a", sound, more=False)


def test_an_open_item_may_grow_while_it_is_queued() -> None:
    playout, sound = Playout(max_samples=100), np.ones(80, np.float32)
    playout.enqueue("a", sound[:40])
    playout.enqueue("b", sound[:10], more=True)
    playout.extend("b", sound[:30], more=False)
    assert playout.spans() == ((0, 40), (40, 70))
    with pytest.raises(PeerError, match="full"):
        playout.enqueue("c", sound[:40])
    playout.withdraw("b")
    playout.enqueue("c", sound[:60])


@pytest.mark.parametrize("read", [20, 60])
def test_what_was_cut_grows_no_more(read: int) -> None:
    playout, sound = Playout(), np.ones(9_000, np.float32)
    playout.enqueue("a", sound[:50], more=True)
    playout.read(read)
    playout.clear()
    assert not playout.extend("a", sound, more=True)
    (ended,) = playout.read(5_000).events
    assert isinstance(ended, ItemEnded) and ended.played == 50


def test_an_open_item_cannot_shrink() -> None:
    playout = Playout()
    playout.enqueue("a", np.ones(50, np.float32), more=True)
    with pytest.raises(InputError, match="cannot become"):
        playout.extend("a", np.ones(49, np.float32), more=True)


@given(st.lists(st.integers(0, 400), max_size=12), st.lists(st.integers(1, 300), min_size=1, max_size=40))
def test_what_comes_in_pieces_is_played_once_and_in_order(growths: list[int], reads: list[int]) -> None:
    total = 1 + sum(growths)
    sound = np.arange(1, total + 1, dtype=np.float32)
    playout, given, heard = Playout(), 1, [np.zeros(0, np.float32)]
    playout.enqueue("a", sound[:1], more=True)
    for number, count in enumerate(reads):
        if number < len(growths):
            given += growths[number]
            playout.extend("a", sound[:given], more=True)
        heard.append(playout.read(count).samples)
    playout.extend("a", sound, more=False)
    block = playout.read(total + 1)
    heard.append(block.samples)
    whole = np.concatenate(heard)
    assert np.array_equal(whole[whole > 0], sound)
    assert block.events[-1] == ItemEnded("a", block.events[-1].at, total)
