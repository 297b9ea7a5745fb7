"""Engines by name: found through entry points, so that a stranger's package can add one; and the pool of those that are
open.

Whoever needs engines borrows them (:meth:`EnginePool.lend`): shows, conversations with people, calls. What is borrowed
first is made then, what is given back last is closed then, and in between all share it.

An entry point names a factory: ``factory(settings) -> engine``, where ``settings`` is an instance of the factory's
module's ``Settings`` part (see :func:`duologue.settings.load_settings`), or None for an engine without settings.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import entry_points
from typing import Generic, Protocol, TypeVar, cast

from duologue.app.admission import PlaceKind
from duologue.app.engines.worker_views import workers_of
from duologue.app.spending.spending import open_spending
from duologue.chains import ChainPolicy, FailureMoment, Handover, Listener, beside
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import InputError, InternalError, PeerError, raise_first
from duologue.language.chain import LanguageChain
from duologue.language.engine import LanguageModel
from duologue.metering import UNMETERED, Meter
from duologue.places import cache_folder
from duologue.settings import Settings
from duologue.speech.chain import SpeechLimits, VoicingChain
from duologue.speech.engine import TextToSpeech
from duologue.speech.hearing import SpeechToText, VoiceActivity
from duologue.speech.hearing_chain import HearingChain
from duologue.speech.pronunciation import goodness
from duologue.speech.pronunciation.scorer import PronunciationScorer
from duologue.speech.shared_activity import SharedActivity
from duologue.speech.smart_turn import SmartTurn
from duologue.speech.speech_cache import CachedSpeech, SpeechCache, fingerprint
from duologue.speech.timed import TimedSpeech
from duologue.telemetry.log import get_logger
from duologue.workers import Workers

VOICE_SHARE = 0.8
"""Of a voice's time, for all who speak at once; the rest is for what comes first."""
TTS_GROUP, LLM_GROUP, STT_GROUP, VAD_GROUP = "duologue.tts", "duologue.llm", "duologue.stt", "duologue.vad"

_log = get_logger("duologue.app.engines.engines")


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


def create_stt(settings: Settings, name: str) -> SpeechToText:
    """An engine that hears. Raises :class:`InputError` for a name that is not installed."""
    return cast(SpeechToText, _create(STT_GROUP, name, settings))


def create_hearing(
    settings: Settings, listener: Listener | None = None, group: asyncio.TaskGroup | None = None,
    meter: Meter = UNMETERED, clock: Clock = SYSTEM_CLOCK,
) -> HearingChain:  # fmt: skip
    """All engines that hear, as set, in order of preference; ``listener`` is told of each failure, beside the log.
    ``group`` is where they come up beside the calls, ``meter`` counts what they are asked.

    Raises as :func:`create_stt`.
    """
    engines = [create_stt(settings, name) for name in settings.engines.stt]
    policy = _policy(settings, settings.chains.stt_seconds)
    return HearingChain(engines, policy=policy, listener=_telling(listener), group=group, meter=meter, clock=clock)


def create_activity(settings: Settings) -> VoiceActivity:
    """The engine that notices speech, as set. It loads its model: call it in a thread."""
    return cast(VoiceActivity, _create(VAD_GROUP, settings.engines.vad, settings))


def create_turn_end(settings: Settings) -> SmartTurn | None:
    """Who judges by the sound of a turn whether it is over, still cold; None unless a model is set."""
    model = settings.hearing.smart_turn
    return SmartTurn(model) if model else None


def _alone(engine: TextToSpeech) -> TextToSpeech:
    return engine


def create_tts(
    settings: Settings, name: str = "", within: Callable[[TextToSpeech], TextToSpeech] = _alone
) -> TextToSpeech:
    """An engine that speaks (by default the first that is set), on the cache unless it is one that skips it; ``within``
    puts something between the two.

    Raises :class:`InputError` for a name that is not installed.
    """
    name = name or settings.tts
    engine = cast(TextToSpeech, _create(TTS_GROUP, name, settings))
    chosen = settings.speech_cache
    made_with = getattr(engine, "made_with", "")
    engine = within(engine)
    if name in chosen.skip or not chosen.limit_mb:
        return engine
    cache = SpeechCache(chosen.folder or cache_folder() / "speech", chosen.limit_mb * 1_000_000)
    return CachedSpeech(engine, cache, fingerprint(settings.engine(name), made_with))


def create_voicing(
    settings: Settings, listener: Listener | None = None, group: asyncio.TaskGroup | None = None,
    meter: Meter = UNMETERED, clock: Clock = SYSTEM_CLOCK,
) -> VoicingChain:  # fmt: skip
    """All engines that speak, as set, in order of preference; ``listener``, ``group`` and ``meter`` as in
    :func:`create_hearing`.

    Raises as :func:`create_tts`.
    """
    chosen = settings.chains
    limits = SpeechLimits(_policy(settings, chosen.tts_seconds), round(chosen.tts_seconds * SECOND))
    timed = partial(TimedSpeech, clock=clock, meter=meter)
    engines = [create_tts(settings, name, timed) for name in settings.engines.tts]
    return VoicingChain(engines, limits=limits, clock=clock, listener=_telling(listener), group=group)


