"""``/v1/chat/completions``: a character answers, whole or as it is written; it may ask the client to run tools."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from starlette.responses import JSONResponse, Response

from duologue.clock import SECOND, SYSTEM_CLOCK
from duologue.errors import InputError
from duologue.ids import unique_id
from duologue.language.chat import messages
from duologue.language.counting import TOKENS, count_tokens
from duologue.language.engine import LimitReached, Line, Prompt, newest
from duologue.language.tools import RemoteTool, Toolbox, ToolCall, ToolFiller, ToolOutcome, ToolUse
from duologue.tokens import Scope
from duologue.web import paths
from duologue.web.bodies import Router
from duologue.web.scopes import needs
from duologue.web.studio import EndpointsPort
from duologue.web.v1.common import ERRORS, RequestFields, Streamed, TheEndpoints, WithoutNulls, begun

router = Router(prefix=f"{paths.COMPATIBLE}/chat", tags=["compatible"], responses=ERRORS)
PATH = f"{paths.COMPATIBLE}/chat/completions"
_HARMLESS = frozenset({
    "user", "metadata", "store", "service_tier", "parallel_tool_calls", "safety_identifier",
    "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning_effort", "verbosity",
})  # fmt: skip
_WITHOUT: dict[str, object] = {
    "n": 1, "logprobs": False, "top_logprobs": 0, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0,
    "logit_bias": {}, "modalities": ["text"], "audio": None, "prediction": None, "web_search_options": None,
    "functions": None, "function_call": None,
}  # fmt: skip


class _Lax(WithoutNulls):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Function(_Lax):
    """A call as the model wrote it."""

    name: str
    arguments: str = ""


class FunctionCall(_Lax):
    """A call of an assistant's message."""

    id: str = Field(max_length=200)
    type: Literal["function"] = "function"
    function: Function


class TextPart(_Lax):
    """The only kind of content that is read."""

    type: str
    text: str = ""


class ChatCompletionMessage(_Lax):
    """A message of the conversation so far."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None
    name: str = ""
    tool_calls: list[FunctionCall] | None = None
    tool_call_id: str = ""

    @property
    def text(self) -> str:
        """Its words. Raises :class:`InputError` for a picture, a sound or a file."""
        if not isinstance(self.content, list):
            return self.content or ""
        for part in self.content:
            if part.type != "text":
                raise InputError(f"content of type {part.type!r} is not supported here", where="messages",
                                 remedy="Send text.")  # fmt: skip
        return "\n".join(part.text for part in self.content)


class Declared(_Lax):
    """A function that the client runs."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict[str, Any])


class DeclaredTool(_Lax):
    """A tool of the client's."""

    type: Literal["function"]
    function: Declared


class JsonSchema(_Lax):
    """The schema that an answer should follow."""

    name: str = ""
    schema_: dict[str, Any] = Field(default_factory=dict[str, Any], alias="schema")


class ResponseFormat(_Lax):
    """Text, any JSON object, or one that follows a schema."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: JsonSchema | None = None

    @property
    def schema_asked(self) -> dict[str, Any] | None:
        """As a prompt takes it."""
        if self.type == "text":
            return None
        return self.json_schema.schema_ if self.json_schema else {"type": "object"}


class StreamOptions(_Lax):
    """Whether what was counted is told at the end of a stream."""

    include_usage: bool = False


class ChatCompletionRequest(RequestFields):
    """What is asked. ``model`` is a character's name; a system message is added to how it speaks."""

    model: str = Field(max_length=200)
    messages: list[ChatCompletionMessage] = Field(min_length=1, max_length=2000)
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    seed: int = 0
    stop: str | list[str] | None = None
    tools: list[DeclaredTool] = Field(default_factory=list[DeclaredTool], max_length=128)
    tool_choice: Literal["auto", "none"] = "auto"
    response_format: ResponseFormat = ResponseFormat()

    @property
    def stops(self) -> tuple[str, ...]:
        """At which words the answer ends."""
        given = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(each for each in given if each)


