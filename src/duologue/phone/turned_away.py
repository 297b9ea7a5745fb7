"""Why calls are sent away, whoever carries them, and the count of those that nobody heard of, each once. Pure.

Whoever gets no answer repeats its INVITE, who is asked for a password calls once more with it, and who came too fast
may be let in the next time. So what is counted is calls, by their Call-ID, and one that is taken after all is none.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping
from enum import StrEnum

from duologue.clock import SECOND

SETTLED = 2 * SECOND
"""For so long it may still be taken: the second try of who proves a password, or came too fast."""
MOST_REMEMBERED = 1024
"""Calls whose repetitions are recognised."""


class AwayReason(StrEnum):
    """Why a call was sent away."""

    SOURCE = "source"
    """From an address that may not call; where the line only calls, from any."""
    SCANNER = "scanner"
    RATE = "rate"
    """Too many at once from one address, which was told nothing."""
    PEER_RATE = "peer_rate"
    """Too many at once from one that is known, which was told when to try again."""
    PASSWORD = "password"
    """None, or a wrong one; where requests are signed, no signature or a wrong one."""
    EXTENSION = "extension"
    """There is nobody of that name."""
    MEDIA = "media"
    """No sound that both can."""
    REQUEST = "request"
    """It wants what is not spoken here, or makes no sense."""
    PLACES = "places"
    """All are taken."""
    BUSY = "busy"
    """The engines carry no more."""
    OVERLOAD = "overload"
    """The machine is short of CPU for the calls that go on."""
    CLOSING = "closing"
    UNREADY = "unready"
    FAULT = "fault"
    """One of ours."""


_BY_STATUS = {
    401: AwayReason.PASSWORD, 404: AwayReason.EXTENSION, 480: AwayReason.UNREADY, 486: AwayReason.BUSY,
    488: AwayReason.MEDIA, 500: AwayReason.FAULT, 503: AwayReason.PLACES,
}  # fmt: skip


def reason_of(status: int, *, closing: bool = False) -> AwayReason:
    """What a call was refused for, by what it was told (SIP)."""
    if status == 503 and closing:
        return AwayReason.CLOSING
    return _BY_STATUS.get(status, AwayReason.REQUEST)


class TurnedAway:
    """See the module. ``call`` is whatever names a call to those who make it, times are ns."""

    def __init__(self) -> None:
        self._calls: OrderedDict[int, tuple[AwayReason, int]] = OrderedDict()
        self._forgotten: Counter[AwayReason] = Counter()

    def note(self, why: AwayReason, call: str, now: int) -> None:
        """It was sent away, perhaps not for the first time; the newest reason counts."""
        key = hash(call)  # a name may be long
        _, since = self._calls.get(key, (why, now))
        self._calls[key] = why, since
        if len(self._calls) > MOST_REMEMBERED:
            self._forgotten[self._calls.popitem(last=False)[1][0]] += 1

    def taken(self, call: str, now: int) -> None:
        """It was let in after all."""
        _, since = self._calls.get(hash(call), (None, now - SETTLED))
        if now - since < SETTLED:  # else it was counted: a count does not fall
            del self._calls[hash(call)]

    def counts(self, now: int) -> Mapping[str, int]:
        """How many for which reason, since the beginning; those of the last moments are not settled yet."""
        settled = Counter(why for why, since in self._calls.values() if now - since >= SETTLED)
        return {why.value: count for why, count in (self._forgotten + settled).items()}
