"""What ``auto`` means: which engine speaks and which hears, chosen once at a start. Values in, values out.

A voice is taken when it is quick enough for what is asked of it, by figures taken when it was fetched: where somebody
waits for an answer the first sound decides, in a show, whose lines are voiced ahead, the real-time factor. Of several
ears the largest whose final words lie ready soon enough; when none is so quick, the quickest. Without a model that
serves, the embedded engines stand in, and the reason says what is lost and which command brings it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from duologue.models.catalogue import Model, ModelKind
from duologue.models.figures import Figures

AUTO = "auto"
"""The name of no engine: choose one."""
EMBEDDED = {ModelKind.VOICE: "espeak", ModelKind.EARS: "pocketsphinx"}
"""What needs no model."""
_LOST = {
    ModelKind.VOICE: "the voice is a robot's",
    ModelKind.EARS: "four words of ten that people say are misheard",
}
"""What is lost without a model."""
FIRST_SOUND_MS = 200.0
"""A voice that answers somebody begins at the latest so long after it is asked to."""
SHOW_FACTOR = 0.5
"""A voice of a show takes at most this share of what it says: lines are voiced beside the picture, ahead of time."""
FINAL_MS = 150.0
"""Ears have the final words at the latest so long after the turn is decided."""
TOO_LATE_MS = 1_200.0
"""Ears that take longer serve nobody."""


@dataclass(frozen=True, slots=True)
class Use:
    """What is asked of the engines: a show, a talk or both, and in which ``languages`` (ISO 639-1), all of which one
    model must know.
    """

    languages: frozenset[str] = frozenset({"en"})
    shows: bool = True
    talks: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model: ``here`` when it is on the shelf, ``runs`` when its engine's packages are installed; ``figures`` of this
    machine, if it was measured, and if not the other ``machines`` that it was measured on (a change of cores makes
    another of the same).
    """

    model: Model
    here: bool
    runs: bool = True
    figures: Figures | None = None
    machines: tuple[str, ...] = ()

    @property
    def unmeasured(self) -> str:
        """What a model without figures is told of: where it was measured, and which command measures it here."""
        where = (
            f"was measured on {' and on '.join(self.machines)}, which this is not"
            if self.machines
            else ("was not measured on this machine")
        )
        return f"{where}: duologue models get {self.model.name}"


@dataclass(frozen=True, slots=True)
class Pick:
    """``engine`` with its ``model`` (None: embedded, or files of the person's own), and ``why``; ``written`` is what
    the settings say, ``remedy`` the command that brings more.
    """

    engine: str
    model: Model | None
    why: str
    written: tuple[str, ...] = (AUTO,)
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.engine}: {self.why}{f'; {self.remedy}' if self.remedy else ''}"


def pick_voice(candidates: Iterable[Candidate], use: Use) -> Pick:
    """The voice: of those that serve the first, in the catalogue's order."""
    refused: list[str] = []
    candidates = tuple(candidates)
    for each in _of(candidates, ModelKind.VOICE, use):
        why_not = _unready(each) or _too_slow(each, use)
        if not why_not:
            return Pick(each.model.engine, each.model, _praise(each))
        refused.append(why_not)
    if _may(candidates, ModelKind.VOICE, use):
        return _embedded(ModelKind.VOICE, refused, "natural")
    own = f"none that we know speaks {_tongues(use)}: name a voice of your own, [engines.piper] folder"
    return _embedded(ModelKind.VOICE, [own], "")


