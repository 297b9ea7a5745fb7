"""What a page is told of a full line is one message of a known size."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from call_doubles import Exchange, ScriptedLeg

from duologue.app.calls.line_models import LineView
from duologue.app.calls.views import MOST_TURNS
from duologue.clock import MILLISECOND, SECOND
from duologue.phone.leg import CallInfo
from duologue.simulation.virtual_time import simulate
from duologue.telemetry.ledger import TurnRecord

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

PLACES = 100
OVER = 25
"""Calls before those: more than are remembered."""
KILOBYTE = 1024


def _answer(number: int, text: str, now: int) -> TurnRecord:
    """With every stage that an answer can have."""
    steps = ("spoken_to", "decided", "understood", "first_token", "first_sentence", "first_audio", "sent", "on_air")
    times: dict[str, Any] = {name: now + place * 100 * MILLISECOND for place, name in enumerate(steps)}
    return TurnRecord(f"turn-{number}", "call", number, "robin", "answer", text, state="ended", **times)


@pytest.mark.parametrize(
    ("letter", "most"), [("a", 200), ("\N{TELEPHONE RECEIVER}", 400)], ids=["plain", "far from it"]
)
def test_a_hundred_calls_with_a_hundred_turns_each_are_one_small_message(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, letter: str, most: int
) -> None:
    exchange = Exchange(monkeypatch, f'[phone]\nplaces = {PLACES}\ngreeting = "Hello."\n', folder=tmp_path)
    flood = 1000 * letter

    def leg(name: str, seconds: float) -> ScriptedLeg:
        info = CallInfo(id=name, caller=flood, called=flood, display=flood)
        return ScriptedLeg(exchange.clock, info=info, seconds=seconds)

    async def talk() -> LineView:
        """While all of them go on."""
        await exchange.clock.wait_until(exchange.clock.now() + 8 * SECOND)
        calls = exchange.calls
        for call in calls.live:
            for number in range(2 * MOST_TURNS):
                calls.call(call).standing.say(_answer(number, flood, exchange.clock.now()), exchange.clock)
        assert len(calls.live) == PLACES
        one = calls.view("call-7")
        assert one is not None
        assert (len(one.turns), one.answers) == (MOST_TURNS, MOST_TURNS)
        assert one.turns[-1].text == flood
        return LineView(places=PLACES, calls=calls.views())

    async def story() -> LineView:
        await exchange.hold(*(leg(f"before-{number}", 1.0) for number in range(OVER)))
        async with asyncio.TaskGroup() as group:
            seen = group.create_task(talk())
            await exchange.hold(*(leg(f"call-{number}", 10.0) for number in range(PLACES)))
        return seen.result()

    view = simulate(story())
    assert len(view.calls) == PLACES + 20
    assert all(not call.turns and (call.said or call.ended) for call in view.calls)
    size = len(view.model_dump_json().encode())
    assert size < most * KILOBYTE, f"{size / KILOBYTE:.0f} kB"
