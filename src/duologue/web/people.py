"""What is kept of whoever asks, as their client calls them: to be seen, changed, and forgotten."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import Depends, Header

from duologue.app.models import Problem
from duologue.app.people.models import MemoryChange, MemoryView
from duologue.errors import InputError
from duologue.store.values import MOST_KEY, Who
from duologue.tokens import Scope
from duologue.web import paths
from duologue.web.access import PROBLEMS, TheHouse
from duologue.web.bodies import Router
from duologue.web.problems import NotFound
from duologue.web.scopes import TheGrant, needs
from duologue.web.studio import PeoplePort

HEADER = "X-Duologue-Person"
_ENCODED = 12
"""Characters that one may take: four bytes of UTF-8, three each."""
_MISSING = {404: {"model": Problem, "description": "Nothing is kept in this house."}}
router = Router(prefix=paths.PEOPLE, tags=["people"], responses={**PROBLEMS, **_MISSING})


def people_of(house: TheHouse) -> PeoplePort:
    """What is kept. Raises :class:`NotFound` where nothing is."""
    if house.people is None:
        remedy = "Start it with talk = true under [serve], and keep = true under [store]."
        raise NotFound("Nothing is kept of people in this house", where="store", remedy=remedy)
    return house.people


def who_of(
    grant: TheGrant,
    person: Annotated[
        str,
        Header(
            alias=HEADER,
            min_length=1,
            max_length=_ENCODED * MOST_KEY,
            description="As in the talk's `hello`, URL-encoded.",
        ),
    ],
) -> Who:
    """Whoever asks: nobody is found with another token than they talked with. Raises :class:`InputError` for what is no
    name, which would be found to be nobody.
    """
    try:
        name = unquote(person, errors="strict")
    except UnicodeDecodeError:
        name = ""
    if not person.isascii() or not 0 < len(name) <= MOST_KEY:
        raise InputError(
            "that is nobody's name", where=HEADER,
            remedy=f"URL-encode it as UTF-8 (Zo%C3%AB); at most {MOST_KEY} characters, as in the talk's hello.",
        )  # fmt: skip
    return Who(name, grant.name)


ThePeople = Annotated[PeoplePort, Depends(people_of)]
Me = Annotated[Who, Depends(who_of)]


@router.get("/memory", operation_id="get_memory", dependencies=[needs(Scope.TALK)])
async def memory(people: ThePeople, me: Me) -> MemoryView:
    """What is remembered of you, and told to whom you talk with."""
    return await people.memory(me)


@router.put("/memory", operation_id="change_memory", dependencies=[needs(Scope.TALK)])
async def change(change: MemoryChange, people: ThePeople, me: Me) -> MemoryView:
    """Have just this remembered: facts that are left out are forgotten, those without an id are new."""
    return await people.change(me, change)


@router.delete(
    "/memory", status_code=HTTPStatus.NO_CONTENT, operation_id="forget_memory", dependencies=[needs(Scope.TALK)]
)
async def forget_memory(people: ThePeople, me: Me) -> None:
    """Have all facts forgotten. What was said stays."""
    await people.forget_facts(me)


@router.delete(
    "/memory/{fact}", status_code=HTTPStatus.NO_CONTENT, operation_id="forget_fact", dependencies=[needs(Scope.TALK)]
)
async def forget_fact(fact: str, people: ThePeople, me: Me) -> None:
    """Have one fact forgotten."""
    await people.forget_fact(me, fact)


@router.get("/export", operation_id="export_person", dependencies=[needs(Scope.TALK)])
async def export(people: ThePeople, me: Me) -> dict[str, Any]:
    """All that is kept of you, as `duologue export` prints it."""
    return await people.export(me)


@router.delete("", status_code=HTTPStatus.NO_CONTENT, operation_id="forget_person", dependencies=[needs(Scope.TALK)])
async def forget(people: ThePeople, me: Me) -> None:
    """Have all of you forgotten: conversations, recordings, memory, vocabulary."""
    await people.forget(me)
