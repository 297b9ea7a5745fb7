"""Any server that speaks OpenAI's chat-completions protocol: OpenAI, Ollama, llama.cpp, vLLM and their kin.

Server-sent events, each a chunk of the answer. Every way in which a server can fail ends in a :class:`PeerError` that
says what to do, within the time limits of :class:`OpenAISettings`; a key is read from the environment and appears in no
message.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from json import dumps
from typing import cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import InputError, PeerError
from duologue.hosted import HostedClient, HostedLimits, HostedWords, RefusedError, lines, message
from duologue.language.chat import Calls, messages
from duologue.language.counting import count_tokens
from duologue.language.engine import LanguageCapabilities, LanguageModel, LimitReached, Prompt
from duologue.language.own_words import OwnWords
from duologue.language.structured import response_format
from duologue.language.tools_chat import CallCollector, CallDelta, told_back
from duologue.metering import NOTHING, Amount, RequestOutcome, current_call, usage_told
from duologue.telemetry.log import get_logger

_log = get_logger("duologue.language.openai")
_USAGE = "stream_options"
END_SECONDS = 0.05
"""From the event that says that there are no more to the end of the answer; most send both at once."""


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


class _Delta(BaseModel):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[CallDelta] | None = None


class _Choice(BaseModel):
    delta: _Delta = _Delta()
    finish_reason: str | None = None


class _Chunk(BaseModel):
    """The fields of ``CreateChatCompletionStreamResponse`` that are used; or an error in the middle of a stream."""

    choices: list[_Choice] | None = None
    error: object = None
    kind: object = Field(default=None, alias="object")
    """``error`` where the event itself is one (vLLM's)."""
    usage: object = None


class OpenAILanguage:
    """Writes with a model behind an OpenAI-compatible server."""

    name = "openai"

    def __init__(self, settings: OpenAISettings, clock: Clock = SYSTEM_CLOCK) -> None:
        self._settings = settings
        limits = HostedLimits(
            settings.connect_seconds, settings.first_token_seconds, settings.stall_seconds, settings.retry_after_seconds
        )
        words = HostedWords(self.name, "the server", "the reply", "no word", "first_token_seconds")
        self._client = HostedClient(words, settings.base_url, settings.key_variable, limits, clock=clock)
        self._takes_schema = self._takes_usage = True
        self._told_miscount = False

    @property
    def capabilities(self) -> LanguageCapabilities:
        """Streams; equal prompts need not give equal replies."""
        return LanguageCapabilities(streaming=True, deterministic=False)

    async def warm_up(self) -> None:
        """See that the server is there and takes the key.

        A server without a list of models is fine. Raises :class:`PeerError`.
        """
        await self._client.probe("/models")

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        """Stream the reply. Raises :class:`PeerError`; words that came before a failure have been given already.

        Tools that the model calls are run between its answers, and a filler for them is a piece of the stream.
        """
        model = prompt.model or prompt.speaker.model or self._settings.model
        calls_told = cast("Calls", partial(told_back, "")) if prompt.tools else None
        conversation: list[Mapping[str, object]] = [*messages(prompt, calls_told)]
        for left in reversed(range(prompt.tools.max_rounds + 1 if prompt.tools else 1)):
            request = self._request(prompt, model, conversation, tools=left > 0)
            calls, said, given = CallCollector(), "", _Given()
            own = OwnWords.of(prompt) if prompt.schema is None else None
            async with aclosing(self._answer(request, calls, given, own)) as answer:
                async for piece in answer:
                    said += piece
                    yield piece
            if own is not None and own.over and not own.begun:
                raise PeerError("the model wrote somebody else's line", where=self._client.where)
            if prompt.tools is None or not calls or (own and own.over):
                if given.limited and not (own and own.over):
                    yield LimitReached()
                return
            known = len(prompt.tools.outcomes)
            async with aclosing(prompt.tools.run(calls.calls)) as fillers:
                async for filler in fillers:
                    yield filler
            conversation += told_back(said, prompt.tools.outcomes[known:])
            if said and not said[-1].isspace():
                yield " "  # what follows is another answer, not the same word
        raise PeerError("the model went on calling tools and never answered", where=self._client.where)

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        await self._client.close()

    def _request(
        self, prompt: Prompt, model: str, conversation: list[Mapping[str, object]], *, tools: bool
    ) -> dict[str, object]:
        """What is sent. Only what is wanted: some models take no temperature, some servers no tools, at all."""
        request: dict[str, object] = {"model": model, "messages": list(conversation), "stream": True}
        if self._takes_usage:
            request[_USAGE] = {"include_usage": True}
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

    async def _answer(
        self, request: dict[str, object], calls: CallCollector, given: _Given, own: OwnWords | None
    ) -> AsyncGenerator[str]:
        """One answer of the server: its words, and what it wants called.

        A server that refuses a ``response_format`` is asked without one, from now on: the prompt says it as well. So
        is one that refuses to count tokens: they are reckoned.
        """
        try:
            async with aclosing(self._pieces(request, calls, given)) as pieces:
                async for piece in pieces:
                    if text := own.feed(piece) if own else piece:
                        yield text
                    if own and own.over:
                        return
            if own and (text := own.finish()):
                yield text
            return
        except RefusedError as error:
            refused = _refused_part(error, request)
            if not refused:
                unknown = f"does not know the model {request['model']!r}, or has no chat completions here"
                raise self._client.explain(error, unknown=unknown) from error
        del request[refused]
        async with aclosing(self._answer(request, calls, given, own)) as answer:
            async for piece in answer:
                self._takes_schema = self._takes_schema and refused == _USAGE
                self._takes_usage = self._takes_usage and refused != _USAGE
                yield piece

    async def _pieces(self, request: dict[str, object], calls: CallCollector, given: _Given) -> AsyncGenerator[str]:
        """As :meth:`_words`; the request is counted, however it ends."""
        asked, outcome = current_call(), RequestOutcome.CUT
        try:
            async with aclosing(self._words(request, calls, given)) as pieces:
                async for piece in pieces:
                    yield piece
            outcome = RequestOutcome.DONE
        except Exception:
            outcome = RequestOutcome.FAILED
            raise
        finally:
            if asked is not None and asked.counted:
                amount, estimated = self._amount(request, given, outcome)
                asked.report(amount, model=str(request["model"]), estimated=estimated, outcome=outcome)

    def _amount(self, request: Mapping[str, object], given: _Given, outcome: RequestOutcome) -> tuple[Amount, bool]:
        """What a request took, and whether that is reckoned: of one that failed at once, nothing."""
        told = usage_told(given.usage)
        if told is not None:
            return told, False
        if given.usage is not None and not self._told_miscount:
            self._told_miscount = True
            _log.warning("a server's count of tokens cannot be: they are reckoned", server=self._client.where)
        if outcome is RequestOutcome.FAILED and not given.words:
            return NOTHING, False
        asked = dumps([request["messages"], request.get("tools", ()), request.get("response_format", "")])
        return Amount(prompt=count_tokens(asked), completion=count_tokens(given.text)), True

    async def _words(self, request: dict[str, object], calls: CallCollector, given: _Given) -> AsyncGenerator[str]:
        """The words of an answer; what it wants called goes to ``calls``.

        Raises for a refusal, for silence, and for a stream that ends without saying so.
        """
        finished, started = "", False
        async with aclosing(self._chunks(request, given)) as chunks:
            async for chunk in chunks:
                given.usage = chunk.usage or given.usage
                for choice in (chunk.choices or [])[:1]:
                    given.deltas += 1
                    finished = choice.finish_reason or finished
                    if choice.delta.refusal:
                        raise PeerError(f"the model refused: {choice.delta.refusal}", where=self._client.where)
                    if choice.delta.tool_calls:
                        started = given.called = True
                        calls.take(choice.delta.tool_calls)
                    if choice.delta.content:
                        started = True
                        given.text += choice.delta.content
                        yield choice.delta.content
        given.limited = finished == "length"
        if finished == "content_filter":
            raise PeerError("the server's filter stopped the reply", where=self._client.where)
        if not finished:
            raise self._client.explain(ConnectionError("the stream ended without an end"), given.words)
        if not started:
            raise PeerError("the model answered nothing", where=self._client.where)

    async def _chunks(self, request: dict[str, object], given: _Given) -> AsyncGenerator[_Chunk]:
        """The events of an answer, up to the one that says that there are no more: a server, or what stands before it,
        may hold the connection open behind that.
        """
        other = b""
        stream = self._client.stream(
            "/chat/completions", request, progress=lambda: given.words, signs=lambda: given.deltas
        )
        async with aclosing(lines(stream, self._client.malformed("an event without an end"))) as found:
            async for line in found:
                if not line.startswith(b"data:"):
                    other = other or line
                elif line[5:].strip() == b"[DONE]":
                    await _read_out(found)
                    return
                else:
                    given.begun = True
                    yield self._chunk(line[5:])
        if not given.begun and other:
            words = self._client.clean(message(other.decode("utf-8", "replace")))
            raise self._client.malformed(f"something that is no stream of events: {words}")

    def _chunk(self, data: bytes) -> _Chunk:
        try:
            chunk = _Chunk.model_validate_json(data)
        except ValidationError as error:
            raise self._client.malformed("something that is no event") from error
        if chunk.error or chunk.kind == "error":
            words = self._client.clean(message(data.decode("utf-8", "replace")))
            raise PeerError(f"the server failed in the middle: {words}", where=self._client.where)
        return chunk


@dataclass(slots=True)
class _Given:
    """What of a reply has come: words, or something to be called."""

    text: str = ""
    begun: bool = False
    """There was an event."""
    called: bool = False
    deltas: int = 0
    """Events of the answer, with words or without: a model may think in the middle."""
    limited: bool = False
    """The server's limit of tokens ended it."""
    usage: object = None
    """As the server has it."""

    @property
    def words(self) -> str:
        """In words; empty: nothing."""
        found = self.text.split()
        return (
            f"after {len(found)} words (“… {' '.join(found[-6:])}”)"
            if found
            else "in the middle of a call" * self.called
        )


async def _read_out(stream: AsyncGenerator[bytes]) -> None:
    """Let an answer that is whole come to its end: then its connection is used again. What happens to it there is no
    failure of the answer.
    """
    with suppress(TimeoutError, PeerError):
        async with asyncio.timeout(END_SECONDS):
            async for _ in stream:
                pass


def _refused_part(error: RefusedError, request: Mapping[str, object]) -> str:
    """What of ``request`` the server does not take; empty: it refuses for another reason."""
    if error.status_code not in (400, 422):
        return ""
    if _USAGE in request and (_USAGE in error.body or "include_usage" in error.body):
        return _USAGE
    return "response_format" if "response_format" in request else ""


def engine(settings: OpenAISettings | None) -> LanguageModel:
    """Make the engine. Raises :class:`InputError` without settings: nobody can guess a model's name."""
    if settings is None:
        raise InputError(
            "the engine openai needs to know a model",
            where="engines.openai.model",
            remedy='Write [engines.openai] with model = "…" (and base_url for a server of your own).',
        )
    return OpenAILanguage(settings)
