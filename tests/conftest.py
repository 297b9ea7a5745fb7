"""Fixtures of all tests."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import re
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

from duologue import redaction
from few_examples import examples
from heap import HEAP
from loop_guard import LoopGuard
from machine_lock import MACHINE
from rewriting import rewrite_part

_LEFT_OUT = re.compile(r"^pytestmark = .*?\bmark\.(slow|peer|realtime)\b", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A file that is marked as a whole is not even imported where its marker is not asked for: that is half of what
    the everyday tests would take.
    """
    if collection_path.suffix != ".py" or "not slow" not in config.option.markexpr:
        return None
    found = _LEFT_OUT.search(collection_path.read_text("utf-8"))
    return True if found and f"not {found[1]}" in config.option.markexpr else None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """With several workers, a test that burns all cores runs alone; waiting for that is not its time. Where several
    follow each other the others wait once for all of them.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return (yield)
    alone = _alone(item)
    if not MACHINE.alone:
        MACHINE.take(alone=alone)
    try:
        return (yield)
    finally:
        if not (alone and _alone(nextitem)):
            MACHINE.leave()


def _alone(item: pytest.Item | None) -> bool:
    return item is not None and item.get_closest_marker("alone") is not None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who wants the machine alone comes first: later it would wait for long tests, and others for it meanwhile."""
    items.sort(key=lambda item: not _alone(item))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """A worker runs hundreds of files and never ends in between: what one of them leaves goes back before the next.
    What holds itself in a circle keeps megabytes of sound and pictures with a few objects, which the collector counts.
    """
    done = yield
    if nextitem is None or nextitem.path != item.path:
        HEAP.settle()
    return done


@pytest.fixture(autouse=True, scope="session")
def no_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever a person has fetched, `auto` is espeak and PocketSphinx here, unless a test brings its own shelf."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DUOLOGUE_MODELS", raising=False)
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.getbasetemp() / "no-models"))
        yield


@pytest.fixture(autouse=True, scope="session")
def runs_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What houses keep of their shows, talks and calls here is not kept among a person's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state"))
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


def pytest_configure() -> None:
    """A run in the background of a shell ignores Ctrl-C, one by nohup a hang-up, and so would all that it starts.
    Logs are plain.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # where nobody has set logging up, a traceback would be drawn with all that is in its frames, which takes seconds
    structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """What is imported and collected stays: looking through it for garbage again and again was two fifths of it."""
    gc.disable()
    try:
        rewrite_part(session.config)
        return (yield)
    finally:
        gc.enable()


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
        began = guard.now()
        try:
            return run(handle)
        finally:
            guard.note((guard.now() - began) / 1e6, handle)

    monkeypatch.setattr(asyncio.Handle, "_run", timed)
    gc.callbacks.append(guard.collecting)
    yield guard
    gc.callbacks.remove(guard.collecting)
    assert not guard.held, "the event loop was held: " + "; ".join(f"{ms:.0f} ms by {what}" for ms, what in guard.held)


# A person's run explores; CI's is the same every time, so that a red one is about the change. `make quick`
# looks at few examples.
settings.register_profile("house", deadline=None, max_examples=examples(100))
settings.register_profile("ci", deadline=None, derandomize=True, max_examples=examples(100))
settings.load_profile("ci" if os.environ.get("CI") else "house")
