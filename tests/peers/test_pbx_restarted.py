"""The PBX is started anew in mid-call, and knows nothing of it: kamailio, with the line process registered at it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest

from duologue.audio import g711
from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.clock import SYSTEM_CLOCK
from duologue.phone.leg import CallLeg, LegEnded, Sound
from duologue.phone.sip import call_events as events
from duologue.phone.sip.transactions import Flow
from line_caller import Caller, caller, loud
from peers.line_main import Main, line, tone
from peers.pbx import account, kamailio
from peers.sip_line import HOST, free_port

pytestmark = [pytest.mark.peer, pytest.mark.realtime]
VOICE = g711.encode(tone(20)[::6], "mu")


async def _answers(leg: CallLeg) -> None:
    await leg.answer()


def _registered(main: Main) -> bool:
    return any(state.registered for state in main.client.registrations.values())


async def _both_are_heard(main: Main, one: Caller, name: str) -> None:
    """From now on, whatever becomes of the PBX."""
    begun, before = SYSTEM_CLOCK.now(), len(main.events(Sound))
    await main.legs[0].write(FarEndMessage(1, MessageKind.PLAY, name, 0, tone(600)))
    await one.chatter(VOICE, 0.8)
    heard = np.concatenate([event.samples for event in main.events(Sound)[before:]])
    assert np.count_nonzero(np.abs(heard) > 0.05) > 4_000
    assert loud(one, begun) >= 25


async def _hangs_up(who: str, main: Main, one: Caller) -> None:
    if who == "the caller":
        one.hang_up()
        await main.until(lambda: main.events(LegEnded))
        assert main.events(LegEnded) == [LegEnded("they hung up")]
    else:
        await main.legs[0].hang_up("all is said")
        await one.until(lambda: one.heard(events.Ended))
        assert [each.status for each in one.heard(events.Ended)] == [200]
    await main.rests()
    assert not one.agent.calls


async def _calls_again(main: Main, one: Caller, port: int) -> None:
    """The PBX that was started anew finds the line."""
    main.forget(_answers)
    one.agreed = None
    one.call(port, "Llama1", account="16")
    await one.until(lambda: one.agreed)
    one.hang_up()
    await main.until(lambda: main.events(LegEnded))
    await main.rests()


@pytest.mark.parametrize("leaves", ["the caller", "the line"])
@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_a_call_goes_on_while_its_pbx_is_started_anew_and_either_end_hangs_up(
    transport: str, leaves: str, tmp_path: Path
) -> None:
    port = free_port(2)
    line_at = account("Llama1", Flow(transport, HOST, port))
    async with AsyncExitStack() as before:
        await before.enter_async_context(kamailio(tmp_path / "pbx", port))
        async with line(_answers, formats=("PCMU",), tcp=0, accounts=(line_at,)) as main, caller() as one:
            await main.until(lambda: _registered(main))
            one.transport.perform(one.agent.register(account("16", Flow("UDP", HOST, port)), SYSTEM_CLOCK.now()))
            await one.until(lambda: one.heard(events.Registered))
            one.call(port, "Llama1", account="16")
            await one.until(lambda: one.agreed)
            await _both_are_heard(main, one, "before")
            await before.aclose()
            await _both_are_heard(main, one, "meanwhile")
            if transport == "TCP":  # its connection broke
                await main.until(lambda: not _registered(main))
            async with kamailio(tmp_path / "again", port):
                await main.until(lambda: _registered(main), 60)
                await _both_are_heard(main, one, "afterwards")
                await _hangs_up(leaves, main, one)
                if transport == "TCP":
                    await _calls_again(main, one, port)
