"""Budgets while it happens: each breach is counted, and said seldom."""

from __future__ import annotations

from dataclasses import replace

from structlog.testing import capture_logs

from duologue.app.evidence import budget_watch
from duologue.app.evidence.budget_watch import BudgetWatch
from duologue.clock import MILLISECOND, SECOND, VirtualClock
from duologue.evidence.budgets import PRESETS, Budgets
from duologue.telemetry.ledger import FrameRecord, ShowRecord, TurnRecord
from duologue.telemetry.metrics.metrics import Metrics
from duologue.telemetry.stream import Ledger


def frame(cost: float, periods: int = 1) -> FrameRecord:
    return FrameRecord(1, 0, 0, 1.0, cost - 1.0, 0, 0, -900.0, periods=periods)


def answer(at: int, ms: float) -> TurnRecord:
    on_air = at + round(ms * MILLISECOND)
    return TurnRecord("t/r", "t", 1, "ada", "answer", state="ended", spoken_to=at, on_air=on_air, ended=on_air + SECOND)


def watched(budgets: Budgets) -> tuple[Ledger, VirtualClock, Metrics, list[tuple[str, str]]]:
    clock, metrics, said = VirtualClock(start=SECOND), Metrics(), list[tuple[str, str]]()
    ledger = Ledger(clock)
    ledger.watch(BudgetWatch(budgets, metrics.broken, lambda of, words: said.append((of, words))).observe)
    return ledger, clock, metrics, said


def test_a_frame_has_its_period_unless_a_budget_is_set() -> None:
    ledger, _, metrics, said = watched(PRESETS["usual"])
    ledger.enter("show:day", frame(500.0))  # of a show that nobody has told of
    ledger.enter("show:day", ShowRecord(25))
    for record in (frame(39.0), frame(41.0), frame(79.0, periods=2), frame(81.0, periods=2)):
        ledger.enter("show:day", record)
    assert metrics.registry.get_sample_value(
        "duologue_budget_breaches_total", {"of": "show:day", "budget": "frame"}
    ) == 2.0  # fmt: skip
    assert said == [("show:day", "frame: 41 ms, and 40 ms were allowed")]
    ledger, _, metrics, said = watched(PRESETS["show"])
    ledger.enter("show:day", frame(34.0))
    assert said == [("show:day", "frame: 34 ms, and 33 ms were allowed")]


def test_each_stage_may_have_a_budget_of_its_own() -> None:
    ledger, clock, metrics, said = watched(Budgets(answer_ms=5_000.0, voice_ms=80.0, transcript_ms=50.0, encode_ms=9.0))
    at = clock.now()
    times = [at + ms * MILLISECOND for ms in (300, 350, 360, 700, 720, 810, 815, 830)]
    decided, understood, asked, first_token, first_sentence, first_audio, sent, on_air = times
    record = TurnRecord(
        "t/r", "t", 1, "ada", "answer", state="ended", question="t/p", spoken_to=at, decided=decided,
        understood=understood, asked=asked, first_token=first_token, first_sentence=first_sentence,
        first_audio=first_audio, sent=sent, on_air=on_air, ended=on_air + SECOND,
    )  # fmt: skip
    ledger.enter("talk:0", record)
    ledger.enter("show:day", frame(10.5))
    assert said == [
        ("talk:0", "voice: 90 ms, and 80 ms were allowed"), ("show:day", "encoding: 10 ms, and 9 ms were allowed"),
    ]  # fmt: skip
    told = [
        sample.labels["budget"]
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "duologue_budget_breaches_total"
    ]
    assert told == ["voice", "encode"]


def test_what_was_made_ahead_does_not_break_the_budget_of_sending() -> None:
    ledger, clock, _, said = watched(PRESETS["phone"])
    at = clock.now()
    decided = at + 350 * MILLISECOND
    record = TurnRecord(
        "t/r", "t", 1, "ada", "answer", state="ended", question="t/p", spoken_to=at, decided=decided,
        understood=decided, asked=at + 50 * MILLISECOND, first_token=at + 60 * MILLISECOND,
        first_sentence=at + 70 * MILLISECOND, first_audio=at + 150 * MILLISECOND, adopted=True,
        sent=decided + 2 * MILLISECOND, on_air=decided + 40 * MILLISECOND, ended=decided + SECOND,
    )  # fmt: skip
    ledger.enter("line:0", record)
    assert said == []
    ledger.enter("line:0", replace(record, sent=decided + 9 * MILLISECOND))
    assert said == [("line:0", "t2 → t3: 9 ms, and 5 ms were allowed")]


def test_what_breaks_again_is_said_a_minute_later_with_its_count() -> None:
    ledger, clock, metrics, said = watched(PRESETS["talk"])
    with capture_logs() as logs:
        for number in range(5):
            ledger.enter(f"talk:{number}", answer(clock.now(), 900.0))
            clock.advance(SECOND)
        ledger.enter("talk:5", answer(clock.now(), 700.0))
        clock.advance(budget_watch.QUIET)
        ledger.enter("talk:6", answer(clock.now(), 950.0))
    assert [words for _, words in said] == [
        "answer: 900 ms, and 800 ms were allowed",
        "answer: 950 ms, and 800 ms were allowed (5 times since it was last said)",
    ]
    assert [(each["event"], each["times"]) for each in logs] == [("budget.broken", 1), ("budget.broken", 5)]
    assert metrics.registry.get_sample_value(
        "duologue_budget_breaches_total", {"of": "talk", "budget": "answer"}
    ) == 6.0  # fmt: skip
