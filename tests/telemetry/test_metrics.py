from __future__ import annotations

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from duologue.clock import MILLISECOND, SECOND
from duologue.precedence import WaitCount
from duologue.telemetry.ledger import (
    BakeRecord,
    Cause,
    ClipRecord,
    ConversationRecord,
    EndingOutcome,
    EndingRecord,
    Entry,
    FrameRecord,
    GovernorStep,
    HandoverRecord,
    MachineRecord,
    PartRecord,
    Record,
    ShowRecord,
    SkipRecord,
    StepRecord,
    TurnRecord,
    UsageRecord,
    WorkerRecord,
)
from duologue.telemetry.loop_lag import Lag
from duologue.telemetry.metrics.metrics import Metrics
from duologue.telemetry.stream import HOUSE
from duologue.telemetry.traces import trace_id

SHOW = "show:day"


def told(*records: Record, of: str = SHOW) -> Metrics:
    """The metrics of a ledger in which these were entered, behind what the show is."""
    metrics = Metrics()
    metrics.observe(Entry(0, SHOW, ShowRecord(30)))
    for record in records:
        metrics.observe(Entry(0, of, record))
    return metrics


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
    late = FrameRecord(0, 0, 0, 1.0, 1.0, 0, 0, 12.0, Cause.STALL)
    metrics = told(
        frame(1.0, 6.0), frame(3.0, 32.0, Cause.ENCODE), late, frame(0.0, 1.0, Cause.STALL, periods=2)
    )  # fmt: skip
    found = values(metrics)
    assert found["duologue_frames_total{of=show:day}"] == 4
    assert found["duologue_frame_seconds_bucket{le=0.0333,of=show:day}"] == 3
    assert found["duologue_frame_seconds_bucket{le=0.04,of=show:day}"] == 4
    assert found["duologue_frame_seconds_sum{of=show:day}"] == pytest.approx(0.045)
    assert found["duologue_frames_over_budget_total{cause=encode,of=show:day}"] == 1
    assert found["duologue_frames_late_total{cause=stall,of=show:day}"] == 1
    assert found["duologue_frames_half_rate_total{of=show:day}"] == 1
    assert found["duologue_frame_lead_seconds{of=show:day}"] == 0.75


def test_requests_to_engines_are_counted_with_what_they_took_and_cost() -> None:
    thought = UsageRecord(
        "llm",
        "openai",
        "small",
        prompt_tokens=100,
        cached_tokens=60,
        completion_tokens=7,
        cost_nanos=2_000_000,
        currency="EUR",
    )
    voiced = UsageRecord("tts", "elevenlabs", "flash", characters=50, sound_ms=4_000.0, outcome="cut")
    metrics = told(thought, thought, replace(thought, estimated=True, outcome="failed"), voiced, of="talk:1")
    metrics.engines.cap("elevenlabs", "characters", 0.5)
    metrics.engines.health("tts", "elevenlabs", out=False, spent=True)
    found = values(metrics)
    assert found["duologue_engine_requests_total{engine=openai,outcome=done,service=llm}"] == 2
    assert found["duologue_engine_requests_total{engine=elevenlabs,outcome=cut,service=tts}"] == 1
    assert found["duologue_engine_requests_estimated_total{engine=openai}"] == 1
    assert found["duologue_engine_requests_unpriced_total{engine=elevenlabs}"] == 1
    assert found["duologue_engine_tokens_total{engine=openai,kind=prompt,model=small}"] == 300
    assert found["duologue_engine_tokens_total{engine=openai,kind=cached,model=small}"] == 180
    assert found["duologue_engine_tokens_total{engine=openai,kind=completion,model=small}"] == 21
    assert found["duologue_engine_characters_total{engine=elevenlabs,model=flash}"] == 50
    assert found["duologue_engine_sound_seconds_total{engine=elevenlabs,model=flash,service=tts}"] == 4
    assert found["duologue_engine_cost_total{currency=EUR,engine=openai}"] == pytest.approx(0.006)
    assert found["duologue_cap_used_ratio{engine=elevenlabs,unit=characters}"] == 0.5
    assert found["duologue_engine_spent{engine=elevenlabs,kind=tts}"] == 1
    assert found["duologue_engine_out{engine=elevenlabs,kind=tts}"] == 0


