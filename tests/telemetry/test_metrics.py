from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from duologue.clock import MILLISECOND
from duologue.telemetry.ledger import (
    Cause,
    EndingRecord,
    FrameRecord,
    Outcome,
    SkipRecord,
    Step,
    StepRecord,
    TurnRecord,
)
from duologue.telemetry.machine import MachineSample, ProcessSample
from duologue.telemetry.metrics import Metrics


def values(metrics: Metrics) -> dict[str, float]:
    """Each sample as ``name{label=value}``."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def frame(compose: float, encode: float, cause: Cause = Cause.NONE, periods: int = 1) -> FrameRecord:
    return FrameRecord(0, 0, 0, compose, encode, 0, 0, -750.0, cause, periods)


def test_frames_fall_into_buckets_around_their_budget() -> None:
    metrics = Metrics(30)
    metrics.frame(frame(1.0, 6.0))
    metrics.frame(frame(3.0, 32.0, Cause.ENCODE))
    metrics.frame(frame(0.0, 1.0, Cause.STALL, periods=2))
    found = values(metrics)
    assert found["duologue_frames_total"] == 3
    assert found["duologue_frame_seconds_bucket{le=0.0333}"] == 2
    assert found["duologue_frame_seconds_bucket{le=0.04}"] == 3
    assert found["duologue_frame_seconds_sum"] == pytest.approx(0.043)
    assert found["duologue_frames_over_budget_total{cause=encode}"] == 1
    assert found["duologue_frames_half_rate_total"] == 1
    assert found["duologue_frame_lead_seconds"] == 0.75


def test_the_governor_and_its_skips_are_counted() -> None:
    metrics = Metrics(30)
    metrics.step(StepRecord(1, 30, Step.ANALYSIS, Step.FULL, 610.0, "lead"))
    metrics.step(StepRecord(2, 90, Step.TV, Step.ANALYSIS, 990.0, "quiet"))
    metrics.skip(SkipRecord(3, 100, 145, 1510.0))
    found = values(metrics)
    assert found["duologue_governor_step"] == Step.TV
    assert found["duologue_governor_steps_total{direction=down,step=tv}"] == 1
    assert found["duologue_governor_steps_total{direction=down,step=analysis}"] == 1
    assert found["duologue_governor_steps_total{direction=up,step=analysis}"] == 1
    assert (found["duologue_skips_total"], found["duologue_frames_skipped_total"]) == (1, 45)


def test_a_turn_is_counted_at_its_end_with_its_steps() -> None:
    metrics = Metrics(30)
    record = TurnRecord("t", "c", 1, "chad", asked=MILLISECOND, first_token=41 * MILLISECOND, on_air=90 * MILLISECOND)
    record.waited_ms, record.refused, record.failure = 120.0, 2, "it hung"
    metrics.turn(record)
    assert "duologue_turns_total{kind=turn,state=ended}" not in values(metrics)
    record.state = "ended"
    metrics.turn(record)
    found = values(metrics)
    assert found["duologue_turns_total{kind=turn,state=ended}"] == 1
    assert found["duologue_turn_stage_seconds_sum{stage=first_token}"] == pytest.approx(0.04)
    assert found["duologue_turn_wait_seconds_sum"] == pytest.approx(0.12)
    assert found["duologue_lines_refused_total"] == 2
    assert found["duologue_turn_failures_total"] == 1


def test_the_machine_restarts_lag_and_bakes_are_there() -> None:
    metrics = Metrics(30)
    metrics.machine(MachineSample(2, 8_000, 4_000, 50.0, 7.0, {"stage": ProcessSample(35.0, 120.0)}))
    metrics.restarted("stage")
    metrics.restarted("espeak", 2)
    metrics.loop_lag(7 * MILLISECOND, held=True)
    metrics.baked(1_500)
    found = values(metrics)
    assert found["duologue_machine_steal_ratio"] == pytest.approx(0.07)
    assert found["duologue_process_cpu_ratio{process=stage}"] == pytest.approx(0.35)
    assert found["duologue_process_resident_bytes{process=stage}"] == 120 * 2**20
    assert found["duologue_restarts_total{part=espeak}"] == 2
    assert found["duologue_loop_lag_seconds_bucket{le=0.005}"] == 0
    assert found["duologue_loop_lag_seconds_bucket{le=0.01}"] == 1
    assert found["duologue_loop_held_total"] == 1
    assert found["duologue_bake_seconds_sum"] == pytest.approx(1.5)


def test_two_systems_do_not_share_metrics() -> None:
    first, second = Metrics(30), Metrics(30)
    first.frame(frame(1, 1))
    assert values(second)["duologue_frames_total"] == 0


def test_an_answer_to_a_person_is_counted_with_its_silence_and_all_that_befell_it() -> None:
    metrics = Metrics(30)
    answer = TurnRecord(
        "c/r1", "c", 2, "ada", "answer", state="ended", question="c/p1", adopted=True, saved_ms=250.0, fillers=2,
        false_alarms=1, interrupted=True, taken=1_900 * MILLISECOND, stalls=("thinking", "playing"),
    )  # fmt: skip
    answer.spoken_to, answer.decided, answer.understood = 1_000 * MILLISECOND, 1_350 * MILLISECOND, 1_400 * MILLISECOND
    answer.on_air = 1_700 * MILLISECOND
    person = TurnRecord("c/p1", "c", 1, "p", "person", state="ended", misses=3, wasted_ms=90.0, stalls=("hearing",))
    metrics.turn(answer)
    metrics.turn(person)
    metrics.ending(EndingRecord("c", "c/p1", 0, "question, usual pause 700 ms", 560, 560, "", (), Outcome.ANSWERED))
    found = values(metrics)
    assert found["duologue_answer_seconds_sum"] == pytest.approx(0.7)
    assert found["duologue_answer_stage_seconds_sum{stage=endpointing}"] == pytest.approx(0.35)
    events = {"interruption": 1, "false_alarm": 1, "filler": 2}
    assert {key: found[f"duologue_floor_events_total{{event={key}}}"] for key in events} == events
    assert found["duologue_speculations_total{outcome=hit}"] == 1
    assert found["duologue_speculations_total{outcome=miss}"] == 3
    assert found["duologue_speculation_saved_seconds_total"] == pytest.approx(0.25)
    assert found["duologue_speculation_wasted_seconds_total"] == pytest.approx(0.09)
    assert found["duologue_stalls_total{stage=thinking}"] == 1
    assert "duologue_stalls_total{stage=hearing}" not in found
    assert found["duologue_turn_endings_total{outcome=answered,why=question}"] == 1


def test_engines_are_counted_by_what_they_did_since_the_last_look() -> None:
    metrics = Metrics(30)
    metrics.handed_over("elevenlabs", "beginning")
    for restarts, hits in ((1, 4), (3, 9)):
        metrics.engine("tts", "kokoro", out=restarts == 3, restarts=restarts)
        metrics.speech_cache("kokoro", hits=hits, misses=2, evicted=1, size=1_000)
    found = values(metrics)
    assert found["duologue_handovers_total{engine=elevenlabs,moment=beginning}"] == 1
    assert found["duologue_restarts_total{part=kokoro}"] == 3
    assert found["duologue_engine_out{engine=kokoro,kind=tts}"] == 1
    assert found["duologue_speech_cache_requests_total{engine=kokoro,outcome=hit}"] == 9
    assert found["duologue_speech_cache_requests_total{engine=kokoro,outcome=miss}"] == 2
    assert found["duologue_speech_cache_evictions_total{engine=kokoro}"] == 1
    assert found["duologue_speech_cache_bytes{engine=kokoro}"] == 1_000
