"""Functions that a character may call while it thinks: their schema, the check of what a model passes, and the call.

A tool is any function with types, sync or not::

    async def weather(city: str, unit: Literal["C", "F"] = "C") -> str:
        \"\"\"Say how warm it is now.

        :param city: As people call it.
        \"\"\"

    toolbox = Toolbox([Tool(weather, limit_seconds=3.0, filler="Let me look that up.")])
    model.write(replace(prompt, tools=ToolUse(toolbox)))

The engine runs the calls of a model through :meth:`ToolUse.run`. A call that fails, takes too long or has wrong
arguments is answered with an error that the model can act on, and stands in :attr:`ToolUse.outcomes` with its cause.

**Never on speculation**: a :class:`ToolUse` made with ``committed=False`` waits, before the first call, until
:meth:`ToolUse.commit`. A speculative reply that turns out wrong is closed while it waits, and nothing has happened.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import cast, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import to_json

from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import InputError, in_words

MAX_RESULT = 8_000
"""Characters of a result that a model is shown."""
MAX_ARGUMENTS = 20_000
"""Characters of arguments that are read."""
FILLER_AFTER = 0.3
"""Seconds after which a call that still runs is covered by its filler."""
_PARAMETER = re.compile(r"^[ \t]*:param[ \t]+(\w+):[ \t]*(.+?)(?=^[ \t]*:\w|^[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)


class Filler(str):
    """A piece of a stream that is no part of the reply: it is spoken as it is, while a tool runs."""

    __slots__ = ()


class Tool:
    """One function. ``limit_seconds`` bounds a call; ``filler`` is said when it takes longer than a moment.

    A function that is not async runs in a thread, which cannot be stopped: past the limit its result is ignored. Raises
    :class:`InputError` for a function that cannot be described (no types, positional-only parameters).
    """

    def __init__(
        self, function: Callable[..., object], *, limit_seconds: float = 5.0, filler: str = "", name: str = ""
    ) -> None:
        self.function = function
        self.limit_seconds = limit_seconds
        self.filler = filler
        self.name = name or getattr(function, "__name__", "")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", self.name):
            raise InputError(f"{self.name!r} is no name for a tool", where="tools", remedy="Give it a name=.")
        text = inspect.getdoc(function) or ""
        self.description = " ".join(re.split(r"^\s*:\w", text, maxsplit=1, flags=re.MULTILINE)[0].split())
        self._arguments = _arguments(function, self.name, text)

    @property
    def schema(self) -> dict[str, object]:
        """The JSON schema of the arguments."""
        schema = self._arguments.model_json_schema()
        schema.pop("title", None)
        return schema

    @property
    def declaration(self) -> dict[str, object]:
        """The tool as chat-completion requests list it."""
        about = {"name": self.name, "description": self.description, "parameters": self.schema}
        return {"type": "function", "function": about}

    async def call(self, arguments: str) -> object:
        """Call it with ``arguments``, a JSON object. Raises :class:`InputError` for wrong ones, ``TimeoutError``, and
        what the function raises.
        """
        try:
            checked = self._arguments.model_validate_json(arguments[:MAX_ARGUMENTS].strip() or "{}")
        except ValidationError as error:
            raise InputError(_wrong(error), where=self.name, remedy="Call it again with mended arguments.") from error
        values = {name: getattr(checked, name) for name in type(checked).model_fields}
        async with asyncio.timeout(self.limit_seconds):
            if inspect.iscoroutinefunction(self.function):
                return await self.function(**values)
            return await asyncio.to_thread(self.function, **values)


class Toolbox:
    """The tools of one character, by name."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self.tools = {tool.name: tool for tool in tools}
        if len(self.tools) < len(tools):
            raise InputError("two tools have one name", where="tools", remedy="Give one of them a name=.")

    @property
    def longest_seconds(self) -> float:
        """How long the calls of one answer, which run together, may take."""
        return max((tool.limit_seconds for tool in self.tools.values()), default=0.0)

    @property
    def declarations(self) -> list[dict[str, object]]:
        """As chat-completion requests list them."""
        return [tool.declaration for tool in self.tools.values()]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """What a model wants called: ``arguments`` is JSON as it wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """What came of a call: ``shown`` is what the model is told (JSON), ``failure`` why it failed. Times are ns."""

    call: ToolCall
    shown: str
    failure: str = ""
    began: int = 0
    ended: int = 0


@dataclass(slots=True)
class ToolUse:
    """The tools during one reply. ``max_rounds`` bounds how often a model may ask for calls before it must answer,
    ``max_calls`` how many it may ask for at once.
    """

    toolbox: Toolbox
    committed: bool = True
    max_rounds: int = 4
    max_calls: int = 8
    clock: Clock = SYSTEM_CLOCK
    outcomes: list[ToolOutcome] = field(default_factory=list[ToolOutcome])
    _gate: asyncio.Event = field(default_factory=asyncio.Event)

    def commit(self) -> None:
        """The turn is no speculation any more: calls may run. Idempotent."""
        self.committed = True
        self._gate.set()

    async def run(self, calls: Sequence[ToolCall]) -> AsyncGenerator[Filler]:
        """Run ``calls`` at once; gives at most one filler while they run. Their outcomes are appended in order.

        Closing the iterator cancels them.
        """
        if not self.committed:
            await self._gate.wait()
        running = asyncio.gather(*(self._outcome(call, number) for number, call in enumerate(calls)))
        try:
            await asyncio.wait([running], timeout=FILLER_AFTER)
            filler = next((tool.filler for call in calls if (tool := self.toolbox.tools.get(call.name))), "")
            if filler and not running.done():
                yield Filler(filler)
            self.outcomes += await running
        finally:
            running.cancel()
            await asyncio.wait([running])

    async def _outcome(self, call: ToolCall, number: int) -> ToolOutcome:
        """Run one call; never raises for what a tool or a model does."""
        began = self.clock.now()
        failure, value = "", cast("object", None)
        tool = self.toolbox.tools.get(call.name)
        try:
            if tool is None:
                known = ", ".join(self.toolbox.tools)
                raise InputError(f"there is no tool {call.name!r}", remedy=f"There are: {known}.")
            if number >= self.max_calls:
                raise InputError(f"more than {self.max_calls} calls at once", remedy="Ask for fewer.")
            value = await tool.call(call.arguments)
            shown = to_json(value, fallback=str).decode()
        except TimeoutError:
            failure = f"no result in {tool.limit_seconds:g} s" if tool else "no result"
            shown = ""
        except Exception as error:  # a tool is the user's own code: its failure is the model's to deal with
            failure = in_words(error)
            shown = ""
        shown = to_json({"error": failure}).decode() if failure else shown[:MAX_RESULT]
        return ToolOutcome(call, shown, failure, began, self.clock.now())


def _arguments(function: Callable[..., object], name: str, text: str) -> type[BaseModel]:
    """The model of a function's parameters: types, defaults and the docstring's ``:param name:`` lines."""
    told = {match[1]: " ".join(match[2].split()) for match in _PARAMETER.finditer(text)}
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise InputError(
            f"a type of it is unknown: {error}", where=name, remedy="Import it where it is used."
        ) from error
    fields: dict[str, object] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise InputError(f"{parameter} cannot be passed by name", where=name, remedy="Use plain parameters.")
        if parameter.name not in hints:
            raise InputError(f"the parameter {parameter.name!r} has no type", where=name, remedy="Annotate it.")
        default: object = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], Field(default, description=told.get(parameter.name)))
    make = cast("Callable[..., type[BaseModel]]", create_model)
    return make(name, __config__=ConfigDict(extra="forbid"), **fields)


def _wrong(error: ValidationError) -> str:
    """What is wrong with the arguments, in one line."""
    rows = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, row['loc'])) or 'arguments'}: {row['msg']}" for row in rows[:4])
