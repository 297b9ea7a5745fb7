"""A transcription server for tests: real HTTP/1.1 on a socket; reads the multipart form, misbehaves as scripted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import message_from_bytes

from scripted_server import Connection, Request, ScriptedServer


@dataclass(frozen=True)
class Reply:
    """How one request is answered. ``cut`` closes the socket in the middle of the body, ``silent`` answers nothing."""

    text: str = "Turn on the light in the kitchen."
    status: int = 200
    message: str = "scripted"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    cut: bool = False
    silent: bool = False
    garbage: str = ""


class TranscriptionServer(ScriptedServer):
    """Answers by the script, then as usual; checks the key."""

    def __init__(self, *script: Reply, key: str = "", usage: object = None) -> None:
        super().__init__(key)
        self.usage = usage
        self.script = list(script)
        self.forms: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.files: list[bytes] = []
        self.asked = asyncio.Event()

    async def answer(self, request: Request, connection: Connection) -> bool:
        if (given := self.wrong_bearer(request)) is not None:
            return await _fail(connection, Reply(status=401, message=f"Incorrect: {given}"))
        if (request.method, request.path) == ("GET", "/v1/models"):
            return await connection.send(200, {"object": "list", "data": []})
        if request.method != "POST" or request.path not in ("/v1/audio/transcriptions", "/v1/audio/translations"):
            return await _fail(connection, Reply(status=404))
        self.paths.append(request.path)
        self._read(request.headers["content-type"], request.body)
        self.asked.set()
        reply = self.script.pop(0) if self.script else Reply()
        if reply.silent:
            await connection.hung_up(3600.0)
            return False
        if reply.cut:
            return await connection.cut_whole(b'{"text": "Tu')
        if reply.status != 200:
            return await _fail(connection, reply)
        counted = {} if self.usage is None else {"usage": self.usage}
        return await connection.send(200, reply.garbage.encode() or self._answer(reply.text) | counted)

    def _read(self, kind: str, body: bytes) -> None:
        message = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
        form: dict[str, str] = {}
        for part in message.walk():
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            if isinstance(name, str) and isinstance(content, bytes):
                if part.get_filename():
                    self.files.append(content)
                else:
                    form[name] = content.decode()
        self.forms.append(form)

    def _answer(self, text: str) -> dict[str, object]:
        if self.forms[-1]["response_format"] != "verbose_json":
            return {"text": text}
        words = [
            {"word": word.strip("."), "start": 0.2 * n, "end": 0.2 * n + 0.19} for n, word in enumerate(text.split())
        ]
        return {"task": "transcribe", "language": "english", "duration": 3.0, "text": text, "words": words}


async def _fail(connection: Connection, reply: Reply) -> bool:
    return await connection.send(reply.status, {"error": {"message": reply.message}}, reply.headers)
