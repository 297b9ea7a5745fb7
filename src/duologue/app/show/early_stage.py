"""A stage process that is started before anybody knows what it is to show.

Its libraries take as long to load as the main process takes to read its settings, and a machine has two cores: so the
first thing that a show does is to start it, and as soon as the settings are read it is told its plan. Everything else
that the main process needs is imported while the stage sets itself up. Importing this module costs next to nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from duologue.child import Worker
from duologue.errors import PeerError
from duologue.priority import raise_child

if TYPE_CHECKING:
    from duologue.stage.messages import StagePlan

STAGE_MODULE = "duologue.stage.process"


class _First(Worker):
    """A stage's process that may be told its plan before the link is there; the link's first word is the plan too."""

    plan: StagePlan | None = None

    async def open(self, plan: StagePlan) -> None:
        await super().send(plan)
        self.plan = plan

    async def send(self, message: object) -> None:
        known, self.plan = self.plan, None
        if known is None:
            await super().send(message)
        elif message != known:
            self.kill()  # whoever receives from it starts another
            raise PeerError("the stage was opened for another plan", where=f"pid {self.pid}")


class EarlyStage:
    """The first stage of a show. Made by :func:`early_stage`."""

    def __init__(self, worker: _First) -> None:
        self._worker: _First | None = worker
        self.plan: StagePlan | None = None
        """What it was told to show."""

    async def open(self, plan: StagePlan) -> None:
        """Tell it what to show; call once, before :meth:`start`. Raises :class:`PeerError` when it has died."""
        if self._worker is not None:
            await self._worker.open(plan)
            self.plan = plan

    async def start(self) -> Worker:
        """A stage's process, waiting for its plan, as the stage link starts them: this one first, then others."""
        worker, self._worker = self._worker, None
        return worker or await Worker.start(STAGE_MODULE)


@contextlib.asynccontextmanager
async def early_stage() -> AsyncGenerator[EarlyStage]:
    """Start a stage process; it is gone at the end, whether anybody took it over or not."""
    worker = await _First.start(STAGE_MODULE)
    raise_child(worker.pid)
    try:
        yield EarlyStage(worker)
    finally:
        worker.kill()  # who took it over has ended it in its own order
        await worker.close()
