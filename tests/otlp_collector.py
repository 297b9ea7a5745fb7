"""A collector of traces and metrics: it takes what it is sent, decoded by OpenTelemetry's own messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client import CollectorRegistry

from duologue.clock import SYSTEM_CLOCK
from duologue.telemetry.ledger import Entry
from duologue.telemetry.ledger_pen import Origin
from duologue.telemetry.otlp_export import OtlpExport
from scripted_server import ScriptedServer, serving


class Collector(ScriptedServer):
    """Takes what it is sent, and keeps it; ``refuse`` are the next answers' statuses."""

    def __init__(self, *refuse: int) -> None:
        super().__init__("")
        self.refuse = list(refuse)
        self.traces: list[ExportTraceServiceRequest] = []
        self.metrics: list[ExportMetricsServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.changed = asyncio.Event()

    @property
    def spans(self) -> list[Any]:
        return [s for r in self.traces for each in r.resource_spans for scope in each.scope_spans for s in scope.spans]

    async def answer(self, request: Any, connection: Any) -> bool:
        self.headers.append(dict(request.headers))
        status = self.refuse.pop(0) if self.refuse else 200
        if status == 200 and request.path == "/v1/traces":
            self.traces.append(ExportTraceServiceRequest.FromString(request.body))
        elif status == 200:
            assert request.path == "/v1/metrics"
            self.metrics.append(ExportMetricsServiceRequest.FromString(request.body))
        self.changed.set()
        return await connection.send(status, {})

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                self.changed.clear()
                await self.changed.wait()


def address_of(server: Any) -> str:
    return str(server.base_url).removesuffix("/v1")


def spans_of(entries: Iterable[Entry], registry: CollectorRegistry) -> list[Any]:
    """What a collector is told of these entries of a ledger, over a socket."""

    async def told() -> list[Any]:
        async with serving(Collector()) as server, asyncio.TaskGroup() as group:
            origin = Origin(SYSTEM_CLOCK.now(), SYSTEM_CLOCK.wall())
            export = OtlpExport(address_of(server), origin, registry, every=0.01)
            for entry in entries:
                export.observe(entry)
            task = group.create_task(export.run())
            await server.until(lambda: bool(server.metrics))
            task.cancel()
            return server.spans

    return asyncio.run(told())
