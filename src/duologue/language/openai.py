"""Any server that speaks OpenAI's chat-completions protocol: OpenAI, Ollama, llama.cpp, vLLM and their kin.

Streams with the official client. Every way in which a server can fail ends in a :class:`PeerError` that says what to
do, within the time limits of :class:`OpenAISettings`; a key is read from the environment and appears in no message.
"""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, cast

from pydantic import BaseModel, ConfigDict, Field

from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, InputError, PeerError
from duologue.language.chat import Calls, messages
from duologue.language.engine import LanguageCapabilities, LanguageModel, Prompt
from duologue.language.openai_errors import explain, is_failure, retry_after
from duologue.language.structured import response_format
from duologue.language.tools_chat import CallCollector, told_back

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream
    from openai.types.chat import ChatCompletionChunk

NO_KEY = "none"
"""What is sent when no key is set: local servers want none, but the client wants a word."""


class OpenAISettings(BaseModel):
    """Where the server is and how long it may take (``[engines.openai]``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str = Field(
        default="https://api.openai.com/v1",
        pattern=r"^https?://[^\s]+$",
        description="The server's address up to and with /v1, e.g. http://127.0.0.1:11434/v1 for Ollama.",
    )
    model: str = Field(min_length=1, description="The model's name as the server knows it; a persona may name its own.")
    key_variable: str = Field(
        default="OPENAI_API_KEY",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="The environment variable that holds the key. The key itself belongs in no file.",
    )
    temperature: float | None = Field(
        default=None, ge=0.0, le=2.0, description="For personas that set none; unset: the server's own."
    )
    connect_seconds: float = Field(default=5.0, gt=0, le=60, description="Limit for reaching the server.")
    first_token_seconds: float = Field(
        default=15.0,
        gt=0,
        le=120,
        description="Limit from the request to the first word, waits for a busy server included.",
    )
    stall_seconds: float = Field(default=8.0, gt=0, le=120, description="Limit between two pieces of a reply.")
    retry_after_seconds: float = Field(
        default=5.0, ge=0, le=60, description="A server that asks us to wait longer than this has failed."
    )


Settings = OpenAISettings
"""Where the settings object finds the engine's own part."""


