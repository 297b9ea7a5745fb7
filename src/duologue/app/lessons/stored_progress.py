"""What a learner has learnt, in the store: vocabulary with its place in the schedule, reviews, corrections, lessons."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from duologue.clock import MILLISECOND, Clock
from duologue.errors import PeerError
from duologue.ids import unique_id
from duologue.store.store import Store
from duologue.store.tables import CorrectionRow, LessonRun, PersonRow, Review, Vocable
from duologue.tutor.drill import Rating
from duologue.tutor.lesson import shipped_lessons
from duologue.tutor.plan import level_of, plan_of
from duologue.tutor.progress import Correction, LessonDone, WordCard
from duologue.tutor.review import rated

T = TypeVar("T")
SOON_SECONDS = 3.0
"""A talk begins without what its learner knows when the store takes longer."""
TAUGHT = "en"
"""The language that is learnt."""
_SCHEDULED = ("due", "state", "step", "stability", "difficulty", "last_review", "reviews", "lapses")
"""What a card and a row have in common."""


class StoredProgress:
    """A :class:`~duologue.tutor.progress.LearnerProgress` of the person with that id. What is asked raises as
    :meth:`~duologue.store.store.Store.ask`, sooner; what is kept is put, and never waits.
    """

    def __init__(self, store: Store, person_id: str, clock: Clock) -> None:
        self._store = store
        self._person = person_id
        self._clock = clock

    async def cards(self) -> tuple[WordCard, ...]:
        """See the protocol."""
        return await self._asked_soon(self._cards)

    async def learn(self, cards: Sequence[WordCard]) -> None:
        """See the protocol."""
        for card in cards:
            self._store.put(lambda session, card=card: self._learn(session, card))

    async def correct(self, correction: Correction) -> None:
        """See the protocol."""

        def write(session: Session) -> None:
            if session.get(PersonRow, self._person) is not None:  # they may have been forgotten meanwhile
                session.add(
                    CorrectionRow(
                        id=unique_id(correction.at), person_id=self._person, language=TAUGHT, said=correction.said,
                        better=correction.corrected, why=correction.because, at=correction.at,
                    )
                )  # fmt: skip

        self._store.put(write)

    async def lessons(self) -> tuple[LessonDone, ...]:
        """See the protocol."""
        return await self._asked_soon(self._lessons)

    async def finish(self, done: LessonDone) -> None:
        """See the protocol."""

        def write(session: Session) -> None:
            person = session.get(PersonRow, self._person)
            if person is None:
                return
            details = {"first": done.first, "count": done.count, "seconds": round(done.seconds, 1)}
            began = done.at - round(done.seconds * 1000) * MILLISECOND
            session.add(
                LessonRun(
                    id=unique_id(done.at), person_id=self._person, lesson=done.lesson, step=done.count,
                    right=done.right, wrong=done.count - done.right, details=details, began=began, ended=done.at,
                )
            )  # fmt: skip
            session.flush()
            person.level = level_of(plan_of(shipped_lessons(), self._lessons(session)))

        self._store.put(write)

    async def _asked_soon(self, question: Callable[[Session], T]) -> T:
        timer = asyncio.timeout(SOON_SECONDS)
        try:
            async with timer:
                return await self._store.ask(question)
        except TimeoutError as error:
            if not timer.expired():
                raise
            raise PeerError("the store is slow", where="lesson") from error

    # Within a transaction

    def _cards(self, session: Session) -> tuple[WordCard, ...]:
        ours = select(Vocable).where(Vocable.person_id == self._person, Vocable.language == TAUGHT)
        return tuple(_card(row) for row in session.scalars(ours.order_by(Vocable.due, Vocable.word)))

    def _learn(self, session: Session, card: WordCard) -> None:
        """A word that is there is not replaced, for the card may be of an old copy, or of an empty one: its newest
        review counts for the row.
        """
        if session.get(PersonRow, self._person) is None:
            return
        same = (Vocable.person_id == self._person, Vocable.language == TAUGHT, Vocable.word == card.word)
        row = session.scalar(select(Vocable).where(*same))
        now = self._clock.wall()
        at = card.last_review or now
        if row is None:
            scheduled = {name: getattr(card, name) for name in _SCHEDULED}
            row = Vocable(
                id=unique_id(now), person_id=self._person, language=TAUGHT, word=card.word, added=now,
                meaning=card.meaning, source=card.lesson, **scheduled,
            )  # fmt: skip
            session.add(row)
            session.flush()
        elif card.rating and not _asked(session, row, at):
            after = rated(_card(row), Rating(card.rating), at)
            for name in _SCHEDULED:
                setattr(row, name, getattr(after, name))
        else:
            return
        if card.rating:
            session.add(Review(id=unique_id(at), vocable_id=row.id, at=at, rating=card.rating))

    def _lessons(self, session: Session) -> tuple[LessonDone, ...]:
        ours = select(LessonRun).where(LessonRun.person_id == self._person, LessonRun.ended.is_not(None))
        return tuple(_done(row) for row in session.scalars(ours.order_by(LessonRun.began, LessonRun.id)))


def _asked(session: Session, row: Vocable, at: int) -> bool:
    """Whether the review of that time is kept."""
    return session.scalar(select(Review.id).where(Review.vocable_id == row.id, Review.at == at).limit(1)) is not None


def _card(row: Vocable) -> WordCard:
    return WordCard(row.word, row.meaning, row.source, **{name: getattr(row, name) for name in _SCHEDULED})


def _done(row: LessonRun) -> LessonDone:
    details = row.details
    count = int(details.get("count", row.right + row.wrong))
    return LessonDone(
        row.lesson, row.right, int(details.get("first", 0)), count, float(details.get("seconds", 0.0)), row.ended or 0
    )
