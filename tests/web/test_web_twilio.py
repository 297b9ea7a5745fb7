"""Twilio at the door of the web server, over real sockets: signed requests, streams, and those that are neither."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from studio_double import HouseDouble
from twilio.request_validator import RequestValidator  # pyright: ignore[reportMissingTypeStubs]
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from duologue.phone.leg import CallLeg, LegEnded, Sound
from duologue.phone.turned_away import AwayReason
from duologue.phone.twilio.calls import TwilioCalls
from duologue.phone.twilio.voice import TwilioDoor
from duologue.settings import load_settings
from duologue.web.application import create_app
from duologue.web.listener import Listener, make_listener

pytestmark = pytest.mark.slow  # left to `make test`: the everyday tests take a minute

TOKEN = "the auth token of 32 characters!"
VALIDATOR: Any = RequestValidator(TOKEN)
URL = "https://talk.example.org"
FORM = {"AccountSid": "AC1", "CallSid": "CA1", "From": "+4930", "To": "+4940"}


class Taken:
    """Takes calls and says nothing."""

    def __init__(self) -> None:
        self.legs: list[CallLeg] = []
        self.ends: list[LegEnded] = []
        self.sound = 0
        self.against: AwayReason | None = None

    async def drain(self) -> None:
        for leg in self.legs:
            await leg.hang_up("goodbye")

    async def take(self, leg: CallLeg) -> None:
        self.legs.append(leg)
        await leg.answer()
        async for event in leg.events():
            if isinstance(event, Sound):
                self.sound += len(event.samples)
            if isinstance(event, LegEnded):
                self.ends.append(event)


@dataclass
class Site:
    """A server with a token of its own, and Twilio's at its door."""

    port: int
    taken: Taken
    calls: TwilioCalls
    listener: Listener

    async def voice(self, signature: str | None = None, form: dict[str, str] = FORM) -> httpx.Response:
        signed = VALIDATOR.compute_signature(f"{URL}/phone/twilio/voice", form)
        headers = {"X-Twilio-Signature": signed if signature is None else signature, "Host": "talk.example.org"}
        async with httpx.AsyncClient() as client:
            address = f"http://127.0.0.1:{self.port}/phone/twilio/voice"
            form_type = {"Content-Type": "application/x-www-form-urlencoded"}
            return await client.post(address, content=urlencode(form).encode(), headers=headers | form_type)

    async def path(self) -> str:
        """Of a new stream."""
        return (await self.voice()).text.partition("wss://talk.example.org")[2].partition('"')[0]

    def stream(self, path: str, signature: str | None = None) -> connect:
        signed = VALIDATOR.compute_signature(f"wss://talk.example.org{path}", {})
        headers = {"x-twilio-signature": signed if signature is None else signature}
        return connect(f"ws://127.0.0.1:{self.port}{path}", additional_headers=headers, max_queue=None)


@contextlib.asynccontextmanager
async def site() -> AsyncGenerator[Site]:
    taken, house = Taken(), HouseDouble()
    house.twilio = TwilioCalls(TwilioDoor(TOKEN, URL), taken.take, against=lambda: taken.against, drain=taken.drain)
    settings = load_settings({"web.token": "a token that guards the rest"})
    listener = make_listener(house, settings)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(listener.serve([sock]))
            while not listener.started:  # noqa: ASYNC110 (uvicorn has no event)
                await asyncio.sleep(0.01)
            try:
                yield Site(sock.getsockname()[1], taken, house.twilio, listener)
            finally:
                listener.should_exit = True
                await serving


async def begun(socket: ClientConnection, call: str = "CA1") -> None:
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    start = {"streamSid": "MZ1", "callSid": call, "accountSid": "AC1", "tracks": ["inbound"], "mediaFormat": form}
    await socket.send('{"event": "connected", "protocol": "Call", "version": "1.0.0"}')
    await socket.send(json.dumps({"event": "start", "sequenceNumber": "1", "streamSid": "MZ1", "start": start}))


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not what():  # noqa: ASYNC110 (what it waits for has no event)
            await asyncio.sleep(0.01)


async def closed(socket: ClientConnection) -> str:
    """Why the server closed it."""
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.recv()
    return socket.close_reason or ""


