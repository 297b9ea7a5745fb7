"""Who watches the house is told each second of it; what nobody watches is kept, and no view of it is made."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from duologue.app.evidence import board as evidence_board
from duologue.app.evidence.board import MOST_QUEUED, EvidenceBoard
from duologue.app.evidence.models import EvidenceAnswerEvent, EvidenceEvent, EvidenceSecondEvent, EvidenceStateEvent
from duologue.clock import MILLISECOND, SECOND, VirtualClock
from duologue.telemetry.ledger import FrameRecord, MachineRecord, PauseRecord, ShowRecord, TurnRecord
from duologue.telemetry.stream import HOUSE, Ledger

SHOW = "show:day"
EPOCH = 1_790_000_000 * SECOND


class Scene:
    """A show whose seconds are told one by one."""

    def __init__(self, *, show: bool = True) -> None:
        self.clock = VirtualClock(start=100 * SECOND, epoch=EPOCH)
        self.ledger = Ledger(self.clock)
        self.board = EvidenceBoard(self.ledger, self._run)
        self._frame = 0
        self.shown = show
        if show:
            self.ledger.enter(SHOW, ShowRecord(30, 1920, 1080, ("chad",), "room", 1000.0))

    def _run(self, of: str) -> str:
        return "20260921-show-day" if of == SHOW else ""

    def second(self, *, stalled_ms: float = 0.0) -> None:
        begin = self.clock.now()
        free = begin
        for number in range(30 if self.shown else 0):
            due = begin + SECOND + number * SECOND // 30
            free = max(due - SECOND, free)
            if stalled_ms and number == 10:
                free += round(stalled_ms * MILLISECOND)
                self.ledger.enter(SHOW, PauseRecord("stage", "garbage", stalled_ms, free))
            done = free + 8 * MILLISECOND
            lateness = (done - due) / MILLISECOND
            self.ledger.enter(SHOW, FrameRecord(self._frame, due, free, 1.5, 6.5, 900, done, lateness), done)
            free, self._frame = done, self._frame + 1
        self.clock.advance(SECOND)
        cpu = {"main": 6.0, "stage": 30.0}
        self.ledger.enter(HOUSE, MachineRecord(1.5, 4000.0, cpu, {"main": 90.0}, 0.5, 2, 20.0, {"stage": 4.0}, 2.0))


async def taken(scene: Scene, seconds: int, show: str = SHOW) -> list[EvidenceEvent | None]:
    found: list[EvidenceEvent | None] = []
    with scene.board.watch(show) as watch:
        found.append(await watch.take())
        for _ in range(seconds):
            scene.second()
            found.append(await watch.take())
    return found


def test_a_watcher_begins_with_the_state_and_is_told_each_second() -> None:
    scene = Scene()
    for _ in range(3):
        scene.second()
    state, *seconds = asyncio.run(taken(scene, 2))
    assert isinstance(state, EvidenceStateEvent) and state.show is not None
    assert (state.show.run, state.show.frames, state.show.budget_ms) == ("20260921-show-day", 90, 33.333)
    assert [len(each.costs) for each in state.seconds] == [30, 30, 30] and len(state.history.at) == 3
    assert len(state.machine) == 3
    assert all(isinstance(each, EvidenceSecondEvent) for each in seconds)
    last = seconds[-1]
    assert isinstance(last, EvidenceSecondEvent) and last.second is not None and last.show is not None
    assert (last.second.first, last.show.frames) == (120, 150)
    assert last.second.at == EPOCH / MILLISECOND + 5000.0
    processes = {each.name: (each.cpu, each.rss_mb, each.wait_ms) for each in last.machine.processes}
    assert processes == {"main": (6.0, 90.0, 0.0), "stage": (30.0, 0.0, 4.0)}


def test_a_stall_shows_with_its_cause() -> None:
    scene = Scene()
    for second in range(6):
        scene.second(stalled_ms=1400.0 if second == 2 else 0.0)
    (incident,) = scene.board.state(SHOW).incidents
    assert (incident.kind, incident.cause, incident.first) == ("late", "garbage collection", 70)
    assert incident.at == EPOCH / MILLISECOND + 3333.3
    assert "garbage was collected for 1400 ms" in incident.why


def test_no_view_is_made_while_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    def note(**fields: object) -> None:
        made.append(fields)

    monkeypatch.setattr(evidence_board, "EvidenceSecondEvent", note)
    scene = Scene()
    for _ in range(5):
        scene.second(stalled_ms=1400.0)
    assert made == []


def test_who_is_too_slow_is_given_the_state_anew() -> None:
    async def story() -> None:
        scene = Scene()
        with scene.board.watch(SHOW) as watch:
            await watch.take()
            for _ in range(MOST_QUEUED + 5):
                scene.second()
            state = await watch.take()
            assert isinstance(state, EvidenceStateEvent) and len(state.seconds) == MOST_QUEUED + 5
            scene.second()
            assert isinstance(await watch.take(), EvidenceSecondEvent)

    asyncio.run(story())


def test_a_show_that_begins_anew_is_another_one() -> None:
    async def story() -> None:
        scene = Scene()
        scene.second(stalled_ms=1400.0)
        with scene.board.watch(SHOW) as watch:
            await watch.take()
            scene.ledger.enter(SHOW, ShowRecord(25))
            state = await watch.take()
            assert isinstance(state, EvidenceStateEvent) and state.show is not None
            assert (state.show.fps, state.show.frames, state.incidents) == (25, 0, ())

    asyncio.run(story())


def test_a_house_without_a_show_tells_of_its_machine_and_of_answers_without_their_words() -> None:
    scene = Scene(show=False)
    at = scene.clock.now()
    answer = TurnRecord(
        "t/r1", "t", 2, "ada", "answer", "A secret.", "A secret.", asked=at + 300 * MILLISECOND, state="ended",
        question="t/p1", spoken_to=at, decided=at + 300 * MILLISECOND, understood=at + 300 * MILLISECOND,
        first_token=at + 500 * MILLISECOND, first_sentence=at + 600 * MILLISECOND, first_audio=at + 700 * MILLISECOND,
        on_air=at + 800 * MILLISECOND, ended=at + 2 * SECOND,
    )  # fmt: skip
    scene.ledger.enter("talk:t", answer)
    scene.ledger.enter("line:c", TurnRecord("c/p1", "c", 1, "16", "person", "Hello?", state="ended"))
    state, second = asyncio.run(taken(scene, 1, show=""))
    assert isinstance(state, EvidenceStateEvent) and isinstance(second, EvidenceSecondEvent)
    assert state.show is None and second.show is None and second.second is None
    (told,) = state.answers
    assert (told.of, told.speaker, sum(each.ms for each in told.stages)) == ("talk", "ada", 800.0)
    assert second.answers == state.answers
    assert "secret" not in state.model_dump_json()


def test_an_answer_grows_stage_by_stage_until_it_is_heard() -> None:
    async def story() -> None:
        scene = Scene(show=False)
        at = scene.clock.now()
        record = TurnRecord("t/r1", "t", 2, "ada", "answer", "A secret.", question="t/p1", asked=at)
        with scene.board.watch() as watch:
            assert isinstance(await watch.take(), EvidenceStateEvent)
            scene.ledger.turn("talk:t", record)  # thought ahead: nobody waits for it yet
            record.spoken_to, record.decided, record.understood = at, at + 350 * MILLISECOND, at + 350 * MILLISECOND
            record.asked = record.decided
            scene.ledger.turn("talk:t", record)
            record.first_token = at + 600 * MILLISECOND
            scene.ledger.turn("talk:t", record)
            scene.ledger.turn("talk:t", record)  # nothing of it is new
            record.first_sentence, record.voiced = at + 700 * MILLISECOND, at + 900 * MILLISECOND
            scene.ledger.turn("talk:t", record)
            with scene.board.watch() as late:
                state = await late.take()
            record.on_air = at + SECOND
            scene.ledger.turn("talk:t", record)
            told = [await watch.take() for _ in range(4)]
        assert isinstance(state, EvidenceStateEvent) and scene.board.state().growing == ()
        steps = [each for each in told if isinstance(each, EvidenceAnswerEvent)]
        assert [(each.answer.stage, each.over) for each in steps] == [
            ("first_token", False), ("first_sentence", False), ("playout", False), ("", True),
        ]  # fmt: skip
        assert state.growing == (steps[2].answer,)
        (answer,) = state.growing
        assert {each.name: each.ms for each in answer.stages} == {
            "endpointing": 350, "transcript": 0, "floor": 0, "first_token": 250, "first_sentence": 100, "voice": 200,
        }  # fmt: skip
        assert (answer.of, answer.since - answer.at) == ("talk", 900) and "secret" not in answer.model_dump_json()

    asyncio.run(story())


def test_an_answer_that_is_never_heard_grows_no_longer() -> None:
    scene = Scene(show=False)
    at = scene.clock.now()
    record = TurnRecord("c/r1", "c", 2, "ada", "answer", spoken_to=at, decided=at + SECOND, question="c/p1")
    scene.ledger.turn("line:c", record)
    scene.ledger.turn("show:day", replace(record, id="s/r1"))
    assert [each.of for each in scene.board.state().growing] == ["call"]
    scene.ledger.close_turns("line:c")
    assert scene.board.state().growing == ()


def test_a_session_of_the_realtime_api_is_a_talk() -> None:
    scene = Scene(show=False)
    at = scene.clock.now()
    answer = TurnRecord(
        "t/r1", "t", 2, "ada", "answer", state="ended", question="t/p1", spoken_to=at, decided=at + SECOND,
        understood=at + SECOND, asked=at + SECOND, on_air=at + 2 * SECOND, ended=at + 3 * SECOND,
    )  # fmt: skip
    scene.ledger.enter("api:t", answer)
    (told,) = scene.board.state().answers
    assert (told.of, sum(each.ms for each in told.stages)) == ("talk", 2000.0)


def test_a_house_that_ends_lets_its_watchers_go() -> None:
    async def story() -> None:
        scene = Scene()
        with scene.board.watch(SHOW) as watch:
            scene.board.close()
            assert isinstance(await watch.take(), EvidenceStateEvent)
            assert await watch.take() is None
        assert not scene.board.watched(SHOW)

    asyncio.run(story())
