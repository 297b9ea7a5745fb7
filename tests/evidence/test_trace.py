"""A trace, field by field: what Perfetto and chrome://tracing take."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from io import StringIO
from typing import Any

from made_shows import HOUSE, ORIGIN, SHOW, START, WALL, frames, show, told

from duologue.clock import MILLISECOND, SECOND
from duologue.evidence.trace import AHEAD, write_trace
from duologue.telemetry.ledger import (
    AdmissionRecord,
    BakeRecord,
    ClipRecord,
    Entry,
    EventRecord,
    GovernorStep,
    HandoverRecord,
    HeaderRecord,
    PacketsRecord,
    PauseRecord,
    StepRecord,
    TurnRecord,
    UsageRecord,
)
from trace_reader import check_trace

TALK = "talk:c"
MS = MILLISECOND
ANSWER = TurnRecord(
    "c/r1", "c", 2, "ada", "answer", "Noon.", "Noon.", state="ended", question="c/p1", why="question",
    spoken_to=START, decided=START + 300 * MS, understood=START + 350 * MS, asked=START + 350 * MS,
    first_token=START + 1350 * MS, first_sentence=START + 1400 * MS, first_audio=START + 1450 * MS,
    voiced=START + 1480 * MS, text_complete=START + 1500 * MS, on_air=START + 1460 * MS, ended=START + 2460 * MS,
    engine="piper",
)  # fmt: skip

TIMES = (
    "spoken_to", "decided", "understood", "asked", "first_token", "first_sentence", "first_audio", "voiced",
    "text_complete", "on_air", "ended",
)  # fmt: skip


def traced(*extra: Entry, count: int = 4) -> list[dict[str, Any]]:
    file = StringIO()
    written = write_trace(show(frames(count), extra=extra), file)
    found = json.loads(file.getvalue())
    assert sum(check_trace(found).values()) == len(found["traceEvents"]) == written
    return found["traceEvents"]


def us(at: int) -> int:
    return (at - ORIGIN + AHEAD) // 1000


def test_processes_and_threads_are_named_before_they_are_used() -> None:
    named: set[tuple[int, int]] = set()
    processes: dict[int, str] = {}
    for event in traced(told(SHOW, START, BakeRecord(START, "lights", 300.0)), told(TALK, START, ANSWER)):
        if event["ph"] == "M":
            assert event["name"] in ("process_name", "thread_name") and list(event["args"]) == ["name"]
            if event["name"] == "process_name":
                processes[event["pid"]] = event["args"]["name"]
            named.add((event["pid"], event["tid"]))
            continue
        assert event["pid"] in processes
        assert event["tid"] == event["pid"] or (event["pid"], event["tid"]) in named
        assert type(event["ts"]) is int and event["ts"] >= 0
    assert set(processes.values()) == {SHOW, TALK, "engines", "main", "stage", "piper", "machine"}
    assert len(set(processes)) == len(set(processes.values()))


def test_a_frame_is_drawn_on_one_thread_and_encoded_on_another() -> None:
    events = traced()
    record = frames(4)[2]
    threads = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name"}
    drawn, encoded = (e for e in events if e["ph"] == "X" and e["args"].get("number") == 2)
    assert threads[drawn["pid"], drawn["tid"]] == "drawing" and threads[encoded["pid"], encoded["tid"]] == "encoder"
    assert {key: drawn[key] for key in ("name", "cat", "ts")} == {
        "name": "frame",
        "cat": "frame",
        "ts": us(record.begun),
    }
    for event, took in ((drawn, record.compose_ms), (encoded, record.encode_ms)):
        assert 0 <= event["dur"] - int(took * 1000) <= 1
    assert encoded["ts"] + encoded["dur"] == us(record.packaged)
    told_of = drawn["args"]
    assert told_of["due_us"] == us(record.due) and told_of["work"] == "speech+caption" and told_of["cause"] == ""
    assert told_of["lateness_ms"] == round(record.lateness_ms, 3)
    (lead,) = (
        e for e in events if e["ph"] == "C" and e["name"] == "frames ahead (ms)" and e["ts"] == us(record.packaged)
    )
    assert lead["args"] == {"lead": round(-record.lateness_ms, 3)}


def test_a_late_frame_is_called_so() -> None:
    file = StringIO()
    write_trace(show(frames(200, still={100: 1400.0})), file)
    late = [e for e in json.loads(file.getvalue())["traceEvents"] if e["name"] == "late frame" and e["cat"] == "frame"]
    assert late and all(e["args"]["lateness_ms"] > 0 for e in late if "lateness_ms" in e["args"])


def test_a_turn_is_a_track_with_its_stages_within_it_and_what_engines_did() -> None:
    events = traced(told(TALK, START, ANSWER))
    turn = [e for e in events if e.get("cat") == "turn"]
    assert {e["id2"]["local"] for e in turn} == {"c/r1"} and [e["ph"] for e in turn] == [*"bb", *["b", "e"] * 8, *"ee"]
    inner = turn[2:-2]
    for begin, end, name in ((turn[0], turn[-1], "ada"), (turn[1], turn[-2], "Noon.")):
        assert (begin["name"], begin["ts"], end["name"], end["ts"]) == (name, us(START), name, us(START + 2460 * MS))
    begins, ends = turn[0]["ts"], turn[-1]["ts"]
    stages = [(b["name"], b["ts"], e["ts"]) for b, e in zip(inner[::2], inner[1::2], strict=True)]
    assert [name for name, _, _ in stages] == [
        "endpointing", "transcript", "floor", "first token", "first sentence", "voice", "playout", "speaking",
    ]  # fmt: skip
    assert all(begins <= since <= until <= ends for _, since, until in stages)
    assert all(before[2] == after[1] for before, after in itertools.pairwise(stages))
    assert turn[0]["args"]["engine"] == "piper" and turn[0]["args"]["why"] == "question"
    engines = [e for e in events if e.get("cat") == "engine"]
    assert [(e["ph"], e["name"], e["ts"]) for e in engines] == [
        ("b", "mind thinks for ada", us(START + 350 * MS)), ("e", "mind thinks for ada", us(START + 1500 * MS)),
        ("b", "voice speaks for ada", us(START + 1400 * MS)), ("e", "voice speaks for ada", us(START + 1480 * MS)),
    ]  # fmt: skip
    assert len({e["id2"]["local"] for e in engines}) == 2 and all(
        e["args"].get("turn", "c/r1") == "c/r1" for e in engines
    )


def test_everything_else_has_its_place_on_the_same_axis() -> None:
    events = traced(
        told(SHOW, START, BakeRecord(START, "lights", 300.0)),
        told(SHOW, START, PauseRecord("stage", "garbage", 12.0, START)),
        told(SHOW, START, StepRecord(START, 90, GovernorStep.RATE, GovernorStep.FULL, 120.0, "a lead of 120 ms")),
        told(HOUSE, START, HandoverRecord("openai", "improv", "beginning", "429", START)),
        told(HOUSE, START, AdmissionRecord("voice", "taken", 3, 4)),
        told("line", START, PacketsRecord(50, 0.4, 1.25)),
        told(TALK, START, EventRecord("Understood", {"text": "noon"})),
    )
    by_name = {e["name"]: e for e in events if e["ph"] != "M"}
    bake, pause = by_name["bake lights"], by_name["garbage"]
    assert (bake["ts"], bake["dur"]) == (us(START - 300 * MS), 300_000) and pause["dur"] == 12_000
    assert by_name["step rate"]["ph"] == "i" and by_name["step rate"]["s"] == "t"
    assert by_name["step rate"]["args"] == {"why": "a lead of 120 ms"}
    assert by_name["openai failed"]["args"] == {"cause": "429"}
    assert by_name["places taken: voice"] | {"pid": 0, "tid": 0, "ts": 0} == {
        "ph": "C", "name": "places taken: voice", "pid": 0, "tid": 0, "ts": 0, "args": {"busy": 3},
    }  # fmt: skip
    assert by_name["latest packet (ms)"]["args"] == {"ms": 1.25} and by_name["packets"]["args"] == {"sent": 50}
    assert by_name["Understood"]["args"] == {"told": {"text": "noon"}}
    cpu = [e for e in events if e["name"] == "CPU (% of a core)"]
    assert {tuple(e["args"]) for e in cpu} == {("cpu",)} and len({e["pid"] for e in cpu}) == 3
    assert by_name["all cores (%)"]["args"] == {"stolen": 0.1, "busy": 31.0, "other programs": 6.5}


def test_what_engines_were_asked_is_on_a_thread_of_each_and_requests_at_once_beside_each_other() -> None:
    def asked(engine: str, until: int, took: float, **more: Any) -> Entry:
        service = "stt" if engine == "whisper" else "llm"
        return told(TALK, START + until * MS, UsageRecord(service, engine, took_ms=took, **more))

    events = traced(
        asked("whisper", 300, 250.0, sound_ms=1_900.0), asked("llama", 700, 350.0, prompt_tokens=90, model="gemma"),
        asked("llama", 900, 700.0, outcome="cut"), asked("llama", 1_400, 500.0),
    )  # fmt: skip
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    spans = [e for e in events if e.get("cat") == "request"]
    assert [(names[e["tid"]], e["name"], e["dur"]) for e in spans] == [
        ("whisper", "hears", 250_000), ("llama", "thinks", 350_000), ("llama 2", "thinks", 700_000),
        ("llama", "thinks", 500_000),
    ]  # fmt: skip
    assert spans[0]["ts"] == us(START + 50 * MS)
    assert spans[1]["args"] == {"of": TALK, "model": "gemma", "outcome": "done", "prompt_tokens": 90}


def test_a_ledger_without_times_of_a_turn_breaks_nothing() -> None:
    events = traced(told(TALK, START + SECOND, TurnRecord("c/p1", "c", 1, "p", "person", "hello")))
    assert not [e for e in events if e.get("cat") == "turn"]


def test_what_happens_at_once_is_on_threads_of_one_name() -> None:
    def clip(number: int, since: int, until: int) -> Entry:
        begins, ends = START + since, START + until
        record = ClipRecord(
            f"clip-{number}", "guest", f"clip {number}", "ended", begins, begins, queued=begins, ended=ends
        )
        return told(SHOW, START + until, record)

    events = traced(
        clip(1, 0, 5 * SECOND), clip(2, SECOND, 6 * SECOND), clip(3, 2 * SECOND, 7 * SECOND),
        clip(4, 5 * SECOND, 8 * SECOND), clip(5, 8 * SECOND, 9 * SECOND),
        told(HOUSE, START + 40 * MS, PauseRecord("main", "garbage", 30.0, START + 40 * MS)),
        told(HOUSE, START + 50 * MS, PauseRecord("main", "disk", 30.0, START + 50 * MS)),
    )  # fmt: skip
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    where = {e["name"]: names[e["tid"]] for e in events if e["ph"] == "X" and e["cat"] in ("clip", "pause")}
    assert where == {
        "clip 1": "clips", "clip 2": "clips 2", "clip 3": "clips 3", "clip 4": "clips", "clip 5": "clips",
        "garbage": "pauses", "disk": "pauses 2",
    }  # fmt: skip


def test_frames_that_touch_to_the_nanosecond_do_not_overlap() -> None:
    made = frames(300, compose={each: 1.0 + each / 997 for each in range(300)}, encode=dict.fromkeys(range(300), 33.4))
    file = StringIO()
    write_trace(show(made), file)
    found = json.loads(file.getvalue())
    check_trace(found)
    names = [event["args"]["name"] for event in found["traceEvents"] if event["name"] == "thread_name"]
    assert names == ["drawing", "encoder"]


def test_a_turn_that_was_said_before_all_of_its_sound_was_made_nests() -> None:
    early = replace(
        ANSWER, kind="turn", spoken_to=0, decided=0, understood=0, first_sentence=0, parts=3,
        voiced=ANSWER.on_air + 700 * MS, first_audio=ANSWER.on_air + 5,
    )  # fmt: skip
    events = [event for event in traced(told(SHOW, START, early)) if event.get("cat") == "turn"]
    assert events[0]["ts"] == us(early.asked) and events[-1]["ts"] == us(early.ended)


def test_several_ledgers_are_on_one_axis_and_what_they_share_is_there_once() -> None:
    def ledger(later: int, of: str) -> list[Entry]:
        """As another process of the same machine would write it, whose clock began elsewhere."""
        origin, wall = ORIGIN + 7 * later, WALL + later
        machine = Entry(origin + 3 * SECOND - later, HOUSE, PauseRecord("main", "garbage", 9.0, origin + SECOND), "one")
        answer = replace(ANSWER, **{
            name: getattr(ANSWER, name) + 7 * later for name in TIMES if getattr(ANSWER, name)
        })  # fmt: skip
        return [Entry(origin, of, HeaderRecord(wall, origin, "test")), machine, Entry(answer.ended, of, answer, of)]

    file = StringIO()
    write_trace([*ledger(0, "talk:a"), *ledger(14 * SECOND, "talk:b")], file)
    found = json.loads(file.getvalue())
    check_trace(found)
    begins = [event["ts"] for event in found["traceEvents"] if event["ph"] == "b" and event["name"] == "ada"]
    assert begins == [us(START), us(START + 14 * SECOND)]
    assert len([event for event in found["traceEvents"] if event["name"] == "garbage"]) == 1


def test_nothing_is_before_the_beginning() -> None:
    events = traced(told(HOUSE, ORIGIN, PauseRecord("main", "garbage", 80.0, ORIGIN - AHEAD + 20 * MS)))
    (pause,) = [event for event in events if event["name"] == "garbage"]
    assert (pause["ts"], pause["dur"]) == (0, 20_000)
