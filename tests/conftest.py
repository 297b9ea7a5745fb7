"""Fixtures of all tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

LOOP_LIMIT_MS = 50.0
"""Thread CPU time (not wall time: the machine's noise does not count) that one callback may hold the event loop."""


@pytest.fixture
def loop_guard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail the test when a single callback holds the event loop: CPU work belongs in a thread or a process.

    In production the bound is 5 ms (the metric ``duologue_loop_held_total``); here it allows for a test's own body.
    """
    held: list[tuple[float, str]] = []
    run: Any = asyncio.Handle._run  # pyright: ignore[reportPrivateUsage] (the one place all callbacks pass)

    def timed(handle: Any) -> Any:
        began = time.thread_time_ns()
        try:
            return run(handle)
        finally:
            spent = (time.thread_time_ns() - began) / 1e6
            if spent > LOOP_LIMIT_MS:
                held.append((spent, repr(handle)))

    monkeypatch.setattr(asyncio.Handle, "_run", timed)
    yield
    assert not held, "the event loop was held: " + "; ".join(f"{ms:.0f} ms by {what}" for ms, what in held)
