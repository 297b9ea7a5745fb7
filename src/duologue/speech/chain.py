"""Voices with a stand-in: lines voiced by the first engine of a chain that can.

A line of the show is voiced whole before anybody hears it. So an engine that fails in the middle of one costs nothing
but time: the next speaks the line from its start, and no listener gets half a sentence, or one sentence in two voices.
Who talks with a person streams instead (:meth:`VoicingChain.stream`), and hands over until the first sound; a long
line goes to a slow engine clause by clause (:mod:`duologue.speech.prompt`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from duologue.chains import ChainPolicy, EngineChain, Listener
from duologue.clock import SECOND, SYSTEM_CLOCK, Clock
from duologue.errors import InputError
from duologue.speech.engine import SpeechOutlook, TextToSpeech
from duologue.speech.prompt import ClauseSpeech, PromptSpeech, expected, outlook
from duologue.speech.voicing.voicing import Spoken, Voicing
from duologue.streams import renewal


@dataclass(frozen=True, slots=True)
class SpeechLimits:
    """``stall`` is the longest wait between two pieces of a line (ns); the first sound has the policy's patience beyond
    what is to be expected of so long a line.
    """

    policy: ChainPolicy = field(default_factory=ChainPolicy)
    stall: int = 4 * SECOND


class VoicingChain(EngineChain[TextToSpeech]):
    """As :class:`~duologue.speech.voicing.voicing.Voicing`, on several engines.

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
        self._clock = clock
        super().__init__(engines, policy=chosen.policy, clock=clock, listener=listener, group=group)
        self._voicings: dict[str, Voicing] = {}
        for engine in engines:
            asked = PromptSpeech(engine, chosen.policy.patience, chosen.stall) if len(engines) > 1 else engine
            self._voicings[engine.name] = Voicing(asked, clock, streaming=ClauseSpeech(asked, engine))

    @property
    def names(self) -> tuple[str, ...]:
        """The engines' names, in order of preference."""
        return tuple(engine.name for engine in self._chain.engines)

    async def voice(
        self, text: str, voices: Mapping[str, str], *, speaker: str, utterance_id: str, expression: str = ""
    ) -> Spoken:
        """Voice ``text``; ``voices`` is the speaker's voice in each engine. Raises when every engine has failed."""
        anew = _handed_over()

        async def ask(engine: TextToSpeech) -> Spoken:
            anew()
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
        anew = _handed_over()

        def ask(engine: TextToSpeech) -> AsyncGenerator[Spoken, None]:
            anew()
            return self._voicings[engine.name].stream(
                text, self._voice_of(engine, voices, speaker), speaker=speaker, utterance_id=utterance_id,
                expression=expression,
            )  # fmt: skip

        def needs(engine: TextToSpeech) -> int:
            return round(outlook(engine, text).seconds * SECOND)

        async with aclosing(self._chain.stream(ask, needs=needs)) as spoken:
            async for _, each in spoken:
                yield each

    def outlook(self, text: str, *, streams: bool) -> SpeechOutlook:
        """What is to be expected of a line, whole or as it ``streams``: in as many pieces as the engine that is asked
        first wants, and as soon as the slowest gives something, for that may have to take over.
        """
        each = [
            outlook(engine, text) if streams else SpeechOutlook(expected(engine, len(text)))
            for engine in self._chain.order(self._clock.now())
        ]
        return SpeechOutlook(max(one.seconds for one in each), each[0].pieces)

    def _voice_of(self, engine: TextToSpeech, voices: Mapping[str, str], speaker: str) -> str:
        voice = voices.get(engine.name)
        if voice is None:
            raise InputError(
                f"{speaker!r} has no voice for the engine {engine.name!r}", where=f"voice.{engine.name}",
                remedy=f'Add {engine.name} = "…" under [voice] of the character.',
            )  # fmt: skip
        return voice


def _handed_over() -> Callable[[], None]:
    """To be called as each engine is asked: who takes over is not late with what the one before it took."""
    asked = False

    def ask() -> None:
        nonlocal asked
        if asked:
            renewal()()
        asked = True

    return ask
