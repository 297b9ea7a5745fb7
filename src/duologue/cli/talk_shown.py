"""How a conversation looks on a terminal, and in a pipe: lines of who said what, and what each answer waited for."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live
from rich.text import Text

from duologue.app.talking.captions import Caption, CaptionKind, Captions
from duologue.cli.output import console
from duologue.clock import SECOND
from duologue.dialogue.turns.vocabulary import State
from duologue.telemetry.turns import FINAL_STATES, silence_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from duologue.app.talking.talking import Partner
    from duologue.dialogue.session.session import Observe
    from duologue.dialogue.turns.vocabulary import Effect, Event
    from duologue.store.values import Who
    from duologue.telemetry.ledger import TurnRecord

_MARGIN = " " * 16
_STAGES = {
    "endpointing": "end of turn",
    "transcript": "transcript",
    "floor": "floor",
    "first_token": "first token",
    "first_sentence": "first sentence",
    "voice": "voice",
    "sending": "sending",
    "playout": "playout",
}

_STANDING = {
    State.HEARING: "● hearing you",
    State.PAUSING: "● hearing you",
    State.SETTLING: "… thinking",
    State.THINKING: "… thinking",
    State.CLEARING: "… thinking",
    State.SPEAKING: "▶ speaking",
    State.DOUBTING: "▶ speaking",
    State.PAUSED: "‖ interrupted",
    State.JUDGING: "‖ interrupted",
    State.HELD: "‖ on hold",
}
"""What a person sees of the states; nobody's turn is ``listening``."""


class TranscriptPrinter:
    """Prints a spoken conversation as it happens. ``person`` and ``title`` are what the two are called; times count
    from where the conversation begins, as in its recording.
    """

    def __init__(self, person: str, title: str, write: Callable[[str], None] | None = None) -> None:
        self._names = {CaptionKind.ASKED: person, CaptionKind.SAID: title}
        self._began = 0
        self.write = write or _print
        """Prints a line."""
        self._captions = Captions()
        self._state: Callable[[], State] = lambda: State.QUIET
        self._reported: set[str] = set()
        self.voice_heard = False
        self.understood = 0
        """Turns of the person."""

    def begin(self, at: int) -> None:
        """The conversation begins at ``at`` (monotonic ns): engines are warm, and the person is listened to."""
        self._began = at

    def take(self, item: Event | Effect, now: int) -> None:
        """What the session's observer sees."""
        caption = self._captions.take(item)
        self.voice_heard |= self._captions.voice
        if caption is not None:
            self.understood += caption.kind is CaptionKind.ASKED
            self.write(self._line(caption, now))

    def record(self, record: TurnRecord) -> None:
        """A turn's record has changed: when it is over, say what its first word waited for."""
        if record.state in FINAL_STATES and record.id not in self._reported:
            self._reported.add(record.id)
            if stages := waits(record):
                self.write(f"{_MARGIN}{stages}")

    def follow(self, state: Callable[[], State]) -> None:
        """What :meth:`standing` asks for the session's state."""
        self._state = state

    def standing(self) -> str:
        """Where the conversation stands, in a line."""
        state = self._state()
        words = self._captions.hearing
        return f"{_STANDING.get(state, 'listening')}{f' · {words}' if words else ''}"

    def _line(self, caption: Caption, now: int) -> str:
        at = f"{(now - self._began) / SECOND:7.2f} s"
        match caption.kind:
            case CaptionKind.CUT:
                return f"{_MARGIN}interrupted; heard of it: {caption.text or 'nothing'}"
            case CaptionKind.TROUBLE | CaptionKind.NOTE:
                return f"{_MARGIN}{caption.text}"
            case kind:
                return f"{at} {self._names[kind]:>6} {caption.text}"


def both(first: Observe, second: Observe) -> Observe:
    """An observer that tells two."""

    def observe(item: Event | Effect, now: int) -> None:
        first(item, now)
        second(item, now)

    return observe


def who(person: str) -> Who | None:
    """Whoever gave their name; nobody else is remembered."""
    if not person:
        return None
    from duologue.store.values import Who

    return Who(person)


def say_if_forgotten(partner: Partner) -> None:
    """On standard error, where the store fails."""
    known = partner.acquaintance
    if known is not None and known.trouble:
        sys.stderr.write(f"This conversation will not be remembered: {known.trouble}\n")


@contextmanager
def standing_shown(transcript: TranscriptPrinter) -> Generator[None]:
    """On a terminal: a line at the bottom that says where the conversation stands, beside what is printed above it."""
    page = console()
    if not page.is_terminal:
        yield
        return

    def line() -> Text:
        return Text(transcript.standing(), style="dim", overflow="ellipsis", no_wrap=True)

    with Live(console=page, get_renderable=line, refresh_per_second=8, transient=True) as live:

        def write(text: str) -> None:
            live.console.print(text, markup=False)

        transcript.write = write
        yield


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
