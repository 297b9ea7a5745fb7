"""HTTP to an engine on somebody else's machine: answers within limits, one retry, failures in words.

What the engines behind an address share, whether they think, speak or hear. Each way in which such a server can fail
ends in a :class:`PeerError` that names the server and the next step. A key is read from the environment, sent in one
header, and appears in no message. Proxies are those that the environment names (``HTTPS_PROXY``, ``NO_PROXY``, …).
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import re
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, cast

from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, DuologueError, InputError, PeerError
from duologue.redaction import hide, redacted
from duologue.strict_json import members, read_json
from duologue.tracing import outgoing

if TYPE_CHECKING:
    import httpx

MAX_ANSWER = 16 * 1024 * 1024
"""A longer answer (bytes), where it is wanted whole, is none."""
MAX_LINE = 16 * 1024 * 1024
"""A longer line of a stream (bytes) is taken for a broken one."""
KEPT_SECONDS = 50.0
"""A connection that was idle for no longer is used again: between two turns of a conversation there are more than the
5 s that are usual, and a new one takes two or three round trips. Servers that close it earlier are noticed.
"""
_BODY_LIMIT = 64 * 1024
_SHOWN = 160
"""So much of a server's own words is repeated (characters)."""
_SPENT = re.compile(r"\b(?:insufficient_quota|quota_exceeded|billing_hard_limit_reached)\b")
"""How servers say that they want to be paid first, whatever the status."""
_KEY_LIKE = re.compile(r"\b(?:sk|gsk|hf|key|pk|xi|xai)[-_][\w*.-]{4,}|\bAIza[\w*-]{8,}|Bearer\s+\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HostedLimits:
    """Seconds. ``connect``: to reach the server, and for a list it gives; ``first``: from the request to the first
    piece of the answer (or to all of one that is wanted whole), waits for a busy server too; ``stall``: between two
    pieces; ``retry_after``: a server that asks us to wait longer has failed.
    """

    connect: float
    first: float
    stall: float
    retry_after: float


@dataclass(frozen=True, slots=True)
class HostedWords:
    """How the errors of an engine read: ``engine`` is its name in the settings, ``subject`` who failed, ``reply`` what
    may break off, ``late`` what did not come in time, and ``late_key`` the setting of that limit.
    """

    engine: str
    subject: str
    reply: str
    late: str
    late_key: str


class RefusedError(Exception):
    """An answer that is no success. It stays inside the engines: people get what :meth:`HostedClient.explain` makes."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(status)
        self.status_code = status
        self.headers = headers
        self.body = body.decode("utf-8", "replace")
        self.words = message(self.body)


class ServerError(PeerError):
    """A server did not do what an engine asked of it. ``status`` is what it answered with (HTTP; 504: nothing in time,
    0: nothing at all); ``spent``: what it was paid for is used up.
    """

    status: int = 0
    spent: bool = False


def bearer(key: str) -> Mapping[str, str]:
    """The usual header."""
    return {"authorization": f"Bearer {key}"}


class HostedClient:
    """One server. ``authorise`` makes the headers that carry a key, which is ``secret`` where no variable of the
    environment holds it. Use it on one event loop.
    """

    def __init__(
        self,
        words: HostedWords,
        base_url: str,
        key_variable: str,
        limits: HostedLimits,
        authorise: Callable[[str], Mapping[str, str]] = bearer,
        clock: Clock = SYSTEM_CLOCK,
        secret: str = "",
    ) -> None:
        self._words = words
        self._secret = secret
        self._base_url = base_url.rstrip("/")
        self._variable = key_variable
        self._limits = limits
        self._authorise = authorise
        self._clock = clock
        self._client: httpx.AsyncClient | None = None
        self.closed = False
        self.where = redacted(self._base_url)
        """The address, as it may be shown."""

    @property
    def key(self) -> str:
        """The key; empty when there is none."""
        key = self._secret or os.environ.get(self._variable, "").strip()
        hide(key)
        return key

    async def get(self, path: str) -> Any:
        """A JSON document. Raises :class:`RefusedError` for a status that is no success, else :class:`PeerError`."""
        with self._in_words():
            async with asyncio.timeout(self._limits.connect):
                response = await (await self._opened_client()).get(path, headers=dict(outgoing()))
        if not response.is_success:
            raise RefusedError(response.status_code, response.headers, response.content)
        try:
            return response.json()
        except ValueError as error:
            raise self.malformed("something that is no JSON") from error

    async def probe(self, path: str) -> Any:
        """See that the server is there and takes the key: a document, None where the server has none."""
        try:
            return await self.get(path)
        except RefusedError as error:
            if error.status_code in (404, 405, 501):
                return None
            raise self.explain(error) from error

    async def post(self, path: str, form: Mapping[str, str], files: Mapping[str, tuple[str, bytes, str]]) -> str:
        """The whole answer to a form. Raises :class:`RefusedError`, and :class:`PeerError` for everything else."""
        deadline = self._deadline()
        body = bytearray()
        with self._in_words():
            async with self._answered(deadline, path, data=dict(form), files=dict(files)) as response:
                async with asyncio.timeout(self._left(deadline)):
                    async for piece in response.aiter_bytes():
                        body += piece
                        if len(body) > MAX_ANSWER:
                            raise self.malformed("an answer without an end")
        return body.decode("utf-8", "replace")

    async def stream(
        self,
        path: str,
        body: Mapping[str, object],
        *,
        params: Mapping[str, str] | None = None,
        piece: int | None = None,
        progress: Callable[[], str] | None = None,
        signs: Callable[[], int] | None = None,
        more: float = 0.0,
    ) -> AsyncGenerator[bytes, None]:
        """The pieces of an answer, ``piece`` bytes each (None: as they come); the last may be shorter. The first may
        take ``more`` seconds than the limit for it.

        ``progress`` says how much of the reply has come (empty: it has not begun); by default that counts bytes.
        ``signs`` counts what of it is no stall: some servers send comments for as long as nothing comes. By default it
        is each byte.
        Raises :class:`RefusedError`, and :class:`PeerError` for everything else. Closing it closes the connection.
        """
        deadline = self._deadline(more)
        content = json.dumps(body).encode()  # by ourselves: half of a surrogate pair must not break the request
        headers = {"content-type": "application/json"}
        request: dict[str, Any] = {"content": content, "headers": headers, "params": dict(params or {})}
        count = 0
        come = progress or (lambda: f"after {count} bytes" if count else "")
        signs, known = signs or (lambda: count), -1
        try:
            async with self._answered(deadline, path, **request) as response:
                pieces = response.aiter_bytes(piece)
                while True:
                    if come() and signs() != known:
                        known, deadline = signs(), self._clock.now() + round(self._limits.stall * SECOND)
                    try:
                        async with asyncio.timeout(self._left(deadline)):
                            received = await anext(pieces)
                    except StopAsyncIteration:
                        return
                    count += len(received)
                    yield received
        except Exception as error:
            with self._in_words(come()):
                raise error

    def explain(self, error: Exception, given: str = "", unknown: str = "") -> Exception:
        """The error to raise for ``error``; one that is no failure of the server or the way to it comes back as it is.

        ``given`` says how much of the reply had come already (empty: nothing), ``unknown`` what a status of 404 means.
        """
        if isinstance(error, DuologueError):
            return error
        if self.closed:
            return ClosedError(f"{self._words.engine} was closed")
        if isinstance(error, RefusedError):
            refused = self._of_status(error, self.clean(error.words), unknown)
            refused.status, refused.spent = error.status_code, bool(_SPENT.search(error.body))
            return refused
        if not _of_transport(error):
            return error
        words, where = self._words, self.where
        slow = isinstance(error, TimeoutError) or "Timeout" in type(error).__name__
        if given:
            how = "stalled" if slow else "was cut"
            return ServerError(f"{words.reply} {how} {given}", where=where, remedy="It is asked again.")
        if slow:
            remedy = f"Raise engines.{words.engine}.{words.late_key}, or choose a faster model."
            late = ServerError(f"{words.subject} gave {words.late} in time", where=where, remedy=remedy)
            late.status = 504
            return late
        return ServerError(
            f"{words.subject} cannot be reached, or cut the connection: "
            f"{self.clean(str(error)) or type(error).__name__}",
            where=where, remedy=f"See that the server runs, and check engines.{words.engine}.base_url.",
        )  # fmt: skip

    @contextmanager
    def _in_words(self, given: str = "") -> Generator[None]:
        """What goes wrong inside is explained, all but a refusal, of which the caller may know more."""
        try:
            yield
        except RefusedError:
            raise
        except Exception as error:
            explained = self.explain(error, given)
            if explained is error:
                raise
            raise explained from error

    def malformed(self, what: str) -> PeerError:
        """The server sent ``what`` where something else was due."""
        remedy = f"Check engines.{self._words.engine}.base_url and the model."
        return PeerError(f"{self._words.subject} sent {what}", where=self.where, remedy=remedy)

    def clean(self, words: str) -> str:
        """A server's own words: short, on one line, without the key that some servers repeat, whole or in part."""
        text = " ".join(words.split())
        if key := self.key:
            text = text.replace(key, "…")
        text = redacted(_KEY_LIKE.sub("…", text))
        return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        self.closed = True
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _opened_client(self) -> httpx.AsyncClient:
        if self.closed:
            raise ClosedError(f"{self._words.engine} is closed")
        if self._client is None:
            module = await asyncio.to_thread(importlib.import_module, "httpx")  # it takes its time: not on the loop
            if self.closed:
                raise ClosedError(f"{self._words.engine} is closed")
            headers = dict(self._authorise(self._valid_key())) if self.key else {}
            timeout = module.Timeout(None, connect=self._limits.connect)
            kept = module.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=KEPT_SECONDS)
            self._client = self._client or module.AsyncClient(
                base_url=self._base_url, headers=headers, timeout=timeout, limits=kept
            )
        return cast("httpx.AsyncClient", self._client)

    def _valid_key(self) -> str:
        if not (self.key.isascii() and self.key.isprintable()):
            raise InputError(
                f"the key of {self._words.engine} holds characters that cannot be sent",
                where=f"environment variable {self._variable}",
                remedy="Copy it again: a key is plain letters and digits.",
            )
        return self.key

    @asynccontextmanager
    async def _answered(self, deadline: int, path: str, **request: Any) -> AsyncGenerator[httpx.Response]:
        """An answer with its head read. A busy server that says when to come back is asked once more, if soon."""
        client = await self._opened_client()
        headers = {**request.pop("headers", {}), **dict(outgoing())}
        response: httpx.Response | None = None
        for attempt in range(2):
            async with asyncio.timeout(self._left(deadline)):
                made = client.build_request("POST", path, headers=headers, **request)
                response = await client.send(made, stream=True)
                if response.is_success:
                    break
                refusal = await _refusal(response)
            wait = retry_after(refusal, self._clock.wall())
            if attempt or wait is None or wait > self._limits.retry_after:
                raise refusal
            await self._clock.wait_until(min(deadline, self._clock.now() + round(wait * SECOND)))
        assert response is not None
        try:
            yield response
        finally:
            await response.aclose()

    def _deadline(self, more: float = 0.0) -> int:
        return self._clock.now() + round((self._limits.first + more) * SECOND)

    def _left(self, deadline: int) -> float:
        return max(0.0, (deadline - self._clock.now()) / SECOND)

    def _of_status(self, error: RefusedError, words: str, unknown: str) -> ServerError:
        subject, engine, status = self._words.subject, self._words.engine, error.status_code
        match status:
            case 301 | 302 | 303 | 307 | 308:  # not followed: the key is for the address that a person wrote
                place = self.clean(error.headers.get("location", "").partition("?")[0]) or "an address it does not name"
                what = f"{subject} sends us on to {place} (status {status})"
                remedy = f"Write the address that answers by itself into engines.{engine}.base_url."
            case 401 | 403:
                what = f"{subject} refused the key (status {status})"
                remedy = f"Put a valid key into the environment variable {self._variable}."
            case 404 if unknown:
                what = f"{subject} {unknown} (status 404)"
                remedy = f"Check engines.{engine}.model, and that base_url ends in /v1."
            case 429:
                what = f"{subject} is busy or the quota is spent (status 429): {words}"
                remedy = f"Wait, or raise engines.{engine}.retry_after_seconds or your quota."
            case _ if status >= 500:
                what, remedy = f"{subject} failed (status {status}): {words}", "Try again; see the server's log."
            case _:
                what = f"{subject} refused the request (status {status}): {words}"
                remedy = "See what this model and server accept."
        return ServerError(what, where=self.where, remedy=remedy)


