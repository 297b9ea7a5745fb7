"""Sends traces and metrics to a collector by OTLP over HTTP (protobuf), as its specification wants it.

https://opentelemetry.io/docs/specs/otlp/#otlphttp: ``POST /v1/traces`` and ``/v1/metrics``; 429, 502, 503 and 504 are
tried again, after what ``Retry-After`` says, any other refusal drops the batch. Nothing waits for a collector: what
cannot be sent stands in a bounded queue, the oldest is dropped and counted, and the log says once that it is away and
once that it is back.
"""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict, deque
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.redaction import hide, redacted
from duologue.telemetry.ledger import (
    CallRecord,
    ConversationRecord,
    Entry,
    OverRecord,
    RequestRecord,
    TurnRecord,
    UsageRecord,
)
from duologue.telemetry.ledger_pen import Origin
from duologue.telemetry.log import get_logger
from duologue.telemetry.otlp import Spans, messages, metrics_request, resource, trace_request
from duologue.telemetry.traces import span_id
from duologue.tracing import read_context, read_traceparent
from duologue.version import __version__

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"
"""The environment variable whose ``key=value`` pairs, told apart by commas, go with each request."""
MOST_WAITING = 2_000
"""Turns, talks and calls that stand in the queue; a turn is some twelve spans."""
MOST_AT_ONCE = 200
"""Of them in one request."""
AGAIN = frozenset({429, 502, 503, 504})
LONGEST_PAUSE = 60.0
TIMEOUT = 10.0
"""Of a request, seconds."""
LAST_SECONDS = 20.0
"""For what is left at the end."""

