"""A show while it goes on: its seconds, and what went wrong with its frames, as soon as it can be known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from made_shows import FPS, HOUSE, SHOW, frames, machine, show

from duologue.clock import MILLISECOND, SECOND
from duologue.evidence.causes import Culprit
from duologue.evidence.incidents import Incident
from duologue.evidence.live import LONGEST, MOST_INCIDENTS, SECONDS, SURE, WHOLE_SECONDS, LiveShow
from duologue.evidence.summary import PartSummary
from duologue.telemetry.ledger import Entry, FrameRecord, MachineRecord, PauseRecord, ShowRecord, SkipRecord

RECORD = ShowRecord(FPS, 1920, 1080, ("chad", "virgin"), "living-room", 1000.0)


class Played:
    """A show that is told to a :class:`LiveShow`, a beat at each second of the machine."""

    def __init__(self, entries: Sequence[Entry], *, looked: bool = True) -> None:
        self.show = LiveShow(SHOW, RECORD, 0)
        self.house = PartSummary(HOUSE)
        self.told: list[tuple[int, Incident]] = []
        """At which beat what was told."""
        self._looked = looked
        for number, entry in enumerate(self._beats(entries)):
            for each in self.show.beat(entry.at, self.house, looked=looked)[1]:
                self.told.append((number, each))

    def _beats(self, entries: Sequence[Entry]) -> Iterator[Entry]:
        for entry in entries:
            if entry.of == SHOW:
                self.show.take(entry)
            elif entry.of == HOUSE:
                self.house.add(entry)
                if isinstance(entry.record, MachineRecord):
                    yield entry

    @property
    def incidents(self) -> list[Incident]:
        return list(self.show.incidents.values())


def stalled(count: int = 300, *, garbage: bool = True) -> list[Entry]:
    """Frame 100 begins 1.4 s late, which is more than the lead; the interpreter tells why, or nobody does."""
    records = frames(count, still={100: 1400.0})
    at = records[100].begun
    pause = [Entry(at, SHOW, PauseRecord("stage", "garbage", 1400.0, at))] if garbage else []
    return show(records, extra=pause)


def behind(records: Sequence[FrameRecord], late: range) -> list[FrameRecord]:
    """The same, those of these numbers begun and ready two seconds later: a second after they are due."""
    return [
        replace(
            each, begun=each.begun + 2 * SECOND, packaged=each.packaged + 2 * SECOND,
            lateness_ms=each.lateness_ms + 2000.0,
        )
        if each.number in late
        else each
        for each in records
    ]  # fmt: skip


def test_a_stall_has_its_cause_and_is_told_again_only_when_more_is_known() -> None:
    played = Played(stalled())
    (incident,) = played.incidents
    assert (incident.kind, incident.first, incident.attribution.cause) == ("late", 100, Culprit.GARBAGE)
    late = [each for each in frames(300, still={100: 1400.0}) if each.lateness_ms > 0]
    assert incident.count == len(late) == played.show.late
    assert [each for _, each in played.told][-1] == incident
    told = [(each.count, each.attribution) for _, each in played.told]
    assert len(set(map(str, told))) == len(told)  # nothing is said twice


def test_it_says_what_a_report_says() -> None:
    from duologue.evidence.incidents import ShowEvidence

    for entries in (stalled(), stalled(garbage=False)):
        played = Played(entries)
        part, house = PartSummary(SHOW), PartSummary(HOUSE)
        for entry in entries[1:]:
            (part if entry.of == SHOW else house).add(entry)
        (reported,) = ShowEvidence(part, house).noticed()
        (incident,) = played.incidents
        assert incident.attribution.cause is reported.attribution.cause
        assert (incident.first, incident.last, incident.worst_ms) == (reported.first, reported.last, reported.worst_ms)


def test_without_trouble_nothing_is_examined() -> None:
    played = Played(show(frames(300)))
    assert played.incidents == [] and played.told == []
    assert played.show.late == 0 and played.show.frames == 300


def test_where_nobody_looks_it_is_told_when_it_is_over() -> None:
    records = behind(frames(400), range(100, 240))
    entries = show([each for each in records if not 240 <= each.number < 300])  # which had their time meanwhile
    looked, alone = Played(entries), Played(entries, looked=False)
    assert min(at for at, _ in looked.told) < min(at for at, _ in alone.told)
    assert len({at for at, _ in alone.told}) < len({at for at, _ in looked.told})
    at_last = [[(each.first, each.last) for each in played.incidents] for played in (looked, alone)]
    assert at_last[0] == at_last[1] == [(100, 239)]


def test_frames_that_were_left_out_are_told() -> None:
    records = [each for each in frames(300) if not 100 <= each.number < 130]
    at = records[100].begun - 10 * MILLISECOND
    played = Played(show(records, extra=[Entry(at, SHOW, SkipRecord(at, 100, 130, 1200.0))]))
    (incident,) = played.incidents
    assert (incident.kind, incident.first, incident.last, incident.count) == ("left out", 100, 129, 30)
    assert sum(second.left_out for second in played.show.seconds) == 30 == played.show.left_out


def test_a_show_that_is_late_for_long_is_told_in_pieces_and_each_frame_once() -> None:
    count = 5 * LONGEST
    records = behind(frames(count), range(count))
    played = Played(show(records))
    pieces = played.incidents
    assert len(pieces) > 2
    assert sum(each.count for each in pieces) == count
    assert all(one.last < other.first for one, other in pairwise(pieces))
    assert all(each.count < LONGEST + 2 * FPS for each in pieces)


def test_it_keeps_the_newest_and_no_more() -> None:
    still = {number: 1100.0 for number in range(60, 60_000, 600)}
    played = Played(show(frames(2000 * FPS, still=still)))
    live = played.show
    assert (len(live.seconds), len(live.summaries)) == (WHOLE_SECONDS, SECONDS)
    assert len(live.incidents) <= MOST_INCIDENTS
    assert live.frames == 2000 * FPS
    window = live._window  # pyright: ignore[reportPrivateUsage]
    assert len(window.columns) < 60 * FPS
    assert len(live._suspects) <= SURE  # pyright: ignore[reportPrivateUsage]


def test_a_second_has_every_frame_with_what_it_took() -> None:
    played = Played(show(frames(300, encode={50: 45.0})))
    seconds = list(played.show.seconds)
    told = [cost for second in seconds for cost in second.costs]
    assert len(told) == 300 and max(told) > 45
    assert sum(second.over_budget for second in seconds) == 1
    assert seconds[2].first == sum(len(each.costs) for each in seconds[:2])
    assert [each.most for each in played.show.summaries] == [
        round(max(second.costs), 2) if second.costs else 0.0 for second in seconds
    ]


def test_who_had_the_cores_is_known_when_the_second_is_over() -> None:
    records = frames(300, still={100: 1400.0})
    second = (records[100].begun - records[0].begun) // SECOND
    starved = machine(
        cpu_wait_ms={"stage": 1400.0, "main": 2.0}, cpu_percent={"main": 9.0, "stage": 20.0, "piper": 160.0}
    )
    seconds = {number: starved for number in range(second - 1, second + 1)}
    (incident,) = Played(show(records, seconds=seconds)).incidents
    assert incident.attribution.cause is Culprit.ENGINE
