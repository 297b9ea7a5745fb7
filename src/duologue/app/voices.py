"""The voices of a cast: text to an utterance, each character with its own voice in each engine that may speak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from duologue.app.cast import CastMember
from duologue.dialogue.ports import Voiced
from duologue.speech.chain import VoicingChain


class CastVoices:
    """Fills the director's :class:`~duologue.dialogue.ports.Voice` with a chain of speech engines."""

    def __init__(self, voicing: VoicingChain, cast: Sequence[CastMember]) -> None:
        self._voicing = voicing
        self._voices: Mapping[str, Mapping[str, str]] = {member.name: member.voices for member in cast}

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        """Voice ``text`` as ``speaker``, at the house's rate and loudness."""
        spoken = await self._voicing.voice(text, self._voices[speaker], speaker=speaker, utterance_id=utterance_id)
        return Voiced(spoken.utterance, spoken.first_audio)
