"""How many at once: places for those who listen, speak and think, taken for the length of a conversation.

An engine's capabilities say what it carries at once (``at_once``). Who begins a conversation takes a place of each
kind that it needs, all or none, and gives them back at its end. Who finds none waits in a bounded queue, first come,
first served, and is told so with a word; or is refused at once with :class:`PlaceTaken`. Both are counted.

:class:`Places` decides and is pure; :class:`Admission` waits.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from enum import StrEnum

from duologue.errors import ClosedError

MOST_WAITING = 100
"""Who may wait at once; of more each is refused."""


class PlaceKind(StrEnum):
    """What a place is for: an engine that hears, speaks or thinks."""

    LISTENER = "listener"
    VOICE = "voice"
    THOUGHT = "thought"


Needs = frozenset[PlaceKind]
"""What a conversation takes a place of."""


class PlaceTaken(ClosedError):
    """All places of a kind that is needed are taken: try again when a conversation has ended. Nobody's fault."""


class Places:
    """The count. ``capacity`` tells how many places of a kind there are now (None: no limit is known).

    Who waits is known by a ticket. Nobody overtakes who waits for a place of the same kind.
    """

    def __init__(self, capacity: Callable[[PlaceKind], int | None], most_waiting: int = MOST_WAITING) -> None:
        self.capacity = capacity
        self._most_waiting = most_waiting
        self._waiting: OrderedDict[int, Needs] = OrderedDict()
        self._tickets = 0
        self.taken: Counter[PlaceKind] = Counter()
        self.refused: Counter[PlaceKind] = Counter()
        """Since the start, by what was wanting."""
        self.waited: Counter[PlaceKind] = Counter()
        """The same of those who had to wait."""

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def wanting(self, needs: Needs) -> PlaceKind | None:
        """What somebody who comes now would have to wait for, if anything."""
        claimed = frozenset[PlaceKind]().union(*self._waiting.values())
        return next((kind for kind in PlaceKind if kind in needs and (kind in claimed or not self._free(kind))), None)

    def take(self, needs: Needs) -> PlaceKind | None:
        """Take a place of each kind, or none: then what is wanting."""
        kind = self.wanting(needs)
        if kind is None:
            self.taken.update(needs)
        return kind

    def refuse(self, kind: PlaceKind) -> None:
        """Somebody was sent away."""
        self.refused[kind] += 1

    def queue(self, needs: Needs, kind: PlaceKind) -> int | None:
        """Wait, for want of ``kind``: a ticket, or None when too many wait already."""
        if len(self._waiting) >= self._most_waiting:
            return None
        self._tickets += 1
        self._waiting[self._tickets] = needs
        self.waited[kind] += 1
        return self._tickets

    def leave(self, ticket: int) -> None:
        """Who has the ticket waits no more; nothing was taken."""
        self._waiting.pop(ticket, None)

    def give_back(self, needs: Needs) -> None:
        """A conversation has ended."""
        self.taken.subtract(needs)

    def admitted(self) -> list[int]:
        """The tickets of those whose turn has come; their places are taken now."""
        found: list[int] = []
        claimed: set[PlaceKind] = set()
        for ticket, needs in list(self._waiting.items()):
            if all(kind not in claimed and self._free(kind) for kind in needs):
                del self._waiting[ticket]
                self.taken.update(needs)
                found.append(ticket)
            else:
                claimed |= needs
        return found

    def _free(self, kind: PlaceKind) -> bool:
        capacity = self.capacity(kind)
        return capacity is None or self.taken[kind] < capacity


class Admission:
    """Places for those who come. Use it on one event loop; ``changed`` is called after each change, ``told`` with what
    became of who asked: ``taken``, ``given_back``, ``waited``, ``refused``.
    """

    def __init__(
        self,
        capacity: Callable[[PlaceKind], int | None],
        *,
        most_waiting: int = MOST_WAITING,
        changed: Callable[[], None] = lambda: None,
        told: Callable[[PlaceKind, str], None] = lambda kind, outcome: None,
    ) -> None:
        self.places = Places(capacity, most_waiting)
        self._changed = changed
        self._told = told
        self._calls: dict[int, asyncio.Event] = {}

    @asynccontextmanager
    async def place(
        self, needs: Needs, patience: float | None = 0.0, waits: Callable[[int], None] = lambda before: None
    ) -> AsyncGenerator[None]:
        """A place of each kind, for the length of the context.

        ``patience`` is how long to wait for it (seconds; None: as long as it takes); ``waits`` is called once with how
        many wait before, when it comes to that. Raises :class:`PlaceTaken`.
        """
        await self._enter(needs, patience, waits)
        self._changed()
        for kind in sorted(needs):
            self._told(kind, "taken")
        try:
            yield
        finally:
            self.places.give_back(needs)
            for kind in sorted(needs):
                self._told(kind, "given_back")
            self._call()

    async def _enter(self, needs: Needs, patience: float | None, waits: Callable[[int], None]) -> None:
        kind = self.places.take(needs)
        if kind is None:
            return
        ticket = None if patience == 0 else self.places.queue(needs, kind)
        if ticket is None:
            raise self._refused(kind)
        call = self._calls[ticket] = asyncio.Event()
        try:
            self._changed()
            self._told(kind, "waited")
            waits(self.places.waiting - 1)
            async with asyncio.timeout(patience):
                await call.wait()
        except BaseException as error:
            if call.is_set():  # the place came, and who it was for has gone
                self.places.give_back(needs)
            self.places.leave(ticket)
            self._call()
            if isinstance(error, TimeoutError):
                raise self._refused(kind) from error
            raise
        finally:
            del self._calls[ticket]

    def _call(self) -> None:
        """Let in whoever can be."""
        for ticket in self.places.admitted():
            self._calls[ticket].set()
        self._changed()

    def _refused(self, kind: PlaceKind) -> PlaceTaken:
        self.places.refuse(kind)
        self._changed()
        self._told(kind, "refused")
        many = self.places.capacity(kind)
        return PlaceTaken(
            f"all {many} places of a {kind} are taken" if many != 1 else f"the only place of a {kind} is taken",
            where="admission", remedy="Try again when a conversation has ended, or let the engine carry more.",
        )  # fmt: skip