def test_an_apology_is_voiced_from_when_it_was_decided_on() -> None:
    at = 5_000 * SECOND
    apology = TurnRecord(
        "c/r1", "c", 1, "ada", "answer", state="ended", question="c/p1", spoken_to=at, decided=at + SECOND,
        understood=at + SECOND, asked=at + SECOND, apologised=at + 2 * SECOND,
        first_audio=at + 2 * SECOND + SECOND // 4, sent=at + 2 * SECOND + SECOND // 2, on_air=at + 3 * SECOND,
    )  # fmt: skip
    found = values(told(apology, of="line:1"))
    assert found["duologue_turn_voice_seconds_sum{of=line}"] == pytest.approx(0.25)
    assert found["duologue_turn_send_seconds_sum{of=line}"] == pytest.approx(0.25)
    assert found["duologue_turn_stage_seconds_sum{of=line,stage=sending}"] == pytest.approx(0.25)


def test_a_picture_that_stands_for_two_periods_may_cost_two() -> None:
    found = values(told(frame(10.0, 50.0, Cause.ENCODE, periods=2)))
    assert "duologue_frames_over_budget_total{cause=encode,of=show:day}" not in found


def test_the_series_of_a_show_are_there_from_its_beginning() -> None:
    found = values(told())
    assert found["duologue_frames_total{of=show:day}"] == found["duologue_skips_total{of=show:day}"] == 0


def test_the_governor_and_its_skips_are_counted() -> None:
    metrics = told(
        StepRecord(1, 30, GovernorStep.ANALYSIS, GovernorStep.FULL, 610.0, "lead"),
        StepRecord(2, 90, GovernorStep.TV, GovernorStep.ANALYSIS, 990.0, "quiet"),
        SkipRecord(3, 100, 145, 1510.0),
    )
    found = values(metrics)
    assert found["duologue_governor_step{of=show:day}"] == GovernorStep.TV
    assert found["duologue_governor_steps_total{direction=down,of=show:day,step=tv}"] == 1
    assert found["duologue_governor_steps_total{direction=down,of=show:day,step=analysis}"] == 1
    assert found["duologue_governor_steps_total{direction=up,of=show:day,step=analysis}"] == 1
    assert found["duologue_skips_total{of=show:day}"] == 1
    assert found["duologue_frames_skipped_total{of=show:day}"] == 45


def test_a_turn_is_counted_with_its_stages() -> None:
    record = TurnRecord("t", "c", 1, "chad", asked=MILLISECOND, first_token=41 * MILLISECOND, on_air=90 * MILLISECOND)
    record.waited_ms, record.refused, record.failure, record.state = 120.0, 2, "it hung", "ended"
    record.queued_ms, record.prompt_tokens, record.kept_tokens = 35.0, 400, 380
    found = values(told(record))
    assert found["duologue_turns_total{kind=turn,of=show:day,state=ended}"] == 1
    assert found["duologue_turn_stage_seconds_sum{of=show:day,stage=first_token}"] == pytest.approx(0.04)
    assert found["duologue_turn_wait_seconds_sum{of=show:day}"] == pytest.approx(0.12)
    assert found["duologue_lines_refused_total{of=show:day}"] == 2
    assert found["duologue_turn_failures_total{of=show:day}"] == 1
    assert found["duologue_turn_queued_seconds_sum{of=show:day}"] == pytest.approx(0.035)
    assert found["duologue_prompt_tokens_total{of=show:day,read=before}"] == 380
    assert found["duologue_prompt_tokens_total{of=show:day,read=then}"] == 20