def pick_ears(candidates: Iterable[Candidate], use: Use) -> Pick:
    """The ears: of those that serve the largest that is quick, else the quickest."""
    refused: list[str] = []
    served: list[tuple[float, Candidate]] = []
    candidates = tuple(candidates)
    for each in _of(candidates, ModelKind.EARS, use):
        why_not = _unready(each)
        final = each.figures.final_ms if each.figures else None
        if not why_not and (final is None or final > TOO_LATE_MS):
            why_not = f"{each.model.name} is too slow here: {_ms(final)} to its final words"
        if why_not or final is None:
            refused.append(why_not)
        else:
            served.append((final, each))
    quick = [each for final, each in served if final <= FINAL_MS]
    if quick:
        best = max(quick, key=lambda each: each.model.size)
        return Pick(best.model.engine, best.model, _praise(best))
    if served:
        best = min(served, key=lambda one: one[0])[1]
        return Pick(best.model.engine, best.model, f"{_praise(best)}, the quickest there is")
    if use.languages <= {"en"}:
        return _embedded(ModelKind.EARS, refused, "natural")
    why = "; ".join(refused) or f"no model that hears {_tongues(use)} is here"
    remedy = "duologue models get whisper-base" if _may(candidates, ModelKind.EARS, use) else ""
    return Pick(EMBEDDED[ModelKind.EARS], None, f"{why}, and PocketSphinx hears English only", remedy=remedy)


def notices(picks: Iterable[Pick]) -> tuple[str, ...]:
    """What a person should know of what was chosen for them, a sentence each: what is missing and what is lost by it,
    and where a voice comes from.
    """
    told: list[str] = []
    for pick in picks:
        if pick.model is not None and pick.model.origin:
            told.append(pick.model.origin)
        elif pick.model is None and pick.engine in EMBEDDED.values():
            run = f" Run: {pick.remedy}" if pick.remedy else ""
            told.append(f"{pick.engine.capitalize()} stands in: {pick.why}.{run}")
    return tuple(told)


def _may(candidates: Iterable[Candidate], kind: ModelKind, use: Use) -> list[Candidate]:
    """Those that know the languages, here or to be fetched."""
    known = [each for each in candidates if each.model.kind is kind and not each.model.testing]
    return [each for each in known if use.languages <= set(each.model.languages)]


def _of(candidates: Iterable[Candidate], kind: ModelKind, use: Use) -> list[Candidate]:
    return [each for each in _may(candidates, kind, use) if each.here]


def _unready(each: Candidate) -> str:
    """Why a model cannot be chosen yet; empty when it can."""
    model = each.model
    if not each.runs and model.needs is not None:
        return f"{model.name} is here, but the package {model.needs[0]} is not: {model.needs[1]}"
    if each.figures is None:
        return f"{model.name} is here, and {each.unmeasured}"
    return f"{model.name} did not run when it was measured: {each.figures.trouble}" if each.figures.trouble else ""


def _too_slow(each: Candidate, use: Use) -> str:
    found = each.figures
    if found is None or found.first_sound_ms is None or found.factor is None:
        return f"{each.model.name} was not measured"
    if use.talks and found.first_sound_ms > FIRST_SOUND_MS:
        return f"{each.model.name} is too slow to answer here: first sound after {_ms(found.first_sound_ms)}"
    if use.shows and found.factor > SHOW_FACTOR:
        return f"{each.model.name} is too slow for a show here: it takes {found.factor:.2f} of what it says"
    return ""


def _praise(each: Candidate) -> str:
    """What was chosen, in figures."""
    found = each.figures
    words = [each.model.name]
    if each.model.kind is ModelKind.VOICE and found and found.first_sound_ms is not None and found.factor is not None:
        words.append(f"first sound after {_ms(found.first_sound_ms)}, {found.factor:.2f} of real time here")
    if each.model.kind is ModelKind.EARS and found and found.final_ms is not None:
        words.append(f"final words after {_ms(found.final_ms)} here")
    return ", ".join(words)


def _embedded(kind: ModelKind, refused: Sequence[str], wanted: str) -> Pick:
    why = "; ".join(refused) or "no model is here"
    remedy = f"duologue models get {wanted}" if wanted else ""
    return Pick(EMBEDDED[kind], None, f"{why}, so {_LOST[kind]}", remedy=remedy)


def _tongues(use: Use) -> str:
    return " and ".join(sorted(use.languages))


def _ms(value: float | None) -> str:
    return "unmeasured" if value is None else f"{value:.0f} ms"
