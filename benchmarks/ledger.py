"""What keeping the ledger costs: the CPU of entering and writing, beside nothing being written.

``python -m benchmarks.ledger``. Time is not waited for: ten minutes of a show (30 frames a second and its turns), and
one minute with fifty talks beside it, are entered second by second, and each second is written. So it is the CPU time
of this process that counts.

Expected before measuring (2 cores): 30 lines a second cost less than 1 ms, so 0.1 % of a core; fifty talks some 2 %.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.table import Row, row, show
from duologue.clock import MILLISECOND, SECOND, VirtualClock
from duologue.telemetry.ledger import (
    BakeRecord,
    ConversationRecord,
    EffectRecord,
    EventRecord,
    FrameRecord,
    MachineRecord,
    ShowRecord,
    TurnRecord,
)
from duologue.telemetry.ledger_reader import LedgerReader
from duologue.telemetry.metrics.metrics import Metrics
from duologue.telemetry.runs import DIGEST_ROUNDS, RunKeeping
from duologue.telemetry.stream import Ledger

SECONDS, FPS = 600, 30
EVENTS = 30
"""Events and effects of a talk in a second: progress of what plays, partial transcripts."""
STORM = 100_000
HOUR = 3600 * FPS


def _frame(number: int, now: int) -> FrameRecord:
    at = now + 8 * MILLISECOND
    return FrameRecord(number, now + SECOND, now, 1.312345, 6.123456, 51_200, at, -912.3, wait_ms=0.12, blocked_ms=0.05)


def _turn(number: int, now: int) -> TurnRecord:
    return TurnRecord(
        f"0199a3c0-5f1c-7b42-9c0e-2f6f0f1d7a11-{number}", "0199a3c0-5f1c-7b42-9c0e-2f6f0f1d7a11", number, "chad",
        text="I think that tea is the better drink, by far.", heard="I think that tea is the better drink, by far.",
        asked=now, first_token=now + 1, text_complete=now + 2, voiced=now + 3, on_air=now + 4, ended=now + 5,
        state="ended",
    )  # fmt: skip


def _second(ledger: Ledger, clock: VirtualClock, second: int, talks: int) -> None:
    """What happens in a second of a show, and of so many talks."""
    for frame in range(FPS):
        clock.advance(SECOND // FPS)
        ledger.enter("show:day", _frame(second * FPS + frame, clock.now()))
    ledger.enter("show:day", MachineRecord(0.1, 4_000, {"main": 9.1, "stage": 60.2}, {"main": 118.0, "stage": 153.0}))
    if second % 5 == 0:
        ledger.turn("show:day", _turn(second, clock.now()))
    for talk in range(talks):
        for number in range(EVENTS // 2):
            told = {"utterance_id": f"r{second}/{number}", "at": clock.now(), "played_samples": number * 960}
            ledger.enter(f"talk:{talk}", EventRecord("PlayProgress", told))
            ledger.enter(f"talk:{talk}", EffectRecord("Report", {"note": "turn_ended", "ms": 352.1}))


def _cost(path: Path | None, talks: int, seconds: int) -> tuple[float, int]:
    """CPU time (s) of entering and writing so many seconds, and bytes on the disk."""
    clock = VirtualClock(start=SECOND)
    ledger = Ledger(clock)
    ledger.watch(Metrics().observe)
    writer = ledger.write_to(path) if path else None
    began = time.process_time()
    for second in range(seconds):
        _second(ledger, clock, second, talks)
        if writer is not None:
            writer.flush()
    if writer is not None:
        writer.close()
    used = time.process_time() - began
    assert ledger.dropped == 0
    return used, path.stat().st_size if path else 0


def _kept(folder: Path, talks: int, seconds: int) -> float:
    """CPU time (s) of the same with a run of each show and talk, and no other file."""
    clock = VirtualClock(start=SECOND)
    ledger = Ledger(clock)
    ledger.watch(Metrics().observe)
    recorder = ledger.keep_runs(RunKeeping(folder))
    ledger.enter("show:day", ShowRecord(FPS))
    for talk in range(talks):
        ledger.enter(f"talk:{talk}", ConversationRecord(f"{talk}", ("ada",), "friend"))
    began = time.process_time()
    for second in range(seconds):
        _second(ledger, clock, second, talks)
        recorder.flush()
        if second % DIGEST_ROUNDS == 0:
            recorder.digest()
    recorder.close()
    used = time.process_time() - began
    assert recorder.dropped == 0
    return used


def _share(folder: Path, talks: int, seconds: int) -> list[Row]:
    what = f"a show and {talks} talks" if talks else "a show of 30 frames/s"
    written, size = min(_cost(folder / f"{talks}-{run}.jsonl", talks, seconds) for run in range(3))
    beside, _ = min(_cost(None, talks, seconds) for _ in range(3))
    kept = min(_kept(folder / f"runs-{talks}-{run}", talks, seconds) for run in range(3))
    return [
        row(f"{what}: recorder and metrics", 100 * written / seconds, "% of a core", "target < 2 % of the run's CPU"),
        row(f"{what}: of that, the file", 100 * (written - beside) / seconds, "% of a core"),
        row(
            f"{what}: flight recorder and metrics", 100 * kept / seconds, "% of a core", "target < 2 % of the run's CPU"
        ),
        row(f"{what}: on the disk", size / seconds * 3600 / 1e6, "MB an hour"),
    ]


def _storm(path: Path) -> list[Row]:
    """Ten times what may wait, at once: what is entered costs, and how long the loop is kept at most."""
    ledger = Ledger(VirtualClock(start=1))
    writer = ledger.write_to(path)
    writer.start()
    worst, began = 0.0, time.perf_counter()
    for number in range(STORM):
        before = time.perf_counter()
        ledger.enter("show:day", BakeRecord(number + 1, "lights", 2.5))
        worst = max(worst, time.perf_counter() - before)
    took = time.perf_counter() - began
    writer.close()
    return [
        row(f"{STORM} records at once: entering one", took / STORM * 1e6, "µs", f"longest {worst * 1000:.1f} ms"),
        row("of them dropped and counted", ledger.dropped, "records"),
    ]


def _reading(folder: Path) -> list[Row]:
    path = folder / "hour.jsonl"
    _cost(path, 0, HOUR // FPS)
    began = time.process_time()
    count = sum(1 for _ in LedgerReader(path))
    return [row("an hour of a show is read", time.process_time() - began, "s of CPU", f"{count} records")]


def rows() -> list[Row]:
    """Half a minute."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [
            *_share(folder, 0, SECONDS),
            *_share(folder, 50, 60),
            *_storm(folder / "storm.jsonl"),
            *_reading(folder),
        ]


if __name__ == "__main__":
    show("ledger", rows())
