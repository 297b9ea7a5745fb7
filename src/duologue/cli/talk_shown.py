"""How a conversation looks on a terminal, and in a pipe: lines of who said what, and what each answer waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duologue.app.talking_captions import Caption, Captions, Kind
from duologue.cli.output import console
from duologue.clock import SECOND
from duologue.dialogue.session_record import SessionRecorder
from duologue.telemetry.turns import FINAL_STATES, silence_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from duologue.dialogue.turns_vocabulary import Effect, Event
    from duologue.language.persona import Persona
    from duologue.telemetry.ledger import TurnRecord

_MARGIN = " " * 16
_STAGES = {
    "endpointing": "end of turn",
    "transcript": "transcript",
    "floor": "floor",
    "first_token": "first token",
    "first_sentence": "first sentence",
    "voice": "voice",
    "playout": "playout",
}


class Transcript:
    """Prints a spoken conversation as it happens. ``person`` is what they are called; times count from ``began``
    (monotonic ns).
    """

    def __init__(self, person: str, persona: Persona, began: int, write: Callable[[str], None] | None = None) -> None:
        self._names = {Kind.ASKED: person, Kind.SAID: persona.title}
        self._recorder = SessionRecorder("talk", persona.name, person, self._record)
        self._began = began
        self._write = write or _print
        self._captions = Captions()
        self._reported: set[str] = set()
        self.voice_heard = False
        self.understood = 0
        """Turns of the person."""

    def take(self, item: Event | Effect, now: int) -> None:
        """What the session's observer sees."""
        caption = self._captions.take(item)
        self.voice_heard |= self._captions.voice
        if caption is not None:
            self.understood += caption.kind is Kind.ASKED
            self._write(self._line(caption, now))
        self._recorder.take(item, now)

    def _record(self, record: TurnRecord) -> None:
        """A turn's record has changed: when it is over, say what its first word waited for."""
        if record.state in FINAL_STATES and record.id not in self._reported:
            self._reported.add(record.id)
            if stages := waits(record):
                self._write(f"{_MARGIN}{stages}")

    def _line(self, caption: Caption, now: int) -> str:
        at = f"{(now - self._began) / SECOND:7.2f} s"
        match caption.kind:
            case Kind.CUT:
                return f"{_MARGIN}interrupted; heard of it: {caption.text or 'nothing'}"
            case Kind.TROUBLE:
                return f"{_MARGIN}{caption.text}"
            case kind:
                return f"{at} {self._names[kind]:>6} {caption.text}"


def waits(record: TurnRecord) -> str:
    """What lay between the person's last word and the answer's first, in words; empty where there was no such silence.

    Stages of less than half a millisecond are left out of the list, not of the sum.
    """
    found = silence_ms(record)
    listed = [f"{_STAGES[name]} {ms:.0f}" for name, ms in found.items() if ms >= 0.5]
    if not listed:
        return ""
    why = f" ({record.why})" if record.why else ""
    return f"last word to first sound{why}: {' + '.join(listed)} = {sum(found.values()):.0f} ms"


def _print(line: str) -> None:
    console().print(line, markup=False)
