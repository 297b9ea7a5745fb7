"""The shows of one process: each a studio of its own, on the engines that all of them share.

What one show suffers is its own: one that cannot be put on air, or ends by a failure, is named in the log and wherever
the house is asked, and the others stay on air. A show that is alone takes its command with it, as it always did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from duologue.app.cast import CastMember
from duologue.app.early_stage import EarlyStage
from duologue.app.engines import Engines, open_engines
from duologue.app.models import ShowState
from duologue.app.pulse import open_house_ledger
from duologue.app.studio import Studio, open_studio
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import DuologueError, first_cause, in_words
from duologue.settings import Settings
from duologue.telemetry.log import get_logger
from duologue.telemetry.stream import Ledger

log = get_logger(__name__)


@dataclass(slots=True, eq=False)
class Show:
    """A show of the house.

    ``stage`` is its first stage's process, if that was started already. ``studio`` is None until it is open;
    ``failure`` says why it is not on air any more.
    """

    settings: Settings
    cast: Sequence[CastMember] = ()
    stage: EarlyStage | None = None
    studio: Studio | None = None
    over: bool = False
    failure: str = ""

    @property
    def name(self) -> str:
        """As its settings call it."""
        return self.settings.name

    @property
    def state(self) -> ShowState:
        """Where it is in its life."""
        if self.over:
            return ShowState.FAILED if self.failure else ShowState.OVER
        return ShowState.ON_AIR if self.studio is not None and self.studio.ready()[0] else ShowState.STARTING

    @property
    def headless(self) -> bool:
        """It has no page."""
        return self.settings.show.headless

    async def run(self, engines: Engines, clock: Clock, ledger: Ledger) -> None:
        """Be on air until cancelled, or until the programme is over."""
        async with open_studio(self.settings, self.cast, clock, engines, self.stage, ledger) as self.studio:
            await self.studio.run()


class House:
    """The shows that the settings name, none of them open yet.

    ``cast`` is for a house of one show, instead of the one that is set; ``stage`` is for the first show.
    """

    def __init__(
        self,
        settings: Settings,
        cast: Sequence[CastMember] = (),
        clock: Clock = SYSTEM_CLOCK,
        stage: EarlyStage | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._failures: list[Exception] = []
        self.shows = tuple(Show(each, cast) for each in settings.each_show().values())
        self.shows[0].stage = stage

    async def run(self) -> None:
        """Keep every show on air until cancelled, or until all are over.

        Raises what ended the only show, or all of them.
        """
        async with (
            open_house_ledger(self._settings, self._clock) as ledger,
            open_engines(self._settings) as engines,
            asyncio.TaskGroup() as group,
        ):
            for show in self.shows:
                group.create_task(self._keep(show, engines, ledger))
        if len(self._failures) == len(self.shows):
            raise ExceptionGroup("no show could stay on air", self._failures)

    async def _keep(self, show: Show, engines: Engines, ledger: Ledger) -> None:
        try:
            await show.run(engines, self._clock, ledger)
        except Exception as error:  # whatever ends this show, the others go on
            self._fail(show, error)
        finally:
            show.over = True

    def _fail(self, show: Show, error: Exception) -> None:
        cause = first_cause(ExceptionGroup("", [error]))
        show.failure = in_words(cause)
        self._failures.append(error)
        if len(self.shows) > 1:
            unforeseen = None if isinstance(cause, DuologueError) else error
            log.error("show.failed", show=show.name, error=show.failure, exc_info=unforeseen)
