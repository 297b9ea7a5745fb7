"""Tool calls in the chat-completions protocol: put together from the deltas of a stream, and told back with results.

A call comes in pieces: the first names it, later ones with the same ``index`` carry more of its arguments. Some servers
send several whole calls under one index, told apart by their ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import BaseModel

from duologue.errors import PeerError
from duologue.language.tools import MAX_ARGUMENTS, ToolCall, ToolOutcome
from duologue.strict_json import read_json

MAX_CALLS = 32
"""A model that asks for more at once has lost its way."""


class FunctionDelta(BaseModel):
    """Of a call: the name comes whole, the arguments in pieces."""

    name: str | None = None
    arguments: str | None = None


class CallDelta(BaseModel):
    """A piece of a call."""

    index: int = 0
    id: str | None = None
    function: FunctionDelta | None = None


class CallCollector:
    """Takes the deltas of one answer; :attr:`calls` are what it asks for, in the order of their first pieces."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._names: list[str] = []
        self._arguments: list[str] = []
        self._places: dict[int, int] = {}

    def __bool__(self) -> bool:
        return bool(self._ids)

    @property
    def calls(self) -> list[ToolCall]:
        """All of them; valid when the answer has ended."""
        rows = zip(self._ids, self._names, self._arguments, strict=True)
        return [ToolCall(call_id or f"call-{number}", name, text) for number, (call_id, name, text) in enumerate(rows)]

    def take(self, deltas: Iterable[CallDelta]) -> None:
        """Add pieces. Raises :class:`PeerError` for too many calls or endless arguments."""
        for delta in deltas:
            place = self._places.get(delta.index)
            if place is None or (delta.id and self._ids[place] and delta.id != self._ids[place]):
                place = self._begin(delta.index)
            self._ids[place] = self._ids[place] or delta.id or ""
            if delta.function is not None:
                self._names[place] += delta.function.name or ""
                self._arguments[place] += delta.function.arguments or ""
            if len(self._arguments[place]) > MAX_ARGUMENTS:
                raise PeerError(f"the model wrote endless arguments for {self._names[place]!r}")

    def _begin(self, index: int) -> int:
        if len(self._ids) == MAX_CALLS:
            raise PeerError(f"the model asked for more than {MAX_CALLS} tools at once")
        self._ids.append("")
        self._names.append("")
        self._arguments.append("")
        self._places[index] = len(self._ids) - 1
        return self._places[index]


def told_back(text: str, outcomes: Sequence[ToolOutcome]) -> list[dict[str, object]]:
    """The messages that go on from an answer with calls: the answer itself (``text`` is what it said), each result."""
    calls = [
        {
            "id": outcome.call.id,
            "type": "function",
            "function": {"name": outcome.call.name, "arguments": _valid(outcome.call.arguments)},
        }
        for outcome in outcomes
    ]
    answer: dict[str, object] = {"role": "assistant", "content": text or None, "tool_calls": calls}
    return [
        answer,
        *({"role": "tool", "tool_call_id": outcome.call.id, "content": outcome.shown} for outcome in outcomes),
    ]


def _valid(arguments: str) -> str:
    """Servers that parse the history choke on arguments that are not JSON: those are told back as none."""
    try:
        read_json(arguments)
    except ValueError:
        return "{}"
    return arguments
