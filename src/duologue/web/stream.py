"""The programme as HTTP Live Streaming (RFC 8216): the playlist and what it names, from memory."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Response

from duologue.app.models import Problem
from duologue.web import paths
from duologue.web.access import Place, TheStudio
from duologue.web.bodies import Router
from duologue.web.compatible import RETRY_SECONDS
from duologue.web.problems import NotFound, problem
from duologue.web.scopes import reading

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
"""RFC 8216, section 4."""

router = Router(prefix=paths.STREAM, tags=["stream"], responses={422: {"model": Problem}})


@router.head("/index.m3u8", include_in_schema=False, dependencies=[reading()])
@router.get(
    "/index.m3u8",
    operation_id="get_playlist",
    dependencies=[reading()],
    response_class=Response,
    responses={200: {"content": {PLAYLIST_TYPE: {}}}, 503: {"description": "Nothing is on air yet."}},
)
async def playlist(studio: TheStudio, place: Place) -> Response:
    """The live media playlist."""
    text = studio.playlist()
    if text is None:
        return problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "Nothing is on air yet",
            where=f"{place}{paths.PLAYLIST}", remedy=f"Try again in {RETRY_SECONDS} seconds.",
            headers={"Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store"},
        )  # fmt: skip
    return Response(text, media_type=PLAYLIST_TYPE, headers={"Cache-Control": "no-cache"})


@router.head("/{name}", include_in_schema=False, dependencies=[reading()])
@router.get(
    "/{name}", operation_id="get_stream_file", dependencies=[reading()],
    response_class=Response, responses={404: {"model": Problem}},
)  # fmt: skip
async def resource(name: str, studio: TheStudio, place: Place) -> Response:
    """An initialisation section or a media segment that the playlist names."""
    found = studio.resource(name)
    if found is None:
        raise NotFound(
            f"The stream has no {name!r} (any more)",
            where=f"{place}{paths.STREAM}", remedy=f"Reload {place}{paths.PLAYLIST}.",
        )  # fmt: skip
    return Response(found.data, media_type=found.content_type, headers={"Cache-Control": found.cache_control})
