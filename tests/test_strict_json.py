"""JSON that is taken is JSON that can be written down again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duologue.strict_json import read_json

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(ANYTHING)
def test_what_can_be_written_down_is_read(value: object) -> None:
    assert read_json(json.dumps(value)) == value
    assert read_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.one_of(st.binary(), st.text(), st.text(alphabet='[]{}",:\\ud89abf0123456789eE+-.NaInfity ')))
def test_whatever_is_read_can_be_written_down_again(body: bytes | str) -> None:
    try:
        value = read_json(body)
    except json.JSONDecodeError:
        return
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"\xff", "UTF-8"), ("{}".encode("utf-16"), "UTF-8"), (b"[NaN]", "NaN"), (b"[-Infinity]", "Infinity"),
        (b"[1e400]", "1e400"), (b"9" * 5000, "digits"), (b"[" * 100_000, "deep"), (b'["\\ud800"]', "half"),
        (b'{"\\uDFFF": 1}', "half"), (b'"\\ud83d x \\ude00"', "half"),
    ],
)  # fmt: skip
def test_what_cannot_is_named(body: bytes, what: str) -> None:
    with pytest.raises(json.JSONDecodeError, match=what):
        read_json(body)


def test_a_pair_is_a_character() -> None:
    assert read_json(b'"\\ud83d\\ude00"') == "😀"
