"""The one writer of the store: a thread with a bounded queue. Who gives it something never waits for the disk.

What waits is written together, in one transaction, as soon as the thread is free: a process that is killed has lost
what was given to it in the last milliseconds and nothing else. A write may have a ``key``: a newer one of the same key
takes the place of the older that still waits, so what grows (a turn) takes one place however often it grows.

A database that is locked, full or gone stops nobody. What waits is tried again, with pauses; when more waits than may,
the oldest is lost and counted. ``told`` hears of both: that nothing is remembered now, and that it is again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

from sqlalchemy.orm import Session

from duologue.clock import SECOND, Clock
from duologue.errors import ClosedError, DuologueError, PeerError, in_words
from duologue.store.database import Database, RejectedError
from duologue.store.values import StoreState
from duologue.telemetry.log import get_logger

MOST_WAITING = 5_000
"""Writes; a conversation makes a few a second."""
SLICE = 500
"""So many are one transaction at most."""
PAUSES = (1 * SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND)
"""Between tries of a database that failed (ns); the last one again and again."""
CLOSE_SECONDS = 10.0

StoreWrite: TypeAlias = Callable[[Session], object]
T = TypeVar("T")

_log = get_logger("duologue.store")


@dataclass(slots=True)
class _Job:
    write: StoreWrite
    done: Future[Any] | None = None
    """Of who waits for it; then a failure is theirs, and it is not tried again."""


def _fails(job: _Job, error: Exception) -> None:
    """Tell who waits for it, unless they have gone: nobody's leaving ends the thread."""
    if job.done is not None and job.done.set_running_or_notify_cancel():
        job.done.set_exception(error)


