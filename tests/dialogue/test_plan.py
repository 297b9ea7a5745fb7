"""Who speaks next, and after which silence."""

from __future__ import annotations

import pytest

from duologue.dialogue.on_air.plan import (
    GAP_MS,
    MAX_WAITING,
    QUICK_GAP_MS,
    USUAL_GAP_MS,
    Plan,
    Question,
    Step,
    StepKind,
    choose_gap,
)
from duologue.errors import InputError
from duologue.language.engine import Moment

CAST = ("chad", "virgin")


def walk(plan: Plan, steps: int) -> list[Step]:
    taken: list[Step] = []
    for number in range(steps):
        step = plan.next(f"t{number}")
        if step is None:
            break
        taken.append(step)
        plan = plan.begun(step)
    return taken


def test_speakers_alternate_and_the_last_turn_is_the_ending():
    steps = walk(Plan(CAST, 4), 10)
    assert [step.speaker for step in steps] == ["chad", "virgin", "chad", "virgin"]
    assert [step.moment for step in steps] == [Moment.OPENING, Moment.MIDDLE, Moment.MIDDLE, Moment.ENDING]


def test_a_single_turn_is_an_ending():
    assert [step.moment for step in walk(Plan(CAST, 1), 3)] == [Moment.ENDING]


def test_without_a_number_of_turns_there_is_no_end():
    steps = walk(Plan(CAST, 0), 100)
    assert len(steps) == 100 and Moment.ENDING not in {step.moment for step in steps}


def test_a_question_comes_first_and_is_not_counted():
    plan = Plan(CAST, 3).begun(Step("t0", 0, "chad", StepKind.TURN, Moment.OPENING))
    plan = plan.asked(Question("a", "Ada", "Why?", "chad"))
    answer = plan.next("t1")
    assert answer is not None and (answer.id, answer.speaker, answer.kind) == ("a", "chad", StepKind.ANSWER)
    after = plan.begun(answer)
    assert after.taken == 1 and after.waiting == ()
    following = after.next("t2")
    assert following is not None and (following.speaker, following.number) == ("virgin", 1)


def test_only_so_many_questions_wait():
    plan = Plan(CAST, 3)
    for number in range(MAX_WAITING):
        plan = plan.asked(Question(f"a{number}", "Ada", "Why?", "chad"))
    with pytest.raises(InputError, match="Try again"):
        plan.asked(Question("one more", "Ada", "Why?", "chad"))


@pytest.mark.parametrize(
    ("said", "bounds"),
    [
        ("Is that so?", QUICK_GAP_MS),
        ("Ha!", QUICK_GAP_MS),
        ("So it is", QUICK_GAP_MS),
        ("I see what you mean.", USUAL_GAP_MS),
    ],
)
def test_the_silence_is_within_its_bounds(said: str, bounds: tuple[int, int]):
    gaps = [choose_gap(seed, Step("t", 3, "chad", StepKind.TURN, Moment.MIDDLE), said) for seed in range(300)]
    assert min(gaps) >= bounds[0] >= GAP_MS[0] and max(gaps) <= bounds[1] <= GAP_MS[1]
    assert len(set(gaps)) > 60
