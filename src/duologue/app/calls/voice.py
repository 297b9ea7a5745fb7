"""Lines that are said word for word on every call, voiced beforehand: a greeting is heard when the call is answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.dialogue.fillers import Stock
from duologue.dialogue.ports import Voice, Voiced, outlook_of
from duologue.errors import PeerError
from duologue.speech.engine import SpeechOutlook
from duologue.speech.utterance import Utterance
from duologue.telemetry.log import get_logger

_log = get_logger("duologue.line")


class VoicedLines:
    """What was voiced, by who says it and in which words; for all calls of a line."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self.stock = Stock()
        """Apologies and fillers, as conversations keep them."""
        self._clock = clock
        self._kept: dict[tuple[str, str], Utterance] = {}

    async def prepare(self, voice: Voice, speaker: str, texts: Iterable[str]) -> None:
        """Voice ``texts`` whole, but for those that are there. What fails is voiced when it is said."""
        for number, text in enumerate(texts):
            if (speaker, text) in self._kept:
                continue
            try:
                voiced = await voice.voice(text, speaker, f"line-{speaker}-{number}")
                whole = voiced.utterance
                if voiced.more is not None:
                    async for grown in voiced.more:
                        whole = grown
            except PeerError as error:
                _log.warning("a line of every call could not be voiced", text=text, cause=str(error))
                continue
            self._kept[speaker, text] = whole

    def around(self, voice: Voice) -> Voice:
        """``voice``, which is not asked for what is kept."""
        return _Prepared(voice, self._kept, self._clock)


class _Prepared:
    def __init__(self, voice: Voice, kept: dict[tuple[str, str], Utterance], clock: Clock) -> None:
        self._voice = voice
        self._kept = kept
        self._clock = clock

    def outlook(self, text: str) -> SpeechOutlook:
        return outlook_of(self._voice, text)

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        known = self._kept.get((speaker, text))
        if known is None:
            return await self._voice.voice(text, speaker, utterance_id)
        return Voiced(replace(known, id=utterance_id), self._clock.now())
