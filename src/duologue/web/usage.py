"""What engines were asked for, and what that cost."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from duologue.app.spending.models import UsageView
from duologue.tokens import Scope
from duologue.web import paths
from duologue.web.access import PROBLEMS, TheHouse
from duologue.web.scopes import needs

router = APIRouter(prefix=paths.API, tags=["usage"], responses=PROBLEMS)


@router.get("/usage", operation_id="get_usage", dependencies=[needs(Scope.ADMIN)])
async def usage(
    house: TheHouse,
    by: Annotated[
        Literal["engine", "person", "run", "day"],
        Query(description="Sums of each engine and model, person, show, talk or call, or day."),
    ] = "engine",
    since: Annotated[
        str, Query(max_length=20, description="The first day: 2026-11-23, today, or 7d for the last seven; empty: all.")
    ] = "30d",
) -> UsageView:
    """Tokens, characters and minutes of sound by engine, person, run or day, with their cost and today's caps."""
    return await house.usage(by, since)
