"""``duologue phone`` in a process of its own, and callers in another, for the benchmarks that judge it from outside."""

from __future__ import annotations

import contextlib
import pickle
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.live import HERE
from benchmarks.machine import foreign, say
from benchmarks.phone.talker import Plan, Talked, longest, read
from benchmarks.ready import free_port, until_ready
from duologue.places import packs_folder
from duologue.telemetry.ledger import TurnRecord
from duologue.telemetry.ledger_reader import LedgerReader

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


@contextlib.contextmanager
def phone_house(
    settings: str, *, voice: str = "", environment: Mapping[str, str] | None = None, talk: bool = False
) -> Generator[PhoneHouse]:
    """One that takes calls, with ``settings`` (TOML; of ``[phone]`` what is not set here), and with ``talk``
    conversations by its page.
    """
    with tempfile.TemporaryDirectory(prefix="phone-") as name:
        folder = Path(name)
        sip, web = free_port(socket.SOCK_DGRAM), free_port()
        persona = brief_persona(folder, voice=voice)
        config = folder / "duologue.toml"
        phone = (
            f'[phone]\nlisten = "127.0.0.1:{sip}"\npersona = "{persona}"\ngreeting = "{GREETING}"\nplaces = 200\n'
            f"media_ports = [30000, 31999]\nsilence_seconds = 600\n"
        )
        config.write_text(f"{phone}\n{settings}\n")
        ledger = folder / "ledger"
        command = HERE.command(
            "phone",
            "--config",
            str(config),
            "--port",
            str(web),
            "--ledger",
            str(ledger),
            "--talk" if talk else "--no-talk",
        )
        asked = {**HERE.environment, "DUOLOGUE_TELEMETRY__LOG_LEVEL": "warning", **(environment or {})}
        with foreign(command, "duologue phone", asked) as process:
            house = PhoneHouse(process, f"http://127.0.0.1:{web}", sip, ledger)
            until_ready(process, house.address, "duologue phone")
            yield house


def talk(plan: Plan) -> list[Talked]:
    """Hold the calls of ``plan`` from another process; raises what a talker raises that fails or hangs."""
    with tempfile.NamedTemporaryFile(suffix=".plan") as file:
        Path(file.name).write_bytes(pickle.dumps(plan))
        command = [sys.executable, "-m", "benchmarks.phone.talker", file.name]
        done = subprocess.run(
            command, cwd=HERE.folder, env=HERE.environment, stdout=subprocess.PIPE, text=True, timeout=longest(plan),
            check=True,
        )  # fmt: skip
    return read(done.stdout)
