"""What clients get wrong most often, byte for byte, before a real listener: each is answered, none is an error of ours,
and the next client is served.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator

import httpx
import pytest
import pytest_asyncio
from whole_site import listening

from duologue.memory import allow_files
from duologue.web import door

pytestmark = [
    pytest.mark.slow,
    pytest.mark.realtime,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]

JSON = "Content-Type: application/json"
TALK, SAY, ME = "POST /api/conversations", "POST /api/stage/utterances?character=chad", "/api/people/me/memory"
FORM = "Content-Type: multipart/form-data; boundary=b"


def http(line: str, *headers: str, body: bytes = b"", host: str = "Host: 127.0.0.1", length: bool = True) -> bytes:
    """A request as it stands on the wire."""
    fields = [host, *headers, *([f"Content-Length: {len(body)}"] if length and body else ())]
    head = "\r\n".join((f"{line} HTTP/1.1", *filter(None, fields), "Connection: close"))
    return head.encode("latin-1") + b"\r\n\r\n" + body


def json_of(body: bytes, line: str = TALK, kind: str = JSON) -> bytes:
    return http(line, kind, body=body)


def form(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end


def part(name: str, content: bytes) -> bytes:
    return f'Content-Disposition: form-data; name="{name}"'.encode() + b"\r\n\r\n" + content


def chunked(body: bytes, *headers: str) -> bytes:
    return http(TALK, JSON, "Transfer-Encoding: chunked", *headers, body=body, length=False)


def clip(*parts: bytes) -> bytes:
    return http(SAY, FORM, body=form(*parts))


CHUNK = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
RIFF = part("audio", b"RIFF")
HALF = b'[{"text": "\\ud800", "start": 0, "end": 1}]'
NO_NUMBER = b'[{"text": "a", "start": NaN, "end": 1}]'
CHAT = b'{"model": "chad", "messages": [{"role": "user", "content": "\\ud83d"}]}'
SPEECH = b'{"model": "tts-1", "voice": "chad", "input": "\\udc00"}'
FACTS = b'{"facts": [{"text": "a"}]}'
RECORDING = form(part("file", b"\0" * 50), part("model", b"whisper-1"))
MISTAKES: dict[str, tuple[bytes, tuple[int, ...]]] = {
    # the request itself
    "a NUL in the address": (http("GET /api/\0"), (400,)),
    "a blank in the address": (http("GET /api/a b"), (400,)),
    "no host": (http("GET /healthz", host=""), (400,)),
    "two hosts": (http("GET /healthz", "Host: 127.0.0.2"), (400,)),
    "another version": (b"GET /healthz HTTP/3.0\r\nHost: 127.0.0.1\r\n\r\n", (200, 400)),
    "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 60, (400,)),
    "a method in small letters": (http("get /healthz"), (405,)),
    "a method of one's own": (http("BREW /api/stage"), (405,)),
    "TRACE": (http("TRACE /api/stage"), (405,)),
    "CONNECT": (http("CONNECT 127.0.0.1:80"), (400, 404, 405)),
    "a whole address": (http("GET http://evil.example/healthz"), (404,)),
    "the address of nothing": (http("OPTIONS *"), (200, 400, 404, 405)),
    "the wrong method": (http("PUT /api/conversations"), (405,)),
    # its length
    "a length below zero": (http(TALK, JSON, "Content-Length: -5"), (400,)),
    "a length that is no number": (http(TALK, JSON, "Content-Length: many"), (400,)),
    "two lengths": (http(TALK, JSON, "Content-Length: 2", "Content-Length: 7", body=b"{}", length=False), (400,)),
    "a length of 2 GB": (http(TALK, JSON, "Content-Length: 2147483648"), (413,)),
    "a length beyond all numbers": (http(TALK, JSON, f"Content-Length: {'9' * 30}"), (400, 413)),
    "a file of 2 GB": (http(SAY, "Content-Type: audio/wav", "Content-Length: 2147483648"), (413,)),
    "less than was sent": (http(TALK, JSON, "Content-Length: 5", body=b'{"topic": "tea"}', length=False), (422,)),
    "a chunk of no size": (chunked(b"zz\r\n{}\r\n0\r\n\r\n"), (400,)),
    "a chunk below zero": (chunked(b"-1\r\n{}\r\n0\r\n\r\n"), (400,)),
    "chunks without end": (chunked(CHUNK * 9), (413,)),
    "chunks and a length": (chunked(b"2\r\n{}\r\n0\r\n\r\n", "Content-Length: 3"), (201, 400)),
    "another coding": (http(TALK, JSON, "Transfer-Encoding: gzip", body=b"\x1f\x8b", length=False), (400, 501)),
    # its headers
    "a header of 100 kB": (http("GET /healthz", f"X-Much: {'a' * 100_000}"), (200, 400, 431)),
    "ten thousand headers": (http("GET /healthz", *["X-Many: 1"] * 10_000), (200, 400, 431)),
    "a header without a colon": (http("GET /healthz", "what is this"), (400,)),
    "letters beyond ASCII in a header": (http(f"GET {ME}", "X-Duologue-Person: \xff\xfe\x80"), (422,)),
    "a person who is nobody": (http(f"GET {ME}", "X-Duologue-Person: "), (422,)),
    "a NUL for a person": (http(f"PUT {ME}", JSON, "X-Duologue-Person: %00%FF%ED%A0%80", body=FACTS), (422,)),
    "a cookie that is none": (http("GET /api/stage", "Cookie: ;;==\x7f;a"), (200, 400)),
    "a token that is none": (http("GET /api/stage", "Authorization: Bearer \xe4\xf6\xfc"), (200, 400)),
    "a range that is none": (http("GET /", "Range: bytes=9-1,a-b,-"), (200, 206, 400, 416, 503)),
    "a date that is none": (http("GET /", "If-Modified-Since: yesterday", 'If-None-Match: W/"'), (200, 503)),
    "codings that are none": (http("GET /", "Accept-Encoding: ;q=x,br;q=nan,,*;q=1e999"), (200, 503)),
    "an event of nobody's": (http("GET /api/events", f"Last-Event-ID: {'9' * 6000}"), (200,)),
    # its address
    "a NUL, encoded": (http("GET /api/conversations/%00"), (404,)),
    "a NUL in a file's name": (http("GET /assets/%00.js"), (404,)),
    "the way up": (http("GET /..%2f..%2f..%2fetc%2fpasswd"), (404,)),
    "letters that are none": (http("GET /api/conversations/%ff%fe%c3%28"), (404,)),
    "a name of 60 kB": (http(f"GET /assets/{'a' * 60_000}"), (400, 404, 414)),
    "a name of 300 letters": (http(f"GET /assets/{'a' * 300}.js"), (404,)),
    "slashes": (http("GET //////"), (200, 307, 404, 503)),
    "a face of 300 letters": (http(f"GET /api/faces/{'a' * 300}"), (422,)),
    "a number beyond all": (http(f"GET /api/faces/chad/idle/{'9' * 400}"), (422,)),
    "a question that is none": (http("GET /api/events?topics=%ff%00,,"), (422,)),
    # JSON
    "nothing": (json_of(b" "), (422,)),
    "no UTF-8": (json_of(b'{"topic": "\xff\xfe"}'), (422,)),
    "a mark of byte order": (json_of(b'\xef\xbb\xbf{"topic": "tea"}'), (422,)),
    "UTF-16": (json_of('{"topic": "tea"}'.encode("utf-16")), (422,)),
    "no number": (json_of(b'{"turns": NaN}'), (422,)),
    "a number beyond all numbers": (json_of(b'{"turns": 1e400}'), (422,)),
    "five thousand digits": (json_of(b'{"seed": ' + b"9" * 5000 + b"}"), (422,)),
    "four hundred digits": (json_of(b'{"seed": ' + b"9" * 400 + b"}"), (422,)),
    "thirty thousand brackets": (json_of(b"[" * 30_000), (422,)),
    "thirty thousand objects": (json_of(b'{"a":' * 10_000), (422,)),
    "half of a character": (json_of(b'{"topic": "\\ud800"}'), (422,)),
    "half of a character in a name": (json_of(b'{"\\udfff": 1}'), (422,)),
    "a NUL in a text": (json_of(b'{"topic": "tea\\u0000"}'), (201, 422)),
    "a key twice": (json_of(b'{"topic": "tea", "topic": "rain"}'), (201, 422)),
    "a list": (json_of(b"[]"), (422,)),
    "a text": (json_of(b'"tea"'), (422,)),
    "null": (json_of(b"null"), (422,)),
    "a field of one's own": (json_of(b'{"__proto__": {}, "topic": "tea"}'), (422,)),
    "a comma at the end": (json_of(b'{"topic": "tea",}'), (422,)),
    "what is called otherwise": (json_of(b'{"topic": "tea"}', kind="Content-Type: text/plain"), (422,)),
    "what is not called anything": (http(TALK, body=b'{"topic": "tea"}'), (422,)),
    "half of a character, to a model": (json_of(CHAT, "POST /v1/chat/completions"), (400,)),
    "a voice of half a character": (json_of(SPEECH, "POST /v1/audio/speech"), (400,)),
    # forms
    "a form without a boundary": (http(SAY, "Content-Type: multipart/form-data", body=b"--b--"), (422,)),
    "a form that breaks off": (http(SAY, FORM, body=form(part("audio", b"RIFF"), end=b"")), (422,)),
    "a form of a thousand parts": (clip(*[part(f"p{n}", b"") for n in range(1000)]), (422,)),
    "a form with a NUL for a name": (clip(part("\0", b"a"), RIFF), (422,)),
    "a form without the sound": (clip(part("text", b"hello")), (422,)),
    "a sound that is empty": (clip(part("audio", b"")), (422,)),
    "a sound that is none": (
        http(SAY, "Content-Type: audio/wav", body=b"RIFF\xff\xff\xff\xffWAVEfmt " + b"\xff" * 200), (422,),
    ),
    "marks of five thousand digits": (clip(RIFF, part("marks", b"9" * 5000)), (422,)),
    "marks of halves": (clip(RIFF, part("marks", HALF)), (422,)),
    "marks of no numbers": (clip(RIFF, part("marks", NO_NUMBER)), (422,)),
    "a field that is no text": (clip(RIFF, part("text", b"\xff")), (422,)),
    "a recording that is none": (http("POST /v1/audio/transcriptions", FORM, body=RECORDING), (400,)),
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[int]:
    """The port of a real listener before a whole house."""
    async with listening(tmp_path_factory.mktemp("mistakes")) as port:
        yield port


async def status(port: int, wire: bytes) -> int:
    """What is answered; 0: the connection is closed without a word."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(wire)
        async with asyncio.timeout(60):
            first = await reader.readline()
        return int(first.split()[1]) if first else 0
    except ConnectionError:
        return 0
    finally:
        writer.transport.abort()


