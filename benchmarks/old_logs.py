"""What ``duologue analyze`` takes for a gigabyte of lines of earlier systems: CPU seconds, wall clock, memory.

``python -m benchmarks.old_logs [--gb 1]``. The file is made in a temporary folder, of the shapes of lines that the
tests have (docs/old-logs.md), with figures by chance: most are of the show, half of them with a time before the tag.
The command reads it in a process of its own.

Expected before measuring (2 cores, shared): 25 million lines; to look at each takes 3 µs, 80 s; lines that come often
taken all at once, 45 s. Figures are kept as counts: 60 MB.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.sleeper import sleeper
from benchmarks.table import Row, row, show
from duologue.clock import SECOND, SYSTEM_CLOCK

GIGABYTE = 1_000_000_000
FRAMES = 250
"""Of a block: then come a call's answer, a reply of the tutor and rows of top."""
FPS = 30
SPARE = 2 * GIGABYTE
"""What must stay free on the disk."""


def block(chance: random.Random, first: int, *, clock: bool) -> str:
    """Lines from frame ``first`` on; with ``clock`` each of the show's begins with its time."""
    some: list[str] = []
    pick = chance.random
    for number in range(first, first + FRAMES):
        head = _clock(number / FPS) if clock else ""
        some.append(
            f"{head}[Frame {number}] compose: {int(4 + 80 * pick())}ms" if number % 4 else f"{head}[Frame {number}]"
        )
        if pick() < 0.125:
            took = int(20 + 150 * pick())
            some.append(f"{head}[Compositor] L1 cache miss: {took}ms")
            some.append(
                f"{head}[Render] chad | move:{int(3 * pick())}ms decode:{took - 10}ms total:{took + int(30 * pick())}ms"
                f" | {20 * pick():.1f}s audio"
            )
        if number % 25 == 0:
            some.append(f"{head}[SyncedPlayback] start delay: {int(20 + 280 * pick())}ms")
            some.append(f"{head}[RealtimeLipSync] analyse: {9 * pick():.1f}ms")
            some.append(f"{head}[Expr] chad -> {'smug' if pick() < 0.5 else 'angry'}")
            some.append(f"{head}[Stream] chunk {number} sent")
    at, call = 1_718_000_000 + first / FPS, first // FRAMES
    some += [
        f"t1: LLaMA send-to-Kokoro [call {call}] ts={at:.4f}",
        f"t2: Kokoro first chunk [call {call}] ts={at + 0.1 + 0.4 * pick():.4f}",
        f"t3: first RTP [call {call}] ts={at + 0.6 + 0.01 * pick():.4f}",
        f"[Auto] next turn in {9 * pick():.1f}s",
        f"Kokoro pipeline first audio: {int(90 + 500 * pick())}ms",
        f"Half-duplex gate active ({6 * pick():.1f}s left)",
        "Half-duplex gate released",
        f"Kokoro warm-up done in {3 + 6 * pick():.1f}s",
        f"+{pick():.2f}s heard",
        f"+{1 + 2 * pick():.2f}s reply written",
        f"+{3 + 6 * pick():.2f}s tts chunk {int(9 * pick())} ready",
        f"+{9 + 9 * pick():.2f}s all done",
        f"%Cpu(s): {90 * pick():.1f} us,  8.1 sy,  0.0 ni, {9 * pick():.1f} id,  0.2 wa,  0.0 hi,  1.0 si,  8.1 st",
        f"   4242 root      20   0 4521344   1.2g  84512 R  {99 * pick():.1f}  7.6   3:14.15 python3",
        f"root      4243 {99 * pick():.1f}  2.1 812344 174080 ?  Sl   10:02   0:31 /usr/bin/ffmpeg -i x",
    ]
    return "\n".join(some) + "\n"


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return (
        f"2026-06-10 {whole // 3600 % 24:02}:{whole // 60 % 60:02}:{whole % 60:02},{int(seconds % 1 * 1000):03} INFO "
    )


def make(path: Path, size: int) -> None:
    """So many bytes of such lines, and what the last block has beyond that."""
    chance, first, written = random.Random(11), 0, 0
    with path.open("wb") as file:
        while written < size:
            written += file.write(block(chance, first, clock=first // FRAMES % 2 == 0).encode())
            first += FRAMES


def measure(path: Path) -> tuple[float, float, float]:
    """CPU time (s), wall clock (s) and the most memory of a process (MB) of the command."""
    began = SYSTEM_CLOCK.now()
    arguments = [sys.executable, "-m", "duologue", "analyze", str(path), "--json"]
    with (path.parent / "told.json").open("wb") as told:
        to = [(os.POSIX_SPAWN_DUP2, told.fileno(), 1)]
        child = os.posix_spawn(sys.executable, arguments, os.environ, file_actions=to)
        _, status, used = os.wait4(child, 0)
    if status:
        raise RuntimeError(f"duologue analyze ended with {status}")
    return used.ru_utime + used.ru_stime, (SYSTEM_CLOCK.now() - began) / SECOND, used.ru_maxrss / 1024


def rows(gigabytes: float = 1.0) -> list[Row]:
    """The figures."""
    size = round(gigabytes * GIGABYTE)
    with tempfile.TemporaryDirectory() as folder:
        if shutil.disk_usage(folder).free < size + SPARE:
            raise SystemExit(f"{folder} has no room for {gigabytes:g} GB")
        path = Path(folder) / "old.log"
        make(path, size)
        with sleeper() as stalls:
            cpu, wall, memory = measure(path)
    scale = f"of {gigabytes:g} GB"
    return [
        row(f"analyze {scale}: CPU", cpu, "s", "wanted: 60 s"),
        row(f"analyze {scale}: wall clock", wall, "s"),
        row(f"analyze {scale}: most memory", memory, "MB", "wanted: 300 MB"),
        row("a bare sleeper's worst wake-up meanwhile", stalls.worst_ms, "ms"),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.old_logs")
    parser.add_argument("--gb", type=float, default=1.0)
    show("old_logs", rows(parser.parse_args().gb))


if __name__ == "__main__":
    main()
