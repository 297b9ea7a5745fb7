"""A chat-completions server for tests: real HTTP/1.1 and server-sent events on a socket, misbehaving as scripted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scripted_server import Connection, Request, ScriptedServer

EVENTS = "text/event-stream; charset=utf-8"


@dataclass(frozen=True)
class Behaviour:
    """How one request is answered. Delays are seconds.

    ``cut`` closes the socket after so many pieces, in the middle of a chunk; ``quiet_end`` ends the body properly but
    without a finish reason and ``[DONE]``; ``stall_after`` sends nothing more after so many pieces, but comments if it
    ``pings``; ``garbage`` is the whole body. ``calls`` are tools to be called, name and arguments, sent in small deltas
    (with ``one_index`` whole and all under index 0, as some servers do); ``refuses`` is a key of the request that gets
    a 400; ``behind`` are seconds for which the answer stays open behind its last event.
    """

    text: str = "Hello there, this is the server."
    status: int = 200
    message: str = "scripted"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    first: float = 0.0
    cut: int | None = None
    quiet_end: bool = False
    stall_after: int | None = None
    pings: bool = False
    refusal: str = ""
    finish: str = "stop"
    error_event: str = ""
    garbage: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    one_index: bool = False
    refuses: str = ""
    behind: float = 0.0


class OpenAIServer(ScriptedServer):
    """Answers ``POST /v1/chat/completions`` by the script, then with the usual behaviour; checks key and model."""

    def __init__(
        self, *script: Behaviour, key: str = "", models: tuple[str, ...] = ("tiny",), usage: object = None
    ) -> None:
        super().__init__(key)
        self.usage = usage
        """What it counts, for who asks for it; None: it does not."""
        self.script = list(script)
        self.models = models
        self.requests: list[dict[str, Any]] = []

    async def answer(self, request: Request, connection: Connection) -> bool:
        if (given := self.wrong_bearer(request)) is not None:
            return await _fail(connection, Behaviour(status=401, message=f"Incorrect API key: {given}"))
        if (request.method, request.path) == ("GET", "/v1/models"):
            listed = [{"id": name, "object": "model", "created": 0, "owned_by": "test"} for name in self.models]
            return await connection.send(200, {"object": "list", "data": listed})
        if (request.method, request.path) != ("POST", "/v1/chat/completions"):
            return await _fail(connection, Behaviour(status=404, message="no such path"))
        return await self._complete(connection, request.document())

    async def _complete(self, connection: Connection, wanted: dict[str, Any]) -> bool:
        self.requests.append(wanted)
        behaviour = self.script.pop(0) if self.script else Behaviour()
        if wanted["model"] not in self.models:
            behaviour = Behaviour(status=404, message=f"The model `{wanted['model']}` does not exist")
        if behaviour.refuses in wanted:
            behaviour = Behaviour(status=400, message=f"{behaviour.refuses} is not supported")
        if await connection.hung_up(behaviour.first):
            return False
        if behaviour.status != 200:
            return await _fail(connection, behaviour)
        if behaviour.garbage:
            return await connection.send(200, behaviour.garbage.encode(), kind=EVENTS)
        counted = self.usage if wanted.get("stream_options") == {"include_usage": True} else None
        return await _stream(connection, behaviour, wanted["model"], counted)


async def _stream(connection: Connection, behaviour: Behaviour, model: str, usage: object) -> bool:
    connection.begin(EVENTS)
    await _event(connection, _chunk(model, {"role": "assistant", "content": ""}))
    if behaviour.error_event:
        await _event(connection, {"error": {"message": behaviour.error_event, "type": "server_error"}})
    if behaviour.refusal:
        await _event(connection, _chunk(model, {"refusal": behaviour.refusal}))
    for number, word in enumerate(behaviour.text.split(" ") if behaviour.text else []):
        if number == behaviour.cut:
            return await connection.cut(b"data: {")
        while number == behaviour.stall_after and behaviour.pings:
            if await connection.hung_up(0.05):
                return False
            await connection.chunk(b": still at work\n\n")
        if number == behaviour.stall_after and await connection.hung_up(3600.0):
            return False
        await _event(connection, _chunk(model, {"content": word if number == 0 else f" {word}"}))
    for number, (name, arguments) in enumerate(behaviour.calls):
        for delta in _call(number, name, arguments, whole=behaviour.one_index):
            await _event(connection, _chunk(model, {"tool_calls": [delta]}))
    if not behaviour.quiet_end:
        await _event(connection, _chunk(model, {}, "tool_calls" if behaviour.calls else behaviour.finish))
        if usage is not None:
            await _event(connection, _chunk(model, {}) | {"choices": [], "usage": usage})
        await connection.chunk(b"data: [DONE]\n\n")
    if await connection.hung_up(behaviour.behind):
        return False
    return await connection.end()


async def _fail(connection: Connection, behaviour: Behaviour) -> bool:
    body = {"error": {"message": behaviour.message, "type": "error", "param": None, "code": None}}
    return await connection.send(behaviour.status, body, behaviour.headers)


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


async def _event(connection: Connection, data: dict[str, Any]) -> None:
    await connection.chunk(f"data: {json.dumps(data)}\n\n".encode())
