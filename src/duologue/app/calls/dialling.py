"""One call of ours, in a house with nothing but a phone line: ``duologue dial``."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from ipaddress import ip_address

from duologue.app.calls.line_models import CallView
from duologue.app.house.house import House
from duologue.app.models import CallEvent, CallTurnEvent, Event
from duologue.errors import PeerError
from duologue.phone.sip.header_fields import uri_of
from duologue.settings import Settings

READY_SECONDS = 120.0
"""For the engines and the line to come up."""
LOOK_SECONDS = 0.1


def listen_for(to: str) -> str:
    """Where a line listens that calls ``to``: where whoever is there can answer, and no farther."""
    host = uri_of(to).host if re.match(r"sips?:", to, re.I) else ""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return "127.0.0.1:0" if host == "localhost" else "0.0.0.0:0"
    here, everywhere = ("127.0.0.1", "0.0.0.0") if address.version == 4 else ("[::1]", "[::]")
    return f"{here if address.is_loopback else everywhere}:0"


async def dial(
    settings: Settings, to: str, account: str = "", told: Callable[[Event], None] = lambda event: None,
    *, make: Callable[[Settings], House] = House,
) -> CallView:  # fmt: skip
    """Call ``to`` (an address, or an extension of the PBX of ``account``) and converse until it is over; how it was.
    ``told`` gets what a page would be shown. Cancelled, it says goodbye first.

    Raises :class:`~duologue.errors.DuologueError` when the line does not come up or the call cannot be placed.
    """
    house = make(settings)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(house.run())
        try:
            return await _call(house, to, account, told, running)
        finally:
            running.cancel()


async def _call(
    house: House, to: str, account: str, told: Callable[[Event], None], running: asyncio.Task[None]
) -> CallView:
    line = house.line
    assert line is not None
    events = house.bus.subscribe(frozenset({line.topic}))
    try:
        async with asyncio.timeout(READY_SECONDS):
            while line.ready():
                if line.deaf or running.done():
                    raise PeerError("; ".join(line.ready()), where="line")
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        raise PeerError(
            f"the line did not come up within {READY_SECONDS:g} s: {'; '.join(line.ready())}", where="line"
        ) from None
    call = await line.dial(to, account)
    async for event in events:
        match event:
            case CallEvent(call=view) if view.id == call:
                told(event)
                if view.ended is not None:
                    return view
            case CallTurnEvent(turn=turn) if turn.call == call:
                told(event)
            case _:
                pass
    raise PeerError("the line closed before the call was over", where="line")
