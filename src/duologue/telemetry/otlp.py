"""OpenTelemetry: turns as traces and the house's metrics, in the protocol's own messages. Pure but for the import.

One trace a turn. Its root is the turn; below it lie the stages that add up to what somebody waited
(:mod:`duologue.telemetry.turns`), and ``chat``, the model's work, by the semantic conventions for generative AI
(``gen_ai.*``). A talk or a call is a span in the trace of who asked for it, if it told of one, else a trace of its own;
its turns are linked to it. Ids are made of the ledger's, so the same turn is the same trace however often it is told.
Texts leave only where that is wanted.

The messages are those of ``opentelemetry-proto`` (extra ``otel``): there is no second clock, queue or global state.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from duologue.clock import MILLISECOND
from duologue.errors import InputError
from duologue.telemetry.ledger import (
    WITH_PEOPLE,
    CallRecord,
    ConversationRecord,
    RequestRecord,
    TurnRecord,
    UsageRecord,
)
from duologue.telemetry.ledger_pen import Origin
from duologue.telemetry.traces import conversation_span, span_id, trace_id
from duologue.telemetry.turns import stages_ms
from duologue.tracing import TraceContext, read_context, read_traceparent

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

INTERNAL, SERVER, CLIENT = 1, 2, 3
"""Kinds of spans, as the protocol numbers them."""
FAILED = 2
"""The status of one that went wrong."""
CUMULATIVE = 2
"""What a counter's value counts from: the beginning."""
SCOPE = "duologue"
HTTP_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"})
"""What the conventions for HTTP take for a method."""
Attributes = Mapping[str, object]


def messages(name: str) -> Any:
    """A module of the protocol's messages: ``trace``, ``metrics``, ``common``, ``resource``, ``trace_service``, ….

    Raises :class:`InputError` naming the extra when they are not installed.
    """
    folder = "collector." if name.endswith("_service") else ""
    part = name.removesuffix("_service")
    try:
        return import_module(f"opentelemetry.proto.{folder}{part}.v1.{name}_pb2")
    except ModuleNotFoundError as error:
        raise InputError(
            "the messages of OpenTelemetry are not installed", where="telemetry.otlp",
            remedy='pip install "duologue[otel]"',
        ) from error  # fmt: skip


def encodable(text: str) -> str:
    """Without half a character that somebody typed, of which the protocol has no encoding."""
    return text.encode("utf-8", "replace").decode()


def key_values(attributes: Attributes) -> list[Any]:
    """Attributes as the protocol has them; what is empty is left out."""
    made: list[Any] = []
    common = messages("common")
    for key, value in attributes.items():
        if value is None or value == "" or value == ():
            continue
        match value:
            case bool():
                told = common.AnyValue(bool_value=value)
            case int():
                told = common.AnyValue(int_value=value)
            case float():
                told = common.AnyValue(double_value=value)
            case tuple():
                each = [common.AnyValue(string_value=encodable(str(one))) for one in cast("tuple[object, ...]", value)]
                told = common.AnyValue(array_value=common.ArrayValue(values=each))
            case _:
                told = common.AnyValue(string_value=encodable(str(value)))
        made.append(common.KeyValue(key=key, value=told))
    return made


