"""What a learner has learnt, kept from one day to the next: the protocol, and a memory for who keeps nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class WordCard:
    """A word that is learnt, and where its memory stands (:mod:`duologue.tutor.review`).

    ``lesson`` is where it comes from: empty, a conversation. ``due`` is when it should come again (Unix ns, as is
    ``last_review``); ``state`` (1 learning, 2 review, 3 relearning), ``step``, ``stability`` (days) and ``difficulty``
    are FSRS' own. ``reviews`` is how often it was asked, ``lapses`` how often it was forgotten since it was known,
    ``rating`` how the newest review went (0: there was none).
    """

    word: str
    meaning: str = ""
    lesson: str = ""
    due: int = 0
    state: int = 1
    step: int | None = 0
    stability: float | None = None
    difficulty: float | None = None
    last_review: int | None = None
    reviews: int = 0
    lapses: int = 0
    rating: int = 0


@dataclass(frozen=True, slots=True)
class Correction:
    """What somebody said, what they should have, and why. ``at`` in Unix ns."""

    said: str
    corrected: str
    because: str = ""
    lesson: str = ""
    at: int = 0


@dataclass(frozen=True, slots=True)
class LessonDone:
    """A lesson that was gone through to its end. ``at`` in Unix ns."""

    lesson: str
    right: int
    first: int
    count: int
    seconds: float
    at: int


class LearnerProgress(Protocol):
    """Of one learner. What cannot be kept raises :class:`duologue.errors.PeerError`: the lesson goes on."""

    async def cards(self) -> tuple[WordCard, ...]:
        """The vocabulary, what is due first."""
        ...

    async def learn(self, cards: Sequence[WordCard]) -> None:
        """Keep cards, each after one review at the most: new words, and the review (``rating``) of those that are
        known. A store counts it for what it has, whatever else the card says.
        """
        ...

    async def correct(self, correction: Correction) -> None:
        """Keep a correction."""
        ...

    async def lessons(self) -> tuple[LessonDone, ...]:
        """What was gone through, the oldest first."""
        ...

    async def finish(self, done: LessonDone) -> None:
        """Keep that a lesson was gone through."""
        ...


class Remembered:
    """A :class:`LearnerProgress` in memory: gone with the process. It keeps the newest :data:`MOST` of each."""

    MOST = 2_000

    def __init__(self) -> None:
        self._cards: dict[str, WordCard] = {}
        self.corrections: list[Correction] = []
        self._lessons: list[LessonDone] = []

    async def cards(self) -> tuple[WordCard, ...]:
        """See the protocol."""
        return tuple(sorted(self._cards.values(), key=lambda card: (card.due, card.word)))

    async def learn(self, cards: Sequence[WordCard]) -> None:
        """See the protocol."""
        for card in cards:
            self._cards[card.word] = card
        while len(self._cards) > self.MOST:
            del self._cards[next(iter(self._cards))]

    async def correct(self, correction: Correction) -> None:
        """See the protocol."""
        self.corrections = [*self.corrections, correction][-self.MOST :]

    async def lessons(self) -> tuple[LessonDone, ...]:
        """See the protocol."""
        return tuple(self._lessons)

    async def finish(self, done: LessonDone) -> None:
        """See the protocol."""
        self._lessons = [*self._lessons, done][-self.MOST :]
