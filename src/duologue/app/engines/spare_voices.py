"""Voices for characters that name none for the engine in use, and the engine that knows a voice by its name.

An engine tells which voices it has before it is started by a function ``known_voices(settings)`` beside its factory;
one that cannot (somebody else's server) has none to spare, and its characters must name theirs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, cast

from duologue.settings import Settings
from duologue.speech.espeak.voice import is_voice

KnownVoices = Mapping[str, Sequence[str]]
"""The voices of each engine that tells them."""


def known_voices(settings: Settings) -> KnownVoices:
    """The voices of the engines that speak as set, and of the embedded one."""
    names = {*settings.engines.tts, "espeak"}
    points = [point for point in entry_points(group="duologue.tts") if point.name in names]
    found: dict[str, Sequence[str]] = {}
    for point in points:
        tell = cast("Callable[[Any], Sequence[str]] | None", getattr(import_module(point.module), "known_voices", None))
        if tell is not None:
            found[point.name] = tell(settings.engine(point.name))
    return found


def spare_voice(name: str, voices: Sequence[str], taken: Collection[str]) -> str:
    """The voice that the character ``name`` gets: always the same of the same ``voices``, and none that is ``taken``
    while there is another. Empty when there are none.
    """
    if not voices:
        return ""
    first = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) % len(voices)
    order = [*voices[first:], *voices[:first]]
    return next((voice for voice in order if voice not in taken), order[0])


def named_voice(voices: Mapping[str, str], engine: str, known: KnownVoices) -> str:
    """The voice that is named for ``engine``, if the engine has it as far as we know; else empty. What comes after a
    ``?`` or ``+`` only shades a voice.
    """
    voice = voices.get(engine, "")
    tell = known.get(engine, ())
    have = {_plain(each) for each in tell}
    return voice if engine == "espeak" or not have or _plain(voice) in have else ""


def _plain(voice: str) -> str:
    return voice.partition("?")[0]


def owner(voice: str, engines: Sequence[str], known: KnownVoices) -> str:
    """The engine that knows ``voice``: one of ``engines``, else the embedded one if it does, else the first of them."""
    plain = voice.partition("?")[0]
    for engine in engines:
        if any(plain == each.partition("?")[0] for each in known.get(engine, ())):
            return engine
    return "espeak" if is_voice(voice) and all(engine in known for engine in engines) else engines[0]
