"""What a conversation's decisions came to: speculation, interruptions and failures, counted. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from duologue.dialogue.replies_text import Cut
from duologue.dialogue.turns_vocabulary import Effect, Event, Note, ReplyFinished, Report, Stage, ToolRan
from duologue.language.structured import Form


@dataclass(slots=True)
class Tally:
    """Give :meth:`take` to a session as its observer, or call it from one.

    ``saved_ms`` is what speculation saved: the time from the start of thinking to the final transcript. ``wasted_ms``
    was thought in vain. ``endings`` counts by what the ends of turns were decided, ``failures`` and ``stalls`` by
    stage, ``forms`` what structured replies turned out to be, ``cuts`` the caps that replies met, ``tools`` the calls
    and ``tool_failures`` those of them that failed, by name.
    """

    notes: Counter[Note] = field(default_factory=Counter[Note])
    endings: Counter[str] = field(default_factory=Counter[str])
    failures: Counter[Stage] = field(default_factory=Counter[Stage])
    stalls: Counter[Stage] = field(default_factory=Counter[Stage])
    forms: Counter[Form] = field(default_factory=Counter[Form])
    cuts: Counter[Cut] = field(default_factory=Counter[Cut])
    tools: Counter[str] = field(default_factory=Counter[str])
    tool_failures: Counter[str] = field(default_factory=Counter[str])
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
        """Count ``item`` if it is a report, the end of a reply or a tool's call."""
        match item:
            case Report():
                self._take_report(item)
            case ReplyFinished(form=form, cut=cut):
                self.forms.update([form] if form else ())
                self.cuts.update([cut] if cut else ())
            case ToolRan(outcome=outcome):
                self.tools[outcome.call.name] += 1
                self.tool_failures.update([outcome.call.name] if outcome.failure else ())
            case _:
                pass

    def _take_report(self, item: Report) -> None:
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
