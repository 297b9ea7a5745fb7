"""OpenAI's own client against the real server on loopback: speech, transcriptions, chats, models, conversations."""

# Requests are dictionaries here, as a program without types would send them.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOptionalMemberAccess=false, reportDeprecated=false, reportUnknownLambdaType=false

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
import socket
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from openai import AsyncOpenAI
from openai_site import OpenAISite, openai_site, thinking
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from duologue.app.realtime import connection as realtime_connection
from duologue.app.realtime import sessions as realtime_sessions
from duologue.language.engine import Prompt
from duologue.language.fake import FakeLanguage
from duologue.language.tools import ToolCall
from duologue.places import packs_folder

pytestmark = [
    pytest.mark.realtime,
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning"),  # their word for translations
]
DOCS = packs_folder().parent / "docs" / "compatible.md"


@pytest.fixture
async def site() -> AsyncGenerator[OpenAISite]:
    async with openai_site() as here:
        yield here


def client_of(here: OpenAISite, key: str = "none") -> AsyncOpenAI:
    return AsyncOpenAI(base_url=here.base_url, api_key=key, max_retries=0)


async def spoken(client: AsyncOpenAI, text: str) -> bytes:
    """24 kHz, 16 bits."""
    made = await client.audio.speech.create(input=text, model="tts-1", voice="alloy", response_format="pcm")
    return made.content


async def until(connection: Any, *kinds: str) -> list[Any]:
    """The events up to the first of these kinds."""
    found: list[Any] = []
    async with asyncio.timeout(60):
        async for event in connection:
            assert event.type != "error" or "error" in kinds, event
            found.append(event)
            if event.type in kinds:
                return found
    raise AssertionError(f"closed before {kinds}")


async def speak(connection: Any, pcm: bytes) -> None:
    """As a microphone does: 100 ms at once, and silence after it."""
    whole = pcm + bytes(2 * 24_000 * 3)
    for at in range(0, len(whole), 4_800):
        await connection.input_audio_buffer.append(audio=base64.b64encode(whole[at : at + 4_800]).decode())
        await asyncio.sleep(0.1)


async def test_what_every_client_asks_for(site: OpenAISite) -> None:
    async with client_of(site) as client:
        assert "chad" in [model.id async for model in client.models.list()]
        async with client.audio.speech.with_streaming_response.create(
            input="Hello there. How are you today?", model="tts-1", voice="alloy", response_format="mp3"
        ) as answer:
            pieces = [piece async for piece in answer.iter_bytes()]
        assert sum(map(len, pieces)) > 4_000
        file = ("hello.wav", (await client.audio.speech.create(
            input="good morning my friend", model="tts-1", voice="chad", response_format="wav"
        )).content)  # fmt: skip
        heard = await client.audio.transcriptions.create(file=file, model="whisper-1")
        assert heard.text and heard.usage is not None
        with pytest.raises(openai.BadRequestError, match="translates"):
            await client.audio.translations.create(file=file, model="whisper-1")
        with pytest.raises(openai.BadRequestError) as caught:
            await client.audio.transcriptions.create(file=file, model="whisper-1", include=["logprobs"])
        assert caught.value.param == "include[]"
        stream = await client.chat.completions.create(
            model="chad", messages=[{"role": "user", "content": "Why?"}], stream=True,
            stream_options={"include_usage": True}, max_tokens=12,
        )  # fmt: skip
        chunks = [chunk async for chunk in stream]
        assert chunks[-1].choices == [] and chunks[-1].usage is not None
        assert 0 < chunks[-1].usage.completion_tokens <= 12
        assert all(chunk.usage is None for chunk in chunks[:-1])
        whole = await client.chat.completions.create(
            model="chad", messages=[{"role": "user", "content": "Why?"}], max_tokens=2
        )
        assert whole.usage.completion_tokens <= 2 and whole.usage.total_tokens > whole.usage.prompt_tokens > 10


