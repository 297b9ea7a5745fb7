"""The voices of a cast: text to an utterance, each character with its own voice, on one engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from duologue.app.cast import CastMember
from duologue.dialogue.ports import Voiced
from duologue.speech.voicing import Voicing


class CastVoices:
    """Fills the director's :class:`~duologue.dialogue.ports.Voice` with a speech engine."""

    def __init__(self, voicing: Voicing, cast: Sequence[CastMember]) -> None:
        self._voicing = voicing
        self._voices: Mapping[str, str] = {member.name: member.voice for member in cast}

    async def voice(self, text: str, speaker: str, utterance_id: str) -> Voiced:
        """Voice ``text`` as ``speaker``, at the house's rate and loudness."""
        spoken = await self._voicing.voice(text, self._voices[speaker], speaker=speaker, utterance_id=utterance_id)
        return Voiced(spoken.utterance, spoken.first_audio)