class Spans:
    """Makes spans of records. ``of`` is the part of the house, as the ledger has it; ``texts``: with what was said."""

    def __init__(self, origin: Origin, *, texts: bool = False) -> None:
        self._wall = origin.wall - origin.monotonic
        self._texts = texts

    def turn(
        self, of: str, record: TurnRecord, asker: TraceContext | None = None, asked: Sequence[UsageRecord] = ()
    ) -> list[Any]:
        """The spans of a turn, its root first, linked to its talk or call, of which ``asker`` was told; none for one of
        which no time is known. ``asked`` is what the model was asked for it, in order.
        """
        begin = record.spoken_to or record.asked or record.on_air
        times = (begin, record.ended, record.on_air, record.voiced, record.text_complete, record.decided)
        if not begin:
            return []
        trace, root = trace_id(record.id), span_id(record.id)
        attributes = {
            "duologue.of": of, "duologue.turn": record.id, "duologue.role": record.kind,
            "gen_ai.conversation.id": record.conversation, "gen_ai.agent.name": record.speaker,
            "duologue.state": record.state, "duologue.why": record.why, "duologue.question": record.question,
            "duologue.interrupted": record.interrupted, "duologue.speculated": record.adopted,
            "duologue.saved_ms": record.saved_ms, "duologue.queued_ms": record.queued_ms,
            "duologue.waited_ms": record.waited_ms, "duologue.gap_ms": record.gap_ms,
            "duologue.fillers": record.fillers, "duologue.false_alarms": record.false_alarms,
            "duologue.handovers": record.handovers, "duologue.stalls": record.stalls,
        }  # fmt: skip
        if self._texts:
            attributes |= {"duologue.text": record.text, "duologue.heard": record.heard}
        whole = self._span(f"turn {record.kind}", trace, root, b"", begin, max(times), attributes, SERVER)
        if record.state == "failed" or record.failure:
            whole.status.code, whole.status.message = FAILED, encodable(record.failure)
        if of.partition(":")[0] in WITH_PEOPLE:
            span = conversation_span(of.partition(":")[2], asker)
            link = messages("trace").Span.Link(trace_id=span.trace, span_id=span.span, trace_state=span.state)
            whole.links.append(link)
        return [whole, *self._stages(record, trace, root, begin), *self._chat(record, trace, root, asked)]

    def talk(self, of: str, record: ConversationRecord, begin: int, end: int) -> list[Any]:
        """The span of a talk over a socket or at a terminal."""
        attributes = {
            "duologue.of": of, "gen_ai.conversation.id": record.conversation,
            "gen_ai.agent.name": ", ".join(record.cast),
        }  # fmt: skip
        asker = read_context([record.parent], [record.tracestate])
        span = conversation_span(of.partition(":")[2], asker)
        above = asker.span if asker is not None else b""
        made = self._span("talk", span.trace, span.span, above, begin, end, attributes, SERVER)
        made.trace_state = span.state
        return [made]

    def request(self, record: RequestRecord) -> list[Any]:
        """The span of a request that belongs to somebody's trace, by the conventions for HTTP."""
        own, asker = read_traceparent(record.span), read_context([record.parent], [record.tracestate])
        if own is None or asker is None:
            return []
        known, failed = record.method in HTTP_METHODS, not record.status or record.status >= 500
        attributes = {
            "http.request.method": record.method if known else "_OTHER",
            "http.request.method_original": "" if known else record.method, "http.route": record.route,
            "url.path": record.path, "url.scheme": record.scheme, "http.response.status_code": record.status or None,
            "error.type": str(record.status or "_OTHER") if failed else "",
        }  # fmt: skip
        begin = record.at - round(record.took_ms * MILLISECOND)
        name = f"{record.method if known else 'HTTP'} {record.route}".strip()
        made = self._span(name, own.trace, own.span, asker.span, begin, record.at, attributes, SERVER)
        made.trace_state = asker.state
        if failed:
            made.status.code = FAILED
        return [made]

    def call(self, of: str, record: CallRecord, asker: TraceContext | None = None) -> list[Any]:
        """The span of a call, in the trace of an ``asker`` that told of its own."""
        name = of.removeprefix("line:")
        attributes = {
            "duologue.of": of, "duologue.call": record.call, "network.protocol.name": record.carrier,
            "duologue.caller": record.caller if self._texts else "", "duologue.called": record.called,
            "duologue.codec": record.codec, "duologue.reason": record.reason, "sip.status_code": record.status or None,
            "duologue.loss_percent": record.loss_percent, "duologue.jitter_ms": record.jitter_ms,
            "duologue.round_trip_ms": record.round_trip_ms, "gen_ai.agent.name": record.character,
        }  # fmt: skip
        kind = CLIENT if record.outgoing else SERVER
        span, above = conversation_span(name, asker), asker.span if asker is not None else b""
        made = self._span("call", span.trace, span.span, above, record.offered, record.ended, attributes, kind)
        made.trace_state = span.state
        if record.failed:
            made.status.code, made.status.message = FAILED, encodable(record.reason)
        return [made]

    def _stages(self, record: TurnRecord, trace: bytes, root: bytes, begin: int) -> list[Any]:
        """One after the other; ``speaking`` begins with the first word."""
        found: list[Any] = []
        at = begin
        for name, ms in stages_ms(record).items():
            if name == "speaking":
                at = record.on_air
            end = at + round(ms * MILLISECOND)
            found.append(self._span(name, trace, span_id(f"{record.id} {name}"), root, at, end, {}, INTERNAL))
            at = end
        return found

    def _chat(self, record: TurnRecord, trace: bytes, root: bytes, asked: Sequence[UsageRecord]) -> list[Any]:
        """By the conventions for generative AI. Of several requests (another engine took over, a tool was used) it
        names the last one, and counts all.
        """
        end = record.text_complete or record.first_sentence or record.first_token
        if not (record.asked and end):
            return []
        first = (record.first_token - record.asked) / 1e9 if record.first_token else None
        newest = asked[-1] if asked else None
        model, failed = newest.model if newest else "", newest is not None and newest.outcome == "failed"
        attributes = {
            "gen_ai.operation.name": "chat", "gen_ai.conversation.id": record.conversation,
            "gen_ai.provider.name": newest.engine if newest else "", "gen_ai.request.model": model,
            "gen_ai.request.stream": True, "server.address": newest.server if newest else "",
            "gen_ai.usage.input_tokens": sum(each.prompt_tokens for each in asked) or record.prompt_tokens or None,
            "gen_ai.usage.output_tokens": sum(each.completion_tokens for each in asked) or None,
            "gen_ai.usage.cache_read.input_tokens": (
                sum(each.cached_tokens for each in asked) or record.kept_tokens or None
            ),
            "gen_ai.response.time_to_first_chunk": first, "error.type": "_OTHER" if failed else "",
        }  # fmt: skip
        own = span_id(f"{record.id} chat")
        name = f"chat {model}".strip()
        made = self._span(name, trace, own, root, record.asked, max(end, record.asked), attributes, CLIENT)
        if failed:
            made.status.code = FAILED
        return [made]

    def _span(
        self, name: str, trace: bytes, own: bytes, parent: bytes, begin: int, end: int, told: Attributes, kind: int
    ) -> Any:
        return messages("trace").Span(
            name=name, trace_id=trace, span_id=own, parent_span_id=parent, kind=kind, attributes=key_values(told),
            start_time_unix_nano=begin + self._wall, end_time_unix_nano=max(begin, end) + self._wall,
        )  # fmt: skip


