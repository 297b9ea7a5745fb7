"""Chains: engines of one kind in order of preference; when one fails the next takes over, and the failure is known.

Health is a circuit breaker for each engine, pure on ``now``. A failure takes the engine out for a pause; after it the
engine is tried again, and the pause doubles with each failure in a row. What is the caller's fault
(:class:`InputError`: an engine without a voice for this speaker) is handed over as well, and held against nobody. When
every engine is out, the one whose pause ends first is asked all the same: a chain never refuses without trying.

An engine that has reached a cap of the settings (:class:`~duologue.metering.SpentError`) has not failed: it is left
alone until its day is over, which is no pause that doubles, and need not be brought up anew.

An engine that is not up yet, or that has failed, is brought up **beside** the calls (in the task group that the chain
was given, :func:`beside`), under a limit: a call passes it over while another is up, and waits only when none is.
A cancellation is nobody's failure, unless a limit of the caller's was the cause (:class:`duologue.streams.limited`).

What a chain hands over before: the first sound, word or answer. Whoever has been given a part has it; from then on a
failure ends that call, and the next call goes to the next engine. Except where a later part replaces the earlier ones,
as a transcript does: such a stream (``revisable``) is begun again by the next engine, whenever it fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, DuologueError, InputError, PeerError, in_words
from duologue.metering import UNMETERED, Meter, SpentError
from duologue.streams import closing, limited, out_of_time

T = TypeVar("T")


class Named(Protocol):
    """An engine, as far as a chain needs to know it."""

    @property
    def name(self) -> str:
        """As in settings."""
        ...


class Carrying(Protocol):
    """What an engine can do, as far as it says how much at once."""

    @property
    def at_once(self) -> int | None:
        """Conversations; None: no limit is known."""
        ...


class Chained(Named, Protocol):
    """An engine that a chain owns."""

    @property
    def capabilities(self) -> Carrying:
        """Valid after :meth:`warm_up`."""
        ...

    async def warm_up(self) -> None:
        """Make it ready; safe to repeat."""
        ...

    async def close(self) -> None:
        """Release everything. Idempotent."""
        ...


E = TypeVar("E", bound=Named)
OwnedT = TypeVar("OwnedT", bound=Chained)


@dataclass(frozen=True, slots=True)
class ChainPolicy:
    """Times are nanoseconds: the limit for coming up, the limit for a beginning (of no effect on an engine alone), the
    first pause of a failed engine, and the longest.
    """

    start: int = 120 * SECOND
    patience: int = 4 * SECOND
    pause: int = 15 * SECOND
    longest_pause: int = 5 * 60 * SECOND


class Breaker:
    """The health of one engine. Pure."""

    def __init__(self, policy: ChainPolicy) -> None:
        self._policy = policy
        self.failures = 0
        """In a row."""
        self.out_until = 0
        """Monotonic ns; in the past: healthy, or due for a try."""
        self.spent_until = 0
        """The same of a cap that it has reached; its cause is in :attr:`spent`."""
        self.spent = ""
        self.cause = ""
        """Of the last of them; empty while it is healthy."""
        self.last = ""
        """The cause of the last failure of all."""

    def ready(self, now: int) -> bool:
        """Whether it may be asked."""
        return now >= self.back_at

    @property
    def back_at(self) -> int:
        """When it may be asked again (monotonic ns)."""
        return max(self.out_until, self.spent_until)

    def succeeded(self) -> None:
        """It answered: everything is forgiven."""
        self.failures, self.out_until, self.cause = 0, 0, ""

    def capped(self, until: int, cause: str) -> None:
        """It has reached a cap that holds until then, whatever what goes on comes to."""
        self.spent_until, self.spent = until, cause

    def failed(self, now: int, cause: str = "") -> None:
        """It did not: out for a pause, twice as long as the last one."""
        pause = min(self._policy.pause << min(self.failures, 20), self._policy.longest_pause)
        self.failures += 1
        self.out_until, self.cause, self.last = now + pause, cause, cause


class FailureMoment(StrEnum):
    """When an engine failed."""

    START = "start"
    """While it warmed up."""
    BEGINNING = "beginning"
    """Before it gave anything: the next engine takes the same call."""
    MIDDLE = "middle"
    """After it had: the next engine takes the next call, or this one where what was given can be replaced."""
    CAP = "cap"
    """It was not asked, for a cap of the settings is reached: the next engine takes the call."""


@dataclass(frozen=True, slots=True)
class Handover:
    """A failure, or a cap that is reached, for ledger and log: which engine, when (monotonic ns), why, and who takes
    over (empty: nobody).
    """

    engine: str
    successor: str
    moment: FailureMoment
    cause: str
    at: int

    @property
    def words(self) -> str:
        """In a sentence, for records and people."""
        what = "was not asked" if self.moment is FailureMoment.CAP else "failed"
        return f"{self.engine} {what}: {self.cause.rstrip('.')}; {self.successor or 'nobody'} took over"


Listener = Callable[[Handover], None]

_concerned: ContextVar[tuple[Listener, ...]] = ContextVar("concerned", default=())


@contextmanager
def telling(listener: Listener) -> Generator[None]:
    """Whatever fails of any chain inside, also in tasks that are begun inside, is told to ``listener`` too: so the turn
    that it befell knows of it.
    """
    token = _concerned.set((*_concerned.get(), listener))
    try:
        yield
    finally:
        _concerned.reset(token)


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """How an engine of a chain is: ``warm`` once it came up; ``failures`` in a row, the last with its ``cause``; asked
    again in ``out_ms`` (0: now). ``last_failure`` is remembered when it is well again. ``spent``: which cap it has
    reached; empty: none.
    """

    name: str
    warm: bool = True
    failures: int = 0
    cause: str = ""
    out_ms: float = 0.0
    last_failure: str = ""
    spent: str = ""


@asynccontextmanager
async def beside() -> AsyncGenerator[asyncio.TaskGroup]:
    """A group for chains to bring their engines up in. Close the chains before it ends. What its user raises comes out
    as it is, in no group of exceptions.
    """
    failure: BaseException | None = None
    async with asyncio.TaskGroup() as group:
        try:
            yield group
        except BaseException as error:
            failure = error
    if failure is not None:
        raise failure


class Chain(Generic[E]):
    """Engines in order, with their health.

    ``start`` makes an engine ready, also one that has failed; it is safe to repeat. ``group`` is where engines are
    brought up beside the calls; without one, calls do that themselves. ``listener`` is told of each failure. Close it
    before the engines.
    """

    def __init__(
        self,
        engines: Sequence[E],
        start: Callable[[E], Awaitable[None]],
        *,
        policy: ChainPolicy | None = None,
        clock: Clock = SYSTEM_CLOCK,
        listener: Listener | None = None,
        group: asyncio.TaskGroup | None = None,
    ) -> None:
        if not engines:
            raise InputError("a chain of engines is empty", where="engines", remedy="Name at least one.")
        self.engines = tuple(engines)
        self.policy = policy or ChainPolicy()
        self._start = start
        self._clock = clock
        self._listener = listener
        self._group = group
        self._warm: set[str] = set()  # came up at some time
        self._down = {engine.name for engine in engines}  # to be brought up before they are asked
        self._starts: dict[str, asyncio.Task[DuologueError | None]] = {}
        self._breakers = {engine.name: Breaker(self.policy) for engine in engines}

    def order(self, now: int) -> list[E]:
        """Whom to ask, in turn: the healthy as they are set, then the others, the one due first first."""
        return sorted(self.engines, key=lambda engine: max(0, self._breakers[engine.name].back_at - now))

    @property
    def ready(self) -> tuple[E, ...]:
        """The engines that came up, in order of preference."""
        return tuple(engine for engine in self.engines if engine.name in self._warm)

    def health(self, now: int) -> tuple[EngineHealth, ...]:
        """Of each engine, in order of preference."""
        found = ((engine.name, self._breakers[engine.name]) for engine in self.engines)
        return tuple(
            EngineHealth(
                name,
                warm=name in self._warm,
                failures=each.failures,
                cause=each.cause,
                out_ms=max(0, each.back_at - now) / MILLISECOND,
                last_failure=each.last,
                spent=each.spent if each.spent_until > now else "",
            )
            for name, each in found
        )  # fmt: skip

    async def warm_up(self) -> None:
        """Start all at once. One that does not come up is out for its pause; raises only when none does.

        With a group it returns when the first engine is up or has failed, or its patience has passed, and one is up:
        the others go on coming up. Without a group it waits for all.
        """
        if self._group is None:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._bring_up(engine)) for engine in self.engines]
        else:
            tasks = [self._begin(engine, self._group) for engine in self.engines]
            await asyncio.wait(tasks[:1], timeout=self.policy.patience / SECOND)
            while not self.ready and (pending := [task for task in tasks if not task.done()]):
                await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        if not self.ready:
            failed = [(engine, _outcome(task)) for engine, task in zip(self.engines, tasks, strict=True)]
            raise _all_failed([(engine, error) for engine, error in failed if error is not None])

    async def bring_up(self, engine: E) -> None:
        """Start one engine that has not come up, or has failed; one that is up stays so. Raises why it does not
        come up.
        """
        error = await self._up(engine)
        if error is not None:
            raise error

    async def close(self) -> None:
        """Nothing is brought up any more. Idempotent."""
        tasks = tuple(self._starts.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def call(self, ask: Callable[[E], Awaitable[T]]) -> T:
        """The answer of the first engine that has one. Raises when all have failed."""
        failed: list[tuple[E, DuologueError]] = []
        order = await self._askable()
        for turn, engine in enumerate(order, 1):
            rest = order[turn : turn + 1]
            try:
                if (error := await self._up(engine)) is not None:
                    failed.append((engine, error))
                    continue
                answer = await ask(engine)
            except (PeerError, InputError) as error:
                failed.append((engine, error))
                self._fail(engine, rest, FailureMoment.BEGINNING, error)
                continue
            except asyncio.CancelledError:
                self._blame_if_late(engine, rest, FailureMoment.BEGINNING)
                raise
            self._breakers[engine.name].succeeded()
            return answer
        raise _all_failed(failed)

    async def stream(
        self,
        ask: Callable[[E], AsyncIterator[T]],
        *,
        revisable: bool = False,
        fit: Callable[[E], bool] = lambda engine: True,
        needs: Callable[[E], int] = lambda engine: 0,
    ) -> AsyncGenerator[tuple[E, T], None]:
        """The pieces of the first engine that begins within the policy's patience and what it ``needs`` for this (ns),
        each with its engine.

        A failure after the first piece is raised; the engine is out then, and the next call goes to the next. With
        ``revisable`` the next engine begins again instead, and how long a piece may take is for ``ask`` to say. Only
        engines that are ``fit`` are asked; the others do not suffer for it.
        """
        failed: list[tuple[E, DuologueError]] = []
        order = [engine for engine in await self._askable() if fit(engine)]
        if not order:
            names = ", ".join(engine.name for engine in self.engines)
            raise InputError("no engine is fit for this", where=names, remedy="Add one that is.")
        for turn, engine in enumerate(order, 1):
            begun = False
            try:
                async with closing(ask(engine)) as pieces:
                    if (error := await self._up(engine)) is not None:
                        failed.append((engine, error))
                        continue
                    piece = await (anext(pieces) if revisable else self._first(engine, pieces, needs(engine)))
                    begun = True
                    yield engine, piece
                    async for piece in pieces:
                        yield engine, piece
            except StopAsyncIteration:
                pass  # nothing to say: an answer too
            except (PeerError, InputError) as error:
                failed.append((engine, error))
                final = begun and not revisable
                rest = [each for each in self.engines if each is not engine] if final else order[turn:]
                self._fail(engine, rest[:1], FailureMoment.MIDDLE if begun else FailureMoment.BEGINNING, error)
                if final:
                    raise
                continue
            except asyncio.CancelledError:
                self._blame_if_late(engine, order[turn:], FailureMoment.MIDDLE if begun else FailureMoment.BEGINNING)
                raise
            self._breakers[engine.name].succeeded()
            return
        raise _all_failed(failed)

    async def _askable(self) -> list[E]:
        """Whom to ask, in turn: those that are up, then those that must be waited for. Who is due is brought up."""
        order = self.order(self._clock.now())
        if self._group is None:
            return order
        now = self._clock.now()
        due = [engine for engine in order if engine.name in self._down and self._breakers[engine.name].ready(now)]
        for engine in due:
            self._begin(engine, self._group)
        if due:
            await asyncio.sleep(0)  # who is up at once is asked at once
        while len(self._down) == len(self.engines) and (
            coming := [task for task in self._starts.values() if not task.done()]
        ):
            await asyncio.wait(coming, return_when=asyncio.FIRST_COMPLETED)  # nobody is up: who is first is asked
        return sorted(self.order(now), key=lambda engine: engine.name in self._down)

    async def _up(self, engine: E) -> DuologueError | None:
        """Wait until ``engine`` is up, or for the error with which it does not come up. Raises :class:`ClosedError`."""
        if engine.name not in self._down:
            return None
        if self._group is None:
            error = await self._bring_up(engine)
        else:
            task = self._begin(engine, self._group)
            await asyncio.wait([task])
            error = _outcome(task)
        if isinstance(error, ClosedError):
            raise error
        return error

    def _begin(self, engine: E, group: asyncio.TaskGroup) -> asyncio.Task[DuologueError | None]:
        """Bring ``engine`` up beside the call, unless that goes on already."""
        task = self._starts.get(engine.name)
        if task is None or task.done():
            task = self._starts[engine.name] = group.create_task(self._bring_up(engine))
        return task

    async def _bring_up(self, engine: E) -> DuologueError | None:
        """Start ``engine`` within the limit; the error when it does not come up: then it is out."""
        limit = self.policy.start / SECOND
        try:
            async with asyncio.timeout(limit):
                await self._start(engine)
        except TimeoutError:
            error: DuologueError = PeerError(f"{engine.name} did not come up within {limit:g} s")
        except ClosedError as reason:
            return reason
        except DuologueError as reason:
            error = reason
        except Exception as reason:  # of a stranger's package: anything
            error = PeerError(f"{engine.name} did not come up: {in_words(reason)}")
        else:
            self._warm.add(engine.name)
            self._down.discard(engine.name)
            return None
        self._breakers[engine.name].failed(self._clock.now(), error.what)
        well = [each for each in self.engines if not self._breakers[each.name].failures]
        self._tell(engine, well, FailureMoment.START, error)
        return error

    async def _first(self, engine: E, pieces: AsyncIterator[T], needs: int) -> T:
        if len(self.engines) == 1:
            return await anext(pieces)
        limit = (self.policy.patience + needs) / SECOND
        try:
            async with limited(limit):
                return await anext(pieces)
        except TimeoutError as error:
            raise PeerError(f"{engine.name} gave nothing within {round(limit, 2):g} s") from error

    def _blame_if_late(self, engine: E, rest: Sequence[E], moment: FailureMoment) -> None:
        """A cancellation by a limit of the caller's is the failure of whoever took so long."""
        if out_of_time() and engine.name not in self._down:
            self._fail(engine, rest, moment, PeerError(f"{engine.name} took longer than its caller waits"))

    def _fail(self, engine: E, rest: Sequence[E], moment: FailureMoment, error: DuologueError) -> None:
        if isinstance(error, SpentError):
            moment = FailureMoment.CAP
            self._breakers[engine.name].capped(error.until, error.what)
        elif isinstance(error, PeerError):
            self._breakers[engine.name].failed(self._clock.now(), error.what)
            self._down.add(engine.name)
        self._tell(engine, rest, moment, error)

    def _tell(self, engine: E, rest: Sequence[E], moment: FailureMoment, error: DuologueError) -> None:
        handover = Handover(engine.name, rest[0].name if rest else "", moment, str(error), self._clock.now())
        for listener in (*filter(None, (self._listener,)), *_concerned.get()):
            listener(handover)


