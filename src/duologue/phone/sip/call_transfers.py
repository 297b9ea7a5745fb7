"""Transfers of one call, both ways: where we would have the other end go, and where it would have us go (RFC 3515).
What is written and read for that is in :mod:`duologue.phone.sip.transfers`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sipmessage import Request

from duologue.errors import InputError
from duologue.phone.sip import call_events as events
from duologue.phone.sip import message as sip
from duologue.phone.sip import transfers
from duologue.phone.sip.agent import Agent, Headers, Purpose
from duologue.phone.sip.transactions import Key

Ask = Callable[[str, Purpose, int, Headers, bytes], None]
"""Sends a request of the dialog: method, why, when, headers, body."""


class CallTransfers:
    """Of the call ``name``, which stands; ``ask`` sends its requests. Methods take ``now`` (ns)."""

    def __init__(self, agent: Agent, name: str, ask: Ask) -> None:
        self._agent, self._name, self._ask = agent, name, ask
        self._us = ""
        self._ours: int | None = None  # how long ours may take
        self._plain: tuple[str, Mapping[str, str]] | None = None  # it may be asked for once more, more simply
        self._theirs: int | None = None  # how long our owner may take to do something with theirs
        self._following = False  # the other end sent us elsewhere, and wants to know how that goes

    @property
    def deadline(self) -> int | None:
        """When :meth:`tick` is wanted."""
        return min((at for at in (self._ours, self._theirs) if at is not None), default=None)

    def tick(self, now: int) -> None:
        """What is due."""
        if self._ours is not None and now >= self._ours:  # nothing was heard of it for as long as a call may ring
            self._ours = None
            self._agent.tell(events.Transferred(self._name, 408, last=True))
        if self._theirs is not None and now >= self._theirs:  # our owner did nothing with it
            self.report(603, now)

    def end(self) -> None:
        """The call is over. What refers back to it is let go of: else it is gone only when the collector comes."""
        self._ours = self._theirs = None
        self._following = False
        del self._ask

    # Where we would have the other end go

    def begin(self, target: str, us: str, said: Mapping[str, str], now: int) -> None:
        """Ask it to call ``target`` (a blind transfer); ``Transferred`` tells of it. ``us`` is our address."""
        self._us, self._ours, self._plain = us, now + self._agent.ring_limit, (target, said)
        self._refer(target, said, now, plain=not said)

    def _refer(self, target: str, said: Mapping[str, str], now: int, *, plain: bool) -> None:
        if plain:
            self._plain = None
        headers = transfers.request_headers(target, self._us, said, plain=plain)
        self._ask("REFER", Purpose.TRANSFER, now, headers, b"")

    def notified(self, request: Request, key: Key, now: int) -> None:
        """How it goes (section 2.4.5)."""
        if (request.headers.get("Event") or "").partition(";")[0].strip().lower() != "refer":
            self._agent.answer(key, sip.respond(request, 489), now)
            return
        self._agent.answer(key, sip.respond(request, 200), now)
        said = transfers.progress(request)
        if said is not None:
            self.goes(*said, now)

    def goes(self, status: int, last: bool, now: int) -> None:
        """How it goes; one that they make nothing of is asked for once more."""
        if self._ours is None:  # its end was told
            return
        if last and self._plain is not None and status in transfers.MISREAD:
            self._refer(*self._plain, now, plain=True)
            return
        if last:
            self._ours = None
        self._agent.tell(events.Transferred(self._name, status, last))

    # Where it would have us go

    def referred(self, request: Request, key: Key, now: int, introduction: Headers) -> None:
        """A character is not sent away by its caller (section 2.4.2), unless its line says so."""
        if not self._agent.follows_transfers or self._following:
            self._agent.answer(key, sip.respond(request, 603), now)
            return
        try:
            wanted = transfers.referral(request)
        except InputError:
            self._agent.answer(key, sip.respond(request, 400), now)
            return
        self._agent.answer(key, sip.respond(request, 202, introduction), now)
        self._following, self._theirs = True, now + self._agent.timers.whole
        self.report(100, now)
        self._agent.tell(events.Referred(self._name, wanted.target, wanted.by, wanted.headers))

    def followed(self) -> None:
        """Our owner calls there: how that goes is told by it, for as long as it may ring."""
        self._theirs = None

    def report(self, status: int, now: int) -> None:
        """Tell the other end how it goes there (section 2.4.4); a final status is the last."""
        if not self._following:
            return
        if status >= 200:
            self.unwatched()
        self._ask("NOTIFY", Purpose.REPORT, now, transfers.subscription(status), transfers.fragment(status))

    def unwatched(self) -> None:
        """The other end is told no more (RFC 6665)."""
        self._following, self._theirs = False, None
