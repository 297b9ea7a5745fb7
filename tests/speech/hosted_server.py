"""Two servers that speak, for tests: real HTTP/1.1 on a socket, faithful to their protocols, misbehaving as scripted.

OpenAI's ``/v1/audio/speech`` (chunked PCM) and ElevenLabs' ``/v1/text-to-speech/{voice}/stream/with-timestamps`` (one
JSON object a line). The voice is a tone for each character, so that times can be checked against the sound.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast
from urllib.parse import parse_qs, urlsplit

import numpy as np

Server = TypeVar("Server", bound="HostedServer")
CHARACTER_S = 0.05
EVENT_CHARACTERS = 7
"""An alignment is cut anywhere, within words too."""
ELEVEN_VOICES = {"George": "JBFqnCBsd6RMkjVDRZzb", "Alice": "Xb7hH8MSUJpSbSDYk0k2"}
SPEECH_VOICES = ("alloy", "verse")


@dataclass(frozen=True)
class Behaviour:
    """How one request is answered. Delays are seconds; ``None`` or empty: as it should be.

    ``cut`` closes the socket in the middle of a chunk after so many pieces, ``stall_after`` sends nothing more after so
    many, ``raw`` is the whole body, ``silent`` sends zeros, ``nothing`` an empty body.
    """

    status: int = 200
    message: str = "scripted"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    first: float = 0.0
    cut: int | None = None
    stall_after: int | None = None
    raw: bytes = b""
    silent: bool = False
    nothing: bool = False


def tone(count: int, rate: int) -> bytes:
    """``count`` characters' worth of sound."""
    at = np.arange(round(count * CHARACTER_S * rate)) / rate
    return (8_000 * np.sin(2 * np.pi * 220 * at)).astype("<i2").tobytes()


class HostedServer:
    """Answers by the script, then as it should; checks the key. ``base_url`` is set by :func:`serving`."""

    def __init__(self, *script: Behaviour, key: str = "") -> None:
        self.script = list(script)
        self.key = key
        self.requests: list[dict[str, Any]] = []
        self.disconnected = 0
        self.base_url = ""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._serve(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            self.disconnected += 1
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError:
            return False
        request, *rows = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in rows if row)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, target, _ = request.split(" ")
        if (refused := self.refusal(headers)) is not None:
            return await self._send(writer, 401, refused, {})
        address = urlsplit(target)
        if method == "GET":
            document = self.document(address.path)
            return await self._send(writer, 404 if document is None else 200, document or {"detail": "Not Found"}, {})
        wanted = cast("dict[str, Any]", json.loads(body)) | {"path": address.path, "query": parse_qs(address.query)}
        return await self._speak(reader, writer, wanted)

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wanted: dict[str, Any]) -> bool:
        self.requests.append(wanted)
        behaviour = self.script.pop(0) if self.script else self.usual(wanted)
        if await self._hung_up(reader, behaviour.first):
            return False
        if behaviour.status != 200:
            return await self._send(writer, behaviour.status, self.error(behaviour.message), behaviour.headers)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: " + self.kind + b"\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number, piece in enumerate(self._body(wanted, behaviour)):
            if number == behaviour.cut:
                writer.write(b"fff\r\n" + piece[:10])
                await writer.drain()
                return False
            if number == behaviour.stall_after:
                await writer.drain()
                if await self._hung_up(reader, 3600.0):
                    return False
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    def _body(self, wanted: dict[str, Any], behaviour: Behaviour) -> Iterator[bytes]:
        if behaviour.nothing:
            return iter(())
        if behaviour.raw:
            return iter([behaviour.raw])
        return self.pieces(wanted, behaviour.silent)

    async def _hung_up(self, reader: asyncio.StreamReader, seconds: float) -> bool:
        if not seconds:
            return False
        try:
            async with asyncio.timeout(seconds):
                gone = not await reader.read(1)
        except TimeoutError:
            return False
        self.disconnected += gone
        return gone

    async def _send(
        self, writer: asyncio.StreamWriter, status: int, document: object, extra: Mapping[str, str]
    ) -> bool:
        body = json.dumps(document).encode()
        rows = "".join(f"{name}: {value}\r\n" for name, value in extra.items())
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{rows}\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        return True

    kind = b"application/octet-stream"

    def usual(self, wanted: dict[str, Any]) -> Behaviour:
        return Behaviour()

    def refusal(self, headers: Mapping[str, str]) -> object | None:
        raise NotImplementedError

    def document(self, path: str) -> object | None:
        raise NotImplementedError

    def error(self, message: str) -> object:
        raise NotImplementedError

    def pieces(self, wanted: dict[str, Any], silent: bool) -> Iterator[bytes]:
        raise NotImplementedError