@dataclass(frozen=True, slots=True)
class CompletionChunk:
    """Of an answer: words, or at its end why it ended and what is to be called."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    finished: Literal["", "stop", "tool_calls", "length"] = ""


@router.post(
    "/completions",
    operation_id="v1_chat",
    dependencies=[needs(Scope.TALK)],
    response_class=Response,
    responses={200: {"content": {"application/json": {}, "text/event-stream": {}}}},
)
async def chat(asked: ChatCompletionRequest, endpoints: TheEndpoints) -> Response:
    """The next words of a character. ``usage`` counts words and marks: no engine tells how many tokens those are."""
    asked.refuse_rest(_HARMLESS, _WITHOUT)
    _refuse_beyond(endpoints, asked)
    prompt = prompt_of(asked, endpoints.prompt(asked.model))
    head: dict[str, object] = {
        "id": f"chatcmpl-{unique_id(SYSTEM_CLOCK.wall())}", "created": SYSTEM_CLOCK.wall() // SECOND,
        "model": asked.model, "system_fingerprint": None,
    }  # fmt: skip
    pieces = answer(prompt, endpoints, asked.stops, asked.max_completion_tokens or asked.max_tokens)
    told = count_tokens("\n".join(message["content"] for message in messages(prompt)))
    if asked.stream:
        counted = told if asked.stream_options.include_usage else None
        return Streamed(await begun(_chunks(pieces, head, counted), events=True), "text/event-stream")
    choice, written = await _whole(pieces)
    return JSONResponse(head | {"object": "chat.completion", "choices": [choice], "usage": _usage(told, written)})


def _refuse_beyond(endpoints: EndpointsPort, asked: ChatCompletionRequest) -> None:
    """Raise :class:`InputError` for what no engine that thinks here can do: it would be lost without a word."""
    can, who = endpoints.thinking, ", ".join(endpoints.thinkers)
    if asked.tools and asked.tool_choice == "auto" and not can.tools:
        raise InputError(
            f"what thinks here ({who}) calls no tools", where="tools",
            remedy="Leave them out, or have an engine think that does: engines.llm = openai.",
        )  # fmt: skip
    if asked.response_format.schema_asked is not None and not can.schemas:
        raise InputError(
            f"what thinks here ({who}) writes plain text alone", where="response_format",
            remedy="Leave it out, or have an engine think that takes a schema: engines.llm = openai or llama.",
        )  # fmt: skip


def prompt_of(asked: ChatCompletionRequest, base: Prompt) -> Prompt:
    """The request as our engines take it. Raises :class:`InputError` for what cannot be asked of them."""
    speaker = base.speaker
    system = "\n".join(each.text for each in asked.messages if each.role in ("system", "developer"))
    if system:
        speaker = replace(speaker, description=f"{speaker.description}\n{system}")
    lines = tuple(_lines(asked.messages, speaker.name))
    if not lines:
        raise InputError("nobody has said anything", where="messages", remedy="Add a message of role user.")
    tools = None
    if asked.tools and asked.tool_choice == "auto":
        declared = (each.function for each in asked.tools)
        tools = HandedTools(Toolbox([RemoteTool(each.name, each.description, each.parameters) for each in declared]))
    tokens = asked.max_completion_tokens or asked.max_tokens
    return replace(
        base, speaker=speaker, lines=newest(lines), seed=asked.seed,
        turn=sum(each.speaker == speaker.name for each in lines),
        temperature=base.temperature if asked.temperature is None else asked.temperature, tools=tools,
        max_words=max(1, tokens * 3 // 4) if tokens else 400, max_tokens=tokens,
        schema=asked.response_format.schema_asked,
    )  # fmt: skip


def _lines(messages: Sequence[ChatCompletionMessage], character: str) -> Iterator[Line]:
    """What was said; a call stands with its result in the line of who called. Whoever bears the character's name is
    not the character.
    """
    results = {each.tool_call_id: each.text for each in messages if each.role == "tool"}
    for message in messages:
        if message.role == "user":
            named = message.name if message.name != character else ""
            yield Line(named or "user", message.text)
        elif message.role == "assistant":
            calls = tuple(
                ToolOutcome(
                    ToolCall(call.id, call.function.name, call.function.arguments), results.get(call.id, "null")
                )
                for call in message.tool_calls or ()
            )
            yield Line(character, message.text, calls)


class Handed(Exception):
    """The model wants something called: its answer ends, and the client brings the results with its next request."""

    def __init__(self, calls: Sequence[ToolCall]) -> None:
        super().__init__("calls for the client")
        self.calls = tuple(calls)


class HandedTools(ToolUse):
    """Tools that are the client's: nothing is run here."""

    async def run(self, calls: Sequence[ToolCall]) -> AsyncGenerator[ToolFiller]:
        """Raises :class:`Handed`."""
        raise Handed(calls)
        yield  # what makes it a generator


