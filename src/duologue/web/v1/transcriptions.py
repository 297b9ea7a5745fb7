"""``/v1/audio/transcriptions``: what is said in a file, as text, subtitles or JSON; streamed on request."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal, get_args

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import JSONResponse, PlainTextResponse, Response

from duologue.app.show.clips import decode
from duologue.audio.pcm import Samples
from duologue.errors import InputError
from duologue.speech.hearing import EAR_RATE
from duologue.speech.stretches import HeardStretch
from duologue.tokens import Scope
from duologue.web import paths
from duologue.web.bodies import Router
from duologue.web.multipart import MEDIA_TYPE, parse_fields
from duologue.web.scopes import needs
from duologue.web.utterances import arriving
from duologue.web.v1.common import ERRORS, FOREIGN_LISTENERS, RequestFields, Streamed, TheEndpoints, begun, known_model

PATH = f"{paths.COMPATIBLE}/audio/transcriptions"
TRANSLATIONS = f"{paths.COMPATIBLE}/audio/translations"
LONGEST_S = 600
"""A longer recording is refused."""

router = Router(tags=["compatible"], responses=ERRORS)
_Format = Literal["json", "text", "srt", "verbose_json", "vtt"]
_FILE = {"type": "string", "format": "binary"}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            MEDIA_TYPE: {
                "schema": {
                    "type": "object",
                    "required": ["file", "model"],
                    "properties": {
                        "file": _FILE,
                        "model": {"type": "string"},
                        "language": {"type": "string"},
                        "prompt": {"type": "string"},
                        "response_format": {"type": "string", "enum": list(get_args(_Format))},
                        "stream": {"type": "boolean"},
                    },
                }
            }
        },
    }
}


@dataclass(slots=True)
class _Recording:
    """A file of sound, until it was read; then how many ``seconds`` it has."""

    file: bytes
    seconds: float = 0.0

    def read(self) -> Samples:
        """For the ears. Blocking. Raises :class:`InputError`."""
        try:
            sound = decode(self.file, LONGEST_S, EAR_RATE)
        except InputError as error:  # by the name that the part has here
            raise InputError(error.what, where="file", remedy=error.remedy) from error
        self.file, self.seconds = b"", len(sound) / EAR_RATE
        return sound


class TranscriptionRequest(RequestFields):
    """The fields beside the file. ``language`` is ISO 639-1 (empty: it is to be found out), ``prompt`` words that are
    likely to be said.
    """

    model: str
    language: str = ""
    prompt: str = ""
    response_format: _Format = "json"
    stream: bool = False
    timestamp_granularities: tuple[Literal["word", "segment"], ...] = ("segment",)


@router.post(
    PATH,
    operation_id="v1_transcribe",
    dependencies=[needs(Scope.TALK)],
    response_class=Response,
    responses={200: {"content": {"application/json": {}, "text/plain": {}, "text/event-stream": {}}}},
    openapi_extra=_BODY,
)
async def transcribe(request: Request, endpoints: TheEndpoints) -> Response:
    """Any single file of sound, ten minutes at most."""
    recording, fields = await _form(request)
    asked = _request(fields)
    asked.refuse_rest(("temperature", "chunking_strategy"), {"include[]": "", "include": ""})
    known_model(asked.model, endpoints.listeners, FOREIGN_LISTENERS)
    told = endpoints.transcribe(recording.read, language=asked.language, prompt=asked.prompt)
    if asked.stream:
        return Streamed(await begun(_events(told, recording), events=True), "text/event-stream")
    found = [stretch async for stretch in told]
    return _answer(found, asked, recording.seconds)


@router.post(
    TRANSLATIONS,
    operation_id="v1_translate",
    dependencies=[needs(Scope.TALK)],
    response_class=Response,
    responses={200: {"content": {"application/json": {}, "text/plain": {}}}},
    openapi_extra=_BODY,
)
async def translate(request: Request, endpoints: TheEndpoints) -> Response:
    """The same in English, whatever is spoken, where an engine that hears can."""
    recording, fields = await _form(request)
    asked = _request(fields)
    asked.refuse_rest(("temperature",), {})
    for name in ("language", "stream", "timestamp_granularities"):
        if name in asked.model_fields_set:
            raise InputError(f"{name!r} is no field of a translation", where=name, remedy="Leave it out.")
    known_model(asked.model, endpoints.listeners, FOREIGN_LISTENERS)
    if not endpoints.translates:
        raise InputError(
            f"none of the engines that hear ({', '.join(endpoints.listeners)}) translates",
            where="translations", remedy=f"Use {PATH}, and have the text translated; or set a Whisper model of many "
            "languages, or openai_hearing with whisper-1.",
        )  # fmt: skip
    told = endpoints.transcribe(recording.read, language="", prompt=asked.prompt, translated=True)
    return _answer([stretch async for stretch in told], asked, recording.seconds, task="translate")


async def _form(request: Request) -> tuple[_Recording, dict[str, list[bytes]]]:
    """The file of a request, and its other fields. Raises :class:`InputError`."""
    async with arriving(request) as body:
        fields = parse_fields(request.headers.get("content-type", ""), body)
    if not fields.get("file"):
        raise InputError("the form holds no file", where="file", remedy="Add the part file, a file of sound.")
    return _Recording(fields.pop("file")[-1]), fields


def _request(fields: dict[str, list[bytes]]) -> TranscriptionRequest:
    values: dict[str, object] = {}
    try:
        for name, given in fields.items():
            texts = [each.decode() for each in given]
            many = name.removesuffix("[]") == "timestamp_granularities"
            values[name.removesuffix("[]") if many else name] = texts if many else texts[-1]
        return TranscriptionRequest.model_validate(values)
    except UnicodeDecodeError as error:
        raise InputError("a field is not UTF-8", where="body", remedy="Send text as UTF-8.") from error
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False)) from error


def _text(stretches: Sequence[HeardStretch]) -> str:
    return " ".join(stretch.transcript.text.strip() for stretch in stretches)


def _answer(
    found: Sequence[HeardStretch], asked: TranscriptionRequest, seconds: float, task: str = "transcribe"
) -> Response:
    match asked.response_format:
        case "text":
            return PlainTextResponse(f"{_text(found)}\n")
        case "srt":
            return PlainTextResponse(_subtitles(found, ","), media_type="application/x-subrip")
        case "vtt":
            return PlainTextResponse("WEBVTT\n\n" + _subtitles(found, ".", numbered=False), media_type="text/vtt")
        case "verbose_json":
            return JSONResponse(_verbose(found, asked, seconds, task))
        case "json":
            return JSONResponse({"text": _text(found), "usage": _usage(seconds)})


def _usage(seconds: float) -> dict[str, object]:
    return {"type": "duration", "seconds": math.ceil(seconds)}


def _verbose(
    found: Sequence[HeardStretch], asked: TranscriptionRequest, seconds: float, task: str
) -> dict[str, object]:
    """What is not known of a segment (tokens, log probabilities) is left out: clients take these as optional."""
    spoken = next((stretch.transcript.language for stretch in found if stretch.transcript.language), asked.language)
    made: dict[str, object] = {
        "task": task, "language": "english" if task == "translate" else spoken, "duration": round(seconds, 3),
        "text": _text(found), "usage": _usage(seconds),
    }  # fmt: skip
    if "segment" in asked.timestamp_granularities:
        made["segments"] = [
            {"id": number, "start": _seconds(each.start), "end": _seconds(each.end), "text": each.transcript.text}
            for number, each in enumerate(found)
        ]
    if "word" in asked.timestamp_granularities:
        made["words"] = [
            {"word": mark.text, "start": _seconds(mark.start), "end": _seconds(mark.end)}
            for each in found
            for mark in each.words
        ]
    return made


def _seconds(samples: int) -> float:
    return round(samples / EAR_RATE, 3)


def _subtitles(found: Sequence[HeardStretch], point: str, *, numbered: bool = True) -> str:
    return "\n".join(
        (f"{number}\n" if numbered else "")
        + f"{_clock(each.start, point)} --> {_clock(each.end, point)}\n{each.transcript.text.strip()}\n"
        for number, each in enumerate(found, 1)
    )


def _clock(samples: int, point: str) -> str:
    ms = round(samples * 1000 / EAR_RATE)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{point}{ms % 1000:03}"


async def _events(told: AsyncGenerator[HeardStretch], recording: _Recording) -> AsyncGenerator[bytes]:
    text = ""
    async with aclosing(told) as stretches:
        async for stretch in stretches:
            delta = (" " if text else "") + stretch.transcript.text.strip()
            text += delta
            yield _event({"type": "transcript.text.delta", "delta": delta})
    yield _event({"type": "transcript.text.done", "text": text, "usage": _usage(recording.seconds)})


def _event(event: dict[str, object]) -> bytes:
    return f"data: {json.dumps(event)}\n\n".encode()