def create_llm(
    settings: Settings, name: str = "", listener: Listener | None = None, group: asyncio.TaskGroup | None = None,
    meter: Meter = UNMETERED, clock: Clock = SYSTEM_CLOCK,
) -> LanguageChain:  # fmt: skip
    """The engines that think, as set, in order of preference; or the one named. ``listener``, ``group`` and ``meter``
    as in :func:`create_hearing`.

    Raises :class:`InputError` for a name that is not installed.
    """
    names = (name,) if name else settings.engines.llm
    engines = [cast(LanguageModel, _create(LLM_GROUP, each, settings)) for each in names]
    policy = _policy(settings, settings.chains.llm_seconds)
    return LanguageChain(engines, policy=policy, listener=_telling(listener), group=group, meter=meter, clock=clock)


def _policy(settings: Settings, patience: float) -> ChainPolicy:
    chosen = settings.chains
    return ChainPolicy(
        round(chosen.start_seconds * SECOND), round(patience * SECOND), round(chosen.pause_seconds * SECOND)
    )


def _telling(listener: Listener | None) -> Listener:
    def tell(handover: Handover) -> None:
        _report(handover)
        if listener is not None:
            listener(handover)

    return tell


def _report(handover: Handover) -> None:
    what = "an engine is at its cap" if handover.moment is FailureMoment.CAP else "an engine failed"
    _log.warning(
        what, engine=handover.engine, successor=handover.successor, moment=handover.moment.value, cause=handover.cause
    )


DRILLING = "pocketsphinx"
"""The engine that keeps to a grammar, and whose model scores words."""


class DrillEngines:
    """What a lesson hears with: ears that keep to a grammar, and who scores words, while scores are to be trusted."""

    def __init__(self, settings: Settings) -> None:
        self.ears = create_stt(settings, DRILLING)
        self.scorer = PronunciationScorer() if goodness.TRUSTED else None

    async def warm_up(self) -> None:
        """Start them. Raises :class:`PeerError` when PocketSphinx does not come up."""
        try:
            async with asyncio.TaskGroup() as group:  # where one fails the other is not left at it
                group.create_task(self.ears.warm_up())
                if self.scorer is not None:
                    group.create_task(self.scorer.warm_up())
        except ExceptionGroup as failures:
            raise_first(failures)

    async def close(self) -> None:
        """End them. Idempotent."""
        await self.ears.close()
        if self.scorer is not None:
            await self.scorer.close()


class _Engine(Protocol):
    async def warm_up(self) -> None: ...
    async def close(self) -> None: ...


E = TypeVar("E", bound=_Engine)
C = TypeVar("C", LanguageChain, VoicingChain, HearingChain)


