"""Threads for what may hang (a disk, somebody's function): asyncio's own are few, voices are made in them, and the
process waits for each at its end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Apart(Executor):
    """A thread for each piece of work, for ``loop.run_in_executor``: it keeps nobody else's thread, and one that hangs
    is left to the end of the process. Whoever asks bounds how many there are, by :attr:`running`.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._works: set[Future[Any]] = set()

    @property
    def running(self) -> int:
        """Pieces of work that are not done, whether somebody still waits for them or not."""
        return len(self._works)

    def finish(self, seconds: float) -> None:
        """Wait so long at most for what is under way."""
        wait(self._works, seconds)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """See :class:`~concurrent.futures.Executor`."""
        future: Future[T] = Future()

        def work() -> None:
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # as a pool's thread does: raised where it is awaited
                future.set_exception(error)

        future.set_running_or_notify_cancel()
        threading.Thread(target=work, name=self._name, daemon=True).start()
        self._works.add(future)
        future.add_done_callback(self._works.discard)
        return future
