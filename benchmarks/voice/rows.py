"""The rows that set our core beside the peers: each figure from one run of all three, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.table import Row, row
from benchmarks.voice import scenes
from benchmarks.voice.programs import OURS, Answer, Program, ours, peers

Answers = list[tuple[Program, Answer]]
"""Ours first, then whoever answered of the peers."""
LATE_SECONDS = 7.5
"""A decision after that belongs to no turn of the script."""


def run_all(programs: Sequence[Program], mode: str, sessions: int, seconds: float, wav: Path | None = None) -> Answers:
    """Each in turn, so that none disturbs another."""
    found = [(program, program.run(mode, sessions, seconds, wav)) for program in programs]
    return [(program, answer) for program, answer in found if answer is not None]


def compared(what: str, unit: str, values: Sequence[tuple[str, float]]) -> Row:
    """Ours beside the rest; the ratio is to the best of the peers as they come, other configurations are only shown."""
    (_, own), *rest = values
    peer = " · ".join(f"{name} {value:.0f}" if value >= 100 else f"{name} {value:.3g}" for name, value in rest)
    best = [value for name, value in rest if "," not in name]
    return row(what, own, unit, peer, min(best) / own if best and own else None)


def figure(answers: Answers, what: str, unit: str, field: str, key: str = "") -> list[Row]:
    """One field of every answer; no row when ours has nothing to show."""
    values: list[tuple[str, float]] = []
    for program, answer in answers:
        found = answer[field].get(key) if key else answer[field]
        if found is not None:
            values.append((program.name, float(found)))
    return [compared(what, unit, values)] if values and values[0][0] == OURS.name else []


def stalls(answers: Answers, what: str) -> list[Row]:
    """What the machine itself did beside each."""
    return figure(answers, f"{what}: a bare sleeper's worst wake-up", "ms", "worst_wake_ms")


REPLY_TARGETS = {1: "< 1", 100: "< 10"}
CPU_TARGETS = {100: "≤ 4"}
LEAVE_TARGETS = {1: ("< 2", "< 4"), 50: ("< 4", "< 12")}


def reply_rows(counts: Sequence[int] = (1, 10, 25, 50, 100), seconds: float = 12.0) -> list[Row]:
    """From the decision that a turn is over to the first sound, with engines that answer at once; and the pace."""
    programs = [ours(), *peers([("pipecat", ""), ("pipecat", "lean"), ("livekit", "")])]
    rows: list[Row] = []
    for count in counts:
        answers = run_all(programs, "reply", count, seconds * 2 if count == 1 else seconds)
        many = f"{count} session" + "s" * (count > 1)
        target = f" (target {REPLY_TARGETS[count]})" if count in REPLY_TARGETS else ""
        rows += figure(
            answers, f"decision → first audio in the sink, {many}, p50", "ms", "decision_to_handed_ms", "p50"
        )
        rows += figure(answers, f"the same, p99{target}", "ms", "decision_to_handed_ms", "p99")
        for key, wish in zip(("p50", "p99"), LEAVE_TARGETS.get(count, ("", "")), strict=True):
            target = f" (target {wish})" if wish else ""
            what = f"decision → first 20 ms leave, {many}, {key}{target}"
            rows += figure(answers, what, "ms", "decision_to_sent_ms", key)
        rows += figure(answers, f"pacing error, {many}, p99 (target < 5)", "ms", "pacing_ms", "p99")
        rows += figure(answers, f"drift over a reply, {many}, at most", "ms", "drift_ms", "max")
        rows += figure(answers, f"cores while talking, {many}", "cores", "cores")
        rows += per_session(answers, count)
        rows += of_the_callers(count, seconds)
        rows += stalls(answers, many)
    return rows


def per_session(answers: Answers, count: int) -> list[Row]:
    """The CPU time that a session takes in a second, with what its caller takes of it."""
    target = f" (target {CPU_TARGETS[count]})" if count in CPU_TARGETS else ""
    values = [(program.name, answer["cores"] * 1000 / count) for program, answer in answers]
    return [compared(f"CPU a second of a talking session, {count} in one process{target}", "ms", values)]


def of_the_callers(count: int, seconds: float) -> list[Row]:
    """What of that is our callers' own: the same, speaking to nobody in a process of their own."""
    if count not in CPU_TARGETS:
        return []
    answers = run_all([ours("nobody")], "reply", count, seconds)
    return [
        row("of it our callers', who speak to nobody", answer["cores"] * 1000 / count, "ms") for _, answer in answers
    ]


