"""Tools: the schema of a function, the check of a model's arguments, limits, fillers, and never on speculation."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Literal, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duologue.errors import InputError, PeerError
from duologue.language import tools
from duologue.language.tools import STOPPED, CallMemory, Tool, Toolbox, ToolCall, ToolFiller, ToolOutcome, ToolUse


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


@dataclass
class Address:
    street: str
    number: int


async def order(
    dish: str,
    count: int = 1,
    size: Size = Size.SMALL,
    where: Address | None = None,
    sauce: Literal["red", "white"] = "red",
) -> dict[str, object]:
    """Order something to eat.

    More about it.

    :param dish: As on the menu.
    :param count: How many,
        at least one.
    :returns: What was ordered.
    """
    return {"dish": dish, "count": count, "size": size, "to": where and where.street, "sauce": sauce}


async def quick(first: int, second: int) -> int:
    """Add two numbers at once."""
    return first + second


def add(first: int, second: int) -> int:
    """Add two numbers."""
    return first + second


async def read(use: ToolUse, *calls: ToolCall) -> tuple[list[str], list[ToolOutcome]]:
    fillers = [piece async for piece in use.run(calls)]
    return list(fillers), use.outcomes


async def outcome(tool: Tool, arguments: str) -> ToolOutcome:
    _, outcomes = await read(ToolUse(Toolbox([tool])), ToolCall("c1", tool.name, arguments))
    return outcomes[0]


def test_the_schema_is_the_signatures():
    schema = json.loads(json.dumps(Tool(order).schema))
    assert schema["required"] == ["dish"] and schema["additionalProperties"] is False
    fields = schema["properties"]
    assert fields["dish"]["type"] == "string" and fields["dish"]["description"] == "As on the menu."
    assert fields["count"]["default"] == 1 and fields["count"]["description"] == "How many, at least one."
    assert fields["sauce"]["enum"] == ["red", "white"]
    assert schema["$defs"]["Size"]["enum"] == ["small", "large"]
    assert schema["$defs"]["Address"]["required"] == ["street", "number"]


def test_the_declaration_is_the_one_of_chat_completions():
    declared = Toolbox([Tool(add)]).declarations[0]
    assert declared["type"] == "function"
    about = cast("dict[str, object]", declared["function"])
    assert (about["name"], about["description"]) == ("add", "Add two numbers.")
    assert Tool(order).description == "Order something to eat. More about it."


async def test_arguments_become_what_the_function_wants():
    answer = await outcome(
        Tool(order), '{"dish":"soup","size":"large","where":{"street":"Elm","number":4},"sauce":"white"}'
    )
    assert json.loads(answer.shown) == {"dish": "soup", "count": 1, "size": "large", "to": "Elm", "sauce": "white"}
    assert answer.failure == "" and answer.began <= answer.ended
    assert (await outcome(Tool(add), '{"first": 2, "second": 3}')).shown == "5"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("{}", "first: Field required"),
        ('{"first":"x","second":1}', "first: Input should be a valid integer"),
        ('{"first":1,"second":1,"third":1}', "third: Extra inputs"),
        ('{"first":1', "Invalid JSON"),
        ("[1,2]", "arguments"),
        ("", "Field required"),
    ],
)
async def test_wrong_arguments_are_told_to_the_model(arguments: str, told: str):
    answer = await outcome(Tool(add), arguments)
    assert told in json.loads(answer.shown)["error"] and told in answer.failure


@settings(deadline=None)
@given(st.text(max_size=60))
def test_whatever_a_model_writes_has_an_outcome(arguments: str):
    answer = asyncio.run(outcome(Tool(add), arguments))
    assert json.loads(answer.shown) and answer.failure


async def test_failures_and_unknown_tools_are_outcomes_too():
    async def broken(text: str) -> str:
        raise KeyError(text)

    calls = [ToolCall("a", "broken", '{"text":"x"}'), ToolCall("b", "nothing", "{}"), ToolCall("c", "add", '{"a":1}')]
    _, outcomes = await read(ToolUse(Toolbox([Tool(broken), Tool(add)])), *calls)
    assert [answer.call.id for answer in outcomes] == ["a", "b", "c"]
    assert "KeyError" in outcomes[0].failure and "There are: broken, add." in outcomes[1].failure


async def test_a_call_has_a_time_limit():
    async def forever() -> None:
        await asyncio.Event().wait()

    answer = await outcome(Tool(forever, limit_seconds=0.01), "{}")
    assert answer.failure == "no result in 0.01 s"


async def test_calls_run_together_and_too_many_are_refused():
    both = asyncio.Barrier(2)

    async def meet() -> str:
        await both.wait()
        return "met"

    use = ToolUse(Toolbox([Tool(meet)]), max_calls=2)
    _, outcomes = await read(use, *(ToolCall(str(number), "meet", "{}") for number in range(3)))
    assert [answer.shown for answer in outcomes[:2]] == ['"met"', '"met"'] and "more than 2" in outcomes[2].failure


async def test_a_slow_call_is_covered_by_its_filler_and_a_quick_one_is_not(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tools, "FILLER_AFTER", 0.0)
    go = asyncio.Event()

    async def slow() -> str:
        await go.wait()
        return "done"

    use = ToolUse(Toolbox([Tool(slow, filler="One moment.")]))
    stream = use.run([ToolCall("c", "slow", "{}")])
    assert await anext(stream) == ToolFiller("One moment.") and use.outcomes == []
    go.set()
    assert [piece async for piece in stream] == [] and use.outcomes[0].shown == '"done"'
    monkeypatch.undo()
    fillers, _ = await read(
        ToolUse(Toolbox([Tool(quick, filler="Hm.")])), ToolCall("c", "quick", '{"first":1,"second":1}')
    )
    assert fillers == []


async def test_nothing_is_called_on_speculation():
    called: list[str] = []

    def book(name: str) -> None:
        called.append(name)

    calls = [ToolCall("c", "book", '{"name":"Ada"}')]
    dropped = ToolUse(Toolbox([Tool(book)]), committed=False)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(read(dropped, *calls))
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
    assert called == [] and dropped.outcomes == []

    kept = ToolUse(Toolbox([Tool(book)]), committed=False)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(read(kept, *calls))
        await asyncio.sleep(0)
        kept.commit()
    assert called == ["Ada"] and kept.outcomes[0].failure == ""


async def test_closing_the_stream_cancels_the_calls(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tools, "FILLER_AFTER", 0.0)
    ended: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("slow")

    logged: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context["message"]))
    use = ToolUse(Toolbox([Tool(slow, filler="Wait.")]))
    stream = use.run([ToolCall("c", "slow", "{}")])
    await anext(stream)
    await stream.aclose()
    del stream
    gc.collect()
    assert ended == ["slow"] and use.outcomes == []
    assert logged == []  # it was meant: no error that nobody saw


async def test_a_long_result_is_cut():
    def much() -> str:
        return "x" * 50_000

    assert len((await outcome(Tool(much), "{}")).shown) == tools.MAX_RESULT


untyped: Callable[..., object] = eval("lambda x: None")
untyped.__name__ = "untyped"


def positional(x: int, /) -> None:
    """Cannot be called by name."""


def several(*x: int) -> None:
    """Takes any number."""


@pytest.mark.parametrize("function", [untyped, positional, several, lambda: None])
def test_a_function_that_cannot_be_described_is_refused(function: Callable[..., object]):
    with pytest.raises(InputError):
        Tool(function)


def test_two_tools_may_not_have_one_name():
    with pytest.raises(InputError, match="one name"):
        Toolbox([Tool(add), Tool(order, name="add")])


def numbered(name: str, arguments: str, number: int) -> ToolCall:
    return ToolCall(f"c{number}", name, arguments)


async def test_a_call_of_an_earlier_reply_answers_one_like_it_and_no_more():
    rolled: list[int] = []

    async def roll(sides: int, times: int = 1) -> int:
        rolled.append(sides)
        return len(rolled)

    told: list[str] = []
    toolbox, memory = Toolbox([Tool(roll)]), CallMemory()
    first = ToolUse(toolbox, memory=memory, told=lambda outcome: told.append(outcome.call.id))
    await read(first, numbered("roll", '{"sides": 6}', 1), numbered("roll", '{"sides": 6}', 2))
    assert rolled == [6, 6], "one reply may well ask for the same thing twice"
    again = ToolUse(toolbox, memory=memory, told=lambda outcome: told.append(outcome.call.id))
    calls = [numbered("roll", text, 3 + n) for n, text in enumerate(('{ "sides":6 }', '{"sides":6}', '{"sides":6}'))]
    _, outcomes = await read(again, *calls, numbered("roll", '{"sides": 8}', 6))
    assert rolled == [6, 6, 6, 8]
    assert [(outcome.call.id, outcome.shown) for outcome in outcomes] == [
        ("c3", "1"), ("c4", "2"), ("c5", "3"), ("c6", "4"),
    ]  # fmt: skip
    assert told == ["c1", "c2", "c5", "c6"]
    assert [outcome.call.id for outcome in memory.settle()] == told and memory.outcomes == ()
    await read(ToolUse(toolbox, memory=memory), numbered("roll", '{"sides": 6}', 7))
    assert len(rolled) == 5


async def test_a_model_that_loops_in_a_call_behind_a_good_one_is_told_so():
    async def roll(sides: int) -> int:
        return sides

    toolbox, memory = Toolbox([Tool(roll)]), CallMemory()
    await read(ToolUse(toolbox, memory=memory), numbered("roll", '{"sides": 6}', 1))
    _, (outcome,) = await read(ToolUse(toolbox, memory=memory), numbered("roll", "[" * 5000, 2))
    assert "Invalid JSON" in outcome.failure


async def test_a_call_that_failed_may_be_made_again():
    tries: list[int] = []

    async def flaky() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("not now")
        return "done"

    memory = CallMemory()
    for number in (1, 2):
        _, (outcome,) = await read(ToolUse(Toolbox([Tool(flaky)]), memory=memory), numbered("flaky", "{}", number))
    assert len(tries) == 2 and outcome.shown == '"done"'


@pytest.mark.realtime
async def test_functions_that_hang_take_the_threads_of_nobody_else():
    """Six calls of one that never returned, on two cores, and no thread was left for all that a house does in one."""
    go, asked = threading.Event(), list[int]()

    def hang(number: int) -> None:
        asked.append(number)
        go.wait(60.0)

    tool = Tool(hang, limit_seconds=0.05)
    try:
        for number in range(40):
            with pytest.raises(TimeoutError):
                await tool.call(json.dumps({"number": number}))
        async with asyncio.timeout(10):
            await asyncio.to_thread(int)
        assert len(asked) == 40
    finally:
        go.set()


@pytest.mark.realtime
async def test_of_functions_that_hang_there_are_so_many_at_most(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tools, "MOST_THREADS", 2)
    go = threading.Event()

    def hang() -> bool:
        return go.wait(60.0)

    tool = Tool(hang, limit_seconds=0.05)
    try:
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await tool.call("{}")
        with pytest.raises(PeerError, match="2 calls of functions have not returned"):
            await tool.call("{}")
    finally:
        go.set()
    patient = Tool(hang)
    while True:  # those that hung return
        try:
            assert await patient.call("{}") is True
            break
        except PeerError:
            await asyncio.sleep(0.01)


async def test_a_thread_that_was_left_alone_answers_the_next_call_like_it():
    """Python cannot stop it: what it does, it does once."""
    begun, go, calls = threading.Event(), threading.Event(), list[str]()

    def book(name: str) -> str:
        calls.append(name)
        begun.set()
        go.wait(10)
        return f"booked for {name}"

    toolbox, memory = Toolbox([Tool(book)]), CallMemory()

    async def start() -> None:
        await read(ToolUse(toolbox, memory=memory), numbered("book", '{"name":"Ada"}', 1))

    async with asyncio.TaskGroup() as group:
        withdrawn = group.create_task(start())
        await asyncio.to_thread(begun.wait, 10)
        withdrawn.cancel()
    assert [outcome.failure for outcome in memory.outcomes] == [STOPPED]
    asyncio.get_running_loop().call_later(0.01, go.set)
    _, (outcome,) = await read(ToolUse(toolbox, memory=memory), numbered("book", '{"name":"Ada"}', 2))
    assert outcome.shown == '"booked for Ada"' and calls == ["Ada"]
    assert [each.shown for each in memory.outcomes] == ['"booked for Ada"']
