"""What the parts of a house share, and whom conversations tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from duologue.app.admission import Admission
from duologue.app.engines.engines import EnginePool
from duologue.clock import SYSTEM_CLOCK, Clock
from duologue.telemetry.stream import Ledger

if TYPE_CHECKING:
    from duologue.app.models import TalkTurnView, TalkView
    from duologue.app.people.remembering import Remembering
    from duologue.dialogue.turns.vocabulary import Effect, Event


@dataclass(frozen=True, slots=True)
class Shared:
    """Warm engines, places for who uses them, one ledger, one clock, and what is kept of people (None: nothing)."""

    engines: EnginePool
    admission: Admission
    ledger: Ledger
    clock: Clock = SYSTEM_CLOCK
    remembering: Remembering | None = None


def _nobody(*told: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class TalkListener:
    """Who is told of conversations, on the event loop: that one began or ended, a turn of one by its id, and all that
    happens in those of a character.
    """

    talk: Callable[[TalkView], None] = _nobody
    turn: Callable[[str, TalkTurnView], None] = _nobody
    moved: Callable[[str, Event | Effect], None] = _nobody


UNHEARD = TalkListener()
"""Nobody is told."""
