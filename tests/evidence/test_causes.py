"""Causes of lateness: each is injected into a show's records, found again, and never made up."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_shows import HOUSE, SHOW, due, frames, machine, second, show, told

from duologue.clock import MILLISECOND, SECOND, milliseconds
from duologue.evidence.causes import Attribution, Culprit, Evidence, cause_of, cause_of_stall
from duologue.evidence.incidents import Incident, ShowEvidence, by_cause
from duologue.evidence.summary import gather
from duologue.telemetry.ledger import Cause, Entry, FrameRecord, MachineRecord, PauseRecord, SkipRecord, WorkerRecord

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

AT = 150
"""The frame at which something happens."""


def incidents(entries: list[Entry]) -> list[Incident]:
    parts = {part.of: part for part in gather(entries)}
    return ShowEvidence(parts[SHOW], parts.get(HOUSE)).incidents()


def late(entries: list[Entry]) -> Attribution:
    """The cause of the one incident that viewers saw."""
    (only,) = (each for each in incidents(entries) if each.kind == "late")
    assert only.count > 1 and only.worst_ms > 100
    return only.attribution


def around(**changes: object) -> dict[int, MachineRecord]:
    """The two seconds in which a stall of 1.4 s at frame AT lies are so."""
    return {second(AT) + place: machine(**changes) for place in (0, 1)}


def test_nothing_is_late_and_nobody_is_blamed() -> None:
    assert incidents(show(frames())) == []


def test_own_compositing() -> None:
    found = late(show(frames(compose={AT: 1400.0})))
    assert found.cause is Culprit.COMPOSE and found.share > 0.9 and "1400 ms" in found.why
    relit = late(show(frames(compose={AT: 1400.0}, lights=[AT])))
    assert relit.cause is Culprit.COMPOSE and "light" in relit.why


def test_the_encoder_also_when_the_drawing_waits_for_it() -> None:
    found = late(show(frames(encode={AT: 1400.0})))
    assert found.cause is Culprit.ENCODE and found.share > 0.9
    crawling = late(show(frames(encode={number: 60.0 for number in range(AT, AT + 60)})))
    assert crawling.cause is Culprit.ENCODE and crawling.share > 0.9, "no single one is to blame, all of them are"


def test_garbage_collection_of_that_process_alone() -> None:
    stalled = frames(still={AT: 1400.0})
    over = stalled[AT].begun
    pause = told(SHOW, over, PauseRecord("stage", "garbage", 1390.0, over))
    found = late(show(stalled, extra=[pause]))
    assert found.cause is Culprit.GARBAGE and found.share > 0.9 and "1390 ms" in found.why
    other = told(HOUSE, over, PauseRecord("main", "garbage", 1390.0, over))
    assert late(show(stalled, extra=[other])).cause is Culprit.UNKNOWN
    before = told(SHOW, over - 5 * SECOND, PauseRecord("stage", "garbage", 1390.0, over - 5 * SECOND))
    assert late(show(stalled, extra=[before])).cause is Culprit.UNKNOWN, "it was over long before"


def test_a_signal_that_stopped_that_very_process() -> None:
    stalled = frames(still={AT: 1400.0}, usual_wait=2.0)
    over = stalled[AT].begun

    def stopped(process: str, what: str = "stopped") -> list[Entry]:
        """Told second by second, as of one that lasts."""
        return [
            told(HOUSE, over - 900 * MILLISECOND, PauseRecord(process, what, 480.0, over - 900 * MILLISECOND)),
            told(HOUSE, over, PauseRecord(process, what, 900.0, over)),
        ]

    found = late(show(stalled, extra=stopped("stage")))
    assert found.cause is Culprit.STOPPED and found.share > 0.9
    assert found.why == "a signal had stopped stage for 1380 ms"
    assert late(show(stalled, extra=stopped("espeak"))).cause is Culprit.UNKNOWN, "another process"
    drawn = frames(compose={AT: 1400.0}, usual_wait=2.0, blocked={AT: 1390.0})
    assert late(show(drawn, extra=stopped("stage"))).cause is Culprit.STOPPED
    before = told(HOUSE, over - 5 * SECOND, PauseRecord("stage", "stopped", 900.0, over - 5 * SECOND))
    assert late(show(stalled, extra=[before])).cause is Culprit.UNKNOWN, "it was over long before"


def test_cores_that_others_had() -> None:
    stolen = late(show(frames(still={AT: 1400.0}), seconds=around(steal_percent=45.0)))
    assert stolen.cause is Culprit.STOLEN and "host" in stolen.why
    busy = late(show(frames(still={AT: 1400.0}), seconds=around(cpu_wait_ms={"stage": 700.0})))
    assert busy.cause is Culprit.BUSY and "other programs" in busy.why
    slow = frames(encode={AT: 1400.0}, starved=[AT])
    assert late(show(slow, seconds=around(cpu_wait_ms={"stage": 700.0}))).cause is Culprit.BUSY


def test_what_the_host_took_and_what_other_programs_had_are_two_causes() -> None:
    """Of a core that the host took the wait for it is a part: the more of both is named, with its share."""
    stalled = frames(still={AT: 1400.0})

    def of(steal: float, wait: float) -> Attribution:
        return late(show(stalled, seconds=around(steal_percent=steal, cpu_wait_ms={"stage": wait})))

    mostly_stolen, mostly_busy = of(40.0, 900.0), of(4.0, 900.0)
    assert mostly_stolen.cause is Culprit.STOLEN and "host" in mostly_stolen.why
    assert mostly_busy.cause is Culprit.BUSY and "other programs" in mostly_busy.why
    for each in (mostly_stolen, mostly_busy):
        assert set(each.parts) >= {Culprit.STOLEN, Culprit.BUSY}, "neither is counted to the other"
        assert sum(each.parts.values()) == pytest.approx(each.lost_ms)
    assert mostly_busy.parts[Culprit.STOLEN] < 0.15 * mostly_busy.lost_ms
    always = {number: machine(steal_percent=40.0) for number in range(20)}
    assert late(show(stalled, seconds=always)).cause is Culprit.UNKNOWN, "it has not become guilty in that second"


def test_an_engine_of_ours_that_had_the_cores() -> None:
    busy = around(cpu_wait_ms={"stage": 700.0}, cpu_percent={"main": 9.0, "stage": 20.0, "whisper": 150.0})
    found = late(show(frames(still={AT: 1400.0}), seconds=busy))
    assert found.cause is Culprit.ENGINE and "whisper" in found.why


def test_other_programs_that_had_more_of_the_cores_than_an_engine() -> None:
    """An engine that computed as usual while loops kept it and the stage waiting had the cores least of all."""
    cpu = {"main": 9.0, "stage": 20.0, "whisper": 60.0}
    busy = around(cpu_wait_ms={"stage": 700.0}, cpu_percent=cpu, busy_percent=99.0)
    found = late(show(frames(still={AT: 1400.0}), seconds=busy))
    assert found.cause is Culprit.BUSY and "other programs" in found.why


def test_a_frame_tells_itself_how_long_it_waited_for_a_core() -> None:
    """However long other threads of its process waited in that second, or all of them always do."""
    waiting = {number: machine(cpu_wait_ms={"stage": 900.0}) for number in range(20)}
    dear = show(frames(encode={AT: 1400.0}, usual_wait=2.0), seconds=around(cpu_wait_ms={"stage": 900.0}))
    assert late(dear).cause is Culprit.ENCODE
    starved = show(frames(encode={AT: 1400.0}, usual_wait=2.0, waits={AT: 1300.0}), seconds=waiting)
    assert late(starved).cause is Culprit.BUSY
    (only,) = incidents(show(frames(encode={AT: 60.0}, usual_wait=2.0, waits={AT: 45.0}), seconds=waiting))
    assert (only.kind, only.attribution.cause) == ("over budget", Culprit.BUSY)
    elsewhere = {number: 30.0 for number in range(AT - 40, AT)}
    mixed = show(frames(encode={AT: 1400.0}, usual_wait=2.0, waits=elsewhere))
    assert late(mixed).cause is Culprit.ENCODE, "frames that were not late by it may wait as they like"


def test_a_thread_that_was_blocked_did_not_draw() -> None:
    """Nobody knows by what; where all of the process waited for a core, whoever had the lock did."""
    made = frames(compose={AT: 1400.0}, usual_wait=2.0, blocked={AT: 1390.0})
    assert late(show(made)).cause is Culprit.UNKNOWN
    waiting = late(show(made, seconds=around(cpu_wait_ms={"stage": 900.0})))
    assert waiting.cause is Culprit.BUSY
    some = frames(compose={AT: 1400.0}, usual_wait=2.0, blocked={AT: 300.0})
    assert late(show(some)).cause is Culprit.COMPOSE


def test_a_collection_that_held_drawing_and_encoding_cost_the_time_of_both() -> None:
    drawn = frames(compose={AT: 1400.0}, encode={AT - 1: 1400.0})
    over = drawn[AT].begun + 1400 * MILLISECOND
    found = late(show(drawn, extra=[told(SHOW, over, PauseRecord("stage", "garbage", 1390.0, over))]))
    assert found.cause is Culprit.GARBAGE and found.share > 0.9


def test_a_disk() -> None:
    assert late(show(frames(still={AT: 1400.0}), seconds=around(disk_wait_ms=650.0))).cause is Culprit.DISK
    stalled = frames(still={AT: 1400.0})
    pause = told(HOUSE, stalled[AT].begun, PauseRecord("main", "disk", 1300.0, stalled[AT].begun))
    assert late(show(stalled, extra=[pause])).cause is Culprit.DISK


def test_a_process_that_died() -> None:
    at = due(AT) - SECOND // 2
    died = told(HOUSE, at, WorkerRecord("stage", "restarting", "it was killed", 1))
    found = late(show(frames(still={AT: 1400.0}), extra=[died]))
    assert found.cause is Culprit.DEATH and "stage" in found.why


def test_unknown_is_an_answer() -> None:
    found = late(show(frames(still={AT: 1400.0})))
    assert found.cause is Culprit.UNKNOWN and "nothing that was measured tells why" in found.why
    bare = [entry for entry in show(frames(still={AT: 1400.0})) if entry.of != HOUSE]
    assert "the machine was not measured" in late(bare).why
    several = around(cpu_wait_ms={"stage": 200.0}, disk_wait_ms=250.0)
    found = late(show(frames(still={AT: 1400.0}), seconds=several))
    assert found.cause is Culprit.UNKNOWN and "no cause explains half" in found.why


def test_what_is_usual_is_no_excuse() -> None:
    """A disk that is always busy, or a stage that always waits a little, has not become guilty in that second."""
    always = {number: machine(disk_wait_ms=600.0, cpu_wait_ms={"stage": 500.0}) for number in range(20)}
    assert late(show(frames(still={AT: 1400.0}), seconds=always)).cause is Culprit.UNKNOWN


def test_a_frame_that_was_dear_and_hidden_by_the_lead_is_told_apart() -> None:
    (only,) = incidents(show(frames(encode={AT: 80.0})))
    assert (only.kind, only.first, only.attribution.cause) == ("over budget", AT, Culprit.ENCODE)
    assert only.worst_ms == pytest.approx(80.0 + 1.0 + AT % 7 / 10, abs=0.01)


def test_a_skip_is_one_gap_with_its_cause() -> None:
    made = [each for each in frames(compose={AT: 3000.0}) if each.number <= AT or each.number >= AT + 100]
    skip = SkipRecord(made[AT].packaged, AT + 1, AT + 100, 2000.0)
    found = incidents(show(made, extra=[told(SHOW, skip.at, skip)]))
    (gap,) = (each for each in found if each.kind == "left out")
    assert (gap.first, gap.last, gap.count) == (AT + 1, AT + 99, 99) and gap.attribution.cause is Culprit.COMPOSE
    assert by_cause(found, "left out") == {Culprit.COMPOSE: 99}


def stopped_whole(seconds: int) -> list[Entry]:
    """A show in which nothing ran for so long, the taker of the machine's figures neither: it skips to its grid."""
    made, before = frames(), frames()[: AT + 1]
    again = before[-1].begun + seconds * SECOND
    skip = SkipRecord(again, AT + 1, AT + 1 + seconds * 30, milliseconds(again - due(AT + 1)))
    after = [
        replace(each, number=skip.following + number, due=due(skip.following + number), begun=again, packaged=again)
        for number, each in enumerate(made[AT + 1 :])
    ]
    whole = show([*before, *after], extra=[told(SHOW, again, skip)])
    return [each for each in whole if each.of != HOUSE or not before[-1].begun < each.at < again]


