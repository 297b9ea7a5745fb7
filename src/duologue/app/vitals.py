"""How the engines of a running system are: health, their workers, and what the speech cache did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from duologue.app.models import EngineView
from duologue.app.worker_views import workers_of
from duologue.chains import EngineHealth
from duologue.language.chain import LanguageChain
from duologue.language.engine import LanguageModel
from duologue.models.automatic import Pick, notices
from duologue.speech.chain import VoicingChain
from duologue.speech.engine import TextToSpeech
from duologue.speech.hearing import SpeechToText
from duologue.speech.hearing_chain import HearingChain
from duologue.speech.speech_cache import CacheCounts, CachedSpeech
from duologue.supervision import WorkerState
from duologue.telemetry.metrics import Metrics

EngineKind: TypeAlias = Literal["tts", "llm", "stt"]


@dataclass(frozen=True, slots=True)
class EngineVitals:
    """One engine. ``kind`` is ``tts``, ``llm`` or ``stt``; ``workers`` are its child processes, if it has any;
    ``cache`` is None for an engine without one.
    """

    kind: EngineKind
    health: EngineHealth
    workers: tuple[WorkerState, ...] = ()
    cache: CacheCounts | None = None

    @property
    def restarts(self) -> int:
        """Of its workers, since the start."""
        return sum(worker.restarts for worker in self.workers)

    @property
    def state(self) -> Literal["ready", "cold", "out"]:
        """``out``: it failed, and has not done its work since, however long it has been left alone."""
        return "cold" if not self.health.warm else "out" if self.health.failures else "ready"


VERBS = {"tts": "speaks", "llm": "thinks", "stt": "hears"}


def vitals(
    llm: LanguageModel | None, tts: VoicingChain | None, now: int, ears: HearingChain | None = None
) -> tuple[EngineVitals, ...]:
    """Of all engines, in order of preference, at ``now`` (monotonic ns). An engine that is no part of a chain has no
    health of its own: it counts as well.
    """
    found: list[EngineVitals] = []
    chains: dict[EngineKind, VoicingChain | LanguageModel | HearingChain | None] = {"tts": tts, "llm": llm, "stt": ears}
    for kind, chain in chains.items():
        if isinstance(chain, VoicingChain | LanguageChain | HearingChain):
            found += [_of(kind, *pair) for pair in zip(chain.engines, chain.health(now), strict=True)]
        elif chain is not None:
            found.append(_of(kind, chain, EngineHealth(chain.name)))
    return tuple(found)


def unserved(each: Sequence[EngineVitals]) -> tuple[str, ...]:
    """What nobody does now, because every engine for it has failed, with the cause of the first."""
    reasons: list[str] = []
    for kind, verb in VERBS.items():
        those = [engine.health for engine in each if engine.kind == kind]
        if those and all(health.failures for health in those):
            reasons.append(f"nobody {verb}: {those[0].name} failed: {those[0].cause}")
    return tuple(reasons)


def note_engines(metrics: Metrics, engines: Iterable[EngineVitals]) -> None:
    """How the engines are, told to the metrics."""
    for each in engines:
        health, cache = each.health, each.cache
        metrics.engine(each.kind, health.name, out=health.out_ms > 0)
        if cache is not None:
            metrics.speech_cache(
                health.name, hits=cache.hits, misses=cache.misses, evicted=cache.evicted, size=cache.bytes
            )


def _of(kind: EngineKind, engine: TextToSpeech | LanguageModel | SpeechToText, health: EngineHealth) -> EngineVitals:
    workers = tuple(worker.state for worker in workers_of(engine))
    return EngineVitals(kind, health, workers, engine.cache.counts if isinstance(engine, CachedSpeech) else None)


def engine_view(each: EngineVitals, picks: Mapping[str, Pick] | None = None) -> EngineView:
    """As the web tells it; ``picks`` are what was chosen for a person (:attr:`Settings.picks`)."""
    pick = (picks or {}).get(each.kind)
    note = _note(pick) if pick is not None and pick.engine == each.health.name else ""
    health = each.health
    return EngineView(
        kind=each.kind, name=health.name, state=each.state, failures=health.failures, cause=health.cause,
        restarts=each.restarts, workers=tuple(worker.name for worker in each.workers), note=note,
    )  # fmt: skip


def _note(pick: Pick) -> str:
    why = (f"{pick.why}.",) if pick.model is not None else ()
    return " ".join((*why, *notices([pick])))
