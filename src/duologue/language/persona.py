"""A character's way of thinking and speaking. Personas are files (``persona.toml`` in a character's pack), not code."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from duologue.errors import InputError
from duologue.language.moves import MoveError, parse_moves

FORMAT = 1
"""The only value of ``format`` that this version reads."""
MAX_FILE = 1_000_000
"""A longer persona file (bytes) is refused."""
_TEXTS = ("style", "opinions", "catchphrases", "fillers", "deflections", "avoid", "expects")
_KEYS = (
    "format",
    "name",
    "title",
    "description",
    "max_words",
    "max_seconds",
    "max_sentences",
    "temperature",
    "model",
    *_TEXTS,
    "improv",
)


@dataclass(frozen=True, slots=True)
class Persona:
    """Who speaks, and how.

    ``name`` is the character's name in the cast, ``title`` what others call it. ``description`` is written to be a
    language model's system prompt; ``style`` are short notes that follow it. ``max_words``, ``max_seconds`` and
    ``max_sentences`` cap one turn. ``temperature`` (0…2) and ``model`` override the engine's own (None, empty: no
    override). ``fillers`` are what it mutters while it thinks ("Hm."), ``deflections`` whole lines that replace one
    that may not go on air, ``avoid`` phrases that it never says. ``expects`` are sentences that callers
    say to it: PocketSphinx then understands their words only, and far more surely. ``moves`` is the improviser's
    material: name of a move -> its variants (docs/personas.md).
    """

    name: str
    title: str
    description: str
    style: tuple[str, ...] = ()
    max_words: int = 45
    max_seconds: float = 18.0
    max_sentences: int = 8
    temperature: float | None = None
    model: str = ""
    opinions: tuple[str, ...] = ()
    catchphrases: tuple[str, ...] = ()
    fillers: tuple[str, ...] = ("Hm.", "Well.", "Let me think.")
    deflections: tuple[str, ...] = (
        "I had something to say about that, and on reflection I will keep it to myself.",
        "Let me take another run at that one later.",
        "No, wrong card. Please go on without me for a second.",
    )
    moves: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    avoid: tuple[str, ...] = ()
    expects: tuple[str, ...] = ()


def load_persona(path: Path) -> Persona:
    """Read a ``persona.toml``, or the one in the folder ``path``.

    Raises :class:`InputError` that names the file, the key and the remedy.
    """
    file = path / "persona.toml" if path.is_dir() else path
    return parse_persona(_read(file), file)


def parse_persona(data: Mapping[str, object], file: Path) -> Persona:
    """Make a persona of a decoded TOML document; ``file`` is named in errors, and its folder is the default name."""
    reader = _Reader(data, file)
    reader.only(_KEYS)
    if reader.integer("format", FORMAT, 1, 99) != FORMAT:
        raise reader.error("format", "is of a version that this program does not know", f"Write format = {FORMAT}.")
    name = reader.text("name", file.resolve().parent.name)
    default = Persona(name, name, "")
    return Persona(
        name=name,
        title=reader.text("title", name.title()),
        description=reader.text("description", None),
        max_words=reader.integer("max_words", default.max_words, 5, 400),
        max_seconds=reader.number("max_seconds", default.max_seconds, 2.0, 120.0),
        max_sentences=reader.integer("max_sentences", default.max_sentences, 1, 40),
        temperature=reader.number("temperature", 0.0, 0.0, 2.0) if "temperature" in data else None,
        model=reader.text("model", "", empty=True),
        style=reader.texts("style", ()),
        opinions=reader.texts("opinions", ()),
        catchphrases=reader.texts("catchphrases", ()),
        fillers=reader.texts("fillers", default.fillers),
        deflections=reader.texts("deflections", default.deflections),
        avoid=reader.texts("avoid", ()),
        expects=reader.texts("expects", ()),
        moves=reader.moves("improv"),
    )


def _read(file: Path) -> Mapping[str, object]:
    """Decode a TOML file. Raises :class:`InputError`."""
    try:
        content = file.read_bytes()
        if len(content) > MAX_FILE:
            raise InputError(f"the file has {len(content)} bytes", where=str(file), remedy="Keep it under 1 MB.")
        return tomllib.loads(content.decode("utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            "there is no persona file", where=str(file), remedy="Write one (docs/personas.md), or name another folder."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError("the file is not UTF-8 text", where=str(file), remedy="Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"this is not TOML: {error}", where=str(file), remedy="Mend that line.") from error
    except OSError as error:
        raise InputError(
            f"the file cannot be read: {error.strerror}", where=str(file), remedy="Check the path and its permissions."
        ) from error


class _Reader:
    """Typed access to one TOML table, with errors that name file and key."""

    def __init__(self, data: Mapping[str, object], file: Path) -> None:
        self._data = data
        self._file = file

    def error(self, key: str, problem: str, remedy: str) -> InputError:
        return InputError(f"{key!r} {problem}", where=f"{self._file}: {key}", remedy=remedy)

    def only(self, known: tuple[str, ...]) -> None:
        for key in self._data:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                guess = f"Did you mean {near[0]!r}?" if near else "Remove it."
                raise self.error(key, "is not a key of a persona", f"{guess} Known keys: {', '.join(known)}.")

    def text(self, key: str, default: str | None, *, empty: bool = False) -> str:
        value = self._data.get(key, default)
        if value is None:
            raise self.error(key, "is missing", f'Add {key} = "…".')
        if not isinstance(value, str) or not (value.strip() or empty):
            raise self.error(key, "must be a text that is not empty", f'Write {key} = "…".')
        return value.strip()

    def number(self, key: str, default: float, least: float, most: float) -> float:
        value = self._data.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise self.error(key, f"must be a number from {least:g} to {most:g}", f"Write {key} = {default:g}.")
        return float(value)

    def integer(self, key: str, default: int, least: int, most: int) -> int:
        value = self.number(key, default, least, most)
        if value != int(value):
            raise self.error(key, "must be a whole number", f"Write {key} = {default}.")
        return int(value)

    def texts(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        value = self._data.get(key)
        return default if value is None else self._texts(key, value)

    def table(self, key: str) -> Mapping[str, tuple[str, ...]]:
        value = self._data.get(key, {})
        if not isinstance(value, dict):
            raise self.error(
                key, "must be a table of lists of texts", f'Write [{key}] and lines like "open.1" = ["…"].'
            )
        return {name: self._texts(f"{key}.{name}", item) for name, item in cast("dict[str, object]", value).items()}

    def moves(self, key: str) -> Mapping[str, tuple[str, ...]]:
        table = self.table(key)
        try:
            parse_moves(table)
        except MoveError as error:
            raise self.error(f"{key}.{error.name}", error.problem, error.remedy) from error
        return table

    def _texts(self, key: str, value: object) -> tuple[str, ...]:
        items = cast("list[object]", value) if isinstance(value, list) else []
        texts = tuple(item.strip() for item in items if isinstance(item, str) and item.strip())
        if not texts or len(texts) != len(items):
            raise self.error(key, "must be a list of texts, none of them empty", f'Write {key} = ["…", "…"].')
        return texts
