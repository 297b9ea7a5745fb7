"""An operator's microphone on its way to a caller: one more voice on the sink of the call."""

from __future__ import annotations

from duologue.audio.live_voice import LiveVoice
from duologue.audio.pcm import RATE, Samples, silence
from duologue.audio.resample import StreamResampler
from duologue.clock import MILLISECOND
from duologue.dialogue.far_end.remote_sink import RemoteSink
from duologue.errors import PeerError
from duologue.speech.hearing import EAR_RATE
from duologue.speech.utterance import Utterance

OPERATOR = "operator"
"""What whoever took a call over is called in the context, in the ledger and in the recording."""
LONGEST = 5 * RATE
"""Samples of an utterance: far ends keep it whole while it grows."""
USUAL = RATE
"""From there on it ends where the voice pauses."""
OFF = 300 * MILLISECOND
"""Without sound for so long a microphone is off."""
PAUSED = 0.01
"""RMS of a pause (-40 dB below full scale)."""


class OperatorVoice:
    """Gives ``sink`` what :meth:`say` gets, as utterances that grow while they play; their ids begin with ``name``."""

    def __init__(self, name: str, sink: RemoteSink) -> None:
        self.live = LiveVoice(EAR_RATE)
        self.refused = 0
        """Utterances that the far end had no room for."""
        self._name = name
        self._sink = sink
        self._resampler = StreamResampler(EAR_RATE)
        self._newest = self._number = 0
        self._buffer = silence(0)
        self._length = 0
        self._id = ""

    def owns(self, utterance_id: str) -> bool:
        """Whether an utterance is of this voice."""
        return utterance_id.startswith(self._name)

    async def say(self, block: Samples, now: int) -> None:
        """The next block: 16 kHz mono, of any length."""
        self._newest = now
        block = self.live.take(block, now)
        if not len(block):
            return
        made = self._resampler.push(block)
        if self._length + len(made) > len(self._buffer):
            await self.pause()
        if self._id:
            self._add(made)
            await self._sink.extend(self._utterance(more=True))
        else:
            await self._begin(made)
        if self._length >= USUAL and float(made @ made) < PAUSED**2 * len(made):
            await self.pause()

    async def tick(self, now: int) -> None:
        """A microphone that gives nothing for a moment is off: nothing else that is said waits for it."""
        if now - self._newest >= OFF:
            await self.pause()

    async def pause(self) -> None:
        """What was said so far is an utterance of its own."""
        if self._id:
            ended, self._id = self._utterance(more=False), ""
            await self._sink.extend(ended)

    def ended(self, utterance_id: str) -> None:
        """The far end is done with an utterance: of one that was cleared nothing more is heard."""
        if utterance_id == self._id:
            self._id = ""

    async def _begin(self, made: Samples) -> None:
        self._number += 1
        self._id = f"{self._name}{self._number}"
        self._buffer, self._length = silence(max(LONGEST, len(made))), 0
        self._add(made)
        try:
            await self._sink.play(self._utterance(more=True), 0)
        except PeerError:  # it does not take its sound: this is not heard
            self.refused += 1
            self._id = ""

    def _add(self, made: Samples) -> None:
        self._buffer[self._length : self._length + len(made)] = made
        self._length += len(made)

    def _utterance(self, *, more: bool) -> Utterance:
        return Utterance(self._id, OPERATOR, "", self._buffer[: self._length], open=more)
