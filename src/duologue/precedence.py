"""One order among our own engines: whose piece of work a core goes to next.

Ears, mind and voice compute in processes of their own, on few cores. Each does its work in **pieces** (a pass of
Whisper, a piece of a voice, a portion of a prompt, some tokens) and asks for every one of them, so what goes on gives
way at the next border and never within a piece: nobody is stopped, and no privilege is needed. A piece belongs to an
**errand**, which says how urgent it is::

    with errand_of(Errand(Urgency.SPECULATIVE)) as errand:  # whoever wants something of an engine
        async for piece in engine.speak(text, voice): ...
    errand.set(Urgency.AWAITED)  # the guess was right: what waits of it moves up

    async with worker.gate.piece("piper"):  # whoever does it
        ...

The decisions are :class:`Precedence`'s, without I/O; :class:`WorkGate` is its shell. What is promised:

- A piece whose answer somebody **awaits** waits for nobody but its own worker and other awaited pieces: where every
  core is taken by what is less urgent, it goes beside.
- Nothing starves: what has waited for :data:`PATIENCE` counts as awaited.
- Nobody waits for what hangs: a piece that has gone on for :data:`OVERDUE` takes no core any more, only its worker.
- Between two pieces of one errand its place is kept for :data:`LINGER`, or what is less urgent would slip in.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import IntEnum

from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK, Clock
from duologue.priority import usable_cores
from duologue.streams import unhurried

PATIENCE = 2 * SECOND
"""Nothing waits longer for what is more urgent (ns)."""
OVERDUE = SECOND
"""A piece takes 20 to 150 ms (ns)."""
LINGER = 10 * MILLISECOND
"""For the next piece of the same errand to be asked for (ns)."""
CUSHION = 200 * MILLISECOND
"""What sounds and has no more than this left is awaited (ns)."""
LEAD = 2 * SECOND
"""What is needed so soon goes with what sounds (ns)."""


class Urgency(IntEnum):
    """Why a piece of work is done; the lower goes first, among equals who came first."""

    AWAITED = 0
    """Somebody waits in silence: the last words of a turn, the first sentence of a reply, its first sound."""
    SOUNDING = 1
    """It continues what is heard, or is needed in some tenths of a second: the words before a pause."""
    NEXT = 2
    """It will be needed: the next turn of a show, the rest of a reply."""
    SPECULATIVE = 3
    """It may be needed: a reply to words that may still change."""
    AHEAD = 4
    """It is nice to have: partial texts, what is prepared, a prompt that is read in advance."""


class Errand:
    """Something that engines do for somebody. ``waited`` is how long its pieces waited for others (ns), ``prompt`` how
    many tokens a mind was told for it, and ``kept`` how many of those it had read before.
    """

    def __init__(self, urgency: Urgency = Urgency.AWAITED) -> None:
        self._urgency = urgency
        self._due = 0
        self.waited = 0
        self.prompt = self.kept = 0
        self.watchers: list[Callable[[], None]] = []
        """Called when it became more or less urgent."""

    @property
    def urgency(self) -> Urgency:
        """As it was set."""
        return self._urgency

    def set(self, urgency: Urgency, due: int = 0) -> None:
        """From now on; ``due`` is when silence begins without it (ns; 0: that is not known)."""
        if (urgency, due) != (self._urgency, self._due):
            self._urgency, self._due = urgency, due
            for watcher in tuple(self.watchers):
                watcher()

    def at(self, now: int) -> Urgency:
        """How urgent it is: what sounds is awaited when little of it is left, and what comes next moves up in time."""
        left = self._due - now if self._due else LEAD + 1
        if self._urgency is Urgency.SOUNDING and left <= CUSHION:
            return Urgency.AWAITED
        return Urgency.SOUNDING if self._urgency is Urgency.NEXT and left <= LEAD else self._urgency

    def changes(self, now: int) -> int | None:
        """When that changes by itself (ns)."""
        before = {Urgency.SOUNDING: CUSHION, Urgency.NEXT: LEAD}.get(self._urgency)
        at = self._due - before if self._due and before else now
        return at if at > now else None


_errand: ContextVar[Errand | None] = ContextVar("errand", default=None)


@contextmanager
def errand_of(errand: Errand) -> Generator[Errand]:
    """What is asked of engines inside, also in tasks that are begun inside, belongs to ``errand``."""
    token = _errand.set(errand)
    try:
        yield errand
    finally:
        _errand.reset(token)


def current_errand() -> Errand | None:
    """That of the caller; None: nobody said for whom this is."""
    return _errand.get()


@dataclass(frozen=True, slots=True)
class WaitCount:
    """Of one worker's pieces of one urgency: how many began, how long they had waited in all and at the most (ns), and
    how many of them were overtaken by what was more urgent.
    """

    pieces: int = 0
    waited: int = 0
    longest: int = 0
    gave_way: int = 0


@dataclass(eq=False, slots=True)
class Ticket:
    """One piece of work. ``began`` is 0 while it waits, ``until`` when its place is free for whoever is less urgent."""

    worker: str
    own: Urgency | None
    errand: Errand | None
    threads: int
    asked: int
    rank: Urgency = Urgency.AWAITED
    began: int = 0
    until: int = 0
    overtaken: bool = False
    granted: Callable[[], None] = field(default=lambda: None)

    def at(self, now: int) -> Urgency:
        """How urgent it is: the more urgent of what its worker and its errand say."""
        if now - self.asked >= PATIENCE:
            return Urgency.AWAITED
        of_errand = self.errand.at(now) if self.errand is not None else None
        known = [each for each in (self.own, of_errand) if each is not None]
        return min(known, default=Urgency.AWAITED)


class Precedence:
    """Who is at work and who waits, on ``cores`` threads at once. Every method takes ``now`` (ns)."""

    def __init__(self, cores: int) -> None:
        self.cores = max(1, cores)
        self._working: list[Ticket] = []
        self._lingering: list[Ticket] = []
        self._waiting: list[Ticket] = []
        self._counts: dict[tuple[str, Urgency], WaitCount] = {}

    @property
    def counts(self) -> Mapping[tuple[str, Urgency], WaitCount]:
        """By worker, and by how urgent its pieces were when they began."""
        return self._counts

    @property
    def waiting(self) -> int:
        """Pieces that wait."""
        return len(self._waiting)

    def queued(self, worker: str) -> int:
        """Pieces of a worker's work that wait for their turn."""
        return sum(ticket.worker == worker for ticket in self._waiting)

    def busy(self, worker: str) -> bool:
        """Whether a worker is at a piece."""
        return any(ticket.worker == worker for ticket in self._working)

    def ask(
        self, worker: str, now: int, *, urgency: Urgency | None = None, errand: Errand | None = None, threads: int = 1
    ) -> Ticket:
        """A piece for ``worker``, which does one at a time. Whoever asks must :meth:`leave`, however it ends."""
        ticket = Ticket(worker, urgency, errand, min(max(1, threads), self.cores), now)
        self._waiting.append(ticket)
        return ticket

    def leave(self, ticket: Ticket, now: int) -> None:
        """It is done, or not wanted any more."""
        if ticket in self._waiting:
            self._waiting.remove(ticket)
        elif ticket in self._working:
            self._working.remove(ticket)
            ticket.until = now + LINGER
            self._lingering.append(ticket)

    def grants(self, now: int) -> list[Ticket]:
        """Those that may begin now, the most urgent first."""
        self._lingering = [each for each in self._lingering if each.until > now]
        found: list[Ticket] = []
        for ticket in sorted(self._waiting, key=lambda each: (each.at(now), each.asked)):
            rank = ticket.at(now)
            kept = [each for each in self._lingering if each.rank < rank]
            if self.busy(ticket.worker) or any(each.worker == ticket.worker for each in kept):
                continue
            if not self._fits(ticket, rank, kept, now):
                break  # a smaller piece of somebody less urgent must not take what this one waits for
            self._waiting.remove(ticket)
            self._working.append(ticket)
            ticket.rank, ticket.began = rank, now
            self._count(ticket, now)
            found.append(ticket)
        return found

    def deadline(self, now: int) -> int | None:
        """When to look again though nobody came or left (ns); None: never."""
        if not self._waiting:
            return None
        places = [each.until for each in self._lingering]
        places += [each.began + OVERDUE for each in self._working]
        for each in self._waiting:
            places.append(each.asked + PATIENCE)
            if each.errand is not None and (change := each.errand.changes(now)) is not None:
                places.append(change)
        return min((place for place in places if place > now), default=None)

    def _fits(self, ticket: Ticket, rank: Urgency, kept: list[Ticket], now: int) -> bool:
        """There are cores for it, beside what works and the places that are ``kept``."""
        counted = [each for each in self._working if now - each.began < OVERDUE]
        load = sum(each.threads for each in (*counted, *kept))
        if not load or load + ticket.threads <= self.cores:
            return True
        return rank is Urgency.AWAITED and all(each.rank > rank for each in counted)

    def _count(self, ticket: Ticket, now: int) -> None:
        waited = now - ticket.asked
        if ticket.errand is not None:
            ticket.errand.waited += waited
        for other in self._waiting:
            other.overtaken = other.overtaken or other.asked < ticket.asked
        key = ticket.worker, ticket.rank
        known = self._counts.get(key, WaitCount())
        self._counts[key] = WaitCount(
            known.pieces + 1, known.waited + waited, max(known.longest, waited), known.gave_way + ticket.overtaken
        )


