"""A run on one time axis, in Chrome's trace format: open it in Perfetto or chrome://tracing. Streaming.

Each part of the house is a process of the trace, and so is each process of ours that was measured. Frames are on the
stage's threads (drawing, encoder), turns and what engines did for them each on a track of its own, what engines were
asked on a thread of each, counters show what is queued and what the machine did.

Times are whole µs since a minute before the first ledger's origin: Perfetto makes ns of them, and of two spans that
touch a fraction would leave an overlap, for which it drops one. For the same reason what lies neither within nor after
what its thread has already is on another thread of that name, and an inner span of a track ends before the outer one.
No two threads of a trace have one number: some readers name them by that alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO

from duologue.clock import SECOND
from duologue.evidence.words import short
from duologue.plurals import counted
from duologue.telemetry.frames import frame_time_ms
from duologue.telemetry.ledger import (
    ActRecord,
    AdmissionRecord,
    BakeRecord,
    CallRecord,
    ClipRecord,
    ConversationRecord,
    EffectRecord,
    EndingRecord,
    Entry,
    EventRecord,
    FrameRecord,
    HandoverRecord,
    HeaderRecord,
    MachineRecord,
    PacketsRecord,
    PartRecord,
    PauseRecord,
    QualityRecord,
    Record,
    SkipRecord,
    StepRecord,
    TurnRecord,
    UsageRecord,
    WorkerRecord,
)
from duologue.telemetry.lines import kind_of, plain
from duologue.telemetry.turns import stage_spans

TraceEvent = dict[str, Any]
FIRST_PROCESS = 1
AHEAD = 60 * SECOND
"""How long before a run's beginning the axis begins: a stage draws its first frames while the house still comes up,
which takes long where the cores are busy. Both readers begin with the first event, wherever that lies.
"""
_SPANS: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("mind", "thinks", ("asked",), ("text_complete", "first_sentence")),
    ("voice", "speaks", ("first_sentence", "text_complete"), ("voiced", "first_audio")),
)
"""What engines did for a turn: the engine, what it did, from the first time that is known until the first that is."""

_SERVICES = {"llm": "thinks", "tts": "speaks", "stt": "hears"}


def _requested(of: str, record: UsageRecord) -> Mapping[str, object]:
    """What a request was for, and what it took; what it has none of is left out."""
    told = {
        "of": of, "model": record.model, "server": record.server, "outcome": record.outcome,
        "prompt_tokens": record.prompt_tokens, "cached_tokens": record.cached_tokens,
        "completion_tokens": record.completion_tokens, "characters": record.characters,
        "sound_ms": round(record.sound_ms, 1),
    }  # fmt: skip
    return {name: value for name, value in told.items() if value}


class Tracer:
    """Give it entries in order with :meth:`events`."""

    def __init__(self) -> None:
        self._origin = 0
        self._first: HeaderRecord | None = None
        self._shared: set[str] = set()
        self._processes: dict[str, int] = {}
        self._threads: dict[tuple[int, str], int] = {}
        self._free: dict[int, int] = {}
        """When each thread's newest span ends (µs)."""
        self._open: list[TraceEvent] = []

    def events(self, entries: Iterable[Entry]) -> Iterator[TraceEvent]:
        """The events of a trace; who is who comes before it is used. Of several ledgers, the earliest first: what they
        all have is in it once.
        """
        for entry in entries:
            if isinstance(entry.record, HeaderRecord):
                self._begin(entry.record)
                continue
            if ":" not in entry.of and entry.id:
                if entry.id in self._shared:
                    continue
                self._shared.add(entry.id)
            found = list(self._of(entry))
            yield from self._open
            self._open.clear()
            yield from found

    def _begin(self, header: HeaderRecord) -> None:
        """Entries of another ledger: its place on the axis is that of the calendar, where both have one."""
        self._first = self._first or header
        between = header.wall_ns - self._first.wall_ns if header.wall_ns and self._first.wall_ns else 0
        self._origin = header.monotonic_ns - between - AHEAD

    def _of(self, entry: Entry) -> Iterator[TraceEvent]:
        match entry.record:
            case FrameRecord() as record:
                yield from self._frame(entry.of, record)
            case TurnRecord() as record:
                yield from self._turn(entry.of, record)
            case MachineRecord() as record:
                yield from self._machine(entry.at, record)
            case BakeRecord(at=at, what=what, took_ms=took):
                yield self._span(entry.of, "bakes", f"bake {what}", at - round(took * 1e6), at, "bake")
            case PauseRecord(process=process, what=what, took_ms=took, at=at):
                yield self._span(process, "pauses", what, at - round(took * 1e6), at, "pause")
            case UsageRecord(engine=engine, service=service) as record:
                began = entry.at - round(record.took_ms * 1e6)
                yield self._span("engines", engine, _SERVICES.get(service, service), began, entry.at, "request",
                                 _requested(entry.of, record))  # fmt: skip
            case ClipRecord(queued=queued, ended=ended, text=text) if queued and ended:
                yield self._span(entry.of, "clips", text or "clip", queued, ended, "clip")
            case CallRecord(offered=offered, ended=ended) as record:
                yield self._span(entry.of, "call", record.ends, offered, ended, "call",
                                 {"reason": record.reason, "codec": record.codec})  # fmt: skip
            case AdmissionRecord(what=what, busy=busy):
                yield self._counter(entry.of, f"places taken: {what}", entry.at, {"busy": busy})
            case PacketsRecord(sent=sent, late_most_ms=late):
                yield self._counter(entry.of, "packets", entry.at, {"sent": sent})
                yield self._counter(entry.of, "latest packet (ms)", entry.at, {"ms": round(late, 3)})
            case QualityRecord(loss_percent=loss, jitter_ms=jitter):
                yield self._counter(
                    entry.of, "way", entry.at, {"loss %": round(loss, 2), "jitter ms": round(jitter, 2)}
                )
            case record:
                yield from self._instant_of(entry, record)

    def _instant_of(self, entry: Entry, record: Record) -> Iterator[TraceEvent]:
        """What happened at one moment."""
        match record:
            case StepRecord(step=step, why=why):
                yield self._instant(entry.of, "governor", f"step {step.name.lower()}", entry.at, {"why": why})
            case SkipRecord(first=first, following=following, late_ms=late):
                told = {"first": first, "following": following, "late_ms": late}
                yield self._instant(
                    entry.of, "governor", f"skip of {counted(following - first, 'frame')}", entry.at, told
                )
            case EndingRecord(why=why, wait_ms=wait, outcome=outcome):
                told = {"wait_ms": wait, "outcome": outcome.value}
                yield self._instant(entry.of, "decisions", f"turn over: {why}", entry.at, told)
            case EventRecord(name=name) | EffectRecord(name=name):
                yield self._instant(entry.of, f"{kind_of(record)}s", name, entry.at, {"told": plain(record.told)})
            case ActRecord(verb=verb, text=text):
                yield self._instant(entry.of, "caller", verb, entry.at, {"text": text})
            case HandoverRecord(engine=engine, cause=cause):
                yield self._instant(entry.of, "engines", f"{engine} failed", entry.at, {"cause": cause})
            case WorkerRecord(worker=worker, state=state, cause=cause):
                yield self._instant(entry.of, "workers", f"{worker} {state}", entry.at, {"cause": cause})
            case PartRecord(part=part, state=state, cause=cause):
                yield self._instant(entry.of, "parts", f"{part} {state}", entry.at, {"cause": cause})
            case ConversationRecord(topic=topic):
                yield self._instant(entry.of, "conversations", "conversation begins", entry.at, {"topic": topic})
            case _:
                pass

    def _frame(self, of: str, record: FrameRecord) -> Iterator[TraceEvent]:
        told = {
            "number": record.number, "due_us": self._us(record.due), "lateness_ms": round(record.lateness_ms, 3),
            "damage_px": record.damage_px, "cause": record.cause.value, "work": record.work, "periods": record.periods,
            "frame_ms": round(frame_time_ms(record), 3),
        }  # fmt: skip
        name = "late frame" if record.lateness_ms > 0 else "frame"
        yield self._span(
            of, "drawing", name, record.begun, record.begun + round(record.compose_ms * 1e6), "frame", told
        )
        began = record.packaged - round(record.encode_ms * 1e6)
        yield self._span(of, "encoder", name, began, record.packaged, "frame", {"number": record.number})
        yield self._counter(of, "frames ahead (ms)", record.packaged, {"lead": round(-record.lateness_ms, 3)})

    def _turn(self, of: str, turn: TurnRecord) -> Iterator[TraceEvent]:
        """The turn by its speaker, for Perfetto draws tracks that are called alike as one; within it what was said, and
        within that its stages; beside it what engines did for it.
        """
        stages = stage_spans(turn)
        start = turn.spoken_to or turn.asked or turn.on_air
        if not start:
            return
        end = max(turn.ended, turn.on_air, *(until for _, until in stages.values()))
        told = {
            "text": turn.text, "heard": turn.heard, "state": turn.state, "role": turn.kind, "why": turn.why,
            "waited_ms": turn.waited_ms, "interrupted": turn.interrupted, "failure": turn.failure,
            "engine": turn.engine,
        }  # fmt: skip
        whole, over = self._track(of, "turn", turn.id, turn.speaker, start, end, told)
        words, silent = self._track(of, "turn", turn.id, short(turn.text) or turn.state, start, end, {})
        yield from (whole, words)
        at = start
        for name, (since, until) in stages.items():
            at = max(at, since)
            yield from self._track(of, "turn", turn.id, name.replace("_", " "), at, until, {})
            at = max(at, until)
        yield from (silent, over)
        for engine, does, begins, ends in _SPANS:
            began = next((time for name in begins if (time := getattr(turn, name))), 0)
            over = next((time for name in ends if (time := getattr(turn, name))), 0)
            if began and over >= began:
                yield from self._track(
                    "engines", "engine", f"{turn.id} {engine}", f"{engine} {does} for {turn.speaker}", began, over,
                    {"turn": turn.id, "of": of},
                )  # fmt: skip

    def _machine(self, at: int, record: MachineRecord) -> Iterator[TraceEvent]:
        for name, percent in record.cpu_percent.items():
            yield self._counter(name, "CPU (% of a core)", at, {"cpu": round(percent, 2)})
        for name, megabytes in record.rss_mb.items():
            yield self._counter(name, "memory (MB)", at, {"rss": round(megabytes, 1)})
        for name, ms in record.cpu_wait_ms.items():
            yield self._counter(name, "waited for a core (ms)", at, {"wait": round(ms, 2)})
        told = {"stolen": record.steal_percent, "busy": record.busy_percent, "other programs": record.others_percent}
        yield self._counter("machine", "all cores (%)", at, {name: round(value, 2) for name, value in told.items()})
        yield self._counter("machine", "waited for a disk (ms)", at, {"disk": round(record.disk_wait_ms, 2)})

    # The format

    def _us(self, at: int) -> int:
        return max(0, at - self._origin) // 1000 if at else 0

    def _next(self) -> int:
        """A number that no process and no thread has: a process's main thread has its own."""
        return len(self._processes) + len(self._threads) + FIRST_PROCESS

    def _process(self, name: str) -> int:
        if name not in self._processes:
            number = self._processes[name] = self._next()
            self._open.append({"ph": "M", "name": "process_name", "pid": number, "tid": number, "args": {"name": name}})
        return self._processes[name]

    def _thread(self, process: int, name: str) -> int:
        if (process, name) not in self._threads:
            number = self._threads[process, name] = self._next()
            self._open.append({"ph": "M", "name": "thread_name", "pid": process, "tid": number, "args": {"name": name}})
        return self._threads[process, name]

    def _lane(self, process: int, name: str, since: int, until: int) -> int:
        """The first thread of that name on which nothing else is then (µs)."""
        number = 1
        while self._free.get(thread := self._thread(process, name if number == 1 else f"{name} {number}"), 0) > since:
            number += 1
        self._free[thread] = until
        return thread

    def _span(
        self, process: str, thread: str, name: str, since: int, until: int, category: str,
        told: Mapping[str, object] | None = None,
    ) -> TraceEvent:  # fmt: skip
        pid, begins = self._process(process), self._us(since)
        ends = max(begins, self._us(until))
        return {
            "ph": "X", "name": name, "cat": category, "pid": pid, "tid": self._lane(pid, thread, begins, ends),
            "ts": begins, "dur": ends - begins, "args": told or {},
        }  # fmt: skip

    def _instant(self, process: str, thread: str, name: str, at: int, told: Mapping[str, object]) -> TraceEvent:
        pid = self._process(process)
        return {
            "ph": "i", "s": "t", "name": name, "cat": thread, "pid": pid, "tid": self._thread(pid, thread),
            "ts": self._us(at), "args": told,
        }  # fmt: skip

    def _counter(self, process: str, name: str, at: int, values: Mapping[str, float]) -> TraceEvent:
        pid = self._process(process)
        return {"ph": "C", "name": name, "pid": pid, "tid": pid, "ts": self._us(at), "args": values}

    def _track(
        self, process: str, category: str, id_: str, name: str, since: int, until: int, told: Mapping[str, object]
    ) -> tuple[TraceEvent, TraceEvent]:
        """A span that may overlap others, its beginning and its end: its track is its id's, which is its process' own.
        Perfetto shows those of an id without a place (``id``) in none.
        """
        pid = self._process(process)
        common = {"name": name, "cat": category, "id2": {"local": id_}, "pid": pid, "tid": pid}
        return (
            {"ph": "b", **common, "ts": self._us(since), "args": told},
            {"ph": "e", **common, "ts": self._us(max(since, until)), "args": {}},
        )


def write_trace(entries: Iterable[Entry], file: TextIO) -> int:
    """Write a trace; how many events it has."""
    count = 0
    file.write('{"displayTimeUnit": "ms", "traceEvents": [')
    for event in Tracer().events(entries):
        file.write(
            ("\n" if not count else ",\n")
            + json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        )
        count += 1
    file.write("\n]}\n")
    return count
