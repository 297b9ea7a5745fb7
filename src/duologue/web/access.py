"""What every route knows: the studio and the options behind the application it belongs to."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, cast

from fastapi import Depends, Request

from duologue.app.models import Problem
from duologue.web.options import WebOptions
from duologue.web.studio import Studio

PROBLEMS: dict[int | str, dict[str, Any]] = {
    422: {"model": Problem, "description": "The request asks for something that cannot be."},
    502: {"model": Problem, "description": "Something behind the studio failed."},
    503: {"model": Problem, "description": "Starting or shutting down: try again after `Retry-After` seconds."},
}
"""The errors that any route of the API may answer with."""


def studio_of(request: Request) -> Studio:
    """The studio of the application that handles ``request``."""
    return cast(Studio, request.app.state.studio)


def options_of(request: Request) -> WebOptions:
    """The options of the application that handles ``request``."""
    return cast(WebOptions, request.app.state.options)


def leaving_of(request: Request) -> asyncio.Event:
    """Set when the server begins to shut down: what streams without end must end."""
    return cast(asyncio.Event, request.app.state.leaving)


TheStudio = Annotated[Studio, Depends(studio_of)]
TheOptions = Annotated[WebOptions, Depends(options_of)]
Leaving = Annotated[asyncio.Event, Depends(leaving_of)]