class StoreWriter:
    """See the module. :meth:`start` it, and :meth:`close` it at the end. ``told`` is called on its thread."""

    def __init__(self, database: Database, clock: Clock, told: Callable[[StoreState], None]) -> None:
        self._database = database
        self._clock = clock
        self._told = told
        self._entering = threading.Condition()
        self._waiting: OrderedDict[str, _Job] = OrderedDict()
        self._number = 0
        self._leaving = False
        self._open = False
        self._opened = False
        """It was, once."""
        self._failures = 0
        self._state = StoreState(database.where)
        self.steps = 0
        """Counts what the thread did, well or not: while it stands still so does the database."""
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> StoreState:
        """Now."""
        return replace(self._state, waiting=len(self._waiting))

    def start(self) -> None:
        """Write from now on. The database is opened with the first write."""
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._thread.start()

    def put(self, write: StoreWrite, key: str = "") -> None:
        """Write this when it can be. From any thread; never waits."""
        self._enter(_Job(write), key)

    def ask(self, write: Callable[[Session], T]) -> Future[T]:
        """The same for who waits for it, after all that was put before: what it came to, or why it could not be."""
        done: Future[T] = Future()
        self._enter(_Job(write, done), "")
        return done

    def close(self) -> None:
        """Write the rest, once, and end; it blocks. Idempotent."""
        with self._entering:
            self._leaving = True
            self._entering.notify_all()
        if self._thread is not None:
            self._thread.join(CLOSE_SECONDS)
        with self._entering:
            for job in self._waiting.values():
                _fails(job, ClosedError("the store is closed", where=self._database.where))
            lost = sum(job.done is None for job in self._waiting.values())
            self._waiting.clear()
        self._state = replace(self._state, lost=self._state.lost + lost)
        hangs = self._thread is not None and self._thread.is_alive()
        if hangs or lost:
            _log.error(
                "store.not_written", store=self._database.where, lost=lost, hangs=hangs, cause=self._state.failure
            )

    # The thread

    def _enter(self, job: _Job, key: str) -> None:
        with self._entering:
            if self._leaving and job.done is not None:
                _fails(job, ClosedError("the store is closed", where=self._database.where))
                return
            self._number += 1
            name = key or f"#{self._number}"
            if name in self._waiting:  # in its old place: what refers to it stands behind
                self._waiting[name].write = job.write
            else:
                self._waiting[name] = job
                self._make_room()
            self._entering.notify_all()

    def _make_room(self) -> None:
        while len(self._waiting) > MOST_WAITING:
            _, oldest = self._waiting.popitem(last=False)
            if oldest.done is not None:
                _fails(oldest, ClosedError("too much waits for the store", where=self._database.where))
            else:
                self._state = replace(self._state, lost=self._state.lost + 1)

    def _run(self) -> None:
        while True:
            with self._entering:
                while not self._waiting and not self._leaving:
                    self._entering.wait()
                if not self._waiting:
                    self._database.close()
                    return
                last = self._leaving
                batch = [self._waiting.popitem(last=False) for _ in range(min(SLICE, len(self._waiting)))]
            self.steps += 1
            self._write(batch)
            if self._failures and last:
                self._database.close()
                return
            if self._failures:
                self._pause()

    def _pause(self) -> None:
        pause = PAUSES[min(self._failures, len(PAUSES)) - 1]
        with self._entering:
            self._entering.wait_for(lambda: self._leaving or self._somebody_waits(), pause / SECOND)

    def _somebody_waits(self) -> bool:
        return any(job.done is not None for job in self._waiting.values())

    def _write(self, batch: list[tuple[str, _Job]]) -> None:
        """All of it in one transaction; where something in it cannot be written, each in its own."""
        try:
            self._prepare()
        except Exception as error:
            self._fail(batch, error)
            return
        try:
            results = self._transact([job for _, job in batch])
        except RejectedError as error:
            self._part(batch, error)
        except PeerError as error:
            self._fail(batch, error)
        except Exception as error:  # of one of the writes; a talk does not stop for it, and nobody else's is lost
            self._part(batch, error)
        else:
            for (_, job), result in zip(batch, results, strict=True):
                if job.done is not None and job.done.set_running_or_notify_cancel():
                    job.done.set_result(result)
            self._works(len(batch))

    def _prepare(self) -> None:
        if self._open:
            return
        if not self._database.open() and self._opened:
            self._state = replace(self._state, anew=self._state.anew + 1)
        self._open = self._opened = True

    def _transact(self, jobs: list[_Job]) -> list[object]:
        with self._database.begin(writes=True) as connection, Session(connection) as session:
            results: list[object] = []
            for job in jobs:
                self.steps += 1
                results.append(job.write(session))
            session.flush()
            return results

    def _part(self, batch: list[tuple[str, _Job]], error: Exception) -> None:
        """Each alone; one alone is given up: the database works, and does not take it."""
        if len(batch) > 1:
            for at, each in enumerate(batch):
                self._write([each])
                if self._failures:  # the database itself fails now: the others wait with this one
                    self._keep(batch[at + 1 :])
                    return
            return
        self._works(0)
        job = batch[0][1]
        if job.done is not None:
            _fails(job, error)
            return
        unforeseen = None if isinstance(error, DuologueError) else error
        _log.warning("store.rejected", cause=in_words(error), exc_info=unforeseen)
        self._state = replace(self._state, lost=self._state.lost + 1)

    def _works(self, count: int) -> None:
        before, self._failures = self._state, 0
        self._state = replace(before, failure="", remedy="", written=before.written + count)
        if before.failure:
            _log.info("store.works_again", store=before.where, lost=before.lost)
            self._told(self.state)

    def _fail(self, batch: list[tuple[str, _Job]], error: Exception) -> None:
        self._open = False
        self._database.close()
        self._failures += 1
        self._keep([(name, job) for name, job in batch if job.done is None])
        with self._entering:  # who asks behind what is tried again would wait for as long as it fails
            asking = [(name, job) for name, job in self._waiting.items() if job.done is not None]
            for name, _ in asking:
                del self._waiting[name]
        for _, job in (*batch, *asking):
            _fails(job, error)
        known = isinstance(error, DuologueError)
        failure, remedy = (error.what, error.remedy) if isinstance(error, DuologueError) else (in_words(error), "")
        before = self._state
        self._state = replace(before, failure=failure, remedy=remedy)
        if before.well:
            _log.error("store.fails", store=before.where, cause=failure, exc_info=None if known else error)
            self._told(self.state)

    def _keep(self, batch: list[tuple[str, _Job]]) -> None:
        """Put back before all that waits what could not be written."""
        with self._entering:
            kept = OrderedDict(batch)
            for name, job in self._waiting.items():
                if name in kept:  # a newer one of its key came meanwhile
                    kept[name].write = job.write
                else:
                    kept[name] = job
            self._waiting = kept
            self._make_room()
