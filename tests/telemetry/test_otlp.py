"""OpenTelemetry's own messages, decoded: what a collector is told of turns, calls and metrics, and what befalls it."""

from __future__ import annotations

import asyncio
import builtins
import itertools
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector as MetricCollector

from duologue.app.house.house import House
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK
from duologue.errors import InputError
from duologue.settings import load_settings
from duologue.telemetry.ledger import CallRecord, Entry, TurnRecord, UsageRecord
from duologue.telemetry.ledger_pen import Origin
from duologue.telemetry.metrics.metrics import Metrics
from duologue.telemetry.otlp import CLIENT, FAILED, INTERNAL, SERVER, Spans
from duologue.telemetry.otlp_export import HEADERS, MOST_WAITING, OtlpExport
from duologue.telemetry.traces import span_id, trace_id
from duologue.telemetry.turns import stages_ms
from duologue.tracing import TraceContext
from otlp_collector import Collector, address_of
from scripted_server import serving

WALL = 1_764_000_000 * SECOND
ORIGIN = Origin(5 * SECOND, WALL)
CALL = "0199a3c0-0000-7000-8000-000000000001"


def at(seconds: float) -> int:
    return ORIGIN.monotonic + round(seconds * SECOND)


def answer(**other: Any) -> TurnRecord:
    """A turn that was answered in 0.9 s."""
    told: dict[str, Any] = {
        "kind": "answer", "text": "We open at nine.", "heard": "We open", "spoken_to": at(1.0), "decided": at(1.3),
        "understood": at(1.3), "asked": at(1.35), "first_token": at(1.5), "first_sentence": at(1.6),
        "text_complete": at(1.7), "first_audio": at(1.8), "voiced": at(2.0), "on_air": at(1.9), "ended": at(4.0),
        "state": "ended", "prompt_tokens": 320, "kept_tokens": 300, "handovers": ("tts: kokoro → piper",),
    }  # fmt: skip
    return TurnRecord("c1/r1", "c1", 2, "ada", **{**told, **other})


def called(**other: Any) -> CallRecord:
    told: dict[str, Any] = {"answered": at(0.5), "codec": "PCMU", "loss_percent": 1.5}
    return CallRecord(
        CALL, "sip:bob", "16", "sip", False, "ada", at(0), at(9), "they hung up", **{**told, **other}
    )  # fmt: skip