def _outcome(task: asyncio.Task[DuologueError | None]) -> DuologueError | None:
    return ClosedError("the chain was closed") if task.cancelled() else task.result()


def _all_failed(failed: Sequence[tuple[Named, DuologueError]]) -> DuologueError:
    """One error for all: the only one, or the caller's when it is nobody else's, or a list."""
    errors = [error for _, error in failed]
    if len(errors) == 1 or all(isinstance(error, InputError) for error in errors):
        return errors[0]
    causes = "; ".join(f"{engine.name}: {error.what}" for engine, error in failed)
    if all(isinstance(error, SpentError) for error in errors):
        return SpentError(f"every engine of the chain is at its cap: {causes}", remedy=errors[0].remedy)
    return PeerError(
        f"every engine of the chain failed: {causes}", remedy="See the log for each, and `duologue doctor`."
    )


class EngineChain(Generic[OwnedT]):
    """A chain that owns its engines: what those of each kind have in common. One engine alone is a chain too: nobody
    can stand in for it, but it is known how it is. ``name`` is that of the first. ``meter`` counts what they are asked.
    """

    def __init__(
        self,
        engines: Sequence[OwnedT],
        *,
        policy: ChainPolicy | None = None,
        clock: Clock = SYSTEM_CLOCK,
        listener: Listener | None = None,
        group: asyncio.TaskGroup | None = None,
        meter: Meter = UNMETERED,
    ) -> None:
        self._chain = Chain(engines, self._start, policy=policy, clock=clock, listener=listener, group=group)
        self._clock = clock
        self._meter = meter

    @property
    def name(self) -> str:
        """As in settings."""
        return self._chain.engines[0].name

    @property
    def engines(self) -> tuple[OwnedT, ...]:
        """In order of preference."""
        return self._chain.engines

    @property
    def ready(self) -> tuple[OwnedT, ...]:
        """Those that came up."""
        return self._chain.ready

    @property
    def at_once(self) -> int | None:
        """How many conversations each that came up carries at once; None: no limit is known."""
        known = (engine.capabilities.at_once for engine in self.ready)
        return min((limit for limit in known if limit is not None), default=None)

    def health(self, now: int) -> tuple[EngineHealth, ...]:
        """Of each engine, at ``now`` (monotonic ns)."""
        return self._chain.health(now)

    async def bring_up(self, engine: OwnedT) -> None:
        """Start one of its engines, if it is not up (see :meth:`Chain.bring_up`)."""
        await self._chain.bring_up(engine)

    async def warm_up(self) -> None:
        """Start every engine (see :meth:`Chain.warm_up`); raises when none comes up."""
        await self._chain.warm_up()

    async def close(self) -> None:
        """Close all. Idempotent."""
        await self._chain.close()
        for engine in self._chain.engines:
            await engine.close()

    async def _start(self, engine: OwnedT) -> None:
        await engine.warm_up()
