"""A trace as Perfetto's importer and chrome://tracing take it: each event by its phase's fields, spans as they nest.

By the Trace Event Format (Duca and Sinclair) and by what Perfetto's JSON importer does with it: what it drops, counts
as misplaced or would name wrongly is an error here. ``tests/evidence/test_perfetto.py`` asks Perfetto itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

FIELDS: Mapping[str, frozenset[str]] = {
    "M": frozenset({"ph", "name", "pid", "tid", "args"}),
    "X": frozenset({"ph", "name", "cat", "pid", "tid", "ts", "dur", "args"}),
    "i": frozenset({"ph", "s", "name", "cat", "pid", "tid", "ts", "args"}),
    "C": frozenset({"ph", "name", "pid", "tid", "ts", "args"}),
    "b": frozenset({"ph", "name", "cat", "id2", "pid", "tid", "ts", "args"}),
    "e": frozenset({"ph", "name", "cat", "id2", "pid", "tid", "ts", "args"}),
}
"""What an event of each phase has, no more and no less."""
METADATA = ("process_name", "thread_name")


def check_trace(trace: Mapping[str, Any]) -> dict[str, int]:
    """How many events there are of each phase; an :class:`AssertionError` names the first that a reader refuses."""
    assert list(trace) == ["displayTimeUnit", "traceEvents"] and trace["displayTimeUnit"] == "ms"
    events: list[dict[str, Any]] = trace["traceEvents"]
    processes, threads = _named(events)
    assert not {*processes} & {*threads}, "a thread with the number of another process's main thread"
    for event in events:
        _check_fields(event)
        if event["ph"] != "M":
            assert event["tid"] == event["pid"] or threads[event["tid"]] == event["pid"], event
    _check_threads([event for event in events if event["ph"] in "Xi"])
    _check_tracks([event for event in events if event["ph"] in "be"])
    return {phase: sum(event["ph"] == phase for event in events) for phase in FIELDS}


def _named(events: Sequence[Mapping[str, Any]]) -> tuple[set[int], dict[int, int]]:
    """The numbers of processes, and of threads with their process's; each is named once, before it is used."""
    processes: set[int] = set()
    threads: dict[int, int] = {}
    for event in events:
        pid, tid = event["pid"], event["tid"]
        if event["ph"] != "M":
            assert pid in processes and (tid == pid or tid in threads), event
        elif event["name"] == "process_name":
            assert pid == tid and pid not in processes, event
            processes.add(pid)
        else:
            assert pid in processes and tid not in threads, event
            threads[tid] = pid
    return processes, threads


def _check_fields(event: Mapping[str, Any]) -> None:
    assert {*event} == FIELDS[event["ph"]], event
    assert all(type(event[key]) is int and event[key] >= 0 for key in ("pid", "tid", "ts", "dur") if key in event), (
        event
    )
    assert all(event[key] and isinstance(event[key], str) for key in ("name", "cat", "s") if key in event), event
    assert isinstance(event["args"], dict), event
    match event["ph"]:
        case "M":
            assert event["name"] in METADATA and [*event["args"]] == ["name"] and event["args"]["name"], event
        case "C":
            values: list[object] = [*event["args"].values()]
            assert values and all(type(value) in (int, float) for value in values), event
        case "i":
            assert event["s"] == "t", event
        case "b" | "e":  # one of its process alone: Perfetto shows any other beside all processes
            assert [*event["id2"]] == ["local"] and isinstance(event["id2"]["local"], str) and event["id2"]["local"]
        case _:
            pass


def _check_threads(events: Sequence[Mapping[str, Any]]) -> None:
    """Spans of one thread lie within each other or apart: Perfetto drops one that overlaps another in part."""
    open_: dict[int, list[int]] = {}
    for event in sorted(events, key=lambda each: (each["ts"], -each.get("dur", 0))):
        begin, end, stack = event["ts"], event["ts"] + event.get("dur", 0), open_.setdefault(event["tid"], [])
        while stack and stack[-1] <= begin:
            stack.pop()
        assert not stack or end <= stack[-1], f"a part of it lies within another of its thread: {event}"
        stack.append(end)


def _check_tracks(events: Sequence[Mapping[str, Any]]) -> None:
    """Each end is of the newest span of its track that is open, in the order of times, and of the file where two have
    one time.
    """
    open_: dict[tuple[int, str, str], list[Mapping[str, Any]]] = {}
    for event in sorted(events, key=lambda each: each["ts"]):
        stack = open_.setdefault((event["pid"], event["cat"], event["id2"]["local"]), [])
        if event["ph"] == "b":
            stack.append(event)
            continue
        assert stack, f"it ends, and never began: {event}"
        begun = stack.pop()
        assert all(begun[key] == event[key] for key in ("name", "pid", "tid")), f"another one is open: {begun} {event}"
    assert not any(open_.values()), "it never ends"