def attributes(span: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in span.attributes:
        kind = each.value.WhichOneof("value")
        value = getattr(each.value, kind)
        found[each.key] = [one.string_value for one in value.values] if kind == "array_value" else value
    return found


def test_a_turn_is_a_trace_whose_stages_add_up_to_what_somebody_waited() -> None:
    turn = answer()
    root, *rest = Spans(ORIGIN).turn("talk:1", turn)
    assert (root.name, root.kind, root.parent_span_id) == ("turn answer", SERVER, b"")
    assert (root.start_time_unix_nano, root.end_time_unix_nano) == (WALL + SECOND, WALL + 4 * SECOND)
    assert {span.trace_id for span in rest} == {root.trace_id} == {trace_id("c1/r1")}
    assert {span.parent_span_id for span in rest} == {root.span_id}
    assert len({span.span_id for span in (root, *rest)}) == len(rest) + 1
    stages = [span for span in rest if span.kind == INTERNAL]
    assert [span.name for span in stages] == list(stages_ms(turn))
    silence = [span for span in stages if span.name != "speaking"]
    assert silence[0].start_time_unix_nano == root.start_time_unix_nano
    for before, after in itertools.pairwise(silence):
        assert before.end_time_unix_nano == after.start_time_unix_nano
    assert silence[-1].end_time_unix_nano == WALL + round(1.9 * SECOND)
    assert stages[-1].start_time_unix_nano == silence[-1].end_time_unix_nano
    told = attributes(root)
    assert told["gen_ai.conversation.id"] == "c1"
    assert told["duologue.handovers"] == ["tts: kokoro → piper"]
    assert not [key for key in told if key in ("duologue.text", "duologue.heard")]


def test_the_models_work_stands_as_the_conventions_for_generative_ai_have_it() -> None:
    chat = next(span for span in Spans(ORIGIN).turn("talk:1", answer()) if span.name == "chat")
    assert chat.kind == CLIENT
    assert (chat.start_time_unix_nano, chat.end_time_unix_nano) == (
        WALL + 1350 * MILLISECOND,
        WALL + 1700 * MILLISECOND,
    )
    told = attributes(chat)
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.usage.input_tokens"] == 320
    assert told["gen_ai.response.time_to_first_chunk"] == pytest.approx(0.15)


def test_the_models_work_names_who_did_it_and_counts_all_that_it_was_asked() -> None:
    first = UsageRecord("llm", "openai", "gpt-4.1", "api.example", outcome="failed", prompt_tokens=300)
    second = UsageRecord("llm", "llama", "gemma", prompt_tokens=310, cached_tokens=256, completion_tokens=42)
    spans = Spans(ORIGIN).turn("talk:1", answer(), asked=(first, second))
    chat = next(span for span in spans if span.name == "chat gemma")
    told = attributes(chat)
    assert (told["gen_ai.provider.name"], told["gen_ai.request.model"]) == ("llama", "gemma")
    assert (told["gen_ai.usage.input_tokens"], told["gen_ai.usage.output_tokens"]) == (610, 42)
    assert told["gen_ai.usage.cache_read.input_tokens"] == 256 and told["gen_ai.request.stream"] is True
    assert "server.address" not in told and "error.type" not in told and chat.status.code == 0
    (failed,) = [span for span in Spans(ORIGIN).turn("talk:1", answer(), asked=(first,)) if span.name == "chat gpt-4.1"]
    assert attributes(failed)["server.address"] == "api.example"
    assert (attributes(failed)["error.type"], failed.status.code) == ("_OTHER", FAILED)


async def test_what_was_asked_for_a_turn_is_told_with_it_whenever_it_is_known() -> None:
    """The request of a reply that was cut off is over a moment after its turn."""
    turn = answer()
    chat = TraceContext(trace_id(turn.id), span_id(f"{turn.id} chat"))
    elsewhere = TraceContext(trace_id(turn.id), span_id(f"{turn.id} voice"))
    usage = UsageRecord("llm", "openai", "gpt-4.1", completion_tokens=9, span=chat.header)
    async with serving(Collector()) as server, exporting(address_of(server)) as export:
        export.observe(Entry(at(1), "talk:1", turn))
        for record in (usage, replace(usage, model="other", span=elsewhere.header), replace(usage, span="")):
            export.observe(Entry(at(1), "talk:1", record))
        await server.until(lambda: bool(server.spans))
    told = next(attributes(span) for span in server.spans if span.name.startswith("chat"))
    assert (told["gen_ai.request.model"], told["gen_ai.usage.output_tokens"]) == ("gpt-4.1", 9)


def test_what_was_said_leaves_only_where_that_is_wanted() -> None:
    assert attributes(Spans(ORIGIN, texts=True).turn("talk:1", answer())[0])["duologue.heard"] == "We open"
    assert "duologue.caller" not in attributes(Spans(ORIGIN).call(f"line:{CALL}", called())[0])
    assert attributes(Spans(ORIGIN, texts=True).call(f"line:{CALL}", called())[0])["duologue.caller"] == "sip:bob"


def test_half_a_character_that_somebody_typed_costs_no_trace() -> None:
    root, *_ = Spans(ORIGIN, texts=True).turn("talk:1", answer(text="so \ud83d", failure="at \udc00"))
    assert root.SerializeToString() and root.status.message == "at ?"


def test_a_turn_of_a_call_is_linked_to_it_and_failures_are_errors() -> None:
    spans = Spans(ORIGIN)
    turn = spans.turn(f"line:{CALL}", answer(state="failed", failure="voice: the server is gone"))[0]
    call = spans.call(f"line:{CALL}", called())[0]
    assert [(link.trace_id, link.span_id) for link in turn.links] == [(call.trace_id, call.span_id)]
    assert (turn.status.code, turn.status.message) == (FAILED, "voice: the server is gone")
    assert call.status.code == 0
    assert spans.call(f"line:{CALL}", called(failed=True))[0].status.code == FAILED
    assert call.span_id == span_id(CALL)


def test_a_turn_without_times_is_no_trace() -> None:
    assert Spans(ORIGIN).turn("talk:1", TurnRecord("c1/r9", "c1", 9, "ada")) == []


@asynccontextmanager
async def exporting(address: str, **other: Any) -> AsyncGenerator[OtlpExport]:
    metrics = Metrics()
    origin = Origin(SYSTEM_CLOCK.now(), SYSTEM_CLOCK.wall())
    export = OtlpExport(address, origin, metrics.registry, every=0.02, **other)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(export.run())
        metrics.observe(Entry(at(1), "talk:1", answer()))
        yield export
        task.cancel()


async def test_a_collector_is_told_of_turns_calls_and_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HEADERS, "X-Tenant=me,authorization=Bearer%20hush-hush")
    async with serving(Collector()) as server, exporting(address_of(server), instance="i1") as export:
        export.observe(Entry(at(1), "talk:1", answer()))
        export.observe(Entry(at(9), f"line:{CALL}", called()))
        await server.until(lambda: len(server.spans) > 3 and bool(server.metrics))
    assert {"turn answer", "call", "chat", "endpointing"} <= {span.name for span in server.spans}
    who = {each.key: each.value.string_value for each in server.traces[0].resource_spans[0].resource.attributes}
    assert (who["service.name"], who["service.instance.id"]) == ("duologue", "i1")
    sent = {name.lower(): value for name, value in server.headers[0].items()}
    assert (sent["x-tenant"], sent["authorization"]) == ("me", "Bearer hush-hush")
    assert sent["content-type"] == "application/x-protobuf"
    told = {m.name: m for m in server.metrics[-1].resource_metrics[0].scope_metrics[0].metrics}
    waits = told["duologue_answer_seconds"].histogram.data_points[0]
    assert (waits.count, waits.sum) == (1, pytest.approx(0.9))
    assert len(waits.bucket_counts) == len(waits.explicit_bounds) + 1
    assert sum(waits.bucket_counts) == 1
    assert waits.bucket_counts[next(n for n, bound in enumerate(waits.explicit_bounds) if bound >= 0.9)] == 1
    turns = told["duologue_turns"].sum
    assert (turns.is_monotonic, turns.data_points[0].as_double) == (True, 1.0)


