"""Structured replies, parsed while they stream: any split, any content, and what models make of the format."""

from __future__ import annotations

import itertools
import json
import random
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import from_json

from duologue.language.structured import (
    ChunkReady,
    ExpressionReady,
    PlainText,
    ReplyChunk,
    ReplyEvent,
    ReplyForm,
    StructuredReader,
    TextReady,
    reply_schema,
    response_format,
)
from duologue.language.structured_json import MAX_DEPTH, MAX_STRING, Closed, JsonStream, Scalar
from few_examples import examples

TWO = '{"chunks":[{"text":"Hello.","expression":"smile","hint":"Greet"},{"text":"And you?","expression":"doubt"}]}'


def pieces(text: str, cuts: list[int]) -> list[str]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[a:b] for a, b in itertools.pairwise(places)] or [text]


def read(text: str, cuts: list[int] | None = None) -> tuple[StructuredReader, list[ReplyEvent]]:
    reader = StructuredReader()
    events = [event for piece in pieces(text, cuts or []) for event in reader.feed(piece)]
    return reader, _joined(events + reader.finish())


def _joined(events: list[ReplyEvent]) -> list[ReplyEvent]:
    """Adjacent plain pieces as one."""
    joined: list[ReplyEvent] = []
    for event in events:
        last = joined[-1] if joined else None
        if isinstance(event, PlainText) and isinstance(last, PlainText):
            joined[-1] = PlainText(last.text + event.text)
        else:
            joined.append(event)
    return joined


def texts(events: list[ReplyEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, TextReady | PlainText)]


def flat(value: object, path: tuple[str | int, ...] = ()) -> list[object]:
    """The events that a document must give."""
    if isinstance(value, dict):
        inner = [e for key, item in cast("dict[str, object]", value).items() for e in flat(item, (*path, key))]
        return [*inner, Closed(path)]
    if isinstance(value, list):
        inner = [e for number, item in enumerate(cast("list[object]", value)) for e in flat(item, (*path, number))]
        return [*inner, Closed(path)]
    return [Scalar(path, cast("str", value))]


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    ),
    max_leaves=12,
)
ROOTS = st.one_of(st.lists(VALUES, max_size=4), st.dictionaries(st.text(max_size=5), VALUES, max_size=4))


@settings(deadline=None)
@given(ROOTS, st.booleans(), st.sampled_from([None, 1]))
def test_any_document_gives_its_values_in_order(root: object, ascii_only: bool, indent: int | None):
    document = json.dumps(root, ensure_ascii=ascii_only, indent=indent)
    stream = JsonStream()
    events = [event for character in document for event in stream.take(character)]
    assert stream.problem == "" and stream.done
    assert events == flat(json.loads(document))


@settings(deadline=None)
@given(st.text(st.sampled_from('{}[]",:\\u0123dDaftrulsen -+.e😀\n'), max_size=40))
def test_what_it_takes_for_whole_is_what_the_standard_parser_takes(text: str):
    stream = JsonStream()
    events = [event for character in text for event in stream.take(character)]
    try:
        value = json.loads(text, strict=False, object_pairs_hook=lambda pairs: pairs)  # keeps what is given twice
        valid = not isinstance(value, int | float | str | None)
    except ValueError:
        valid = False
    assert (stream.done and not stream.problem) == valid
    assert events == [] or isinstance(events[0], Scalar | Closed)


def test_lone_surrogates_become_the_replacement_character():
    stream = JsonStream()
    document = r'["\ud83d","\ude00x","\ud83d\ud83d\ude00","\ud83dA"]'
    events = [event for character in document for event in stream.take(character)]
    assert [event.value for event in events if isinstance(event, Scalar)] == [
        "\ufffd", "\ufffdx", "\ufffd\U0001f600", "\ufffdA",
    ]  # fmt: skip


