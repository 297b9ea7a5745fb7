"""Whose progress is kept where, and what of it a page is offered."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING

from duologue.app.models import TalkLearning, TalkLessonView
from duologue.clock import Clock
from duologue.errors import DuologueError
from duologue.telemetry.log import get_logger
from duologue.tutor.lesson import broken_lessons, shipped_lessons
from duologue.tutor.plan import level_of, plan_of
from duologue.tutor.progress import LearnerProgress, Remembered
from duologue.tutor.review import due

if TYPE_CHECKING:
    from duologue.app.people.remembering import Acquaintance, Remembering

LOOK_SECONDS = 1.0
"""For what an offer says of somebody's progress."""
_log = get_logger("duologue.lesson")


_NAMES = {
    "ar": "Arabic", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "es": "Spanish", "fi": "Finnish",
    "fr": "French", "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian", "id": "Indonesian", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese",
    "ro": "Romanian", "ru": "Russian", "sv": "Swedish", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian",
    "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


def english_name(language: str) -> str:
    """How a language (ISO 639-1) is called; the code itself where that is not known here."""
    return _NAMES.get(language, language)


class Learners:
    """The progress of everybody who learns: in the store where there is one and they say who they are; else in memory,
    of the newest :data:`MOST` who do. Of who does not say, nothing is kept but for the conversation.
    """

    MOST = 100

    def __init__(self, remembering: Remembering | None, clock: Clock) -> None:
        self._remembering = remembering
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], LearnerProgress] = OrderedDict()

    def of(self, person: str, realm: str, known: Acquaintance | None) -> tuple[LearnerProgress, bool]:
        """Of somebody who has come (``known``: by the store), and whether it outlives the process."""
        if self._remembering is not None and known is not None and known.person_id:
            return self._stored(known.person_id), True
        return (self._remembered(person, realm) if person else Remembered()), False

    async def found(self, person: str, realm: str) -> LearnerProgress:
        """Of somebody who may have been here before."""
        if not person:
            return Remembered()
        if self._remembering is None:
            return self._remembered(person, realm)
        from duologue.store.people import find
        from duologue.store.values import Who

        try:
            async with asyncio.timeout(LOOK_SECONDS):
                who = await self._remembering.store.ask(lambda session: find(session, Who(person, realm)))
                known = who.id if who is not None else ""
        except (DuologueError, TimeoutError) as error:
            _log.warning("lesson.no_progress", cause=str(error) or "the store is slow")
            known = ""
        return self._stored(known) if known else Remembered()

    def _stored(self, person_id: str) -> LearnerProgress:
        from duologue.app.lessons.stored_progress import (
            StoredProgress,  # the store takes a while to load, and not all have one
        )

        assert self._remembering is not None
        return StoredProgress(self._remembering.store, person_id, self._clock)

    def _remembered(self, person: str, realm: str) -> LearnerProgress:
        found = self._known.setdefault((realm, person), Remembered())
        self._known.move_to_end((realm, person))
        while len(self._known) > self.MOST:
            self._known.popitem(last=False)
        return found


async def learning(progress: LearnerProgress, now: int, *, model: bool) -> TalkLearning:
    """What there is to learn, and how far one is (``now``: Unix ns). Without a store that answers: as at the
    beginning.
    """
    try:
        cards, done = await progress.cards(), await progress.lessons()
    except DuologueError as error:
        _log.warning("lesson.no_progress", cause=str(error))
        cards, done = (), ()
    plan = plan_of(shipped_lessons(), done)
    views = tuple(
        TalkLessonView(
            name=each.lesson.name, title=each.lesson.title, level=each.lesson.level, about=each.lesson.about,
            exercises=len(each.lesson.exercises), words=len(each.lesson.vocabulary), times=each.times,
            best=round(each.best, 3), next=each.next,
            translations=tuple(sorted({tag for one in each.lesson.exercises for tag in one.translations})),
        )
        for each in plan
    )  # fmt: skip
    return TalkLearning(
        lessons=views, broken=tuple(map(str, broken_lessons())), level=level_of(plan), words=len(cards),
        due=len(due(cards, now)), model=model,
        languages=tuple(_NAMES) if model else (),
    )  # fmt: skip
