"""What engines are asked for in a running system: priced, entered in the ledger, summed by day, and capped.

Every request becomes a record of the ledger where it is made, and nowhere else is anything counted: the sums, the
metrics, the caps and the reports look on at those records. The sums of each day are kept in the store, and read from
there again: by a house that is started anew, and beside other houses and commands on the same store.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from duologue.app.spending.caps import CapState, DayCaps, day_ends, day_of
from duologue.app.spending.models import CapView, UsageRowView, UsageView
from duologue.clock import MILLISECOND, SECOND, SYSTEM_CLOCK, Clock, milliseconds
from duologue.errors import DuologueError, InputError, in_words
from duologue.metering import NOTHING, Amount, EngineCall, EngineRequest, Service, SpentError
from duologue.settings import Settings
from duologue.store.values import UsageBy, UsageGroup, UsageKey, UsageSum
from duologue.telemetry.ledger import Entry, UsageRecord
from duologue.telemetry.log import get_logger
from duologue.telemetry.stream import Ledger

if TYPE_CHECKING:
    from duologue.store.store import Store

WRITE = 2 * SECOND
"""How often the sums are written (ns)."""
READ = 30 * SECOND
"""How often they are read where there are caps, though nothing was asked here: others may have."""
MOST_KEYS = 5_000
"""Sums that wait for the store, or stand in for it; beyond that conversations are told apart no more."""
COUNTED = 9
"""Decimals of a cost that are told."""
NANOS = 10**COUNTED

_log = get_logger("duologue.spending")


def outside(settings: Settings) -> Mapping[str, str]:
    """The engines that are somebody's server, with its host."""
    names = {*settings.engines.llm, *settings.engines.tts, *settings.engines.stt}
    found = {name: urlsplit(str(getattr(settings.engine(name), "base_url", ""))).hostname for name in names}
    return {name: host for name, host in found.items() if host}