async def serves(port: int) -> bool:
    return await status(port, http("GET /healthz")) == 200


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_mistake_is_the_clients_and_the_next_one_is_served(mistake: str, place: int) -> None:
    wire, statuses = MISTAKES[mistake]
    assert await status(place, wire) in statuses
    assert await serves(place)


async def test_who_announces_more_than_comes_and_goes_leaves_nothing(place: int) -> None:
    for line in (TALK, SAY):
        reader, writer = await asyncio.open_connection("127.0.0.1", place)
        writer.write(http(line, JSON, "Content-Length: 5000", body=b"{", length=False))
        writer.write_eof()
        async with asyncio.timeout(60):
            assert b" 20" not in (await reader.read())[:20]
        writer.transport.abort()
    assert await serves(place)


async def test_a_thousand_connections_that_ask_nothing_take_nobodys_place(
    place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_files()
    monkeypatch.setattr(door, "MOST_IDLE", 100)
    idle = [await asyncio.open_connection("127.0.0.1", place) for _ in range(1000)]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{place}", timeout=60, trust_env=False) as client:
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/api/house")).status_code == 200
        async with asyncio.timeout(60):
            while sum(not reader.at_eof() for reader, _ in idle) > 100:  # noqa: ASYNC110 (the longest idle are closed)
                await asyncio.sleep(0.05)
        assert idle[0][0].at_eof()
    finally:
        for _, writer in idle:
            writer.transport.abort()
    assert await serves(place)


async def test_who_trickles_a_head_is_not_waited_for(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "HEAD_SECONDS", 0.5)
    reader, writer = await asyncio.open_connection("127.0.0.1", place)
    async with asyncio.timeout(60):
        for byte in b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n" * 100:
            try:
                writer.write(bytes([byte]))
                await writer.drain()
            except ConnectionError:
                break
            if reader.at_eof():
                break
            await asyncio.sleep(0.05)
        assert await reader.read() == b""
    writer.transport.abort()
    monkeypatch.undo()
    assert await serves(place)


def asking(place: int, count: int) -> socket.socket:
    """A client that asks for so much that it waits on the way, and takes little of it at once."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect(("127.0.0.1", place))
    made.setblocking(False)
    made.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * count)
    return made


async def test_who_takes_nothing_of_an_answer_is_let_go(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "UNREAD_SECONDS", 0.3)
    with asking(place, 60) as client, pytest.raises(ConnectionError):
        async with asyncio.timeout(60):
            while True:  # an end that was reset refuses the second byte
                client.send(b" ")
                await asyncio.sleep(0.05)
    assert await serves(place)


async def test_who_takes_an_answer_slowly_gets_all_of_it(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "UNREAD_SECONDS", 0.3)
    loop, got = asyncio.get_running_loop(), 0
    with asking(place, 10) as client:
        async with asyncio.timeout(60):
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{place}", trust_env=False) as quick:
                length = len((await quick.get("/openapi.json")).content)
            while got < 10 * length:
                got += len(await loop.sock_recv(client, 256 * 1024))
                await asyncio.sleep(0.004)
    assert await serves(place)
