"""What a client is told of a lesson: made of the drill's effects, kept for who comes back. No I/O but ``tell``."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

from duologue.app.talk import messages as say
from duologue.app.talk.messages import FromServer
from duologue.clock import MILLISECOND
from duologue.language.structured import NOTES, ReplyChunk
from duologue.tutor import drill
from duologue.tutor.lesson import ExerciseKind, shipped_lessons
from duologue.tutor.plan import level_of, plan_of
from duologue.tutor.progress import LessonDone, WordCard
from duologue.tutor.review import due

KEPT = 160
"""Exercises, answers and notes that a client that comes back is told again."""
SHOWN_WORDS = 200
LONGEST_NOTE = 2_000


class LessonPage:
    """See the module. ``language`` is translated into; ``kept``: what is learnt outlives the process."""

    def __init__(self, tell: Callable[[FromServer, str], None], language: str, *, kept: bool, scored: bool) -> None:
        self._tell = tell
        self._language = language
        self._kept = kept
        self._scored = scored
        self._told: OrderedDict[str, FromServer] = OrderedDict()
        self._before: tuple[OrderedDict[str, FromServer], say.TalkExercise | None, int] | None = None
        self._runs = 0
        self._card: say.TalkExercise | None = None

    @property
    def shown(self) -> tuple[tuple[FromServer, str], ...]:
        """All that is known, the oldest first, each with what it is about."""
        return tuple((message, about) for about, message in self._told.items())

    def take(self, step: drill.DrillStep, *, written: bool) -> None:
        """Tell what came of a step."""
        self._before = OrderedDict(self._told), self._card, self._runs
        standing = step.standing
        asks = any(isinstance(effect, drill.AskExercise) for effect in step.effects)
        if asks and not standing.outcomes:
            self._begin()
        for effect in step.effects:
            match effect:
                case drill.AskExercise():
                    self._ask(effect, standing)
                case drill.Judge():
                    self._judge(effect, written=written)
                case drill.Give():
                    self._give(effect)
                case drill.Finish():
                    self._close(standing)
                    self._lesson(standing, effect)
                case _:
                    pass
        if asks:
            self._lesson(standing)

    def take_back(self) -> None:
        """The newest step did not count: all is told as it was."""
        if self._before is None:
            return
        (self._told, self._card, self._runs), self._before = self._before, None
        for message, about in self.shown:
            self._tell(message, about)

    def vocabulary(self, cards: Sequence[WordCard], done: Iterable[LessonDone], now: int) -> None:
        """What is learnt, as it stands (``now``: Unix ns)."""
        ordered = sorted(cards, key=lambda card: (card.due, card.word))
        words = tuple(
            say.TalkVocable(
                word=card.word, meaning=card.meaning, translation=_translation(card, self._language),
                lesson=card.lesson, due=card.due / MILLISECOND, reviews=card.reviews, lapses=card.lapses,
            )
            for card in ordered[:SHOWN_WORDS]
        )  # fmt: skip
        level = level_of(plan_of(shipped_lessons(), done))
        self._say(
            say.TalkVocabulary(
                words=words, count=len(ordered), due=len(due(ordered, now)), level=level, kept=self._kept
            ),
            "vocabulary",
        )

    def annotate(self, turn: str, chunk: ReplyChunk, said: str) -> None:
        """What goes with a part of a reply."""
        for kind in NOTES:
            text: str = getattr(chunk, kind)
            if text:
                name = f"{turn}/{kind}/{chunk.index}"
                of = said if kind == "correction" else ""
                note = dict(id=name, turn=turn, kind=kind, text=text[:LONGEST_NOTE], said=of[:LONGEST_NOTE])
                self._say(say.TalkNote.model_validate(note), name)

    def notice(self, text: str, remedy: str) -> None:
        """Something that the learner should know."""
        self._tell(say.TalkNotice(level="warning", text=text, remedy=remedy), f"notice {text}")

    def _begin(self) -> None:
        """A lesson from its beginning: what was of the one before is not its own. Notes go with turns, and stay."""
        self._runs += 1
        self._card = None
        kept = (say.TalkVocabulary, say.TalkNote)
        self._told = OrderedDict((about, each) for about, each in self._told.items() if isinstance(each, kept))

    def _say(self, message: FromServer, about: str) -> None:
        self._told[about] = message
        while len(self._told) > KEPT:
            oldest = next(key for key in self._told if key not in ("lesson", "vocabulary"))
            del self._told[oldest]
        self._tell(message, about)

    def _lesson(self, standing: drill.Standing, finish: drill.Finish | None = None) -> None:
        lesson = standing.lesson
        count = finish.count if finish is not None else standing.done + len(standing.queue)
        self._say(
            say.TalkLesson(
                name=lesson.name, title=lesson.title, level=lesson.level, about=lesson.about,
                state="over" if finish is not None else "going", number=min(standing.done + 1, count), count=count,
                right=finish.right if finish is not None else 0, first=finish.first if finish is not None else 0,
                seconds=round(finish.seconds, 1) if finish is not None else 0.0, scored=self._scored,
            ),
            "lesson",
        )  # fmt: skip

    def _ask(self, effect: drill.AskExercise, standing: drill.Standing) -> None:
        self._close(standing)
        exercise = effect.exercise
        self._card = say.TalkExercise(
            id=f"{self._runs}-{exercise.id}{'-again' if effect.again else ''}", number=effect.number,
            kind=exercise.kind.value, ask=exercise.ask, state="asked", options=exercise.options, again=effect.again,
            text=exercise.answers[0] if exercise.kind is ExerciseKind.REPEAT else "",
            translates=standing.language in exercise.translations,
        )  # fmt: skip
        self._say(self._card, self._card.id)

    def _close(self, standing: drill.Standing) -> None:
        """The exercise that was asked is over, as its outcome says."""
        if self._card is None or self._card.state != "asked" or not standing.outcomes:
            return
        outcome = standing.outcomes[-1]
        exercise = next(each for each in standing.lesson.exercises if each.id == outcome.exercise)
        self._update(state=outcome.verdict.value, answer=exercise.answers[0])

    def _judge(self, effect: drill.Judge, *, written: bool) -> None:
        if self._card is None:
            return
        judged = say.TalkJudged(
            id=f"{self._card.id}/{effect.tries}", exercise=self._card.id, said=effect.said, written=written,
            wanted=effect.wanted, verdict=effect.verdict.value, correction=effect.correction, because=effect.because,
            words=tuple(
                say.TalkJudgedWord(text=word.text, state=word.state.value, score=word.score, instead=word.hint)
                for word in effect.words
            ),
        )  # fmt: skip
        self._say(judged, judged.id)
        self._update(tries=effect.tries)

    def _give(self, effect: drill.Give) -> None:
        if effect.help is drill.Help.TRANSLATION:
            self._update(translation=effect.text)
        else:
            self._update(hint=effect.text)

    def _update(self, **changes: object) -> None:
        if self._card is not None:
            self._card = self._card.model_copy(update=changes)
            self._say(self._card, self._card.id)


def _translation(card: WordCard, language: str) -> str:
    lesson = next((each for each in shipped_lessons() if each.name == card.lesson), None)
    vocable = lesson.vocable(card.word) if lesson is not None else None
    return vocable.translations.get(language, "") if vocable is not None else ""