def test_a_parser_of_partial_documents_cannot_take_its_place():
    """What models write, and an end, are told by :class:`JsonStream`; pydantic's parser refuses the one, and cannot see
    the other.
    """

    def told(document: str) -> list[object]:
        stream = JsonStream()
        return [event for character in document for event in stream.take(character)]

    for written in ('{"text": "two\nlines"}', r'{"text": "half \ud83d"}'):
        with pytest.raises(ValueError, match=r"control character|hex escape"):
            from_json(written, allow_partial=True)
        assert told(written)[-1] == Closed(())
    opened, closed = '{"text": "a"', '{"text": "a"}'
    assert from_json(opened, allow_partial=True) == from_json(closed, allow_partial=True)
    assert Closed(()) not in told(opened) and Closed(()) in told(closed)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" * (MAX_DEPTH + 1), "levels"),
        ('["' + "x" * (MAX_STRING + 1), "a string of more than"),
        ("[" + "1" * 65, "no value"),
        ("[1 2", "a value instead of a comma"),
        ('{"a" 1', "instead of a colon"),
        ('{"a":1]', "']' instead of"),
        (r'["\x', r"the escape \x"),
        (r'["\u00g', "hexadecimal"),
        ("[nil,", "'nil' is no value"),
        ("[01,", "'01' is no value"),
        ('"root"', "neither an object nor an array"),
        ("[] x", "a value instead of nothing"),
    ],
)
def test_a_mistake_is_named_and_ends_the_reading(text: str, problem: str):
    stream = JsonStream()
    for character in text + " ":
        stream.take(character)
    assert problem in stream.problem
    assert stream.take("]") == []


def test_a_chunk_is_given_when_its_object_closes_and_its_text_before():
    reader = StructuredReader()
    seen: dict[int, list[ReplyEvent]] = {}
    for place, character in enumerate(TWO):
        if events := reader.feed(character):
            seen[place] = events
    assert list(seen.values()) == [
        [TextReady(0, "Hello.")],
        [ExpressionReady(0, "smile")],
        [ChunkReady(ReplyChunk(0, "Hello.", "smile", hint="Greet"))],
        [TextReady(1, "And you?")],
        [ExpressionReady(1, "doubt"), ChunkReady(ReplyChunk(1, "And you?", "doubt"))],
    ]
    first, expressed, closed, *_ = seen
    assert TWO[:first].endswith('"Hello."') and TWO[: closed + 1].endswith('"Greet"}')
    assert TWO[:expressed].endswith('"smile"')
    assert reader.finish() == [] and reader.form is ReplyForm.STRUCTURED


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        (TWO, ReplyForm.STRUCTURED, ["Hello.", "And you?"]),
        ("```json\n" + TWO + "\n```", ReplyForm.STRUCTURED, ["Hello.", "And you?"]),
        ("<think>{[ hm</think>\n" + TWO + " Bye", ReplyForm.STRUCTURED, ["Hello.", "And you?"]),
        ('[{"text":"One"},{"text":"Two"}]', ReplyForm.STRUCTURED, ["One", "Two"]),
        ('{"expression":"smile","text":"Bare"}', ReplyForm.STRUCTURED, ["Bare"]),
        ('{"chunks":["One","Two"]}', ReplyForm.STRUCTURED, ["One", "Two"]),
        (
            '{"chunks":[{"text":""},{"expression":"x"},{"text":"Last"}], "more": {"a": [1]}}',
            ReplyForm.STRUCTURED,
            ["Last"],
        ),
        ("Hello there. How are you?", ReplyForm.PLAIN, ["Hello there. How are you?"]),
        ("``code``", ReplyForm.PLAIN, ["``code``"]),
        ("Sure! " + TWO, ReplyForm.STRUCTURED, ["Sure! \n\n", "Hello.", "And you?"]),
        ("So:\n```json\n" + TWO + "\n```\nBye", ReplyForm.STRUCTURED, ["So:\n\n\n", "Hello.", "And you?"]),
        ('Sure! {"chunks":[{"text":"Hello. I am cut', ReplyForm.MALFORMED, ["Sure! \n\n", "Hello. I am cut"]),
        ('Sure! {"chu', ReplyForm.PLAIN, ["Sure! "]),
        ("Sure!\n```json", ReplyForm.PLAIN, ["Sure!\n"]),
        ("```js", ReplyForm.PLAIN, []),
        ('Well [she said] {"so"}, `x` [{', ReplyForm.PLAIN, ['Well [she said] {"so"}, `x` [{']),
        ("<think>Only thoughts", ReplyForm.PLAIN, []),
        ("", ReplyForm.PLAIN, []),
        ('{"reply":"Hi","to":["you"]}', ReplyForm.MALFORMED, ["Hi you"]),
        ('{"chunks":[]}', ReplyForm.MALFORMED, []),
        ("{laughs} Hello.", ReplyForm.MALFORMED, ["{laughs} Hello."]),
        (TWO[:-20], ReplyForm.MALFORMED, ["Hello.", "And you?"]),
        ('{"chunks":[{"text":"Hello. I am cut', ReplyForm.MALFORMED, ["Hello. I am cut"]),
        ('{"chunks":[{"text":"He said "no" to me."},{"text":"Two."}]}', ReplyForm.MALFORMED,
         ['He said "no" to me.', "Two."]),
        ('{"chunks":[{"text":"One.","hint":"a "b" c"},{"text":"Two."}]}', ReplyForm.MALFORMED, ["One.", "Two."]),
        ('{"chunks":[{"text":"One."} {"text":"Two."}]}', ReplyForm.MALFORMED, ["One.", "Two."]),
        (r'{"chunks":[{"text":"It\'s one."}]}', ReplyForm.MALFORMED, [r"It\'s one."]),
    ],
)  # fmt: skip
def test_what_models_make_of_it_is_read_whole_and_once(text: str, form: ReplyForm, expected: list[str]):
    reader, events = read(text)
    assert (texts(events), reader.form) == (expected, form)
    assert bool(reader.problem) == (form is ReplyForm.MALFORMED)


