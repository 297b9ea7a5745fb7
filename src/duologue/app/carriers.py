"""The carriers of calls that are no line process: Twilio's streams, which come in through the web server, and an
Asterisk's AudioSocket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from duologue.app.calls import Calls
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.phone.audiosocket_leg import AudioSocketListener, AudioSocketPlan
from duologue.phone.twilio_api import TwilioApi
from duologue.phone.twilio_calls import TwilioCalls
from duologue.phone.twilio_voice import TwilioDoor
from duologue.settings_phone import PhoneSettings


class Carriers:
    """Those that are set. ``calls`` gets each call; ``unready`` says why none would be taken."""

    def __init__(
        self, phone: PhoneSettings, calls: Calls, unready: Callable[[], Sequence[str]], clock: Clock = SYSTEM_CLOCK
    ) -> None:
        def full() -> bool:
            return calls.closing or calls.count >= phone.places or bool(unready())

        twilio, audiosocket = phone.twilio, phone.audiosocket
        self._api = TwilioApi(twilio.account_sid, twilio.token, twilio.api_url, clock) if twilio.account_sid else None
        self.twilio: TwilioCalls | None = None
        """What the web server brings Twilio's requests to."""
        if twilio.token:
            door = TwilioDoor(twilio.token, twilio.public_url, twilio.account_sid)
            self.twilio = TwilioCalls(door, calls.take, self._api, full, calls.drain, clock)
        self.audiosocket: AudioSocketListener | None = None
        if audiosocket.listen:
            plan = AudioSocketPlan(
                host=audiosocket.host, port=audiosocket.port, allow=audiosocket.allow,
                most_calls=2 * phone.places,  # beyond the places each is told so, and beyond that not even that
                called=audiosocket.called,
            )  # fmt: skip
            self.audiosocket = AudioSocketListener(plan, calls.take, clock)

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
