"""JSON (RFC 8259) parsed while it arrives: an event for each value as soon as it cannot change any more.

A pure core that takes one character at a time, so tokens may be cut anywhere, in an escape or a surrogate pair too. It
holds one value and the path to it, never the document. Like ``json.loads(…, strict=False)`` it takes control characters
inside strings, because models write them. A lone surrogate becomes U+FFFD.

``pydantic_core.from_json(…, allow_partial=True)`` cannot take its place: it refuses both of these, tells an open object
from a closed one by nothing, and reads the whole document again for each token.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys and indexes from the root to a value; the root's own path is empty."""

MAX_DEPTH = 16
MAX_STRING = 20_000
"""Characters of one string."""
_MAX_WORD = 64
"""Characters of one number or literal."""
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_LITERALS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_SPACE = " \t\n\r"
_HEX = "0123456789abcdefABCDEF"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A string, number, boolean or null, known to be whole: what follows it has been seen."""

    path: Path
    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Closed:
    """The object or array at ``path`` has ended."""

    path: Path


JsonEvent: TypeAlias = Scalar | Closed


class _Want(Enum):
    """What may come next outside of strings and words."""

    VALUE = "a value"
    VALUE_OR_END = "a value or ]"
    KEY_OR_END = "a key or }"
    KEY = "a key"
    COLON = "a colon"
    MORE = "a comma or an end"
    NOTHING = "nothing"


class JsonStream:
    """Takes characters, gives events. After a mistake :attr:`problem` says what it was, and nothing more is taken."""

    def __init__(self) -> None:
        self.problem = ""
        self._want = _Want.VALUE
        self._path: list[str | int] = []
        self._word = ""
        self._string: list[str] | None = None
        self._escape: str | None = None
        self._high = 0
        self._ready: Scalar | None = None
        self._length = 0

    @property
    def done(self) -> bool:
        """The root value is whole. A bare number at the root is never known to be."""
        return self._want is _Want.NOTHING and self._ready is None

    def take(self, character: str) -> list[JsonEvent]:
        """Take one character; returns what it completes."""
        if self.problem:
            return []
        self._length += 1
        if self._string is not None:
            self._take_string(self._string, character)
            return []
        if character.isalnum() or character in "+-.":
            return self._take_word(character)
        if self._word and not self._end_word():
            return []
        return [] if character in _SPACE else self._take_mark(character)

    def _fail(self, what: str) -> None:
        self.problem = f"{what} at character {self._length}"

    def _take_mark(self, mark: str) -> list[JsonEvent]:
        if mark == '"':
            self._begin_string()
        elif mark in "{[":
            self._open(mark)
        elif mark == ":" and self._want is _Want.COLON:
            self._want = _Want.VALUE
        elif mark == "," and self._want is _Want.MORE:
            return self._comma()
        elif mark in "}]":
            return self._close(mark)
        else:
            self._fail(f"{mark!r} instead of {self._want.value}")
        return []

    def _value_wanted(self) -> bool:
        if self._want in (_Want.VALUE, _Want.VALUE_OR_END):
            return True
        self._fail(f"a value instead of {self._want.value}")
        return False

    def _begin_string(self) -> None:
        if self._want in (_Want.KEY, _Want.KEY_OR_END) or self._value_wanted():
            self._string = []

    def _open(self, mark: str) -> None:
        if not self._value_wanted():
            return
        if len(self._path) == MAX_DEPTH:
            self._fail(f"more than {MAX_DEPTH} levels")
            return
        self._path.append("" if mark == "{" else 0)
        self._want = _Want.KEY_OR_END if mark == "{" else _Want.VALUE_OR_END

    def _comma(self) -> list[JsonEvent]:
        events = self._flush()
        place = self._path[-1]
        if isinstance(place, int):
            self._path[-1] = place + 1
            self._want = _Want.VALUE
        else:
            self._want = _Want.KEY
        return events

    def _close(self, mark: str) -> list[JsonEvent]:
        empty = _Want.KEY_OR_END if mark == "}" else _Want.VALUE_OR_END
        inside = bool(self._path) and isinstance(self._path[-1], str) == (mark == "}")
        if not inside or self._want not in (_Want.MORE, empty):
            self._fail(f"{mark!r} instead of {self._want.value}")
            return []
        events = self._flush()
        self._path.pop()
        self._want = _Want.MORE if self._path else _Want.NOTHING
        return [*events, Closed(tuple(self._path))]

    def _flush(self) -> list[JsonEvent]:
        """The value before a comma or an end is whole now."""
        ready, self._ready = self._ready, None
        return [] if ready is None else [ready]

    def _scalar(self, value: str | float | bool | None) -> None:
        if not self._path:
            self._fail("a reply that is neither an object nor an array")
            return
        self._ready = Scalar(tuple(self._path), value)
        self._want = _Want.MORE

    def _take_word(self, character: str) -> list[JsonEvent]:
        if not self._word and not self._value_wanted():
            return []
        self._word += character
        if len(self._word) > _MAX_WORD:
            self._fail("a word that is no value")
        return []

    def _end_word(self) -> bool:
        word, self._word = self._word, ""
        if word in _LITERALS:
            self._scalar(_LITERALS[word])
        elif _NUMBER.fullmatch(word):
            self._scalar(float(word) if set(word) & set(".eE") else int(word))
        else:
            self._fail(f"{word[:20]!r} is no value")
        return not self.problem

    def _take_string(self, letters: list[str], character: str) -> None:
        if self._escape is not None:
            self._take_escape(letters, character)
        elif character == "\\":
            self._escape = ""
        elif character == '"':
            self._end_string(letters)
        else:
            self._add(letters, character)

    def _take_escape(self, letters: list[str], character: str) -> None:
        so_far, self._escape = self._escape, None
        if so_far:
            self._take_hex(letters, so_far[1:] + character)
        elif character == "u":
            self._escape = "u"
        elif character in _ESCAPES:
            self._add(letters, _ESCAPES[character])
        else:
            self._fail(f"the escape \\{character}")

    def _take_hex(self, letters: list[str], digits: str) -> None:
        if digits[-1] not in _HEX:
            self._fail("an escape that is not four hexadecimal digits")
        elif len(digits) < 4:
            self._escape = "u" + digits
        else:
            self._add_unit(letters, int(digits, 16))

    def _add_unit(self, letters: list[str], unit: int) -> None:
        """One UTF-16 code unit (RFC 8259, section 7): a surrogate pair makes one character."""
        high, self._high = self._high, 0
        if high and 0xDC00 <= unit < 0xE000:
            letters.append(chr(0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00)))
            return
        if high:
            letters.append("\ufffd")
        if 0xD800 <= unit < 0xDC00:
            self._high = unit
        else:
            self._add(letters, "\ufffd" if 0xDC00 <= unit < 0xE000 else chr(unit))

    def _add(self, letters: list[str], character: str) -> None:
        if self._high:
            letters.append("\ufffd")
            self._high = 0
        letters.append("\ufffd" if "\ud800" <= character <= "\udfff" else character)
        if len(letters) > MAX_STRING:
            self._fail(f"a string of more than {MAX_STRING} characters")

    def _end_string(self, letters: list[str]) -> None:
        if self._high:
            letters.append("\ufffd")
            self._high = 0
        self._string = None
        if self._want in (_Want.KEY, _Want.KEY_OR_END):
            self._path[-1] = "".join(letters)
            self._want = _Want.COLON
        else:
            self._scalar("".join(letters))
