"""A transcription server for tests: real HTTP/1.1 on a socket; reads the multipart form, misbehaves as scripted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes


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


class TranscriptionServer:
    """Answers by the script, then as usual; checks the key."""

    def __init__(self, *script: Reply, key: str = "") -> None:
        self.script = list(script)
        self.key = key
        self.forms: list[dict[str, str]] = []
        self.files: list[bytes] = []
        self.asked = asyncio.Event()
        self.base_url = ""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._serve(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request, *rows = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in rows if row)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if self.key and headers.get("authorization") != f"Bearer {self.key}":
            return await _fail(writer, Reply(status=401, message=f"Incorrect: {headers.get('authorization')}"))
        if request.startswith("GET /v1/models "):
            return await _send(writer, 200, '{"object": "list", "data": []}', {})
        if not request.startswith("POST /v1/audio/transcriptions "):
            return await _fail(writer, Reply(status=404))
        self._read(headers["content-type"], body)
        self.asked.set()
        reply = self.script.pop(0) if self.script else Reply()
        if reply.silent:
            await reader.read(1)
            return False
        if reply.cut:
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"text": "Tu')
            await writer.drain()
            return False
        if reply.status != 200:
            return await _fail(writer, reply)
        return await _send(writer, 200, reply.garbage or json.dumps(self._answer(reply.text)), {})

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


async def _fail(writer: asyncio.StreamWriter, reply: Reply) -> bool:
    return await _send(writer, reply.status, json.dumps({"error": {"message": reply.message}}), reply.headers)


async def _send(writer: asyncio.StreamWriter, status: int, body: str, headers: Mapping[str, str]) -> bool:
    extra = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} Scripted\r\nContent-Type: application/json\r\nContent-Length: {len(body.encode())}\r\n"
    writer.write(f"{head}{extra}\r\n{body}".encode())
    await writer.drain()
    return True


@asynccontextmanager
async def serving(server: TranscriptionServer) -> AsyncGenerator[TranscriptionServer]:
    """Listen on a free port of the loopback interface; ``base_url`` is set."""
    listener = await asyncio.start_server(server, "127.0.0.1", 0)
    server.base_url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        listener.close()