_log = get_logger("duologue.telemetry.otlp")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: ``sent``; ``again`` after so many seconds; or neither: it is dropped."""

    sent: bool = False
    again: float | None = None


@dataclass(frozen=True, slots=True)
class _Told:
    """What is to be told, and of which talk or call it is, which began then; of a turn also what its model was
    ``asked``, which is known when it is sent.
    """

    entry: Entry
    began: int
    talk: ConversationRecord | None
    asked: tuple[UsageRecord, ...] = ()


class OtlpExport:
    """Let it look on at a ledger (:meth:`observe`) and :meth:`run` it. ``address`` is the collector's, without a path.

    Raises :class:`duologue.errors.InputError` when the extra ``otel`` is not installed.
    """

    def __init__(
        self,
        address: str,
        origin: Origin,
        registry: CollectorRegistry,
        *,
        texts: bool = False,
        every: float = 10.0,
        clock: Clock = SYSTEM_CLOCK,
        instance: str = "",
    ) -> None:
        for name in ("trace", "trace_service", "metrics", "metrics_service", "common", "resource"):
            messages(name)
        self._address = address.rstrip("/")
        self._spans = Spans(origin, texts=texts)
        self._registry, self._origin, self._every, self._clock = registry, origin, every, clock
        self._who = resource(__version__, instance)
        self._waiting: deque[_Told] = deque()
        self._talks: OrderedDict[str, tuple[int, ConversationRecord]] = OrderedDict()
        self._asked: OrderedDict[bytes, list[UsageRecord]] = OrderedDict()
        self._away = False
        self.dropped = 0
        """Turns, talks, calls and requests that no collector ever saw."""
        self.exported = 0
        """Those that one took."""

    def observe(self, entry: Entry) -> None:
        """An entry of the ledger."""
        match entry.record:
            case ConversationRecord(person=person) as record:
                if person:
                    self._talks.setdefault(entry.of, (entry.at, record))
                    if len(self._talks) > MOST_WAITING:
                        self._talks.popitem(last=False)
            case TurnRecord() | CallRecord() | RequestRecord():
                begun = self._talks.get(entry.of)
                self._put(_Told(entry, *(begun or (0, None))))
            case UsageRecord(service="llm", span=span) as record if span:
                self._note_asked(span, record)
            case OverRecord():
                begun = self._talks.pop(entry.of, None)
                if begun is not None and not entry.of.startswith("line:"):  # a call's own record has told of it
                    self._put(_Told(entry, *begun))
            case _:
                pass

    def _note_asked(self, span: str, record: UsageRecord) -> None:
        if (asker := read_traceparent(span)) is not None:
            self._asked.setdefault(asker.span, []).append(record)
            if len(self._asked) > MOST_WAITING:
                self._asked.popitem(last=False)

    def _whole(self, told: _Told) -> _Told:
        record = told.entry.record
        chat = span_id(f"{record.id} chat") if isinstance(record, TurnRecord) else b""
        return replace(told, asked=tuple(self._asked.get(chat, ())))

    def _put(self, told: _Told) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(told)

    async def run(self) -> None:
        """Send until cancelled, then what is left once more."""
        async with self._client() as client:
            pause = self._every
            try:
                while True:
                    await self._clock.wait_until(self._clock.now() + round(pause * SECOND))
                    pause = await self._tried(client)
            except asyncio.CancelledError:
                await self._tell_the_last(client)
                raise

    async def _tell_the_last(self, client: Any) -> None:
        """A collector that takes too long over it has not seen it; the end of the house is none of its business."""
        try:
            async with asyncio.timeout(LAST_SECONDS):
                await self._tried(client)
        except TimeoutError:
            self._note(f"it did not take what was left in {LAST_SECONDS:g} s")
            self.dropped += len(self._waiting)

    async def _tried(self, client: Any) -> float:
        """What goes wrong here is nobody else's fault, and ends nothing."""
        try:
            return await self._tell(client)
        except Exception as error:
            self._note(f"what it is to be told cannot be made: {redacted(repr(error))}")
            return self._every

    async def _tell(self, client: Any) -> float:
        """All that waits, then the metrics; how long to pause."""
        while self._waiting:
            batch = [self._waiting[number] for number in range(min(MOST_AT_ONCE, len(self._waiting)))]
            body = await asyncio.to_thread(self._traces, [*map(self._whole, batch)])
            outcome = await self._post(client, "/v1/traces", body)
            if outcome.again is not None:
                return min(max(outcome.again, self._every), LONGEST_PAUSE)
            for each in batch:
                if self._waiting and self._waiting[0] is each:  # one may have been dropped meanwhile
                    self._waiting.popleft()
            if outcome.sent:
                self.exported += len(batch)
            else:
                self.dropped += len(batch)
        outcome = await self._post(client, "/v1/metrics", await asyncio.to_thread(self._metrics))
        return self._every if outcome.again is None else min(max(outcome.again, self._every), LONGEST_PAUSE)

    def _traces(self, batch: list[_Told]) -> bytes:
        made: list[Any] = []
        for told in batch:
            of, talk = told.entry.of, told.talk
            asker = read_context([talk.parent], [talk.tracestate]) if talk is not None else None
            match told.entry.record:
                case TurnRecord() as record:
                    made += self._spans.turn(of, record, asker, told.asked)
                case CallRecord() as record:
                    made += self._spans.call(of, record, asker)
                case RequestRecord() as record:
                    made += self._spans.request(record)
                case _ if talk is not None:
                    made += self._spans.talk(of, talk, told.began, told.entry.at)
                case _:
                    pass
        return trace_request(self._who, made, __version__)

    def _metrics(self) -> bytes:
        now = self._origin.wall_at(self._clock.now())
        return metrics_request(self._who, self._registry.collect(), self._origin.wall, now, __version__)

    async def _post(self, client: Any, path: str, body: bytes) -> Outcome:
        httpx: Any = import_module("httpx")
        try:
            answer = await client.post(self._address + path, content=body)
        except httpx.HTTPError as error:
            self._note(f"it cannot be reached: {type(error).__name__}")
            return Outcome(again=self._every)
        if answer.status_code in AGAIN:
            self._note(f"it answers {answer.status_code}")
            return Outcome(again=_seconds(answer.headers.get("retry-after", ""), self._every))
        if answer.is_success:
            self._back()
            return Outcome(sent=True)
        self._note(f"it refuses {path} with {answer.status_code}")
        return Outcome()

    def _note(self, why: str) -> None:
        if not self._away:
            self._away = True
            _log.warning(
                "otlp.away", collector=redacted(self._address), why=why, remedy="Traces wait, the oldest go first."
            )

    def _back(self) -> None:
        if self._away:
            self._away = False
            _log.info("otlp.back", collector=redacted(self._address), dropped=self.dropped)

    def _client(self) -> Any:
        httpx: Any = import_module("httpx")
        told = _headers(os.environ.get(HEADERS, ""))
        hide(*told.values())
        own = {"content-type": "application/x-protobuf", "user-agent": f"duologue/{__version__}"}
        return httpx.AsyncClient(timeout=TIMEOUT, headers=own | told)


def _headers(told: str) -> dict[str, str]:
    """``key=value`` pairs, percent-encoded as W3C baggage is."""
    pairs = (each.partition("=") for each in told.split(",") if "=" in each)
    return {name.strip().lower(): unquote(value.strip()) for name, _, value in pairs}


def _seconds(told: str, otherwise: float) -> float:
    return float(told) if told.isdecimal() else otherwise