class Noticing:
    """Voice activity for all conversations of one event loop; its model is loaded in a thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._activity: SharedActivity | None = None

    @property
    def activity(self) -> SharedActivity:
        """Valid after :meth:`warm_up`."""
        if self._activity is None:
            raise InternalError("voice activity was asked for before warm_up()")
        return self._activity

    async def warm_up(self) -> None:
        """Load the model."""
        self._activity = SharedActivity(await asyncio.to_thread(create_activity, self._settings))

    async def close(self) -> None:
        """There is nothing to release."""


@dataclass(frozen=True, slots=True)
class LentEngines:
    """Engines that were borrowed. All but ``llm`` may be wanting."""

    llm: LanguageModel
    voicing: VoicingChain | None
    ears: HearingChain | None
    noticing: Noticing | None
    turn: SmartTurn | None
    listeners: list[Listener]
    """Who is told when an engine of a chain fails."""
    warming: tuple[Callable[[], Awaitable[None]], ...]
    workers: Workers

    @property
    def tts(self) -> VoicingChain:
        """Those that speak; not to be asked for where none was opened."""
        if self.voicing is None:
            raise InternalError("a voice was asked of engines that were opened without one")
        return self.voicing

    async def warm_up(self) -> None:
        """Load all of them at once, but for those that are up already. Raises what the first that fails raises."""
        async with asyncio.TaskGroup() as group:
            for warm_up in self.warming:
                group.create_task(_warmed(warm_up))


async def _warmed(warm_up: Callable[[], Awaitable[None]]) -> None:
    await warm_up()


class _Lent(Generic[E]):
    """An engine, for as long as anybody has borrowed it."""

    def __init__(self, make: Callable[[], E]) -> None:
        self._make = make
        self._gate = asyncio.Lock()
        self._users = 0
        self._up = False
        self.engine: E | None = None

    @asynccontextmanager
    async def lend(self) -> AsyncGenerator[E]:
        engine = self.engine
        if engine is None:
            engine, self._up = self._make(), False
            self.engine = engine
        self._users += 1
        try:
            yield engine
        finally:
            self._users -= 1
            if not self._users:
                self.engine = None
                await engine.close()

    async def warm_up(self) -> None:
        async with self._gate:
            engine = self.engine
            if engine is not None and not self._up:
                await engine.warm_up()
                self._up = engine is self.engine


class EnginePool:
    """The engines that a system shares, none of them made yet; use it within :meth:`open`. ``listeners`` are told when
    one of a chain fails, ``meter`` counts what they are asked, by the same ``clock``.
    """

    def __init__(self, settings: Settings, meter: Meter = UNMETERED, clock: Clock = SYSTEM_CLOCK) -> None:
        self.listeners: list[Listener] = []
        self._factor = settings.factor
        self._group: asyncio.TaskGroup | None = None
        self.workers = Workers()
        """Their child processes, and those of whoever borrows them."""
        self._llm = _Lent(lambda: self._made(create_llm(settings, "", self._tell, self._group, meter, clock)))
        self._voicing = _Lent(lambda: self._made(create_voicing(settings, self._tell, self._group, meter, clock)))
        self._ears = _Lent(lambda: self._made(create_hearing(settings, self._tell, self._group, meter, clock)))
        self._noticing = _Lent(lambda: Noticing(settings))
        self._drills = _Lent(lambda: self._drilling(settings))
        judge = settings.hearing.smart_turn
        self._turn = _Lent(lambda: SmartTurn(judge)) if judge else None

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Engines may be borrowed, and come up beside their calls. Give them back before it ends."""
        async with beside() as self._group:
            yield

    def at_once(self, kind: PlaceKind) -> int | None:
        """How many conversations the engines of a kind carry; None while no limit is known. A voice that was measured
        here carries as many as can speak all at once without a gap.
        """
        thoughts, voices, ears = self.chains
        if kind is PlaceKind.VOICE and voices is not None and voices.at_once is None:
            factors = (self._factor(engine.name) for engine in voices.ready)
            return next((max(1, int(VOICE_SHARE / factor)) for factor in factors if factor), None)
        chain = {PlaceKind.LISTENER: ears, PlaceKind.VOICE: voices, PlaceKind.THOUGHT: thoughts}[kind]
        return chain.at_once if chain is not None else None

    @property
    def chains(self) -> tuple[LanguageChain | None, VoicingChain | None, HearingChain | None]:
        """Those that think, speak and hear, as far as anybody has borrowed them."""
        return self._llm.engine, self._voicing.engine, self._ears.engine

    @asynccontextmanager
    async def lend(self, *, hears: bool = False, speaks: bool = True) -> AsyncGenerator[LentEngines]:
        """Borrow engines, maybe cold ones, for the length of the context; those that hear or speak only if needed."""
        async with AsyncExitStack() as stack:
            warming: list[Callable[[], Awaitable[None]]] = [self._think]

            async def borrow(lent: _Lent[E] | None, wanted: bool) -> E | None:
                if lent is None or not wanted:
                    return None
                warming.append(lent.warm_up)
                return await stack.enter_async_context(lent.lend())

            llm = await stack.enter_async_context(self._llm.lend())
            voicing = await borrow(self._voicing, speaks)
            ears = await borrow(self._ears, hears)
            noticing = await borrow(self._noticing, hears)
            turn = await borrow(self._turn, hears)
            yield LentEngines(llm, voicing, ears, noticing, turn, self.listeners, tuple(warming), self.workers)

    @asynccontextmanager
    async def lend_drills(self) -> AsyncGenerator[DrillEngines]:
        """Borrow what a lesson hears with, warm, for the length of the context. Raises as its ``warm_up``."""
        async with self._drills.lend() as engines:
            await self._drills.warm_up()
            yield engines

    def _drilling(self, settings: Settings) -> DrillEngines:
        made = DrillEngines(settings)
        self.workers.add(*workers_of(made.ears), *(made.scorer.workers if made.scorer is not None else ()))
        return made

    async def _think(self) -> None:
        """Nobody stands in for an engine that thinks alone, unless the settings say so: who chose a model does not want
        another to speak in its name. The error says how to.
        """
        try:
            await self._llm.warm_up()
        except (PeerError, InputError) as error:
            llm = self._llm.engine
            if llm is None or len(llm.engines) > 1:
                raise
            stand_in = f'Or let another stand in for it: llm = ["{llm.name}", "improv"] under [engines].'
            kind = InputError if isinstance(error, InputError) else PeerError
            raise kind(error.what, where=error.where, remedy=f"{error.remedy} {stand_in}".strip()) from error

    def _made(self, chain: C) -> C:
        for engine in chain.engines:
            self.workers.add(*workers_of(engine))
        return chain

    def _tell(self, handover: Handover) -> None:
        for listener in tuple(self.listeners):
            listener(handover)


@asynccontextmanager
async def open_engines(settings: Settings, *, hears: bool = False, speaks: bool = True) -> AsyncGenerator[LentEngines]:
    """The engines as set, of a pool of their own: still cold, closed at the end."""
    async with open_spending(settings) as spending:
        pool = EnginePool(settings, spending)
        async with pool.open(), pool.lend(hears=hears, speaks=speaks) as engines:
            yield engines