def test_a_workers_restarts_are_counted_once_however_often_its_state_is_told() -> None:
    stage = [("idle", 0), ("starting", 0), ("up", 0), ("restarting", 1), ("starting", 1), ("up", 1), ("up", 1)]
    espeak = [("up", 0), ("idle", 1), ("restarting", 2), ("failed", 2), ("closed", 2)]
    metrics = told(
        *(WorkerRecord("stage", state, "", restarts) for state, restarts in stage),
        *(WorkerRecord("espeak", state, "it hung", restarts) for state, restarts in espeak),
        WorkerRecord("kokoro", "idle"),
        of=HOUSE,
    )
    metrics.observe(Entry(0, "show:day", PartRecord("day", "restarting", "no room", 1)))  # a part is no worker
    name = "duologue_worker_restarts_total"
    found = {key: value for key, value in values(metrics).items() if "restarts_total" in key}
    assert found == {f"{name}{{worker=stage}}": 1, f"{name}{{worker=espeak}}": 2, f"{name}{{worker=kokoro}}": 0}
    for state, restarts in [("idle", 0), ("up", 0), ("restarting", 1)]:  # another has taken the name of a closed one
        metrics.observe(Entry(0, HOUSE, WorkerRecord("espeak", state, "", restarts)))
    assert values(metrics)[f"{name}{{worker=espeak}}"] == 3


def test_the_machine_lag_and_bakes_are_there() -> None:
    metrics = told(
        MachineRecord(7.0, 4_000, {"stage": 35.0}, {"stage": 120.0}, 0.0, 2, 90.0, {"stage": 400.0}),
        BakeRecord(1, "lights", 1_500),
    )
    metrics.loop_lag(Lag(late=7 * MILLISECOND, used=7 * MILLISECOND))
    found = values(metrics)
    assert found["duologue_machine_steal_ratio"] == pytest.approx(0.07)
    assert found["duologue_machine_others_ratio"] == pytest.approx(0.9 - 0.35 / 2), "not ours, and not the host's"
    assert found["duologue_process_cpu_wait_ratio{process=stage}"] == pytest.approx(0.4)
    assert found["duologue_machine_available_bytes"] == 4_000 * 2**20
    assert found["duologue_process_cpu_ratio{process=stage}"] == pytest.approx(0.35)
    assert found["duologue_process_resident_bytes{process=stage}"] == 120 * 2**20
    assert found["duologue_loop_lag_seconds_bucket{le=0.005}"] == 0
    assert found["duologue_loop_lag_seconds_bucket{le=0.01}"] == 1
    assert found["duologue_loop_held_total"] == 1
    assert found["duologue_bake_seconds_sum{of=show:day}"] == pytest.approx(1.5)


def test_two_systems_do_not_share_metrics() -> None:
    told(frame(1, 1))
    assert values(told())["duologue_frames_total{of=show:day}"] == 0


