"""Parts of the house, and who keeps each going: what one suffers is its own.

Whatever escapes from a part is named, and the part is started again with back-off, while the others do not notice.
What cannot be (an :class:`InputError` before the part was ever up) is not tried again: no restart mends a setting.
What a person stopped stays so until it is started again; the house goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from duologue.app.models import PartState, PartView
from duologue.clock import MILLISECOND, SECOND, Clock
from duologue.errors import DuologueError, InputError, first_cause, in_words
from duologue.streams import cancelled
from duologue.telemetry.log import get_logger

FIRST_PAUSE, LONGEST_PAUSE = SECOND, 60 * SECOND
"""Before a part is started again; doubled with each failure in a row (ns)."""
QUIET = 120 * SECOND
"""A run so long forgives all failures before it (ns)."""

log = get_logger(__name__)


class Part(Protocol):
    """Something that the house does, apart from all else that it does."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def topic(self) -> str:
        """Under which its events are published."""
        ...

    async def run(self) -> None:
        """Serve until cancelled, or until it is over. May be called again after it has failed."""
        ...

    def ready(self) -> Sequence[str]:
        """Why it would serve nobody now; nothing: it would. Asked also while it does not run."""
        ...


def pause_after(failures: int) -> int:
    """How long to wait after so many failures in a row (ns)."""
    return min(FIRST_PAUSE << min(failures - 1, 16), LONGEST_PAUSE)


class Keeper:
    """Runs a part until it is over. ``told`` is called when its state may have changed."""

    def __init__(self, part: Part, clock: Clock, told: Callable[[Keeper], None] = lambda keeper: None) -> None:
        self.part = part
        self.failure = ""
        """Of its last run, until it is up again."""
        self.last_failure = ""
        """The same, remembered."""
        self.error: Exception | None = None
        """What it will not be tried again for."""
        self.restarts = 0
        self._clock = clock
        self._told = told
        self._failures = 0  # in a row
        self._running = self._up = False
        self._was_up = False  # in any run
        self._end: PartState | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopped = self._ending = False
        self._wanted = asyncio.Event()
        self._due = 0
        self._seen: PartView | None = None

    @property
    def state(self) -> PartState:
        """Where it is in its life. Once up, a run is up until it ends, also while :attr:`reasons` tell why it would
        serve nobody now.
        """
        if self._end is not None:
            return self._end
        if self._stopped:
            return PartState.STOPPED
        if self._running and not self._ending and (self._up or not self._wanting()):
            return PartState.UP
        return PartState.RESTARTING if self.restarts or self._ending else PartState.STARTING

    @property
    def over(self) -> bool:
        """It will not be started again."""
        return self._end is not None

    @property
    def reasons(self) -> Sequence[str]:
        """Why it would serve nobody now."""
        if self._end is not None:
            return ("it has failed, see the log" if self._end is PartState.FAILED else "it is over",)
        if self._stopped:
            return ("it is being stopped" if self._running else "it was stopped",)
        if not self._running and self.failure:
            return (f"it is started again: {self.failure}",)
        return self._wanting()

    def view(self) -> PartView:
        """As the outside sees it."""
        due = self._due and (self._clock.wall() + self._due - self._clock.now()) / MILLISECOND
        return PartView(
            name=self.part.name, topic=self.part.topic, state=self.state, failure=self.failure, restarts=self.restarts,
            due=due or None, reasons=tuple(self.reasons), last_failure=self.last_failure,
        )  # fmt: skip

    def look(self) -> None:
        """See how it is; call now and then."""
        if self.state is PartState.UP:
            self._up, self._was_up, self.failure = True, True, ""
        seen = self.view().model_copy(update={"due": None})
        if seen != self._seen:
            self._seen = seen
            self._told(self)

    async def run(self) -> None:
        """Until the part is over, has failed for good, or this is cancelled. Raises nothing else."""
        self._task = asyncio.current_task()
        try:
            while not self.over:
                try:
                    await self._round()
                except asyncio.CancelledError:
                    if not self._halted():
                        self._end = PartState.OVER
                        raise
        finally:
            self._task = None

    def stop(self) -> None:
        """Have the part end, and not begin again before :meth:`start`; how far it is, :meth:`view` tells.

        Raises :class:`InputError` when it is over.
        """
        self._alive()
        if not self._stopped:
            self._stopped = True
            self._halt()
        self.look()

    def start(self) -> None:
        """Begin again what was stopped; what waits for its next try begins at once, and what runs goes on.

        Raises as :meth:`stop`.
        """
        self._alive()
        if self._stopped:
            self._stopped = False
            self._wanted.set()
        elif not self._running:
            self._halt()
        self._failures = 0
        self.look()

    def restart(self) -> None:
        """Have the part end, and begin again. Raises as :meth:`stop`."""
        self.stop()
        self.start()

    def _alive(self) -> None:
        if self.over:
            what = (
                f"{self.part.name} has failed for good"
                if self._end is PartState.FAILED
                else f"{self.part.name} is over"
            )
            raise InputError(what, where=self.part.topic, remedy="Mend what it says and start the house again.")

    def _halt(self) -> None:
        """Interrupt what the keeper is at."""
        self._wanted.clear()
        if self._task is not None and not self._ending:
            self._ending = True
            self._task.cancel()

    def _halted(self) -> bool:
        """Whether a cancellation was :meth:`_halt` alone, and not the house's."""
        if not self._ending or self._task is None:
            return False
        self._ending = False
        self._due = 0
        return self._task.uncancel() == 0

    async def _round(self) -> None:
        """Run the part once and wait for its next turn; or wait until it is wanted."""
        if self._stopped:
            self.look()
            await self._wanted.wait()
            return
        await self._once()
        self.look()
        if not self.over:
            await self._clock.wait_until(self._due)
            self._due = 0

    async def _once(self) -> None:
        began = self._clock.now()
        self._running, self._up = True, False
        try:
            await self.part.run()
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # whatever a part dies of, the others go on
            if cancelled():
                if isinstance(error, asyncio.CancelledError):
                    raise
                self._name_rest(error)
                raise asyncio.CancelledError from error
            self._fail(error, began)
        else:
            if not self._halted():  # it may have ended in peace when it was told to
                self._end = PartState.OVER
        finally:
            self._running = False

    def _wanting(self) -> Sequence[str]:
        try:
            return self.part.ready()
        except Exception as error:  # a part that cannot even say how it is
            return (f"it does not know how it is: {in_words(error)}",)

    def _fail(self, error: BaseException, began: int) -> None:
        now = self._clock.now()
        cause = first_cause(BaseExceptionGroup("", [error]))
        self.failure = self.last_failure = in_words(cause)
        unforeseen = None if isinstance(cause, DuologueError) else error
        if isinstance(cause, InputError) and not self._was_up and not self.restarts:
            self._end = PartState.FAILED
            self.error = cause
            log.error("part.failed", part=self.part.name, error=self.failure, exc_info=unforeseen)
            return
        self._failures = 1 if now - began >= QUIET else self._failures + 1
        self.restarts += 1
        pause = pause_after(self._failures)
        self._due = now + pause
        log.error("part.restarts", part=self.part.name, error=self.failure, seconds=pause / SECOND, exc_info=unforeseen)

    def _name_rest(self, error: BaseException) -> None:
        """It was told to end and something else went wrong meanwhile."""
        cause = first_cause(BaseExceptionGroup("", [error]))
        unforeseen = None if isinstance(cause, DuologueError) else error
        log.error("part.ended_badly", part=self.part.name, error=in_words(cause), exc_info=unforeseen)
