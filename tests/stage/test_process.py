"""The stage's shell, in this process: poison is reported and left out, a stall is bounded, and it ends when told to."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import pytest

from duologue.broadcast.packets import Track
from duologue.child import Channel
from duologue.clock import SECOND, SYSTEM_CLOCK, SystemClock
from duologue.errors import ClosedError
from duologue.places import packs_folder
from duologue.speech.utterance import Utterance
from duologue.stage.governor import Governor
from duologue.stage.messages import (
    Announce,
    Cut,
    Dropped,
    Encoded,
    Frames,
    Handled,
    Handling,
    SayUtterance,
    Seated,
    SetLights,
    ShowTv,
    Shutdown,
    StageFailed,
    StagePlan,
    StageReady,
    StreamRun,
    Trouble,
    UtteranceEnded,
    UtteranceStarted,
)
from duologue.stage.motion.pose import Daylight, Lights
from duologue.stage.pace import CatchUpRule
from duologue.stage.process import StageProcess, smaller
from duologue.telemetry.ledger import GovernorStep, SkipRecord

pytestmark = [pytest.mark.realtime]
Kind = TypeVar("Kind")


def plan(**changes: Any) -> StagePlan:
    cast_of = tuple(
        Seated(name, packs_folder() / "characters" / name, name.title(), "#ffffff") for name in ("chad", "virgin")
    )
    whole = StagePlan(
        room=packs_folder() / "rooms" / "living-room", cast=cast_of, width=320, height=180, fps=30, seed=1,
        encoder="libx264", bitrate=1_000_000, lead=0.5, lights=Lights(), captions=True, test_card=False, cache=None,
    )  # fmt: skip
    return replace(whole, **changes)


def line(name: str, speaker: str = "chad", seconds: float = 0.5, text: str = "Hello there.") -> SayUtterance:
    samples = (0.1 * np.sin(np.arange(int(48_000 * seconds)) / 20)).astype(np.float32)
    return SayUtterance(Utterance(id=name, speaker=speaker, text=text, samples=samples, rate=48_000), 0)


class StalledClock(SystemClock):
    """The machine's clock, on which the stage's frame thread can be made to stand still, as by SIGSTOP."""

    def __init__(self) -> None:
        self.stall = 0.0

    def sleep_until(self, deadline: int) -> None:
        stall, self.stall = self.stall, 0.0
        super().sleep_until(max(deadline, self.now() + int(stall * SECOND)))


class Line:
    """The stage's end of a channel, and ours."""

    def __init__(self, stage_plan: StagePlan) -> None:
        self.clock = StalledClock()
        self.cues: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.reports: list[object] = []
        self.news = threading.Condition()
        self.gone = False
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=[stage_plan], daemon=True)
        self._thread.start()

    def send(self, report: object) -> None:
        if self.gone:
            raise ClosedError("the parent process is gone")
        with self.news:
            self.reports.append(report)
            self.news.notify_all()

    def __iter__(self) -> Iterator[object]:
        while (cue := self.cues.get()) is not None:
            yield cue

    def _run(self, stage_plan: StagePlan) -> None:
        try:
            StageProcess(cast(Channel, self), stage_plan, self.clock, granted="nothing").run()
        except BaseException as error:
            self.error = error

    def wait(self, kind: type[Kind], accept: Callable[[Kind], bool] = lambda report: True) -> Kind:
        """The first report of a kind that is acceptable."""

        def find() -> Kind | None:
            return next((each for each in self.reports if isinstance(each, kind) and accept(each)), None)

        with self.news:
            assert self.news.wait_for(lambda: find() is not None, 20), (
                f"no {kind.__name__}: {[type(each).__name__ for each in self.reports[-9:]]}"
            )
            found = find()
        assert found is not None
        return found

    def all(self, kind: type[Kind]) -> list[Kind]:
        with self.news:
            return [report for report in self.reports if isinstance(report, kind)]

    def end(self) -> None:
        self.cues.put(Shutdown())
        self._thread.join(20)
        self.cues.put(None)
        assert not self._thread.is_alive()


@pytest.fixture
def stage() -> Iterator[Line]:
    line_to = Line(plan())
    try:
        line_to.wait(StageReady)
        yield line_to
    finally:
        line_to.end()
        assert line_to.error is None