async def test_a_call_comes_in_and_is_hung_up_by_us() -> None:
    async with site() as here:
        answer = await here.voice()
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml")
        async with here.stream(await here.path()) as stream:
            await begun(stream)
            media = {"track": "inbound", "chunk": "1", "timestamp": "0", "payload": "gICA" * 50}
            await stream.send(json.dumps({"event": "media", "sequenceNumber": "2", "streamSid": "MZ1", "media": media}))
            await until(lambda: here.taken.sound)
            await here.taken.legs[0].hang_up("said all")
            assert await closed(stream) == "said all"
        assert here.taken.ends == [LegEnded("said all", ours=True)]
        assert here.taken.legs[0].info.caller == "+4930" and here.taken.legs[0].info.peer == "127.0.0.1"
        await until(lambda: not here.calls.open_now)


async def test_what_is_not_signed_is_refused_and_a_busy_line_says_so() -> None:
    async with site() as here:
        for wrong in ("", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="):
            answer = await here.voice(wrong)
            assert answer.status_code == 403 and "not signed" in answer.json()["title"]
        here.taken.against = AwayReason.PLACES
        assert '<Reject reason="busy"/>' in (await here.voice()).text
        assert here.calls.refused == {AwayReason.PASSWORD: 3, AwayReason.PLACES: 1}


async def test_a_stream_that_nobody_was_led_to_is_refused() -> None:
    async with site() as here:
        path = await here.path()
        for wrong in (here.stream("/phone/twilio/stream/guessed"), here.stream(path, "x")):
            with pytest.raises(InvalidStatus, match="403"):
                await wrong.__aenter__()
        async with here.stream(path) as stream:
            await begun(stream)
            await until(lambda: here.taken.legs)
            with pytest.raises(InvalidStatus, match="403"):  # replayed
                await here.stream(path).__aenter__()
            again = await here.path()  # a second stream of the same call
            with pytest.raises(InvalidStatus, match="403"):
                await here.stream(again).__aenter__()
            await stream.send('{"event": "stop", "streamSid": "MZ1"}')
            assert await closed(stream) == "the caller hung up"
        assert len(here.taken.legs) == 1
        assert here.calls.refused == {AwayReason.REQUEST: 3, AwayReason.PASSWORD: 1}


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["garbage"], "never says"),
        ([b"\x00\x01"], "never says"),
        (['{"event": "media", "media": {'], "never says"),
        (["x" * 70_000], "never says"),
    ],
)
async def test_a_stream_that_is_none_is_closed_with_a_word(texts: list[str | bytes], reason: str) -> None:
    async with site() as here:
        async with here.stream(await here.path()) as stream:
            for text in texts:
                await stream.send(text)
            assert reason in await closed(stream)
        assert here.taken.legs == []


async def test_a_giant_message_and_a_broken_connection_end_the_call() -> None:
    async with site() as here:
        async with here.stream(await here.path()) as stream:
            await begun(stream)
            await until(lambda: here.taken.legs)
            with contextlib.suppress(ConnectionClosed):
                await stream.send("x" * 1_000_000)
            await until(lambda: here.taken.ends)
        assert here.taken.ends[0].failed
        async with here.stream(await here.path()) as stream:
            await begun(stream)
            await until(lambda: len(here.taken.legs) == 2)
            stream.transport.abort()
            await until(lambda: len(here.taken.ends) == 2)
        assert here.taken.ends[1] == LegEnded("the connection broke", failed=True)
        await until(lambda: not here.calls.open_now)


async def test_calls_end_with_a_goodbye_when_the_server_leaves() -> None:
    async with contextlib.AsyncExitStack() as held:
        here = await held.enter_async_context(site())
        stream = await held.enter_async_context(here.stream(await here.path()))
        await begun(stream)
        await until(lambda: here.taken.legs)
        here.listener.should_exit = True
        assert await closed(stream) == "goodbye"


async def test_without_a_line_there_is_nothing_here() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(HouseDouble()))) as client:
        answer = await client.post("http://127.0.0.1/phone/twilio/voice", content=b"")
        assert answer.status_code == 404 and "[phone.twilio]" in answer.json()["remedy"]
