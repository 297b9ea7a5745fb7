"""Two servers that speak, for tests: real HTTP/1.1 on a socket, faithful to their protocols, misbehaving as scripted.

OpenAI's ``/v1/audio/speech`` (chunked PCM) and ElevenLabs' ``/v1/text-to-speech/{voice}/stream/with-timestamps`` (one
JSON object a line). The voice is a tone for each character, so that times can be checked against the sound.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scripted_server import JSON, Connection, Request, ScriptedServer

CHARACTER_S = 0.05
EVENT_CHARACTERS = 7
"""An alignment is cut anywhere, within words too."""
ELEVEN_VOICES = {"George": "JBFqnCBsd6RMkjVDRZzb", "Alice": "Xb7hH8MSUJpSbSDYk0k2"}
SPEECH_VOICES = ("alloy", "verse")
NOT_FOUND = (404, {"detail": "Not Found"})


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


class HostedServer(ScriptedServer):
    """Answers by the script, then as it should; checks the key."""

    def __init__(self, *script: Behaviour, key: str = "", listing: bool = True) -> None:
        super().__init__(key)
        self.script = list(script)
        self.listing = listing
        self.requests: list[dict[str, Any]] = []

    async def answer(self, request: Request, connection: Connection) -> bool:
        if (refused := self.refusal(request)) is not None:
            return await connection.send(401, refused)
        if request.method == "GET":
            return await connection.send(*self.document(request.path))
        wanted = request.document() | {"path": request.path, "query": request.query}
        return await self._speak(connection, wanted)

    async def _speak(self, connection: Connection, wanted: dict[str, Any]) -> bool:
        self.requests.append(wanted)
        behaviour = self.script.pop(0) if self.script else self.usual(wanted)
        if await connection.hung_up(behaviour.first):
            return False
        if behaviour.status != 200:
            return await connection.send(behaviour.status, self.error(behaviour.message), behaviour.headers)
        connection.begin(self.kind)
        for number, piece in enumerate(self._body(wanted, behaviour)):
            if number == behaviour.cut:
                return await connection.cut(piece[:10])
            if number == behaviour.stall_after and await connection.hung_up(3600.0):
                return False
            await connection.chunk(piece)
        return await connection.end()

    def _body(self, wanted: dict[str, Any], behaviour: Behaviour) -> Iterator[bytes]:
        if behaviour.nothing:
            return iter(())
        if behaviour.raw:
            return iter([behaviour.raw])
        return self.pieces(wanted, behaviour.silent)

    kind = "application/octet-stream"

    def usual(self, wanted: dict[str, Any]) -> Behaviour:
        return Behaviour()

    def refusal(self, request: Request) -> object | None:
        raise NotImplementedError

    def document(self, path: str) -> tuple[int, object]:
        raise NotImplementedError

    def error(self, message: str) -> object:
        raise NotImplementedError

    def pieces(self, wanted: dict[str, Any], silent: bool) -> Iterator[bytes]:
        raise NotImplementedError


class SpeechServer(HostedServer):
    """OpenAI's protocol, with the list of voices that compatible servers have unless ``listing`` is off."""

    kind = "audio/pcm"

    def refusal(self, request: Request) -> object | None:
        given = self.wrong_bearer(request)
        return None if given is None else self.error(f"Incorrect API key provided: {given}")

    def document(self, path: str) -> tuple[int, object]:
        documents: dict[str, object] = {"/v1/models": {"object": "list", "data": []}}
        if self.listing:
            documents["/v1/audio/voices"] = {"voices": [*SPEECH_VOICES[:1], *({"id": v} for v in SPEECH_VOICES[1:])]}
        return (200, documents[path]) if path in documents else NOT_FOUND

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

    kind = JSON

    def usual(self, wanted: dict[str, Any]) -> Behaviour:
        if wanted["path"].split("/")[3] in ELEVEN_VOICES.values():
            return Behaviour()
        return Behaviour(status=404, message="A voice with that voice_id was not found.")

    def refusal(self, request: Request) -> object | None:
        given = request.headers.get("xi-api-key", "")
        if self.key and given != self.key:
            return {"detail": {"status": "invalid_api_key", "message": f"Invalid API key {given}"}}
        return None

    def document(self, path: str) -> tuple[int, object]:
        if path != "/v1/voices":
            return NOT_FOUND
        if not self.listing:
            missing = "The API key you used is missing the permission voices_read to execute this operation."
            return 401, {"detail": {"status": "missing_permissions", "message": missing}}
        return 200, {"voices": [{"voice_id": identifier, "name": name} for name, identifier in ELEVEN_VOICES.items()]}

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
