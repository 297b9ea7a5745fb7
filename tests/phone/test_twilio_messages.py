"""What Twilio says on a stream is read, and what it never says is an error in words or silence."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.errors import InputError
from duologue.phone.twilio import messages as say
from duologue.phone.twilio.messages import Connected, Pressed, Start, Stop, TwilioMark, TwilioMedia, parse

START: dict[str, Any] = {
    "event": "start",
    "sequenceNumber": "1",
    "start": {
        "accountSid": "AC1", "streamSid": "MZ1", "callSid": "CA1", "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"FirstName": "Jane", "number": 7},
    },
    "streamSid": "MZ1",
}  # fmt: skip
SOUND = base64.b64encode(b"\xff\x7f" * 80).decode()
MEDIA: dict[str, Any] = {
    "event": "media", "sequenceNumber": "3", "streamSid": "MZ1",
    "media": {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": SOUND},
}  # fmt: skip


def test_what_it_says_is_read() -> None:
    assert parse('{"event": "connected", "protocol": "Call", "version": "1.0.0"}') == Connected("Call", "1.0.0")
    assert parse(json.dumps(START)) == Start("MZ1", "CA1", "AC1", {"FirstName": "Jane"})
    assert parse(json.dumps(MEDIA)) == TwilioMedia("MZ1", True, 3, 5, b"\xff\x7f" * 80)
    outbound = MEDIA | {"media": MEDIA["media"] | {"track": "outbound"}}
    assert parse(json.dumps(outbound)) == TwilioMedia("MZ1", False, 3, 5, b"\xff\x7f" * 80)
    key = {"event": "dtmf", "streamSid": "MZ1", "sequenceNumber": "5", "dtmf": {"track": "inbound_track", "digit": "1"}}
    assert parse(json.dumps(key)) == Pressed("MZ1", 5, "1")
    assert parse('{"event": "mark", "streamSid": "MZ1", "mark": {"name": "0:48:u1"}}') == TwilioMark("MZ1", "0:48:u1")
    assert parse('{"event": "stop", "streamSid": "MZ1", "stop": {"callSid": "CA1"}}') == Stop("MZ1")
    assert parse('{"event": "weather"}') is None


def test_what_we_say_is_what_its_documents_show() -> None:
    assert json.loads(say.media("MZ1", b"\xff\x7f")) == {
        "event": "media", "streamSid": "MZ1", "media": {"payload": base64.b64encode(b"\xff\x7f").decode()},
    }  # fmt: skip
    assert json.loads(say.mark("MZ1", "a")) == {"event": "mark", "streamSid": "MZ1", "mark": {"name": "a"}}
    assert json.loads(say.clear("MZ1")) == {"event": "clear", "streamSid": "MZ1"}


def changed(document: dict[str, Any], **fields: object) -> str:
    return json.dumps(document | fields)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[" * 30_000, "no JSON"),
        ("[]", "object"),
        ("7", "object"),
        ('{"event": 7}', "'event'"),
        ('{"event": "media", "media": {}}', "'payload'"),
        ('{"event": "stop"}', "'streamSid'"),
        (changed(MEDIA, media=None), "'media'"),
        (changed(MEDIA, media={"payload": "no base64!"}), "base64"),
        (changed(MEDIA, media={"payload": "ü"}), "base64"),
        (changed(MEDIA, sequenceNumber="-1"), "'sequenceNumber'"),
        (changed(MEDIA, sequenceNumber="9" * 5000), "'sequenceNumber'"),
        (changed(MEDIA, sequenceNumber=True), "'sequenceNumber'"),
        (changed(MEDIA, media=MEDIA["media"] | {"timestamp": 1e300}), "'timestamp'"),
        (changed(START, start=START["start"] | {"mediaFormat": {"encoding": "audio/opus"}}), "audio/opus"),
        (changed(START, start=START["start"] | {"customParameters": ["a"]}), "'customParameters'"),
        (changed(START, start=START["start"] | {"callSid": None}), "'callSid'"),
        ('{"event": "mark", "streamSid": "MZ1", "mark": {"name": 3}}', "'name'"),
        ("x" * (say.MAX_TEXT + 1), "characters"),
    ],
)
def test_what_it_never_says_is_named(text: str, word: str) -> None:
    with pytest.raises(InputError, match=word):
        parse(text)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
NAMES = ["event", "streamSid", "sequenceNumber", "start", "media", "dtmf", "mark", "stop", "payload", "mediaFormat"]


@given(
    st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=6),
    st.sampled_from(["connected", "start", "media", "dtmf", "mark", "stop", "?"]),
)
def test_a_damaged_message_is_an_error_in_words_or_nothing(fields: dict[str, Any], event: str) -> None:
    good: dict[str, Any] = {"start": START, "media": MEDIA}.get(event, {"streamSid": "MZ1"})
    try:
        parse(json.dumps(good | {"event": event} | fields))
    except InputError:
        pass


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_garbage_is_an_error_in_words(text: str) -> None:
    try:
        parse(text)
    except InputError:
        pass
