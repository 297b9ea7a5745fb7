"""The tables of docs/talk-protocol.md, made of the messages themselves: ``python -m duologue.app.talk.reference``.

It prints the part of the page between the two marks; a test keeps the page current.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from typing import Any

from duologue.app.talk.messages import (
    CLIENT_MODELS,
    SERVER_MODELS,
    TalkJudgedWord,
    TalkMessage,
    TalkPlace,
    TalkSource,
    TalkVocable,
    TalkWord,
    schemas,
)

BEGIN = "<!-- made by python -m duologue.app.talk.reference; do not edit -->"
END = "<!-- end of what is made -->"


def page_part() -> str:
    """What stands in the page, with its marks."""
    found = schemas()
    parts = [
        BEGIN,
        "## From the client",
        *(_section(model, found) for model in CLIENT_MODELS),
        "## From the server",
        *(_section(model, found) for model in SERVER_MODELS),
        "## Within them",
        *(_section(model, found) for model in (TalkPlace, TalkSource, TalkWord, TalkJudgedWord, TalkVocable)),
        END,
    ]
    return "\n\n".join(parts)


def _section(model: type[TalkMessage], found: Mapping[str, Any]) -> str:
    kind = model.model_fields.get("type")
    name = f"`{kind.default}`" if kind is not None else f"`{model.__name__}`"
    words = " ".join((inspect.getdoc(model) or "").split())
    rows = list(_rows(model, found[model.__name__]["properties"]))
    table = ["", "| field | | left out | |", "|---|---|---|---|", *rows] if rows else []
    return "\n".join([f"### {name}", words, *table])


def _rows(model: type[TalkMessage], properties: Mapping[str, Any]) -> Iterator[str]:
    for name, each in model.model_fields.items():
        if name != "type":
            left_out = "" if each.is_required() else f"`{json.dumps(properties[name].get('default'))}`"
            yield f"| `{name}` | {_type(properties[name])} | {left_out} | {each.description or ''} |"


def _type(of: Mapping[str, Any]) -> str:
    if "anyOf" in of:
        return " or ".join(_type(each) for each in of["anyOf"])
    if "$ref" in of:
        return f"`{of['$ref'].rpartition('/')[2]}`"
    if "enum" in of:
        return ", ".join(f"`{each}`" for each in of["enum"])
    if of.get("type") == "array":
        return f"list of {_type(of['items'])}"
    if of.get("type") == "object":
        return f"object of {_type(of['additionalProperties'])}"
    most = of.get("maxLength")
    return f"{of['type']}, at most {most}" if most else str(of["type"])


if __name__ == "__main__":
    print(page_part())
