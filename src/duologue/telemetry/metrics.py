"""Prometheus metrics of one running system. Its own registry, no globals: two systems in one process do not meet.

What happened is counted from the ledger's entries, and nowhere else; the label ``of`` says which part of the house it
is of. What is no happening (memory, loop lag, the state of an engine) is measured and given by name.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from duologue.clock import SECOND
from duologue.precedence import WaitCount
from duologue.telemetry.frames import frame_time_ms, over_budget
from duologue.telemetry.ledger import (
    BakeRecord,
    CallRecord,
    ClipRecord,
    ConversationRecord,
    EndingRecord,
    Entry,
    FrameRecord,
    GovernorStep,
    HandoverRecord,
    MachineRecord,
    Record,
    ShowRecord,
    SkipRecord,
    StepRecord,
    TurnRecord,
    WorkerRecord,
)
from duologue.telemetry.turns import stages_ms

_FRAME_BUCKETS = (0.001, 0.002, 0.003, 0.005, 0.008, 0.012, 0.0167, 0.025, 0.0333, 0.04, 0.05, 0.0667, 0.1, 0.15, 0.25)
"""Around the budget of a frame (33.3 ms at 30 a second; 16.7 at 60), in seconds."""
_TURN_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0)
_SEND_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.15, 0.21, 0.3, 0.5, 1.0, 2.0)
_BAKE_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_LAG_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)


def label_of(of: str) -> str:
    """The label of a part of the house: each show has its own, for there are few; all talks have one, and all calls."""
    part, _, _ = of.partition(":")
    return of if part == "show" else part


class _Frames:
    """The series of one show's frames, at hand: thirty times a second is often."""

    def __init__(self, metrics: Metrics, of: str) -> None:
        self.period_ms = 0.0
        self.frames = metrics.frames.labels(of)
        self.compose = metrics.compose.labels(of)
        self.encode = metrics.encode.labels(of)
        self.cost = metrics.cost.labels(of)
        self.half = metrics.half.labels(of)
        self.lead = metrics.lead.labels(of)


