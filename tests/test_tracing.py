"""W3C Trace Context: what is read of a header, what is sent with a request, and only while traces are exported."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.hosted import HostedClient, HostedLimits, HostedWords
from duologue.tracing import (
    TraceContext,
    current_trace,
    exporting,
    is_exported,
    outgoing,
    read_context,
    read_traceparent,
    read_tracestate,
    traced,
)
from scripted_server import Connection, Request, ScriptedServer, serving

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01"
CONTEXT = TraceContext(bytes.fromhex(TRACE), bytes.fromhex(SPAN))


def test_a_header_is_read_as_it_is_written() -> None:
    assert read_traceparent(GOOD) == CONTEXT
    assert CONTEXT.header == GOOD
    assert read_traceparent(f" {GOOD}\t") == CONTEXT
    later = read_traceparent(f"01-{TRACE}-{SPAN}-03-what.is.to.come")
    assert later == CONTEXT
    unsampled = read_traceparent(f"00-{TRACE}-{SPAN}-00")
    assert unsampled is not None and unsampled.flags == 0


@pytest.mark.parametrize(
    "header",
    [
        "", "00", GOOD.upper(), GOOD[:-1], GOOD + "0", f"{GOOD}-more", f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE}-{SPAN}-0x", f"0-{TRACE}-{SPAN}-01",
        GOOD.replace("-", "_"), f"{GOOD},{GOOD}", f"00-{TRACE[:-1]}g-{SPAN}-01", f"01-{TRACE}-{SPAN}-01-{'x' * 600}",
    ],
)  # fmt: skip
def test_a_header_that_is_not_as_it_should_be_is_ignored(header: str) -> None:
    assert read_traceparent(header) is None


def test_several_headers_are_none() -> None:
    assert read_traceparent(GOOD, GOOD) is None
    assert read_traceparent() is None


@given(st.text())
def test_whatever_is_sent_is_a_context_or_nothing(header: str) -> None:
    found = read_traceparent(header)
    assert found is None or read_traceparent(found.header) == found


VALUE = "".join(map(chr, range(0x20, 0x7F))).replace(",", "").replace("=", "")


@pytest.mark.parametrize(
    ("headers", "passed_on"),
    [
        (["foo=1"], "foo=1"), (["foo=1,bar=2", "", "rojo=1", "baz=3"], "foo=1,bar=2,rojo=1,baz=3"),
        (["\t foo=1 \t , \t bar=2,\t, baz=3 "], "foo=1,bar=2,baz=3"), ([], ""), ([""], ""), ([" , "], ""),
        ([f"az09_-*/={VALUE}"], f"az09_-*/={VALUE}"), (["7eleven@shop-1=x"], "7eleven@shop-1=x"),
        ([f"{'z' * 256}=1"], f"{'z' * 256}=1"), ([f"{'t' * 241}@{'v' * 14}=1"], f"{'t' * 241}@{'v' * 14}=1"),
        ([",".join(f"k{n}={n}" for n in range(32))], ",".join(f"k{n}={n}" for n in range(32))),
        # longer than 512: those beyond 128 go first, then the last
        ([f"a={'x' * 253}", f"b={'y' * 254}"], f"a={'x' * 253},b={'y' * 254}"),  # 512
        ([f"a=1,long={'x' * 256},b={'y' * 120}", f"c={'z' * 120},d=4"], f"a=1,b={'y' * 120},c={'z' * 120},d=4"),
        ([",".join(f"k{n}={'v' * 100}" for n in range(6))], ",".join(f"k{n}={'v' * 100}" for n in range(4))),
    ],
)  # fmt: skip
def test_what_others_keep_of_a_trace_is_passed_on(headers: list[str], passed_on: str) -> None:
    assert read_tracestate(*headers) == passed_on
    assert read_tracestate(passed_on) == passed_on


@pytest.mark.parametrize(
    "headers",
    [
        ["foo"], ["foo="], ["=1"], ["foo =1"], ["FOO=1"], ["foo.bar=1"], ["1foo=1"], ["foo@=1,bar=2"], ["@foo=1,bar=2"],
        ["foo@@bar=1,bar=2"], ["foo@bar@baz=1,bar=2"], ["foo=1=2"], ["foo=\x01"], ["foo=\xe9"], ["foo=1,foo=1"],
        ["foo=1", "foo=2"], ["foo=1", f"{'z' * 257}=1"], ["foo=1", f"{'t' * 242}@v=1"], ["foo=1", f"t@{'v' * 15}=1"],
        ["foo=1", f"bar={'v' * 257}"], [",".join(f"k{n}={n}" for n in range(33))],
    ],
)  # fmt: skip
def test_all_of_it_is_dropped_where_a_member_is_not_as_it_should_be(headers: list[str]) -> None:
    assert read_tracestate(*headers) == ""
    assert read_context([GOOD], headers) == CONTEXT


def test_a_state_without_a_span_is_nothing() -> None:
    assert read_context([], ["foo=1"]) is None
    assert read_context(["00-nonsense"], ["foo=1"]) is None
    found = read_context([GOOD], ["foo=1", "bar=2"])
    assert found is not None and (found.header, found.state) == (GOOD, "foo=1,bar=2")


@given(st.lists(st.text(alphabet=st.sampled_from("ab@=, \t1_~\x7f"), max_size=200), max_size=5))
def test_whatever_is_said_of_a_trace_is_passed_on_in_bounds(headers: list[str]) -> None:
    found = read_tracestate(*headers)
    assert len(found) <= 512 and found.count(",") < 32 and read_tracestate(found) == found


async def test_work_belongs_to_a_span_while_traces_are_exported() -> None:
    found: list[TraceContext | None] = []

    async def work() -> None:
        found.append(current_trace())

    async with asyncio.TaskGroup() as group:
        with exporting(), traced(CONTEXT):
            assert is_exported() and outgoing() == (("traceparent", GOOD),)
            with traced(None):
                assert current_trace() == CONTEXT
            task = group.create_task(work())
            await task
        assert not is_exported()
        with traced(CONTEXT):
            assert current_trace() is None and outgoing() == ()
    assert found == [CONTEXT]


class Noting(ScriptedServer):
    """Keeps the headers of what it is asked."""

    def __init__(self) -> None:
        super().__init__("")
        self.seen: list[tuple[str, str | None, str | None]] = []

    async def answer(self, request: Request, connection: Connection) -> bool:
        told = request.headers.get("traceparent"), request.headers.get("tracestate")
        self.seen.append((request.path, *told))
        return await connection.send(200, {})


async def test_servers_of_others_are_told_the_trace() -> None:
    async with serving(Noting()) as server:
        words = HostedWords("openai", "the server", "the reply", "no word", "first_seconds")
        client = HostedClient(words, server.base_url, "NO_SUCH_KEY", HostedLimits(5, 5, 5, 1))
        inner: Any = exporting()
        for inside in (contextlib.nullcontext(), inner):
            with inside, traced(replace(CONTEXT, state="foo=1,bar=2")):
                await client.get("/models")
                assert [piece async for piece in client.stream("/chat/completions", {})]
                assert await client.post("/audio", {"a": "b"}, {}) == "{}"
        await client.close()
    paths = ["/v1/models", "/v1/chat/completions", "/v1/audio"]
    told = [*((path, None, None) for path in paths), *((path, GOOD, "foo=1,bar=2") for path in paths)]
    assert server.seen == told
