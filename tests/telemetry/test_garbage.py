"""Garbage collections that held everything up are told; the others are not."""

from __future__ import annotations

import gc

import pytest

from duologue.clock import MILLISECOND, VirtualClock
from duologue.telemetry import garbage
from duologue.telemetry.garbage import GarbageWatch
from duologue.telemetry.ledger import PauseRecord


def test_only_what_took_long_is_told_and_once() -> None:
    clock = VirtualClock(start=MILLISECOND)
    watch = GarbageWatch("stage", clock)
    for took in (1, 12):
        watch.note("start", {"generation": 2})
        clock.advance(took * MILLISECOND)
        watch.note("stop", {"generation": 2})
    assert watch.take() == [PauseRecord("stage", "garbage", 12.0, 14 * MILLISECOND)] and watch.take() == []
    watch.note("stop", {})  # one that had begun before it looked on
    assert watch.take() == []


def test_what_nobody_takes_is_bounded() -> None:
    clock = VirtualClock(start=MILLISECOND)
    watch = GarbageWatch("stage", clock)
    for _ in range(garbage.MOST + 5):
        watch.note("start", {})
        clock.advance(10 * MILLISECOND)
        watch.note("stop", {})
    assert len(watch.take()) == garbage.MOST


def test_the_interpreter_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "LIMIT", 0)
    watch = GarbageWatch("main")
    watch.install()
    try:
        gc.collect()
    finally:
        watch.remove()
    assert {each.what for each in watch.take()} == {"garbage"}
    assert watch.note not in gc.callbacks
