"""The mock server as a process of its own."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from duologue.clock import SECOND, SYSTEM_CLOCK

START_PATIENCE = 30 * SECOND


@dataclass(frozen=True)
class Show:
    """A running mock show."""

    address: str
    port: int


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@contextmanager
def running_show(media: Path, port: int = 0, *options: str) -> Generator[Show]:
    """Run the mock server as a process of its own until the block is left; on ``port``, or a free one."""
    port = port or _free_port()
    script = Path(__file__).parent / "mock_server.py"
    command = [sys.executable, str(script), "--port", str(port), "--media", str(media), *options]
    process = subprocess.Popen(command)
    try:
        _await_health(f"http://127.0.0.1:{port}/healthz", process)
        yield Show(f"http://127.0.0.1:{port}", port)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _await_health(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = SYSTEM_CLOCK.now() + START_PATIENCE
    while SYSTEM_CLOCK.now() < deadline:
        assert process.poll() is None, "the mock server ended"
        try:
            if httpx.get(address).is_success:
                return
        except httpx.TransportError:
            SYSTEM_CLOCK.sleep_until(SYSTEM_CLOCK.now() + SECOND // 20)
    raise AssertionError("the mock server does not answer")
