"""An engine that is closed while its worker still loads a model."""

from __future__ import annotations

import asyncio
from typing import Protocol

import psutil

from duologue.errors import ClosedError


class Engine(Protocol):
    async def warm_up(self) -> None: ...

    async def close(self) -> None: ...


async def closed_while_loading(engine: Engine, worker: str) -> None:
    """Close ``engine`` once the process with ``worker`` in its command is there: it is gone, and who waits is told."""

    async def closing_error() -> ClosedError | None:
        try:
            await engine.warm_up()
        except ClosedError as error:
            return error
        return None

    async with asyncio.TaskGroup() as group:
        start = group.create_task(closing_error())
        while not workers(worker):  # noqa: ASYNC110 (a process's own time)
            await asyncio.sleep(0.005)
        await engine.close()
        assert not workers(worker)
        assert isinstance(await start, ClosedError)


def workers(name: str) -> list[psutil.Process]:
    """Our living children with ``name`` in their command."""
    return [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and name in " ".join(child.cmdline())
    ]
