"""Each thing that must not happen is found when it does: conversations as a bad core would hold them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from duologue.clock import SECOND
from duologue.dialogue.ports import PlayStarted
from duologue.dialogue.turns.vocabulary import BeginStretch, Commit, Note, Report, Think, Understood
from duologue.language.engine import Line
from duologue.simulation.caller import Act
from duologue.simulation.checks import check_run, check_together, percentile
from duologue.simulation.engines import voiced
from duologue.simulation.log import Item, Log
from duologue.simulation.measures import Measures, measure
from duologue.simulation.room import RoomSound
from duologue.simulation.scenario import Expect, ScenarioStep
from duologue.simulation.sink import Span

SAID = "what time is it"


def says(begin: float, end: float, number: int = 0, verb: str = "say") -> tuple[float, Act]:
    step = ScenarioStep.model_validate({verb: SAID})
    return begin, Act(step, round(begin * SECOND), round(end * SECOND), SAID, number)


def begins(at: float, reply: str = "r1") -> tuple[float, Item]:
    return at, PlayStarted(f"{reply}/0", round(at * SECOND))


def judged(*items: tuple[float, Item], spans: Sequence[Span] = (), sounds: Sequence[RoomSound] = ()) -> Measures:
    log = Log(0)
    for at, item in items:
        log.add(item, round(at * SECOND))
    return measure(log, spans, sounds, listens_always=True)


HEARD = ((0.5, BeginStretch(1, SECOND // 2)), (1.0, Understood(1, SAID, True)))


def test_nothing_is_wrong_with_an_answer() -> None:
    found = judged(says(0.5, 1), *HEARD, (1.1, Think("r1", SAID, False)), begins(1.6))
    assert not +found.counts and found.first_audio_ms == [pytest.approx(600)]


@pytest.mark.parametrize(("at", "number"), [(0.7, 1), (1.0, 0), (0.4, 0)])
def test_a_reply_inside_the_persons_words_is_a_cut_in(at: float, number: int) -> None:
    assert judged(says(0.5, 1), *HEARD, (0.6, Think("r1", SAID, False)), begins(at)).counts["cut_ins"] == number


def test_a_reply_to_something_else_is_stale() -> None:
    think = (1.1, Think("r1", "good morning", False))
    assert judged(says(0.5, 1), *HEARD, think, begins(1.6)).counts["stale"] == 1
    assert judged(says(0.5, 1), HEARD[0], think, begins(1.6)).counts["stale"] == 0  # the ears' fault, not the core's


def test_two_replies_to_one_question_are_one_too_many() -> None:
    think = (1.1, Think("r1", SAID, False))
    twice = judged(says(0.5, 1), *HEARD, think, begins(1.6), begins(3, "r2"))
    assert twice.counts["doubled"] == 1 and twice.lines["doubled"] == [5]
    between = judged(says(0.5, 1), *HEARD, think, begins(1.6), says(2, 2.5, 1), begins(3, "r2"))
    assert between.counts["doubled"] == 0


def test_a_word_that_the_ears_were_not_given_is_clipped() -> None:
    sounds = [
        RoomSound(0, 100, "what", 0, share=0.6),
        RoomSound(100, 200, "time", 0, share=0.7),
        RoomSound(0, 90, "", 0),
    ]
    found = judged(says(0.5, 1), sounds=sounds)
    assert found.counts["clipped"] == 1 and found.lines["clipped"] == [0]


@pytest.mark.parametrize(("heard", "wrong"), [("one two", 0), ("one two three", 1), ("one", 1), ("", 1)])
def test_a_context_that_is_not_what_sounded_is_found(heard: str, wrong: int) -> None:
    utterance = voiced("one two three", "x", "r1/0", 170)
    end = utterance.words()[1].end * SECOND // utterance.rate + 1000
    commit = (3.0, Commit(SAID, heard, "r1", interrupted=True))
    assert judged(commit, spans=[Span(utterance, 0, end, 0)]).counts["misremembered"] == wrong


def test_how_long_we_went_on_after_an_interruption() -> None:
    utterance = voiced("one two three four", "x", "r1/0", 170)
    spans = [Span(utterance, 0, round(2.2 * SECOND), 0)]
    found = judged(says(2, 3, verb="interrupt"), (2.5, Report(Note.INTERRUPTED, ms=500)), spans=spans)
    assert found.stop_ms == [pytest.approx(200)]


def test_a_context_is_compared_to_the_letter_or_by_the_share_of_words() -> None:
    expect = Expect.model_validate({"context": [{"person": "what time is it"}, {"part": "It is nearly noon."}]})

    def holds(person: str, ours: str, share: float = 1.0) -> list[bool]:
        lines = [Line("person", person), Line("robin", ours)]
        return [check.holds for check in check_run(expect, Measures(), lines, "person", share=share)][:2]

    assert holds("what time is it", "It is") == [True, True]
    assert holds("what time is", "It is nearly noon.") == [False, False]
    assert holds("what time was it", "nearly", share=0.6) == [True, False]
    assert holds("it was", "", share=0.6) == [False, False]
    expect = Expect.model_validate(
        {"context": [{"person": "it is five five two nine"}, {"part": "It is nearly noon."}]}
    )
    assert holds("It is 5.5.2-9.", "It", share=1.0) == [False, True]
    assert [holds(each, "It", share=0.9)[0] for each in ("It is 5.5.2-9.", "It is 5529", "It is 529")] == [
        True,
        True,
        False,
    ]


def test_a_context_that_is_longer_or_shorter_is_wrong() -> None:
    expect = Expect.model_validate({"context": [{"person": "yes"}]})
    for lines in ([], [Line("person", "yes"), Line("robin", "no")]):
        assert not all(check.holds for check in check_run(expect, Measures(), lines, "person"))


def test_budgets_hold_each_run_and_all_together() -> None:
    expect = Expect.model_validate({"first_audio_ms": {"p50": 100, "p95": 300, "max": 400, "least": 20}})
    runs = [Measures(first_audio_ms=[50.0, 120.0]), Measures(first_audio_ms=[10.0, 500.0])]
    alone = [[check.name for check in check_run(expect, run, (), "person") if not check.holds] for run in runs]
    assert alone == [[], ["first_audio_ms max", "first_audio_ms least"]]
    assert [check.holds for check in check_together(expect, runs)] == [True, False]
    assert [check.was for check in check_run(expect, Measures(), (), "person") if not check.holds] == ["none"]
    assert percentile([1, 2, 3, 4], 50) == 2 and percentile([1, 2, 3, 4], 95) == 4
