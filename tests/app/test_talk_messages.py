"""What is said on the socket of a talk: read, written, refused; and its page in docs/, which is made of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.app.talk import messages as say
from duologue.app.talk.reference import BEGIN, END, page_part
from duologue.errors import InputError

PAGE = Path(__file__).parents[2] / "docs" / "talk-protocol.md"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Invalid JSON"),
        ("null", "object"),
        ("[" * 10_000, "Invalid JSON"),
        ('{"type": "say"}', "say.text"),
        ('{"type": "say", "text": ""}', "say.text"),
        ('{"type": "say", "text": 7}', "say.text"),
        (json.dumps({"type": "say", "text": "x" * 4_001}), "say.text"),
        ('{"type": "sing"}', "type"),
        ('{"type": "push", "down": true, "hard": true}', "push.hard"),
        ('{"type": "played", "id": "a", "samples": -1}', "played.samples"),
        ('{"type": "played", "id": "a", "samples": 1e300}', "played.samples"),
        (json.dumps({"type": "played", "id": "x" * 201, "samples": 1}), "played.id"),
        (json.dumps({"type": "say", "text": "x" * 20_000}), "20"),
    ],
)
def test_what_is_no_message_is_named_and_not_repeated(text: str, why: str) -> None:
    with pytest.raises(InputError) as caught:
        say.parse_client(text)
    assert why in caught.value.what
    assert len(str(caught.value)) < 400


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_a_message_or_an_error_that_is_documented(text: str) -> None:
    try:
        say.parse_client(text)
    except InputError:
        pass


@given(st.binary(max_size=100))
def test_any_frame_is_sound_or_an_error_that_is_documented(frame: bytes) -> None:
    for unpack in (say.unpack_captured, say.unpack_played):
        try:
            assert len(unpack(frame).samples) <= 50
        except InputError:
            pass


def test_sound_comes_back_as_it_was() -> None:
    samples = np.linspace(-1, 1, 321, dtype=np.float32)
    captured = say.unpack_captured(say.pack_captured(say.CapturedSound(123_456, samples)))
    assert captured.at == 123_456 and np.allclose(captured.samples, samples, atol=1e-4)
    for first, more in ((True, False), (False, True)):
        sound = say.PlayedSound("c-r1/ö", 48_000, samples, first, more, 5_760)
        back = say.unpack_played(say.pack_played(sound))
        assert (back.id, back.start, back.first, back.more, back.gap) == ("c-r1/ö", 48_000, first, more, 5_760)
        assert np.allclose(back.samples, samples, atol=1e-4)
    whole = say.pack_played(say.PlayedSound("a", 0, np.array([0.5, -0.5], np.float32)))
    assert whole == bytes([2, 1, 1, 0]) + bytes(8) + b"a" + bytes.fromhex("0040") + bytes.fromhex("00c0")


@pytest.mark.parametrize("at", [0, 258, (1 << 32) - 1, 1 << 32, (1 << 32) + 258, (1 << 48) - 1])
def test_a_microphones_clock_goes_on_after_74_hours(at: int) -> None:
    frame = say.pack_captured(say.CapturedSound(at, np.zeros(1, np.float32)))
    assert say.unpack_captured(frame).at == at
    assert frame[:2] == b"\1\0" and int.from_bytes(frame[4:8], "little") == at % (1 << 32)


def test_too_much_sound_in_a_frame_is_refused() -> None:
    most = say.pack_captured(say.CapturedSound(0, np.zeros(say.MAX_CAPTURED, np.float32)))
    assert len(say.unpack_captured(most).samples) == say.MAX_CAPTURED
    for frame in (most + b"\0\0", most + b"\0", b"", b"\1", bytes([7]) + most[1:]):
        with pytest.raises(InputError):
            say.unpack_captured(frame)


def test_each_message_comes_back_as_it_was_and_has_a_type_of_its_own() -> None:
    kinds = [model.model_fields["type"].default for model in say.MODELS]
    assert len(set(kinds)) == len(kinds)
    for message in (say.TalkHello(version=1), say.TalkSay(text="Hi."), say.TalkPlayed(id="a", samples=3, at=17)):
        assert say.parse_client(message.model_dump_json()) == message
    chunk = say.TalkChunk(
        id="a/0", turn="c/a", index=0, text="Hi.", state="ready", words=(say.TalkWord(text="Hi", start=0, end=1),)
    )
    assert say.parse_server(chunk.model_dump_json()) == chunk
    with pytest.raises(InputError):
        say.parse_server(say.TalkSay(text="Hi.").model_dump_json())


def test_the_schema_tells_a_reader_which_message_it_is() -> None:
    found = say.schemas()
    for model in say.MODELS:
        assert "type" in found[model.__name__]["required"]
    assert found["TalkSay"]["properties"]["text"]["maxLength"] == say.MAX_WORDS


def test_the_page_of_the_protocol_is_current() -> None:
    text = PAGE.read_text("utf-8")
    made = text[text.index(BEGIN) : text.index(END) + len(END)]
    assert made == page_part(), "run `python -m duologue.app.talk.reference` and paste it into docs/talk-protocol.md"
