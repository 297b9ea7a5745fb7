"""Reading an engine's stream so that it is closed however the reading ends (closing is what cancels an engine), and
limits that an engine can tell from a person's interruption.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator
from contextlib import contextmanager, suppress
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Generic, TypeVar

from duologue.errors import PeerError

T = TypeVar("T")
CLOSE_SECONDS = 2.0
"""Closing is honoured within one chunk; who needs longer is not waited for."""


class closing(Generic[T]):
    """A stream, closed at the end if it is of the kind that can be (a generator; protocols ask for iterators).

    When the reading ended by an error or was cancelled, that counts, and not what closing makes of it. Raises
    :class:`~duologue.errors.PeerError` for a stream that was read well and does not close in :data:`CLOSE_SECONDS`.
    """

    def __init__(self, stream: AsyncIterator[T]) -> None:
        self._stream = stream

    async def __aenter__(self) -> AsyncIterator[T]:
        return self._stream

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            await _close(self._stream)
        else:
            with suppress(Exception):
                await _close(self._stream)


async def _close(stream: AsyncIterator[T]) -> None:
    if not isinstance(stream, AsyncGenerator):
        return
    timer = asyncio.timeout(CLOSE_SECONDS)
    try:
        async with timer:
            await stream.aclose()
    except TimeoutError as error:
        if not timer.expired():
            raise
        raise PeerError(f"an engine's stream did not close in {CLOSE_SECONDS:g} s") from error


class Beside(Generic[T]):
    """One piece of work beside the reading of a stream, where an ``asyncio.TaskGroup`` cannot stand: around the yields
    of a generator, which may be closed at any of them. Nothing is left running when it is left; what the work raises is
    raised by :meth:`found`, and by nobody if nobody asks.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[T] | None = None

    async def __aenter__(self) -> Beside[T]:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.drop()

    @property
    def begun(self) -> bool:
        """There is work, done or not."""
        return self._task is not None

    @property
    def done(self) -> bool:
        """It has ended well."""
        task = self._task
        return task is not None and task.done() and not task.cancelled() and task.exception() is None

    def begin(self, work: Coroutine[object, object, T]) -> None:
        """Begin it; there must be none."""
        assert self._task is None
        self._task = asyncio.get_running_loop().create_task(work)

    async def found(self) -> T:
        """What it gives, waited for."""
        assert self._task is not None
        return await self._task

    async def drop(self) -> None:
        """Let it go: it is cancelled, and has ended."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # nobody asked for it


def cancelled() -> bool:
    """Whether the current task was asked to stop; a :class:`asyncio.CancelledError` without that is an engine's own."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


_limits: ContextVar[tuple[limited, ...]] = ContextVar("limits", default=())


class limited:
    """As ``asyncio.timeout(seconds)``; whoever is cancelled inside can ask :func:`out_of_time` whether this was why,
    and whoever waits for its turn inside lets it stand still (:func:`unhurried`).
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._timer = asyncio.timeout(seconds)
        self._token: Token[tuple[limited, ...]] | None = None
        self._task: asyncio.Task[object] | None = None

    async def __aenter__(self) -> limited:
        await self._timer.__aenter__()
        self._task = asyncio.current_task()
        self._token = _limits.set((*_limits.get(), self))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if self._token is not None:
            _limits.reset(self._token)
        self._task = None
        return await self._timer.__aexit__(kind, error, trace)

    def expired(self) -> bool:
        """Whether the time was up."""
        return self._timer.expired()

    def hold(self) -> float | None:
        """Stand still; when it would have been up (the loop's time), for :meth:`go_on`. None: it does not run, or is
        another task's.
        """
        when = self._timer.when()
        if when is None or self._timer.expired() or self._task is not asyncio.current_task():
            return None
        self._timer.reschedule(None)
        return when

    def go_on(self, when: float) -> None:
        """Run again, up to ``when``."""
        if not self._timer.expired():
            self._timer.reschedule(when)

    def anew(self) -> None:
        """All of its time again, from now on; unless it is up or over, or stands still."""
        if self._task is None or self._seconds is None:
            return
        if self._timer.when() is not None and not self._timer.expired():
            self._timer.reschedule(asyncio.get_running_loop().time() + self._seconds)


@contextmanager
def unhurried() -> Generator[None]:
    """Limits around the caller (:class:`limited`) stand still inside: who waits for others is not late."""
    loop = asyncio.get_running_loop()
    held = [(each, when) for each in _limits.get() if (when := each.hold()) is not None]
    began = loop.time()
    try:
        yield
    finally:
        for each, when in held:
            each.go_on(when + loop.time() - began)


def renewal() -> Callable[[], None]:
    """To be called while the caller waits, or by itself: what it waits for has changed, and all limits around it have
    all of their time again.
    """
    around = _limits.get()

    def renew() -> None:
        for each in around:
            each.anew()

    return renew


def out_of_time() -> bool:
    """Whether a limit around the caller (:class:`limited`) has passed: a cancellation that comes now is its doing, and
    no person's.
    """
    return any(limit.expired() for limit in _limits.get())
