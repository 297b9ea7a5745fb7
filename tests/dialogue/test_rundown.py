"""The director's table, driven without a loop; and any order of events keeps its promises."""

from __future__ import annotations

from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from duologue.dialogue.on_air.plan import MAX_WAITING, Plan, Question, Step, StepKind
from duologue.dialogue.on_air.rundown import (
    FILLER_EVERY,
    OVERDUE,
    AbandonStep,
    Fill,
    Hand,
    Prepare,
    Rundown,
    RundownEffect,
    StepUnreported,
    TakeBack,
)
from few_examples import examples

SECOND = 1_000_000_000


def rundown(turns: int = 4, *, patient: bool = False) -> Rundown:
    numbers = count()
    return Rundown(Plan(("chad", "virgin"), turns), lambda: f"t{next(numbers)}", patient=patient)


def only_step(effects: list[RundownEffect]) -> Step:
    (effect,) = effects
    assert isinstance(effect, Prepare)
    return effect.step


def test_a_turn_is_handed_over_and_the_next_prepared_when_it_begins():
    table = rundown()
    first = only_step(table.start(0))
    assert table.prepared(first, 1) == [Hand(first)]
    second = only_step(table.began(first.id, 2 * SECOND, 2))
    assert second.speaker == "virgin"
    assert table.prepared(second, 3) == [Hand(second)]
    assert table.finished(first.id, 300, 4) == []


def test_a_late_turn_is_filled_after_the_gap_and_then_now_and_then():
    table = rundown()
    first = only_step(table.start(0))
    table.prepared(first, 0)
    second = only_step(table.began(first.id, SECOND, 0))
    table.finished(first.id, 200, SECOND)
    assert table.deadline == SECOND + 200_000_000
    assert table.tick(SECOND) == []
    (fill,) = table.tick(SECOND + 200_000_000)
    assert isinstance(fill, Fill) and fill.speaker == "virgin"
    table.began(fill.id, SECOND, 2 * SECOND)
    table.finished(fill.id, 200, 3 * SECOND)
    assert table.deadline == 3 * SECOND + FILLER_EVERY
    assert table.prepared(second, 4 * SECOND) == [Hand(second)]
    assert table.deadline == 4 * SECOND + OVERDUE


def test_a_patient_table_has_no_deadlines():
    table = rundown(patient=True)
    first = only_step(table.start(0))
    table.prepared(first, 0)
    table.began(first.id, SECOND, 0)
    table.finished(first.id, 200, SECOND)
    assert table.deadline is None


def test_a_question_abandons_what_is_prepared_and_takes_back_what_is_ahead():
    table = rundown()
    first = only_step(table.start(0))
    table.prepared(first, 0)
    second = only_step(table.began(first.id, SECOND, 0))
    abandoned, prepare = table.asked(Question("a", "Ada", "Why?", "chad"), 1)
    assert abandoned == AbandonStep(second)
    assert isinstance(prepare, Prepare) and prepare.step.kind is StepKind.ANSWER
    assert table.prepared(second, 2) == []  # too late: it was abandoned
    table.prepared(prepare.step, 3)
    assert table.asked(Question("b", "Ada", "And?", "chad"), 4) == []  # an answer is never taken back


def test_what_the_floor_does_not_give_back_plays_on_before_the_answer():
    table = rundown()
    first = only_step(table.start(0))
    table.prepared(first, 0)
    second = only_step(table.began(first.id, SECOND, 0))
    table.prepared(second, 1)
    assert table.asked(Question("a", "Ada", "Why?", "chad"), 2) == [TakeBack(second)]
    assert table.taken_back(second, False, 3) == []
    answer = only_step(table.began(second.id, SECOND, 4))
    assert answer.kind is StepKind.ANSWER


def test_a_silent_floor_is_given_up():
    table = rundown()
    first = only_step(table.start(0))
    table.prepared(first, 0)
    assert table.deadline == OVERDUE
    missing, prepare = table.tick(OVERDUE)
    assert missing == StepUnreported(first)
    assert isinstance(prepare, Prepare) and prepare.step.number == 1


