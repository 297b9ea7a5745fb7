from __future__ import annotations

from duologue.clock import MILLISECOND
from duologue.telemetry.ledger import TurnRecord
from duologue.telemetry.turns import TurnLedger, stages_ms


def turn(number: int, state: str = "ended") -> TurnRecord:
    return TurnRecord(
        f"t{number}",
        "c1",
        number,
        "chad",
        state=state,
        asked=10 * MILLISECOND,
        first_token=30 * MILLISECOND,
        text_complete=90 * MILLISECOND,
        first_audio=95 * MILLISECOND,
        voiced=120 * MILLISECOND,
        on_air=400 * MILLISECOND,
        ended=900 * MILLISECOND,
    )


def test_the_steps_add_up_to_the_turn() -> None:
    steps = stages_ms(turn(1))
    assert steps == {
        "first_token": 20, "text": 60, "first_audio": 5, "voicing": 25, "queued": 280, "speaking": 500,
    }  # fmt: skip
    assert sum(steps.values()) == 890


def test_steps_without_both_times_are_left_out() -> None:
    record = turn(1)
    record.first_audio = 0
    assert set(stages_ms(record)) == {"first_token", "text", "queued", "speaking"}


def test_a_turn_is_kept_as_last_reported_and_counted_once() -> None:
    ledger = TurnLedger()
    record = turn(1, state="writing")
    assert not ledger.put(record)
    record.state, record.waited_ms, record.refused, record.interrupted = "ended", 12.5, 2, True
    kept = ledger.get("t1")
    assert kept is not None
    assert kept.state == "writing", "the ledger's copy must not change with the caller's record"
    assert ledger.put(record)
    assert not ledger.put(record)
    assert (ledger.ended, ledger.interrupted, ledger.refused, ledger.waited_ms) == (1, 1, 2, 12.5)


def test_failures_are_counted_and_old_turns_forgotten() -> None:
    ledger = TurnLedger(capacity=3)
    for number in range(5):
        record = turn(number, state="failed")
        record.failure = "the engine hung"
        ledger.put(record)
    assert ledger.failed == 5
    assert [record.number for record in ledger.recent()] == [2, 3, 4]
    assert ledger.get("t0") is None
