"""An engine that speaks, how quickly it does, and how much it is asked to say."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.metering import NOTHING, UNMETERED, Amount, Meter, RequestOutcome, Service, metered
from duologue.paces import EnginePace, PieceWatch
from duologue.speech.engine import TextToSpeech
from duologue.speech.layer import SpeechLayer
from duologue.speech.speech_cache import CachedSpeech
from duologue.speech.utterance import SpeechChunk


class TimedSpeech(SpeechLayer):
    """Speaks as the engine does, keeps its :class:`~duologue.paces.EnginePace`, and has it
    counted. It stands behind the cache: what is read from there says nothing of the engine, and costs nothing.
    """

    def __init__(self, engine: TextToSpeech, clock: Clock = SYSTEM_CLOCK, meter: Meter = UNMETERED) -> None:
        super().__init__(engine)
        self.pace = EnginePace()
        self._clock = clock
        self._meter = meter

    async def warm_up(self) -> None:
        """Start the engine."""
        began = self._clock.now()
        await super().warm_up()
        self.pace.started(self._clock.now() - began)

    async def speak(self, text: str, voice: str) -> AsyncGenerator[SpeechChunk, None]:
        """See :class:`duologue.speech.engine.TextToSpeech`. Of its pace only what came to its end is counted. Raises
        :class:`~duologue.metering.SpentError` as well.
        """
        watch, first, samples = PieceWatch(self._clock), 0, 0
        call = self._meter.begin(Service.SPEAKS, self.name, Amount(characters=len(text)))

        def settle(outcome: RequestOutcome) -> tuple[Amount, bool]:
            if outcome is RequestOutcome.DONE and not samples:
                return NOTHING, False  # a text that holds nothing to say is not asked for
            return Amount(characters=len(text), seconds=samples / self.capabilities.rate), False

        async with aclosing(metered(call, self.engine.speak(text, voice), settle)) as stream:
            while True:
                try:
                    chunk = await watch.next(stream)
                except StopAsyncIteration:
                    break
                if not samples:
                    first = watch.took
                samples += len(chunk.samples)
                yield chunk
        if samples:
            self.pace.did(first, watch.took, len(text), samples / self.capabilities.rate)


def pace_of(engine: object) -> EnginePace | None:
    """What is known of how quick an engine is, of one behind a cache too; None: nobody keeps it."""
    behind = engine.engine if isinstance(engine, CachedSpeech) else engine
    return behind.pace if isinstance(behind, TimedSpeech) else None
