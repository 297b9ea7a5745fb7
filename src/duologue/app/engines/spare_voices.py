"""Voices for characters that name none for the engine in use, and the engine that knows a voice by its name.

An engine tells which voices it has before it is started by a function ``known_voices(settings)`` beside its factory;
one that cannot (somebody else's server) has none to spare, and its characters must name theirs. Where a voice is
written by rules, ``check_voice(voice, settings)`` beside the factory refuses one that is not.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, cast
from urllib.parse import parse_qsl

from duologue.errors import InputError
from duologue.models.catalogue import ModelKind
from duologue.models.choosing import candidates
from duologue.settings import Settings
from duologue.speech.espeak.voice import is_voice

MIN_PITCH = 0.01

KnownVoices = Mapping[str, Sequence[str]]
"""The voices of each engine that tells them."""


def known_voices(settings: Settings) -> KnownVoices:
    """The voices of the engines that speak as set and of the embedded one, then those of models that are here, for
    engines that could.
    """
    names = {*settings.engines.tts, "espeak"}
    points = [point for point in entry_points(group="duologue.tts") if point.name in names]
    found: dict[str, Sequence[str]] = {}
    for point in points:
        tell = cast("Callable[[Any], Sequence[str]] | None", getattr(import_module(point.module), "known_voices", None))
        if tell is not None:
            found[point.name] = tell(settings.engine(point.name))
    for each in candidates(settings.models_folder):
        if each.here and each.model.kind is ModelKind.VOICE and each.model.engine not in names:
            found[each.model.engine] = each.model.voices
    return found


def check_voices(voices: Mapping[str, str], settings: Settings) -> Mapping[str, InputError]:
    """What is wrong with how the ``voices`` of a character are written, by engine, as far as engines tell."""
    wrong: dict[str, InputError] = {}
    for point in entry_points(group="duologue.tts"):
        if point.name in voices:
            check = getattr(import_module(point.module), "check_voice", None)
            try:
                if check is not None:
                    check(voices[point.name], settings.engine(point.name))
            except InputError as error:
                wrong[point.name] = error
    return wrong


def spare_voice(name: str, voices: Sequence[str], taken: Collection[str]) -> str:
    """The voice that the character ``name`` gets: always the same of the same ``voices``, and of those by its name the
    first that nobody takes for one that is ``taken``, else the one that is farthest from them. Empty when there are
    none.
    """
    if not voices:
        return ""
    first = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) % len(voices)
    order = [*voices[first:], *voices[:first]]
    return max(order, key=lambda voice: min((_apart(voice, other) for other in taken), default=APART))


APART = 3.0
"""Semitones between two voices of one speaker that nobody confuses."""


def _apart(voice: str, other: str) -> float:
    """How far two voices lie apart (semitones), as far as it matters: speakers differ, one speaker has its pitch."""
    if _plain(voice) != _plain(other):
        return APART
    low, high = sorted((_pitch(voice), _pitch(other)))
    return min(APART, 12 * math.log2(high / low))


def _pitch(voice: str) -> float:
    """The factor of its fundamental, where it is written as one."""
    written = dict(parse_qsl(voice.partition("?")[2])).get("pitch", "")
    try:
        return max(float(written), MIN_PITCH)
    except ValueError:
        return 1.0


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
    """The engine that knows ``voice``: one of ``engines``, else another of those ``known``, else the embedded one if it
    does, else the first of them.
    """
    for engine in (*engines, *known):
        if any(_plain(voice) == _plain(each) for each in known.get(engine, ())):
            return engine
    return "espeak" if is_voice(voice) and all(engine in known for engine in engines) else engines[0]
