"""How the phone benchmark judges captured packets: by packets whose verdict is known."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import cast

import numpy as np
import pytest
from benchmarks.phone import __main__ as phone
from benchmarks.phone import crowd
from benchmarks.phone.answers import Held, matched, waits
from benchmarks.phone.crowd import HeldCalls, Meter, Share, ZeroHouse, most_held
from benchmarks.phone.ears import carried
from benchmarks.phone.loss import Given, judge
from benchmarks.phone.packets import (
    AUDIBLE,
    TONES,
    Arrived,
    Spoken,
    covered,
    knee,
    pacing,
    peak,
    place_of,
    replies,
    reply,
    tone_of,
    tones_in,
)
from benchmarks.phone.scripted import MISHEARD, WORDS, Asked, SaidTurn, heard_words, words_sound
from benchmarks.phone.scripted import judge as judge_script
from benchmarks.phone.soak import grown
from benchmarks.phone.talker import PATIENCE_S, Talked, Turn, read
from benchmarks.table import LeftOutError, Row, refuse_nothing, row

from duologue.audio import g711
from duologue.audio.pcm import Samples
from duologue.audio.resample import resample
from duologue.clock import MILLISECOND, SECOND
from duologue.telemetry.ledger import TurnRecord

STEP = 20 * MILLISECOND


def train(count: int, begin: int = SECOND, stamp: int = 7_000) -> list[tuple[int, int]]:
    """Packets that come exactly when they are due."""
    return [(begin + n * STEP, (stamp + n * 160) % (1 << 32)) for n in range(count)]


def test_packets_on_their_grid_are_not_late_and_a_late_one_is_so_by_itself() -> None:
    packets = train(100, stamp=(1 << 32) - 800)  # its timestamps wrap
    found = pacing([packets])
    assert (found.late.max(), found.gap, found.runs, len(found.late)) == (0, 20, 1, 100)
    packets[50] = (packets[50][0] + 7 * MILLISECOND, packets[50][1])
    found = pacing([packets, train(40)])
    assert found.late.max() == pytest.approx(7)
    assert sorted(found.late)[-2] == pytest.approx(0)
    assert found.off.max() == pytest.approx(7)
    assert (found.gap, found.runs) == (27, 2)


def test_silence_between_two_answers_is_no_gap_but_a_hole_in_one_is() -> None:
    answers = train(30) + train(30, SECOND + 3 * SECOND, 7_000 + 160 * 150)
    assert pacing([answers]).gap == 20
    assert pacing([answers]).runs == 2
    holed = train(30) + train(30, SECOND + 30 * STEP + 80 * MILLISECOND, 7_000 + 160 * 34)
    assert (pacing([holed]).gap, pacing([holed]).runs) == (100, 1)
    assert pacing([train(5)]).runs == 0
    assert np.isnan(pacing([]).p(99))


def test_a_gap_in_which_nothing_was_to_be_said_is_no_stall() -> None:
    """By its timestamps what comes after it was meant to come then."""
    paused = train(30) + train(30, SECOND + 50 * STEP, 7_000 + 160 * 50)
    assert (pacing([paused]).gap, pacing([paused]).stall) == (420, 0)
    late = [(at + 90 * MILLISECOND, stamp) for at, stamp in train(30, SECOND + 30 * STEP, 7_000 + 160 * 30)]
    stalled = train(30) + late
    assert (pacing([stalled]).gap, pacing([stalled]).stall) == (110, 90)


def test_a_second_spurt_of_a_run_that_is_late_shows_against_the_first() -> None:
    late = [(at + 12 * MILLISECOND, stamp) for at, stamp in train(30, SECOND + 40 * STEP, 7_000 + 40 * 160)]
    assert pacing([train(30) + late]).p(99) == pytest.approx(12)


def sounding(at: int, *, marker: bool = False, level: float = 0.3) -> Arrived:
    return Arrived(at, 0, marker, level)


def test_an_answer_is_timed_to_its_first_packet_that_can_be_heard() -> None:
    turn = Spoken(10 * SECOND, 12 * SECOND, 16 * SECOND)
    packets = [
        sounding(12 * SECOND + 600 * MILLISECOND, marker=True, level=0.0),
        sounding(12 * SECOND + 620 * MILLISECOND, level=AUDIBLE / 2),
        sounding(12 * SECOND + 640 * MILLISECOND),
    ]
    found = reply(packets, turn)
    assert (found.after_ms, found.cut) == (640, False)
    assert found.left == 12 * SECOND + 600 * MILLISECOND
    assert reply(packets[:2], turn).after_ms is None
    later = [sounding(16 * SECOND, marker=True)]  # it answers the next turn
    assert reply(later, turn).after_ms is None


def test_who_speaks_into_a_turn_cuts_in_but_what_was_under_way_does_not() -> None:
    turn = Spoken(10 * SECOND, 12 * SECOND, 16 * SECOND)
    into = [sounding(11 * SECOND, marker=True), sounding(12 * SECOND + STEP)]
    assert reply([*into, sounding(13 * SECOND, marker=True)], turn).cut
    assert reply([*into, sounding(13 * SECOND, marker=True)], turn).after_ms == 1000
    assert reply(into, turn).after_ms is None, "what goes on into the turn's end is no answer to it"
    assert not reply([sounding(10 * SECOND + 60 * MILLISECOND)], turn).cut
    assert not reply([sounding(11 * SECOND, level=0.0)], turn).cut


def test_the_knee_is_the_last_count_before_the_tail_doubles() -> None:
    assert knee([(1, 0.8), (2, 0.9), (3, 1.6), (4, 1.7), (6, 0.9)]) == 3
    assert knee([(1, 0.8)]) == 1
    assert knee([(1, 0.8), (2, float("nan"))]) == 1


def test_calls_are_held_while_the_tail_stays_under_its_limit() -> None:
    def at(calls: int, p99: float) -> HeldCalls:
        return HeldCalls(calls, p99, 0.1, 20.0, (1.0, 1.0, 1.0), 2 * calls, calls, {}, 0.1)

    assert most_held([at(20, 3.0), at(40, 9.9), at(60, 10.1), at(80, 4.0)]) == 40
    assert most_held([at(20, float("nan"))]) == 0
    assert most_held([at(20, 3.0), replace(at(40, 3.0), runs=78)]) == 40
    assert most_held([at(20, 3.0), replace(at(40, 3.0), runs=60)]) == 20, (
        "who is answered once of two times is not held"
    )


class CountingHouse:
    """One whose line uses the CPU of a whole core from the second on, and nothing before."""

    def __init__(self, clock: Iterator[int]) -> None:
        self._clock = clock

    async def used(self) -> Share:
        return max(0.0, next(self._clock) / SECOND - 1), 0.5, 0.25


async def test_the_cpu_of_talking_is_told_from_that_of_beginning_and_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    times = [n * SECOND // 4 for n in range(13)]
    monkeypatch.setattr(crowd, "SYSTEM_CLOCK", SteppingClock(times))
    meter = Meter(cast("list[ZeroHouse]", [CountingHouse(iter(times))]))
    for _ in times:
        await meter.look()
    assert meter.whole == (2.0, 0.0, 0.0)
    assert meter.between(SECOND * 3 // 2, SECOND * 2) == pytest.approx((0.5, 0, 0))
    assert meter.between(0, SECOND * 9 // 8) == pytest.approx((0.125, 0, 0)), "between two looks"


class SteppingClock:
    def __init__(self, times: Sequence[int]) -> None:
        self._times = iter(times)

    def now(self) -> int:
        return next(self._times)


def voice(seconds: float, seed: int = 3) -> Samples:
    """Noise in the band of a telephone."""
    count = round(seconds * 8000)
    return resample(np.random.default_rng(seed).normal(0, 0.1, count).astype(np.float32), 8000, 16_000)


def test_a_stretch_is_found_in_what_was_said_by_its_sound() -> None:
    said = voice(2.0)
    around = np.concatenate([np.zeros(5_000, np.float32), said, np.zeros(3_000, np.float32)])
    assert place_of(around, said)[0] == -5_000
    assert place_of(said[4_000:9_000], said) == (4_000, pytest.approx(1.0))
    assert place_of(voice(1.0, seed=9), said)[1] < 0.2


def test_what_the_ears_got_is_judged_at_both_edges() -> None:
    said = voice(2.0)
    assert judge(said, [said]) == Given(True, True)
    assert judge(said, [said[800:]]) == Given(False, True)
    assert judge(said, [said[:-200]]) == Given(True, False)
    assert judge(said, [said[:16_000], said[20_000:]]) == Given(True, True)
    assert judge(said, [voice(2.0, seed=8)]) == Given(False, False)
    assert judge(said, []) == Given(False, False)


def test_cover_may_be_of_several_stretches_but_not_of_one_with_a_hole() -> None:
    assert covered([(-10, 50), (40, 100)], 0, 100)
    assert not covered([(-10, 50), (51, 100)], 0, 100)
    assert not covered([(1, 100)], 0, 100)


def test_lost_packets_of_a_recording_are_made_up_and_keep_their_place() -> None:
    said = voice(2.0)
    whole, holed = carried(said), carried(said, 0.05)
    assert abs(len(whole) - len(holed)) < 400
    assert judge(said, [whole]) == Given(True, True)
    assert judge(said, [holed]) == Given(True, True)


def packet(*numbers: int) -> bytes:
    at = np.arange(160) / 8000
    sound = sum((0.3 * np.sin(2 * np.pi * tone_of(number) * at) for number in numbers), np.zeros(160))
    return g711.encode(sound.astype(np.float32), "mu")


def spoken(begin: int, count: int, *numbers: int) -> list[Arrived]:
    data = packet(*numbers)
    return [Arrived(begin + n * STEP, 0, n == 0, peak(data), data) for n in range(count)]


@pytest.mark.parametrize("number", range(TONES))
def test_each_reply_is_known_by_its_tone(number: int) -> None:
    assert tones_in(packet(number)) == (number,)
    assert set(tones_in(packet(number, (number + 5) % TONES))) == {number, (number + 5) % TONES}
    assert tones_in(packet()) == ()


def test_replies_after_one_another_are_not_over_one_another() -> None:
    heard = replies(spoken(SECOND, 20, 3) + spoken(2 * SECOND, 20, 4) + spoken(20 * SECOND, 5, 3))
    assert [each.tone for each in heard.replies] == [3, 4, 3]
    assert heard.over == 0
    follows = spoken(SECOND, 10, 3) + spoken(SECOND + 10 * STEP, 1, 3, 4) + spoken(SECOND + 11 * STEP, 9, 4)
    assert replies(follows).over == 0, "one ends and the other begins within a packet"


@pytest.mark.parametrize("samples", range(5, 160, 5))
def test_the_end_of_a_reply_within_a_packet_is_no_other_reply(samples: int) -> None:
    sound = np.concatenate([g711.decode(packet(9), "mu")[:samples], np.zeros(160 - samples, np.float32)])
    ending = g711.encode(sound, "mu")
    heard = replies([*spoken(SECOND, 10, 9), Arrived(SECOND + 10 * STEP, 0, False, 0.3, ending)])
    assert ([each.tone for each in heard.replies], heard.over) == ([9], 0)


def test_a_reply_over_another_is_counted_whether_mixed_or_by_turns() -> None:
    assert replies(spoken(SECOND, 20, 3, 8)).over == 19
    turns = spoken(SECOND, 10, 3) + spoken(2 * SECOND, 10, 4) + spoken(3 * SECOND, 10, 3)
    assert replies(turns).over > 0


def test_the_ears_of_tones_understand_what_was_said() -> None:
    words = [0, 5, 27, 5]
    said = resample(words_sound(words), 8000, 16_000)
    assert heard_words(np.concatenate([np.zeros(4_321, np.float32), said])) == [WORDS[word] for word in words]
    assert heard_words(np.zeros(100, np.float32)) == []


def test_a_reply_to_words_that_were_withdrawn_or_are_not_of_the_turn_is_counted() -> None:
    heard = replies(spoken(5 * SECOND, 20, 1) + spoken(15 * SECOND, 20, 2))
    said = [SaidTurn(("alder", "birch"), 4 * SECOND), SaidTurn(("cedar", "ivy"), 14 * SECOND)]
    good = {1: Asked(4 * SECOND, "Alder birch"), 2: Asked(14 * SECOND, "cedar ivy.")}
    found = judge_script(heard, good, said, 1)
    assert (found.withdrawn, found.stale, found.replies, found.over) == (0, 0, 2, 0)
    withdrawn = good | {2: Asked(14 * SECOND, f"cedar {MISHEARD}ivy")}
    assert judge_script(heard, withdrawn, said, 1).withdrawn == 1
    assert not found.mute
    assert judge_script(heard, good, [*said, SaidTurn(("fir",), 30 * SECOND)], 1).mute
    stale = good | {2: Asked(14 * SECOND, "alder birch")}
    assert judge_script(heard, stale, said, 1).stale == 1
    with pytest.raises(ValueError, match="empty"):
        judge_script(heard, {1: good[1]}, said, 1)


def test_an_answer_is_matched_with_the_record_that_had_left_by_its_packet() -> None:
    blank = TurnRecord("a", "call", 1, "phone", "answer")
    records = [replace(blank, id=name, sent=at) for name, at in (("a", SECOND), ("b", 3 * SECOND), ("c", 9 * SECOND))]
    left = SECOND + MILLISECOND, 3 * SECOND - MILLISECOND, 7 * SECOND
    turns = tuple(Turn(600.0, False, 0, at, (at,)) for at in left)
    found = matched(Talked(200, 10.0, turns), records)
    assert [(each.record.id, each.left) for each in found] == [("a", left[0]), ("b", left[1])]


def test_an_answer_after_a_filler_is_matched_by_its_own_packet() -> None:
    """Slow engines: what is heard first is the filler; the answer comes behind it, maybe in the same talk-spurt."""
    ended, first = 10 * SECOND, 12 * SECOND
    came = tuple(first + n * STEP for n in range(200))
    sent = first + 40 * STEP
    blank = TurnRecord("a", "call", 1, "phone", "answer", question="q", decided=ended + SECOND, fillers=1)
    answer = replace(blank, first_audio=sent - 30 * MILLISECOND, first_sentence=sent - SECOND, sent=sent)
    call = Talked(200, 10.0, (Turn(2000.0, False, ended, first, came),))
    held = Held([], call, [replace(blank, id="before", sent=ended - SECOND), answer])
    ((turn, record, left),) = [(each.turn, each.record, each.left) for each in matched(call, held.answers)]
    assert (turn, record, left) == (call.turns[0], answer, sent)
    assert held.points()["t3, packet"] == [2800.0]
    assert held.points()["t1, text to voice"] == [1800.0]
    assert held.fillers == 2
    assert Held([], call, [replace(answer, apologised=sent - SECOND)]).points() == {}, "an apology is no answer"
    withdrawn = replace(answer, sent=0)
    assert matched(call, [withdrawn]) == []


def test_a_table_in_which_nothing_was_measured_is_a_failure() -> None:
    refuse_nothing([row("late", 1.0, "ms")])
    with pytest.raises(SystemExit, match="nothing was measured"):
        refuse_nothing([])
    with pytest.raises(SystemExit, match="of: t1 → t2"):
        refuse_nothing([row("late", 1.0, "ms"), row("t1 → t2", float("nan"), "ms")])


def test_a_section_that_measured_nothing_ends_the_benchmark_as_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def section(name: str, rows: list[Row] | Exception) -> Callable[[bool], list[Row]]:
        def run(small: bool) -> list[Row]:
            ran.append(name)
            if isinstance(rows, Exception):
                raise rows
            return rows

        return run

    shown: list[str] = []
    good = [row("late", 1.0, "ms")]
    sections = {
        "good": section("good", good), "empty": section("empty", []), "broken": section("broken", ValueError("no")),
        "absent": section("absent", LeftOutError("there is no model")), "last": section("last", good),
    }  # fmt: skip
    monkeypatch.setattr(phone, "SECTIONS", sections)

    def show(name: str, rows: Sequence[Row]) -> None:
        shown.append(name)

    def configure(form: str, level: str) -> None:
        pass

    monkeypatch.setattr(phone, "show", show)
    monkeypatch.setattr(phone, "configure", configure)

    def ends(*named: str) -> str:
        monkeypatch.setattr("sys.argv", ["phone", *named])
        try:
            phone.main()
        except SystemExit as failure:
            return str(failure)
        return ""

    assert ends() == "empty: nothing was measured\nbroken: ValueError: no"
    assert ran == list(sections) and shown == ["phone-good", "phone-last"], "the others go on"
    assert ends("good", "absent") == "absent is left out: there is no model", "who asks for it is told"
    assert ends("good", "last") == ""


def test_who_waits_in_vain_waits_for_all_of_their_patience() -> None:
    turns = (Turn(600.0, False, 0, 1), Turn(None, False, 0, 0))
    assert waits([Talked(200, 1.0, turns), Talked(200, 1.0, turns[:1])]) == ([0.6, PATIENCE_S, 0.6], 1)


def test_what_a_talker_prints_is_read_again() -> None:
    talked = [Talked(200, 12.5, (Turn(None, True, 5, 0), Turn(612.0, False, 9, 11, (11, 12)))), Talked(486, 0.0, ())]
    assert read(json.dumps([asdict(each) for each in talked])) == talked


def test_growth_is_of_the_least_at_both_ends() -> None:
    assert grown([10, 12, 11, 12, 15, 12, 14, 13]) == 13 - 10
    assert grown([10.0] * 100) == 0