async def test_the_realtime_client_writes_and_hears(site: OpenAISite) -> None:
    async with client_of(site) as client, client.realtime.connect(model="chad") as connection:
        (created,) = await until(connection, "session.created")
        assert created.session.audio.output.format.rate == 24_000
        await connection.session.update(
            session={"type": "realtime", "instructions": "Be brief.", "output_modalities": ["audio"]}
        )
        await until(connection, "session.updated")
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Do you like tea?"}]}
        )
        await connection.response.create()
        events = await until(connection, "response.done")
        done = events[-1].response
        assert done.status == "completed" and done.usage.output_tokens > 0
        said = "".join(event.delta for event in events if event.type == "response.output_audio_transcript.delta")
        assert said and done.output[0].content[0].transcript == said
        sound = b"".join(
            base64.b64decode(event.delta) for event in events if event.type == "response.output_audio.delta"
        )
        samples = np.frombuffer(sound, "<i2")
        assert len(samples) > 12_000 and np.abs(samples).max() > 2_000


async def test_the_realtime_client_speaks_is_answered_and_interrupts(site: OpenAISite) -> None:
    async with client_of(site) as client:
        question = await spoken(client, "Hello my friend, what is new?")
        async with client.realtime.connect(model="gpt-realtime") as connection:
            await connection.session.update(
                session={"type": "realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(speak(connection, question))
                events = await until(connection, "response.done")
            kinds = [event.type for event in events]
            for before, after in (
                ("input_audio_buffer.speech_started", "input_audio_buffer.committed"),
                ("input_audio_buffer.committed", "conversation.item.input_audio_transcription.completed"),
                ("conversation.item.input_audio_transcription.completed", "response.created"),
                ("response.created", "response.output_audio.delta"),
            ):
                assert kinds.index(before) < kinds.index(after)
            assert events[-1].response.status == "completed"
            item = events[-1].response.output[0]
            await connection.conversation.item.truncate(item_id=item.id, content_index=0, audio_end_ms=300)
            await until(connection, "conversation.item.truncated")
            await connection.conversation.item.retrieve(item_id=item.id)
            found = (await until(connection, "conversation.item.retrieved"))[-1].item
            assert len(found.content[0].transcript) < len(item.content[0].transcript)


async def test_push_to_talk_is_a_turn_that_the_client_commits(site: OpenAISite) -> None:
    async with client_of(site) as client:
        question = await spoken(client, "good morning")
        async with client.realtime.connect(model="virgin") as connection:
            manual = {"turn_detection": None, "transcription": {"model": "whisper-1"}}
            await connection.session.update(session={"type": "realtime", "audio": {"input": manual}})
            for at in range(0, len(question), 24_000):
                piece = base64.b64encode(question[at : at + 24_000]).decode()
                await connection.input_audio_buffer.append(audio=piece)
            await connection.input_audio_buffer.commit()
            await connection.response.create()
            events = await until(connection, "response.done")
            heard = [e for e in events if e.type == "conversation.item.input_audio_transcription.completed"]
            assert len(heard) == 1 and heard[0].transcript
            assert events[-1].response.status == "completed"


class Weather(FakeLanguage):
    """Asks for the weather, and says what it is."""

    async def write(self, prompt: Prompt) -> AsyncGenerator[str]:
        assert prompt.tools is not None
        async for filler in prompt.tools.run([ToolCall("c1", "weather", '{"city": "Oslo"}')]):
            yield filler
        yield f"It has {json.loads(prompt.tools.outcomes[-1].shown)['degrees']} degrees."


async def test_functions_are_the_clients_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    thinking(monkeypatch, Weather())
    tool = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}
    async with openai_site() as here, client_of(here) as client:  # noqa: SIM117
        async with client.realtime.connect(model="chad") as connection:
            await connection.session.update(session={"type": "realtime", "tools": [tool], "tool_choice": "auto"})
            await connection.conversation.item.create(
                item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "How is it?"}]}
            )
            await connection.response.create()
            (call,) = (await until(connection, "response.done"))[-1].response.output
            assert (call.type, call.name, call.arguments) == ("function_call", "weather", '{"city": "Oslo"}')
            await connection.conversation.item.create(
                item={"type": "function_call_output", "call_id": call.call_id, "output": '{"degrees": 3}'}
            )
            await connection.response.create()
            done = (await until(connection, "response.done"))[-1].response
            assert done.output[0].content[0].transcript == "It has 3 degrees."


