from __future__ import annotations

from duologue.clock import MILLISECOND
from duologue.evidence.summary import PartSummary
from duologue.telemetry.ledger import Entry, TurnRecord
from duologue.telemetry.turns import STAGES, silence_ms, stages_ms, voicing_ms


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


def test_the_stages_add_up_to_the_turn() -> None:
    stages = stages_ms(turn(1))
    assert stages == {"first_token": 20, "first_sentence": 60, "voice": 30, "playout": 280, "speaking": 500}
    assert sum(stages.values()) == 890


def test_stages_that_never_came_are_left_out() -> None:
    record = turn(1)
    record.voiced = record.on_air = record.ended = 0
    assert stages_ms(record) == {"first_token": 20, "first_sentence": 60}


def test_the_stages_of_an_answer_are_its_silence_and_its_speech() -> None:
    record = answer(1)
    record.sent, record.ended = record.on_air - 15 * MILLISECOND, record.on_air + 900 * MILLISECOND
    assert stages_ms(record) == silence_ms(record) | {"speaking": 900}
    assert tuple(stages_ms(record)) == STAGES, "show and talk have one set of names"


def test_a_greeting_streams_and_a_person_speaks() -> None:
    greeting = answer(1)
    greeting.spoken_to, greeting.ended = 0, greeting.on_air + 5 * MILLISECOND
    assert stages_ms(greeting) == {
        "first_token": 160, "first_sentence": 40, "voice": 80, "playout": 20, "speaking": 5,
    }  # fmt: skip
    person = TurnRecord("p", "c", 1, "p", "person", asked=5, on_air=5, ended=5 + 7 * MILLISECOND)
    assert stages_ms(person) == {"speaking": 7}


def answer(number: int, *, first_token: int = 1_560, on_air: int = 1_700, apologised: int = 0) -> TurnRecord:
    """Spoken to until 1000 ms, decided at 1350, understood at 1400."""
    record = TurnRecord(f"r{number}", "c1", number, "ada", "answer", state="ended", question="p1")
    record.spoken_to, record.decided = 1_000 * MILLISECOND, 1_350 * MILLISECOND
    record.understood = record.asked = 1_400 * MILLISECOND
    record.first_token, record.apologised = first_token * MILLISECOND, apologised * MILLISECOND
    record.first_sentence = (first_token + 40) * MILLISECOND if first_token else 0
    record.first_audio, record.on_air = (on_air - 20) * MILLISECOND, on_air * MILLISECOND
    return record


def test_the_silence_before_an_answer_is_told_in_stages_that_add_up() -> None:
    stages = silence_ms(answer(1))
    assert stages == {
        "endpointing": 350, "transcript": 50, "floor": 0, "first_token": 160, "first_sentence": 40, "voice": 80,
        "playout": 20,
    }  # fmt: skip
    assert sum(stages.values()) == 700


def test_where_it_is_told_when_the_first_sound_left_that_is_a_stage() -> None:
    record = answer(1)
    record.sent = record.first_audio + 5 * MILLISECOND
    stages = silence_ms(record)
    assert (stages["voice"], stages["sending"], stages["playout"]) == (80, 5, 15)
    assert sum(stages.values()) == 700 and list(stages) == list(STAGES[:-1])


def test_a_sound_that_was_made_ahead_waits_for_the_decision_and_is_not_sent_late() -> None:
    record = answer(1, first_token=1_100, on_air=1_420)
    record.first_audio, record.sent = 1_200 * MILLISECOND, 1_403 * MILLISECOND
    assert silence_ms(record) == {
        "endpointing": 350, "transcript": 50, "floor": 0, "first_token": 0, "first_sentence": 0, "voice": 0,
        "sending": 3, "playout": 17,
    }  # fmt: skip
    assert voicing_ms(record) == 60


def test_what_voicing_took_counts_from_the_apology_where_nothing_was_thought() -> None:
    record = answer(1, first_token=0, apologised=13_400, on_air=13_450)
    assert voicing_ms(record) == 30
    record.apologised = 0
    assert voicing_ms(record) is None


def test_what_was_thought_before_the_turn_was_decided_takes_no_time() -> None:
    stages = silence_ms(answer(1, first_token=1_200))
    assert (stages["first_token"], stages["first_sentence"], stages["voice"]) == (0, 0, 280)


def test_thinking_that_gave_nothing_ends_with_the_apology() -> None:
    stages = silence_ms(answer(1, first_token=0, apologised=13_400, on_air=13_450))
    assert stages["first_token"] == 12_000 and sum(stages.values()) == 12_450


def test_what_answers_nobody_has_no_silence() -> None:
    record = answer(1)
    record.spoken_to = 0
    assert silence_ms(record) == {} and silence_ms(turn(1)) == {}


def test_the_summary_tells_the_middle_and_the_tail_of_each_stage() -> None:
    part = PartSummary("talk:c1")
    assert part.stages == {}
    for number in range(20):
        part.add(Entry(0, part.of, answer(number, on_air=1_700 + 10 * number)))
    found = part.stages
    assert (found["silence"].count, found["silence"].p50, found["silence"].p95) == (20, 790, 880)
    assert found["silence"].most == 890 and found["endpointing"].p95 == 350
