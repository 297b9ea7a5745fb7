"""``duologue bench``: a talk and a film within bounds, budgets as code, an earlier result."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from duologue.app.talking.talking import Partner
from duologue.cli.main import build
from duologue.clock import SECOND
from duologue.dialogue.session.session import SessionOptions
from duologue.errors import InputError
from duologue.evidence.bench import BenchResult, as_json, as_table, broken, changes, held, read_result, series_of
from duologue.evidence.budgets import Budgets
from duologue.evidence.changes import ChangeOutcome
from duologue.settings import Settings, load_settings
from duologue.simulation import bench
from duologue.simulation.runner import PLAIN
from duologue.simulation.virtual_time import LoopClock, simulate
from duologue.telemetry.ledger import TurnRecord
from kept_talk import engines

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

MEASURED = BenchResult(
    {"stt": "tones"},
    {
        "answer": tuple(700.0 + number for number in range(20)), "first_text": (300.0,) * 20,
        "frame": tuple(5.0 + number % 7 for number in range(600)),
    },
    20, 20, 30,
)  # fmt: skip
GENEROUS, IMPOSSIBLE = "[budgets]\nanswer_ms = 60000\nframe_ms = 10000\n", "[budgets]\nanswer_ms = 0.001\n"


def test_every_question_is_asked_and_answered_by_the_real_session() -> None:
    async def held_talk() -> list[TurnRecord]:
        clock = LoopClock(SECOND)
        return await bench.hold_talk(Partner(PLAIN, engines(clock)), 3, SessionOptions(id="b"), clock)

    turns = simulate(held_talk())
    answers = [turn for turn in turns if turn.kind == "answer"]
    assert [turn.text for turn in turns if turn.kind == "person"] == ["Thank you."] * 3
    assert len(answers) == 3
    series = series_of(turns, ())
    assert {len(series[name]) for name in ("answer", "first_text", "first_audio", "all_done")} == {3}
    assert all(250 <= ms <= 2_000 for ms in series["answer"])
    assert all(one < other for one, other in zip(series["first_audio"], series["all_done"], strict=True))


def test_a_budget_is_kept_when_nearly_all_keep_within_it() -> None:
    kept = {line.name: line for line in held(MEASURED, Budgets(answer_ms=718.0, first_text_ms=300.0))}
    assert {*kept} == {"answer", "first_text", "frame"}
    assert (kept["answer"].over, kept["answer"].holds) == (1, True)
    assert kept["frame"].limit_ms == pytest.approx(1000 / 30)
    tighter = {line.name: line for line in held(MEASURED, Budgets(answer_ms=717.0))}
    assert (tighter["answer"].over, tighter["answer"].holds) == (2, False)


def test_what_was_not_measured_is_broken_unless_nobody_asked_for_it() -> None:
    silent = BenchResult({}, {}, 4, 0)
    (line,) = held(silent, Budgets(answer_ms=2000.0, t1_t2_ms=300.0))
    assert (line.name, line.spread, line.holds) == ("answer", None, False)
    assert broken([line], silent)
    assert any("BROKEN" in row for row in as_table([line], silent))
    assert held(BenchResult({}, {}), Budgets(answer_ms=1.0, frame_ms=1.0)) == []
    deaf = BenchResult({}, {"answer": (1.0,)}, 2, 1)
    assert broken(held(deaf, Budgets()), deaf)


def test_a_result_is_read_back_and_held_against() -> None:
    assert read_result(as_json(MEASURED), "x") == MEASURED
    slower = BenchResult({}, {**MEASURED.series, "answer": tuple(900.0 + n for n in range(20))}, 20, 20, 30)
    found = {each.name: each.outcome for each in changes(slower, MEASURED)}
    assert found["answer, middle"] is ChangeOutcome.WORSE
    assert found["frame, middle"] is ChangeOutcome.SAME
    few = BenchResult({}, {"answer": (9_000.0,)}, 1, 1)
    assert {each.outcome for each in changes(few, MEASURED)} == {ChangeOutcome.FEW}


@pytest.mark.parametrize("text", ["[", "[]", "{}", '{"duologue_bench": 99}', '{"duologue_bench": 1, "series": []}'])
def test_what_is_no_result_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        read_result(text, "old.json")
    assert caught.value.where == "old.json"


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """The command, on a measurement that is there already."""

    async def canned(settings: Settings, order: bench.BenchOrder, told: Callable[[str], None]) -> BenchResult:
        assert order == bench.BenchOrder()
        return MEASURED

    monkeypatch.setattr(bench, "run_bench", canned)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(build(["bench"]), ["bench", *arguments])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout

    return run


def test_the_gate_is_the_exit_code(measured: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    assert measured()[0] == 0
    with pytest.raises(InputError, match="no budgets"):
        measured("--gate")
    (tmp_path / "budgets.toml").write_text(GENEROUS, "utf-8")
    code, shown = measured("--gate", "-o", "old.json")
    assert code == 0
    assert "20 of 20 questions were answered" in shown and "BROKEN" not in shown
    assert read_result((tmp_path / "old.json").read_text("utf-8"), "old.json") == MEASURED
    (tmp_path / "hard.toml").write_text(IMPOSSIBLE, "utf-8")
    code, shown = measured("--gate", "--budgets", "hard.toml")
    assert code == 1 and "BROKEN" in shown
    assert measured("--budgets", "hard.toml")[0] == 0  # only a gate is one


def test_a_bench_that_got_worse_fails(measured: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    faster = BenchResult({}, {**MEASURED.series, "answer": tuple(200.0 + n for n in range(20))}, 20, 20, 30)
    (tmp_path / "old.json").write_text(as_json(faster), "utf-8")
    code, shown = measured("--against", "old.json", "--json")
    assert code == 1
    told = json.loads(shown)
    assert told["broken"] is None
    assert {each["outcome"] for each in told["changes"] if each["name"].startswith("answer")} == {"worse"}
    (tmp_path / "old.json").write_text(as_json(MEASURED), "utf-8")
    assert measured("--against", "old.json")[0] == 0


def test_a_film_tells_of_each_of_its_frames() -> None:
    settings = load_settings({"show.turns": 1, "show.size": "320x180", "show.seed": 1, "show.topic": "Tea"})
    frames = asyncio.run(bench.film(settings))
    assert [frame.number for frame in frames] == list(range(len(frames)))
    assert len(frames) > 60
    assert len(series_of((), frames)["frame"]) == len(frames)
