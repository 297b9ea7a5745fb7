"""Files of a person's own that an engine runs in place of a model of the catalogue, and how it gets on with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from duologue.app.doctor import ears
from duologue.app.doctor.voices import try_voice
from duologue.errors import InputError
from duologue.models import entries
from duologue.models.catalogue import Model, ModelKind
from duologue.models.choosing import has_own
from duologue.settings import Settings, load_engine_tables, load_settings


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """Of ``engine``, by the keys of its table. ``note`` says how they run, or why they do not."""

    engine: str
    kind: ModelKind
    files: Mapping[str, str]
    works: bool
    note: str


async def own_files(config: Path | None = None) -> tuple[OwnFiles, ...]:
    """Those that the settings name for voices and ears. Each is brought up, which takes a second or two.

    Raises :class:`InputError` for settings that cannot be read; what is wrong with the files is in a note.
    """
    tables = load_engine_tables(config)
    found = {
        model.engine: model
        for model in entries.MODELS
        if model.kind in (ModelKind.VOICE, ModelKind.EARS) and has_own(model, tables)
    }
    return tuple([await _tried(model, tables[model.engine], config) for model in found.values()])


async def _tried(model: Model, table: Mapping[str, object], config: Path | None) -> OwnFiles:
    try:
        works, note = await _brought_up(model, load_settings(_use_of(model), config=config))
    except InputError as error:
        works, note = False, str(error)
    return OwnFiles(model.engine, model.kind, {key: str(table[key]) for key in model.options}, works, note)


def _use_of(model: Model) -> dict[str, object]:
    return {"engines.tts" if model.kind is ModelKind.VOICE else "engines.stt": model.engine}


async def _brought_up(model: Model, settings: Settings) -> tuple[bool, str]:
    if model.kind is ModelKind.EARS:
        return await ears.try_ear(settings, model.engine, await ears.speak(settings))
    voices, note = await try_voice(settings, model.engine)
    return voices > 0, note
