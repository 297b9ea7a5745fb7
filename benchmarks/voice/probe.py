"""What the three programs share: their arguments, the callers' sound, the stop-watch and the answer.

Ours and the peers' programs are processes of their own, each in its own environment, so this module needs nothing but
the standard library and numpy. All of them hear the same 20 ms frames at the same moments, and their scripted ears
understand the same words at the same place in the sound.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import time
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from benchmarks.sleeper import sleeper

RATE = 16_000
"""Of what the callers say (Hz)."""
VOICE_RATE = 24_000
"""Of what the zero-time voice gives (Hz)."""
FRAME_MS = 20
FRAME = RATE * FRAME_MS // 1000
FRAME_NS = FRAME_MS * 1_000_000
SECOND = 1_000_000_000

ANSWER = "Certainly, here is one sentence."
ANSWER_SECONDS = 1.2
LONG_SECONDS = 2.5
"""Of an answer that is there to be interrupted."""
SETTLE_SECONDS = 1.0
"""The first part of a run, which no figure contains: everything is made, warmed and out of step by then."""
FINAL_SECONDS = 0.2
"""Silence after which the scripted ears call their words final: a hosted engine's own end of a segment."""

Pcm = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Word:
    """A word and where it lies in its caller's sound (seconds)."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a program is asked for. ``variant`` names another configuration of it than the usual one."""

    sessions: int
    mode: str
    seconds: float
    wav: Path | None
    variant: str


def arguments() -> Arguments:
    """Read them from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, default=1)
    parser.add_argument("--mode", choices=("reply", "listen", "interrupt", "endpoint"), default="reply")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--wav", type=Path, help="a WAV (16 kHz, mono), with its words beside it as .json; or a folder")
    parser.add_argument("--variant", default="")
    found = parser.parse_args()
    return Arguments(found.sessions, found.mode, found.seconds, found.wav, found.variant)


# Callers


@dataclass(slots=True)
class Caller:
    """One caller: sound that is repeated until the run is over, and its words.

    ``origin`` is when sample 0 sounded (ns); a frame is given when its last sample has. ``position`` is how many
    seconds have been given.
    """

    sound: Pcm
    words: tuple[Word, ...]
    phase_ns: int = 0
    origin: int = 0
    position: float = 0.0

    def begin(self) -> None:
        """Time runs from now on."""
        self.origin = time.perf_counter_ns() + self.phase_ns

    async def frames(self, seconds: float) -> AsyncIterator[Pcm]:
        """20 ms at each point of an absolute grid."""
        for number in range(int(seconds * 1000) // FRAME_MS):
            due = self.origin + (number + 1) * FRAME_NS
            await asyncio.sleep(max(0, due - time.perf_counter_ns()) / SECOND)
            self.position = (number + 1) * FRAME_MS / 1000
            at = number * FRAME % len(self.sound)
            yield self.sound[at : at + FRAME]

    def over(self, begin: float) -> list[Word]:
        """The words that ended after ``begin`` and by now (seconds)."""
        length = len(self.sound) / RATE
        laps = (lap * length for lap in range(int(begin // length), int(self.position // length) + 1))
        return [
            Word(word.text, word.start + moved, word.end + moved)
            for moved in laps
            for word in self.words
            if begin < word.end + moved <= self.position
        ]

    @property
    def speaking(self) -> bool:
        """A word has begun and is not over."""
        at = self.position % (len(self.sound) / RATE)
        return any(word.start < at < word.end for word in self.words)


class Segments:
    """A scripted ear for engines that hear a whole call: what is new, segment by segment."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._begin = 0.0
        self._shown = ""

    def poll(self) -> tuple[str, bool] | None:
        """A new partial or final text, None while nothing changes."""
        words = self._caller.over(self._begin)
        if not words:
            return None
        text = " ".join(word.text for word in words)
        if not self._caller.speaking and self._caller.position - words[-1].end > FINAL_SECONDS:
            self._begin, self._shown = words[-1].end, ""
            return text, True
        if text == self._shown:
            return None
        self._shown = text
        return text, False


def tone(seconds: float, rate: int = RATE, hertz: float = 220.0) -> Pcm:
    """A voice for zero-time voice activity."""
    at = np.arange(int(seconds * rate)) / rate
    return (8000 * np.sin(2 * np.pi * hertz * at)).astype(np.int16)