class OpenAILanguage:
    """Writes with a model behind an OpenAI-compatible server."""

    name = "openai"

    def __init__(self, settings: OpenAISettings, clock: Clock = SYSTEM_CLOCK) -> None:
        self._settings = settings
        self._clock = clock
        self._client: AsyncOpenAI | None = None
        self._closed = False
        self._takes_schema = True

    @property
    def capabilities(self) -> LanguageCapabilities:
        """Streams; equal prompts need not give equal replies."""
        return LanguageCapabilities(streaming=True, deterministic=False)

    async def warm_up(self) -> None:
        """Load the client and see that the server is there and takes the key.

        A server without a list of models is fine. Raises :class:`PeerError`.
        """
        client = await self._connect()
        try:
            async with asyncio.timeout(self._settings.connect_seconds):
                await client.models.list()
        except Exception as error:
            if not is_failure(error):
                raise
            if getattr(error, "status_code", None) not in (404, 405, 501):
                raise explain(error, self._settings.base_url, self._settings.model, self._key_remedy()) from error

    async def write(self, prompt: Prompt) -> AsyncIterator[str]:
        """Stream the reply. Raises :class:`PeerError`; words that came before a failure have been given already.

        Tools that the model calls are run between its answers, and a filler for them is a piece of the stream.
        """
        model = prompt.model or prompt.speaker.model or self._settings.model
        calls_told = cast("Calls", partial(told_back, "")) if prompt.tools else None
        conversation: list[Mapping[str, object]] = [*messages(prompt, calls_told)]
        given = ""
        try:
            for left in reversed(range(prompt.tools.max_rounds + 1 if prompt.tools else 1)):
                request = self._request(prompt, model, conversation, tools=left > 0)
                calls, said = CallCollector(), ""
                async with aclosing(self._answer(request, calls)) as answer:
                    async for piece in answer:
                        said += piece
                        given += piece
                        yield piece
                if prompt.tools is None or not calls:
                    return
                known = len(prompt.tools.outcomes)
                async with aclosing(prompt.tools.run(calls.calls)) as fillers:
                    async for filler in fillers:
                        yield filler
                conversation += told_back(said, prompt.tools.outcomes[known:])
                if said and not said[-1].isspace():
                    yield " "  # what follows is another answer, not the same word
            raise PeerError("the model went on calling tools and never answered", where=self._settings.base_url)
        except Exception as error:
            if not is_failure(error):
                raise
            raise explain(error, self._settings.base_url, model, self._key_remedy(), given) from error

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        self._closed = True
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _connect(self) -> AsyncOpenAI:
        if self._closed:
            raise ClosedError("the language engine is closed", where="openai")
        if self._client is None:
            await asyncio.to_thread(importlib.import_module, "openai")  # takes half a second: not on the loop
            from openai import AsyncOpenAI

            key = os.environ.get(self._settings.key_variable, "").strip() or NO_KEY
            self._client = AsyncOpenAI(
                api_key=key, base_url=self._settings.base_url, max_retries=0, timeout=self._settings.first_token_seconds
            )
        return self._client

    def _request(
        self, prompt: Prompt, model: str, conversation: list[Mapping[str, object]], *, tools: bool
    ) -> dict[str, object]:
        """What is sent. Only what is wanted: some models take no temperature, some servers no tools, at all."""
        request: dict[str, object] = {"model": model, "messages": list(conversation), "stream": True}
        wishes = (prompt.temperature, prompt.speaker.temperature, self._settings.temperature)
        chosen = next((wish for wish in wishes if wish is not None), None)
        if chosen is not None:
            request["temperature"] = chosen
        if prompt.schema is not None and self._takes_schema:
            request["response_format"] = response_format(prompt.schema)
        if prompt.tools is not None:
            request["tools"] = prompt.tools.toolbox.declarations
            if not tools:  # enough calls: now it must answer
                request["tool_choice"] = "none"
        return request

    async def _answer(self, request: dict[str, object], calls: CallCollector) -> AsyncGenerator[str]:
        """One answer of the server: its words, and what it wants called."""
        deadline = self._clock.now() + round(self._settings.first_token_seconds * SECOND)
        stream = await self._open(request, deadline)
        try:
            async for piece in self._pieces(stream, deadline, calls):
                yield piece
        finally:
            await stream.close()

    async def _open(self, request: dict[str, object], deadline: int) -> AsyncStream[ChatCompletionChunk]:
        """Send the request; a busy server that says when to come back is asked once more, if that is soon."""
        try:
            return await self._ask(request, deadline)
        except Exception as error:
            if getattr(error, "status_code", None) in (400, 422) and "response_format" in request:
                return await self._open_without_schema(request, deadline)
            wait = retry_after(error, self._clock.wall())
            if wait is None or wait > self._settings.retry_after_seconds:
                raise
        await self._clock.wait_until(min(deadline, self._clock.now() + round(wait * SECOND)))
        return await self._ask(request, deadline)

    async def _open_without_schema(self, request: dict[str, object], deadline: int) -> AsyncStream[ChatCompletionChunk]:
        """A server that refuses a ``response_format`` is asked without one, from now on: the prompt says it as well."""
        stream = await self._ask({key: value for key, value in request.items() if key != "response_format"}, deadline)
        self._takes_schema = False
        return stream

    async def _ask(self, request: dict[str, object], deadline: int) -> AsyncStream[ChatCompletionChunk]:
        client = await self._connect()
        create = cast("Callable[..., Awaitable[AsyncStream[ChatCompletionChunk]]]", client.chat.completions.create)
        async with asyncio.timeout(self._left(deadline)):
            return await create(**request)

    async def _pieces(
        self, stream: AsyncStream[ChatCompletionChunk], deadline: int, calls: CallCollector
    ) -> AsyncIterator[str]:
        """The words of an answer; what it wants called goes to ``calls``.

        Raises for a refusal, for silence, and for a stream that ends without saying so.
        """
        chunks = aiter(stream)
        finished, started = "", False
        while True:
            limit = self._settings.stall_seconds if started else self._left(deadline)
            try:
                async with asyncio.timeout(limit):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                break
            for choice in chunk.choices[:1]:
                finished = choice.finish_reason or finished
                if choice.delta.refusal:
                    raise PeerError(f"the model refused: {choice.delta.refusal}", where=self._settings.base_url)
                if choice.delta.tool_calls:
                    started = True
                    calls.take(choice.delta.tool_calls)
                if choice.delta.content:
                    started = True
                    yield choice.delta.content
        if finished == "content_filter":
            raise PeerError("the server's filter stopped the reply", where=self._settings.base_url)
        if not finished:
            raise ConnectionError("the stream ended without an end")
        if not started:
            raise PeerError("the model answered nothing", where=self._settings.base_url)

    def _left(self, deadline: int) -> float:
        return max(0.0, (deadline - self._clock.now()) / SECOND)

    def _key_remedy(self) -> str:
        return f"Put a valid key into the environment variable {self._settings.key_variable}."


def engine(settings: OpenAISettings | None) -> LanguageModel:
    """Make the engine. Raises :class:`InputError` without settings: nobody can guess a model's name."""
    if settings is None:
        raise InputError(
            "the engine openai needs to know a model",
            where="engines.openai.model",
            remedy='Write [engines.openai] with model = "…" (and base_url for a server of your own).',
        )
    return OpenAILanguage(settings)