class Metrics:
    """Let it look on at a :class:`~duologue.telemetry.stream.Ledger` (:meth:`observe`); :meth:`exposition` is what
    ``/metrics`` serves.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        histogram, counter, gauge = self._histogram, self._counter, self._gauge
        self._shows: dict[str, _Frames] = {}
        self.compose = histogram("frame_compose_seconds", "Time to compose a frame", _FRAME_BUCKETS, "of")
        self.encode = histogram("frame_encode_seconds", "Time to encode a frame", _FRAME_BUCKETS, "of")
        self.cost = histogram("frame_seconds", "Time to compose and encode a frame", _FRAME_BUCKETS, "of")
        self.frames = counter("frames", "Frames made", "of")
        self.half = counter("frames_half_rate", "Frames that were left out by design, at half the picture rate", "of")
        self.lead = gauge("frame_lead_seconds", "How far ahead of its due time the last frame was ready", "of")
        self._late = counter("frames_late", "Frames that were ready after their due time", "of", "cause")
        self._over = counter("frames_over_budget", "Frames that cost more than a frame period", "of", "cause")
        self._skipped = counter("frames_skipped", "Frames that were left out to come back to the grid", "of")
        self._skips = counter("skips", "Times that the show skipped to its grid: a discontinuity of the stream", "of")
        self._step = gauge("governor_step", "How plain the show is: 0 is all there is", "of")
        self._steps = counter("governor_steps", "Steps of the governor", "of", "step", "direction")
        self._stages = histogram("turn_stage_seconds", "Time of each stage of a turn", _TURN_BUCKETS, "of", "stage")
        self._wait = histogram("turn_wait_seconds", "What engines added to the silence", _TURN_BUCKETS, "of")
        self._turns = counter("turns", "Turns that came to their end", "of", "kind", "state")
        self._refused = counter("lines_refused", "Lines that moderation refused", "of")
        self._failures = counter("turn_failures", "Turns in which an engine failed", "of")
        self._answers = histogram("answer_seconds", "From a person's last word to our first", _TURN_BUCKETS, "of")
        self._voicing = histogram("turn_voice_seconds", "From a text to its voice's first sound", _SEND_BUCKETS, "of")
        self._sending = histogram(
            "turn_send_seconds", "From a first sound at hand to its first packet", _SEND_BUCKETS, "of"
        )
        self._calls = counter("calls", "Calls that are over", "of", "direction", "outcome")
        self._call_seconds = counter("call_seconds", "Time on calls", "of")
        self._events = counter("floor_events", "Interruptions, false alarms, echoes, fillers, …", "of", "event")
        self._speculations = counter("speculations", "Replies thought before the turn had ended", "of", "outcome")
        self._saved = counter("speculation_saved_seconds", "Time that speculation saved", "of")
        self._wasted = counter("speculation_wasted_seconds", "Time that was thought in vain", "of")
        self._stalls = counter("stalls", "Deadlines that a stage of a conversation missed", "of", "stage")
        self._endings = counter("turn_endings", "Turns that were taken to be over", "of", "why", "outcome")
        self._conversations = counter("conversations", "Conversations that began", "of")
        self._clips = counter("clips", "Clips of guests that are over", "of", "state")
        self._handovers = counter("handovers", "Failures of engines in chains", "engine", "moment")
        self._out = gauge("engine_out", "1 while a failed engine is left alone", "kind", "engine")
        self._cache = counter("speech_cache_requests", "Lines asked of the speech cache", "engine", "outcome")
        self._evictions = counter("speech_cache_evictions", "Lines that left the speech cache", "engine")
        self._cache_bytes = gauge("speech_cache_bytes", "Size of the speech cache", "engine")
        self._pieces = counter("work_pieces", "Pieces of work of our own engines", "worker", "urgency")
        self._waits = counter("work_wait_seconds", "How long they waited for others", "worker", "urgency")
        self._longest = gauge("work_longest_wait_seconds", "The longest of those waits", "worker", "urgency")
        self._ways = counter("work_gave_way", "Those that what was more urgent overtook", "worker", "urgency")
        self._queued = histogram("turn_queued_seconds", "What of a turn is such waits", _SEND_BUCKETS, "of")
        self._told = counter("prompt_tokens", "Tokens that a model was told for turns", "of", "read")
        self._totals: dict[tuple[str, ...], int] = {}
        self._replaced = counter("worker_restarts", "Times that another took a child process's place", "worker")
        self._bakes = histogram("bake_seconds", "Time to bake light or poses beside the frames", _BAKE_BUCKETS, "of")
        self._lag = histogram("loop_lag_seconds", "How late the main event loop woke", _LAG_BUCKETS)
        self._held = counter("loop_held", "Wake-ups over 5 ms late while this process was busy")
        self._cpu = gauge("process_cpu_ratio", "CPU of a process in cores", "process")
        self._rss = gauge("process_resident_bytes", "Resident memory of a process", "process")
        self._steal = gauge("machine_steal_ratio", "Share of CPU time that the hypervisor gave to others")
        self._available = gauge("machine_available_bytes", "Memory that can be had without swapping")
        self._lost = counter("ledger_dropped", "Entries of the ledger that never reached the disk")

    def _histogram(self, name: str, what: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"duologue_{name}", what, labels, registry=self.registry, buckets=buckets)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"duologue_{name}", what, labels, registry=self.registry)

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(f"duologue_{name}", what, labels, registry=self.registry)

    def observe(self, entry: Entry) -> None:
        """Count what was entered in the ledger."""
        of = label_of(entry.of)
        match entry.record:
            case FrameRecord() as record:
                self._frame(of, record)
            case TurnRecord() as record:
                self._turn(of, record)
            case EndingRecord() as record:
                self._ending(of, record)
            case StepRecord() as record:
                self._stepped(of, record)
            case SkipRecord(first=first, following=following):
                self._skips.labels(of).inc()
                self._skipped.labels(of).inc(following - first)
            case BakeRecord(took_ms=took):
                self._bakes.labels(of).observe(took / 1000)
            case _ as record:
                self._note(of, record)

    def _note(self, of: str, record: Record) -> None:
        match record:
            case ShowRecord(fps=fps):
                self._begin(of, fps)
            case ConversationRecord():
                self._conversations.labels(of).inc()
            case ClipRecord(state=state):
                self._clips.labels(of, state).inc()
            case WorkerRecord(worker=worker, restarts=restarts):
                self._replaced.labels(worker).inc(self._rise(restarts, "worker", worker))
            case CallRecord():
                self._call(of, record)
            case HandoverRecord(engine=engine, moment=moment):
                self._handovers.labels(engine, moment).inc()
            case MachineRecord():
                self._machine(record)
            case _:
                pass

    def _call(self, of: str, record: CallRecord) -> None:
        outcome = (
            f"refused {record.status}" if record.status and not record.answered
            else "failed" if record.failed
            else "transferred" if record.transferred
            else "ended" if record.answered
            else "unanswered"
        )  # fmt: skip
        self._calls.labels(of, "out" if record.outgoing else "in", outcome).inc()
        if record.answered:
            self._call_seconds.labels(of).inc((record.ended - record.answered) / SECOND)

    def _begin(self, of: str, fps: int) -> None:
        """A show begins: its series are there from the first scrape on."""
        self._show(of).period_ms = 1000 / fps
        for series in (self._skips, self._skipped, self._step):
            series.labels(of)

    def _show(self, of: str) -> _Frames:
        if of not in self._shows:
            self._shows[of] = _Frames(self, of)
        return self._shows[of]

    def _frame(self, of: str, record: FrameRecord) -> None:
        series = self._show(of)
        cost = frame_time_ms(record)
        series.frames.inc()
        series.compose.observe(record.compose_ms / 1000)
        series.encode.observe(record.encode_ms / 1000)
        series.cost.observe(cost / 1000)
        series.lead.set(-record.lateness_ms / 1000)
        cause = record.cause.value or "none"
        if record.lateness_ms > 0:
            self._late.labels(of, cause).inc()
        if over_budget(record, series.period_ms):
            self._over.labels(of, cause).inc()
        if record.periods > 1:
            series.half.inc(record.periods - 1)

    def _stepped(self, of: str, record: StepRecord) -> None:
        self._step.labels(of).set(record.step)
        direction = "down" if record.step > record.before else "up"
        lower, upper = sorted((record.step, record.before))
        for step in range(lower + 1, upper + 1):
            self._steps.labels(of, GovernorStep(step).name.lower(), direction).inc()

    def _turn(self, of: str, record: TurnRecord) -> None:
        self._turns.labels(of, record.kind, record.state).inc()
        self._refused.labels(of).inc(record.refused)
        self._failures.labels(of).inc(1 if record.failure else 0)
        if record.on_air:
            self._wait.labels(of).observe(record.waited_ms / 1000)
        for stage, taken in stages_ms(record).items():
            self._stages.labels(of, stage).observe(taken / 1000)
        if record.on_air and record.kind in ("turn", "answer"):
            self._queued.labels(of).observe(record.queued_ms / 1000)
        if record.prompt_tokens:
            self._told.labels(of, "before").inc(record.kept_tokens)
            self._told.labels(of, "then").inc(record.prompt_tokens - record.kept_tokens)
        if record.sent:
            self._voicing.labels(of).observe(max(0, record.first_audio - record.first_sentence) / SECOND)
            self._sending.labels(of).observe(max(0, record.sent - max(record.given, record.first_audio)) / SECOND)
        if record.spoken_to and record.on_air:
            self._answers.labels(of).observe((record.on_air - record.spoken_to) / SECOND)
        self._floor(of, record)

    def _floor(self, of: str, record: TurnRecord) -> None:
        """What conversations with a person have besides."""
        for event, times in (
            ("interruption", record.interrupted and record.taken > 0),
            ("false_alarm", record.false_alarms),
            ("echo", record.echoes),
            ("filler", record.fillers),
            ("apology", record.apologised > 0),
        ):
            if times:
                self._events.labels(of, event).inc(times)
        if record.adopted:
            self._speculations.labels(of, "hit").inc()
            self._saved.labels(of).inc(record.saved_ms / 1000)
        if record.misses:
            self._speculations.labels(of, "miss").inc(record.misses)
            self._wasted.labels(of).inc(record.wasted_ms / 1000)
        if record.kind != "person":  # a turn's own stalls are told of with its answer
            for stage in record.stalls:
                self._stalls.labels(of, stage).inc()

    def _ending(self, of: str, record: EndingRecord) -> None:
        rule = record.why.partition(",")[0] or "other"
        self._endings.labels(of, rule, record.outcome.value).inc()

    def _machine(self, record: MachineRecord) -> None:
        self._steal.set(record.steal_percent / 100)
        self._available.set(record.available_mb * 2**20)
        for name, percent in record.cpu_percent.items():
            self._cpu.labels(name).set(percent / 100)
        for name, megabytes in record.rss_mb.items():
            self._rss.labels(name).set(megabytes * 2**20)

    def lost(self, total: int) -> None:
        """So many entries of the ledger never reached the disk, since the start."""
        self._lost.inc(self._rise(total, "ledger"))

    def engine(self, kind: str, name: str, *, out: bool) -> None:
        """How an engine is."""
        self._out.labels(kind, name).set(out)

    def work(self, worker: str, urgency: str, count: WaitCount) -> None:
        """How a worker's pieces of one urgency fared since the start."""
        of = worker, urgency
        self._pieces.labels(*of).inc(self._rise(count.pieces, "pieces", *of))
        self._waits.labels(*of).inc(self._rise(count.waited, "waits", *of) / SECOND)
        self._longest.labels(*of).set(count.longest / SECOND)
        self._ways.labels(*of).inc(self._rise(count.gave_way, "ways", *of))

    def speech_cache(self, engine: str, *, hits: int, misses: int, evicted: int, size: int) -> None:
        """Totals of an engine's cache since the start, and what it holds (bytes)."""
        self._cache.labels(engine, "hit").inc(self._rise(hits, "hits", engine))
        self._cache.labels(engine, "miss").inc(self._rise(misses, "misses", engine))
        self._evictions.labels(engine).inc(self._rise(evicted, "evicted", engine))
        self._cache_bytes.labels(engine).set(size)

    def _rise(self, total: int, *key: str) -> int:
        """How much a total has grown since it was last told."""
        before, self._totals[key] = self._totals.get(key, 0), total
        return max(0, total - before)

    def loop_lag(self, lag: int, held: bool = False) -> None:
        """The main loop woke ``lag`` nanoseconds late; ``held``: over the limit, by work of ours."""
        self._lag.observe(lag / SECOND)
        self._held.inc(held)

    def exposition(self, of: str | None = None) -> bytes:
        """The text format that Prometheus scrapes; with ``of`` what is of that part, and of nobody."""
        if of is None:
            return generate_latest(self.registry)
        only = CollectorRegistry()
        only.register(_Only(self.registry, of))
        return generate_latest(only)


class _Only(Collector):
    """What a registry has of one part of the house."""

    def __init__(self, registry: CollectorRegistry, of: str) -> None:
        self._registry = registry
        self._of = of

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        for family in self._registry.collect():
            found = Metric(family.name, family.documentation, family.type, family.unit)
            found.samples = [sample for sample in family.samples if sample.labels.get("of", self._of) == self._of]
            yield found
