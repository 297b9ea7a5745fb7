"""What a person does with an engine by hand: have a voice say something, and bring an engine up before it is needed.

Nothing is made for it: only engines that some part of the house has borrowed are there. It gives way to everything that
a conversation waits for.
"""

from __future__ import annotations

import asyncio
import io
import re
import wave
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from duologue.app.engines.engines import EnginePool
from duologue.app.models import VoicesView
from duologue.audio.pcm import RATE, Samples, to_int16
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.errors import ClosedError, InputError, InternalError
from duologue.ids import unique_id
from duologue.language.chain import LanguageChain
from duologue.precedence import Errand, Urgency, errand_of
from duologue.speech.chain import VoicingChain
from duologue.speech.engine import TextToSpeech
from duologue.speech.hearing_chain import HearingChain
from duologue.speech.speech_cache import CachedSpeech
from duologue.speech.voicing.voicing import Voicing

LINE = "Good to hear it, yes."
"""What a voice says that is warmed up."""
_KIN = re.compile(r"[^\W_]+")
"""How the voices of a language (``en-us``, ``en_US-joe``) or of a sort (``am_puck``) begin."""


class _Named(Protocol):
    @property
    def name(self) -> str: ...


E = TypeVar("E", bound=_Named)


class EngineRoom:
    """The engines of a pool, by kind and name. One thing is tried at a time. ``usual`` gives the house's own voice in
    an engine: lists begin with it and its kin, and one that tells no voices, as somebody else's server may not, is
    warmed up with it.
    """

    def __init__(self, pool: EnginePool, usual: Callable[[str], str], clock: Clock = SYSTEM_CLOCK) -> None:
        self._pool = pool
        self._usual = usual
        self._clock = clock
        self._busy = asyncio.Lock()

    @property
    def voices(self) -> tuple[VoicesView, ...]:
        """Those of each engine that speaks, in order of preference, the house's own first; none where it is not up."""
        _, voicing, _ = self._pool.chains
        if voicing is None:
            return ()
        warm = {each.name for each in voicing.health(self._clock.now()) if each.warm}
        return tuple(
            VoicesView(engine=each.name, voices=self._listed(each) if each.name in warm else ())
            for each in voicing.engines
        )

    async def say(self, name: str, voice: str, text: str) -> bytes:
        """``text`` in a ``voice`` of an engine, as a WAV file. Raises as :meth:`warm_up`, and as the engine."""
        engine = self._speaker(name)
        async with self._alone(name):
            if voice not in next((each.voices for each in self.voices if each.engine == name), ()):
                raise InputError(f"{name} has no voice {voice!r}", where="voice", remedy="Choose one of the list.")
            return await asyncio.to_thread(_file, await self._said(engine, voice, text))

    async def warm_up(self, kind: str, name: str) -> None:
        """Bring an engine up; one that speaks says a line, by which is known how quickly it does.

        Raises :class:`InputError` for one that is not there, :class:`ClosedError` while something else is tried.
        """
        chains = dict(zip(("llm", "tts", "stt"), self._pool.chains, strict=True))
        if kind not in chains:
            raise InputError(f"there is no kind {kind!r}", where="kind", remedy="Name llm, tts or stt.")
        chain = chains[kind]
        engine = _find(chain.engines if chain is not None else (), name)
        async with self._alone(name):
            match chain:
                case VoicingChain():
                    await chain.bring_up(_find(chain.engines, name))
                    speaker = self._speaker(name)
                    told = self._listed(speaker)
                    await self._said(speaker, told[0] if told else self._usual(name), LINE)
                case LanguageChain():
                    await chain.bring_up(_find(chain.engines, name))
                case HearingChain():
                    await chain.bring_up(_find(chain.engines, name))
                case None:
                    raise InternalError(f"{engine.name} is of no chain")

    def _listed(self, engine: TextToSpeech) -> tuple[str, ...]:
        told = engine.capabilities.voices
        if not told:
            return ()
        usual = self._usual(engine.name)
        kin = _kin(usual)
        return tuple(sorted(told, key=lambda voice: (not usual.startswith(voice), _kin(voice) != kin)))

    def _speaker(self, name: str) -> TextToSpeech:
        _, voicing, _ = self._pool.chains
        found = _find(voicing.engines if voicing is not None else (), name)
        return found.engine if isinstance(found, CachedSpeech) else found  # what it can is asked, not what was kept

    async def _said(self, engine: TextToSpeech, voice: str, text: str) -> Samples:
        voicing = Voicing(engine, self._clock)
        spoken = await voicing.voice(text, voice, speaker=voice, utterance_id=unique_id(self._clock.wall()))
        return spoken.utterance.samples

    @asynccontextmanager
    async def _alone(self, name: str) -> AsyncGenerator[None]:
        if self._busy.locked():
            raise ClosedError("another engine is being tried", where=name, remedy="Try again in a moment.")
        async with self._busy:
            with errand_of(Errand(Urgency.NEXT)):
                yield


def _kin(voice: str) -> str:
    found = _KIN.match(voice)
    return found.group() if found else ""


def _find(engines: Sequence[E], name: str) -> E:
    found = next((each for each in engines if each.name == name), None)
    if found is None:
        there = ", ".join(each.name for each in engines) or "none: no part that needs one is running"
        raise InputError(f"there is no engine {name!r}", where="engine", remedy=f"There are: {there}.")
    return found


def _file(samples: Samples) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as wav:
        wav.setparams((1, 2, RATE, 0, "NONE", ""))
        wav.writeframes(to_int16(samples).astype("<i2").tobytes())
    return made.getvalue()
