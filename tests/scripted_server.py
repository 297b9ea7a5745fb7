"""What the hosted services' stand-ins share: real HTTP/1.1 on a socket, and the ways to misbehave on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

JSON = "application/json"

Server = TypeVar("Server", bound="ScriptedServer")


@dataclass(frozen=True)
class Request:
    """One request. Header names are in lower case; ``query`` as :func:`urllib.parse.parse_qs` gives it."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def document(self) -> dict[str, Any]:
        """The JSON that was sent."""
        return json.loads(self.body)


class Connection:
    """The server's end of one connection. Methods that end an answer return whether the connection goes on."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.disconnected = 0
        """1 when the client left while it was being answered."""

    async def request(self) -> Request | None:
        """The next request; None when the client left between two."""
        try:
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError:
            return None
        first, *rows = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in rows if row)}
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        method, target, _ = first.split(" ")
        address = urlsplit(target)
        return Request(method, address.path, parse_qs(address.query), headers, body)

    async def hung_up(self, seconds: float) -> bool:
        """Wait; True as soon as the client has gone."""
        if not seconds:
            return False
        try:
            async with asyncio.timeout(seconds):
                gone = not await self._reader.read(1)
        except TimeoutError:
            return False
        self.disconnected += gone
        return gone

    async def send(
        self, status: int, body: bytes | object, headers: Mapping[str, str] | None = None, kind: str = JSON
    ) -> bool:
        """A whole answer; what is not bytes is sent as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        rows = {"Content-Type": kind, "Content-Length": str(len(raw))} | dict(headers or {})
        self._head(status, rows)
        self._writer.write(raw)
        await self._writer.drain()
        return True

    def begin(self, kind: str) -> None:
        """An answer in chunks."""
        self._head(200, {"Content-Type": kind, "Transfer-Encoding": "chunked"})

    async def chunk(self, payload: bytes) -> None:
        """A piece of it."""
        self._writer.write(f"{len(payload):x}\r\n".encode() + payload + b"\r\n")
        await self._writer.drain()

    async def end(self) -> bool:
        """No more chunks."""
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()
        return True

    async def cut(self, piece: bytes) -> bool:
        """Close the connection within a chunk that begins with ``piece``."""
        self._writer.write(b"fff\r\n" + piece)
        await self._writer.drain()
        return False

    async def cut_whole(self, piece: bytes) -> bool:
        """Close it within a body that has a length."""
        self._head(200, {"Content-Type": JSON, "Content-Length": str(len(piece) + 500)})
        self._writer.write(piece)
        await self._writer.drain()
        return False

    def _head(self, status: int, rows: Mapping[str, str]) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in rows.items())
        self._writer.write(f"HTTP/1.1 {status} Scripted\r\n{lines}\r\n".encode())


class ScriptedServer:
    """Answers requests with :meth:`answer`. ``base_url`` is set by :func:`serving`."""

    def __init__(self, key: str = "") -> None:
        self.key = key
        self.disconnected = 0
        self.base_url = ""

    async def answer(self, request: Request, connection: Connection) -> bool:
        """Answer one request; False when the connection is to be closed."""
        raise NotImplementedError

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        connection = Connection(reader, writer)
        try:
            while (request := await connection.request()) is not None and await self.answer(request, connection):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            connection.disconnected = 1
        finally:
            self.disconnected += connection.disconnected
            writer.close()

    def wrong_bearer(self, request: Request) -> str | None:
        """The ``Authorization`` of a request without the key, None for a good one."""
        given = request.headers.get("authorization", "")
        return given if self.key and given != f"Bearer {self.key}" else None


@asynccontextmanager
async def serving(server: Server) -> AsyncGenerator[Server]:
    """Listen on a free port of the loopback interface."""
    listener = await asyncio.start_server(server, "127.0.0.1", 0)
    server.base_url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        listener.close()
