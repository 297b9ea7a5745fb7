"""Whose doing a slow stage of a turn was: an engine's only where nothing else that is known of that time tells why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from made_shows import HOUSE, machine, told

from duologue.clock import MILLISECOND, SECOND
from duologue.evidence.causes import Culprit
from duologue.evidence.summary import gather
from duologue.evidence.surroundings import Surroundings
from duologue.evidence.waits import TurnWait, usual_stages, wait_of
from duologue.telemetry.ledger import Entry, PauseRecord, TurnRecord, WorkerRecord

AT = 100 * SECOND
"""When the person fell silent."""
USUAL = (0, 0, 100, 20, 60, 10)
WITH_EARS = {"main": 9.0, "espeak": 4.0, "whisper": 4.0, "llama": 4.0}


def answer(number: int, took: Sequence[int]) -> TurnRecord:
    """Its stages: endpointing, transcript, first token, first sentence, voice, playout (ms)."""
    times = [AT]
    for each in took:
        times.append(times[-1] + each * MILLISECOND)
    decided, understood, token, sentence, sound, on_air = times[1:]
    return TurnRecord(
        f"c/r{number}", "c", number, "ada", "answer", text="Yes.", heard="Yes.", asked=understood, first_token=token,
        text_complete=sentence, first_sentence=sentence, first_audio=sound, voiced=sound, on_air=on_air,
        ended=on_air + SECOND, state="ended", spoken_to=AT, decided=decided, understood=understood, engine="espeak",
    )  # fmt: skip


def house(seconds: Mapping[int, Mapping[str, object]] | None = None, extra: Sequence[Entry] = ()) -> Surroundings:
    """Twenty seconds around :data:`AT`, of which those of ``seconds`` (from it on) are otherwise."""
    usual: dict[str, object] = {
        "cpu_percent": {"main": 9.0, "espeak": 4.0}, "cpu_wait_ms": {"main": 2.0, "espeak": 1.0}, "busy_percent": 20.0,
    }  # fmt: skip
    entries = [
        told(HOUSE, AT + number * SECOND, machine(**{**usual, **(seconds or {}).get(number, {})}))
        for number in range(-10, 10)
    ]
    (part,) = gather(sorted([*entries, *extra], key=lambda entry: entry.at))
    return Surroundings(part)


def slow(took: Sequence[int], around: Surroundings) -> TurnWait:
    usual = usual_stages([answer(number, USUAL) for number in range(5)])
    found = wait_of(answer(9, took), usual, around)
    assert found is not None
    return found


def test_an_engine_that_nothing_else_held() -> None:
    model, voice = slow((0, 0, 900, 20, 60, 10), house()), slow((0, 0, 100, 20, 360, 10), house())
    assert [(each.stage, each.cause, each.late) for each in (model, voice)] == [
        ("first_token", Culprit.ENGINE, True), ("voice", Culprit.ENGINE, True),
    ]  # fmt: skip
    assert voice.why.endswith("espeak stood still") and "stood still" not in model.why


def test_an_engine_that_computed_did_not_stand_still() -> None:
    busy = {1: {"cpu_percent": {"main": 9.0, "espeak": 40.0}}}
    found = slow((0, 0, 100, 20, 360, 10), house(busy))
    assert found.cause is Culprit.ENGINE and "stood still" not in found.why


def test_garbage_of_the_main_process_and_of_no_other() -> None:
    over = AT + 450 * MILLISECOND
    for process, cause in (("main", Culprit.GARBAGE), ("line", Culprit.ENGINE)):
        pause = told(HOUSE, over, PauseRecord(process, "garbage", 400.0, over))
        assert slow((0, 0, 500, 20, 60, 10), house(extra=[pause])).cause is cause
    disk = told(HOUSE, over, PauseRecord("main", "disk", 400.0, over))
    assert slow((0, 0, 500, 20, 60, 10), house(extra=[disk])).cause is Culprit.ENGINE, "no turn waits for the recorder"


def test_an_engine_that_a_signal_stopped_while_it_was_wanted() -> None:
    voice, mind = (0, 0, 100, 20, 360, 10), (0, 0, 500, 20, 60, 10)

    def cause(took: Sequence[int], process: str, over_ms: int, ms: float = 290.0) -> Culprit | None:
        over = AT + over_ms * MILLISECOND
        pause = told(HOUSE, over, PauseRecord(process, "stopped", ms, over))
        return slow(took, house({0: {"cpu_percent": WITH_EARS}}, extra=[pause])).cause

    assert cause(voice, "espeak", 420) is Culprit.STOPPED
    assert cause(voice, "whisper", 420) is Culprit.ENGINE, "the ears, which nobody wanted then"
    assert cause(voice, "espeak", 100) is Culprit.ENGINE, "it was over before the voice was asked"
    assert cause(voice, "espeak", 420, 90.0) is Culprit.ENGINE, "that is not half of what was lost"
    assert cause(mind, "llama", 450, 400.0) is Culprit.STOPPED
    assert cause(mind, "espeak", 450, 400.0) is Culprit.ENGINE, "the voice, which nobody wanted yet"


def test_a_stop_is_told_from_cores_that_others_had_in_that_second() -> None:
    """Who was stopped waits for no core: what others waited in that second has no part in it."""
    over = AT + 420 * MILLISECOND
    busy = {number: {"cpu_wait_ms": {"main": 340.0, "espeak": 30.0}, "busy_percent": 99.0} for number in (0, 1)}
    pause = told(HOUSE, over, PauseRecord("espeak", "stopped", 290.0, over))
    found = slow((0, 0, 100, 20, 360, 10), house(busy, extra=[pause]))
    assert found.cause is Culprit.STOPPED and "a signal had stopped espeak for 290 ms" in found.why


@pytest.mark.parametrize("process", ["main", "espeak"])
def test_cores_that_other_programs_had(process: str) -> None:
    waited = {1: {"cpu_wait_ms": {process: 350.0}, "busy_percent": 99.0}}
    found = slow((0, 0, 100, 20, 460, 10), house(waited))
    assert found.cause is Culprit.BUSY and "other programs" in found.why
    stolen = {1: {"steal_percent": 25.0}}
    assert slow((0, 0, 100, 20, 460, 10), house(stolen)).cause is Culprit.STOLEN


def test_what_was_waited_before_a_stage_began_is_not_its_excuse() -> None:
    """The voice's stage begins 50 ms before that second is over: no more of it can have been spent waiting."""
    usual = usual_stages([answer(number, (0, 0, 930, 20, 60, 10)) for number in range(5)])
    for second, cause in ((1, Culprit.ENGINE), (2, Culprit.BUSY)):
        waited = {second: {"cpu_wait_ms": {"main": 350.0}, "busy_percent": 99.0}}
        found = wait_of(answer(9, (0, 0, 930, 20, 460, 10)), usual, house(waited))
        assert found is not None and (found.stage, found.cause) == ("voice", cause)


