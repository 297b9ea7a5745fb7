"""Voices with a stand-in: lines voiced by the first engine of a chain that can.

A line of the show is voiced whole before anybody hears it. So an engine that fails in the middle of one costs nothing
but time: the next speaks the line from its start, and no listener gets half a sentence, or one sentence in two voices.
Who talks with a person streams instead (:meth:`VoicingChain.stream`), and hands over until the first sound.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from duologue.chains import Chain, ChainPolicy, EngineHealth, Listener, fewest
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import InputError, PeerError
from duologue.speech.engine import SpeechCapabilities, TextToSpeech
from duologue.speech.utterance import SpeechChunk
from duologue.speech.voicing import Spoken, Voicing
from duologue.streams import limited


@dataclass(frozen=True, slots=True)
class SpeechLimits:
    """``stall`` is the longest wait between two pieces of a line (ns); the first sound has the policy's patience."""

    policy: ChainPolicy = field(default_factory=ChainPolicy)
    stall: int = 4 * SECOND


class VoicingChain:
    """As :class:`~duologue.speech.voicing.Voicing`, on several engines, which it owns.

    The limits hold only where there is somebody to hand over to: an engine alone keeps its own.
    """

    def __init__(
        self,
        engines: Sequence[TextToSpeech],
        *,
        limits: SpeechLimits | None = None,
        clock: Clock = SYSTEM_CLOCK,
        listener: Listener | None = None,
        group: asyncio.TaskGroup | None = None,
    ) -> None:
        chosen = limits or SpeechLimits()
        self._chain = Chain(engines, _start, policy=chosen.policy, clock=clock, listener=listener, group=group)
        alone = len(engines) == 1
        self._voicings = {
            engine.name: Voicing(engine if alone else _Prompt(engine, chosen), clock) for engine in engines
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The engines' names, in order of preference."""
        return tuple(engine.name for engine in self._chain.engines)

    @property
    def engines(self) -> tuple[TextToSpeech, ...]:
        """In order of preference."""
        return self._chain.engines

    @property
    def at_once(self) -> int | None:
        """How many conversations each that came up carries at once; None: no limit is known."""
        return fewest(engine.capabilities.at_once for engine in self._chain.ready)

    def health(self, now: int) -> tuple[EngineHealth, ...]:
        """Of each engine, at ``now`` (monotonic ns)."""
        return self._chain.health(now)

    async def warm_up(self) -> None:
        """Start every engine (see :meth:`Chain.warm_up`); raises what the first one raised when none comes up."""
        await self._chain.warm_up()

    async def close(self) -> None:
        """Close every engine. Idempotent."""
        await self._chain.close()
        for engine in self._chain.engines:
            await engine.close()

    async def voice(
        self, text: str, voices: Mapping[str, str], *, speaker: str, utterance_id: str, expression: str = ""
    ) -> Spoken:
        """Voice ``text``; ``voices`` is the speaker's voice in each engine. Raises when every engine has failed."""

        async def ask(engine: TextToSpeech) -> Spoken:
            voice = self._voice_of(engine, voices, speaker)
            return await self._voicings[engine.name].voice(
                text, voice, speaker=speaker, utterance_id=utterance_id, expression=expression
            )

        return await self._chain.call(ask)

    async def stream(
        self, text: str, voices: Mapping[str, str], *, speaker: str, utterance_id: str, expression: str = ""
    ) -> AsyncGenerator[Spoken, None]:
        """The same as it comes (:meth:`Voicing.stream`): an engine that fails before its first sound hands over, one
        that fails after it is heard no more in this line.
        """

        def ask(engine: TextToSpeech) -> AsyncGenerator[Spoken, None]:
            return self._voicings[engine.name].stream(
                text, self._voice_of(engine, voices, speaker), speaker=speaker, utterance_id=utterance_id,
                expression=expression,
            )  # fmt: skip

        async with aclosing(self._chain.stream(ask)) as spoken:
            async for _, each in spoken:
                yield each

    def _voice_of(self, engine: TextToSpeech, voices: Mapping[str, str], speaker: str) -> str:
        voice = voices.get(engine.name)
        if voice is None:
            raise InputError(
                f"{speaker!r} has no voice for the engine {engine.name!r}", where=f"voice.{engine.name}",
                remedy=f'Add {engine.name} = "…" under [voice] of the character.',
            )  # fmt: skip
        return voice


class _Prompt:
    """An engine that must give its first sound, and then each next piece, in time."""

    def __init__(self, engine: TextToSpeech, limits: SpeechLimits) -> None:
        self._engine = engine
        self._limits = limits

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def capabilities(self) -> SpeechCapabilities:
        return self._engine.capabilities

    async def warm_up(self) -> None:
        await self._engine.warm_up()

    async def close(self) -> None:
        await self._engine.close()

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        sounding = False
        async with aclosing(self._engine.speak(text, voice)) as stream:
            while True:
                limit = (self._limits.stall if sounding else self._limits.policy.patience) / SECOND
                try:
                    async with limited(limit):
                        chunk = await anext(stream)
                except StopAsyncIteration:
                    return
                except TimeoutError as error:
                    what = "no more sound" if sounding else "no sound"
                    raise PeerError(f"{self.name} gave {what} within {limit:g} s", where=f"voice {voice}") from error
                sounding = sounding or len(chunk.samples) > 0
                yield chunk


async def _start(engine: TextToSpeech) -> None:
    await engine.warm_up()
