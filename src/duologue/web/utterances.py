"""Clips of speech on the stage: put one there, follow it, skip it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Annotated, Any, cast

from fastapi import Depends, Header, Query, Request, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from duologue.app.models import Problem, UtteranceRequest, UtteranceView
from duologue.errors import InputError
from duologue.strict_json import read_json
from duologue.tokens import Scope
from duologue.web import paths
from duologue.web.access import PROBLEMS, Place, TheStudio
from duologue.web.bodies import Router
from duologue.web.multipart import MEDIA_TYPE, parse_form
from duologue.web.problems import NotFound, describe
from duologue.web.scopes import needs, reading

PATH = f"{paths.API}/stage/utterances"
MAX_UPLOADS = 4
"""Clips that may be on their way in at a time; the others wait at their socket."""
UPLOAD_SECONDS = 60.0
"""How long a client may take to send a clip, the wait for its turn included."""
PIECE, PIECE_SECONDS = 160 * 1024, 5.0
"""A body comes at no less than so many bytes (or its end) in so many seconds: else its place is another's."""
MAX_FIELD = 512 * 1024
"""Bytes of everything but the sound."""
FIELDS = ("character", "text", "expression", "marks", "alphabet")

router = Router(prefix=PATH, tags=["utterances"], responses=PROBLEMS)
_MISSING = {404: {"model": Problem, "description": "There is no such clip, or it is long over."}}
_REFUSED = {
    408: {"model": Problem, "description": "The clip did not arrive in time."},
    409: {"model": Problem, "description": "The `Idempotency-Key` belongs to another request."},
    413: {"model": Problem, "description": "The clip is too large a file."},
    429: {"model": Problem, "description": "Too much waits already: try again after `Retry-After` seconds."},
}
_TEXT = {"type": "string"}
_BODY = {
    "requestBody": {
        "required": True,
        "description": "The sound alone, or a form that holds it beside the other fields.",
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            MEDIA_TYPE: {
                "schema": {
                    "type": "object",
                    "required": ["audio"],
                    "properties": {"audio": {"type": "string", "format": "binary"}, **dict.fromkeys(FIELDS, _TEXT)},
                }
            },
        },
    }
}


def _asked(
    character: Annotated[str | None, Query(description="Whose mouth says it: a name of the cast.")] = None,
    text: Annotated[str | None, Query(description="The words.")] = None,
    expression: Annotated[str | None, Query(description="See `UtteranceRequest`.")] = None,
    marks: Annotated[str | None, Query(description="A JSON list of `ClipMark`.")] = None,
    alphabet: Annotated[str | None, Query(description="See `UtteranceRequest`.")] = None,
) -> dict[str, str]:
    """The fields that came in the address."""
    given = zip(FIELDS, (character, text, expression, marks, alphabet), strict=True)
    return {name: value for name, value in given if value is not None}


@router.post(
    "", status_code=HTTPStatus.ACCEPTED, operation_id="say", dependencies=[needs(Scope.STAGE)],
    responses={**_REFUSED}, openapi_extra=_BODY,
)  # fmt: skip
async def say(
    request: Request,
    response: Response,
    studio: TheStudio,
    place: Place,
    asked: Annotated[dict[str, str], Depends(_asked)],
    idempotency_key: Annotated[str, Header(description="Makes a repeated request change nothing.")] = "",
) -> UtteranceView:
    """Put a clip of speech on the stage, said by a character after what is queued there.

    The sound is any single file (WAV, MP3, FLAC, Ogg, M4A, WebM …) of at most 120 s. The fields of `UtteranceRequest`
    come in the form or in the address; `marks` is a JSON list of `ClipMark`.
    """
    async with arriving(request) as body:
        content_type = request.headers.get("content-type", "")
        wanted, audio = await asyncio.to_thread(read_clip, content_type, body, asked)
        view = await studio.guests.accept(wanted, audio, idempotency_key)
    response.headers["Location"] = f"{place}{PATH}/{view.id}"
    return view


@router.get("", operation_id="list_utterances", dependencies=[reading()])
async def queue(studio: TheStudio) -> tuple[UtteranceView, ...]:
    """The clips that are not over, in order."""
    return studio.guests.queue()


