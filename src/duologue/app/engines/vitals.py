"""How the engines of a running system are: health, their workers, and what the speech cache did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from duologue.app.engines.worker_views import workers_of
from duologue.app.models import EngineView
from duologue.chains import EngineHealth
from duologue.language.chain import LanguageChain
from duologue.language.engine import LanguageModel
from duologue.models.automatic import Pick, notices
from duologue.paces import EnginePace, PaceFigures
from duologue.speech.chain import VoicingChain
from duologue.speech.engine import TextToSpeech
from duologue.speech.hearing import SpeechToText
from duologue.speech.hearing_chain import HearingChain
from duologue.speech.speech_cache import CacheCounts, CachedSpeech
from duologue.speech.timed import pace_of
from duologue.supervision import WorkerState
from duologue.telemetry.metrics.engines import EngineMetrics

EngineKind: TypeAlias = Literal["tts", "llm", "stt"]


@dataclass(frozen=True, slots=True)
class EngineVitals:
    """One engine. ``kind`` is ``tts``, ``llm`` or ``stt``; ``workers`` are its child processes, if it has any;
    ``cache`` is None for an engine without one; ``pace`` is what it was measured to do.
    """

    kind: EngineKind
    health: EngineHealth
    workers: tuple[WorkerState, ...] = ()
    cache: CacheCounts | None = None
    pace: PaceFigures = field(default_factory=PaceFigures)

    @property
    def restarts(self) -> int:
        """Of its workers, since the start."""
        return sum(worker.restarts for worker in self.workers)

    @property
    def state(self) -> Literal["ready", "cold", "out", "spent"]:
        """``out``: it failed, and has not done its work since, however long it has been left alone. ``spent``: it has
        reached a cap, and is asked again when that is over.
        """
        health = self.health
        return "cold" if not health.warm else "out" if health.failures else "spent" if health.spent else "ready"


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
            paces = chain.paces if isinstance(chain, LanguageChain) else {}
            for engine, health in zip(chain.engines, chain.health(now), strict=True):
                found.append(_of(kind, engine, health, paces.get(engine.name)))
        elif chain is not None:
            found.append(_of(kind, chain, EngineHealth(chain.name)))
    return tuple(found)


def unserved(each: Sequence[EngineVitals]) -> tuple[str, ...]:
    """What nobody does now, because every engine for it has failed, with the cause of the first."""
    reasons: list[str] = []
    for kind, verb in VERBS.items():
        those = [engine.health for engine in each if engine.kind == kind]
        if those and all(health.failures or health.spent for health in those):
            first = those[0]
            why = f"{first.name} failed: {first.cause}" if first.failures else first.spent
            reasons.append(f"nobody {verb}: {why}")
    return tuple(reasons)


def note_engines(metrics: EngineMetrics, engines: Iterable[EngineVitals]) -> None:
    """How the engines are, told to the metrics."""
    for each in engines:
        health, cache = each.health, each.cache
        metrics.health(each.kind, health.name, out=health.failures > 0 and health.out_ms > 0, spent=bool(health.spent))
        if cache is not None:
            metrics.cache(health.name, hits=cache.hits, misses=cache.misses, evicted=cache.evicted, size=cache.bytes)


def _of(
    kind: EngineKind, engine: TextToSpeech | LanguageModel | SpeechToText, health: EngineHealth,
    pace: EnginePace | None = None,
) -> EngineVitals:  # fmt: skip
    workers = tuple(worker.state for worker in workers_of(engine))
    counts = engine.cache.counts if isinstance(engine, CachedSpeech) else None
    pace = pace_of(engine) or pace
    return EngineVitals(kind, health, workers, counts, pace.figures if pace is not None else PaceFigures())


def engine_view(
    each: EngineVitals, picks: Mapping[str, Pick] | None = None, *, device: str = "", factor: float | None = None
) -> EngineView:
    """As the web tells it; ``picks`` are what was chosen for a person (:attr:`Settings.picks`), ``device`` is where it
    runs, and ``factor`` what a second of sound should take there (s).
    """
    pick, pace = (picks or {}).get(each.kind), each.pace
    expected = 1 / (factor * pace.length) if factor and pace.length else None
    note = _note(pick) if pick is not None and pick.engine == each.health.name else ""
    health = each.health
    return EngineView(
        kind=each.kind, name=health.name, state=each.state, failures=health.failures,
        cause=health.cause or health.spent,
        restarts=each.restarts, workers=tuple(worker.name for worker in each.workers), note=note, device=device,
        cold_ms=_rounded(pace.cold_ms), warm_ms=_rounded(pace.warm_ms), characters=_rounded(pace.characters),
        expected=_rounded(expected), last_failure=health.last_failure,
    )  # fmt: skip


def device_of(part: object) -> str:
    """Where an engine with these settings computes: the host of its server, or this machine."""
    host = urlsplit(str(getattr(part, "base_url", ""))).hostname
    return host or "CPU"


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")


def _note(pick: Pick) -> str:
    why = (f"{pick.why}.",) if pick.model is not None else ()
    return " ".join((*why, *notices([pick])))