def test_what_waits_elsewhere_in_our_processes_excuses_no_engine() -> None:
    """Of the main process its loop has to be in time, of a voice's stage that voice."""
    waited = {"main": 350.0, "espeak": 5.0, "whisper": 350.0}
    elsewhere = {1: {"cpu_wait_ms": waited, "loop_wait_ms": 9.0, "busy_percent": 99.0}}
    assert slow((0, 0, 100, 20, 460, 10), house(elsewhere)).cause is Culprit.ENGINE
    loop = {1: {"cpu_wait_ms": waited, "loop_wait_ms": 340.0, "busy_percent": 99.0}}
    assert slow((0, 0, 100, 20, 460, 10), house(loop)).cause is Culprit.BUSY


def test_cores_that_our_own_processes_had_are_an_engines_doing() -> None:
    ours = {1: {"cpu_wait_ms": {"main": 350.0}, "cpu_percent": {"main": 40.0, "whisper": 150.0}, "busy_percent": 97.0}}
    assert slow((0, 0, 500, 20, 60, 10), house(ours)).cause is Culprit.ENGINE


def test_cores_that_are_always_waited_for_excuse_nobody() -> None:
    always = {number: {"cpu_wait_ms": {"main": 350.0}, "busy_percent": 99.0} for number in range(-10, 10)}
    assert slow((0, 0, 500, 20, 60, 10), house(always)).cause is Culprit.ENGINE


def test_an_engine_that_died() -> None:
    died = told(HOUSE, AT + SECOND // 5, WorkerRecord("espeak", "restarting", "it was killed", 1))
    found = slow((0, 0, 100, 20, 900, 10), house(extra=[died]))
    assert found.cause is Culprit.DEATH and "espeak was started again" in found.why


def test_what_is_as_usual_is_not_late() -> None:
    found = slow(USUAL, house())
    assert not found.late and found.beyond_ms == 0
    assert not slow((0, 0, 150, 20, 60, 10), house()).late
    assert not slow((900, 0, 100, 20, 60, 10), house()).late, "that was chosen"


def test_an_answer_that_took_as_long_as_others_is_nobodys_doing() -> None:
    """What took longest in it is told; not what took some ms more than usual, nor who had a core meanwhile."""
    waited = {1: {"cpu_wait_ms": {"main": 350.0}, "busy_percent": 99.0}}
    found = slow((0, 0, 104, 26, 60, 10), house(waited))
    assert (found.stage, found.stage_ms, found.beyond_ms, found.late, found.whose) == (
        "first_token", 104.0, 4.0, False, "as usual",
    )  # fmt: skip
    assert found.why == "the mind's first token"
    assert slow((0, 0, 900, 20, 60, 10), house()).whose == "late engine"
    assert slow((500, 0, 100, 20, 60, 10), house()).whose == "chosen"


def test_a_silence_of_seconds_in_a_show_is_not_the_doing_of_a_tenth_of_one() -> None:
    """With a voice that is always late its usual time hides it: the mind was blamed for what it took beyond its own."""
    asked = AT + 2 * MILLISECOND
    turn = TurnRecord(
        "c-3", "c", 3, "virgin", "turn", text="Yes.", heard="Yes.", asked=AT, first_token=asked,
        text_complete=asked + 221 * MILLISECOND, first_audio=asked + 55 * SECOND, voiced=asked + 56 * SECOND,
        on_air=asked + 57 * SECOND, ended=asked + 60 * SECOND, state="ended", engine="kokoro", waited_ms=17_600.0,
    )  # fmt: skip
    found = wait_of(turn, {"first_token": 24.0, "first_sentence": 13.0, "voice": 72_000.0})
    assert found is not None and (found.stage, found.cause) == ("voice", Culprit.ENGINE)
    slow_mind = wait_of(
        replace(turn, waited_ms=300.0), {"first_token": 24.0, "first_sentence": 13.0, "voice": 72_000.0}
    )
    assert slow_mind is not None and slow_mind.stage == "first_sentence", "of a short silence it is more than half"