def test_a_house_that_stood_still_as_a_whole_was_stopped_or_slept_and_the_host_took_nothing() -> None:
    """A millisecond of stolen CPU was named as the cause of a minute: the standstill itself was no piece of it."""
    (gap,) = (each for each in incidents(stopped_whole(60)) if each.kind == "left out")
    assert gap.attribution.cause is Culprit.STOPPED and gap.attribution.share > 0.9
    assert "stood still" in gap.attribution.why and gap.attribution.lost_ms == pytest.approx(60_000, rel=0.05)


def test_what_else_happened_then_is_told() -> None:
    stalled = frames(still={AT: 1400.0})
    pause = told(SHOW, stalled[AT].begun, PauseRecord("stage", "garbage", 12.0, stalled[AT].begun))
    (only,) = (each for each in incidents(show(stalled, extra=[pause])) if each.kind == "late")
    assert "stage collected garbage for 12 ms" in only.meanwhile
    assert any(words.startswith("CPU: stage 28 %, piper 12 %") for words in only.meanwhile)


def test_packets_that_left_late() -> None:
    calm = cause_of_stall(30.0, 0, 30 * MILLISECOND, Evidence(cpu_wait_ms=0.0), "the line")
    busy = cause_of_stall(30.0, 0, 30 * MILLISECOND, Evidence(cpu_wait_ms=40.0), "the line")
    garbage = PauseRecord("line", "garbage", 28.0, 30 * MILLISECOND)
    collected = cause_of_stall(30.0, 0, 30 * MILLISECOND, Evidence(pauses=[garbage]), "the line")
    assert [each.cause for each in (calm, busy, collected)] == [Culprit.UNKNOWN, Culprit.BUSY, Culprit.GARBAGE]


