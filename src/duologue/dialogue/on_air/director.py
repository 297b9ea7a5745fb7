"""The automatic conversation on air: N turns alternating, the next one written and voiced while this one plays.

The decisions are :class:`duologue.dialogue.on_air.rundown.Rundown`'s, executed in
:mod:`duologue.dialogue.on_air.conversation`. The director knows
a floor to play on, a voice to speak with and a language model for each character, and nothing of what lies behind them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.dialogue.fillers import Fillers
from duologue.dialogue.on_air.conversation import Brief, ConversationOutcome, Crew, Interlude, OnAir
from duologue.dialogue.on_air.delivery import PaceState
from duologue.dialogue.on_air.voice_pace import Paces
from duologue.dialogue.on_air.writing import Changed, Limits, Writer
from duologue.dialogue.ports import PlayEvent, StageFloor, Voice
from duologue.dialogue.replies.replies import SentenceVoicing, VoiceLimits
from duologue.errors import InputError, InternalError
from duologue.language.engine import LanguageModel
from duologue.language.moderation import Moderator, Subject
from duologue.language.persona import Persona
from duologue.speech.utterance import Utterance
from duologue.telemetry.ledger import TurnRecord

__all__ = ["Brief", "ConversationOutcome", "Director", "Interlude", "Player"]


@dataclass(frozen=True, slots=True)
class Player:
    """A character of the cast: how it speaks and who thinks for it. The voice knows it by ``persona.name``."""

    persona: Persona
    model: LanguageModel


class Director:
    """Holds one conversation at a time on a floor.

    ``on_change`` gets a copy of a turn's record at every change, ``on_voiced`` each utterance before it is handed to
    the floor (its id is the record's id; a slow voice's turn has further parts, ``ID.1`` and so on), ``on_pace`` what
    people are to know of a voice that is slower than it wants to be. ``paces`` are kept from one conversation to the
    next. With ``patient`` (offline) the floor waits for the turns: no fillers, no
    deadlines.
    """

    def __init__(
        self,
        cast: Sequence[Player],
        voice: Voice,
        floor: StageFloor,
        moderator: Moderator,
        *,
        clock: Clock = SYSTEM_CLOCK,
        on_change: Changed = lambda record: None,
        on_voiced: Callable[[Utterance], None] = lambda utterance: None,
        on_pace: Callable[[PaceState], None] = lambda state: None,
        paces: Paces | None = None,
        patient: bool = False,
        limits: Limits | None = None,
    ) -> None:
        if not cast:
            raise InputError("a conversation needs a character", where="cast", remedy="Name at least one.")
        personas = {player.persona.name: player.persona for player in cast}
        models = {player.persona.name: player.model for player in cast}

        def changed(record: TurnRecord) -> None:
            on_change(replace(record))

        limits = limits or Limits()
        voicing = SentenceVoicing(voice, VoiceLimits(limits.voice_seconds, limits.tries))
        self._moderator = moderator
        self._crew = Crew(
            cast=personas,
            floor=floor,
            moderator=moderator,
            clock=clock,
            writer=Writer(models, voicing, moderator, clock, changed, limits),
            fillers=Fillers(voicing, tuple(personas.values())),
            changed=changed,
            on_voiced=on_voiced,
            on_pace=on_pace,
            paces=paces or Paces(),
            patient=patient,
        )
        self._on_air: OnAir | None = None

    @property
    def running(self) -> bool:
        """True while :meth:`run` holds a conversation."""
        return self._on_air is not None

    async def run(self, brief: Brief) -> ConversationOutcome:
        """Hold a conversation until its last turn has been played, or until :meth:`stop`.

        Raises :class:`InputError` for a topic that may not go on air, :class:`PeerError` when nothing can be voiced,
        and what the floor raises.
        """
        if self._on_air:
            raise InternalError("the director holds a conversation already", where=self._on_air.brief.id)
        self._on_air = on_air = OnAir(self._crew, brief)
        try:
            return await on_air.run()
        finally:
            self._on_air = None

    async def stop(self) -> None:
        """End the conversation now: nothing more is written or voiced, and the floor is silent. Idempotent."""
        if self._on_air:
            await self._on_air.stop()

    def notify(self, event: PlayEvent | Interlude) -> None:
        """Tell what the floor did, and when others speak on it. Events of a conversation that is over are ignored."""
        if self._on_air:
            self._on_air.put(event)

    async def say(self, author: str, text: str, to: str) -> str:
        """A person speaks to the character ``to`` (name or title); returns the id of the turn that will answer.

        Raises :class:`InputError`: nobody is on stage, no such character, a refused text or name, too many waiting.
        """
        speaker = self._find(to)
        name = await self._moderator.admit(author, Subject.NAME)
        words = await self._moderator.admit(text, Subject.CHAT)
        if self._on_air is None:
            raise InputError("no conversation is on air", where="chat", remedy="Start one first.")
        return self._on_air.ask(name, words, speaker)

    def _find(self, name: str) -> str:
        for persona in self._crew.cast.values():
            if name.strip().casefold() in (persona.name.casefold(), persona.title.casefold()):
                return persona.name
        known = ", ".join(self._crew.cast)
        raise InputError(f"there is no {name!r} on stage", where="chat", remedy=f"Say it to one of: {known}.")