def test_who_was_not_run_themselves_reads_what_the_floor_reported_before_they_give_it_up():
    """A house that was stopped for a minute told a turn to have failed that was being said."""
    table = rundown()
    first = only_step(table.start(0))
    table.prepared(first, 0)
    stopped = OVERDUE + 60 * SECOND
    assert table.tick(stopped) == []
    table.began(first.id, SECOND, stopped + 1)
    assert table.current == first and table.deadline == stopped + 1 + SECOND + OVERDUE
    silent, due = rundown(), stopped + OVERDUE
    silent.prepared(only_step(silent.start(0)), 0)
    assert silent.tick(stopped) == [] and silent.deadline == due
    assert isinstance(silent.tick(due)[0], StepUnreported)


def deep(turns: int = 6, depth: int = 3) -> Rundown:
    table = rundown(turns)
    table.depth = depth
    return table


def test_with_depth_the_next_is_prepared_when_its_words_are_known():
    table = deep()
    first = only_step(table.start(0))
    assert table.look_ahead() == []  # its words are not known
    second = only_step(table.written(first, 1))
    third = only_step(table.written(second, 2))
    assert [step.speaker for step in (first, second, third)] == ["chad", "virgin", "chad"]
    assert [step.number for step in (first, second, third)] == [0, 1, 2]
    assert table.written(third, 3) == []  # deep enough
    assert table.prepared(second, 4) == []  # not its turn
    assert table.prepared(first, 5) == [Hand(first)]
    assert table.prepared(second, 6) == []  # one is ahead already
    assert only_step(table.began(first.id, SECOND, 7)).number == 3


def test_a_question_abandons_all_turns_that_are_prepared():
    table = deep()
    first = only_step(table.start(0))
    second = only_step(table.written(first, 1))
    table.prepared(first, 2)
    table.began(first.id, SECOND, 3)
    third = only_step(table.written(second, 4))
    *abandoned, prepare = table.asked(Question("a", "Ada", "Why?", "chad"), 5)
    assert abandoned == [AbandonStep(second), AbandonStep(third)]
    assert isinstance(prepare, Prepare) and prepare.step.kind is StepKind.ANSWER
    again = only_step(table.written(prepare.step, 6))
    assert (again.number, again.speaker) == (1, "virgin")  # planned anew, after the answer
    withdrawn, following = table.asked(Question("b", "Ada", "And?", "virgin"), 7)
    assert withdrawn == AbandonStep(again) and isinstance(following, Prepare) and following.step.id == "b"
    assert table.preparing == [prepare.step, following.step]  # an answer stays


def test_what_the_floor_cannot_say_counts_as_said():
    table = rundown()
    first = only_step(table.start(0))
    table.prepared(first, 0)
    following = only_step(table.finished(first.id, 200, SECOND))
    assert following.number == 1 and table.ahead is None