def quiet(seconds: float, rate: int = RATE) -> Pcm:
    """Nothing."""
    return np.zeros(int(seconds * rate), np.int16)


def answer_pcm(mode: str) -> bytes:
    """What the zero-time voice gives for any text: 24 kHz, 16 bit."""
    return tone(LONG_SECONDS if mode == "interrupt" else ANSWER_SECONDS, VOICE_RATE, 150.0).tobytes()


CYCLE = "Tell me about the sea."
CYCLE_SECONDS = 3.0


def tone_callers(count: int) -> list[Caller]:
    """Callers that ask every three seconds, evenly out of step."""
    sound = np.concatenate([quiet(0.5), tone(0.8), quiet(CYCLE_SECONDS - 1.3)])
    texts = CYCLE.split()
    words = tuple(Word(text, 0.5 + 0.16 * n, 0.5 + 0.16 * (n + 1)) for n, text in enumerate(texts))
    step = int(CYCLE_SECONDS * SECOND) // count
    return [Caller(sound, words, number * step) for number in range(count)]


def recorded_callers(path: Path, count: int) -> list[Caller]:
    """Callers from a WAV or a folder of them, by name, used in turn and evenly out of step within a frame."""
    files = sorted(path.glob("*.wav")) if path.is_dir() else [path]
    return [recorded(files[n % len(files)], n * FRAME_NS // count) for n in range(count)]


def recorded(file: Path, phase_ns: int = 0) -> Caller:
    """A WAV (16 kHz, 16 bit, mono) and the words of its script."""
    with wave.open(str(file)) as source:
        assert (source.getframerate(), source.getnchannels(), source.getsampwidth()) == (RATE, 1, 2), file
        sound = np.frombuffer(source.readframes(source.getnframes()), np.int16)
    sound = np.concatenate([sound, np.zeros(-len(sound) % FRAME, np.int16)])
    beside = file.with_suffix(".json")
    text = beside.read_text() if beside.is_file() else '{"words": []}'
    words = cast("list[tuple[str, float, float]]", json.loads(text)["words"])
    return Caller(sound, tuple(Word(*word) for word in words), phase_ns)


def callers(asked: Arguments) -> list[Caller]:
    """Those of this run: without a WAV silence to listen to, and the tones for all else."""
    if asked.wav is not None:
        found = recorded_callers(asked.wav, asked.sessions)
        if asked.mode == "listen":  # with idle ears: nothing is understood, so nothing is answered
            return [Caller(each.sound, (), each.phase_ns) for each in found]
        return found
    if asked.mode == "listen":
        return [Caller(quiet(1.0), (), n * FRAME_NS // asked.sessions) for n in range(asked.sessions)]
    return tone_callers(asked.sessions)


# The stop-watch


def now() -> int:
    """Monotonic nanoseconds."""
    return time.perf_counter_ns()


@dataclass(slots=True)
class Log:
    """What happened in one session (ns): the framework's own end of a turn, the first sound of a reply handed to the
    sink, blocks that the pacer sent with sound in them, and its decision that it is interrupted.
    """

    decided: list[int] = field(default_factory=list[int])
    handed: list[int] = field(default_factory=list[int])
    sent: list[int] = field(default_factory=list[int])
    interrupted: list[int] = field(default_factory=list[int])


@dataclass(slots=True)
class Meter:
    """CPU and memory of this process, from the end of the first second on. Make it when everything that sessions share
    is loaded.
    """

    empty_mb: float = field(default_factory=lambda: resident_mb())
    since: int = 0
    cpu: float = 0.0
    wall: float = 0.0
    mb: float = 0.0

    async def watch(self, seconds: float) -> None:
        """Beside the sessions."""
        await asyncio.sleep(SETTLE_SECONDS)
        self.since, cpu = now(), cpu_seconds()
        await asyncio.sleep(seconds)
        self.cpu, self.wall = cpu_seconds() - cpu, (now() - self.since) / SECOND
        self.mb = resident_mb() - self.empty_mb


def resident_mb() -> float:
    """Of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def cpu_seconds() -> float:
    """All threads of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def quantiles(values: list[float]) -> dict[str, float]:
    """p50, p99, the largest, and how many there were."""
    if not values:
        return {"n": 0}
    p50, p99 = np.percentile(values, [50, 99])
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3), "max": round(max(values), 3), "n": len(values)}


def first_after(times: list[int], at: int, before: int) -> int | None:
    """The first time from ``at`` on, if it is before ``before``."""
    return next((time for time in times if at <= time < before), None)


def replies(log: Log, since: int) -> tuple[list[float], list[float]]:
    """Milliseconds from each decision to the first sound handed over, and to the first block sent."""
    handed: list[float] = []
    sent: list[float] = []
    ends = [*log.decided, 1 << 62][1:]
    for at, following in zip(log.decided, ends, strict=True):
        if at < since:
            continue
        for found, times in ((handed, log.handed), (sent, log.sent)):
            first = first_after(times, at, following)
            if first is not None:
                found.append((first - at) / 1e6)
    return handed, sent


def pacing(log: Log, since: int) -> tuple[list[float], list[float]]:
    """Of each run of sound: how far its blocks lie from the absolute 20 ms grid that fits it best (ms), and how far
    the end of the run has moved against its beginning.

    The first two blocks are left out: some send them at once, which is a lead and no error.
    """
    errors: list[float] = []
    drifts: list[float] = []
    runs: list[list[int]] = []
    for at in log.sent:
        if at < since:
            continue
        if runs and at - runs[-1][-1] < 200_000_000:
            runs[-1].append(at)
        else:
            runs.append([at])
    for run in runs:
        if len(run) < 20:
            continue  # cut short by the end of the measurement, or by the caller
        late = np.array([(at - run[0] - number * FRAME_NS) / 1e6 for number, at in enumerate(run)][2:])
        errors += np.abs(late - np.median(late)).tolist()
        drifts.append(float(np.median(late[-8:]) - np.median(late[:8])))
    return errors, drifts


def stops(log: Log, since: int) -> list[float]:
    """Milliseconds from each decision that somebody speaks over us to our last block; 0 when none followed it. What is
    decided again within half a second, for a second reason, is the same decision.
    """
    firsts = [at for n, at in enumerate(log.interrupted) if n == 0 or at - log.interrupted[n - 1] > SECOND // 2]
    found: list[float] = []
    for at, following in zip(firsts, [*firsts, 1 << 62][1:], strict=True):
        playing = any(at - 60_000_000 < time <= at for time in log.sent)
        if at < since or not playing:
            continue
        answer = next((time for time in log.handed if at < time < following), following)
        after = [time for time in log.sent if at < time < answer]
        found.append((after[-1] - at) / 1e6 if after else 0.0)
    return found


def report(name: str, asked: Arguments, people: list[Caller], logs: list[Log], meter: Meter) -> dict[str, object]:
    """What a program prints, as one line of JSON."""
    timed = [replies(log, meter.since) for log in logs]
    paced = [pacing(log, meter.since) for log in logs]
    turns = [
        {
            "decided": [round((at - who.origin) / SECOND, 4) for at in log.decided],
            "handed": [round((at - who.origin) / SECOND, 4) for at in log.handed],
        }
        for who, log in zip(people, logs, strict=True)
    ]
    return {
        "name": name,
        "sessions": asked.sessions,
        "mode": asked.mode,
        "decision_to_handed_ms": quantiles([value for handed, _ in timed for value in handed]),
        "decision_to_sent_ms": quantiles([value for _, sent in timed for value in sent]),
        "pacing_ms": quantiles([value for errors, _ in paced for value in errors]),
        "drift_ms": quantiles([value for _, drifts in paced for value in drifts]),
        "stop_ms": quantiles([value for log in logs for value in stops(log, meter.since)]),
        "cpu_per_session_minute": round(meter.cpu / meter.wall * 60 / asked.sessions, 3),
        "cores": round(meter.cpu / meter.wall, 3),
        "mb_per_session": round(meter.mb / asked.sessions, 2),
        "turns": turns if asked.mode == "endpoint" else [],
    }


def main(
    run: Callable[[Arguments], Awaitable[dict[str, object]]],
    runner: Callable[..., object] = asyncio.run,
    *,
    leave: bool = False,
) -> None:
    """A program: its one line of JSON goes to standard output, all else elsewhere. With ``leave`` the process ends as
    soon as it is printed, with nothing closed.
    """
    asked = arguments()

    async def whole() -> None:
        with sleeper() as stalls:
            found = await run(asked)
        print(json.dumps({**found, "worst_wake_ms": round(stalls.worst_ms, 1)}), flush=True)
        if leave:
            os._exit(0)

    runner(whole())
