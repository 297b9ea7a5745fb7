"""The engines for what settings leave open: ``auto``, and the files of an engine that is named without any.

What a person wrote wins: a table of the engine's own with its files is never touched, and ``auto`` takes that engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

from duologue.models import entries, figures
from duologue.models.automatic import AUTO, Candidate, Pick, Use, pick_ears, pick_voice
from duologue.models.catalogue import Model, ModelKind
from duologue.models.shelf import ModelShelf

_KINDS = {"tts": ModelKind.VOICE, "stt": ModelKind.EARS}
_RULES = {"tts": pick_voice, "stt": pick_ears}


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen: ``names`` of engines by kind (``tts``, ``stt``), the ``picks`` behind those that were ``auto``,
    and for engines without files of the person's own the ``tables`` that name those of a model (``models``, by engine).
    ``factors``: what a voice of those models takes for a second of sound (s), measured here when it was fetched.
    """

    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    picks: Mapping[str, Pick] = field(default_factory=dict[str, Pick])
    tables: Mapping[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    models: Mapping[str, str] = field(default_factory=dict[str, str])
    factors: Mapping[str, float] = field(default_factory=dict[str, float])


def candidates(folder: Path, models: Sequence[Model] | None = None) -> tuple[Candidate, ...]:
    """Every model of the catalogue, and how it stands with it on this machine."""
    shelf = ModelShelf(folder)
    found: list[Candidate] = []
    for model in entries.MODELS if models is None else models:
        here, place = shelf.has(model), shelf.path(model)
        known = figures.read(place) if here else None
        found.append(Candidate(model, here, installed(model), known, figures.machines(place) if here else ()))
    return tuple(found)


def installed(model: Model) -> bool:
    """Whether what the model's engine needs beside us is installed."""
    return model.needs is None or find_spec(model.needs[0]) is not None


def has_own(model: Model, tables: Mapping[str, Mapping[str, object]]) -> bool:
    """Whether the engine of ``model`` was given files of a person's own, by its table: the model stands behind them."""
    return model.options.keys() <= tables.get(model.engine, {}).keys()


def offered(engine: str) -> str:
    """The command that brings a model for an engine; empty when there is none."""
    found = next((model.name for model in entries.MODELS if model.engine == engine and not model.testing), "")
    return f"duologue models get {found}" if found else ""


def choose(
    names: Mapping[str, Sequence[str]], tables: Mapping[str, Mapping[str, object]], folder: Path, use: Use
) -> Choices:
    """Put an engine for each :data:`AUTO` among ``names``, and find the files of engines whose table names none."""
    found = candidates(folder)
    chosen: dict[str, tuple[str, ...]] = {}
    picks: dict[str, Pick] = {}
    filled: dict[str, Mapping[str, object]] = {}
    named: dict[str, str] = {}
    factors = {each.model.name: each.figures.factor for each in found if each.figures and each.figures.factor}
    for kind, wanted in names.items():
        if AUTO in wanted:
            pick = _own(kind, found, tables) or _RULES[kind](found, use)
            picks[kind] = replace(pick, written=tuple(wanted))
            wanted = tuple(picks[kind].engine if name == AUTO else name for name in wanted)
        chosen[kind] = tuple(dict.fromkeys(wanted))
        for engine in chosen[kind]:
            model = _model_for(engine, kind, found, picks.get(kind), use)
            if model is not None and not set(model.options) & tables.get(engine, {}).keys():
                filled[engine] = model.table(ModelShelf(folder).path(model))
                named[engine] = model.name
    known = {engine: factors[model] for engine, model in named.items() if model in factors}
    return Choices(chosen, picks, filled, named, known)


def _own(kind: str, found: Sequence[Candidate], tables: Mapping[str, Mapping[str, object]]) -> Pick | None:
    """The engine that a person gave files of their own, if it can run; of several the first in the catalogue."""
    for each in found:
        model = each.model
        if model.kind is _KINDS[kind] and each.runs and has_own(model, tables):
            return Pick(model.engine, None, f"files of your own under [engines.{model.engine}]")
    return None


def _model_for(engine: str, kind: str, found: Sequence[Candidate], pick: Pick | None, use: Use) -> Model | None:
    """The model that an engine runs when nothing is set: what ``auto`` took, else the one of its own that serves best,
    else any that is here.
    """
    if pick is not None and pick.engine == engine:
        return pick.model
    own = [each for each in found if each.model.engine == engine and each.here and not each.model.testing]
    best = _RULES[kind](own, use).model
    return best or next((each.model for each in own), None)
