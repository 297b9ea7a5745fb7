"""Reading an engine's stream so that it is closed however the reading ends: closing is what cancels an engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from duologue.errors import PeerError

T = TypeVar("T")
CLOSE_SECONDS = 2.0
"""Closing is honoured within one chunk; who needs longer is not waited for."""


@asynccontextmanager
async def closing(stream: AsyncIterator[T]) -> AsyncGenerator[AsyncIterator[T], None]:
    """``stream``, closed at the end if it is of the kind that can be (a generator; protocols ask for iterators).

    When the reading ended by an error or was cancelled, that counts, and not what closing makes of it. Raises
    :class:`~duologue.errors.PeerError` for a stream that was read well and does not close in :data:`CLOSE_SECONDS`.
    """
    try:
        yield stream
    except BaseException:
        with suppress(Exception):
            await _close(stream)
        raise
    else:
        await _close(stream)


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


def cancelled() -> bool:
    """Whether the current task was asked to stop; a :class:`asyncio.CancelledError` without that is an engine's own."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
