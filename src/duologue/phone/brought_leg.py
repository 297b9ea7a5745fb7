"""What calls have in common that somebody else has answered and brings: a vendor's media stream, a PBX's socket."""

from __future__ import annotations

from collections.abc import AsyncIterator

from duologue.audio.far_playout import Manners
from duologue.clock import Clock
from duologue.phone.leg import CallInfo, LegAnswered, LegEvent, UnsupportedError
from duologue.phone.leg_limits import LegEvents


class BroughtLeg:
    """The part of a :class:`~duologue.phone.leg.CallLeg` that is the same whoever brings it; ``told`` is what it
    tells.
    """

    def __init__(self, info: CallInfo, manners: Manners, clock: Clock) -> None:
        self.info = info
        self.manners = manners
        self.told = LegEvents()
        self._clock = clock

    async def ring(self) -> None:
        """See the protocol; it was answered, or not, before it came here."""

    async def answer(self) -> None:
        """See the protocol."""
        self.told.put(LegAnswered(self.info.codec))

    def events(self) -> AsyncIterator[LegEvent]:
        """See the protocol."""
        return self.told.read()

    async def digits(self, keys: str) -> None:
        """See the protocol."""
        remedy = "Where menus are to be steered, take the call by SIP."
        what = f"a call that comes by {self.info.carrier} presses no keys"
        raise UnsupportedError(what, where=self.info.id, remedy=remedy)
