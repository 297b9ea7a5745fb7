"""Wishes to the scheduler: granted or refused, never an error."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from duologue import priority

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nice values belong to threads on Linux only")


def test_one_thread_is_lowered_and_no_other() -> None:
    found: list[int] = []

    def lowered() -> None:
        priority.lower_this_thread(7)
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    thread = threading.Thread(target=lowered)
    thread.start()
    thread.join()
    assert found == [max(7, before)]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


def test_what_was_granted_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[int] = []

    def setpriority(which: int, who: int, nice: int) -> None:
        asked.append(nice)

    group = tmp_path / "autogroup"
    group.write_text("/autogroup-7 nice 0\n")
    monkeypatch.setattr(os, "setpriority", setpriority)
    monkeypatch.setattr(priority, "AUTOGROUP", group)
    assert priority.raise_this_process(-10) == "nice -10, its session nice -10"
    assert asked == [-10]
    assert group.read_text() == "-10"


def test_a_refusal_is_said_and_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(which: int, who: int, nice: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    monkeypatch.setattr(priority, "AUTOGROUP", tmp_path)  # a folder cannot be written
    assert "-10 was refused" in priority.raise_this_process(-10)
    assert "equal share" in priority.raise_this_process(-10)
    monkeypatch.setattr(priority, "AUTOGROUP", tmp_path / "none")
    assert "session" not in priority.raise_this_process(-10)


def test_a_child_is_asked_for_and_a_refusal_or_its_end_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def setpriority(which: int, who: int, nice: int) -> None:
        asked.append((who, nice))
        raise PermissionError

    with monkeypatch.context() as patch:
        patch.setattr(os, "setpriority", setpriority)
        priority.raise_child(123_456, -5)
    assert asked == [(123_456, -5)]
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True) as child:
        before = os.getpriority(os.PRIO_PROCESS, child.pid)
        priority.raise_child(child.pid, before)  # what it has already, it may have
        assert os.getpriority(os.PRIO_PROCESS, child.pid) == before
    priority.raise_child(child.pid)  # it is gone
