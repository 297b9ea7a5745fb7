"""Metrics of turns and calls: how long each stage took, what became of them."""

from __future__ import annotations

from duologue.clock import SECOND
from duologue.telemetry.ledger import CallRecord, ConversationRecord, EndingRecord, Record, TurnRecord
from duologue.telemetry.metrics.series import SEND_BUCKETS, SeriesOf
from duologue.telemetry.traces import trace_id
from duologue.telemetry.turns import stages_ms, voicing_ms

_TURN_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0)


class TurnMetrics:
    """Of all conversations of a house."""

    def __init__(self, series: SeriesOf) -> None:
        histogram, counter = series.histogram, series.counter
        self._stages = histogram("turn_stage_seconds", "Time of each stage of a turn", _TURN_BUCKETS, "of", "stage")
        self._wait = histogram("turn_wait_seconds", "What engines added to the silence", _TURN_BUCKETS, "of")
        self._turns = counter("turns", "Turns that came to their end", "of", "kind", "state")
        self._refused = counter("lines_refused", "Lines that moderation refused", "of")
        self._failures = counter("turn_failures", "Turns in which an engine failed", "of")
        self._answers = histogram("answer_seconds", "From a person's last word to our first", _TURN_BUCKETS, "of")
        self._voicing = histogram("turn_voice_seconds", "From a text to its voice's first sound", SEND_BUCKETS, "of")
        self._sending = histogram(
            "turn_send_seconds", "From a first sound at hand to its first packet", SEND_BUCKETS, "of"
        )
        self._queued = histogram("turn_queued_seconds", "What of a turn is such waits", SEND_BUCKETS, "of")
        self._told = counter("prompt_tokens", "Tokens that a model was told for turns", "of", "read")
        self._calls = counter("calls", "Calls that are over", "of", "direction", "outcome")
        self._call_seconds = counter("call_seconds", "Time on calls", "of")
        self._conversations = counter("conversations", "Conversations that began", "of")
        self._events = counter("floor_events", "Interruptions, false alarms, echoes, fillers, …", "of", "event")
        self._speculations = counter("speculations", "Replies thought before the turn had ended", "of", "outcome")
        self._saved = counter("speculation_saved_seconds", "Time that speculation saved", "of")
        self._wasted = counter("speculation_wasted_seconds", "Time that was thought in vain", "of")
        self._stalls = counter("stalls", "Deadlines that a stage of a conversation missed", "of", "stage")
        self._endings = counter("turn_endings", "Turns that were taken to be over", "of", "why", "outcome")

    def observe(self, of: str, record: Record) -> None:
        """Count what is of a conversation; ``of`` is the label."""
        match record:
            case TurnRecord():
                self._turn(of, record)
            case EndingRecord():
                self._ending(of, record)
            case ConversationRecord():
                self._conversations.labels(of).inc()
            case CallRecord():
                self._call(of, record)
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

    def _turn(self, of: str, record: TurnRecord) -> None:
        self._turns.labels(of, record.kind, record.state).inc()
        self._refused.labels(of).inc(record.refused)
        self._failures.labels(of).inc(1 if record.failure else 0)
        if record.on_air:
            self._wait.labels(of).observe(record.waited_ms / 1000)
        stages = stages_ms(record)
        for stage, taken in stages.items():
            self._stages.labels(of, stage).observe(taken / 1000)
        if record.on_air and record.kind in ("turn", "answer"):
            self._queued.labels(of).observe(record.queued_ms / 1000)
        if record.prompt_tokens:
            self._told.labels(of, "before").inc(record.kept_tokens)
            self._told.labels(of, "then").inc(record.prompt_tokens - record.kept_tokens)
        if (voicing := voicing_ms(record)) is not None and record.sent:
            self._voicing.labels(of).observe(voicing / 1000)
        if (sending := stages.get("sending")) is not None:
            self._sending.labels(of).observe(sending / 1000)
        if record.spoken_to and record.on_air:
            trace = {"trace_id": trace_id(record.id).hex()}
            self._answers.labels(of).observe((record.on_air - record.spoken_to) / SECOND, trace)
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