def test_a_run_is_announced_before_its_packets_and_after_ready(stage: Line) -> None:
    stage.wait(Encoded)
    kinds = [type(report) for report in stage.reports]
    assert kinds.index(StageReady) < kinds.index(StreamRun) < kinds.index(Encoded)
    ready = stage.wait(StageReady)
    assert ready.granted == "nothing"
    assert [step.name for step in ready.steps] == ["TV", "ANALYSIS", "RATE"]


POISON = {
    "a stranger speaks": line("bad", speaker="nobody"),
    "no text at all": line("bad", text=""),
    "control characters": line("bad", text="\x00\x1b[2J\ud83d" * 50),
    "sound that is not a number": SayUtterance(
        Utterance(id="bad", speaker="chad", text="Hm.", samples=np.full(4800, np.nan, np.float32), rate=48_000), 0
    ),
    "two channels": SayUtterance(
        Utterance(id="bad", speaker="chad", text="Hm.", samples=np.zeros((480, 2), np.float32), rate=48_000), 0
    ),
    "a negative gap": replace(line("bad"), gap=-5),
    "no sound": line("bad", seconds=0.0),
    "a rate of nothing": SayUtterance(
        Utterance(id="bad", speaker="chad", text="Hm.", samples=np.zeros(480, np.float32), rate=0), 0
    ),
}


def test_a_frame_says_what_was_in_it(stage: Line) -> None:
    stage.cues.put(line("a", seconds=0.4))
    spoken = stage.wait(Frames, lambda each: any("speech" in record.work for record in each.records))
    after = stage.wait(
        Frames, lambda each: each.records[0].number > spoken.records[-1].number and not each.records[-1].work
    )
    records = [record for each in stage.all(Frames) for record in each.records]
    heard = [record.number for record in records if "speech" in record.work]
    assert heard == list(range(heard[0], heard[-1] + 1)) and 6 <= len(heard) <= 30
    assert after.records and {part for record in records for part in record.work.split("+")} <= {
        "",
        "speech",
        "caption",
        "lights",
    }


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON.keys())
def test_a_poisonous_line_given_twice_is_said_or_dropped_and_the_next_is_heard(
    stage: Line, poison: SayUtterance
) -> None:
    for name in ("bad", "worse"):
        stage.cues.put(replace(poison, utterance=replace(poison.utterance, id=name)))
    stage.cues.put(line("good", speaker="virgin"))
    stage.wait(UtteranceEnded, lambda report: report.utterance_id == "good" and report.played > 0)
    over = {report.utterance_id for report in (*stage.all(UtteranceEnded), *stage.all(Dropped))}
    assert over == {"bad", "worse", "good"}
    assert {report.utterance_id for report in stage.all(Handling)} == {"bad", "worse", "good"}


@pytest.mark.parametrize(
    "cue",
    [
        ShowTv(Path("/nowhere/film.mp4")),
        ShowTv(Path(__file__)),
        SetLights(Lights(cast(Daylight, "noon"))),
        Announce("\ud83d\x00"),
        Cut(("never heard of",)),
    ],
)
def test_a_poisonous_cue_given_twice_is_left_out_and_the_show_goes_on(stage: Line, cue: Any) -> None:
    stage.cues.put(cue)
    stage.cues.put(cue)
    stage.cues.put(line("good"))
    stage.wait(UtteranceEnded, lambda report: report.utterance_id == "good" and report.played > 0)
    assert all(trouble.remedy for trouble in stage.all(Trouble))


def test_a_long_stall_is_skipped_with_a_discontinuity_and_what_was_being_said_goes_on(stage: Line) -> None:
    stage.cues.put(line("long", seconds=2.0))
    stage.wait(UtteranceStarted)
    stage.clock.stall = 6.0
    skip = stage.wait(SkipRecord)
    ended = stage.wait(UtteranceEnded)
    assert (ended.utterance_id, ended.played) == ("long", 96_000)  # not a sample is lost
    started = stage.wait(UtteranceStarted)
    assert ended.at - started.at == 96_000 + (skip.following - skip.first) * 1600
    runs = stage.all(StreamRun)
    assert [run.first_frame for run in runs] == [0, skip.following]
    at = stage.reports.index(runs[1])
    numbers = [packet.pts for report in stage.reports[at:] if isinstance(report, Encoded) for packet in report.packets]
    before = [packet.pts for report in stage.reports[:at] if isinstance(report, Encoded) for packet in report.packets]
    assert before and numbers and numbers[0] >= skip.following
    assert skip.late_ms > 4000