def test_an_answer_to_a_person_is_counted_with_its_silence_and_all_that_befell_it() -> None:
    answer = TurnRecord(
        "c/r1", "c", 2, "ada", "answer", state="ended", question="c/p1", adopted=True, saved_ms=250.0, fillers=2,
        false_alarms=1, interrupted=True, taken=1_900 * MILLISECOND, stalls=("thinking", "playing"),
    )  # fmt: skip
    answer.spoken_to, answer.decided, answer.understood = 1_000 * MILLISECOND, 1_350 * MILLISECOND, 1_400 * MILLISECOND
    answer.on_air = 1_700 * MILLISECOND
    person = TurnRecord("c/p1", "c", 1, "p", "person", state="ended", misses=3, wasted_ms=90.0, stalls=("hearing",))
    ending = EndingRecord("c", "c/p1", 0, "question, usual pause 700 ms", 560, 560, "", (), EndingOutcome.ANSWERED)
    found = values(told(ConversationRecord("c", ("ada",), "p"), answer, person, ending, of="talk:c"))
    assert found["duologue_conversations_total{of=talk}"] == 1
    assert found["duologue_answer_seconds_sum{of=talk}"] == pytest.approx(0.7)
    assert found["duologue_turn_stage_seconds_sum{of=talk,stage=endpointing}"] == pytest.approx(0.35)
    events = {"interruption": 1, "false_alarm": 1, "filler": 2}
    assert {key: found[f"duologue_floor_events_total{{event={key},of=talk}}"] for key in events} == events
    assert found["duologue_speculations_total{of=talk,outcome=hit}"] == 1
    assert found["duologue_speculations_total{of=talk,outcome=miss}"] == 3
    assert found["duologue_speculation_saved_seconds_total{of=talk}"] == pytest.approx(0.25)
    assert found["duologue_speculation_wasted_seconds_total{of=talk}"] == pytest.approx(0.09)
    assert found["duologue_stalls_total{of=talk,stage=thinking}"] == 1
    assert "duologue_stalls_total{of=talk,stage=hearing}" not in found
    assert found["duologue_turn_endings_total{of=talk,outcome=answered,why=question}"] == 1


def test_clips_and_what_never_reached_the_disk_are_counted() -> None:
    metrics = told(
        ClipRecord("u", "chad", "Hello.", "skipped", 1, 2),
    )
    for total in (3, 5):
        metrics.lost(total)
    found = values(metrics)
    assert found["duologue_clips_total{of=show:day,state=skipped}"] == 1
    assert found["duologue_ledger_dropped_total"] == 5


def test_engines_are_counted_by_what_they_did_since_the_last_look() -> None:
    metrics = told(HandoverRecord("elevenlabs", "espeak", "beginning", "429", 1))
    for out, hits in ((False, 4), (True, 9)):
        metrics.engines.health("tts", "kokoro", out=out)
        metrics.engines.cache("kokoro", hits=hits, misses=2, evicted=1, size=1_000)
    found = values(metrics)
    assert found["duologue_handovers_total{engine=elevenlabs,moment=beginning}"] == 1
    assert found["duologue_engine_out{engine=kokoro,kind=tts}"] == 1
    assert found["duologue_speech_cache_requests_total{engine=kokoro,outcome=hit}"] == 9
    assert found["duologue_speech_cache_requests_total{engine=kokoro,outcome=miss}"] == 2
    assert found["duologue_speech_cache_evictions_total{engine=kokoro}"] == 1
    assert found["duologue_speech_cache_bytes{engine=kokoro}"] == 1_000


def test_pieces_of_work_are_counted_by_what_they_did_since_the_last_look() -> None:
    metrics = told()
    for pieces, waited in ((4, SECOND), (9, 3 * SECOND)):
        metrics.engines.work("piper", "ahead", WaitCount(pieces, waited, SECOND // 2, pieces // 3))
    found = values(metrics)
    of = "{urgency=ahead,worker=piper}"
    assert found[f"duologue_work_pieces_total{of}"] == 9
    assert found[f"duologue_work_wait_seconds_total{of}"] == pytest.approx(3.0)
    assert found[f"duologue_work_longest_wait_seconds{of}"] == pytest.approx(0.5)
    assert found[f"duologue_work_gave_way_total{of}"] == 3


def test_an_answers_wait_has_the_trace_of_its_turn_for_an_exemplar() -> None:
    metrics = Metrics()
    record = TurnRecord("c1/r1", "c1", 1, "ada", "answer", spoken_to=SECOND, on_air=2 * SECOND, ended=3 * SECOND)
    metrics.observe(Entry(SECOND, "talk:1", replace(record, state="ended")))
    told = metrics.exposition(openmetrics=True).decode()
    counted = [line for line in told.splitlines() if "duologue_answer_seconds_bucket" in line and " # {" in line]
    assert len(counted) == 1
    assert f'trace_id="{trace_id("c1/r1").hex()}"' in counted[0]