async def test_a_page_is_given_a_secret_and_opens_a_session_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_WEB__TOKENS__GUEST__TOKEN", "guest-token")
    monkeypatch.setenv("DUOLOGUE_WEB__TOKENS__GUEST__SCOPES", "talk")
    monkeypatch.setenv("DUOLOGUE_WEB__TOKENS__LOOKER__TOKEN", "looker-token")
    monkeypatch.setenv("DUOLOGUE_WEB__TOKENS__LOOKER__SCOPES", "")
    async with openai_site(**{"web.token": "the token of all tokens"}) as here:
        async with client_of(here, "looker-token") as client:
            with pytest.raises(openai.PermissionDeniedError):
                await client.realtime.client_secrets.create()
        async with client_of(here, "guest-token") as client:
            with pytest.raises(openai.BadRequestError) as caught:
                await client.realtime.client_secrets.create(session={"type": "realtime", "audio": {"output": {
                    "voice": "nobody"}}})  # fmt: skip
            assert caught.value.param == "voice"
            made = await client.realtime.client_secrets.create(
                expires_after={"anchor": "created_at", "seconds": 60},
                session={"type": "realtime", "model": "virgin", "instructions": "Whisper."},
            )
        assert made.value.startswith("ek_") and made.session.instructions == "Whisper."
        url = here.base_url.replace("http", "ws", 1) + "/realtime"
        evil: Any = "https://page.example"

        async def first(key: str, **options: Any) -> Any:
            protocols: Any = ["realtime", f"openai-insecure-api-key.{key}"]
            async with connect(url, subprotocols=protocols, **options) as page:
                assert page.subprotocol == "realtime"
                return json.loads(await page.recv())

        created = await first(made.value, origin=evil)
        assert created["session"]["model"] == "virgin" and created["session"]["instructions"] == "Whisper."
        assert (await first("guest-token"))["type"] == "session.created"
        refused = await first("looker-token")
        assert refused["error"]["type"] == "permission_error" and "'talk'" in refused["error"]["message"]
        for key in ("ek_nothing", "wrong"):
            with pytest.raises(InvalidStatus) as answer:
                await first(key)
            assert told(answer.value) == (401, "invalid_api_key")
        with pytest.raises(InvalidStatus) as answer:
            async with connect(url):
                pass
        assert told(answer.value) == (401, "invalid_api_key")
        async with client_of(here, made.value) as client:  # as a program's key it opens this socket, and no more
            async with client.realtime.connect() as connection:
                await until(connection, "session.created")
            with pytest.raises(openai.AuthenticationError):
                await client.models.list()


def told(refused: InvalidStatus) -> tuple[int, str]:
    """A socket that is refused is answered as a request is."""
    return refused.response.status_code, json.loads(refused.response.body or b"")["error"]["code"]


async def test_another_sites_page_does_not_get_in_without_a_key(site: OpenAISite) -> None:
    url = site.base_url.replace("http", "ws", 1) + "/realtime"
    protocols: Any = ["realtime", "openai-insecure-api-key.anything"]
    evil: Any = "https://evil.example"
    with pytest.raises(InvalidStatus) as answer:
        async with connect(url, origin=evil, subprotocols=protocols):
            pass
    assert told(answer.value) == (403, "insufficient_permissions")
    async with connect(url, subprotocols=protocols) as program:
        assert json.loads(await program.recv())["type"] == "session.created"


async def test_what_is_not_supported_is_said_before_the_socket_closes(site: OpenAISite) -> None:
    url = site.base_url.replace("http", "ws", 1) + "/realtime"
    for query, param in (("?intent=transcription", "intent"), ("?call_id=x", "call_id"), ("?model=nobody", "model")):
        async with connect(url + query) as socket:
            told = json.loads(await socket.recv())
            assert (told["type"], told["error"]["param"]) == ("error", param)
            with pytest.raises(ConnectionClosed):
                await socket.recv()


