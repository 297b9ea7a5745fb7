"""`duologue tutor`: a lesson on a terminal, as a person would type it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from duologue.app.talk import messages as say
from duologue.cli.lesson_shown import LessonPrinter
from duologue.tutor.lesson import shipped_lessons

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

GREETINGS = shipped_lessons()[0]


def duologue(folder: Path, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "duologue", *words], input=text, capture_output=True, text=True, timeout=100, cwd=folder
    )


@pytest.mark.slow
def test_a_lesson_is_typed_to_its_end(tmp_path: Path) -> None:
    said = [
        "hello nice meet you", *(exercise.answers[0] for exercise in GREETINGS.exercises[:1]), "/hint", "/translate",
        *(exercise.answers[0] for exercise in GREETINGS.exercises[1:]),
    ]  # fmt: skip
    found = duologue(tmp_path, "tutor", "greetings", "--text", "--translate", "de", text="\n".join(said))
    assert found.returncode == 0, found.stderr
    assert "Mae: Hello! Let us meet people." in found.stdout
    assert "Missing: to." in found.stdout and "All 7 right, 5 of them at once." in found.stdout
    assert "not right: “hello nice meet you”" in found.stderr and "to (missing)" in found.stderr
    assert "hint: It is the beginning of the day." in found.stderr
    assert "translation: Es ist acht Uhr morgens" in found.stderr
    assert "Greetings: 7 of 7 right, 5 at once" in found.stderr and "5 words learnt" in found.stderr


def test_a_lesson_that_is_not_there_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    found = duologue(tmp_path, "tutor", "greeting", "--text")
    assert found.returncode == 2 and "there is no lesson 'greeting'" in found.stderr
    assert "greetings" in found.stderr


def test_what_is_shown_of_an_answer() -> None:
    lines: list[str] = []
    printer = LessonPrinter(lines.append)
    words = (
        say.TalkJudgedWord(text="Thank", state="unclear", score=31),
        say.TalkJudgedWord(text="you", state="right", score=92),
    )
    judged = say.TalkJudged(
        id="1/1", exercise="1", said="thank you", written=False, wanted="Thank you.", verdict="close", words=words
    )
    printer.tell(judged, "1/1")
    assert lines == ["  nearly right: “thank you”", "    Thank (unclear, 31) · you (92)"]
    card = say.TalkExercise(id="1", number=1, kind="write", ask="Write.", state="asked", translates=False)
    printer.tell(card, "1")
    for _ in range(2):
        printer.tell(card.model_copy(update={"hint": "It is short."}), "1")
    assert lines[2:] == ["  hint: It is short."]
