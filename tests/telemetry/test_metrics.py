from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from duologue.clock import MILLISECOND
from duologue.telemetry.ledger import Cause, FrameRecord, TurnRecord
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


def frame(compose: float, encode: float, cause: Cause = Cause.NONE, repeated: bool = False) -> FrameRecord:
    return FrameRecord(0, 0, 0, compose, encode, 0, 0, -750.0, repeated, cause)


def test_frames_fall_into_buckets_around_their_budget() -> None:
    metrics = Metrics(30)
    metrics.frame(frame(1.0, 6.0))
    metrics.frame(frame(3.0, 32.0, Cause.ENCODE))
    metrics.frame(frame(0.0, 1.0, Cause.STALL, repeated=True))
    found = values(metrics)
    assert found["duologue_frames_total"] == 3
    assert found["duologue_frame_seconds_bucket{le=0.0333}"] == 2
    assert found["duologue_frame_seconds_bucket{le=0.04}"] == 3
    assert found["duologue_frame_seconds_sum"] == pytest.approx(0.043)
    assert found["duologue_frames_over_budget_total{cause=encode}"] == 1
    assert found["duologue_frames_repeated_total{cause=stall}"] == 1
    assert found["duologue_frame_lead_seconds"] == 0.75


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