class Spending:
    """A :class:`~duologue.metering.Meter` on a ledger. ``told`` is given words for people. Use it on one event loop."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        clock: Clock = SYSTEM_CLOCK,
        told: Callable[[str], None] = lambda words: None,
    ) -> None:
        self._settings = settings
        self._prices = settings.prices
        self._zone = settings.spending.zone
        self.ledger = ledger
        """Where requests are entered."""
        self._clock = clock
        self._told = told
        self._servers = outside(settings)
        self._caps = DayCaps(settings.prices, settings.spending, self._servers)
        self._day: str = day_of(clock.wall(), self._zone)
        self._ends: int = day_ends(clock.wall(), self._zone)
        self._calls: dict[EngineCall, None] = {}
        self._waiting: dict[UsageKey, UsageSum] = {}
        self._refused: set[str] = set()
        """Engines that reached a cap today."""
        self._store: Store | None = None
        self._writing = asyncio.Lock()
        self._failing = False
        self._read_at = 0
        ledger.watch(self.observe)

    # As a meter

    def begin(self, service: Service, engine: str, expected: Amount = NOTHING) -> EngineCall:
        """See :class:`~duologue.metering.Meter`."""
        self._roll()
        refusal = self._caps.refusal(engine, self._model(engine), expected, self._held())
        if refusal is None:
            call = EngineCall(
                service, engine, expected, told=self._enter, over=lambda call: self._calls.pop(call, None),
                clock=self._clock,
            )  # fmt: skip
            self._calls[call] = None
            return call
        until = self._clock.now() + self._ends - self._clock.wall() if refusal.all_day else 0
        if refusal.all_day:
            self._refused.add(engine)
        remedy = f"It is asked again when the day is over; raise {refusal.where} to go on today."
        raise SpentError.until_then(until, refusal.what, where=refusal.where, remedy=remedy)

    def _held(self) -> dict[str, Amount]:
        held: dict[str, Amount] = {}
        for call in self._calls:
            held[call.engine] = held.get(call.engine, NOTHING) + call.outstanding
        return held

    def _model(self, engine: str) -> str:
        model = str(getattr(self._settings.engine(engine), "model", ""))
        return (
            Path(model).name if model.startswith(("/", "~")) else model
        )  # of a file the name; where it lies is its own

    def _enter(self, request: EngineRequest) -> None:
        """A request is over: the one place that prices it, and tells the ledger."""
        server = self._servers.get(request.engine, "")
        model = request.model or self._model(request.engine)
        price = self._prices.of(request.engine, model)
        known = price is not None or not server  # what is done on this machine costs nobody's money
        amount = request.amount
        record = UsageRecord(
            request.service.value, request.engine, model, server, request.customer.person, request.outcome.value,
            round(milliseconds(request.ended - request.began), 1), amount.prompt, amount.cached, amount.completion,
            amount.characters, round(1000 * amount.seconds, 3), request.estimated,
            round(price.cost(amount) * NANOS) if price is not None else 0, self._prices.currency if known else "",
            request.span,
        )  # fmt: skip
        self.ledger.enter(request.customer.of, record, request.ended)

    # What the ledger tells

    def observe(self, entry: Entry) -> None:
        """Let a ledger tell it of requests."""
        if not isinstance(record := entry.record, UsageRecord):
            return
        self._roll()
        amount = Amount(
            record.prompt_tokens,
            record.completion_tokens,
            record.cached_tokens,
            record.characters,
            record.sound_ms / 1000,
        )
        used = UsageSum(1, int(record.estimated), int(not record.currency), amount, record.cost_nanos / NANOS)
        key = UsageKey(
            self._day, record.engine, record.service, record.model, record.server, entry.of, record.person,
            record.currency,
        )  # fmt: skip
        if key not in self._waiting and len(self._waiting) >= MOST_KEYS:
            key = UsageKey(self._day, record.engine, record.service, currency=record.currency)
        self._waiting[key] = self._waiting.get(key, UsageSum()) + used
        self._caps.add(record.engine, used)

    def _roll(self) -> None:
        """See whether another day has begun."""
        wall = self._clock.wall()
        day = day_of(wall, self._zone)
        if day == self._day:
            return
        self._day, self._ends = day, day_ends(wall, self._zone)
        self._caps.begin()
        self._read_at = 0
        again, self._refused = sorted(self._refused), set()
        if again:
            _log.info("spending.new_day", day=day, zone=self._zone, engines=", ".join(again))
            self._told(f"A new day has begun ({self._zone}): {', '.join(again)} may be asked again.")

    # The store

    async def attach(self, store: Store) -> None:
        """Keep the sums there from now on. Where there are caps, what was used today is known when this returns, unless
        the store fails: then it is asked again soon.
        """
        self._store = store
        if self._settings.spending.capped:
            await self._write()

    async def run(self) -> None:
        """Keep the sums until cancelled."""
        due = self._clock.now()
        while True:
            due = max(due + WRITE, self._clock.now())
            await self._clock.wait_until(due)
            self._roll()
            stale = self._settings.spending.capped and self._clock.now() - self._read_at >= READ
            if self._store is not None and (self._waiting or stale):
                await self._write()

    def finish(self) -> None:
        """Give the store what it does not have; it takes that even while it fails, for later."""
        if self._store is None or not self._waiting:
            return
        from duologue.store.usage import note

        written, self._waiting = self._waiting, {}
        now = self._clock.wall()
        self._store.put(lambda session: note(session, written, now))

    async def _write(self) -> None:
        """The same, and learn what all have used today."""
        from duologue.store.usage import of_day

        assert self._store is not None
        async with self._writing:
            self.finish()
            day = self._day
            try:
                found = await self._store.ask(lambda session: of_day(session, day))
            except DuologueError as error:
                if not self._failing:  # once: a voice on air has something to write every two seconds, for days
                    _log.warning("spending.not_read", cause=in_words(error))
                self._failing = True
                return
            self._failing = False
            self._read_at = self._clock.now()
            if day == self._day:
                self._restate(found)

    def _restate(self, stored: Mapping[str, UsageSum]) -> None:
        self._caps.begin()
        for engine, used in stored.items():
            self._caps.add(engine, used)
        for key, used in self._waiting.items():  # came while the others were written
            if key.day == self._day:
                self._caps.add(key.engine, used)

    # What people ask

    def caps(self) -> tuple[CapState, ...]:
        """How much of each is used today."""
        self._roll()
        return tuple(self._caps.states())

    async def view(self, by: UsageBy = "engine", since: str = "") -> UsageView:
        """What was asked for since a day. Raises :class:`InputError` for one that is none, and what the store does."""
        self._roll()
        first = day_given(since, self._day)
        if self._store is not None:
            from duologue.store.usage import grouped

            await self._write()
            groups = await self._store.ask(lambda session: grouped(session, by, first))
        else:
            groups = _grouped(self._waiting, by, first)
        kept = self._store is not None
        return usage_view(self._settings, self._clock.wall(), groups, self.caps(), by=by, since=first, kept=kept)


def day_given(since: str, today: str) -> str:
    """A day as people write it: ``2026-11-23``, ``today``, ``7d`` (the last seven, today among them), or empty for all.

    Raises :class:`InputError`.
    """
    if since == "today":
        return today
    try:
        if since.endswith("d") and since[:-1].isdigit():
            return (date.fromisoformat(today) - timedelta(days=max(0, int(since[:-1]) - 1))).isoformat()
        return date.fromisoformat(since).isoformat() if since else ""
    except (ValueError, OverflowError):
        raise InputError(
            f"{since!r} is no day", where="since", remedy="Write 2026-11-23, today, or 7d for the last seven days."
        ) from None


def usage_view(
    settings: Settings, wall: int, groups: Iterable[UsageGroup], caps: Iterable[CapState], *, by: UsageBy, since: str,
    kept: bool = True,
) -> UsageView:  # fmt: skip
    """As it is told, at ``wall`` (Unix ns)."""
    zone = settings.spending.zone
    return UsageView(
        by=by, since=since, today=day_of(wall, zone), zone=zone, currency=settings.prices.currency,
        rows=tuple(map(row_view, groups)), caps=tuple(map(cap_view, caps)), until=day_ends(wall, zone) / MILLISECOND,
        kept=kept,
    )  # fmt: skip


def row_view(group: UsageGroup) -> UsageRowView:
    """As it is told."""
    used, amount = group.used, group.used.amount
    return UsageRowView(
        name=group.name, called=group.called, model=group.model, service=group.service, requests=used.requests,
        estimated=used.estimated, unpriced=used.unpriced, prompt_tokens=amount.prompt, cached_tokens=amount.cached,
        completion_tokens=amount.completion, characters=amount.characters, minutes=round(amount.minutes, 3),
        cost=round(used.cost, COUNTED) if group.currency else None, currency=group.currency,
    )  # fmt: skip


def cap_view(cap: CapState) -> CapView:
    """As it is told."""
    return CapView.model_validate(
        {"engine": cap.engine, "unit": cap.unit, "limit": cap.limit, "used": cap.used, "reached": cap.reached}
    )


def _grouped(sums: Mapping[UsageKey, UsageSum], by: UsageBy, since: str) -> list[UsageGroup]:
    """As the store groups them."""
    found: dict[tuple[str, str, str, str], UsageSum] = {}
    for key, used in sums.items():
        name = {"engine": key.engine, "person": key.person, "run": key.part, "day": key.day}[by]
        if key.day < since or not name:
            continue
        group = (name, *((key.model, key.service) if by == "engine" else ("", "")), key.currency)
        found[group] = found.get(group, UsageSum()) + used
    groups = [
        UsageGroup(name, "", model, service, money, used) for (name, model, service, money), used in found.items()
    ]
    return sorted(groups, key=lambda each: (-each.used.cost, -each.used.requests, each.name))


@asynccontextmanager
async def open_spending(
    settings: Settings, store: Store | None = None, clock: Clock = SYSTEM_CLOCK
) -> AsyncGenerator[Spending]:
    """For a command without a house: sums and caps are those of the ``store``, which is started; where none is given,
    and an engine is somebody's server, or anything has a price or a cap, it is opened for it.
    """
    spending = Spending(settings, Ledger(clock), clock)
    own: Store | None = None
    costs = outside(settings) or settings.prices.engines or settings.spending.capped
    if store is None and settings.store.keep and costs:
        from duologue.places import store_file
        from duologue.store.store import Store

        own = store = Store(settings.store.url, store_file(), clock)
        own.start()
    try:
        if store is not None:
            await spending.attach(store)
        yield spending
    finally:
        spending.finish()
        if own is not None:
            await own.close()