class SpeechServer(HostedServer):
    """OpenAI's protocol, with the list of voices that compatible servers have unless ``listing`` is off."""

    kind = b"audio/pcm"

    def __init__(self, *script: Behaviour, key: str = "", listing: bool = True) -> None:
        super().__init__(*script, key=key)
        self.listing = listing

    def refusal(self, headers: Mapping[str, str]) -> object | None:
        given = headers.get("authorization", "")
        return (
            self.error(f"Incorrect API key provided: {given}") if self.key and given != f"Bearer {self.key}" else None
        )

    def document(self, path: str) -> object | None:
        documents: dict[str, object] = {"/v1/models": {"object": "list", "data": []}}
        if self.listing:
            documents["/v1/audio/voices"] = {"voices": [*SPEECH_VOICES[:1], *({"id": v} for v in SPEECH_VOICES[1:])]}
        return documents.get(path)

    def error(self, message: str) -> object:
        return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}

    def pieces(self, wanted: dict[str, Any], silent: bool) -> Iterator[bytes]:
        assert wanted["path"] == "/v1/audio/speech" and wanted["response_format"] == "pcm"
        sound = tone(len(wanted["input"]), 24_000)
        sound = bytes(len(sound)) if silent else sound
        for at in range(0, len(sound), 3_001):  # an odd number: a piece may end within a sample
            yield sound[at : at + 3_001]


class ElevenServer(HostedServer):
    """ElevenLabs' protocol. ``listing`` off: a key that may speak but not list voices."""

    kind = b"application/json"

    def __init__(self, *script: Behaviour, key: str = "", listing: bool = True) -> None:
        super().__init__(*script, key=key)
        self.listing = listing

    def usual(self, wanted: dict[str, Any]) -> Behaviour:
        if wanted["path"].split("/")[3] in ELEVEN_VOICES.values():
            return Behaviour()
        return Behaviour(status=404, message="A voice with that voice_id was not found.")

    def refusal(self, headers: Mapping[str, str]) -> object | None:
        given = headers.get("xi-api-key", "")
        if self.key and given != self.key:
            return {"detail": {"status": "invalid_api_key", "message": f"Invalid API key {given}"}}
        return None

    def document(self, path: str) -> object | None:
        if path != "/v1/voices":
            return None
        return {"voices": [{"voice_id": identifier, "name": name} for name, identifier in ELEVEN_VOICES.items()]}

    async def _send(
        self, writer: asyncio.StreamWriter, status: int, document: object, extra: Mapping[str, str]
    ) -> bool:
        if not self.listing and isinstance(document, dict) and "voices" in document:
            missing = "The API key you used is missing the permission voices_read to execute this operation."
            document, status = {"detail": {"status": "missing_permissions", "message": missing}}, 401
        return await super()._send(writer, status, cast("object", document), extra)

    def error(self, message: str) -> object:
        return {"detail": {"status": "scripted", "message": message}}

    def pieces(self, wanted: dict[str, Any], silent: bool) -> Iterator[bytes]:
        path = wanted["path"].split("/")
        assert path[1:3] == ["v1", "text-to-speech"] and path[4:] == ["stream", "with-timestamps"], path
        rate = int(wanted["query"]["output_format"][0].removeprefix("pcm_"))
        text = wanted["text"]
        for at in range(0, len(text), EVENT_CHARACTERS):
            part = text[at : at + EVENT_CHARACTERS]
            sound = tone(len(part), rate)
            event = {
                "audio_base64": base64.b64encode(bytes(len(sound)) if silent else sound).decode(),
                "alignment": alignment(part, at),
                "normalized_alignment": None if at else alignment("something else", 0),
            }
            yield json.dumps(event).encode() + b"\n"
        yield json.dumps({"audio_base64": "", "alignment": None, "normalized_alignment": None}).encode() + b"\n"


def alignment(part: str, at: int) -> dict[str, object]:
    """ElevenLabs' columns for the characters of ``part``, which begins at character ``at``."""
    return {
        "characters": list(part),
        "character_start_times_seconds": [round((at + n) * CHARACTER_S, 3) for n in range(len(part))],
        "character_end_times_seconds": [round((at + n + 1) * CHARACTER_S, 3) for n in range(len(part))],
    }


@asynccontextmanager
async def serving(server: Server) -> AsyncGenerator[Server]:
    """Listen on a free port of the loopback interface."""
    listener = await asyncio.start_server(server, "127.0.0.1", 0)
    server.base_url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        listener.close()
