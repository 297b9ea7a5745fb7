"""A bounded queue of entries before a disk, and the thread that empties it every two seconds.

Whoever enters something never waits. What does not fit is dropped, counted, and owed: to be told in the file as soon as
it is written again. A round that fails by a fault of ours is named in the log, and the next one goes on: one entry must
not cost all that come after it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from duologue.errors import in_words
from duologue.telemetry.ledger import Entry
from duologue.telemetry.log import get_logger

MAX_WAITING = 20_000
"""Entries that wait for the disk: some minutes of a show, or a storm."""
SLICE = 500
"""Entries that are made lines and written at once: the interpreter is never held for long."""
PERIOD_SECONDS = 2.0
"""Between two rounds: what a killed program may lose. Where fifty talk, a round is a hundred calls of the kernel."""
CLOSE_SECONDS = 10.0
"""How long a disk that does not answer is waited for at the end."""
OVERRUN = "more waited than may"

_log = get_logger("duologue.telemetry.ledger")


class EntryQueue:
    """``each_round`` is called in the thread with the number of the round, from 1 on; it calls :meth:`flush`. ``most``
    entries wait.
    """

    def __init__(self, name: str, each_round: Callable[[int], None], most: int = MAX_WAITING) -> None:
        self._name = name
        self._most = most
        self._each_round = each_round
        self._waiting: deque[Entry] = deque()
        self._entering = threading.Lock()
        self._flushing = threading.Lock()
        self._wake = threading.Event()
        self._leaving = False
        self._thread: threading.Thread | None = None
        self._rounds = self._finished = 0
        self._round_over = threading.Condition()
        self.overrun = 0
        """Entries that did not fit."""
        self._owed = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, entry: Entry) -> bool:
        """Enter something, from any thread; False: too much waits, and it is dropped."""
        with self._entering:
            fits = len(self._waiting) < self._most
            if fits:
                self._waiting.append(entry)
            else:
                self.overrun += 1
                self._owed += 1
        if len(self._waiting) > self._most // 4:
            self._wake.set()
        return fits

    def take_owed(self) -> int:
        """How many entries did not fit since the last call: whoever asks tells of them."""
        if not self._owed:
            return 0
        with self._entering:
            owed, self._owed = self._owed, 0
        return owed

    def flush(self, write: Callable[[list[Entry]], None], then: Callable[[], None] = lambda: None) -> None:
        """Give what waits to ``write``, a slice after another, and call ``then``. It blocks; the thread calls it."""
        with self._flushing:
            waiting = len(self._waiting)
            while waiting > 0:
                entries = [self._waiting.popleft() for _ in range(min(waiting, SLICE))]
                waiting -= len(entries)
                write(entries)
            then()

    def start(self, before: Callable[[], None] = lambda: None) -> None:
        """Begin the rounds, in a thread that calls ``before`` first."""
        self._thread = threading.Thread(target=self._run, args=(before,), name=self._name, daemon=True)
        self._thread.start()

    def settle(self, seconds: float) -> None:
        """Have a round at once, in the thread, and wait for it, so long at most. It blocks."""
        if self._thread is None:
            return
        wanted = self._rounds + 1
        self._wake.set()
        with self._round_over:
            self._round_over.wait_for(lambda: self._finished >= wanted or self._leaving, seconds)

    def stop(self) -> bool:
        """End the rounds; False when the disk does not answer. It blocks. Idempotent."""
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
            self._rounds += 1
            try:
                self._each_round(self._rounds)
            except Exception as error:
                _log.error("a round of writing failed", queue=self._name, cause=in_words(error), exc_info=True)
            with self._round_over:
                self._finished = self._rounds
                self._round_over.notify_all()
