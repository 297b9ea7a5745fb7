"""What the compatible endpoints share: who they ask, refusals by name, and streams that end with their client."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, model_validator
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from duologue.errors import DuologueError, InputError
from duologue.telemetry.log import get_logger
from duologue.web import compatible
from duologue.web.problems import NotFound
from duologue.web.studio import EndpointsPort

_log = get_logger(__name__)

FOREIGN_SPEAKERS = ("tts-1", "gpt-4o-mini-tts")
FOREIGN_LISTENERS = ("whisper-1", "gpt-transcribe", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")
"""Models of OpenAI's that unmodified clients name, by themselves or with a variant or a date behind a hyphen: the
engines that are set answer to them.
"""


class ErrorBody(BaseModel):
    """What went wrong; ``param`` names the field."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class CompatibleError(BaseModel):
    """An error as OpenAI's API has it."""

    error: ErrorBody


ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": CompatibleError, "description": "The request asks for what cannot be."},
    "5XX": {"model": CompatibleError, "description": "An engine failed, or no place is left: see `Retry-After`."},
}
"""What any of these routes may answer with."""


def endpoints_of(request: Request) -> EndpointsPort:
    """The part of the house that answers. Raises :class:`NotFound` where it is not switched on."""
    found = cast("EndpointsPort | None", request.app.state.house.endpoints)
    if found is None:
        raise NotFound(
            "This house serves no compatible API", where="serve.api", remedy="Start it with api = true under [serve]."
        )
    return found


TheEndpoints = Annotated[EndpointsPort, Depends(endpoints_of)]


class WithoutNulls(BaseModel):
    """What a client sends: a field that is null is one that was left out, as OpenAI's types have it."""

    @model_validator(mode="before")
    @classmethod
    def _leave_nulls_out(cls, given: object) -> object:
        if not isinstance(given, Mapping):
            return given
        return {name: value for name, value in cast("Mapping[str, object]", given).items() if value is not None}


class RequestFields(WithoutNulls):
    """A request: the fields that we know, and what else came, of which :meth:`refuse_rest` makes an answer."""

    model_config = ConfigDict(frozen=True, extra="allow")

    def refuse_rest(self, harmless: Collection[str], without: Mapping[str, object]) -> None:
        """Raise :class:`InputError` for a field that we do not know, unless it is ``harmless`` to leave it out, or asks
        for what is so anyway (``without``: field -> the value that changes nothing).
        """
        extra: dict[str, Any] = self.model_extra or {}
        for name, value in extra.items():
            if name in harmless or (name in without and value == without[name]):
                continue
            known = name in without
            raise InputError(
                f"{name!r} is not supported here" if known else f"{name!r} is no field of this request",
                where=name, remedy="Leave it out.",
            )  # fmt: skip


def known_model(model: str, ours: Collection[str], theirs: Collection[str]) -> None:
    """Raise :class:`InputError` for a model that is neither one of ``ours`` nor of ``theirs``."""
    if model not in ours and not any(model == each or model.startswith(f"{each}-") for each in theirs):
        raise InputError(
            f"there is no model {model!r}", where="model", remedy=f"Name one of {', '.join((*ours, *theirs))}."
        )


class Streamed(StreamingResponse):
    """A stream whose source is closed when the client goes, wherever it was."""

    def __init__(self, pieces: AsyncGenerator[bytes], media_type: str) -> None:
        super().__init__(
            pieces, media_type=media_type, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._pieces.aclose()


async def begun(pieces: AsyncGenerator[bytes], *, events: bool = False) -> AsyncGenerator[bytes]:
    """The same stream, with its first piece made: what fails before that is an answer of its own, not a broken one.
    What fails after it ends ``events`` with one that says so, and a file by cutting it off.
    """
    first = await anext(pieces, b"")

    async def rest() -> AsyncGenerator[bytes]:
        try:
            yield first
            async for piece in pieces:
                yield piece
        except DuologueError as error:
            if not events:
                raise
            _log.warning("a stream of events broke off", cause=str(error))
            yield compatible.event(error)
        finally:
            await pieces.aclose()

    return rest()