class AnyOrder(RuleBasedStateMachine):
    """Engines, floor and people act in any order; a model of the floor checks what is asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.table = rundown(5)
        self.preparing: Step | None = None
        self.floor: list[str] = []
        self.playing = ""
        self.turns_begun: list[int] = []
        self.answers_begun: list[str] = []
        self.asked: list[str] = []
        self.kinds: dict[str, Step] = {}
        self.take_back: Step | None = None
        self.do(self.table.start(0))

    def do(self, effects: list[RundownEffect]) -> None:
        for effect in effects:
            match effect:
                case Prepare(step):
                    assert self.preparing is None
                    self.preparing = self.kinds[step.id] = step
                case AbandonStep(step):
                    assert self.preparing == step and step.kind is StepKind.TURN
                    self.preparing = None
                case Hand(step):
                    self.preparing = None
                    self.floor.append(step.id)
                case TakeBack(step):
                    assert step.kind is StepKind.TURN and self.take_back is None
                    self.take_back = step
                case Fill(utterance_id):
                    self.floor.append(utterance_id)
                case StepUnreported(step):
                    raise AssertionError(f"the floor always reports: {step}")

    @precondition(lambda self: self.preparing is not None)
    @rule(works=st.booleans())
    def engine_answers(self, works: bool) -> None:
        assert self.preparing
        step = self.preparing
        if works:
            self.do(self.table.prepared(step, self.now))
        else:
            self.preparing = None
            self.do(self.table.given_up(step, self.now))

    @precondition(lambda self: bool(self.floor) and not self.playing)
    @rule()
    def floor_begins(self) -> None:
        self.playing = self.floor.pop(0)
        step = self.kinds.get(self.playing)
        if step:
            if step.kind is StepKind.ANSWER:
                self.answers_begun.append(step.id)
            else:
                self.turns_begun.append(step.number)
        self.do(self.table.began(self.playing, SECOND, self.now))

    @precondition(lambda self: bool(self.playing))
    @rule()
    def floor_ends(self) -> None:
        ended, self.playing = self.playing, ""
        self.do(self.table.finished(ended, 200, self.now))

    @precondition(lambda self: self.take_back is not None)
    @rule()
    def floor_answers(self) -> None:
        assert self.take_back
        step, self.take_back = self.take_back, None
        done = step.id in self.floor
        if done:
            self.floor.remove(step.id)
        self.do(self.table.taken_back(step, done, self.now))

    @precondition(lambda self: len(self.asked) < MAX_WAITING and not self.table.done)
    @rule(to=st.sampled_from(["chad", "virgin"]))
    def person_asks(self, to: str) -> None:
        name = f"a{len(self.asked)}"
        self.asked.append(name)
        self.do(self.table.asked(Question(name, "Ada", "Why?", to), self.now))

    @precondition(lambda self: not self.playing)
    @rule(length=st.integers(0, 60 * SECOND))
    def somebody_else_speaks(self, length: int) -> None:
        self.do(self.table.held(length, 200, self.now))

    @rule(step=st.integers(1, 4 * SECOND))
    def time_passes(self, step: int) -> None:
        deadline = self.table.deadline
        self.now = min(self.now + step, deadline) if deadline else self.now + step
        if deadline and self.now >= deadline and not self.owes_a_report():
            self.do(self.table.tick(self.now))

    def owes_a_report(self) -> bool:
        return bool(self.playing or self.floor)

    @invariant()
    def turns_and_answers_come_in_order(self) -> None:
        assert self.turns_begun == sorted(set(self.turns_begun))
        assert self.answers_begun == sorted(set(self.answers_begun), key=lambda name: int(name[1:]))

    @invariant()
    def something_is_always_under_way(self) -> None:
        busy = self.preparing or self.floor or self.playing or self.take_back
        assert bool(busy) != self.table.done


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=examples(60), stateful_step_count=40, deadline=None)


def test_while_somebody_else_has_the_floor_nobody_is_late():
    table = rundown()
    first = only_step(table.start(0))
    table.prepared(first, 0)
    second = only_step(table.began(first.id, SECOND, 0))
    table.finished(first.id, 200, SECOND)
    table.held(60 * SECOND, 200, SECOND)  # longer than any patience
    assert table.deadline == 61 * SECOND + 200_000_000  # no filler before it is over
    assert table.prepared(second, 20 * SECOND) == [Hand(second)]
    assert table.deadline == 61 * SECOND + OVERDUE
    assert table.tick(60 * SECOND) == []
    table.held(0, 200, 30 * SECOND)  # it was cut
    assert table.deadline == 30 * SECOND + 200_000_000 + OVERDUE
    (missing, *_) = table.tick(table.deadline)
    assert missing == StepUnreported(second)


def test_the_wait_for_a_late_turn_begins_when_the_floor_is_given_back():
    table = rundown()
    first = only_step(table.start(0))
    table.prepared(first, 0)
    table.began(first.id, SECOND, 0)
    table.finished(first.id, 200, SECOND)
    table.held(5 * SECOND, 200, SECOND)
    table.held(0, 200, 6 * SECOND)
    assert table.tick(6 * SECOND + 199_000_000) == []
    (fill,) = table.tick(6 * SECOND + 200_000_000)
    assert isinstance(fill, Fill)


def test_a_conversation_may_begin_while_the_floor_is_held():
    table = rundown()
    table.held(100 * SECOND, 0, 0)
    first = only_step(table.start(0))
    table.prepared(first, SECOND)
    assert table.deadline == 100 * SECOND + OVERDUE
