"""What every route knows: the show that a request is put to, its studio, and the options of the application."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, cast

from fastapi import Depends, Request

from duologue.app.models import Problem
from duologue.errors import ClosedError, PeerError
from duologue.web.options import WebOptions
from duologue.web.studio import Show, Studio

_MEND = "Mend what it says and start the house again; the other shows go on."

PROBLEMS: dict[int | str, dict[str, Any]] = {
    403: {"model": Problem, "description": "The token lacks the scope that this wants."},
    422: {"model": Problem, "description": "The request asks for something that cannot be."},
    502: {"model": Problem, "description": "Something behind the studio failed."},
    503: {"model": Problem, "description": "Starting or shutting down: try again after `Retry-After` seconds."},
}
"""The errors that any route of the API may answer with."""


def show_of(request: Request) -> Show:
    """The show that ``request`` is put to."""
    return cast(Show, request.scope["show"])


def shows_of(request: Request) -> Sequence[Show]:
    """All shows of the application that handles ``request``."""
    return cast(Sequence[Show], request.app.state.shows)


def studio_of(request: Request) -> Studio:
    """The studio of the show that ``request`` is put to.

    Raises :class:`ClosedError` while it is not open, and :class:`PeerError` when it will not be.
    """
    show = show_of(request)
    if show.failure:
        raise PeerError(f"the show {show.name!r} is not on air: {show.failure}", where=show.name, remedy=_MEND)
    if show.studio is None:
        raise ClosedError(f"the show {show.name!r} is being opened", where=show.name, remedy="Try again in a moment.")
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


TheShow = Annotated[Show, Depends(show_of)]
TheShows = Annotated[Sequence[Show], Depends(shows_of)]
Place = Annotated[str, Depends(place_of)]
TheStudio = Annotated[Studio, Depends(studio_of)]
TheOptions = Annotated[WebOptions, Depends(options_of)]
Leaving = Annotated[asyncio.Event, Depends(leaving_of)]
