"""The parts of the house by hand: stop one, start it, start it again."""

from __future__ import annotations

from typing import Literal

from duologue.app.models import PartView, Problem
from duologue.tokens import Scope
from duologue.web import paths
from duologue.web.access import PROBLEMS, TheHouse
from duologue.web.bodies import Router
from duologue.web.problems import NotFound
from duologue.web.scopes import needs

router = Router(prefix=paths.API, tags=["parts"], responses=PROBLEMS)


@router.post(
    "/parts/{topic}/{order}",
    operation_id="direct_part",
    dependencies=[needs(Scope.ADMIN)],
    responses={404: {"model": Problem, "description": "There is no such part."}},
)
async def direct(topic: str, order: Literal["start", "stop", "restart"], house: TheHouse) -> PartView:
    """Stop a part (what it is at ends), start one that was stopped or waits for its next try, or both. The answer tells
    how it is at once; what becomes of it comes as events.
    """
    there = [part.topic for part in house.view().parts]
    if topic not in there:
        raise NotFound(f"there is no part {topic!r}", where="topic", remedy=f"There are: {', '.join(there)}.")
    return house.direct_part(topic, order)