async def test_a_collector_that_is_busy_is_told_again_and_one_that_refuses_is_not() -> None:
    async with serving(Collector(503, 429)) as server, exporting(address_of(server)) as export:
        export.observe(Entry(at(1), "talk:1", answer()))
        await server.until(lambda: bool(server.spans) and bool(server.metrics))
        assert (export.exported, export.dropped) == (1, 0)
    async with serving(Collector(400)) as server, exporting(address_of(server)) as export:
        export.observe(Entry(at(1), "talk:1", answer()))
        await server.until(lambda: bool(server.metrics))
        assert (export.exported, export.dropped, server.spans) == (0, 1, [])


async def test_without_a_collector_what_waits_is_bounded_and_the_oldest_goes() -> None:
    async with serving(Collector()) as server:
        address = address_of(server)
    async with exporting(address) as export:
        for number in range(MOST_WAITING + 10):
            export.observe(Entry(at(1), "talk:1", answer(saved_ms=float(number))))
        assert export.dropped == 10


async def test_metrics_that_raise_end_nothing() -> None:
    class Broken(MetricCollector):
        def collect(self) -> Iterator[Metric]:
            raise RuntimeError("boom")

    registry = CollectorRegistry()
    async with serving(Collector()) as server, asyncio.TaskGroup() as group:
        export = OtlpExport(address_of(server), ORIGIN, registry, every=0.02)
        registry.register(Broken())
        task = group.create_task(export.run())
        for number in range(3):
            export.observe(Entry(at(1), "talk:1", answer(saved_ms=float(number))))
            await server.until(lambda least=number: len(server.traces) > least)
        assert not task.done()
        task.cancel()


async def test_what_ended_last_is_still_told() -> None:
    async with serving(Collector()) as server:
        async with exporting(address_of(server)) as export:
            await server.until(lambda: bool(server.metrics))
            export.observe(Entry(at(1), "talk:1", answer()))
        assert server.spans


class Slow(Collector):
    """Takes what it is sent, and is not heard of again from ``hush`` on."""

    def __init__(self) -> None:
        super().__init__()
        self.hush = False

    async def answer(self, request: Any, connection: Any) -> bool:
        if self.hush:
            await asyncio.Event().wait()
        return await super().answer(request, connection)


async def test_a_collector_that_is_slow_at_the_end_is_no_failure_of_the_house(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue.telemetry.otlp_export.LAST_SECONDS", 0.05)
    async with serving(Slow()) as server:
        async with exporting(address_of(server)) as export:
            await server.until(lambda: bool(server.metrics))
            server.hush = True
            export.observe(Entry(at(1), "talk:1", answer()))
        assert export.dropped == 1 and not server.spans


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    for name in [name for name in sys.modules if name.startswith("opentelemetry")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("duologue.telemetry.otlp.import_module", missing)
    with pytest.raises(InputError, match=r"duologue\[otel\]"):
        OtlpExport("http://127.0.0.1:4318", ORIGIN, CollectorRegistry())


class Quiet:
    """A part that goes on until the house ends, and has a last turn then."""

    name = topic = "quiet"

    def __init__(self) -> None:
        self.house: House | None = None

    def ready(self) -> tuple[str, ...]:
        return ()

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            assert self.house is not None
            self.house.ledger.enter("talk:1", answer())


async def test_a_house_tells_its_collector_also_of_what_ended_with_it() -> None:
    async with serving(Collector()) as server:
        given = {"serve.show": False, "telemetry.otlp": address_of(server), "telemetry.otlp_seconds": 0.1}
        part = Quiet()
        house = part.house = House(load_settings(given), parts=(part,))
        async with asyncio.TaskGroup() as group:
            running = group.create_task(house.run())
            await server.until(lambda: bool(server.metrics))
            running.cancel()
        names = {span.name for span in server.spans}
    assert {"turn answer", "chat"} <= names
    told = {m.name for r in server.metrics for m in r.resource_metrics[0].scope_metrics[0].metrics}
    assert {"duologue_part_up", "duologue_loop_lag_seconds"} <= told
