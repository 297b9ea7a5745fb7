"""Metrics of shows: their frames, and what they do without."""

from __future__ import annotations

from duologue.telemetry.frames import frame_time_ms, over_budget
from duologue.telemetry.ledger import (
    BakeRecord,
    ClipRecord,
    FrameRecord,
    GovernorStep,
    Record,
    ShowRecord,
    SkipRecord,
    StepRecord,
)
from duologue.telemetry.metrics.series import SeriesOf

_FRAME_BUCKETS = (0.001, 0.002, 0.003, 0.005, 0.008, 0.012, 0.0167, 0.025, 0.0333, 0.04, 0.05, 0.0667, 0.1, 0.15, 0.25)
"""Around the budget of a frame (33.3 ms at 30 a second; 16.7 at 60), in seconds."""
_BAKE_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


class _Frames:
    """The series of one show's frames, at hand: thirty times a second is often."""

    def __init__(self, metrics: ShowMetrics, of: str) -> None:
        self.period_ms = 0.0
        self.frames = metrics.frames.labels(of)
        self.compose = metrics.compose.labels(of)
        self.encode = metrics.encode.labels(of)
        self.cost = metrics.cost.labels(of)
        self.half = metrics.half.labels(of)
        self.lead = metrics.lead.labels(of)


class ShowMetrics:
    """Of all shows of a house."""

    def __init__(self, series: SeriesOf) -> None:
        histogram, counter, gauge = series.histogram, series.counter, series.gauge
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
        self._bakes = histogram("bake_seconds", "Time to bake light or poses beside the frames", _BAKE_BUCKETS, "of")
        self._clips = counter("clips", "Clips of guests that are over", "of", "state")

    def observe(self, of: str, record: Record) -> None:
        """Count what is of a show; ``of`` is the label."""
        match record:
            case FrameRecord():
                self._frame(of, record)
            case StepRecord():
                self._stepped(of, record)
            case SkipRecord(first=first, following=following):
                self._skips.labels(of).inc()
                self._skipped.labels(of).inc(following - first)
            case BakeRecord(took_ms=took):
                self._bakes.labels(of).observe(took / 1000)
            case ClipRecord(state=state):
                self._clips.labels(of, state).inc()
            case ShowRecord(fps=fps):
                self._begin(of, fps)
            case _:
                pass

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
