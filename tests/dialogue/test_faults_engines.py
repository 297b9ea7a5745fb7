"""Each engine going wrong in each way in each state: the conversation goes on, and the cause is known."""

from __future__ import annotations

import pytest
from fault_doubles import Scene, Trouble
from session_doubles import Says

from duologue.dialogue.turns.vocabulary import Note, Stage, State
from duologue.simulation.virtual_time import simulate

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute


FIRST = Says(1.0, "what time is it please Ada")
ASKED = "so where are we now"
PATIENT = {"slow", "hang", "stubborn", "spiteful", "trickle", "never ends"}
"""Kinds of trouble that are over only when somebody's patience is."""
STATES = [state for state in State if state is not State.CLOSED]


def answered(scene: Scene) -> bool:
    """The second question was answered to its end."""
    for (who, said), (_, answer) in zip(scene.context(), scene.context()[1:], strict=False):
        if who == "person" and said.endswith(ASKED) and answer.startswith("Answer") and "too." in answer:
            return True
    return False


def scene(engine: str, kind: str, state: State | None) -> Scene:
    """A hold, a question, its answer, a cough over it, a typed question over it: every state is visited. Then all is
    well again, and the second question is asked.
    """
    cured = 15.0 if kind in PATIENT and engine != "hearing" else 9.0
    return Scene(
        [FIRST, Says(cured + 6.0, ASKED)], Trouble(engine, kind), state, typed=[(7.3, "and now")], holds=[(0.3, 0.7)],
        cured=cured, cough=Says(6.0, seconds=0.3), done=answered,
    )  # fmt: skip


def test_without_trouble_every_state_is_visited() -> None:
    calm = simulate(scene("", "", None).run())
    assert set(STATES) <= set(calm.states) and answered(calm)
    assert not [report for report in calm.reports() if report.note in TROUBLE]
    calm.check()


ENGINES = {
    "hearing": ["slow", "hang", "crash", "nothing", "endless"],
    "thinking": ["slow", "hang", "crash", "nothing", "endless"],
    "voicing": ["slow", "hang", "crash", "nothing", "nan"],
    "noticing": ["crash", "nothing"],
}
"""In every state."""
WRONG_WORDS = ["text", "binary", "unsure", "huge", "cancel", "stubborn", "spiteful"]
WRONG_THOUGHTS = ["refuse", "bytes", "binary", "huge", "babble", "trickle", "cancel", "stubborn", "spiteful"]
WRONG_SOUNDS = ["bare", "hollow", "empty", "rate", "stereo", "integers", "hours", "marks", "textless", "misnamed"]
STRANGE = {
    "hearing": WRONG_WORDS,
    "thinking": [*WRONG_THOUGHTS, "close raises", "close hangs", "never ends"],
    "voicing": [*WRONG_SOUNDS, "cancel", "stubborn", "spiteful"],
    "noticing": ["nan", "empty", "text", "shouting", "deaf"],
    "moderator": ["hang", "crash", "nothing"],
    "turn": ["hang", "crash", "nothing", "nan", "cancel", "spiteful"],
}
"""While the person speaks, and while the reply is due."""
CASES = [
    (engine, kind, state)
    for where, states in ((ENGINES, STATES), (STRANGE, [State.HEARING, State.THINKING]))
    for engine, kinds in where.items()
    for kind in kinds
    for state in states
]
TROUBLE = (Note.FAILED, Note.STALLED, Note.OVERLONG)
STAGES = {
    "hearing": {Stage.HEARING},
    "thinking": {Stage.THINKING},
    "voicing": {Stage.VOICING},
    "noticing": {Stage.NOTICING},
    "moderator": {Stage.THINKING},
    "turn": {Stage.NOTICING},
}
MENDED = {
    ("voicing", "misnamed"), ("noticing", "shouting"), ("noticing", "deaf"), ("thinking", "binary"),
    ("hearing", "binary"), ("hearing", "unsure"),
}  # fmt: skip
"""What is put right on the spot, or cannot be told from an unusual person."""


@pytest.mark.parametrize(("engine", "kind", "state"), CASES)
def test_the_conversation_goes_on(engine: str, kind: str, state: State) -> None:
    story = scene(engine, kind, state)
    simulate(story.run())
    assert story.armed_at >= 0, "the state was not reached"
    assert answered(story), story.context()
    named = {report.stage for report in story.reports() if report.note in TROUBLE}
    if story.trouble.hits and (engine, kind) not in MENDED:
        assert named & STAGES[engine], f"nobody was named: {story.reports()}"
    story.check()