async def answer(
    prompt: Prompt, endpoints: EndpointsPort, stops: Sequence[str] = (), tokens: int | None = None
) -> AsyncGenerator[CompletionChunk]:
    """The words as they come, ``tokens`` of them at most, and its end. A call of the client's tools ends it, as does a
    limit of the engine's.
    """
    cut = _Cut(stops)
    count, limited = 0, False
    try:
        async with aclosing(endpoints.write(prompt)) as pieces:
            async for piece in pieces:
                limited = isinstance(piece, LimitReached)
                if text := cut.feed(piece):
                    text, count, full = _within(text, count, tokens)
                    yield CompletionChunk(text, finished="length" if full else "")
                    if full:
                        return
                if cut.over:
                    break
    except Handed as handed:
        yield CompletionChunk(cut.rest(), handed.calls, "tool_calls")
    else:
        text, count, full = _within(cut.rest(), count, tokens)
        yield CompletionChunk(text, finished="length" if full or limited else "stop")


def _within(text: str, count: int, most: int | None) -> tuple[str, int, bool]:
    """As much of ``text`` as may follow ``count`` tokens, how many they are then, and whether it was cut."""
    if most is None:
        return text, count, False
    places = [found.end() for found in TOKENS.finditer(text)]
    left = most - count
    if len(places) <= left:
        return text, count + len(places), False
    return text[: places[left - 1] if left > 0 else 0], most, True


class _Cut:
    """Ends a text before the first of some words, whatever pieces it comes in."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._longest = max((len(stop) for stop in stops), default=1) - 1
        self._held = ""
        self.over = False

    def feed(self, piece: str) -> str:
        """What may be told now."""
        self._held += piece
        found = [at for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if found:
            self.over = True
            self._held, told = "", self._held[: min(found)]
            return told
        split = len(self._held) - self._longest
        told, self._held = self._held[: max(0, split)], self._held[max(0, split) :]
        return told

    def rest(self) -> str:
        """What was held back."""
        told, self._held = self._held, ""
        return told


def _as_calls(calls: Sequence[ToolCall], *, indexed: bool) -> list[dict[str, object]]:
    return [
        {**({"index": number} if indexed else {}), "id": call.id, "type": "function",
         "function": {"name": call.name, "arguments": call.arguments}}
        for number, call in enumerate(calls)
    ]  # fmt: skip


def _usage(told: int, written: int) -> dict[str, int]:
    return {"prompt_tokens": told, "completion_tokens": written, "total_tokens": told + written}


def _written(text: str, calls: Sequence[ToolCall]) -> int:
    return count_tokens(text) + sum(count_tokens(call.name) + count_tokens(call.arguments) for call in calls)


async def _whole(pieces: AsyncGenerator[CompletionChunk]) -> tuple[dict[str, object], int]:
    """The choice, and how many tokens it has."""
    text, calls, finished = "", (), "stop"
    async with aclosing(pieces) as each:
        async for piece in each:
            text += piece.text
            calls, finished = piece.calls or calls, piece.finished or finished
    message: dict[str, object] = {"role": "assistant", "content": text or (None if calls else ""), "refusal": None}
    if calls:
        message["tool_calls"] = _as_calls(calls, indexed=False)
    return {"index": 0, "message": message, "finish_reason": finished, "logprobs": None}, _written(text, calls)


async def _chunks(
    pieces: AsyncGenerator[CompletionChunk], head: dict[str, object], told: int | None
) -> AsyncGenerator[bytes]:
    """``told``: how many tokens the model was, for a client that wants a last chunk with what was counted."""

    def event(choices: list[dict[str, object]], usage: dict[str, int] | None = None) -> bytes:
        rest: dict[str, object] = {"object": "chat.completion.chunk", "choices": choices}
        if told is not None:
            rest["usage"] = usage
        return f"data: {json.dumps(head | rest)}\n\n".encode()

    def chunk(delta: dict[str, object], finished: str | None = None) -> bytes:
        return event([{"index": 0, "delta": delta, "finish_reason": finished, "logprobs": None}])

    first: dict[str, object] = {"role": "assistant"}
    text, calls = "", ()
    async with aclosing(pieces) as each:
        async for piece in each:
            text, calls = text + piece.text, piece.calls or calls
            delta = first | ({"content": piece.text} if piece.text or first else {})
            first = {}
            if piece.calls:
                delta["tool_calls"] = _as_calls(piece.calls, indexed=True)
            if delta:
                yield chunk(delta)
            if piece.finished:
                yield chunk({}, piece.finished)
    if told is not None:
        yield event([], _usage(told, _written(text, calls)))
    yield b"data: [DONE]\n\n"
