"""Who can be talked to: the characters and personas that ship, and one's own."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path

from duologue.app.engines.spare_voices import known_voices, named_voice
from duologue.app.show.cast import CastMember, find_pack, load_member
from duologue.errors import InputError
from duologue.language.persona import Persona, load_persona
from duologue.places import packs_folder
from duologue.settings import Settings

HOUSE_VOICE = "chad"
"""The character whose voice a persona without a pack of its own is given."""


def find_partner(name: str, settings: Settings) -> CastMember:
    """Who is to be talked to: a character or a persona that ships, by name; a pack's folder, or a persona's file (or
    the folder that has it without pictures beside it).

    A persona without a pack speaks with the voice that it names for an engine, else with that of :data:`HOUSE_VOICE`.
    Raises :class:`InputError` with a guess.
    """
    engines, known = settings.engines.tts, known_voices(settings)
    file = _persona_file(name)
    if file is not None:
        persona = load_persona(file)
        lender = load_member(HOUSE_VOICE, engines, known)
        own = {engine: voice for engine in engines if (voice := named_voice(persona.voice, engine, known))}
        voices = {**lender.voices, **own}
        return replace(
            lender, name=persona.name, title=persona.title, tagline=persona.tagline, persona=persona, voices=voices
        )
    _check_name(name)
    return load_member(name, engines, known)


def find_persona(name: str) -> Persona:
    """How somebody speaks whom :func:`find_partner` finds: what can be known before the settings. Raises as that."""
    file = _persona_file(name)
    if file is None:
        _check_name(name)
        file = find_pack("characters", name) / "persona.toml"
    return load_persona(file)


def _check_name(name: str) -> None:
    names = partner_names()
    if name not in names and not (name and Path(name).is_dir()):
        close = difflib.get_close_matches(name, names, 1)
        raise InputError(
            f"there is nobody called {name!r}",
            where="character",
            remedy=(f"Did you mean {close[0]!r}? " if close else "")
            + f"Name one of {', '.join(names)}, a pack's folder or a persona's file.",
        )


def _persona_file(name: str) -> Path | None:
    shipped = packs_folder() / "personas" / f"{name}.toml"
    if Path(name).name == name and shipped.is_file():
        return shipped
    if name.endswith(".toml"):
        return Path(name)
    folder = Path(name)
    no_pack = name and name not in partner_names() and not (folder / "character.toml").exists()
    return folder / "persona.toml" if no_pack and (folder / "persona.toml").is_file() else None


def partner_names() -> tuple[str, ...]:
    """All who ship."""
    packs = packs_folder()
    characters = (folder.name for folder in (packs / "characters").iterdir() if folder.is_dir())
    return tuple(sorted((*characters, *(file.stem for file in (packs / "personas").glob("*.toml")))))
