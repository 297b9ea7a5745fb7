"""``duologue phone`` in a process of its own, and callers in another, for the benchmarks that judge it from outside."""

from __future__ import annotations

import contextlib
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from benchmarks.live import HERE
from benchmarks.machine import foreign, say
from benchmarks.phone_talker import Plan, Talked, longest, read
from duologue.places import packs_folder
from duologue.telemetry.ledger import TurnRecord
from duologue.telemetry.ledger_reader import LedgerReader

UP_WITHIN_S = 180.0
BRIEF = """max_words = 14
max_sentences = 1"""
"""What a caller waits for is the beginning of an answer; a long one only takes time."""
GREETING = "Hello there."


@dataclass(frozen=True, slots=True)
class PhoneHouse:
    """A running one: ``sip`` is its port, ``ledger`` a folder."""

    process: subprocess.Popen[str]
    address: str
    sip: int
    ledger: Path

    def every(self) -> list[psutil.Process]:
        """The main process and all its workers."""
        main = psutil.Process(self.process.pid)
        return [main, *main.children(recursive=True)]

    def answers(self) -> list[TurnRecord]:
        """What the ledger has of its answers to callers; ask when it has ended."""
        records = (entry.record for entry in LedgerReader(self.ledger))
        return [each for each in records if isinstance(each, TurnRecord) and each.kind == "answer" and each.question]

    def end(self) -> None:
        """Have it leave, so that its ledger is whole."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            say("the house did not end: it is killed")
            self.process.kill()


def brief_persona(folder: Path, *, voice: str = "") -> Path:
    """The persona of the phone, with one short sentence for an answer; ``voice`` is its table [voice]."""
    text = (packs_folder() / "personas" / "phone.toml").read_text("utf-8")
    text = re.sub(r"max_words = \d+\nmax_seconds = [\d.]+\nmax_sentences = \d+", BRIEF, text)
    assert BRIEF in text
    if voice:
        text = re.sub(r"\[voice\]\n(?:\w+ = .*\n)*", f"[voice]\n{voice}\n", text)
    file = folder / "brief.toml"
    file.write_text(text, "utf-8")
    return file


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """One that nobody has now."""
    with socket.socket(socket.AF_INET, kind) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def phone_house(
    settings: str, *, voice: str = "", environment: Mapping[str, str] | None = None, log: bool = False
) -> Generator[PhoneHouse]:
    """One that takes calls, with ``settings`` (TOML; of ``[phone]`` what is not set here)."""
    with tempfile.TemporaryDirectory(prefix="phone-") as name:
        folder = Path(name)
        sip, web = free_port(), free_port(socket.SOCK_STREAM)
        persona = brief_persona(folder, voice=voice)
        config = folder / "duologue.toml"
        phone = (
            f'[phone]\nlisten = "127.0.0.1:{sip}"\npersona = "{persona}"\ngreeting = "{GREETING}"\nplaces = 200\n'
            f"media_ports = [30000, 31999]\nsilence_seconds = 600\n"
        )
        config.write_text(f"{phone}\n{settings}\n")
        ledger = folder / "ledger"
        command = HERE.command(
            "phone", "--config", str(config), "--port", str(web), "--ledger", str(ledger), "--no-talk"
        )
        asked = {**HERE.environment, "DUOLOGUE_TELEMETRY__LOG_LEVEL": "warning", **(environment or {})}
        with foreign(command, "duologue phone", asked) as process:
            house = PhoneHouse(process, f"http://127.0.0.1:{web}", sip, ledger)
            _until_ready(house)
            yield house


def _until_ready(house: PhoneHouse) -> None:
    begin, why = time.perf_counter(), "it does not listen"
    while time.perf_counter() - begin < UP_WITHIN_S:
        if house.process.poll() is not None:
            raise SystemExit(f"duologue phone ended with {house.process.returncode}")
        try:
            answer = httpx.get(f"{house.address}/readyz", timeout=5)
        except httpx.HTTPError:
            time.sleep(0.3)
            continue
        if answer.status_code == 200:
            say(f"ready after {time.perf_counter() - begin:.1f} s")
            return
        why = answer.text
        if "models get" in why:  # it will not become ready by waiting
            break
        time.sleep(0.3)
    raise SystemExit(f"duologue phone takes no calls: {why}")


def talk(plan: Plan) -> list[Talked]:
    """Hold the calls of ``plan`` from another process; raises what a talker raises that fails or hangs."""
    with tempfile.NamedTemporaryFile(suffix=".plan") as file:
        Path(file.name).write_bytes(pickle.dumps(plan))
        command = [sys.executable, "-m", "benchmarks.phone_talker", file.name]
        done = subprocess.run(
            command, cwd=HERE.folder, env=HERE.environment, stdout=subprocess.PIPE, text=True, timeout=longest(plan),
            check=True,
        )  # fmt: skip
    return read(done.stdout)


def load() -> str:
    """What else the machine does: how many programs wanted its cores in the last minute, for who reads the figures."""
    return f"load {os.getloadavg()[0]:.1f}"


def left_at(talked: Sequence[Talked]) -> list[int]:
    """When the first packet of each answer came (ns)."""
    return sorted(turn.left for call in talked for turn in call.turns if turn.left)
