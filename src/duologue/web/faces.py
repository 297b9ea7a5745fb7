"""Faces: a character's pictures, what it does by itself, and its lines as they are spoken; and the page of one face."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import Path, Response
from pydantic import RootModel
from starlette.types import Send

from duologue.app.faces.faces import atlas_of, described, faces, idle_of, known
from duologue.app.faces.models import FaceAtlas, FaceEvent, FaceView
from duologue.app.models import Problem
from duologue.errors import InputError
from duologue.web import paths
from duologue.web.access import PROBLEMS, Leaving, TheHouse, TheOptions
from duologue.web.bodies import Router
from duologue.web.events import KEEP_ALIVE, RETRY, ServerEvents, send_piece
from duologue.web.problems import NotFound
from duologue.web.scopes import reading
from duologue.web.studio import FaceBoardPort

_MISSING = {404: {"model": Problem, "description": "No character of that name has a face."}}
router = Router(prefix=f"{paths.API}/faces", tags=["faces"], responses={**PROBLEMS, **_MISSING})
_DAY = {"Cache-Control": "public, max-age=86400"}
Character = Annotated[str, Path(max_length=64)]
Block = Annotated[int, Path(ge=0, le=100_000)]


class StreamedFace(RootModel[FaceEvent]):
    """The JSON of one event; the ``event:`` field repeats its ``type``."""


class FaceStream(ServerEvents):
    """Sends what a face does."""

    def __init__(self, board: FaceBoardPort, character: str, keep_alive: float, leaving: asyncio.Event) -> None:
        super().__init__(keep_alive, leaving)
        self._board = board
        self._character = character

    async def write(self, send: Send) -> None:
        """See :class:`ServerEvents`."""
        with self._board.watch(self._character) as watch:
            await send_piece(send, RETRY)
            while True:
                try:
                    async with asyncio.timeout(self.keep_alive):
                        event = await watch.take()
                    body = f"event: {event.type}\ndata: {event.model_dump_json()}\n\n".encode()
                except TimeoutError:
                    body = KEEP_ALIVE
                await send_piece(send, body)


@router.get("", operation_id="list_faces", dependencies=[reading()])
async def every() -> tuple[str, ...]:
    """The characters that have a face."""
    return faces()


@router.get("/{character}", operation_id="get_face", dependencies=[reading()])
async def one(character: Character, response: Response) -> FaceAtlas:
    """How the picture of a character is put together."""
    _there(character)
    response.headers.update(_DAY)
    return described(await asyncio.to_thread(atlas_of, character))


@router.get(
    "/{character}/atlas.png", operation_id="get_face_picture", dependencies=[reading()], response_class=Response,
    responses={200: {"content": {"image/png": {}}}},
)  # fmt: skip
async def picture(character: Character) -> Response:
    """The picture: every layer of the character, each once."""
    _there(character)
    atlas = await asyncio.to_thread(atlas_of, character)
    return Response(atlas.png, media_type="image/png", headers=_DAY)


@router.get("/{character}/idle/{block}", operation_id="get_face_idle", dependencies=[reading()])
async def idle(character: Character, block: Block, response: Response) -> FaceView:
    """Twenty seconds of what it does while nobody speaks; block after block it goes on for ever."""
    _there(character)
    response.headers.update(_DAY)
    return await asyncio.to_thread(idle_of, character, block)


@router.get(
    "/{character}/events", operation_id="face_events", dependencies=[reading()], status_code=HTTPStatus.OK,
    response_class=FaceStream, responses={200: {"model": StreamedFace, "description": "Server-sent events."}},
)  # fmt: skip
async def events(character: Character, house: TheHouse, options: TheOptions, leaving: Leaving) -> FaceStream:
    """What it does in its lines, whoever talks with it: `line` when one is voiced, `start` and `end` of its sound."""
    _there(character)
    return FaceStream(house.faces, character, options.keep_alive, leaving)


def _there(character: str) -> None:
    try:
        known(character)
    except InputError as error:
        raise NotFound(error.what, where=error.where, remedy=error.remedy) from error
