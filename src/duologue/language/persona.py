"""A character's way of thinking and speaking. Personas are files (``persona.toml`` in a character's pack), not code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from duologue.errors import InputError
from duologue.language.languages import ENGLISH, Language, load_language
from duologue.language.moves import MoveError, parse_moves
from duologue.settings_parts import DialogueSettings
from duologue.text_files import read_table
from duologue.validation import WrongValue, problems, tuples

FORMAT = 1
"""The only value of ``format`` that this version reads."""


@dataclass(frozen=True, slots=True)
class Persona:
    """Who speaks, and how.

    ``name`` is the character's name in the cast, ``title`` what others call it, ``tagline`` what it is in a few words,
    for who is to choose one. ``description`` is written to be a
    language model's system prompt; ``style`` are short notes that follow it. ``max_words``, ``max_seconds`` and
    ``max_sentences`` cap one turn. ``temperature`` (0…2) and ``model`` override the engine's own (None, empty: no
    override). ``fillers`` are what it mutters while it thinks ("Hm."), ``deflections`` whole lines that replace one
    that may not go on air, ``avoid`` phrases that it never says. ``expects`` are sentences that callers
    say to it: PocketSphinx then understands their words only, and far more surely. ``language`` is what it speaks and
    hears. ``voice`` is its voice in each engine, where it speaks without a pack. ``dialogue`` is how it takes turns, by
    the keys of :class:`~duologue.settings_parts.DialogueSettings`. ``notes`` are what a language model is to write
    beside its answers (:data:`~duologue.language.structured.NOTES`): who teaches has some. ``moves`` is the
    improviser's material: name of a move -> its variants (docs/personas.md).
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
    fillers: tuple[str, ...] = ENGLISH.fillers
    deflections: tuple[str, ...] = ENGLISH.deflections
    dialogue: Mapping[str, object] = field(default_factory=dict[str, object])
    voice: Mapping[str, str] = field(default_factory=dict[str, str])
    moves: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    avoid: tuple[str, ...] = ()
    expects: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    language: Language = ENGLISH
    tagline: str = ""


def load_persona(path: Path) -> Persona:
    """Read a ``persona.toml``, or the one in the folder ``path``.

    Raises :class:`InputError` that names the file, the key and the remedy.
    """
    file = path / "persona.toml" if path.is_dir() else path
    if not file.exists():
        raise InputError(
            "there is no persona file", where=str(file), remedy="Write one (docs/personas.md), or name another folder."
        )
    return parse_persona(read_table(file, "the persona file"), file)


_Text = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, min_length=1)]
_Texts = Annotated[tuple[_Text, ...], Field(min_length=1)]
_OWN: dict[str, Any] = {each.name: each.default for each in fields(Persona)}
_LIST = '["…", "…"]'
_LISTS = ("style", "opinions", "catchphrases", "fillers", "deflections", "avoid", "expects")
_NOTES = '["correction", "translation", "hint", "vocabulary"]'
_EXAMPLES = {
    "format": str(FORMAT), "language": '"de"', "temperature": "0.8", "notes": _NOTES, **dict.fromkeys(_LISTS, _LIST)
}  # fmt: skip


class _File(BaseModel):
    """A persona file as it is written. What is not set is as in :class:`Persona`."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    format: Literal[1] = FORMAT
    name: _Text = ""
    title: _Text = ""
    tagline: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""
    language: str = ENGLISH.tag
    description: _Text
    max_words: int = Field(default=_OWN["max_words"], ge=5, le=400)
    max_seconds: float = Field(default=_OWN["max_seconds"], ge=2.0, le=120.0)
    max_sentences: int = Field(default=_OWN["max_sentences"], ge=1, le=40)
    temperature: float | None = Field(default=None, ge=0.0, le=2.0)
    model: Annotated[str, StringConstraints(strip_whitespace=True)] = ""
    style: _Texts = ()
    opinions: _Texts = ()
    catchphrases: _Texts = ()
    fillers: _Texts = ()
    deflections: _Texts = ()
    avoid: _Texts = ()
    expects: _Texts = ()
    notes: tuple[Literal["correction", "translation", "hint", "vocabulary"], ...] = ()
    dialogue: DialogueSettings = DialogueSettings()
    voice: dict[str, _Text] = {}
    improv: dict[str, _Texts] = {}


def parse_persona(data: Mapping[str, object], file: Path) -> Persona:
    """Make a persona of a decoded TOML document; ``file`` is named in errors. The default name is that of the folder
    of a ``persona.toml``, and any other file's own.
    """
    try:
        found = _File.model_validate(tuples(data))
        parse_moves(found.improv)
    except ValidationError as error:
        raise _in_words(problems(error, _File)[0], data, file) from None
    except MoveError as error:
        key = f"improv.{error.name}"
        raise InputError(f"{key!r} {error.problem}", where=f"{file}: {key}", remedy=error.remedy) from error
    whole = file.resolve()
    name = found.name or (whole.parent.name if whole.name == "persona.toml" else whole.stem)
    language = load_language(found.language, file.parent)
    given: dict[str, Any] = found.model_dump(exclude={"format", "improv", "name", "title", "language", "dialogue"})
    given["fillers"] = found.fillers or language.fillers
    given["deflections"] = found.deflections or language.deflections
    given["dialogue"] = found.dialogue.model_dump(include=found.dialogue.model_fields_set)
    return Persona(name=name, title=found.title or name.title(), moves=found.improv, language=language, **given)


def _in_words(problem: WrongValue, data: Mapping[str, object], file: Path) -> InputError:
    key = re.sub(r"\[\d+\]", "", problem.key)
    remedy = problem.remedy
    if key == "improv":
        remedy = 'Write [improv] and lines like "open.1" = ["…"].'
    elif key.startswith("improv."):
        remedy = f"Write {key} = {_LIST}."
    elif key in _File.model_fields:
        default = _OWN.get(key)
        example = _EXAMPLES.get(key) or (f"{default:g}" if isinstance(default, int | float) else '"…"')
        remedy = f"{'Write' if key in data else 'Add'} {key} = {example}."
    return InputError(f"{key!r}: {problem.what}", where=f"{file}: {key}", remedy=remedy)
