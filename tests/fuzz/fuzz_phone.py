"""What comes from the network, by coverage: a documented error or silence, and nothing is left over (``make fuzz``).

``python tests/fuzz/fuzz_phone.py TARGET [SECONDS]``; it ends with 0 when nothing was found, and leaves the input that
breaks something in the working directory otherwise. It wants the package ``atheris``, which is no dependency of ours.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

atheris: Any = import_module("atheris")  # installed by `make fuzz` alone

with atheris.instrument_imports(include=["duologue.phone"]):
    from duologue.errors import InputError, PeerError
    from duologue.phone.audiosocket.frames import AudioSocketStream
    from duologue.phone.media.negotiation import Local, answer, offer
    from duologue.phone.media.rtcp import Rtcp
    from duologue.phone.media.rtp import RtpPacket
    from duologue.phone.media.sdp import Description
    from duologue.phone.media.telephone_events import EventReader, key_of
    from duologue.phone.sip import call_events as events
    from duologue.phone.sip import message as sip
    from duologue.phone.sip.digest import fields
    from duologue.phone.sip.screening import LineOptions, Rate
    from duologue.phone.sip.transactions import Flow
    from duologue.phone.sip.user_agent import Output, UserAgent
    from duologue.phone.twilio.stream import TwilioStream
    from duologue.phone.twilio.voice import ForgedError, TwilioDoor

HOST = "192.0.2.2"
LOCAL = Local(HOST, 5000)
BODY = offer(Local("192.0.2.1", 4000)).encode()
PARTS = b"\x00\xff\x00"
"""Between the datagrams of one input."""


def message(data: bytes) -> None:
    """One datagram."""
    try:
        read = sip.read(data)
    except InputError:
        return
    for part in (sip.sender, sip.recipient, sip.top_via):
        part(read)
    key_of(read.body)
    sip.read(sip.write(read))


def stream(data: bytes) -> None:
    """The same bytes make the same messages, however they are chopped."""
    counts: list[int | None] = []
    for size in (len(data) or 1, 7):
        reader, found = sip.StreamReader(), 0
        try:
            for place in range(0, len(data), size):
                found += len(reader.feed(data[place : place + size]))
            counts.append(found)
        except InputError:
            counts.append(None)
    assert counts[0] == counts[1], counts


def description(data: bytes) -> None:
    """A session description, and our answer to it."""
    try:
        told = Description.parse(data.decode("utf-8", "replace"))
        ours, _ = answer(told, LOCAL)
    except InputError:
        return
    Description.parse(ours.encode())


def digest(data: bytes) -> None:
    """Credentials."""
    try:
        fields(data.decode("utf-8", "replace"))
    except InputError:
        return


def media(data: bytes) -> None:
    """RTP, RTCP, and what digits say."""

    def digits(payload: bytes) -> None:
        reader = EventReader()
        for number in range(0, len(payload), 5):  # a stamp of a byte, and an event
            reader.read(payload[number] << 10, payload[number + 1 : number + 5], number)
        reader.tick(10**12)

    for parse in (RtpPacket.parse, Rtcp.parse, digits):
        try:
            parse(data)
        except InputError:
            continue


def audiosocket(data: bytes) -> None:
    """An Asterisk's connection, in two pieces; then it is over."""
    stream = AudioSocketStream()
    try:
        for part in (data[: len(data) // 2], data[len(data) // 2 :]):
            stream.receive(part, 1)
    except PeerError:
        return
    stream.closed()


def twilio(data: bytes) -> None:
    """Messages of a media stream, and a form: what a stranger may send to either."""
    stream = TwilioStream("CA1")
    for part in data.split(PARTS)[:20]:
        try:
            stream.receive(part.decode("utf-8", "replace"), 1)
        except PeerError:
            break
    try:
        TwilioDoor("token", "https://a.example").ask("", data, "x")
    except ForgedError:
        return
    raise AssertionError("nobody has signed it")


def agent(data: bytes) -> None:
    """Several datagrams to a line whose owner takes every call: at the end nothing is left of them."""
    line = UserAgent(LineOptions(host=HOST, rates={"INVITE": Rate(1e6, 1000)}), random.Random(1))
    source, now = Flow("UDP", "192.0.2.1", 5060), 0

    def take(outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, events.Incoming | events.Offered):
                take(line.ring(output.call, now) if isinstance(output, events.Incoming) else [])
                try:
                    mine = answer(output.offer, LOCAL)[0] if output.offer else offer(LOCAL)
                except InputError:
                    take(line.refuse(output.call, 488, now) + line.disagree(output.call, 488, now))
                    continue
                take(line.accept(output.call, mine, now) + line.agree(output.call, mine, now))

    for part in data.split(PARTS)[:20]:
        take(line.receive_datagram(part, source, now))
    for _ in range(10_000):
        if (deadline := line.deadline) is None:
            break
        now = deadline
        take(line.tick(now))
    assert line.deadline is None and line.state == (0, 0, 0, 0), line.state


INVITE = (
    "INVITE sip:16@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport\r\nMax-Forwards: 70\r\n"
    'From: "A" <sip:a@192.0.2.1>;tag=a\r\nTo: <sip:16@192.0.2.2>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n'
    "Contact: <sip:a@192.0.2.1>\r\nSupported: timer, 100rel\r\nSession-Expires: 90\r\nContent-Type: application/sdp\r\n"
    f"Content-Length: {len(BODY)}\r\n\r\n{BODY}"
).encode()
PARTED = f"--b\r\nContent-Type: a/b\r\n\r\nx\r\n--b\r\nContent-Type: application/sdp\r\n\r\n{BODY}\r\n--b--"
SEVERAL = (
    INVITE.partition(b"Content-Type")[0]
    + (f"Content-Type: multipart/mixed;boundary=b\r\nContent-Length: {len(PARTED)}\r\n\r\n{PARTED}").encode()
)
INFORMED = b"\r\n\r\nSignal= 1\r\nDuration= 160"
CANCEL = INVITE.partition(b"Contact")[0].replace(b"INVITE", b"CANCEL") + b"Content-Length: 0\r\n\r\n"
SECOND = INVITE.replace(b"z9hG4bK1", b"z9hG4bK2").replace(b"Call-ID: c", b"Call-ID: d\r\nRequire: 100rel")
STREAMED = PARTS.join(
    (
        b'{"event": "connected", "protocol": "Call", "version": "1.0.0"}',
        b'{"event": "start", "sequenceNumber": "1", "streamSid": "MZ1", "start": {"streamSid": "MZ1", "callSid": "CA1",'
        b' "tracks": ["inbound"], "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}}}',
        b'{"event": "media", "sequenceNumber": "2", "streamSid": "MZ1", "media": {"track": "inbound", "chunk": "1",'
        b' "timestamp": "0", "payload": "gICA"}}',
        b'{"event": "dtmf", "streamSid": "MZ1", "sequenceNumber": "3", "dtmf": {"track": "inbound", "digit": "1"}}',
        b'{"event": "mark", "streamSid": "MZ1", "sequenceNumber": "4", "mark": {"name": "u/0"}}',
        b'{"event": "stop", "streamSid": "MZ1"}',
    )
)
TARGETS: dict[str, tuple[Callable[[bytes], None], tuple[bytes, ...]]] = {
    "message": (message, (INVITE, CANCEL, CANCEL.replace(b": 0\r\n\r\n", b": 24" + INFORMED))),
    "stream": (stream, (INVITE + b"\r\n\r\n" + CANCEL,)),
    "description": (description, (BODY.encode(),)),
    "digest": (digest, (b'Digest realm="x", nonce="a\\"b", qop="auth", algorithm=SHA-256',)),
    "media": (media, (b"\x80\x00" + bytes(30), b"\x81\xc8\x00\x0c" + bytes(48), b"\x05\x8a\x03\x20")),
    "audiosocket": (audiosocket, (b"\x01\x00\x10" + bytes(16) + b"\x10\x01\x40" + bytes(320) + b"\x03\x00\x017",)),
    "twilio": (twilio, (STREAMED, b"CallSid=CA1&From=%2B4930&To=%2B4940")),
    "agent": (agent, (INVITE + PARTS + CANCEL, INVITE + PARTS + SECOND, SEVERAL)),
}


def main() -> None:
    """Fuzz one target for so many seconds."""
    name, seconds = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "20"
    target, seeds = TARGETS[name]
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds):
            (Path(folder) / str(number)).write_bytes(seed)
        arguments = [sys.argv[0], f"-max_total_time={seconds}", "-max_len=4096", "-timeout=10", "-verbosity=0", folder]
        atheris.Setup(arguments, target)  # pyright: ignore[reportUnknownMemberType]
        atheris.Fuzz()  # pyright: ignore[reportUnknownMemberType]


if __name__ == "__main__":
    main()
