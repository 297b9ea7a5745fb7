"""A record as a line, and back."""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, fields, replace
from typing import Any, cast

import pytest

from duologue.places import packs_folder
from duologue.telemetry.ledger import (
    KINDS,
    Cause,
    EndingOutcome,
    Entry,
    EventRecord,
    FrameRecord,
    GovernorStep,
    Record,
    TurnRecord,
)
from duologue.telemetry.ledger_page import BEGIN, END, page_part
from duologue.telemetry.lines import ENVELOPE, Newer, Unreadable, decode, encode, parse, shapes

ORIGIN = 5_000_000_000
VALUES: dict[object, object] = {
    int: 7, float: 2.5, str: "Größe 😀", bool: True, Cause: Cause.TV, GovernorStep: GovernorStep.RATE,
    EndingOutcome: EndingOutcome.WENT_ON, tuple[str, ...]: ("a", "b"), tuple[float, ...]: (1.5, 2.0),
}  # fmt: skip


def sample(kind: type[Record]) -> Record:
    """A record with something in every field."""
    values = {
        shape.name: ORIGIN + 3 if shape.time else VALUES.get(shape.hint, {"at": ORIGIN + 9, "name": "x"})
        for shape in shapes(kind)
    }
    if any(each.name == "at" for each in fields(kind)):
        values["at"] = ORIGIN + 1
    if kind is KINDS["machine"]:
        values |= {"cpu_percent": {"main": 3.5}, "rss_mb": {"main": 90.0}}
    return kind(**cast(Any, values))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_was_written_is_read(kind: type[Record]) -> None:
    entry = Entry(ORIGIN + 1, "show:day", sample(kind), "an-id")
    line = encode(entry, ORIGIN)
    assert "\n" not in line and list(json.loads(line))[:5] == list(ENVELOPE)
    assert decode(parse(line), ORIGIN) == entry
    assert decode(parse(line), ORIGIN + 10).at == ORIGIN + 11, "times count from the origin"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_no_field_is_called_as_what_every_line_has(kind: type[Record]) -> None:
    keys = [shape.key for shape in shapes(kind)]
    assert not set(keys) & set(ENVELOPE) and len(set(keys)) == len(keys)
    assert all(shape.words for shape in shapes(kind))


def test_what_is_nothing_or_unknown_is_left_out() -> None:
    line = encode(Entry(ORIGIN, "show:day", FrameRecord(0, 0, ORIGIN, 1.0, 6.0, 0, 0, -900.0), "x"), ORIGIN)
    assert json.loads(line) == {
        "v": 1, "id": "x", "at": 0, "kind": "frame", "of": "show:day", "number": 0, "begun": 0, "compose_ms": 1.0,
        "encode_ms": 6.0, "damage_px": 0, "lateness_ms": -900.0,
    }  # fmt: skip
    record = decode(parse(line), ORIGIN).record
    assert isinstance(record, FrameRecord)
    assert (record.due, record.begun, record.cause, record.periods) == (0, ORIGIN, Cause.NONE, 1)


def test_no_number_is_infinite_and_half_characters_do_no_harm() -> None:
    record = FrameRecord(1, 0, 0, math.inf, math.nan, 0, 0, 1 / 3)
    line = encode(Entry(0, "show:day", record, "x"), 0)
    assert json.loads(line, parse_constant=pytest.fail)["lateness_ms"] == 0.333333
    read = decode(parse(line), 0).record
    assert isinstance(read, FrameRecord) and math.isnan(read.compose_ms)
    half = TurnRecord("t", "c", 1, "p", text="\ud83d")
    encoded = encode(Entry(0, "talk:c", half, "x"), 0).encode("utf-8", "backslashreplace")
    assert decode(parse(encoded.decode()), 0).record == half


def test_a_set_is_a_list_in_one_order() -> None:
    """A change of turn-taking carries the backchannels: a run of every push-to-talk conversation ended with it."""
    told = {"policy": {"backchannels": frozenset({"yes", "mm", "okay"})}}
    line = encode(Entry(1, "talk:1", EventRecord("Change", told)), 0)
    assert json.loads(line)["told"]["policy"]["backchannels"] == ["mm", "okay", "yes"]


def test_times_of_an_event_count_from_the_origin_too() -> None:
    record = EventRecord("PlayStarted", {"utterance_id": "r1/0", "at": ORIGIN + 2, "since": ORIGIN, "why": None})
    line = encode(Entry(ORIGIN + 3, "talk:c", record, "x"), ORIGIN)
    assert json.loads(line)["told"] == {"utterance_id": "r1/0", "at": 2, "since": 0, "why": None}


GOOD = {"v": 1, "id": "x", "at": 5, "kind": "bake", "of": "show:day", "what": "lights", "took_ms": 2.5}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "7", '{"v":1}', '"\\', "[" * 100_000, json.dumps(GOOD | {"at": ""}), json.dumps(GOOD | {"v": 0})],
)  # fmt: skip
def test_what_is_no_line_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        parse(text)


@pytest.mark.parametrize(
    "change", [{"took_ms": "long"}, {"took_ms": True}, {"what": 7}, {"kind": "turn"}, {"kind": "step", "step": 9}]
)
def test_a_line_that_breaks_its_promise_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        decode(parse(json.dumps(GOOD | change)), 0)


def test_fields_that_a_newer_program_adds_are_passed_over_and_a_newer_format_is_told() -> None:
    assert decode(parse(json.dumps(GOOD | {"new": 7})), 0) == decode(parse(json.dumps(GOOD)), 0)
    with pytest.raises(Newer) as caught:
        parse(json.dumps(GOOD | {"v": 2, "at": {}}))
    assert caught.value.version == 2


def test_the_page_of_the_ledger_is_what_the_records_say() -> None:
    text = (packs_folder().parent / "docs" / "ledger.md").read_text("utf-8")
    begin, end = text.index(BEGIN), text.index(END) + len(END)
    assert text[begin:end] == page_part(), "run `python -m duologue.telemetry.ledger_page` and paste it into the page"


def test_every_field_of_a_turn_is_a_time_or_says_its_unit() -> None:
    for kind in KINDS.values():
        for shape in shapes(kind):
            if shape.hint is float:
                assert shape.key.endswith(("_ms", "_percent", "_mb")), f"{kind.__name__}.{shape.name}"


def test_a_default_is_what_a_missing_field_means() -> None:
    for kind in KINDS.values():
        full = sample(kind)
        for shape in shapes(kind):
            if shape.default is not MISSING:
                bare = replace(full, **cast(Any, {shape.name: shape.default}))
                line = json.loads(encode(Entry(ORIGIN + 1, "x", bare, "x"), ORIGIN))
                assert shape.key not in line
