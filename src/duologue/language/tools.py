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

**Never twice for one request**: a reply may be withdrawn after its calls, and another one be written to the same
request and more. All replies to it share a :class:`CallMemory`: a call that was made is answered with what came of it.
"""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import inspect
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias, cast, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import to_json

from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import InputError, in_words
from duologue.streams import unhurried
from duologue.strict_json import read_json
from duologue.threads import Apart

MAX_RESULT = 8_000
"""Characters of a result that a model is shown."""
MAX_ARGUMENTS = 20_000
"""Characters of arguments that are read."""
FILLER_AFTER = 0.3
"""Seconds after which a call that still runs is covered by its filler."""
MOST_THREADS = 100
"""Functions that run in threads of their own at once, those included that hang; more calls are refused."""
LAST_SECONDS = 5.0
"""For what still runs in a thread when the process ends."""
_FUNCTIONS = Apart("tool")
_PARAMETER = re.compile(r"^[ \t]*:param[ \t]+(\w+):[ \t]*(.+?)(?=^[ \t]*:\w|^[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
atexit.register(lambda: _FUNCTIONS.finish(LAST_SECONDS))


class ToolFiller(str):
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
        self.name = _named(name or getattr(function, "__name__", ""))
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

    def calling(self, function: Callable[..., object]) -> Tool:
        """The same tool, which calls ``function``, of the same name, words and parameters: for whoever has a function
        for each conversation. To describe one anew takes a fifth of a millisecond, and makes a class, which nothing but
        the collector takes away.
        """
        same = copy(self)
        same.function = function
        return same

    async def call(self, arguments: str, begun: StartedCall | None = None) -> object:
        """Call it with ``arguments``, a JSON object. Raises :class:`InputError` for wrong ones, ``TimeoutError``, and
        what the function raises. A thread that nobody waits for any more goes on in ``begun``.
        """
        try:
            checked = self._arguments.model_validate_json(arguments[:MAX_ARGUMENTS].strip() or "{}")
        except ValidationError as error:
            raise InputError(_wrong(error), where=self.name, remedy="Call it again with mended arguments.") from error
        values = {name: getattr(checked, name) for name in type(checked).model_fields}
        async with asyncio.timeout(self.limit_seconds):
            if inspect.iscoroutinefunction(self.function):
                return await self.function(**values)
            run = cast("Callable[[], object]", partial(contextvars.copy_context().run, self.function, **values))
            if _FUNCTIONS.running >= MOST_THREADS:
                raise InputError(f"{MOST_THREADS} calls of functions still run", remedy="Answer without it.")
            thread = asyncio.get_running_loop().run_in_executor(_FUNCTIONS, run)
            thread.add_done_callback(_retrieved)
            if begun is not None:
                begun.thread = thread
            return await asyncio.shield(thread)


class RemoteTool:
    """A tool that somebody else runs: the program at the far end, which is sent the call and answers some time.

    ``parameters`` is the JSON schema of the arguments, which are passed on as the model wrote them, being an object.
    """

    def __init__(
        self, name: str, description: str, parameters: Mapping[str, object], *, limit_seconds: float = 10.0,
        filler: str = "",
    ) -> None:  # fmt: skip
        self.name = _named(name)
        self.description = description
        self.schema = dict(parameters)
        self.limit_seconds = limit_seconds
        self.filler = filler

    @property
    def declaration(self) -> dict[str, object]:
        """The tool as chat-completion requests list it."""
        about = {"name": self.name, "description": self.description, "parameters": self.schema}
        return {"type": "function", "function": about}

    async def ask(self, call: ToolCall, far: Far | None) -> object:
        """Send ``call`` and wait for its answer. Raises :class:`InputError`, ``TimeoutError``, what ``far`` raises."""
        if not isinstance(_meaning(call.arguments), dict):
            raise InputError(
                "the arguments are no JSON object", where=self.name, remedy="Call it again with mended ones."
            )
        if far is None:
            raise InputError("nobody is there who could run it", where=self.name, remedy="Answer without it.")
        async with asyncio.timeout(self.limit_seconds):
            return await far(call)


class Toolbox:
    """The tools of one character, by name."""

    def __init__(self, tools: Sequence[Tool | RemoteTool]) -> None:
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


Far: TypeAlias = Callable[[ToolCall], Awaitable[object]]
"""Runs a call at the far end. Cancelled when nobody waits for it any more."""
STOPPED = "it was stopped before it ended; whether it had an effect is not known"


@dataclass(slots=True)
class StartedCall:
    """A call that was made, and what came of it so far. A ``thread`` goes on when nobody waits for it any more."""

    outcome: ToolOutcome
    thread: asyncio.Future[object] | None = None

    @property
    def answers(self) -> bool:
        """Another call like it need not be made."""
        return not self.outcome.failure or (self.thread is not None and not self.thread.cancelled())


class CallMemory:
    """What was called for a request that is not answered yet, by all replies that were begun to it."""

    def __init__(self) -> None:
        self._begun: list[StartedCall] = []

    @property
    def outcomes(self) -> tuple[ToolOutcome, ...]:
        """In the order of their calls; of one that was stopped, that."""
        return tuple(each.outcome for each in self._begun)

    @property
    def begun(self) -> list[StartedCall]:
        """The same with what goes on of it; a list of the caller's own."""
        return list(self._begun)

    def begin(self, call: ToolCall, now: int) -> StartedCall:
        """``call`` is made."""
        self._begun.append(StartedCall(ToolOutcome(call, _error(STOPPED), STOPPED, now, now)))
        return self._begun[-1]

    def settle(self) -> tuple[ToolOutcome, ...]:
        """The request is answered: what was called for it, which is forgotten here."""
        found, self._begun = self.outcomes, []
        return found