@router.delete("", operation_id="clear_utterances", dependencies=[needs(Scope.STAGE)])
async def clear(studio: TheStudio) -> tuple[UtteranceView, ...]:
    """Skip every clip that is not over; the conversation goes on."""
    return await studio.guests.clear()


@router.get("/{utterance_id}", operation_id="get_utterance", dependencies=[reading()], responses={**_MISSING})
async def one(utterance_id: str, studio: TheStudio) -> UtteranceView:
    """A clip and the time of each of its steps."""
    return _found(utterance_id, studio)


@router.delete(
    "/{utterance_id}", operation_id="skip_utterance", dependencies=[needs(Scope.STAGE)], responses={**_MISSING}
)
async def skip(utterance_id: str, studio: TheStudio) -> UtteranceView:
    """Take a clip out of the queue, or fade it out. Skipping one that is over changes nothing."""
    _found(utterance_id, studio)
    return await studio.guests.skip(utterance_id)


@contextlib.asynccontextmanager
async def arriving(request: Request) -> AsyncGenerator[bytes]:
    """The whole body of a request that brings a file, while there is room for it."""
    room = cast(asyncio.Semaphore, request.app.state.uploads)
    async with contextlib.AsyncExitStack() as held:
        try:
            async with asyncio.timeout(UPLOAD_SECONDS):
                await held.enter_async_context(room)
                body = await _arrival(request)
        except TimeoutError as error:
            rate = PIECE / PIECE_SECONDS / 1024
            what = f"The clip did not arrive within {UPLOAD_SECONDS:g} s, or came at less than {rate:g} kB/s"
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, what, {"Connection": "close"}) from error
        yield body


async def _arrival(request: Request) -> bytes:
    """The body. Raises :class:`TimeoutError` for one that comes too slowly."""
    body, chunks, coming = bytearray(), request.stream(), True
    while coming:
        async with asyncio.timeout(PIECE_SECONDS):
            coming = await _take(chunks, body, len(body) + PIECE)
    return bytes(body)


async def _take(chunks: AsyncGenerator[bytes], body: bytearray, goal: int) -> bool:
    """Add to ``body`` until it has ``goal`` bytes; False at its end."""
    async for chunk in chunks:
        body += chunk
        if len(body) >= goal:
            return True
    return False


def _found(utterance_id: str, studio: TheStudio) -> UtteranceView:
    view = studio.guests.find(utterance_id)
    if view is None:
        raise NotFound(
            f"There is no clip {utterance_id!r}",
            where="utterance_id", remedy=f"GET {PATH} lists them; old ones are forgotten.",
        )  # fmt: skip
    return view


def read_clip(content_type: str, body: bytes, asked: dict[str, str]) -> tuple[UtteranceRequest, bytes]:
    """A request's fields and its sound; what a form says stands above what the address says.

    Raises :class:`InputError`.
    """
    fields, audio = dict(asked), body
    if content_type.partition(";")[0].strip().lower() == MEDIA_TYPE:
        parts = parse_form(content_type, body)
        if "audio" not in parts:
            raise InputError("the form holds no sound", where="audio", remedy="Add the part audio, a file of sound.")
        audio = parts.pop("audio")
        fields |= {name: _text(name, content) for name, content in parts.items()}
    return _request(fields), audio


def _text(name: str, content: bytes) -> str:
    if len(content) > MAX_FIELD:
        raise InputError(
            f"{name} has {len(content)} bytes", where=name, remedy=f"Give at most {MAX_FIELD}; only audio may be large."
        )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8", where=name, remedy="Send text as UTF-8.") from error


def _request(fields: dict[str, str]) -> UtteranceRequest:
    values: dict[str, Any] = {name: value for name, value in fields.items() if value or name in ("character", "text")}
    try:
        if "marks" in values:
            values["marks"] = read_json(values["marks"])
        return UtteranceRequest.model_validate(values)
    except json.JSONDecodeError as error:
        remedy = 'Send a list like [{"text": "hello", "start": 0, "end": 420}].'
        raise InputError(f"the marks are not JSON: {error}", where="marks", remedy=remedy) from error
    except ValidationError as error:
        what, where = describe([{**found} for found in error.errors(include_url=False)])
        raise InputError(what, where=where, remedy="The expected fields are listed at /docs.") from error
