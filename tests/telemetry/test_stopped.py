"""Which children a signal stopped, by a script and by the system itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator

import pytest

from duologue.clock import MILLISECOND, SECOND, VirtualClock
from duologue.telemetry.ledger import PauseRecord
from duologue.telemetry.stopped import MOST, StoppedWatch, newest_change

VOICE, EARS = 11, 12
BOTH = {"espeak": VOICE, "whisper": EARS}


class Scripted:
    """A clock that is set, and what the system would tell next."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.clock.advance(100 * SECOND)
        self.news: dict[int, bool] = {}
        self.watch = StoppedWatch(self.clock, lambda child: self.news.pop(child, None))

    def after(self, ms: float, **news: bool) -> None:
        """So much later somebody looks."""
        self.clock.advance(round(ms * MILLISECOND))
        self.news = {BOTH[name]: stopped for name, stopped in news.items()}
        self.watch.look(BOTH)


def test_a_stop_is_told_with_its_length_and_its_end() -> None:
    made = Scripted()
    made.after(20, espeak=True)
    for _ in range(14):
        made.after(20)
    made.after(20, espeak=False)
    over = made.clock.now()
    made.after(400)
    assert made.watch.take() == [PauseRecord("espeak", "stopped", 300.0, over)]
    assert made.watch.take() == []


def test_one_that_lasts_is_told_bit_by_bit() -> None:
    made = Scripted()
    made.after(20, espeak=True, whisper=True)
    made.after(1000)
    first = made.watch.take()
    made.after(1000, whisper=False)
    assert [(each.process, each.took_ms) for each in first] == [("espeak", 1000.0), ("whisper", 1000.0)]
    assert sorted((each.process, each.took_ms) for each in made.watch.take()) == [
        ("espeak", 1000.0), ("whisper", 1000.0),
    ]  # fmt: skip
    made.after(500, espeak=False)
    assert [each.took_ms for each in made.watch.take()] == [500.0]


def test_a_short_one_and_one_whose_beginning_nobody_saw_are_not_told() -> None:
    made = Scripted()
    made.after(20, espeak=True)
    made.after(20, espeak=False)
    made.after(20, whisper=False)
    made.after(20, espeak=True)
    assert made.watch.take() == [], "it has only begun"
    made.after(200)
    assert [each.took_ms for each in made.watch.take()] == [200.0]


def test_one_that_is_gone_stands_still_no_more() -> None:
    made = Scripted()
    made.after(20, espeak=True)
    made.clock.advance(SECOND)
    made.watch.look({"whisper": EARS})
    assert [each.took_ms for each in made.watch.take()] == [1000.0]
    made.clock.advance(SECOND)
    assert made.watch.take() == []


def test_no_more_are_kept_than_may() -> None:
    made = Scripted()
    for _ in range(MOST + 5):
        made.after(20, espeak=True)
        made.after(200, espeak=False)
    assert len(made.watch.take()) == MOST


@pytest.fixture
def child() -> Generator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_the_system_tells_of_a_real_child(child: subprocess.Popen[bytes]) -> None:
    assert newest_change(child.pid) is None
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)  # it is so
    assert (newest_change(child.pid), newest_change(child.pid)) == (True, None)
    child.send_signal(signal.SIGCONT)
    os.waitid(os.P_PID, child.pid, os.WCONTINUED | os.WNOWAIT)
    assert (newest_change(child.pid), newest_change(child.pid)) == (False, None)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert newest_change(child.pid) is None
    assert child.wait() == -signal.SIGKILL, "its end is left to who waits for it"
    assert newest_change(child.pid) is None and newest_change(os.getpid()) is None
