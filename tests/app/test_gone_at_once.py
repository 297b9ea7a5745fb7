"""Conversations that are over are gone, whole and at once: what is left to the collector lies there for up to a minute,
and the next conversations are laid around it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from call_doubles import Exchange, Says, ScriptedLeg
from pydantic import BaseModel
from realtime_doubles import RealtimeDoor
from talk_doubles import HELLO, Door, Wire

from duologue.app.calls.attendance import Attendance
from duologue.app.calls.call import CallTalk
from duologue.app.calls.operator_voice import OperatorVoice
from duologue.app.calls.sound import HeardSound
from duologue.app.calls.takeover import Takeover
from duologue.app.calls.tools import CallTools
from duologue.app.realtime.session import RealtimeSession
from duologue.app.talk.connection import TalkConnection
from duologue.app.talk.session import TalkSession
from duologue.client import TalkClient, TalkWish
from duologue.dialogue.far_end.remote_sink import RemoteSink
from duologue.dialogue.session.control import SessionControl
from duologue.dialogue.session.ears import SessionEars
from duologue.dialogue.session.ledger import SessionLedger
from duologue.dialogue.session.mouth import SessionMouth
from duologue.dialogue.session.orders import SinkOrders
from duologue.dialogue.session.record import SessionRecorder
from duologue.dialogue.session.session import Session
from duologue.errors import PeerError
from duologue.language.fake import ScriptedReply
from duologue.language.tools import Tool
from duologue.simulation.virtual_time import simulate
from heap import left_to_the_collector

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

CONVERSATION = (
    Session, SessionControl, SessionEars, SessionLedger, SessionMouth, SessionRecorder, SinkOrders, RemoteSink,
    HeardSound,
)  # fmt: skip
CALL = (CallTalk, Attendance, Takeover, *CONVERSATION)
TALK = (TalkSession, TalkConnection, TalkClient, *CONVERSATION)
REALTIME = (RealtimeSession, *CONVERSATION)


def broken(*given: object) -> None:
    raise PeerError("the table is gone")


def held(exchange: Exchange, leg: ScriptedLeg) -> None:
    simulate(exchange.hold(leg))
    exchange.model.prompts.clear()  # with its tools a prompt holds a call


def test_a_call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    says = Says(2.0, "what is new")
    exchange = Exchange(
        monkeypatch,
        '[phone]\ngreeting = "Hello."\n',
        says=[says],
        replies=[ScriptedReply("Not much.")],
        folder=tmp_path,
    )
    leg = ScriptedLeg(exchange.clock, script=[says], seconds=8.0)
    assert not left_to_the_collector(lambda: held(exchange, leg), *CALL)
    assert "Not much." in exchange.said()


def test_a_call_whose_engine_broke(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exchange = Exchange(monkeypatch, folder=tmp_path)
    monkeypatch.setattr(Session, "_read_ahead", broken)
    leg = ScriptedLeg(exchange.clock, seconds=4.0)
    assert not left_to_the_collector(lambda: held(exchange, leg), *CALL)
    (ended,) = exchange.records()
    assert ended.failed and ended.reason.startswith("the table is gone")


def test_a_call_that_was_taken_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exchange = Exchange(monkeypatch, '[phone]\ngreeting = "Hello."\n', folder=tmp_path)
    leg, wire = ScriptedLeg(exchange.clock, seconds=6.0), Wire()

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(exchange.hold(leg))
            await asyncio.sleep(2)
            group.create_task(exchange.calls.call(leg.info.id).attend(wire, "Anna"))
            wire.put({**HELLO, "microphone": True})
            wire.put({"type": "take", "taken": True})
            assert (await wire.take_until("attended"))["yours"] is False
            while not (await wire.take_until("attended"))["speaks"]:
                pass

    assert not left_to_the_collector(lambda: simulate(main()), *CALL, Attendance, OperatorVoice, TalkConnection)


def test_a_talk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    door = Door(monkeypatch, tmp_path, ["Not very much. And you?"])

    async def main() -> None:
        async with door:
            client, _ = door.client(TalkWish(microphone=False))
            async with asyncio.TaskGroup() as group:
                running = group.create_task(client.run())
                await client.until(lambda: client.welcome is not None)
                assert await client.ask("What is new?") == "Not very much. And you?"
                client.leave()
                assert (await running).code == "ended"

    assert not left_to_the_collector(lambda: simulate(main()), *TALK)


def test_a_talk_that_broke(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    door = Door(monkeypatch, tmp_path)

    async def main() -> None:
        async with door:
            client, _ = door.client(TalkWish(microphone=False))
            async with asyncio.TaskGroup() as group:
                running = group.create_task(client.run())
                assert (await running).code == "failed"

    monkeypatch.setattr(Session, "_read_ahead", broken)
    assert not left_to_the_collector(lambda: simulate(main()), *TALK)
    assert "cause='the table is gone.'" in capsys.readouterr().out


def test_a_session_of_the_realtime_api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    door = RealtimeDoor(monkeypatch, tmp_path, ["Not very much. And you?"])

    async def main() -> None:
        async with door:
            client = door.open()
            client.write("What is new?")
            await client.until("response.done")
            client.wire.break_off()
            await asyncio.sleep(1)
            door.model.prompts.clear()

    assert not left_to_the_collector(lambda: simulate(main()), *REALTIME)


async def test_the_tools_of_a_call_are_described_once_for_all() -> None:
    """A description is a class, and a class is always a circle."""

    class Line:
        def __init__(self) -> None:
            self.keys = ""

        def leave(self, transfer: str) -> None:
            raise AssertionError

        async def press(self, keys: str) -> None:
            self.keys += keys

    tools = CallTools({})
    described, lines = len(BaseModel.__subclasses__()), (Line(), Line())
    for line, keys in zip(lines, ("1", "22"), strict=True):
        tool = tools.of(line).tools["press_digits"]
        assert isinstance(tool, Tool)
        await tool.call(f'{{"keys": "{keys}"}}')
    assert len(BaseModel.__subclasses__()) == described
    assert [line.keys for line in lines] == ["1", "22"]
