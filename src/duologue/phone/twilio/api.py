"""The one thing that is asked of Twilio's REST API: other instructions for a call, which is how it is transferred."""

from __future__ import annotations

import base64
from urllib.parse import quote

from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import DuologueError, PeerError
from duologue.hosted import HostedClient, HostedLimits, HostedWords, RefusedError

LIMITS = HostedLimits(connect=5.0, first=10.0, stall=5.0, retry_after=2.0)
_WORDS = HostedWords("twilio", "Twilio's API", "the answer", "no answer", "api_url")
_REMEDY = "Check account_sid, auth_token and api_url under phone.twilio."


class TwilioApi:
    """Of one account."""

    def __init__(self, account: str, token: str, url: str, clock: Clock = SYSTEM_CLOCK) -> None:
        self._account = account
        known = base64.b64encode(f"{account}:{token}".encode()).decode("ascii")
        self._client = HostedClient(
            _WORDS, url, "phone.twilio.auth_token", LIMITS, lambda _: {"authorization": f"Basic {known}"}, clock, token
        )  # fmt: skip

    async def redirect(self, call: str, instructions: str) -> None:
        """What a call does goes no further; it does these (TwiML) instead. Raises :class:`PeerError`."""
        path = f"/2010-04-01/Accounts/{self._account}/Calls/{quote(call, safe='')}.json"
        try:
            await self._client.post(path, {"Twiml": instructions}, {})
        except RefusedError as error:
            if error.status_code == 404:
                raise PeerError("Twilio knows no such call (any more)", where=self._client.where) from error
            raise PeerError(
                f"Twilio refused the order (status {error.status_code}): {self._client.clean(error.words)}",
                where=self._client.where, remedy=_REMEDY,
            ) from error  # fmt: skip
        except DuologueError as error:
            raise PeerError(error.what, where=error.where, remedy=_REMEDY) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