def retry_after(refusal: RefusedError, wall: int) -> float | None:
    """How long (seconds) a busy server asks us to wait; None for any other error. ``wall`` is Unix time in ns.

    RFC 9110, 10.2.3: seconds or a date; ``retry-after-ms`` is a common extension. Without a header: one second.
    """
    if refusal.status_code not in (429, 503):
        return None
    try:
        if value := refusal.headers.get("retry-after-ms"):
            return max(0.0, float(value) / 1000)
        value = refusal.headers.get("retry-after")
        if not value:
            return 1.0 if refusal.status_code == 429 else None
        if value.strip().replace(".", "", 1).isdecimal():
            return float(value)
        return max(0.0, (parsedate_to_datetime(value) - datetime.fromtimestamp(wall / SECOND, UTC)).total_seconds())
    except (ValueError, TypeError):
        return 1.0


async def _refusal(response: httpx.Response) -> RefusedError:
    body = b""
    try:
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > _BODY_LIMIT:
                break
    finally:
        await response.aclose()
    return RefusedError(response.status_code, response.headers, body)


def _of_transport(error: Exception) -> bool:
    """True for what a server or the way to it can cause: the rest is a fault of ours and passes through."""
    return isinstance(error, OSError | TimeoutError) or type(error).__module__.startswith(("httpx", "httpcore"))


def message(text: str) -> str:
    """The words in an error document: OpenAI's ``error.message``, ElevenLabs' ``detail.message``, else the text."""
    try:
        value: object = read_json(text)
    except ValueError:
        return text
    for key in ("error", "detail", "message"):
        while key in members(value):
            value = members(value)[key]
    if found := members(value):
        return str(found.get("message") or found.get("status") or text)
    return value if isinstance(value, str) else text


async def lines(pieces: AsyncGenerator[bytes, None], endless: PeerError) -> AsyncGenerator[bytes, None]:
    """The lines of a stream that hold something, without their ends. Raises ``endless`` for one that does not end."""
    waiting = b""
    async with aclosing(pieces) as stream:
        async for data in stream:
            *whole, waiting = (waiting + data).split(b"\n")
            if len(waiting) > MAX_LINE:
                raise endless
            for line in whole:
                if line.strip():
                    yield line.strip()
    if waiting.strip():
        yield waiting.strip()
