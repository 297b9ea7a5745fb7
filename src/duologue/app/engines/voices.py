"""The voices of a cast: text to an utterance, each character with its own voice in each engine that may speak."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from duologue.app.show.cast import CastMember
from duologue.dialogue.ports import Voiced
from duologue.speech.chain import VoicingChain
from duologue.speech.engine import SpeechOutlook
from duologue.speech.utterance import Utterance
from duologue.speech.voicing.voicing import Spoken


class CastVoices:
    """Fills :class:`~duologue.dialogue.ports.Voice` with a chain of speech engines. With ``streams`` a line is there as
    soon as it begins, at the loudness learnt of its voice; without when it is whole, at its exact loudness.
    """

    def __init__(self, voicing: VoicingChain, cast: Sequence[CastMember], *, streams: bool = False) -> None:
        self._voicing = voicing
        self._streams = streams
        self._voices: Mapping[str, Mapping[str, str]] = {member.name: member.voices for member in cast}

    def outlook(self, text: str) -> SpeechOutlook:
        """What is to be expected of a line (:class:`~duologue.dialogue.ports.PacedVoice`)."""
        return self._voicing.outlook(text, streams=self._streams)

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        """Voice ``text`` as ``speaker``, at the house's rate and loudness."""
        if self._streams:
            return await self._begin(text, speaker, utterance_id)
        spoken = await self._voicing.voice(text, self._voices[speaker], speaker=speaker, utterance_id=utterance_id)
        return Voiced(spoken.utterance, spoken.first_audio)

    async def _begin(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        spoken = self._voicing.stream(text, self._voices[speaker], speaker=speaker, utterance_id=utterance_id)
        times: list[int] = []
        growths = _growing(spoken, times)
        first = await anext(growths)
        if first.open:
            return Voiced(first, times[0], growths)
        await growths.aclose()
        return Voiced(first, times[0])


async def _growing(growths: AsyncGenerator[Spoken, None], times: list[int]) -> AsyncGenerator[Utterance, None]:
    """The utterances; ``times`` gets when their first sound came."""
    async with aclosing(growths) as each:
        async for spoken in each:
            times.append(spoken.first_audio)
            yield spoken.utterance
