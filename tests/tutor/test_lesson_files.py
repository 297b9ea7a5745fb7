"""Lessons as files: what ships can be held, and what is wrong is named with its place and a remedy."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from tutor_lessons import TEXT, small_lesson
from typer.testing import CliRunner

from duologue.app.lessons.learners import learning
from duologue.cli.main import build
from duologue.errors import InputError
from duologue.tutor import lesson as lesson_module
from duologue.tutor.checking import remarks
from duologue.tutor.grammar import grammar_of
from duologue.tutor.lesson import (
    LEVELS,
    ExerciseKind,
    broken_lessons,
    find_lesson,
    lessons_folder,
    load_lesson,
    shipped_lessons,
)
from duologue.tutor.progress import Remembered


def test_what_ships_is_whole_and_in_order() -> None:
    lessons = shipped_lessons()
    assert [lesson.name for lesson in lessons] == ["greetings", "at-the-cafe", "numbers-and-time"]
    assert [LEVELS.index(lesson.level) for lesson in lessons] == sorted(
        LEVELS.index(lesson.level) for lesson in lessons
    )
    for lesson in lessons:
        assert remarks(lesson) == ()
        assert {exercise.kind for exercise in lesson.exercises} >= {ExerciseKind.REPEAT, ExerciseKind.WRITE}
        assert len(lesson.exercises) >= 6 and len(lesson.vocabulary) >= 4
        assert all({"de", "es"} <= set(exercise.translations) for exercise in lesson.exercises)


def test_a_lesson_that_begins_with_a_mark_of_its_order_as_those_of_windows_do(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(TEXT, "utf-8-sig")
    assert load_lesson(tmp_path / "mine.toml").title == "Small"


def test_a_file_that_is_broken_is_named_and_costs_none_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (("good", TEXT), ("bad", "title = "), ("worse", TEXT.replace("A1", "A9")), ("Worst", TEXT)):
        (tmp_path / f"{name}.toml").write_text(text, "utf-8")
    (tmp_path / "latin.toml").write_bytes(b"title = '\xe9'")
    (tmp_path / "folder.toml").mkdir()
    monkeypatch.setattr(lesson_module, "lessons_folder", lambda: tmp_path)
    assert [lesson.name for lesson in shipped_lessons()] == ["good"] and find_lesson("good")
    told = sorted(str(error) for error in broken_lessons())
    assert [re.findall(r"\w+\.toml", words)[0] for words in told] and len(told) == 5
    assert not any(str(tmp_path) in words for words in told), "pages are told of files, not of this machine's folders"
    with pytest.raises(InputError, match=r"worse\.toml: level"):
        find_lesson("worse")
    listed = CliRunner().invoke(build(["lesson"]), ["lesson", "list"])
    assert listed.exit_code == 0 and "good" in listed.stdout and "worse.toml" in listed.stderr
    offer = asyncio.run(learning(Remembered(), 0, model=False))
    assert [each.name for each in offer.lessons] == ["good"] and len(offer.broken) == 5


def wrong(folder: Path, text: str, name: str = "mine.toml") -> InputError:
    file = folder / name
    file.write_text(text, "utf-8")
    with pytest.raises(InputError) as caught:
        load_lesson(file)
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("change", "to", "what", "where"),
    [
        ('title = "Small"', "", "'title' is missing", "title"),
        ('level = "A1"', 'level = "easy"', "not one that is known", "level"),
        ('kind = "choice"', 'kind = "chose"', "not one that is known", "exercise 2.kind"),
        ('options = ["Thank you.", "Goodbye."]', 'options = ["Goodbye.", "Yes."]', "none of the options", "exercise 2"),
        ('options = ["Thank you.", "Goodbye."]', "", "two options", "exercise 2"),
        ('text = "Good morning to you."', "", "has a text", "exercise 1"),
        ('text = "Good morning to you."', 'text = "…"', "no word", "exercise 1"),
        ('words = ["thank you"]', 'words = ["thank them"]', "vocabulary", "exercise 2.words"),
        ('word = "thank you"', 'word = "good morning"', "twice", "mine.toml"),
        ('hint = "It is polite."', 'tip = "It is polite."', "no key 'tip'", "exercise 2.tip"),
        ('title = "Small"', "title = Small", "not TOML", "mine.toml"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: str, to: str, what: str, where: str) -> None:
    assert change in TEXT
    error = wrong(tmp_path, TEXT.replace(change, to, 1))
    assert what in error.what and where in error.where


def test_files_that_are_none(tmp_path: Path) -> None:
    assert "called 'review'" in wrong(tmp_path, TEXT, "review.toml").what
    assert "called 'My lesson'" in wrong(tmp_path, TEXT, "My lesson.toml").what
    assert "bytes" in wrong(tmp_path, TEXT + "#" * 1_000_001).what
    with pytest.raises(InputError, match="cannot be read"):
        load_lesson(tmp_path / "none.toml")
    with pytest.raises(InputError, match="greetings"):
        find_lesson("greeting")
    (tmp_path / "latin.toml").write_bytes(TEXT.encode("utf-16"))
    with pytest.raises(InputError, match="UTF-8"):
        load_lesson(tmp_path / "latin.toml")


def test_a_lesson_that_could_be_better_is_told() -> None:
    lesson = small_lesson(TEXT.replace('words = ["good morning"]', ""))
    assert any("never comes for review" in remark for remark in remarks(lesson))
    assert any("no hint" in remark and "exercise 3" in remark for remark in remarks(lesson))
    assert any("into 'de'" in remark and "exercise 2" in remark for remark in remarks(lesson))


def test_the_grammar_of_an_exercise_takes_what_is_likely_and_what_is_not() -> None:
    lesson = small_lesson()
    for exercise in lesson.exercises:
        grammar = grammar_of(exercise, lesson)
        assert grammar.startswith("#JSGF V1.0;") and "public <said>" in grammar
    second = grammar_of(lesson.exercises[1], lesson)
    answers = re.search(r"<answer> = (.*);", second)
    assert answers is not None and answers[1].split(" | ") == ["thank you", "goodbye", "good morning"]
    assert "hint please" in second
    first = re.search(r"<answer> = (.*);", grammar_of(lesson.exercises[0], lesson))
    assert first is not None and {"good morning to you", "good to you", "good morning"} <= set(first[1].split(" | "))


def test_the_command_checks_a_file(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(TEXT, "utf-8")
    bad.write_text(TEXT.replace('level = "A1"', 'level = "easy"'), "utf-8")
    runner = CliRunner()
    app = build(["lesson"])
    found = runner.invoke(app, ["lesson", "check", str(good)])
    assert found.exit_code == 0 and "4 exercises" in found.output and "It can be held." in found.output
    found = runner.invoke(app, ["lesson", "check", str(good), str(bad)])
    assert found.exit_code == 1 and "level" in found.output
    found = runner.invoke(app, ["lesson", "list"])
    assert found.exit_code == 0 and "greetings" in found.output
    for file in lessons_folder().glob("*.toml"):
        assert runner.invoke(app, ["lesson", "check", str(file)]).exit_code == 0


def test_the_page_on_lessons_shows_a_lesson_that_can_be_held(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "lessons.md").read_text("utf-8")
    shown = re.search(r"```toml\n(.*?)```", page, re.S)
    assert shown is not None
    file = tmp_path / "shown.toml"
    file.write_text(shown[1], "utf-8")
    assert load_lesson(file).exercises
