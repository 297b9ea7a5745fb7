"""The programs as processes: ours in this environment, each peer in its own, made on demand from pinned versions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from rich.console import Console

ROOT = Path(__file__).parents[2]
_PEERS = ROOT / "benchmarks" / "peers"
_SAY = Console(stderr=True)

Answer = dict[str, Any]
"""The JSON object that a program prints."""


@dataclass(frozen=True, slots=True)
class Program:
    """``name`` as in the table; ``variant`` as the program knows it."""

    name: str
    python: Path
    module: str
    variant: str = ""

    def run(self, mode: str, sessions: int, seconds: float, wav: Path | None = None) -> Answer | None:
        """What it prints; None, and a word of why, when it fails or hangs."""
        command = [str(self.python), "-m", self.module, "--mode", mode, "--sessions", str(sessions)]
        command += ["--seconds", f"{seconds:g}", "--variant", self.variant]
        command += ["--wav", str(wav)] if wav else []
        _SAY.print(f"  {self.name}: {mode}, {sessions} session(s), {seconds:g} s", highlight=False)
        try:
            done = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, timeout=2 * seconds + 60, check=False
            )
        except subprocess.TimeoutExpired:
            _SAY.print(f"  {self.name} did not end: left out")
            return None
        if done.returncode or not done.stdout.strip():
            _SAY.print(f"  {self.name} failed: left out\n{done.stderr[-2000:]}", markup=False)
            return None
        return cast("Answer", json.loads(done.stdout.strip().splitlines()[-1]))


OURS = Program("ours", Path(sys.executable), "benchmarks.voice.ours")


def ours(variant: str = "") -> Program:
    """Ours, as it is or in another configuration."""
    return Program("ours" if not variant else f"ours, {variant}", OURS.python, OURS.module, variant)


def peers(wanted: Sequence[tuple[str, str]]) -> list[Program]:
    """The peers by name and variant; one whose environment cannot be made is left out, and that is said."""
    found: list[Program] = []
    for name, variant in wanted:
        python = _environment(name)
        if python is not None:
            label = f"{name}, {variant}" if variant else name
            found.append(Program(label, python, f"benchmarks.peers.{name}.run", variant))
    return found


def _environment(name: str) -> Path | None:
    """Its interpreter, with exactly what its requirements pin."""
    folder = _PEERS / name
    python, ready = folder / ".venv" / "bin" / "python", folder / ".venv" / ".ready"
    pinned = (folder / "requirements.txt").read_text()
    if ready.is_file() and ready.read_text() == pinned:
        return python
    _SAY.print(f"  making the environment of {name}")
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(folder / "requirements.txt")]
    for command in ([sys.executable, "-m", "venv", str(folder / ".venv")], install):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            _SAY.print(
                f"  {name} could not be installed, its figures are left out:\n{done.stderr[-800:]}", markup=False
            )
            return None
    ready.write_text(pinned)
    return python
