"""The calls of a line: who is let in and as whom they are answered, those that go on, and how all of them end.

Whatever carries calls gives each to :meth:`Calls.take`.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from duologue.app.admission import PlaceTaken
from duologue.app.calls.call import LINE, CallHouse, CallTalk
from duologue.app.calls.line_models import CallView
from duologue.app.calls.plan import CallPlan, CallPlans
from duologue.app.calls.views import CallStanding
from duologue.app.models import CallEvent, LevelsEvent
from duologue.app.talking.talking import Partner, Talk
from duologue.clock import SECOND
from duologue.errors import DuologueError, InputError, in_words
from duologue.phone.leg import CallLeg
from duologue.phone.turned_away import AwayReason
from duologue.store.values import Who
from duologue.streams import cancelled
from duologue.telemetry.log import get_logger
from duologue.tracing import HEADER, STATE_HEADER, is_exported, read_context, traced

if TYPE_CHECKING:
    from duologue.app.people.remembering import Acquaintance

STATUS = {
    AwayReason.EXTENSION: 404, AwayReason.UNREADY: 480, AwayReason.BUSY: 486, AwayReason.FAULT: 500,
    AwayReason.PLACES: 503, AwayReason.OVERLOAD: 503, AwayReason.CLOSING: 503,
}  # fmt: skip
"""What callers are refused with (RFC 3261, section 21)."""
FOR_NOW = (AwayReason.BUSY, AwayReason.PLACES, AwayReason.OVERLOAD, AwayReason.CLOSING)
"""Who is refused so is told when to try again."""
REMEMBERED = 20
"""Calls that are over and still shown."""
LEVELS_EVERY = SECOND // 2
MOST_NOTING = 16
"""Calls of which a model is still to write down what to remember; beyond, the oldest is left."""
CALLERS = "line:callers"
"""What callers belong to in the store, as others belong to the name of their token; no token can be called so."""
BEHIND = "the machine is short of CPU for the calls that go on"


def all_taken(places: int) -> str:
    """Why nobody is let in when the line's places are taken."""
    return f"all {places} places are taken" if places != 1 else "the only place is taken"


Against = tuple[AwayReason, str]
"""Why a call is not taken, and that in words."""
BEHIND_SECONDS = 10
"""After callers' sound was dropped nobody else is let in for so long."""
CUT_SECONDS = 2.0
"""For the carrier to take note that calls are ended."""

_log = get_logger("duologue.line")


