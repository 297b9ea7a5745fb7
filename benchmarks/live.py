"""A show on air in processes of its own, for the benchmarks that watch one from outside."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.machine import foreign, held_to, say, tree

ROOT = Path(__file__).parents[1]
ON_AIR_WITHIN = 90.0
"""Seconds after which a show that has no segment is given up."""


@dataclass(frozen=True, slots=True)
class House:
    """A clone of the project: its interpreter, its folder, and where it keeps what it baked (None: where it always
    does).
    """

    name: str
    python: str
    folder: Path
    cache: Path | None = None

    def command(self, *arguments: str) -> list[str]:
        """``duologue ARGUMENTS``."""
        return [self.python, "-m", "duologue", *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """Its own modules, and these benchmarks."""
        kept = {"XDG_CACHE_HOME": str(self.cache)} if self.cache is not None else {}
        return {**os.environ, **kept, "PYTHONPATH": f"{self.folder / 'src'}{os.pathsep}{ROOT}"}


HERE = House("here", sys.executable, ROOT)


def baseline() -> House | None:
    """The older clone that ``BASELINE=FOLDER`` names, to be measured in the same run; its own ``.venv`` is used if it
    has one.
    """
    named = os.environ.get("BASELINE")
    if not named:
        return None
    folder = Path(named).resolve()
    if not (folder / "src" / "duologue").is_dir():
        raise SystemExit(f"BASELINE={named} is no clone of the project")
    python = folder / ".venv" / "bin" / "python"
    return House(folder.name, str(python) if python.is_file() else sys.executable, folder)


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

    def every(self) -> list[psutil.Process]:
        """The main process and all its workers."""
        return tree(self.process.pid)

    def counters(self) -> dict[str, float]:
        """The show's metrics by name, summed over their labels; steps of the governor also by ``step.direction``."""
        found: dict[str, float] = {}
        for line in httpx.get(f"{self.address}/metrics", timeout=30).text.splitlines():
            if line.startswith("#"):
                continue
            name, _, rest = line.partition("{")
            name, value = name.split(" ")[0], float(line.rsplit(" ", 1)[1])
            found[name] = found.get(name, 0.0) + value
            labels = dict(re.findall(r'(\w+)="([^"]*)"', rest))
            if name == "duologue_governor_steps_total":
                found[f"{labels['step']}.{labels['direction']}"] = value
        return found

    def stage(self) -> dict[str, Any]:
        """What the API says of the stage."""
        return httpx.get(f"{self.address}/api/stage", timeout=30).json()


def humbly(command: list[str]) -> list[str]:
    """The command without the right to raise its own priority, which root would grant it."""
    if os.geteuid() != 0:
        return command
    if shutil.which("setpriv") is None:
        raise SystemExit("needs setpriv (util-linux) to start a program as root that may not raise its priority")
    return ["setpriv", "--bounding-set=-sys_nice", "--inh-caps=-sys_nice", *command]


@contextlib.contextmanager
def live(
    *arguments: str, house: House = HERE, where: Iterable[int] | None = None, humble: bool = False
) -> Generator[Live]:
    """``duologue show ARGUMENTS`` on a free port in a login session of its own, held to the cores ``where`` (None:
    all), once it is on air; ended with SIGTERM, and killed with all its workers if it does not end.

    A ``humble`` one may not raise its own priority, as on most machines: its session gets the share of any other.
    """
    began = time.perf_counter()
    command = house.command("show", "--port", "0", *arguments)
    command = humbly(command) if humble else command
    with held_to(where):
        process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, start_new_session=True, env=house.environment, cwd=house.folder
        )
    say(f"started the show of {house.name}: {' '.join(command)} (pid {process.pid})")
    with process:
        try:
            address = _address(process)
            _await_segment(address, process, began)
            with subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL):
                try:
                    yield Live(address, process, time.perf_counter() - began)
                finally:
                    _end(process)
        finally:
            _end(process)


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    said: list[str] = []
    for line in process.stderr:
        said.append(line)
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            return found[0]
    raise SystemExit(f"the show did not start: {''.join(said)[-2000:]}")


def _await_segment(address: str, process: subprocess.Popen[str], began: float) -> None:
    while True:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{address}/stream/index.m3u8").status_code == 200:
                return
        if process.poll() is not None:
            assert process.stderr is not None
            raise SystemExit(f"the show ended before it came on air: {process.stderr.read()[-2000:]}")
        if time.perf_counter() - began > ON_AIR_WITHIN:
            raise SystemExit(f"the show did not come on air within {ON_AIR_WITHIN:g} s")
        time.sleep(0.02)


def _end(process: subprocess.Popen[str]) -> None:
    """Idempotent."""
    if process.poll() is not None:
        return
    every = tree(process.pid)
    for each in every:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.send_signal(signal.SIGCONT)  # who was stopped hears of no SIGTERM
    process.terminate()
    _, alive = psutil.wait_procs(every, 15)
    for each in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait(15)
    say(f"ended the show (pid {process.pid})")


def proven(stream: str, seconds: float, where: Iterable[int] | None = None) -> dict[str, Any]:
    """The prover's report on a stream as JSON, from a process in a login session of its own."""
    command = HERE.command("verify", stream, "--seconds", f"{seconds:g}", "--json")
    with held_to(where), foreign(command, f"verify for {seconds:g} s") as process:
        try:
            answer, _ = process.communicate(timeout=4 * seconds + 120)
        except subprocess.TimeoutExpired:
            raise SystemExit(f"verify did not end: {' '.join(command)}") from None
    if not answer.startswith("{"):
        raise SystemExit(f"verify failed, status {process.returncode}: {' '.join(command)}")
    return json.loads(answer)
