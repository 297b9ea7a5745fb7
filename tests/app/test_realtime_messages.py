"""What clients of the Realtime API say: followed, or refused by name; nothing else comes of any bytes."""

from __future__ import annotations

import copy
import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from duologue.app.realtime.messages import EventError, SessionFields, named, parse_event
from duologue.app.realtime.settings import RealtimeConfig

EVENTS: list[dict[str, Any]] = [
    {"type": "session.update", "session": {
        "type": "realtime", "instructions": "x", "output_modalities": ["audio"], "tool_choice": "auto",
        "tools": [{"type": "function", "name": "f", "parameters": {}}], "max_output_tokens": "inf",
        "audio": {
            "input": {"format": {"type": "audio/pcm", "rate": 24_000}, "transcription": {"model": "whisper-1"},
                      "turn_detection": {"type": "server_vad", "silence_duration_ms": 500, "threshold": 0.5}},
            "output": {"format": {"type": "audio/pcmu"}, "voice": "alloy", "speed": 1},
        },
    }},
    {"type": "input_audio_buffer.append", "audio": "AAAA"},
    {"type": "conversation.item.create", "previous_item_id": "root", "item": {
        "id": "a", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}},
    {"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "c", "output": "x"}},
    {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0, "audio_end_ms": 5},
    {"type": "response.create", "response": {"metadata": {"a": "b"}, "instructions": "y"}},
    {"type": "response.cancel", "response_id": "r"},
]  # fmt: skip
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(cast("dict[str, Any]", value).items())
    elif isinstance(value, list):
        inner = list(enumerate(cast("list[Any]", value)))
    return [path, *(found for key, each in inner for found in places(each, (*path, key)))]


def followed(data: str | bytes) -> None:
    try:
        parse_event(data)
    except EventError as error:
        assert error.error["type"] == "invalid_request_error" and error.error["message"]
        assert len(str(error)) < 800


@pytest.mark.parametrize("event", EVENTS)
def test_what_may_be_said_is_followed(event: dict[str, Any]) -> None:
    assert parse_event(json.dumps(event)).type == event["type"]


@given(st.data())
def test_an_event_that_was_changed_anywhere_is_followed_or_refused(data: st.DataObject) -> None:
    event = copy.deepcopy(data.draw(st.sampled_from(EVENTS)))
    *path, last = data.draw(st.sampled_from(places(event)[1:]))
    inner: Any = event
    for key in path:
        inner = inner[key]
    inner[last] = data.draw(_json)
    followed(json.dumps(event))


@given(st.binary(max_size=200) | st.text(max_size=200) | _json.map(json.dumps))
def test_so_is_anything_else(data: str | bytes) -> None:
    followed(data)


@given(st.data())
def test_a_session_that_may_be_asked_for_can_be_told(data: st.DataObject) -> None:
    """What is accepted merges, and says of itself what was asked."""
    session = copy.deepcopy(EVENTS[0]["session"])
    *path, last = data.draw(st.sampled_from(places(session)[1:]))
    inner: Any = session
    for key in path:
        inner = inner[key]
    inner[last] = data.draw(_json)
    try:
        config = RealtimeConfig(model="chad").merged(SessionFields.model_validate(session))
    except (ValidationError, EventError) as error:
        if isinstance(error, ValidationError):
            assert named(error)[0]
        return
    assert json.dumps(config.wire("sess", 0, "chad"))
    assert config.toolbox.declarations is not None


def test_two_tools_of_one_name_are_refused() -> None:
    tools = [{"type": "function", "name": "f"}] * 2
    with pytest.raises(EventError, match="one name"):
        RealtimeConfig(model="chad").merged(SessionFields.model_validate({"tools": tools}))
