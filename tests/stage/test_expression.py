from __future__ import annotations

import numpy as np
import pytest

from duologue.audio.pcm import RATE
from duologue.speech.utterance import Mark, MarkKind, Utterance
from duologue.stage.motion.expression import ACCENT_GAP, read, score
from duologue.stage.motion.pose import Brows, Expression


def spoken(text: str, seconds: float = 6.0, expression: str = "") -> Utterance:
    """A line with a word mark for each word, evenly spread, and a stressed phoneme in each."""
    words = text.split()
    step = round(seconds * RATE / max(1, len(words)))
    marks: list[Mark] = []
    offset = 0
    for index, word in enumerate(words):
        offset = text.index(word, offset)
        marks.append(Mark(MarkKind.WORD, word, index * step, (index + 1) * step, offset))
        marks.append(Mark(MarkKind.PHONEME, "a", index * step, (index + 1) * step, stressed=True))
        offset += len(word)
    samples = np.zeros(round(seconds * RATE), np.float32)
    return Utterance("u", "chad", text, samples, RATE, tuple(marks), "espeak", expression)


@pytest.mark.parametrize(
    ("sentence", "expression", "brows"),
    [
        ("Ha ha, good one.", Expression.LAUGH, Brows.RAISED),
        ("That is a joke!", Expression.LAUGH, Brows.RAISED),
        ("Wow, no way!", Expression.SURPRISE, Brows.RAISED),
        ("Really?", Expression.DOUBT, Brows.KNIT),
        ("Where do you live?", Expression.NEUTRAL, Brows.RAISED),
        ("That is just wrong!", Expression.ANGER, Brows.KNIT),
        ("Maybe it rains.", Expression.DOUBT, Brows.WORRIED),
        ("It is the best cheese.", Expression.SMILE, Brows.NEUTRAL),
        ("I did not see it.", Expression.NEUTRAL, Brows.KNIT),
        ("I don’t see it.", Expression.NEUTRAL, Brows.KNIT),
        ("We go up!", Expression.SMILE, Brows.RAISED),
        ("The table is brown.", Expression.NEUTRAL, Brows.NEUTRAL),
    ],
)
def test_a_sentence_is_read(sentence: str, expression: Expression, brows: Brows) -> None:
    assert read(sentence)[:2] == (expression, brows)


def test_each_sentence_has_its_own_beat_at_its_own_time() -> None:
    plan = score(spoken("The table is brown. Ha ha ha ha!", 8.0), 1)
    assert [beat.expression for beat in plan.beats] == [Expression.NEUTRAL, Expression.LAUGH]
    assert [beat.start for beat in plan.beats] == [0, 4 * RATE]
    assert plan.beats[-1].end == plan.length == 8 * RATE


def test_without_marks_beats_are_in_proportion() -> None:
    bare = Utterance("u", "chad", "Aaaa aaa. Bbbb bbb?", np.zeros(2 * RATE, np.float32))
    first, second = score(bare, 1).beats
    assert (first.start, second.end) == (0, 2 * RATE)
    assert abs(first.end - RATE) < RATE // 5


def test_a_set_expression_wins() -> None:
    plan = score(spoken("Ha ha, what a joke!", expression="anger"), 1)
    assert [(beat.expression, beat.brows) for beat in plan.beats] == [(Expression.ANGER, Brows.KNIT)]


def test_an_unknown_expression_is_no_order() -> None:
    assert score(spoken("Ha ha!", expression="melancholy"), 1).beats[0].expression is Expression.LAUGH


def test_accents_fall_on_stress_and_keep_their_distance() -> None:
    line = spoken("one two three four five six seven eight nine ten eleven twelve", 3.0)
    plan = score(line, 5)
    stresses = {mark.start for mark in line.phonemes()}
    assert len(plan.accents) >= 3
    assert all(accent.at in stresses for accent in plan.accents)
    gaps = [second.at - first.at for first, second in zip(plan.accents, plan.accents[1:], strict=False)]
    assert min(gaps) >= ACCENT_GAP


def test_listeners_answer_after_what_they_heard_and_not_before() -> None:
    answers = [
        response
        for seed in range(30)
        for response in score(spoken("Well, it rained, and then it snowed. Ha ha ha, so funny!"), seed).responses
    ]
    assert {Expression.LAUGH} <= {response.beat.expression for response in answers}
    assert any(response.nod for response in answers)
    assert all(response.beat.start >= response.heard + RATE * 15 // 100 for response in answers)


def test_a_plan_depends_on_its_seed_only() -> None:
    line = spoken("Maybe it rains tomorrow, or perhaps it snows. Wow, what a day! I never liked it.", 9.0)
    plans = {score(line, 3), score(line, 3)}
    assert len(plans) == 1
    assert len({score(line, seed) for seed in range(8)}) > 4


def test_nothing_said_shows_nothing() -> None:
    plan = score(Utterance("u", "chad", "", np.zeros(0, np.float32)), 1)
    assert (plan.beats, plan.accents, plan.thinks, plan.beat_at(0)) == ((), (), False, None)
