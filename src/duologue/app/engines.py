"""Engines by name: found through entry points, so that a stranger's package can add one.

An entry point names a factory: ``factory(settings) -> engine``, where ``settings`` is an instance of the factory's
module's ``Settings`` part (see :func:`duologue.settings.load_settings`), or None for an engine without settings.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import cast

from duologue.errors import InputError
from duologue.language.engine import LanguageModel
from duologue.settings import Settings
from duologue.speech.engine import TextToSpeech

TTS_GROUP, LLM_GROUP = "duologue.tts", "duologue.llm"


def engine_names(group: str) -> tuple[str, ...]:
    """The names of the engines installed for ``group``, sorted."""
    return tuple(sorted({point.name for point in entry_points(group=group)}))


def _create(group: str, name: str, settings: Settings) -> object:
    found = [point for point in entry_points(group=group) if point.name == name]
    if not found:
        raise InputError(
            f"there is no engine {name!r}",
            where=f"entry points {group}",
            remedy=f"Installed: {', '.join(engine_names(group)) or 'none'}.",
        )
    return found[0].load()(settings.engine(name))


def create_tts(settings: Settings) -> TextToSpeech:
    """The engine that speaks, as set. Raises :class:`InputError` for a name that is not installed."""
    return cast(TextToSpeech, _create(TTS_GROUP, settings.tts, settings))


def create_llm(settings: Settings) -> LanguageModel:
    """The engine that thinks, as set. Raises :class:`InputError` for a name that is not installed."""
    return cast(LanguageModel, _create(LLM_GROUP, settings.llm, settings))


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines of one studio, warm."""

    llm: LanguageModel
    tts: TextToSpeech


@contextlib.asynccontextmanager
async def warm_engines(settings: Settings) -> AsyncGenerator[Engines]:
    """The engines as set, warmed up; closed at the end."""
    engines = Engines(create_llm(settings), create_tts(settings))
    try:
        await engines.tts.warm_up()
        await engines.llm.warm_up()
        yield engines
    finally:
        await engines.llm.close()
        await engines.tts.close()
