"""The API's reference at /docs: one page made from the schema, without a script and without anybody else's server.

FastAPI's own page loads its program from a content network, which a machine without one cannot, and which would then
run beside our cookie. This one says the same: what can be asked, with which fields, and what is answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

Schema = Mapping[str, Any]
_NOTHING_SAID = "Successful Response"
"""What the framework writes where we wrote nothing."""

_STYLE = """
:root{color-scheme:dark;--back:#101214;--card:#17191d;--line:#2a2d33;--text:#e8e6e1;--dim:#a3a6ad;--accent:#f2b95c}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--text);font:16px/1.55 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:2rem 1rem 6rem}
h1{font-size:1.75rem;margin:0}
h2{font-size:1.25rem;margin:2.5rem 0 .75rem;text-transform:capitalize}
h3{font-size:1rem;margin:0}
a{color:var(--accent)}
p{margin:.35rem 0;color:var(--dim)}
code,.path{font:.9rem/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:1rem;margin:.75rem 0}
section:target{border-color:var(--accent)}
.method{display:inline-block;min-width:4.5rem;color:var(--accent);font-weight:600}
table{border-collapse:collapse;width:100%;table-layout:fixed;margin:.75rem 0 0}
th,td{text-align:left;vertical-align:top;padding:.3rem .75rem .3rem 0;border-top:1px solid var(--line);font-size:.9rem}
th{color:var(--dim);font-weight:500}
th:first-child{width:24%}
th:nth-child(2){width:30%}
ul{columns:3 14rem;padding-left:1rem}
"""


def render(schema: Schema) -> str:
    """The reference of an OpenAPI 3.1 ``schema`` as an HTML page."""
    info = schema["info"]
    models: Schema = schema.get("components", {}).get("schemas", {})
    index = "".join(f'<li><a href="#{escape(name)}">{escape(name)}</a>' for name in sorted(models))
    parts = [
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info.get('description', ''))}</p>",
        '<p>For programs: <a href="openapi.json">openapi.json</a>. The page: <a href="./">here</a>.</p>',
        *_groups(schema["paths"]),
        f"<h2>Models</h2><ul>{index}</ul>",
        *(_model(name, models[name]) for name in sorted(models)),
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(info['title'])}: the API</title><style>{_STYLE}</style><main>{''.join(parts)}</main></html>"
    )


def _groups(paths: Schema) -> list[str]:
    groups: dict[str, list[str]] = {}
    for path, operations in paths.items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["other"])[-1]
            groups.setdefault(tag, []).append(_operation(method, path, operation))
    return [f"<h2>{escape(tag)}</h2>{''.join(found)}" for tag, found in groups.items()]


def _operation(method: str, path: str, operation: Schema) -> str:
    title = f'<span class="method">{method.upper()}</span><span class="path">{escape(path)}</span>'
    parts = [f'<section id="{escape(operation["operationId"])}"><h3>{title}</h3>', _prose(operation.get("description"))]
    parts += [f"<p>Wants a token with the scope <code>{escape(scope)}</code>.</p>" for scope in _scopes(operation)]
    rows = [
        (parameter["name"], _type(parameter["schema"]), parameter.get("description", ""))
        for parameter in operation.get("parameters", ())
    ]
    body = operation.get("requestBody", {}).get("content", {})
    rows += [("body", _type(content["schema"]), escape(media)) for media, content in body.items()]
    parts.append(_table(("Asked", "Type", ""), rows))
    answers = [
        (
            status,
            ", ".join(_answers(answer.get("content", {}))),
            _inline(answer.get("description", "").replace(_NOTHING_SAID, "")),
        )
        for status, answer in sorted(operation["responses"].items())
    ]
    parts.append(_table(("Answer", "Type", ""), answers))
    return "".join(parts) + "</section>"


def _scopes(operation: Schema) -> Iterable[str]:
    return (scope for wanted in operation.get("security", ()) for scopes in wanted.values() for scope in scopes)


def _answers(content: Schema) -> Iterable[str]:
    for media, described in content.items():
        shape = _type(described["schema"]) if described.get("schema") else ""
        yield f"{shape} <code>{escape(media)}</code>" if media != "application/json" or not shape else shape


def _model(name: str, model: Schema) -> str:
    required = set(model.get("required", ()))
    rows = [
        (field, _type(described), _note(described, field in required))
        for field, described in model.get("properties", {}).items()
    ]
    shape = _table(("Field", "Type", ""), rows) if rows else f"<p>{_type(model)}</p>"
    return f'<section id="{escape(name)}"><h3>{escape(name)}</h3>{_prose(model.get("description"))}{shape}</section>'


def _note(described: Schema, required: bool) -> str:
    notes = [_inline(described["description"].rstrip("."))] if "description" in described else []
    limits = {"minimum": "at least", "maximum": "at most", "maxLength": "characters at most:", "pattern": "pattern"}
    notes += [f"{escape(word)} {escape(str(described[key]))}" for key, word in limits.items() if key in described]
    if not required:
        notes.append(
            f"default <code>{escape(repr(described['default']))}</code>" if "default" in described else "optional"
        )
    return "; ".join(notes)


def _type(described: Schema) -> str:
    """A schema's type in a few words, models as links."""
    if "$ref" in described:
        name = escape(described["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#{name}">{name}</a>'
    for choice in ("anyOf", "oneOf"):
        if choice in described:
            return " | ".join(_type(option) for option in described[choice])
    if "const" in described:
        return f"<code>{escape(repr(described['const']))}</code>"
    if "enum" in described:
        return " | ".join(f"<code>{escape(repr(value))}</code>" for value in described["enum"])
    if described.get("type") == "array":
        return f"list of {_type(described['items'])}" if described.get("items") else "list"
    return escape(str(described.get("type", "anything")))


def _table(head: tuple[str, ...], rows: list[tuple[str, str, str]]) -> str:
    """A table; the first column is plain text, the others are HTML."""
    if not rows:
        return ""
    top = "".join(f"<th>{escape(cell)}" for cell in head)
    body = "".join(f"<tr><td><code>{escape(first)}</code><td>{second}<td>{third}" for first, second, third in rows)
    return f"<table><tr>{top}{body}</table>"


def _prose(text: str | None) -> str:
    return "".join(f"<p>{_inline(part)}</p>" for part in (text or "").split("\n\n") if part.strip())


def _inline(text: str) -> str:
    """Docstring markup: code in backquotes, references as their name."""
    plain = re.sub(r":\w+:`~?([^`]*\.)?([^`.]+)`", r"``\2``", text)
    return re.sub(r"``?([^`]+)``?", r"<code>\1</code>", escape(plain))