def test_a_stage_that_takes_over_too_late_says_what_was_left_out() -> None:
    """What the one before it hung for, and it took to come up, nobody saw: the page and the ledger must not say 0."""
    begun = replace(plan(), origin=SYSTEM_CLOCK.now() - 10 * SECOND, wall_origin=SYSTEM_CLOCK.wall() - 10 * SECOND)
    stage = Line(replace(begun, first_frame=30))
    try:
        ready = stage.wait(StageReady)
        stage.wait(Encoded)
    finally:
        stage.end()
    [skip] = stage.all(SkipRecord)
    assert (skip.first, skip.following) == (30, ready.first_frame) and skip.following > 300
    assert skip.late_ms > 8500
    assert [run.first_frame for run in stage.all(StreamRun)] == [ready.first_frame]


def test_at_half_the_rate_a_skip_leads_to_a_number_that_has_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a frame is neither delivered nor said to be left out, and the sound of it is thrown away."""

    def decide(_governor: Governor, _now: int) -> GovernorStep:
        return GovernorStep.RATE

    def following(_rule: CatchUpRule, number: int, _now: int) -> int:
        return 47 if number == 40 else number

    monkeypatch.setattr(Governor, "decide", decide)
    monkeypatch.setattr(CatchUpRule, "following", following)
    stage = Line(plan())
    try:
        stage.wait(Encoded, lambda report: report.packets[0].track is Track.VIDEO and report.packets[0].pts > 60)
    finally:
        stage.end()
    skip = stage.wait(SkipRecord)
    pictures = [packet.pts for report in stage.all(Encoded) for packet in report.packets if packet.track is Track.VIDEO]
    assert skip.first == 40 and pictures[pictures.index(38) + 1] == skip.following
    assert [run.first_frame for run in stage.all(StreamRun)] == [0, skip.following]


@pytest.mark.parametrize("calls", [(20, 41), (21, 40), (20, 40), (21, 41)])
def test_whenever_the_rate_changes_each_picture_lasts_until_the_next(
    monkeypatch: pytest.MonkeyPatch, calls: tuple[int, int]
) -> None:
    """The governor asks for half the rate at one of these calls of it, and for all of it at the other."""
    count = itertools.count()

    def decide(_governor: Governor, _now: int) -> GovernorStep:
        return GovernorStep.RATE if next(count) in range(*calls) else GovernorStep.FULL

    monkeypatch.setattr(Governor, "decide", decide)
    stage = Line(plan())
    try:
        stage.wait(Encoded, lambda report: report.packets[0].track is Track.VIDEO and report.packets[0].pts > 90)
    finally:
        stage.end()
    video = [packet for report in stage.all(Encoded) for packet in report.packets if packet.track is Track.VIDEO]
    assert {packet.duration for packet in video} == {1, 2}
    for one, following in itertools.pairwise(video):
        assert one.pts + one.duration == following.pts


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"cast": plan().cast + plan().cast[:1]}, "3 characters do not fit"),
        ({"room": Path("/nowhere")}, "/nowhere"),
        ({"width": 321}, "321"),
        ({"encoder": "vp8"}, "no encoder 'vp8'"),
    ],
)
def test_a_poisonous_plan_is_refused_in_words(changes: dict[str, Any], what: str) -> None:
    stage = Line(plan(**changes))
    failed = stage.wait(StageFailed)
    stage.end()
    assert failed.refused
    assert what in f"{failed.what} {failed.where}"
    assert isinstance(stage.error, SystemExit)


def test_it_leaves_when_the_main_process_is_gone() -> None:
    stage = Line(plan())
    stage.wait(Encoded)
    stage.gone = True
    stage.cues.put(None)
    stage.end()


def test_the_smaller_size_is_even() -> None:
    assert smaller(1920, 1080) == (1280, 720)
    assert smaller(1280, 720) == (852, 480)
    assert all(side % 2 == 0 for side in smaller(1366, 768))


def test_a_line_is_prepared_before_it_is_queued(stage: Line) -> None:
    stage.cues.put(line("a"))
    stage.wait(UtteranceStarted)
    kinds = [type(report) for report in stage.reports if isinstance(report, (Handling, Handled, UtteranceStarted))]
    assert kinds == [Handling, Handled, UtteranceStarted]
    assert SYSTEM_CLOCK.now() > 0