LIKELY = st.sampled_from(
    ['{"chunks":[', '{"text":"', "Hello. ", '"', '",', '"}', "},", "]}", "\\", '\\"', "\\ud83d", "\\ude00", "null",
     '"expression":', '"smile"', '"hint":', "{", "[", "```json\n", "```", "<think>", "</think>", "\n", " ", "é", "text"]
)  # fmt: skip
REPLIES = st.one_of(st.lists(LIKELY, max_size=30).map("".join), st.text(max_size=120))


@settings(max_examples=examples(400), deadline=None)
@given(REPLIES, st.lists(st.integers(0, 400), max_size=12))
def test_anything_is_read_the_same_however_it_is_cut(text: str, cuts: list[int]):
    whole, expected = read(text)
    reader, events = read(text, cuts)
    assert (events, reader.form, reader.problem) == (expected, whole.form, whole.problem)
    numbers = [event.index for event in events if isinstance(event, TextReady)]
    closed = [event.chunk.index for event in events if isinstance(event, ChunkReady)]
    assert numbers == closed == list(range(len(numbers)))


SPEECH = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(lambda text: text.strip())


@settings(deadline=None)
@given(st.lists(st.tuples(SPEECH, SPEECH), min_size=1, max_size=5), st.booleans(), st.data())
def test_cut_anywhere_no_chunk_is_lost_or_doubled(chunks: list[tuple[str, str]], ascii_only: bool, data: st.DataObject):
    document = json.dumps({"chunks": [{"text": text, "hint": hint} for text, hint in chunks]}, ensure_ascii=ascii_only)
    cut = data.draw(st.integers(0, len(document)))
    reader, events = read(document[:cut])
    given_ = [event.text for event in events if isinstance(event, TextReady)]
    whole = [text.strip() for text, _ in chunks]
    assert given_[:-1] == whole[: max(0, len(given_) - 1)] and len(given_) <= len(whole)
    if cut == len(document):
        assert given_ == whole and reader.form is ReplyForm.STRUCTURED


def test_memory_is_bounded():
    reader = StructuredReader()
    dice = random.Random(1)
    for _ in range(50):
        reader.feed("".join(dice.choices('x"[{, ', k=5000)))
    reader.finish()
    assert reader.form is ReplyForm.PLAIN or reader.problem


def test_the_format_is_one_that_strict_servers_take():
    schema = reply_schema(("smile", "sad"), notes=("correction",))
    wrapped = response_format(schema)
    assert wrapped["type"] == "json_schema" and json.loads(json.dumps(wrapped)) == wrapped
    items = json.loads(json.dumps(schema))["properties"]["chunks"]["items"]
    assert items["required"] == list(items["properties"]) == ["text", "expression", "correction"]
    assert items["additionalProperties"] is False and items["properties"]["expression"]["enum"] == ["smile", "sad"]
