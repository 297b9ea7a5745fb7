"""A chat-completions server for tests: real HTTP/1.1 and server-sent events on a socket, misbehaving as scripted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

JSON = "application/json"
EVENTS = "text/event-stream; charset=utf-8"


@dataclass(frozen=True)
class Behaviour:
    """How one request is answered. Delays are seconds.

    ``cut`` closes the socket after so many pieces, in the middle of a chunk; ``quiet_end`` ends the body properly but
    without a finish reason and ``[DONE]``; ``stall_after`` sends nothing more after so many pieces; ``garbage`` is the
    whole body. ``calls`` are tools to be called, name and arguments, sent in small deltas (with ``one_index`` whole and
    all under index 0, as some servers do); ``refuses`` is a key of the request that gets a 400.
    """

    text: str = "Hello there, this is the server."
    status: int = 200
    message: str = "scripted"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    first: float = 0.0
    cut: int | None = None
    quiet_end: bool = False
    stall_after: int | None = None
    refusal: str = ""
    finish: str = "stop"
    error_event: str = ""
    garbage: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    one_index: bool = False
    refuses: str = ""


class OpenAIServer:
    """Answers ``POST /v1/chat/completions`` by the script, then with the usual behaviour; checks key and model."""

    def __init__(self, *script: Behaviour, key: str = "", models: tuple[str, ...] = ("tiny",)) -> None:
        self.script = list(script)
        self.key = key
        self.models = models
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
        """One request; False when the connection is to be closed."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError:
            return False
        request, *rows = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in rows if row)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, path, _ = request.split(" ")
        if self.key and headers.get("authorization") != f"Bearer {self.key}":
            return await self._fail(
                writer, Behaviour(status=401, message=f"Incorrect API key: {headers['authorization']}")
            )
        if (method, path) == ("GET", "/v1/models"):
            listed = [{"id": name, "object": "model", "created": 0, "owned_by": "test"} for name in self.models]
            return await self._send(writer, 200, JSON, json.dumps({"object": "list", "data": listed}).encode())
        if (method, path) != ("POST", "/v1/chat/completions"):
            return await self._fail(writer, Behaviour(status=404, message="no such path"))
        return await self._complete(reader, writer, cast("dict[str, Any]", json.loads(body)))

    async def _complete(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wanted: dict[str, Any]
    ) -> bool:
        self.requests.append(wanted)
        behaviour = self.script.pop(0) if self.script else Behaviour()
        if wanted["model"] not in self.models:
            behaviour = Behaviour(status=404, message=f"The model `{wanted['model']}` does not exist")
        if behaviour.refuses in wanted:
            behaviour = Behaviour(status=400, message=f"{behaviour.refuses} is not supported")
        if await self._hung_up(reader, behaviour.first):
            return False
        if behaviour.status != 200:
            return await self._fail(writer, behaviour)
        if behaviour.garbage:
            return await self._send(writer, 200, EVENTS, behaviour.garbage.encode())
        return await self._stream(reader, writer, behaviour, wanted["model"])

    async def _stream(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, behaviour: Behaviour, model: str
    ) -> bool:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {EVENTS}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        _event(writer, _chunk(model, {"role": "assistant", "content": ""}))
        if behaviour.error_event:
            _event(writer, {"error": {"message": behaviour.error_event, "type": "server_error"}})
        if behaviour.refusal:
            _event(writer, _chunk(model, {"refusal": behaviour.refusal}))
        for number, word in enumerate(behaviour.text.split(" ") if behaviour.text else []):
            if number == behaviour.cut:
                writer.write(b"ff\r\ndata: {")
                await writer.drain()
                return False
            if number == behaviour.stall_after and await self._hung_up(reader, 3600.0):
                return False
            _event(writer, _chunk(model, {"content": word if number == 0 else f" {word}"}))
            await writer.drain()
        for number, (name, arguments) in enumerate(behaviour.calls):
            for delta in _call(number, name, arguments, whole=behaviour.one_index):
                _event(writer, _chunk(model, {"tool_calls": [delta]}))
        if not behaviour.quiet_end:
            _event(writer, _chunk(model, {}, "tool_calls" if behaviour.calls else behaviour.finish))
            _raw(writer, b"data: [DONE]\n\n")
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def _hung_up(self, reader: asyncio.StreamReader, seconds: float) -> bool:
        """Wait; True as soon as the client has gone."""
        if not seconds:
            return False
        try:
            async with asyncio.timeout(seconds):
                gone = not await reader.read(1)
        except TimeoutError:
            return False
        self.disconnected += gone
        return gone

    async def _fail(self, writer: asyncio.StreamWriter, behaviour: Behaviour) -> bool:
        body = {"error": {"message": behaviour.message, "type": "error", "param": None, "code": None}}
        return await self._send(writer, behaviour.status, JSON, json.dumps(body).encode(), behaviour.headers)

    async def _send(
        self,
        writer: asyncio.StreamWriter,
        status: int,
        kind: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
    ) -> bool:
        extra = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = f"HTTP/1.1 {status} Scripted\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        return True


@asynccontextmanager
async def serving(server: OpenAIServer) -> AsyncGenerator[OpenAIServer]:
    """Listen on a free port of the loopback interface; ``base_url`` is set."""
    listener = await asyncio.start_server(server, "127.0.0.1", 0)
    server.base_url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        listener.close()


def _chunk(model: str, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice]}


def _call(number: int, name: str, arguments: str, *, whole: bool) -> list[dict[str, Any]]:
    """The deltas of one call: its name first, then its arguments three characters at a time."""
    first = {"index": number, "id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": ""}}
    if whole:
        return [first | {"index": 0, "function": {"name": name, "arguments": arguments}}]
    parts = [arguments[start : start + 3] for start in range(0, len(arguments), 3)]
    return [first, *({"index": number, "function": {"arguments": part}} for part in parts)]


def _event(writer: asyncio.StreamWriter, data: dict[str, Any]) -> None:
    _raw(writer, f"data: {json.dumps(data)}\n\n".encode())


def _raw(writer: asyncio.StreamWriter, payload: bytes) -> None:
    """One HTTP chunk."""
    writer.write(f"{len(payload):x}\r\n".encode() + payload + b"\r\n")
