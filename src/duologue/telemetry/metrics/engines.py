"""Metrics of engines: what they are asked and cost, how they are, and how their work waits for others'."""

from __future__ import annotations

from duologue.clock import SECOND
from duologue.precedence import WaitCount
from duologue.telemetry.ledger import HandoverRecord, Record, UsageRecord, WorkerRecord
from duologue.telemetry.metrics.series import SeriesOf, Totals


class EngineMetrics:
    """Of all engines of a house, and the workers that they run in."""

    def __init__(self, series: SeriesOf) -> None:
        counter, gauge = series.counter, series.gauge
        self._totals = Totals()
        self._requests = counter("engine_requests", "Requests to engines", "engine", "service", "outcome")
        self._reckoned = counter("engine_requests_estimated", "Those whose tokens are estimated", "engine")
        self._unpriced = counter("engine_requests_unpriced", "Those of engines without a price, at a server", "engine")
        self._tokens = counter("engine_tokens", "Tokens of engines that think", "engine", "model", "kind")
        self._voiced = counter("engine_characters", "Characters that engines were given to voice", "engine", "model")
        self._sound = counter("engine_sound_seconds", "Sound that engines heard or made", "engine", "model", "service")
        self._cost = counter("engine_cost", "What engines cost, by the prices that are set", "engine", "currency")
        self._spent = gauge("engine_spent", "1 while an engine has reached a cap of the day", "kind", "engine")
        self._used = gauge("cap_used_ratio", "How much of a day's cap is used", "engine", "unit")
        self._out = gauge("engine_out", "1 while a failed engine is left alone", "kind", "engine")
        self._handovers = counter("handovers", "Failures of engines in chains", "engine", "moment")
        self._replaced = counter("worker_restarts", "Times that another took a child process's place", "worker")
        self._cache = counter("speech_cache_requests", "Lines asked of the speech cache", "engine", "outcome")
        self._evictions = counter("speech_cache_evictions", "Lines that left the speech cache", "engine")
        self._cache_bytes = gauge("speech_cache_bytes", "Size of the speech cache", "engine")
        self._pieces = counter("work_pieces", "Pieces of work of our own engines", "worker", "urgency")
        self._waits = counter("work_wait_seconds", "How long they waited for others", "worker", "urgency")
        self._longest = gauge("work_longest_wait_seconds", "The longest of those waits", "worker", "urgency")
        self._ways = counter("work_gave_way", "Those that what was more urgent overtook", "worker", "urgency")

    def observe(self, of: str, record: Record) -> None:
        """Count what is of an engine, whichever part of the house it was ``of``."""
        match record:
            case UsageRecord():
                self._request(record)
            case HandoverRecord(engine=engine, moment=moment):
                self._handovers.labels(engine, moment).inc()
            case WorkerRecord(worker=worker, restarts=restarts):
                self._replaced.labels(worker).inc(self._totals.rise(restarts, "worker", worker))
            case _:
                pass

    def _request(self, record: UsageRecord) -> None:
        engine, model = record.engine, record.model
        self._requests.labels(engine, record.service, record.outcome).inc()
        if record.estimated:
            self._reckoned.labels(engine).inc()
        if record.currency:
            self._cost.labels(engine, record.currency).inc(record.cost_nanos / 1e9)
        else:
            self._unpriced.labels(engine).inc()
        for kind, tokens in (
            ("prompt", record.prompt_tokens), ("cached", record.cached_tokens),
            ("completion", record.completion_tokens),
        ):  # fmt: skip
            if tokens:
                self._tokens.labels(engine, model, kind).inc(tokens)
        if record.characters:
            self._voiced.labels(engine, model).inc(record.characters)
        if record.sound_ms:
            self._sound.labels(engine, model, record.service).inc(record.sound_ms / 1000)

    def health(self, kind: str, name: str, *, out: bool, spent: bool = False) -> None:
        """How an engine is: ``out``, for it failed, or ``spent``, for it has reached a cap."""
        self._out.labels(kind, name).set(out)
        self._spent.labels(kind, name).set(spent)

    def cap(self, engine: str, unit: str, share: float) -> None:
        """How much of a cap is used; 1: all."""
        self._used.labels(engine, unit).set(share)

    def work(self, worker: str, urgency: str, count: WaitCount) -> None:
        """How a worker's pieces of one urgency fared since the start."""
        of = worker, urgency
        self._pieces.labels(*of).inc(self._totals.rise(count.pieces, "pieces", *of))
        self._waits.labels(*of).inc(self._totals.rise(count.waited, "waits", *of) / SECOND)
        self._longest.labels(*of).set(count.longest / SECOND)
        self._ways.labels(*of).inc(self._totals.rise(count.gave_way, "ways", *of))

    def cache(self, engine: str, *, hits: int, misses: int, evicted: int, size: int) -> None:
        """Totals of an engine's cache since the start, and what it holds (bytes)."""
        self._cache.labels(engine, "hit").inc(self._totals.rise(hits, "hits", engine))
        self._cache.labels(engine, "miss").inc(self._totals.rise(misses, "misses", engine))
        self._evictions.labels(engine).inc(self._totals.rise(evicted, "evicted", engine))
        self._cache_bytes.labels(engine).set(size)
