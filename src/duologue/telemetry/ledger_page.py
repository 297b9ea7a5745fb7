"""The tables of docs/ledger.md, made of the records themselves: ``python -m duologue.telemetry.ledger_page``.

It prints the part of the page between the two marks; a test keeps the page current.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import MISSING, fields
from enum import Enum
from typing import Any, get_args, get_origin

from duologue.telemetry.ledger import KINDS, Record
from duologue.telemetry.lines import Shape, shapes

BEGIN = "<!-- made by python -m duologue.telemetry.ledger_page; do not edit -->"
END = "<!-- end of what is made -->"


def page_part() -> str:
    """What stands in the page, with its marks."""
    return "\n\n".join([BEGIN, *(_section(name, kind) for name, kind in KINDS.items()), END])


def _section(name: str, kind: type[Record]) -> str:
    words = " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())
    own = any(each.name == "at" for each in fields(kind))
    lines = [f"### `{name}`", words + (" `at` is when it happened." if own else ""), ""]
    if not shapes(kind):
        return "\n".join(lines[:-1])
    return "\n".join([*lines, "| field | | left out when | |", "|---|---|---|---|", *map(_row, shapes(kind))])


def _row(shape: Shape) -> str:
    return f"| `{shape.key}` | {_type(shape)} | {_left_out(shape)} | {shape.words} |"


def _left_out(shape: Shape) -> str:
    if shape.time:
        return "unknown"
    if shape.default is MISSING:
        return ""
    default = shape.default.value if isinstance(shape.default, Enum) else shape.default
    empty = default in ("", (), {}) and not isinstance(default, bool | int | float)
    return (
        "empty"
        if empty
        else str(default).lower()
        if isinstance(default, bool)
        else f"{default:g}"
        if isinstance(default, int | float)
        else f"`{default}`"
    )


def _type(shape: Shape) -> str:
    return "time" if shape.time else _named(shape.hint)


def _named(hint: Any) -> str:
    origin = get_origin(hint)
    if origin is tuple:
        return f"list of {_named(get_args(hint)[0])}"
    if origin is not None:
        return "object"
    if issubclass(hint, Enum):
        return "one of " + ", ".join(_values(hint))
    return {int: "integer", float: "number", str: "text", bool: "true or false"}[hint]


def _values(hint: type[Enum]) -> Iterator[str]:
    for each in hint:
        if each.value != "":
            yield f"{each.value} ({each.name.lower()})" if isinstance(each.value, int) else f"`{each.value}`"


if __name__ == "__main__":
    print(page_part())