class WorkGate:
    """Where the workers of a house ask for their pieces. Use it on one event loop. ``cores``: as many as this process
    may use, unless it is told.
    """

    def __init__(self, cores: int | None = None, clock: Clock = SYSTEM_CLOCK) -> None:
        self._all = cores or usable_cores()
        self._order = Precedence(self._all)
        self._reserved = 0
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None

    @property
    def cores(self) -> int:
        """How many threads work at once."""
        return self._order.cores

    @property
    def counts(self) -> Mapping[tuple[str, Urgency], WaitCount]:
        """See :class:`Precedence`."""
        return self._order.counts

    @property
    def waiting(self) -> int:
        """Pieces that wait."""
        return self._order.waiting

    def queued(self, worker: str) -> int:
        """See :meth:`Precedence.queued`."""
        return self._order.queued(worker)

    def busy(self, worker: str) -> bool:
        """Whether a worker is at a piece."""
        return self._order.busy(worker)

    @contextmanager
    def reserved(self, cores: int = 1) -> Generator[None]:
        """So many cores are wanted for what is no engine (a stage); one is left."""
        self._reserve(cores)
        try:
            yield
        finally:
            self._reserve(-cores)

    def ask(self, worker: str, urgency: Urgency | None = None, threads: int = 1) -> GateTurn:
        """A place for a piece of ``worker``, as urgent as the errand of the caller (:func:`errand_of`), or as
        ``urgency`` if that is more; awaited if nobody says. Whoever asks must leave it.
        """
        errand, now = current_errand(), self._clock.now()
        turn = GateTurn(self, self._order.ask(worker, now, urgency=urgency, errand=errand, threads=threads))
        if errand is not None:
            errand.watchers.append(self.look)
        self.look()
        return turn

    @asynccontextmanager
    async def piece(self, worker: str, urgency: Urgency | None = None, threads: int = 1) -> AsyncGenerator[None]:
        """Do a piece of ``worker`` inside, when its turn has come; see :meth:`ask`. Limits around the caller
        (:class:`~duologue.streams.limited`) stand still until then: waiting is no failure.
        """
        turn = self.ask(worker, urgency, threads)
        try:
            if not turn.come.is_set():
                with unhurried():
                    await turn.come.wait()
            yield
        finally:
            turn.leave()

    def left(self, ticket: Ticket) -> None:
        """See :meth:`GateTurn.leave`."""
        self._order.leave(ticket, self._clock.now())
        if ticket.errand is not None:
            ticket.errand.watchers.remove(self.look)
        self.look()

    def look(self) -> None:
        """Let begin whoever may."""
        now = self._clock.now()
        for ticket in self._order.grants(now):
            ticket.granted()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (deadline := self._order.deadline(now)) is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.001, (deadline - now) / SECOND), self.look)

    def _reserve(self, cores: int) -> None:
        self._reserved += cores
        self._order.cores = max(1, self._all - self._reserved)
        self.look()  # a core that is given back is somebody's who waits


class GateTurn:
    """A place of one piece. ``come`` is set when it may begin."""

    def __init__(self, gate: WorkGate, ticket: Ticket) -> None:
        self._gate = gate
        self._ticket = ticket
        self._left = False
        self.come = asyncio.Event()
        ticket.granted = self.come.set

    async def within(self, seconds: float) -> bool:
        """Wait for it so long; whether it has come."""
        try:
            async with asyncio.timeout(seconds):
                await self.come.wait()
        except TimeoutError:
            return False
        return True

    def leave(self) -> None:
        """Make place for the next. Idempotent."""
        if not self._left:
            self._left = True
            self._gate.left(self._ticket)
