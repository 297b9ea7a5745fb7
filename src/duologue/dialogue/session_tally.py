"""What a conversation's decisions came to: speculation, interruptions and failures, counted. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from duologue.dialogue.turns_vocabulary import Effect, Event, Note, Report, Stage


@dataclass(slots=True)
class Tally:
    """Give :meth:`take` to a session as its observer, or call it from one.

    ``saved_ms`` is what speculation saved: the time from the start of thinking to the final transcript. ``wasted_ms``
    was thought in vain. ``endings`` counts by what the ends of turns were decided, ``failures`` and ``stalls`` by
    stage.
    """

    notes: Counter[Note] = field(default_factory=Counter[Note])
    endings: Counter[str] = field(default_factory=Counter[str])
    failures: Counter[Stage] = field(default_factory=Counter[Stage])
    stalls: Counter[Stage] = field(default_factory=Counter[Stage])
    saved_ms: float = 0.0
    wasted_ms: float = 0.0

    @property
    def hits(self) -> int:
        """Speculations that were right."""
        return self.notes[Note.SPECULATION_HIT]

    @property
    def misses(self) -> int:
        """Speculations that were withdrawn."""
        return self.notes[Note.SPECULATION_MISS]

    def take(self, item: Event | Effect, now: int) -> None:
        """Count ``item`` if it is a report."""
        if not isinstance(item, Report):
            return
        self.notes[item.note] += 1
        match item.note:
            case Note.SPECULATION_HIT:
                self.saved_ms += item.ms
            case Note.SPECULATION_MISS:
                self.wasted_ms += item.ms
            case Note.TURN_ENDED:
                self.endings[item.why.partition(",")[0]] += 1
            case Note.FAILED if item.stage:
                self.failures[item.stage] += 1
            case Note.STALLED if item.stage:
                self.stalls[item.stage] += 1
            case _:
                pass
