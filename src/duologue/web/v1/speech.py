"""``/v1/audio/speech``: text in a voice, streamed as it is voiced."""

from __future__ import annotations

import asyncio
import base64
import json
import unicodedata
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, Field
from starlette.responses import Response

from duologue.audio.encoding import FORMATS, encoder
from duologue.errors import InputError
from duologue.language.counting import count_tokens
from duologue.tokens import Scope
from duologue.web import paths
from duologue.web.bodies import Router
from duologue.web.scopes import needs
from duologue.web.studio import EndpointsPort
from duologue.web.v1.common import ERRORS, FOREIGN_SPEAKERS, RequestFields, Streamed, TheEndpoints, begun, known_model

router = Router(prefix=f"{paths.COMPATIBLE}/audio", tags=["compatible"], responses=ERRORS)
VoiceName: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]


class SpeechVoice(BaseModel):
    """A voice by its id."""

    id: VoiceName


class SpeechRequest(RequestFields):
    """What is to be said, and how. ``voice`` is a character's name, an engine's voice, or one of OpenAI's names."""

    input: str = Field(min_length=1, max_length=4096)
    model: str = Field(min_length=1, max_length=200)
    voice: VoiceName | SpeechVoice
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = "mp3"
    stream_format: Literal["audio", "sse"] = "audio"

    @property
    def named(self) -> str:
        """The voice's name."""
        return self.voice.id if isinstance(self.voice, SpeechVoice) else self.voice


@router.post(
    "/speech",
    operation_id="v1_speech",
    dependencies=[needs(Scope.TALK)],
    response_class=Response,
    responses={200: {"content": {each.media_type.partition(";")[0]: {} for each in FORMATS.values()}}},
)
async def speech(asked: SpeechRequest, endpoints: TheEndpoints) -> Streamed:
    """The sound as a file that grows; with ``stream_format`` ``sse`` as events that hold its pieces."""
    asked.refuse_rest((), {"speed": 1.0, "instructions": ""})
    known_model(asked.model, endpoints.speakers, FOREIGN_SPEAKERS)
    if not any(map(_is_spoken, asked.input)):
        raise InputError("there is nothing to say", where="input", remedy="Send some words.")
    pieces = _encoded(asked, endpoints)
    if asked.stream_format == "sse":
        return Streamed(await begun(_events(pieces, asked.input), events=True), "text/event-stream")
    return Streamed(await begun(pieces), FORMATS[asked.response_format].media_type)


def _is_spoken(character: str) -> bool:
    """Or may be, by some voice: a letter, a digit, a picture. Of marks alone an engine makes no sound, which would be
    taken for its failure.
    """
    return unicodedata.category(character)[0] in "LNS" or character in "#%&@"


async def _encoded(asked: SpeechRequest, endpoints: EndpointsPort) -> AsyncGenerator[bytes]:
    file = encoder(asked.response_format)
    async with aclosing(endpoints.speak(asked.input, asked.named)) as sound:
        async for samples in sound:
            if made := await asyncio.to_thread(file.feed, samples):
                yield made
    if made := await asyncio.to_thread(file.finish):
        yield made


async def _events(pieces: AsyncGenerator[bytes], text: str) -> AsyncGenerator[bytes]:
    told = count_tokens(text)
    usage = {"input_tokens": told, "output_tokens": 0, "total_tokens": told}
    async with aclosing(pieces) as each:
        async for piece in each:
            yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()})
    yield _event({"type": "speech.audio.done", "usage": usage})


def _event(event: dict[str, object]) -> bytes:
    return f"data: {json.dumps(event)}\n\n".encode()
