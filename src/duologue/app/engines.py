"""Engines by name: found through entry points, so that a stranger's package can add one.

An entry point names a factory: ``factory(settings) -> engine``, where ``settings`` is an instance of the factory's
module's ``Settings`` part (see :func:`duologue.settings.load_settings`), or None for an engine without settings.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import cast

from duologue.chains import ChainPolicy, Handover, Listener, beside
from duologue.clock import SECOND
from duologue.errors import InputError, InternalError, PeerError
from duologue.language.chain import LanguageChain
from duologue.language.engine import LanguageModel
from duologue.places import cache_folder
from duologue.settings import Settings
from duologue.speech.chain import SpeechLimits, VoicingChain
from duologue.speech.engine import TextToSpeech
from duologue.speech.hearing import SpeechToText, VoiceActivity
from duologue.speech.hearing_chain import HearingChain
from duologue.speech.smart_turn import SmartTurn
from duologue.speech.speech_cache import CachedSpeech, SpeechCache, fingerprint
from duologue.telemetry.log import get_logger

TTS_GROUP, LLM_GROUP, STT_GROUP, VAD_GROUP = "duologue.tts", "duologue.llm", "duologue.stt", "duologue.vad"

_log = get_logger("duologue.app.engines")


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
    settings: Settings, listener: Listener | None = None, group: asyncio.TaskGroup | None = None
) -> SpeechToText:
    """The engine that hears, or a chain of them, as set; ``listener`` is told of each failure, beside the log.
    ``group`` is where engines of a chain come up beside the calls.

    Raises as :func:`create_stt`.
    """
    engines = [create_stt(settings, name) for name in settings.engines.stt]
    if len(engines) == 1:
        return engines[0]
    policy = _policy(settings, settings.chains.stt_seconds)
    return HearingChain(engines, policy=policy, listener=_telling(listener), group=group)


def create_activity(settings: Settings) -> VoiceActivity:
    """The engine that notices speech, as set. It loads its model: call it in a thread."""
    return cast(VoiceActivity, _create(VAD_GROUP, settings.engines.vad, settings))


def create_turn_end(settings: Settings) -> SmartTurn | None:
    """Who judges by the sound of a turn whether it is over, still cold; None unless a model is set."""
    model = settings.hearing.smart_turn
    return SmartTurn(model) if model else None


def create_tts(settings: Settings, name: str = "") -> TextToSpeech:
    """An engine that speaks (by default the first that is set), on the cache unless it is one that skips it.

    Raises :class:`InputError` for a name that is not installed.
    """
    name = name or settings.tts
    engine = cast(TextToSpeech, _create(TTS_GROUP, name, settings))
    chosen = settings.speech_cache
    if name in chosen.skip or not chosen.limit_mb:
        return engine
    cache = SpeechCache(chosen.folder or cache_folder() / "speech", chosen.limit_mb * 1_000_000)
    return CachedSpeech(engine, cache, fingerprint(settings.engine(name)))


def create_voicing(
    settings: Settings, listener: Listener | None = None, group: asyncio.TaskGroup | None = None
) -> VoicingChain:
    """All engines that speak, as set, in order of preference; ``listener`` and ``group`` as in
    :func:`create_hearing`.

    Raises as :func:`create_tts`.
    """
    chosen = settings.chains
    limits = SpeechLimits(_policy(settings, chosen.tts_seconds), round(chosen.tts_seconds * SECOND))
    engines = [create_tts(settings, name) for name in settings.engines.tts]
    return VoicingChain(engines, limits=limits, listener=_telling(listener), group=group)


def create_llm(
    settings: Settings, name: str = "", listener: Listener | None = None, group: asyncio.TaskGroup | None = None
) -> LanguageChain:
    """The engines that think, as set, in order of preference; or the one named. ``listener`` and ``group`` as in
    :func:`create_hearing`.

    Raises :class:`InputError` for a name that is not installed.
    """
    names = (name,) if name else settings.engines.llm
    engines = [cast(LanguageModel, _create(LLM_GROUP, each, settings)) for each in names]
    policy = _policy(settings, settings.chains.llm_seconds)
    return LanguageChain(engines, policy=policy, listener=_telling(listener), group=group)


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
    _log.warning(
        "an engine failed", engine=handover.engine, successor=handover.successor, moment=handover.moment.value,
        cause=handover.cause,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines of one studio, or of conversations with a person. All but ``llm`` may be wanting."""

    llm: LanguageModel
    voicing: VoicingChain | None
    ears: SpeechToText | None = None
    turn: SmartTurn | None = None
    listeners: list[Listener] = field(default_factory=list[Listener])
    """Who is told when an engine of a chain fails."""

    @property
    def tts(self) -> VoicingChain:
        """Those that speak; not to be asked for where none was opened."""
        if self.voicing is None:
            raise InternalError("a voice was asked of engines that were opened without one")
        return self.voicing

    async def warm_up(self) -> None:
        """Load all of them at once. Raises what the first that fails raises.

        Nobody stands in for an engine that thinks alone, unless the settings say so: who chose a model does not want
        another to speak in its name. The error says how to.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._warm_up_llm())
            for engine in filter(None, (self.voicing, self.ears, self.turn)):
                group.create_task(engine.warm_up())

    async def _warm_up_llm(self) -> None:
        try:
            await self.llm.warm_up()
        except (PeerError, InputError) as error:
            if not isinstance(self.llm, LanguageChain) or len(self.llm.engines) > 1:
                raise
            stand_in = f'Or let another stand in for it: llm = ["{self.llm.name}", "improv"] under [engines].'
            kind = InputError if isinstance(error, InputError) else PeerError
            raise kind(error.what, where=error.where, remedy=f"{error.remedy} {stand_in}".strip()) from error


@contextlib.asynccontextmanager
async def open_engines(settings: Settings, *, hears: bool = False, speaks: bool = True) -> AsyncGenerator[Engines]:
    """The engines as set, still cold; closed at the end. Those that hear are made only where they are needed, and so
    are those that speak.
    """
    listeners: list[Listener] = []

    def tell(handover: Handover) -> None:
        for listener in listeners:
            listener(handover)

    async with contextlib.AsyncExitStack() as stack:
        group = await stack.enter_async_context(beside())
        llm = create_llm(settings, listener=tell, group=group)
        stack.push_async_callback(llm.close)
        voicing = create_voicing(settings, tell, group) if speaks else None
        if voicing is not None:
            stack.push_async_callback(voicing.close)
        ears = create_hearing(settings, tell, group) if hears else None
        if ears is not None:
            stack.push_async_callback(ears.close)
        turn = create_turn_end(settings) if hears else None
        if turn is not None:
            stack.push_async_callback(turn.close)
        yield Engines(llm, voicing, ears, turn, listeners)
