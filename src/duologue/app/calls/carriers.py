"""The carriers of calls that are no line process: Twilio's streams, which come in through the web server, and an
Asterisk's AudioSocket.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from duologue.app.calls.calls import Calls
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.phone.audiosocket.leg import AudioSocketListener, AudioSocketPlan
from duologue.phone.turned_away import AwayReason
from duologue.phone.twilio.api import TwilioApi
from duologue.phone.twilio.calls import TwilioCalls
from duologue.phone.twilio.voice import TwilioDoor
from duologue.settings_phone import PhoneSettings


class Carriers:
    """Those that are set. ``calls`` gets each call."""

    def __init__(self, phone: PhoneSettings, calls: Calls, clock: Clock = SYSTEM_CLOCK) -> None:
        def against() -> AwayReason | None:
            found = calls.against()
            return found[0] if found is not None else None

        twilio, audiosocket = phone.twilio, phone.audiosocket
        self._api = TwilioApi(twilio.account_sid, twilio.token, twilio.api_url, clock) if twilio.account_sid else None
        self.twilio: TwilioCalls | None = None
        """What the web server brings Twilio's requests to."""
        if twilio.token:
            door = TwilioDoor(twilio.token, twilio.public_url, twilio.account_sid)
            self.twilio = TwilioCalls(door, calls.take, self._api, against, calls.drain, clock)
        self.audiosocket: AudioSocketListener | None = None
        if audiosocket.listen:
            plan = AudioSocketPlan(
                host=audiosocket.host, port=audiosocket.port, allow=audiosocket.allow,
                most_calls=2 * phone.places,  # beyond the places each is told so, and beyond that not even that
                called=audiosocket.called,
            )  # fmt: skip
            self.audiosocket = AudioSocketListener(plan, calls.take, clock)

    @property
    def refused(self) -> Counter[AwayReason]:
        """What came and became no call; calls that were refused as such are those of :class:`Calls`."""
        return sum(
            (each.refused for each in (self.twilio, self.audiosocket) if each is not None), Counter[AwayReason]()
        )

    async def run(self) -> None:
        """Take calls until cancelled. Raises :class:`~duologue.errors.InputError` for an address that cannot be had."""
        try:
            if self.audiosocket is not None:
                await self.audiosocket.run()
            else:
                await asyncio.Event().wait()
        finally:
            if self._api is not None:
                await self._api.close()
