"""Ports for what a benchmark starts, and waiting until it serves."""

from __future__ import annotations

import socket
import time
from typing import Protocol

import httpx

from benchmarks.machine import say

UP_WITHIN_S = 180.0
_PAUSE_S = 0.3
_HOPELESS = "models get"
"""Of a reason that no waiting mends: it asks the person to fetch something."""


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """One that nobody has now."""
    with socket.socket(socket.AF_INET, kind) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Started(Protocol):
    """A program that was started; see :class:`subprocess.Popen`."""

    returncode: int | None

    def poll(self) -> int | None:
        """Its status; None: it runs."""
        ...


def until_ready(process: Started, address: str, what: str) -> None:
    """Return when the house at ``address`` would serve somebody. Ends the benchmark with the reason if it does not."""
    begin, why = time.perf_counter(), "it does not listen"
    while time.perf_counter() - begin < UP_WITHIN_S and _HOPELESS not in why:
        if process.poll() is not None:
            raise SystemExit(f"{what} ended with {process.returncode}")
        try:
            answer = httpx.get(f"{address}/readyz", timeout=5)
        except httpx.HTTPError:
            answer = None
        if answer is not None and answer.is_success:
            say(f"ready after {time.perf_counter() - begin:.1f} s")
            return
        why = why if answer is None else answer.text
        time.sleep(_PAUSE_S)
    raise SystemExit(f"{what} does not serve: {why}")