class Calls:
    """See the module. ``unready`` says why no call may be taken now."""

    def __init__(self, plans: CallPlans, talk: Talk, house: CallHouse, unready: Callable[[], Sequence[str]]) -> None:
        self.plans = plans
        self._talk = talk
        self._house = house
        self._clock = house.clock
        self._phone = house.settings.phone
        self._unready = unready
        self._live: dict[str, CallTalk] = {}
        self._taking = 0
        self._empty = asyncio.Event()
        self._empty.set()
        self._over: deque[CallStanding] = deque(maxlen=REMEMBERED)
        self._told: deque[Acquaintance] = deque(maxlen=MOST_NOTING)
        """Who told something, of whom a model has not yet written down what to remember."""
        self._noting = asyncio.Event()
        self.closing = False
        self._behind_until = 0
        self._answered = 0  # of those that are over
        self.refusals: Counter[AwayReason] = Counter()
        """Who was sent away, and why."""

    @property
    def count(self) -> int:
        """Calls that are taken now."""
        return self._taking

    @property
    def behind(self) -> bool:
        """Those that go on are more than this machine carries now, beside what else is at work on it."""
        return self._clock.now() < self._behind_until

    def fell_behind(self) -> None:
        """Callers' sound was dropped, because nobody here came to take it."""
        self._behind_until = self._clock.now() + BEHIND_SECONDS * SECOND

    @property
    def answered(self) -> int:
        """Calls since the start, those that go on among them."""
        return self._answered + sum(bool(call.standing.answered) for call in self._live.values())

    @property
    def live(self) -> frozenset[str]:
        """The ids of those that go on."""
        return frozenset(self._live)

    def views(self) -> tuple[CallView, ...]:
        """Those that go on, the oldest first, then the newest that are over; none with its turns."""
        return tuple(each.view(self._clock) for each in self._known())

    def view(self, call_id: str) -> CallView | None:
        """One of them, with its turns."""
        found = next((each for each in self._known() if each.info.id == call_id), None)
        return found.view(self._clock, turns=True) if found is not None else None

    def _known(self) -> tuple[CallStanding, ...]:
        return (*(call.standing for call in self._live.values()), *reversed(self._over))

    def call(self, call_id: str) -> CallTalk:
        """One that goes on. Raises :class:`InputError`."""
        try:
            return self._live[call_id]
        except KeyError:
            raise InputError(f"there is no call {call_id!r}", where="call", remedy="It may be over.") from None

    async def take(self, leg: CallLeg) -> None:
        """Hold the call that ``leg`` offers, or one of ours, until it is over; see
        :data:`~duologue.phone.leg.TakeCall`.
        """
        info = leg.info
        plan = self.plans.of(info)
        member = plan.member if plan is not None else None
        standing = CallStanding(
            info,
            member.name if member else "",
            member.persona.title if member else "",
            self._clock.now(),
            member.colour if member else "",
        )
        refusal = self._against(plan)
        if refusal is not None or plan is None:
            await self._refuse(leg, standing, *(refusal or (AwayReason.EXTENSION, "")))
            return
        self._taking += 1
        self._empty.clear()
        try:
            await self._hold(leg, plan, standing)
        except PlaceTaken as error:
            await self._refuse(leg, standing, AwayReason.BUSY, error.what)
        except Exception as error:  # one call's trouble is no other's
            if cancelled():
                raise
            unforeseen = not isinstance(error, DuologueError)
            _log.error("call.failed", call=info.id, cause=in_words(error), exc_info=unforeseen)
            await self._refuse(leg, standing, AwayReason.FAULT, in_words(error))
        finally:
            self._taking -= 1
            if not self._taking:
                self._empty.set()

    def against(self) -> Against | None:
        """Why no call would be taken now, whoever is called, and that in words."""
        return self._closed() or ((AwayReason.BUSY, busy) if (busy := self._talk.busy) else None)

    def _against(self, plan: CallPlan | None) -> Against | None:
        """Why a call may not come in; whether engines have a place for it is seen when it takes that."""
        if plan is None and not self.closing:
            return AwayReason.EXTENSION, "there is nobody of that name here"
        return self._closed()

    def _closed(self) -> Against | None:
        if self.closing:
            return AwayReason.CLOSING, "the line closes"
        if self._taking >= self._phone.places:
            return AwayReason.PLACES, all_taken(self._phone.places)
        if self.behind:
            return AwayReason.OVERLOAD, BEHIND
        reasons = self._unready()
        return (AwayReason.UNREADY, "; ".join(reasons)) if reasons else None

    async def _hold(self, leg: CallLeg, plan: CallPlan, standing: CallStanding) -> None:
        info = leg.info
        standing.half_duplex = plan.policy.half_duplex
        told = [[info.headers[name]] if name in info.headers else [] for name in (HEADER, STATE_HEADER)]
        asker = read_context(*told) if is_exported() else None
        with traced(asker):
            await self._converse(leg, plan, standing)

    async def _converse(self, leg: CallLeg, plan: CallPlan, standing: CallStanding) -> None:
        info = leg.info
        who = Who(info.address, CALLERS) if info.address and plan.remember != "nothing" else None
        learns = plan.remember == "callers"
        async with self._talk.open(plan.member, conversation=info.id, person=who, learns=learns) as partner:
            if self.closing:  # since it was let in: drain() knew nothing of it
                await self._refuse(leg, standing, AwayReason.CLOSING, "the line closes")
                return

            def ears() -> AbstractAsyncContextManager[Partner]:
                return self._talk.open(plan.member, conversation=f"{info.id}-operator", speaks=False)

            call = self._live[info.id] = CallTalk(leg, plan, partner, self._house, standing, ears)
            _log.info("call.offered", call=info.id, caller=info.caller, called=info.called, carrier=info.carrier)
            self._publish(standing)
            try:
                await call.hold()
            finally:
                del self._live[info.id]
                self._conclude(standing)
        if partner.acquaintance is not None and partner.acquaintance.said:
            self._told.append(partner.acquaintance)
            self._noting.set()

    def _conclude(self, standing: CallStanding) -> None:
        standing.ended = self._clock.now()
        self._answered += bool(standing.answered)
        record = standing.record()
        of = f"{LINE}:{standing.info.id}"
        self._house.ledger.enter(of, record)
        self._house.ledger.finish(of)
        self._over.append(standing)
        self._publish(standing)
        _log.info("call.ended", call=standing.info.id, reason=standing.reason, failed=standing.failed)

    async def _refuse(self, leg: CallLeg, standing: CallStanding, reason: AwayReason, why: str) -> None:
        """Send it away, if it is still there to be told so."""
        status = STATUS[reason]
        try:
            if leg.info.outgoing or standing.answered:
                await leg.hang_up(why)
            else:
                again = self._phone.retry_seconds if reason in FOR_NOW else 0
                await leg.refuse(status, again)
        except DuologueError as error:
            _log.warning("call.carrier_gone", call=leg.info.id, cause=str(error))
        if standing.ended:
            return
        self.refusals[reason] += 1
        standing.status, standing.reason = status, why
        _log.warning("call.refused", call=leg.info.id, caller=leg.info.caller, status=status, why=why)
        self._conclude(standing)

    def _publish(self, standing: CallStanding) -> None:
        self._house.told(CallEvent(call=standing.view(self._clock)))

    async def run(self) -> None:
        """Tell how loud the calls are, and have noted what callers told, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._note())
            await self._tell_levels()

    async def _note(self) -> None:
        """One after the other: nobody waits for it."""
        while True:
            await self._noting.wait()
            self._noting.clear()
            while self._told:
                await self._talk.note(self._told.popleft())

    async def _tell_levels(self) -> None:
        due = self._clock.now()
        while True:
            due = max(due + LEVELS_EVERY, self._clock.now())
            await self._clock.wait_until(due)
            levels = tuple(call.levels() for call in self._live.values() if call.standing.answered)
            if levels:
                self._house.told(LevelsEvent(levels=levels))

    async def drain(self) -> None:
        """Take no more, have those that go on end with a goodbye, and end the rest when that takes too long; what still
        rings ends at once.
        """
        self.closing = True
        ringing = [call for call in self._live.values() if not call.standing.answered]
        for call in self._live.values():
            call.close()
        try:
            async with asyncio.timeout(self._phone.drain_seconds):
                await self._cut(ringing)
                await self._empty.wait()
        except TimeoutError:
            left = list(self._live.values())
            _log.warning("line.cut", calls=len(left), seconds=self._phone.drain_seconds)
            try:
                async with asyncio.timeout(CUT_SECONDS):
                    await self._cut(left)
                    await self._empty.wait()
            except TimeoutError:
                pass

    async def _cut(self, calls: Sequence[CallTalk]) -> None:
        """End them at once; those whose carrier is gone end with it, and keep no other from its goodbye."""

        async def cut(call: CallTalk) -> None:
            try:
                await call.cut("the line closed")
            except DuologueError as error:
                _log.warning("call.carrier_gone", call=call.id, cause=str(error))

        await asyncio.gather(*map(cut, calls))
