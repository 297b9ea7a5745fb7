"""A stage process that is started before anybody knows what it is to show.

Its libraries take as long to load as the main process takes to read its settings, and a machine has two cores: so the
first thing that a show does is to start it, and as soon as the settings are read it is told its plan. Everything else
that the main process needs is imported while the stage sets itself up. Importing this module costs next to nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from duologue.errors import PeerError
from duologue.priority import raise_child
from duologue.workers import Worker

if TYPE_CHECKING:
    from duologue.app.stage_link import Child
    from duologue.stage.messages import StagePlan

STAGE_MODULE = "duologue.stage.process"


class EarlyStage:
    """The first stage of a show. Made by :func:`early_stage`."""

    def __init__(self, worker: Worker) -> None:
        self._worker: Worker | None = worker
        self.plan: StagePlan | None = None
        """What it was told to show."""

    async def open(self, plan: StagePlan) -> None:
        """Tell it what to show; call once, before :meth:`start`. Raises :class:`PeerError` when it has died."""
        if self._worker is not None:
            await self._worker.send(plan)
            self.plan = plan

    async def start(self) -> Child:
        """A stage's process, waiting for its plan, as the stage link starts them: this one first, then others."""
        worker, self._worker = self._worker, None
        return _Told(worker, self.plan) if worker is not None else await Worker.start(STAGE_MODULE)


class _Told:
    """A worker that knows the plan already which it is told first."""

    def __init__(self, worker: Worker, plan: StagePlan | None) -> None:
        self._worker = worker
        self._known = plan
        self.receive = worker.receive
        self.close = worker.close
        self.kill = worker.kill

    @property
    def pid(self) -> int:
        return self._worker.pid

    async def send(self, message: object) -> None:
        known, self._known = self._known, None
        if known is None:
            await self._worker.send(message)
        elif message != known:
            self._worker.kill()  # whoever receives from it starts another
            raise PeerError("the stage was opened for another plan", where=f"pid {self.pid}")


@contextlib.asynccontextmanager
async def early_stage() -> AsyncGenerator[EarlyStage]:
    """Start a stage process; it is gone at the end, whether anybody took it over or not."""
    worker = await Worker.start(STAGE_MODULE)
    raise_child(worker.pid)
    try:
        yield EarlyStage(worker)
    finally:
        worker.kill()  # who took it over has ended it in its own order
        await worker.close()
