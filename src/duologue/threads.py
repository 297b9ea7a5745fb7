"""Threads for what may wait for a disk: asyncio's own are few, voices are made in them, and the process waits for each
at its end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Apart(Executor):
    """A thread for each piece of work, for ``loop.run_in_executor``: it keeps nobody else's thread, and one that a disk
    holds is left to the end of the process. Whoever asks bounds how many there are.
    """

    def __init__(self, name: str) -> None:
        self._name = name

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
        return future