async def test_a_thousand_sockets_are_some_sessions_and_many_refusals(
    monkeypatch: pytest.MonkeyPatch, site: OpenAISite
) -> None:
    monkeypatch.setattr(realtime_sessions, "MOST_SESSIONS", 10)
    url = site.base_url.replace("http", "ws", 1) + "/realtime"
    told: list[str] = []
    full, over = asyncio.Event(), asyncio.Event()

    async def knock(*, stay: bool = False) -> None:
        with contextlib.suppress(ConnectionClosed, OSError, TimeoutError):
            async with connect(url, open_timeout=60) as socket:
                event = json.loads(await socket.recv())
                told.append(event.get("error", {}).get("code") or event["type"])
                if len(told) == 10:
                    full.set()
                if stay and event["type"] == "session.created":
                    await over.wait()

    async with asyncio.TaskGroup() as sessions:
        for _ in range(10):
            sessions.create_task(knock(stay=True))
        async with asyncio.timeout(60):
            await full.wait()
        for _ in range(20):
            async with asyncio.TaskGroup() as group:
                for _ in range(50):
                    group.create_task(knock())
        over.set()
    assert len(told) > 900 and told.count("no_place") > 700 and "session.created" in told
    async with client_of(site) as client, client.realtime.connect(model="chad") as connection:
        await until(connection, "session.created")


async def test_who_never_reads_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realtime_connection, "SEND_SECONDS", 1.0)
    async with openai_site(room=4096) as here:
        small = socket.socket()
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        small.connect(("127.0.0.1", here.port))
        reader, writer = await asyncio.open_connection(sock=small, limit=1024)
        writer.write(
            b"GET /v1/realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert b"101" in await reader.readline()
        transport: Any = writer.transport
        transport.pause_reading()
        text = '{"type":"conversation.item.create","item":{"type":"message","role":"user","content":' + (
            '[{"type":"input_text","text":"Tell me all that you know of tea."}]}}'
        )
        for event in (text, '{"type":"response.create"}'):
            data = event.encode()
            writer.write(bytes([0x81, 0x80 | 126]) + len(data).to_bytes(2) + bytes(4) + data)
        assert here.house.endpoints is not None
        sessions = here.house.endpoints.realtime
        async with asyncio.timeout(60):
            while not sessions.held:  # noqa: ASYNC110 (it has no event)
                await asyncio.sleep(0.1)
            while sessions.held:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert not any(here.house.admission.places.taken.values())
        writer.close()


async def test_a_message_that_is_far_too_long_closes_the_socket(site: OpenAISite) -> None:
    async with connect(site.base_url.replace("http", "ws", 1) + "/realtime") as socket:
        await socket.recv()
        with contextlib.suppress(ConnectionClosed):
            await socket.send("x" * 2_000_000)
            async with asyncio.timeout(20):
                while True:
                    await socket.recv()
        assert socket.close_code == 1009


async def test_a_house_that_closes_ends_its_sessions() -> None:
    async with openai_site() as here, client_of(here) as client:  # noqa: SIM117
        async with client.realtime.connect(model="chad") as connection:
            await until(connection, "session.created", "conversation.created")
            here.listener.should_exit = True
            with contextlib.suppress(ConnectionClosed):
                found = await until(connection, "error")
                assert found[-1].error.code == "closing"


def examples() -> list[Any]:
    text = DOCS.read_text("utf-8")
    return [
        pytest.param(code, id=f"{number}") for number, code in enumerate(re.findall(r"```python\n(.*?)```", text, re.S))
    ]


@pytest.mark.parametrize("code", examples())
async def test_the_python_of_the_page_works_as_it_is_written_there(code: str, site: OpenAISite, tmp_path: Path) -> None:
    assert "127.0.0.1:8081" in code
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code.replace("127.0.0.1:8081", f"127.0.0.1:{site.port}"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=tmp_path,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert out.decode().strip()


async def test_so_does_its_shell(site: OpenAISite, tmp_path: Path) -> None:
    codes = re.findall(r"```sh\n(curl.*?)```", DOCS.read_text("utf-8"), re.S)
    assert codes
    for code in codes:
        process = await asyncio.create_subprocess_shell(
            code.replace("127.0.0.1:8081", f"127.0.0.1:{site.port}").replace("curl -s ", "curl -sf "),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=tmp_path,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        assert out.decode().strip()


async def test_a_body_without_end_is_refused(site: OpenAISite) -> None:
    async def endless() -> AsyncGenerator[bytes]:
        for _ in range(2_000):
            yield bytes(1 << 20)

    async with httpx.AsyncClient(timeout=60) as client:
        for path in ("/chat/completions", "/audio/transcriptions", "/realtime/client_secrets"):
            with contextlib.suppress(httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
                answer = await client.post(site.base_url + path, content=endless())
                assert answer.status_code == 413
