"""The format of the ledger: an entry as a line of JSON, and back. Pure. docs/ledger.md describes it.

Times are monotonic ns inside and ns since the file's origin in a line, where a browser's numbers hold them for a
hundred days.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from enum import Enum
from types import UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints

from pydantic_core import PydanticSerializationError, to_json

from duologue.telemetry.ledger import KINDS, Entry, FieldName, Record, Time

VERSION = 1
"""Of the format. A reader knows all up to its own."""
ENVELOPE = ("v", "id", "at", "kind", "of")
"""What every line begins with."""
TOLD_TIMES = frozenset({"at", "since"})
"""Times among what an event or an effect tells."""
_NAMES: Mapping[type[Record], str] = {kind: name for name, kind in KINDS.items()}
_TIME = get_args(Time)[1]
_TEXT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Shape:
    """A field of a record: ``key`` is its name in a line, ``words`` what it means. Without a ``default`` it is in
    every line.
    """

    name: str
    key: str
    hint: Any
    words: str
    time: bool
    default: object


def shapes(kind: type[Record]) -> tuple[Shape, ...]:
    """The fields of a kind of record that stand in a line; its ``at`` is the line's own."""
    hints = get_type_hints(kind, include_extras=True)
    found: list[Shape] = []
    for each in fields(kind):
        if each.name == "at":
            continue
        hint, *notes = get_args(hints[each.name])
        words = next(note for note in notes if isinstance(note, str))
        key = next((note.name for note in notes if isinstance(note, FieldName)), each.name)
        made = each.default_factory
        default = each.default if made is MISSING else made()
        found.append(Shape(each.name, key, hint, words, _TIME in notes, default))
    return tuple(found)


_SHAPES: Mapping[type[Record], tuple[Shape, ...]] = {kind: shapes(kind) for kind in KINDS.values()}


def kind_of(record: Record) -> str:
    """What a line calls it."""
    return _NAMES[type(record)]


def encode(entry: Entry, origin: int) -> str:
    """The line, without its end; ``origin`` is what its times count from (monotonic ns)."""
    record = entry.record
    line: dict[str, object] = {
        "v": VERSION, "id": entry.id, "at": entry.at - origin, "kind": _NAMES[type(record)], "of": entry.of,
    }  # fmt: skip
    for shape in _SHAPES[type(record)]:
        value: object = getattr(record, shape.name)
        if shape.time:
            if value:
                line[shape.key] = cast(int, value) - origin
        elif value != shape.default:
            line[shape.key] = (
                _told(cast("Mapping[str, object]", value), origin) if shape.name == "told" else plain(value)
            )
    return _json(line)


def _json(line: dict[str, object]) -> str:
    """A quarter of the time of :mod:`json`, which is for half a character that somebody typed: there it is told as it
    is, and whoever writes it says how.
    """
    try:
        return to_json(line).decode()
    except (PydanticSerializationError, UnicodeEncodeError):
        return _TEXT.encode(line)


def _told(told: Mapping[str, object], origin: int) -> dict[str, object]:
    return {
        name: (value - origin if name in TOLD_TIMES and type(value) is int else value)
        if value is None or type(value) in _PLAIN
        else plain(value)
        for name, value in told.items()
    }


_PLAIN = (str, int, bool)
"""Most values: they are the same in a line."""


def plain(value: object) -> object:
    """As JSON can hold it: no number is infinite there, and what lies beyond a nanosecond is noise. What is no data, as
    a voice that somebody gave, is told by its kind: one entry must not cost all those that come after it.
    """
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, Enum):
        return cast(object, value.value)
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    if isinstance(value, frozenset | set):  # in one order, so that the same event is the same line
        return sorted((plain(each) for each in cast("frozenset[object]", value)), key=str)
    if isinstance(value, tuple | list):
        return [plain(each) for each in cast("list[object]", value)]
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in cast("Mapping[object, object]", value).items()}
    return value if isinstance(value, str | int) else type(value).__name__


class Unreadable(ValueError):
    """The line is none of the ledger's."""


class Newer(Exception):
    """The line was written in a format that is not known yet."""

    def __init__(self, version: int) -> None:
        self.version = version


def parse(text: str) -> dict[str, Any]:
    """A line's values, with its envelope checked. Raises :class:`Unreadable`, and :class:`Newer`."""
    try:
        line: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable("it is no JSON") from error
    if not isinstance(line, dict):
        raise Unreadable("it is no object")
    found = cast("dict[str, Any]", line)
    version = found.get("v")
    if type(version) is int and version > VERSION:
        raise Newer(version)
    wanted = {"v": int, "id": str, "at": int, "kind": str, "of": str}
    if any(type(found.get(name)) is not type_ for name, type_ in wanted.items()) or version != VERSION:
        raise Unreadable(f"it lacks one of {', '.join(ENVELOPE)}")
    return found


def decode(line: Mapping[str, Any], origin: int) -> Entry:
    """What :func:`parse` gave, as an entry with monotonic times again. Raises :class:`Unreadable`; the kind is one of
    :data:`~duologue.telemetry.ledger.KINDS`.
    """
    kind = KINDS[line["kind"]]
    at = cast(int, line["at"]) + origin
    values: dict[str, object] = {"at": at} if any(each.name == "at" for each in fields(kind)) else {}
    for shape in _SHAPES[kind]:
        if shape.key in line:
            try:
                values[shape.name] = _read(shape, line[shape.key], origin)
            except (TypeError, ValueError) as error:
                raise Unreadable(f"{shape.key} is {line[shape.key]!r}") from error
        elif shape.default is MISSING:
            if not shape.time:
                raise Unreadable(f"it lacks {shape.key}")
            values[shape.name] = 0
    return Entry(at, line["of"], kind(**cast("dict[str, Any]", values)), line["id"])


def _read(shape: Shape, value: Any, origin: int) -> object:
    if shape.time:
        return _integer(value) + origin
    if shape.name == "told":
        told = cast("dict[str, object]", _checked(value, dict))
        return {n: v + origin if n in TOLD_TIMES and isinstance(v, int) else v for n, v in told.items()}
    return _value(shape.hint, value)


def _integer(value: object) -> int:
    return cast(int, _checked(value, int))


def _checked(value: object, kind: type[object] | UnionType) -> object:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError
    return value


def _float(value: object) -> float:
    return math.nan if value is None else float(cast(float, _checked(value, int | float)))


_READ: Mapping[object, Callable[[object], object]] = {
    int: _integer,
    float: _float,
    str: lambda value: _checked(value, str),
    bool: lambda value: _checked(value, bool),
}


def _value(hint: Any, value: Any) -> object:
    if read := _READ.get(hint):
        return read(value)
    origin = get_origin(hint)
    if origin is tuple:
        return tuple(_value(get_args(hint)[0], each) for each in cast("list[Any]", _checked(value, list)))
    if origin is not None:
        return _checked(value, dict)
    return hint(value)  # an enumeration
