"""What a front end shows of a conversation: lines of what was asked and said, and where it stands. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from duologue.dialogue.turns.vocabulary import (
    Adopt,
    Annotate,
    Commit,
    DropStretch,
    Effect,
    Event,
    HandedOver,
    Note,
    ReplyFinished,
    Report,
    Sounds,
    SpeechStarted,
    SpeechStopped,
    State,
    Think,
    TurnKept,
    Understood,
)
from duologue.language.structured import NOTES, ReplyForm

STANDING: Mapping[State, str] = {
    State.QUIET: "quiet", State.HEARING: "listening", State.PAUSING: "listening", State.SETTLING: "thinking",
    State.CLEARING: "thinking", State.THINKING: "thinking", State.SPEAKING: "speaking", State.DOUBTING: "speaking",
    State.PAUSED: "listening", State.JUDGING: "listening", State.CLOSED: "quiet",
}  # fmt: skip
"""Where a conversation stands, as the Talk protocol has it; on hold it is quiet."""


class CaptionKind(StrEnum):
    """What a caption tells."""

    ASKED = "asked"
    """The person's turn, as it was understood."""
    SAID = "said"
    """A sentence of the character, as it begins to sound."""
    CUT = "cut"
    """The person took the floor; ``text`` is what was heard of the reply."""
    NOTE = "note"
    """What goes with a reply and is never spoken: a correction, a translation, a hint."""
    TROUBLE = "trouble"
    """An engine failed or was late, or (once) writes no notes although they were asked for."""


@dataclass(frozen=True, slots=True)
class Caption:
    """One line."""

    kind: CaptionKind
    text: str


class Captions:
    """Give it what a session's observer sees. :attr:`hearing` is what is being understood, :attr:`voice` whether the
    person's voice is on.
    """

    def __init__(self) -> None:
        self.voice = False
        self._parts: dict[int, str] = {}
        self._told_of_form = False

    @property
    def hearing(self) -> str:
        """The person's words so far, of a turn that is not over yet."""
        return " ".join(filter(None, self._parts.values()))

    def take(self, item: Event | Effect) -> Caption | None:
        """The line that comes of it, if one does."""
        match item:
            case SpeechStarted() | SpeechStopped():
                self.voice = isinstance(item, SpeechStarted)
            case Understood(stretch, text):
                self._parts[stretch] = text
            case DropStretch(stretch):
                self._parts.pop(stretch, None)
            case TurnKept():
                self._parts.clear()
            case Think(person=person, speculative=False) | Adopt(person=person):
                self._parts.clear()
                return Caption(CaptionKind.ASKED, person) if person else None
            case _:
                return self._take_saying(item)
        return None

    def _take_saying(self, item: Event | Effect) -> Caption | None:
        match item:
            case Sounds(utterance=utterance):
                return Caption(CaptionKind.SAID, utterance.text)
            case Commit(heard=heard, interrupted=True):
                return Caption(CaptionKind.CUT, heard)
            case Annotate(_, chunk):
                notes = [f"{name}: {note}" for name in NOTES if (note := getattr(chunk, name))]
                return Caption(CaptionKind.NOTE, " · ".join(notes)) if notes else None
            case HandedOver(stage, what):
                return Caption(CaptionKind.TROUBLE, f"{stage}: {what}")
            case ReplyFinished(form=ReplyForm.PLAIN | ReplyForm.MALFORMED) if not self._told_of_form:
                self._told_of_form = True
                return Caption(CaptionKind.TROUBLE, "no notes: the engine that thinks answers in plain text")
            case Report(Note.FAILED | Note.STALLED):
                return Caption(CaptionKind.TROUBLE, trouble(item))
            case _:
                pass
        return None


def trouble(report: Report) -> str:
    """A failed engine or a late stage, in words."""
    late = f" is late ({report.ms / 1000:.1f} s)" if report.note is Note.STALLED else ""
    return f"{report.stage}{late}: {report.why}"
