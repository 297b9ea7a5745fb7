"""Fixtures of all tests."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import time
from collections.abc import Generator, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import settings

from duologue import redaction
from few_examples import examples
from loop_guard import LoopGuard
from machine_lock import machine


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """With several workers, a test that needs the clock or a peer runs alone; waiting for that is not its time."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return (yield)
    with machine(alone=any(item.get_closest_marker(name) for name in ("peer", "realtime"))):
        return (yield)


@pytest.fixture(autouse=True, scope="session")
def no_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever a person has fetched, `auto` is espeak and PocketSphinx here, unless a test brings its own shelf."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DUOLOGUE_MODELS", raising=False)
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.getbasetemp() / "no-models"))
        yield


@pytest.fixture(autouse=True)
def logs_of_its_own() -> Iterator[None]:
    """A test that sets logging up, as commands do, leaves no log behind that writes to a stream that is closed then;
    and no secret.
    """
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    redaction.forget()
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def pytest_collection_finish() -> None:
    """As a process on air does: what was loaded is not gone through again by every full collection, which otherwise
    holds the loop of some test for 60 ms.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def loop_guard(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopGuard]:
    """Fail the test when a single callback holds the event loop: CPU work belongs in a thread or a process.

    In production the bound is 5 ms (the metric ``duologue_loop_held_total``); here it allows for a test's own body.
    """
    guard = LoopGuard()
    run: Any = asyncio.Handle._run  # pyright: ignore[reportPrivateUsage] (the one place all callbacks pass)

    def timed(handle: Any) -> Any:
        began = time.thread_time_ns()
        try:
            return run(handle)
        finally:
            guard.note((time.thread_time_ns() - began) / 1e6, handle)

    monkeypatch.setattr(asyncio.Handle, "_run", timed)
    yield guard
    assert not guard.held, "the event loop was held: " + "; ".join(f"{ms:.0f} ms by {what}" for ms, what in guard.held)


# A person's run explores; CI's is the same every time, so that a red one is about the change. `make quick`
# looks at few examples.
settings.register_profile("house", deadline=None, max_examples=examples(100))
settings.register_profile("ci", deadline=None, derandomize=True, max_examples=examples(100))
settings.load_profile("ci" if os.environ.get("CI") else "house")
