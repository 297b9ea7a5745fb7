"""Calls from Twilio and from an Asterisk become conversations, in virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from call_doubles import Exchange, Says
from twilio.request_validator import RequestValidator  # pyright: ignore[reportMissingTypeStubs]

from duologue.app.admission import PlaceKind
from duologue.audio import g711
from duologue.language.fake import ScriptedReply
from duologue.phone.audiosocket.frames import AudioSocketStream, FrameReader, Kind, write_frame, write_sound
from duologue.phone.audiosocket.leg import AudioSocketLeg
from duologue.phone.leg import CallInfo
from duologue.phone.twilio.calls import TwilioCalls
from duologue.settings import load_settings
from duologue.simulation.twilio_peer import TwilioPeer
from duologue.simulation.virtual_time import simulate

TOKEN, URL = "the auth token of 32 characters!", "https://talk.example.org"
SETTINGS = f"""
[phone]
greeting = "Hello there."
places = 1
[phone.twilio]
auth_token = "{TOKEN}"
public_url = "{URL}"
"""
FORM = {"AccountSid": "AC1", "CallSid": "CA01", "From": "+4930", "To": "+4940"}
VALIDATOR: Any = RequestValidator(TOKEN)


def asks(calls: TwilioCalls) -> str:
    """What Twilio is told to do with a call."""
    return calls.voice("", urlencode(FORM).encode(), VALIDATOR.compute_signature(f"{URL}/phone/twilio/voice", FORM))


async def comes(calls: TwilioCalls, peer: TwilioPeer) -> str:
    """Twilio does as it is told; why the call ended."""
    url = asks(calls).partition('url="')[2].partition('"')[0]
    invitation = calls.enter(url.rpartition("/")[2], VALIDATOR.compute_signature(url, {}))
    peer.begin()
    return await calls.hold(invitation, peer)


def loud(seconds: float) -> list[bytes]:
    return [bytes([0x90]) * 160] * round(seconds * 50)


def quiet(seconds: float) -> list[bytes]:
    return [bytes([g711.SILENCE["mu"]]) * 160] * round(seconds * 50)


def exchange(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Exchange:
    says = (Says(0, "rehearsal"), Says(3.0, "what is new"))
    return Exchange(monkeypatch, SETTINGS, says=says, replies=(ScriptedReply("Not very much."),), folder=folder)


def test_a_call_of_twilios_is_a_conversation_and_a_full_line_says_busy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = exchange(monkeypatch, tmp_path)

    async def story() -> tuple[str, str]:
        line, _ = here.line()
        async with here.pool.open(), asyncio.TaskGroup() as group:
            running = group.create_task(line.run())
            await asyncio.sleep(5)
            calls, peer = line.twilio, TwilioPeer(here.clock)
            assert calls is not None
            playing = group.create_task(peer.run())
            held = group.create_task(comes(calls, peer))
            peer.caller.extend([*quiet(3.0), *loud(0.9)])
            await asyncio.sleep(2)
            busy = asks(calls)
            await asyncio.sleep(8)
            peer.stop()
            why = await held
            for task in (playing, running):
                task.cancel()
        assert line.twilio is None
        assert np.abs(peer.heard).max() > 0.05
        return why, busy

    why, busy = simulate(story())
    assert why == "the caller hung up" and "<Reject" in busy
    assert here.said() == ["Hello there.", "Not very much."]
    [record] = here.records()
    assert (record.caller, record.called, record.codec, record.failed) == ("+4930", "+4940", "PCMU/8000", False)


def test_a_call_of_twilios_ends_with_a_goodbye_when_the_server_leaves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = exchange(monkeypatch, tmp_path)

    async def story() -> str:
        line, _ = here.line()
        async with here.pool.open(), asyncio.TaskGroup() as group:
            running = group.create_task(line.run())
            await asyncio.sleep(5)
            calls, peer = line.twilio, TwilioPeer(here.clock)
            assert calls is not None
            playing = group.create_task(peer.run())
            held = group.create_task(comes(calls, peer))
            await asyncio.sleep(4)
            await calls.leave()
            assert held.done() and calls.open_now == 0
            assert "<Reject" in asks(calls)
            for task in (playing, running):
                task.cancel()
        return held.result()

    assert simulate(story()) == here.records()[0].reason
    assert len(here.turns()) >= 2  # the greeting, and the goodbye


@pytest.mark.parametrize("why", ["overload", "busy"])
def test_twilio_is_told_to_come_again_while_nobody_would_be_answered(
    why: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """For want of CPU, or of engines: a call that is answered is paid for."""
    here = exchange(monkeypatch, tmp_path)
    if why == "busy":
        monkeypatch.setattr(here.pool, "at_once", dict.fromkeys(PlaceKind, 0).get)

    async def story() -> tuple[str, dict[str, int]]:
        line, _ = here.line()
        async with here.pool.open(), asyncio.TaskGroup() as group:
            running = group.create_task(line.run())
            await asyncio.sleep(5)
            assert line.twilio is not None
            if why == "overload":
                line.calls.fell_behind()
            told = asks(line.twilio), line.refusals
            running.cancel()
        return told

    answer, refusals = simulate(story())
    assert "<Reject" in answer and refusals == {why: 1}


def test_a_call_of_an_asterisks_is_a_conversation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    says = (Says(3.0, "what is new"),)
    here = Exchange(monkeypatch, SETTINGS, says=says, replies=(ScriptedReply("Not very much."),), folder=tmp_path)
    sent: list[bytes] = []

    async def asterisk(leg: AudioSocketLeg) -> None:
        for number in range(600):
            level = 0.5 if 150 <= number < 195 else 0.0
            leg.receive(write_sound(0x10, np.full(160, level, np.float32)))
            await asyncio.sleep(0.02)
        leg.receive(write_frame(Kind.HANG_UP))

    async def story() -> None:
        stream = AudioSocketStream()
        stream.receive(write_frame(Kind.IDENTITY, bytes(15) + b"\x16"), here.clock.now())
        info = CallInfo(id="one", caller="", called="16", carrier="audiosocket", codec="L16/8000")
        leg = AudioSocketLeg(info, stream, sent.append, lambda: 0, here.clock)
        async with here.pool.open(), here.talk.warm(), asyncio.TaskGroup() as group:
            group.create_task(asterisk(leg))
            playing = group.create_task(leg.play())
            await here.calls.take(leg)
            playing.cancel()

    simulate(story())
    assert here.said() == ["Hello there.", "Not very much."]
    reader = FrameReader()
    reader.feed(write_frame(Kind.IDENTITY, bytes(16)))
    assert {frame.kind for frame in reader.feed(b"".join(sent))} == {0x10}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"phone.twilio.auth_token": TOKEN}, "public_url"),
        ({"phone.twilio.public_url": "talk.example.org"}, "no address of ours"),
        ({"phone.twilio.account_sid": "mine"}, "account_sid"),
        ({"phone.audiosocket.listen": "9019"}, "no address to listen on"),
        ({"phone.audiosocket.allow": "pbx.example"}, "no network"),
        ({"phone.audiosocket.called": {"sales": "16"}}, "no UUID"),
        ({"phone.dialogue": {"barge": 700}}, "barge: there is no key"),
        ({"phone.extensions": {"1000": {"dialogue": {"barge_ms": 7}}}}, "barge_ms"),
    ],
)
def test_settings_that_cannot_be_are_named(flags: dict[str, object], words: str) -> None:
    with pytest.raises(Exception, match=words):
        load_settings(flags)


def test_the_auth_token_is_a_secret() -> None:
    settings = load_settings({"phone.twilio.auth_token": TOKEN, "phone.twilio.public_url": URL})
    assert TOKEN in settings.secrets()
    assert TOKEN not in " ".join(str(row) for row in settings.rows())
