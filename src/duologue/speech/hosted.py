"""HTTP to an engine that speaks on somebody else's machine: streamed replies within limits, failures in words.

What the engines behind an address share. Each way in which such a server can fail ends in a :class:`PeerError` that
names the server and the next step; a key is read from the environment, sent in one header, and appears in no message.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, cast

import httpx
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from duologue.audio.pcm import Samples, from_int16
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, DuologueError, PeerError
from duologue.language.openai_errors import retry_after
from duologue.speech.connection import Connection
from duologue.speech.utterance import SpeechChunk

MAX_SILENCE_S = 30
"""Of digital silence before the first sound; a server that sends more has nothing to say."""
_AUDIBLE = 1e-3
_SHOWN = 160
"""So much of a server's own words is repeated (characters)."""
_BODY_LIMIT = 64 * 1024
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class HostedSettings(BaseModel):
    """What every hosted engine that speaks can be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    connect_seconds: float = Field(default=5.0, gt=0, le=60, description="Limit for reaching the server.")
    first_sound_seconds: float = Field(
        default=8.0, gt=0, le=120, description="Limit from the request to the first sound, waits for a busy server too."
    )
    stall_seconds: float = Field(default=5.0, gt=0, le=120, description="Limit between two pieces of sound.")
    retry_after_seconds: float = Field(
        default=2.0, ge=0, le=60, description="A server that asks us to wait longer than this has failed."
    )


class RefusedError(Exception):
    """An answer that is no success. It stays inside the engines: people get what :meth:`HostedClient.explain` makes."""

    def __init__(self, response: httpx.Response, body: bytes) -> None:
        super().__init__(response.status_code)
        self.response = response
        self.status_code = response.status_code
        self.words = _message(body)


class HostedClient:
    """One server. ``name`` is the engine's; ``authorise`` makes the headers that carry a key."""

    def __init__(
        self,
        name: str,
        base_url: str,
        key_variable: str,
        settings: HostedSettings,
        authorise: Callable[[str], Mapping[str, str]],
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.where = base_url.rstrip("/")
        self._name = name
        self._variable = key_variable
        self._settings = settings
        self._authorise = authorise
        self._clock = clock
        self._connection = Connection(name, self._client)

    @property
    def key(self) -> str:
        """The key in the environment; empty when there is none."""
        return os.environ.get(self._variable, "").strip()

    async def get(self, path: str) -> Any:
        """A JSON document. Raises :class:`RefusedError` for a status that is no success, else :class:`PeerError`."""
        client = self._connection.client()
        try:
            async with asyncio.timeout(self._settings.connect_seconds):
                response = await client.get(path)
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            raise self.explain(error) from error
        if not response.is_success:
            raise RefusedError(response, response.content)
        try:
            return response.json()
        except ValueError as error:
            raise self.malformed("something that is no JSON") from error

    async def stream(
        self, path: str, body: Mapping[str, object], *, params: Mapping[str, str], piece: int | None
    ) -> AsyncGenerator[bytes, None]:
        """The pieces of a reply, ``piece`` bytes each (None: as they come); the last may be shorter.

        Raises :class:`RefusedError`, and :class:`PeerError` for everything else. Closing it closes the connection.
        """
        deadline = self._clock.now() + round(self._settings.first_sound_seconds * SECOND)
        count = 0
        try:
            async with self._opened(path, body, params, deadline) as response:
                pieces = response.aiter_bytes(piece)
                while True:
                    limit = self._settings.stall_seconds if count else self._left(deadline)
                    try:
                        async with asyncio.timeout(limit):
                            received = await anext(pieces)
                    except StopAsyncIteration:
                        return
                    count += len(received)
                    yield received
        except (httpx.HTTPError, httpx.StreamError, TimeoutError, OSError) as error:
            if self._connection.closed:
                raise ClosedError(f"{self._name} was closed") from error
            raise self.explain(error, count) from error

    def explain(self, error: Exception, received: int = 0) -> DuologueError:
        """The error to raise for ``error`` after ``received`` bytes of a reply."""
        if isinstance(error, DuologueError):
            return error
        if isinstance(error, RefusedError):
            return self._of_status(error.status_code, self._clean(error.words))
        slow = isinstance(error, TimeoutError | httpx.TimeoutException)
        if received:
            how = "stalled" if slow else "was cut"
            return PeerError(f"the speech of {self._name} {how} after {received} bytes", where=self.where)
        if slow:
            return PeerError(
                f"{self._name} gave no sound in time", where=self.where,
                remedy=f"Raise engines.{self._name}.first_sound_seconds, or choose a faster model.",
            )  # fmt: skip
        words = self._clean(str(error)) or type(error).__name__
        return PeerError(
            f"{self._name} cannot be reached, or cut the connection: {words}", where=self.where,
            remedy=f"See that the server runs, and check engines.{self._name}.base_url.",
        )  # fmt: skip

    def malformed(self, what: str) -> PeerError:
        """The server sent ``what`` where speech was due."""
        return PeerError(
            f"{self._name} sent {what}", where=self.where, remedy=f"Check engines.{self._name}.base_url and the model."
        )

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        await self._connection.close()

    def _client(self) -> httpx.AsyncClient:
        headers = dict(self._authorise(self.key)) if self.key else {}
        timeout = httpx.Timeout(None, connect=self._settings.connect_seconds)
        return httpx.AsyncClient(base_url=self.where, headers=headers, timeout=timeout)

    @asynccontextmanager
    async def _opened(
        self, path: str, body: Mapping[str, object], params: Mapping[str, str], deadline: int
    ) -> AsyncGenerator[httpx.Response]:
        """An answer with its head read. A busy server that says when to come back is asked once more, if soon."""
        response: httpx.Response | None = None
        for attempt in range(2):
            async with asyncio.timeout(self._left(deadline)):
                response = await self._send(path, body, params)
                if response.is_success:
                    break
                refusal = await self._refusal(response)
            wait = retry_after(refusal, self._clock.wall())
            if attempt or wait is None or wait > self._settings.retry_after_seconds:
                raise refusal
            await self._clock.wait_until(min(deadline, self._clock.now() + round(wait * SECOND)))
        assert response is not None
        try:
            yield response
        finally:
            await response.aclose()

    async def _send(self, path: str, body: Mapping[str, object], params: Mapping[str, str]) -> httpx.Response:
        client = self._connection.client()
        content = json.dumps(body).encode()  # by ourselves: half of a surrogate pair must not break the request
        headers = {"content-type": "application/json"}
        request = client.build_request("POST", path, content=content, headers=headers, params=dict(params))
        return await client.send(request, stream=True)

    async def _refusal(self, response: httpx.Response) -> RefusedError:
        body = b""
        try:
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > _BODY_LIMIT:
                    break
        finally:
            await response.aclose()
        return RefusedError(response, body)

    def _left(self, deadline: int) -> float:
        return max(0.0, (deadline - self._clock.now()) / SECOND)

    def _of_status(self, status: int, words: str) -> PeerError:
        match status:
            case 401 | 403:
                what = f"{self._name} refused the key (status {status})"
                remedy = f"Put a valid key into the environment variable {self._variable}."
            case 429:
                what = f"{self._name} is busy or the quota is spent (status 429): {words}"
                remedy = f"Wait, or raise engines.{self._name}.retry_after_seconds or your quota."
            case _ if status >= 500:
                what, remedy = f"{self._name} failed (status {status}): {words}", "Try again; see the server's log."
            case _:
                what = f"{self._name} refused the request (status {status}): {words}"
                remedy = "See what this model and server accept."
        return PeerError(what, where=self.where, remedy=remedy)

    def _clean(self, words: str) -> str:
        """A server's own words: short, on one line, without the key that some servers repeat."""
        text = " ".join(words.split())
        if key := self.key:
            text = text.replace(key, "…")
        text = re.sub(r"\b(?:sk|key|pk|xi)[-_][\w*.-]{4,}|Bearer\s+\S+", "…", text, flags=re.IGNORECASE)
        return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


class PcmReader:
    """Bytes of 16-bit little-endian mono PCM, cut anywhere, to samples."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Samples:
        """The samples that are complete."""
        whole = self._rest + data
        even = len(whole) // 2 * 2
        self._rest = whole[even:]
        return from_int16(np.frombuffer(whole[:even], "<i2").astype(np.int16))

    @property
    def broken(self) -> bool:
        """Half a sample is left over: what was fed is no 16-bit PCM, or not all of it."""
        return bool(self._rest)


async def audible(
    chunks: AsyncGenerator[SpeechChunk, None], rate: int, silent: PeerError
) -> AsyncGenerator[SpeechChunk, None]:
    """``chunks`` from the first sound on, nothing lost; raises ``silent`` when none comes.

    Until then they are held, so that whoever fails over before the first sound may still do so.
    """
    held: list[SpeechChunk] = []
    count, sounding = 0, False
    async with aclosing(chunks) as stream:
        async for chunk in stream:
            if sounding:
                yield chunk
                continue
            held.append(chunk)
            count += len(chunk.samples)
            sounding = bool((np.abs(chunk.samples) > _AUDIBLE).any())
            if sounding:
                for waiting in held:
                    yield waiting
                held.clear()
            elif count > MAX_SILENCE_S * rate:
                break
    if not sounding:
        raise silent


def says_something(text: str) -> bool:
    """Whether there is a letter or a digit: dots alone are nothing to say, and cost nothing."""
    return any(character.isalnum() for character in text)


def transmissible(text: str) -> str:
    """``text`` without what JSON or a voice cannot carry, character for character, so that offsets stay true."""
    return _CONTROLS.sub(" ", text)


def _message(body: bytes) -> str:
    """The words in an error document: OpenAI's ``error.message``, ElevenLabs' ``detail.message``, else the text."""
    text = body.decode("utf-8", "replace")
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    for key in ("error", "detail", "message"):
        while isinstance(value, dict) and key in value:
            value = cast("dict[str, object]", value)[key]
    if isinstance(value, dict):
        found = cast("dict[str, object]", value)
        return str(found.get("message") or found.get("status") or text)
    return value if isinstance(value, str) else text
