"""What every route knows: the house, the show that a request is put to, its studio, and the application's options."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, cast

from fastapi import Depends, Request

from duologue.app.models import PartState, Problem
from duologue.errors import ClosedError, PeerError
from duologue.web.options import WebOptions
from duologue.web.problems import NotFound
from duologue.web.studio import HousePort, ShowPort, StudioPort

_MEND = "Mend what it says and start the house again; the other shows go on."

PROBLEMS: dict[int | str, dict[str, Any]] = {
    403: {"model": Problem, "description": "The token lacks the scope that this wants."},
    422: {"model": Problem, "description": "The request asks for something that cannot be."},
    502: {"model": Problem, "description": "Something behind the studio failed."},
    503: {
        "model": Problem,
        "description": "Starting, shutting down, or no place left: try again after `Retry-After` seconds.",
    },
}
"""The errors that any route of the API may answer with."""


def house_of(request: Request) -> HousePort:
    """The house that the application stands before."""
    return cast(HousePort, request.app.state.house)


def here_of(request: Request) -> ShowPort | None:
    """The show that ``request`` is put to, if the house has any."""
    return cast("ShowPort | None", request.scope["show"])


def studio_of(request: Request) -> StudioPort:
    """The studio of the show that ``request`` is put to.

    Raises :class:`NotFound` where there is no show, :class:`ClosedError` while it is not open, and :class:`PeerError`
    when it will not be.
    """
    return open_studio_of(here_of(request), request.url.path)


def open_studio_of(show: ShowPort | None, where: str) -> StudioPort:
    """The same of a ``show``; ``where`` it was asked for."""
    if show is None:
        raise NotFound("This house has no show", where=where, remedy="Start it with show = true under [serve].")
    if show.state is PartState.FAILED:
        raise PeerError(f"the show {show.name!r} is not on air: {show.failure}", where=show.name, remedy=_MEND)
    if show.state is PartState.STOPPED:
        raise ClosedError(
            f"the show {show.name!r} was stopped", where=show.name, remedy="Start it on the Services page."
        )
    if show.studio is None:
        again = f"is started again: {show.failure}" if show.failure else "is being opened"
        raise ClosedError(f"the show {show.name!r} {again}", where=show.name, remedy="Try again in a moment.")
    return show.studio


def place_of(request: Request) -> str:
    """What stands before the addresses of the show that ``request`` is put to: empty, or ``/shows/NAME``."""
    return cast(str, request.scope.get("root_path", ""))


def options_of(request: Request) -> WebOptions:
    """The options of the application that handles ``request``."""
    return cast(WebOptions, request.app.state.options)


def leaving_of(request: Request) -> asyncio.Event:
    """Set when the server begins to shut down: what streams without end must end."""
    return cast(asyncio.Event, request.app.state.leaving)


TheHouse = Annotated[HousePort, Depends(house_of)]
Here = Annotated[ShowPort | None, Depends(here_of)]
Place = Annotated[str, Depends(place_of)]
TheStudio = Annotated[StudioPort, Depends(studio_of)]
TheOptions = Annotated[WebOptions, Depends(options_of)]
Leaving = Annotated[asyncio.Event, Depends(leaving_of)]
