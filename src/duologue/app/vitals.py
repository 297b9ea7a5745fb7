"""How the engines of a running system are: health, restarts of their workers, and what the speech cache did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from duologue.app.models import EngineView
from duologue.chains import EngineHealth
from duologue.language.chain import LanguageChain
from duologue.language.engine import LanguageModel
from duologue.models.automatic import Pick, notices
from duologue.speech.chain import VoicingChain
from duologue.speech.engine import TextToSpeech
from duologue.speech.speech_cache import CacheCounts, CachedSpeech


@dataclass(frozen=True, slots=True)
class EngineVitals:
    """One engine. ``kind`` is ``tts`` or ``llm``; ``restarts`` of its worker since the start; ``cache`` is None for an
    engine without one.
    """

    kind: Literal["tts", "llm"]
    health: EngineHealth
    restarts: int = 0
    cache: CacheCounts | None = None


def vitals(llm: LanguageModel, tts: VoicingChain, now: int) -> tuple[EngineVitals, ...]:
    """Of all engines, in order of preference, at ``now`` (monotonic ns). An engine that is no part of a chain has no
    health of its own: it counts as well.
    """
    speaking = [_of("tts", *pair) for pair in zip(tts.engines, tts.health(now), strict=True)]
    if isinstance(llm, LanguageChain):
        return (*speaking, *(_of("llm", *pair) for pair in zip(llm.engines, llm.health(now), strict=True)))
    return (*speaking, _of("llm", llm, EngineHealth(llm.name)))


def _of(kind: Literal["tts", "llm"], engine: TextToSpeech | LanguageModel, health: EngineHealth) -> EngineVitals:
    if isinstance(engine, CachedSpeech):
        return EngineVitals(kind, health, _restarts(engine.engine), engine.cache.counts)
    return EngineVitals(kind, health, _restarts(engine))


def _restarts(engine: object) -> int:
    """Engines with a worker count how often it was replaced."""
    count = getattr(engine, "restarts", 0)
    return count if isinstance(count, int) else 0


def engine_view(each: EngineVitals, picks: Mapping[str, Pick] | None = None) -> EngineView:
    """As the web tells it; ``picks`` are what was chosen for a person (:attr:`Settings.picks`)."""
    pick = (picks or {}).get(each.kind)
    note = _note(pick) if pick is not None and pick.engine == each.health.name else ""
    health = each.health
    state = "cold" if not health.warm else "out" if health.out_ms > 0 else "ready"
    return EngineView(
        kind=each.kind, name=health.name, state=state, failures=health.failures, cause=health.cause,
        restarts=each.restarts, note=note,
    )  # fmt: skip


def _note(pick: Pick) -> str:
    why = (f"{pick.why}.",) if pick.model is not None else ()
    return " ".join((*why, *notices([pick])))
