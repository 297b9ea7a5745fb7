"""rtpengine between a caller and us, as at a carrier: all sound comes and goes by its ports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from duologue.audio import g711
from duologue.audio.far_playout import FarEndMessage, MessageKind
from duologue.clock import SYSTEM_CLOCK
from duologue.phone.leg import CallLeg, Digit, LegEnded, Sound
from duologue.phone.sip import call_events as events
from duologue.phone.sip.transactions import Flow
from line_caller import HOST, caller
from peers.line_main import line, tone
from peers.pbx import account, kamailio, rtpengine
from peers.sip_line import free_port

pytestmark = [pytest.mark.peer, pytest.mark.realtime]
VOICE = g711.encode(tone(20)[::6], "mu")


async def _greets(leg: CallLeg) -> None:
    await leg.answer()
    await leg.write(FarEndMessage(1, MessageKind.PLAY, "greeting", 0, tone(1000)))


@pytest.mark.parametrize("secure", [False, True], ids=["in the clear", "encrypted on our side"])
async def test_a_call_through_a_media_proxy_is_heard_both_ways(secure: bool, tmp_path: Path) -> None:
    port = free_port(2)
    pbx = Flow("UDP", HOST, port)
    async with (
        rtpengine(tmp_path / "media") as media,
        kamailio(tmp_path / "pbx", port, media=media, secure=secure),
        line(_greets, formats=("PCMU",), secure=secure, accounts=(account("Llama1", pbx),)) as llama,
        caller() as one,
    ):
        await llama.until(lambda: any(state.registered for state in llama.client.registrations.values()))
        one.transport.perform(one.agent.register(account("16", pbx), SYSTEM_CLOCK.now()))
        await one.until(lambda: one.heard(events.Registered))
        one.call(port, "Llama1", account="16")
        await one.until(lambda: one.agreed)
        assert one.agreed is not None and media.carries(one.agreed.port)
        await one.chatter(VOICE, 1.0)
        await one.press("7")
        await llama.until(lambda: llama.events(Digit))
        await one.until(lambda: len([packet for _, packet in one.packets if _loud(packet.payload)]) >= 45)
        heard = np.concatenate([event.samples for event in llama.events(Sound)])
        assert np.count_nonzero(np.abs(heard) > 0.05) > 8_000, "most of a second"
        assert [event.key for event in llama.events(Digit)] == ["7"]
        one.hang_up()
        await llama.until(lambda: llama.events(LegEnded))
        (ended,) = llama.events(LegEnded)
        assert not ended.failed and llama.legs[0].info.codec == "PCMU/8000"
        await llama.rests()
        assert not llama.client.counts["strange"]


def _loud(payload: bytes) -> bool:
    return bool(np.max(np.abs(g711.decode(payload, "mu"))) > 0.05)