def listen_rows(counts: Sequence[int] = (1, 25, 50), seconds: float = 10.0) -> list[Row]:
    """What it costs to listen with Silero while nobody understands."""
    programs = [ours(), *peers([("pipecat", ""), ("livekit", "")])]
    rows: list[Row] = []
    with TemporaryDirectory() as folder:
        spoken = Path(folder) / "listening.wav"
        scenes.make_listening(spoken)
        for count in counts:
            for wav, name in ((None, "silence"), (spoken, "a third speech")):
                if wav is None and count not in (counts[0], counts[-1]):
                    continue
                answers = run_all(programs, "listen", count, seconds, wav)
                target = " (target ≤ 0.35)" if count == 50 else ""
                what = f"listening with Silero, {count} session{'s' * (count > 1)}, {name}"
                rows += figure(answers, f"{what}{target}", "CPU s per session-minute", "cpu_per_session_minute")
                if wav is None:
                    target = " (target ≤ 2)" if count == 50 else ""
                    rows += figure(answers, f"{what}: memory{target}", "MB per session", "mb_per_session")
    return rows


def interrupt_rows(counts: Sequence[int] = (1, 50), seconds: float = 10.0) -> list[Row]:
    """From the decision that somebody speaks over us to the last block that leaves."""
    programs = [ours(), *peers([("pipecat", ""), ("livekit", "")])]
    rows: list[Row] = []
    for count in counts:
        answers = run_all(programs, "interrupt", count, seconds * 2 if count == 1 else seconds)
        many = f"{count} session" + "s" * (count > 1)
        rows += figure(answers, f"interrupted → last audio sent, {many}, p50", "ms", "stop_ms", "p50")
        rows += figure(answers, "the same, p99 (target < 25)", "ms", "stop_ms", "p99")
    return rows


@dataclass(frozen=True, slots=True)
class Ending:
    """Of one turn: the silence before the decision (ms; None: there was none), and whether it was cut in."""

    silence: float | None
    cut_in: bool


def endings(turns: Sequence[scenes.Turn], decided: Sequence[float], handed: Sequence[float]) -> list[Ending]:
    """What became of each turn of a script, from the moments of decisions and of answers (seconds)."""
    found: list[Ending] = []
    for turn in turns:
        cut = any(turn.begin + 0.1 < at < turn.end for at in handed)
        after = [at - turn.end for at in decided if turn.end <= at < turn.end + LATE_SECONDS]
        # a decision that was taken back, since the person went on, is not what ends the turn
        found.append(Ending(after[0] * 1000 if after else None, cut))
    return found


def endpoint_rows() -> list[Row]:
    """When each decides that a turn has ended, on its defaults, over the spoken scenarios."""
    programs = [ours(), ours("pocketsphinx")]
    programs += peers([("pipecat", ""), ("livekit", ""), ("livekit", "vad")])
    with TemporaryDirectory() as name:
        folder = Path(name)
        script = scenes.make(folder)
        answers = run_all(programs, "endpoint", len(script), scenes.seconds_of(script), folder)
    by_scene: dict[str, list[tuple[str, list[Ending]]]] = {}
    for program, answer in answers:
        for (scene, turns), seen in zip(script.items(), answer["turns"], strict=True):
            found = endings(turns, seen["decided"], seen["handed"])
            by_scene.setdefault(scene, []).append((program.name, found))
    rows: list[Row] = []
    for scene, found in by_scene.items():
        waits = [(name, _median(each)) for name, each in found]
        rows.append(compared(f"{scene}: last word's end → decision, p50", "ms", waits))
    rows += _over_all(by_scene)
    return rows


def _median(found: Sequence[Ending]) -> float:
    waits = [each.silence for each in found if each.silence is not None]
    return float(np.median(waits)) if waits else float("nan")


def _over_all(by_scene: dict[str, list[tuple[str, list[Ending]]]]) -> list[Row]:
    """The mean wait, turns cut in and turns without a decision, of all scenarios together."""
    every: dict[str, list[Ending]] = {}
    for found in by_scene.values():
        for name, each in found:
            every.setdefault(name, []).extend(each)
    count = max(map(len, every.values()), default=0)
    waits = [
        (name, float(np.mean([e.silence for e in each if e.silence is not None] or [float("nan")])))
        for name, each in every.items()
    ]
    cut = [(name, 100 * sum(e.cut_in for e in each) / count) for name, each in every.items()]
    lost = [(name, float(sum(e.silence is None for e in each))) for name, each in every.items()]
    return [
        compared(f"last word's end → decision, mean of {count} turns (target: under both)", "ms", waits),
        compared("turns cut in (target: under both)", "%", cut),
        compared("turns that no decision ended", "turns", lost),
    ]
