"""What the model that thinks does to a call, seen by the telephone at the other end: keys, a transfer, a goodbye."""

from __future__ import annotations

from pathlib import Path

import pytest

from duologue.phone.sip import call_events as events
from duologue.telemetry.ledger import TurnRecord
from peers.house_line import LineHouse, line_house
from peers.sip_line import HOST, listening
from peers.telephone import Telephone, telephone, voiced
from peers.thinker import Thinker
from scripted_server import serving

pytestmark = [pytest.mark.peer, pytest.mark.realtime]
ANSWERS = ("I have pressed it for you.", "I connect you with Bob now.")
GOODBYE = "Goodbye then, and thank you."
PCMU = 'codecs = ["pcmu"]'
TRANSFER = '[phone.transfers.bob]\nto = "{bob}"\nabout = "when the caller asks for Bob"\n'


async def _greeted(phone: Telephone, house: LineHouse) -> None:
    """It calls, and has heard the greeting."""
    phone.order("dial", f"sip:1000@{HOST}:{house.port}")
    await phone.until("CALL_ESTABLISHED")
    await house.until(lambda: house.of(TurnRecord))


async def test_the_model_presses_keys_and_hands_the_call_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spoken = await voiced("Hello, can you hear me?", tmp_path / "question.wav")
    wanted = [("press_digits", '{"keys": "42#"}'), ("transfer", '{"to": "bob"}')]
    async with serving(Thinker(ANSWERS, wanted)) as thinker, listening() as bob:
        target = f"sip:bob@{HOST}:{bob.transport.ports['UDP']}"
        tables = TRANSFER.format(bob=target) + thinker.settings
        async with (
            line_house(monkeypatch, tmp_path, PCMU, tables=tables, llm="openai") as house,
            telephone(tmp_path / "telephone") as phone,
        ):
            await _greeted(phone, house)
            phone.speak(spoken)
            await phone.until("CALL_DTMF_END", 3)
            assert [one["param"] for one in phone.of("CALL_DTMF_START")] == list("42#")
            await house.until(lambda: len(house.answers()) == 1)
            phone.speak(spoken)
            await bob.until(events.Acknowledged)
            call = await house.call()
            assert call.transferred == target and not call.failed, call
            assert [turn.heard for turn in house.answers()] == list(ANSWERS), "said before the REFER"
            (incoming,) = bob.of(events.Incoming)
            assert isinstance(incoming, events.Incoming)
            bob.hang_up(incoming.call)
            await bob.until(events.Ended)


async def test_the_model_hangs_up_when_it_has_said_goodbye(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spoken = await voiced("Hello, can you hear me?", tmp_path / "question.wav")
    async with (
        serving(Thinker([GOODBYE], [("hang_up", "{}")])) as thinker,
        line_house(monkeypatch, tmp_path, PCMU, tables=thinker.settings, llm="openai") as house,
        telephone(tmp_path / "telephone") as phone,
    ):
        await _greeted(phone, house)
        phone.speak(spoken)
        await phone.until("CALL_CLOSED")
        call = await house.call()
        assert call.reason == "the character hung up" and not call.failed
        (answer,) = house.answers()
        assert answer.heard == GOODBYE, "to its end, before the BYE"
