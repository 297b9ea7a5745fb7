"""Say what is wrong with a table of keys and values (a manifest, the settings) in words a person can act on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias, cast, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ValidationError

LISTED = 24
"""How many known names a remedy lists."""


def _at_home(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not value.strip():
        raise ValueError("an empty path names nothing | Name a file or folder, or leave the key out.")
    try:
        return Path(value).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{value} is in no home that is known | Write the whole path.") from error


WrittenPath: TypeAlias = Annotated[Path, BeforeValidator(_at_home)]
"""A path as a person writes it where no shell reads it first: ``~`` is their home. An empty one is refused: it would
stand for the working directory.
"""


@dataclass(frozen=True, slots=True)
class WrongValue:
    """One wrong value: the dotted ``key``, ``what`` is wrong with it, and the ``remedy``."""

    key: str
    what: str
    remedy: str


def did_you_mean(word: str, known: Iterable[str], elsewhere: Iterable[str] = ()) -> str:
    """A remedy for a name that is not known: what is called just so ``elsewhere``, else the nearest known one; and all
    that are known here.
    """
    names = sorted(known)
    meant = list(elsewhere)[:3] or difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    guess = f"Did you mean {' or '.join(map(repr, meant))}? " if meant else ""
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{guess}Known: {', '.join(names[:LISTED])}{more}." if names else f"{guess}Remove it."


def problems(error: ValidationError, model: type[BaseModel]) -> list[WrongValue]:
    """What a validation of ``model`` found, in the model's order, one entry for each wrong key."""
    found: dict[str, WrongValue] = {}
    for detail in error.errors(include_url=False):
        path = tuple(part for part in detail["loc"] if part != "[key]")
        key = dotted(path)
        found.setdefault(key, WrongValue(key, *_words(detail["type"], detail["msg"], path, detail.get("ctx"), model)))
    return list(found.values())


def tuples(value: object) -> object:
    """Arrays of a table, at any depth, as what is read-only; in strict mode nothing else is taken for a tuple."""
    if isinstance(value, dict):
        return {key: tuples(each) for key, each in cast("dict[str, object]", value).items()}
    return tuple(map(tuples, cast("list[object]", value))) if isinstance(value, list) else value


def dotted(path: Iterable[int | str]) -> str:
    """``("seats", 0, "at")`` as ``seats[0].at``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _words(
    kind: str, message: str, path: tuple[int | str, ...], context: Mapping[str, Any] | None, model: type[BaseModel]
) -> tuple[str, str]:
    name = str(path[-1]) if path else ""
    match kind:
        case "extra_forbidden":
            elsewhere = (key for key in keys_in(model) if key.rpartition(".")[2] == name)
            return f"there is no key {name!r} here", did_you_mean(name, fields_at(model, path[:-1]), elsewhere)
        case "missing" if path and isinstance(path[-1], int):
            return "an entry of the list is missing", _description(model, path)
        case "missing":
            return f"the key {name!r} is missing", "Add it."
        case "model_type" | "model_attributes_type" | "dict_type":
            keys = ", ".join(fields_at(model, path))
            return "it is a table, and has no value of its own", f"Its keys: {keys}." if keys else "Write a table."
        case "tuple_type" | "list_type":
            return "a list is wanted", _description(model, path)
        case "enum" | "literal_error":
            allowed = str((context or {}).get("expected", "")).replace(" or ", ", ")
            return "the value is not one that is known", f"Allowed: {allowed}."
        case "value_error":
            what, _, remedy = message.removeprefix("Value error, ").partition(" | ")
            return what, remedy or "Change it."
        case _:
            return f"the value is wrong: {message[:1].lower()}{message[1:]}", _description(model, path)


def fields_at(model: type[BaseModel], path: Iterable[int | str]) -> list[str]:
    """The keys that the table at ``path`` of ``model`` may have; empty where that is not a table of fixed keys."""
    current: type[BaseModel] | None = model
    named = False
    for part in path:
        if isinstance(part, int) or named:  # which entry of a list, or of a table of tables: all are of one kind
            named = False
            continue
        if current is None or part not in current.model_fields:
            return []
        annotation = current.model_fields[part].annotation
        current, named = model_in(annotation), get_origin(annotation) is dict
    return list(current.model_fields) if current else []


def keys_in(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The dotted keys of ``model`` and of the tables in it; of lists of tables and tables of tables their own."""
    for name, field in model.model_fields.items():
        inner = model_in(field.annotation) if get_origin(field.annotation) not in (dict, tuple, list) else None
        if inner is None:
            yield f"{prefix}{name}"
        else:
            yield from keys_in(inner, f"{prefix}{name}.")


def _description(model: type[BaseModel], path: tuple[int | str, ...]) -> str:
    current: type[BaseModel] | None = model
    text = ""
    for part in path:
        if isinstance(part, int) or current is None or part not in current.model_fields:
            continue
        text = current.model_fields[part].description or ""
        current = model_in(current.model_fields[part].annotation)
    return f"It is: {text}" if text else "Change it."


def model_in(annotation: object) -> type[BaseModel] | None:
    """The pydantic model that an annotation is made of (``M``, ``M | None``, ``tuple[M, ...]``), if there is one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := model_in(part))), None)
