"""Keys of a telephone whose digits count by another clock than its sound: baresip offers 8000 Hz beside Opus."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from duologue.phone.leg import Digit, LegAnswered, LegEnded
from peers.line_main import answers, line
from peers.sip_line import HOST
from peers.telephone import OPUS, telephone

pytestmark = [pytest.mark.peer, pytest.mark.realtime]


@pytest.mark.parametrize("calls", [True, False], ids=["it calls", "it is called"])
async def test_keys_go_both_ways_beside_opus(calls: bool, tmp_path: Path) -> None:
    account = f"<sip:17@{HOST}>;regint=0;answermode=auto"
    async with (
        line(answers, formats=("opus", "PCMU")) as main, telephone(tmp_path / "it", account, OPUS) as phone,
        asyncio.TaskGroup() as tasks,
    ):  # fmt: skip
        if calls:
            phone.order("dial", f"sip:16@{HOST}:{main.port}")
            await main.until(lambda: main.legs)
            leg = main.legs[0]
        else:
            leg = await main.client.dial(f"sip:17@{HOST}:{phone.port}")
            tasks.create_task(main.take(leg))
        await main.until(lambda: main.events(LegAnswered))
        await phone.until("CALL_ESTABLISHED")
        assert leg.info.codec == "opus/48000"
        phone.order("sndcode", "0")
        await main.until(lambda: main.events(Digit))
        assert [each.key for each in main.events(Digit)] == ["0"]
        await leg.digits("7#")
        await phone.until("CALL_DTMF_END", 2)
        assert [one["param"] for one in phone.of("CALL_DTMF_START")] == ["7", "#"]
        await leg.hang_up("done")
        await main.until(lambda: main.events(LegEnded))
