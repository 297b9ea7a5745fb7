"""What is learnt lies in the store: cards with their schedule, reviews, corrections, lessons, the level."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from call_doubles import TestClock
from engine_doubles import ADA
from sqlalchemy import select
from sqlalchemy.orm import Session

from duologue.app.lessons import stored_progress
from duologue.app.lessons.desk import LessonDesk
from duologue.app.lessons.stored_progress import StoredProgress
from duologue.clock import SECOND
from duologue.errors import PeerError
from duologue.language.engine import Moment, Prompt
from duologue.store.people import export, find, forget, meet
from duologue.store.store import Store
from duologue.store.tables import Review
from duologue.store.values import Who
from duologue.tutor import drill
from duologue.tutor.drill import Rating
from duologue.tutor.lesson import LessonWord, shipped_lessons
from duologue.tutor.progress import Correction, LessonDone, WordCard
from duologue.tutor.review import new_card, rated

LESSON = shipped_lessons()[0]
WHO = Who("learner")
DAY = 86_400 * SECOND


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store("", tmp_path / "store.db", TestClock(SECOND))
    store.start()
    yield store
    await store.close()


async def progress_of(store: Store) -> StoredProgress:
    name = await store.ask(lambda session: meet(session, WHO, SECOND).id)
    return StoredProgress(store, name, store.clock)


async def ratings(store: Store) -> list[int]:
    return await store.ask(lambda session: list(session.scalars(select(Review.rating).order_by(Review.at))))


async def test_cards_come_back_as_they_were(store: Store) -> None:
    progress, now = await progress_of(store), store.clock.wall()
    cards = [new_card(each, LESSON.name, now) for each in LESSON.vocabulary]
    cards[0] = rated(cards[0], Rating.GOOD, now)
    cards[0] = rated(cards[0], Rating.GOOD, cards[0].due)
    await progress.learn(cards)
    again = {card.word: card for card in await (await progress_of(store)).cards()}
    assert len(again) == 5
    kept = again[cards[0].word]
    assert (kept.due, kept.stability, kept.state, kept.reviews) == (
        cards[0].due, cards[0].stability, cards[0].state, 2,
    )  # fmt: skip
    assert rated(kept, Rating.HARD, kept.due) == rated(cards[0], Rating.HARD, kept.due)


async def test_each_review_is_kept_once(store: Store) -> None:
    progress, now = await progress_of(store), store.clock.wall()
    card = new_card(LESSON.vocabulary[0], LESSON.name, now)
    await progress.learn([card])
    for rating in (Rating.GOOD, Rating.AGAIN):
        card = rated(card, rating, card.due)
        await progress.learn([card])
        await progress.learn([card])  # told twice, asked once
    assert await ratings(store) == [Rating.GOOD, Rating.AGAIN]


class Calendar(TestClock):
    """One that is set."""

    time = 1_000 * DAY

    def wall(self) -> int:
        return self.time


async def desk_of(progress: StoredProgress, calendar: Calendar) -> LessonDesk:
    desk = LessonDesk(progress, calendar, kept=True)
    await desk.load()
    await desk.open(LESSON)
    assert await desk.reply(replace(Prompt.by(ADA.persona), moment=Moment.OPENING))
    return desk


async def rates(desk: LessonDesk, word: str, rating: Rating) -> None:
    desk._note(drill.RateWord(word, rating))  # pyright: ignore[reportPrivateUsage]
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(desk.run())
        await desk.rest()
        keeping.cancel()


async def test_a_lesson_begins_though_the_store_does_not_answer(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked for one, and each talk with a tutor, waited until the store answered."""
    progress = await progress_of(store)
    monkeypatch.setattr(stored_progress, "SOON_SECONDS", 0.05)
    free = threading.Event()
    store.put(lambda session: free.wait(60))
    async with asyncio.timeout(30):
        await desk_of(progress, Calendar())
    free.set()


