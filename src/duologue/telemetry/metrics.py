"""Prometheus metrics of one running system. Its own registry, no globals: two systems in one process do not meet."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from duologue.clock import SECOND
from duologue.telemetry.frames import frame_time_ms
from duologue.telemetry.ledger import EndingRecord, FrameRecord, SkipRecord, Step, StepRecord, TurnRecord
from duologue.telemetry.machine import MachineSample
from duologue.telemetry.turns import FINAL_STATES, silence_ms, stages_ms

_FRAME_BUCKETS = (0.001, 0.002, 0.003, 0.005, 0.008, 0.012, 0.0167, 0.025, 0.0333, 0.04, 0.05, 0.0667, 0.1, 0.15, 0.25)
"""Around the budget of a frame (33.3 ms at 30 a second; 16.7 at 60), in seconds."""
_TURN_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0)
_BAKE_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_LAG_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)


class Metrics:
    """Give it what the ledgers get; :meth:`exposition` is what ``/metrics`` serves."""

    def __init__(self, fps: int) -> None:
        self._period_ms = 1000 / fps
        registry = self.registry = CollectorRegistry()

        def histogram(name: str, what: str, buckets: tuple[float, ...], labels: tuple[str, ...] = ()) -> Histogram:
            return Histogram(f"duologue_{name}", what, labels, registry=registry, buckets=buckets)

        def counter(name: str, what: str, labels: tuple[str, ...] = ()) -> Counter:
            return Counter(f"duologue_{name}", what, labels, registry=registry)

        def gauge(name: str, what: str, labels: tuple[str, ...] = ()) -> Gauge:
            return Gauge(f"duologue_{name}", what, labels, registry=registry)

        self._compose = histogram("frame_compose_seconds", "Time to compose a frame", _FRAME_BUCKETS)
        self._encode = histogram("frame_encode_seconds", "Time to encode a frame", _FRAME_BUCKETS)
        self._frame = histogram("frame_seconds", "Time to compose and encode a frame", _FRAME_BUCKETS)
        self._frames = counter("frames", "Frames made")
        self._late = counter("frames_late", "Frames that were ready after their due time", ("cause",))
        self._over = counter("frames_over_budget", "Frames that cost more than a frame period", ("cause",))
        self._half = counter("frames_half_rate", "Frames that were left out by design, at half the picture rate")
        self._skipped = counter("frames_skipped", "Frames that were left out to come back to the grid")
        self._skips = counter("skips", "Times that the show skipped to its grid: a discontinuity of the stream")
        self._step = gauge("governor_step", "How plain the show is: 0 is all there is")
        self._steps = counter("governor_steps", "Steps of the governor", ("step", "direction"))
        self._lead = gauge("frame_lead_seconds", "How far ahead of its due time the last frame was ready")
        self._stages = histogram("turn_stage_seconds", "Time of each step of a turn", _TURN_BUCKETS, ("stage",))
        self._wait = histogram("turn_wait_seconds", "What engines added to the silence before a turn", _TURN_BUCKETS)
        self._turns = counter("turns", "Turns that came to their end", ("kind", "state"))
        self._refused = counter("lines_refused", "Lines that moderation refused")
        self._failures = counter("turn_failures", "Turns in which an engine failed")
        self._answers = histogram("answer_seconds", "From a person's last word to the answer's first", _TURN_BUCKETS)
        self._silence = histogram("answer_stage_seconds", "Each stage of that silence", _TURN_BUCKETS, ("stage",))
        self._events = counter("floor_events", "Interruptions, false alarms, echoes, fillers, apologies", ("event",))
        self._speculations = counter("speculations", "Replies thought before the turn had ended", ("outcome",))
        self._saved = counter("speculation_saved_seconds", "Time that speculation saved")
        self._wasted = counter("speculation_wasted_seconds", "Time that was thought in vain")
        self._stalls = counter("stalls", "Deadlines that a stage of a conversation missed", ("stage",))
        self._endings = counter("turn_endings", "Turns that were taken to be over", ("why", "outcome"))
        self._handovers = counter("handovers", "Failures of engines in chains", ("engine", "moment"))
        self._out = gauge("engine_out", "1 while a failed engine is left alone", ("kind", "engine"))
        self._cache = counter("speech_cache_requests", "Lines asked of the speech cache", ("engine", "outcome"))
        self._evictions = counter("speech_cache_evictions", "Lines that left the speech cache", ("engine",))
        self._cache_bytes = gauge("speech_cache_bytes", "Size of the speech cache", ("engine",))
        self._totals: dict[tuple[str, ...], int] = {}
        self._restarts = counter("restarts", "Processes that were started again", ("part",))
        self._bakes = histogram("bake_seconds", "Time to bake light or poses beside the frames", _BAKE_BUCKETS)
        self._lag = histogram("loop_lag_seconds", "How late the main event loop woke", _LAG_BUCKETS)
        self._held = counter("loop_held", "Wake-ups over 5 ms late while this process was busy")
        self._cpu = gauge("process_cpu_ratio", "CPU of a process in cores", ("process",))
        self._rss = gauge("process_resident_bytes", "Resident memory of a process", ("process",))
        self._steal = gauge("machine_steal_ratio", "Share of CPU time that the hypervisor gave to others")
        self._available = gauge("machine_available_bytes", "Memory that can be had without swapping")

    def frame(self, record: FrameRecord) -> None:
        """A frame was made."""
        cost = frame_time_ms(record)
        self._frames.inc()
        self._compose.observe(record.compose_ms / 1000)
        self._encode.observe(record.encode_ms / 1000)
        self._frame.observe(cost / 1000)
        self._lead.set(-record.lateness_ms / 1000)
        cause = record.cause.value or "none"
        if record.lateness_ms > 0:
            self._late.labels(cause).inc()
        if cost > self._period_ms:
            self._over.labels(cause).inc()
        self._half.inc(record.periods - 1)

    def step(self, record: StepRecord) -> None:
        """The governor made the show plainer, or brought it back."""
        self._step.set(record.step)
        direction = "down" if record.step > record.before else "up"
        lower, upper = sorted((record.step, record.before))
        for step in range(lower + 1, upper + 1):
            self._steps.labels(Step(step).name.lower(), direction).inc()

    def skip(self, record: SkipRecord) -> None:
        """The show skipped to its grid."""
        self._skips.inc()
        self._skipped.inc(record.following - record.first)

    def turn(self, record: TurnRecord) -> None:
        """A turn came to its end; call it once a turn (others are ignored by their state)."""
        if record.state not in FINAL_STATES:
            return
        self._turns.labels(record.kind, record.state).inc()
        self._refused.inc(record.refused)
        self._failures.inc(1 if record.failure else 0)
        if record.on_air:
            self._wait.observe(record.waited_ms / 1000)
        for stage, taken in stages_ms(record).items():
            self._stages.labels(stage).observe(taken / 1000)

        self._floor(record)

    def _floor(self, record: TurnRecord) -> None:
        """What conversations with a person have besides."""
        stages = silence_ms(record)
        if stages:
            self._answers.observe(sum(stages.values()) / 1000)
        for stage, taken in stages.items():
            self._silence.labels(stage).observe(taken / 1000)
        for event, times in (
            ("interruption", record.interrupted and record.taken > 0),
            ("false_alarm", record.false_alarms),
            ("echo", record.echoes),
            ("filler", record.fillers),
            ("apology", record.apologised > 0),
        ):
            if times:
                self._events.labels(event).inc(times)
        if record.adopted:
            self._speculations.labels("hit").inc()
            self._saved.inc(record.saved_ms / 1000)
        if record.misses:
            self._speculations.labels("miss").inc(record.misses)
            self._wasted.inc(record.wasted_ms / 1000)
        if record.kind != "person":  # a turn's own stalls are told of with its answer
            for stage in record.stalls:
                self._stalls.labels(stage).inc()

    def ending(self, record: EndingRecord) -> None:
        """A turn of a person was taken to be over, and it is known what came of that."""
        rule = record.why.partition(",")[0] or "other"
        self._endings.labels(rule, record.outcome.value).inc()

    def restarted(self, part: str, times: int = 1) -> None:
        """A process of ours (``stage``, ``espeak``) was started again."""
        self._restarts.labels(part).inc(times)

    def handed_over(self, engine: str, moment: str) -> None:
        """An engine of a chain failed; ``moment`` as :class:`duologue.chains.Moment` has it."""
        self._handovers.labels(engine, moment).inc()

    def engine(self, kind: str, name: str, *, out: bool, restarts: int) -> None:
        """How an engine is; ``restarts`` of its worker since the start."""
        self._out.labels(kind, name).set(out)
        if new := self._rise(restarts, "restarts", kind, name):
            self.restarted(name, new)

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

    def baked(self, milliseconds: float) -> None:
        """Something was baked beside the frame path."""
        self._bakes.observe(milliseconds / 1000)

    def loop_lag(self, lag: int, held: bool = False) -> None:
        """The main loop woke ``lag`` nanoseconds late; ``held``: over the limit, by work of ours."""
        self._lag.observe(lag / SECOND)
        self._held.inc(held)

    def machine(self, sample: MachineSample) -> None:
        """Once a second."""
        self._steal.set(sample.steal_percent / 100)
        self._available.set(sample.available_mb * 2**20)
        for name, process in sample.processes.items():
            self._cpu.labels(name).set(process.cpu_percent / 100)
            self._rss.labels(name).set(process.rss_mb * 2**20)

    def exposition(self) -> bytes:
        """The text format that Prometheus scrapes."""
        return generate_latest(self.registry)