def injected(culprit: Culprit, ms: float) -> list[Entry]:
    """A show in which it makes a stall of so many ms."""
    match culprit:
        case Culprit.COMPOSE:
            return show(frames(compose={AT: ms}))
        case Culprit.ENCODE:
            return show(frames(encode={AT: ms}))
        case Culprit.BUSY:
            return show(frames(still={AT: ms}), seconds=around(cpu_wait_ms={"stage": ms / 2}))
        case Culprit.DISK:
            return show(frames(still={AT: ms}), seconds=around(disk_wait_ms=ms / 2))
        case _:
            return show(frames(still={AT: ms}))


def test_a_hundred_injections_are_named_right() -> None:
    chance = random.Random(7)
    right = 0
    for _ in range(100):
        culprit = chance.choice((Culprit.COMPOSE, Culprit.ENCODE, Culprit.BUSY, Culprit.DISK, Culprit.UNKNOWN))
        right += late(injected(culprit, chance.uniform(1150.0, 1900.0))).cause is culprit
    assert right == 100


@given(st.lists(st.floats(0.1, 12.0), min_size=2, max_size=40), st.lists(st.floats(0.0, 30.0), max_size=5))
def test_no_more_is_given_to_anybody_than_was_lost(took: list[float], pauses: list[float]) -> None:
    records = [
        FrameRecord(
            n, due(n), due(n) - SECOND, ms, ms * 3, 0, due(n) - SECOND + round(4 * ms * 1e6), -900.0, Cause.NONE
        )
        for n, ms in enumerate(took)
    ]
    told_of = [PauseRecord("stage", "garbage", ms, records[0].begun + round(ms * 1e6)) for ms in pauses]
    found = cause_of(Evidence(records, pauses=told_of, lead_ms=1000.0, cpu_wait_ms=5.0, disk_wait_ms=3.0))
    assert sum(found.parts.values()) == pytest.approx(found.lost_ms, abs=1e-6) or not found.lost_ms
    assert 0.0 <= found.share <= 1.0