async def known_well(store: Store, calendar: Calendar) -> tuple[StoredProgress, WordCard]:
    """A word of the lesson after six good answers, each when it was due; on the calendar it is due again."""
    progress = StoredProgress(store, await store.ask(lambda session: meet(session, WHO, SECOND).id), calendar)
    card = new_card(LESSON.vocabulary[0], LESSON.name, calendar.time)
    await progress.learn([card])
    for _ in range(6):
        card = rated(card, Rating.GOOD, card.due)
        await progress.learn([card])
    calendar.time = card.due
    assert card.stability is not None and card.stability > 300
    return progress, card


async def test_what_is_known_outlasts_a_copy_that_is_empty(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    calendar = Calendar(SECOND)
    progress, before = await known_well(store, calendar)

    async def fails() -> tuple[WordCard, ...]:
        raise PeerError("the database fails", where="store")

    with monkeypatch.context() as failing:
        failing.setattr(progress, "cards", fails)
        desk = await desk_of(progress, calendar)
    await rates(desk, before.word, Rating.GOOD)
    (kept,) = await progress.cards()
    assert kept == replace(rated(before, Rating.GOOD, calendar.time), rating=0) and kept.reviews == 7
    assert len(await ratings(store)) == 7


async def test_two_desks_of_one_person_lose_no_review_of_each_other(store: Store) -> None:
    calendar = Calendar(SECOND)
    progress, card = await known_well(store, calendar)
    desks = [await desk_of(progress, calendar) for _ in range(2)]
    given = [Rating.GOOD, Rating.AGAIN, Rating.GOOD, Rating.EASY]
    for number, rating in enumerate(given):
        card = rated(card, rating, calendar.time)
        await rates(desks[number % 2], card.word, rating)
        calendar.time += 60 * SECOND
    (kept,) = await progress.cards()
    assert kept == replace(card, rating=0) and kept.reviews == 10
    assert (await ratings(store))[6:] == given


async def test_a_word_that_a_model_notes_stays_as_it_is_known(store: Store) -> None:
    calendar = Calendar(SECOND)
    progress, card = await known_well(store, calendar)
    await progress.learn([new_card(LessonWord(card.word, "Something else."), "", calendar.time)])
    assert await progress.cards() == (replace(card, rating=0),) and len(await ratings(store)) == 6


async def test_lessons_make_the_level_and_corrections_are_exported(store: Store) -> None:
    progress, now = await progress_of(store), store.clock.wall()
    for day, lesson in enumerate(shipped_lessons()[:2]):
        await progress.finish(LessonDone(lesson.name, 7, 6, 7, 93.4, now + (100 + day) * SECOND))
    await progress.correct(Correction("I have twenty years", "I am twenty", "You are an age.", "greetings", now))
    done = await progress.lessons()
    assert [(each.lesson, each.right, each.first, each.count, each.seconds) for each in done] == [
        ("greetings", 7, 6, 7, 93.4), ("at-the-cafe", 7, 6, 7, 93.4),
    ]  # fmt: skip
    told = await store.ask(lambda session: export(session, meet(session, WHO, now)))
    assert told["person"]["level"] == "A2"
    assert told["corrections"][0]["better"] == "I am twenty" and len(told["lessons"]) == 2


async def test_of_who_was_forgotten_nothing_is_kept(store: Store) -> None:
    progress, now = await progress_of(store), store.clock.wall()
    await progress.learn([new_card(LESSON.vocabulary[0], LESSON.name, now)])

    def leave(session: Session) -> None:
        person = find(session, WHO)
        assert person is not None
        forget(session, person)

    await store.ask(leave)
    await progress.learn([new_card(LESSON.vocabulary[1], LESSON.name, now)])
    await progress.finish(LessonDone("greetings", 7, 7, 7, 60.0, now))
    await progress.correct(Correction("a", "b"))
    assert await progress.cards() == () and await progress.lessons() == ()
    assert not store.state.failure
