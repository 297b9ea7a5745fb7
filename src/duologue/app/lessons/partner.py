"""A lesson for a program that holds one conversation: a character with warm engines of its own, taught."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from duologue.app.lessons.desk import LessonDesk, taught
from duologue.app.lessons.learners import Learners
from duologue.app.show.cast import CastMember
from duologue.app.talking.talking import Partner, open_talk
from duologue.clock import SYSTEM_CLOCK
from duologue.dialogue.session.session import SessionOptions
from duologue.settings import Settings
from duologue.tutor.lesson import REVIEW, Lesson, find_lesson

if TYPE_CHECKING:
    from duologue.store.values import Who


@dataclass(frozen=True, slots=True)
class LessonWish:
    """Which lesson (by name or file), translated into which language (ISO 639-1; empty: none)."""

    lesson: str
    language: str = ""

    def found(self) -> str | Lesson:
        """What :meth:`LessonDesk.open` takes. Raises :class:`InputError` for a lesson that there is not."""
        return self.lesson if self.lesson == REVIEW else find_lesson(self.lesson)


def for_lesson(options: SessionOptions) -> SessionOptions:
    """How a lesson is held: the tutor begins, and takes each answer once."""
    return replace(options, greet=True, policy=replace(options.policy, speculate=False))


@asynccontextmanager
async def open_lesson(
    settings: Settings,
    character: str | CastMember,
    wish: LessonWish,
    person: Who | None = None,
    *,
    hears: bool = True,
    speaks: bool = True,
) -> AsyncGenerator[tuple[Partner, LessonDesk]]:
    """A character that holds a lesson, and the desk of it; what ``person`` learns is kept where there is a store.

    Raises as :meth:`LessonDesk.open` and :meth:`~duologue.app.talking.talking.Talk.open` do.
    """
    lesson = wish.found()
    async with AsyncExitStack() as stack:
        talk = await stack.enter_async_context(open_talk(settings, remembers=person is not None, measured=True))
        partner = await stack.enter_async_context(talk.open(character, hears=hears, speaks=speaks, person=person))
        progress, kept = Learners(talk.remembering, SYSTEM_CLOCK).of("", "", partner.acquaintance)
        drills = await stack.enter_async_context(talk.drills()) if hears else None
        desk = LessonDesk(
            progress, SYSTEM_CLOCK, model=partner.engines.model, language=wish.language, kept=kept,
            ears=drills.ears if drills is not None else None, scorer=drills.scorer if drills is not None else None,
        )  # fmt: skip
        await desk.load()
        await desk.open(lesson)
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(desk.run())
            try:
                yield taught(partner, desk), desk
                await desk.rest()
            finally:
                keeping.cancel()
