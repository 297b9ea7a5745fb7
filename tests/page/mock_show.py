"""A show as a process of its own: the mock server, or the real one."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from duologue.clock import SECOND, SYSTEM_CLOCK

START_PATIENCE = 120 * SECOND


@dataclass(frozen=True)
class Show:
    """A running show."""

    address: str
    port: int
    pid: int


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@contextmanager
def running_show(media: Path, port: int = 0, *options: str) -> Generator[Show]:
    """Run the mock server until the block is left; on ``port``, or a free one."""
    script = str(Path(__file__).parent / "mock_server.py")
    with running_process(lambda port: [script, "--port", str(port), "--media", str(media), *options], port) as show:
        yield show


@contextmanager
def running_process(arguments: Callable[[int], list[str]], port: int = 0) -> Generator[Show]:
    """Run Python with ``arguments`` for a port until the block is left. It is killed with all of its children."""
    port = port or _free_port()
    process = subprocess.Popen([sys.executable, *arguments(port)])
    try:
        _await_health(f"http://127.0.0.1:{port}/healthz", process)
        yield Show(f"http://127.0.0.1:{port}", port, process.pid)
    finally:
        for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
            child.kill()
        process.kill()
        process.wait()


def _await_health(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = SYSTEM_CLOCK.now() + START_PATIENCE
    while SYSTEM_CLOCK.now() < deadline:
        assert process.poll() is None, "the server ended"
        try:
            if httpx.get(address).is_success:
                return
        except httpx.TransportError:
            SYSTEM_CLOCK.sleep_until(SYSTEM_CLOCK.now() + SECOND // 20)
    raise AssertionError("the server does not answer")
