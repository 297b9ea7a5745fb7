"""sipp as a telephone that does all that one does in a call, by UDP and TCP, several at once: it speaks, presses keys,
holds, resumes and hangs up; or gives up while it rings.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from duologue.audio import g711
from duologue.audio.pcm import RATE
from duologue.phone.leg import CallLeg, Digit, Held, LegEnded, Sound
from peers.line_main import answers, line, tone
from peers.scenarios import gives_up, plays, talks
from peers.sip_line import HOST, program

pytestmark = [pytest.mark.peer, pytest.mark.realtime]
KEY = Path("/usr/share/sip-tester/dtmf_2833_5.pcap")
CALLS = 5
WAYS = pytest.mark.parametrize(("transport", "how"), [("UDP", "u1"), ("TCP", "t1")])


@WAYS
async def test_sipp_talks_presses_keys_holds_and_resumes(transport: str, how: str, tmp_path: Path) -> None:
    program("sipp", "sip-tester")
    if os.geteuid() != 0:
        pytest.skip("sipp sends what was captured as root alone")
    spoken = tmp_path / "spoken.ulaw"
    spoken.write_bytes(g711.encode(tone(1000)[:: RATE // 8000], "mu"))
    async with line(answers, tcp=0, formats=("PCMU",)) as main:
        where = f"{HOST}:{main.client.ports[transport]}"
        await plays(tmp_path, talks(spoken, KEY), where, "-t", how, count=CALLS)
        await main.until(lambda: len(main.events(LegEnded)) == CALLS)
        assert set(main.events(LegEnded)) == {LegEnded("they hung up")}
        assert Counter(event.key for event in main.events(Digit)) == {"5": CALLS, "7": CALLS}
        assert Counter(main.events(Held)) == {Held(True): CALLS, Held(False): CALLS}
        loud = sum(int(np.count_nonzero(np.abs(event.samples) > 0.05)) for event in main.events(Sound))
        assert loud > CALLS * 12_000, "what each of them said"
        await main.rests()


@WAYS
async def test_sipp_gives_up_while_it_rings(transport: str, how: str, tmp_path: Path) -> None:
    async def rings(leg: CallLeg) -> None:
        await leg.ring()

    async with line(rings, tcp=0, formats=("PCMU",)) as main:
        where = f"{HOST}:{main.client.ports[transport]}"
        await plays(tmp_path, gives_up(), where, "-t", how, count=CALLS)
        await main.until(lambda: len(main.events(LegEnded)) == CALLS)
        assert {(event.status, event.ours, event.failed) for event in main.events(LegEnded)} == {(487, False, False)}
        await main.rests()
