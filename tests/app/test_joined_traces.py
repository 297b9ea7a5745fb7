"""A client's trace goes on in ours: from the socket or the call to the turns, and to the servers that we ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from call_doubles import Exchange, Says, ScriptedLeg
from prometheus_client import CollectorRegistry
from talk_doubles import Door

from duologue.client import TalkClient
from duologue.language.fake import FakeLanguage, ScriptedReply
from duologue.phone.leg import CallInfo
from duologue.simulation.virtual_time import simulate
from duologue.telemetry.ledger import ConversationRecord, Entry, RecordingRecord
from duologue.telemetry.traces import conversation_span, span_id, trace_id
from duologue.tracing import TraceContext, current_trace, exporting, traced
from otlp_collector import spans_of

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

ASKER = TraceContext(bytes(range(16)), bytes(range(8, 16)))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, TraceContext | None]]:
    """What the mind was asked in which span."""
    found: list[tuple[str, TraceContext | None]] = []
    write = FakeLanguage.write

    async def noted(self: FakeLanguage, prompt: Any) -> AsyncGenerator[str, None]:
        found.append((prompt.lines[-1].text if prompt.lines else "", current_trace()))
        async for piece in write(self, prompt):
            yield piece

    monkeypatch.setattr(FakeLanguage, "write", noted)
    return found


def parents(entries: list[Entry]) -> list[str]:
    return [entry.record.parent for entry in entries if isinstance(entry.record, ConversationRecord)]


def converse(door: Door, asker: TraceContext | None) -> None:
    async def told(client: TalkClient) -> None:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(client.run())
            await client.until(lambda: client.welcome is not None)
            assert await client.ask("What is new?")
            client.leave()
            await running

    async def main() -> None:
        async with door:
            dial = door.dial

            async def traced_dial() -> Any:
                with traced(asker):  # as the layer of the web does, for the task of the socket
                    return await dial()

            door.dial = traced_dial
            client, _ = door.client()
            await told(client)

    simulate(main(), limit=3600)


def test_a_talk_stands_in_the_trace_of_who_opened_its_socket(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: list[tuple[str, TraceContext | None]]
) -> None:
    door = Door(monkeypatch, tmp_path, ["Not very much."])
    with exporting():
        converse(door, ASKER)
    assert parents(door.entries) == [ASKER.header]
    spans = spans_of(door.entries, CollectorRegistry())
    (talk,) = [span for span in spans if span.name == "talk"]
    assert (talk.trace_id, talk.parent_span_id) == (ASKER.trace, ASKER.span)
    answer = next(span for span in spans if span.name == "turn answer")
    assert [(link.trace_id, link.span_id) for link in answer.links] == [(talk.trace_id, talk.span_id)]
    assert talk.start_time_unix_nano <= answer.start_time_unix_nano <= answer.end_time_unix_nano
    assert answer.end_time_unix_nano <= talk.end_time_unix_nano
    chat = next(span for span in spans if span.name == "chat" and span.trace_id == answer.trace_id)
    assert ("What is new?", TraceContext(chat.trace_id, chat.span_id)) in asked


def test_a_talk_of_nobodys_trace_is_one_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: list[tuple[str, TraceContext | None]]
) -> None:
    door = Door(monkeypatch, tmp_path, ["Not very much."])
    with exporting():
        converse(door, None)
    assert parents(door.entries) == [""]
    (talk,) = [span for span in spans_of(door.entries, CollectorRegistry()) if span.name == "talk"]
    conversation = next(turn.conversation for turn in door.turns())
    assert (talk.trace_id, talk.span_id) == (trace_id(conversation), span_id(conversation))
    assert talk.parent_span_id == b""
    assert all(context is not None for _, context in asked)


def test_nothing_is_joined_and_nothing_told_while_nobody_exports(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: list[tuple[str, TraceContext | None]]
) -> None:
    door = Door(monkeypatch, tmp_path, ["Not very much."])
    converse(door, ASKER)
    assert parents(door.entries) == [""]
    assert asked and all(context is None for _, context in asked)


@pytest.mark.parametrize("header", [ASKER.header, "00-nonsense", ""])
def test_a_call_stands_in_the_trace_of_its_invitation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, header: str, asked: list[tuple[str, TraceContext | None]]
) -> None:
    says = [Says(3.0, "what is new")]
    exchange = Exchange(monkeypatch, "", says=says, replies=[ScriptedReply("Not very much.")] * 2, folder=tmp_path)
    headers = {"traceparent": header, "tracestate": "vendor=1"} if header else {}
    info = CallInfo(id="call-joined", caller="16", called="1000", headers=headers)
    leg = replace(ScriptedLeg(exchange.clock), info=info, script=tuple(says), seconds=10.0)
    with exporting():
        simulate(exchange.hold(leg))
    joined = header == ASKER.header
    spans = spans_of(exchange.entries, CollectorRegistry())
    (call,) = [span for span in spans if span.name == "call"]
    own = conversation_span("call-joined", ASKER if joined else None)
    assert (call.trace_id, call.span_id) == (own.trace, own.span)
    assert call.parent_span_id == (ASKER.span if joined else b"")
    assert call.trace_state == ("vendor=1" if joined else "")
    answers = [span for span in spans if span.name == "turn answer"]
    assert answers and all(
        (link.trace_id, link.span_id, link.trace_state) == (own.trace, own.span, call.trace_state)
        for span in answers
        for link in span.links
    )
    chats = {TraceContext(span.trace_id, span.span_id) for span in spans if span.name == "chat"}
    assert chats <= {context for _, context in asked}


def test_talks_and_calls_that_are_recorded_say_so_in_their_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    door = Door(
        monkeypatch, tmp_path, ["Well."], settings=f'[dialogue]\nrecord_folder = "{folder}"\nwait_most_ms = 900\n'
    )
    converse(door, None)
    (talk,) = [entry for entry in door.entries if isinstance(entry.record, RecordingRecord)]
    assert isinstance(talk.record, RecordingRecord)
    assert Path(talk.record.file).parent == folder and talk.of.startswith("talk:")
    assert talk.record.policy["wait_most_ms"] == 900
    says = [Says(3.0, "what is new")]
    exchange = Exchange(monkeypatch, f'[phone]\nrecord = "{folder}"\n', says=says, folder=tmp_path)
    leg = replace(ScriptedLeg(exchange.clock), script=tuple(says), seconds=8.0)
    simulate(exchange.hold(leg))
    (call,) = [entry for entry in exchange.entries if isinstance(entry.record, RecordingRecord)]
    (record,) = exchange.records()
    assert isinstance(call.record, RecordingRecord)
    assert (call.record.file, call.at) == (str(Path(record.recording).absolute()), record.answered)
