"""The menu of a line whose ears take no dictation: what it says, what it understands, and where calls go."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from call_doubles import Does, Exchange, Says, ScriptedLeg

from duologue.app.calls.menu import Menu
from duologue.clock import SECOND
from duologue.language.languages import Telephone
from duologue.phone import leg as far
from duologue.settings_phone import TransferSettings
from duologue.simulation.virtual_time import simulate
from duologue.speech.hearing import Expected
from duologue.speech.hearing_fake import FakeHearing

TRANSFERS = {
    "human": TransferSettings(to="200", digit="0", words=("a human", "somebody")),
    "front-desk": TransferSettings(to="201", digit="1", say="I will ring the front desk."),
    "office": TransferSettings(to="202"),
}
MENU = Menu(TRANSFERS, Telephone())
SETTINGS = """
[phone]
greeting = "Hello there."
[phone.transfers.human]
to = "200"
digit = "0"
"""


class NarrowEars(FakeHearing):
    """As PocketSphinx: no dictation over a telephone."""

    def hears(self, expected: Expected) -> bool:
        return not expected.telephone or bool(expected.phrases or expected.grammar)


def test_the_menu_says_what_there_is_to_choose() -> None:
    assert MENU.invitation == (
        "For a human, say a human or press 0. For front desk, say front desk or press 1. For office, say office."
    )
    assert MENU.reply("what is the weather").startswith("I am sorry, I did not understand that. For a human")
    assert MENU.reply("") == MENU.invitation


@pytest.mark.parametrize(
    ("said", "to"),
    [("a human", "200"), ("Somebody, please.", "200"), ("zero", "200"), ("front desk", "201"), ("one", "201"),
     ("Office", "202"), ("two", None), ("yes", None), ("", None), ("human being", None)],
)  # fmt: skip
def test_what_is_said_is_one_of_its_choices_or_none(said: str, to: str | None) -> None:
    chosen = MENU.chosen(said)
    assert (chosen.to if chosen else None) == to


def calls(monkeypatch: pytest.MonkeyPatch, folder: Path, *says: Says) -> Exchange:
    return Exchange(monkeypatch, SETTINGS, says=(Says(0, "rehearsal"), *says), ears=NarrowEars, folder=folder)


def held(exchange: Exchange, leg: ScriptedLeg, seconds: float) -> list[str]:
    """The line on these ears, with a call; its notices."""
    line, carriers = exchange.line(leg)
    notices: list[str] = []

    async def story() -> None:
        async with exchange.pool.open(), asyncio.TaskGroup() as group:
            running = group.create_task(line.run())
            await exchange.clock.wait_until(exchange.clock.now() + round(seconds * SECOND))
            notices.append(line.menu_only)
            assert line.view().takes_calls, line.ready()
            running.cancel()

    simulate(story())
    assert carriers[0].plan.accounts == ()
    return notices


def test_a_caller_says_where_to_and_is_put_through(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exchange = calls(monkeypatch, tmp_path, Says(7.0, "human"))
    leg = ScriptedLeg(exchange.clock, (Says(7.0, "human"),), seconds=40.0)
    (why,) = held(exchange, leg, 35.0)
    assert "understood" in why and "human" in why
    assert leg.referred is not None and leg.referred[0] == "200"
    assert exchange.said()[0] == "Hello there. For human, say human or press 0."
    assert "One moment, please, I will put you through." in exchange.said()
    assert not exchange.model.prompts, "nobody else thinks"
    assert all(each.grammar for each in exchange.ears.calls), "and nothing else is listened for"


def test_who_says_something_else_is_asked_again_and_may_press(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exchange = calls(monkeypatch, tmp_path, Says(7.0, "hello"))
    leg = ScriptedLeg(exchange.clock, (Says(7.0, "hello"), Does(16.0, far.Digit("0", 90))), seconds=60.0)
    held(exchange, leg, 40.0)
    assert any(words.startswith("I am sorry, I did not understand that.") for words in exchange.said())
    assert leg.referred is not None and leg.referred[0] == "200"


def test_what_it_says_is_voiced_beforehand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exchange = calls(monkeypatch, tmp_path)
    leg = ScriptedLeg(exchange.clock, (), seconds=20.0)
    held(exchange, leg, 15.0)
    voiced = [text for text, _ in exchange.voice.calls]
    assert voiced.count("For human, say human or press 0.") == 1
    assert "One moment, please, I will put you through." in voiced
