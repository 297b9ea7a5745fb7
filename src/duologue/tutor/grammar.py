"""What may be said to an exercise, as a grammar that ears can keep to (JSGF). Pure.

An answer that is right, one that many get wrong, another option, a call for help; of a sentence that is said after the
tutor also what comes near it: with a word left out, or broken off. A grammar hears what it knows in whatever is said,
so that the rest of the lesson's vocabulary stands in it too, to be heard instead. (Any words in any order, which would
hear everything, hear the right sentence less well: every sound is made of "a", "I" and "you" sooner than of what was
said, whatever weight they are given.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from duologue.speech.pocketsphinx.words import dictionary_words
from duologue.tutor.lesson import Exercise, ExerciseKind, Lesson

HELP_WORDS = {
    "hint": ("give me a hint", "hint please", "help me please"),
    "translation": ("translate that please", "what does that mean"),
    "again": ("say it again please", "can you repeat that", "please repeat"),
    "skip": ("skip this one", "next one please"),
}
"""How help is asked for by voice, and in writing."""


def grammar_of(exercise: Exercise, lesson: Lesson) -> str:
    """The grammar of an exercise. Also of one that is to be written: who says it instead is right as well."""
    given = (*exercise.answers, *exercise.options, *(mistake.said for mistake in exercise.mistakes))
    answers = dict.fromkeys(_spoken(given))
    asked = dict.fromkeys(_spoken(text for each in HELP_WORDS.values() for text in each))
    others = dict.fromkeys(_spoken(each.word for each in lesson.vocabulary if each.word not in exercise.words))
    near = dict.fromkeys(_near(next(iter(answers)).split())) if exercise.kind is ExerciseKind.REPEAT else {}
    heard = {**answers, **near, **others}
    return (
        "#JSGF V1.0;\ngrammar exercise;\n"
        f"<answer> = {' | '.join(heard)};\n"
        f"<help> = {' | '.join(asked)};\n"
        "public <said> = <answer> | <help>;\n"
    )


def _spoken(texts: Iterable[str]) -> Iterator[str]:
    """As the dictionary has their words."""
    return (" ".join(words) for text in texts if (words := dictionary_words(text)))


def _near(words: list[str]) -> Iterator[str]:
    """A sentence with a word left out, and its beginnings."""
    if len(words) > 1:
        for at in range(len(words)):
            yield " ".join(words[:at] + words[at + 1 :])
        for end in range(1, len(words)):
            yield " ".join(words[:end])