@dataclass(slots=True)
class ToolUse:
    """The tools during one reply. ``max_rounds`` bounds how often a model may ask for calls before it must answer,
    ``max_calls`` how many it may ask for at once. ``memory`` holds what earlier replies to the same request called;
    ``told`` is given each outcome of a call that was really made, ``far`` runs a :class:`RemoteTool`.
    """

    toolbox: Toolbox
    committed: bool = True
    max_rounds: int = 4
    max_calls: int = 8
    clock: Clock = SYSTEM_CLOCK
    outcomes: list[ToolOutcome] = field(default_factory=list[ToolOutcome])
    memory: CallMemory = field(default_factory=CallMemory)
    told: Callable[[ToolOutcome], None] | None = None
    far: Far | None = None
    _known: list[StartedCall] = field(default_factory=list[StartedCall])
    _gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._known = self.memory.begun

    def commit(self) -> None:
        """The turn is no speculation any more: calls may run. Idempotent."""
        self.committed = True
        self._gate.set()

    async def run(self, calls: Sequence[ToolCall]) -> AsyncGenerator[ToolFiller]:
        """Run ``calls`` at once; gives at most one filler while they run. Their outcomes are appended in order. A model
        is not late meanwhile (:func:`~duologue.streams.unhurried`): each tool has a limit of its own.

        Closing the iterator cancels them.
        """
        if not self.committed:
            with unhurried():
                await self._gate.wait()
        running = asyncio.gather(*(self._outcome(call, number) for number, call in enumerate(calls)))
        try:
            with unhurried():
                await asyncio.wait([running], timeout=FILLER_AFTER)
            filler = next((tool.filler for call in calls if (tool := self.toolbox.tools.get(call.name))), "")
            if filler and not running.done():
                yield ToolFiller(filler)
            with unhurried():
                self.outcomes += await running
        finally:
            running.cancel()
            await asyncio.wait([running])
            _retrieved(running)  # else the loop logs a stop that was meant as an error that nobody saw

    async def _outcome(self, call: ToolCall, number: int) -> ToolOutcome:
        """Run one call, unless an earlier reply to the request did; never raises for what a tool or a model does."""
        began = self.clock.now()
        before = self._made_before(call)
        if before is not None and not before.outcome.failure:
            return replace(before.outcome, call=call)
        begun = before or self.memory.begin(call, began)
        failure, value = "", cast("object", None)
        tool = self.toolbox.tools.get(call.name)
        try:
            if tool is None:
                known = ", ".join(self.toolbox.tools)
                raise InputError(f"there is no tool {call.name!r}", remedy=f"There are: {known}.")
            if number >= self.max_calls:
                raise InputError(f"more than {self.max_calls} calls at once", remedy="Ask for fewer.")
            if before is not None and before.thread is not None:
                async with asyncio.timeout(tool.limit_seconds):
                    value = await asyncio.shield(before.thread)
            elif isinstance(tool, RemoteTool):
                value = await tool.ask(call, self.far)
            else:
                value = await tool.call(call.arguments, begun)
            shown = to_json(value, fallback=str).decode()
        except TimeoutError:
            failure = f"no result in {tool.limit_seconds:g} s" if tool else "no result"
            shown = ""
        except Exception as error:  # a tool is the user's own code: its failure is the model's to deal with
            failure = in_words(error)
            shown = ""
        shown = _error(failure) if failure else shown[:MAX_RESULT]
        begun.outcome = outcome = ToolOutcome(call, shown, failure, began, self.clock.now())
        if begun.thread is not None and begun.thread.done():
            begun.thread = None
        if self.told is not None:
            self.told(outcome)
        return outcome

    def _made_before(self, call: ToolCall) -> StartedCall | None:
        """What an earlier reply called that answers ``call``: each of its calls does so once."""
        for number, known in enumerate(self._known):
            if known.answers and _same(known.outcome.call, call):
                return self._known.pop(number)
        return None


def _named(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name):
        raise InputError(f"{name!r} is no name for a tool", where="tools", remedy="Give it a name=.")
    return name


def _same(one: ToolCall, other: ToolCall) -> bool:
    """The same function with the same arguments, however they are written."""
    return one.name == other.name and _meaning(one.arguments) == _meaning(other.arguments)


def _meaning(arguments: str) -> object:
    try:
        return read_json(arguments.strip() or "{}")
    except ValueError:
        return arguments


def _error(failure: str) -> str:
    """As a model is told of it."""
    return to_json({"error": failure}).decode()


def _retrieved(work: asyncio.Future[Any]) -> None:
    """Nobody may be there any more to be told of its error."""
    if not work.cancelled():
        work.exception()


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
