"""What a conversation in writing has in the place of ears, voice and loudspeaker."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping

import numpy as np

from duologue.audio.pcm import RATE, Samples
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.dialogue.ports import PlayEnded, PlayEvent, PlayStarted, Voiced
from duologue.speech.hearing import Expected, HearingCapabilities, Transcript, VoicePresence
from duologue.speech.utterance import Utterance


class Deaf:
    """Ears and voice activity of a conversation that nobody listens to."""

    name = "none"
    capabilities = HearingCapabilities()

    async def warm_up(self) -> None:
        """There is nothing to load."""

    async def close(self) -> None:
        """There is nothing to release."""

    async def listen(
        self, sound: AsyncIterator[Samples], expected: Expected | None = None, voice: VoicePresence | None = None
    ) -> AsyncGenerator[Transcript, None]:
        """Hear nothing."""
        async for _ in sound:
            pass
        yield Transcript("", final=True)

    def open(self) -> int:
        """One stream for all."""
        return 0

    def step(self, frames: Mapping[int, Samples]) -> Mapping[int, float]:
        """No speech in any frame."""
        return dict.fromkeys(frames, 0.0)

    def forget(self, stream: int) -> None:
        """Nothing was kept."""


class WrittenVoice:
    """Fills :class:`~duologue.dialogue.ports.Voice` for a text that is read, not heard: one silent sample a word, so
    that what was played can be told in words.
    """

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        """The text as it is."""
        samples = np.zeros(max(1, len(text.split())), np.float32)
        return Voiced(Utterance(utterance_id, speaker, text, samples, RATE, engine="none"))


class PromptSink:
    """A sink that has played what it is given as soon as it is whole: see :class:`duologue.dialogue.ports.Sink`.

    ``take`` gets each utterance as it is played, in the order of the orders. There is never anything to hold.
    """

    def __init__(
        self, take: Callable[[Utterance], None], notify: Callable[[PlayEvent], None], clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._take = take
        self._notify = notify
        self._clock = clock
        self._waiting: dict[str, Utterance] = {}
        """What is open, and what comes after it, by id."""

    async def play(self, utterance: Utterance, gap_ms: int) -> None:
        """Take it as played, unless it is open, or follows one that is."""
        self._waiting[utterance.id] = utterance
        self._play_on()

    async def extend(self, utterance: Utterance) -> None:
        """Take it as played, if it is whole now. Of one that is over nothing more plays."""
        if utterance.id in self._waiting:
            self._waiting[utterance.id] = utterance
            self._play_on()

    async def withdraw(self, utterance_id: str) -> bool:
        """True of what waits; the rest has been played."""
        found = self._waiting.pop(utterance_id, None) is not None
        self._play_on()
        return found

    async def clear(self) -> None:
        """Forget what waits."""
        dropped, self._waiting = self._waiting, {}
        for utterance_id in dropped:
            self._notify(PlayEnded(utterance_id, self._clock.now(), 0))

    async def pause(self) -> None:
        """There is nothing to hold."""

    async def resume(self) -> None:
        """There is nothing to go on with."""

    def _play_on(self) -> None:
        while self._waiting and not (utterance := next(iter(self._waiting.values()))).open:
            del self._waiting[utterance.id]
            now = self._clock.now()
            self._take(utterance)
            self._notify(PlayStarted(utterance.id, now))
            self._notify(PlayEnded(utterance.id, now, len(utterance.samples)))
