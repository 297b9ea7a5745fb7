"""A show on air in a process of its own, for the benchmarks that watch one from outside."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil


@dataclass(slots=True)
class Live:
    """``seconds`` is from the start of the process to the first playable segment."""

    address: str
    process: subprocess.Popen[str]
    seconds: float

    @property
    def stream(self) -> str:
        return f"{self.address}/stream/index.m3u8"

    def processes(self) -> dict[str, psutil.Process]:
        """The main process and its stage."""
        main = psutil.Process(self.process.pid)
        stage = next(child for child in main.children() if "duologue.stage.process" in " ".join(child.cmdline()))
        return {"main": main, "stage": stage}


@contextlib.contextmanager
def live(*arguments: str) -> Generator[Live]:
    """``duologue show ARGUMENTS`` on a free port, once it is on air; ended with SIGTERM."""
    began = time.perf_counter()
    command = [str(Path(sys.executable).with_name("duologue")), "show", "--port", "0", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            address = ""
            for line in process.stderr:
                if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                    address = found[0]
                    break
            if not address:
                raise SystemExit(f"the show did not start: {' '.join(command)}")
            while httpx.get(f"{address}/stream/index.m3u8").status_code != 200:
                if process.poll() is not None or time.perf_counter() - began > 60:
                    raise SystemExit("the show did not come on air")
                time.sleep(0.02)
            drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
            yield Live(address, process, time.perf_counter() - began)
            process.terminate()
            process.wait(15)
            drain.wait(5)
        finally:
            process.kill()
