"""The cast: one definition of a character, joined from its folder (looks and voice) and its persona (how it speaks)."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from duologue.app.engines.spare_voices import KnownVoices, named_voice, spare_voice
from duologue.errors import InputError
from duologue.language.persona import Persona, load_persona
from duologue.places import packs_folder
from duologue.stage.packs.manifest import read_character


@dataclass(frozen=True, slots=True)
class CastMember:
    """A character ready to be engaged: its pack's folder, its persona, and its voice in each engine that may speak."""

    name: str
    title: str
    tagline: str
    colour: str
    folder: Path
    persona: Persona
    voices: Mapping[str, str]


def find_pack(kind: str, name: str) -> Path:
    """The folder of a pack by name (of those that ship) or by path. ``kind`` is ``"characters"`` or ``"rooms"``."""
    shipped = packs_folder() / kind
    for folder in (shipped / name, Path(name)):
        if folder.is_dir() and name not in ("", ".", ".."):
            return folder.resolve()
    names = sorted(folder.name for folder in shipped.iterdir() if folder.is_dir())
    close = difflib.get_close_matches(name, names, 1)
    raise InputError(
        f"there is no pack {name!r} among the {kind}",
        where=str(shipped),
        remedy=(f"Did you mean {close[0]!r}? " if close else "")
        + f"Name one of {', '.join(names)}, or the path of a pack's folder.",
    )


def load_member(
    name: str,
    engines: Sequence[str],
    known: KnownVoices | None = None,
    taken: Mapping[str, Collection[str]] | None = None,
) -> CastMember:
    """Read one character, with its voice for each of the speech engines named.

    Where it names none, or one that the engine does not have, it gets one of those ``known``, by its name, apart from
    those ``taken`` (by engine). Raises :class:`InputError` for an engine that has none to spare.
    """
    folder = find_pack("characters", name)
    manifest = read_character(folder)
    voices: dict[str, str] = {}
    for engine in engines:
        voice = named_voice(manifest.voice, engine, known or {})
        voice = voice or spare_voice(manifest.name, (known or {}).get(engine, ()), (taken or {}).get(engine, ()))
        if not voice:
            raise InputError(
                f"the character {manifest.name!r} has no voice for the engine {engine!r}",
                where=f"{folder / 'character.toml'}: voice.{engine}",
                remedy=f'Add {engine} = "…" under [voice].',
            )
        voices[engine] = voice
    return CastMember(
        manifest.name,
        manifest.title,
        manifest.tagline,
        manifest.colour,
        folder,
        load_persona(folder / "persona.toml"),
        voices,
    )


def load_cast(names: Sequence[str], engines: Sequence[str], known: KnownVoices | None = None) -> tuple[CastMember, ...]:
    """Read all of a cast in seat order; ``known`` are voices for those who name none (:func:`load_member`).

    Raises :class:`InputError` for an unknown, repeated or single character.
    """
    manifests = [read_character(find_pack("characters", name)) for name in names]
    taken = {
        engine: {voice for each in manifests if (voice := named_voice(each.voice, engine, known or {}))}
        for engine in engines
    }
    members: list[CastMember] = []
    for name in names:
        members.append(load_member(name, engines, known, taken))
        for engine, voice in members[-1].voices.items():
            taken[engine].add(voice)
    if len({member.name for member in members}) < len(members):
        raise InputError("a character is named twice", where="cast", remedy="Name each once, for example chad,virgin.")
    if len(members) < 2:
        raise InputError("a cast needs two characters", where="cast", remedy="For example chad,virgin.")
    return tuple(members)
