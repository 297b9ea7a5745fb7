"""What of ours is repeated until the other end says that it came: a provisional response that is to be reliable
(RFC 3262, section 3), and our 2xx to an INVITE (RFC 3261, section 13.3.1.4). Pure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from sipmessage import Request, Response

from duologue.phone.sip import message as sip
from duologue.phone.sip.agent import Agent
from duologue.phone.sip.transactions import Key

MOST_WAITING = 4
"""Provisional answers that wait for the acknowledgement of one before."""


class _Repeated:
    """A response that goes out again and again, ever more slowly, for as long as a transaction may take. Methods take
    ``now`` (ns).
    """

    def __init__(self, agent: Agent) -> None:
        self.response: Response | None = None
        """That waits to be acknowledged."""
        self._agent = agent
        self._pause = self._again = self._until = 0

    @property
    def deadline(self) -> int | None:
        """When :meth:`tick` is wanted."""
        return min(self._again, self._until) if self.response is not None else None

    def begin(self, response: Response, now: int) -> None:
        """It was sent."""
        self.response, self._pause = response, self._agent.timers.t1
        self._again, self._until = now + self._pause, now + self._agent.timers.whole

    def end(self) -> None:
        """Nothing waits any more."""
        self.response = None

    def tick(self, key: Key | None, now: int) -> bool:
        """Send it again, as the answer to the request of ``key``; False: nobody has acknowledged it in all that time,
        and it is over.
        """
        if self.response is None:
            return True
        if now >= self._again:
            if key is not None:
                self._agent.answer(key, self.response, now)
            self._pause = self._slower(self._pause)
            self._again = now + self._pause
        if now < self._until:
            return True
        self.end()
        return False

    def _slower(self, pause: int) -> int:
        return 2 * pause


class ReliableRinging(_Repeated):
    """One provisional response after another, each when the one before is acknowledged (PRACK)."""

    def __init__(self, agent: Agent) -> None:
        super().__init__(agent)
        self._number = 0
        self._newest: Response | None = None
        self._waiting: deque[Callable[[int], None]] = deque(maxlen=MOST_WAITING)

    def begin(self, response: Response, now: int) -> None:
        """It is to be sent, with the next number."""
        self._number = self._number + 1 if self._number else self._agent.random.randrange(1, 1 << 30)
        response.headers.add("Require", "100rel")
        response.headers.add("RSeq", str(self._number))
        self._newest = response
        super().begin(response, now)

    def then(self, action: Callable[[int], None]) -> None:
        """Do that when what waits now is acknowledged."""
        self._waiting.append(action)

    def acknowledged(self, prack: Request) -> bool:
        """Whether a PRACK is of the newest that nobody had acknowledged: also when that is not repeated any more,
        because the final response has followed it (RFC 3262, section 3).
        """
        meant = (prack.headers.get("RAck") or "").split()
        newest = self._newest
        if newest is None or meant != [newest.headers["RSeq"], *newest.headers["CSeq"].split()]:
            return False
        self._newest = None
        return True

    def go_on(self, now: int) -> None:
        """It is acknowledged: what was to follow does."""
        self.end()
        if self._waiting:
            self._waiting.popleft()(now)

    def forget(self) -> None:
        """The call is over."""
        self.end()
        self._waiting.clear()


class Acceptance(_Repeated):
    """Our 2xx. ``offered``: it has our offer, and the ACK is to have the answer."""

    def __init__(self, agent: Agent) -> None:
        super().__init__(agent)
        self.offered = False

    def acknowledged(self, ack: Request) -> bool:
        """Whether an ACK is of it."""
        return self.response is not None and ack.cseq.sequence == self.response.cseq.sequence

    def _slower(self, pause: int) -> int:
        return min(2 * pause, self._agent.timers.t2)


def is_required(invite: Request) -> bool:
    """Whether who calls wants to ring reliably or not at all."""
    return sip.has_tag(invite, "Require", "100rel")