def resource(program: str, instance: str) -> Any:
    """Who tells it."""
    told = {"service.name": "duologue", "service.version": program, "service.instance.id": instance}
    return messages("resource").Resource(attributes=key_values(told))


def trace_request(who: Any, spans: Iterable[Any], program: str) -> bytes:
    """An ``ExportTraceServiceRequest``."""
    trace, scope = messages("trace"), messages("common").InstrumentationScope(name=SCOPE, version=program)
    scoped = trace.ScopeSpans(scope=scope, spans=list(spans))
    request = messages("trace_service").ExportTraceServiceRequest(
        resource_spans=[trace.ResourceSpans(resource=who, scope_spans=[scoped])]
    )
    return bytes(request.SerializeToString())


def metrics_request(who: Any, families: Iterable[Metric], begun: int, now: int, program: str) -> bytes:
    """An ``ExportMetricsServiceRequest`` of what Prometheus is told; times in Unix ns."""
    metrics, scope = messages("metrics"), messages("common").InstrumentationScope(name=SCOPE, version=program)
    found = [made for family in families if (made := _metric(family, begun, now)) is not None]
    scoped = metrics.ScopeMetrics(scope=scope, metrics=found)
    request = messages("metrics_service").ExportMetricsServiceRequest(
        resource_metrics=[metrics.ResourceMetrics(resource=who, scope_metrics=[scoped])]
    )
    return bytes(request.SerializeToString())


def _metric(family: Metric, begun: int, now: int) -> Any | None:
    metrics = messages("metrics")
    made = metrics.Metric(name=family.name, description=family.documentation, unit=_unit(family.name))
    samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
    if not samples:
        return None
    if family.type == "histogram":
        made.histogram.aggregation_temporality = CUMULATIVE
        made.histogram.data_points.extend(_distributions(samples, begun, now))
        return made
    points = [
        metrics.NumberDataPoint(
            attributes=key_values(sample.labels), as_double=sample.value, time_unix_nano=now,
            start_time_unix_nano=begun if family.type == "counter" else 0,
        )
        for sample in samples
    ]  # fmt: skip
    if family.type == "counter":
        made.sum.aggregation_temporality, made.sum.is_monotonic = CUMULATIVE, True
        made.sum.data_points.extend(points)
    else:
        made.gauge.data_points.extend(points)
    return made


def _distributions(samples: Iterable[Any], begun: int, now: int) -> list[Any]:
    """Prometheus counts what lies below each bound, OTLP what lies between two."""
    below: dict[tuple[tuple[str, str], ...], dict[float, int]] = defaultdict(dict)
    sums: dict[tuple[tuple[str, str], ...], float] = {}
    for sample in samples:
        labels = tuple((name, value) for name, value in sample.labels.items() if name != "le")
        if sample.name.endswith("_bucket"):
            below[labels][float(sample.labels["le"])] = int(sample.value)
        elif sample.name.endswith("_sum"):
            sums[labels] = sample.value
    found: list[Any] = []
    for labels, counts in below.items():
        bounds = sorted(counts)
        each = [counts[bound] - (counts[bounds[n - 1]] if n else 0) for n, bound in enumerate(bounds)]
        found.append(
            messages("metrics").HistogramDataPoint(
                attributes=key_values(dict(labels)), count=counts[bounds[-1]], sum=sums.get(labels, 0.0),
                bucket_counts=each, explicit_bounds=bounds[:-1], start_time_unix_nano=begun, time_unix_nano=now,
            )
        )  # fmt: skip
    return found


def _unit(name: str) -> str:
    units = {"seconds": "s", "bytes": "By", "ratio": "1"}
    return next((unit for word, unit in units.items() if name.removesuffix("_total").endswith(f"_{word}")), "")
