"""What a lesson shows on a terminal: each answer word by word, help that was given, and the result."""

from __future__ import annotations

import sys
from collections.abc import Callable

from duologue.app.talk import messages as say
from duologue.app.talk.messages import FromServer
from duologue.plurals import counted

_VERDICTS = {"right": "right", "close": "nearly right", "wrong": "not right"}
_STATES = {"unclear": "unclear", "missing": "not heard", "extra": "too much"}


class LessonPrinter:
    """Give it what the desk of a lesson tells. It prints on standard error: what is said goes to standard output."""

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        self._write = write or _print
        self._given: set[tuple[str, str]] = set()

    def tell(self, message: FromServer, about: str) -> None:
        """Show what is worth a line."""
        match message:
            case say.TalkJudged():
                self._judged(message)
            case say.TalkExercise(id=name, hint=hint, translation=translation):
                self._help(name, "hint", hint)
                self._help(name, "translation", translation)
            case say.TalkLesson(state="over"):
                words = f"{message.right} of {message.count} right, {message.first} at once"
                self._write(f"  {message.title}: {words} ({message.seconds:.0f} s)")
            case say.TalkVocabulary(due=due, count=count) if count:
                kept = "" if message.kept else "; kept until this ends"
                self._write(f"  level {message.level}, {counted(count, 'word')} learnt, {due} due{kept}")
            case say.TalkNotice(text=text, remedy=remedy):
                self._write(f"  {text} {remedy}".rstrip())
            case _:
                pass

    def _judged(self, judged: say.TalkJudged) -> None:
        self._write(f"  {_VERDICTS[judged.verdict]}: “{judged.said}”")
        marked = [word for word in judged.words if word.state != "right" or word.score is not None]
        if marked and (judged.verdict != "wrong" or judged.exercise):
            self._write("    " + " · ".join(_word(word, judged.written) for word in judged.words))
        if judged.because:
            self._write(f"    {judged.because}")

    def _help(self, name: str, kind: str, text: str) -> None:
        if text and (name, text) not in self._given:
            self._given.add((name, text))
            self._write(f"  {kind}: {text}")


def _word(word: say.TalkJudgedWord, written: bool) -> str:
    state = word.state if written and word.state == "missing" else _STATES.get(word.state, "")
    told = [state] if state else []
    told += [str(word.score)] if word.score is not None else []
    return f"{word.text} ({', '.join(told)})" if told else word.text


def _print(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
