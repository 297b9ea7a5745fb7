"""The thread that brings what waits to a disk, every two seconds.

A round that fails by a fault of ours is named in the log, and the next one goes on: one entry must not cost all that
come after it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from duologue.errors import in_words
from duologue.telemetry.log import get_logger

PERIOD_SECONDS = 2.0
"""Between two rounds: what a killed program may lose. Where fifty talk, a round is a hundred calls of the kernel."""
SYNC_ROUNDS = 15
"""What a power cut may take is so many rounds long."""
CLOSE_SECONDS = 10.0
"""How long a disk that does not answer is waited for at the end."""

_log = get_logger("duologue.telemetry.ledger")


class Rounds:
    """``each`` is called in the thread with the number of the round, from 1 on."""

    def __init__(self, name: str, each: Callable[[int], None]) -> None:
        self._name = name
        self._each = each
        self._wake = threading.Event()
        self._leaving = False
        self._thread: threading.Thread | None = None
        self._begun = self._finished = 0
        self._round_over = threading.Condition()

    def start(self, before: Callable[[], None] = lambda: None) -> None:
        """Begin, in a thread that calls ``before`` first."""
        self._thread = threading.Thread(target=self._run, args=(before,), name=self._name, daemon=True)
        self._thread.start()

    def hurry(self) -> None:
        """The next round is to come now. Never waits."""
        self._wake.set()

    def settle(self, seconds: float) -> None:
        """Have a round at once, in the thread, and wait for it, so long at most. It blocks."""
        if self._thread is None:
            return
        wanted = self._begun + 1
        self._wake.set()
        with self._round_over:
            self._round_over.wait_for(lambda: self._finished >= wanted or self._leaving, seconds)

    def stop(self) -> bool:
        """No more of them; False when the disk does not answer. It blocks. Idempotent."""
        self._leaving = True
        self._wake.set()
        if self._thread is None:
            return True
        self._thread.join(CLOSE_SECONDS)
        return not self._thread.is_alive()

    def _run(self, before: Callable[[], None]) -> None:
        before()
        while not self._leaving:
            self._wake.wait(PERIOD_SECONDS)
            self._wake.clear()
            self._begun += 1
            try:
                self._each(self._begun)
            except Exception as error:
                _log.error("a round of writing failed", queue=self._name, cause=in_words(error), exc_info=True)
            with self._round_over:
                self._finished = self._begun
                self._round_over.notify_all()
