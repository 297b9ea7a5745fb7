"""The core of a far end: what it is sent, and what is believed of what it says."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from session_doubles import loud_utterance

from duologue.audio.far_playout import FarEndMessage, Manners, MessageKind
from duologue.audio.pcm import RATE
from duologue.clock import MILLISECOND, SECOND
from duologue.dialogue.far_end.clock import FarClock
from duologue.dialogue.far_end.state import MAX_ITEMS, FarEnd
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayProgress, PlayStarted
from duologue.errors import InputError, PeerError

MS = MILLISECOND
HELLO = loud_utterance("hello there my friend", "ada", "u1")
"""1.2 s, 14,400 samples a word."""
AGAIN = replace(HELLO, id="u2")


def test_one_whose_clock_is_ours_stamps_when_it_is_heard() -> None:
    """It knows the way itself, half of the round trip: nothing of that is to be taken off again."""
    far = far_end(Manners(same_clock=True))
    far.round_trip(100)
    far.play(HELLO, 0, 0)
    sent(far, 0)
    far.acknowledge("u1", 4_800, 150 * MS, 151 * MS)
    assert far.take_reports() == [PlayStarted("u1", 50 * MS), PlayProgress("u1", 150 * MS, 4_800)]
    far.clear(160 * MS)
    far.stopped("u1", 9_600, 250 * MS, 200 * MS)  # it fades on the way
    assert far.take_reports() == [PlayEnded("u1", 250 * MS, 9_600)]


@pytest.mark.parametrize("cleared", [False, True])
@pytest.mark.parametrize("manners", [Manners(), Manners(acknowledges=False, holds=False)])
def test_the_far_end_learns_that_an_utterance_is_whole_also_when_all_of_it_was_heard(
    manners: Manners, cleared: bool
) -> None:
    """A voice says that it is over some time after its last sound; what is open there keeps what follows waiting."""
    far = far_end(manners)
    far.play(replace(HELLO, open=True), 0, 0)
    sent(far, 0)
    if manners.acknowledges:
        far.acknowledge("u1", len(HELLO.samples), None, 2 * SECOND)
    far.extend(HELLO, 3 * SECOND)
    far.tick(3 * SECOND)
    assert ends(far.take_reports()) == {"u1": (len(HELLO.samples), not manners.acknowledges)}
    if cleared:
        far.clear(3 * SECOND)
    far.play(AGAIN, 0, 3 * SECOND)
    told = [(message.kind, message.id, message.more) for message in sent(far, 3 * SECOND)]
    assert told == [(MessageKind.EXTEND, "u1", False), (MessageKind.PLAY, "u2", False)]


NOTHING = Manners(acknowledges=False, tells_stop=False)
MANY = [Manners(), Manners(piece_ms=300), NOTHING, Manners(holds=False), Manners(tells_stop=False, holds=False)]
ACTS = [
    *("play", "send", "send", "acknowledge", "acknowledge", "extend", "stopped", "marked"),
    *("pause", "resume", "clear", "attach", "detach", "withdraw"),
]


def far_end(manners: Manners | None = None) -> FarEnd:
    far = FarEnd(manners or Manners())
    far.attach(0)
    return far


def sent(far: FarEnd, now: int) -> list[FarEndMessage]:
    """All that can be sent now, and has left."""
    found: list[FarEndMessage] = []
    while message := far.next_message(now):
        found.append(message)
        if message.samples is not None:
            far.left(message.id, message.end, now)
    return found


def pass_time(far: FarEnd, begin: int, end: int) -> list[PlayEvent | PlayProgress]:
    """Its deadlines between the two, in order."""
    found: list[PlayEvent | PlayProgress] = []
    now, ticks = begin, 0
    while (due := far.deadline()) is not None and due <= end:
        now, ticks = max(now, due), ticks + 1
        far.tick(now)
        found += far.take_reports()
        assert ticks < 1000, "its deadline does not move"
    far.tick(end)
    return found + far.take_reports()


def ends(reports: list[PlayEvent | PlayProgress]) -> dict[str, tuple[int, bool]]:
    found = [report for report in reports if isinstance(report, PlayEnded)]
    assert len({report.utterance_id for report in found}) == len(found), "an utterance ended twice"
    return {report.utterance_id: (report.played_samples, report.estimated) for report in found}


def kinds(messages: list[FarEndMessage]) -> list[tuple[MessageKind, str]]:
    return [(message.kind, message.id) for message in messages]


# What is sent


def test_orders_become_messages_with_a_sequence() -> None:
    far = far_end()
    far.play(HELLO, 0, 0)
    far.play(AGAIN, 120, 0)
    first, second = sent(far, 0)
    assert (first.kind, first.id, first.start, first.gap, first.more) == (MessageKind.PLAY, "u1", 0, 0, False)
    assert (second.kind, second.id, second.gap) == (MessageKind.PLAY, "u2", 120 * 48)
    assert first.samples is not None and np.array_equal(first.samples, HELLO.samples)
    far.pause(0)
    far.resume(0)
    assert sent(far, 0) == []  # nobody needs to know
    far.pause(0)
    assert kinds(sent(far, 0)) == [(MessageKind.PAUSE, "")]
    far.resume(0)
    far.clear(0)
    clear = sent(far, 0)
    assert kinds(clear) == [(MessageKind.CLEAR, "")]
    assert [first.sequence, second.sequence, clear[0].sequence] == [1, 2, 4]


def test_an_utterance_that_grows_is_continued_and_closed() -> None:
    far = far_end()
    far.play(replace(HELLO, samples=HELLO.samples[:9_600], open=True), 0, 0)
    (first,) = sent(far, 0)
    assert first.more and first.end == 9_600
    far.extend(replace(HELLO, samples=HELLO.samples[:19_200], open=True), 10 * MS)
    far.extend(HELLO, 20 * MS)
    (second,) = sent(far, 20 * MS)
    assert (second.kind, second.start, second.end, second.more) == (
        MessageKind.EXTEND,
        9_600,
        HELLO.samples.size,
        False,
    )
    far.play(replace(AGAIN, open=True), 0, 0)
    sent(far, 0)
    far.extend(AGAIN, 0)
    (last,) = sent(far, 0)
    assert last.samples is not None and not len(last.samples) and not last.more


def test_pieces_carry_marks_and_what_is_cleared_before_it_left_never_does() -> None:
    far = far_end(Manners(piece_ms=200))
    far.play(HELLO, 0, 0)
    pieces: list[FarEndMessage] = []
    for _ in range(3):
        message = far.next_message(0)
        assert message is not None
        far.left(message.id, message.end, 0)
        pieces.append(message)
    assert [each.end for each in pieces] == [9_600, 19_200, 28_800] and len({each.mark for each in pieces}) == 3
    far.play(AGAIN, 0, 0)
    far.clear(100 * MS)
    assert kinds(sent(far, 100 * MS)) == [(MessageKind.CLEAR, "")]
    assert ends(far.take_reports()) == {"u2": (0, False)}


def test_what_cannot_be_played_is_refused() -> None:
    far = far_end()
    far.play(HELLO, 0, 0)
    with pytest.raises(InputError, match="already"):
        far.play(HELLO, 0, 0)
    with pytest.raises(InputError, match="24000"):
        far.play(replace(HELLO, id="u3", rate=24_000), 0, 0)
    for number in range(MAX_ITEMS - 1):
        far.play(replace(HELLO, id=f"x{number}"), 0, 0)
    with pytest.raises(PeerError, match="wait for the far end"):
        far.play(AGAIN, 0, 0)


def test_what_may_have_begun_is_not_taken_back() -> None:
    far = far_end()
    far.play(HELLO, 0, 0)
    far.play(AGAIN, 0, 0)
    assert far.withdraw("u2", 0) and sent(far, 0)[-1].id == "u1"  # it was never sent
    far.play(AGAIN, 0, 0)
    sent(far, 0)
    assert far.withdraw("u2", 100 * MS) and kinds(sent(far, 100 * MS)) == [(MessageKind.WITHDRAW, "u2")]
    assert not far.withdraw("u1", 100 * MS) and not far.withdraw("u9", 100 * MS)
    far.play(replace(HELLO, id="u3"), 0, 100 * MS)
    sent(far, 100 * MS)
    far.round_trip(400)
    assert not far.withdraw("u3", 1_160 * MS)  # the word would come too late
    assert ends(far.take_reports()) == {}


def test_who_cannot_forget_one_utterance_forgets_all_and_gets_the_others_again() -> None:
    far = far_end(Manners(tells_stop=False, holds=False))
    far.play(HELLO, 0, 0)
    far.play(AGAIN, 0, 0)
    sent(far, 0)
    far.acknowledge("u1", 4_800, None, 100 * MS)
    assert far.withdraw("u2", 100 * MS)
    clear, again, *rest = sent(far, 100 * MS)
    assert (clear.kind, again.kind, again.id, again.start, rest) == (
        MessageKind.CLEAR,
        MessageKind.PLAY,
        "u1",
        4_800,
        [],
    )
    assert ends(far.take_reports()) == {}


# What is acknowledged


def test_acknowledged_positions_are_told_in_our_time() -> None:
    far = far_end()
    far.round_trip(100)
    far.play(HELLO, 0, 0)
    far.play(AGAIN, 0, 0)
    sent(far, 0)
    far.acknowledge("u1", 14_400, 5 * SECOND, 500 * MS)  # its clock began somewhere else
    far.acknowledge("u1", 28_800, 5 * SECOND + 300 * MS, 950 * MS)  # late by 150 ms
    assert far.take_reports() == [
        PlayStarted("u1", 150 * MS),
        PlayProgress("u1", 450 * MS, 14_400),
        PlayProgress("u1", 750 * MS, 28_800),
    ]
    far.acknowledge("u2", 4_800, 5 * SECOND + 1_000 * MS, 1_500 * MS)  # so the first one is over
    assert ends(far.take_reports()) == {"u1": (len(HELLO.samples), False)}
    far.acknowledge("u2", len(AGAIN.samples), None, 2_600 * MS)
    assert ends(far.take_reports()) == {"u2": (len(AGAIN.samples), False)} and far.deadline() is None


def test_the_future_is_capped_and_the_past_and_strangers_are_ignored_and_counted() -> None:
    far = far_end(Manners(piece_ms=100))
    far.play(HELLO, 0, 0)
    message = far.next_message(0)
    assert message is not None
    far.left("u1", message.end, 0)  # 4,800 samples
    far.acknowledge("u1", 40_000, None, 100 * MS)
    assert [each.played_samples for each in far.take_reports() if isinstance(each, PlayProgress)] == [4_800]
    far.acknowledge("u1", 2_000, None, 120 * MS)
    far.acknowledge("u1", -5, None, 130 * MS)
    far.acknowledge("nobody", 2_000, None, 140 * MS)
    far.marked("what is this", 150 * MS)
    far.marked("0:12:nobody", 150 * MS)
    far.stopped("nobody", 5, None, 150 * MS)
    far.stopped("", 0, None, 150 * MS)
    assert far.take_reports() == []
    far.acknowledge("u1", 4_800, None, 160 * MS)
    assert {name: far.counts[name] for name in ("future", "past", "unknown", "twice")} == {
        "future": 1, "past": 2, "unknown": 3, "twice": 1,
    }  # fmt: skip
    far.stopped("u1", 4_800, None, 200 * MS)
    assert ends(far.take_reports()) == {"u1": (4_800, False)}
    far.acknowledge("u1", 4_800, None, 220 * MS)
    far.stopped("u1", 4_800, None, 240 * MS)
    assert far.take_reports() == [] and far.counts["late"] == 2


def test_a_clear_waits_for_where_it_stopped_which_may_be_less_than_was_estimated() -> None:
    far = far_end()
    far.play(HELLO, 0, 0)
    far.play(AGAIN, 0, 0)
    sent(far, 0)
    far.acknowledge("u1", 9_600, None, 260 * MS)
    far.clear(500 * MS)
    far.take_reports()
    assert kinds(sent(far, 500 * MS)) == [(MessageKind.CLEAR, "")]
    far.acknowledge("u1", 14_400, None, 600 * MS)  # it was on its way
    assert far.take_reports() == []
    far.play(replace(HELLO, id="u3"), 0, 610 * MS)
    sent(far, 610 * MS)
    far.stopped("u1", 16_000, None, 640 * MS)
    assert ends(far.take_reports()) == {"u1": (16_000, False), "u2": (0, False)}
    far.acknowledge("u3", 4_800, None, 900 * MS)
    assert any(isinstance(each, PlayStarted) and each.utterance_id == "u3" for each in far.take_reports())


def test_where_nobody_says_where_it_stopped_it_is_estimated() -> None:
    far = far_end()
    far.round_trip(40)
    far.play(HELLO, 0, 0)
    sent(far, 0)
    far.acknowledge("u1", 4_800, None, 200 * MS)  # 180 ms in our time
    far.clear(480 * MS)  # there 20 ms later
    far.take_reports()
    assert ends(pass_time(far, 480 * MS, 2 * SECOND)) == {"u1": (4_800 + 320 * 48, True)}
    assert far.counts["no_stop"] == 1


def test_one_that_falls_silent_is_estimated_and_believed_again() -> None:
    far = far_end()
    far.play(HELLO, 0, 0)
    sent(far, 0)
    far.acknowledge("u1", 9_600, None, 260 * MS)
    far.take_reports()
    reports = pass_time(far, 260 * MS, 1_000 * MS)
    assert reports and all(isinstance(each, PlayProgress) and each.estimated for each in reports)
    last = reports[-1]
    assert isinstance(last, PlayProgress) and last.played_samples - 9_600 == pytest.approx(
        (last.at_ns - 260 * MS) * RATE / SECOND, abs=2
    )
    far.acknowledge("u1", 19_200, None, 1_000 * MS)  # it had played less than that
    assert far.take_reports() == [PlayProgress("u1", 1_000 * MS, 19_200)]
    assert not far.take_reports() and far.counts["silent"] == 1
    far.clear(1_010 * MS)
    sent(far, 1_010 * MS)
    far.stopped("u1", 19_680, None, 1_050 * MS)
    assert ends(far.take_reports()) == {"u1": (19_680, False)}


def test_one_that_says_it_stopped_by_itself_is_believed() -> None:
    """As a realtime client does that truncates an item when the person speaks."""
    far = far_end()
    far.play(HELLO, 0, 0)
    far.play(AGAIN, 0, 0)
    sent(far, 0)
    far.stopped("u1", 20_000, None, 500 * MS)
    assert ends(far.take_reports()) == {"u1": (20_000, False)}
    far.clear(510 * MS)
    far.stopped("u2", 0, None, 600 * MS)
    assert ends(far.take_reports()) == {"u2": (0, False)}


def test_marks_tell_positions_but_not_those_that_a_clear_sends_back() -> None:
    far = far_end(Manners(tells_stop=False, holds=False, piece_ms=100))
    far.play(HELLO, 0, 0)
    messages = sent(far, 0)
    far.marked(messages[1].mark, 300 * MS)  # 200 ms were heard by then
    assert far.take_reports()[-1] == PlayProgress("u1", 300 * MS, 9_600)
    far.clear(350 * MS)
    assert ends(far.take_reports()) == {"u1": (12_000, True)}  # at once: nobody will say it
    for message in messages[2:]:
        far.marked(message.mark, 400 * MS)
    assert far.take_reports() == []


# What is estimated


@pytest.mark.parametrize("way_ms", [0, 40])
def test_without_a_word_what_was_heard_is_paced_from_the_first_packet(way_ms: int) -> None:
    far = far_end(NOTHING)
    far.round_trip(2 * way_ms)
    far.play(HELLO, 0, 0)
    far.play(AGAIN, 100, 0)
    sent(far, 10 * MS)
    begin = (10 + way_ms + 60) * MS
    reports = pass_time(far, 10 * MS, 5 * SECOND)
    assert PlayStarted("u1", begin, estimated=True) in reports
    length = len(HELLO.samples)
    assert PlayEnded("u1", begin + 1_200 * MS, length, estimated=True) in reports
    assert PlayStarted("u2", begin + 1_300 * MS, estimated=True) in reports
    assert PlayEnded("u2", begin + 2_500 * MS, length, estimated=True) in reports
    for each in reports:
        if isinstance(each, PlayProgress) and each.utterance_id == "u1":
            assert each.played_samples == pytest.approx((each.at_ns - begin) * RATE / SECOND, abs=2)
    times = [each.at_ns for each in reports]
    assert max(later - at for at, later in itertools.pairwise(times)) <= 120 * MS


def test_never_more_is_believed_heard_than_was_sent() -> None:
    far = far_end(NOTHING)
    far.play(replace(HELLO, samples=HELLO.samples[:4_800], open=True), 0, 0)
    sent(far, 0)
    reports = pass_time(far, 0, 2 * SECOND)
    assert max(each.played_samples for each in reports if isinstance(each, PlayProgress)) <= 4_800
    assert not ends(reports)
    far.extend(HELLO, 2 * SECOND)
    sent(far, 2 * SECOND)
    reports = pass_time(far, 2 * SECOND, 4 * SECOND)
    left = (len(HELLO.samples) - 4_800) * SECOND // RATE
    assert reports[-1] == PlayEnded("u1", 2 * SECOND + 60 * MS + left, len(HELLO.samples), estimated=True)


def test_a_pause_holds_the_estimate_and_a_clear_ends_it() -> None:
    far = far_end(NOTHING)
    far.play(HELLO, 0, 0)
    sent(far, 0)
    pass_time(far, 0, 360 * MS)  # 300 ms were heard
    far.pause(360 * MS)
    assert far.take_reports()[-1] == PlayProgress("u1", 360 * MS, 14_400, estimated=True)
    assert not ends(pass_time(far, 360 * MS, 5 * SECOND))
    far.resume(5 * SECOND)
    pass_time(far, 5 * SECOND, 5_100 * MS)
    far.clear(5_100 * MS)
    assert ends(far.take_reports()) == {"u1": (19_200, True)}


@pytest.mark.parametrize("resumed", [False, True])
def test_a_clear_of_what_never_left_takes_back_the_pause_that_did(resumed: bool) -> None:
    """Somebody speaks between the decision and our first sound: the far end was told to hold, and has nothing."""
    far = far_end()
    far.pause(0)
    assert kinds(sent(far, 0)) == [(MessageKind.PAUSE, "")]
    far.play(HELLO, 0, 0)
    if resumed:
        far.resume(5 * MS)
    far.clear(10 * MS)
    assert ends(far.take_reports()) == {"u1": (0, False)}
    far.play(AGAIN, 0, 20 * MS)
    assert kinds(sent(far, 20 * MS)) == [(MessageKind.RESUME, ""), (MessageKind.PLAY, "u2")]


def test_one_that_cannot_pause_is_cleared_and_sent_the_rest_again() -> None:
    far = far_end(replace(NOTHING, holds=False))
    far.play(HELLO, 0, 0)
    sent(far, 0)
    pass_time(far, 0, 360 * MS)
    far.pause(360 * MS)
    assert kinds(sent(far, 360 * MS)) == [(MessageKind.CLEAR, "")]
    far.resume(900 * MS)
    (again,) = sent(far, 900 * MS)
    assert (again.kind, again.id, again.start) == (MessageKind.PLAY, "u1", 14_400)
    reports = pass_time(far, 900 * MS, 3 * SECOND)
    assert reports[-1] == PlayEnded("u1", 900 * MS + 60 * MS + 900 * MS, len(HELLO.samples), estimated=True)


def test_one_that_cannot_pause_but_says_where_it_stopped_goes_on_from_there() -> None:
    far = far_end(Manners(holds=False))
    far.play(HELLO, 0, 0)
    sent(far, 0)
    far.acknowledge("u1", 9_600, None, 260 * MS)
    far.pause(300 * MS)
    sent(far, 300 * MS)
    far.stopped("u1", 13_000, None, 380 * MS)
    far.resume(900 * MS)
    (again,) = sent(far, 900 * MS)
    assert again.start == 13_000 and not ends(far.take_reports())


# Transports


@pytest.mark.parametrize("hello", [False, True])
def test_what_was_not_heard_is_sent_again_to_a_new_transport(hello: bool) -> None:
    far = far_end()
    far.play(HELLO, 0, 0)
    far.play(AGAIN, 120, 0)
    sent(far, 0)
    far.acknowledge("u1", 9_600, None, 260 * MS)
    far.detach(300 * MS)
    assert far.next_message(300 * MS) is None
    far.play(replace(HELLO, id="u3"), 0, 400 * MS)
    if hello:
        far.acknowledge("u1", 12_000, None, 2 * SECOND)
    signs = pass_time(far, 300 * MS, 2_500 * MS)
    assert sum(isinstance(each, PlayProgress) for each in signs) >= 2 and not ends(signs)  # the floor is not lost
    far.attach(2_500 * MS)
    first, second, third = sent(far, 2_500 * MS)
    assert [(each.kind, each.id) for each in (first, second, third)] == [(MessageKind.PLAY, f"u{n}") for n in (1, 2, 3)]
    assert (first.start, second.start, second.gap) == (12_000 if hello else 9_600, 0, 120 * 48)
    far.acknowledge("u1", 19_200, None, 2_800 * MS)
    far.acknowledge("u2", 100, None, 3_900 * MS)
    assert ends(far.take_reports()) == {"u1": (len(HELLO.samples), False)}


def test_who_is_paused_or_cleared_while_away_stays_so() -> None:
    far = far_end()
    far.play(HELLO, 0, 0)
    sent(far, 0)
    far.acknowledge("u1", 9_600, None, 260 * MS)
    far.detach(300 * MS)
    far.pause(310 * MS)
    far.attach(400 * MS)
    assert kinds(sent(far, 400 * MS)) == [(MessageKind.PAUSE, ""), (MessageKind.PLAY, "u1")]
    far.detach(500 * MS)
    far.clear(510 * MS)
    assert ends(far.take_reports()) == {"u1": (9_600, True)}
    far.attach(600 * MS)
    assert sent(far, 600 * MS) == []


def test_who_stays_away_is_not_waited_for_for_ever() -> None:
    far = far_end(Manners(away_ms=5_000))
    far.play(HELLO, 0, 0)
    sent(far, 0)
    far.detach(0)
    signs = pass_time(far, 0, 60 * SECOND)
    assert 4 <= len(signs) <= 6 and far.deadline() is None


# The clock


def ticks(pace: float, seconds: int = 60) -> Iterator[tuple[int, int, int]]:
    """When it was (ours), its own time, and when the word of it came: 20 to 200 ms later, never in the same way."""
    chance = random.Random(5)
    for number in range(seconds * 10):
        true = number * 100 * MS
        late = round(chance.uniform(20, 200) * MS)
        yield true, 3 * SECOND + round(true * pace), true + late


@pytest.mark.parametrize("pace", [0.97, 1.0, 1.0001, 1.03])
def test_a_clock_that_runs_fast_or_slow_is_learnt(pace: float) -> None:
    clock = FarClock()
    for true, at, now in ticks(pace):
        ours = clock.ours(at, now)
        assert ours <= now
        if true > 12 * SECOND:
            assert abs(ours - true - 20 * MS) < 15 * MS  # the shortest way is 20 ms
            assert clock.pace == pytest.approx(pace, abs=0.003)


def test_a_clock_that_is_set_anew_is_learnt_anew() -> None:
    clock = FarClock()
    for _, at, now in ticks(1.03, 20):
        clock.ours(at, now)
    assert clock.ours(0, 21 * SECOND) == 21 * SECOND and clock.jumps == 1 and clock.pace == 1.0
    assert clock.ours(100 * MS, 21 * SECOND + 140 * MS) == 21 * SECOND + 100 * MS


HOLDING = ("play", "send", "send", "pause", "pause", "resume", "clear", "withdraw", "attach")


@given(st.lists(st.sampled_from(HOLDING), max_size=30))
def test_a_far_end_holds_if_that_is_so_and_never_else(acts: list[str]) -> None:
    """Whatever left in between: one that holds for ever says nothing more, and nobody learns why."""
    far, now, number = far_end(), 0, 0
    wanted = holds = False
    for act in [*acts, "send"]:
        now += 10 * MS
        match act:
            case "play":
                number += 1
                far.play(replace(HELLO, id=f"u{number}"), 0, now)
            case "withdraw":
                far.withdraw(f"u{number}", now)
            case "send":
                for message in sent(far, now):
                    if message.kind in (MessageKind.PAUSE, MessageKind.RESUME, MessageKind.CLEAR):
                        holds = message.kind is MessageKind.PAUSE
                assert holds == wanted
            case _:
                getattr(far, act)(now)
                wanted = act == "pause" or (wanted and act == "attach")
                holds = holds and act != "attach"  # another one, which knows of nothing


@pytest.mark.parametrize("manners", MANY)
@example([("play", 0, 0), ("play", 0, 0), ("acknowledge", 0, -1)])  # of the second, nothing: the first is not over
@given(st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 400), st.integers(-5, 70_000)), max_size=40))
def test_whatever_a_far_end_says_each_utterance_ends_once(manners: Manners, acts: list[tuple[str, int, int]]) -> None:
    """In any order, and in nonsense: no more is believed heard than has left, and time always moves on."""
    far, now, number = far_end(manners), 0, 0
    accepted: set[str] = set()
    left: dict[str, int] = {}
    reports: list[PlayEvent | PlayProgress] = []
    for act, wait, value in acts:
        reports += pass_time(far, now, now + wait * MS)
        now += wait * MS
        some = f"u{value % (number + 1)}"
        match act:
            case "play":
                number += 1
                far.play(replace(HELLO, id=f"u{number}", open=value % 2 == 0), value % 3 * 60, now)
                accepted.add(f"u{number}")
            case "extend":
                grown = np.concatenate([HELLO.samples, HELLO.samples])
                far.extend(replace(HELLO, id=some, samples=grown), now)
            case "withdraw":
                if far.withdraw(some, now):
                    accepted.remove(some)
            case "send":
                for message in sent(far, now):
                    if message.samples is not None:
                        left[message.id] = max(left.get(message.id, 0), message.end)
                        far.left(message.id, message.end, now)
            case "acknowledge":
                far.acknowledge(some, value, None if value % 3 else now + value * MS, now)
            case "stopped":
                far.stopped(some if value % 4 else "", value, None, now)
            case "marked":
                far.marked(f"{value % 3}:{abs(value)}:{some}", now)
            case _:
                getattr(far, act)(now)
        reports += far.take_reports()
    far.attach(now)
    if manners.holds:
        sent(far, now)
    far.clear(now)
    reports += far.take_reports() + pass_time(far, now, now + 10 * SECOND)
    assert set(ends(reports)) == accepted
    for report in reports:
        if not isinstance(report, PlayStarted):
            assert 0 <= report.played_samples <= left.get(report.utterance_id, 0)


# One that says a word now and then


def test_one_that_does_not_acknowledge_may_say_a_word_and_is_estimated_on() -> None:
    far = far_end(NOTHING)
    far.play(HELLO, 0, 0)
    far.play(AGAIN, 0, 0)
    sent(far, 0)
    pass_time(far, 0, 300 * MS)
    far.acknowledge("u1", len(HELLO.samples), None, 300 * MS)
    assert ends(far.take_reports()) == {"u1": (len(HELLO.samples), False)}
    reports = pass_time(far, 300 * MS, 3 * SECOND)
    assert ends(reports) == {"u2": (len(AGAIN.samples), True)}


@pytest.mark.parametrize("tells_stop", [True, False])
def test_what_was_heard_before_a_pause_that_was_a_clear_is_heard_when_it_is_cleared(tells_stop: bool) -> None:
    far = far_end(Manners(acknowledges=False, tells_stop=tells_stop, holds=False))
    far.play(HELLO, 0, 0)
    sent(far, 0)
    pass_time(far, 0, 360 * MS)
    far.pause(360 * MS)
    sent(far, 360 * MS)
    far.take_reports()
    far.clear(700 * MS)
    assert ends(far.take_reports()) == {"u1": (14_400, True)}


def test_where_one_stopped_at_a_pause_that_was_a_clear_is_what_was_heard() -> None:
    far = far_end(Manners(acknowledges=False, holds=False))
    far.play(HELLO, 0, 0)
    sent(far, 0)
    pass_time(far, 0, 360 * MS)
    far.pause(360 * MS)
    sent(far, 360 * MS)
    far.stopped("u1", 9_000, None, 400 * MS)
    far.clear(700 * MS)
    assert ends(far.take_reports()) == {"u1": (9_000, False)}
