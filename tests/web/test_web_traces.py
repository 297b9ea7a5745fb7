"""Requests that belong to a client's trace: joined while traces are exported, and never by a header that is broken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket
from studio_double import Connect, HouseDouble

from duologue.clock import SECOND
from duologue.telemetry.ledger import RequestRecord
from duologue.telemetry.ledger_pen import Origin
from duologue.telemetry.otlp import FAILED, SERVER, Spans
from duologue.tracing import TraceContext, current_trace, exporting, read_traceparent
from duologue.web.trace_context import JoinTraces

ASKER = TraceContext(bytes(range(1, 17)), bytes(range(8, 16)))
GOOD = {"traceparent": ASKER.header}


async def test_a_request_is_a_span_of_the_clients_trace(connect: Connect, house: HouseDouble) -> None:
    with exporting():
        async with connect() as client:
            assert (await client.get("/healthz", headers=GOOD)).status_code == 200
            assert (await client.get("/api/nothing-there", headers=GOOD)).status_code == 404
            await client.get("/healthz")
    first, second = house.requests
    own = read_traceparent(first.span)
    assert own is not None and own.trace == ASKER.trace and own.span != ASKER.span
    assert (first.method, first.route, first.status, first.parent) == ("GET", "/healthz", 200, ASKER.header)
    assert (second.status, second.span != first.span) == (404, True)
    assert first.took_ms >= 0
    (span,) = Spans(Origin(5 * SECOND, 1_764_000_000 * SECOND)).request(first)
    assert (span.name, span.kind) == ("GET /healthz", SERVER)
    assert (span.trace_id, span.span_id, span.parent_span_id) == (ASKER.trace, own.span, ASKER.span)
    told = {each.key: each.value for each in span.attributes}
    assert told["http.request.method"].string_value == "GET"
    assert told["http.response.status_code"].int_value == 200
    assert (told["url.path"].string_value, told["url.scheme"].string_value) == ("/healthz", "http")
    assert span.status.code == 0 and "error.type" not in told
    assert second.path == "/api/nothing-there"


@pytest.mark.parametrize("header", ["", "00-1-2-3", ASKER.header.upper(), "00-" + "0" * 32 + "-" + "1" * 16 + "-01"])
async def test_a_broken_header_is_no_trace_and_no_error(connect: Connect, house: HouseDouble, header: str) -> None:
    with exporting():
        async with connect() as client:
            assert (await client.get("/healthz", headers={"traceparent": header})).status_code == 200
            twice = [("traceparent", ASKER.header), ("traceparent", ASKER.header)]
            assert (await client.get("/healthz", headers=twice)).status_code == 200
    assert house.requests == []


async def test_what_the_client_keeps_of_its_trace_goes_on_with_it(connect: Connect, house: HouseDouble) -> None:
    two = [*GOOD.items(), ("tracestate", "vendor=opaque-1"), ("tracestate", "other@own=2")]
    with exporting():
        async with connect() as client:
            await client.get("/healthz", headers=two)
            await client.get("/healthz", headers=[*GOOD.items(), ("tracestate", "no member")])
            await client.get("/healthz", headers=[("tracestate", "vendor=opaque-1")])
    first, second = house.requests
    assert (first.tracestate, second.tracestate) == ("vendor=opaque-1,other@own=2", "")
    (span,) = Spans(Origin(5 * SECOND, 1_764_000_000 * SECOND)).request(first)
    assert span.trace_state == "vendor=opaque-1,other@own=2"


async def test_nobody_is_joined_while_nobody_exports(connect: Connect, house: HouseDouble) -> None:
    async with connect() as client:
        assert (await client.get("/healthz", headers=GOOD)).status_code == 200
    assert house.requests == []


def test_a_failed_request_is_an_error() -> None:
    record = RequestRecord(9 * SECOND, "POST", "/v1/chat/completions", 503, 20.0, ASKER.header, ASKER.header)
    (span,) = Spans(Origin(5 * SECOND, 0)).request(record)
    assert span.status.code == FAILED
    assert {each.key: each.value.string_value for each in span.attributes}["error.type"] == "503"
    assert span.end_time_unix_nano - span.start_time_unix_nano == 20_000_000


def test_a_method_that_is_none_is_not_a_name_of_a_span() -> None:
    record = RequestRecord(9 * SECOND, "BREW", "/coffee", 405, 1.0, ASKER.header, ASKER.header, path="/coffee")
    (span,) = Spans(Origin(5 * SECOND, 0)).request(record)
    told = {each.key: each.value.string_value for each in span.attributes}
    assert (span.name, told["http.request.method"], told["http.request.method_original"]) == (
        "HTTP /coffee", "_OTHER", "BREW",
    )  # fmt: skip


def test_a_sockets_conversation_is_asked_for_in_the_clients_trace() -> None:
    found: list[TraceContext | None] = []

    async def open_socket(socket: WebSocket) -> None:
        await socket.accept()
        found.append(current_trace())
        await socket.close()

    app: Any = JoinTraces(Starlette(routes=[WebSocketRoute("/api/talk", open_socket)]), HouseDouble())
    with TestClient(app) as client:
        for inside in (False, True):
            if inside:
                with exporting(), client.websocket_connect("/api/talk", headers={**GOOD, "tracestate": "own=1"}):
                    pass
            else:
                with client.websocket_connect("/api/talk", headers=GOOD):
                    pass
    assert found == [None, replace(ASKER, state="own=1")]
